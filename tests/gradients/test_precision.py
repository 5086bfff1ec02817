"""The function that is checked is the user's own, up to the rounding of his dtype."""

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given
from planted import leaf, planted, times
from torch import nn

from autodiff_helpers import check_gradient
from autodiff_helpers.gradients.double import InDouble
from autodiff_helpers.gradients.precision import recorded
from autodiff_helpers.gradients.progress import Progress
from autodiff_helpers.undisturbed import RandomState

WEIGHT = torch.randn(4, 4, generator=torch.Generator().manual_seed(0))
POINT = torch.tensor([0.3, -0.7, 1.2, 0.5])
ROW = torch.arange(4)


def written_by(write):
    """What a write leaves in zeros, times something, so that each element counts."""

    def f(x):
        out = torch.zeros(4)
        write(out, WEIGHT @ x)
        return out * 2

    return f


def by_out(out, y):
    with torch.no_grad():
        torch.add(torch.zeros(4), 0, out=out)
    out += y


def through_a_view(out, y):
    out.view(2, 2)[1] = y[:2]


def through_a_transposed_view(out, y):
    out[None].T[1] = y[:1]


def through_a_slice(out, y):
    part = out[1:3]
    part += y[1:3]


def through_data(out, y):
    out.data[1] = 5.0
    out[0] = y[0]


WRITES = {
    "one element": lambda out, y: out.__setitem__(0, y[0]),
    "all elements": lambda out, y: out.__setitem__(slice(None), y),
    "+=": lambda out, y: out.__iadd__(y),
    "out=": by_out,
    "index_add_": lambda out, y: out.index_add_(0, ROW, y),
    "index_copy_": lambda out, y: out.index_copy_(0, ROW, y),
    "index_put_": lambda out, y: out.index_put_((ROW,), y),
    "scatter_": lambda out, y: out.scatter_(0, ROW, y),
    "scatter_add_": lambda out, y: out.scatter_add_(0, ROW, y),
    "copy_": lambda out, y: out.copy_(y),
    "masked_fill_": lambda out, y: out.copy_(y).masked_fill_(ROW > 1, 3.0),
    "mul_": lambda out, y: out.add_(1).mul_(y),
    "clamp_": lambda out, y: out.copy_(y).clamp_(min=-0.1),
    "a view": through_a_view,
    "a transposed view": through_a_transposed_view,
    "a slice": through_a_slice,
    "data": through_data,
}
MAKERS = {
    "empty": lambda x: torch.empty(4).copy_(WEIGHT @ x),
    "full": lambda x: torch.full((4,), 2.0).mul_(WEIGHT @ x),
    "ones": lambda x: torch.ones(4).mul_(WEIGHT @ x),
    "tensor": lambda x: torch.tensor([1.0, 2.0, 3.0, 4.0]).mul_(WEIGHT @ x),
    "arange": lambda x: torch.arange(4.0).add_(WEIGHT @ x),
    "linspace": lambda x: torch.linspace(0, 1, 4).add_(WEIGHT @ x),
    "eye": lambda x: torch.eye(4).add_(WEIGHT @ x),
    "zeros_like": lambda x: torch.zeros_like(WEIGHT).add_(WEIGHT @ x),
    "new_zeros": lambda x: WEIGHT.new_zeros(4).add_(WEIGHT @ x),
    "clone": lambda x: WEIGHT.clone().add_(WEIGHT @ x),
    "numpy": lambda x: torch.from_numpy(np.zeros(4, np.float32)).add(WEIGHT @ x),
    "in its own dtype": lambda x: torch.zeros(4, dtype=torch.float32).add_(WEIGHT @ x),
    "where it is": lambda x: torch.zeros(4).to(x.device).add_(WEIGHT @ x),
    "a leaf": lambda x: derivative_by_a_leaf(torch.ones(4, requires_grad=True), x),
    "a leaf afterwards": lambda x: derivative_by_a_leaf(torch.ones(4).requires_grad_(), x),
}
DRAWS = {
    "randn": lambda x: torch.randn(4) * (WEIGHT @ x),
    "rand": lambda x: torch.rand(4) * (WEIGHT @ x),
    "randn_like": lambda x: torch.randn_like(x) * (WEIGHT @ x),
    "randn_like, of what torch can do alone": lambda x: torch.randn_like(x) * x,
    "rand_like": lambda x: torch.rand_like(x) * (WEIGHT @ x),
    "normal_": lambda x: torch.empty(4).normal_() * (WEIGHT @ x),
    "uniform_": lambda x: torch.empty_like(x).uniform_() * (WEIGHT @ x),
    "normal": lambda x: torch.normal(torch.zeros(4), torch.ones(4)) * (WEIGHT @ x),
    "bernoulli": lambda x: torch.bernoulli(torch.full_like(x, 0.5)) * (WEIGHT @ x),
    "dropout": lambda x: nn.functional.dropout(WEIGHT @ x, 0.5),
    "init": lambda x: nn.init.normal_(torch.empty(4)) * (WEIGHT @ x),
}


def derivative_by_a_leaf(y, x):
    (gradient,) = torch.autograd.grad((y * x + WEIGHT @ y).sin().sum(), y, create_graph=True)
    return gradient


def value_that_is_checked(f, *inputs):
    """The value in the check, with its precision, and the user's own."""
    torch.manual_seed(5)
    own = f(*[x.detach().clone() for x in inputs]).detach()
    torch.manual_seed(5)
    function = recorded(f, inputs, Progress(), RandomState(inputs), all_outputs=True)
    return function, own.double().flatten().numpy()


FUNCTIONS = {
    **{f"written by {name}": written_by(write) for name, write in WRITES.items()},
    **{f"made by {name}": make for name, make in MAKERS.items()},
    **{f"drawn by {name}": draw for name, draw in DRAWS.items()},
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_function_that_is_checked_is_the_users_own(name):
    f, x = FUNCTIONS[name], POINT.clone().requires_grad_()
    function, own = value_that_is_checked(f, x)
    np.testing.assert_allclose(function.value, own, rtol=1e-5, atol=1e-6)
    # At other points as well, and its gradient is the user's own.
    torch.manual_seed(5)
    jacobian = torch.autograd.functional.jacobian(f, x.detach()).double()
    torch.manual_seed(5)
    result = check_gradient(f, x)
    assert result, result
    torch.testing.assert_close(result.analytic, jacobian, rtol=1e-4, atol=1e-5)
    assert result.analytic.any()


@pytest.mark.parametrize("name", WRITES)
def test_a_wrong_factor_in_what_is_written_is_found(name):
    wrong = planted(lambda y: y.clone(), times(2.0))
    f = written_by(lambda out, y: WRITES[name](out, wrong(y)))
    assert not check_gradient(f, POINT.clone().requires_grad_())


@given(
    st.lists(st.sampled_from(sorted(WRITES)), min_size=1, max_size=4),
    st.lists(st.floats(-2, 2, width=32), min_size=4, max_size=4),
)
def test_whatever_is_written_the_value_is_the_users_own(names, values):
    def f(x):
        out = torch.zeros(4)
        for name in names:
            WRITES[name](out, WEIGHT @ (x + out.detach()))
        return out.sin()

    function, own = value_that_is_checked(f, torch.tensor(values, requires_grad=True))
    np.testing.assert_allclose(function.value, own, rtol=1e-4, atol=1e-4)
    assert function.dtype == torch.float64


def test_what_is_outside_is_not_written_to_in_double_precision():
    weight = torch.ones(3)
    with InDouble() as precision:
        weight[0] = 7
        weight[None].T.add_(1)
        again = weight.sum()
    assert again == 12
    assert weight.tolist() == [1, 1, 1]
    assert precision.written([weight])[0].tolist() == [8, 2, 2]
    assert precision.written({"weight": weight})["weight"] is weight


def test_the_gradient_of_what_is_outside_is_found_where_it_is():
    weight = torch.ones(2, requires_grad=True)
    with InDouble():
        (weight * 3).sum().backward()
        assert weight.grad.tolist() == [3, 3]
    weight.grad = None
    y = torch.ones(2)
    with InDouble():
        y.requires_grad_()
        (y * 3).sum().backward()
        assert y.grad.tolist() == [3, 3]


def test_a_function_that_is_another_one_in_double_precision_is_checked_in_its_own():
    # The smallest step of a precision is a number that changes with it.
    f = lambda x: (0 * x + torch.finfo(x.dtype).eps).log() + WEIGHT @ x  # noqa: E731
    function, own = value_that_is_checked(f, POINT.clone().requires_grad_())
    np.testing.assert_allclose(function.value, own)
    assert function.dtype == torch.float32
    assert check_gradient(f, POINT.clone().requires_grad_())


def test_a_preallocated_output_of_what_torch_can_do_alone_is_one_in_single_precision():
    def f(x):
        out = torch.zeros(2)
        out[0], out[1] = x.sin().sum(), x[0] * 3
        return out

    function, own = value_that_is_checked(f, POINT.clone().requires_grad_())
    np.testing.assert_allclose(function.value, own)
    assert check_gradient(f, POINT.clone().requires_grad_())


def test_what_is_too_large_for_single_precision_is_too_large():
    assert "f itself is inf" in check_gradient(lambda x: (50 * x).exp(), leaf(2.0).sum()).diagnosis


@pytest.mark.not_called_again("it is rounded to almost nothing")
@pytest.mark.parametrize("mean", [1e2, 1e3, 1e4])
def test_rounding_that_grows_inside_is_still_rounding(mean):
    f = lambda x: (x**2).mean() - x.mean() ** 2  # noqa: E731
    x = (torch.linspace(-1, 1, 6) + mean).requires_grad_()
    function, _ = value_that_is_checked(f, x)
    assert function.dtype == torch.float64
    assert check_gradient(f, x)


def test_another_number_of_outputs_makes_it_another_function():
    f = lambda x: torch.cat([x, x]) if x.dtype == torch.float32 else x  # noqa: E731
    function, own = value_that_is_checked(f, leaf(1.0, 2.0))
    assert function.value.tolist() == own.tolist()


def test_a_module_with_a_preallocated_output_is_checked_whole():
    class Recurrent(nn.Module):
        def __init__(self, cut):
            super().__init__()
            torch.manual_seed(0)
            self.inner, self.outer, self.cut = nn.Linear(3, 4), nn.Linear(4, 4), cut

        def forward(self, x):
            h, out = torch.zeros(4), torch.zeros(len(x), 4)
            for t in range(len(x)):
                h = torch.tanh(self.inner(x[t]) + self.outer(h.detach() if self.cut else h))
                out[t] = h
            return out

    x = torch.randn(3, 3, requires_grad=True)
    assert check_gradient(Recurrent(cut=False), x)
    result = check_gradient(Recurrent(cut=True), x)
    assert not result
    assert "detach() cuts the function off" in result.diagnosis


def test_where_all_derivatives_are_0_that_is_said():
    result = check_gradient(lambda x: torch.zeros(2) + 0 * x.sum(), leaf(1.0, 2.0))
    assert result.diagnosis == (
        "The gradient is right: all derivatives are 0, and so are their central differences."
    )
    result = check_gradient(lambda x: x.sign().sum(), leaf(2.0))
    assert result.diagnosis == (
        "The gradient is right: the derivative is 0, and so is its central difference."
    )


def test_a_leaf_that_is_made_in_double_precision_is_a_leaf():
    with InDouble():
        y = torch.ones(2, requires_grad=True)
        (3 * y).sum().backward()
    assert y.dtype == torch.float64
    assert y.grad.tolist() == [3, 3]


def test_a_single_number_beside_float32_vectors_is_checked_in_double_precision():
    inputs, targets = torch.tensor([-1.0, 0.0, 1.0, 2.0]), torch.tensor([-0.9, -0.5, 0.8, 0.9])

    def loss(w, b):
        return (torch.tanh(w * inputs + b) - targets).square().mean()

    w, b = (torch.tensor(0.0, requires_grad=True) for _ in range(2))
    result = check_gradient(loss, w, b)
    assert result.dtype == torch.float64
    assert "-1.75       -1.75" in str(result)
    assert "-0.15       -0.15" in str(result)


def test_what_is_made_single_on_purpose_stays_so():
    result = check_gradient(lambda w: w.float() * 3, torch.tensor(2.0, requires_grad=True))
    assert result.passed
    assert result.dtype == torch.float32
