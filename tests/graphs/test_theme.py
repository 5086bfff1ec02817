"""Dark pages: a picture has the theme of the page in which it stands, and can be read in both."""

import itertools
import math
import re
import xml.etree.ElementTree as ElementTree

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb

from autodiff_helpers import (
    plot_derivative,
    plot_graph,
)
from autodiff_helpers.gradients.plot import YELLOW
from autodiff_helpers.picture import BLUE, VERMILION
from autodiff_helpers.theme import DARK, WHITE

TEXT, LINES = 4.5, 3.0  # what WCAG 2 asks for
SVG = "{http://www.w3.org/2000/svg}"
PURPLE, RED = "#7e22ce", "#b91c1c"


@pytest.fixture
def graph(x):
    """The picture of a graph with everything in it."""
    y = x * x
    u = y.detach()
    return plot_graph((u * x + y).sum(), gradients=True).svg


# What is written and drawn can be told from what is behind it


def contrast(one, other):
    """How much lighter one color is than the other, as WCAG counts it."""
    darker, lighter = sorted(luminance(color) for color in (one, other))
    return (lighter + 0.05) / (darker + 0.05)


def linear(color):
    parts = np.array(to_rgb(color))
    return np.where(parts < 0.04, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def luminance(color):
    return linear(color) @ (0.2126, 0.7152, 0.0722)


def on_what(svg):
    """Each color of a text, and what that text stands on; each outline, and the ground."""
    ground, *marks = [each for each in svg.iter() if each.get("fill")]
    shapes = [(box(mark), mark) for mark in marks if mark.tag in (f"{SVG}rect", f"{SVG}ellipse")]
    for mark in marks:
        if mark.tag == f"{SVG}text":
            x, y = float(mark.get("x")), float(mark.get("y"))
            around = [
                shape
                for (left, right, top, bottom), shape in shapes
                if left < x < right and top < y < bottom
            ]
            yield TEXT, mark.get("fill"), (around or [ground])[-1].get("fill")
    for each in svg.iter():
        if each.get("stroke"):
            yield LINES, each.get("stroke"), ground.get("fill")


def box(mark):
    """Left, right, top and bottom of a rectangle or an ellipse."""
    if mark.tag == f"{SVG}rect":
        x, y, width, height = (float(mark.get(name)) for name in ("x", "y", "width", "height"))
        return x, x + width, y, y + height
    x, y, a, b = (float(mark.get(name)) for name in ("cx", "cy", "rx", "ry"))
    return x - a, x + a, y - b, y + b


def test_everything_in_a_graph_can_be_read_in_both_themes(graph):
    pairs = set(on_what(ElementTree.fromstring(graph)))
    assert len(pairs) > 15
    for needed, color, behind in pairs:
        assert contrast(color, behind) >= needed
        assert contrast(DARK[color], DARK[behind]) >= needed


def test_curves_can_be_seen_in_both_themes():
    for curve, behind in itertools.product((BLUE, VERMILION), (WHITE, YELLOW)):
        assert contrast(curve, behind) >= LINES
        assert contrast(DARK[curve], DARK[behind]) >= LINES


# Machado, Oliveira and Fernandes 2009: what is left of red, green and blue.
SEEN_WITHOUT = {
    "green": ((0.367, 0.861, -0.228), (0.280, 0.673, 0.047), (-0.012, 0.043, 0.969)),
    "red": ((0.152, 1.053, -0.205), (0.115, 0.786, 0.099), (-0.004, -0.048, 1.052)),
}


@pytest.mark.parametrize("cones", SEEN_WITHOUT)
def test_a_gradient_and_a_cut_differ_for_the_color_blind_as_well(graph, cones):
    assert PURPLE in graph
    assert RED in graph

    def seen(color):
        return np.array(SEEN_WITHOUT[cones]) @ linear(color)

    for gradient, cut in ((PURPLE, RED), (DARK[PURPLE], DARK[RED])):
        assert math.dist(seen(gradient), seen(cut)) > 0.3  # brick red and red: 0.1


# A picture is as it was without


def test_a_ground_of_the_users_own_stays(x):
    for ground in ("black", "#123456"):
        with mpl.rc_context({"figure.facecolor": ground}):
            assert "<style>" not in plot_graph(x * x).svg
            assert "color-scheme" not in plot_derivative(torch.sin, -3, 3).svg


def test_a_picture_still_has_its_colors_without_the_style_block(graph):
    """As for programs that know none."""
    plain = re.sub("<style>.*?</style>", "", graph, flags=re.S)
    assert "light-dark" not in plain
    assert set(re.findall(r"#[0-9a-f]{6}", plain)) <= set(DARK)
