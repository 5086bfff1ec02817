"""check_gradient takes every kind of tensor and function, and finds what is wrong in each."""

import pytest
import torch
from planted import (
    FUNCTIONS,
    MISTAKES,
    WithForwardRule,
    WithWrongForwardRule,
    one_element,
    planted,
    tensor,
)
from torch import nn
from torch.nn import functional

from autodiff_helpers import check_gradient

# Wrong backward steps, all of them


def test_every_planted_mistake_is_found_and_every_right_gradient_accepted():
    missed = []
    for name, (f, x) in FUNCTIONS.items():
        result = check_gradient(planted(f, lambda gradient: gradient), x)
        assert result, f"{name}: {result}"
        for mistake, spoil in MISTAKES.items():
            if check_gradient(planted(f, spoil), x):
                missed.append(f"{mistake} in {name}")
    assert len(FUNCTIONS) * len(MISTAKES) >= 156
    assert missed == []


# Precision


def test_low_precision_inputs_are_computed_in_double_precision():
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        x = torch.tensor([0.5, 1.5, 2.0], dtype=dtype, requires_grad=True)
        result = check_gradient(torch.sin, x)
        assert result
        assert result.dtype == torch.float64
        assert result.analytic.dtype == result.numeric.dtype == torch.float64
        assert not check_gradient(torch.sin, x, expected=1.1 * torch.diag(x.cos()))


def test_weights_in_low_precision_do_not_matter():
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        weight = torch.linspace(-1, 1, 6).reshape(2, 3).to(dtype).requires_grad_()
        x = torch.tensor([0.3, -0.7, 1.1], dtype=dtype, requires_grad=True)
        result = check_gradient(lambda x, w=weight: torch.relu(w @ x + torch.ones(2)), x)
        assert result, result
        assert result.dtype == torch.float64
        cut = check_gradient(lambda x, w=weight: (w @ x) * x.detach().sum(), x)
        assert "detach()" in cut.diagnosis


def in_its_own_precision(f, dtype):
    def strict(x):
        if x.dtype != dtype:
            raise RuntimeError(f"expected {dtype}")
        return f(x)

    return strict


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_a_function_that_needs_low_precision_is_judged_by_it(dtype):
    weight = torch.linspace(-1, 1, 6).reshape(2, 3).to(dtype)
    product = in_its_own_precision(lambda x: weight @ x, dtype)
    x = torch.tensor([0.3, -0.7, 1.1], dtype=dtype, requires_grad=True)
    result = check_gradient(product, x)
    assert result, result
    assert result.dtype == dtype
    assert str(result).endswith(
        f"Computed in {str(dtype).removeprefix('torch.')}, because the function does not work in "
        "float64, and judged by what that precision can show."
    )
    for wrong in (torch.neg, lambda g: 1.5 * g, lambda g: 0 * g):
        assert not check_gradient(planted(product, wrong), x), wrong


def test_in_float32_an_error_of_one_percent_is_found_and_none_invented():
    torch.manual_seed(0)
    for _ in range(20):
        weight = 0.3 * torch.randn(5, 8)
        x = torch.randn(8, requires_grad=True)
        layer = in_its_own_precision(lambda x, w=weight: torch.tanh(w @ x), torch.float32)
        assert check_gradient(layer, x)
        assert not check_gradient(planted(layer, lambda g: 1.01 * g), x)


def test_an_output_in_low_precision_lowers_the_precision():
    result = check_gradient(lambda x: (x**2).float(), torch.tensor([1.5, 2.5], requires_grad=True))
    assert result
    assert result.dtype == torch.float32


# Several inputs and outputs


def test_a_tuple_of_outputs_gives_a_tuple_of_jacobians():
    x, w = tensor(2), tensor(3)
    result = check_gradient(lambda x, w: (x.sum() * w, x**2), x, w)
    assert result
    assert [[part.shape for part in row] for row in result.analytic] == [
        [(3, 2), (3, 3)],
        [(2, 2), (2, 3)],
    ]
    assert "∂f[0][1]/∂x[0]" in str(
        check_gradient(
            lambda x: (x, x * x),
            x,
            expected=(torch.ones(2, 2), torch.diag(2 * x)),
        )
    )


def test_a_wrong_gradient_of_the_second_output_is_named():
    x = tensor(2)
    wrong = planted(torch.sin, lambda g: 3 * g)
    result = check_gradient(lambda x: (x * x, wrong(x)), x)
    assert "∂f[1][0]/∂x[0]" in result.diagnosis
    assert "3 times the right one" in result.diagnosis


def test_outputs_without_derivatives_are_passed_over():
    x = tensor(4)
    result = check_gradient(lambda x: torch.sort(x), x)
    assert result
    values, indices = result.analytic
    assert values.shape == (4, 4)
    assert indices is None
    # One that nobody can differentiate is there to look at.
    assert check_gradient(lambda x: (x * x, (3 * x).detach()), x)


def test_expected_has_the_form_of_the_gradient():
    x, w = tensor(2), tensor(2, seed=2)
    right = ((w, x), (torch.eye(2), None))
    f = lambda x, w: (x @ w, x)  # noqa: E731
    assert check_gradient(f, x, w, expected=((w, x), (torch.eye(2), torch.zeros(2, 2))))
    assert check_gradient(f, x, w.detach(), expected=right)
    assert not check_gradient(f, x, w.detach(), expected=((x, None), (torch.eye(2), None)))
    with pytest.raises(TypeError, match="it must give for each output"):
        check_gradient(f, x, w, expected=(w, x, x))
    with pytest.raises(TypeError, match="a tensor for each input that requires gradients"):
        check_gradient(torch.dot, x, w, expected=(w, None))


def test_a_sparse_input_may_stay_constant():
    weight = torch.tensor([[0.0, 2.0], [3.0, 0.0]], dtype=torch.float64)
    result = check_gradient(lambda x, weight: weight @ x, tensor(2, 1), weight.to_sparse())
    assert result
    assert result.analytic[0].reshape(2, 2).tolist() == weight.tolist()


@pytest.mark.not_called_again("the calls are counted")
def test_a_constant_may_decide_how_often_a_loop_runs_for_all_points_at_once():
    calls = 0

    def f(x, times):
        nonlocal calls
        calls += 1
        for _ in range(int(times)):
            x = 2 * x if x.sum() > 0 else -x
        return x

    result = check_gradient(f, tensor(20), torch.tensor(3))
    assert result
    assert result.analytic[0].diagonal().tolist() == [8] * 20
    # Once for autograd, once for a batch that cannot take the branch, and once for one that can.
    assert calls == 3


def test_an_output_may_ignore_an_input():
    x, w = tensor(2), tensor(3)
    assert check_gradient(lambda x, w: x.sum(), x, w)
    assert check_gradient(lambda x, w: torch.ones(2, dtype=x.dtype), x, w)
    assert check_gradient(lambda x: (x.sum(), torch.ones(3)), x)


@pytest.mark.parametrize("shape", [(0,), (2, 0, 3)])
def test_tensors_without_elements(shape):
    empty = torch.zeros(shape, requires_grad=True)
    x = tensor(3)
    assert check_gradient(lambda e: e.exp(), empty)
    assert check_gradient(lambda e: e.sum(), empty)
    assert check_gradient(lambda e, x: e.sum() + x.sum(), empty, x)
    assert check_gradient(lambda x: (x[:0], x), x)


def test_strides_do_not_matter():
    base = tensor(4, 6).detach()
    views = [base.T, base[::2, 1::3], base[:, :1].expand(4, 5), base.flip(1), base[2]]
    for view in views:
        x = view.requires_grad_() if view.is_leaf else view.detach().requires_grad_()
        weight = torch.arange(1.0, x.numel() + 1, dtype=x.dtype).reshape(x.shape)
        result = check_gradient(lambda x, w=weight: (w * x**2).sum(), x)
        assert result
        assert torch.allclose(result.analytic, 2 * weight * x)


# Complex numbers


def complex_tensor(*shape, seed=0):
    return torch.complex(
        tensor(*shape, seed=seed).detach(), tensor(*shape, seed=seed + 1).detach()
    ).requires_grad_()


@pytest.mark.parametrize(
    "f",
    [
        torch.abs,
        torch.angle,
        torch.exp,
        torch.conj,
        lambda z: z * z,
        lambda z: z.real * z.imag,
        lambda z: (z * z.conj()).sum(),
        torch.view_as_real,
        torch.fft.fft,
        lambda z: torch.linalg.inv(z.reshape(2, 2)),
        lambda z: torch.outer(z, z).real,
    ],
)
def test_complex_inputs_are_pairs_of_real_numbers(f):
    z = complex_tensor(4)
    result = check_gradient(f, z)
    assert result, result
    output = f(z)
    pairs = (2,) if output.is_complex() else ()
    assert result.analytic.shape == output.shape + pairs + (4, 2)
    wrong = planted(f, lambda g: g.conj().resolve_conj() if g.is_complex() else -g)
    assert not check_gradient(wrong, z)


def test_complex_outputs_of_real_inputs():
    x = tensor(3)
    result = check_gradient(lambda x: torch.exp(1j * x), x)
    assert result
    assert "∂Im f[0]/∂x[0]" in str(check_gradient(lambda x: 1j * x, x, expected=torch.eye(3) * 1j))
    assert result.analytic.shape == (3, 2, 3)


def test_a_complex_gradient_by_hand():
    z = complex_tensor(3)
    # What autograd gives for a real function: by the real part, and i times by the imaginary one.
    assert check_gradient(lambda z: (z * z.conj()).real.sum(), z, expected=2 * z)
    # What a book gives for a function that is complex differentiable.
    assert check_gradient(lambda z: z**3, z, expected=torch.diag(3 * z**2))
    assert not check_gradient(lambda z: z**3, z, expected=torch.diag(3 * z**2).conj())
    assert "∂Re f[0]/∂Im z[0]" in str(check_gradient(lambda z: z**3, z))


def test_single_precision_complex_numbers():
    z = complex_tensor(3).detach().to(torch.complex64).requires_grad_()
    assert check_gradient(torch.exp, z).dtype == torch.float64
    weight = torch.ones(3, dtype=torch.complex64)
    assert check_gradient(lambda z: torch.dot(weight, z), z).dtype == torch.float64
    strict = in_its_own_precision(lambda z: torch.dot(weight, z), torch.complex64)
    assert check_gradient(strict, z).dtype == torch.float32


# Modules


def test_the_parameters_of_a_module_are_checked_with_its_inputs():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2, bias=False))
    x = torch.randn(5, 3, requires_grad=True)
    result = check_gradient(module, x)
    assert result
    assert [each.shape for each in result.analytic] == [
        (5, 2, 5, 3), (5, 2, 4, 3), (5, 2, 4), (5, 2, 2, 4),
    ]  # fmt: skip
    module[0].weight.requires_grad_(False)
    inputs, weight, *_ = check_gradient(module, x.detach()).analytic
    assert inputs is None
    assert weight is None


def test_a_wrong_parameter_gradient_is_called_by_its_name():
    class Wrong(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.tensor([2.0, 3.0]))

        def forward(self, x):
            return x * planted(torch.square, torch.neg)(self.scale)

    result = check_gradient(Wrong(), tensor(2).detach())
    assert "∂f[0]/∂scale[0]" in str(result) or "∂f[1]/∂scale[1]" in result.diagnosis
    assert "sign" in result.diagnosis


def test_the_gradient_of_a_module_by_hand_may_be_a_function_of_its_inputs():
    torch.manual_seed(0)
    module = nn.Linear(2, 1)
    x = tensor(2)
    by_hand = lambda x: (module.weight, x.reshape(1, 1, 2), torch.ones(1, 1))  # noqa: E731
    assert check_gradient(module, x, expected=by_hand)
    wrong = lambda x: (module.weight, 2 * x.reshape(1, 1, 2), torch.ones(1, 1))  # noqa: E731
    diagnosis = check_gradient(module, x, expected=wrong).diagnosis
    assert "in 2 of 5 derivatives" in diagnosis
    assert "for ∂f[0]/∂weight[0, " in diagnosis


@pytest.mark.parametrize(
    ("module", "shape"),
    [
        (nn.BatchNorm1d(3), (4, 3)),
        (nn.LayerNorm(3), (2, 3)),
        (nn.Conv2d(1, 2, 3), (1, 1, 4, 4)),
        (nn.LSTM(2, 2), (2, 1, 2)),
        (nn.MultiheadAttention(4, 2), None),
        (nn.Bilinear(2, 3, 2), None),
        (nn.PReLU(), (3,)),
        (nn.Dropout(0.5), (8,)),
    ],
)
def test_modules_of_every_sort(module, shape):
    torch.manual_seed(0)
    if shape is None:
        inputs = {
            nn.MultiheadAttention: [torch.randn(2, 1, 4) for _ in range(3)],
            nn.Bilinear: [torch.randn(2, 2), torch.randn(2, 3)],
        }[type(module)]
    else:
        inputs = [torch.randn(shape, requires_grad=True)]
    before = {name: each.clone() for name, each in module.state_dict().items()}
    f = module
    if isinstance(module, nn.LSTM):
        f = lambda x: module.double()(x)[0]  # noqa: E731
        result = check_gradient(f, inputs[0])
        module.float()
    else:
        result = check_gradient(f, *[x.requires_grad_() for x in inputs])
    assert result, result
    assert module.training
    after = module.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_sparse_gradients_are_made_dense():
    embedding = nn.Embedding(5, 2, sparse=True)
    index = torch.tensor([1, 3, 1])
    result = check_gradient(embedding, index)
    assert result
    _, weight = result.analytic
    assert weight.shape == (3, 2, 5, 2)
    weights = tensor(5, 2)
    assert check_gradient(lambda w: functional.embedding(index, w, sparse=True).sum(), weights)


# Second derivatives


def test_second_derivatives():
    x = tensor(3)
    result = check_gradient(lambda x: (x**3).sum(), x, order=2)
    assert result
    assert torch.allclose(result.analytic, torch.diag(6 * x.detach()))
    assert "∂²f/∂x[0]∂x[0]" in str(result)
    assert check_gradient(torch.sin, x, order=2).analytic.shape == (3, 3, 3)
    assert check_gradient(lambda x: 2 * x, x, order=2)
    assert check_gradient(lambda x, w: (x @ w, x.exp()), x, tensor(3, seed=5), order=2)


class WrongTwice(torch.autograd.Function):
    """x³ whose first derivative is right, and whose second one is not."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return 3 * x * x.detach() * gradient


def test_a_wrong_second_derivative_is_found():
    x = tensor(3)
    assert check_gradient(WrongTwice.apply, x)
    result = check_gradient(WrongTwice.apply, x, order=2)
    assert not result
    assert "∂²WrongTwice[" in result.diagnosis
    first = check_gradient(planted(torch.sin, torch.neg), x, order=2)
    assert "∂²" not in first.diagnosis


# Forward mode

RANDOM_DIRECTION = "The gradient is right: the derivative in a random direction"


def test_a_forward_rule_of_ones_own_is_checked():
    x = tensor(3)
    assert check_gradient(WithForwardRule.apply, x)
    result = check_gradient(WithWrongForwardRule.apply, x)
    assert not result
    assert "autograd in forward mode says" in result.diagnosis
    assert "3/2 times the right one" in result.diagnosis
    large = check_gradient(WithWrongForwardRule.apply, tensor(2000))
    assert not large
    assert "autograd in forward mode says" in large.diagnosis
    assert RANDOM_DIRECTION in check_gradient(WithForwardRule.apply, tensor(2000)).diagnosis


class WithOneWrongForwardElement(WithForwardRule):
    @classmethod
    def jvp(cls, ctx, tangent):
        (x,) = ctx.saved_tensors
        right = 2 * x * tangent
        return torch.cat([right[:1234], 3 * right[1234:1235], right[1235:]])


def test_a_forward_rule_that_is_wrong_in_one_of_many_elements_is_found():
    result = check_gradient(WithOneWrongForwardElement.apply, tensor(5000))
    assert not result
    assert "autograd in forward mode says" in result.diagnosis
    assert "∂WithOneWrongForwardElement[1234]/∂x[1234]" in result.diagnosis


def test_a_forward_rule_that_cannot_be_reached_is_passed_over():
    # The way there leads through a function without a rule for forward mode.
    right = planted(torch.sin, lambda gradient: gradient)
    f = lambda x: WithWrongForwardRule.apply(right(x))  # noqa: E731
    assert check_gradient(f, tensor(3))
    assert RANDOM_DIRECTION in check_gradient(f, tensor(2000)).diagnosis


# Large tensors


@pytest.mark.parametrize("size", [5_000, 200_000])
@pytest.mark.parametrize(
    "f",
    [
        lambda x: (x**2).sum(),
        lambda x: x.sin(),
        lambda x: torch.logsumexp(x, 0),
        torch.relu,
        lambda x: x.reshape(-1, 10) @ torch.linspace(0, 1, 10, dtype=x.dtype),
    ],
)
def test_a_large_gradient_is_right_or_its_wrong_element_is_named(f, size):
    x = torch.linspace(-2, 3, size, dtype=torch.float64)[
        torch.randperm(size, generator=torch.Generator().manual_seed(0))
    ].requires_grad_()
    assert check_gradient(f, x)
    place = size // 3
    x.data[place] = 1.7

    def spoil(gradient):
        wrong = gradient.clone()
        wrong[place] *= 1.0001
        return wrong

    result = check_gradient(planted(f, spoil), x)
    assert not result
    assert f"/∂x[{place}]," in result.diagnosis or f"/∂x[{place}] " in result.diagnosis
    assert f"one element, x[{place}]" in result.diagnosis


def test_a_large_gradient_that_can_be_written_down_is_where_there_is_something_to_see():
    x = tensor(1200)
    f = planted(lambda x: x.sin().sum(), one_element(lambda g: 1.01 * g))
    result = check_gradient(f, x)
    assert "in 1 of 1200 derivatives" in result.diagnosis
    assert "for ∂f/∂x[600]" in result.diagnosis
    undefined = check_gradient(lambda x: (x - x.min()).sqrt().sum(), x)
    assert f"for ∂f/∂x[{x.argmin()}]" in undefined.diagnosis
    first = x[0].item()
    bent = check_gradient(lambda x: torch.relu(x - first).sum(), x)
    assert "f at x[0] = 0.38547 has a kink" in bent.diagnosis
    for each in (result, undefined, bent):
        assert each.analytic.shape == each.numeric.shape == x.shape


def test_a_large_function_gives_its_products_for_each_output():
    x = tensor(2000)
    once = check_gradient(lambda x: (x.sin(), x.exp().sum()), x)
    twice = check_gradient(lambda x: (2 * x.sin(), 3 * x.exp().sum()), x)
    assert once.analytic.shape == once.numeric.shape == (2, 1)
    assert once.analytic.all()
    assert torch.allclose(once.analytic, once.numeric)
    assert torch.allclose(twice.analytic, once.analytic * torch.tensor([[2.0], [3.0]]))
    assert [line.split("  ")[0] for line in str(once).splitlines()[4:]] == [
        "∂f[0]/∂x in a random direction",
        "∂f[1]/∂x in a random direction",
    ]


def test_a_large_output_that_ignores_an_input_is_proved_as_well():
    f = lambda x, y: (x.sin().sum() * y, x.exp())  # noqa: E731
    result = check_gradient(f, tensor(1500), tensor(40, seed=1))
    assert result
    assert RANDOM_DIRECTION in result.diagnosis


def test_a_large_function_that_ignores_its_input():
    x = tensor(2000)
    result = check_gradient(lambda x: torch.zeros(3, dtype=x.dtype), x)
    assert result
    assert result.analytic.item() == 0
    assert "detach()" in check_gradient(lambda x: x.detach().sum(), x).diagnosis


UNPROVED = "The precision is too low for a proof: no difference was found"


def test_a_large_gradient_is_not_called_proved_where_it_is_not():
    x = tensor(2000)
    rounded = check_gradient(lambda x: 1e13 + x.sin().sum(), x)
    assert rounded
    assert rounded.diagnosis.startswith(UNPROVED)
    assert str(rounded).splitlines()[-1].split()[-2:] == ["?", "unsure"]
    # Too little for any single derivative, and yet all together they show it.
    nearly = planted(torch.sin, lambda g: (1 + 1e-8) * g)
    assert check_gradient(nearly, x).diagnosis.startswith(UNPROVED)
    assert check_gradient(torch.sin, x).diagnosis.startswith("The gradient is right")


def test_a_large_function_in_low_precision_is_judged_by_it():
    # Close to 0 numbers are exact enough, but those of a gradient in float32 are not.
    x = torch.zeros(2000, requires_grad=True)
    strict = in_its_own_precision(lambda x: 0.3 * x.sin(), torch.float32)
    result = check_gradient(strict, x)
    assert result
    assert result.dtype == torch.float32
    assert result.diagnosis.startswith(UNPROVED)
    assert "sign" in check_gradient(planted(strict, torch.neg), x).diagnosis


def test_a_large_gradient_in_other_ways_wrong():
    x = torch.linspace(0.1, 2, 5000, dtype=torch.float64).requires_grad_()
    for f, words in [
        (planted(torch.sin, torch.neg), "sign"),
        (planted(torch.sin, lambda g: 3 * g), "constant factor"),
        (lambda x: x.detach() * x, "detach()"),
        (lambda x: x.data.mul_(2).sum() + x.sum(), "in place"),
        (lambda x: (x - x[7]).sqrt().sum(), "undefined"),
        (lambda x: 1 / (x - x[7]), "undefined"),
    ]:
        result = check_gradient(f, x)
        assert not result
        assert words in result.diagnosis
    assert check_gradient(torch.sin, x[:2000].detach().requires_grad_())
    right = x.detach().cos()
    assert check_gradient(lambda x: x.sin().sum(), x, expected=right)
    right[4321] *= 1.0001
    assert "∂x[4321]" in check_gradient(lambda x: x.sin().sum(), x, expected=right).diagnosis


def test_second_derivatives_of_large_functions_are_refused():
    with pytest.raises(ValueError, match="25,000,000 second derivatives"):
        check_gradient(lambda x: (x**2).sum(), torch.ones(5000, requires_grad=True), order=2)


DEVICES = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


@pytest.mark.parametrize("device", DEVICES)
def test_tensors_on_every_device(device):
    x = tensor(3).detach().to(device).requires_grad_()
    result = check_gradient(torch.sin, x)
    assert result
    assert result.analytic.device == result.numeric.device == x.device
    assert not check_gradient(planted(torch.sin, torch.neg), x)
    assert check_gradient(lambda x: torch.dropout(x, 0.5, True), x)
    large = torch.linspace(0, 1, 5000, device=device).requires_grad_()
    assert check_gradient(lambda x: x.sin().sum(), large)
