"""Beside kinks and at tiny places a right gradient is right, and a wrong one is found."""

import pytest
import torch
from planted import leaf, planted, times

from autodiff_helpers import check_gradient

DOUBLE = torch.float64

# Functions whose derivatives change within a distance far below the usual steps, and places.
PLACES = {
    "right of a kink": (lambda x: torch.relu(x - 1), [1 + 1e-9]),
    "closer": (lambda x: torch.relu(x - 1), [1 + 1e-11]),
    "a few digits away": (lambda x: torch.relu(x - 1), [1 + 1e-13]),
    "beside a pole": (torch.reciprocal, [1e-12]),
    "closer to a pole": (torch.reciprocal, [1e-20]),
    "a logarithm, another input is ordinary": (lambda x: x.abs().log().sum(), [1e-12, 1.0]),
    "a root, another input is ordinary": (lambda x: x.sqrt().sum(), [1e-15, 1.0]),
    "a logarithm made safe": (lambda p: (p + 1e-15).log(), [0.0]),
    "a root made safe": (lambda x: (x * x + 1e-18).sqrt(), [1e-9]),
    "a bump": (lambda x: torch.exp(-((1e6 * (x - 1)) ** 2)), [1 + 5e-7]),
    "a narrow bump": (lambda x: torch.exp(-((1e9 * (x - 1)) ** 2)), [1 + 5e-10]),
    "a narrow step": (lambda x: torch.tanh(1e12 * (x - 1)), [1 + 5e-13]),
}


@pytest.mark.parametrize("name", PLACES)
def test_a_right_gradient_is_right_without_any_but(name):
    f, place = PLACES[name]
    result = check_gradient(f, leaf(*place, dtype=DOUBLE))
    assert result.passed
    assert result.diagnosis.startswith("The gradient is right: ")
    assert "NO" not in str(result)
    assert torch.allclose(result.numeric, result.analytic, rtol=1e-2, atol=0)


@pytest.mark.parametrize("factor", [-1.0, 0.0, 0.5, 1.1])
@pytest.mark.parametrize("name", PLACES)
def test_a_wrong_factor_is_found(name, factor):
    f, place = PLACES[name]
    assert not check_gradient(planted(f, times(factor)), leaf(*place, dtype=DOUBLE))


class Rectified(torch.autograd.Function):
    """The larger of x - 1 and 0, with the slope to the right of 1 everywhere."""

    @staticmethod
    def forward(ctx, x):
        return torch.relu(x - 1)

    @staticmethod
    def backward(ctx, gradient):
        return gradient


def test_left_of_a_kink_the_other_slope_is_wrong():
    assert not check_gradient(Rectified.apply, leaf(1 - 1e-11, dtype=DOUBLE))
    assert check_gradient(Rectified.apply, leaf(1 + 1e-11, dtype=DOUBLE))
    assert "not differentiable" in check_gradient(Rectified.apply, leaf(1.0)).diagnosis


def test_each_of_several_places_is_looked_at():
    x = leaf(1e-12, 3e-13, 1.0, 2e-12, dtype=DOUBLE)
    assert check_gradient(torch.reciprocal, x)
    result = check_gradient(planted(torch.reciprocal, times(1.01, 3)), x)
    assert result.diagnosis.startswith("The gradient is wrong in 1 of 16 derivatives: ")
    assert "x[3]" in result.diagnosis


# How many points are evaluated

MANY = 200
ZEROS = torch.zeros(MANY, dtype=DOUBLE, requires_grad=True)
ORDINARY = torch.linspace(-2, 2, MANY, dtype=DOUBLE).requires_grad_()
TIED = torch.ones(MANY, dtype=DOUBLE, requires_grad=True)
DEAREST = {
    "a wrong factor": (planted(lambda x: x.sin().sum(), times(2.0)), ORDINARY),
    "a wrong factor in float32": (
        planted(lambda x: x.sin().sum(), times(2.0)),
        ORDINARY.detach().float().requires_grad_(),
    ),
    "a cut": (lambda x: (x * x.detach()).sum(), ORDINARY),
    "kinks": (lambda x: torch.relu(x).sum(), ZEROS),
    "a wrong slope at kinks": (planted(lambda x: torch.relu(x).sum(), lambda g: g + 3), ZEROS),
    "kinks with a bend": (lambda x: (torch.relu(x) * x.exp()).sum(), ZEROS),
    "a norm of nothing": (torch.linalg.vector_norm, ZEROS),
    "the largest of equals": (torch.max, TIED),
    "the median of equals": (torch.median, TIED),
}


@pytest.mark.parametrize("name", DEAREST)
def test_a_doubt_costs_at_most_fifteen_points_an_input(name, monkeypatch):
    from autodiff_helpers.gradients.evaluation import Evaluation

    evaluated = 0
    call = Evaluation.__call__

    def counted(self, points):
        nonlocal evaluated
        evaluated += len(points)
        return call(self, points)

    monkeypatch.setattr(Evaluation, "__call__", counted)
    f, x = DEAREST[name]
    check_gradient(f, x)
    assert 4 * MANY < evaluated <= 15 * MANY
