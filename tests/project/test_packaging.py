"""What is said in more than one file is said alike: versions and targets."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml
from my_notebooks import MINE
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]


# Where PyTorch keeps its builds without GPU libraries.
CPU_BUILDS = "https://download.pytorch.org/whl/cpu"

READER, EVERYTHING = ROOT / "requirements.txt", ROOT / "requirements-dev.txt"
CLASSROOM = ROOT / "deploy" / "classroom" / "requirements.txt"


def demands():
    """What the helpers need, and for each purpose what it needs besides."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = {
        name: [each for each in group if isinstance(each, str)]
        for name, group in pyproject["dependency-groups"].items()
    }
    lists = {"helpers": pyproject["project"]["dependencies"], **groups}
    return {name: list(map(Requirement, each)) for name, each in lists.items()}


def pins_in(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not line.lstrip().startswith("#")]


def versions_in(path):
    return {pin.name: str(pin.specifier)[2:] for pin in map(Requirement, pins_in(path))}


def unmet(wanted, path):
    """What is not among some pins, or not in a version that would do."""
    pinned = versions_in(path)
    return [
        each
        for each in wanted
        if each.name not in pinned or pinned[each.name] not in each.specifier
    ]


def test_a_reader_installs_what_the_helpers_and_jupyterlab_need_and_no_tool_of_ours():
    wanted = demands()
    assert unmet([*wanted["helpers"], *wanted["lab"]], READER) == []
    tools = {each.name for each in [*wanted["docs"], *wanted["dev"]]}
    needed_by_jupyterlab = {
        *("babel", "nbclient", "nbformat", "packaging", "psutil", "pygments", "pyyaml")
    }
    assert tools & versions_in(READER).keys() == needed_by_jupyterlab


def test_the_rest_is_added_to_what_a_reader_has_and_changes_none_of_it():
    wanted = demands()
    del wanted["classroom"]
    assert unmet([each for group in wanted.values() for each in group], EVERYTHING) == []
    assert versions_in(READER).items() <= versions_in(EVERYTHING).items()


def test_a_class_has_the_versions_that_were_proved():
    assert unmet([*demands()["helpers"], *demands()["classroom"]], CLASSROOM) == []
    proved, used = versions_in(EVERYTHING), versions_in(CLASSROOM)
    assert {name: used[name] for name in used.keys() & proved} == {
        name: proved[name] for name in used.keys() & proved
    }


def test_the_package_replaces_nothing_that_would_do_and_publishes_no_tools():
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "optional-dependencies" not in pyproject["project"]
    operators = {part.operator for each in demands()["helpers"] for part in each.specifier}
    assert operators == {">="}


def test_conda_and_binder_install_what_a_reader_needs():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    *conda, pip = environment["dependencies"]
    without_gpu, *others = pip["pip"]
    assert conda == ["python=3.11", "pip"]
    assert others == ["-r requirements.txt", "-e ."]
    build = Requirement(without_gpu)
    assert unquote(build.url).startswith(
        f"{CPU_BUILDS}/torch-{versions_in(READER)[build.name]}+cpu-cp311-"
    )
    on_linux = {"sys_platform": "linux", "platform_machine": "x86_64"}
    assert build.marker.evaluate(on_linux)
    assert not build.marker.evaluate(on_linux | {"sys_platform": "darwin"})


def test_binder_can_run_what_it_is_to_run():
    assert os.access(ROOT / "postBuild", os.X_OK)


def test_codespaces_run_what_is_in_the_makefile_and_open_what_that_makes():
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text(encoding="utf-8"))
    make, target = container["onCreateCommand"].split()
    assert make == "make"
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    (opened,) = map(Path, container["customizations"]["codespaces"]["openFiles"])
    assert opened.parts[0] == MINE
    assert Path(ROOT, "notebooks", *opened.parts[1:]).exists()
    assert container["containerEnv"] == {"PIP_EXTRA_INDEX_URL": CPU_BUILDS}


def test_every_pin_is_exact():
    # No options, addresses or local versions such as +cpu either: they would not match.
    exact = re.compile(r"[a-z0-9-]+==[0-9.]+((b|post)[0-9]+)?( ; .+)?")
    assert [line for line in pins_in(EVERYTHING) if not exact.fullmatch(line)] == []


def test_no_gpu_library_is_asked_for():
    assert [line for line in pins_in(EVERYTHING) if re.match(r"nvidia|triton|cuda", line)] == []


def test_the_citation_names_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert citation["version"] == project["version"]


def test_installed_versions_are_the_pinned_ones():
    pins = [Requirement(line) for line in pins_in(EVERYTHING)]
    wanted = {pin.name: pin for pin in pins if pin.marker is None or pin.marker.evaluate()}
    # A build of torch calls itself 2.13.0+cpu, which satisfies ==2.13.0.
    different = {
        name: version(name) for name, pin in wanted.items() if version(name) not in pin.specifier
    }
    assert different == {}


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_alone_lists_every_target():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, flags=re.MULTILINE)) - {"help"}
    listing = subprocess.run(["make"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert set(re.findall(r"^make (\w+)", listing, flags=re.MULTILINE)) == targets


def what_is_loaded(code, names):
    """Which of some modules a fresh Python has loaded after it ran a piece of code."""
    code = f"import sys, torch, autodiff_helpers; {code}; print({names} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_import_is_light():
    assert what_is_loaded("pass", {"matplotlib", "pygraphviz"}) == "set()"


def test_a_check_is_light():
    # numpy's random numbers, once loaded, have a state that every later check would keep.
    check = "autodiff_helpers.check_gradient(torch.sin, torch.ones(2, requires_grad=True))"
    assert what_is_loaded(check, {"matplotlib", "numpy.random", "tabulate"}) == "set()"
