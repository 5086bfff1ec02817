"""Every rule of the player, computed as its words say and compared with what autograd passes."""

import itertools
import math
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch.nn import functional

from autodiff_helpers.graphs import rules
from autodiff_helpers.graphs.kept import kept
from autodiff_helpers.graphs.operations import OPERATIONS
from autodiff_helpers.graphs.rules import Rule


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
    places = case.f(*numbered)
    mine = numbered[case.operand].reshape(-1)
    sums = [case.g[places == number].sum() for number in mine]
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
    rules.SILU: lambda c: c.g * (c.x.sigmoid() + c.x * c.x.sigmoid() * (1 - c.x.sigmoid())),
    rules.LOG_SIGMOID: lambda c: c.g * (-c.x).sigmoid(),
    rules.WITHIN: lambda c: c.g * (c.y == c.inputs[0]),
    rules.BEYOND: lambda c: c.g * (c.y == c.x) * (c.x != c.inputs[0]),
    rules.WHERE: lambda c: c.g * c.number("condition"),
    rules.WHERE_NOT: lambda c: c.g * ~c.number("condition"),
    rules.NOT_FILLED: lambda c: c.g * ~c.number("mask"),
    rules.FILLED: lambda c: (c.g * c.number("mask")).sum(),
    rules.KEPT: by_position,
    rules.LARGER: lambda c: c.g * ((c.x > c.other) + 0.5 * (c.x == c.other)),
    rules.SMALLER: lambda c: c.g * ((c.x < c.other) + 0.5 * (c.x == c.other)),
    rules.TO_EACH: lambda c: c.widened(c.g).expand_as(c.x),
    rules.SHARED: lambda c: c.widened(c.g).expand_as(c.x) / c.count(),
    rules.EVENLY: lambda c: evenly(c),
    rules.TAKEN: lambda c: by_position(c) if c.index is None else by_index(c),
    rules.TAKEN_OFTEN: by_position,
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
    rules.LARGEST: lambda c: largest_of_windows(c),
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
}
# These say only that there is a rule, and are true of anything.
WITHOUT_A_FORMULA = {rules.LOCAL, rules.OWN, rules.HOOKED}


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


def evenly(case):
    has_it = case.x == case.widened(case.y)
    count = has_it.sum(case.along(), keepdim=True) if case.x.ndim else has_it.sum()
    return case.widened(case.g) * has_it / count


def centered(case):
    return case.x - case.x.mean(case.along(), keepdim=True)


def divided_by(case):
    correction = case.number("correction")
    return case.count() - (1 if correction is None else correction)


def largest_of_windows(case):
    size, stride, padding = (case.number(each) for each in ("kernel_size", "stride", "padding"))
    _, index = functional.max_pool2d(case.x, size, stride or None, padding, return_indices=True)
    flat = torch.zeros_like(case.x).flatten(-2)
    return flat.scatter_add(-1, index.flatten(-2), case.g.flatten(-2)).reshape(case.x.shape)


def over_windows(case):
    size, stride, padding = (case.number(each) for each in ("kernel_size", "stride", "padding"))
    g = case.g.flatten(0, 1).flatten(1).unsqueeze(1).expand(-1, math.prod(size), -1)
    summed = functional.fold(g, case.x.shape[-2:], size, padding=padding, stride=stride or size)
    return summed.reshape(case.x.shape) / math.prod(size)


def but_for_padding(case):
    counts = torch.arange(len(case.x)) != case.number("padding_idx")
    return by_position(case) * counts[:, None]


def test_every_rule_has_a_formula():
    all_rules = {each for each in vars(rules).values() if isinstance(each, Rule)}
    assert set(FORMULAS) | WITHOUT_A_FORMULA == all_rules
    assert not set(FORMULAS) & WITHOUT_A_FORMULA


def numbers(*shape, least=-2.0, most=2.0, dtype=torch.float64):
    return torch.empty(shape, dtype=dtype).uniform_(least, most)


def positive(*shape):
    return numbers(*shape, least=0.2)


def complex_numbers(*shape):
    return torch.complex(numbers(*shape), numbers(*shape))


MASK = torch.tensor([[True, False, True], [False, False, True]])
PLACES = torch.tensor([[0, 2, 2], [1, 1, 0]])
CLASSES = torch.tensor([1, 0, 2, -100])
SHARES = torch.tensor([0.0, 1.0, 0.3], dtype=torch.float64)
F = functional
aten = torch.ops.aten


def one(f, make=numbers, *more):
    """A function of one matrix, and of a single number as well, which has a product."""
    return [(f, [make(2, 3)]), (f, [make()]), *more]


def batch_norm(training):
    def f(x, *parameters):
        mean, variance = torch.zeros(3, dtype=x.dtype), torch.full((3,), 0.5, dtype=x.dtype)
        return F.batch_norm(x, mean, variance, *parameters, training=training)

    return f


def samples():
    """For each operation of the table what it is tried on: functions, with their operands."""
    two = [numbers(2, 3), numbers(2, 3)]
    stretched = [numbers(2, 3), numbers(3)], [numbers(2, 1), numbers(2, 3)], [numbers(), numbers(2)]
    by_two = [two, *stretched, [numbers(), numbers()], [complex_numbers(2), complex_numbers(2)]]
    positives = [[positive(2, 3), positive(3)], [positive(), positive()]]
    matrices = [[numbers(2, 3), numbers(3, 2)], [complex_numbers(2, 3), complex_numbers(3, 2)]]
    several = [[numbers(3, 4, 2), numbers(3, 2, 5)]]

    def each(f, lists):
        return [(f, inputs) for inputs in lists]

    def moved(f):
        return [(f, [numbers(2, 3)]), (f, [complex_numbers(2, 3)])]

    three = [[numbers(2, 3), numbers(2, 3) - 2, numbers(3) + 2]]
    parameters = [[numbers(4, 3), numbers(3), numbers(3)], [numbers(4, 3)]]
    channels = [[numbers(2, 3, 4), numbers(3), numbers(3)], *parameters]
    convolutions = [
        (F.conv1d, [numbers(2, 2, 5), numbers(3, 2, 2), numbers(3)]),
        (lambda *c: F.conv2d(*c, stride=2, padding=1), [numbers(1, 1, 4, 4), numbers(2, 1, 2, 2)]),
        (lambda *c: F.conv_transpose1d(*c, stride=2), [numbers(1, 2, 3), numbers(2, 1, 2)]),
        (lambda *c: F.conv1d(*c, groups=2, dilation=2), [numbers(1, 2, 5), numbers(2, 1, 2)]),
    ]
    added = (
        [numbers(2), numbers(2, 3), numbers(3, 2)],
        [numbers(2, 2), numbers(2, 3), numbers(3, 2)],
    )
    batches = [[numbers(3, 4, 5), numbers(3, 4, 2), numbers(3, 2, 5)]]
    share = torch.rand(2, 3, dtype=torch.float64)
    return {
        "Abs": one(torch.abs, numbers, (torch.abs, [complex_numbers(3)])),
        "Add": {
            0: each(torch.add, by_two)
            + each(lambda a, b: torch.add(a, b, alpha=10), by_two)
            + [(lambda x: x + 3, [numbers(2)]), (torch.add, [numbers(2), complex_numbers(2)])],
            1: [(lambda x: aten.add.Scalar(x, 3), [numbers(2)])],
        },
        "Addmm": each(torch.addmm, added)
        + each(lambda *m: torch.addmm(*m, alpha=3, beta=0.5), added)
        + each(torch.addmm, [[complex_numbers(2, 2), *matrices[1]]]),
        "Alias": moved(aten.alias),
        "Amax": one(torch.amax) + one(lambda x: x.amax(-1, keepdim=True)),
        "Amin": one(torch.amin),
        "Atan": one(torch.atan),
        "AvgPool2D": [
            (lambda x: F.avg_pool2d(x, 2), [numbers(1, 2, 4, 4)]),
            (lambda x: F.avg_pool2d(x, (3, 2), 1, 1), [numbers(2, 1, 4, 5)]),
        ],
        "Baddbmm": each(torch.baddbmm, batches)
        + each(lambda *m: torch.baddbmm(*m, alpha=2), batches),
        "BinaryCrossEntropy": [
            (lambda p, how=how: F.binary_cross_entropy(p, share, reduction=how), [share.flip(0)])
            for how in ("mean", "sum", "none")
        ],
        "BinaryCrossEntropyWithLogits": [
            (
                lambda x, how=how: F.binary_cross_entropy_with_logits(x, share, reduction=how),
                [numbers(2, 3)],
            )
            for how in ("mean", "sum", "none")
        ],
        "Bmm": each(torch.bmm, several),
        "Cat": each(lambda *x: torch.cat(x, 1), [two, [numbers(2, 1), *two]]),
        "Ceil": one(torch.ceil),
        "Clamp": {
            0: each(torch.clamp, three),
            1: one(lambda x: x.clamp(-1, 1)) + one(lambda x: torch.clamp(x, max=1)),
        },
        "ClampMax": {
            0: one(lambda x: aten.clamp_max(x, 1)),
            1: each(aten.clamp_max.Tensor, [two, stretched[0]]),
        },
        "ClampMin": {
            0: one(lambda x: aten.clamp_min(x, 0)),
            1: each(aten.clamp_min.Tensor, [two, stretched[0]]),
        },
        "Clone": moved(torch.clone),
        "Conj": [(torch.conj, [complex_numbers(2)])],
        "ConstantPadNd": [(lambda x: F.pad(x, (1, 2)), [numbers(2, 3)])],
        "Convolution": convolutions,
        "Cos": one(torch.cos, numbers, (torch.cos, [complex_numbers(2)])),
        "Cosh": one(torch.cosh, numbers, (torch.cosh, [complex_numbers(2)])),
        "Cumsum": [(lambda x: x.cumsum(1), [numbers(2, 3)])],
        "Diagonal": [(lambda x: x.diagonal(1), [numbers(3, 4)])],
        "Div": {
            0: each(torch.div, [*by_two, [numbers(2), complex_numbers(2)]]),
            1: [(lambda x: aten.div.Scalar(x, 3), [numbers(2)])],
            2: each(lambda a, b: torch.div(a, b, rounding_mode="floor"), by_two[:-1])
            + each(lambda a, b: aten.div.Tensor_mode(a, b, rounding_mode=None), [two]),
            3: [(lambda x: aten.div.Scalar_mode(x, 3, rounding_mode="trunc"), [numbers(2)])],
        },
        "Dot": each(torch.dot, [[numbers(3), numbers(3)]])
        + each(torch.dot, [[complex_numbers(3), complex_numbers(3)]]),
        "Elu": one(F.elu) + one(F.selu) + one(lambda x: F.elu(x, alpha=2)),
        "Embedding": [
            (lambda w: F.embedding(PLACES, w.to(torch.float64)), [numbers(4, 2)]),
            (lambda w: F.embedding(PLACES, w, padding_idx=1), [numbers(4, 2)]),
            (lambda w: F.embedding(PLACES, w, scale_grad_by_freq=True), [numbers(4, 2)]),
        ],
        "Erf": one(torch.erf),
        "Exp": one(torch.exp, numbers, (torch.exp, [complex_numbers(2)])),
        "Exp2": one(torch.exp2),
        "Expand": [(lambda x: x.expand(2, 3), [numbers(3)]), (lambda x: x.expand(2), [numbers(1)])],
        "Expm1": one(torch.expm1),
        "Flip": moved(lambda x: x.flip(0, 1)),
        "Floor": one(torch.floor),
        "Gather": [(lambda x: x.gather(1, PLACES), [numbers(2, 3)])],
        "Gelu": one(F.gelu) + one(lambda x: F.gelu(x, approximate="tanh")),
        "Hardtanh": one(F.hardtanh) + one(F.relu6),
        "Index": [
            (lambda x: x[torch.tensor([0, 1, 1])], [numbers(2, 3)]),
            (lambda x: x[:, torch.tensor([0, 2])], [numbers(2, 3)]),
            (lambda x: x[MASK], [numbers(2, 3)]),
        ],
        "IndexSelect": [(lambda x: x.index_select(1, torch.tensor([1, 1])), [numbers(2, 3)])],
        "LeakyRelu": one(F.leaky_relu) + one(lambda x: F.leaky_relu(x, 0.3)),
        "LinalgVectorNorm": one(torch.linalg.vector_norm)
        + [(torch.linalg.vector_norm, [torch.zeros(3)])]
        + [(lambda x, p=p: x.norm(p, dim=1), [numbers(2, 3)]) for p in (1, 2, 3)]
        + [(torch.linalg.vector_norm, [complex_numbers(3)])],
        "Log": one(torch.log, positive, (torch.log, [complex_numbers(2)])),
        "Log10": one(torch.log10, positive),
        "Log1P": one(torch.log1p, positive),
        "Log2": one(torch.log2, positive),
        "LogSigmoid": one(F.logsigmoid),
        "LogSoftmax": [(lambda x: x.log_softmax(1), [numbers(2, 3)])],
        "Logsumexp": [
            (lambda x: x.logsumexp((0, 1)), [numbers(2, 3)]),
            (lambda x: x.logsumexp(1), [numbers(2, 3)]),
        ],
        "MaskedFill": {
            0: [(lambda x: x.masked_fill(MASK, 3), [numbers(2, 3)])],
            1: [(lambda x, value: x.masked_fill(MASK, value), [numbers(2, 3), numbers()])],
        },
        "MaskedSelect": [(lambda x: x.masked_select(MASK), [numbers(2, 3)])],
        "Max": {0: [(lambda x: x.max(1).values, [numbers(2, 3)])], 1: one(torch.max)},
        "MaxPool2DWithIndices": [
            (lambda x: F.max_pool2d(x, 2), [numbers(1, 2, 4, 4)]),
            (lambda x: F.max_pool2d(x, 3, 1, 1), [numbers(1, 1, 4, 4)]),
        ],
        "Maximum": each(torch.maximum, [two, *stretched, [torch.ones(2), torch.tensor([1.0, 2])]]),
        "Mean": {0: one(torch.mean), 1: [(lambda x: x.mean(0), [numbers(2, 3)])]},
        "Median": {0: one(torch.median), 1: [(lambda x: x.median(1).values, [numbers(2, 3)])]},
        "Min": {0: [(lambda x: x.min(0).values, [numbers(2, 3)])], 1: one(torch.min)},
        "Minimum": each(torch.minimum, [two, *stretched, [torch.ones(2), torch.tensor([1.0, 2])]]),
        "Mm": each(torch.mm, matrices),
        "MseLoss": [
            (lambda a, b, how=how: F.mse_loss(a, b, reduction=how), inputs)
            for how in ("mean", "sum", "none")
            for inputs in (two, [numbers(), numbers()])
        ],
        "Mul": {
            0: each(torch.mul, [*by_two, [numbers(2), complex_numbers(2)]]),
            1: [(lambda x: aten.mul.Scalar(x, 3), [numbers(2)])],
        },
        "Mv": each(torch.mv, [[numbers(2, 3), numbers(3)]])
        + each(torch.mv, [[complex_numbers(2, 3), complex_numbers(3)]]),
        "NativeBatchNorm": each(batch_norm(True), channels) + each(batch_norm(False), channels),
        "NativeGroupNorm": [
            (lambda x: F.group_norm(x, 2), [numbers(2, 4, 3)]),
            (lambda *x: F.group_norm(x[0], 2, *x[1:]), [numbers(2, 4, 3), numbers(4), numbers(4)]),
        ],
        "NativeLayerNorm": each(lambda x, *more: F.layer_norm(x, (3,), *more), parameters),
        "Neg": one(torch.neg),
        "NllLoss": [
            (lambda x, how=how: F.nll_loss(x, CLASSES, reduction=how), [numbers(4, 3)])
            for how in ("mean", "sum", "none")
        ]
        + [(lambda x: F.nll_loss(x, CLASSES, weight=SHARES), [numbers(4, 3)])],
        "NllLoss2D": [
            (lambda x, how=how: F.nll_loss(x, PLACES[None], reduction=how), [numbers(1, 3, 2, 3)])
            for how in ("mean", "sum")
        ],
        "Permute": moved(lambda x: x.permute(1, 0)),
        "Pow": {
            0: one(lambda x: x**3, numbers, (lambda x: x**2, [complex_numbers(2)])),
            1: each(torch.pow, positives)
            + each(torch.pow, [[complex_numbers(2), complex_numbers(2)]]),
            2: one(lambda x: 2**x, numbers, (lambda x: 2**x, [complex_numbers(2)])),
        },
        "Prod": {0: one(torch.prod), 1: [(lambda x: x.prod(1), [numbers(2, 3)])]},
        "Reciprocal": one(torch.reciprocal, positive, (torch.reciprocal, [complex_numbers(2)])),
        "Relu": one(torch.relu),
        "Repeat": [(lambda x: x.repeat(2, 2), [numbers(2, 3)])],
        "ReshapeAlias": moved(lambda x: aten._reshape_alias(x, (3, 2), (2, 1))),
        "Roll": moved(lambda x: x.roll(1, 1)),
        "Round": {0: one(torch.round), 1: one(lambda x: x.round(decimals=1))},
        "Rsqrt": one(torch.rsqrt, positive),
        "Rsub": {
            0: each(torch.rsub, by_two) + each(lambda a, b: torch.rsub(a, b, alpha=3), by_two),
            1: one(lambda x: 1 - x) + one(lambda x: torch.rsub(x, 1, alpha=3)),
        },
        "Select": moved(lambda x: x[-1]) + moved(lambda x: x[:, 1]),
        "Sigmoid": one(torch.sigmoid, numbers, (torch.sigmoid, [complex_numbers(2)])),
        "Sign": one(torch.sign),
        "Silu": one(F.silu),
        "Sin": one(torch.sin, numbers, (torch.sin, [complex_numbers(2)])),
        "Sinh": one(torch.sinh),
        "Slice": moved(lambda x: x[:, 1:]),
        "SafeSoftmax": [(lambda x: torch._safe_softmax(x, 1), [numbers(2, 3)])],
        "Softmax": [(lambda x: x.softmax(1), [numbers(2, 3)])],
        "Softplus": one(F.softplus)
        + one(lambda x: F.softplus(x, beta=2))
        + one(lambda x: F.softplus(x, threshold=0.2)),
        "Sort": {
            0: [(lambda x: x.sort(1).values, [numbers(2, 3)])],
            1: [(lambda x: x.sort(dim=1, stable=True).values, [numbers(2, 3)])],
        },
        "Split": [(lambda x: x.split(3)[0], [numbers(3)])],
        "SplitWithSizes": [(lambda x: x.split_with_sizes((3,))[0], [numbers(3)])],
        "Sqrt": one(torch.sqrt, positive, (torch.sqrt, [complex_numbers(2)])),
        "Squeeze": {
            0: [(torch.squeeze, [numbers(1, 3)])],
            1: [(lambda x: x.squeeze(0), [numbers(1, 3)])],
            2: [(lambda x: x.squeeze((0, 1)), [numbers(1, 1, 3)])],
        },
        "Stack": each(lambda *x: torch.stack(x, 1), [two]),
        "Std": [(f, [numbers(2, 3)]) for f in (torch.std, lambda x: x.std(1, correction=0))],
        "Sub": {
            0: each(torch.sub, by_two) + each(lambda a, b: torch.sub(a, b, alpha=3), by_two),
            1: [(lambda x: aten.sub.Scalar(x, 3), [numbers(2)])],
        },
        "Sum": {0: one(torch.sum), 1: [(lambda x: x.sum(0), [numbers(2, 3)])]},
        "T": moved(torch.t),
        "Tan": one(torch.tan),
        "Tanh": one(torch.tanh, numbers, (torch.tanh, [complex_numbers(2)])),
        "ToCopy": [(lambda x: x.to(torch.float32), [numbers(2, 3)])],
        "Topk": [(lambda x: x.topk(2, dim=1).values, [numbers(2, 3)])],
        "Transpose": moved(lambda x: x.transpose(0, 1)),
        "ThresholdBackward": [
            (lambda g, x: aten.threshold_backward(g, x, 0), [numbers(2, 3), numbers(2, 3)])
        ],
        "Tril": moved(torch.tril),
        "Triu": moved(torch.triu),
        "Trunc": one(torch.trunc),
        "Unbind": [(lambda x: x.unbind(0)[0], [numbers(1, 3)])],
        "UnsafeView": moved(lambda x: aten._unsafe_view(x, (3, 2))),
        "Unsqueeze": moved(lambda x: x.unsqueeze(1)),
        "Var": [(f, [numbers(2, 3)]) for f in (torch.var, lambda x: x.var(1, correction=0))],
        "View": moved(lambda x: x.view(3, 2)),
        "Where": each(
            lambda a, b: torch.where(MASK, a, b), [two, stretched[0], stretched[2][:1] * 2]
        ),
    }


def by_name():
    """The samples by the names that PyTorch gives to backward functions."""
    torch.manual_seed(0)
    for short, tried in samples().items():
        for number, each in tried.items() if isinstance(tried, dict) else [(0, tried)]:
            yield f"{short}Backward{number}", each


SAMPLES = dict(by_name())
# Of nested tensors and of other devices, each with the one that does the same here.
TWINS = {
    "ConvolutionBackward1": "ConvolutionBackward0",
    "EluBackward1": "EluBackward0",
    "LeakyReluBackward1": "LeakyReluBackward0",
    "SqueezeBackward3": "SqueezeBackward0",
    "SqueezeBackward4": "SqueezeBackward1",
    "SqueezeBackward5": "SqueezeBackward2",
    "TBackward1": "TBackward0",
    "TransposeBackward1": "TransposeBackward0",
    "UnsqueezeBackward1": "UnsqueezeBackward0",
}


def run(f, inputs):
    """A case without an operand yet, and what autograd passed back to each."""
    inputs = [x.detach().requires_grad_() for x in inputs]
    y = f(*inputs)
    function, passed = y.grad_fn, []
    function.register_hook(lambda given, _: passed.extend(given))
    g = torch.randn_like(y)
    torch.autograd.grad(y, inputs, g, retain_graph=True)
    return Case(f, [x.detach() for x in inputs], y.detach(), function, g, 0), passed


def test_a_twin_has_the_rules_of_the_other():
    for name, other in TWINS.items():
        assert OPERATIONS[name].passes == OPERATIONS[other].passes


@pytest.mark.parametrize("loss", [F.binary_cross_entropy, F.binary_cross_entropy_with_logits])
def test_the_rule_of_a_prediction_is_not_said_of_a_target(loss):
    share = torch.tensor([0.3, 0.6])
    case, _ = run(loss, [share, share.flip(0)])
    operation = OPERATIONS[type(case.function).__name__]
    assert operation.rule(case.function, 0) != operation.rule(case.function, 1) == rules.LOCAL


@pytest.mark.parametrize("name", sorted(set(OPERATIONS) - set(TWINS)))
def test_what_the_player_says_is_what_autograd_passes_back(name):
    known = OPERATIONS[name].passes == (rules.LOCAL,)
    for f, inputs in SAMPLES[name]:
        case, passed = run(f, inputs)
        assert type(case.function).__name__ == name
        for operand in range(len(inputs)):
            rule = OPERATIONS[name].rule(case.function, operand)
            if rule not in WITHOUT_A_FORMULA:
                case.operand = operand
                said = FORMULAS[rule](case)
                if not passed[operand].is_complex() and said.is_complex():
                    said = said.real
                if rule.is_by_element:
                    said = said.sum_to_size(passed[operand].shape)
                torch.testing.assert_close(said, passed[operand], check_dtype=False)
                known += 1
    assert known
