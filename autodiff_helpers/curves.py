"""Curves: a function and its derivative, and the error of a numeric derivative."""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import pairwise
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure
from tabulate import tabulate
from torch import Tensor

from autodiff_helpers.breaks import interrupted, shown_range
from autodiff_helpers.gradients.differences import RATIO
from autodiff_helpers.picture import BLUE, VERMILION, Picture
from autodiff_helpers.rounding import in_few_digits, magnitude, rounded, significant
from autodiff_helpers.undisturbed import Undisturbed
from autodiff_helpers.words import no_tensor, say

SAMPLES = 201
ROWS = 5
# There is round-off where one of so many shortest steps is so much worse than the best one: each
# of them alone is a matter of luck.
MANY = 5
MUCH = 10.0


def plot_derivative(f: Callable[[Tensor], Tensor], start: float, stop: float) -> Picture:
    """Draw a function of one number and its derivative, which autograd finds at every point.

    The function is called with a scalar, so it may hold loops and branches. Where it or its
    derivative jumps, the curve is interrupted, and a point that stands alone is a dot; near a pole
    it leaves the picture. Nothing of yours is changed.

    Args:
        f: a function that takes a tensor of shape ``()`` and dtype float64 and returns one.
        start: where the curves begin.
        stop: where they end; greater than ``start``.

    Returns:
        The picture; its text is a table of the two curves at five points.

    Raises:
        TypeError: if ``f`` is no function or returns something other than a tensor.
        ValueError: if ``start`` and ``stop`` are not two finite numbers in this order, or ``f``
            does not return one number.

    Example:
        >>> plot_derivative(lambda x: x * x, -1, 1)
        x     f(x)    f′(x)
        ----  ------  -------
        -1    1       -2
        -0.5  0.25    -1
        0     0       0
        0.5   0.25    1
        1     1       2
    """
    demand_a_function("plot_derivative", f, "torch.sin, -3, 3")
    _demand_an_interval(start, stop)
    with Undisturbed(f, []):
        # Not linspace: the middle of -3 to 3 must be 0, not 2e-16.
        steps = torch.arange(SAMPLES, dtype=torch.float64)
        points = start + (stop - start) * steps / (SAMPLES - 1)
        curves = list(_function_and_derivative(f, points.tolist()))
    values, slopes = (curve.heights for curve in curves)
    shown = slice(None, None, SAMPLES // (ROWS - 1))
    spacing = (stop - start) / SAMPLES
    columns = [
        [rounded(number, spacing / 100) for number in points.tolist()[shown]],
        in_few_digits(values)[shown],
        in_few_digits(slopes)[shown],
    ]
    heads = ["x", "f(x)", "f′(x)"]
    text = tabulate(list(zip(*columns, strict=True)), heads, disable_numparse=True)
    title = say(
        "A function and its derivative, for x from {start} to {stop}.",
        start=significant(start),
        stop=significant(stop),
    )
    return Picture(_figure_of_curves(points.tolist(), curves), text, title)


class _Curve(NamedTuple):
    heights: Sequence[float]
    jumps: list[int]
    """After which points it jumps."""
    shown: tuple[float, float]
    """From where to where it is to be seen."""


def _function_and_derivative(
    f: Callable[[Tensor], Tensor], points: Sequence[float]
) -> Iterator[_Curve]:
    @cache
    def both(x: float) -> tuple[float, float]:
        value, slope = _value_and_slope(f, torch.tensor(x, dtype=torch.float64))
        # torch has slopes for log at negative numbers as well.
        return value, math.nan if math.isnan(value) else slope

    for which, heights in enumerate(zip(*map(both, points), strict=True)):

        def curve(x: float, which: int = which) -> float:
            return both(x)[which]

        yield _Curve(
            heights, interrupted(curve, points, heights), shown_range(curve, points, heights)
        )


def _figure_of_curves(points: Sequence[float], curves: Sequence[_Curve]) -> Figure:
    figure = Figure(figsize=(5.6, 3.2), layout="constrained")
    axes = figure.add_subplot()
    axes.axhline(0, color="#9ca3af", lw=0.8)
    looks = ((BLUE, "-", "f(x)"), (VERMILION, "--", say("f′(x) by autograd")))
    for curve, (color, line, label) in zip(curves, looks, strict=True):
        gaps = [place + 1 for place in curve.jumps]
        x, y = (np.insert(each, gaps, math.nan) for each in (points, curve.heights))
        gap = ~np.isfinite([math.nan, *y, math.nan])
        axes.plot(x, y, line, color=color, lw=2, label=label)
        if (alone := gap[:-2] & ~gap[1:-1] & gap[2:]).any():
            axes.plot(x[alone], y[alone], "o", ms=4, color=color)
    # Zero is always to be seen, and matplotlib leaves room around all of it.
    ends = [0.0, *(end for curve in curves for end in curve.shown)]
    axes.dataLim.intervaly = min(ends), max(ends)
    axes.set_xlabel("x")
    figure.legend(loc="outside upper center", ncols=3, frameon=False)
    return figure


def plot_step_sizes(f: Callable[[Tensor], Tensor], x: float) -> Picture:
    r"""Draw how far a central difference is off, for long steps and for short ones.

    With a long step :math:`h` the function has time to bend: the *truncation error*, which
    shrinks as :math:`h^2`. With a short one the two values have nearly all digits in common, and
    what is left after the subtraction is mostly their rounding: the *round-off error*, which
    grows as :math:`1/h`. A second curve shows two steps extrapolated to :math:`h = 0`, as
    ``check_gradient`` does it. Nothing of yours is changed.

    Args:
        f: a function that takes a tensor of shape ``()`` and dtype float64 and returns one.
        x: where to differentiate.

    Returns:
        The picture; its text is a table of the errors for some steps, to one digit.

    Raises:
        TypeError: if ``f`` is no function or returns something other than a tensor.
        ValueError: if ``x`` is not a finite number, or ``f`` does not return one number.

    Example:
        >>> print(plot_step_sizes(lambda x: 1 / x, 1.3).text.splitlines()[4])
        1e-05   3e-11                 8e-12
    """
    demand_a_function("plot_step_sizes", f, "torch.sin, 1.0")
    if not isinstance(x, Real) or not math.isfinite(x):
        raise ValueError(say("plot_step_sizes got x={x!r}; expected a finite number.", x=x))
    # Short ones only, for long ones would show the function's shape and not the error; longer ones
    # at a large number, whose own digits are that much coarser.
    unit = 10.0 ** math.floor(math.log10(max(1.0, abs(x))))
    steps = [unit * 10.0 ** (-exponent / 2) for exponent in range(2, 31)]
    with Undisturbed(f, []):
        errors = _errors(f, torch.tensor(float(x), dtype=torch.float64), steps)
    rows = [
        [significant(steps[row], digits=3), *(magnitude(error[row]) for error in errors)]
        for row in range(0, len(steps), 4)
    ]
    heads = [say("step"), say("central difference"), say("extrapolated")]
    text = tabulate(rows, heads, disable_numparse=True)
    title = say("The error of a central difference against its step, at x = {x}.", x=significant(x))
    return Picture(_figure_of_errors(steps, errors), text, title)


def _errors(
    f: Callable[[Tensor], Tensor], point: Tensor, steps: Sequence[float]
) -> list[list[float]]:
    """How far a central difference is off for each step, and how far two of them extrapolated."""
    _, slope = _value_and_slope(f, point)
    plain = [_central_difference(f, point, step) for step in steps]
    shorter = [_central_difference(f, point, step / RATIO) for step in steps]
    extrapolated = [
        two + (two - one) / (RATIO**2 - 1) for one, two in zip(plain, shorter, strict=True)
    ]
    return [[abs(value - slope) for value in values] for values in (plain, extrapolated)]


def _figure_of_errors(steps: Sequence[float], errors: Sequence[Sequence[float]]) -> Figure:
    figure = Figure(figsize=(5.6, 3.6), layout="constrained")
    axes = figure.add_subplot()
    looks = (
        (VERMILION, "o-", say("central difference")),
        (BLUE, "x--", say("extrapolated")),
    )
    for error, (color, line, label) in zip(errors, looks, strict=True):
        # An error of exactly zero has no place on this scale.
        shown = [value or math.nan for value in error]
        axes.plot(steps, shown, line, color=color, lw=1.4, ms=5, label=label)
    axes.set_xscale("log")
    axes.set_xlabel(say("step h (shorter to the left)"))
    axes.set_ylabel(say("error"))
    axes.grid(color="#e5e7eb", lw=0.6)
    style: dict[str, Any] = {"transform": axes.transAxes, "size": 9, "va": "top"}
    plain = [value for value in errors[0] if math.isfinite(value)]
    measured = [value for error in errors for value in error if math.isfinite(value)]
    if any(measured):
        axes.set_yscale("log")
    elif measured:
        axes.text(0.5, 0.6, say("no error at any of these steps"), ha="center", **style)
    else:
        nowhere = say("no error can be found: f(x ± h) or f′(x) is no finite number")
        axes.text(0.5, 0.6, nowhere, ha="center", **style)
    if plain and max(plain[-MANY:]) > MUCH * min(plain):
        axes.text(0.3, 0.95, say("round-off:\ntoo few digits left"), ha="left", **style)
    # It shrinks as the square of the step, to a tenth from each step to the next.
    if plain and all(long > 3 * short > 0 for long, short in pairwise(plain[:4])):
        axes.text(0.86, 0.95, say("truncation:\nthe function bends"), ha="right", **style)
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return figure


def _central_difference(f: Callable[[Tensor], Tensor], point: Tensor, step: float) -> float:
    above, below = point + step, point - step
    (upper, _), (lower, _) = (_value_and_slope(f, each) for each in (above, below))
    width = (above - below).item()
    # A step that is lost in the digits of x leaves nothing to divide by.
    return (upper - lower) / width if width else math.nan


def demand_a_function(name: str, f: Any, example: str) -> None:
    """Raise an error for what is no function, with an example of how to call the helper."""
    if isinstance(f, Tensor) or not callable(f):
        raise TypeError(
            say(
                "{name} got a {type} as its first argument; expected the function itself: "
                "{name}({example}).",
                name=name,
                type=type(f).__name__,
                example=example,
            )
        )


def _demand_an_interval(start: Any, stop: Any) -> None:
    real = isinstance(start, Real) and isinstance(stop, Real)
    if not real or not -math.inf < start < stop < math.inf:
        raise ValueError(
            say(
                "plot_derivative got start={start!r} and stop={stop!r}; expected two finite "
                "numbers, the first one less than the second.",
                start=start,
                stop=stop,
            )
        )


def value_at(f: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """What a function returns at a point, which must be one real number."""
    y: Any = f(x)
    if not isinstance(y, Tensor):
        raise no_tensor(y)
    if y.numel() != 1 or y.is_complex():
        raise ValueError(
            say(
                "the function returned a tensor of shape {shape} and dtype {dtype}; expected one "
                "real number, because the picture shows one height at each point.",
                shape=list(y.shape),
                dtype=y.dtype,
            )
        )
    return y


def _value_and_slope(f: Callable[[Tensor], Tensor], point: Tensor) -> tuple[float, float]:
    x = point.clone().requires_grad_()
    # Each point starts from the same random state.
    with torch.random.fork_rng(devices=[]):
        y = value_at(f, x)
    if not y.requires_grad:  # it does not depend on x, as far as autograd knows
        return y.item(), 0.0
    (slope,) = torch.autograd.grad(y.sum(), x, allow_unused=True, materialize_grads=True)
    return y.item(), slope.item()
