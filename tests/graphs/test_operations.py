"""The table of torch's operations: every name in it is torch's, and every sign is right."""

import re

import pytest
import torch
from torch.nn import functional

from autodiff_helpers import plot_graph, step_backward
from autodiff_helpers.graphs.operations import OPERATIONS, operation_called

# All backward functions of this torch that are made from derivatives.yaml.
NAMES = {
    name
    for name in dir(torch._C._functions)
    if re.search(r"Backward\d+$", name) or name in ("CopyBackwards", "CopySlices")
}


def test_every_name_in_the_table_is_one_of_torchs():
    assert set(OPERATIONS) - NAMES == set()
    assert all(name == operation.name for name, operation in OPERATIONS.items())


def test_no_variant_of_an_operation_is_missing():
    shorts = {re.sub(r"\d+$", "", name) for name in OPERATIONS}
    variants = {name for name in NAMES if re.sub(r"\d+$", "", name) in shorts}
    assert variants - set(OPERATIONS) == set()


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda operation: operation.name)
def test_what_autograd_keeps_goes_by_the_names_in_the_table(operation):
    kept = {
        name.removeprefix("_saved_")
        for name in dir(getattr(torch._C._functions, operation.name))
        if name.startswith("_saved_")
    }
    names = {name for name in (*operation.operands, operation.also) if name}
    fields = set(re.findall(r"{(\w+)}", operation.sign)) - READ
    assert names | fields <= kept


# Fields of a sign that are made of more than one thing that autograd keeps, or of its metadata.
READ = {"constant", "dim", "dims", "dtype", "indices", "limits", "order", "place", "rounding"}
READ |= {"shape"}


def test_an_operation_that_is_not_in_the_table_goes_by_its_name():
    assert operation_called("LinalgQrBackward0").sign == "linalg qr"
    assert operation_called("Two\nLinesBackward").sign == "Two?Lines"
    (rule,) = operation_called("LinalgQrBackward0").passes
    assert rule.phrase == "the gradient times its local derivative"


@pytest.mark.parametrize(
    ("name", "sign"),
    [
        ("SigmoidBackwardBackward0", "sigmoid′"),
        ("SoftmaxBackwardDataBackward0", "softmax{dim}′"),
        ("EmbeddingDenseBackwardBackward0", "embedding dense′"),
        ("ThresholdBackwardBackward0", "relu′"),
        ("GluBackwardBackward0", "glu′"),
    ],
)
def test_the_derivative_of_a_derivative_has_a_prime(name, sign):
    assert name in NAMES or name.startswith("Embedding")
    assert operation_called(name).sign == sign


def label(result):
    """The first operation in the text of a graph."""
    return str(plot_graph(result)).split("\n")[1].removeprefix("└─ ").split("  ")[0]


ROWS = torch.tensor([0, 2])
ten = torch.ops.aten


@pytest.mark.parametrize(
    ("compute", "sign"),
    [
        (lambda x: x + x, "+"),
        (lambda x: x + 3, "+ constant"),
        (lambda x: torch.ones(4) + x, "constant +"),
        (lambda x: torch.add(x, x, alpha=10), "+ 10 ×"),
        (lambda x: torch.sub(x, 2, alpha=-0.5), "− -0.5 × constant"),
        (lambda x: 1 - x, "constant −"),
        (lambda x: torch.rsub(x, 1, alpha=3), "constant − 3 ×"),
        (lambda x: torch.rsub(x, torch.ones(4)), "constant −"),
        (lambda x: torch.rsub(torch.ones(4), x), "− constant"),
        (lambda x: 1000003 * x, "× 1000003"),
        (lambda x: torch.tensor(2.0) * x, "2 ×"),
        (lambda x: ten.mul.Scalar(x, 0.5), "× 0.5"),
        (lambda x: x / 3, "÷ 3"),
        (lambda x: torch.tensor(7.0) / x, "7 ÷"),
        (lambda x: ten.div.Scalar(x, 3), "÷ 3"),
        (lambda x: torch.div(x, torch.tensor(7.0), rounding_mode="floor"), "÷ floor 7"),
        (lambda x: ten.div.Scalar_mode(x, 3, rounding_mode="trunc"), "÷ trunc 3"),
        (lambda x: x**3, "^ 3"),
        (lambda x: x**x, "^"),
        (lambda x: 2**x, "2 ^"),
        (lambda x: x ** torch.tensor(2.0), "^ 2"),
        (lambda x: torch.tensor(2.0) ** x, "2 ^"),
        (lambda x: x.reciprocal(), "1 ÷"),
        (lambda x: torch.atan2(x, torch.tensor(7.0)), "atan2"),
        (lambda x: x.sum(), "Σ"),
        (lambda x: x.view(2, 2).sum((0, -1)), "Σ dim 0, -1"),
        (lambda x: x.softmax(-1), "softmax dim -1"),
        (lambda x: torch.cat([x, x]), "cat dim 0"),
        (lambda x: torch.stack([x, x], 1), "stack dim 1"),
        (lambda x: x.view(2, 2).t(), "transpose"),
        (lambda x: x.view(2, 2).transpose(0, 1), "transpose dim 0, 1"),
        (lambda x: x.view(2, 2).permute(1, 0), "permute to dim 1, 0"),
        (lambda x: x.view(2, 2), "view as [2, 2]"),
        (lambda x: x.expand(3, 4), "expand to [3, 4]"),
        (lambda x: x.flip(0), "flip dim 0"),
        (lambda x: x.double(), "to float64"),
        (lambda x: x[2], "[2]"),
        (lambda x: x[-1], "[-1]"),
        (lambda x: x.view(2, 2)[:, 1], "[:, 1]"),
        (lambda x: x[1:], "[1:]"),
        (lambda x: x[:-1:2], "[:-1:2]"),
        (lambda x: x.view(2, 2)[..., 1:], "[:, 1:]"),
        (lambda x: x[ROWS], "[[0, 2]]"),
        (lambda x: x.view(1, 4)[:, ROWS], "[:, [0, 2]]"),
        (lambda x: x[x > 1], "[mask]"),
        (lambda x: x[torch.tensor([[0, 1], [1, 2]])], "[places]"),
        (lambda x: x.index_select(0, ROWS), "index select dim 0 [[0, 2]]"),
        (lambda x: x.clamp(0, 1), "clamp 0 … 1"),
        (lambda x: x.clamp(min=0), "clamp ≥ 0"),
        (lambda x: x.clamp(max=0.5), "clamp ≤ 0.5"),
        (lambda x: functional.leaky_relu(x), "leaky relu 0.01"),
        (lambda x: torch.linalg.vector_norm(x), "‖ ‖"),
        (lambda x: x.norm(1), "‖ ‖ 1"),
        (lambda x: functional.max_pool2d(x.view(1, 1, 2, 2), 2), "max pool [2, 2]"),
        (lambda x: torch.addmm(x, x.view(4, 1), x.view(1, 4)), "+ @"),
        (lambda x: torch.addmm(x, x.view(4, 1), x.view(1, 4), beta=2, alpha=3), "2 × + 3 × @"),
        (lambda x: x.cumsum(0), "cumulative sum dim 0"),
        (lambda x: torch.linalg.solve(x.view(2, 2), torch.ones(2)), "solve"),
    ],
)
def test_the_sign_of_an_operation_holds_what_autograd_keeps_of_it(x, compute, sign):
    assert label(compute(x)) == sign


def derivative(y, x):
    return torch.autograd.grad(y, x, create_graph=True)[0]


@pytest.mark.parametrize(
    ("compute", "sign"),
    [
        (lambda x: x[2] ** 2, "[2]′"),
        (lambda x: x.view(2, 2)[:, 1:].square().sum(), "[:, 1:]′"),
        (lambda x: functional.max_pool1d(x[None], 2).square().sum(), "max pool′"),
    ],
)
def test_the_derivative_of_taking_puts_back(x, compute, sign):
    assert f"{sign}  " in str(plot_graph(derivative(compute(x), x)))


def test_what_was_written_second_stands_second(x):
    y = x + 1
    lines = str(plot_graph(torch.rsub(x, y))).split("\n")  # y − x
    assert [line.strip("│├└─ ")[0] for line in lines[2:]] == ["y", "+", "x", "x"]
    assert lines[-1].endswith("x, as above")


def test_places_that_only_code_of_the_users_can_read_are_not_read(x):
    def fail(_):
        raise AssertionError("it was read")

    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: tensor, fail):
        y = x[ROWS]
    assert label(y) == "[…]"
    y = x[ROWS]
    y.sum().backward()
    assert label(y) == "[…]"


class Mul(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return 3 * x

    @staticmethod
    def backward(ctx, gradient):
        return 3 * gradient


def test_a_function_of_the_users_is_not_taken_for_torchs(x):
    y = Mul.apply(x).sum()
    assert "Mul  MulBackward\n" in str(plot_graph(y))
    assert step_backward(y).steps[2] == (
        "Mul (MulBackward) gets [1., 1., 1., 1.]. It passes on what its own rule makes of the "
        "gradient: [3., 3., 3., 3.] to x."
    )


def test_a_name_of_the_users_is_no_template(x):
    odd = type("{dim}", (Mul,), {})
    assert label(odd.apply(x)) == "{dim}"


def test_a_target_is_shown_if_it_has_a_name(x):
    target = torch.tensor([1])
    loss = functional.cross_entropy(x[None], target)
    assert "├─ log softmax dim 1" in str(plot_graph(loss))
    assert "└─ target: [1]  (constant)" in str(plot_graph(loss))
    assert "constant" not in str(plot_graph(functional.cross_entropy(x[None], torch.tensor([1]))))


def test_places_without_numbers_are_not_written_out():
    with torch.device("meta"):
        rows = torch.ones(4, requires_grad=True)[torch.ones(2, dtype=torch.int64)]
    assert label(rows) == "[places]"
