"""Cases that somebody found by attacking check_gradient; each was once judged wrongly."""

import numpy as np
import pytest
import torch
from planted import WithWrongForwardRule, planted, times

from autodiff_helpers import check_gradient

DOUBLE = torch.float64


def x_of(*values):
    return torch.tensor(values, dtype=DOUBLE, requires_grad=True)


def ones(count):
    return torch.ones(count, dtype=DOUBLE, requires_grad=True)


def scaled(factor, place=None):
    """The identity, with a backward step that is wrong by a factor, at one place or everywhere."""
    return planted(lambda x: x, times(factor, place))


class CutInBackward(torch.autograd.Function):
    """x y² whose second derivatives are cut off for y."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x * y * y

    @staticmethod
    def backward(ctx, gradient):
        x, y = ctx.saved_tensors
        return gradient * y * y, gradient * 2 * x.detach() * y.detach()


def shifted_relu(x):
    return torch.relu(x[:1500]).sum() + scaled(0.0, 501)(x[1500:]).sin().sum()


ZEROS = torch.zeros(3000, dtype=DOUBLE, requires_grad=True)
GRID = torch.linspace(1, 2, 5000, dtype=DOUBLE)
NORMAL = torch.randn(3000, generator=torch.Generator().manual_seed(0), dtype=DOUBLE)

WRONG = {
    "beside kinks at the same number": (shifted_relu, [ZEROS]),
    "beside kinks at many numbers": (
        lambda x: 100 * torch.relu(x - GRID)[:10].sum() + scaled(0.0, 501)(x[2500:]).sin().sum(),
        [GRID.clone().requires_grad_()],
    ),
    "beside a jump": (lambda x: x.sign().sum() + scaled(2.0)(x).sum(), [ZEROS]),
    "large and random": (lambda x: x * np.random.rand(), [ones(5000)]),
    "large, rounded to half precision": (
        lambda x: scaled(2.0)(x).half().sum().double(),
        [NORMAL.clone().requires_grad_()],
    ),
    "a small output beside a large one": (
        lambda x: (1e6 * x.sin(), 1e-6 * scaled(0.0)(x).cos()),
        [ones(2000)],
    ),
    "beside a large input that passes through": (
        lambda t, x: torch.stack([t[0], 1e-6 * scaled(0.0)(x)[0]]),
        [x_of(1e6), x_of(1.0)],
    ),
    "beside the logarithm of a large input": (
        lambda x: x[0].log() + scaled(0.0, 1)(x)[1].sin(),
        [x_of(1e12, 1.0)],
    ),
    "one of 300, gradient 1e-6, factor 1.0001": (
        lambda x: 1e-6 * scaled(1.0001, 1)(x).sin().sum(),
        [torch.arange(300.0, dtype=DOUBLE).requires_grad_()],
    ),
    "close to a kink": (lambda x: torch.relu(scaled(0.5, 0)(x)).sum(), [x_of(1e-8, 1.0)]),
    "where a function bends fast": (
        lambda x: (scaled(5.0)(x) ** 2 + 1e-12).sqrt(),
        [x_of(1e-7)],
    ),
    "where the values of a short step are no numbers": (
        lambda x: torch.exp(1e7 * scaled(2.0)(x)),
        [x_of(0.0)],
    ),
    "at a jump to both sides": (torch.sign, [x_of(0.0)]),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_gradient_is_found(name):
    f, inputs = WRONG[name]
    result = check_gradient(f, *inputs)
    assert not result, result


RIGHT = {
    "relu close to its kink": (lambda x: torch.relu(x).sum(), [x_of(1e-7, 1.0)]),
    "clamp close to its end": (lambda x: x.clamp(max=1.0).sum(), [x_of(1 - 1e-7, 0.3)]),
    "a steep exponential": (lambda x: torch.exp(1e7 * x), [x_of(0.0)]),
    "a steep sigmoid": (lambda x: torch.sigmoid(1e7 * x), [x_of(1e-8)]),
    "the logarithm of hardly anything": (torch.log, [x_of(1e-14)]),
    "the root of hardly anything": (torch.sqrt, [x_of(1e-16)]),
    "a fast sine at a small place": (lambda x: (x / 1e-12).sin(), [x_of(1e-12)]),
    "a tiny factor": (lambda x: x * 1e-300, [x_of(1.0, 2.0)]),
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_gradient_is_accepted(name):
    f, inputs = RIGHT[name]
    with np.errstate(all="raise"):
        result = check_gradient(f, *inputs)
    assert result, result


def test_a_variance_by_cancellation_is_accepted():
    for mean in (1e5, 1e6, 1e7):
        for seed in range(10):
            generator = torch.Generator().manual_seed(seed)
            x = torch.randn(6, generator=generator, dtype=DOUBLE) + mean
            assert check_gradient(lambda x: (x**2).mean() - x.mean() ** 2, x.requires_grad_())


def test_networks_with_kinks_in_float32_are_accepted():
    loss = torch.nn.functional.cross_entropy
    for seed in range(10):
        torch.manual_seed(seed)
        layers = [torch.nn.Linear(10, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3)]
        network = torch.nn.Sequential(*layers)
        x = torch.randn(3, 10, requires_grad=True)
        assert check_gradient(lambda x, n=network: loss(n(x), torch.tensor([0, 1, 2])), x)


def test_kinks_too_close_for_float32_are_no_alarm():
    for seed in range(4):
        torch.manual_seed(seed)
        weight = torch.randn(30, 30) / 7
        x = torch.randn(20, 30, requires_grad=True)

        def strict(x, weight=weight):
            if x.dtype != torch.float32:
                raise TypeError("this function computes in float32 only")
            return torch.relu(x @ weight).mean()

        assert check_gradient(strict, x), seed
        # Beside so many kinks a wrong gradient is still found.
        gradient = torch.autograd.grad(strict(x), x)[0]
        assert not check_gradient(strict, x, expected=1.3 * gradient), seed


def test_a_function_that_gives_out_a_recorded_tensor_again_is_wrong():
    kept = []

    def remembering(x):
        kept.append(2 * x)
        return kept[0]

    result = check_gradient(remembering, x_of(1.0, 2.0))
    assert not result
    assert result.numeric.abs().max() == 0


def test_a_second_derivative_that_is_cut_off_is_found():
    x, y = x_of(2.0), x_of(3.0)
    result = check_gradient(lambda x, y: CutInBackward.apply(x, y).sum(), x, y, order=2)
    assert not result
    assert "cut off" in result.diagnosis


def test_a_gradient_by_hand_is_checked_for_every_output():
    f = lambda x: (x * x, (x**3).detach())  # noqa: E731
    four, twelve = torch.tensor([[4.0]]), torch.tensor([[12.0]])
    assert check_gradient(f, x_of(2.0), expected=(four, twelve))
    assert not check_gradient(f, x_of(2.0), expected=(four, four))


def test_a_function_that_clears_its_input_is_told_so():
    def clear(x):
        y = (x * x).sum()
        x.zero_()
        return y

    for count in (2, 5000):
        assert "in place" in check_gradient(clear, ones(count)).diagnosis


def test_an_error_at_a_neighbouring_point_is_not_passed_on():
    def root(x):
        assert (x >= 0).all()
        return x.sqrt().sum()

    assert "undefined" in check_gradient(root, x_of(0.0, 1.0)).diagnosis
    assert check_gradient(root, x_of(1.0, 2.0))


def test_a_result_of_another_shape_nearby_is_no_value():
    # Below 1 the first element is missing.
    result = check_gradient(lambda x: 3 * x[x >= 1], x_of(1.0, 2.0))
    assert result.diagnosis == (
        "The function ends here: f[0] at x[0] = 1 has a value to the right only, and the slope 3; "
        "autograd says 3, which is accepted here."
    )


def test_a_function_that_has_a_value_only_now_and_then_is_random():
    calls = 0

    def f(x):
        nonlocal calls
        calls += 1
        return x * torch.tensor([1.0, torch.nan if calls == 1 else 1.0])

    assert "The function is random" in check_gradient(f, x_of(1.0, 2.0)).diagnosis


def test_numbers_that_are_only_noted_down_are_not_to_blame():
    notes = []

    def noting(x):
        notes.append(float(x.detach().sum()))
        return scaled(2.0)(x).sin().sum()

    assert "added twice" in check_gradient(noting, x_of(1.0, 2.0)).diagnosis


def test_a_parameter_that_is_not_a_number_is_named():
    module = torch.nn.Linear(2, 1)
    module.weight.data[0, 0] = torch.nan
    with pytest.raises(ValueError, match=r"got nan for weight\[0, 0\]; expected finite"):
        check_gradient(module, torch.ones(1, 2))


def test_nothing_to_differentiate_has_nothing_wrong():
    for order in (1, 2):
        assert check_gradient(lambda x: x**2, x_of(), order=order)


def test_a_branch_is_not_taken_for_others():
    # For many points at once the branch of one must not decide for all.
    def size(x):
        return torch.stack([v if v > 0 else -v for v in x])

    result = check_gradient(size, torch.zeros(5, dtype=DOUBLE, requires_grad=True))
    assert "kink, with the slope -1 to the left and 1 to the right" in result.diagnosis
    assert result.numeric.abs().max() < 1e-9


class RightInBatches(torch.autograd.Function):
    """The identity, whose backward step is wrong unless it is computed for a batch."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient if torch._C._functorch.is_batchedtensor(gradient) else 2 * gradient


def test_a_function_that_is_different_for_batches_is_called_once_more_for_each():
    def f(x):
        return (2 if torch._C._functorch.is_batchedtensor(x) else 3) * x

    assert (check_gradient(f, x_of(1.0, 2.0, 3.0)).numeric - 3 * torch.eye(3)).abs().max() < 1e-9


class RuledInBatches(torch.autograd.Function):
    """The identity, with a rule of its own that works for a batch as well."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x.clone()

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, gradient):
        return gradient


def test_a_result_of_another_shape_for_batches_does_not_count():
    def f(x):
        y = RuledInBatches.apply(x).sum()
        return y.reshape(1) if torch._C._functorch.is_batchedtensor(x) else y.expand(2)

    assert check_gradient(f, x_of(1.0, 2.0, 3.0)).numeric.shape == (2, 3)


def test_a_way_back_that_is_right_for_batches_only_is_found():
    assert not check_gradient(RightInBatches.apply, ones(6))


@pytest.mark.parametrize("count", [2, 40])
def test_the_second_derivative_may_be_a_zero_without_memory(count):
    # Torch gives the second derivative of abs as a zero that it never wrote down.
    x = torch.linspace(-1, 1.3, count, requires_grad=True)
    result = check_gradient(lambda x: x.abs().sum(), x, order=2)
    assert result
    assert not result.analytic.any()


def test_what_cannot_be_measured_is_not_shown_as_a_number():
    rows = str(check_gradient(torch.sqrt, torch.tensor([0.0, 1.0], requires_grad=True))).split("\n")
    assert rows[4].split() == ["∂sqrt[0]/∂x[0]", "inf", "none", "NO"]
    x = torch.tensor([0.0, 1.0], requires_grad=True)
    rows = str(check_gradient(lambda x: x**1.5 + x, x)).split("\n")
    assert rows[4].split() == ["∂f[0]/∂x[0]", "1", "none", "kink"]


@pytest.mark.parametrize("size", [3, 1500])
def test_a_gradient_by_hand_is_right_whatever_autograd_says(size):
    x = torch.linspace(0.1, 2, size, dtype=DOUBLE, requires_grad=True)
    f = lambda x: WithWrongForwardRule.apply(x).sum()  # noqa: E731
    assert not check_gradient(f, x)
    assert check_gradient(f, x, expected=2 * x)


def test_a_method_of_a_module_keeps_its_buffers():
    norm = torch.nn.BatchNorm1d(3).double()
    before = norm.running_mean.clone()
    assert check_gradient(norm.forward, torch.linspace(0, 1, 12).reshape(4, 3).requires_grad_())
    assert torch.equal(norm.running_mean, before)


def test_a_large_gradient_may_be_a_zero_without_memory():
    assert check_gradient(torch.sgn, torch.linspace(1, 2, 400, dtype=DOUBLE, requires_grad=True))
