"""Scissors stand where somebody cut, as far as autograd keeps anything of it, and nowhere else."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from autodiff_helpers import plot_graph
from autodiff_helpers.graphs.memory import Memory, in_one_storage


def text(result):
    return str(plot_graph(result))


def test_a_parameter_made_from_data_only_shares_its_memory():
    content = torch.tensor([1.0, 2.0])
    image = nn.Parameter(content)
    said = text(functional.mse_loss(image * 3, content))
    assert "content: [1., 2.]  (constant, shares its memory with image)" in said
    assert "✂" not in said
    layer = nn.Linear(2, 1, bias=False)
    data = layer.weight.data
    assert "shares its memory with layer.weight" in text((layer.weight * 3 * data).sum())


def test_a_copy_of_a_leaf_is_a_cut_if_the_leaf_was_there_first():
    w = nn.Parameter(torch.tensor([1.0, 2.0]))
    fixed = w.detach()
    assert "fixed: [1., 2.]  (constant)\n   │  └✂ cut from w" in text(fixed * w)
    data = torch.tensor([1.0, 2.0])
    x = data.detach().requires_grad_()
    assert "✂" not in text(x * data)


def test_two_tensors_of_one_array_share_their_memory_in_two_storages():
    array = np.ones(2, dtype=np.float32)
    x = torch.from_numpy(array).requires_grad_()
    data = torch.from_numpy(array)
    said = text(x * data)
    assert "data: [1., 1.]  (constant, shares its memory with x)" in said
    assert "✂" not in said
    assert not in_one_storage(x, data)


@pytest.mark.parametrize(
    "cut",
    [
        lambda y: y[2:].detach(),
        lambda y: y.detach()[2:],
        lambda y: y.data[1:3],
        lambda y: y.detach().view(2, 2)[0],
        lambda y: y.detach()[::3],
        lambda y: y.detach()[3],
    ],
)
def test_a_part_of_a_tensor_is_cut_off_as_well(x, cut):
    y = x * x
    u = cut(y)
    assert "cut from y: [0., 1., 4., 9.]" in text((u * x[:2].sum()).sum())
    assert "cut from y" in text((cut(y) * x[:2].sum()).sum())


def test_what_lies_beside_a_part_is_not_cut_off_from_it(x):
    y = (x * x)[:2]
    beside = (x * x).detach()
    assert "cut" not in text(y * beside[2:])


def test_a_tensor_without_a_name_can_be_cut_off_where_autograd_keeps_it(x):
    def f(x):
        h = x.exp()
        return h * h.detach()

    said = text(f(x).sum()).split("\n")
    assert "cut from intermediate: [1.0000, 2.7183, 7.3891, 20.0855]" in "\n".join(said)


def test_what_autograd_does_not_keep_is_not_guessed(x):
    y = x * x
    copy = y.detach().clone()
    assert "cut" not in text(copy * x)
    assert "cut" not in text(y + y.detach())
    straight_through = x + (x.round() - x).detach()
    assert "cut" not in text(straight_through)


def test_the_smallest_holder_is_found_and_no_memory_holds_nothing():
    whole = torch.arange(6.0)
    part, row = whole[2:5], whole.view(2, 3)[1]
    memory = Memory([whole, part, row, torch.zeros(0), torch.ones(3, device="meta")])
    assert [each.tolist() for each in memory.holders_of(whole[3:5])] == [
        [2, 3, 4],
        [3, 4, 5],
        [0, 1, 2, 3, 4, 5],
    ]
    assert memory.holders_of(torch.ones(2)) == []
    assert memory.holders_of(torch.zeros(0)) == []
    assert memory.holders_of(torch.ones(2, device="meta")) == []
