"""What each rule of the player says, computed; the phrases are in ``graphs/rules.py``."""

import itertools
import math
from dataclasses import dataclass
from typing import Any

import torch

from autodiff_helpers.graphs import rules
from autodiff_helpers.graphs.kept import kept, order_of_norm


@dataclass
class Case:
    """One operation that ran, what arrived at its backward function, and one of its operands."""

    f: Any
    inputs: list
    y: Any
    function: Any
    g: Any
    operand: int

    @property
    def x(self):
        return self.inputs[self.operand]

    @property
    def other(self):
        """The other operand of two, or the number that autograd keeps."""
        if len(self.inputs) == 2:
            return self.inputs[1 - self.operand]
        return torch.as_tensor(self.number("other"))

    @property
    def a(self):
        """The first operand; ``b`` is the second, and ``c`` the third."""
        return self.inputs[0]

    @property
    def b(self):
        return self.inputs[1]

    @property
    def c(self):
        return self.inputs[2]

    @property
    def index(self):
        return self.number("indices")

    def number(self, name):
        return kept(self.function, name)

    def widened(self, tensor):
        """A tensor with one element for each reduction, in a form that fits the operand."""
        dim, keepdim = self.number("dim"), self.number("keepdim")
        if keepdim or tensor.ndim == self.x.ndim:
            return tensor
        if dim in (None, ()) or tensor.ndim == 0:
            return tensor.reshape([1] * self.x.ndim)
        for each in sorted(each % self.x.ndim for each in (dim if type(dim) is tuple else [dim])):
            tensor = tensor.unsqueeze(each)
        return tensor

    def count(self):
        return self.x.numel() / self.y.numel()

    def along(self):
        """The dimensions that are reduced."""
        dim = self.number("dim")
        return tuple(range(self.x.ndim)) if dim in (None, ()) else dim


def conjugate(case, name):
    return torch.as_tensor(case.number(name)).conj()


def by_position(case):
    """What goes to each element: the sum over the places at which it stands in the result."""
    sizes = [x.numel() for x in case.inputs]
    starts = [1, *itertools.accumulate(sizes, initial=1)][1:]
    numbered = [
        torch.arange(start, start + size, dtype=torch.float64).reshape(x.shape)
        for start, size, x in zip(starts, sizes, case.inputs, strict=False)
    ]
    mine = numbered[case.operand].reshape(-1)
    if case.x.is_complex():  # the imaginary parts get the numbers between
        numbered = [torch.complex(each, each + 0.5) for each in numbered]
    places, g = in_parts(case.f(*numbered)), in_parts(case.g)
    sums = [g[places == number].sum() for number in mine]
    if case.x.is_complex():
        between = [g[places == number + 0.5].sum() for number in mine]
        sums = [torch.complex(*both) for both in zip(sums, between, strict=True)]
    return torch.stack(sums).reshape(case.x.shape)


def in_parts(x):
    """The real and the imaginary parts of complex numbers."""
    return torch.view_as_real(x.resolve_conj()) if x.is_complex() else x


def by_value(case):
    """The same where the place in the result depends on the numbers, which are all different."""
    sums = [case.g[case.y == number].sum() for number in case.x.reshape(-1)]
    return torch.stack(sums).reshape(case.x.shape)


def by_index(case):
    index = case.widened(case.index)
    return torch.zeros_like(case.x).scatter(case.number("dim"), index, case.widened(case.g))


def by_basis(case):
    """For each number of an operand the sum of the gradients times what it is multiplied with."""
    sums = []
    for basis in torch.eye(case.x.numel(), dtype=torch.float64):
        given = [torch.zeros_like(x) if x.ndim == 1 else x for x in case.inputs]  # no bias
        given[case.operand] = basis.reshape(case.x.shape).to(case.x.dtype)
        sums.append((case.g * case.f(*given).conj()).sum())
    return torch.stack(sums).reshape(case.x.shape)


def without_each(case):
    """For each element the product of the others."""
    products = []
    for place in range(case.x.numel()):
        rest = case.x.detach().clone()
        rest.reshape(-1)[place] = 1
        products.append(case.widened(case.f(rest)).expand_as(rest).reshape(-1)[place])
    return torch.stack(products).reshape(case.x.shape)


def left(case):
    return case.inputs[-2]


def right(case):
    return case.inputs[-1]


def to_the_left(case):
    if right(case).ndim == 1:
        return torch.outer(case.g, right(case).conj())
    return case.g @ right(case).mH


def to_the_right(case):
    return left(case).mH @ case.g


def groups(case):
    """The numbers that are normalized together in one row each, and how to go back."""
    x, name = case.inputs[0], type(case.function).__name__
    if name.startswith("NativeLayerNorm"):
        rows = math.prod(x.shape[: x.ndim - len(case.number("normalized_shape"))])
        return lambda t: t.reshape(rows, -1), lambda t: t.reshape(x.shape)
    if name.startswith("NativeGroupNorm"):
        rows = x.shape[0] * case.number("group")
        return lambda t: t.reshape(rows, -1), lambda t: t.reshape(x.shape)
    swapped = x.transpose(0, 1).shape
    return (
        lambda t: t.transpose(0, 1).reshape(swapped[0], -1),
        lambda t: t.reshape(swapped).transpose(0, 1),
    )


def deviation(case):
    rows, back = groups(case)
    x = rows(case.inputs[0])
    return back((x.var(1, unbiased=False, keepdim=True) + 1e-5).sqrt().expand_as(x))


def normalized(case):
    rows, back = groups(case)
    x = rows(case.inputs[0])
    return back(x - x.mean(1, keepdim=True)) / deviation(case)


def scale(case):
    """The weight in the shape of the input."""
    x = case.inputs[0]
    if len(case.inputs) == 1:
        return torch.ones_like(x)
    weight = case.inputs[1]
    if type(case.function).__name__.startswith("NativeLayerNorm"):
        return weight.expand_as(x)
    return weight.reshape([1, -1] + [1] * (x.ndim - 2)).expand_as(x)


def through_normalization(case):
    rows, back = groups(case)
    g, x = rows(case.g * scale(case)), rows(normalized(case))
    less = g - g.mean(1, keepdim=True) - x * (g * x).mean(1, keepdim=True)
    return back(less) / deviation(case)


def rescaled(case):
    variance = case.number("running_var").reshape([1, -1] + [1] * (case.inputs[0].ndim - 2))
    return case.g * scale(case) / (variance + 1e-5).sqrt()


def to_a_parameter(case, each):
    """The sum over all uses of a parameter."""
    if type(case.function).__name__.startswith("NativeLayerNorm"):
        return each.sum_to_size(case.x.shape)
    if each.ndim == 2:
        return each.sum(0)
    return each.transpose(0, 1).flatten(1).sum(1)


def eval_normalized(case):
    if case.number("training") is False:
        shape = [1, -1] + [1] * (case.inputs[0].ndim - 2)
        mean, variance = (case.number(f"running_{each}").reshape(shape) for each in ("mean", "var"))
        return (case.inputs[0] - mean) / (variance + 1e-5).sqrt()
    return normalized(case)


def to_targets(case):
    """Minus the gradient at each target that counts."""
    x, target = case.inputs[0], case.number("target")
    if x.ndim == 1:
        x, target = x[None], target[None]
    counts = target != case.number("ignore_index")
    weight = case.number("weight")
    if weight is not None:
        counts = counts * weight[target.clamp(min=0)]
    g = case.g.expand(target.shape) * counts
    spread = torch.zeros_like(x).scatter(1, target.clamp(min=0).unsqueeze(1), -g.unsqueeze(1))
    return spread.reshape(case.x.shape), counts.sum()


def bce(case):
    p, y = case.inputs[0], case.number("target")
    return (p - y) / (p * (1 - p))


FORMULAS = {
    rules.AS_IT_IS: lambda c: c.g,
    rules.MINUS: lambda c: -c.g,
    rules.TIMES_ALPHA: lambda c: conjugate(c, "alpha") * c.g,
    rules.MINUS_ALPHA: lambda c: -conjugate(c, "alpha") * c.g,
    rules.TIMES_BETA: lambda c: conjugate(c, "beta") * c.g,
    rules.TIMES_THE_OTHER: lambda c: c.g * c.other.conj(),
    rules.OVER_THE_DIVISOR: lambda c: c.g / c.other.conj(),
    rules.TO_THE_DIVISOR: lambda c: c.g * (-c.y / c.x).conj(),
    rules.TO_THE_BASE: lambda c: c.g * power(c).conj(),
    rules.TO_THE_EXPONENT: lambda c: c.g * (c.y * base(c).log()).conj(),
    rules.ZERO: lambda c: torch.zeros_like(c.x),
    rules.TIMES_SIGN: lambda c: c.g * c.x.sgn(),
    rules.TIMES_RESULT: lambda c: c.g * c.y.conj(),
    rules.TIMES_RESULT_LN2: lambda c: c.g * c.y.conj() * math.log(2),
    rules.TIMES_RESULT_PLUS_1: lambda c: c.g * (c.y + 1).conj(),
    rules.TIMES_COS: lambda c: c.g * c.x.cos().conj(),
    rules.TIMES_MINUS_SIN: lambda c: c.g * -c.x.sin().conj(),
    rules.TIMES_COSH: lambda c: c.g * c.x.cosh().conj(),
    rules.TIMES_SINH: lambda c: c.g * c.x.sinh().conj(),
    rules.TAN: lambda c: c.g * (1 + c.y**2).conj(),
    rules.TANH: lambda c: c.g * (1 - c.y**2).conj(),
    rules.SIGMOID: lambda c: c.g * (c.y * (1 - c.y)).conj(),
    rules.RECIPROCAL: lambda c: c.g * -(c.y**2).conj(),
    rules.RSQRT: lambda c: c.g * -(c.y**3).conj() / 2,
    rules.OVER_INPUT: lambda c: c.g / c.x.conj(),
    rules.OVER_INPUT_LN2: lambda c: c.g / (c.x * math.log(2)).conj(),
    rules.OVER_INPUT_LN10: lambda c: c.g / (c.x * math.log(10)).conj(),
    rules.OVER_INPUT_PLUS_1: lambda c: c.g / (c.x + 1).conj(),
    rules.OVER_TWICE_RESULT: lambda c: c.g / (2 * c.y).conj(),
    rules.ATAN: lambda c: c.g / (1 + c.x**2).conj(),
    rules.ERF: lambda c: c.g * 2 * (-(c.x**2)).exp() / math.pi**0.5,
    rules.RELU: lambda c: c.g * (c.x > 0),
    rules.LEAKY: lambda c: torch.where(c.x > 0, c.g, c.number("negative_slope") * c.g),
    rules.ELU: lambda c: c.g * c.number("scale") * negative_part(c),
    rules.SOFTPLUS: lambda c: c.g * (c.number("beta") * c.x).sigmoid(),
    rules.GELU: lambda c: c.g * (bell_area(c.x) + c.x * bell(c.x)),
    rules.GELU_TANH: lambda c: c.g * gelu_tanh(c.x),
    rules.SILU: lambda c: c.g * (c.x.sigmoid() + c.x * c.x.sigmoid() * (1 - c.x.sigmoid())),
    rules.LOG_SIGMOID: lambda c: c.g * (-c.x).sigmoid(),
    rules.WITHIN: lambda c: c.g * (c.y == c.inputs[0]),
    rules.BEYOND: lambda c: c.g * (c.y == c.x) * (c.x != c.inputs[0]),
    rules.WHERE: lambda c: c.g * c.number("condition"),
    rules.WHERE_NOT: lambda c: c.g * ~c.number("condition"),
    rules.NOT_FILLED: lambda c: c.g * ~filled(c),
    rules.FILLED: lambda c: (c.g * c.number("mask")).sum(),
    rules.KEPT: by_position,
    rules.LARGER: lambda c: c.g * ((c.x > c.other) + 0.5 * (c.x == c.other)),
    rules.SMALLER: lambda c: c.g * ((c.x < c.other) + 0.5 * (c.x == c.other)),
    rules.TO_EACH: lambda c: c.widened(c.g).expand_as(c.x),
    rules.SHARED: lambda c: c.widened(c.g).expand_as(c.x) / c.count(),
    rules.EVENLY: lambda c: evenly(c),
    rules.TAKEN: lambda c: by_position(c) if c.index is None else by_index(c),
    rules.TAKEN_OFTEN: by_value,
    rules.PRODUCT: lambda c: c.widened(c.g) * without_each(c).conj(),
    rules.FROM_IT_ON: lambda c: c.g.flip(c.number("dim")).cumsum(c.number("dim")).flip(c.along()),
    rules.SOFTMAX: lambda c: c.y * (c.g - (c.g * c.y).sum(c.along(), keepdim=True)),
    rules.CONJUGATED: lambda c: c.g.conj(),
    rules.LOG_SOFTMAX: lambda c: c.g - c.g.sum(c.along(), keepdim=True) * c.x.softmax(c.along()),
    rules.TIMES_SOFTMAX: lambda c: c.widened(c.g) * (c.x - c.widened(c.y)).exp().conj(),
    rules.VARIANCE: lambda c: c.widened(c.g) * 2 * centered(c) / divided_by(c),
    rules.DEVIATION: lambda c: c.widened(c.g) * centered(c) / (divided_by(c) * c.widened(c.y)),
    rules.NORM: lambda c: (c.widened(c.g) * c.x / c.widened(c.y)).nan_to_num(0.0),
    rules.NORM_1: lambda c: c.widened(c.g) * c.x.sgn(),
    rules.MOVED: lambda c: by_index(c) if torch.is_tensor(c.index) else by_position(c),
    rules.PARTS: by_position,
    rules.UNPADDED: by_position,
    rules.COPIES: by_position,
    rules.TO_THE_LEFT: to_the_left,
    rules.TO_THE_RIGHT: to_the_right,
    rules.TO_THE_LEFT_ALPHA: lambda c: conjugate(c, "alpha") * to_the_left(c),
    rules.TO_THE_RIGHT_ALPHA: lambda c: conjugate(c, "alpha") * to_the_right(c),
    rules.CONVOLVED: by_basis,
    rules.CORRELATED: by_basis,
    rules.SUMMED_BUT_CHANNELS: lambda c: c.g.transpose(0, 1).flatten(1).sum(1),
    rules.LOOKED_UP: by_position,
    rules.LOOKED_UP_BUT: lambda c: (
        by_position(c) * (torch.arange(4) != c.number("padding_idx"))[:, None]
    ),
    rules.LARGEST: by_value,
    rules.WINDOWS: lambda c: over_windows(c),
    rules.NORMALIZED: through_normalization,
    rules.RESCALED: rescaled,
    rules.TO_THE_SCALE: lambda c: to_a_parameter(c, c.g * eval_normalized(c)),
    rules.TO_THE_SHIFT: lambda c: to_a_parameter(c, c.g),
    rules.SQUARES: lambda c: c.g * 2 * (c.x - c.other),
    rules.MEAN_OF_SQUARES: lambda c: c.g * 2 * (c.x - c.other) / c.x.numel(),
    rules.NLL: lambda c: to_targets(c)[0],
    rules.MEAN_NLL: lambda c: to_targets(c)[0] / to_targets(c)[1],
    rules.BCE: lambda c: c.g * bce(c),
    rules.MEAN_BCE: lambda c: c.g * bce(c) / c.x.numel(),
    rules.BCE_LOGITS: lambda c: c.g * (c.x.sigmoid() - c.number("target")),
    rules.MEAN_BCE_LOGITS: lambda c: c.g * (c.x.sigmoid() - c.number("target")) / c.x.numel(),
    rules.LOGIT: lambda c: c.g / (c.x * (1 - c.x)),
    rules.ASIN: lambda c: c.g / (1 - c.x**2).sqrt().conj(),
    rules.ACOS: lambda c: -c.g / (1 - c.x**2).sqrt().conj(),
    rules.ATANH: lambda c: c.g / (1 - c.x**2).conj(),
    rules.ASINH: lambda c: c.g / (c.x**2 + 1).sqrt().conj(),
    rules.ACOSH: lambda c: c.g / (c.x**2 - 1).sqrt(),
    rules.ERFC: lambda c: c.g * -2 * (-(c.x**2)).exp() / math.pi**0.5,
    rules.TO_RADIANS: lambda c: c.g * math.pi / 180,
    rules.TO_DEGREES: lambda c: c.g * 180 / math.pi,
    rules.ANGLE: lambda c: c.g * 1j * c.x / c.x.abs() ** 2,
    rules.ATAN2_UPPER: lambda c: c.g * c.b / (c.a**2 + c.b**2),
    rules.ATAN2_LOWER: lambda c: c.g * -c.a / (c.a**2 + c.b**2),
    rules.HYPOT_FIRST: lambda c: c.g * c.a / (c.a**2 + c.b**2).sqrt(),
    rules.HYPOT_SECOND: lambda c: c.g * c.b / (c.a**2 + c.b**2).sqrt(),
    rules.MINUS_FLOOR: lambda c: c.g * -(c.a / c.b).floor(),
    rules.MINUS_TRUNC: lambda c: c.g * -(c.a / c.b).trunc(),
    rules.XLOGY_FIRST: lambda c: c.g * c.b.log(),
    rules.XLOGY_SECOND: lambda c: c.g * c.a / c.b,
    rules.XLOGY_OF_INPUT: lambda c: c.g * c.number("self") / c.x,
    rules.XLOGY_BY_NUMBER: lambda c: c.g * math.log(c.number("other")),
    rules.LOGADDEXP_FIRST: lambda c: c.g * c.a.exp() / (c.a.exp() + c.b.exp()),
    rules.LOGADDEXP_SECOND: lambda c: c.g * c.b.exp() / (c.a.exp() + c.b.exp()),
    rules.LOGADDEXP2_FIRST: lambda c: c.g * c.a.exp2() / (c.a.exp2() + c.b.exp2()),
    rules.LOGADDEXP2_SECOND: lambda c: c.g * c.b.exp2() / (c.a.exp2() + c.b.exp2()),
    rules.POLAR_LENGTH: lambda c: c.g * (1j * c.b).exp().conj(),
    rules.POLAR_ANGLE: lambda c: c.g * (1j * c.a * (1j * c.b).exp()).conj(),
    rules.TANH2_FIRST: lambda c: c.g * (1 - c.b**2),
    rules.TANH2_SECOND: lambda c: c.g * -2 * c.a * c.b,
    rules.SIGMOID2_FIRST: lambda c: c.g * c.b * (1 - c.b),
    rules.SIGMOID2_SECOND: lambda c: c.g * c.a * (1 - 2 * c.b),
    rules.TO_THE_START: lambda c: c.g * (1 - c.number("weight")),
    rules.TO_THE_END: lambda c: c.g * c.number("weight"),
    rules.LERP_START: lambda c: c.g * (1 - c.c),
    rules.LERP_END: lambda c: c.g * c.c,
    rules.LERP_WEIGHT: lambda c: c.g * (c.b - c.a),
    rules.ADDCMUL_SECOND: lambda c: c.g * (c.number("value") * c.c).conj(),
    rules.ADDCMUL_THIRD: lambda c: c.g * (c.number("value") * c.b).conj(),
    rules.ADDCDIV_SECOND: lambda c: c.g * c.number("value") / c.c,
    rules.ADDCDIV_THIRD: lambda c: c.g * -c.number("value") * c.b / c.c**2,
    rules.CELU: lambda c: c.g * (c.x / c.number("alpha")).exp().clamp(max=1),
    rules.MISH: lambda c: c.g * mish_derivative(c.x, (1 + c.x.exp()).log().tanh()),
    rules.HARDSIGMOID: lambda c: c.g / 6 * (c.x.abs() < 3),
    rules.HARDSWISH: lambda c: c.g * ((2 * c.x + 3) / 6 * (c.x.abs() < 3) + (c.x > 3)),
    rules.PRELU: lambda c: torch.where(c.x > 0, c.g, c.g * c.inputs[1]),
    rules.TO_THE_SLOPE: lambda c: c.g * c.inputs[0] * (c.inputs[0] < 0),
    rules.SECOND_POSITIVE: lambda c: c.g * (c.b > 0),
    rules.NORM_ANY: lambda c: norm_any(c, order_of_norm(c.function)),
    rules.CUMPROD: lambda c: from_it_on_without_it(c),
    rules.PLACED: lambda c: where_it_went(c),
    rules.ON_THE_DIAGONAL: lambda c: c.g * torch.eye(len(c.x)),
    rules.CHANGED: lambda c: torch.cat([c.g[:1], through_the_change(c)[1:]]),
    rules.TO_THE_CHANGE: lambda c: through_the_change(c),
    rules.INVERSE: lambda c: -c.y.mH @ c.g @ c.y.mH,
    rules.DETERMINANT: lambda c: c.g * (c.y * c.x.inverse().mT).conj(),
    rules.LOG_DETERMINANT: lambda c: c.g * c.x.inverse().mT,
    rules.CHOLESKY: lambda c: through_cholesky(c.y, c.g),
    rules.SOLVED_LEFT: lambda c: -c.a.inverse().mH @ columns(c.g) @ columns(c.y).mH,
    rules.SOLVED_RIGHT: lambda c: c.a.inverse().mH @ c.g,
    rules.CROSS_FIRST: lambda c: torch.linalg.cross(c.b.conj(), c.g),
    rules.CROSS_SECOND: lambda c: torch.linalg.cross(c.g, c.a.conj()),
    rules.SOFTMAX2_FIRST: lambda c: c.b * less_its_sum(c, c.g, c.b),
    rules.SOFTMAX2_SECOND: lambda c: (
        c.a * less_its_sum(c, c.g, c.b) - c.g * (c.a * c.b).sum(c.along(), keepdim=True)
    ),
    rules.LOG_SOFTMAX2_FIRST: lambda c: less_its_sum(c, c.g, c.b.exp()),
    rules.LOG_SOFTMAX2_SECOND: lambda c: -c.g * c.b.exp() * c.a.sum(c.along(), keepdim=True),
    rules.TO_THE_QUERY: lambda c: attention(c)[0] @ c.b,
    rules.TO_THE_KEY: lambda c: attention(c)[0].mT @ c.a,
    rules.TO_THE_VALUE: lambda c: attention(c)[1].mT @ c.g,
    rules.DISTANCES: lambda c: to_rows(c, *(c.g, c.y) if c.operand == 0 else (c.g.mT, c.y.mT)),
    rules.DISTANCE: lambda c: c.g * (c.x - c.other) / c.y,
    rules.HUBER: lambda c: c.g * (c.x - c.other).clamp(-c.number("delta"), c.number("delta")),
    rules.MEAN_HUBER: lambda c: FORMULAS[rules.HUBER](c) / c.x.numel(),
    rules.SMOOTH_L1: lambda c: c.g * ((c.x - c.other) / c.number("beta")).clamp(-1, 1),
    rules.MEAN_SMOOTH_L1: lambda c: FORMULAS[rules.SMOOTH_L1](c) / c.x.numel(),
    rules.WEIGHTED_NLL: lambda c: to_targets(c)[0],
    rules.MEAN_WEIGHTED_NLL: lambda c: to_targets(c)[0] / to_targets(c)[1],
}
# These say only that there is a rule, and are true of anything.
WITHOUT_A_FORMULA = {rules.LOCAL, rules.OWN, rules.HOOKED}


def filled(case):
    mask = case.number("mask")
    if mask is not None:
        return mask
    if type(case.function).__name__.startswith("Softshrink"):
        return case.y == 0
    return case.y != case.x


def power(case):
    exponent = case.other if len(case.inputs) == 2 else case.number("exponent")
    return exponent * case.x ** (exponent - 1)


def base(case):
    return case.inputs[0] if len(case.inputs) == 2 else torch.as_tensor(case.number("self"))


def negative_part(case):
    return torch.where(case.x < 0, case.number("alpha") * case.x.exp(), 1.0)


def bell(x):
    return (-(x**2) / 2).exp() / (2 * math.pi) ** 0.5


def bell_area(x):
    return (1 + (x / 2**0.5).erf()) / 2


def gelu_tanh(x):
    k = (2 / math.pi) ** 0.5
    t = (k * x * (1 + 0.044715 * x**2)).tanh()
    return (1 + t) / 2 + k * x * (1 - t**2) * (1 + 0.134145 * x**2) / 2


def evenly(case):
    has_it = case.x == case.widened(case.y)
    count = has_it.sum(case.along(), keepdim=True) if case.x.ndim else has_it.sum()
    return case.widened(case.g) * has_it / count


def centered(case):
    return case.x - case.x.mean(case.along(), keepdim=True)


def divided_by(case):
    correction = case.number("correction")
    return case.count() - (1 if correction is None else correction)


def over_windows(case):
    meets = torch.stack([case.f(basis) != 0 for basis in bases(case.x)])
    kernel = case.number("kernel_size")
    size = math.prod(kernel) if kernel else meets.sum(0)
    shares = (meets * case.g / size).flatten(1).sum(1)
    return shares.reshape(case.x.shape)


def bases(x):
    """For each number of a tensor one that has a 1 in its place, and 0 elsewhere."""
    return torch.eye(x.numel(), dtype=x.dtype).reshape(-1, *x.shape)


def where_it_went(case):
    """For each number the sum of the gradients at the places where it is in the result."""
    sums = []
    for basis in bases(case.x):
        given = [torch.zeros_like(x) for x in case.inputs]
        given[case.operand] = basis
        sums.append(case.g[case.f(*given) != 0].sum())
    return torch.stack(sums).reshape(case.x.shape)


def through_the_change(case):
    """The sum of the gradients, each times the share that a number has in the result."""
    sums = []
    for basis in bases(case.x):
        given = [torch.zeros_like(x) for x in case.inputs]
        given[case.operand] = basis
        sums.append((case.g * case.f(*given)).sum())
    return torch.stack(sums).reshape(case.x.shape)


def from_it_on_without_it(case):
    dim, x, sums = case.number("dim"), case.x, torch.zeros_like(case.x)
    for place in range(x.shape[dim]):
        rest = x.clone().index_fill(dim, torch.tensor(place), 1)
        after = torch.arange(place, x.shape[dim])
        terms = (case.g * rest.cumprod(dim)).index_select(dim, after)
        sums.select(dim, place).copy_(terms.sum(dim))
    return sums


def mish_derivative(x, t):
    return t + x * (1 - t**2) / (1 + (-x).exp())


def norm_any(case, p):
    x, r = case.x, case.widened(case.y)
    return case.widened(case.g) * x * x.abs() ** (p - 2) / r ** (p - 1)


def through_cholesky(r, g):
    p = (r.mT @ g).tril()
    p.diagonal().mul_(0.5)
    s = r.inverse().mT @ p @ r.inverse()
    return (s + s.mT) / 2


def columns(x):
    return x[:, None] if x.ndim == 1 else x


def less_its_sum(case, g, weights):
    return g - (g * weights).sum(case.along(), keepdim=True)


def attention(case):
    """What goes back through the softmax, with the scale; and the weights."""
    scale = case.number("scale") or case.a.shape[-1] ** -0.5
    scores = case.a @ case.b.mT * scale
    if case.number("is_causal"):
        scores = scores.masked_fill(torch.ones_like(scores).triu(1).bool(), -math.inf)
    w, h = scores.softmax(-1), case.g @ case.c.mT
    return scale * w * (h - (h * w).sum(-1, keepdim=True)), w


def to_rows(case, g, distances):
    differences = case.x[:, None] - case.other[None]
    return (g[..., None] * differences / distances[..., None]).sum(1)
