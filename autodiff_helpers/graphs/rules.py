"""What an operation passes back to its operands: the rules, each in one phrase.

``tests/graphs/test_rules.py`` computes what each phrase says and compares it with what autograd
passes back, so a new phrase needs its formula there.
"""

from typing import Literal, NamedTuple

from autodiff_helpers.words import mark


class Rule(NamedTuple):
    """What an operation passes back to one of its operands."""

    phrase: str
    """In words; a field in it is a number that autograd keeps under this name, or the formula."""
    factor: Literal["", "×", "÷", "@"] = ""
    """How the gradient is joined with what it meets, which is conjugated if it is complex."""
    is_by_element: bool = False
    """Whether each element gets what belongs to it: one that was stretched gets several, summed."""
    formula: str = ""
    """What is the same in every language; a field in it is a number that autograd keeps."""


def _times(phrase: str) -> Rule:
    return Rule(phrase, "×", is_by_element=True)


def _over(phrase: str) -> Rule:
    return Rule(phrase, "÷", is_by_element=True)


def _times_number(formula: str) -> Rule:
    return _times(mark("the gradient times {formula}"))._replace(formula=formula)


def _of_input(formula: str) -> Rule:
    phrase = mark("the gradient times {formula}, where x is its input")
    return _times(phrase)._replace(formula=formula)


def _over_input(formula: str) -> Rule:
    phrase = mark("the gradient divided by {formula}, where x is its input")
    return _over(phrase)._replace(formula=formula)


def _of_result(formula: str) -> Rule:
    phrase = mark("the gradient times {formula}, where r is its own result")
    return _times(phrase)._replace(formula=formula)


def _of_two(formula: str) -> Rule:
    phrase = mark("the gradient times {formula}, where a is its first operand and b its second")
    return _times(phrase)._replace(formula=formula)


def _of_three(formula: str) -> Rule:
    phrase = mark("the gradient times {formula}, where a, b and c are its operands in order")
    return _times(phrase)._replace(formula=formula)


def _of_a_matrix(formula: str) -> Rule:
    phrase = mark("{formula}, where A is its input, R its own result and G the gradient")
    return Rule(phrase, "@", formula=formula)


def _of_two_matrices(formula: str) -> Rule:
    phrase = mark(
        "{formula}, where A and B are its operands in order, R its own result and G the gradient"
    )
    return Rule(phrase, "@", formula=formula)


def _of_attention(formula: str) -> Rule:
    phrase = mark(
        "{formula}, where Q, K and V are its operands in order, W the weights by which it mixes V, "
        "s its scale, G the gradient and H = G @ Vᵀ"
    )
    return Rule(phrase, "@", formula=formula)


def _of_difference(formula: str) -> Rule:
    phrase = mark("the gradient times {formula}, where d is the difference to the other")
    return _times(phrase)._replace(formula=formula)


def _of_mean_difference(formula: str) -> Rule:
    phrase = mark(
        "the gradient times {formula}, divided by the number of elements, where d is the "
        "difference to the other"
    )
    return _times(phrase)._replace(formula=formula)


# Of any operation: what is not known of one is not said of it.
LOCAL = Rule(mark("the gradient times its local derivative"), "×")
OWN = Rule(mark("what its own rule makes of the gradient"))
HOOKED = Rule(mark("what a hook makes of it"))

# Of arithmetic.
CONJUGATED = Rule(mark("the gradient, conjugated"))
AS_IT_IS = Rule(mark("the gradient as it is"), is_by_element=True)
MINUS = Rule(mark("the gradient with a minus"), is_by_element=True)
TIMES_ALPHA = _times_number("{alpha}")
MINUS_ALPHA = _times_number("−{alpha}")
TIMES_BETA = _times_number("{beta}")
TIMES_THE_OTHER = _times(mark("the gradient times the other factor"))
OVER_THE_DIVISOR = _over(mark("the gradient divided by the divisor"))
TO_THE_DIVISOR = _times(mark("the gradient times −quotient ÷ divisor"))
TO_THE_BASE = _times(mark("the gradient times the exponent times the base to one power less"))
TO_THE_EXPONENT = _times(mark("the gradient times its own result times ln of the base"))
ZERO = Rule(mark("0, because its result stays the same or jumps when this one moves a little"))

# Of functions of one number.
TIMES_SIGN = _times(mark("the gradient times the sign of its input"))
TIMES_RESULT = _times(mark("the gradient times its own result"))
OVER_INPUT = _over(mark("the gradient divided by its input"))
OVER_TWICE_RESULT = _over(mark("the gradient divided by twice its own result"))
TIMES_COS = _of_input("cos x")
TIMES_MINUS_SIN = _of_input("(−sin x)")
TIMES_COSH = _of_input("cosh x")
TIMES_SINH = _of_input("sinh x")
TIMES_RESULT_LN2 = _of_result("r ln 2")
TIMES_RESULT_PLUS_1 = _of_result("(r + 1)")
TAN = _of_result("(1 + r²)")
TANH = _of_result("(1 − r²)")
SIGMOID = _of_result("r (1 − r)")
RECIPROCAL = _of_result("(−r²)")
RSQRT = _of_result("(−r³ ÷ 2)")
OVER_INPUT_LN2 = _over_input("(x ln 2)")
OVER_INPUT_LN10 = _over_input("(x ln 10)")
OVER_INPUT_PLUS_1 = _over_input("(x + 1)")
LOGIT = _over_input("(x (1 − x))")
ATAN = _over_input("(1 + x²)")
ASIN = _over_input("√(1 − x²)")
ACOS = _over_input("(−√(1 − x²))")
ATANH = _over_input("(1 − x²)")
ASINH = _over_input("√(x² + 1)")
ACOSH = _over_input("√(x² − 1)")
ERF = _of_input("2 e^(−x²) ÷ √π")
ERFC = _of_input("(−2 e^(−x²) ÷ √π)")
TO_RADIANS = _times_number("π ÷ 180")
TO_DEGREES = _times_number("180 ÷ π")
ANGLE = _of_input("i x ÷ |x|²")

# Of functions of two numbers, or of three.
ATAN2_UPPER, ATAN2_LOWER = _of_two("b ÷ (a² + b²)"), _of_two("(−a ÷ (a² + b²))")
HYPOT_FIRST, HYPOT_SECOND = _of_two("a ÷ √(a² + b²)"), _of_two("b ÷ √(a² + b²)")
MINUS_FLOOR, MINUS_TRUNC = _of_two("(−floor(a ÷ b))"), _of_two("(−trunc(a ÷ b))")
XLOGY_FIRST, XLOGY_SECOND = _of_two("ln b"), _of_two("a ÷ b")
LOGADDEXP_FIRST = _of_two("e^a ÷ (e^a + e^b)")
LOGADDEXP_SECOND = _of_two("e^b ÷ (e^a + e^b)")
LOGADDEXP2_FIRST = _of_two("2^a ÷ (2^a + 2^b)")
LOGADDEXP2_SECOND = _of_two("2^b ÷ (2^a + 2^b)")
XLOGY_OF_INPUT, XLOGY_BY_NUMBER = _of_input("{self} ÷ x"), _times_number("ln {other}")
POLAR_LENGTH, POLAR_ANGLE = _of_two("e^(i b)"), _of_two("i a e^(i b)")
TANH2_FIRST, TANH2_SECOND = _of_two("(1 − b²)"), _of_two("(−2 a b)")
SIGMOID2_FIRST, SIGMOID2_SECOND = _of_two("b (1 − b)"), _of_two("a (1 − 2 b)")
TO_THE_START, TO_THE_END = _times_number("(1 − {weight})"), _times_number("{weight}")
LERP_START, LERP_END = _of_three("(1 − c)"), _of_three("c")
LERP_WEIGHT = _of_three("(b − a)")
ADDCMUL_SECOND, ADDCMUL_THIRD = _of_three("{value times}c"), _of_three("{value times}b")
ADDCDIV_SECOND = _of_three("{value times}1 ÷ c")
ADDCDIV_THIRD = _of_three("(−{value times}b ÷ c²)")

# Of activations.
RELU = _times(mark("the gradient where its input is positive, 0 elsewhere"))
LEAKY = _times(
    mark("the gradient where its input is positive, elsewhere the gradient times {negative_slope}")
)
ELU = _times(
    mark("the gradient times {scale}, and where its input x is negative, times {alpha} e^x as well")
)
SOFTPLUS = _times(mark("the gradient times the sigmoid of {beta} times its input"))
GELU = _times(
    mark(
        "the gradient times Φ(x) + x φ(x), where x is its input, φ the bell curve, and Φ the area "
        "below it up to x"
    )
)
GELU_TANH = _of_input(
    "½ (1 + t) + ½ k x (1 − t²) (1 + 0.134145 x²), t = tanh(k x (1 + 0.044715 x²)), k = √(2 ÷ π)"
)
SILU = _times(
    mark("the gradient times s + x s (1 − s), where x is its input and s the sigmoid of x")
)
CELU = _of_input("min(1, e^(x ÷ {alpha}))")
MISH = _of_input("t + x (1 − t²) ÷ (1 + e^(−x)), t = tanh(ln(1 + e^x))")
HARDSIGMOID = _times(
    mark("the gradient divided by 6 where its input lies between −3 and 3, 0 elsewhere")
)
HARDSWISH = _times(
    mark(
        "the gradient times (2 x + 3) ÷ 6 where its input x lies between −3 and 3; 0 where x is "
        "smaller, the gradient as it is where x is larger"
    )
)
PRELU = _times(
    mark("the gradient where its input is positive, elsewhere the gradient times the weight")
)
TO_THE_SLOPE = _times(mark("the gradient times the input where that is negative, 0 elsewhere"))
SECOND_POSITIVE = _times(mark("the gradient where its second operand is positive, 0 elsewhere"))
LOG_SIGMOID = _times(mark("the gradient times the sigmoid of minus its input"))
WITHIN = _times(mark("the gradient where its input lies within the limits, 0 elsewhere"))
WHERE = _times(mark("the gradient where the condition holds, 0 elsewhere"))
WHERE_NOT = _times(mark("the gradient where the condition does not hold, 0 elsewhere"))
NOT_FILLED = _times(mark("the gradient where nothing was filled in, 0 elsewhere"))
FILLED = Rule(mark("the gradient, summed where it was filled in"))
KEPT = _times(mark("the gradient where the elements were kept, 0 elsewhere"))
LARGER = _times(
    mark("the gradient where this one is larger, half of it where both are equal, 0 elsewhere")
)
SMALLER = _times(
    mark("the gradient where this one is smaller, half of it where both are equal, 0 elsewhere")
)
BEYOND = _times(mark("the gradient where its input was held at this limit, 0 elsewhere"))

# Of sums and other reductions.
TO_EACH = Rule(mark("the gradient, to each element"))
SHARED = Rule(mark("the gradient divided by the number of elements, to each of them"))
EVENLY = Rule(mark("the gradient, shared evenly by the elements with this value; 0 to the others"))
TAKEN = Rule(mark("the gradient to the elements that were taken, 0 to the others"))
TAKEN_OFTEN = Rule(
    mark(
        "the gradient to the elements that were taken, added up where one was taken more than "
        "once; 0 to the others"
    )
)
PRODUCT = Rule(mark("the gradient times the product of the other elements, to each of them"))
FROM_IT_ON = Rule(mark("to each element the sum of the gradients from its place on"))
SOFTMAX = Rule(mark("s (g − the sum of g s), where g is the gradient and s its own result"))
LOG_SOFTMAX = Rule(mark("the gradient minus its sum times the softmax of the input"))
TIMES_SOFTMAX = Rule(mark("the gradient times the softmax of its input"), "×")
VARIANCE = Rule(
    mark(
        "the gradient times 2 (x − the mean) ÷ n, where x is its input and n what the squares "
        "were divided by"
    )
)
DEVIATION = Rule(
    mark(
        "the gradient times (x − the mean) ÷ (n r), where x is its input, r its own result and n "
        "what the squares were divided by"
    )
)
NORM = Rule(mark("the gradient times its input ÷ its own result, or 0 where that is 0"))
NORM_1 = Rule(mark("the gradient times the sign of its input, to each element"))
NORM_ANY = Rule(
    mark("the gradient times {formula}, where x is its input and r its own result"),
    formula="x |x|^({norm} − 2) ÷ r^({norm} − 1)",
)
CUMPROD = Rule(
    mark(
        "to each element the sum, from its place on, of the gradients times the product of the "
        "other elements up to there"
    )
)

# Of what changes the place of numbers, or their shape, or a part in place.
MOVED = Rule(mark("the same numbers, each to where it came from"))
PARTS = Rule(mark("to each part its own part of the gradient"))
UNPADDED = Rule(mark("the gradient without what was padded"))
PLACED = Rule(
    mark("to each number the sum of the gradients at the places to which it went"),
)
ON_THE_DIAGONAL = Rule(mark("the gradient to each number on the diagonal, 0 to the others"))
CHANGED = Rule(
    mark(
        "the gradient as it is outside the part that was changed in place; inside, what that "
        "change makes of it"
    )
)
TO_THE_CHANGE = Rule(mark("what the change in place makes of the gradient at the changed part"))
COPIES = Rule(mark("the gradient, summed over the copies"))

# Of matrices and convolutions.
TO_THE_LEFT = Rule(mark("the gradient @ the right matrix, transposed"), "@")
TO_THE_RIGHT = Rule(mark("the left matrix, transposed, @ the gradient"), "@")
TO_THE_LEFT_ALPHA = Rule(mark("{alpha} × the gradient @ the right matrix, transposed"), "@")
TO_THE_RIGHT_ALPHA = Rule(mark("{alpha} × the left matrix, transposed, @ the gradient"), "@")
INVERSE = _of_a_matrix("−Rᵀ @ G @ Rᵀ")
DETERMINANT = _of_a_matrix("G × R × (A⁻¹)ᵀ")
LOG_DETERMINANT = _of_a_matrix("G × (A⁻¹)ᵀ")
CHOLESKY = Rule(
    mark(
        "½ (S + Sᵀ) with S = (R⁻¹)ᵀ @ P @ R⁻¹, where R is its own result and P is Rᵀ @ the "
        "gradient, with 0 above the diagonal and half of each number on it"
    )
)
SOLVED_LEFT = _of_two_matrices("−(A⁻¹)ᵀ @ G @ Rᵀ")
SOLVED_RIGHT = _of_two_matrices("(A⁻¹)ᵀ @ G")
CROSS_FIRST, CROSS_SECOND = _of_two_matrices("B ⨯ G"), _of_two_matrices("G ⨯ A")
SOFTMAX2_FIRST = _of_two_matrices("B (G − Σ G B)")
SOFTMAX2_SECOND = _of_two_matrices("A (G − Σ G B) − G Σ A B")
LOG_SOFTMAX2_FIRST = _of_two_matrices("G − Σ G e^B")
LOG_SOFTMAX2_SECOND = _of_two_matrices("−G e^B Σ A")
TO_THE_QUERY = _of_attention("s (W (H − Σ W H)) @ K")
TO_THE_KEY = _of_attention("s (W (H − Σ W H))ᵀ @ Q")
TO_THE_VALUE = _of_attention("Wᵀ @ G")
DISTANCES = Rule(
    mark("to each row the sum of the gradients times (this row − the other row) ÷ their distance")
)
DISTANCE = Rule(mark("the gradient times (this one − the other) ÷ its own result"))
CONVOLVED = Rule(
    mark("to each number of the input the sum of the gradients times the weights that it met"), "@"
)
CORRELATED = Rule(
    mark("to each weight the sum of the gradients times the numbers that it met"), "@"
)
SUMMED_BUT_CHANNELS = Rule(mark("the gradient, summed over all but the channels"))
LOOKED_UP = Rule(mark("the gradient, added up in the rows that were looked up; 0 to the others"))
LOOKED_UP_BUT = Rule(
    mark(
        "the gradient, added up in the rows that were looked up; 0 to the others and to row "
        "{padding_idx}"
    )
)
LARGEST = Rule(mark("the gradient to the largest number of each window, 0 to the others"))
WINDOWS = Rule(mark("the gradient divided by the size of the window, to each number in it"))

# Of normalizations and losses.
NORMALIZED = Rule(
    mark(
        "the gradient (times the weight, if there is one), less its mean, less its part along "
        "the normalized input, and then divided by the standard deviation"
    )
)
RESCALED = Rule(
    mark("the gradient (times the weight, if there is one) divided by the standard deviation")
)
TO_THE_SCALE = Rule(mark("the gradient times the normalized input, summed"))
TO_THE_SHIFT = Rule(mark("the gradient, summed"))
SQUARES = Rule(
    mark("the gradient times twice the difference to the other"), "×", is_by_element=True
)
MEAN_OF_SQUARES = Rule(
    mark("the gradient times twice the difference to the other, divided by the number of elements"),
    "×",
    is_by_element=True,
)
HUBER = _of_difference("max(−{delta}, min(d, {delta}))")
MEAN_HUBER = _of_mean_difference("max(−{delta}, min(d, {delta}))")
SMOOTH_L1 = _of_difference("max(−1, min(d ÷ {beta}, 1))")
MEAN_SMOOTH_L1 = _of_mean_difference("max(−1, min(d ÷ {beta}, 1))")
NLL = Rule(mark("minus the gradient to the element of each target, 0 to the others"))
MEAN_NLL = Rule(
    mark(
        "minus the gradient, divided by the number of targets, to the element of each target; 0 "
        "to the others"
    )
)
WEIGHTED_NLL = Rule(
    mark(
        "minus the gradient times the weight of each target to the element of this target, 0 to "
        "the others"
    )
)
MEAN_WEIGHTED_NLL = Rule(
    mark(
        "minus the gradient times the weight of each target, divided by the sum of these weights, "
        "to the element of this target; 0 to the others"
    )
)
BCE = Rule(mark("the gradient times (p − y) ÷ (p (1 − p)), where p is its input and y the target"))
MEAN_BCE = Rule(
    mark(
        "the gradient times (p − y) ÷ (p (1 − p)), divided by the number of elements, where p is "
        "its input and y the target"
    )
)
BCE_LOGITS = Rule(
    mark("the gradient times s − y, where s is the sigmoid of its input and y the target")
)
MEAN_BCE_LOGITS = Rule(
    mark(
        "the gradient times s − y, divided by the number of elements, where s is the sigmoid of "
        "its input and y the target"
    )
)
