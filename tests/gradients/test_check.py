"""check_gradient accepts right gradients, refuses wrong ones, and changes nothing."""

import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from planted import Stuck, WithForwardRule, WithWrongForwardRule, leaf, planted, times
from torch import nn

from autodiff_helpers import check_gradient

# Right gradients

SMOOTH = [torch.sin, torch.cos, torch.tanh, torch.sigmoid, torch.atan, torch.exp, torch.square]


@given(
    functions=st.lists(st.sampled_from(SMOOTH), min_size=1, max_size=4),
    values=st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=5),
)
def test_a_chain_of_smooth_functions_passes(functions, values):
    def chain(x):
        for function in functions:
            x = function(x)
        return x

    assert check_gradient(chain, leaf(*values))


@pytest.mark.parametrize(
    ("f", "inputs", "shapes"),
    [
        (lambda x: x.sum(), [(4,)], [(4,)]),
        (lambda x: x * x, [()], [()]),
        (lambda x: x * x, [(2, 3)], [(2, 3, 2, 3)]),
        (lambda x: x.reshape(3, 2, 1).exp(), [(2, 3)], [(3, 2, 1, 2, 3)]),
        (lambda x, w: w @ x, [(3,), (2, 3)], [(2, 3), (2, 2, 3)]),
        (lambda x: x.sum(), [(0,)], [(0,)]),
        (lambda x: x[:0], [(3,)], [(0, 3)]),
        (lambda x: torch.ones(2).double(), [(3,)], [(2, 3)]),
        (lambda x: x, [(2,)], [(2, 2)]),
        (torch.sin, [(2,)], [(2, 2)]),
        (torch.nn.functional.softplus, [(2,)], [(2, 2)]),
    ],
)
def test_every_shape_gives_its_full_jacobian(f, inputs, shapes):
    torch.manual_seed(0)
    inputs = [torch.randn(shape, requires_grad=True) for shape in inputs]
    result = check_gradient(f, *inputs)
    assert result.passed is True
    for jacobians in (result.analytic, result.numeric):
        jacobians = jacobians if isinstance(jacobians, tuple) else (jacobians,)
        assert [jacobian.shape for jacobian in jacobians] == shapes
        assert all(jacobian.dtype == torch.float64 for jacobian in jacobians)


def test_an_input_that_is_not_contiguous():
    x = torch.arange(6.0).reshape(2, 3).T.requires_grad_()
    assert check_gradient(lambda x: (x**3).sum(), x)
    expanded = torch.ones(1).expand(3).requires_grad_()
    assert check_gradient(lambda x: (x**3).sum(), expanded)


def test_inputs_without_gradients_stay_constant():
    index = torch.tensor([0, 2])
    weight = torch.tensor([2.0, 3.0])
    result = check_gradient(lambda x, w, i: w * x[i], leaf(1.0, 2.0, 3.0), weight, index)
    assert result
    analytic, *others = result.analytic
    assert analytic.tolist() == [[2, 0, 0], [0, 0, 3]]
    assert others == [None, None]


@pytest.mark.parametrize(
    ("f", "point"),
    [
        (torch.log, 1e-8),
        (torch.log, 0.002),
        (torch.sqrt, 1e-6),
        (torch.reciprocal, 0.005),
        (torch.tan, 1.57),
        (torch.exp, 20.0),
        (torch.sin, 2000.0),
        (lambda x: torch.sin(1e10 * x), 0.3),
        (lambda x: torch.sin(1000 * x), 1.0),
        (lambda x: torch.sin(x.exp().exp().exp()), 1.0),
        (lambda x: x**3 - 3 * x, 1.0),
        (lambda x: 1e-6 * x.sin(), 0.7),
        (lambda x: 1e6 * x.sin(), 0.7),
        (lambda x: 1e6 + x.sin(), 0.7),
        (lambda x: (1e8 + x) - 1e8, 1.0),
        (torch.relu, 1e-3),
        (torch.abs, 1e-7),
        (lambda x: torch.floor(x) + x, 0.99999),
        (torch.square, 1e-10),
        (torch.square, 1e8),
        (lambda x: 0 * x, 1.0),
        (lambda x: torch.distributions.Normal(0.0, 1e-3).log_prob(x), 1e-4),
    ],
)
def test_steep_flat_large_and_small_functions_pass(f, point):
    x = leaf(point, dtype=torch.float64)
    assert check_gradient(f, x), check_gradient(f, x)


def test_a_stable_softmax_of_large_numbers_passes():
    x = (torch.arange(3.0, dtype=torch.float64) + 3000).requires_grad_()
    assert check_gradient(lambda x: torch.log_softmax(x, 0), x)


def test_a_random_function_draws_the_same_numbers_at_every_call():
    assert check_gradient(lambda x: torch.dropout(x, 0.5, True), torch.ones(9, requires_grad=True))


def test_a_function_may_give_out_the_same_memory_every_time():
    buffer = torch.zeros(2, dtype=torch.float64)

    def f(x):
        nonlocal buffer
        buffer = buffer.detach()
        buffer[0], buffer[1] = x[0] ** 2, x[1] ** 3
        return buffer

    assert check_gradient(f, leaf(1.0, 2.0))


def test_smooth_functions_need_few_evaluations():
    calls = 0

    def f(x):
        nonlocal calls
        calls += 1
        return torch.sin(x)

    result = check_gradient(f, leaf(1.0))
    assert (result.numeric - result.analytic).abs().max() < 1e-10
    # In float32 and in float64, to see that both are the same, and to both sides at two steps.
    assert calls <= 2 + 2 * 2


@pytest.mark.not_called_again("the calls are counted")
def test_a_function_that_can_be_batched_is_called_once_for_all_points():
    calls = 0

    def f(x):
        nonlocal calls
        calls += 1
        return x.sin().sum()

    assert check_gradient(f, torch.linspace(0, 1, 30, dtype=torch.float64, requires_grad=True))
    assert calls == 2
    # Once more, to see that it is the same in the precision of its own.
    assert check_gradient(f, torch.linspace(0, 1, 30, requires_grad=True))
    assert calls == 5


def test_branches_are_followed_by_the_points_that_take_them():
    def f(x):
        y = x.cumsum(0)
        while y.norm() < 100:
            y = 2 * y
        return y if y.sum() > 0 else -y

    assert check_gradient(f, torch.linspace(-1, 3, 20, requires_grad=True))
    # 1 % of the points are on the other side of the branch, where the slope is another one.
    near = torch.linspace(0.9999, 1.0001, 40, dtype=torch.float64).requires_grad_()
    assert check_gradient(lambda x: sum(3 * v if v > 1 else 2 * v + 1 for v in x), near)


@pytest.mark.parametrize("f", [torch.sin, lambda x: torch.linalg.inv(x.reshape(5, 5))])
def test_one_by_one_the_numbers_are_the_same(f):
    torch.manual_seed(1)
    x = torch.randn(25, dtype=torch.float64, requires_grad=True)
    together = check_gradient(f, x)
    # A conversion to numpy cannot be batched.
    alone = check_gradient(lambda x: f(x) + 0 * float(x.detach().numpy()[0]), x)
    assert [line.split()[1:] for line in str(alone).splitlines()] == [
        line.split()[1:] for line in str(together).splitlines()
    ]
    assert torch.allclose(alone.numeric, together.numeric, rtol=1e-7, atol=1e-8)


def test_it_works_where_recording_is_switched_off():
    x = leaf(1.0, 2.0)
    for switched_off in (torch.no_grad(), torch.inference_mode()):
        with switched_off:
            assert check_gradient(lambda x: (x * x).sum(), x)


def test_a_function_may_differentiate_inside():
    def slope(x):
        (gradient,) = torch.autograd.grad((x**3).sum(), x, create_graph=True)
        return gradient

    assert check_gradient(slope, leaf(1.0, 2.0))


# Wrong gradients


@given(
    factor=st.sampled_from([0.0, -1.0, 0.5, 2.0, 0.999, 1.0001]),
    values=st.lists(st.floats(0.5, 4, width=32), min_size=1, max_size=5),
)
def test_a_wrong_factor_fails(factor, values):
    result = check_gradient(planted(torch.square, times(factor)), leaf(*values))
    assert result.passed is False
    assert not result


def test_a_single_wrong_element_is_named():
    right = torch.arange(300.0) * 2
    wrong = right.clone()
    wrong[123] *= 1.0001
    x = torch.arange(300.0, requires_grad=True)
    assert check_gradient(lambda x: (x * x).sum(), x, expected=right)
    result = check_gradient(lambda x: (x * x).sum(), x, expected=wrong)
    assert not result
    assert "1 of 300" in result.diagnosis
    assert "∂f/∂x[123]" in result.diagnosis


@pytest.mark.parametrize(
    ("f", "x", "wrong"),
    [
        (torch.log, 1e6, 0.0),
        (torch.log, 1e6, 2e-6),
        (torch.sqrt, 1e8, 0.0),
        (torch.sqrt, 1e8, 5.0005e-5),
        (torch.square, 1e-10, 0.0),
        (lambda x: 1e-10 * x, 1.0, 0.0),
        (lambda x: 1e9 + x, 1.0, 1.2),
        (lambda x: 1e-6 * x.sin(), 0.0, 1.0001e-6),
        (lambda x: 1e6 * x.sin(), 0.0, 1.0001e6),
    ],
)
def test_a_wrong_gradient_fails_whatever_its_size(f, x, wrong):
    wrong = torch.tensor(wrong, dtype=torch.float64)
    assert not check_gradient(f, leaf(x, dtype=torch.float64)[0], expected=wrong)


def test_a_small_wrong_derivative_beside_a_large_one_is_found():
    def f(x):
        return 1e6 * x[0] + 0.5 * x[1]

    assert check_gradient(f, leaf(1.0, 1.0))
    result = check_gradient(f, leaf(1.0, 1.0), expected=torch.tensor([1e6, 0.0]))
    assert "you expected 0 for ∂f/∂x[1], central differences say 0.5" in result.diagnosis


def test_it_says_so_where_central_differences_prove_nothing():
    for f, bound in [
        (lambda x: 1e13 + x.sin(), "1000"),
    ]:
        diagnosis = check_gradient(f, leaf(1.0, 2.0)).diagnosis
        assert f"prove this only to within {bound}: " in diagnosis


def test_a_jump_is_named_and_no_number_is_given_for_it():
    result = check_gradient(torch.floor, leaf(1.0, 2.5))
    assert not result
    assert result.diagnosis == (
        "The function is not differentiable here: floor[0] at x[0] = 1 jumps, so there is no "
        "derivative; autograd says 0; check it at another point."
    )
    (row,) = str(result).splitlines()[4:]
    assert row.split() == ["∂floor[0]/∂x[0]", "0", "none", "jump"]


def test_a_kink_is_called_so_in_the_table():
    rows = [line.split() for line in str(check_gradient(torch.relu, leaf(0.0, 2.0))).splitlines()]
    assert ["∂relu[0]/∂x[0]", "0", "0.5", "kink"] in rows
    assert ["∂relu[1]/∂x[1]", "1", "1", "yes"] in rows


def test_at_a_kink_any_answer_between_the_slopes_is_right():
    for f, answers in [(torch.relu, [0.0, 0.4, 1.0]), (torch.abs, [-1.0, 0.0, 1.0])]:
        for answer in answers:
            result = check_gradient(f, leaf(0.0)[0], expected=torch.tensor(answer))
            assert result
            assert "kink" in result.diagnosis
        for answer in (-1.01, 1.01):
            result = check_gradient(f, leaf(0.0)[0], expected=torch.tensor(answer))
            assert not result
            assert "none of the two and not between them" in result.diagnosis


def test_beside_a_kink_a_wrong_derivative_is_still_found():
    result = check_gradient(torch.relu, leaf(0.0, 1.0), expected=torch.diag(torch.tensor([0, 1.1])))
    assert not result
    assert "∂relu[1]/∂x[1]" in result.diagnosis


def test_at_the_end_of_its_domain_a_function_has_one_slope():
    result = check_gradient(lambda x: x**1.5, leaf(0.0, 1.0))
    assert result
    assert "has a value to the right only, and the slope 0" in result.diagnosis
    to_the_left = check_gradient(lambda x: (1 - x) ** 1.5, leaf(1.0, 0.0))
    assert to_the_left
    assert "has a value to the left only, and the slope 0" in to_the_left.diagnosis


def test_a_number_that_cannot_be_trusted_is_not_shown():
    row = str(check_gradient(lambda x: 1e13 + x.sin(), leaf(0.5)[0])).splitlines()[-1]
    assert row.split() == ["∂f/∂x", "0.878", "?", "unsure"]


def test_a_constant_function_has_a_right_gradient():
    result = check_gradient(lambda x: 0 * x + 5, leaf(1.0, 2.0))
    assert result.diagnosis.startswith("The gradient is right")


@pytest.mark.parametrize(
    "f",
    [
        lambda x: (x - x.mean()).sum(),
        lambda x: torch.softmax(x, 0).sum(),
        lambda x: torch.softmax(300 * x, 0),
        lambda x: 0.1 * x + 0.2 * x - 0.3 * x,
    ],
)
def test_a_gradient_of_zero_passes_although_rounding_leaves_a_rest(f):
    result = check_gradient(f, leaf(0.1, 1.3, 2.7))
    assert result
    assert {line.split()[1] for line in str(result).splitlines()[4:12]} == {"0"}


def test_matrix_functions_with_many_zeros_pass():
    matrix = torch.tensor([[1.0, 0.0, 0.0], [0.3, 1.0, 0.0], [-0.7, 0.9, 1.0]], requires_grad=True)
    for f in (torch.linalg.inv, torch.linalg.pinv, torch.linalg.det, torch.matrix_exp):
        assert check_gradient(f, matrix)
    assert check_gradient(lambda m: torch.linalg.cholesky(m @ m.T), matrix)


def test_a_cut_is_found():
    result = check_gradient(lambda x: (x * x).detach() * x, leaf(1.0, 2.0))
    assert result.diagnosis == (
        "The gradient is wrong in 2 of 4 derivatives: autograd says 4 for ∂f[1]/∂x[1], central "
        "differences say 12; detach() cuts the function off from its input, in whole or in part: "
        "without that the gradient is right."
    )


def test_a_gradient_that_is_not_a_number_fails():
    assert not check_gradient(lambda x: x.sqrt().sum(), leaf(0.0, 1.0))
    assert not check_gradient(lambda x: (x * float("nan")).sum(), leaf(1.0))


# A gradient worked out by hand


def test_expected_may_be_a_tensor_a_tuple_or_a_function():
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    assert check_gradient(lambda x: (x**2).sum(), x, expected=2 * x)
    assert check_gradient(lambda x: (x**2).sum(), x, expected=lambda x: 2 * x)
    assert check_gradient(torch.dot, x, w, expected=(w, x))
    assert check_gradient(torch.dot, x, w, expected=lambda x, w: (w, x))
    assert check_gradient(torch.dot, x, w.detach(), expected=(w, None))
    assert not check_gradient(torch.dot, x, w, expected=(x, w))


def test_a_hand_worked_gradient_is_called_expected():
    result = check_gradient(lambda x: (x**2).sum(), leaf(1.0), expected=torch.zeros(1))
    assert result.diagnosis == (
        "The gradient is wrong: you expected 0 for ∂f/∂x[0], central differences say 2; "
        "the function does depend on this input."
    )
    assert "expected" in str(result).splitlines()[2]
    assert "autograd" not in str(result)


# Large gradients, of which only products are compared


def many(count=1500):
    return torch.linspace(0.1, 2, count, dtype=torch.float64).requires_grad_()


def with_zeros(*places):
    x = many().detach()
    x[list(places)] = 0
    return x.requires_grad_()


def in_single_precision(f):
    def strict(x):
        if x.dtype != torch.float32:
            raise TypeError("this function computes in float32 only")
        return f(x)

    return strict


def test_a_large_gradient_is_compared_in_a_random_direction():
    for f, outputs in ((lambda x: x.sin().sum(), "1 output"), (torch.sin, "1,500 outputs")):
        result = check_gradient(f, many())
        assert result.passed is True
        assert result.diagnosis == (
            f"The gradient is right: the derivative in a random direction, of a function with "
            f"{outputs} and 1,500 inputs, agrees with its central difference."
        )
        assert result.analytic.shape == result.numeric.shape == (1, 1)
        assert torch.allclose(result.analytic, result.numeric, rtol=1e-9)
        assert result.dtype == torch.float64
        header, _, row = str(result).splitlines()[2:]
        assert header.split() == ["derivative", "autograd", "numeric", "agree"]
        assert re.fullmatch(r"∂\w+/∂x in a random direction  .* yes", row)


def test_each_output_is_compared_for_each_input():
    x, y = many(1200), torch.linspace(1, 2, 40, dtype=torch.float64).requires_grad_()
    result = check_gradient(lambda x, y: (x.sin().sum() * y, x.exp() * y.sum()), x, y)
    assert result
    assert "1,240 outputs and 1,240 inputs" in result.diagnosis
    assert result.analytic.shape == (2, 2)
    assert torch.allclose(result.analytic, result.numeric, rtol=1e-9)
    names = [line.split(" in ")[0] for line in str(result).splitlines()[4:]]
    assert names == ["∂f[0]/∂x", "∂f[0]/∂y", "∂f[1]/∂x", "∂f[1]/∂y"]


def test_of_a_large_function_one_input_is_moved_at_a_time():
    x, y = many(), leaf(0.3, 0.5, dtype=torch.float64)
    alone = check_gradient(lambda x: x.sin().sum(), x)
    result = check_gradient(lambda x, y: x.sin().sum() + y.exp().sum(), x, y)
    assert "right" in result.diagnosis
    assert result.analytic.shape == (1, 2)
    for jacobian in (result.analytic, result.numeric):
        assert torch.allclose(jacobian[:, :1], alone.analytic, rtol=1e-9)
        assert abs(jacobian[0, 1] - alone.analytic).item() > 0.1
    assert len(str(result).splitlines()) == 6


def test_a_wrong_element_of_a_large_gradient_is_named_and_shown_beside_some_others():
    wrong = planted(torch.sin, times(1.01, 777))
    result = check_gradient(lambda x: (x.exp().sum(), wrong(x)), many())
    assert not result
    assert "∂f[1][777]/∂x[777]" in result.diagnosis
    assert result.analytic.shape == (16, 16)
    # In a second input too.
    result = check_gradient(
        lambda y, x: y.sum() * x.exp().sum() + wrong(x).sum(), leaf(1.0), many()
    )
    assert "∂f/∂x[777]" in result.diagnosis


def test_a_gradient_by_hand_may_be_large():
    x = many()
    for f, right in (
        (lambda x: x.sin().sum(), x.detach().cos()),
        (torch.sin, torch.diag(x.detach().cos())),
    ):
        result = check_gradient(f, x, expected=right)
        assert result
        assert str(result).splitlines()[2].split() == ["derivative", "expected", "numeric", "agree"]
        right[..., 1234] *= 1.01
        result = check_gradient(f, x, expected=right)
        assert not result
        assert "you expected" in result.diagnosis
        assert "/∂x[1234]" in result.diagnosis
        assert "autograd" not in str(result)


def test_a_large_gradient_by_hand_in_single_precision_is_not_asked_for_more_digits():
    x = many()
    right = x.detach().cos().float()
    result = check_gradient(lambda x: x.sin().sum(), x, expected=right)
    assert "The gradient is right" in result.diagnosis
    right[7] *= 1.001
    assert not check_gradient(lambda x: x.sin().sum(), x, expected=right)


@pytest.mark.parametrize("count", [1100, 1500])
def test_a_large_gradient_by_hand_in_half_precision_is_not_asked_for_more_digits(count):
    x = many(count)
    right = x.detach().cos().half()
    assert check_gradient(lambda x: x.sin().sum(), x, expected=right)


def test_small_errors_that_show_only_together_are_no_proof_of_a_wrong_gradient():
    x = many()
    right = x.detach().cos()
    result = check_gradient(lambda x: x.sin().sum(), x, expected=(1 + 5e-7) * right)
    assert result.passed is True
    assert "central differences of so large a function prove only some" in result.diagnosis


def test_a_large_gradient_by_hand_that_is_no_number_is_named():
    for count in (1100, 1500):
        wrong = many(count).detach().cos()
        wrong[700] = float("nan")
        result = check_gradient(lambda x: x.sin().sum(), many(count), expected=wrong)
        assert not result
        assert "you expected nan for ∂f/∂x[700]" in result.diagnosis


def test_a_large_gradient_that_is_no_number_is_named():
    x = many()
    here = x.detach()[700]
    infinite = torch.zeros(1500)
    infinite[700] = float("inf")
    for f, words in [
        (lambda x: x.sin() + infinite, "f[700] itself is inf"),
        (lambda x: 1 / (x - here), "f[700] itself is inf"),
        (lambda x: (1 / x[:9], 1 / (x - here)), "f[1][700] itself is inf"),
        (lambda x: (x - here).abs().sqrt().sum(), "nan for ∂f/∂x[700] at x[700]"),
        (lambda x: (x.exp(), (x - here).abs().sqrt()), "for ∂f[0][0]/∂x[700] at x[700]"),
    ]:
        result = check_gradient(f, x)
        assert not result
        assert "The gradient is undefined" in result.diagnosis
        assert words in result.diagnosis


def test_a_large_function_that_cannot_be_checked_is_refused():
    numbers = iter(range(100_000))
    for f, words in [
        (lambda x: x.data.mul_(2).sum() + x.sum(), "changes its input x in place"),
        (lambda x: x * (1 + next(numbers)), "The function is random"),
    ]:
        result = check_gradient(f, many())
        assert result.passed is False
        assert words in result.diagnosis


CANNOT_BE_CHECKED = (
    "The function has kinks at this point, such as that of {} at {}, so a function of its size "
    "cannot be checked as a whole here; check it at another point, or on smaller tensors."
)


def test_a_large_function_that_cannot_be_judged_beside_its_kinks_is_told_what_to_do(monkeypatch):
    monkeypatch.setattr("autodiff_helpers.gradients.large.points_beside", lambda _: iter(()))
    x = with_zeros(700)
    result = check_gradient(lambda x: torch.relu(x).sum(), x)
    assert result.passed is False
    assert result.hint() == (
        "The function has kinks here, such as that of f: check it at another point, or on smaller "
        "tensors."
    )
    assert result.diagnosis == CANNOT_BE_CHECKED.format("f", "x[700] = 0")
    assert ["∂f/∂x[700]", "0", "0.5", "kink"] in [line.split() for line in str(result).split("\n")]
    several = check_gradient(lambda y, x: y.exp().sum() + torch.relu(x), leaf(1.0, 2.0), x)
    assert several.diagnosis == CANNOT_BE_CHECKED.format("f[700]", "x[700] = 0")


def test_beside_kinks_a_wrong_element_of_a_large_gradient_does_not_pass():
    x = with_zeros(3, 1100, 1400)
    wrong = planted(torch.sin, times(0, 1100))
    assert not check_gradient(lambda x: torch.relu(x)[:1000].sum() + wrong(x)[1000:].sum(), x)
    gradient = torch.ones(1500)
    gradient[5] = 1.1
    assert not check_gradient(lambda x: torch.relu(x).sum(), x, expected=gradient)


def test_a_kink_in_a_large_function_that_can_be_written_down_is_excused():
    x = torch.linspace(-1, 1, 1101, dtype=torch.float64).requires_grad_()
    result = check_gradient(lambda x: torch.relu(x).sum(), x)
    assert result.passed is True
    assert "f at x[550] = 0 has a kink" in result.diagnosis


def test_a_large_gradient_in_low_precision_is_proved_in_part_only():
    too_rough = (
        "The precision is too low for a proof: no difference was found, but central differences of "
        "so large a function prove only some of its digits; check it in float64, or on smaller "
        "tensors."
    )
    f = in_single_precision(lambda x: x.sin().sum())
    x = many().float().detach().requires_grad_()
    result = check_gradient(f, x)
    assert result.passed is True
    assert result.diagnosis == too_rough
    assert result.dtype == torch.float32
    assert not check_gradient(planted(f, torch.neg), x)
    second = check_gradient(
        lambda x, y: f(x) + in_single_precision(planted(torch.sin, torch.neg))(y).sum(),
        x,
        leaf(0.3, 0.5),
    )
    assert not second
    shifted = check_gradient(lambda x: 1e13 + x.sin().sum(), many())
    assert shifted.passed is True
    assert shifted.diagnosis == too_rough


def test_a_wrong_large_gradient_that_is_not_too_large_is_shown_as_a_whole():
    wrong = planted(lambda x: x.sin().sum(), times(0, 777))
    result = check_gradient(wrong, many(1100))
    assert not result
    assert "wrong in 1 of 1100 derivatives" in result.diagnosis
    assert result.analytic.shape == (1100,)
    right = many(1100).detach().cos()
    right[55] += 0.1
    result = check_gradient(lambda x: x.sin().sum(), many(1100), expected=right)
    assert "you expected" in result.diagnosis
    assert "∂f/∂x[55]" in result.diagnosis
    for f, words in [
        (lambda x: (1 / (x - x.detach()[700]))[700], "f itself is inf"),
        (lambda x: x.data.mul_(2).sum() + x.sum(), "changes its input x in place"),
    ]:
        result = check_gradient(f, many(1100))
        assert not result
        assert words in result.diagnosis


# Second derivatives, and the rules for forward mode


def test_second_derivatives_are_checked_when_asked_for():
    result = check_gradient(lambda x: (x**3).sum(), leaf(1.0, 2.0), order=2)
    assert result
    assert result.analytic.tolist() == [[6, 0], [0, 12]]
    assert "∂²f/∂x[0]∂x[0]" in str(result)
    # Where the first are wrong, that is said.
    result = check_gradient(planted(torch.sin, torch.neg), leaf(1.0, 2.0), order=2)
    assert not result
    assert "∂²" not in str(result)


def test_too_many_second_derivatives_are_refused():
    with pytest.raises(ValueError, match="got order=2") as raised:
        check_gradient(lambda x: torch.stack([x.sum(), (x**2).sum()]), many(), order=2)
    assert str(raised.value) == (
        "check_gradient got order=2 for 1,500 inputs and 2 outputs, which makes 4,500,000 second "
        "derivatives; check the function on smaller tensors."
    )


def test_a_rule_for_forward_mode_is_checked_as_well():
    x = leaf(1.0, 2.0, 5.0)
    right = check_gradient(WithForwardRule.apply, x)
    assert right
    assert "forward mode" not in str(right)
    result = check_gradient(WithWrongForwardRule.apply, x)
    assert not result
    assert "autograd in forward mode says" in result.diagnosis
    assert "forward mode" in str(result).splitlines()[2]
    assert result.analytic.diag().tolist() == [3, 6, 15]
    # A gradient by hand is checked in place of both.
    assert check_gradient(WithWrongForwardRule.apply, x, expected=torch.diag(2 * x))


def test_a_rule_for_forward_mode_of_a_large_function_is_checked_as_well():
    assert check_gradient(lambda x: WithForwardRule.apply(x).sum(), many())
    result = check_gradient(lambda x: WithWrongForwardRule.apply(x).sum(), many())
    assert not result
    assert "forward mode" in result.diagnosis


# Precision


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_a_function_is_evaluated_in_double_precision_where_it_can_be(dtype):
    weight = torch.tensor([2.0, 3.0], dtype=dtype, requires_grad=True)
    for f in (torch.sin, lambda x: weight * x, lambda x: torch.dot(weight, x)):
        result = check_gradient(f, leaf(0.5, 1.5, dtype=dtype))
        assert result
        assert result.dtype == torch.float64
        assert "Computed in" not in str(result)


def test_a_function_that_cannot_use_double_precision_is_judged_by_its_own():
    f = in_single_precision(torch.sin)
    result = check_gradient(f, leaf(0.5, 1.5))
    assert result
    assert result.dtype == torch.float32
    assert str(result).splitlines()[-1] == (
        "Computed in float32, because the function does not work in float64, and judged by what "
        "that precision can show."
    )
    assert "<p>Computed in float32," in result._repr_html_()
    assert not check_gradient(planted(f, lambda gradient: 1.01 * gradient), leaf(0.5, 1.5))


def test_in_single_precision_a_step_is_measured_by_where_it_led():
    numeric = check_gradient(in_single_precision(lambda x: 1.0 * x), leaf(0.3, 1.7)).numeric
    assert numeric.tolist() == [[1, 0], [0, 1]]


def test_in_single_precision_fewer_digits_are_asked_for():
    f = in_single_precision(lambda x: 1.0 * x)
    assert check_gradient(f, leaf(0.3, 1.7), expected=1.0001 * torch.eye(2))
    assert not check_gradient(f, leaf(0.3, 1.7), expected=1.01 * torch.eye(2))


def test_by_hand_every_output_is_checked_in_any_precision():
    def f(x):
        return x * x, (x**3).detach()

    weight = torch.tensor([2.0], requires_grad=True)
    four, twelve = torch.tensor([[4.0]]), torch.tensor([[12.0]])
    for each in (f, in_single_precision(f), lambda x: f(torch.dot(weight, x)[None] / 2)):
        assert check_gradient(each, leaf(2.0), expected=(four, twelve))
        assert not check_gradient(each, leaf(2.0), expected=(four, four))


class Strict(nn.Linear):
    """A layer that takes any numbers, but computes with weights in single precision only."""

    def forward(self, x):
        if self.weight.dtype != torch.float32:
            raise TypeError("this layer computes in float32 only")
        return super().forward(x.float())


def test_a_module_may_need_the_precision_of_its_parameters():
    result = check_gradient(Strict(2, 1), leaf(1.0, 2.0, dtype=torch.float64))
    assert result
    assert result.dtype == torch.float32


def test_an_output_in_single_precision_is_judged_by_that():
    for x in (leaf(0.5), leaf(0.5, dtype=torch.float64)):
        result = check_gradient(lambda x: x.float().sin(), x)
        assert result
        assert result.dtype == torch.float32
        assert not check_gradient(lambda x: x.float().sin(), x, expected=torch.ones(1, 1))


def test_parameters_that_are_computed_inside_may_need_double_precision_too():
    module = nn.Linear(2, 1)
    result = check_gradient(module, leaf(1.0, 2.0))
    assert result
    assert result.dtype == torch.float64
    x, weight, bias = result.analytic
    assert x.tolist() == module.weight.double().tolist()
    assert (weight.shape, bias.shape) == ((1, 1, 2), (1, 1))
    # Also where nothing else is differentiated.
    x, weight, bias = check_gradient(module, torch.ones(2)).analytic
    assert x is None
    assert weight.tolist() == [[[1, 1]]]


def test_a_right_gradient_in_single_precision_by_hand_is_right():
    x = leaf(0.1, 0.7, 1.9, dtype=torch.float64)
    right = x.detach().cos()
    assert check_gradient(lambda x: x.sin().sum(), x, expected=right.float())
    # Half precision has three digits only.
    assert check_gradient(lambda x: x.sin().sum(), x, expected=right.half())
    assert not check_gradient(lambda x: x.sin().sum(), x, expected=1.1 * right.half())
    assert not check_gradient(lambda x: x.sin().sum(), x, expected=1.001 * right.float())


def test_of_several_outputs_those_without_a_gradient_are_none():
    values, indices = check_gradient(torch.sort, leaf(3.0, 1.0)).analytic
    assert values.tolist() == [[0, 1], [1, 0]]
    assert indices is None


# What is shown


def test_the_table_shows_the_wrong_derivatives_only_and_eight_at_most_around_the_worst():
    x = torch.arange(20.0, requires_grad=True)
    wrong = 2 * torch.arange(20.0) + 1
    wrong[12] = 0
    result = check_gradient(lambda x: (x * x).sum(), x, expected=wrong)
    lines = str(result).splitlines()
    assert lines[-1] == "… and 12 more like these"
    assert [line.split()[0] for line in lines[4:-1]] == [f"∂f/∂x[{i}]" for i in range(8, 16)]
    assert all(line.endswith("NO") for line in lines[4:-1])


@pytest.mark.parametrize(
    ("worst", "first", "last"),
    [(0, 0, 7), (4, 0, 7), (5, 1, 8), (12, 8, 15), (16, 12, 19), (19, 12, 19)],
)
def test_the_worst_is_in_the_middle_where_it_can_be(worst, first, last):
    x = torch.arange(20.0, requires_grad=True)
    wrong = 2 * torch.arange(20.0) + 1
    wrong[worst] += 100
    lines = str(check_gradient(lambda x: (x * x).sum(), x, expected=wrong)).splitlines()
    assert [line.split()[0] for line in lines[4:-1]] == [
        f"∂f/∂x[{i}]" for i in range(first, last + 1)
    ]


@pytest.mark.parametrize("count", [1, 7, 8, 9, 10])
def test_what_is_not_shown_is_counted(count):
    x = torch.arange(float(count), requires_grad=True)
    for result in (
        check_gradient(lambda x: (x * x).sum(), x),
        check_gradient(lambda x: (x * x).sum(), x, expected=2 * x + 1),
    ):
        lines = str(result).splitlines()
        names = [line.split()[0] for line in lines[4:] if line.startswith("∂")]
        assert names == [f"∂f/∂x[{i}]" for i in range(min(count, 8))]
        more = [line for line in lines if "more" in line]
        assert more == ([f"… and {count - 8} more like these"] if count > 8 else [])


def test_eight_that_are_wrong_are_all_shown():
    x = torch.arange(8.0, requires_grad=True)
    wrong = 2 * x.detach() + 1
    wrong[7] += 100
    lines = str(check_gradient(lambda x: (x * x).sum(), x, expected=wrong)).splitlines()
    assert [line.split()[0] for line in lines[4:]] == [f"∂f/∂x[{i}]" for i in range(8)]


def test_no_noise_is_printed():
    x = leaf(0.1, 1e-3, 1 / 1024, 7.0, dtype=torch.float64)
    text = str(check_gradient(lambda x: (x**2).sum() / 3 + 5, x, expected=2 * x / 3))
    values = [line.split()[1:3] for line in text.splitlines()[4:]]
    assert values == [[value, value] for value, _ in values]
    assert [value for value, _ in values] == ["0.0666667", "0.000667", "0.000651", "4.66667"]


@pytest.mark.parametrize("offset", [1.0, 1e6])
def test_rounding_in_the_function_does_not_change_the_text(offset):
    x = leaf(0.2, 0.3, dtype=torch.float64)

    def text(noise):
        def f(x):
            return (offset + noise + x.sin()).sum()

        return str(check_gradient(f, x, expected=0 * x))

    assert len({text(ulps * 1e-16 * offset) for ulps in (0, -1, 1, 3)}) == 1


def test_names_come_from_the_function_and_numbers_from_the_place():
    def area(width, height):
        return torch.outer(width, height)

    text = str(check_gradient(area, leaf(1.0), leaf(2.0, 3.0)))
    assert "∂area[0, 1]/∂height[1]" in text
    assert "∂f/∂x1[0]" in str(check_gradient(lambda *xs: sum(xs).sum(), leaf(1.0), leaf(1.0)))


def test_the_text_is_the_verdict_and_a_table():
    assert str(check_gradient(lambda x: x * x, leaf(1.0, 2.0))) == (
        "The gradient is right: all 4 derivatives agree with their central differences.\n"
        "\n"
        "derivative    autograd    numeric    agree\n"
        "------------  ----------  ---------  -------\n"
        "∂f[0]/∂x[0]   2           2          yes\n"
        "∂f[0]/∂x[1]   0           0          yes\n"
        "∂f[1]/∂x[0]   0           0          yes\n"
        "∂f[1]/∂x[1]   4           4          yes"
    )


def test_notes_are_in_the_html_as_well():
    f = in_single_precision(torch.sin)
    result = check_gradient(f, torch.arange(5.0, requires_grad=True))
    html = result._repr_html_()
    assert html.endswith(
        "</table><p>… and 17 more like these</p><p>Computed in float32, because the function does "
        "not work in float64, and judged by what that precision can show.</p>"
    )


def test_the_html_says_what_the_text_says_and_escapes_it():
    result = check_gradient(lambda x: x * x, leaf(1.0, 2.0))
    html = result._repr_html_()
    words = re.sub(r"<[^>]*>", " ", html)
    assert words.split() == [word for word in str(result).split() if set(word) != {"-"}]
    assert "<" not in re.sub(r"</?(p|table|thead|tbody|tr|th|td)>", "", html)


def test_the_plot_says_what_the_table_says():
    result = check_gradient(lambda x: (x * x).detach() * x, leaf(1.0, 2.0))
    picture = result.plot()
    assert str(picture) == str(result)
    assert picture.title == result.diagnosis
    assert [axes.get_title() for axes in picture.figure.axes[:3]] == [
        "autograd", "numeric", "difference",
    ]  # fmt: skip
    *_, crosses = picture.figure.axes[2].lines
    assert crosses.get_xydata().tolist() == [[0, 0], [1, 1]]


def test_the_plot_of_a_gradient_marks_the_wrong_elements():
    result = check_gradient(lambda x: (x * x).sum(), leaf(1.0, 2.0), expected=torch.ones(2))
    labels = [text.get_text() for text in result.plot().figure.legends[0].get_texts()]
    assert labels == ["numeric", "expected", "differ"]
    above, below = result.plot().figure.axes
    assert [line.get_ydata().tolist() for line in above.lines[1:]] == [
        pytest.approx([2, 4]), [1, 1],
    ]  # fmt: skip
    assert [bar.get_height() for bar in below.patches[:2]] == pytest.approx([-1, -3])
    right = check_gradient(lambda x: x * x, leaf(1.0)).plot()
    assert len(right.figure.legends[0].get_texts()) == 2


# Nothing is changed


def test_nothing_of_the_callers_is_changed():
    x = leaf(1.0, 2.0)
    (x * x).sum().backward()
    y = x * x
    w = leaf(3.0, 4.0)
    generator = torch.get_rng_state()
    check_gradient(lambda x, w: x * w + torch.rand(1) * 0, x, w)
    check_gradient(lambda y: (y * y * w.double()).sum(), y)
    assert x.grad.tolist() == [2, 4]
    assert w.grad is None
    assert y.grad_fn is not None
    assert x.tolist() == [1, 2]
    assert torch.equal(torch.get_rng_state(), generator)
    y.sum().backward()  # the graph of y is still there
    assert x.grad.tolist() == [4, 8]


def test_a_module_keeps_its_buffers():
    module = nn.BatchNorm1d(2)
    for f in (module, lambda x: module(x)):
        check_gradient(f, torch.tensor([[1.0, 2.0], [3.0, 5.0]], requires_grad=True))
    assert module.running_mean.tolist() == [0, 0]
    assert module.num_batches_tracked == 0


def test_a_function_that_changes_a_constant_input_does_not_change_the_callers():
    constant = torch.zeros(1)

    def f(x, c):
        c += 1
        return x * c

    assert check_gradient(f, leaf(2.0), constant)
    assert constant.item() == 0


@pytest.mark.parametrize("spoiled", ["f", "expected"])
def test_after_an_error_nothing_is_changed_either(spoiled):
    def fail(x):
        torch.rand(1)
        raise RuntimeError("from the user's function")

    functions = {"f": torch.sin, "expected": torch.cos} | {spoiled: fail}
    generator = torch.get_rng_state()
    with pytest.raises(RuntimeError, match="from the user's function"):
        check_gradient(functions["f"], leaf(1.0), expected=functions["expected"])
    assert torch.equal(torch.get_rng_state(), generator)
    assert torch.is_grad_enabled()


# Bad input

X = leaf(1.0, 2.0)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((X.sum(), X), TypeError, "got a Tensor as its first argument; expected the function"),
        ((3.0, X), TypeError, "got a float as its first argument"),
        ((torch.sin, [1.0]), ValueError, "got no input that requires gradients"),
        ((torch.sin, torch.ones(2).numpy()), ValueError, "got no input that requires gradients"),
        ((torch.sin,), ValueError, "got no input that requires gradients"),
        ((torch.sin, X.detach()), ValueError, "got no input that requires gradients"),
        ((torch.sin, torch.arange(3)), ValueError, "got inputs of dtype torch.int64"),
        (
            (lambda x: x.sin(), leaf(1.0, float("nan"))),
            ValueError,
            "got nan for x[1]; expected finite",
        ),
        (
            (lambda x: x.sin(), leaf(1.0, float("inf"))),
            ValueError,
            "got inf for x[1]; expected finite",
        ),
        ((torch.sum, torch.eye(2).to_sparse().requires_grad_()), ValueError, "x.to_dense()"),
        ((lambda x: x.sum().item(), X), TypeError, "returned a float; expected a tensor"),
        ((lambda x: None, X), TypeError, "returned None"),
        ((lambda x: (x, 1.0), X), TypeError, "returned a float among other things"),
        ((lambda x: (None, None), X), ValueError, "returned no tensor at all"),
        ((lambda x: (), X), ValueError, "returned no tensor at all"),
        ((torch.argmax, X), ValueError, "dtype torch.int64; expected a floating or complex"),
    ],
)
def test_bad_input_gets_one_clear_sentence(arguments, error, message):
    with pytest.raises(error, match=re.escape(message)) as raised:
        check_gradient(*arguments)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("expected", "error", "message"),
    [
        (torch.ones(3), ValueError, "expected has shape [3]"),
        ([1.0, [1.0]], TypeError, "expected gives a list"),
        (2.0, ValueError, "expected has shape []"),
        ("2", TypeError, "expected gives a str"),
        (lambda x: None, TypeError, "expected gives a NoneType"),
        (torch.tensor([1j, 1j]), TypeError, "it must give a real tensor"),
    ],
)
def test_a_bad_expected_gets_one_clear_sentence(expected, error, message):
    with pytest.raises(error, match=re.escape(message)):
        check_gradient(lambda x: x.sum(), X, expected=expected)


@pytest.mark.parametrize("order", [0, 3, True, "2", None])
def test_a_bad_order_gets_one_clear_sentence(order):
    with pytest.raises(ValueError, match="expected 1 or 2"):
        check_gradient(torch.sin, X, order=order)


def test_a_first_derivative_by_hand_is_no_second_one():
    with pytest.raises(ValueError, match="got expected and order=2") as raised:
        check_gradient(torch.sin, X, order=2, expected=torch.eye(2))
    assert str(raised.value) == (
        "check_gradient got expected and order=2; expected is a first derivative: to check a "
        "second one by hand, check the gradient function itself with order=1."
    )
    assert check_gradient(lambda x: x.sin().sum(), X, order=1, expected=X.cos())


def test_bad_input_is_told_what_is_expected():
    for arguments, error, message in [
        (
            (X,),
            TypeError,
            "check_gradient got a Tensor as its first argument; expected the function itself, "
            "then its inputs: check_gradient(lambda x: (x * x).sum(), x).",
        ),
        (
            (torch.sum, torch.eye(2).to_sparse().requires_grad_()),
            ValueError,
            "check_gradient got a tensor without plain values (layout torch.sparse_coo, device "
            "cpu) as input 1; expected a dense one: pass x.to_dense().",
        ),
        (
            (torch.sum, torch.ones(2, device="meta", requires_grad=True)),
            ValueError,
            "check_gradient got a tensor without plain values (layout torch.strided, device "
            "meta) as input 1; expected a dense one: pass x.to_dense().",
        ),
        (
            (torch.sin, torch.arange(3)),
            ValueError,
            "check_gradient got inputs of dtype torch.int64; it differentiates with respect to "
            "floating-point tensors that have requires_grad=True: x = torch.tensor([1.0], "
            "requires_grad=True).",
        ),
        (
            (torch.sin, X.detach()),
            ValueError,
            "check_gradient got no input that requires gradients; it differentiates with respect "
            "to floating-point tensors that have requires_grad=True: x = torch.tensor([1.0], "
            "requires_grad=True).",
        ),
    ]:
        with pytest.raises(error, match="check_gradient got") as raised:
            check_gradient(*arguments)
        assert str(raised.value) == message


def test_an_error_inside_the_function_is_the_users_own():
    for x in (X, X.double().detach().requires_grad_()):
        with pytest.raises(RuntimeError, match="shape '\\[3\\]' is invalid"):
            check_gradient(lambda x: x.reshape(3), x)


def test_an_error_on_the_way_back_is_the_users_own():
    for x in (X, X.double().detach().requires_grad_()):
        with pytest.raises(RuntimeError, match="no way back"):
            check_gradient(Stuck.apply, x)
