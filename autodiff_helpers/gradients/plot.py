"""A gradient check as a picture: each derivative found in two ways, and the difference."""

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from autodiff_helpers.gradients.comparison import Comparison, Source
from autodiff_helpers.gradients.differences import Array, Mask
from autodiff_helpers.gradients.table import source_name
from autodiff_helpers.picture import BLUE, VERMILION, Picture
from autodiff_helpers.words import say

YELLOW = "#fde68a"
MOST_SQUARES = 1000


def plot_comparison(comparison: Comparison, text: str, title: str) -> Picture:
    """Draw a Jacobian found in two ways, and their difference.

    A gradient, which has one row, is drawn as points, one way over the other, with the size of
    the difference below; a larger Jacobian as three grids of squares.
    """
    analytic, numeric = comparison.analytic, comparison.numeric.values
    draw = _draw_gradient if min(analytic.shape) == 1 else _draw_jacobian
    # To seven digits, so that rounding, which differs from machine to machine, moves nothing.
    steady = np.array([float(f"{value:.7g}") for value in numeric.ravel()]).reshape(numeric.shape)
    return Picture(draw(analytic, steady, comparison.agrees, comparison.source), text, title)


def _draw_gradient(analytic: Array, numeric: Array, agrees: Mask, source: Source) -> Figure:
    places = np.arange(analytic.size)
    figure = Figure(figsize=(5.6, 4.2), layout="constrained")
    above, below = figure.subplots(2, sharex=True, height_ratios=[3, 1.4])
    above.axhline(0, color="#9ca3af", lw=0.8)
    above.plot(
        places, numeric.ravel(), "o", ms=11, mfc="none", mec=BLUE, mew=2, label=say("numeric")
    )
    above.plot(places, analytic.ravel(), "x", ms=7, mec=VERMILION, mew=2, label=source_name(source))
    below.bar(places, _visible_difference(analytic, numeric, agrees).ravel(), color=VERMILION)
    for number, place in enumerate(places[~agrees.ravel()]):
        for axes in (above, below):
            # In the legend once.
            label = say("differ") if axes is above and number == 0 else None
            axes.axvspan(place - 0.4, place + 0.4, color=YELLOW, zorder=0, label=label)
    above.set_ylabel(say("derivative"))
    below.set_ylabel(say("difference"))
    below.set_xlabel(say("element of the gradient, in order"))
    below.xaxis.set_major_locator(MaxNLocator(integer=True))
    if agrees.all():
        below.set_ylim(-1, 1)
        below.set_yticks([0])
    figure.legend(
        *above.get_legend_handles_labels(), loc="outside upper center", ncols=3, frameon=False
    )
    return figure


def _draw_jacobian(analytic: Array, numeric: Array, agrees: Mask, source: Source) -> Figure:
    finite = np.concatenate([each[np.isfinite(each)].ravel() for each in (analytic, numeric)])
    largest = float(np.abs(finite).max(initial=0.0)) or 1.0
    difference = _visible_difference(analytic, numeric, agrees)
    rows, columns = analytic.shape
    # With room above the titles, in inches.
    figure = Figure(figsize=(7.2, 3.0), layout=ConstrainedLayoutEngine(h_pad=0.1))
    panels = zip(
        figure.subplots(1, 3),
        (analytic, numeric, difference),
        (source_name(source), say("numeric"), say("difference")),
        strict=True,
    )
    for axes, values, name in panels:
        # Orange to purple by way of white: the color-blind can tell the two ends apart.
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
        axes.set_xlabel(say("input"))
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    figure.axes[0].set_ylabel(say("output"))
    outputs, inputs = np.nonzero(~agrees)
    figure.axes[2].plot(inputs, outputs, "x", color="#111827", ms=5, mew=1.5)
    figure.colorbar(image, ax=figure.axes, shrink=0.9)
    return figure


def _visible_difference(analytic: Array, numeric: Array, agrees: Mask) -> Array:
    """The difference where the two disagree: what is left elsewhere is rounding."""
    return np.where(agrees, 0.0, analytic - numeric)
