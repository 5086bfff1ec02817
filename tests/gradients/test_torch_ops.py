"""Over torch's own table of operations, check_gradient comes to the right verdict."""

import sys

import pytest
import torch
from torch_table import DIFFERENTIABLE, OPERATIONS, cases, name_of

from autodiff_helpers import check_gradient

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def no_stacks(monkeypatch):
    """Without a GPU torch writes down the whole stack at every seed, and that takes long."""
    monkeypatch.setattr(sys, "tracebacklimit", 0, raising=False)


SPARSE = ("without plain values", "its samples are sparse, and only dense tensors can be moved")
CONSTANT = (
    "is cut off there",
    "a result depends on these inputs, and torch gives no derivative of it",
)
TWICE = ("The gradient is wrong", "two values go to one place, and both get its gradient")
# The operations that do not pass in every sample: what is said then, and why that is right.
EXCEPTIONS = {
    "sparse_sampled_addmm": SPARSE,
    "sparse_mm_reduce": SPARSE,
    "native_group_norm": ("autograd says 0 for ∂f[1]", CONSTANT[1]),
    "normal": CONSTANT,
    "normal_number_mean": CONSTANT,
    "nn_functional_max_unpool1d": TWICE,
    "nn_functional_max_unpool2d": TWICE,
    "nn_functional_max_unpool3d": TWICE,
    "as_strided_scatter": (
        "The gradient is wrong",
        "torch's rule passes back what was overwritten instead of what was left",
    ),
    "as_strided_partial_views": (
        "setStorage",
        "it reads memory beyond its input, which a copy of that input does not have",
    ),
    "__rpow__": ("itself is nan", "it raises negative numbers to a power that is no integer"),
    "torch_ops_aten__safe_softmax_default": (
        "expected finite numbers",
        "its samples contain -inf, and nothing can be compared around it",
    ),
}

# By name: to compare two operations, with all their fields, takes seconds for the whole table.
NAMES = {name_of(op) for op in DIFFERENTIABLE}
OTHERS = [
    op
    for op in OPERATIONS
    if name_of(op) not in NAMES and not name_of(op).startswith("jiterator")  # on a GPU only
]


def answer(f, xs):
    """Whether the gradient passes, and what is said about it or against the question."""
    try:
        result = check_gradient(f, *xs)
    except Exception as error:
        return False, str(error)
    return result.passed, result.diagnosis


def test_the_table_is_the_one_we_know():
    # Torch 2.10 has 533, and 2.13 has 540.
    assert len(DIFFERENTIABLE) == len(NAMES) >= 533
    new = {"native_group_norm"}
    assert set(EXCEPTIONS) - new <= NAMES


@pytest.mark.parametrize("op", DIFFERENTIABLE, ids=name_of)
def test_the_verdict_is_right(op):
    answers = [answer(f, xs) for f, xs in cases(op, True)]
    assert answers
    refused = [words for passed, words in answers if not passed]
    expected, reason = EXCEPTIONS.get(name_of(op), ("", "all its samples pass"))
    assert bool(refused) == bool(expected), (reason, refused)
    assert all(expected in words for words in refused), (reason, refused)


@pytest.mark.parametrize(
    "f",
    [
        torch.rand_like,
        torch.randn_like,
        torch.bernoulli,
        lambda x: torch.normal(x, 1.0),
        torch.nn.functional.dropout,
        lambda x: torch.nn.functional.alpha_dropout(x, training=True),
        lambda x: torch.nn.functional.rrelu(-x, training=True),
        lambda x: torch.nn.functional.gumbel_softmax(x),
        lambda x: torch.multinomial(x, 2).double() * x.sum(),
    ],
)
def test_a_random_operation_is_called_random(f):
    # In the table itself such operations come with a fixed seed.
    x = torch.linspace(0.1, 0.9, 20, dtype=torch.float64, requires_grad=True)
    assert "random" in check_gradient(f, x).diagnosis


NAMED = (
    "because only real and complex numbers have derivatives",  # a dtype without derivatives
    "expected a tensor",  # a number or a truth value
    "not implemented",  # torch says so itself
    "does not require grad",
    "require grad",  # torch refuses to change its shape
    "changes its input",
    "random",
    "undefined",
    "cut off",
    "The gradient is right",  # a constant: its derivative is zero
)


@pytest.mark.not_called_again("some give memory as they find it")
@pytest.mark.parametrize("op", OTHERS, ids=name_of)
def test_an_operation_without_derivative_is_named_as_such(op):
    for f, xs in cases(op, False):
        _, words = answer(f, xs)
        assert any(each in words for each in NAMED), words
