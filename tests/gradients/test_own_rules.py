"""A backward step, or a rule for forward mode, must be linear in what it is given, and repeat."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from planted import leaf

from autodiff_helpers import check_gradient


def rule(back, forward=torch.square, tangent=None):
    """A function whose backward step is ``back`` of its context and of the gradient it is given."""

    class Rule(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            ctx.save_for_forward(x)
            ctx.double, ctx.times = 2 * x, 0
            return forward(x)

        @staticmethod
        def backward(ctx, gradient):
            return back(ctx, gradient)

    if tangent is not None:
        Rule.jvp = staticmethod(tangent)
    return Rule.apply


def total_of_squares(x):
    return (x * x).sum()


def right(ctx, gradient):
    return ctx.double * gradient


def counting(ctx, gradient):
    ctx.times += 1
    return ctx.times * ctx.double * gradient


def changing_what_it_saved(ctx, gradient):
    once = ctx.double.clone()
    ctx.double.mul_(3)
    return once * gradient


def changing_it_once(ctx, gradient):
    once = ctx.double.clone()
    ctx.double.clamp_(-1, 1)
    return once * gradient


def drawing(ctx, gradient):
    return ctx.double * gradient * (1 + 1e-3 * torch.rand(()))


FORGOTTEN = "what Rule.backward returns is not multiplied by the gradient it is given"
ADDED = "what Rule.backward returns is in part not multiplied by the gradient it is given"
NOT_LINEAR = "what Rule.backward returns is not linear in the gradient it is given"
NOT_THE_SAME = "what Rule.backward returns is not the same twice"

FAULTS = {
    "forgotten": (lambda ctx, g: ctx.double, FORGOTTEN),
    "ones": (lambda ctx, g: ctx.double * torch.ones_like(g), FORGOTTEN),
    "added": (lambda ctx, g: ctx.double * g + g - 1, ADDED),
    "sign": (lambda ctx, g: ctx.double * g.sign(), NOT_LINEAR),
    "clamp": (lambda ctx, g: ctx.double * g.clamp(-1, 1), NOT_LINEAR),
    "clamp far away": (lambda ctx, g: ctx.double * g.clamp(-100, 100), NOT_LINEAR),
    "relu": (lambda ctx, g: ctx.double * g.relu(), NOT_LINEAR),
    "abs": (lambda ctx, g: ctx.double * g.abs(), NOT_LINEAR),
    "square": (lambda ctx, g: ctx.double * g**2, NOT_LINEAR),
    "norm": (lambda ctx, g: ctx.double * g / g.norm(), NOT_LINEAR),
    "round": (lambda ctx, g: ctx.double * g.round(), NOT_LINEAR),
    "counting": (counting, NOT_THE_SAME),
    "changing": (changing_what_it_saved, NOT_THE_SAME),
    "changing once": (changing_it_once, NOT_THE_SAME),
    "drawing": (drawing, NOT_THE_SAME),
}
SMALL = leaf(0.5, -1.0, 2.0)
LARGE = torch.linspace(-1, 2, 3001).requires_grad_()


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("x", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("forward", [total_of_squares, torch.square])
def test_a_backward_step_that_is_no_product_is_found(name, x, forward):
    back, words = FAULTS[name]
    f = rule(back, forward)
    for each in (f, lambda x: 3 * f(x).sum(), lambda x: f(x.sin())):
        result = check_gradient(each, x)
        assert result.passed is False, result
        assert words in result.diagnosis


@given(factor=st.floats(-1e3, 1e3).filter(lambda factor: abs(factor) > 1e-3))
@pytest.mark.parametrize("forward", [total_of_squares, torch.square])
def test_a_backward_step_that_is_a_product_is_right(forward, factor):
    f = rule(right, forward)
    assert check_gradient(lambda x: factor * f(x), SMALL)
    assert check_gradient(lambda x: f(factor * x), SMALL)


def test_where_the_derivatives_agree_the_verdict_says_so():
    result = check_gradient(rule(lambda ctx, g: ctx.double, total_of_squares), leaf(1.0, 2.0))
    assert str(result) == (
        "The gradient is wrong, although these derivatives agree with their central differences: "
        "what Rule.backward returns is not multiplied by the gradient it is given: it is the same "
        "whatever comes in.\n"
        "\n"
        "derivative    autograd    numeric    agree\n"
        "------------  ----------  ---------  -------\n"
        "∂Rule/∂x[0]   2           2          yes\n"
        "∂Rule/∂x[1]   4           4          yes"
    )
    wrong = check_gradient(rule(lambda ctx, g: ctx.double), leaf(1.0, 2.0)).diagnosis
    assert wrong.startswith("The gradient is wrong in 2 of 4 derivatives: autograd says 4 for")
    assert "; what Rule.backward returns is not multiplied" in wrong


def test_the_jacobian_is_the_one_that_the_first_step_back_gives():
    result = check_gradient(rule(changing_what_it_saved, total_of_squares), leaf(1.0, 2.0))
    assert result.analytic.tolist() == [2, 4]


def test_of_several_rules_all_are_named():
    class Sign(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, gradient):
            return gradient.sign()

    f = rule(right, total_of_squares)
    assert "what Rule.backward or Sign.backward returns" in (
        check_gradient(lambda x: Sign.apply(f(x)), SMALL).diagnosis
    )


def test_a_step_that_frees_what_it_has_used_is_right():
    def freeing(ctx, gradient):
        product = ctx.double * gradient
        del ctx.double
        return product

    assert check_gradient(rule(freeing, total_of_squares), SMALL)


def test_low_precision_is_no_fault():
    def in_half_precision(x):
        if x.dtype != torch.float16:
            raise TypeError("this function computes in float16 only")
        return rule(right)(x)

    # Products with large gradients are too large for a number here.
    assert check_gradient(in_half_precision, leaf(100.0, 1.0, 0.01, dtype=torch.float16))


def test_an_undefined_gradient_is_called_so():
    f = rule(lambda ctx, g: g / ctx.double.sqrt(), torch.sqrt)
    assert "The gradient is undefined" in check_gradient(f, leaf(0.0, 1.0)).diagnosis


def test_a_gradient_by_hand_is_checked_in_its_place():
    x = leaf(1.0, 2.0)
    assert check_gradient(rule(lambda ctx, g: ctx.double, total_of_squares), x, expected=2 * x)


COUNTER = itertools.count(1)
TANGENTS = {
    "forgotten": (lambda ctx, t: 2 * ctx.saved_tensors[0], "is not multiplied by the tangent"),
    "sign": (lambda ctx, t: 2 * ctx.saved_tensors[0] * t.sign(), "is not linear in the tangent"),
    "clamp": (lambda ctx, t: 2 * ctx.saved_tensors[0] * t.clamp(0, 1), "is not linear in"),
    "counting": (lambda ctx, t: t * next(COUNTER), "is not the same twice"),
}


@pytest.mark.parametrize("name", TANGENTS)
@pytest.mark.parametrize("x", [SMALL, LARGE], ids=["small", "large"])
def test_a_rule_for_forward_mode_must_be_linear_as_well(name, x):
    tangent, words = TANGENTS[name]
    result = check_gradient(rule(right, tangent=tangent), x)
    assert result.passed is False
    assert "what Rule.jvp returns " + words in result.diagnosis


def test_a_rule_for_forward_mode_that_is_linear_is_right():
    tangent = lambda ctx, t: 2 * ctx.saved_tensors[0] * t  # noqa: E731
    assert check_gradient(rule(right, tangent=tangent), SMALL)
    # Where something else has no forward mode, it is not looked at.
    stuck = rule(right)
    assert check_gradient(lambda x: stuck(rule(right, tangent=tangent)(x)), SMALL)
