"""The house: two wings that do not know each other, imports that run one way, and order inside."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

import autodiff_helpers

ROOT = Path(__file__).resolve().parents[2]
HELPERS = ROOT / "autodiff_helpers"
MOST_FLOORS = 5
MOST_LINES = 60
MOST_ATTRIBUTES = 12


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


each_file = pytest.mark.parametrize("module", MODULES)


@each_file
def test_the_wings_do_not_know_each_other(module):
    others = {wing(each) for each in imports(module)} - {None, wing(module)}
    # What both share knows neither.
    assert not others or module == "autodiff_helpers.curves"


def test_there_are_few_floors():
    assert max(map(floor, MODULES)) <= MOST_FLOORS


def plan(name):
    """Who lives in a wing, or beside both, floor by floor from the top, as CONTRIBUTING.md says."""
    home = None if name == "both" else name
    floors = {}
    for module in MODULES:
        if wing(module) == home:
            floors.setdefault(floor(module), []).append(module.split(".")[-1])
    lines = [f"{number}  {'  '.join(floors[number])}" for number in sorted(floors, reverse=True)]
    return "\n".join([f"# {name}", *lines])


@pytest.mark.parametrize("name", ["gradients", "graphs", "both"])
def test_contributing_shows_the_plan(name):
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (block,) = re.findall(rf"```text\n(# {name}\n.*?)\n```", text, re.S)
    assert block == plan(name)


# Order inside a file


def public_classes_and_functions():
    """What a notebook imports, and the classes of ours that it is made of."""
    public = [getattr(autodiff_helpers, name) for name in autodiff_helpers.__all__]
    ours = [base for each in public for base in getattr(each, "__mro__", [each])]
    return {each.__name__ for each in ours if each.__module__.startswith("autodiff_helpers")}


def disorder(source, public=()):
    """Everything in the source of a file that the house does not want."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and lines(node) > MOST_LINES:
            yield f"{node.name} has {lines(node)} lines"
        if isinstance(node, ast.ClassDef) and len(attributes(node)) > MOST_ATTRIBUTES:
            yield f"{node.name} has {len(attributes(node))} attributes of its own"
        if isinstance(node, ast.JoinedStr) and (prose := prose_in(node)):
            yield f"an f-string in line {node.lineno} holds prose: {prose!r}"
        if isinstance(node, ast.Call) and not says_literally(node):
            yield f"what line {node.lineno} says is no literal sentence"
    for node in tree.body:
        if getattr(node, "name", "") not in public:
            for each in ast.walk(node):
                if isinstance(each, ast.FunctionDef | ast.ClassDef) and has_full_docstring(each):
                    yield f"{each.name} is not public and has a docstring of the full form"


def lines(node):
    """How long a function is, apart from what it promises."""
    promise = node.body[0] if ast.get_docstring(node) else None
    promised = promise.end_lineno - promise.lineno + 1 if promise else 0
    return node.end_lineno - node.lineno + 1 - promised


def attributes(node):
    """The fields of a dataclass, and what is assigned to self."""
    fields = {
        each.target.id
        for each in node.body
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
    }
    assigned = {
        each.attr
        for each in ast.walk(node)
        if isinstance(each, ast.Attribute)
        and isinstance(each.ctx, ast.Store)
        and isinstance(each.value, ast.Name)
        and each.value.id == "self"
    }
    return fields | assigned


def prose_in(node):
    """Two words in a row, outside the tags of SVG and HTML."""
    text = "".join(each.value if isinstance(each, ast.Constant) else "{}" for each in node.values)
    found = re.search(r"[A-Za-z]{2,} [A-Za-z]{2,}", re.sub("<[^>]*(>|$)", "<>", text))
    return found and found[0]


def says_literally(call):
    """Whether a call of say or say_how_many has its whole sentences before it, for a catalogue."""
    sentences = {"say": 1, "say_how_many": 2, "mark": 1}.get(getattr(call.func, "id", ""), 0)
    literal = [isinstance(each, ast.Constant) for each in call.args[:sentences]]
    return literal == [True] * sentences


def has_full_docstring(node):
    return re.search(r"^(Args|Returns|Raises|Attributes):", ast.get_docstring(node) or "", re.M)


@pytest.mark.parametrize("module", sorted(set(MODULES) - {"autodiff_helpers.words"}))
def test_a_file_is_in_order(module):
    source = MODULES[module].read_text(encoding="utf-8")
    assert list(disorder(source, public_classes_and_functions())) == []


def test_disorder_is_found():
    many = "; ".join(f"self.a{number} = 0" for number in range(MOST_ATTRIBUTES + 1))
    examples = {
        "def f():\n" + MOST_LINES * "    pass\n": "has 61 lines",
        f"class C:\n    def __init__(self):\n        {many}": "13 attributes",
        "class C:\n" + "".join(f"    a{number}: int\n" for number in range(13)): "13 attributes",
        "f'{x} is not {y}'": "'is not'",
        "f'{x}' ' is cut off'": "'is cut'",
        "say(sentence, x=1)": "no literal",
        "say(f'{x} jumps')": "no literal",
        "say_how_many('one', many, 3)": "no literal",
        'def f():\n    """Do.\n\n    Args:\n        x: it.\n    """': "full form",
    }
    for source, words in examples.items():
        (found,) = disorder(source)
        assert words in found
    good = """
def f(x):
    \"\"\"Do.

    Example:
        >>> f(1)
    \"\"\"
    say("{x} jumps", x=x)
    return f'<text class="one two" x="{x}">{x}</text>' + f"{x} = {x}"
"""
    assert list(disorder(good)) == []
    *_, full = examples
    assert list(disorder(full, public={"f"})) == []
