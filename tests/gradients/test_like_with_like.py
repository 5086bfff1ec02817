"""A deterministic function is not random, whichever way torch takes to its value."""

import pytest
import torch
from planted import tensor
from torch import nn

from autodiff_helpers import check_gradient

MATRIX = tensor(5, 5)
ATTENTION = nn.MultiheadAttention(4, 2, batch_first=True).double().eval()
LAYER = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True).double().eval()

# What torch computes in one way where it records, and in another one where it does not.
TWO_WAYS = {
    "nuclear norm": (lambda x: torch.linalg.norm(x, "nuc"), MATRIX),
    "nuclear norm of a matrix of lower rank": (
        lambda x: torch.linalg.norm(x, "nuc"),
        torch.tensor([[1.0, 2.0], [2.0, 4.0]], requires_grad=True),
    ),
    "spectral norm": (lambda x: torch.linalg.norm(x, 2), MATRIX),
    "singular values": (torch.linalg.svdvals, MATRIX),
    "singular vectors, whatever their sign": (lambda x: torch.linalg.svd(x)[0].square(), MATRIX),
    "eigenvalues": (lambda x: torch.linalg.eigvalsh(x + x.T), MATRIX),
    "condition number": (torch.linalg.cond, MATRIX),
    "attention": (lambda x: ATTENTION(x, x, x)[0], tensor(1, 3, 4)),
    "a layer of attention": (LAYER.forward, tensor(1, 3, 4)),
    "something else": (lambda x: (2 if torch.is_grad_enabled() else 3) * x, MATRIX),
    "something else for a sine": (
        lambda x: ((2 if torch.is_grad_enabled() else 3) * x).sin().sum(),
        MATRIX,
    ),
}


@pytest.mark.parametrize("name", TWO_WAYS)
def test_another_way_where_nothing_is_recorded_is_not_random(name):
    f, x = TWO_WAYS[name]
    result = check_gradient(f, x)
    assert result, result
    assert "random" not in str(result)
    assert "NO" not in str(result)
    # A gradient that is wrong is wrong, and nothing else.
    wrong = check_gradient(f, x, expected=2 * result.analytic)
    assert not wrong
    assert "random" not in wrong.diagnosis


def test_random_numbers_are_told_from_rounding():
    f = lambda x: torch.linalg.svdvals(x) + 1e-9 * torch.rand(5)  # noqa: E731
    assert "the function is random" in check_gradient(f, MATRIX).diagnosis
    drawn_for_nothing = lambda x: torch.linalg.svdvals(x) + 0 * torch.rand(5)  # noqa: E731
    assert "random" not in check_gradient(drawn_for_nothing, MATRIX).diagnosis


def test_a_function_that_counts_its_calls_is_random():
    calls = [0]

    def counting(x):
        calls[0] += 1
        return x.sin().sum() * (1 + 1e-3 * (calls[0] % 7))

    assert "The function is random" in check_gradient(counting, MATRIX).diagnosis
