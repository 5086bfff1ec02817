"""For tests, and for those who try again: assert_gradient, tolerance and GradientCheck.hint."""

import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from planted import FUNCTIONS, MISTAKES, leaf, planted, tensor, times

from autodiff_helpers import assert_gradient, check_gradient

# assert_gradient


def test_a_right_gradient_lets_a_test_go_on():
    assert assert_gradient(torch.sin, leaf(1.0, 2.0)) is None
    assert assert_gradient(torch.relu, leaf(0.0)) is None
    x = leaf(1.0, 2.0)
    assert assert_gradient(lambda x, n: (x**n).sum(), x, 2, expected=[2, 4], tolerance=0.1) is None
    assert assert_gradient(lambda x: (x**3).sum(), x, order=2) is None


@pytest.mark.parametrize(
    ("f", "options"),
    [
        (planted(torch.sin, torch.neg), {}),
        (torch.floor, {}),
        (torch.sin, {"expected": [[1.0, 0.0], [0.0, 1.0]]}),
        (lambda x: x.detach() * x, {"order": 2}),
        (planted(torch.sin, times(1.2)), {"tolerance": 0.1}),
    ],
)
def test_a_wrong_gradient_fails_a_test_with_all_that_is_known(f, options):
    x = leaf(1.0, 2.0)
    with pytest.raises(AssertionError) as raised:
        assert_gradient(f, x, **options)
    assert str(raised.value) == str(check_gradient(f, x, **options))
    assert "∂" in str(raised.value).splitlines()[-1]


def test_bad_input_is_no_failed_test():
    with pytest.raises(TypeError, match="got a float as its first argument"):
        assert_gradient(1.0, leaf(1.0))


# tolerance


@given(st.floats(-0.9, 0.9).filter(lambda off: abs(off) > 1e-5), st.floats(1e-4, 0.5))
def test_a_derivative_may_be_off_by_the_tolerance(off, tolerance):
    if abs(abs(off) - tolerance) < 1e-6:
        return
    result = check_gradient(planted(torch.exp, times(1 + off)), tensor(3), tolerance=tolerance)
    assert result.passed is (abs(off) < tolerance)
    assert result.passed is ("NO" not in str(result))
    assert not check_gradient(planted(torch.exp, times(1 + off)), tensor(3))


def test_within_a_tolerance_all_digits_are_shown_and_said():
    result = check_gradient(planted(torch.square, times(1.05)), leaf(1.0), tolerance=0.1)
    assert str(result) == (
        "The gradient is right: the derivative agrees with its central difference, to within a "
        "tolerance of 0.1.\n"
        "\n"
        "derivative    autograd    numeric    agree\n"
        "------------  ----------  ---------  -------\n"
        "∂f[0]/∂x[0]   2.1         2          yes"
    )
    assert "tolerance" not in str(check_gradient(torch.square, leaf(1.0)))
    assert "tolerance" not in str(check_gradient(torch.square, leaf(1.0), tolerance=1e-6))


def test_a_pattern_is_no_wider_for_a_wide_tolerance():
    result = check_gradient(planted(torch.exp, times(3.77123, 0)), tensor(3), tolerance=0.4)
    assert "only those by one element, x[0], are wrong: look at how" in result.diagnosis
    assert "times" not in result.diagnosis


def test_other_derivatives_may_be_off_as_well():
    x = tensor(3)
    f = lambda x: (x**3).sum()  # noqa: E731
    assert check_gradient(f, x, expected=lambda x: 3.1 * x**2, tolerance=0.1)
    assert not check_gradient(f, x, expected=lambda x: 3.1 * x**2, tolerance=0.01)
    large = torch.linspace(0.5, 1.5, 2000, dtype=torch.float64).requires_grad_()
    off = 1 + 0.01 * torch.linspace(0, 9, 2000, dtype=torch.float64).sin()
    result = check_gradient(f, large, expected=lambda x: 3 * x**2 * off, tolerance=0.01)
    assert result.passed
    assert "NO" not in str(result)
    for wrong in (4.5 * large.detach() ** 2, -3 * large.detach() ** 2):
        assert not check_gradient(f, large, expected=wrong, tolerance=0.01)
    exact = check_gradient(f, large, tolerance=1e-4).diagnosis
    assert exact.endswith("agrees with its central difference, to within a tolerance of 0.0001.")


class Rounded(torch.autograd.Function):
    """The identity, whose gradient is rounded to thousandths on purpose."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return (gradient * 1000).round() / 1000


def test_a_backward_step_may_be_linear_within_the_tolerance():
    f = lambda x: Rounded.apply(x).sum()  # noqa: E731
    assert "is not linear" in check_gradient(f, leaf(1.0)).diagnosis
    assert check_gradient(f, leaf(1.0), tolerance=0.01)


@pytest.mark.parametrize("tolerance", [0, 1, -0.1, 2.0, 1e-9, True, "0.1", None, float("nan")])
def test_a_bad_tolerance_gets_one_clear_sentence(tolerance):
    with pytest.raises(ValueError, match="got tolerance=") as raised:
        check_gradient(torch.sin, leaf(1.0), tolerance=tolerance)
    assert str(raised.value) == (
        f"check_gradient got tolerance={tolerance!r}; expected a share of the derivative, of at "
        "least 1e-06 and below 1, such as 0.01 where it may be off by one percent."
    )


# hint


def numbers_in(text):
    """The numbers that stand for themselves, not for a place in a tensor."""
    return re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", re.sub(r"\[[\d, ]*\]|x\d", "", text))


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_hint_is_one_line_without_a_number(name, mistake):
    f, x = FUNCTIONS[name]
    hint = check_gradient(planted(f, MISTAKES[mistake]), x).hint()
    assert "\n" not in hint
    assert hint.endswith(".")
    assert "wrong" in hint
    assert numbers_in(hint) == []


def test_a_gradient_that_passed_leaves_nothing_to_mend():
    for f, x in [(torch.sin, leaf(1.0)), (torch.relu, leaf(0.0))]:
        assert check_gradient(f, x).hint() == "Right."


X = leaf(1.0, 2.0, 3.0)
BY_HAND = [
    (lambda x: -2 * x, "∂f/∂x[2] and others are wrong: look at the sign."),
    (lambda x: 4 * x, "∂f/∂x[2] and others are wrong: look for a constant factor that is missing "
     "or too many."),
    (lambda x: 3 * x, "∂f/∂x[2] and others are wrong: look for a constant factor that is missing "
     "or too many."),
    (lambda x: 2 * x + 1, "∂f/∂x[0] and others are wrong: look for a constant that is added."),
    (lambda x: 2 * x.flip(0), "∂f/∂x[0] and others are wrong: the numbers are there, but in other "
     "places."),
    (lambda x: 0 * x, "∂f/∂x[2] and others are wrong: the function does depend on this input."),
    (lambda x: 2 * x + torch.tensor([0, 2, 0]), "Only the derivatives by x[1] are wrong: look for "
     "a constant factor that is missing or too many."),
    (lambda x: 2 * x + torch.tensor([0, 0.3, 0]), "Only the derivatives by x[1] are wrong."),
    (lambda x: torch.tensor([2, 5.2, 7.1]), "∂f/∂x[1] and others are wrong."),
]  # fmt: skip


@pytest.mark.parametrize(("expected", "hint"), BY_HAND)
def test_a_hint_tells_the_kind_of_a_mistake_by_hand(expected, hint):
    assert check_gradient(lambda x: (x * x).sum(), X, expected=expected).hint() == hint


class Forgetful(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return (x * x).sum()

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return 2 * x


def in_place(x):
    x.data.mul_(2)
    return x.sum()


def overwritten(x):
    y = x.exp()
    z = y * 1
    y.data.zero_()
    return z


NUMBERS = iter(range(10**6))
INDEX = torch.tensor([0, 1])
ROUND = planted(torch.round, lambda gradient: gradient + 1)
ZEROS = torch.zeros(3000, requires_grad=True)
HINTS = {
    "random": (lambda x: x * next(NUMBERS), X, "The function is random: let it give one value"),
    "in place": (in_place, X, "The function changes its input x in place: let it make a new"),
    "value": (lambda x: (x - 1).log(), X, "f[0] itself is no number here: look for a division"),
    "slope": (lambda x: (x - 1).sqrt(), X, "∂f[0]/∂x[0] is no number: look for an infinite slope"),
    "choice": (
        lambda x: torch.where(x > 1, (x - 1).sqrt(), x),
        X,
        "∂f[0]/∂x[0] is no number: look at what torch.where() leaves out.",
    ),
    "jump": (torch.floor, X, "floor[0] jumps here, so it has no derivative: check it at another"),
    "kink": (
        planted(lambda x: (x - 1).abs(), lambda gradient: gradient + 3),
        X,
        "f[0] has a kink here, and ∂f[0]/∂x[0] is not between the slopes on both sides.",
    ),
    "fault": (
        Forgetful.apply,
        X,
        "The derivatives fit, but Forgetful.backward does not use what it is given.",
    ),
    "fault that shows": (
        lambda x: 3 * Forgetful.apply(x),
        X,
        "∂f/∂x[2] and others are wrong: Forgetful.backward does not use what it is given.",
    ),
    "cut": (lambda x: x.detach() * x, X, "others are wrong: detach() cuts the function off from"),
    "two cuts": (
        lambda x: x.data * x.detach(),
        X,
        "others are wrong: .data and detach() cut the function off from its input.",
    ),
    "cut off": (
        planted(torch.sin, torch.zeros_like), X, "others are wrong: nothing comes back to x.",
    ),
    "here only": (
        lambda x: x.relu() - (-x).relu(),
        leaf(0.0),
        "∂f[0]/∂x[0] is wrong: right beside this point it is right.",
    ),
    "kept back": (
        lambda w: torch.nn.functional.embedding(INDEX, w, padding_idx=0),
        tensor(2, 1),
        "Only the derivatives by w[0, 0] are wrong: padding_idx keeps a part of the gradient back.",
    ),
    "overwritten": (overwritten, X, "wrong: a tensor that was saved for the way back is overwrit"),
}  # fmt: skip


@pytest.mark.parametrize("name", HINTS)
def test_a_hint_tells_what_to_look_at(name):
    f, x, words = HINTS[name]
    result = check_gradient(f, x)
    assert not result
    assert words in result.hint()


def test_a_hint_names_the_one_output_that_is_wrong():
    right = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    wrong = torch.tensor([[1.0, 2.0], [7.0, 5.0]])
    result = check_gradient(lambda x: right.to(x) @ x, leaf(1.0, 2.0), expected=wrong)
    assert result.hint() == "Only the derivatives of f[1] are wrong."
