"""What an operation passes back to its operands: the rules, each in one phrase.

``tests/graphs/test_rules.py`` computes what each phrase says and compares it with what autograd
passes back, so a new phrase needs its formula there.
"""

from typing import Literal, NamedTuple

from autodiff_helpers.words import mark


class Rule(NamedTuple):
    """What an operation passes back to one of its operands."""

    phrase: str
    """In words; a field in it is a number that autograd keeps under this name."""
    factor: Literal["", "×", "÷", "@"] = ""
    """How the gradient is joined with what it meets, which is conjugated if it is complex."""
    is_by_element: bool = False
    """Whether each element gets what belongs to it: one that was stretched gets several, summed."""


def _times(phrase: str) -> Rule:
    return Rule(phrase, "×", is_by_element=True)


def _over(phrase: str) -> Rule:
    return Rule(phrase, "÷", is_by_element=True)


# Of any operation: what is not known of one is not said of it.
LOCAL = Rule(mark("the gradient times its local derivative"), "×")
OWN = Rule(mark("what its own rule makes of the gradient"))
HOOKED = Rule(mark("what a hook makes of it"))

# Of arithmetic.
CONJUGATED = Rule(mark("the gradient, conjugated"))
AS_IT_IS = Rule(mark("the gradient as it is"), is_by_element=True)
MINUS = Rule(mark("the gradient with a minus"), is_by_element=True)
TIMES_ALPHA = _times(mark("the gradient times {alpha}"))
MINUS_ALPHA = _times(mark("the gradient times −{alpha}"))
TIMES_BETA = _times(mark("the gradient times {beta}"))
TIMES_THE_OTHER = _times(mark("the gradient times the other factor"))
OVER_THE_DIVISOR = _over(mark("the gradient divided by the divisor"))
TO_THE_DIVISOR = _times(mark("the gradient times −quotient ÷ divisor"))
TO_THE_BASE = _times(mark("the gradient times the exponent times the base to one power less"))
TO_THE_EXPONENT = _times(mark("the gradient times its own result times ln of the base"))
ZERO = Rule(mark("0, because its result stays the same or jumps when this one moves a little"))

# Of functions of one number.
TIMES_SIGN = _times(mark("the gradient times the sign of its input"))
TIMES_RESULT = _times(mark("the gradient times its own result"))
TIMES_RESULT_LN2 = _times(mark("the gradient times its own result times ln 2"))
TIMES_RESULT_PLUS_1 = _times(mark("the gradient times (its own result + 1)"))
TIMES_COS = _times(mark("the gradient times cos of its input"))
TIMES_MINUS_SIN = _times(mark("the gradient times −sin of its input"))
TIMES_COSH = _times(mark("the gradient times cosh of its input"))
TIMES_SINH = _times(mark("the gradient times sinh of its input"))
TAN = _times(mark("the gradient times 1 + t², where t is its own result"))
TANH = _times(mark("the gradient times 1 − t², where t is its own result"))
SIGMOID = _times(mark("the gradient times s (1 − s), where s is its own result"))
RECIPROCAL = _times(mark("the gradient times −r², where r is its own result"))
RSQRT = _times(mark("the gradient times −r³ ÷ 2, where r is its own result"))
OVER_INPUT = _over(mark("the gradient divided by its input"))
OVER_INPUT_LN2 = _over(mark("the gradient divided by its input times ln 2"))
OVER_INPUT_LN10 = _over(mark("the gradient divided by its input times ln 10"))
OVER_INPUT_PLUS_1 = _over(mark("the gradient divided by (its input + 1)"))
OVER_TWICE_RESULT = _over(mark("the gradient divided by twice its own result"))
ATAN = _over(mark("the gradient divided by 1 + x², where x is its input"))
ERF = _times(mark("the gradient times 2 e^(−x²) ÷ √π, where x is its input"))

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
SILU = _times(
    mark("the gradient times s + x s (1 − s), where x is its input and s the sigmoid of x")
)
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

# Of what changes the place of numbers, or their shape.
MOVED = Rule(mark("the same numbers, each to where it came from"))
PARTS = Rule(mark("to each part its own part of the gradient"))
UNPADDED = Rule(mark("the gradient without what was padded"))
COPIES = Rule(mark("the gradient, summed over the copies"))

# Of matrices and convolutions.
TO_THE_LEFT = Rule(mark("the gradient @ the right matrix, transposed"), "@")
TO_THE_RIGHT = Rule(mark("the left matrix, transposed, @ the gradient"), "@")
TO_THE_LEFT_ALPHA = Rule(mark("{alpha} × the gradient @ the right matrix, transposed"), "@")
TO_THE_RIGHT_ALPHA = Rule(mark("{alpha} × the left matrix, transposed, @ the gradient"), "@")
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
NLL = Rule(mark("minus the gradient to the element of each target, 0 to the others"))
MEAN_NLL = Rule(
    mark(
        "minus the gradient, divided by the number of targets, to the element of each target; 0 "
        "to the others"
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
