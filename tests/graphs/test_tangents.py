"""The tangents in a picture are what forward mode computes, and finding them changes nothing."""

import pytest
import torch
from torch import nn
from torch.autograd import Function, forward_ad
from torch.autograd.function import once_differentiable
from torch.nn import functional
from torch.utils.checkpoint import checkpoint
from torch_table import DIFFERENTIABLE, cases, name_of

from autodiff_helpers import plot_graph
from autodiff_helpers.graphs.flow import place_of
from autodiff_helpers.graphs.forwards import flow_forward


def leaf(*values):
    return torch.tensor(values if len(values) > 1 else values[0], requires_grad=True)


def results_of(f, *xs):
    results = f(*xs)
    return results if isinstance(results, tuple) else (results,)


def compare_with_forward_mode(f, *xs, tolerance=1e-7):
    """Compare the tangents of all results of a function with those of forward mode."""
    x, *others = xs
    torch.manual_seed(0)
    with forward_ad.dual_level():
        results = results_of(f, forward_ad.make_dual(x, torch.ones_like(x)), *others)
        expected = [forward_ad.unpack_dual(each).tangent for each in results]
    torch.manual_seed(0)
    recorded = [
        (result, torch.zeros_like(result) if each is None else each.detach())
        for result, each in zip(results_of(f, *xs), expected, strict=True)
        if result.requires_grad
    ]
    tangents = flow_forward([result for result, _ in recorded], x)
    for result, each in recorded:
        found = tangents[place_of(result)]
        torch.testing.assert_close(
            found, each, rtol=tolerance, atol=10 * tolerance, equal_nan=True, check_stride=False
        )


# Torch's own forward mode and its way back give different numbers where several are written into
# one place, or none where they are laid out so; logcumsumexp loses digits on the way back; and two
# cannot be gone back twice.
NOT_COMPARED = {
    "as_strided_partial_views",
    "as_strided_scatter",
    "linalg_eig",
    "logcumsumexp",
    "nn_functional_hardsigmoid",
    "nn_functional_max_unpool1d",
    "nn_functional_max_unpool2d",
    "nn_functional_max_unpool3d",
}
FORWARD = [
    op for op in DIFFERENTIABLE if op.supports_forward_ad and name_of(op) not in NOT_COMPARED
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("op", FORWARD, ids=name_of)
def test_every_operation_of_torch_has_the_tangent_of_forward_mode(op):
    for f, xs in cases(op, requires_grad=True):
        compare_with_forward_mode(f, *xs)


def places(x):
    """A formula with all its results, for numbers or vectors."""
    a = x**2
    b = torch.log(a)
    s = torch.sin(x)
    p = b * s
    r = x**-1
    return a, b, s, p, r, p + r


def changed_in_place(x):
    y = x.clone()
    y[0] = x[1] ** 2
    y.mul_(x)
    return y, y[0].exp()


def spectrum(x):
    z = torch.fft.fft(x * x)
    return z.real, z.imag, z.abs(), (z * z.conj()).real


def mixed_precisions(x):
    w = torch.tensor([1 + 2j, 3 - 1j], dtype=torch.complex128)
    return x * w, x.to(torch.complex64) * w, x * w.real


def of_one_function(x):
    variance, mean = torch.var_mean(x)
    values, _ = x.sort()
    return variance * mean, values.cumsum(0), x.unbind()[1] * x


def one_of_two_results(x):
    return 2 * x.unbind()[1]


def cut(x):
    return x.detach() * x, torch.where(x > 1, x * x, 0)


def eigenvalues(x):
    return torch.linalg.eig(torch.diag(x) + torch.tensor([[0, -1], [1, 0]])).eigenvalues.real


FUNCTIONS = [
    places,
    changed_in_place,
    spectrum,
    mixed_precisions,
    of_one_function,
    one_of_two_results,
    cut,
    eigenvalues,
]


@pytest.mark.parametrize("f", FUNCTIONS)
def test_every_place_has_the_tangent_of_forward_mode(f):
    compare_with_forward_mode(f, leaf(1.5, 0.7))
    compare_with_forward_mode(f, torch.tensor([0.3, 2.5], dtype=torch.float64, requires_grad=True))


def test_a_checkpoint_changes_no_tangent():
    x = leaf(1.5, 0.7)
    kept, computed_again = places(x)[-1], checkpoint(places, x, use_reentrant=False)[-1]
    tangents = flow_forward([kept, computed_again], x)
    assert torch.equal(tangents[place_of(computed_again)], tangents[place_of(kept)])


class Scaled(Function):
    """An operation with an argument that is no tensor, one without a record, and two results."""

    @staticmethod
    def forward(ctx, factor, fixed, x):
        ctx.factor = factor
        ctx.save_for_backward(fixed)
        return factor * x, fixed * x

    @staticmethod
    def backward(ctx, first, second):
        (fixed,) = ctx.saved_tensors
        return None, None, ctx.factor * first + fixed * second


def test_an_operation_of_ones_own_has_its_tangents():
    x = leaf(1.0, 2.0)
    first, second = Scaled.apply(3.0, torch.tensor(5.0), x * x)
    assert "tangent [6., 12.]" in str(plot_graph(first, tangents=x)).split("\n")[0]
    assert "tangent [16., 32.]" in str(plot_graph(first + second, tangents=x)).split("\n")[0]


class Both(Function):
    """Two operations in one: what the second result passes back is not asked for the first."""

    @staticmethod
    def forward(ctx, x, y):
        return 2 * x, 3 * y

    @staticmethod
    def backward(ctx, first, second):
        return 2 * first, 3 * second


class RealPart(Function):
    """Autograd takes what is passed back for the real part of a complex number."""

    @staticmethod
    def forward(ctx, z):
        return z.real.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient


def test_what_an_operation_of_ones_own_leaves_to_autograd():
    x, y = leaf(1.0, 2.0), leaf(5.0, 4.0)
    assert "tangent [0., 0.]" in str(plot_graph(Both.apply(x, y)[0], tangents=y)).split("\n")[0]
    turned = x * torch.tensor(3 + 1j)
    assert "tangent [3., 3.]" in str(plot_graph(RealPart.apply(turned), tangents=x)).split("\n")[0]


def layers():
    return nn.Sequential(nn.Conv1d(2, 4, 3), nn.ReLU(), nn.MaxPool1d(2), nn.Flatten())


def normed():
    return nn.Sequential(nn.Linear(8, 3), nn.LayerNorm(3), nn.GELU(), nn.Linear(3, 2))


@pytest.mark.parametrize("make", [layers, normed])
def test_a_network_has_the_tangents_of_forward_mode(make):
    torch.manual_seed(0)
    network = make().double()
    compare_with_forward_mode(network, torch.rand(2, 2, 8, dtype=torch.float64, requires_grad=True))


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


def test_what_does_not_grow_has_the_tangent_0():
    w, x = leaf(3.0), leaf(2.0)
    square = x * x
    assert "square: 4.  tangent 0." in str(plot_graph(w + square, tangents=w))
    assert "tangent 0." in str(plot_graph(torch.sign(w), tangents=w)).split("\n")[0]


def test_each_result_of_an_operation_has_its_tangent():
    x = leaf(1.0, 2.0)

    def product(*factors):
        return torch.stack(factors).prod()

    assert "UnbindBackward0  tangent 2., 4." in str(plot_graph(product(*(x * x)), tangents=x))
    assert "UnbindBackward0  tangent 4.\n" in str(plot_graph(3 * (x * x).unbind()[1], tangents=x))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: (x - x.mean()) / x.std(),
        lambda x: functional.layer_norm(x, (3,)),
        lambda x: (0.1 * x).softmax(0),
        lambda x: x.log() - (7 * x).log(),
    ],
)
def test_what_rounding_left_of_a_0_is_not_shown(f):
    x = leaf(0.3, 1.7, 2.2)
    assert "tangent [0., 0., 0.]" in str(plot_graph(f(x), tangents=x)).split("\n")[0]


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


# Nothing is changed


def test_nothing_is_changed():
    x = leaf(1.0, 2.0)
    y = torch.dropout(x * x, 0.0, train=True)
    y.retain_grad()
    z = y.exp().sum()
    state = torch.get_rng_state()
    with torch.no_grad():
        shown = str(plot_graph(z, tangents=x))
    assert shown == str(plot_graph(z, tangents=x))
    assert x.grad is None
    assert y.grad is None
    assert torch.equal(torch.get_rng_state(), state)
    z.backward()
    assert torch.equal(x.grad, 2 * x * (x * x).exp())
    assert torch.equal(y.grad, y.exp())


def test_hooks_on_gradients_say_nothing_about_tangents():
    ran = []

    def tenfold(gradient):
        ran.append(gradient)
        return 10 * gradient

    x = leaf(2.0)
    h = x * x
    y = 3 * h + Scaled.apply(3.0, torch.tensor(5.0), h)[0]
    for tensor in (x, h, y):
        tensor.register_hook(tenfold)
    h.grad_fn.register_hook(lambda *_: ran.append("hook"))
    h.grad_fn.register_prehook(lambda *_: ran.append("prehook"))
    assert "tangent 24." in str(plot_graph(y, tangents=x)).split("\n")[0]
    assert ran == []


def test_each_operation_is_gone_through_once():
    asked = []

    class Noted(Function):
        @staticmethod
        def forward(ctx, x):
            return 2 * x

        @staticmethod
        def backward(ctx, gradient):
            asked.append(ctx)
            return 2 * gradient

    x = leaf(1.0)
    y = x
    for _ in range(20):
        y = Noted.apply(y) + y
    plot_graph(y, tangents=x)
    assert len(asked) == 20


# What is refused


class Once(Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        return 2 * gradient


class NotRecorded(Function):
    """A softmax, of which numbers that are all the same do not show what is passed back."""

    @staticmethod
    def forward(ctx, x):
        shares = x.softmax(0)
        ctx.save_for_backward(shares)
        return shares

    @staticmethod
    def backward(ctx, gradient):
        (shares,) = ctx.saved_tensors
        fixed = gradient.detach()
        return shares * (fixed - shares @ fixed)


class RecordedForOther(NotRecorded):
    """What it passes back depends on the input for autograd, but not on what arrives."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**2

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return 2 * x * gradient.detach()


def test_what_cannot_be_asked_for_is_said():
    x = leaf(1.0, 2.0)
    y = x * x
    for other in (leaf(1.0), y, 3.0):
        with pytest.raises(ValueError, match="expected a leaf from which an output was computed"):
            plot_graph(y, tangents=other)
    for once in (Once, NotRecorded, RecordedForOther):
        sentence = f"because {once.__name__}Backward cannot be differentiated twice"
        with pytest.raises(ValueError, match=sentence):
            plot_graph(once.apply(x), tangents=x)
    with pytest.raises(ValueError, match="HardsigmoidBackward0 cannot be differentiated twice"):
        plot_graph(functional.hardsigmoid(x), tangents=x)
    y.sum().backward()
    with pytest.raises(ValueError, match="has freed this graph"):
        plot_graph(y, tangents=x)


def test_what_does_not_grow_need_not_be_differentiated_twice():
    w, x = leaf(3.0), leaf(1.0)
    plot = plot_graph(w * Once.apply(x), tangents=w)
    assert str(plot).split("\n")[0].endswith("tangent 2.")


def test_a_checkpoint_that_adds_to_grad_is_not_asked():
    w, x = leaf(3.0), leaf(2.0)
    y = checkpoint(lambda x: w * x, x, use_reentrant=True)
    with pytest.raises(ValueError, match="CheckpointFunctionBackward cannot be differentiated"):
        plot_graph(y, tangents=x)
    assert w.grad is None
