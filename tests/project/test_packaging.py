"""What is said in more than one file is said alike: versions and targets."""

import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]


def pyproject_pins():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    return project["dependencies"] + [pin for extra in extras for pin in extra]


def lock_lines():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not line.lstrip().startswith("#")]


def test_environment_yml_names_the_pins_of_pyproject():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    pip_lines = environment["dependencies"][-1]["pip"]
    assert pip_lines == ["-c requirements.txt", *pyproject_pins(), "-e ."]


def test_requirements_txt_contains_the_pins_of_pyproject():
    assert set(pyproject_pins()) <= set(lock_lines())


def test_every_pin_is_exact():
    # No options, addresses or local versions such as +cpu either: they would not match.
    exact = re.compile(r"[a-z0-9-]+==[0-9.]+((b|post)[0-9]+)?( ; .+)?")
    lines = pyproject_pins() + lock_lines()
    assert [line for line in lines if not exact.fullmatch(line)] == []


def test_requirements_txt_asks_for_no_gpu_library():
    assert [line for line in lock_lines() if re.match(r"nvidia|triton|cuda", line)] == []


def test_the_citation_names_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert citation["version"] == project["version"]


def test_installed_versions_are_the_pinned_ones():
    pins = [Requirement(line) for line in lock_lines()]
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
