"""The player of step_backward in a browser: it stays on the screen, and shows what flows back."""

from html import escape

import pytest
import torch
from IPython.core.formatters import DisplayFormatter

from autodiff_helpers import check_gradient, plot_derivative, plot_graph, step_backward

DESK, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 667}
each_screen = pytest.mark.parametrize("screen", [DESK, PHONE], ids=["desk", "phone"])


@pytest.fixture(scope="module")
def html():
    """A recurrent network of five steps, which is larger than any screen."""
    wx, wh, b = (torch.full((2, 2), 0.1, requires_grad=True) for _ in range(3))
    h = torch.zeros(2, 2)
    for _ in range(5):
        h = torch.tanh(torch.ones(2, 2) @ wx + h @ wh + b)
    return step_backward(h.sum())._repr_mimebundle_()["text/html"]


@pytest.fixture
def player(browser, html, screen):
    page = browser.new_page(viewport=screen)
    page.set_content(
        f"<!DOCTYPE html><body><p style='height: 300px'>Before</p>{html}"
        "<p style='height: 2000px'>After</p></body>"
    )
    yield page.locator(".autodiff-steps")
    page.close()


# Goes through all steps; what is out of sight or has moved is noted, with the step.
PLAY_TO_THE_END = """player => {
    player.scrollIntoView();
    const window = {left: 0, top: 0, right: innerWidth, bottom: innerHeight};
    const outside = (e, {left, top, right, bottom}) => {
        const box = e.getBoundingClientRect();
        return box.left < left - 1 || box.top < top - 1
            || box.right > right + 1 || box.bottom > bottom + 1;
    };
    const [, next] = player.querySelectorAll("button");
    const [place, at] = [scrollY, next.getBoundingClientRect().y];
    const noted = [];
    let steps = 0;
    while (!next.disabled) {
        next.click();
        steps += 1;
        const picture = player.querySelector(".picture");
        const caption = player.querySelector("li:not([hidden])");
        for (const e of [...player.querySelectorAll("button"), caption, picture])
            if (outside(e, window)) noted.push([steps, e.className || e.textContent]);
        for (const e of player.querySelectorAll("ellipse.now"))
            if (outside(e, picture.getBoundingClientRect())) noted.push([steps, e.id]);
        if (scrollY !== place || next.getBoundingClientRect().y !== at)
            noted.push([steps, "the page moved"]);
    }
    return [steps, noted];
}"""


@each_screen
def test_everything_stays_on_the_screen_to_the_last_step(player, screen):
    steps, noted = player.evaluate(PLAY_TO_THE_END)
    assert steps > 20
    assert noted == []
    wide = player.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= screen["width"]


@each_screen
def test_the_letters_hardly_shrink(player):
    pixels_to_a_point = player.locator("svg").evaluate("svg => svg.getScreenCTM().a")
    assert pixels_to_a_point > 0.79 * 4 / 3


# What stands in place of the head of an arrow reaches from where its line ends to its tip.
IS_WHOLE = """arrow => {
    const [line, head] = arrow.querySelectorAll("path");
    const on = getComputedStyle(line).markerEnd.slice('url("'.length, -'")'.length);
    const {x, width} = document.querySelector(on + " path").getBBox();
    const [end, tip] = [line.getPointAtLength(line.getTotalLength()), head.getPointAtLength(0)];
    return Math.abs(Math.hypot(tip.x - end.x, tip.y - end.y) - (x + width)) < 0.1;
}"""


@pytest.mark.parametrize("screen", [DESK], ids=["desk"])
def test_lit_arrows_point_the_way_the_gradient_goes(player):
    for _ in range(3):
        player.get_by_role("button", name="Next").click()
    lit = player.locator("g.now")
    assert lit.count() >= 2
    for arrow in lit.all():
        line, head = arrow.locator("path").all()
        assert head.evaluate("e => getComputedStyle(e).visibility") == "hidden"
        assert line.evaluate("e => getComputedStyle(e).markerStart") == 'url("#autodiff-back")'
        assert arrow.evaluate(IS_WHOLE)
    assert player.locator("#autodiff-back").count() == 1
    dark = player.locator("g[id]:not(.now) path:last-child").first
    assert dark.evaluate("e => getComputedStyle(e).visibility") == "visible"


# As Colab shows it


@pytest.fixture
def framed(browser):
    """A function that shows something as Colab does: in a frame that may run scripts, and no more.

    The frame has an origin of its own, so whoever asks there for storage, or for the page around
    it, gets an error, and none may come up.
    """
    page = browser.new_page(viewport=DESK)
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))

    def show(shown):
        content = escape(f"<!DOCTYPE html><body>{shown}</body>")
        page.set_content(f'<iframe sandbox="allow-scripts" srcdoc="{content}" height=600></iframe>')
        return page.frame_locator("iframe").locator("body")

    yield show
    page.close()
    assert complaints == []


def test_the_player_plays_in_a_frame_of_its_own_origin(framed, html):
    body = framed(html)
    assert body.evaluate("() => origin") == "null"
    button = {name: body.get_by_role("button", name=name) for name in ("Previous", "Next", "Play")}
    step = body.locator("li:visible")
    seen = [step.get_attribute("value")]
    for name in ("Next", "Next", "Previous"):
        button[name].click()
        seen.append(step.get_attribute("value"))
    assert seen == ["0", "1", "2", "1"]
    button["Play"].click()
    body.locator("li[value='2']:visible").wait_for()
    assert body.locator(".now").count() > 0


X = torch.tensor([1.0, 2.0], requires_grad=True)
PICTURES = {
    "graph": lambda: plot_graph((X * X).sum()),
    "derivative": lambda: plot_derivative(torch.sin, -1, 1),
    "check": lambda: check_gradient(torch.sin, X).plot(),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_shown_in_a_frame_of_its_own_origin(framed, name):
    data, _ = DisplayFormatter().format(PICTURES[name]())
    box = framed(data["image/svg+xml"]).locator("svg").bounding_box()
    assert min(box["width"], box["height"]) > 50
