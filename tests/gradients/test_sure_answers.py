"""Rounding that no difference sees through is no mistake; what can be seen is one."""

import pytest
import torch
from planted import leaf, planted
from torch.nn import functional

from autodiff_helpers import check_gradient

FIRST = torch.tensor([0])
LOSSES = {
    "cross entropy": lambda z: functional.cross_entropy(torch.stack([z, 0 * z], 1), FIRST),
    "logarithm": lambda z: torch.log(1 + torch.exp(-z)),
    "softplus": lambda z: functional.softplus(-z, threshold=1000),
    "logarithm of a sigmoid": lambda z: torch.log(torch.sigmoid(z)),
    "rest of a tangent": lambda z: 1 - torch.tanh(z),
}


@pytest.mark.parametrize("sure", [6.0, 15.0, 25.0, 30.0, 33.0, 37.0, 40.0, 60.0, 700.0])
@pytest.mark.parametrize("name", LOSSES)
def test_the_loss_of_a_sure_answer_is_not_called_wrong(name, sure):
    result = check_gradient(LOSSES[name], leaf(sure))
    assert result, result
    assert "NO" not in str(result)


@pytest.mark.parametrize("sure", [1.0, 3.0, 6.0, 10.0])
@pytest.mark.parametrize("name", LOSSES)
def test_a_wrong_sign_is_found_while_it_can_be_seen(name, sure):
    wrong = planted(lambda z: z.clone(), torch.neg)
    assert not check_gradient(lambda z: LOSSES[name](wrong(z)), leaf(sure, dtype=torch.float64))


def test_what_is_too_small_for_its_neighbours_is_not_proved():
    z = torch.tensor([[40.0, 0.0, -3.0]], requires_grad=True)
    result = check_gradient(lambda z: functional.cross_entropy(z, FIRST), z)
    assert result.diagnosis.startswith("The precision is too low for a proof")


def test_a_step_that_is_not_noticed_is_evidence_where_the_answer_is_large():
    straight_through = planted(lambda x: x.round() + 0 * x, lambda g: g + 1)
    assert not check_gradient(straight_through, leaf(0.3, 1.2))
    assert not check_gradient(lambda x: 1e-6 * straight_through(x), leaf(0.3, 40.0))


def test_a_tiny_function_that_notices_every_step_is_still_judged():
    wrong = planted(torch.sin, torch.neg)
    assert not check_gradient(lambda x: 1e-20 * wrong(x), leaf(1.0))


@pytest.mark.parametrize("logit", [6.0, 10.0, 15.0, 20.0])
def test_a_loss_that_float32_rounds_as_a_whole_is_checked_in_float64(logit):
    # The rounding of logits of 15 is as large as the loss itself in float32.
    z = torch.tensor([[logit, 0.0, -3.0]], requires_grad=True)
    loss = lambda z: functional.cross_entropy(z, FIRST)  # noqa: E731
    right = check_gradient(loss, z)
    assert right.passed
    assert right.dtype == torch.float64
    assert "yes" in str(right)
    assert not check_gradient(planted(loss, torch.neg), z)
