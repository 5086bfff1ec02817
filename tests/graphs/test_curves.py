"""plot_derivative draws f and its derivative; every picture can be saved."""

import math
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from autodiff_helpers import plot_derivative, plot_graph, plot_step_sizes
from autodiff_helpers.breaks import interrupted
from autodiff_helpers.picture import Picture


def test_both_curves_are_those_of_the_function():
    picture = plot_derivative(torch.sin, -3, 3)
    _, f, slope = picture.figure.axes[0].lines
    x = torch.as_tensor(f.get_xdata())
    assert (x[0], x[100], x[-1]) == (-3, 0, 3)
    assert torch.allclose(torch.tensor(f.get_ydata()), torch.sin(x))
    assert torch.allclose(torch.tensor(slope.get_ydata()), torch.cos(x))


def test_the_text_has_five_points():
    assert str(plot_derivative(lambda x: x**3, 0, 4)).split("\n") == [
        "x    f(x)    f′(x)",
        "---  ------  -------",
        "0    0       0",
        "1    1       3",
        "2    8       12",
        "3    27      27",
        "4    64      48",
    ]


def test_loops_and_branches_are_allowed():
    def double_until_large(x):
        while x < 10:
            x = x * 2
        return x

    slopes = plot_derivative(double_until_large, 1, 9).figure.axes[0].lines[2].get_ydata()
    assert set(slopes[np.isfinite(slopes)]) == {2, 4, 8, 16}


def gaps(line):
    """Between which neighbors a line is interrupted."""
    x, y = (np.array(data) for data in line.get_data())
    (places,) = np.nonzero(np.isnan(x))
    assert np.isnan(y[places]).all()
    return [(x[place - 1], x[place + 1]) for place in places]


def lines_of(f, start, stop):
    _, *lines = plot_derivative(f, start, stop).figure.axes[0].lines
    return lines


@pytest.mark.parametrize(
    ("f", "start", "stop", "values", "slopes"),
    [
        (torch.sign, -1, 1.03, [0], []),
        (torch.floor, -2.1, 2.9, [-2, -1, 0, 1, 2], []),
        (torch.abs, -1, 1.03, [], [0]),
        (torch.relu, -1, 1.03, [], [0]),
        (torch.tan, -2, 2, [-torch.pi / 2, torch.pi / 2], []),
        (lambda x: 1 / x, -2.9, 3.1, [0], []),
        (lambda x: torch.where(x > 0.3, x + 0.1, x), -1, 1, [0.3], []),
        (torch.exp, -20, 20, [], []),
        (lambda x: torch.sigmoid(1000 * x), -1, 1.03, [], []),
        (torch.sqrt, 0, 1, [], []),
        (lambda x: x * 0, 0, 1, [], []),
    ],
)
def test_what_jumps_is_not_joined_and_what_is_steep_is(f, start, stop, values, slopes):
    for line, jumps in zip(lines_of(f, start, stop), (values, slopes), strict=True):
        found = gaps(line)
        assert len(found) == len(jumps)
        for (left, right), jump in zip(found, jumps, strict=True):
            assert left - 1e-9 <= jump <= right + 1e-9
            assert right - left < 0.04


def test_a_curve_jumps_where_it_has_no_value_between_two_points():
    def without_zero(x):
        return 1 / x if x else math.nan

    points = [-2.5, -2.0, -1.5, -1.0, 1.0, 1.5, 2.0, 2.5]
    assert interrupted(without_zero, points, [without_zero(x) for x in points]) == [3]


def test_a_value_between_two_jumps_is_a_dot():
    _, slope, dot = lines_of(torch.abs, -1, 1)
    assert len(gaps(slope)) == 2
    assert [list(data) for data in dot.get_data()] == [[0], [0]]
    assert dot.get_marker() == "o"


@pytest.mark.parametrize(
    ("f", "start", "stop", "most"),
    [
        (lambda x: 1 / x, -3, 3, 20),  # a point at the pole
        (lambda x: 1 / x, -2.9, 3.1, 20),  # and none
        (torch.tan, -3, 4, 60),
        (lambda x: x**-2, -2, 3, 40),
        (torch.log, 0, 4, 8),
        (torch.sqrt, 0, 1, 4),
    ],
)
def test_a_pole_flattens_nothing(f, start, stop, most):
    low, high = plot_derivative(f, start, stop).figure.axes[0].get_ylim()
    assert -most < low < 0 < high < most


@pytest.mark.parametrize("f", [torch.exp, lambda x: x**9, torch.sin, lambda x: 1 / (x + 30)])
def test_without_a_pole_everything_is_to_be_seen(f):
    axes = plot_derivative(f, -20, 20).figure.axes[0]
    low, high = axes.get_ylim()
    for line in axes.lines:
        assert low < min(line.get_ydata())
        assert max(line.get_ydata()) < high


def test_where_there_is_no_value_there_is_no_slope():
    value, slope = lines_of(torch.log, -1, 1)
    assert np.isnan(value.get_ydata()[:100]).all()
    assert np.isnan(slope.get_ydata()[:100]).all()
    nowhere, _ = lines_of(lambda x: x * torch.nan, 0, 1)
    assert np.isnan(nowhere.get_ydata()).all()


def test_a_constant_has_slope_zero():
    for constant in (lambda x: torch.ones(()), lambda x: x.detach()):
        slopes = plot_derivative(constant, 0, 1).figure.axes[0].lines[2].get_ydata()
        assert set(slopes) == {0}


def test_no_noise_is_printed():
    assert str(plot_derivative(torch.sin, -2 * torch.pi, 2 * torch.pi)).split("\n")[2:] == [
        "-6.283  0       1",
        "-3.142  0       -1",
        "0       0       1",
        "3.142   0       -1",
        "6.283   0       1",
    ]


def test_points_without_a_value_leave_a_gap():
    _, f, _ = plot_derivative(torch.log, -1, 1).figure.axes[0].lines
    values = torch.tensor(f.get_ydata())
    assert values[:100].isnan().all()
    assert values[101:].isfinite().all()


def test_small_numbers_beside_large_ones_are_shown():
    lines = str(plot_derivative(torch.exp, -10, 10)).split("\n")
    assert lines[2].split() == ["-10", "4.54e-05", "4.54e-05"]


def test_a_random_function_is_drawn_from_one_random_state():
    slopes = plot_derivative(lambda x: x * torch.rand(()), 0, 1).figure.axes[0].lines[2]
    assert len(set(slopes.get_ydata())) == 1


def test_it_works_in_inference_mode():
    with torch.inference_mode():
        assert str(plot_derivative(torch.square, 1, 2)).split("\n")[2].split() == ["1", "1", "2"]


def test_a_dark_style_is_dark_all_over(tmp_path):
    with plt.style.context("dark_background"):
        curves = plot_derivative(torch.sin, 0, 1)
        curves.save(tmp_path / "curves.png")
        plot_graph(torch.ones(1, requires_grad=True)).save(tmp_path / "graph.png")
    assert plt.imread(tmp_path / "curves.png")[0, 0, :3].tolist() == [0, 0, 0]
    assert plt.imread(tmp_path / "graph.png")[0, 0, :3].tolist() == [0, 0, 0]
    assert curves.figure.axes[0].xaxis.label.get_color() == "white"


def test_nothing_is_changed():
    generator, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    weight = torch.tensor(2.0, requires_grad=True)
    plot_derivative(lambda x: weight * x + torch.rand(()) + np.random.rand(), 0, 1)
    assert weight.grad is None
    assert torch.equal(torch.get_rng_state(), generator)
    assert (np.random.get_state()[1] == numpy_state).all()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((torch.ones(1), 0, 1), TypeError, "got a Tensor as its first argument"),
        ((3.0, 0, 1), TypeError, "got a float as its first argument"),
        ((torch.sin, 1, 1), ValueError, "start=1 and stop=1"),
        ((torch.sin, 0, float("nan")), ValueError, "stop=nan"),
        ((torch.sin, 0, float("inf")), ValueError, "stop=inf"),
        ((torch.sin, "1", 2), ValueError, "start='1'"),
        ((lambda x: x.item(), 0, 1), TypeError, "returned a float; expected a tensor"),
        ((lambda x: torch.stack([x, x]), 0, 1), ValueError, "shape [2] and dtype"),
        ((lambda x: x * 1j, 0, 1), ValueError, "dtype torch.complex128; expected one real"),
    ],
)
def test_bad_input_gets_one_clear_sentence(arguments, error, message):
    with pytest.raises(error, match=re.escape(message)) as raised:
        plot_derivative(*arguments)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("kind", "start"), [("svg", b"<svg"), ("png", b"\x89PNG"), ("pdf", b"%PDF")]
)
def test_a_picture_is_saved_the_same_every_time(tmp_path, kind, start):
    x = torch.arange(4.0, requires_grad=True)
    for name in ("one", "other"):
        plot_graph(x * x).save(tmp_path / f"{name}.{kind}")
    one, other = ((tmp_path / f"{name}.{kind}").read_bytes() for name in ("one", "other"))
    assert one.startswith(start)
    assert one == other
    assert b"CreationDate" not in one


def test_a_picture_that_cannot_be_saved_leaves_no_file(tmp_path):
    with pytest.raises(ValueError, match="the name must end in"):
        plot_derivative(torch.sin, 0, 1).save(tmp_path / "picture.gif")

    class BrokenFigure(Figure):
        def savefig(self, *arguments, **options):
            raise RuntimeError("no ink")

    for name in ("picture.png", "picture.svg"):
        with pytest.raises(RuntimeError, match="no ink"):
            Picture(BrokenFigure(), text="", title="").save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_the_error_of_a_step_is_truncation_on_one_side_and_rounding_on_the_other():
    picture = plot_step_sizes(torch.exp, 1.0)
    plain, extrapolated = (line.get_ydata() for line in picture.figure.axes[0].lines)
    steps = picture.figure.axes[0].lines[0].get_xdata()
    assert steps[0] == pytest.approx(0.1)
    # A hundredth of the step gives a ten-thousandth of the error, as long as rounding is small.
    assert plain[0] / plain[4] == pytest.approx(1e4, rel=0.01)
    assert min(plain[-6:]) > 1e3 * min(plain)
    assert min(extrapolated) < 0.1 * min(plain)
    rows = str(picture).splitlines()
    assert rows[0].split() == ["step", "central", "difference", "extrapolated"]
    assert len(rows) == 10


def test_a_step_without_error_leaves_a_gap():
    picture = plot_step_sizes(lambda x: 4 * x, 0.0)
    assert all(value != value for value in picture.figure.axes[0].lines[0].get_ydata())
    assert str(picture).splitlines()[2].split() == ["0.1", "0", "0"]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((torch.ones(1), 1.0), TypeError, "plot_step_sizes got a Tensor as its first argument"),
        ((torch.sin, "1"), ValueError, "got x='1'; expected a finite number"),
        ((torch.sin, float("inf")), ValueError, "got x=inf"),
        ((lambda x: x.item(), 1.0), TypeError, "returned a float; expected a tensor"),
    ],
)
def test_a_bad_step_picture_gets_one_clear_sentence(arguments, error, message):
    with pytest.raises(error, match=re.escape(message)):
        plot_step_sizes(*arguments)


@pytest.mark.parametrize("x", [5.0, -40.0, 1e6, 1e20])
def test_at_a_large_number_the_steps_are_longer(x):
    picture = plot_step_sizes(torch.sin, x)
    plain = picture.figure.axes[0].lines[0].get_ydata()
    assert np.isfinite(plain[:20]).all()
    assert "<svg" in picture.svg


def test_a_step_that_is_lost_in_the_digits_of_x_has_no_error():
    picture = plot_step_sizes(torch.sin, 9.0)
    assert str(picture).splitlines()[-1].split()[0] == "1e-15"
    assert "–" in str(picture).splitlines()[-1].split()[1:]


def words_in_the_axes(picture):
    return {text.get_text().split(":")[0] for text in picture.figure.axes[0].texts}


def test_words_stand_only_where_they_are_true():
    assert words_in_the_axes(plot_step_sizes(torch.exp, 1.0)) == {"round-off", "truncation"}
    assert words_in_the_axes(plot_step_sizes(lambda x: 0.1 * x, 0.3)) == {"round-off"}
    for f, x in ((torch.cos, 0.0), (lambda x: 2 * x, 1.0)):
        picture = plot_step_sizes(f, x)
        assert "<svg" in picture.svg
        assert "truncation" not in words_in_the_axes(picture)
    assert words_in_the_axes(plot_step_sizes(torch.cos, 0.0)) == {"no error at any of these steps"}
    for f, x in ((torch.sqrt, 0.0), (torch.log, -1.0), (lambda x: 1 / x, 0.0)):
        assert words_in_the_axes(plot_step_sizes(f, x)) == {"no error can be found"}


@pytest.mark.parametrize("kind", ["png", "pdf"])
def test_a_picture_is_saved_without_a_word(tmp_path, kind, caplog, capfd):
    x = torch.arange(4.0, requires_grad=True)
    plot_graph(x * x).save(tmp_path / f"picture.{kind}")
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")


def test_drawing_in_axes_says_nothing(caplog):
    figure, axes = plt.subplots()
    plot_graph(torch.ones(1, requires_grad=True) * 2, axes=axes)
    figure.canvas.draw()
    plt.close(figure)
    assert caplog.records == []
