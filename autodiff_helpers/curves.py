"""Drawings of numbers: a function with its derivative, a gradient with its central differences."""

import math
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

import torch
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from tabulate import tabulate
from torch import Tensor

from autodiff_helpers.picture import Picture
from autodiff_helpers.rounding import rounded

# Okabe and Ito's blue and vermilion, which colour-blind readers can tell apart.
BLUE, VERMILION = "#0072b2", "#d55e00"
SAMPLES = 201
ROWS = 5


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
    if isinstance(f, Tensor) or not callable(f):
        raise TypeError(
            f"plot_derivative got a {type(f).__name__} as its first argument; expected the "
            "function itself: plot_derivative(torch.sin, -3, 3)."
        )
    real = isinstance(start, Real) and isinstance(stop, Real)
    if not real or not -math.inf < start < stop < math.inf:
        raise ValueError(
            f"plot_derivative got start={start!r} and stop={stop!r}; expected two finite "
            "numbers, the first one less than the second."
        )
    with torch.inference_mode(False), torch.enable_grad():
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


def _value_and_slope(f: Callable[[Tensor], Tensor], point: Tensor) -> tuple[float, float]:
    x = point.clone().requires_grad_()
    # Each point starts from the same random state, and the caller's is left as it was.
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
    analytic: Tensor, numeric: Tensor, agrees: Tensor, *, source: str, text: str, title: str
) -> Picture:
    """Draw derivatives found in two ways, one over the other, and mark where they differ.

    Args:
        analytic: the derivatives by rule, of shape ``(n,)``.
        numeric: the same by central differences.
        agrees: whether each pair agrees.
        source: where ``analytic`` comes from: ``"autograd"`` or ``"expected"``.
        text: the content of the picture in words.
        title: one sentence on what the picture shows.

    Returns:
        The picture.

    Example:
        >>> import torch
        >>> one = torch.ones(2)
        >>> print(plot_comparison(one, one, one == one, source="autograd", text="1, 1", title=""))
        1, 1
    """
    places = torch.arange(len(analytic))
    figure = Figure(figsize=(5.6, 3.2), layout="constrained")
    axes = figure.add_subplot()
    axes.axhline(0, color="#9ca3af", lw=0.8)
    axes.plot(places, numeric, "o", ms=11, mfc="none", mec=BLUE, mew=2, label="numeric")
    axes.plot(places, analytic, "x", ms=7, mec=VERMILION, mew=2, label=source)
    wrong = places[~agrees]
    for label, place in zip(["differ", *[None] * len(wrong)], wrong.tolist(), strict=False):
        axes.axvspan(place - 0.4, place + 0.4, color="#fde68a", zorder=0, label=label)
    axes.set_xlabel("element of the Jacobian, in order")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(loc="outside upper center", ncols=3, frameon=False)
    return Picture(figure, text, title)
