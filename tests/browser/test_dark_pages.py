"""A picture has the theme of the page in which it stands, in a browser."""

import io
from urllib.parse import quote

import pytest
import torch
from matplotlib.colors import to_rgb
from PIL import Image

from autodiff_helpers import (
    check_gradient,
    plot_derivative,
    plot_descent,
    plot_graph,
    plot_step_sizes,
    step_backward,
)
from autodiff_helpers.theme import DARK, WHITE


@pytest.fixture(scope="module")
def page(browser):
    page = browser.new_page(viewport={"width": 900, "height": 2000})
    yield page
    page.close()


@pytest.fixture(scope="module")
def pictures():
    a = torch.tensor(3.0, requires_grad=True)
    x, wrong = torch.ones(2, requires_grad=True), torch.tensor([1.0, 2.0])
    return [
        plot_graph(a * a).svg,
        plot_derivative(torch.sin, -3, 3).svg,
        plot_step_sizes(torch.exp, 1.0).svg,
        plot_descent(torch.sum, [[1.0, 2.0], [0.5, 1.5]]).svg,
        check_gradient(lambda x: x.square().sum(), x, expected=wrong).plot().svg,
        step_backward(a * a)._repr_mimebundle_()["text/html"],
    ]


def theme(picture):
    """The theme that a picture is in, by the color near its corner."""
    image = Image.open(io.BytesIO(picture.screenshot())).convert("RGB")
    return {to_rgb(WHITE): "light", to_rgb(DARK[WHITE]): "dark"}[
        tuple(part / 255 for part in image.getpixel((3, 3)))
    ]


@pytest.mark.parametrize(
    ("attribute", "system", "expected"),
    [
        ("data-jp-theme-light=false", "light", "dark"),
        ("data-jp-theme-light=true", "dark", "light"),
        ("data-theme=dark", "light", "dark"),
        ("data-theme=light", "dark", "light"),
        ("data-theme=auto", "dark", "dark"),
        ("data-theme=auto", "light", "light"),
        ("class=vscode-dark", "light", "dark"),
        ("class=vscode-light", "dark", "light"),
        ("style='color-scheme: dark'", "light", "dark"),
        ("", "dark", "light"),  # a page that knows nothing of themes
    ],
)
def test_pictures_in_a_page_have_its_theme(page, pictures, attribute, system, expected):
    page.emulate_media(color_scheme=system)
    page.set_content(f"<!DOCTYPE html><body {attribute}>{''.join(pictures)}</body>")
    shown = page.locator("svg.autodiff-picture").all()
    assert [theme(picture) for picture in shown] == [expected] * len(pictures)
    scheme = page.evaluate("getComputedStyle(document.body).colorScheme")
    assert scheme == ("dark" if "color-scheme" in attribute else "normal")


@pytest.mark.parametrize("system", ["light", "dark"])
@pytest.mark.parametrize("scheme", ["normal", "light", "dark"])
def test_pictures_in_img_have_the_theme_that_the_page_declares_or_the_systems(
    page, pictures, system, scheme
):
    page.emulate_media(color_scheme=system)
    images = (f'<img src="data:image/svg+xml,{quote(svg)}">' for svg in pictures[:-1])
    page.set_content(f"<!DOCTYPE html><body style='color-scheme: {scheme}'>{''.join(images)}")
    expected = system if scheme == "normal" else scheme
    assert {theme(picture) for picture in page.locator("img").all()} == {expected}


def test_every_color_of_a_picture_of_ours_has_its_dark_one(page, pictures):
    page.emulate_media(color_scheme="light")
    seen = {}
    for scheme in ("light", "dark"):
        page.set_content(f"<body style='color-scheme: {scheme}'>{''.join(pictures)}</body>")
        seen[scheme] = set(page.evaluate(PAINTED))
    light = {color for color in DARK if painted(color) in seen["light"]}
    assert len(light) > 12
    assert seen["light"] - UNSEEN == {painted(color) for color in light}
    assert seen["dark"] - UNSEEN == {painted(DARK[color]) for color in light}


def painted(color):
    return "rgb({}, {}, {})".format(*(round(255 * part) for part in to_rgb(color)))


# matplotlib's next color, for the inside of a cross, which has none.
UNSEEN = {"rgb(255, 127, 14)"}
PAINTED = """() => [...document.querySelectorAll("svg :is(text, rect, ellipse, path, use)")]
    .filter(each => !each.closest("defs, clipPath"))
    .flatMap(each => [getComputedStyle(each).fill, getComputedStyle(each).stroke])
    .filter(paint => paint.startsWith("rgb("))"""
