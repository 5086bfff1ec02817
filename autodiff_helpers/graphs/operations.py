"""What there is to say about torch's operations: one table, by PyTorch's names for them."""

import re
from typing import Any, NamedTuple

from autodiff_helpers.rounding import significant
from autodiff_helpers.words import mark, printable, say

# How a plain number stands beside the sign, for each operand that it may be: in 7 / x it comes
# first; in 7 x it may come last as well.
_AFTER = ("{sign} {number}", "{sign} {number}")
_IN_ORDER = ("{number} {sign}", "{sign} {number}")

# What is passed back by more than one operation.
_AS_IT_IS = mark("the gradient as it is")
_DIVIDED = mark("the gradient divided by the divisor; to the divisor, times −quotient as well")
_LOCAL = mark("the gradient times its local derivative")
_MATRIX = mark("the gradient times the other matrix, transposed")
_MINUS = mark("the gradient as it is, with a minus to what was subtracted")
_MOVED = mark("the same numbers, each to where it came from")
_POWER = mark("the gradient times the exponent times the base to one power less")
_SHARED = mark("the gradient divided by the number of elements, to each of them")
_TIMES_THE_OTHER = mark("the gradient times the other factor")
_TO_EACH = mark("the gradient, to each element")


class Operation(NamedTuple):
    """One of torch's operations."""

    name: str
    """PyTorch's full name for it; a function that a user wrote has no number at its end."""
    sign: str
    """Its mathematical sign, or a word."""
    passes: str = _LOCAL
    """What it passes back."""
    operands: tuple[str | None, ...] = ()
    """In order, under which name autograd keeps each operand for the backward pass, if it does;
    from derivatives.yaml in PyTorch's source."""
    number: str | None = None
    """Which operand is a Python number, and no tensor, whether autograd keeps it or not."""
    beside: tuple[str, ...] = ()
    """How a plain number stands beside the sign, for each operand."""

    def with_number(self, number: complex | None, operand: int) -> str:
        """The sign with one operand that is a plain number, or is not known."""
        words = say("constant") if number is None else significant(number)
        return self.beside[operand].format(sign=self.sign, number=words)


def operation_called(name: str) -> Operation:
    """What there is to say about an operation, which need not be in the table.

    Example:
        >>> [operation_called(name).sign for name in ("MulBackward0", "NativeLayerNormBackward0")]
        ['×', 'native layer norm']
    """
    return OPERATIONS.get(name) or _not_in_the_table(printable(name))


def operation_of(function: Any) -> Operation:
    """What there is to say about a backward function; its Python number stands with the sign.

    Example:
        >>> import torch
        >>> operation_of((torch.ones(1, requires_grad=True) ** 3).grad_fn).sign
        '^ 3'
    """
    operation = operation_called(type(function).__name__)
    if operation.number is None:
        return operation
    number = getattr(function, f"_saved_{operation.number}", None)
    place = operation.operands.index(operation.number)
    return operation._replace(sign=operation.with_number(number, place))


def _not_in_the_table(name: str) -> Operation:
    short = re.sub(r"Backward\d+$", "", name)
    if short.endswith("Backward"):  # no number: a function written in Python
        return Operation(name, short.removesuffix("Backward"))
    return Operation(name, re.sub(r"(?<=\w)(?=[A-Z][a-z])", " ", short).lower())


_BOTH = ("self", "other")
_POWERS = ("self", "exponent")
_TABLE = (
    Operation("AbsBackward0", "abs", mark("the gradient times the sign of its input")),
    Operation("AddBackward0", "+", _AS_IT_IS, beside=_AFTER),
    Operation("AddBackward1", "+", _AS_IT_IS),
    Operation("AddmmBackward0", "addmm", _MATRIX, (None, "mat1", "mat2")),
    Operation("BmmBackward0", "@", _MATRIX, ("self", "mat2")),
    Operation("CloneBackward0", "clone", _AS_IT_IS),
    Operation("ConvolutionBackward0", "convolution", _LOCAL, ("input", "weight")),
    Operation("ConvolutionBackward1", "convolution", _LOCAL, ("input", "weight")),
    Operation("CosBackward0", "cos", mark("the gradient times −sin of its input")),
    Operation("DivBackward0", "÷", _DIVIDED, _BOTH, beside=_IN_ORDER),
    Operation("DivBackward1", "÷", _DIVIDED, (None, "other"), "other", _IN_ORDER),
    Operation("DivBackward2", "÷", _DIVIDED, _BOTH, beside=_IN_ORDER),
    Operation("DivBackward3", "÷", _DIVIDED),
    Operation("DotBackward0", "·", _TIMES_THE_OTHER, ("self", "tensor")),
    Operation("ExpBackward0", "exp", mark("the gradient times its own result")),
    Operation("LinalgVectorNormBackward0", "‖ ‖"),
    Operation("LogBackward0", "log", mark("the gradient divided by its input")),
    Operation("MeanBackward0", "mean", _SHARED),
    Operation("MeanBackward1", "mean", _SHARED),
    Operation("MmBackward0", "@", _MATRIX, ("self", "mat2")),
    Operation("MseLossBackward0", "mse loss", _LOCAL, ("self", "target")),
    Operation("MulBackward0", "×", _TIMES_THE_OTHER, _BOTH, beside=_AFTER),
    Operation("MulBackward1", "×", _TIMES_THE_OTHER, (None, "other"), "other", _AFTER),
    Operation("MvBackward0", "@", _MATRIX, ("self", "vec")),
    Operation("NegBackward0", "−", mark("the gradient with a minus")),
    Operation("PowBackward0", "^", _POWER, _POWERS, "exponent", _IN_ORDER),
    Operation("PowBackward1", "^", _POWER, _POWERS, beside=_IN_ORDER),
    Operation("PowBackward2", "^", _POWER, _POWERS, "self", _IN_ORDER),
    Operation(
        "ReluBackward0", "relu", mark("the gradient where its input is positive, 0 elsewhere")
    ),
    Operation("RsubBackward0", "−", _LOCAL, ("other", "self"), "other", _IN_ORDER),
    Operation("RsubBackward1", "−", _LOCAL, ("other", "self"), "other", _IN_ORDER),
    Operation(
        "SigmoidBackward0",
        "sigmoid",
        mark("the gradient times s (1 − s), where s is its own result"),
    ),
    Operation("SinBackward0", "sin", mark("the gradient times cos of its input")),
    Operation("SqrtBackward0", "√", mark("the gradient divided by twice its own result")),
    Operation("SubBackward0", "−", _MINUS, beside=_IN_ORDER),
    Operation("SubBackward1", "−", _MINUS),
    Operation("SumBackward0", "Σ", _TO_EACH),
    Operation("SumBackward1", "Σ", _TO_EACH),
    Operation("TBackward0", "t", _MOVED),
    Operation("TBackward1", "t", _MOVED),
    Operation(
        "TanhBackward0", "tanh", mark("the gradient times 1 − t², where t is its own result")
    ),
    Operation("TransposeBackward0", "transpose", _MOVED),
    Operation("TransposeBackward1", "transpose", _MOVED),
    Operation("ViewBackward0", "view", _MOVED),
)
OPERATIONS = {operation.name: operation for operation in _TABLE}
