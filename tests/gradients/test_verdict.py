"""The diagnosis names what is wrong, for every kind of mistake and many functions."""

import itertools
import re
import time

import numpy as np
import pytest
import torch
from planted import FUNCTIONS, one_element, planted, tensor

from autodiff_helpers import check_gradient

MATRICES = {name: each for name, each in FUNCTIONS.items() if each[1].ndim > 1}


def spoiled(*spoils, functions=FUNCTIONS):
    return [(planted(f, spoil), x) for f, x in functions.values() for spoil in spoils]


def cuts():
    def detached(f):
        return lambda x: f(x).detach() + 0 * x.sum()

    def partly(f):
        return lambda x: f(x) * f(x.detach())

    def data(f):
        return lambda x: f(x.data) + 0 * x.sum()

    def without_recording(f):
        def g(x):
            with torch.no_grad():
                y = f(x)
            return y * x.sum()

        return g

    def item(f):
        return lambda x: f(x) * x.sum().item()

    def copied(f):
        return lambda x: f(torch.tensor(x.tolist(), dtype=x.dtype).reshape(x.shape)) * x.sum()

    def nothing(f):
        return planted(f, lambda gradient: None)

    def zero(f):
        return planted(f, torch.zeros_like)

    ways = [detached, partly, data, without_recording, item, copied, nothing, zero]
    return [(way(f), x) for way in ways for f, x in FUNCTIONS.values()]


def kinks():
    zero = tensor(3).detach()
    zero[1] = 0
    zero.requires_grad_()
    ties = torch.tensor([1.0, 2.0, 2.0], dtype=torch.float64, requires_grad=True)
    at_zero = [
        torch.relu,
        torch.abs,
        torch.nn.functional.leaky_relu,
        torch.nn.functional.relu6,
        torch.nn.functional.elu,
        lambda x: x.clamp(min=0),
        lambda x: torch.maximum(x, torch.zeros_like(x)),
        lambda x: torch.where(x > 0, x, 3 * x),
        lambda x: x.abs().sum(),
        lambda x: torch.relu(x).sum() ** 2 + x.abs().sum(),
        lambda x: torch.nn.functional.l1_loss(x, torch.zeros_like(x)),
        lambda x: x.sin().abs(),
        lambda x: torch.nn.functional.threshold(x, 0.0, 0.0),
        lambda x: x * torch.sign(x),
    ]
    at_ties = [
        torch.max,
        torch.amax,
        lambda x: torch.sort(x).values,
        lambda x: torch.median(x[1:]),
        lambda x: x.topk(1).values,
        lambda x: torch.minimum(x[1], x[2]),
        lambda x: x.cummax(0).values,
        lambda x: (x[1] - x[2]).abs(),
    ]
    edges = [lambda x: torch.nn.functional.hardtanh(x + 1), lambda x: (x + 1).clamp(max=1)]
    return [(f, zero) for f in [*at_zero, *edges]] + [(f, ties) for f in at_ties]


def random_functions():
    def with_numpy(f):
        generator = np.random.default_rng(0)
        return lambda x: f(x) * generator.random()

    def with_a_generator(f):
        generator = torch.Generator().manual_seed(0)
        return lambda x: f(x) + torch.rand((), generator=generator, dtype=x.dtype) * x.sum()

    def with_a_counter(f):
        counter = itertools.count()
        return lambda x: f(x) * next(counter)

    def with_a_clock(f):
        return lambda x: f(x) * (time.perf_counter_ns() % 1000003)

    def with_torch(f):
        return lambda x: f(x) * torch.rand((), dtype=x.dtype)

    def with_dropout(f):
        return lambda x: f(x) + torch.dropout(x, 0.5, True).sum()

    ways = [
        with_numpy, with_a_generator, with_a_counter, with_a_clock, with_torch, with_dropout,
    ]  # fmt: skip
    return [(way(f), x) for way in ways for f, x in FUNCTIONS.values()]


def in_place():
    def method(f):
        return lambda x: f(x.mul_(1.5))

    def augmented(f):
        def g(x):
            x += 0.5
            return f(x)

        return g

    def data(f):
        def g(x):
            x.data.mul_(1.5)
            return f(x)

        return g

    def unrecorded(f):
        def g(x):
            y = f(x)
            with torch.no_grad():
                x.view(-1)[0] = 2.5
            return y

        return g

    def through_numpy(f):
        def g(x):
            x.detach().numpy().fill(0.7)
            return f(x)

        return g

    ways = [method, augmented, data, unrecorded, through_numpy]
    return [(way(f), x) for way in ways for f, x in FUNCTIONS.values()]


def coarse():
    def converted(f, dtype):
        return lambda x: f(x.to(dtype).to(x.dtype))

    def values(f, dtype):
        return lambda x: f(x).to(dtype).to(x.dtype)

    dtypes = [torch.float32, torch.bfloat16, torch.float16]
    return [
        (way(f, dtype), x)
        for way in (converted, values)
        for dtype in dtypes
        for name, (f, x) in FUNCTIONS.items()
        if name not in ("small", "large")  # too small or too large for half precision
    ]


def undefined():
    zero = tensor(3).detach()
    zero[1] = 0
    zero.requires_grad_()
    functions = [
        torch.sqrt,
        torch.log,
        torch.rsqrt,
        torch.reciprocal,
        lambda x: x / x,
        lambda x: x**0.5,
        lambda x: torch.sqrt(x).sum(),
        lambda x: (x * x).sqrt(),
        lambda x: torch.sin(x) / x,
        lambda x: x * x.log(),
        lambda x: (x.exp() - 1) / x,
        lambda x: torch.log(x[1:] - x[1:]),
        lambda x: torch.acos(1 + x * 0),
        lambda x: torch.atan2(x, x),
        lambda x: (x - x).norm() * 0 + (1 / x[1]),
        lambda x: x * float("nan"),
        lambda x: x.sum() * float("inf"),
        lambda x: torch.where(x > 0, x.sqrt(), 0.0),
        lambda x: torch.where(x > 0, x.log(), x),
        lambda x: torch.digamma(x),
    ]
    return [(f, zero) for f in functions]


def transposed():
    squares = [f for f in FUNCTIONS.values() if f[1].ndim == 2 and f[1].shape[0] == f[1].shape[1]]
    swapped = [(planted(f, lambda g: g.T), x) for f, x in squares] + [
        (planted(f, lambda g: g.T.reshape(g.shape)), x) for f, x in MATRICES.values() if x.ndim == 2
    ]
    bent = []
    for seed in range(12):
        matrix = torch.randn(
            4, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
        )

        class Product(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x, matrix):
                ctx.matrix = matrix
                return matrix @ x

            @staticmethod
            def backward(ctx, gradient):
                return ctx.matrix @ gradient, None

        bent.append((lambda x, m=matrix, p=Product: p.apply(x, m), tensor(4)))
    flipped = [
        (planted(f, lambda g: g.flip(0)), x) for f, x in FUNCTIONS.values() if x.shape[0] > 1
    ]
    rolled = [(planted(f, lambda g: g.roll(1)), x) for f, x in FUNCTIONS.values()]
    return swapped + bent + flipped + rolled


KINDS = {
    "cut": (cuts, ["cut"]),
    "sign": (lambda: spoiled(torch.neg), ["sign is wrong"]),
    "factor": (
        lambda: spoiled(
            lambda g: 0.5 * g, lambda g: 3 * g, lambda g: 1.0001 * g, lambda g: -10 * g
        ),
        ["constant factor"],
    ),
    "twice": (lambda: spoiled(lambda g: 2 * g), ["added twice"]),
    "transposed or permuted": (transposed, ["transposed", "permuted"]),
    "one element": (
        lambda: spoiled(
            one_element(lambda g: 1.5 * g),
            one_element(lambda g: 1.0001 * g),
            one_element(lambda g: -g),
        ),
        ["one element"],
    ),
    "offset": (lambda: spoiled(lambda g: g + 0.1, lambda g: g - 3), ["additive offset"]),
    "kink": (kinks, ["kink"]),
    "random": (random_functions, ["random"]),
    "in place": (in_place, ["in place"]),
    "precision": (coarse, ["precision"]),
    "undefined": (undefined, ["undefined"]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_kind_of_mistake_is_named(kind):
    # Whatever ran before: from some states dropout draws the same twice.
    torch.manual_seed(0)
    cases, words = KINDS[kind]
    wrong = []
    cases = cases()
    for f, x in cases:
        result = check_gradient(f, x)
        if not any(word in result.diagnosis for word in words):
            wrong.append(result.diagnosis)
    assert len(cases) >= 14
    assert len(wrong) <= 0.05 * len(cases), f"{len(wrong)} of {len(cases)}:\n" + "\n".join(wrong)


def test_a_cut_that_is_made_twice_is_named_once():
    result = check_gradient(lambda x: x.detach() * x.detach() * x, tensor(3))
    assert "; detach() cuts the function off" in result.diagnosis


@pytest.mark.parametrize("error", [RuntimeError, AssertionError, KeyError])
def test_a_function_that_does_not_work_without_its_cut_is_judged_by_its_numbers(error):
    def f(x):
        y = x.detach()
        if y.requires_grad:
            raise error("this function wants plain numbers")
        return y * x

    result = check_gradient(f, tensor(3))
    assert not result
    assert "it is 1/2 times the right one" in result.diagnosis


def test_one_wrong_number_is_no_pattern():
    x = torch.tensor(2.0, requires_grad=True)
    result = check_gradient(lambda x: 0 * x, x, expected=torch.tensor(5.0))
    assert result.diagnosis == (
        "The gradient is wrong: you expected 5 for ∂f/∂x, central differences say 0."
    )


def test_a_kink_elsewhere_does_not_hide_a_cut():
    for first in (0.0, 1.0):  # at 0 the relu has a kink
        x = torch.tensor([first, 2.0], requires_grad=True)
        result = check_gradient(lambda x: torch.relu(x[0]) + x[1].detach() * x[1], x)
        assert not result
        assert "detach() cuts the function off" in result.diagnosis


# The digits of what differs


def in_own_precision(dtype, factor):
    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            assert x.dtype == dtype
            ctx.save_for_backward(x)
            return x.sin()

        @staticmethod
        def backward(ctx, gradient):
            (x,) = ctx.saved_tensors
            return factor * x.cos() * gradient

    return Wrong.apply


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("factor", [1.0001, 1.01, 1.03, 1.05, 1.2, 0.9, 0.0, -1.0])
def test_rows_that_differ_show_that_they_do(dtype, factor):
    torch.manual_seed(0)
    x = torch.randn(20, dtype=dtype, requires_grad=True)
    result = check_gradient(in_own_precision(dtype, factor), x)
    rows = [line.split() for line in str(result).splitlines() if line.endswith("NO")]
    assert result.passed == (not rows)
    for _, analytic, numeric, _ in rows:
        assert analytic != numeric
        assert (float(analytic) == 0) == (factor == 0)
    assert "it is 1 times" not in result.diagnosis


def at(x):
    return torch.tensor(x, dtype=torch.float64, requires_grad=True)


def at_zero(f, expected, *values):
    return check_gradient(f, at(values or 0.0), expected=expected)


@pytest.mark.parametrize("size", [1e-4, 1.0, 1000.0])
@pytest.mark.parametrize("side", [-1, 1])
def test_at_a_kink_only_what_lies_between_its_slopes_is_accepted(size, side):
    def bent(x):
        return size * x.abs()

    for share in (0.0, 0.5, 1.0, 1 + 1e-8):
        assert at_zero(bent, side * size * share)
    for share in (1 + 1e-5, 1.0005, 1.01, 2.0):
        refused = at_zero(bent, side * size * share)
        assert not refused.passed
        assert "which is none of the two and not between them" in refused.diagnosis
        numbers = re.findall(r"(?:left|right|slope|expected|and) (-?[\d.e-]+)", refused.diagnosis)
        assert len({float(number) for number in numbers}) == 3


def test_of_several_kinks_the_one_with_the_wrong_answer_is_named():
    refused = at_zero(torch.abs, torch.tensor([[0.5, 0.0], [0.0, 5.0]]), 0.0, 0.0)
    assert "abs[1] at x[1] = 0 has a kink" in refused.diagnosis


def test_a_jump_is_no_excuse_for_a_wrong_sign():
    refused = check_gradient(lambda x: x.floor() + 2 * x, at(1.0), expected=-2)
    assert not refused.passed
    assert "f at x = 1 jumps, so there is no derivative" in refused.diagnosis


@pytest.mark.parametrize("x", [0.5, 30.0, 1000.0, 1e6])
def test_how_small_a_step_is_noticed_grows_with_the_number(x):
    result = check_gradient(lambda x: (3 * x.float()).double(), at(x))
    (step,) = re.findall(r"changes by less than about ([\d.e-]+);", result.diagnosis)
    noticed = np.spacing(np.float32(x)) / 2
    assert noticed / 10 < float(step) < 10 * noticed


@pytest.mark.parametrize("x", [1e-3, 0.5, 1000.0])
@pytest.mark.parametrize("wrong", [1e-9, 1e-5])
def test_a_constant_has_the_gradient_0_at_every_place(x, wrong):
    refused = check_gradient(lambda x: 0 * x + 1, at(x), expected=wrong)
    assert not refused.passed
    assert f"you expected {wrong:g} for ∂f/∂x, central differences say 0" in refused.diagnosis
