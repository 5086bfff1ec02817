"""Both editions hold the whole of the session that the tutorial grew from, in its order.

What follows is that session as it was, its labels and comments in Chinese. The edition in that
language has these, and the English one has its own. The session left its last two prints above the
cell that made them; and its random number was drawn without a seed, so a line that sets one is
added.
"""

import ast
import io
import tokenize

import nbformat
import pytest
from languages import LANGUAGES
from notebook_rules import code_cells

STATEMENTS = {
    "2.5.1-a-simple-example": """
import torch
x = torch.arange(4.0)
print("x ==>\\n", x, "\\n")
x.requires_grad_(True)
x.grad
y = 2 * torch.dot(x, x)
print("y ==>\\n", y, "\\n")
y.backward()
print("x.grad ==>\\n", x.grad, "\\n")
print("x.grad==4*x ==>\\n", x.grad == 4 * x, "\\n")
print("沒歸零前的x.grad ==>\\n", x.grad, "\\n")
x.grad.zero_()
print("歸零後的x.grad ==>\\n", x.grad, "\\n")
print("x ==>\\n", x, "\\n")
y = x.sum()
y.backward()
print("y ==>\\n", y, "\\n")
print("x.grad ==>\\n", x.grad, "\\n")
""",
    "2.5.2-backward-for-non-scalar-variables": """
x.grad.zero_()
y = x * x
y.sum().backward()
print("x.grad ==>\\n", x.grad, "\\n")
""",
    "2.5.3-detaching-computation": """
x.grad.zero_()
print("x ==>\\n", x, "\\n")
y = x * x
print("y ==>\\n", y, "\\n")
u = y.detach()
print("u ==>\\n", u, "\\n")
z = u * x
print("z ==>\\n", z, "\\n")
z.sum().backward()
print("x.grad ==>\\n", x.grad, "\\n")
print("x.grad==u ==>\\n", x.grad == u, "\\n")
""",
    "2.5.4-gradient-of-python-control-flow": """
def function(a):
    b = a * 2
    while b.norm(p=2) < 1000:
        b = b * 2
    if b.sum() > 0:
        c = b
    else:
        c = 100 * b
    return c
a = torch.randn(size=(), requires_grad=True)
print(a)
d = function(a)
d.backward()
print(a.grad == d / a)
""",
}

OUTPUTS = {
    "2.5.1-a-simple-example": """\
x ==>
 tensor([0., 1., 2., 3.]) \n
y ==>
 tensor(28., grad_fn=<MulBackward0>) \n
x.grad ==>
 tensor([ 0.,  4.,  8., 12.]) \n
x.grad==4*x ==>
 tensor([True, True, True, True]) \n
沒歸零前的x.grad ==>
 tensor([ 0.,  4.,  8., 12.]) \n
歸零後的x.grad ==>
 tensor([0., 0., 0., 0.]) \n
x ==>
 tensor([0., 1., 2., 3.], requires_grad=True) \n
y ==>
 tensor(6., grad_fn=<SumBackward0>) \n
x.grad ==>
 tensor([1., 1., 1., 1.]) \n
""",
    "2.5.2-backward-for-non-scalar-variables": """\
x.grad ==>
 tensor([0., 2., 4., 6.]) \n
""",
    "2.5.3-detaching-computation": """\
x ==>
 tensor([0., 1., 2., 3.], requires_grad=True) \n
y ==>
 tensor([0., 1., 4., 9.], grad_fn=<MulBackward0>) \n
u ==>
 tensor([0., 1., 4., 9.]) \n
z ==>
 tensor([ 0.,  1.,  8., 27.], grad_fn=<MulBackward0>) \n
x.grad ==>
 tensor([0., 1., 4., 9.]) \n
x.grad==u ==>
 tensor([True, True, True, True]) \n
""",
    "2.5.4-gradient-of-python-control-flow": """\
tensor(-0.8470, requires_grad=True)
tensor(True)
""",
}


COMMENTS = {
    "2.5.1-a-simple-example": [
        "對 y=2*x^T*x 做微分",
        "浮點數的tensor才能require gradients",
        "torch.dot(a,b)==> a跟b的內積(a跟b必須為1D)",
        "自動計算y的梯度(backpropagation)",
        "印出梯度",
        "把x.grad歸零",
    ],
    "2.5.3-detaching-computation": ["切斷y的backpropagation"],
    "2.5.4-gradient-of-python-control-flow": ["b.norm(p=2)==>對b做2范數運算"],
}

ZH = "zh-TW"
ENGLISH = {"沒歸零前的x.grad": "x.grad before zeroing", "歸零後的x.grad": "x.grad after zeroing"}

each_chapter = pytest.mark.parametrize(
    ("language", "chapter"),
    [(language, chapter) for language in LANGUAGES for chapter in STATEMENTS],
)


def in_language(language, session):
    """The session with the labels that an edition has."""
    if language == "en":
        for label, translated in ENGLISH.items():
            session = session.replace(label, translated)
    return session


def missing(wanted, found):
    """The first wanted item that does not come after the ones before it, or None."""
    rest = iter(found)
    return next((item for item in wanted if item not in rest), None)


def cells_of(language, chapter):
    return code_cells(nbformat.read(LANGUAGES[language] / f"{chapter}.ipynb", as_version=4))


def statements(source):
    return [ast.unparse(statement) for statement in ast.parse(source).body]


def comments(source):
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return [token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT]


@each_chapter
def test_every_statement_is_run_in_its_order(language, chapter):
    run = [line for cell in cells_of(language, chapter) for line in statements(cell.source)]
    assert missing(statements(in_language(language, STATEMENTS[chapter])), run) is None


@each_chapter
def test_every_value_is_printed_in_its_order(language, chapter):
    printed = [
        line
        for cell in cells_of(language, chapter)
        for output in cell.outputs
        if output.output_type == "stream"
        for line in output.text.split("\n")
    ]
    assert missing(in_language(language, OUTPUTS[chapter]).split("\n"), printed) is None


def test_every_comment_stands_in_its_order_in_its_own_language():
    for chapter in COMMENTS:
        written = [each for cell in cells_of(ZH, chapter) for each in comments(cell.source)]
        assert missing(COMMENTS[chapter], written) is None


def test_missing_finds_what_is_missing_or_out_of_order():
    assert missing("ac", "abc") is None
    assert missing("ad", "abc") == "d"
    assert missing("ca", "abc") == "a"
