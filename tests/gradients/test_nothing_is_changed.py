"""Whatever the helpers are given, right or wrong, they leave everything as it was."""

import random
import re
import threading
import warnings
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from planted import Stuck, planted
from torch import nn
from torch.utils.checkpoint import checkpoint

from autodiff_helpers import (
    GradientCheck,
    check_gradient,
    plot_derivative,
    plot_graph,
    plot_step_sizes,
)
from autodiff_helpers.gradients.progress import Progress

# The first time, torch itself loads a library that adds a filter for warnings.
_x = torch.ones(1, requires_grad=True)
torch.autograd.grad(2 * _x, _x, torch.ones(1))


class World:
    """Everything that a check could change."""

    def __init__(self):
        self.x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
        (self.x * self.x).sum().backward()
        self.hooked = self.x.register_hook(lambda gradient: gradient)
        self.y = self.x.exp()  # has a graph, which must not be freed
        self.constant = torch.tensor([0.5, 0.5, 0.5])
        self.whole = torch.tensor([1, 2, 3])
        self.complex = torch.tensor([1j, 2.0, 3.0], requires_grad=True)
        self.module = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(0.5), nn.Linear(3, 2))
        self.module[2].eval()
        self.module[0].weight.requires_grad_(False)
        self.batch = torch.randn(4, 3, requires_grad=True)

    def tensors(self):
        return [self.x, self.y, self.constant, self.whole, self.complex, self.batch]

    def state(self):
        return {
            "values": [x.tolist() for x in self.tensors()],
            "versions": [x._version for x in self.tensors()],
            "grad": [None if x.grad is None else x.grad.tolist() for x in self.leaves()],
            "requires_grad": [x.requires_grad for x in self.tensors()],
            "hooks": [len(x._backward_hooks or ()) for x in self.tensors()],
            "module": [(name, x.tolist()) for name, x in self.module.state_dict().items()],
            "module grad": [x.grad for x in self.module.parameters()],
            "module flags": [x.requires_grad for x in self.module.parameters()],
            "training": [part.training for part in self.module.modules()],
            "module hooks": [len(part._forward_hooks) for part in self.module.modules()],
            "torch": torch.get_rng_state().tolist(),
            "python": random.getstate(),
            "numpy": np.random.get_state()[1:],
            "recording": (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
            "threads": (threading.active_count(), torch.get_num_threads()),
            "dtype": torch.get_default_dtype(),
            "warnings": list(warnings.filters),
            "anomaly": torch.is_anomaly_enabled(),
        }

    def leaves(self):
        return [self.x, self.constant, self.complex, self.batch]

    def graph_is_there(self):
        (gradient,) = torch.autograd.grad(self.y.sum(), self.x, retain_graph=True)
        return torch.equal(gradient, self.y.detach())


def fails(*xs):
    torch.rand(3)
    random.random()
    np.random.rand()
    raise RuntimeError("an error of its own")


def draws(x, *others):
    return x * torch.rand(()) * random.random() * np.random.rand()


def changes(x, *others):
    x.data.add_(1)
    for other in others:
        other.add_(1)
    return x.sum()


FUNCTIONS = [
    torch.sin,
    lambda *xs: sum(x.abs().sum() for x in xs),
    lambda *xs: xs,
    lambda *xs: xs[0].detach() * xs[0],
    lambda *xs: xs[0].sum().item(),
    lambda *xs: None,
    lambda *xs: xs[0].double().float(),
    lambda *xs: xs[0] > 0,
    lambda *xs: xs[0].backward(torch.ones_like(xs[0])) or xs[0],
    lambda *xs: xs[0].reshape(7),
    lambda x: Stuck.apply(x),
    fails,
    draws,
    changes,
    3.0,
    "sin",
    None,
    torch.ones(2),
]
INPUTS = ["x", "y", "constant", "whole", "complex", "batch", 2.0, [1.0], None, "text"]
EXPECTED = [None, 1.0, [1.0], torch.ones(3), torch.ones(2, 2), fails, draws, lambda *xs: xs, ()]


@given(
    f=st.sampled_from([*FUNCTIONS, "the module"]),
    inputs=st.lists(st.sampled_from(INPUTS), max_size=3),
    expected=st.sampled_from(EXPECTED),
    order=st.sampled_from([1, 1, 2, 0, "1"]),
    recording=st.booleans(),
)
def test_use_and_misuse_leave_everything_as_it_was(f, inputs, expected, order, recording):
    world = World()
    chosen = [getattr(world, each, each) if isinstance(each, str) else each for each in inputs]
    f = world.module if f == "the module" else f
    with torch.set_grad_enabled(recording):
        before = world.state()
        try:
            result, error = check_gradient(f, *chosen, expected=expected, order=order), None
        except Exception as raised:
            result, error = None, raised
        after = world.state()
    # Our own sentences are one, and say what to do; other errors come from the user's function.
    if error is None:
        assert isinstance(result, GradientCheck)
        sentence = result.diagnosis
    elif re.match("check_gradient|expected|the function", str(error)):
        assert isinstance(error, TypeError | ValueError)
        sentence = str(error)
    else:
        sentence = "."
    assert "\n" not in sentence
    assert sentence.endswith(".")
    for name, value in before.items():
        assert repr(after[name]) == repr(value), name
    assert world.graph_is_there()


class Holder:
    def __init__(self):
        self.norms = {"first": nn.BatchNorm1d(3).double()}

    def method(self, x):
        return self.norms["first"](x)


def test_the_modules_that_a_function_calls_keep_their_buffers():
    x = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    norm, holder = nn.BatchNorm1d(3).double(), Holder()
    whole = nn.Sequential(norm, nn.ReLU())
    again = partial(checkpoint, norm, use_reentrant=False)
    for f in (lambda x: norm(x), partial(whole), again):
        assert_buffers_stay(norm, lambda f=f: check_gradient(f, x))
    assert_buffers_stay(holder.norms["first"], lambda: check_gradient(holder.method, x))
    y = checkpoint(norm, x, use_reentrant=False).sum()
    assert_buffers_stay(norm, lambda: plot_graph(y, gradients=True))
    single = nn.BatchNorm1d(1).double()
    at = lambda t: single(torch.stack([t, 2 * t]).reshape(2, 1)).sum()  # noqa: E731
    assert_buffers_stay(single, lambda: plot_derivative(at, 1, 2))
    assert_buffers_stay(single, lambda: plot_step_sizes(at, 1.0))


def test_a_module_that_is_still_lazy_can_be_checked():
    norm = nn.LazyBatchNorm1d(dtype=torch.float64)
    x = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    assert check_gradient(lambda x: norm(x), x)


def assert_buffers_stay(module, act):
    before = {name: each.clone() for name, each in module.named_buffers()}
    act()
    assert all(torch.equal(each, before[name]) for name, each in module.named_buffers())


def test_a_graph_that_needs_a_buffer_can_still_go_back():
    norm = nn.BatchNorm1d(3).double().eval()
    x = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    y = norm(x).sum()
    assert check_gradient(lambda x: norm(x), x)
    # Autograd would refuse if a buffer had been written to, be it with the same numbers.
    y.backward()


def test_a_bar_is_shown_for_long_checks_only(capsys, monkeypatch):
    x = torch.linspace(0, 1, 5, dtype=torch.float64).requires_grad_()
    slow = lambda x: x.sin() + 0 * float(x.detach().sum())  # noqa: E731
    check_gradient(slow, x)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("autodiff_helpers.gradients.progress.PATIENCE_SECONDS", 0.0)
    threads = threading.active_count()
    check_gradient(slow, x)
    assert "check_gradient" in capsys.readouterr().err
    assert threading.active_count() == threads


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a & b"])
def test_names_from_the_user_are_escaped(name):
    def f(x):
        return x.detach() * x

    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_parameter(name, nn.Parameter(torch.ones(2)))

        def forward(self, x):
            return f(getattr(self, name))

    html = check_gradient(Odd(), torch.ones(1))._repr_html_()
    assert name not in html
    assert "<script" not in html


@pytest.mark.parametrize(
    ("f", "count", "order"),
    [
        (lambda x: x.detach() * x, 5000, 1),  # large, and wrong
        (lambda x: (x**3).sum(), 3, 2),
    ],
)
def test_every_bar_is_taken_away(f, count, order, monkeypatch):
    bars = []

    class Bar:
        total = 0

        def __init__(self):
            bars.append(self)
            self.open = True

        def update(self, parts):
            pass

        def close(self):
            self.open = False

    monkeypatch.setattr("autodiff_helpers.gradients.progress.PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr("autodiff_helpers.gradients.progress._bar", lambda done, total: Bar())
    check_gradient(f, torch.ones(count, dtype=torch.float64, requires_grad=True), order=order)
    assert len(bars) == 1
    assert not bars[0].open


MANY = torch.linspace(0.1, 1.0, 200, dtype=torch.float64)


@pytest.mark.parametrize(
    ("f", "x", "off"),
    [
        (lambda x: x.sin().sum(), MANY, 0),
        (lambda x: x[:20].sin(), MANY, 0),
        (lambda x: x.sin().sum(), MANY.float(), 0),
        # In double precision on the outside it does not work, and is begun anew.
        (lambda x: torch.dot(x, torch.ones(200)), MANY.float(), 0),
        (planted(lambda x: x.sin().sum(), torch.neg), MANY, 0.1),
        (lambda x: torch.relu(x).sum(), 0 * MANY, 0.15),
        (lambda x: x.sin().sum(), torch.ones(2000, dtype=torch.float64), 0.5),
    ],
)
def test_the_bar_knows_how_much_there_is_to_do(f, x, off, monkeypatch):
    counts = []
    close = Progress.close

    def closed(self):
        counts.append((self._done, self._total))
        close(self)

    monkeypatch.setattr(Progress, "close", closed)
    check_gradient(f, x.clone().requires_grad_())
    ((done, expected),) = counts
    assert done > 0
    assert abs(done - expected) <= off * done


def test_the_error_of_a_function_in_low_precision_is_its_own():
    weight = torch.ones(2)
    with pytest.raises(RuntimeError, match="shape '\\[3\\]' is invalid"):
        check_gradient(lambda x: torch.dot(weight, x).reshape(3), torch.ones(2, requires_grad=True))
