"""Many classes on Kubernetes: the values fit the image, the memory is enough, the table adds up."""

import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from languages import NOTEBOOKS

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
README = (FOLDER / "README.md").read_text(encoding="utf-8")
VALUES = yaml.safe_load((FOLDER / "values.yaml").read_text(encoding="utf-8"))
STUDENT = VALUES["singleuser"]

NODES = runpy.run_path(FOLDER / "nodes.py")
Machine, Share, seats = NODES["Machine"], NODES["Share"], NODES["seats"]


def option(name):
    """What the command that makes the image gives to one of its options."""
    return re.search(rf'--{name} ("[^"]+"|\S+)', README)[1].strip('"')


def test_the_image_is_the_one_that_is_built_from_this_version():
    image = STUDENT["image"]
    assert option("image-name") == f"{image['name']}:{image['tag']}"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert image["tag"] == project["version"]


def test_the_storage_of_a_student_does_not_hide_the_tutorial():
    home = Path("/home", option("user-name"))
    assert VALUES["hub"]["config"]["KubeSpawner"]["working_dir"] == home.as_posix()
    assert home not in Path(option("target-repo-dir")).parents


def test_a_server_opens_what_is_handed_out():
    (*_, command) = STUDENT["lifecycleHooks"]["postStart"]["exec"]["command"]
    folder = re.search(r"gitpuller \S+ \S+ (\S+)", command)[1]
    assert STUDENT["defaultUrl"] == f"/lab/tree/{folder}/index.ipynb"
    assert f"cp -R my-notebooks/* {folder}" in README
    assert "nbgitpuller" in option("appendix")


def test_the_same_chart_is_named_everywhere():
    places = [FOLDER / "values.yaml", FOLDER / "README.md", ROOT / ".github/workflows/weekly.yml"]
    chart = r"(?:chart |--version )(\d+\.\d+\.\d+)"
    named = [re.findall(chart, place.read_text(encoding="utf-8")) for place in places]
    assert all(named)
    assert len({version for each in named for version in each}) == 1


def everything_in(values):
    """Each name and each value, however deep."""
    if isinstance(values, dict):
        for name, value in values.items():
            yield name
            yield from everything_in(value)
    elif isinstance(values, list):
        for value in values:
            yield from everything_in(value)
    else:
        yield values


def test_there_is_no_secret_in_it():
    said = " ".join(map(str, everything_in(VALUES)))
    assert not re.search(r"secret|token|password|private_?key|\b[0-9a-f]{32,}\b", said, re.I)


def megabytes(amount):
    return int(amount[:-1]) * {"M": 1, "G": 1000}[amount[-1]]


def test_the_memory_of_a_student_is_enough_for_a_chapter():
    sit_down = runpy.run_path(ROOT / "benchmarks" / "seat.py")["sit_down"]
    *_, done = sit_down(NOTEBOOKS / "2.5.1-a-simple-example.ipynb")
    # A container runs Linux; elsewhere the same things take other amounts.
    promised = "guarantee" if sys.platform == "linux" else "limit"
    assert 100 < done.own < done.all < megabytes(STUDENT["memory"][promised])


@pytest.mark.parametrize(
    ("machine", "student", "held"),
    [
        (Machine(8, 32), Share(0.1, 1), 30),
        (Machine(8, 32), Share(0.5, 1), 15),
        (Machine(64, 512), Share(0.1, 0.5), 100),
    ],
    ids=["memory", "processor", "pods"],
)
def test_a_machine_holds_as_many_as_what_is_scarce_allows(machine, student, held):
    assert seats(machine, student) == held


def test_the_values_say_what_a_student_is_sure_of(tmp_path):
    changed = tmp_path / "values.yaml"
    changed.write_text("singleuser: {memory: {guarantee: 1500M}, cpu: {guarantee: 0.2}}")
    assert NODES["share"](changed) == Share(0.2, 1.5)


def test_the_readme_shows_what_is_computed():
    (block,) = re.findall(r"```console\n\$ python (.+?)\n(.+?)```", README, re.S)
    command, shown = block
    computed = subprocess.run(
        [sys.executable, *command.split()], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert computed.stdout == shown


def test_a_price_is_multiplied():
    (first, *_), (with_price, *_) = (NODES["rows"](4, prices)[1:] for prices in ([], [0.5, 1, 2]))
    machines = int(first.split()[-3])
    assert with_price == f"{first}   {machines * 0.5:7.2f}"
