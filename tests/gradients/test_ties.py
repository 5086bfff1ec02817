"""Where several kinks meet any choice of the operations is right, and a wrong gradient is wrong."""

import pytest
import torch
from planted import leaf, planted, times
from torch import nn

from autodiff_helpers import check_gradient

TWOS = leaf(2.0, 2.0, 2.0)
FIRST = "The gradient is right, although the function "


def network(seed, bias):
    torch.manual_seed(seed)
    layers = [nn.Linear(3, 5, bias), nn.ReLU(), nn.Linear(5, 4, bias), nn.ReLU(), nn.Linear(4, 2)]
    return nn.Sequential(*layers)


def image_and_network(side, channels, seed):
    torch.manual_seed(seed)
    image = torch.zeros(1, 1, side, side)
    image[0, 0, side // 3 : -side // 3, side // 3 : -side // 3] = torch.rand(1)
    features = channels * ((side - 2) // 2) ** 2
    convolution = [nn.Conv2d(1, channels, 3), nn.ReLU(), nn.MaxPool2d(2)]
    return image.requires_grad_(), nn.Sequential(*convolution, nn.Flatten(), nn.Linear(features, 3))


SMALL, SMALL_NETWORK = image_and_network(8, 2, seed=0)
LARGE, LARGE_NETWORK = image_and_network(28, 4, seed=1)
TIES = {
    "median": (torch.median, TWOS),
    "median of four": (torch.median, leaf(2.0, 2.0, 5.0, 2.0)),
    "sort": (lambda x: x.sort().values, TWOS),
    "sort, weighted": (lambda x: x.sort().values @ torch.tensor([1.0, 5, 2]).to(x), TWOS),
    "largest two": (lambda x: x.topk(2).values, leaf(1.0, 1.0, 1.0, 0.0)),
    "running maximum": (lambda x: x.cummax(0).values, leaf(1.0, 1.0, 1.0, 0.0)),
    "maximum": (torch.max, leaf(1.0, 1.0, 0.0)),
    "pooling": (lambda x: torch.max_pool2d(x, 2), torch.zeros(1, 1, 4, 4, requires_grad=True)),
    "eigenvalues that are equal": (
        lambda x: torch.linalg.eigvalsh(x + x.T),
        torch.eye(3, requires_grad=True),
    ),
    **{
        f"a network without bias at 0, {seed}": (network(seed, bias=False).forward, 0 * TWOS)
        for seed in range(4)
    },
    "a black border": (SMALL_NETWORK.forward, SMALL),
    "a black border, thousands of derivatives": (LARGE_NETWORK.forward, LARGE),
}


def at(x):
    return x.detach().requires_grad_()


@pytest.mark.parametrize("name", TIES)
def test_what_autograd_chooses_at_ties_is_right(name):
    f, x = TIES[name]
    result = check_gradient(f, at(x))
    assert result, result
    assert result.diagnosis.startswith(FIRST)
    assert "NO" not in str(result)


# Not where twice the answer is one that could be chosen as well, such as 0; and the large one has
# a test of its own.
@pytest.mark.parametrize(
    "name",
    sorted(
        set(TIES)
        - {"maximum", "a network without bias at 0, 3", "a black border, thousands of derivatives"}
    ),
)
@pytest.mark.parametrize("factor", [2.0, -1.0, 1.01])
def test_a_wrong_factor_at_ties_is_found(name, factor):
    f, x = TIES[name]
    wrong = planted(lambda x: x.clone(), times(factor))
    assert not check_gradient(lambda x: f(wrong(x)), at(x))


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda x: torch.relu(x - 1), 1 + 1e-9),
        (lambda x: torch.relu(x - 1), 1 - 1e-9),
        (lambda x: x.abs().log().sum(), 1e-12),
    ],
)
def test_of_a_kink_that_is_only_near_nobody_says_that_it_is_at_the_point(f, x):
    result = check_gradient(f, leaf(x, dtype=torch.float64))
    assert result, result
    assert "is not differentiable" not in result.diagnosis
    assert "NO" not in str(result)


def test_a_module_that_is_too_large_to_be_written_down_is_judged_beside_its_ties():
    result = check_gradient(LARGE_NETWORK, at(LARGE))
    assert result, result
    assert result.diagnosis.startswith(FIRST)
    assert "NO" not in str(result)
    wrong = planted(lambda x: x.clone(), times(1.5, 300))
    assert not check_gradient(nn.Sequential(Wrong(wrong), LARGE_NETWORK), at(LARGE))


class Wrong(nn.Module):
    def __init__(self, f):
        super().__init__()
        self.f = f

    def forward(self, x):
        return self.f(x)


class Median(torch.autograd.Function):
    """The median of equal numbers, with a rule that shares the gradient among them."""

    pick = staticmethod(torch.median)
    factor = 1.0

    @classmethod
    def forward(cls, ctx, x):
        ctx.save_for_backward(x)
        return cls.pick(x)

    @classmethod
    def backward(cls, ctx, gradient):
        (x,) = ctx.saved_tensors
        chosen = (x == cls.pick(x)).to(x.dtype)
        return cls.factor * gradient * chosen / chosen.sum()


class TwiceMedian(Median):
    factor = 2.0


class Steep(torch.autograd.Function):
    """A relu whose slope at 0 is 5."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.relu()

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * torch.where(x == 0, 5.0, (x > 0).to(x.dtype))


def test_a_rule_of_ones_own_must_choose_what_can_be_chosen():
    assert check_gradient(Median.apply, TWOS)
    assert not check_gradient(TwiceMedian.apply, TWOS)
    assert not check_gradient(Steep.apply, leaf(0.0, 1.0))
    assert not check_gradient(lambda x: Steep.apply(x[:3]).sum() + x.median(), 0 * at(TWOS))


@pytest.mark.parametrize(
    ("expected", "right"),
    [
        ([1 / 3, 1 / 3, 1 / 3], True),
        ([0.0, 1.0, 0.0], True),
        ([2 / 3, 2 / 3, 2 / 3], False),
        ([-1 / 3, -1 / 3, -1 / 3], False),
        ([0.0, 2.0, -1.0], False),
    ],
)
def test_by_hand_any_choice_may_be_expected(expected, right):
    assert check_gradient(torch.median, TWOS, expected=torch.tensor(expected)).passed == right


def test_where_there_is_no_kink_an_answer_that_is_wrong_at_one_point_only_is_wrong():
    # x, from two halves with a kink each: autograd says 0, and no number is equal to another.
    f = lambda x: torch.relu(x) - torch.relu(-x)  # noqa: E731
    assert not check_gradient(f, leaf(0.0, 1.0))
    # By hand, for a function that bends.
    right = torch.tensor([6.0, 8.0])
    assert check_gradient(lambda x: (x * x).sum(), leaf(3.0, 4.0), expected=right)
    for factor in (1.0001, 1.1, 2.0):
        assert not check_gradient(lambda x: (x * x).sum(), leaf(3.0, 4.0), expected=factor * right)


def test_beside_the_end_of_its_domain_nothing_is_excused():
    f = lambda x: x.sqrt().sum() + planted(torch.sin, torch.neg)(x).sum()  # noqa: E731
    assert not check_gradient(f, leaf(1e-9, 1.0))

    def only_here(x):
        if (x.detach().sort().values.diff() > 0).any():
            raise ValueError("numbers must be equal")
        return planted(torch.median, times(2.0))(x)

    assert not check_gradient(only_here, TWOS)


def test_a_large_function_with_kinks_is_judged_beside_them():
    x = torch.linspace(-1, 1, 3001, dtype=torch.float64).requires_grad_()
    result = check_gradient(lambda x: torch.relu(x).sum(), x)
    assert result.diagnosis == (
        "The gradient is right, although the function may not be differentiable here, where its "
        "slopes change at once: right beside this point the derivative in a random direction, of a "
        "function with 1 output and 3,001 inputs, agrees with its central difference."
    )
    by_hand = (x.detach() > 0).double()
    assert check_gradient(lambda x: torch.relu(x).sum(), x, expected=by_hand)
    by_hand[7] = 0.1
    assert not check_gradient(lambda x: torch.relu(x).sum(), x, expected=by_hand)
    for place in (5, 1500, 2000):
        wrong = planted(torch.sin, times(0.9, place))
        f = lambda x, wrong=wrong: torch.relu(x).sum() + wrong(x).sum()  # noqa: E731
        assert not check_gradient(f, x), place


def test_a_large_function_whose_products_are_off_is_wrong_with_them_as_evidence():
    class Twice(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            assert x.dtype == torch.float32
            return x.clone()

        @staticmethod
        def backward(ctx, gradient):
            return 2 * gradient

    torch.manual_seed(0)
    for size in (1500, 200_000):
        x = torch.randn(size, requires_grad=True)
        result = check_gradient(lambda x: (Twice.apply(x) ** 2).mean(), x)
        assert not result, result
        assert result.diagnosis.startswith("The gradient is wrong")
        assert "NO" in str(result)
    assert "in a random direction, central differences say" in result.diagnosis


def test_a_large_function_with_kinks_and_a_right_rule_of_ones_own_is_judged_beside_them():
    right = planted(torch.sin, lambda gradient: gradient)
    x = torch.linspace(-1, 1, 3001, dtype=torch.float64).requires_grad_()
    result = check_gradient(lambda x: torch.relu(x).sum() + right(x).sum(), x)
    assert result, result
    assert "right beside this point the derivative" in result.diagnosis


def test_another_number_of_outputs_beside_ties_excuses_nothing():
    def medians(x):
        equal = len(x.detach().unique()) == 1
        return planted(lambda x: x.median().repeat(1 if equal else 2), times(1.0))(x)

    assert not check_gradient(medians, TWOS)


class Largest(Median):
    """The largest number."""

    pick = staticmethod(torch.amax)


class WholeToEach(Largest):
    """The same where two are as large, and each gets the whole gradient."""

    factor = 2.0


@pytest.mark.parametrize("numbers", [(2.0, 2.0, 1.0), (0.0, 0.0), (-3.0, -3.0, -4.0)])
def test_numbers_that_are_equal_cannot_all_get_the_whole_gradient(numbers):
    assert check_gradient(Largest.apply, leaf(*numbers))
    result = check_gradient(WholeToEach.apply, leaf(*numbers))
    assert not result
    assert "each of its derivatives alone could be right, but not all" in result.diagnosis
    assert "how numbers that are equal share the gradient" in result.hint()
    # The same by hand, for what torch shares in its own way.
    share = torch.tensor([x == max(numbers) for x in numbers]).float()
    assert check_gradient(torch.amax, leaf(*numbers), expected=share / 2)
    assert not check_gradient(torch.amax, leaf(*numbers), expected=share)


class Rectified(torch.autograd.Function):
    """relu with the slope of 1 at 0."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.relu(x)

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * (x >= 0)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: Rectified.apply(x).sum(),
        lambda x: Rectified.apply(x[0]) - torch.relu(x[1]),
        lambda x: torch.relu(x[0]) - Rectified.apply(x[1]) + x[2],
        lambda x: Rectified.apply(x) * x.exp(),
    ],
)
def test_kinks_that_have_nothing_to_do_with_each_other_are_judged_one_by_one(f):
    assert check_gradient(f, leaf(0.0, 0.0, 0.0))
