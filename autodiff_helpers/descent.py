"""Descent in the plane: the level lines of a function, and the points that were visited."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from tabulate import tabulate
from torch import Tensor

from autodiff_helpers.curves import demand_a_function, value_at
from autodiff_helpers.picture import BLUE, VERMILION, Picture
from autodiff_helpers.rounding import significant
from autodiff_helpers.undisturbed import Undisturbed
from autodiff_helpers.words import say, say_how_many

GRID = 33
LINES = 8
ROWS = 20
# How much wider than the path the picture is.
MARGIN = 1.3
# A path that runs away is drawn as long as it stays in so many times what is around its beginning.
WIDER = 5
# Two numbers of points stand at least so far apart, and a shorter step has no head on its arrow,
# where it would hide the others; both in widths of the picture.
APART, LONG = 0.08, 0.02
# How far a number stands beside its point, in typographical points.
ASIDE = 11.0
# Two steps are on one straight line if the sine of their angle is less.
STRAIGHT = 0.01

# One point is an array of two numbers, and a path one of n rows with two numbers each.
Points = np.ndarray[Any, np.dtype[np.float64]]


def plot_descent(f: Callable[[Tensor], Tensor], path: Any) -> Picture:
    """Draw the level lines of a function of two numbers, and a path of points on it.

    On a level line the function has one value, as on a line of equal height on a map. Arrows lead
    from each visited point to the next one, and the points have numbers where there is room. Of a
    path that runs away only the beginning is drawn, as far as the level lines can be seen with it;
    the text has all of it. Nothing of yours is changed.

    Args:
        f: a function that takes a tensor of shape ``(2,)`` and dtype float64 and returns one
            number.
        path: the visited points in their order, two or more: a tensor of shape ``(n, 2)``, or a
            list of points with two numbers each.

    Returns:
        The picture; its text is a table of the points and of the values there. Of a long path it
        has some twenty rows.

    Raises:
        TypeError: if ``f`` is no function or returns something other than a tensor.
        ValueError: if ``path`` does not hold two or more points of two numbers, if the first of
            them is not finite, or if ``f`` does not return one number.

    Example:
        >>> plot_descent(lambda x: (x * x).sum(), [[2.0, 3.0], [1.6, 2.4], [1.28, 1.92]])
        after step    x[0]    x[1]    f(x)
        ------------  ------  ------  ------
        0             2       3       13
        1             1.6     2.4     8.32
        2             1.28    1.92    5.325
    """
    demand_a_function("plot_descent", f, "f, path")
    points = _points(path)
    with Undisturbed(f, []) as begun, torch.no_grad():

        def height(point: Sequence[float]) -> float:
            begun.reset()  # each point starts from the same random state
            return value_at(f, torch.tensor(point, dtype=torch.float64)).item()

        values = [height(point) for point in points.tolist()]
        drawn = _beginning(points, values)
        view = _View.around(points[:drawn])
        across, upward = view.ticks().T.tolist()
        heights = [[height([x, y]) for x in across] for y in upward]
    figure = Figure(figsize=(4.8, 4.6), layout="constrained")
    axes = figure.add_subplot(xlabel="x[0]", ylabel="x[1]", aspect="equal")
    axes.set(xlim=(across[0], across[-1]), ylim=(upward[0], upward[-1]))
    _draw_level_lines(axes, across, upward, np.array(heights))
    _draw_path(axes, view, points, drawn)
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return Picture(figure, _table(points, values), _title(points))


def _points(path: Any) -> Points:
    """The path as numbers of its own, or an error that says what is wrong with it."""
    try:
        rows = [torch.as_tensor(point).detach() for point in path]
        numbers = torch.stack(rows)
    except (TypeError, ValueError, RuntimeError):
        numbers = torch.empty(0)
    if numbers.dim() != 2 or len(numbers) < 2 or numbers.size(1) != 2 or numbers.is_complex():
        raise ValueError(
            say(
                "plot_descent got a path of type {type} that does not hold two or more points of "
                "two real numbers each; expected something like [[2.0, 3.0], [1.6, 2.4]].",
                type=type(path).__name__,
            )
        )
    if not isinstance(path, Tensor) and len({row.data_ptr() for row in rows}) == 1:
        raise ValueError(
            say(
                "plot_descent got a path of {count} points that are all the same tensor, so each "
                "of them is where that tensor is now; expected copies: put x.tolist() into the "
                "path, not x.",
                count=len(rows),
            )
        )
    if not numbers[0].isfinite().all():
        raise ValueError(
            say(
                "plot_descent got a path that begins at {point}; expected finite numbers there.",
                point=numbers[0].tolist(),
            )
        )
    return numbers.double().cpu().numpy()


class _View(NamedTuple):
    """The square that is to be seen."""

    center: Points
    width: float

    @classmethod
    def around(cls, points: Points) -> "_View":
        low, high = points.min(axis=0), points.max(axis=0)
        # Around a point that never moves there is as much to be seen as it is far from zero.
        width = (high - low).max() or max(1.0, abs(low).max())
        return cls(low / 2 + high / 2, MARGIN * width)

    def ticks(self) -> Points:
        """From corner to corner."""
        return self.center + self.width * np.linspace(-0.5, 0.5, GRID)[:, None]

    def holds(self, points: Points, times: float) -> Any:
        return (abs(points - self.center) <= times * self.width / 2).all(axis=1)


def _beginning(points: Points, values: Sequence[float]) -> int:
    """How many points are drawn: all, if the path does not run away.

    It runs away where it leaves what is around its first step and all that is not above its start.
    """
    around = np.array(values) <= values[0]
    around[:2] = True
    finite = np.isfinite(points).all(axis=1)
    away = ~_View.around(points[around & finite]).holds(points, WIDER)
    return int(away.argmax()) if away.any() else len(points)


def _draw_level_lines(axes: Axes, across: Any, upward: Any, heights: Points) -> None:
    finite = heights[np.isfinite(heights)]
    if not finite.size or finite.min() == finite.max():
        return
    # How high they lie is what most of the picture says, and not a pole in a corner of it. They
    # lie closer where it is low, so that a round bowl has rings at equal distances.
    lowest, high = finite.min(), np.quantile(finite, 0.9)
    levels = lowest + (high - lowest) * (np.arange(1, 2 * LINES) / LINES) ** 2
    levels = levels[levels < finite.max()]
    axes.contour(across, upward, heights, levels, colors="#9ca3af", linewidths=0.8)


def _draw_path(axes: Axes, view: _View, points: Points, drawn: int) -> None:
    shown = points[:drawn]
    for start, step in zip(points[:drawn], np.diff(points[: drawn + 1], axis=0), strict=False):
        if np.isfinite(step).all():
            _draw_step(axes, view, start, step)
    axes.plot(*shown.T, "o", ms=2.5, color=VERMILION)
    for place in _with_room(view, shown):
        axes.annotate(
            str(place),
            shown[place].tolist(),
            _aside(shown, place).tolist(),
            textcoords="offset points",
            ha="center",
            va="center",
            size=9,
        )
    style: dict[str, Any] = {"ls": "", "color": BLUE, "mec": BLUE}
    axes.plot(*shown[0], "o", ms=9, mfc="none", mew=1.6, label=say("start"), **style)
    if drawn == len(points):
        axes.plot(*shown[-1], "s", ms=6, label=say("end"), **style)
    else:
        leaves = say("In step {step} the path leaves the picture.", step=drawn)
        axes.set_title(leaves, size=9)


def _draw_step(axes: Axes, view: _View, start: Points, step: Points) -> None:
    length = np.hypot(step[0], step[1])
    # What leaves the picture need not be drawn to its end, which may be very far away.
    stop = start + step * min(1.0, 2 * view.width / (length or 1.0))
    axes.add_patch(
        FancyArrowPatch(
            start.tolist(),
            stop.tolist(),
            arrowstyle="-|>" if length > LONG * view.width else "-",
            mutation_scale=9,
            color=VERMILION,
            shrinkA=0,
            shrinkB=0,
        )
    )


def _with_room(view: _View, points: Points) -> list[int]:
    """Which points have a number: each that is far enough from those that have one already."""
    found: list[int] = []
    for place, point in enumerate(points):
        if (np.hypot(*(points[found] - point).T) > APART * view.width).all():
            found.append(place)
    return found


def _aside(points: Points, place: int) -> Points:
    """Where the number of a point stands: outside of a corner, and above a straight way."""
    neighbors = [*points[max(place - 1, 0) : place], *points[place + 1 : place + 2]]
    away = [_direction(points[place] - other) for other in neighbors] or [np.zeros(2)]
    (x, y), other = away[0], away[-1]
    if abs(x * other[1] - y * other[0]) > STRAIGHT:
        return ASIDE * _direction(away[0] + other)
    above = [-y, x] if x > 0 else [y, -x]
    return ASIDE * np.array(above if any(above) else [0.0, 1.0])


def _direction(step: Points) -> Points:
    return step / (np.hypot(step[0], step[1]) or 1.0)


def _table(points: Points, values: Sequence[float]) -> str:
    last = len(points) - 1
    shown = [*range(0, last, math.ceil(last / ROWS)), last]
    rows = [[str(row), *map(_in_short, (*points[row].tolist(), values[row]))] for row in shown]
    return tabulate(rows, [say("after step"), "x[0]", "x[1]", "f(x)"], disable_numparse=True)


def _title(points: Points) -> str:
    start, end = (", ".join(map(_in_short, point)) for point in points[[0, -1]].tolist())
    return say_how_many(
        "Level lines of a function, and one step from ({start}) to ({end}).",
        "Level lines of a function, and {count} steps from ({start}) to ({end}).",
        len(points) - 1,
        start=start,
        end=end,
    )


def _in_short(number: float) -> str:
    return significant(number + 0.0, digits=4)  # which makes 0 of -0
