"""The gradients that flow back: no .grad of anybody's is written to find them."""

import gc

import pytest
import torch

from autodiff_helpers import plot_graph
from autodiff_helpers.graphs.flow import BackwardFlow


def retaining(tensor):
    """A tensor that autograd gives its gradient, in a list where no variable names it."""
    tensor.retain_grad()
    return [tensor]


def test_a_retained_gradient_stays_away_wherever_its_tensor_is_kept(x):
    hidden = retaining(x * 2)
    named = hidden[0].sin()
    named.retain_grad()
    assert "gradient [" in str(plot_graph(named.sum(), gradients=True))
    assert hidden[0].grad is None
    assert named.grad is None


def test_a_retained_gradient_that_was_there_stays_the_same_object(x):
    hidden = retaining(x * 2)
    total = hidden[0].sum()
    total.backward(retain_graph=True)
    before = hidden[0].grad
    plot_graph(total, gradients=True)
    assert hidden[0].grad is before
    assert before.tolist() == [1, 1, 1, 1]
    total.backward()
    assert hidden[0].grad.tolist() == [2, 2, 2, 2]


def test_retained_gradients_of_all_outputs_and_of_sparse_ones_stay_away(x):
    tensors = [*retaining(x * 2), *retaining((x * 3).to_sparse())]
    plot_graph(*tensors, gradients=True)
    assert [tensor.grad for tensor in tensors] == [None, None]


def test_an_error_on_the_way_leaves_the_retained_gradients_and_no_hook(x):
    hidden = retaining(x * 2)

    def fail(_):
        raise RuntimeError("no further")

    handle = x.register_hook(fail)
    with pytest.raises(RuntimeError, match="no further"):
        plot_graph(hidden[0].sum(), gradients=True)
    assert hidden[0].grad is None
    handle.remove()
    gc.collect()
    assert not [each for each in gc.get_objects() if type(each) is BackwardFlow]


def test_a_broken_tensor_elsewhere_does_no_harm_to_retained_gradients(x):
    both = torch.ones(2, 2, requires_grad=True) * 1
    broken, _ = both.unbind(0)
    both.add_(1)
    hidden = retaining(x * 2)
    plot_graph(hidden[0].sum(), gradients=True)
    assert hidden[0].grad is None
    with pytest.raises(RuntimeError):
        print(broken.grad_fn)


def test_a_leaf_to_which_nothing_flows_has_no_gradient(x):
    class Blocked(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            return x * y

        @staticmethod
        def backward(ctx, gradient):
            return gradient, None

    y = torch.ones(4, requires_grad=True)
    lines = str(plot_graph(Blocked.apply(x, y), gradients=True)).split("\n")
    assert lines[2].endswith("x: [0., 1., 2., 3.]  (leaf)  gradient [1., 1., 1., 1.]")
    assert lines[3].endswith("y: [1., 1., 1., 1.]  (leaf)")


def test_what_autograd_refuses_is_refused(x):
    matrix = torch.tensor([[0.0, -1.0], [1.0, 0.0]], requires_grad=True)
    with pytest.raises(RuntimeError, match="ill-defined"):
        plot_graph(torch.linalg.eig(matrix)[1], gradients=True)


def test_what_rounding_left_of_a_zero_is_zero_and_what_is_small_stays():
    x = torch.tensor([0.5, 1.0, 2.5, 0.3], requires_grad=True)
    share = (2 * x).softmax(0).sum()
    (noise,) = torch.autograd.grad(share, x, retain_graph=True)
    assert 0 < noise.abs().max() < 1e-6
    assert str(plot_graph(share, gradients=True)).endswith("gradient [0., 0., 0., 0.]")
    cancelled = (x * 0.1).sum() - (x * 0.3 / 3).sum()
    assert str(plot_graph(cancelled, gradients=True)).count("gradient [0., 0., 0., 0.]") == 1
    vanishing = x
    for _ in range(12):
        vanishing = vanishing.sigmoid() * 0.01
    assert "e-" in str(plot_graph(vanishing.sum(), gradients=True)).split("x: ")[1]


def test_what_has_no_numbers_in_a_plain_order_is_no_noise():
    x = torch.arange(1.0, 5.0, requires_grad=True)
    sparse = (x * 5).to_sparse()
    assert "gradient" in str(plot_graph(sparse + sparse, gradients=True))
    weight = torch.ones(3, 2, requires_grad=True)
    rows = torch.nn.functional.embedding(torch.tensor([1, 1]), weight, sparse=True)
    assert "weight: shape [3, 2], norm 2.45  (leaf)  gradient shape [3, 2]" in str(
        plot_graph(rows.sum(), gradients=True)
    )
    values, _ = torch.linalg.eigh(torch.eye(2, requires_grad=True) * 2)
    assert "gradient [1., 1.]" in str(plot_graph(values, gradients=True))
