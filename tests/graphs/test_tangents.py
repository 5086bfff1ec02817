"""The tangents in a picture are what forward mode computes, and finding them changes nothing."""

import pytest
import torch
from torch.autograd.function import once_differentiable

from autodiff_helpers import plot_graph


def leaf(*values):
    return torch.tensor(values if len(values) > 1 else values[0], requires_grad=True)


WEIGHT = torch.tensor([[1.0, -2.0], [0.5, 3.0], [2.0, 1.0]])
FUNCTIONS = {
    "square": lambda x: x * x,
    "formula": lambda x: torch.log(x**2) * torch.sin(x) + x**-1,
    "layer": lambda x: torch.tanh(WEIGHT @ x),
    "softmax": lambda x: (2 * x).softmax(0)[0],
    "norm": lambda x: x.norm() * x.prod(),
    "kept back": lambda x: x.detach() * x,
    "relu": lambda x: torch.relu(x - 1).sum(),
    "used thrice": lambda x: (x + x.exp()) * x,
    "view": lambda x: x.view(1, -1).t().squeeze(),
    "one result of two": lambda x: 2 * x.unbind()[1],
    "sorted": lambda x: x.sort().values.cumsum(0),
    "complex": lambda x: torch.view_as_real(torch.fft.fft(x)).sum(0),
}


# Forward mode uses what torch itself calls out of date.
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_tangent_of_an_output_is_that_of_forward_mode(name):
    x, f = leaf(1.5, 0.7), FUNCTIONS[name]
    detached = x.detach()
    _, expected = torch.func.jvp(f, (detached,), (torch.ones(2),))
    first = str(plot_graph(f(x), tangents=x)).split("\n")[0]
    shown = first.split("tangent ")[1].replace(" ", "")
    assert shown == str(expected).removeprefix("tensor(").removesuffix(")").replace(" ", "")


def test_every_named_tensor_has_its_tangent_and_other_leaves_stay_as_they_are():
    w, x = leaf(3.0), leaf(2.0)
    s = w * x
    t = torch.sin(s)
    assert str(plot_graph(t, tangents=w)) == (
        "t: -0.2794  (output)  tangent 1.9203\n"
        "└─ sin  SinBackward0\n"
        "   └─ s: 6.  tangent 2.\n"
        "      └─ ×  MulBackward0\n"
        "         ├─ w: 3.  (leaf)  tangent 1.\n"
        "         └─ x: 2.  (leaf)  tangent 0."
    )


def test_tangents_and_gradients_stand_in_one_picture():
    x = leaf(3.0)
    plot = plot_graph(x * x, tangents=x, gradients=True)
    assert "x: 3.  (leaf)  receives 3.  tangent 1.  gradient 6." in str(plot)
    assert "Tangents, in teal, go the same way." in plot.svg
    assert plot.svg == plot_graph(x * x, tangents=x, gradients=True).svg
    assert "tangent" not in plot_graph(x * x).svg.lower()


def test_steps_with_different_tangents_are_not_drawn_as_one():
    x = leaf(2.0)
    y = x
    for _ in range(4):
        y = 3 * y
    assert "times" in str(plot_graph(y))
    assert [f"tangent {3**n}." in str(plot_graph(y, tangents=x)) for n in range(5)] == [True] * 5


def test_nothing_is_changed():
    x = leaf(1.0, 2.0)
    y = torch.dropout(x * x, 0.0, train=True)
    y.retain_grad()
    z = y.exp().sum()
    seen = []
    z.register_hook(seen.append)
    state = torch.get_rng_state()
    plot_graph(z, tangents=x)
    assert x.grad is None
    assert y.grad is None
    assert torch.equal(torch.get_rng_state(), state)
    z.backward()
    assert torch.equal(x.grad, 2 * x * (x * x).exp())
    assert torch.equal(y.grad, y.exp())


class Once(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        return 2 * gradient


def test_what_cannot_be_asked_for_is_said():
    x = leaf(1.0)
    y = x * x
    for other in (leaf(1.0), y, 3.0):
        with pytest.raises(ValueError, match="expected a leaf from which an output was computed"):
            plot_graph(y, tangents=other)
    with pytest.raises(ValueError, match="can be differentiated only once"):
        plot_graph(Once.apply(x), tangents=x)
    y.backward()
    with pytest.raises(ValueError, match="has freed this graph"):
        plot_graph(y, tangents=x)
