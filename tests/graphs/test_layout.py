"""Where boxes and arrows go: operands stand as they are written, and a picture has no tangle."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autodiff_helpers import plot_graph
from autodiff_helpers.graphs import sheet
from autodiff_helpers.graphs.layout import Link, Outline, lay_out

ELLIPSE = Outline(True, (60.0, 30.0))


def arrivals(layout, links, left_to_right):
    """For each box the links to it, in the order in which their arrows touch it."""
    tips = {}
    for number, (link, way) in enumerate(zip(links, layout.ways, strict=True)):
        x, y = way.points[-1]
        tips.setdefault(link.end, []).append((-y if left_to_right else x, number))
    return [[number for _, number in sorted(each)] for each in tips.values()]


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.booleans()), max_size=20),
    st.booleans(),
)
def test_arrows_touch_an_operation_in_the_order_of_its_operands(steps, left_to_right):
    links = []
    for number, (one, other, is_labelled) in enumerate(steps, start=1):
        room = (40.0, 12.0) if is_labelled else None
        links += [Link(one % number, number, room), Link(other % number, number)]
    layout = lay_out([ELLIPSE] * (len(steps) + 1), links, left_to_right)
    for numbers in arrivals(layout, links, left_to_right):
        assert numbers == sorted(numbers)


@pytest.mark.parametrize("left_to_right", [False, True])
def test_arrows_begin_and_end_at_the_rim_of_an_ellipse(left_to_right):
    links = [Link(start, 9) for start in range(9)] + [Link(9, end) for end in range(10, 16)]
    layout = lay_out([ELLIPSE] * 16, links, left_to_right)
    center_x, center_y = layout.centers[9]
    for link, way in zip(links, layout.ways, strict=True):
        x, y = way.points[-1 if link.end == 9 else 0]
        assert math.hypot((x - center_x) / 30, (y - center_y) / 15) == pytest.approx(1, abs=1e-3)


@pytest.fixture
def layouts(monkeypatch):
    """Every layout that is made for a picture."""
    made = []

    def note(outlines, links, left_to_right):
        made.append(lay_out(outlines, links, left_to_right))
        return made[-1]

    monkeypatch.setattr(sheet, "lay_out", note)
    return made


def test_a_recurrent_network_with_gradients_is_no_tangle(layouts):
    wx, wh, b = (torch.full((2, 2), 0.1, requires_grad=True) for _ in range(3))
    h = torch.zeros(2, 2)
    for _ in range(5):
        h = torch.tanh(torch.ones(2, 2) @ wx + h @ wh + b)
    plot_graph(h.sum(), gradients=True)
    (layout,) = layouts
    length = straight = 0.0
    for way in layout.ways:
        length += sum(math.dist(*two) for two in zip(way.points, way.points[1:], strict=False))
        straight += math.dist(way.points[0], way.points[-1])
    assert length / straight < 1.4  # it was 2.0


def test_a_chain_that_takes_a_leaf_in_each_step_does_not_drift_away(layouts):
    x = torch.tensor(0.5, requires_grad=True)
    y = x
    for _ in range(60):
        y = y.sin() * x
    plot_graph(y)
    assert layouts[0].size[0] < 1500  # it was 2783
