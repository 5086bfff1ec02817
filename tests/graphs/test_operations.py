"""The table of torch's operations: every name in it is torch's, and every sign is right."""

import re

import pytest
import torch

from autodiff_helpers import plot_graph, step_backward
from autodiff_helpers.graphs.operations import OPERATIONS, operation_called, operation_of

# All backward functions of this torch that are made from derivatives.yaml.
NAMES = {name for name in dir(torch._C._functions) if re.search(r"Backward\d+$", name)}


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
    names = {name for name in operation.operands if name is not None}
    # The number in 1 − x is not kept.
    assert names <= kept or operation.name in ("RsubBackward0", "RsubBackward1")
    assert operation.number in {None, *operation.operands}


def test_an_operation_that_is_not_in_the_table_goes_by_its_name():
    assert operation_called("NativeLayerNormBackward0").sign == "native layer norm"
    assert operation_called("LogsumexpBackward0").sign == "logsumexp"
    assert operation_called("CopySlices").sign == "copy slices"
    assert operation_called("Two\nLinesBackward").sign == "Two?Lines"
    assert operation_called("CumsumBackward0").passes == "the gradient times its local derivative"


@pytest.mark.parametrize(
    ("compute", "sign"),
    [
        (lambda x: x.abs(), "abs"),
        (lambda x: x + x, "+"),
        (lambda x: torch.addmm(x, x.view(2, 2), x.view(2, 2)[:, :1].expand(2, 4)), "addmm"),
        (lambda x: x.view(1, 2, 2).bmm(x.view(1, 2, 2)), "@"),
        (lambda x: x.clone(), "clone"),
        (lambda x: torch.conv1d(x.view(1, 1, 4), x.view(1, 1, 4)), "convolution"),
        (lambda x: x.cos(), "cos"),
        (lambda x: x / x, "÷"),
        (lambda x: torch.ops.aten.div.Scalar(x, 3), "÷ 3"),
        (lambda x: torch.div(x, x, rounding_mode="floor"), "÷"),
        (lambda x: torch.ops.aten.div.Scalar_mode(x, 3, rounding_mode="floor"), "÷"),
        (lambda x: x.dot(x), "·"),
        (lambda x: x.exp(), "exp"),
        (lambda x: torch.linalg.vector_norm(x), "‖ ‖"),
        (lambda x: x.log(), "log"),
        (lambda x: x.mean(), "mean"),
        (lambda x: x.mean(0), "mean"),
        (lambda x: x.view(2, 2).mm(x.view(2, 2)), "@"),
        (lambda x: torch.nn.functional.mse_loss(x, 2 * x), "mse loss"),
        (lambda x: x * x, "×"),
        (lambda x: torch.ops.aten.mul.Scalar(x, 0.5), "× 0.5"),
        (lambda x: x.view(1, 4).mv(x), "@"),
        (lambda x: -x, "−"),
        (lambda x: x**3, "^ 3"),
        (lambda x: x**x, "^"),
        (lambda x: 2**x, "2 ^"),
        (lambda x: x.relu(), "relu"),
        (lambda x: torch.rsub(x, x), "constant −"),
        (lambda x: 1 - x, "constant −"),
        (lambda x: x.sigmoid(), "sigmoid"),
        (lambda x: x.sin(), "sin"),
        (lambda x: x.sqrt(), "√"),
        (lambda x: x - x, "−"),
        (lambda x: torch.ops.aten.sub.Scalar(x, 3), "−"),
        (lambda x: x.sum(), "Σ"),
        (lambda x: x.sum(0), "Σ"),
        (lambda x: x.view(2, 2).t(), "t"),
        (lambda x: x.tanh(), "tanh"),
        (lambda x: x.view(2, 2).transpose(0, 1), "transpose"),
        (lambda x: x.view(2, 2), "view"),
        (lambda x: x.cumsum(0), "cumsum"),
    ],
)
def test_the_sign_of_an_operation_holds_its_python_number(x, compute, sign):
    assert operation_of(compute(x).grad_fn).sign == sign


@pytest.mark.parametrize(
    ("name", "number", "operand", "label"),
    [
        ("AddBackward0", 2.5, 0, "+ 2.5"),
        ("AddBackward0", 2.5, 1, "+ 2.5"),
        ("MulBackward0", 2.0, 0, "× 2"),
        ("MulBackward0", None, 1, "× constant"),
        ("SubBackward0", None, 0, "constant −"),
        ("SubBackward0", None, 1, "− constant"),
        ("DivBackward0", 7.0, 0, "7 ÷"),
        ("DivBackward0", 7.0, 1, "÷ 7"),
        ("DivBackward2", 7.0, 1, "÷ 7"),
        ("PowBackward1", 2 + 1j, 0, "2+1j ^"),
        ("PowBackward1", 2 + 1j, 1, "^ 2+1j"),
    ],
)
def test_a_plain_number_stands_beside_the_sign(name, number, operand, label):
    assert OPERATIONS[name].with_number(number, operand) == label


def test_a_constant_is_written_beside_the_sign_of_arithmetic_alone(x):
    def label(result):
        return str(plot_graph(result)).split("\n")[1].removeprefix("└─ ")

    seven = torch.tensor(7.0)
    assert label(seven / x) == "7 ÷  DivBackward0"
    assert label(torch.div(x, seven, rounding_mode="floor")) == "÷ 7  DivBackward2"
    assert label(torch.rsub(x, torch.ones(4))) == "constant −  RsubBackward0"
    assert label(torch.atan2(x, seven)) == "atan2  Atan2Backward0"


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
        "Mul (MulBackward) gets [1., 1., 1., 1.]. It passes on the gradient times its local "
        "derivative: [3., 3., 3., 3.] to x."
    )


RULES = {
    "the gradient as it is": "AddBackward0 AddBackward1 CloneBackward0",
    "the gradient as it is, with a minus to what was subtracted": "SubBackward0 SubBackward1",
    "the gradient divided by its input": "LogBackward0",
    "the gradient divided by the divisor; to the divisor, times −quotient as well": (
        "DivBackward0 DivBackward1 DivBackward2 DivBackward3"
    ),
    "the gradient divided by the number of elements, to each of them": (
        "MeanBackward0 MeanBackward1"
    ),
    "the gradient divided by twice its own result": "SqrtBackward0",
    "the gradient times 1 − t², where t is its own result": "TanhBackward0",
    "the gradient times cos of its input": "SinBackward0",
    "the gradient times its local derivative": (
        "ConvolutionBackward0 ConvolutionBackward1 LinalgVectorNormBackward0 MseLossBackward0 "
        "RsubBackward0 RsubBackward1"
    ),
    "the gradient times its own result": "ExpBackward0",
    "the gradient times s (1 − s), where s is its own result": "SigmoidBackward0",
    "the gradient times the exponent times the base to one power less": (
        "PowBackward0 PowBackward1 PowBackward2"
    ),
    "the gradient times the other factor": "DotBackward0 MulBackward0 MulBackward1",
    "the gradient times the other matrix, transposed": (
        "AddmmBackward0 BmmBackward0 MmBackward0 MvBackward0"
    ),
    "the gradient times the sign of its input": "AbsBackward0",
    "the gradient times −sin of its input": "CosBackward0",
    "the gradient where its input is positive, 0 elsewhere": "ReluBackward0",
    "the gradient with a minus": "NegBackward0",
    "the gradient, to each element": "SumBackward0 SumBackward1",
    "the same numbers, each to where it came from": (
        "TBackward0 TBackward1 TransposeBackward0 TransposeBackward1 ViewBackward0"
    ),
}


def test_what_each_operation_passes_on_is_said_by_one_rule():
    said = {name: rule for rule, names in RULES.items() for name in names.split()}
    assert {name: operation.passes for name, operation in OPERATIONS.items()} == said
