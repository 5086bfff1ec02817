"""Where a curve has to be interrupted, and how much of it can be shown: jumps and poles."""

import math
from collections.abc import Callable, Sequence

import numpy as np

# A place deserves a second look where the curve moves so many times as far as beside it, and by
# more than this share of its range.
FAR = 4
SHARE = 1e-3
# Beside it: so many steps to each side.
BESIDE = 3
# Halvings of a step, to a billionth of it.
HALVINGS = 30
# A curve is cut off where it grows without end, and is so many times as high as most of it.
HIGH = 4
# The largest and the smallest tenth of its values is not most of it.
TAIL = 0.1
# So many times as high as at any of its points, and higher.
ENDLESS = 1e3

Curve = Callable[[float], float]


def interrupted(curve: Curve, points: Sequence[float], values: Sequence[float]) -> list[int]:
    """After which of its points a curve jumps.

    Example:
        >>> interrupted(math.floor, [0.0, 0.4, 0.8, 1.2, 1.6], [0, 0, 0, 1, 1])
        [2]
        >>> interrupted(math.sin, [0.0, 1.0, 2.0], [0.0, 0.84, 0.91])
        []
    """
    moves = np.abs(np.diff(values))
    finite = np.array(values)[np.isfinite(values)]
    least = SHARE * np.ptp(finite) if finite.size else 0.0
    return [
        place
        for place, move in enumerate(moves)
        if math.isfinite(move)
        and move > FAR * np.nanmedian(moves[max(0, place - BESIDE) : place + BESIDE + 1]) + least
        and _jumps(curve, points[place], points[place + 1], move)
    ]


def _jumps(curve: Curve, left: float, right: float, move: float) -> bool:
    """Whether most of a move is left when it is looked for in ever shorter steps."""
    ends = [(left, curve(left)), (right, curve(right))]
    for _ in range(HALVINGS):
        middle = (ends[0][0] + ends[1][0]) / 2
        value = curve(middle)
        if not math.isfinite(value):
            return True
        halves = [[ends[0], (middle, value)], [(middle, value), ends[1]]]
        ends = max(halves, key=lambda half: abs(half[1][1] - half[0][1]))
    return abs(ends[1][1] - ends[0][1]) > move / 2


def shown_range(
    curve: Curve, points: Sequence[float], values: Sequence[float]
) -> tuple[float, float]:
    """From where to where a curve is to be seen: all of it, or most of it where it has a pole.

    Example:
        >>> points = [x / 100 for x in range(1, 201)]
        >>> shown_range(lambda x: 1 / x, points, [1 / x for x in points])[1] < 20
        True
        >>> shown_range(math.exp, points, [math.exp(x) for x in points])[1] == math.exp(2)
        True
    """
    finite = [place for place, value in enumerate(values) if math.isfinite(value)]
    if not finite:
        return 0.0, 0.0
    shown = np.array(values)[finite]
    low, high = np.quantile(shown, (TAIL, 1 - TAIL))
    highest = max(finite, key=lambda place: abs(values[place]))
    if np.ptp(shown) > HIGH * (high - low) and _has_pole(curve, points, highest):
        return float(low - (high - low) / 2), float(high + (high - low) / 2)
    return float(shown.min()), float(shown.max())


def _has_pole(curve: Curve, points: Sequence[float], highest: int) -> bool:
    """Whether a curve grows without end near the point where it is highest."""
    x, step = points[highest], points[1] - points[0]
    first = height = abs(curve(x))
    for _ in range(HALVINGS):
        step /= 2
        beside = [(abs(curve(each)), each) for each in (x - step, x + step)]
        height, x = max([(height, x), *(each for each in beside if each[0] > height)])
    return height > ENDLESS * first
