"""Every rule of the player, computed as its words say and compared with what autograd passes."""

import itertools
import math

import pytest
import torch
from formulas import FORMULAS, WITHOUT_A_FORMULA, Case
from torch.nn import functional

from autodiff_helpers.graphs import rules
from autodiff_helpers.graphs.operations import OPERATIONS
from autodiff_helpers.graphs.rules import Rule


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
        + [
            (
                lambda x, how=how: F.nll_loss(x, CLASSES, weight=SHARES, reduction=how),
                [numbers(4, 3)],
            )
            for how in ("mean", "sum", "none")
        ],
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
            (lambda g, x: aten.threshold_backward(g, x, 0.5), [numbers(2, 3), numbers(2, 3)]),
            (lambda g, x: aten.threshold_backward(g, x, 0), [numbers(2, 3), numbers(2, 3)]),
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


def square():
    """A matrix that has an inverse."""
    return numbers(3, 3) + 4 * torch.eye(3, dtype=torch.float64)


def in_place(change):
    """A function that changes all but the first row of a copy."""

    def f(x, *values):
        y = x.clone()
        change(y[1:], *values)
        return y

    return f


def samples_of_functions():
    """The same for functions of one number, or of several, and for derivatives of derivatives."""
    two = [numbers(2, 3), numbers(2, 3)]
    stretched = [positive(2, 3), positive(3)]
    three = [[numbers(2, 3), numbers(3), positive(2, 3)], [numbers(), numbers(), positive()]]
    within = lambda *shape: numbers(*shape, least=-0.9, most=0.9)  # noqa: E731
    beyond = lambda *shape: numbers(*shape, least=1.1)  # noqa: E731

    def each(f, *lists):
        return [(f, inputs) for inputs in lists]

    def of_complex(f):
        return [(f, [complex_numbers(3)])]

    return {
        "Acos": one(torch.acos, within, *of_complex(torch.acos)),
        "Acosh": one(torch.acosh, beyond),
        "Addcdiv": each(torch.addcdiv, *three)
        + each(lambda *x: torch.addcdiv(*x, value=2), *three),
        "Addcmul": each(torch.addcmul, *three)
        + each(lambda *x: torch.addcmul(*x, value=-2), *three)
        + each(torch.addcmul, [complex_numbers(2), complex_numbers(2), complex_numbers(2)]),
        "Angle": one(torch.angle, numbers, *of_complex(torch.angle)),
        "Asin": one(torch.asin, within, *of_complex(torch.asin)),
        "Asinh": one(torch.asinh),
        "Atan2": each(torch.atan2, two, stretched),
        "Atanh": one(torch.atanh, within),
        "Celu": one(F.celu) + one(lambda x: F.celu(x, alpha=2)),
        "Deg2Rad": one(torch.deg2rad),
        "Erfc": one(torch.erfc),
        "Fmod": {0: one(lambda x: torch.fmod(x, 2)), 1: each(torch.fmod, two, stretched)},
        "Frac": one(torch.frac),
        "Hardshrink": one(F.hardshrink),
        "Hardsigmoid": one(F.hardsigmoid, lambda *shape: numbers(*shape, least=-6, most=6)),
        "Hardswish": one(F.hardswish, lambda *shape: numbers(*shape, least=-6, most=6)),
        "Hypot": each(torch.hypot, two, stretched),
        "Lerp": {
            0: each(lambda a, b: torch.lerp(a, b, 0.25), two, stretched),
            1: each(torch.lerp, *three),
        },
        "Logaddexp": each(torch.logaddexp, two, stretched),
        "Logaddexp2": each(torch.logaddexp2, two, stretched),
        "Logit": one(torch.logit, lambda *shape: numbers(*shape, least=0.1, most=0.9))
        + one(lambda x: torch.logit(x, eps=0.01), lambda *shape: torch.rand(shape)),
        "Mish": one(F.mish),
        "NanToNum": one(torch.nan_to_num) + each(torch.nan_to_num, [torch.tensor([1, math.nan])]),
        "Polar": each(torch.polar, stretched[:1] * 2),
        "PreluKernel": each(F.prelu, [numbers(2, 3), positive(3)]),
        "Rad2Deg": one(torch.rad2deg),
        "Remainder": {
            0: one(lambda x: torch.remainder(x, 2)),
            1: each(torch.remainder, two, stretched),
        },
        "Sgn": one(torch.sgn) + of_complex(torch.sgn),
        "SigmoidBackward": each(aten.sigmoid_backward, two),
        "Softshrink": one(F.softshrink),
        "SoftmaxBackwardData": each(
            lambda g, y: aten._softmax_backward_data(g, y, 1, torch.float64), two
        ),
        "LogSoftmaxBackwardData": each(
            lambda g, y: aten._log_softmax_backward_data(g, y, 1, torch.float64), two
        ),
        "TanhBackward": each(aten.tanh_backward, two),
        "Threshold": one(lambda x: F.threshold(x, 0.5, -3)),
        "Xlogy": {
            0: each(torch.xlogy, stretched),
            1: each(lambda x: torch.xlogy(3, x), [positive(3)]),
            2: each(lambda x: torch.xlogy(x, 3), [positive(3)]),
        },
    }


def samples_of_places():
    """The same for what takes numbers, puts them somewhere, or changes them in place."""
    rows, twice = torch.tensor([2, 0]), torch.tensor([1, 1])
    thin, row = numbers(2, 3), numbers(3)
    x, small = numbers(4, 3), [numbers(4, 3), numbers(2, 3)]

    def moved(f, *shape):
        return [(f, [numbers(*shape)]), (f, [complex_numbers(*shape)])]

    def placed(f, *inputs):
        return [(f, list(inputs))]

    image, images = numbers(1, 2, 3, 4), numbers(1, 4, 2, 2)
    return {
        "AsStrided": {0: placed(lambda x: x.as_strided((2, 2), (1, 1)), thin)},
        "BlockDiag": placed(torch.block_diag, thin, x),
        "ChannelShuffle": placed(lambda x: F.channel_shuffle(x, 2), images),
        "Col2Im": placed(lambda x: F.fold(x, (3, 2), 2), numbers(1, 4, 2)),
        "Complex": placed(torch.complex, thin, numbers(2, 3)),
        "ConjPhysical": {0: [(torch.conj_physical, [complex_numbers(3)])]},
        "CopyBackwards": placed(lambda x, y: x.clone().copy_(y), thin, numbers(2, 3)),
        "CopySlices": placed(in_place(lambda part, value: part.copy_(value)), x, numbers(3, 3))
        + placed(in_place(lambda part, value: part.add_(value)), x, numbers(3, 3))
        + placed(in_place(lambda part: part.mul_(3)), x),
        "Cummax": placed(lambda x: x.cummax(1).values, thin),
        "Cummin": placed(lambda x: x.cummin(0).values, thin),
        "Cumprod": placed(lambda x: x.cumprod(1), thin) + placed(lambda x: x.cumprod(0), thin),
        "DiagEmbed": placed(torch.diag_embed, thin),
        "DiagonalScatter": placed(torch.diagonal_scatter, numbers(3, 3), row),
        "Fill": {
            0: placed(lambda x: torch.fill(x, 3), thin),
            1: placed(torch.fill, thin, numbers()),
            2: placed(lambda x: x.clone().fill_(3), thin),
            3: placed(lambda x, y: x.clone().fill_(y), thin, numbers()),
        },
        "Im2Col": placed(lambda x: F.unfold(x, 2), image),
        "IndexAdd": placed(lambda x, y: x.index_add(0, twice, y), *small)
        + placed(lambda x, y: x.index_add(0, rows, y, alpha=2), *small),
        "IndexCopy": placed(lambda x, y: x.index_copy(0, rows, y), *small),
        "IndexFill": {
            0: placed(lambda x: x.index_fill(0, rows, 3), x),
            1: placed(lambda x, y: x.index_fill(0, rows, y), x, numbers()),
        },
        "IndexPut": placed(lambda x, y: x.index_put((rows,), y), *small)
        + placed(lambda x, y: x.index_put((rows,), y), x, row)
        + placed(lambda x, y: x.index_put((twice,), y, accumulate=True), *small),
        "Kthvalue": placed(lambda x: x.kthvalue(2).values, thin),
        "MaskedScatter": placed(lambda x, y: x.masked_scatter(MASK, y), thin, numbers(4)),
        "Mode": placed(lambda x: x.mode(1).values, thin),
        "Nanmedian": {
            0: placed(torch.nanmedian, thin),
            1: placed(lambda x: x.nanmedian(1).values, thin),
        },
        "PixelShuffle": placed(lambda x: F.pixel_shuffle(x, 2), images),
        "PixelUnshuffle": placed(lambda x: F.pixel_unshuffle(x, 2), images),
        "ReflectionPad1D": placed(lambda x: F.pad(x, (2, 1), "reflect"), thin),
        "ReflectionPad2D": placed(lambda x: F.pad(x, (1, 1, 1, 1), "reflect"), image),
        "ReflectionPad3D": placed(lambda x: F.pad(x, [1] * 6, "reflect"), image[None]),
        "ReplicationPad1D": placed(lambda x: F.pad(x, (2, 1), "replicate"), thin),
        "ReplicationPad2D": placed(lambda x: F.pad(x, (1, 1, 1, 1), "replicate"), image),
        "ReplicationPad3D": placed(lambda x: F.pad(x, [1] * 6, "replicate"), image[None]),
        "Rot90": moved(torch.rot90, 2, 3),
        "Scatter": {
            0: placed(lambda x, y: x.scatter(1, rows[:, None], y), thin, numbers(2, 1)),
            1: placed(lambda x: x.scatter(1, rows[:, None], 3), thin),
        },
        "ScatterAdd": placed(lambda x, y: x.scatter_add(1, PLACES, y), thin, numbers(2, 3)),
        "SelectBackward": moved(lambda x: aten.select_backward(x, (2, 3), -1, 1), 2),
        "SelectScatter": placed(lambda x, y: torch.select_scatter(x, y, 0, 1), thin, row),
        "SliceBackward": moved(lambda x: aten.slice_backward(x, (2, 5), 1, 1, 4, 1), 2, 3),
        "SliceScatter": placed(lambda x, y: torch.slice_scatter(x, y, 0, 1, 3), *small),
        "Take": placed(lambda x: x.take(torch.tensor([0, 4, 4])), thin),
        "Trace": placed(torch.trace, numbers(3, 3)),
        "Unfold": placed(lambda x: x.unfold(1, 2, 1), thin),
        "UnsafeSplit": placed(lambda x: x.unsafe_split(3)[0], row),
        "UpsampleNearest1D": placed(lambda x: F.interpolate(x, 7), numbers(1, 2, 3)),
        "UpsampleNearest2D": placed(lambda x: F.interpolate(x, (5, 6)), image),
        "UpsampleNearest3D": placed(lambda x: F.interpolate(x, (3, 4, 5)), image[None]),
        "ViewAsComplex": placed(torch.view_as_complex, numbers(3, 2)),
        "ViewAsReal": [(torch.view_as_real, [complex_numbers(3)])],
        "Zero": placed(lambda x: x.clone().zero_(), thin),
    }


def pooled_back(dims):
    """What goes back through a max pool, as a function of the gradient and of what was pooled."""
    x, both = numbers(1, 1, *[4] * dims), [[2] * dims, [2] * dims, [0] * dims, [1] * dims, False]
    pool = [F.max_pool2d, F.max_pool3d][dims - 2]
    y, places = pool(x, 2, return_indices=True)
    back = [aten.max_pool2d_with_indices_backward, aten.max_pool3d_with_indices_backward][dims - 2]
    return lambda g, x: back(g, x, *both, places), [torch.randn_like(y), x]


def samples_of_matrices():
    """The same for matrices, networks and losses."""
    a, b = [square(), numbers(3, 2)], [square(), numbers(3)]
    complex_square = square() + 1j * numbers(3, 3)
    two, heads = [numbers(2, 3), numbers(2, 3)], [numbers(1, 2, 3, 4) for _ in range(3)]
    added = [numbers(2), numbers(2, 3), numbers(3)]
    image = numbers(1, 2, 3, 4)

    def linear(f, *shape):
        return [(f, [numbers(*shape)])]

    def interpolated(mode, size):
        return lambda x: F.interpolate(x, size, mode=mode)

    return {
        "AdaptiveAvgPool2D": linear(lambda x: F.adaptive_avg_pool2d(x, 2), 1, 2, 5, 4),
        "AdaptiveMaxPool2D": linear(lambda x: F.adaptive_max_pool2d(x, 2), 1, 2, 5, 4),
        "Addmv": [(torch.addmv, added), (lambda *m: torch.addmv(*m, alpha=3, beta=2), added)],
        "Cdist": [
            (lambda x, y, p=p: torch.cdist(x, y, p), [numbers(3, 2), numbers(4, 2)]) for p in (1, 2)
        ],
        "Dist": [(lambda x, y, p=p: torch.dist(x, y, p), two) for p in (2, 3)],
        "HuberLoss": [
            (lambda x, y, how=how: F.huber_loss(x, y, delta=0.7, reduction=how), two)
            for how in ("mean", "sum", "none")
        ],
        "LinalgCholeskyEx": [
            (lambda x, upper=upper: torch.linalg.cholesky(x, upper=upper), [a[0] @ a[0].mT])
            for upper in (False, True)
        ],
        "LinalgCross": [(torch.linalg.cross, two), (torch.linalg.cross, [complex_numbers(3)] * 2)],
        "LinalgDet": [(torch.linalg.det, [square()]), (torch.linalg.det, [complex_square])],
        "LinalgInvEx": [(torch.linalg.inv, [square()]), (torch.linalg.inv, [complex_square])],
        "LinalgSlogdet": [(lambda x: torch.slogdet(x)[1], [x]) for x in (a[0], complex_square)],
        "LinalgSolveEx": [(torch.linalg.solve, each) for each in (a, b)]
        + [(lambda a, b: torch.linalg.solve(a, b, left=False), [square(), numbers(2, 3)])],
        "MaxPool2DWithIndicesBackward": [pooled_back(2)],
        "MaxPool3DWithIndicesBackward": [pooled_back(3)],
        "MaxPool3DWithIndices": linear(lambda x: F.max_pool3d(x, 2), 1, 2, 2, 4, 4),
        "Norm": {
            0: [(lambda x: aten.norm.Scalar(x, 2), two[:1])],
            1: [(lambda x, p=p: aten.norm.ScalarOpt_dim(x, p, [1]), two[:1]) for p in (1, 2, 3)],
            2: [(lambda x: aten.norm.ScalarOpt_dtype(x, 2, dtype=torch.float64), two[:1])],
            3: [
                (
                    lambda x: aten.norm.ScalarOpt_dim_dtype(x, 3, [1], True, dtype=torch.float64),
                    two[:1],
                )
            ],
        },
        "ScaledDotProductFlashAttentionForCpu": [
            (F.scaled_dot_product_attention, heads),
            (lambda *x: F.scaled_dot_product_attention(*x, is_causal=True, scale=0.3), heads),
        ],
        "SmoothL1Loss": [
            (lambda x, y, how=how: F.smooth_l1_loss(x, y, beta=0.7, reduction=how), two)
            for how in ("mean", "sum", "none")
        ],
        "UpsampleBicubic2D": linear(interpolated("bicubic", (4, 5)), *image.shape),
        "UpsampleBilinear2D": linear(interpolated("bilinear", (4, 5)), *image.shape),
        "UpsampleLinear1D": linear(interpolated("linear", 5), 1, 2, 3),
        "UpsampleTrilinear3D": linear(interpolated("trilinear", (2, 4, 5)), 1, *image.shape),
        "Vdot": [(torch.vdot, [make(3), make(3)]) for make in (numbers, complex_numbers)],
    }


def by_name():
    """The samples by the names that PyTorch gives to backward functions."""
    torch.manual_seed(0)
    everything = [samples(), samples_of_functions(), samples_of_places(), samples_of_matrices()]
    for short, tried in itertools.chain.from_iterable(each.items() for each in everything):
        if short in ("CopyBackwards", "CopySlices"):
            yield short, tried
            continue
        for number, each in tried.items() if isinstance(tried, dict) else [(0, tried)]:
            yield f"{short}Backward{number}", each


SAMPLES = dict(by_name())
# Of nested tensors and of other devices, each with the one that does the same here.
TWINS = {
    "AcoshBackward1": "AcoshBackward0",
    "AsStridedBackward1": "AsStridedBackward0",
    "AsinhBackward1": "AsinhBackward0",
    "AtanhBackward1": "AtanhBackward0",
    "CeluBackward1": "CeluBackward0",
    "ConjPhysicalBackward1": "ConjPhysicalBackward0",
    "ThresholdBackward1": "ThresholdBackward0",
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


NUMBERS, SHARE = torch.tensor([[-1.0, 2.0, 3.0]]), torch.tensor([[0.2, 0.3, 0.6]])
IMAGE = torch.arange(16.0).view(1, 1, 4, 4)


@pytest.mark.parametrize(
    ("f", "inputs", "said"),
    [
        (lambda x: F.avg_pool2d(x, 2), [IMAGE], rules.WINDOWS),
        (lambda x: F.avg_pool2d(x, 2, count_include_pad=False), [IMAGE], rules.WINDOWS),
        (lambda x: F.avg_pool2d(x, 3, padding=1), [IMAGE], rules.WINDOWS),
        (
            lambda x: F.avg_pool2d(x, 3, padding=1, count_include_pad=False),
            [IMAGE],
            rules.LOCAL,
        ),
        (lambda x: F.avg_pool2d(x, 2, divisor_override=3), [IMAGE], rules.LOCAL),
        (lambda x: F.avg_pool2d(x, 3, ceil_mode=True), [IMAGE], rules.LOCAL),
        (torch.logit, [SHARE], rules.LOGIT),
        (lambda x: torch.logit(x, eps=0.1), [SHARE], rules.LOCAL),
        (lambda g, x: aten.threshold_backward(g, x, 0), [SHARE] * 2, rules.SECOND_POSITIVE),
        (lambda g, x: aten.threshold_backward(g, x, 0.5), [SHARE] * 2, rules.LOCAL),
        (lambda x: F.nll_loss(x, CLASSES[:1]), [NUMBERS], rules.MEAN_NLL),
        (lambda x: F.nll_loss(x, CLASSES[:1], reduction="sum"), [NUMBERS], rules.NLL),
        (lambda x: F.nll_loss(x, CLASSES[:1], SHARE[0]), [NUMBERS], rules.MEAN_WEIGHTED_NLL),
        (
            lambda x: F.nll_loss(x, CLASSES[:1], SHARE[0], reduction="sum"),
            [NUMBERS],
            rules.WEIGHTED_NLL,
        ),
        (lambda w: F.embedding(PLACES, w), [IMAGE[0, 0]], rules.LOOKED_UP),
        (lambda w: F.embedding(PLACES, w, padding_idx=0), [IMAGE[0, 0]], rules.LOOKED_UP_BUT),
        (lambda w: F.embedding(PLACES, w, padding_idx=1), [IMAGE[0, 0]], rules.LOOKED_UP_BUT),
        (lambda w: F.embedding(PLACES, w, scale_grad_by_freq=True), [IMAGE[0, 0]], rules.LOCAL),
        (lambda x: x.norm(1), [NUMBERS], rules.NORM_1),
        (lambda x: x.norm(2), [NUMBERS], rules.NORM),
        (lambda x: x.norm(1.5), [NUMBERS], rules.NORM_ANY),
        (lambda x: x.norm(2.5), [NUMBERS], rules.NORM_ANY),
        (lambda x: x.norm(0.5), [NUMBERS], rules.LOCAL),
        (lambda x: x.norm(torch.inf), [NUMBERS], rules.LOCAL),
        (lambda a, b: torch.dist(a, b, 2), [NUMBERS, SHARE], rules.DISTANCE),
        (lambda a, b: torch.dist(a, b, 3), [NUMBERS, SHARE], rules.LOCAL),
        (lambda a, b: F.mse_loss(a, b), [NUMBERS, SHARE], rules.MEAN_OF_SQUARES),
        (lambda a, b: F.mse_loss(a, b, reduction="sum"), [NUMBERS, SHARE], rules.SQUARES),
        (lambda x: F.binary_cross_entropy(x, SHARE), [SHARE / 2], rules.MEAN_BCE),
        (lambda x: F.binary_cross_entropy(x, SHARE, reduction="sum"), [SHARE / 2], rules.BCE),
        (lambda x: F.binary_cross_entropy(x, SHARE, SHARE), [SHARE / 2], rules.LOCAL),
        (
            lambda x: F.binary_cross_entropy_with_logits(x, SHARE, pos_weight=SHARE[0]),
            [NUMBERS],
            rules.LOCAL,
        ),
        (torch.angle, [NUMBERS], rules.ZERO),
        (torch.angle, [NUMBERS * 1j], rules.ANGLE),
        (torch.sgn, [NUMBERS * 1j], rules.LOCAL),
        (torch.vdot, [NUMBERS[0]] * 2, rules.TIMES_THE_OTHER),
        (torch.vdot, [NUMBERS[0] * 1j] * 2, rules.LOCAL),
        (lambda x: torch.linalg.cholesky(x), [torch.eye(2)], rules.CHOLESKY),
        (lambda x: torch.linalg.cholesky(x, upper=True), [torch.eye(2)], rules.LOCAL),
        (torch.linalg.solve, [torch.eye(2)] * 2, rules.SOLVED_LEFT),
        (lambda a, b: torch.linalg.solve(a, b, left=False), [torch.eye(2)] * 2, rules.LOCAL),
    ],
)
def test_a_rule_with_a_condition_is_said_where_it_holds_and_nowhere_else(f, inputs, said):
    case, _ = run(f, inputs)
    assert OPERATIONS[type(case.function).__name__].rule(case.function, 0) == said


@pytest.mark.parametrize("alpha", [1, 2])
def test_a_factor_is_said_of_what_it_belongs_to(alpha):
    last = torch.tensor([1])
    case, _ = run(
        lambda x, y: x.index_add(0, last, y, alpha=alpha), [IMAGE[0, 0], NUMBERS.new_ones(1, 4)]
    )
    added = OPERATIONS["IndexAddBackward0"]
    assert added.rule(case.function, 1) == (rules.PLACED if alpha == 1 else rules.LOCAL)
    case, _ = run(lambda *x: torch.addmm(*x, alpha=alpha), [torch.eye(2)] * 3)
    plus_product = [OPERATIONS["AddmmBackward0"].rule(case.function, each) for each in range(3)]
    factors = [rules.TO_THE_LEFT, rules.TO_THE_RIGHT]
    if alpha == 2:
        factors = [rules.TO_THE_LEFT_ALPHA, rules.TO_THE_RIGHT_ALPHA]
    assert plus_product == [rules.AS_IT_IS, *factors]


def test_a_rule_that_hangs_on_what_cannot_be_read_is_not_said():
    with torch.autograd.graph.saved_tensors_hooks(lambda x: x, lambda x: x):
        case, _ = run(torch.sgn, [numbers(3)])
    assert OPERATIONS["SgnBackward0"].rule(case.function, 0) == rules.LOCAL


def test_the_rule_of_a_loss_is_not_said_of_one_with_weights():
    case, _ = run(lambda x: F.binary_cross_entropy(x, SHARES, weight=SHARES), [SHARES / 2])
    assert OPERATIONS["BinaryCrossEntropyBackward0"].rule(case.function, 0) == rules.LOCAL


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
