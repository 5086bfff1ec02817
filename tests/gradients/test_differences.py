"""Derivatives by differences are right, and so is what is said of their errors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autodiff_helpers.gradients import differences
from autodiff_helpers.gradients.differences import (
    EPSILON,
    KINK_STEP,
    LONG_STEP,
    NOISE_POINTS,
    OTHER_STEP,
    RATIO,
    SHORT_STEP,
    Differences,
    NumericJacobian,
    OneSidedSlopes,
    Slopes,
    better_of,
)

SINGLE = float(np.finfo(np.float32).eps)
HALF = float(np.finfo(np.float16).eps)


@pytest.fixture(autouse=True)
def numpy_is_quiet():
    """Places without a value are no news here."""
    with np.errstate(all="ignore"):
        yield


class Noted:
    """A function that keeps all the points at which it was evaluated, call by call."""

    def __init__(self, f):
        self.f, self.calls = f, []

    def __call__(self, points):
        self.calls.append(points.copy())
        return self.f(points)

    @property
    def distances(self):
        """How far the first input moved, without repetitions, the longest first."""
        points = np.concatenate(self.calls)[:, 0]
        middle = (points.max() + points.min()) / 2
        return np.unique(np.abs(points - middle).round(12))[::-1]


def start(f, x):
    x = np.array(x, dtype=float)
    return x, np.asarray(f(x[None])[0], dtype=float)


def around(f, *x, **options):
    return Differences(f, *start(f, x), **options)


def differentiate(f, *x, **options):
    """Central differences as exact as can be, also where a smooth function seems bent."""
    there = around(f, *x, **options)
    found = there.central()
    return there.with_more_steps(found, np.flatnonzero(found.bent.any(axis=0)))


def total(f):
    """The sum of a function over all inputs, as one output."""
    return lambda points: f(points).sum(axis=1, keepdims=True)


def rounded_to_single(points):
    return points.astype(np.float32).astype(float)


def wobble(x):
    """Numbers between -1 and 1 that have nothing to do with those of the neighbours."""
    return np.sin(1e20 * x)


# Derivatives that are known


@given(
    coefficients=st.lists(st.floats(-10, 10), min_size=1, max_size=5),
    x=st.floats(-3, 3),
)
def test_a_polynomial_of_the_fourth_degree_at_most_has_its_derivative(coefficients, x):
    polynomial = np.polynomial.Polynomial(coefficients)
    found = differentiate(polynomial, x)
    assert found.values == pytest.approx(polynomial.deriv()(x), abs=1e-7)
    assert abs(found.values - polynomial.deriv()(x)) <= 5 * found.errors + 1e-13


def reciprocal_of_square(x):
    return 1 / x**2


def bump(narrowness):
    """A function that hardly rises but for one narrow bump, with 0 on its flank."""
    return lambda x: 1e-3 * x + 1 / (1 + (narrowness * x - 0.5) ** 2)


# A function, a place, and the derivative there.
KNOWN = {
    "sin": (np.sin, 0.7, np.cos(0.7)),
    "exp": (np.exp, 1.0, np.e),
    "a large input": (np.sin, 2000.0, np.cos(2000.0)),
    "a very large input": (np.square, 1e8, 2e8),
    "large values": (np.exp, 20.0, np.exp(20.0)),
    "a fast wave": (lambda x: np.sin(1e3 * x), 1.0, 1e3 * np.cos(1e3)),
    "a very fast wave": (lambda x: np.sin(1e5 * x), 0.3, 1e5 * np.cos(3e4)),
    "steep at 0": (lambda x: np.exp(1e6 * x), 0.0, 1e6),
    "so steep that the values of a long step are no numbers": (
        lambda x: np.exp(1e7 * x),
        0.0,
        1e7,
    ),
    "beside a pole": (np.reciprocal, 0.005, -4e4),
    "closer to a pole": (np.reciprocal, 1e-5, -1e10),
    "closer still": (np.reciprocal, -1e-9, -1e18),
    "a logarithm beside 0": (np.log, 1e-14, 1e14),
    "a root beside 0": (np.sqrt, 1e-16, 5e7),
    "a steep pole": (reciprocal_of_square, 1e-3, -2e9),
    "a small fast wave": (lambda x: 1e-9 * np.sin(1e3 * x), 1.0, 1e-6 * np.cos(1e3)),
    "the flank of a narrow bump": (bump(1e6), 0.0, 640_000.001),
    "the flank of a narrower bump": (bump(3e6), 0.0, 1_920_000.001),
    "a small fast step": (lambda x: 1e-3 * x + 1e-6 * np.tanh(1e6 * x), 0.0, 1.001),
    "flat": (lambda x: 1e-200 * np.sin(x), 0.7, 1e-200 * np.cos(0.7)),
    "nothing": (lambda x: 0 * x, 1.0, 0.0),
}


@pytest.mark.parametrize("name", KNOWN)
def test_a_known_derivative_is_found_and_its_error_is_not_understated(name):
    f, x, derivative = KNOWN[name]
    found = differentiate(f, x)
    assert found.values.shape == found.errors.shape == found.bent.shape == (1, 1)
    assert abs(found.values - derivative) <= 1e-6 * abs(derivative)
    assert abs(found.values - derivative) <= 5 * found.errors
    assert found.errors <= 1e-6 * abs(derivative)


@pytest.mark.parametrize("x", [1.0, -3.0, 100.0])
def test_two_steps_are_exact_for_a_cube(x):
    # D(h) = 3x² + h², so that two steps are enough to know what it is at h = 0.
    assert differentiate(lambda x: x**3, x).values == pytest.approx(3 * x**2, rel=1e-11)


def test_a_linear_map_is_its_own_jacobian():
    matrix = np.arange(12.0).reshape(3, 4) - 5
    found = differentiate(lambda points: points @ matrix.T, 1.0, -2.0, 30.0, 0.0)
    assert found.values == pytest.approx(matrix, abs=1e-9)
    assert found.errors.shape == (3, 4)
    assert found.errors.max() < 1e-8
    assert found.bent.shape == (3, 4)
    assert not found.bent.any()


@pytest.mark.parametrize(("inputs", "outputs"), [(0, 3), (3, 0), (0, 0)])
def test_where_there_is_nothing_to_differentiate_the_function_is_not_called(inputs, outputs):
    found = Differences(None, np.ones(inputs), np.ones(outputs)).central()
    for part in found:
        assert part.shape == (outputs, inputs)
    assert found.bent.dtype == bool


def test_a_place_without_values_has_no_derivative():
    found = differentiate(lambda points: points * np.nan, 1.0)
    assert np.isinf(found.errors)
    # To the left of 0 the root has no value.
    assert np.isinf(differentiate(np.sqrt, 0.0).errors)


def test_one_output_without_values_does_not_spoil_the_others():
    def f(points):
        x = points[:, :1]
        return np.concatenate((np.sin(50 * x), x * np.nan, np.sqrt(x)), axis=1)

    found = differentiate(f, 1e-3)
    assert found.values[0] == pytest.approx(50 * np.cos(0.05), rel=1e-6)
    assert np.isinf(found.errors[1])
    assert found.values[2] == pytest.approx(0.5 / np.sqrt(1e-3), rel=1e-6)


def test_what_is_sure_is_kept_where_others_are_searched_for():
    def f(points):
        x, y = points[:, :1], points[:, 1:]
        return np.concatenate((3 * x + 0 * y, np.sin(1e3 * y) + 0 * x), axis=1)

    found = differentiate(f, 1.0, 1.0)
    assert found.values == pytest.approx(np.array([[3, 0], [0, 1e3 * np.cos(1e3)]]), abs=1e-5)
    assert found.errors[0, 0] < 1e-9


# Steps


def test_a_smooth_function_is_evaluated_at_two_steps_to_both_sides():
    f = Noted(np.sin)
    differentiate(f, 0.7)
    (start_only, points) = f.calls
    assert len(start_only) == 1
    assert sorted(points[:, 0] - 0.7) == pytest.approx(
        [-SHORT_STEP, -SHORT_STEP / RATIO, SHORT_STEP / RATIO, SHORT_STEP]
    )


def longest_step(x, **options):
    f = Noted(np.sin)
    differentiate(f, x, **options)
    return np.abs(f.calls[1] - x).max()


def test_steps_grow_in_proportion_with_large_numbers_only():
    assert longest_step(0.0) == pytest.approx(SHORT_STEP)
    assert longest_step(1e-5) == pytest.approx(SHORT_STEP)
    assert longest_step(-1.0) == pytest.approx(SHORT_STEP)
    assert longest_step(-300.0) == pytest.approx(300 * SHORT_STEP)


def test_steps_for_coarse_numbers_are_longer():
    # The error of two steps is about h⁴ + epsilon / h, which is least at h = epsilon^(1/5).
    assert longest_step(1.0, epsilon=SINGLE) == pytest.approx(SHORT_STEP * (2**29) ** 0.2)


def test_a_derivative_beside_a_larger_one_needs_no_further_step():
    # Of x³ at 0 nothing is known to eight digits, but nothing of it matters beside the slope 1.
    f = Noted(lambda points: points[:, :1] + points[:, 1:] ** 3)
    differentiate(f, 1.0, 0.0)
    assert len(f.calls) == 2
    alone = Noted(lambda points: points[:, 1:] ** 3)
    differentiate(alone, 1.0, 0.0)
    assert len(alone.calls) > 2


def evaluations(f, *x):
    f = Noted(f)
    differentiate(f, *x)
    return len(f.calls) - 1


def test_only_what_is_unsure_is_searched_for():
    f = Noted(lambda points: np.stack((0 * points[:, 0] + 1e6, np.sin(1e3 * points[:, 1])), axis=1))
    differentiate(f, 1.0, 1.0)
    moved = [(points != 1).any(axis=0).tolist() for points in f.calls[1:]]
    assert len(moved) > 2
    assert moved == [[True, True]] + [[False, True]] * (len(moved) - 1)


def test_beside_a_large_derivative_a_small_one_is_searched_for_less_long():
    def small(points):
        return np.sin(1e3 * points[:, 1:])

    def beside(size):
        return lambda points: small(points) + size * np.sin(points[:, :1])

    def beside_a_large_output(points):
        return np.concatenate((small(points), 1e8 * np.sin(points[:, :1])), axis=1)

    alone = evaluations(small, 1.0, 1.0)
    assert 1 < evaluations(beside(1e6), 1.0, 1.0) < alone
    assert evaluations(beside(1e8), 1.0, 1.0) == 1
    assert evaluations(beside_a_large_output, 1.0, 1.0) == alone


@pytest.mark.parametrize("f", [lambda x: 0 * x, lambda x: 0 * x + 1e6, lambda x: 3 * x])
def test_where_rounding_is_all_of_the_error_no_further_step_is_taken(f):
    assert evaluations(f, 1.0) == 1


def test_rounding_that_leaves_seven_digits_is_good_enough():
    # Of two values of about 10⁵, a step of 1e-4 apart, 12 - 4 digits of the difference are left.
    assert evaluations(lambda x: 10 * np.sin(x) + 1e5, 0.0) == 1
    assert evaluations(lambda x: 10 * np.sin(x) + 1e7, 0.0) > 1


def test_the_search_ends_where_rounding_takes_over():
    assert evaluations(lambda x: 1e10 + np.sin(x), 1.0) < 5


def test_a_place_without_values_is_given_up_after_all_steps_and_again_for_tiny_inputs():
    def nothing(points):
        return points * np.nan

    for x in (0.0, 5.0, -0.01):
        assert evaluations(nothing, x) <= 1 + differences.MOST_STEPS
    assert evaluations(nothing, 0.0) < evaluations(nothing, 1e-5) <= 1 + 2 * differences.MOST_STEPS


def test_a_tiny_input_with_a_plausible_derivative_is_not_searched_again():
    def f(points):
        return np.concatenate((0 * points, np.sin(1e5 * points)), axis=1)

    assert evaluations(f, 1e-5) == evaluations(f, 0.0)


def test_of_several_inputs_the_tiny_ones_are_searched_in_proportion():
    found = differentiate(np.log, 1e-12, 3.0, 1e-9, 1e-12)
    assert found.values == pytest.approx(np.diag([1e12, 1 / 3, 1e9, 1e12]), rel=1e-6)


@pytest.mark.parametrize("shrink", [1.0, 0.437])
def test_steps_for_a_tiny_input_are_in_proportion_to_it(shrink):
    f = Noted(lambda points: points * np.nan)
    around(f, 1e-6).with_more_steps(jacobian_of([0], [np.inf]), np.array([0]), shrink)
    first = f.calls[1 + differences.MOST_STEPS]
    assert np.abs(first - 1e-6).max() == pytest.approx(shrink * LONG_STEP * 1e-6)


def test_a_search_in_coarse_numbers_starts_from_a_longer_step():
    f = Noted(lambda points: points * np.nan)
    differentiate(f, 1.0, epsilon=SINGLE)
    # Of one step the error is about h² + epsilon / h; of several, less: h = epsilon^(1/4).
    assert np.abs(f.calls[2] - 1).max() == pytest.approx(LONG_STEP * (2**29) ** 0.25)


def test_each_output_is_measured_by_its_own_largest_derivative():
    f = Noted(lambda points: np.stack((points[:, 0], points[:, 1] ** 3), axis=1))
    differentiate(f, 1.0, 0.0)
    assert len(f.calls) > 2


@pytest.mark.parametrize(("inputs", "outputs"), [(70, 1), (3, 160), (2, 3000)])
def test_many_numbers_are_evaluated_in_parts_that_fit_into_the_cache(inputs, outputs, monkeypatch):
    monkeypatch.setattr(differences, "NUMBERS_AT_ONCE", 2000)
    weights = 1.0 + np.arange(outputs) % 7
    f = Noted(total(lambda points: np.sin(30 * points)))
    x = np.linspace(0.1, 2, inputs)
    value = np.sin(30 * x).sum() * weights
    found = Differences(lambda points: f(points) * weights, x, value).central()
    assert found.values == pytest.approx(np.outer(weights, 30 * np.cos(30 * x)), abs=1e-4)
    assert not found.bent.any()
    numbers = [len(points) * max(inputs, outputs) for points in f.calls]
    # Two steps to both sides are the least that there is.
    assert max(numbers) <= max(2000, 4 * outputs)
    # And no call is smaller than it must, neither the first nor those of the search.
    assert numbers[0] > 1500
    assert max(numbers[-10:]) > 1500 or inputs < 10


# Rounding


def test_the_error_contains_what_rounding_does():
    # A straight line has no other error. A longer step makes it less.
    found = differentiate(lambda x: 1e6 + x, 1.0)
    rounding = 2 * EPSILON * 1e6 / (2 * LONG_STEP)
    assert rounding <= found.errors <= 10 * rounding
    assert abs(found.values - 1) <= found.errors


def test_the_error_contains_the_noise_that_is_told():
    quiet, noisy = (differentiate(lambda x: 3 * x, 1.0, noise=noise) for noise in (0.0, 1e-9))
    expected = 2 * 1e-9 / (2 * SHORT_STEP / RATIO)
    assert quiet.errors < expected / 100
    # Here longer steps are better, and those are taken.
    assert expected / 20 < noisy.errors <= 1.2 * expected


def test_noise_is_told_for_each_output():
    noise = np.array([0.0, 1e-9])
    found = differentiate(lambda x: np.concatenate((x, x), axis=1), 1.0, noise=noise)
    assert found.errors[0] < 1e-3 * found.errors[1]


@pytest.mark.parametrize("x", [0.3, 1.7, -40.0, 1e-3])
def test_a_function_in_single_precision_is_differentiated_by_where_it_was_evaluated(x):
    def f(points):
        return rounded_to_single(3 * rounded_to_single(points))

    found = differentiate(f, float(np.float32(x)), epsilon=SINGLE, seen=rounded_to_single)
    assert abs(found.values - 3) <= 5 * found.errors
    assert found.errors < 3e-3
    # Without that, the two places are not as far apart as they seem to be.
    exact = differentiate(rounded_to_single, *[float(np.float32(x))] * 2, seen=rounded_to_single)
    assert (exact.values == np.eye(2)).all()


def test_where_noise_takes_over_the_estimate_from_before_stays():
    found = differentiate(lambda x: np.sin(20 * x) + 1e-9 * wobble(x), 0.5, noise=1e-9)
    assert abs(found.values - 20 * np.cos(10)) <= 5 * found.errors
    assert found.errors < 1e-3


def test_a_constant_is_off_by_two_roundings():
    found = differentiate(lambda x: 0 * x + 1e6, 1.0)
    assert found.errors == pytest.approx(2 * EPSILON * 1e6 / (2 * SHORT_STEP / RATIO), rel=1e-6)


# Kinks


@pytest.mark.parametrize("f", [np.abs, lambda x: np.maximum(x, 0), lambda x: -3 * abs(x) + x])
def test_a_kink_at_the_place_is_seen(f):
    assert differentiate(f, 0.0).bent


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (np.abs, 1.0),
        (np.square, 0.0),
        (lambda x: 1e5 * x**2, 0.0),
        (np.cosh, 0.0),
        (lambda x: x**4, 0.0),
        (lambda x: 0 * x, 0.0),
        # What rounding leaves is no kink.
        (lambda x: (1e9 + x) - 1e9, 1e9),
    ],
)
def test_a_smooth_bend_is_no_kink(f, x):
    assert not differentiate(f, x).bent


def test_a_kink_below_the_rounding_is_not_seen():
    def f(x):
        return 1e-15 * np.abs(x) + x

    assert differentiate(f, 0.0).bent
    assert not differentiate(f, 0.0, noise=1e-12).bent
    # Beside a large input, intermediate numbers may be as large.
    assert not differentiate(lambda points: f(points[:, :1]), 0.0, 1e6).bent[0, 0]


def test_kinks_are_seen_for_the_elements_that_have_them():
    found = differentiate(lambda points: np.abs(points), 0.0, 1.0, 0.0)
    assert found.bent.tolist() == np.diag([True, False, True]).tolist()


# The better of two


def jacobian_of(values, errors, bent=False):
    values = np.array([values], dtype=float)
    return NumericJacobian(
        values, np.array([errors], dtype=float), np.full(values.shape, 1.0 * bent)
    )


def test_the_estimate_with_the_smaller_error_is_the_better():
    better = better_of(jacobian_of([1, 2, 3], [0.1, 0.3, 9]), jacobian_of([1, 2.5, 3], [9, 0.2, 9]))
    assert better.values.tolist() == [[1, 2.5, 3]]
    # No more exact than the two agree.
    assert better.errors.tolist() == [[0.1, 0.5, 9]]


def test_of_two_with_the_same_error_the_first_is_taken():
    assert better_of(jacobian_of([1], [0.1]), jacobian_of([2], [0.1])).values == 1


def test_one_that_found_something_stands_alone():
    infinity = float("inf")
    for nothing in (infinity, float("nan")):
        better = better_of(jacobian_of([7], [nothing]), jacobian_of([2], [0.1]))
        assert (better.errors == 0.1) == (nothing == infinity)
        assert better.values == 2 or np.isnan(nothing)
    both = better_of(jacobian_of([1], [infinity]), jacobian_of([2], [infinity]))
    assert both.errors == infinity


def test_kinks_are_those_of_the_first():
    one, other = jacobian_of([1], [1], bent=True), jacobian_of([1], [1], bent=False)
    assert better_of(one, other).bent
    assert not better_of(other, one).bent


# A second opinion


def second(f, *x, **options):
    first = differentiate(f, *x, **options)
    return first, doubted(around(f, *x, **options), first)


def doubted(there, first):
    there = there.with_measured_noise(first.values)
    return there.second_opinion(there.doubted(first), np.arange(len(there.x)))


@pytest.mark.parametrize("name", KNOWN)
def test_a_second_opinion_on_a_known_derivative_is_the_same(name):
    f, x, derivative = KNOWN[name]
    _, found = second(f, x)
    assert abs(found.values - derivative) <= 1e-6 * abs(derivative)
    assert abs(found.values - derivative) <= 5 * found.errors <= 5e-6 * abs(derivative)


@given(st.floats(0.1, 1.5))
def test_a_second_opinion_measures_the_noise_that_is_in_the_function(x):
    def cancelling(x):
        return (1e8 * x + np.sin(x)) - 1e8 * x

    _, found = second(cancelling, x)
    assert abs(found.values - np.cos(x)) <= 5 * found.errors
    assert 1e-7 < found.errors < 1e-3


@pytest.mark.parametrize(("epsilon", "longer"), [(EPSILON, 1), (SINGLE, (2**29) ** 0.2)])
def test_a_second_opinion_takes_steps_of_another_length(epsilon, longer):
    f = Noted(lambda points: 3 * points)
    doubted(around(f, 0.7, epsilon=epsilon), jacobian_of([3], [0.0]))
    longest = [np.abs(points - 0.7).max() / longer for points in f.calls]
    assert longest[-1 if epsilon == EPSILON else -2] == pytest.approx(OTHER_STEP * SHORT_STEP)


def test_a_second_opinion_in_single_precision_measures_the_noise_too():
    def cancelling(points):
        points = points.astype(np.float32)
        large = np.float32(100) * points
        return ((large + np.sin(points)) - large).astype(float)

    for x in np.linspace(0.5, 1.5, 50).astype(np.float32).astype(float):
        _, found = second(cancelling, x, epsilon=SINGLE, seen=rounded_to_single)
        assert abs(found.values - np.cos(x)) <= 5 * found.errors


def test_a_second_opinion_knows_where_a_function_in_single_precision_was_evaluated():
    _, found = second(rounded_to_single, 0.3, 1.7, epsilon=SINGLE, seen=rounded_to_single)
    assert found.values == pytest.approx(np.eye(2), abs=1e-12)


def test_a_second_opinion_keeps_the_kinks():
    for bent in (True, False):
        first = jacobian_of([np.cos(0.7)], [0.0], bent=bent)
        assert doubted(around(np.sin, 0.7), first).bent == bent


def test_in_single_precision_any_slope_beside_a_kink_may_be_the_derivative():
    # The slopes are 0 and 2, and long steps cannot tell on which side of the kink the place is.
    def f(points):
        return rounded_to_single(2 * np.maximum(rounded_to_single(points) - 1, 0))

    _, found = second(f, 1.0, 3.0, epsilon=SINGLE, seen=rounded_to_single)
    assert found.errors[0, 0] == pytest.approx(1, rel=0.01)
    assert abs(found.values[1, 1] - 2) <= 5 * found.errors[1, 1]
    assert found.errors[1, 1] < 0.01


def test_in_single_precision_a_parabola_is_no_reason_for_doubt():
    # Its slopes to both sides differ in proportion to the step.
    _, found = second(lambda x: 100 * (x - 1) ** 2, 1.0, epsilon=SINGLE)
    assert found.values == pytest.approx(0, abs=1e-9)
    assert found.errors < 1e-3


# Noise


def measured_noise(f, x, value, jacobian=None, epsilon=EPSILON):
    return Differences(f, x, value, epsilon).with_measured_noise(jacobian).noise


def test_a_straight_line_has_no_noise():
    matrix = np.array([[1.0, 2.0], [-3.0, 0.5]])
    x = np.array([1.0, 3.0])
    for slopes in (None, matrix):
        noise = measured_noise(lambda points: points @ matrix.T, x, matrix @ x, slopes)
        assert noise.shape == (2,)
        assert noise.max() < 1e-14


@pytest.mark.parametrize("size", [1e-10, 1e-6, 1e-3])
@pytest.mark.parametrize("x", [1.0, -7.0, 1e4])
def test_noise_is_measured_by_its_size(size, x):
    def f(points):
        return 3 * points + size * wobble(points / x)

    x = np.array([x])
    assert size / 2 < measured_noise(f, x, 3 * x) < 1.5 * size


def test_noise_is_measured_for_each_output():
    def f(points):
        x, y = points[:, 0], points[:, 1]
        return np.stack((1e-3 * wobble(x), 1e-6 * wobble(y), x + y), axis=1)

    x, value = start(lambda points: f(points) * [0, 0, 1], [1.0, 2.0])
    assert measured_noise(f, x, value) == pytest.approx([1e-3, 1e-6, 0], rel=0.5, abs=1e-14)


def test_noise_that_is_known_is_no_less_for_being_measured():
    quiet = around(lambda points: 2 * points, 1.0, noise=1e-3).with_measured_noise()
    assert quiet.noise == 1e-3


@pytest.mark.parametrize("epsilon", [EPSILON, SINGLE])
def test_noise_is_looked_for_all_over_a_distance_without_a_bend(epsilon):
    f = Noted(lambda points: points)
    x = np.array([-5.0])
    measured_noise(f, x, x, epsilon=epsilon)
    (points,) = f.calls
    assert len(points) == 2 * NOISE_POINTS
    shares = np.sort((points - x).ravel() / (5 * epsilon**0.6))
    # To both sides alike, not twice at one place, and neither far out nor in one corner only.
    assert shares == pytest.approx(-shares[::-1])
    assert np.diff(shares).min() > 1e-3
    assert 0.4 < shares[-1] <= 1
    assert np.diff(shares).max() < 0.4
    # Too near, the rounding of the place itself would be all there is.
    assert np.abs(shares).min() >= 0.05


def test_all_elements_move_together_in_different_directions():
    f = Noted(total(np.square))
    x = np.array([1.0, 2.0, 3.0])
    measured_noise(f, x, np.array([14.0]))
    moved = f.calls[0] - x
    assert (np.sign(moved) == np.sign(moved[:, :1]) * [1, -1, 1]).all()
    shares = moved / x
    assert len(np.unique(np.abs(shares[0]).round(14))) == 3


@pytest.mark.parametrize("f", [np.sign, lambda x: x + np.sign(x), np.abs, lambda x: 7 * x])
def test_a_line_on_each_side_is_no_noise(f):
    x = np.array([1.0, 2.0, 3.0])
    noise = measured_noise(lambda points: f(points - x), x, f(np.zeros(3)))
    assert noise.max() < 1e-14


def test_with_given_slopes_all_else_is_noise():
    x, slopes = np.ones(1), np.full((1, 1), 2.0)
    assert measured_noise(lambda points: 2 * points, x, 2 * x, slopes) < 1e-14
    assert measured_noise(lambda points: 2 * points + np.sign(points - 1), x, 2 * x, slopes) > 0.9
    # A value that stands still where it should move is rounded.
    still = measured_noise(lambda points: 0 * points + 2, x, 2 * x, slopes)
    assert still == pytest.approx(EPSILON**0.6, rel=0.9)
    # A derivative that was not found counts for nothing.
    for bad in (np.nan, np.inf):
        assert measured_noise(lambda points: 0 * points, x, 0 * x, bad * slopes) == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_place_without_values_is_no_noise(bad):
    one = np.ones(1)
    assert measured_noise(lambda points: points * bad, one, one) == 0


# Slopes at zero, of functions that are 0 there


def slopes_at_zero(f, sizes, epsilon=EPSILON):
    zeros = np.zeros(len(sizes))
    return Differences(f, np.zeros(1), zeros, epsilon, epsilon * sizes).to_most_digits()


SLOPES = {
    "sin": (np.sin, 1.0),
    "a fast wave": (lambda x: np.sin(200 * x), 200.0),
    "a steep exponential": (lambda x: np.expm1(50 * x), 50.0),
    "a straight line": (lambda x: -7 * x, -7.0),
    "flat": (lambda x: 1e-9 * np.tan(x), 1e-9),
    "nothing": (lambda x: 0 * x, 0.0),
    "a parabola": (np.square, 0.0),
}


@pytest.mark.parametrize("name", SLOPES)
def test_a_slope_at_zero_is_exact_to_many_digits(name):
    f, slope = SLOPES[name]
    (found,), (error,) = slopes_at_zero(f, np.array([max(abs(slope), 1e-9)]))
    scale = max(abs(slope), 1e-9)
    assert abs(found - slope) <= 2e-12 * scale + 1e-300
    assert abs(found - slope) <= 5 * error
    assert error < 1e-10 * scale


def test_a_slope_at_zero_is_not_believed_before_it_is_known_to_many_digits():
    # From afar, what is on a small scale hardly matters.
    (found,), _ = slopes_at_zero(lambda x: x + 1e-6 * np.tanh(1e6 * x), np.ones(1))
    assert found == pytest.approx(2, rel=1e-6)
    for narrowness in (1e6, 3e7):
        f = bump(narrowness)
        (found,), (error,) = slopes_at_zero(lambda x, f=f: f(x) - 0.8, np.ones(1))
        assert found == pytest.approx(0.64 * narrowness, rel=1e-6)
        assert abs(found - 0.64 * narrowness - 1e-3) <= 5 * error


@pytest.mark.parametrize("size", [1.0, 1e3])
@pytest.mark.parametrize("fast", [1e3, 10**3.5, 1e5])
def test_rounding_does_not_contradict_what_longer_steps_said(fast, size):
    # The values are made of numbers of about 1000, whether that is told or not.
    def f(x):
        return (1e3 + np.arctan(fast * x + 1)) - (1e3 + np.arctan(1))

    (found,), (error,) = slopes_at_zero(f, np.full(1, size))
    assert found == pytest.approx(fast / 2, rel=1e-8)
    assert error < 1e-6 * fast


def test_slopes_at_zero_of_several_outputs():
    def f(points):
        return np.concatenate((np.sin(points), np.tan(3 * points)), axis=1)

    slopes, errors = slopes_at_zero(f, np.ones(2))
    assert slopes == pytest.approx([1, 3], rel=1e-11)
    assert errors.shape == (2,)


def test_the_error_of_a_slope_grows_with_the_numbers_it_is_made_from():
    errors = [slopes_at_zero(np.sin, np.array([size]))[1] for size in (1.0, 1e3, 1e6)]
    assert errors[0] < 1e-11
    assert errors[1] == pytest.approx(1e3 * errors[0], rel=10)
    assert errors[2] > 2 * EPSILON * 1e6 / (2 * LONG_STEP)
    # The steps are longer then, and so the error is less than the numbers are coarser.
    (slope,), (error,) = slopes_at_zero(
        lambda x: rounded_to_single(np.sin(x)), np.ones(1), epsilon=SINGLE
    )
    assert abs(slope - 1) <= 5 * error
    assert 1e-8 < error < 1e-3


def test_a_slope_at_zero_takes_long_steps_first():
    f = Noted(np.sin)
    slopes_at_zero(f, np.ones(1))
    assert np.abs(f.calls[0]).max() == pytest.approx(LONG_STEP)
    assert np.abs(f.calls[1]).max() == pytest.approx(LONG_STEP / RATIO)
    coarse = Noted(np.sin)
    slopes_at_zero(coarse, np.ones(1), epsilon=SINGLE)
    assert np.abs(coarse.calls[0]).max() == pytest.approx(LONG_STEP * (2**29) ** 0.2)


# Slopes to both sides


def sides(f, x, **options):
    return around(f, x, **options).to_both_sides(np.array([0]))


# A function, a place, and the slopes there to the left and to the right.
KINKS = {
    "abs": (np.abs, 0.0, -1.0, 1.0),
    "relu": (lambda x: np.maximum(x, 0), 0.0, 0.0, 1.0),
    "a large step": (lambda x: np.abs(x - 1e5), 1e5, -1.0, 1.0),
    "bent on both sides": (lambda x: np.where(x < 0, np.sin(x), np.expm1(3 * x)), 0.0, 1.0, 3.0),
    "smooth": (np.exp, 1.0, np.e, np.e),
    "smooth and bent": (lambda x: np.exp(3e3 * x), 0.0, 3e3, 3e3),
    "small": (lambda x: 1e-4 * np.abs(x), 0.0, -1e-4, 1e-4),
    "large": (lambda x: 1e4 * np.abs(x), 0.0, -1e4, 1e4),
    "beside large values": (lambda x: 1e3 + np.abs(x), 0.0, -1.0, 1.0),
}


@pytest.mark.parametrize("name", KINKS)
def test_the_slopes_to_both_sides_are_found(name):
    f, x, left, right = KINKS[name]
    found = sides(f, x)
    assert abs(found.left - left) <= 5 * found.errors
    assert abs(found.right - right) <= 5 * found.errors
    assert found.errors < 1e-4 * max(1, abs(right))
    assert not found.jumps
    assert not found.near


def test_three_steps_to_each_side_are_exact_for_a_cube():
    def f(x):
        return np.where(x < 0, -2 * x + 1e4 * x**2, x - 3e4 * x**2 + 1e8 * x**3)

    found = sides(f, 0.0)
    assert found.left == pytest.approx(-2, rel=1e-9)
    assert found.right == pytest.approx(1, rel=1e-9)


@pytest.mark.parametrize("epsilon", [EPSILON, SINGLE])
def test_at_a_jump_the_function_jumps(epsilon):
    assert sides(np.floor, 1.0, epsilon=epsilon).jumps
    assert sides(np.sign, 0.0, epsilon=epsilon).jumps
    assert sides(lambda x: 10 * x + np.floor(x), 1.0, epsilon=epsilon).jumps
    assert not sides(np.abs, 0.0, epsilon=epsilon).jumps
    assert not sides(lambda x: 0 * x, 0.0, epsilon=epsilon).jumps
    # However steep.
    assert not sides(np.cbrt, 0.0, epsilon=epsilon).jumps


def test_in_coarse_numbers_nothing_is_said_to_be_near():
    near = sides(np.abs, 1e-3, epsilon=SINGLE).near
    assert near.tolist() == [[False]]


def test_a_jump_below_the_rounding_is_none():
    assert sides(lambda x: 1e-9 * np.sign(x), 0.0).jumps
    assert not sides(lambda x: 1e-9 * np.sign(x), 0.0, noise=1e-9).jumps


def test_without_values_to_one_side_there_is_no_slope_there():
    found = sides(lambda x: x**1.5, 0.0)
    assert np.isnan(found.left)
    assert found.right == pytest.approx(0, abs=1e-2)
    assert np.isfinite(found.errors)
    other = sides(lambda x: (-x) ** 1.5, 0.0)
    assert np.isnan(other.right)
    assert np.isfinite(other.errors)


@pytest.mark.parametrize("distance", [1e-7, -1e-7, 1e-8])
@pytest.mark.parametrize("size", [1e-4, 1.0, 1e4])
def test_a_kink_beside_the_place_is_near_and_does_not_change_the_slopes_at_it(distance, size):
    found = sides(lambda x: size * np.abs(x), distance)
    assert found.near
    assert found.left == pytest.approx(size * np.sign(distance), rel=1e-4)
    assert found.right == pytest.approx(size * np.sign(distance), rel=1e-4)
    assert not found.jumps
    assert found.errors < 1e-3 * size


def test_a_jump_beside_the_place_is_none_at_it():
    found = sides(lambda x: np.floor(x) + x, 1 - 1e-8)
    assert not found.jumps
    assert found.left == pytest.approx(1, abs=1e-3)


def test_slopes_are_given_for_the_elements_that_are_asked_for():
    def f(points):
        return np.concatenate((np.abs(points), 2 * points[:, :1]), axis=1)

    found = around(f, 0.0, 5.0, 0.0).to_both_sides(np.array([1, 2]))
    for part in found:
        assert part.shape == (4, 2)
    assert found.left == pytest.approx(np.array([[0, 0], [1, 0], [0, -1], [0, 0]]), abs=1e-6)
    assert found.right == pytest.approx(np.array([[0, 0], [1, 0], [0, 1], [0, 0]]), abs=1e-6)


def test_slopes_to_both_sides_come_from_three_steps_each():
    f = Noted(np.abs)
    Differences(f, np.zeros(1), np.zeros(1), SINGLE).to_both_sides(np.array([0]))
    step = KINK_STEP * (2**29) ** 0.2
    expected = [step, step / 2, step / 4, -step, -step / 2, -step / 4]
    assert f.calls[0].ravel() == pytest.approx(expected)


def test_the_error_of_one_sided_slopes_contains_the_noise():
    quiet, noisy = sides(np.abs, 0.0), sides(np.abs, 0.0, noise=1e-9)
    assert quiet.errors < 1e-9
    assert noisy.errors > 1e-9 / KINK_STEP
    coarse = sides(np.exp, 0.0, epsilon=SINGLE)
    assert coarse.errors > SINGLE / (KINK_STEP * (2**29) ** 0.2)


def test_to_the_sides_of_no_element_there_is_nothing():
    f = Noted(lambda points: np.stack([points[:, 0]] * 3, axis=1))
    found = Differences(f, np.zeros(2), np.zeros(3)).to_both_sides(np.arange(0))
    assert [part.shape for part in found] == [(3, 0)] * 5
    assert found.jumps.dtype == found.near.dtype == bool
    assert f.calls == []


def some_slopes():
    """Those of two outputs by one element, where the second output jumps."""
    left, right, errors = np.array([[[1.0], [2.0]], [[3.0], [4.0]], [[0.1], [0.2]]])
    return OneSidedSlopes(left, right, errors, np.array([[False], [True]]), np.array([[True]] * 2))


def test_slopes_by_some_elements_stand_among_central_differences():
    values, errors = np.array([[5.0, 6.0, 7.0], [8.0, 9.0, 10.0]]), np.full((2, 3), 0.5)
    central = NumericJacobian(values, errors, np.ones((2, 3)))
    found = some_slopes().among(np.array([1]), central)
    assert found.left.tolist() == [[5, 1, 7], [8, 2, 10]]
    assert found.right.tolist() == [[5, 3, 7], [8, 4, 10]]
    assert found.errors.tolist() == [[0.5, 0.1, 0.5], [0.5, 0.2, 0.5]]
    assert found.jumps.tolist() == [[False] * 3, [False, True, False]]
    assert found.near.tolist() == [[False, True, False]] * 2
    assert found.jumps.dtype == found.near.dtype == bool
    # What it was made from is as it was.
    assert values[0, 1] == 6
    assert errors[0, 1] == 0.5


def test_what_a_smaller_scale_shows_takes_the_place_of_what_was_there():
    before = some_slopes()
    found = before.replaced((1, 0), Slopes(20.0, 40.0, 0.01))
    assert found.left.tolist() == [[1], [20]]
    assert found.right.tolist() == [[3], [40]]
    assert found.errors.tolist() == [[0.1], [0.01]]
    assert not found.jumps.any()
    assert before.left.tolist() == [[1], [2]]
    assert before.jumps.any()


def test_where_no_smaller_scale_shows_anything_all_stays():
    before = some_slopes()
    assert before.replaced((0, 0), None) is before


@pytest.mark.parametrize(
    ("left", "right", "near"),
    [
        (2.0, 4.0, False),
        (2.25, 4.0, False),  # as far as both may be off
        (2.0, 3.75, False),
        (2.35, 4.0, True),
        (2.0, 3.65, True),
        (np.nan, 4.0, True),
    ],
)
def test_slopes_that_differ_on_a_smaller_scale_are_near_by(left, right, near):
    before = some_slopes()._replace(near=np.zeros((2, 1), dtype=bool))
    found = before.replaced((1, 0), Slopes(left, right, 0.1))
    assert found.near.tolist() == [[False], [near]]


def test_what_is_near_by_stays_so():
    assert some_slopes().replaced((1, 0), Slopes(2.0, 4.0, 0.1)).near.all()


# One derivative on the smallest scale

# A function, a place, and the slopes there to the left and to the right.
CLOSE = {
    "right of a kink": (lambda x: np.maximum(x - 1, 0), 1 + 1e-11, 1.0, 1.0),
    "left of a kink": (lambda x: np.maximum(x - 1, 0), 1 - 1e-11, 0.0, 0.0),
    "a few digits beside a kink": (lambda x: np.maximum(x - 1, 0), 1 + 1e-13, 1.0, 1.0),
    "at a kink": (np.abs, 0.0, -1.0, 1.0),
    "at a narrow kink": (lambda x: np.abs(x) / (np.abs(x) + 1e-12), 0.0, -1e12, 1e12),
    "beside a pole": (np.reciprocal, 1e-12, -1e24, -1e24),
    "an end close by": (lambda x: np.log(x + 1e-20), 0.0, 1e20, 1e20),
    "the flank of a bump": (
        lambda x: np.exp(-((1e9 * x - 0.5) ** 2)),
        0.0,
        1e9 * np.exp(-0.25),
        1e9 * np.exp(-0.25),
    ),
    "a wave": (lambda x: np.sin(1e9 * x), 0.0, 1e9, 1e9),
    "smooth everywhere": (np.exp, 1.0, np.e, np.e),
}


@pytest.mark.parametrize("name", CLOSE)
def test_slopes_are_found_on_the_smallest_scale(name):
    f, x, left, right = CLOSE[name]
    found = around(f, x).close_up(0, 0)
    assert abs(found.left - left) <= 5 * found.error
    assert abs(found.right - right) <= 5 * found.error
    assert found.error <= 1e-2 * max(1.0, abs(left))


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (np.sign, 0.0),
        (np.floor, 1.0),
        (np.cbrt, 0.0),
        # A value that does not move may be rounded inside.
        (lambda x: np.log(1 + np.exp(x)), -40.0),
        (lambda x: 0 * x, 1.0),
        (lambda x: np.nan * x, 1.0),
        (wobble, 1.0),
    ],
)
def test_where_no_scale_shows_a_slope_none_is_given(f, x):
    assert around(f, x).close_up(0, 0) is None


def test_one_output_is_looked_at_as_it_depends_on_one_input():
    def f(points):
        return np.stack((np.abs(points[:, 1]), np.maximum(points[:, 1] - 1e-8, 0)), axis=1)

    there = around(f, 5.0, 0.0)
    assert there.close_up(0, 1)[:2] == pytest.approx((-1, 1))
    assert there.close_up(1, 1)[:2] == pytest.approx((0, 0))


@pytest.mark.parametrize("x", [1.0, 1e-12, 1e5])
def test_steps_on_small_scales_are_whole_numbers_of_last_digits(x):
    f = Noted(np.exp if x < 1e5 else np.sqrt)
    Differences(f, *start(f.f, [x])).close_up(0, 0)
    steps = (f.calls[0][: len(f.calls[0]) // 2, 0] - x) / np.spacing(x)
    assert (steps == steps.round()).all()
    assert steps[0] == pytest.approx(KINK_STEP * max(x, 1) / np.spacing(x), rel=1e-9)
    assert 2 <= steps[-1] <= 2 * RATIO + 1
    assert (steps[:-1] / steps[1:])[:-3] == pytest.approx(RATIO, rel=0.05)


def test_steps_at_zero_become_as_small_as_can_be():
    f = Noted(np.sin)
    Differences(f, np.zeros(1), np.zeros(1)).close_up(0, 0)
    steps = f.calls[0][: len(f.calls[0]) // 2, 0]
    assert steps[0] == KINK_STEP
    assert steps[:-1] / steps[1:] == pytest.approx(RATIO)
    assert 2e-42 <= steps[-1] <= 2 * RATIO * 1e-42


def test_a_slope_on_small_scales_is_as_exact_as_central_differences():
    found = around(np.exp, 1.0).close_up(0, 0)
    assert found.left == found.right
    assert abs(found.left - np.e) <= found.error < 1e-6
    # To both sides of a kink less is known.
    kink = around(lambda x: np.where(x > 0, np.expm1(x), np.sin(2 * x)), 0.0).close_up(0, 0)
    assert kink[:2] == pytest.approx((2, 1), abs=kink.error)
    assert kink.error < 1e-3


def test_rounding_hides_as_much_as_the_largest_number_has():
    assert around(np.sin, 0.5).hidden == 16 * EPSILON
    assert around(lambda x: 8 * x, 0.5).hidden == 4 * 16 * EPSILON
    assert around(np.sin, -32.0, 1.0).hidden == 32 * 16 * EPSILON
    assert around(np.sin, 0.5, epsilon=SINGLE).hidden == 16 * SINGLE
