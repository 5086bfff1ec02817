"""What check_gradient takes and what it calls it: nests, constants, gradients by hand, errors."""

import functools
import math
import sys
from collections import OrderedDict, namedtuple
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from planted import WithForwardRule, leaf
from torch import nn
from torch.utils.checkpoint import checkpoint

from autodiff_helpers import check_gradient, plot_derivative


def first_names(result):
    return [line.split("  ")[0] for line in str(result).splitlines() if line.startswith("∂")]


# What is no tensor


def test_what_is_no_tensor_stays_as_it_is():
    seen = []

    def f(x, power, mode, flag, function, nothing):
        seen.append((power, mode, flag, function, nothing))
        return function(x**power).sum()

    given = (3, "mean", True, torch.sin, None)
    result = check_gradient(f, leaf(1.0, 2.0), *given)
    assert result
    assert set(seen) == {given}
    first, *others = result.analytic
    assert first.shape == (2,)
    assert others == [None] * 5


def test_a_constant_that_the_function_changes_is_a_copy():
    array, notes, table = np.ones(2), [], {"n": torch.zeros(1)}

    def f(x, array, notes, table):
        array += 1
        notes.append(len(notes))
        table["n"] += 1
        return x * torch.tensor(array) * len(notes) * table["n"]

    result = check_gradient(f, leaf(1.0, 2.0), array, notes, table)
    assert result
    assert result.analytic[0].tolist() == [[2, 0], [0, 2]]
    assert (array.tolist(), notes, table) == ([1, 1], [], {"n": 0})


def test_a_gradient_by_hand_may_leave_out_what_is_no_tensor():
    f = lambda x, n: (x**n).sum()  # noqa: E731
    for right in ([3.0, 12.0], ([3.0, 12.0], None), lambda x, n: n * x ** (n - 1)):
        assert check_gradient(f, leaf(1.0, 2.0), 3, expected=right)
    assert not check_gradient(f, leaf(1.0, 2.0), 3, expected=[3.0, 11.0])


# Nests

Pair = namedtuple("Pair", ["first", "second"])


@pytest.mark.parametrize(
    ("nest", "names"),
    [
        (lambda x: {"loss": x * x}, ["∂f['loss']/∂x"]),
        (
            lambda x: {"loss": x, 3: (x * x, [x])},
            ["∂f['loss']/∂x", "∂f[3][0]/∂x", "∂f[3][1][0]/∂x"],
        ),
        (lambda x: (x, (x.sin(), x.cos())), ["∂f[0]/∂x", "∂f[1][0]/∂x", "∂f[1][1]/∂x"]),
        (lambda x: [[x], None, "name", 3, True], ["∂f[0][0]/∂x"]),
        (lambda x: Pair(x, {"h": x}), ["∂f[0]/∂x", "∂f[1]['h']/∂x"]),
        (lambda x: OrderedDict(a=x, b=x.argmax()), ["∂f['a']/∂x"]),
    ],
)
def test_outputs_may_be_nested(nest, names):
    result = check_gradient(nest, leaf(2.0)[0].detach().requires_grad_())
    assert result
    assert first_names(result) == names


def test_the_jacobian_is_nested_as_the_outputs_are():
    def f(x):
        return {"loss": x.sum(), "states": [x * x, (x[0], x > 0)]}

    jacobian = check_gradient(f, leaf(1.0, 3.0)).analytic
    assert jacobian["loss"].tolist() == [1, 1]
    assert jacobian["states"][0].tolist() == [[2, 0], [0, 6]]
    assert jacobian["states"][1][0].tolist() == [1, 0]
    assert jacobian["states"][1][1] is None
    right = {"loss": [1, 1], "states": [np.diag([2, 6]), ([1.0, 0.0], None)]}
    assert check_gradient(f, leaf(1.0, 3.0), expected=right)
    for wrong in ([1, 1], {"loss": [1, 1]}, {"loss": [1, 1], "states": 3.0}):
        with pytest.raises(TypeError, match="in the same tuple or dict"):
            check_gradient(f, leaf(1.0, 3.0), expected=wrong)


def test_inputs_may_be_nested_too():
    x, y = leaf(1.0, 2.0), leaf(3.0)

    def f(batch, scale):
        return batch["x"] * batch["rest"][0] * scale

    result = check_gradient(f, {"x": x, "rest": [y, torch.ones(1)]}, 2)
    assert result
    assert first_names(result)[:3] == [
        "∂f[0]/∂batch['x'][0]", "∂f[0]/∂batch['x'][1]", "∂f[0]/∂batch['rest'][0][0]",
    ]  # fmt: skip
    by_batch, by_scale = result.analytic
    assert by_scale is None
    assert by_batch["x"].tolist() == [[6, 0], [0, 6]]
    assert by_batch["rest"][0].tolist() == [[2], [4]]
    assert by_batch["rest"][1] is None
    pair = check_gradient(lambda pair: pair.first * pair.second, Pair(x, y))
    assert pair.analytic[0].tolist() == [[3, 0], [0, 3]]
    right = {"x": [[6, 0], [0, 6]], "rest": [[[2], [4]], None]}
    assert check_gradient(f, {"x": x, "rest": [y, torch.ones(1)]}, 2, expected=(right, None))


def test_a_recurrent_network_gives_its_states_and_takes_them():
    torch.manual_seed(0)
    x, state = torch.randn(3, 2, requires_grad=True), torch.zeros(1, 2)
    result = check_gradient(nn.LSTM(2, 2), x, (state, state.clone().requires_grad_()))
    assert result
    out, (h, c) = result.analytic
    assert [each[0].shape for each in (out, h, c)] == [(3, 2, 3, 2), (1, 2, 3, 2), (1, 2, 3, 2)]
    assert out[1][0] is None
    assert out[1][1].shape == (3, 2, 1, 2)
    packed = nn.utils.rnn.pack_sequence([torch.ones(2, 1), torch.ones(1, 1)])
    assert check_gradient(nn.GRU(1, 1), packed)


def test_a_large_function_may_have_nested_outputs():
    x = torch.linspace(0.1, 2, 1500, dtype=torch.float64).requires_grad_()
    result = check_gradient(lambda x: {"loss": x.sin().sum(), "h": [x.exp()]}, x)
    assert [name.split(" in ")[0] for name in first_names(result)] == [
        "∂f['loss']/∂x", "∂f['h'][0]/∂x",
    ]  # fmt: skip
    assert check_gradient(lambda x: {"loss": (x[:3] ** 3).sum()}, leaf(1.0, 2.0, 3.0), order=2)


# Names


class MyLinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return x @ weight.T

    @staticmethod
    def backward(ctx, gradient):
        x, weight = ctx.saved_tensors
        return gradient @ weight, gradient.T @ x


class Scaled(torch.autograd.Function):
    @staticmethod
    def forward(values, scale):
        return values * scale

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gradient):
        values, scale = ctx.saved_tensors
        return gradient * scale, gradient @ values


def test_names_come_from_the_class_and_from_its_forward():
    weight = torch.ones(3, 2, requires_grad=True)
    names = first_names(check_gradient(MyLinear.apply, leaf(1.0, 2.0)[None], weight.detach()))
    assert names[0] == "∂MyLinear[0, 0]/∂x[0, 0]"
    names = first_names(check_gradient(MyLinear.apply, torch.ones(1, 2), weight))
    assert names[-1] == "∂MyLinear[0, 1]/∂weight[0, 1]"
    assert first_names(check_gradient(Scaled.apply, leaf(1.0), leaf(2.0)[0])) == [
        "∂Scaled[0]/∂values[0]", "∂Scaled[0]/∂scale",
    ]  # fmt: skip


def test_where_names_tell_nothing_they_stay_f_and_x():
    class Callable:
        def __call__(self, x):
            return x * x

        @classmethod
        def apply(cls, x):
            return x * x

    for f, name in [(Callable(), "f"), (Callable.apply, "apply")]:
        assert first_names(check_gradient(f, leaf(1.0))) == [f"∂{name}[0]/∂x[0]"]
    assert first_names(check_gradient(functools.partial(torch.mul, 2), leaf(1.0))) == [
        "∂f[0]/∂x[0]"
    ]


# A gradient by hand

SIX = [
    6, 6.0, [6.0], (6.0,), Fraction(6), np.float64(6), np.float32(6), np.array(6),
    torch.tensor(6.0), lambda w: 6.0, lambda w: [2 * w],
]  # fmt: skip


@pytest.mark.parametrize("six", SIX)
def test_expected_may_be_a_number_in_any_form(six):
    w = torch.tensor(3.0, requires_grad=True)
    assert check_gradient(lambda w: w * w, w, expected=six)
    assert not check_gradient(lambda w: w * w * w, w, expected=six)


@given(
    values=st.lists(st.floats(0.5, 2.0), min_size=1, max_size=4),
    form=st.sampled_from([list, tuple, np.array, torch.tensor, lambda numbers: (numbers,)]),
)
def test_expected_may_be_a_list_an_array_or_a_tensor(values, form):
    x = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    f = lambda x: (x * x).sum()  # noqa: E731
    assert check_gradient(f, x, expected=form([2 * value for value in values]))
    assert not check_gradient(f, x, expected=form([3 * value for value in values]))


def test_what_is_expected_may_mix_them():
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    assert check_gradient(torch.dot, x, y, expected=([3, 4.0], np.array([1, 2])))
    assert check_gradient(torch.dot, x, y, expected=[[3, 4.0], [torch.tensor(1.0), 2]])
    assert check_gradient(lambda x: x * x, x, expected=[[2, 0], [0, 4]])
    assert check_gradient(lambda x: (x.sum(), x[0]), x, expected=[[1, 1], [1, 0]])
    assert check_gradient(
        lambda x: x * x, x, expected=np.diag([2.0, 4.0])[::-1, ::-1].T[::-1, ::-1]
    )
    z = torch.tensor(1 + 2j, requires_grad=True)
    assert check_gradient(lambda z: z * z, z, expected=2 + 4j)
    assert not check_gradient(lambda z: z * z, z, expected=2 - 4j)


@pytest.mark.parametrize(
    ("expected", "error", "words"),
    [
        ("6", TypeError, "expected gives a str; it must give a tensor for each input"),
        ([[2.0], 4.0], TypeError, "expected gives a list"),
        (np.array(["a", "b"]), TypeError, "expected gives a ndarray"),
        ([None, None], TypeError, "expected gives a list"),
        ({"x": [2.0, 4.0]}, TypeError, "expected gives a dict"),
        ([2.0, 4.0, 6.0], ValueError, "expected has shape [3]"),
        (6.0, ValueError, "expected has shape []"),
    ],
)
def test_what_is_no_gradient_is_told_so(expected, error, words):
    with pytest.raises(error) as raised:
        check_gradient(lambda x: (x * x).sum(), leaf(1.0, 2.0), expected=expected)
    assert words in str(raised.value)


# Errors that tell what to do


class Square(WithForwardRule):
    pass


class NoReturn(nn.Module):
    def forward(self, x):
        x * x


NET = nn.Linear(2, 1)
W = leaf(1.0, 2.0)

ERRORS = {
    "no return": ((NoReturn(), leaf(1.0)), TypeError, "end it with return and the result"),
    "the class": ((Square, W), TypeError, "in place of a function; pass Square.apply,"),
    "a module's class": ((nn.ReLU, W), TypeError, "make one first: check_gradient(ReLU(), x)"),
    "a module made": ((lambda x: nn.ReLU(x), W), TypeError, "returned the module ReLU"),
    "not called": ((lambda x: x.sum, W), TypeError, "a call without its parentheses ()"),
    "a string": ((lambda x: "x", W), TypeError, "returned a str; expected a tensor, or"),
    "a number": (
        (lambda x: math.sin(x.detach().sum()), W),
        TypeError,
        "and functions such as math.sin cut it off from its inputs, so compute with torch",
    ),
    "an array": (
        (lambda x: x.detach().numpy(), W),
        TypeError,
        "returned a ndarray; expected a tensor: .item()",
    ),
    "an array beside": (
        (lambda x: [x, x.detach().numpy()], W),
        TypeError,
        "a ndarray among other things",
    ),
    "data parallel": ((nn.DataParallel(NET), W), TypeError, "check_gradient(net.module, x)"),
    "reentrant": (
        (lambda x: checkpoint(torch.sin, x, use_reentrant=True), W),
        ValueError,
        "call it with use_reentrant=False",
    ),
    "a lambda of a module": (
        (lambda x: NET(x), torch.ones(2)),
        ValueError,
        "pass the module itself",
    ),
    "a method of a module": ((NET.forward, torch.ones(2)), ValueError, "pass the module itself"),
    "an embedding": (
        (lambda i: nn.Embedding(3, 2)(i), torch.tensor([1])),
        ValueError,
        "pass the module itself",
    ),
    "a weight from outside": ((lambda x: (W * x).sum(), 2), ValueError, "pass these as inputs"),
    "nothing at all": (
        (lambda i: i.nothing, torch.tensor([1])),
        ValueError,
        "inputs of dtype torch.int64",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_tells_what_to_do(name):
    arguments, error, words = ERRORS[name]
    with pytest.raises(error) as raised:
        check_gradient(*arguments)
    text = str(raised.value)
    assert words in text
    assert "\n" not in text
    assert len(text) < 300


@pytest.mark.filterwarnings("ignore:.*should not be instantiated")
def test_an_object_of_a_function_class_is_told_to_be_applied():
    with pytest.raises(TypeError, match=r"pass Square\.apply,"):
        check_gradient(Square(), W)
    with pytest.raises(TypeError, match=r"call Square\.apply\(…\) in place of Square\(…\)"):
        check_gradient(lambda x: Square(x), W)


def test_a_forgotten_return_is_not_blamed_on_numbers():
    for function in (
        lambda f: check_gradient(f, W),
        lambda f: plot_derivative(f, 0.0, 1.0),
    ):
        with pytest.raises(TypeError, match="returned None") as raised:
            function(lambda x: None)
        assert "item" not in str(raised.value)
        assert "numpy" not in str(raised.value)


@pytest.mark.filterwarnings("ignore")  # of torch, that its jit is old
@pytest.mark.parametrize("make", [torch.jit.script, lambda net: torch.jit.trace(net, W)])
def test_a_scripted_module_is_told_to_pass_the_one_it_was_made_from(make):
    with pytest.raises(TypeError, match=r"scripted or traced by torch.jit.*pass the module from"):
        check_gradient(make(NET), W)
    # Nobody has to replace the parameters of one that is called inside.
    scripted = make(NET)
    assert check_gradient(lambda x: scripted(x), W)


@pytest.mark.filterwarnings("ignore")  # of torch, that what it loads is old
def test_a_compiled_module_is_told_to_pass_the_one_it_was_made_from():
    compiled = torch.compile(NET, backend="eager")
    for net in (compiled, nn.Sequential(compiled, nn.ReLU())):
        with pytest.raises(TypeError, match=r"compiled by torch.compile.*pass the module from"):
            check_gradient(net, W)
    assert "torch._dynamo" in sys.modules
    result = check_gradient(lambda x: compiled(x), W)
    assert result
    assert result.dtype == torch.float64
