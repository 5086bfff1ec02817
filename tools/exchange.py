"""Hand assignments out on a JupyterHub, and collect what students submit there.

``python tools/exchange.py release 2.5.1 mixed.zh-TW`` and ``python tools/exchange.py collect``, on
the server and as root: see ``deploy/classroom/README.md``.
"""

import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from grading.collect import MOST_BYTES
from grading.course import NAME, Course, sources
from hand_out import CLASS
from languages import ROOT

EXCHANGE = Path(os.environ.get("CLASSROOM", "/opt/autodiff-tutorial"), "exchange")


def release(names: list[str], exchange: Path) -> None:
    """Let students fetch these assignments."""
    for name in names:
        if name not in sources():
            known = ", ".join(sources())
            raise SystemExit(f"There is no assignment {name}; there are {known}.")
    with tempfile.TemporaryDirectory() as folder:
        course = Course(Path(folder))
        for name in names:
            course.release(name)
            course.hand_out(name, exchange)


def collect(exchange: Path, into: Path) -> list[str]:
    """Bring the last that each student submitted into a folder for each; say in sentences what."""
    shutil.rmtree(into, ignore_errors=True)
    latest = {}
    for student, assignment, place in submitted(exchange / NAME / "inbound"):
        latest[student, assignment] = place
    done = []
    for (student, assignment), place in sorted(latest.items()):
        notebook = read_as(student, place / f"{assignment}.ipynb")
        if notebook is None:
            done.append(f"{student} submitted no notebook that can be read as {assignment}.")
            continue
        target = into / student / f"{assignment}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(notebook)
        done.append(f"{student} submitted {assignment}.")
    return done


def submitted(inbound: Path) -> Iterator[tuple[str, str, Path]]:
    """Each submission, the oldest first: whose it is, of which assignment, and where."""
    users = {user.pw_name: user.pw_uid for user in pwd.getpwall()}
    named = [(place, place.name.split("+")) for place in inbound.iterdir()]
    for place, (student, assignment, *_) in sorted(
        [(place, parts) for place, parts in named if len(parts) == 4], key=lambda each: each[1][2]
    ):
        details = place.lstat()
        if not stat.S_ISDIR(details.st_mode) or assignment not in sources():
            continue
        # nbgrader believes the name, and anybody can choose a name.
        if details.st_uid == users.get(student):
            yield student, assignment, place
        else:
            print(f"Left out: {place.name} does not come from {student}.")


def read_as(student: str, path: Path) -> bytes | None:
    """A file, with the student's own rights: a link to another's shows nothing."""
    user = pwd.getpwnam(student)
    try:
        done = subprocess.run(
            ["head", f"--bytes={MOST_BYTES + 1}", path],
            user=user.pw_uid,
            group=user.pw_gid,
            extra_groups=[],
            capture_output=True,
            timeout=10,
            check=True,
        )
    except subprocess.SubprocessError:
        return None
    return done.stdout


def main(what: str = "", *names: str) -> None:
    """Release or collect, and say what was done."""
    if what == "release" and names:
        release(list(names), EXCHANGE)
        print(f"Students can fetch {', '.join(names)} now.")
    elif what == "collect" and not names:
        for sentence in collect(EXCHANGE, CLASS / "submitted"):
            print(sentence)
        print(f"Now: make grade SUBMISSIONS={(CLASS / 'submitted').relative_to(ROOT)}")
    else:
        raise SystemExit("Say release with the names of assignments, or collect.")


if __name__ == "__main__":
    main(*sys.argv[1:])
