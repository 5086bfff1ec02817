"""The workflows on GitHub are valid, secure, and run what the Makefile has."""

import re
import subprocess
import sysconfig
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted(ROOT.glob(".github/workflows/*.yml"))

each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def complaints_of(tool, *arguments):
    command = Path(sysconfig.get_path("scripts"), tool)
    done = subprocess.run([command, *arguments], capture_output=True, text=True)
    return done.stdout + done.stderr if done.returncode else ""


def test_they_follow_the_schemas_of_github():
    schema = "vendor.github-workflows"
    assert not complaints_of("check-jsonschema", "--builtin-schema", schema, *WORKFLOWS)
    dependabot = ROOT / ".github" / "dependabot.yml"
    assert not complaints_of(
        "check-jsonschema", "--builtin-schema", "vendor.dependabot", dependabot
    )


def test_they_are_secure():
    strictest = ("--offline", "--no-progress", "--persona", "pedantic")
    assert not complaints_of("zizmor", *strictest, ROOT / ".github")


@each_workflow
def test_no_job_may_do_more_than_it_must(path):
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {}
    allowed = [("contents", "read"), ("pages", "write"), ("id-token", "write")]
    for job in workflow["jobs"].values():
        assert set(job["permissions"].items()) <= set(allowed)


@each_workflow
def test_what_they_make_is_in_the_makefile(path):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {*re.findall(r"^([a-z]+):", makefile, flags=re.MULTILINE), ".venv/.installed"}
    made = re.findall(r"run: make (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert {target for line in made for target in line.split()} <= targets


def test_pre_commit_runs_what_ci_runs():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    entries = {hook["entry"] for repo in hooks["repos"] for hook in repo["hooks"]}
    assert entries == {"make lint", "make test"}
    assert not complaints_of("pre-commit", "validate-config", ROOT / ".pre-commit-config.yaml")
