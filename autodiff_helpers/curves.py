"""Drawings of numbers: a function and its derivative, the error of a step, a gradient checked."""

import math
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from tabulate import tabulate
from torch import Tensor

from autodiff_helpers.numeric import RATIO, Array, Mask
from autodiff_helpers.picture import Picture
from autodiff_helpers.rounding import rounded
from autodiff_helpers.undisturbed import Undisturbed

# Okabe and Ito's blue and vermilion, which colour-blind readers can tell apart.
BLUE, VERMILION, YELLOW = "#0072b2", "#d55e00", "#fde68a"
SAMPLES = 201
ROWS = 5
MOST_SQUARES = 1000


def plot_derivative(f: Callable[[Tensor], Tensor], start: float, stop: float) -> Picture:
    """Draw a function of one number and its derivative, which autograd finds at every point.

    The function is called once for each point, with a scalar, so it may hold loops and branches.
    Nothing of yours is changed.

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
    _demand_a_function("plot_derivative", f, "torch.sin, -3, 3")
    real = isinstance(start, Real) and isinstance(stop, Real)
    if not real or not -math.inf < start < stop < math.inf:
        raise ValueError(
            f"plot_derivative got start={start!r} and stop={stop!r}; expected two finite "
            "numbers, the first one less than the second."
        )
    with Undisturbed(f, []):
        # Not linspace: the middle of -3 to 3 must be 0, not 2e-16.
        steps = torch.arange(SAMPLES, dtype=torch.float64)
        points = start + (stop - start) * steps / (SAMPLES - 1)
        curves = [_value_and_slope(f, point) for point in points]
    values, slopes = zip(*curves, strict=True)

    figure = Figure(figsize=(5.6, 3.2), layout="constrained")
    axes = figure.add_subplot()
    axes.axhline(0, color="#9ca3af", lw=0.8)
    axes.plot(points, values, color=BLUE, lw=2, label="f(x)")
    axes.plot(points, slopes, color=VERMILION, lw=2, ls="--", label="f′(x) by autograd")
    axes.set_xlabel("x")
    figure.legend(loc="outside upper center", ncols=3, frameon=False)
    shown = slice(None, None, SAMPLES // (ROWS - 1))
    spacing = (stop - start) / SAMPLES
    columns = [
        [rounded(number, spacing / 100) for number in points.tolist()[shown]],
        _in_few_digits(values)[shown],
        _in_few_digits(slopes)[shown],
    ]
    rows = list(zip(*columns, strict=True))
    text = tabulate(rows, ["x", "f(x)", "f′(x)"], disable_numparse=True)
    return Picture(
        figure, text, title=f"A function and its derivative, for x from {start:g} to {stop:g}."
    )


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
    _demand_a_function("plot_step_sizes", f, "torch.sin, 1.0")
    if not isinstance(x, Real) or not math.isfinite(x):
        raise ValueError(f"plot_step_sizes got x={x!r}; expected a finite number.")
    with Undisturbed(f, []):
        point = torch.tensor(float(x), dtype=torch.float64)
        _, slope = _value_and_slope(f, point)
        # Short ones only, for long ones would show the function's shape and not the error.
        steps = [10.0 ** (-exponent / 2) for exponent in range(2, 31)]
        plain = [_central_difference(f, point, step) for step in steps]
        shorter = [_central_difference(f, point, step / RATIO) for step in steps]
    extrapolated = [
        two + (two - one) / (RATIO**2 - 1) for one, two in zip(plain, shorter, strict=True)
    ]
    errors = [[abs(value - slope) for value in values] for values in (plain, extrapolated)]

    figure = Figure(figsize=(5.6, 3.6), layout="constrained")
    axes = figure.add_subplot()
    looks = ((VERMILION, "o-", "central difference"), (BLUE, "x--", "extrapolated"))
    for error, (color, line, label) in zip(errors, looks, strict=True):
        # An error of exactly zero has no place on this scale.
        shown = [value or math.nan for value in error]
        axes.plot(steps, shown, line, color=color, lw=1.4, ms=5, label=label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("step h (shorter to the left)")
    axes.set_ylabel("error")
    axes.grid(color="#e5e7eb", lw=0.6)
    style: dict[str, Any] = {"transform": axes.transAxes, "size": 9, "va": "top"}
    axes.text(0.3, 0.95, "round-off:\ntoo few digits left", ha="left", **style)
    axes.text(0.86, 0.95, "truncation:\nthe function bends", ha="right", **style)
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    rows = [
        [f"{steps[i]:.3g}", *(f"{error[i]:.0e}" if error[i] else "0" for error in errors)]
        for i in range(0, len(steps), 4)
    ]
    text = tabulate(rows, ["step", "central difference", "extrapolated"], disable_numparse=True)
    title = f"The error of a central difference against its step, at x = {x:g}."
    return Picture(figure, text, title)


def _central_difference(f: Callable[[Tensor], Tensor], point: Tensor, step: float) -> float:
    above, below = point + step, point - step
    (upper, _), (lower, _) = (_value_and_slope(f, each) for each in (above, below))
    return (upper - lower) / (above - below).item()


def _demand_a_function(name: str, f: Any, example: str) -> None:
    if isinstance(f, Tensor) or not callable(f):
        raise TypeError(
            f"{name} got a {type(f).__name__} as its first argument; expected the function "
            f"itself: {name}({example})."
        )


def _value_and_slope(f: Callable[[Tensor], Tensor], point: Tensor) -> tuple[float, float]:
    x = point.clone().requires_grad_()
    # Each point starts from the same random state.
    with torch.random.fork_rng(devices=[]):
        y: Any = f(x)
    if not isinstance(y, Tensor):
        raise TypeError(
            f"the function returned a {type(y).__name__}; expected a tensor: .item(), float() "
            "and .numpy() cut it off from its input, so return the tensor itself."
        )
    if y.numel() != 1 or y.is_complex():
        raise ValueError(
            f"the function returned a tensor of shape {list(y.shape)} and dtype {y.dtype}; "
            "expected one real number, because a curve has one height at each x."
        )
    if not y.requires_grad:  # it does not depend on x, as far as autograd knows
        return y.item(), 0.0
    (slope,) = torch.autograd.grad(y.sum(), x, allow_unused=True, materialize_grads=True)
    return y.item(), slope.item()


def _in_few_digits(numbers: Sequence[float]) -> list[str]:
    """The numbers to four digits, and as 0 what rounding may have left of a zero."""
    largest = max((abs(number) for number in numbers if math.isfinite(number)), default=0.0)
    return [
        "0" if abs(number) <= 1e-12 * largest else rounded(number, 1e-4 * abs(number))
        for number in numbers
    ]


def plot_comparison(
    analytic: Array, numeric: Array, agrees: Mask, *, source: str, text: str, title: str
) -> Picture:
    """Draw a Jacobian found in two ways, and their difference.

    A gradient, which has one row, is drawn as points, one way over the other, with the size of
    the difference below; a larger Jacobian as three grids of squares.

    Args:
        analytic: the derivatives by rule, of shape ``(m, n)``.
        numeric: the same by central differences.
        agrees: whether each pair agrees.
        source: where ``analytic`` comes from, such as ``"autograd"`` or ``"expected"``.
        text: the content of the picture in words.
        title: one sentence on what the picture shows.

    Returns:
        The picture.

    Example:
        >>> import numpy as np
        >>> one = np.ones((1, 2))
        >>> print(plot_comparison(one, one, one > 0, source="autograd", text="1, 1", title=""))
        1, 1
    """
    draw = _draw_gradient if min(analytic.shape) == 1 else _draw_jacobian
    # To seven digits, so that rounding, which differs from machine to machine, moves nothing.
    steady = np.array([float(f"{value:.7g}") for value in numeric.ravel()]).reshape(numeric.shape)
    return Picture(draw(analytic, steady, agrees, source), text, title)


def _draw_gradient(analytic: Array, numeric: Array, agrees: Mask, source: str) -> Figure:
    places = np.arange(analytic.size)
    figure = Figure(figsize=(5.6, 4.2), layout="constrained")
    above, below = figure.subplots(2, sharex=True, height_ratios=[3, 1.4])
    above.axhline(0, color="#9ca3af", lw=0.8)
    above.plot(places, numeric.ravel(), "o", ms=11, mfc="none", mec=BLUE, mew=2, label="numeric")
    above.plot(places, analytic.ravel(), "x", ms=7, mec=VERMILION, mew=2, label=source)
    below.bar(places, _visible_difference(analytic, numeric, agrees).ravel(), color=VERMILION)
    for label, place in zip(
        ["differ"] + [None] * analytic.size, places[~agrees.ravel()], strict=False
    ):
        for axes in (above, below):
            axes.axvspan(place - 0.4, place + 0.4, color=YELLOW, zorder=0, label=label)
            label = None
    above.set_ylabel("derivative")
    below.set_ylabel("difference")
    below.set_xlabel("element of the gradient, in order")
    below.xaxis.set_major_locator(MaxNLocator(integer=True))
    if agrees.all():
        below.set_ylim(-1, 1)
        below.set_yticks([0])
    figure.legend(
        *above.get_legend_handles_labels(), loc="outside upper center", ncols=3, frameon=False
    )
    return figure


def _draw_jacobian(analytic: Array, numeric: Array, agrees: Mask, source: str) -> Figure:
    finite = np.concatenate([each[np.isfinite(each)].ravel() for each in (analytic, numeric)])
    largest = float(np.abs(finite).max(initial=0.0)) or 1.0
    difference = _visible_difference(analytic, numeric, agrees)
    rows, columns = analytic.shape
    figure = Figure(figsize=(7.2, 3.0), layout="constrained")
    panels = zip(
        figure.subplots(1, 3),
        (analytic, numeric, difference),
        (source, "numeric", "difference"),
        strict=True,
    )
    for axes, values, name in panels:
        # Orange to purple by way of white: the colour-blind can tell the two ends apart.
        image = axes.pcolormesh(
            np.arange(columns + 1) - 0.5,
            np.arange(rows + 1) - 0.5,
            values,
            cmap=colormaps["PuOr_r"].resampled(65),
            vmin=-largest,
            vmax=largest,
            # A small grid stays lines and text, which are the same everywhere.
            rasterized=values.size > MOST_SQUARES,
        )
        axes.invert_yaxis()
        axes.set_title(name, size=10)
        axes.set_xlabel("input")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    figure.axes[0].set_ylabel("output")
    outputs, inputs = np.nonzero(~agrees)
    figure.axes[2].plot(inputs, outputs, "x", color="#111827", ms=5, mew=1.5)
    figure.colorbar(image, ax=figure.axes, shrink=0.9)
    return figure


def _visible_difference(analytic: Array, numeric: Array, agrees: Mask) -> Array:
    """The difference where the two disagree: what is left elsewhere is rounding."""
    return np.where(agrees, 0.0, analytic - numeric)
