"""plot_descent draws the level lines of a function, and the path that was taken on it."""

import re

import numpy as np
import pytest
import torch
from matplotlib.patches import FancyArrowPatch

from autodiff_helpers import plot_descent
from autodiff_helpers.theme import DARK


def bowl(x):
    return (x * x).sum()


def steps(rate, count, f=bowl, start=(2.0, 3.0)):
    """The points that descent visits."""
    x = torch.tensor(start, requires_grad=True)
    path = [x.tolist()]
    for _ in range(count):
        (gradient,) = torch.autograd.grad(f(x), x)
        with torch.no_grad():
            x -= rate * gradient
        path.append(x.tolist())
    return path


def axes_of(picture):
    (axes,) = picture.figure.axes
    return axes


def arrows(picture):
    return [patch for patch in axes_of(picture).patches if isinstance(patch, FancyArrowPatch)]


def numbers(picture):
    """The numbers beside the points, with the points."""
    return {int(text.get_text()): tuple(text.xy) for text in axes_of(picture).texts}


def places_of(picture):
    """Where the numbers stand, from their points."""
    return {int(text.get_text()): text.xyann for text in axes_of(picture).texts}


def marks(picture):
    return {
        line.get_label(): line.get_xydata()[0].tolist()
        for line in axes_of(picture).lines
        if not line.get_label().startswith("_")
    }


def test_the_text_has_the_points_and_the_values():
    assert str(plot_descent(bowl, [[1.0, 2.0], [-0.0, 1.5], [1 / 3, -1e-9]])).split("\n") == [
        "after step    x[0]    x[1]    f(x)",
        "------------  ------  ------  ------",
        "0             1       2       5",
        "1             0       1.5     2.25",
        "2             0.3333  -1e-09  0.1111",
    ]


def test_arrows_lead_from_point_to_point_and_the_ends_are_marked():
    path = [[2.0, 3.0], [1.0, 3.0], [1.0, 1.0]]
    picture = plot_descent(bowl, path)
    ends = [tuple(map(tuple, arrow._posA_posB)) for arrow in arrows(picture)]
    assert ends == [((2, 3), (1, 3)), ((1, 3), (1, 1))]
    assert marks(picture) == {"start": [2, 3], "end": [1, 1]}
    assert numbers(picture) == {0: (2, 3), 1: (1, 3), 2: (1, 1)}
    assert picture.title == "Level lines of a function, and 2 steps from (2, 3) to (1, 1)."
    assert plot_descent(bowl, path[:2]).title == (
        "Level lines of a function, and one step from (2, 3) to (1, 3)."
    )


def test_on_a_level_line_the_function_has_one_value():
    (lines,) = axes_of(plot_descent(bowl, steps(0.1, 8))).collections
    assert len(lines.levels) > 8
    for level, path in zip(lines.levels, lines.get_paths(), strict=True):
        # From one point of the grid to the next it is drawn straight.
        assert np.square(path.vertices).sum(axis=1) == pytest.approx(level, rel=0.01, abs=0.003)


def test_a_step_is_perpendicular_to_the_level_line_because_both_axes_have_one_scale():
    axes = axes_of(plot_descent(lambda x: x[0] ** 2 + 10 * x[1] ** 2, [[4.0, 1.0], [3.0, -0.8]]))
    assert axes.get_aspect() == 1
    left, right = axes.get_xlim()
    low, high = axes.get_ylim()
    assert right - left == pytest.approx(high - low)


@pytest.mark.parametrize(
    "path",
    [
        steps(0.1, 8),
        steps(1.1, 4),
        steps(1.0, 50),
        [[0.0, 0.0], [1e-3, 0.0], [5.0, 4.0]],  # slowly at first
        [[2.0, 3.0], [9.0, 3.0], [1.0, 1.0]],
    ],
)
def test_a_path_is_to_be_seen_whole(path):
    picture = plot_descent(lambda x: -bowl(x) if path[0] == [0, 0] else bowl(x), path)
    axes = axes_of(picture)
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    assert all(left < x < right and low < y < high for x, y in path)
    assert len(arrows(picture)) == len(path) - 1
    assert set(marks(picture)) == {"start", "end"}
    assert axes.get_title() == ""


@pytest.mark.parametrize(("rate", "leaves"), [(2.0, 3), (50.0, 2), (1e20, 2), (1e38, 1)])
def test_a_path_that_runs_away_leaves_a_picture_of_its_beginning(rate, leaves):
    path = steps(rate, 10)
    picture = plot_descent(bowl, path)
    axes = axes_of(picture)
    assert axes.get_title() == f"In step {leaves} the path leaves the picture."
    assert set(marks(picture)) == {"start"}
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    inside = [left < x < right and low < y < high for x, y in path]
    assert inside[: leaves + 1] == [True] * leaves + [False]
    assert len(axes.collections) == 1
    assert len(str(picture).split("\n")) == 13
    coordinates = [float(number) for number in re.findall(r"-?\d+\.\d+", picture.svg)]
    assert max(map(abs, coordinates)) < 1e4


def test_the_arrow_that_leaves_the_picture_points_where_the_path_goes():
    *_, last = arrows(plot_descent(bowl, [[1.0, 2.0], [1.0, 1.0], [4e6, 3e6]]))
    (x, y), (to_x, to_y) = last._posA_posB
    assert (to_y - y) / (to_x - x) == pytest.approx(3 / 4, rel=1e-5)


def test_what_is_no_number_gets_no_arrow():
    picture = plot_descent(bowl, [[1.0, 2.0], [0.5, 1.0], [float("nan"), 0.0], [0.0, 0.0]])
    assert len(arrows(picture)) == 1
    assert axes_of(picture).get_title() == "In step 2 the path leaves the picture."
    assert str(picture).split("\n")[4].split() == ["2", "nan", "0", "nan"]


def test_numbers_stand_only_where_there_is_room():
    picture = plot_descent(bowl, steps(0.1, 40))
    assert list(numbers(picture)) == [0, 1, 2, 3, 4, 6, 8, 12]
    still = plot_descent(bowl, [[1.0, 1.0]] * 3)
    assert places_of(still) == {0: (0, 11)}


@pytest.mark.parametrize(
    ("path", "beside"),
    [
        ([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]], [0, 11]),
        ([[2.0, 0.0], [1.0, 0.0], [0.0, 0.0]], [0, 11]),
        ([[0.0, 0.0], [0.0, 1.0], [0.0, 2.0]], [11, 0]),
        ([[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0]], [0, 11]),  # back on the same line
        ([[0.0, 0.0], [1.0, 1.0], [2.0, 0.0]], [0, 11]),  # a corner at the top
        ([[0.0, 0.0], [1.0, -1.0], [2.0, 0.0]], [0, -11]),  # and one at the bottom
    ],
)
def test_a_number_does_not_stand_on_the_path(path, beside):
    assert places_of(plot_descent(bowl, path))[1] == pytest.approx(beside)


def test_short_arrows_have_no_heads_that_hide_the_others():
    heads = [arrow.get_arrowstyle().fillend for arrow in arrows(plot_descent(bowl, steps(0.1, 40)))]
    assert heads[0]
    assert not any(heads[20:])


def test_of_a_long_path_the_text_has_some_rows():
    rows = str(plot_descent(bowl, steps(0.01, 103))).split("\n")[2:]
    assert [int(row.split()[0]) for row in rows] == [*range(0, 103, 6), 103]


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x.sum() * 0,
        lambda x: x.sum() * torch.nan,
        lambda x: torch.ones(()),
        lambda x: torch.log(-x[0] - 100),
    ],
)
def test_without_levels_there_are_no_level_lines(f):
    picture = plot_descent(f, [[1.0, 2.0], [0.5, 1.0]])
    assert len(axes_of(picture).collections) == 0
    assert set(marks(picture)) == {"start", "end"}


def test_a_pole_leaves_level_lines_around_the_path():
    (lines,) = axes_of(plot_descent(lambda x: 1 / bowl(x), [[1.0, 1.0], [-1.0, 1.01]])).collections
    assert sum(level < 2 for level in lines.levels) > 4


def test_a_round_bowl_has_rings_at_equal_distances():
    (rings,) = axes_of(plot_descent(bowl, [[2.0, 0.0], [-2.0, 0.0]])).collections
    gaps = np.diff(np.sqrt(rings.levels))
    assert gaps == pytest.approx(gaps[0])


@pytest.mark.parametrize(("point", "width"), [([0.0, 0.0], 1.3), ([-20.0, 30.0], 39)])
def test_around_a_point_that_never_moves_there_is_something_to_be_seen(point, width):
    left, right = axes_of(plot_descent(bowl, [point, point])).get_xlim()
    assert (left + right) / 2 == pytest.approx(point[0])
    assert right - left == pytest.approx(width)


@pytest.mark.parametrize(
    "path",
    [
        torch.tensor([[2.0, 3.0], [1.0, 1.5]]),
        torch.tensor([[2.0, 3.0], [1.0, 1.5]], requires_grad=True),
        np.array([[2.0, 3.0], [1.0, 1.5]]),
        [(2, 3), (1, 1.5)],
        [torch.tensor([2.0, 3.0], requires_grad=True), torch.tensor([1.0, 1.5])],
        iter([[2.0, 3.0], [1.0, 1.5]]),
    ],
)
def test_a_path_may_be_given_in_many_ways(path):
    assert numbers(plot_descent(bowl, path)) == {0: (2, 3), 1: (1, 1.5)}


def test_nothing_is_changed():
    generator = torch.get_rng_state()
    weight = torch.tensor(2.0, requires_grad=True)
    path = torch.tensor([[2.0, 3.0], [1.0, 1.5]], requires_grad=True)
    with torch.inference_mode():
        plot_descent(lambda x: weight * bowl(x) + torch.rand(()), path)
    assert weight.grad is path.grad is None
    assert path.tolist() == [[2.0, 3.0], [1.0, 1.5]]
    assert torch.equal(torch.get_rng_state(), generator)


def test_a_random_function_is_drawn_from_one_random_state():
    rows = str(plot_descent(lambda x: torch.rand(()) + 0 * x[0], [[2.0, 3.0], [1.0, 1.5]]))
    assert len({row.split()[-1] for row in rows.split("\n")[2:]}) == 1


def test_a_picture_is_the_same_every_time_and_dark_on_a_dark_page():
    one, other = (plot_descent(bowl, steps(0.1, 8)).svg for _ in range(2))
    assert one == other
    plain = re.sub("<style>.*?</style>", "", one, flags=re.S)
    assert set(re.findall(r"#[0-9a-f]{6}\b", plain)) <= set(DARK)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((torch.ones(1), [[2.0, 3.0]] * 2), TypeError, "plot_descent got a Tensor as its first"),
        ((bowl, [[2.0, 3.0]]), ValueError, "a path of type list that does not hold two or more"),
        ((bowl, []), ValueError, "expected something like [[2.0, 3.0], [1.6, 2.4]]"),
        ((bowl, [2.0, 3.0]), ValueError, "a path of type list"),
        ((bowl, torch.ones(5, 4)), ValueError, "a path of type Tensor"),
        ((bowl, torch.ones(2, 2) * 1j), ValueError, "two real numbers each"),
        ((bowl, [[1.0, 2.0], [3.0]]), ValueError, "a path of type list"),
        ((bowl, 3.0), ValueError, "a path of type float"),
        ((bowl, "path"), ValueError, "a path of type str"),
        ((bowl, [torch.ones(2)] * 3), ValueError, "put x.tolist() into the path, not x"),
        ((bowl, [[float("inf"), 0.0], [0.0, 0.0]]), ValueError, "begins at [inf, 0.0]; expected"),
        ((lambda x: x.sum().item(), [[2.0, 3.0]] * 2), TypeError, "returned a float; expected a"),
        ((lambda x: x * x, [[2.0, 3.0]] * 2), ValueError, "shape [2] and dtype torch.float64"),
    ],
)
def test_bad_input_gets_one_clear_sentence(arguments, error, message):
    with pytest.raises(error, match=re.escape(message)) as raised:
        plot_descent(*arguments)
    assert "\n" not in str(raised.value)


def test_a_tensor_that_is_changed_in_place_is_no_path():
    x = torch.tensor([2.0, 3.0])
    path = []
    for _ in range(3):
        path.append(x.detach())
        x *= 0.5
    with pytest.raises(ValueError, match="a path of 3 points that are all the same tensor"):
        plot_descent(bowl, path)
