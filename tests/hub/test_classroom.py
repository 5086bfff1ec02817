"""A class on one server: it is private, and nothing that breaks takes anybody's work along."""

import json
import re
import subprocess
from contextlib import suppress
from pathlib import Path

import exchange
import psutil
import pytest
from classroom import DEPLOY, Kernel, Student, processes_of, wait_for
from grade import grade
from languages import EXERCISES

CHAPTER = "my-notebooks/2.5.1-a-simple-example.ipynb"
MINE = "my-notebooks/mine.txt"


@pytest.fixture(scope="module", autouse=True)
def idle(classroom):
    """A student whose server may be idle for a second; it looks at the clock once a minute."""
    (student,) = classroom.enrol("dan")
    settings = "mkdir .jupyter && echo 'c.ServerApp.shutdown_no_activity_timeout = 1'"
    student.shell(f"{settings} > .jupyter/jupyter_server_config.py")
    student.log_in()
    return student


@pytest.fixture(scope="module")
def amy(classroom):
    (student,) = classroom.enrol("amy")
    student.log_in()
    return student


@pytest.fixture(scope="module")
def ben(classroom):
    (student,) = classroom.enrol("ben")
    student.log_in()
    return student


def write(student, path, text):
    body = {"type": "file", "format": "text", "content": text}
    return student.ask("PUT", f"api/contents/{path}", body)


def test_nobody_comes_in_with_a_wrong_password(classroom, amy):
    stranger = Student(classroom, amy.name, "not-" + amy.password)
    with pytest.raises(PermissionError):
        stranger.log_in()


def test_a_user_of_the_machine_who_is_no_student_does_not_come_in(classroom, amy):
    (guest,) = classroom.enrol("guest")
    subprocess.run(["gpasswd", "--delete", guest.name, "students"], check=True)
    with pytest.raises(PermissionError):
        guest.log_in()


def test_students_with_a_name_that_is_taken_are_left_alone(tmp_path):
    before = Path("/etc/shadow").read_text()
    (tmp_path / "names").write_text("root\n")
    said = subprocess.run(
        [DEPLOY / "students", tmp_path / "names"], capture_output=True, text=True, check=True
    )
    assert (said.stdout, Path("/etc/shadow").read_text()) == ("", before)
    assert said.stderr == "root is a user of this machine already and was left alone.\n"


@pytest.mark.parametrize(
    ("asked", "page"),
    [("zh-TW,zh;q=0.9,en;q=0.8", "zh-TW/index.ipynb"), ("de-CH,en;q=0.5", "index.ipynb")],
)
def test_a_student_finds_a_copy_of_the_notebooks_in_the_browsers_language(classroom, asked, page):
    (student,) = classroom.enrol(asked[:2])
    assert student.log_in(asked) == f"lab/tree/my-notebooks/{page}"
    assert all(not cell["outputs"] for cell in student.cells(f"my-notebooks/{page}"))


def test_nothing_of_a_student_can_be_read_by_another(amy, ben):
    assert write(amy, MINE, "secret").ok
    for path in (amy.home, amy.home / MINE, amy.runtime):
        assert "Permission denied" in ben.shell(f"ls {path}/ || cat {path}").stderr
    assert (amy.home.stat().st_mode & 0o777, amy.runtime.stat().st_mode & 0o777) == (0o700, 0o700)


def test_a_student_does_not_get_into_the_server_of_another(amy, ben):
    assert amy.ask("GET", "api/contents").status_code == 200
    assert ben.ask("GET", "api/contents", of=amy).status_code == 403
    assert ben.ask("DELETE", f"api/contents/{MINE}", of=amy).status_code == 403


def test_a_student_cannot_listen_to_the_kernel_of_another(amy, ben):
    kernel = amy.open_kernel(CHAPTER)
    connection = json.loads((amy.runtime / f"kernel-{kernel.ident}.json").read_text())
    assert connection["transport"] == "ipc"
    heard = ben.shell(LISTEN.format(path=connection["ip"]))
    assert "Permission denied" in heard.stderr
    # What it has open over TCP is none of the five channels on which a kernel talks.
    (process,) = [
        each for each in processes_of(amy.name) if kernel.ident in " ".join(each.cmdline())
    ]
    ports = {each.laddr.port for each in process.net_connections("tcp") if each.status == "LISTEN"}
    assert not ports & {connection[f"{each}_port"] for each in CHANNELS}


CHANNELS = ("shell", "iopub", "stdin", "control", "hb")
LISTEN = """/usr/bin/python3 -c "
import socket
for number in range(1, 6):
    socket.socket(socket.AF_UNIX).connect('{path}-' + str(number))
" """


def test_each_server_has_a_port_that_the_system_gives_to_nobody(amy, ben):
    def port(student):
        (server,) = [
            each for each in processes_of(student.name) if "singleuser" in str(each.cmdline())
        ]
        (place,) = [each.laddr for each in server.net_connections("tcp") if each.status == "LISTEN"]
        return place.port

    given = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    assert port(amy) != port(ben)
    assert max(port(amy), port(ben)) < int(given[0])


def test_solutions_are_not_where_students_can_read(classroom, ben):
    found = ben.shell(f"grep -rl 'BEGIN SOLUTION' {classroom.place}/tutorial/notebooks")
    assert not (classroom.place / "tutorial" / "exercises").exists()
    assert found.stdout == ""
    assert (classroom.place / "hub").stat().st_mode & 0o077 == 0


def test_a_kernel_that_takes_too_much_memory_gets_an_error_and_lives_on(amy):
    kernel = amy.open_kernel(CHAPTER)
    assert kernel.run("a = 1; import torch") == ("", None)
    _, error = kernel.run("torch.ones(10**9)")
    assert "allocate" in error
    assert kernel.run("print(a)") == ("1\n", None)


@pytest.fixture(scope="module")
def handed_out(classroom):
    """Students can fetch two assignments."""
    exchange.release(["2.5.1", "2.5.2.zh-TW"], classroom.place / "exchange")
    return classroom.place / "exchange"


def solve(student):
    """Put the teacher's answers into the student's own notebook."""
    (student.home / "2.5.1" / "2.5.1.ipynb").write_bytes(
        (EXERCISES["en"] / "2.5.1.ipynb").read_bytes()
    )


def inbox(handed_out, student):
    return [
        each
        for each in (handed_out / "autodiff" / "inbound").iterdir()
        if each.stat().st_uid == student.user.pw_uid
    ]


def test_the_last_that_a_student_submitted_is_collected_and_graded(handed_out, amy, tmp_path):
    amy.act("fetch", "2.5.1")
    amy.act("submit", "2.5.1")
    solve(amy)
    amy.act("submit", "2.5.1")
    said = exchange.collect(handed_out, tmp_path / "submitted")
    assert said == [f"{amy.name} submitted 2.5.1."]
    (row,) = grade(tmp_path / "submitted", tmp_path / "graded")
    assert (row["student"], row["points"]) == (amy.name, row["of"])


def test_what_others_submit_can_not_be_seen_taken_away_or_replaced(handed_out, amy, ben):
    ben.act("fetch", "2.5.2.zh-TW")
    ben.act("submit", "2.5.2.zh-TW")
    (place,) = inbox(handed_out, ben)
    for attempt in (
        f"ls {place.parent}",
        # Even who guessed the random part of the name cannot take it away.
        f"mv '{place}' '{place}-away'",
        f"mv {handed_out}/autodiff {handed_out}/away",
        f"touch {handed_out}/autodiff/outbound/2.5.1/2.5.1.ipynb",
    ):
        assert re.search("Permission denied|not permitted", amy.shell(attempt).stderr), attempt


def test_nobody_submits_in_the_name_of_another_or_what_he_may_not_read(
    handed_out, amy, ben, tmp_path, capsys
):
    inbound = handed_out / "autodiff" / "inbound"
    forged = f"{inbound}/{amy.name}+2.5.1+2099-01-01 00:00:00 UTC+x"
    link = f"{inbound}/{ben.name}+2.5.1+2099-01-01 00:00:00 UTC+y"
    made = ben.shell(
        f"mkdir '{forged}' '{link}' && echo forged > '{forged}/2.5.1.ipynb'"
        f" && ln -s {amy.home}/2.5.1/2.5.1.ipynb '{link}/2.5.1.ipynb'"
    )
    assert made.returncode == 0, made.stderr
    said = exchange.collect(handed_out, tmp_path / "submitted")
    assert f"{ben.name} submitted no notebook that can be read as 2.5.1." in said
    assert (
        f"Left out: {Path(forged).name} does not come from {amy.name}." in capsys.readouterr().out
    )
    collected = sorted(tmp_path.rglob("*.ipynb"))
    assert not [path for path in collected if "forged" in path.read_text()]
    assert not (tmp_path / "submitted" / ben.name / "2.5.1.ipynb").exists()


def test_a_hub_that_is_killed_takes_nothing_along(classroom, amy):
    kernel = amy.open_kernel(CHAPTER)
    kernel.run("a = 2.5")
    running = {each.pid for each in processes_of(amy.name)}
    classroom.kill()
    # Without the hub, who is in goes on.
    assert kernel.run("print(a)") == ("2.5\n", None)
    classroom.start()
    assert running <= {each.pid for each in processes_of(amy.name)}
    assert Kernel(amy, kernel.ident).run("print(a)") == ("2.5\n", None)
    assert write(amy, MINE, "after").ok


def test_a_server_that_is_killed_comes_back_with_the_students_work(classroom, amy):
    write(amy, MINE, "before")
    for process in list(processes_of(amy.name)):
        with suppress(psutil.NoSuchProcess):
            process.kill()
    amy.log_in()
    assert amy.ask("GET", f"api/contents/{MINE}").json()["content"] == "before"


@pytest.fixture
def small(classroom):
    """A student with a home of four megabytes."""
    (student,) = classroom.enrol("eva")
    options = f"size=4M,mode=700,uid={student.user.pw_uid},gid={student.user.pw_gid}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", student.home], check=True)
    yield student
    for process in list(processes_of(student.name)):
        process.kill()
    subprocess.run(["umount", "--lazy", student.home], check=True)
    student.leave()


def test_a_full_home_gets_one_clear_message_and_room_can_be_made(small):
    fill = "cat /dev/zero > filling"
    small.shell(fill)
    with pytest.raises(RuntimeError, match="There is no room left in your home: ask your teacher"):
        small.log_in()
    small.shell("rm filling")
    small.log_in()
    write(small, MINE, "before")
    small.shell(fill)
    answer = write(small, MINE, "after " * 10000)
    assert answer.json()["message"].startswith("There is no room left in your home, so this was")
    assert small.ask("GET", f"api/contents/{MINE}").json()["content"] == "before"
    # Also who comes back to a home that is full can make room.
    for process in list(processes_of(small.name)):
        process.kill()
    small.log_in()
    assert small.ask("DELETE", "api/contents/filling").status_code == 204
    assert write(small, MINE, "after").ok


@pytest.mark.parametrize("login", sorted((DEPLOY / "logins").iterdir()), ids=lambda path: path.stem)
def test_the_examples_of_other_logins_are_settings_that_jupyterhub_knows(classroom, login):
    """In the hub's own environment: every name in the file is one of the class that it names."""
    done = subprocess.run(
        [classroom.place / "venv" / "bin" / "python", "-c", KNOWN, login],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


KNOWN = """
import sys
from jupyterhub.app import JupyterHub
hub = JupyterHub()
hub.load_config_file(sys.argv[1])
known = {each.__name__: each for each in hub.authenticator_class.mro()}
for section, settings in hub.config.items():
    if section != "JupyterHub":
        assert set(settings) <= set(known[section].class_trait_names(config=True)), section
hub.authenticator_class(config=hub.config)
"""


def test_an_idle_server_gives_its_memory_back(idle):
    wait_for(lambda: not list(processes_of(idle.name)), 150)
