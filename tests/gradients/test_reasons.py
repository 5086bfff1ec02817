"""A reason is given only where it is certain: it was proved by undoing, or can be no accident."""

import math

import pytest
import torch
from planted import tensor
from torch import nn

from autodiff_helpers import check_gradient


def with_step(forward, backward):
    """A function, and a step back that is made of the gradient and of what it was given."""

    class Own(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *xs):
            ctx.save_for_backward(*xs)
            return forward(*xs)

        @staticmethod
        def backward(ctx, gradient):
            return backward(gradient, *ctx.saved_tensors)

    return Own.apply


def reason(f, *inputs, **options):
    """What stands behind the finding, if anything does."""
    result = check_gradient(f, *inputs, **options)
    assert not result, result
    _, _, found = result.diagnosis.removesuffix(".").partition("; ")
    return found


# What is missing


SOFTMAX = with_step(
    lambda x: x.softmax(-1), lambda gradient, x: x.softmax(-1) * (1 - x.softmax(-1)) * gradient
)
BESIDE_THE_DIAGONAL = "only the diagonal of the Jacobian is there"


def test_a_softmax_without_what_is_beside_the_diagonal():
    for x in (tensor(5), tensor(2, 3)):
        assert reason(SOFTMAX, x).startswith(BESIDE_THE_DIAGONAL)
    identity = with_step(lambda x: x.cumsum(0), lambda gradient, x: gradient)
    assert reason(identity, tensor(4)).startswith(BESIDE_THE_DIAGONAL)
    right = torch.diag(torch.full((3,), 1.0))
    assert reason(lambda x: x.cumsum(0), tensor(3), expected=right).startswith(BESIDE_THE_DIAGONAL)
    # Where the diagonal is wrong as well, nothing is certain.
    wrong = with_step(lambda x: x.softmax(0), lambda gradient, x: x.softmax(0) * gradient)
    assert reason(wrong, tensor(4)) == ""


def test_only_an_input_without_any_gradient_is_called_cut_off():
    def zeros_at(*places):
        keep = torch.ones(3, dtype=torch.float64)
        keep[list(places)] = 0
        return with_step(lambda x: (x * x).sum(), lambda gradient, x: 2 * x * keep * gradient)

    assert "the way from Own back to x is cut off" in reason(zeros_at(0, 1, 2), tensor(3))
    assert reason(zeros_at(0, 1), tensor(3)) == ""
    assert reason(zeros_at(0), tensor(3)) == (
        "of all derivatives only those by one element, x[0], are wrong: look at how this one is "
        "treated"
    )
    # Some numbers of a large input say nothing of the others.
    half = with_step(
        lambda x: (x * x).sum(), lambda gradient, x: 2 * x * gradient * (torch.arange(3000) < 0)
    )
    assert reason(half, tensor(3000)) == ""


def test_of_a_gradient_by_hand_nothing_is_cut_off():
    f = lambda x: (x * x).sum()  # noqa: E731
    assert reason(f, tensor(3), expected=torch.zeros(3)) == "the function does depend on this input"
    assert reason(lambda x: 0 * x, tensor(1), expected=torch.ones(1, 1)) == ""


# What should not be there

DOES_NOT_REACT = "the function does not react to {} here, but the backward step says that it does"


@pytest.mark.parametrize(
    "f",
    [
        with_step(torch.round, lambda gradient, x: gradient),
        with_step(torch.sign, lambda gradient, x: gradient * (x.abs() < 1)),
        with_step(lambda x: (x > 0.5).to(x), lambda gradient, x: gradient * x.sigmoid()),
        lambda x: with_step(torch.round, lambda gradient, x: gradient)(x).sum(),
    ],
)
def test_a_straight_through_estimator(f):
    x = torch.tensor([0.3, 1.2, 2.9], requires_grad=True)
    assert reason(f, x) == (
        DOES_NOT_REACT.format("x") + ", as that of a straight-through estimator does on purpose"
    )


def test_a_relu_that_lets_everything_back():
    relu = with_step(torch.relu, lambda gradient, x: gradient)
    x = torch.tensor([-0.5, 1.2, -2.0], requires_grad=True)
    assert reason(relu, x) == DOES_NOT_REACT.format("x[0]")


# What is in the wrong place


def test_two_gradients_that_are_exchanged_are_named():
    product = with_step(torch.mul, lambda gradient, a, b: (gradient * a, gradient * b))
    matrices = with_step(torch.matmul, lambda gradient, a, b: (a.T @ gradient, gradient @ b.T))
    exchanged = "the gradients of {} and {} are exchanged: look at the order in which they are "
    for f, x, y in [
        (product, tensor(3), tensor(3, seed=2)),
        (product, tensor(), tensor(seed=2)),
        (matrices, tensor(2, 2), tensor(2, 2, seed=2)),
    ]:
        assert exchanged.format("x1", "x2") in reason(f, x, y)
    a, b, c = tensor(3), tensor(3, seed=2), tensor(3, seed=3)
    f = lambda a, b, c: c @ (a * b)  # noqa: E731
    assert exchanged.format("a", "c") in reason(
        f, a, b, c, expected=lambda a, b, c: (a * b, a * c, b * c)
    )
    # One that is right besides is no exchange, and neither are other shapes.
    assert "exchanged" not in reason(f, a, b, c, expected=lambda a, b, c: (a * b, a * b, a * b))
    assert "exchanged" not in reason(torch.outer, tensor(2), tensor(3), expected=(
        torch.ones(2, 3, 2), torch.ones(2, 3, 3),
    ))  # fmt: skip


def test_an_exchange_that_may_be_a_sign_is_called_a_sign():
    difference = with_step(torch.sub, lambda gradient, a, b: (-gradient, gradient))
    assert "the sign is wrong" in reason(difference, tensor(3), tensor(3, seed=2))


def test_zeros_and_ones_in_other_places_are_no_order():
    mask = with_step(torch.relu, lambda gradient, x: gradient * (x < 0))
    x = torch.tensor([-0.5, 1.2, -2.0, 0.7], requires_grad=True)
    assert reason(mask, x) == ""
    turned = with_step(lambda x: 3 * x.flip(0), lambda gradient, x: 3 * gradient)
    assert reason(turned, x) == ""
    weight = torch.tensor([1.0, 2, 3, 4])
    turned = with_step(lambda x: (weight * x).sum(), lambda gradient, x: weight.flip(0) * gradient)
    assert "in the wrong places (permuted)" in reason(turned, x)


def test_a_gradient_that_is_the_same_for_every_output():
    same = "it is the same for every output"
    assert same in reason(lambda x: x * x, tensor(3), expected=lambda x: (2 * x).expand(3, 3))
    # Two outputs with one number each may well be the same by accident.
    f = lambda x: torch.cat([x, x**3])  # noqa: E731
    assert reason(f, tensor(1), expected=lambda x: 3 * x.expand(2, 1)) == ""


# Numbers that are off


def test_attention_without_its_scale_has_a_factor():
    def forward(q, k, v):
        return ((q @ k.T) / math.sqrt(q.shape[1])).softmax(-1) @ v

    def backward(gradient, q, k, v):
        p = ((q @ k.T) / math.sqrt(q.shape[1])).softmax(-1)
        back = gradient @ v.T
        scores = p * (back - (back * p).sum(-1, keepdim=True))
        return scores @ k, scores.T @ q, p.T @ gradient

    for width, factor in [(2, "1.4142"), (3, "1.7321"), (4, "2"), (9, "3")]:
        found = reason(
            with_step(forward, backward), *(tensor(3, width, seed=seed) for seed in (1, 2, 3))
        )
        assert found.startswith(f"it is {factor} times the right one, a constant factor")


def test_one_number_is_no_pattern_unless_it_is_a_simple_one():
    x = tensor(1)
    for factor, words in [(-1, "sign"), (2, "twice"), (1 / 3, "1/3 times"), (1.234, "")]:
        found = reason(lambda x: x.exp(), x, expected=lambda x, c=factor: (c * x.exp())[None])
        assert words in found
        assert bool(words) == bool(found)


def test_an_offset_takes_three_different_numbers():
    def off(count):
        return reason(lambda x: (x**3).sum(), tensor(count), expected=lambda x: 3 * x**2 + 1)

    assert off(2) == ""
    assert "off by the same amount, 1 (an additive offset)" in off(3)
    # Nor may some be right.
    some = torch.tensor([1.0, 1, 1, 0])
    assert reason(lambda x: (x**3).sum(), tensor(4), expected=lambda x: 3 * x**2 + some) == ""


# What is proved by undoing


def test_padding_keeps_its_gradient_back():
    index = torch.tensor([0, 1, 3, 1])
    kept = "{} keeps a part of the gradient back, on purpose: without that it is right"
    torch.manual_seed(0)
    layer = nn.Embedding(4, 2, padding_idx=0)
    for f, inputs in [
        (layer, [index]),
        (nn.Sequential(layer, nn.Linear(2, 1)), [index]),
        (lambda w: nn.functional.embedding(index, w, padding_idx=1), [tensor(4, 2)]),
        (lambda w: nn.functional.embedding(index, w, -1), [tensor(4, 2)]),
    ]:
        assert reason(f, *inputs) == kept.format("padding_idx")
    often = lambda w: nn.functional.embedding(index, w, scale_grad_by_freq=True)  # noqa: E731
    assert reason(often, tensor(4, 2)) == kept.format("scale_grad_by_freq")
    # Nothing is kept back where the row is not used, and there it is not named.
    unused = lambda w: nn.functional.embedding(index, w, padding_idx=2)  # noqa: E731
    assert check_gradient(unused, tensor(4, 2))
    both = lambda w: nn.functional.embedding(index, w, padding_idx=1) * w.detach()  # noqa: E731
    assert "detach() and padding_idx cut the function off" in reason(both, tensor(4, 2))


def by_data(x):
    y = x.exp()
    z = y * 1
    y.data.zero_()
    return z


def by_numpy(x):
    y = x.sigmoid()
    z = y.clone()
    y.detach().numpy()[:] *= 2
    return z


def by_data_before_a_product(x):
    y = x.sin()
    z = y * y
    y.data.add_(1)
    return z


def of_a_function_of_ones_own(x):
    y = with_step(torch.exp, lambda gradient, x: gradient * x.exp())(x)
    z = y * y
    y.data.fill_(3)
    return z


@pytest.mark.parametrize(
    "f", [by_data, by_numpy, by_data_before_a_product, of_a_function_of_ones_own]
)
def test_a_saved_tensor_that_is_overwritten(f):
    assert reason(f, tensor(3)).startswith(
        "a tensor that was saved for the way back is overwritten"
    )


@pytest.mark.filterwarnings("ignore:Converting a tensor")
@pytest.mark.parametrize(
    ("f", "calls"),
    [
        (lambda x: torch.tensor([x[0] * x[1], x[2]]), "torch.tensor() cuts"),
        (lambda x: torch.tensor([[x[0], 0.1], (x[2], 2)]).square().sum(), "torch.tensor() cuts"),
        (lambda x: torch.as_tensor([2 * each for each in x]), "torch.as_tensor() cuts"),
        (lambda x: torch.tensor([x[0].item() ** 2, 1]), "item() and torch.tensor() cut"),
    ],
)
def test_a_list_of_tensors_is_cut_off_by_what_makes_one_tensor_of_it(f, calls):
    assert reason(f, tensor(3)).startswith(f"{calls} the function off from its input")


def test_a_list_of_numbers_cuts_nothing_off():
    f = lambda x: torch.tensor([1.0, 2.0]) * x.detach()  # noqa: E731
    assert reason(f, tensor(2)).startswith("detach() cuts the function off")


def test_a_value_that_is_another_one_without_the_cut_proves_nothing():
    def f(x):
        y = x.sigmoid()
        y.data.mul_(2)
        return y

    assert "cut" not in reason(f, tensor(3))


BEHIND = "what {} leaves out there has an infinite or undefined slope, and 0 times that is nan"
X = torch.tensor([-1.0, 0.0, 2.0], dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize(
    ("f", "name"),
    [
        (lambda x: torch.where(x > 0, x.sqrt(), 0.0), "torch.where()"),
        (lambda x: torch.where(x == 0, 1.0, x.sin() / x).sum(), "torch.where()"),
        (lambda x: x.asin().where(x.abs() < 1, torch.zeros(())), "torch.where()"),
        (lambda x: torch.where(x.sum() > 0, x, x.log().sum().sqrt()), "torch.where()"),
        (lambda x: x.sqrt().masked_fill(x <= 0, 0.0), "masked_fill()"),
    ],
)
def test_nan_behind_a_choice_is_named(f, name):
    result = check_gradient(f, X)
    assert not result
    assert result.diagnosis.startswith("The gradient is undefined: autograd says nan for")
    assert BEHIND.format(name) in result.diagnosis


def test_nan_from_elsewhere_is_not_blamed_on_a_choice():
    for f in (
        lambda x: torch.where(x >= 0, x, 2 * x) + 0 * x.sqrt(),
        lambda x: x.sqrt() * 0,
        lambda x: torch.where(x >= 0, x.sqrt() * 0, x),
    ):
        diagnosis = check_gradient(f, X[1:].detach().requires_grad_()).diagnosis
        assert "The gradient is undefined: autograd says nan" in diagnosis
        assert "where" not in diagnosis


def test_what_the_hooks_found_out_is_taken_away_again():
    leaf = X.detach().requires_grad_()
    outside = leaf.sqrt()
    check_gradient(lambda x: torch.where(x > 0, outside * x, 0.0) + x.sqrt(), X)
    (gradient,) = torch.autograd.grad(
        (0 * outside).sum(), outside.grad_fn.next_functions[0][0].variable
    )
    assert gradient.isnan().any()


def test_a_choice_between_parts_of_several_is_no_trouble():
    def f(x):
        first, second = x.sqrt().split([1, 2])
        return torch.where(x[1:] > 0, second, 0.0), first.sum() + torch.where(x > 0, x.log(), x)

    assert "The gradient is undefined" in check_gradient(f, X).diagnosis
