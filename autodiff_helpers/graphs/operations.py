"""What there is to say about torch's operations: one table, by PyTorch's names for them."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from autodiff_helpers.graphs import rules
from autodiff_helpers.graphs.kept import kept
from autodiff_helpers.graphs.rules import Rule
from autodiff_helpers.words import printable

Rules = tuple[Rule, ...]


class Operation(NamedTuple):
    """One of torch's operations."""

    name: str
    """PyTorch's full name for it; a function that a user wrote has no number at its end."""
    sign: str
    """Its mathematical sign, or a word; a field in it is something that autograd keeps."""
    passes: Rules | Callable[[Any], Rules] = (rules.LOCAL,)
    """What it passes back to each operand, and to all further ones; or this by what it keeps."""
    operands: tuple[str | None, ...] = ()
    """In order, under which name autograd keeps each operand for the backward pass, if it does;
    from derivatives.yaml in PyTorch's source."""
    is_arithmetic: bool = False
    """Whether an operand that is a plain number stands beside the sign."""
    is_reversed: bool = False
    """Whether its operands are written in the other order: ``rsub(x, y)`` is y − x."""
    also: str = ""
    """Under which name it keeps what is no operand but worth a box if it has a name: a target."""

    def rule(self, function: Any, operand: int) -> Rule:
        """What a backward function of this name passes back to one of its operands."""
        passes = self.passes(function) if callable(self.passes) else self.passes
        return passes[min(operand, len(passes) - 1)]


def operation_called(name: str) -> Operation:
    """What there is to say about an operation, which need not be in the table.

    Example:
        >>> [operation_called(name).sign for name in ("MulBackward0", "SigmoidBackwardBackward0")]
        ['×', 'sigmoid′']
    """
    return OPERATIONS.get(name) or _not_in_the_table(printable(name))


def _not_in_the_table(name: str) -> Operation:
    if name.endswith("Backward"):  # no number: a function written in Python
        return Operation(name, _plain(name.removesuffix("Backward")), (rules.OWN,))
    # The derivative of a derivative, such as SoftmaxBackwardDataBackward0.
    if found := re.fullmatch(r"(\w+?)Backward(Data|Dense)?Backward\d+", name):
        return Operation(name, f"{operation_called(f'{found[1]}Backward0').sign}′")
    words = re.sub(r"(?<=\w)(?=[A-Z][a-z])", " ", re.sub(r"Backward\d+$", "", name)).lower()
    return Operation(name, _plain(words))


def _plain(sign: str) -> str:
    """A sign that has no fields, whatever the user wrote."""
    return sign.replace("{", "{{").replace("}", "}}")


# What depends on numbers that autograd keeps


def _added(function: Any) -> Rules:
    plain = kept(function, "alpha") == 1
    return rules.AS_IT_IS, rules.AS_IT_IS if plain else rules.TIMES_ALPHA


def _subtracted(function: Any) -> Rules:
    plain = kept(function, "alpha") == 1
    return rules.AS_IT_IS, rules.MINUS if plain else rules.MINUS_ALPHA


def _subtracted_from(function: Any) -> Rules:
    return _subtracted(function)[::-1]


def _added_to_a_product(function: Any) -> Rules:
    bias = rules.AS_IT_IS if kept(function, "beta") == 1 else rules.TIMES_BETA
    if kept(function, "alpha") == 1:
        return bias, rules.TO_THE_LEFT, rules.TO_THE_RIGHT
    return bias, rules.TO_THE_LEFT_ALPHA, rules.TO_THE_RIGHT_ALPHA


def _quotient(function: Any) -> Rules:
    if kept(function, "rounding_mode") is not None:
        return (rules.ZERO,)
    return rules.OVER_THE_DIVISOR, rules.TO_THE_DIVISOR


def _norm(function: Any) -> Rules:
    known = {1: rules.NORM_1, 2: rules.NORM}
    return (known.get(kept(function, "ord"), rules.LOCAL),)


def _gelu(function: Any) -> Rules:
    return (rules.GELU if kept(function, "approximate") == "none" else rules.LOCAL,)


def _softplus(function: Any) -> Rules:
    # Beyond the usual threshold the sigmoid is 1 to nine digits.
    return (rules.SOFTPLUS if kept(function, "threshold") == 20 else rules.LOCAL,)


def _batch_norm(function: Any) -> Rules:
    training = kept(function, "training")
    to_input = rules.NORMALIZED if training else rules.RESCALED
    return to_input, rules.TO_THE_SCALE, rules.TO_THE_SHIFT


def _mean_or(mean: Rule, other: Rule, *weights: str) -> Callable[[Any], Rules]:
    """A loss is the mean of its elements, or else their sum, or one for each; or it has weights."""

    def passes(function: Any) -> Rules:
        if any(kept(function, weight) is not None for weight in weights):
            return (rules.LOCAL,)
        rule = mean if kept(function, "reduction") == 1 else other
        # Its target is seldom differentiated; a difference is the same to both.
        return rule, rule if rule in (rules.MEAN_OF_SQUARES, rules.SQUARES) else rules.LOCAL

    return passes


def _looked_up(function: Any) -> Rules:
    if kept(function, "scale_grad_by_freq"):
        return (rules.LOCAL,)
    return (rules.LOOKED_UP if kept(function, "padding_idx") < 0 else rules.LOOKED_UP_BUT,)


def _windows(function: Any) -> Rules:
    """Where windows reach beyond the edge, it depends on whether what is there was counted."""
    divided_by_all = kept(function, "divisor_override") is None
    is_whole = divided_by_all and not kept(function, "ceil_mode")
    counted = kept(function, "count_include_pad")
    padded = any(kept(function, "padding") or ())
    return (rules.WINDOWS if is_whole and (counted or not padded) else rules.LOCAL,)


_BOTH = ("self", "other")
_POWERS = ("self", "exponent")
_MATRICES = (rules.TO_THE_LEFT, rules.TO_THE_RIGHT)
_TO_PARAMETERS = (rules.TO_THE_SCALE, rules.TO_THE_SHIFT)
_CONVOLUTION = (rules.CONVOLVED, rules.CORRELATED, rules.SUMMED_BUT_CHANNELS)
_MAXIMUM = (rules.EVENLY,)
_MEAN_OF_SQUARES = _mean_or(rules.MEAN_OF_SQUARES, rules.SQUARES)
_NLL = _mean_or(rules.MEAN_NLL, rules.NLL, "weight")
_BCE = _mean_or(rules.MEAN_BCE, rules.BCE, "weight")
_BCE_LOGITS = _mean_or(rules.MEAN_BCE_LOGITS, rules.BCE_LOGITS, "weight", "pos_weight")
_DIVIDED = (rules.OVER_THE_DIVISOR, rules.TO_THE_DIVISOR)
_POWER = (rules.TO_THE_BASE, rules.TO_THE_EXPONENT)
_TABLE = (
    # Arithmetic
    Operation("AddBackward0", "+{times alpha}", _added, is_arithmetic=True),
    Operation("AddBackward1", "+ {constant}", (rules.AS_IT_IS,)),
    Operation("DivBackward0", "÷", _DIVIDED, _BOTH, is_arithmetic=True),
    Operation("DivBackward1", "÷ {other}", _DIVIDED),
    Operation("DivBackward2", "÷{rounding}", _quotient, _BOTH, is_arithmetic=True),
    Operation("DivBackward3", "÷{rounding} {other}", _quotient),
    Operation("MulBackward0", "×", (rules.TIMES_THE_OTHER,), _BOTH, is_arithmetic=True),
    Operation("MulBackward1", "× {other}", (rules.TIMES_THE_OTHER,)),
    Operation("NegBackward0", "−", (rules.MINUS,)),
    Operation("PowBackward0", "^ {exponent}", _POWER),
    Operation("PowBackward1", "^", _POWER, _POWERS, is_arithmetic=True),
    Operation("PowBackward2", "{self} ^", (rules.TO_THE_EXPONENT,)),
    Operation("ReciprocalBackward0", "1 ÷", (rules.RECIPROCAL,)),
    Operation(
        "RsubBackward0", "−{times alpha}", _subtracted_from, is_arithmetic=True, is_reversed=True
    ),
    Operation("RsubBackward1", "{constant} −{times alpha}", _subtracted_from),
    Operation("SubBackward0", "−{times alpha}", _subtracted, is_arithmetic=True),
    Operation("SubBackward1", "− {constant}", (rules.AS_IT_IS,)),
    # Functions of one number
    Operation("AbsBackward0", "abs", (rules.TIMES_SIGN,)),
    Operation("AtanBackward0", "atan", (rules.ATAN,)),
    Operation("CeilBackward0", "ceil", (rules.ZERO,)),
    Operation("CosBackward0", "cos", (rules.TIMES_MINUS_SIN,)),
    Operation("CoshBackward0", "cosh", (rules.TIMES_SINH,)),
    Operation("ErfBackward0", "erf", (rules.ERF,)),
    Operation("ExpBackward0", "exp", (rules.TIMES_RESULT,)),
    Operation("Exp2Backward0", "2 ^", (rules.TIMES_RESULT_LN2,)),
    Operation("Expm1Backward0", "expm1", (rules.TIMES_RESULT_PLUS_1,)),
    Operation("FloorBackward0", "floor", (rules.ZERO,)),
    Operation("LogBackward0", "log", (rules.OVER_INPUT,)),
    Operation("Log10Backward0", "log10", (rules.OVER_INPUT_LN10,)),
    Operation("Log1PBackward0", "log1p", (rules.OVER_INPUT_PLUS_1,)),
    Operation("Log2Backward0", "log2", (rules.OVER_INPUT_LN2,)),
    Operation("RoundBackward0", "round", (rules.ZERO,)),
    Operation("RoundBackward1", "round", (rules.ZERO,)),
    Operation("RsqrtBackward0", "1 ÷ √", (rules.RSQRT,)),
    Operation("SignBackward0", "sign", (rules.ZERO,)),
    Operation("SinBackward0", "sin", (rules.TIMES_COS,)),
    Operation("SinhBackward0", "sinh", (rules.TIMES_COSH,)),
    Operation("SqrtBackward0", "√", (rules.OVER_TWICE_RESULT,)),
    Operation("TanBackward0", "tan", (rules.TAN,)),
    Operation("TruncBackward0", "trunc", (rules.ZERO,)),
    # Activations and choices
    Operation("ClampBackward0", "clamp", (rules.WITHIN, rules.BEYOND), ("self", "min", "max")),
    Operation("ClampBackward1", "clamp{limits}", (rules.WITHIN,)),
    Operation("ClampMaxBackward0", "clamp to at most {max}", (rules.WITHIN,)),
    Operation("ClampMaxBackward1", "clamp", (rules.WITHIN, rules.BEYOND), ("self", "max")),
    Operation("ClampMinBackward0", "clamp to at least {min}", (rules.WITHIN,)),
    Operation("ClampMinBackward1", "clamp", (rules.WITHIN, rules.BEYOND), ("self", "min")),
    Operation("EluBackward0", "elu", (rules.ELU,)),
    Operation("EluBackward1", "elu", (rules.ELU,)),
    Operation("GeluBackward0", "gelu", _gelu),
    Operation("HardtanhBackward0", "clamp {min_val} to {max_val}", (rules.WITHIN,)),
    Operation("LeakyReluBackward0", "leaky relu {negative_slope}", (rules.LEAKY,)),
    Operation("LeakyReluBackward1", "leaky relu {negative_slope}", (rules.LEAKY,)),
    Operation("LogSigmoidBackward0", "log sigmoid", (rules.LOG_SIGMOID,)),
    Operation("MaskedFillBackward0", "masked fill", (rules.NOT_FILLED, rules.FILLED)),
    Operation("MaskedFillBackward1", "masked fill", (rules.NOT_FILLED, rules.FILLED)),
    Operation("MaximumBackward0", "max", (rules.LARGER,), _BOTH),
    Operation("MinimumBackward0", "min", (rules.SMALLER,), _BOTH),
    Operation("ReluBackward0", "relu", (rules.RELU,)),
    Operation("SigmoidBackward0", "sigmoid", (rules.SIGMOID,)),
    Operation("SiluBackward0", "silu", (rules.SILU,)),
    Operation("SoftplusBackward0", "softplus", _softplus),
    Operation("TanhBackward0", "tanh", (rules.TANH,)),
    Operation("ThresholdBackwardBackward0", "relu′", (rules.LOCAL,)),
    Operation("TrilBackward0", "lower triangle", (rules.KEPT,)),
    Operation("TriuBackward0", "upper triangle", (rules.KEPT,)),
    Operation("WhereBackward0", "where", (rules.WHERE, rules.WHERE_NOT)),
    # Sums and other reductions
    Operation("AmaxBackward0", "max{dim}", _MAXIMUM),
    Operation("AminBackward0", "min{dim}", _MAXIMUM),
    Operation("CumsumBackward0", "cumulative sum{dim}", (rules.FROM_IT_ON,)),
    Operation("LinalgVectorNormBackward0", "‖ ‖{order}{dim}", _norm),
    Operation("LogSoftmaxBackward0", "log softmax{dim}", (rules.LOG_SOFTMAX,)),
    Operation("LogsumexpBackward0", "log Σ exp{dim}", (rules.TIMES_SOFTMAX,)),
    Operation("MaxBackward0", "max{dim}", (rules.TAKEN,)),
    Operation("MaxBackward1", "max", _MAXIMUM),
    Operation("MeanBackward0", "mean", (rules.SHARED,)),
    Operation("MeanBackward1", "mean{dim}", (rules.SHARED,)),
    Operation("MedianBackward0", "median", _MAXIMUM),
    Operation("MedianBackward1", "median{dim}", (rules.TAKEN,)),
    Operation("MinBackward0", "min{dim}", (rules.TAKEN,)),
    Operation("MinBackward1", "min", _MAXIMUM),
    Operation("ProdBackward0", "product", (rules.PRODUCT,)),
    Operation("ProdBackward1", "product{dim}", (rules.PRODUCT,)),
    Operation("SafeSoftmaxBackward0", "softmax{dim}", (rules.SOFTMAX,)),
    Operation("SoftmaxBackward0", "softmax{dim}", (rules.SOFTMAX,)),
    Operation("StdBackward0", "standard deviation{dim}", (rules.DEVIATION,)),
    Operation("SumBackward0", "Σ", (rules.TO_EACH,)),
    Operation("SumBackward1", "Σ{dim}", (rules.TO_EACH,)),
    Operation("VarBackward0", "variance{dim}", (rules.VARIANCE,)),
    # Places and shapes
    Operation("AliasBackward0", "alias", (rules.AS_IT_IS,)),
    Operation("CatBackward0", "cat{dim}", (rules.PARTS,)),
    Operation("CloneBackward0", "clone", (rules.AS_IT_IS,)),
    Operation("ConjBackward0", "conjugate", (rules.CONJUGATED,)),
    Operation("ConstantPadNdBackward0", "pad {pad}", (rules.UNPADDED,)),
    Operation("DiagonalBackward0", "diagonal", (rules.TAKEN,)),
    Operation("ExpandBackward0", "expand to {shape}", (rules.COPIES,)),
    Operation("FlipBackward0", "flip{dim}", (rules.MOVED,)),
    Operation("GatherBackward0", "gather{dim}", (rules.TAKEN_OFTEN,)),
    Operation("IndexBackward0", "{indices}", (rules.TAKEN_OFTEN,)),
    Operation("IndexSelectBackward0", "index select{dim} {indices}", (rules.TAKEN_OFTEN,)),
    Operation("MaskedSelectBackward0", "[mask]", (rules.TAKEN,)),
    Operation("PermuteBackward0", "permute to{dim}", (rules.MOVED,)),
    Operation("RepeatBackward0", "repeat to {shape}", (rules.COPIES,)),
    Operation("ReshapeAliasBackward0", "view as {shape}", (rules.MOVED,)),
    Operation("RollBackward0", "roll {shifts}{dim}", (rules.MOVED,)),
    Operation("SelectBackward0", "{place}", (rules.TAKEN,)),
    Operation("SliceBackward0", "{place}", (rules.TAKEN,)),
    Operation("SortBackward0", "sort{dim}", (rules.MOVED,)),
    Operation("SortBackward1", "sort{dim}", (rules.MOVED,)),
    Operation("SplitBackward0", "split{dim}", (rules.MOVED,)),
    Operation("SplitWithSizesBackward0", "split{dim}", (rules.MOVED,)),
    Operation("SqueezeBackward0", "squeeze", (rules.MOVED,)),
    Operation("SqueezeBackward1", "squeeze{dim}", (rules.MOVED,)),
    Operation("SqueezeBackward2", "squeeze{dim}", (rules.MOVED,)),
    Operation("SqueezeBackward3", "squeeze", (rules.MOVED,)),
    Operation("SqueezeBackward4", "squeeze{dim}", (rules.MOVED,)),
    Operation("SqueezeBackward5", "squeeze{dim}", (rules.MOVED,)),
    Operation("StackBackward0", "stack{dim}", (rules.PARTS,)),
    Operation("TBackward0", "transpose", (rules.MOVED,)),
    Operation("TBackward1", "transpose", (rules.MOVED,)),
    Operation("ToCopyBackward0", "to {dtype}", (rules.AS_IT_IS,)),
    Operation("TopkBackward0", "top k{dim}", (rules.TAKEN,)),
    Operation("TransposeBackward0", "transpose{dims}", (rules.MOVED,)),
    Operation("TransposeBackward1", "transpose{dims}", (rules.MOVED,)),
    Operation("UnbindBackward0", "unbind{dim}", (rules.MOVED,)),
    Operation("UnsafeViewBackward0", "view as {shape}", (rules.MOVED,)),
    Operation("UnsqueezeBackward0", "unsqueeze{dim}", (rules.MOVED,)),
    Operation("UnsqueezeBackward1", "unsqueeze{dim}", (rules.MOVED,)),
    Operation("ViewBackward0", "view as {shape}", (rules.MOVED,)),
    # Matrices, networks and losses
    Operation(
        "AddmmBackward0",
        "{beta times}+{times alpha} @",
        _added_to_a_product,
        (None, "mat1", "mat2"),
    ),
    Operation("AvgPool2DBackward0", "average pool {kernel_size}", _windows, ("self",)),
    Operation(
        "BaddbmmBackward0",
        "{beta times}+{times alpha} @",
        _added_to_a_product,
        (None, "batch1", "batch2"),
    ),
    Operation("BinaryCrossEntropyBackward0", "binary cross entropy", _BCE, ("self", "target")),
    Operation(
        "BinaryCrossEntropyWithLogitsBackward0",
        "binary cross entropy with logits",
        _BCE_LOGITS,
        ("self", "target"),
    ),
    Operation("BmmBackward0", "@", _MATRICES, ("self", "mat2")),
    Operation("ConvolutionBackward0", "convolution", _CONVOLUTION, ("input", "weight")),
    Operation("ConvolutionBackward1", "convolution", _CONVOLUTION, ("input", "weight")),
    Operation("DotBackward0", "·", (rules.TIMES_THE_OTHER,), ("self", "tensor")),
    Operation("EmbeddingBackward0", "embedding", _looked_up),
    Operation("MaxPool2DWithIndicesBackward0", "max pool {kernel_size}", (rules.LARGEST,)),
    Operation("MmBackward0", "@", _MATRICES, ("self", "mat2")),
    Operation("MseLossBackward0", "mse loss", _MEAN_OF_SQUARES, ("self", "target")),
    Operation("MvBackward0", "@", _MATRICES, ("self", "vec")),
    Operation("NativeBatchNormBackward0", "batch norm", _batch_norm),
    Operation("NativeGroupNormBackward0", "group norm", (rules.NORMALIZED, *_TO_PARAMETERS)),
    Operation("NativeLayerNormBackward0", "layer norm", (rules.NORMALIZED, *_TO_PARAMETERS)),
    Operation("NllLossBackward0", "negative log-likelihood", _NLL, also="target"),
    Operation("NllLoss2DBackward0", "negative log-likelihood", _NLL, also="target"),
)
OPERATIONS = {operation.name: operation for operation in _TABLE}
