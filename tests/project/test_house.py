"""The house: two wings that do not know each other, and imports that run one way."""

import ast
from functools import cache
from pathlib import Path

import pytest

HELPERS = Path(__file__).resolve().parents[2] / "autodiff_helpers"
MOST_FLOORS = 5


def module_of(path):
    return ".".join(path.relative_to(HELPERS.parent).with_suffix("").parts)


MODULES = {module_of(path): path for path in sorted(HELPERS.rglob("[!_]*.py"))}


@cache
def imports(module):
    """The files of the helpers that one of them imports, wherever in it that stands."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{each.name}" for each in node.names)}
        elif isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
    return found & set(MODULES) - {module}


def floor(module, above=()):
    """On which floor a file stands: one above the highest that it imports."""
    assert module not in above, f"a circle of imports: {above}"
    return 1 + max((floor(each, (*above, module)) for each in imports(module)), default=0)


def wing(module):
    _, *folders, _ = module.split(".")
    return folders[0] if folders else None


@pytest.mark.parametrize("module", MODULES)
def test_the_wings_do_not_know_each_other(module):
    others = {wing(each) for each in imports(module)} - {None, wing(module)}
    # What both share knows neither.
    assert not others or module == "autodiff_helpers.curves"


def test_there_are_few_floors():
    assert max(map(floor, MODULES)) <= MOST_FLOORS
