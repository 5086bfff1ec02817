"""What there is to say about torch's operations: one table, by PyTorch's names for them."""

import math
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from torch import Tensor

from autodiff_helpers.graphs import rules
from autodiff_helpers.graphs.kept import kept, order_of_norm
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
    return Operation(name, _plain(_in_words(name)))


def _in_words(name: str) -> str:
    """The name of an operation in small letters, without what it has as a backward function."""
    return re.sub(r"(?<=\w)(?=[A-Z][a-z])", " ", re.sub(r"Backwards?\d*$", "", name)).lower()


def _plain(sign: str) -> str:
    """A sign that has no fields, whatever the user wrote."""
    return sign.replace("{", "{{").replace("}", "}}")


def _called(
    names: str, passes: Rules | Callable[[Any], Rules], operands: tuple[str | None, ...] = ()
) -> Iterator[Operation]:
    """Operations of one rule, whose signs are their names; the first of its kind is meant."""
    for name in names.split():
        full = name if "Backward" in name else f"{name}Backward0"
        yield Operation(full, _in_words(full), passes, operands)


# Which rule it is, where that depends on what autograd keeps


def _added(function: Any) -> Rules:
    """With a factor for the second one, if any."""
    plain = kept(function, "alpha") == 1
    return rules.AS_IT_IS, rules.AS_IT_IS if plain else rules.TIMES_ALPHA


def _subtracted(function: Any) -> Rules:
    """The same for a difference."""
    plain = kept(function, "alpha") == 1
    return rules.AS_IT_IS, rules.MINUS if plain else rules.MINUS_ALPHA


def _subtracted_from(function: Any) -> Rules:
    """The same with the operands in the other order."""
    return _subtracted(function)[::-1]


def _added_to_a_product(function: Any) -> Rules:
    """A product of matrices, and what is added to it."""
    bias = rules.AS_IT_IS if kept(function, "beta") == 1 else rules.TIMES_BETA
    if kept(function, "alpha") == 1:
        return bias, rules.TO_THE_LEFT, rules.TO_THE_RIGHT
    return bias, rules.TO_THE_LEFT_ALPHA, rules.TO_THE_RIGHT_ALPHA


def _quotient(function: Any) -> Rules:
    """A quotient that is rounded stays the same or jumps."""
    if kept(function, "rounding_mode") is not None:
        return (rules.ZERO,)
    return rules.OVER_THE_DIVISOR, rules.TO_THE_DIVISOR


def _norm(function: Any) -> Rules:
    """That of order 2, that of order 1, or another."""
    order = order_of_norm(function)
    if order in (1, 2):
        return (rules.NORM_1 if order == 1 else rules.NORM,)
    return (rules.NORM_ANY if order is not None and 1 < order < math.inf else rules.LOCAL,)


def _gelu(function: Any) -> Rules:
    """The exact form, or the one that is near it."""
    return (rules.GELU_TANH if kept(function, "approximate") == "tanh" else rules.GELU,)


def _softplus(function: Any) -> Rules:
    """With the usual threshold only."""
    # Beyond it the sigmoid is 1 to nine digits.
    return (rules.SOFTPLUS if kept(function, "threshold") == 20 else rules.LOCAL,)


def _batch_norm(function: Any) -> Rules:
    """In training with the mean and the variance of the batch."""
    training = kept(function, "training")
    to_input = rules.NORMALIZED if training else rules.RESCALED
    return to_input, rules.TO_THE_SCALE, rules.TO_THE_SHIFT


def _mean_or(mean: Rule, other: Rule, weights: tuple[str, ...], function: Any) -> Rules:
    """A loss is the mean of its elements, or else their sum, or one for each; or it has weights."""
    if any(kept(function, weight) is not None for weight in weights):
        return (rules.LOCAL,)
    # Its target is seldom differentiated.
    return mean if kept(function, "reduction") == 1 else other, rules.LOCAL


def _looked_up(function: Any) -> Rules:
    """Rows that were looked up; one of them may be left as it is."""
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


def _difference_or_mean(mean: Rule, other: Rule, function: Any) -> Rules:
    """The same for a loss of a difference, which has one rule for both of its operands."""
    return (mean if kept(function, "reduction") == 1 else other,)


def _nll(function: Any) -> Rules:
    """The loss of the target, which may have a weight."""
    is_mean = kept(function, "reduction") == 1
    if kept(function, "weight") is not None:
        return (rules.MEAN_WEIGHTED_NLL if is_mean else rules.WEIGHTED_NLL,)
    return (rules.MEAN_NLL if is_mean else rules.NLL,)


def _real_or_complex(real: Rule, complex_: Rule, function: Any) -> Rules:
    """By the kind of the operand that is kept."""
    found = [kept(function, name) for name in ("self", "other", "A")]
    operand = next((each for each in found if isinstance(each, Tensor)), None)
    if operand is None:
        return (rules.LOCAL,)
    return (complex_ if operand.is_complex() else real,)


def _written(function: Any) -> Rules:
    """Numbers that were written, or else added, at some places."""
    if kept(function, "accumulate"):
        return rules.AS_IT_IS, rules.PLACED
    return rules.NOT_FILLED, rules.PLACED


def _added_at(function: Any) -> Rules:
    """Numbers that were added at some places, without a factor."""
    return rules.AS_IT_IS, rules.PLACED if kept(function, "alpha") == 1 else rules.LOCAL


def _logit(function: Any) -> Rules:
    """Without limits to its input."""
    return (rules.LOGIT if kept(function, "eps") is None else rules.LOCAL,)


def _cholesky(function: Any) -> Rules:
    """The lower triangle only."""
    return (rules.LOCAL if kept(function, "upper") else rules.CHOLESKY,)


def _solve(function: Any) -> Rules:
    """With the matrix on the left only."""
    if not kept(function, "left"):
        return (rules.LOCAL,)
    return rules.SOLVED_LEFT, rules.SOLVED_RIGHT


def _distance(rule: Rule, function: Any) -> Rules:
    """The usual distance, which is the norm of order 2."""
    return (rule if kept(function, "p") == 2 else rules.LOCAL,)


def _above_threshold(function: Any) -> Rules:
    """The derivative of relu, or that of another threshold."""
    to_gradient = rules.SECOND_POSITIVE if kept(function, "threshold") == 0 else rules.LOCAL
    return to_gradient, rules.ZERO


_BOTH = ("self", "other")
_POWERS = ("self", "exponent")
_MAT = (None, "mat", "vec")
_MATRICES = (rules.TO_THE_LEFT, rules.TO_THE_RIGHT)
_TO_PARAMETERS = (rules.TO_THE_SCALE, rules.TO_THE_SHIFT)
_CONVOLUTION = (rules.CONVOLVED, rules.CORRELATED, rules.SUMMED_BUT_CHANNELS)
_MAXIMUM = (rules.EVENLY,)
_MEAN_OF_SQUARES = partial(_difference_or_mean, rules.MEAN_OF_SQUARES, rules.SQUARES)
_HUBER = partial(_difference_or_mean, rules.MEAN_HUBER, rules.HUBER)
_SMOOTH_L1 = partial(_difference_or_mean, rules.MEAN_SMOOTH_L1, rules.SMOOTH_L1)
_LOG_DETERMINANT = partial(_real_or_complex, rules.LOG_DETERMINANT, rules.LOCAL)
_BCE = partial(_mean_or, rules.MEAN_BCE, rules.BCE, ("weight",))
_OF_LOGITS = (rules.MEAN_BCE_LOGITS, rules.BCE_LOGITS)
_BCE_LOGITS = partial(_mean_or, *_OF_LOGITS, ("weight", "pos_weight"))
_DIVIDED = (rules.OVER_THE_DIVISOR, rules.TO_THE_DIVISOR)
_POWER = (rules.TO_THE_BASE, rules.TO_THE_EXPONENT)
_ADDCDIV = (rules.AS_IT_IS, rules.ADDCDIV_SECOND, rules.ADDCDIV_THIRD)
_ADDCMUL = (rules.AS_IT_IS, rules.ADDCMUL_SECOND, rules.ADDCMUL_THIRD)
_LERP = (rules.LERP_START, rules.LERP_END, rules.LERP_WEIGHT)
_PRELU = (rules.PRELU, rules.TO_THE_SLOPE)
_RESULT = ("grad_output", "output")
_SIGMOID2 = (rules.SIGMOID2_FIRST, rules.SIGMOID2_SECOND)
_SOFTMAX2 = (rules.SOFTMAX2_FIRST, rules.SOFTMAX2_SECOND)
_LOG_SOFTMAX2 = (rules.LOG_SOFTMAX2_FIRST, rules.LOG_SOFTMAX2_SECOND)
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
        "RsubBackward0",
        "−{times alpha}",
        _subtracted_from,
        is_arithmetic=True,
        is_reversed=True,
    ),
    Operation("RsubBackward1", "{constant} −{times alpha}", _subtracted_from),
    Operation("SubBackward0", "−{times alpha}", _subtracted, is_arithmetic=True),
    Operation("SubBackward1", "− {constant}", (rules.AS_IT_IS,)),
    # Functions of one number
    *_called("Abs", (rules.TIMES_SIGN,)),
    *_called("Acos", (rules.ACOS,)),
    *_called("Acosh AcoshBackward1", (rules.ACOSH,)),
    *_called("Angle", partial(_real_or_complex, rules.ZERO, rules.ANGLE)),
    *_called("Asin", (rules.ASIN,)),
    *_called("Asinh AsinhBackward1", (rules.ASINH,)),
    *_called("Atan", (rules.ATAN,)),
    *_called("Atanh AtanhBackward1", (rules.ATANH,)),
    *_called("Ceil Floor Round RoundBackward1 Sign Trunc", (rules.ZERO,)),
    *_called("Cos", (rules.TIMES_MINUS_SIN,)),
    *_called("Cosh", (rules.TIMES_SINH,)),
    *_called("Deg2Rad", (rules.TO_RADIANS,)),
    *_called("Erf", (rules.ERF,)),
    *_called("Erfc", (rules.ERFC,)),
    *_called("Expm1", (rules.TIMES_RESULT_PLUS_1,)),
    *_called("Fmod Frac Remainder", (rules.AS_IT_IS,)),
    *_called("Log", (rules.OVER_INPUT,)),
    *_called("Log10", (rules.OVER_INPUT_LN10,)),
    *_called("Log1P", (rules.OVER_INPUT_PLUS_1,)),
    *_called("Log2", (rules.OVER_INPUT_LN2,)),
    *_called("Logit", _logit),
    *_called("Rad2Deg", (rules.TO_DEGREES,)),
    *_called("Sgn", partial(_real_or_complex, rules.ZERO, rules.LOCAL)),
    *_called("Sin", (rules.TIMES_COS,)),
    *_called("Sinh", (rules.TIMES_COSH,)),
    *_called("Tan", (rules.TAN,)),
    Operation("ExpBackward0", "exp", (rules.TIMES_RESULT,)),
    Operation("Exp2Backward0", "2 ^", (rules.TIMES_RESULT_LN2,)),
    Operation("RsqrtBackward0", "1 ÷ √", (rules.RSQRT,)),
    Operation("SqrtBackward0", "√", (rules.OVER_TWICE_RESULT,)),
    # Functions of several numbers
    *_called("Addcdiv", _ADDCDIV, (None, "tensor1", "tensor2")),
    *_called("Addcmul", _ADDCMUL, (None, "tensor1", "tensor2")),
    *_called("Atan2", (rules.ATAN2_UPPER, rules.ATAN2_LOWER), _BOTH),
    *_called("FmodBackward1", (rules.AS_IT_IS, rules.MINUS_TRUNC), _BOTH),
    *_called("Hypot", (rules.HYPOT_FIRST, rules.HYPOT_SECOND), _BOTH),
    *_called("LerpBackward1", _LERP, ("self", "end", "weight")),
    *_called("Logaddexp", (rules.LOGADDEXP_FIRST, rules.LOGADDEXP_SECOND), _BOTH),
    *_called("Logaddexp2", (rules.LOGADDEXP2_FIRST, rules.LOGADDEXP2_SECOND), _BOTH),
    *_called("Polar", (rules.POLAR_LENGTH, rules.POLAR_ANGLE)),
    *_called("RemainderBackward1", (rules.AS_IT_IS, rules.MINUS_FLOOR), _BOTH),
    *_called("Xlogy", (rules.XLOGY_FIRST, rules.XLOGY_SECOND), _BOTH),
    Operation("LerpBackward0", "lerp {weight}", (rules.TO_THE_START, rules.TO_THE_END)),
    Operation("XlogyBackward1", "{self} × log", (rules.XLOGY_OF_INPUT,)),
    Operation("XlogyBackward2", "× log {other}", (rules.XLOGY_BY_NUMBER,)),
    # Activations and choices
    *_called("Celu CeluBackward1", (rules.CELU,)),
    *_called("Gelu", _gelu),
    *_called("Hardsigmoid", (rules.HARDSIGMOID,)),
    *_called("Hardswish", (rules.HARDSWISH,)),
    *_called("LogSigmoid", (rules.LOG_SIGMOID,)),
    *_called("Mish", (rules.MISH,)),
    *_called("Relu", (rules.RELU,)),
    *_called("Sigmoid", (rules.SIGMOID,)),
    *_called("Silu", (rules.SILU,)),
    *_called("Softplus", _softplus),
    *_called("Tanh", (rules.TANH,)),
    *_called("Hardshrink NanToNum Softshrink Threshold ThresholdBackward1", (rules.NOT_FILLED,)),
    Operation("ClampBackward0", "clamp", (rules.WITHIN, rules.BEYOND), ("self", "min", "max")),
    Operation("ClampBackward1", "clamp{limits}", (rules.WITHIN,)),
    Operation("ClampMaxBackward0", "clamp to at most {max}", (rules.WITHIN,)),
    Operation("ClampMaxBackward1", "clamp", (rules.WITHIN, rules.BEYOND), ("self", "max")),
    Operation("ClampMinBackward0", "clamp to at least {min}", (rules.WITHIN,)),
    Operation("ClampMinBackward1", "clamp", (rules.WITHIN, rules.BEYOND), ("self", "min")),
    Operation("EluBackward0", "elu", (rules.ELU,)),
    Operation("EluBackward1", "elu", (rules.ELU,)),
    Operation("HardtanhBackward0", "clamp {min_val} to {max_val}", (rules.WITHIN,)),
    Operation("LeakyReluBackward0", "leaky relu {negative_slope}", (rules.LEAKY,)),
    Operation("LeakyReluBackward1", "leaky relu {negative_slope}", (rules.LEAKY,)),
    Operation("MaskedFillBackward0", "masked fill", (rules.NOT_FILLED, rules.FILLED)),
    Operation("MaskedFillBackward1", "masked fill", (rules.NOT_FILLED, rules.FILLED)),
    Operation("MaximumBackward0", "max", (rules.LARGER,), _BOTH),
    Operation("MinimumBackward0", "min", (rules.SMALLER,), _BOTH),
    Operation("PreluKernelBackward0", "leaky relu", _PRELU, ("self", "weight")),
    Operation("SigmoidBackwardBackward0", "sigmoid′", _SIGMOID2, _RESULT),
    Operation("TanhBackwardBackward0", "tanh′", (rules.TANH2_FIRST, rules.TANH2_SECOND), _RESULT),
    Operation("ThresholdBackwardBackward0", "relu′", _above_threshold),
    Operation("TrilBackward0", "lower triangle", (rules.KEPT,)),
    Operation("TriuBackward0", "upper triangle", (rules.KEPT,)),
    Operation("WhereBackward0", "where", (rules.WHERE, rules.WHERE_NOT)),
    # Sums and other reductions
    *_called("Cummax Cummin", (rules.TAKEN_OFTEN,)),
    *_called("Kthvalue Mode NanmedianBackward1", (rules.TAKEN,)),
    *_called("Nanmedian", _MAXIMUM),
    Operation("CumprodBackward0", "cumulative product{dim}", (rules.CUMPROD,)),
    Operation("DistBackward0", "distance", partial(_distance, rules.DISTANCE), _BOTH),
    Operation("LogSoftmaxBackwardDataBackward0", "log softmax{dim}′", _LOG_SOFTMAX2, _RESULT),
    Operation("NormBackward0", "‖ ‖{order}", _norm),
    Operation("NormBackward1", "‖ ‖{order}{dim}", _norm),
    Operation("NormBackward2", "‖ ‖{order}", _norm),
    Operation("NormBackward3", "‖ ‖{order}{dim}", _norm),
    Operation("SoftmaxBackwardDataBackward0", "softmax{dim}′", _SOFTMAX2, _RESULT),
    Operation("TraceBackward0", "trace", (rules.ON_THE_DIAGONAL,)),
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
    *_called("Alias Clone", (rules.AS_IT_IS,)),
    *_called("AsStrided AsStridedBackward1 Diagonal Take Unfold", (rules.TAKEN_OFTEN,)),
    *_called("BlockDiag Complex", (rules.PARTS,)),
    *_called("ChannelShuffle PixelShuffle PixelUnshuffle Rot90", (rules.MOVED,)),
    *_called("Col2Im DiagEmbed Im2Col", (rules.PLACED,)),
    *_called("ConjPhysical ConjPhysicalBackward1", (rules.CONJUGATED,)),
    *_called("DiagonalScatter MaskedScatter SelectScatter SliceScatter", _written),
    *_called("Fill FillBackward1 FillBackward2 FillBackward3", (rules.ZERO, rules.PLACED)),
    *_called("IndexAdd", _added_at),
    *_called("IndexCopy IndexFill IndexFillBackward1 IndexPut Scatter", _written),
    *_called("ScatterBackward1", _written),
    *_called("ReflectionPad1D ReflectionPad2D ReflectionPad3D", (rules.COPIES,)),
    *_called("ReplicationPad1D ReplicationPad2D ReplicationPad3D", (rules.COPIES,)),
    *_called("ScatterAdd", (rules.AS_IT_IS, rules.PLACED)),
    *_called("ViewAsComplex ViewAsReal", (rules.MOVED,)),
    *_called("Zero", (rules.ZERO,)),
    Operation("SelectBackwardBackward0", "{place}′", (rules.PLACED,)),
    Operation("SliceBackwardBackward0", "{place}′", (rules.PLACED,)),
    Operation("CopyBackwards", "copy", (rules.ZERO, rules.AS_IT_IS)),
    Operation("CopySlices", "change in place", (rules.CHANGED, rules.TO_THE_CHANGE)),
    Operation("UnsafeSplitBackward0", "split{dim}", (rules.MOVED,)),
    Operation("CatBackward0", "cat{dim}", (rules.PARTS,)),
    Operation("ConjBackward0", "conjugate", (rules.CONJUGATED,)),
    Operation("ConstantPadNdBackward0", "pad {pad}", (rules.UNPADDED,)),
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
    *_called("UpsampleBicubic2D UpsampleBilinear2D UpsampleLinear1D", (rules.CONVOLVED,)),
    *_called("UpsampleNearest1D UpsampleNearest2D UpsampleNearest3D", (rules.COPIES,)),
    *_called("UpsampleTrilinear3D", (rules.CONVOLVED,)),
    Operation("AdaptiveAvgPool2DBackward0", "average pool", (rules.WINDOWS,)),
    Operation("AdaptiveMaxPool2DBackward0", "max pool", (rules.LARGEST,)),
    Operation(
        "ScaledDotProductFlashAttentionForCpuBackward0",
        "attention",
        (rules.TO_THE_QUERY, rules.TO_THE_KEY, rules.TO_THE_VALUE),
        ("query", "key", "value"),
    ),
    Operation("AddmvBackward0", "{beta times}+{times alpha} @", _added_to_a_product, _MAT),
    Operation("CdistBackward0", "distances", partial(_distance, rules.DISTANCES), ("x1", "x2")),
    Operation("HuberLossBackward0", "huber loss", _HUBER, ("self", "target")),
    Operation("LinalgCholeskyExBackward0", "Cholesky factor", _cholesky),
    Operation("LinalgCrossBackward0", "⨯", (rules.CROSS_FIRST, rules.CROSS_SECOND), _BOTH),
    Operation("LinalgDetBackward0", "determinant", (rules.DETERMINANT,)),
    Operation("LinalgInvExBackward0", "inverse", (rules.INVERSE,)),
    Operation("LinalgSlogdetBackward0", "sign and log of the determinant", _LOG_DETERMINANT),
    Operation("LinalgSolveExBackward0", "solve", _solve, ("A", None)),
    Operation("MaxPool3DWithIndicesBackward0", "max pool {kernel_size}", (rules.LARGEST,)),
    Operation("MaxPool2DWithIndicesBackwardBackward0", "max pool′", (rules.PLACED, rules.ZERO)),
    Operation("MaxPool3DWithIndicesBackwardBackward0", "max pool′", (rules.PLACED, rules.ZERO)),
    Operation("SmoothL1LossBackward0", "smooth l1 loss", _SMOOTH_L1, ("self", "target")),
    Operation("VdotBackward0", "·", partial(_real_or_complex, rules.TIMES_THE_OTHER, rules.LOCAL)),
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
    Operation("NllLossBackward0", "negative log-likelihood", _nll, also="target"),
    Operation("NllLoss2DBackward0", "negative log-likelihood", _nll, also="target"),
)
OPERATIONS = {operation.name: operation for operation in _TABLE}
