"""The leaf from which most graphs of these tests start."""

import pytest
import torch


@pytest.fixture
def x():
    return torch.arange(4.0, requires_grad=True)
