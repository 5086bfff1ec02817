"""The slides in a real browser, opened as files: what fits, what can be read, what a key does."""

import io

import pytest
from languages import LANGUAGES
from PIL import Image
from slides import make_slides, notes_of

SLIDE = {"width": 1280, "height": 720}
DECKS = [
    f"{language}/{path.stem}"
    for language in LANGUAGES
    for path in sorted(LANGUAGES[language].glob("*.ipynb"))
]
CHAPTER = "2.5.1-a-simple-example"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The decks of all notebooks, made afresh."""
    folder = tmp_path_factory.mktemp("made") / "slides"
    make_slides(folder)
    return folder


@pytest.fixture(scope="module")
def page(browser):
    """One page for all tests."""
    with browser.new_context(viewport=SLIDE) as context:
        yield context.new_page()


@pytest.fixture
def visit(page, folder):
    """A function that opens a deck and notes what it says and asks for: these must stay empty."""
    complaints = []

    def open_deck(name, colors="light"):
        page.emulate_media(color_scheme=colors)
        # Otherwise only another slide of the same deck is shown.
        page.goto("about:blank")
        page.goto((folder / f"{name}.html").as_uri())
        page.wait_for_function("window.Reveal?.isReady()")
        return page

    def note_words(message):
        complaints.append(f"it says {message.text}")

    def note_error(error):
        complaints.append(f"it fails with {error}")

    def note_request(request):
        if not request.url.startswith(("file:", "data:", "about:")):
            complaints.append(f"a request leaves the machine: {request.url}")

    def note_failure(request):
        complaints.append(f"{request.url} is missing")

    listeners = {
        "console": note_words,
        "pageerror": note_error,
        "request": note_request,
        "requestfailed": note_failure,
    }
    for event, listener in listeners.items():
        page.on(event, listener)
    yield open_deck
    for event, listener in listeners.items():
        page.remove_listener(event, listener)
    assert complaints == []


def show(page, words):
    """Turn to the first slide that holds some words, and before its fragments."""
    page.evaluate(SHOW, words)


SHOW = """words => {
    const slide = Reveal.getSlides().find(slide => slide.textContent.includes(words));
    const { h, v } = Reveal.getIndices(slide);
    Reveal.slide(h, v, -1);
}"""


def place(page):
    return page.evaluate("Reveal.getSlidePastCount()")


# Every slide


@pytest.mark.parametrize("deck", DECKS)
def test_every_slide_fits_and_can_be_read(visit, folder, deck):
    page = visit(deck)
    assert page.evaluate(MEASURE) == []
    assert page.evaluate("document.querySelectorAll('.slides section section').length") > 3
    assert page.locator("mjx-container").count() == page.locator(".math").count()
    assert page.locator("mjx-merror").count() == 0
    assert page.evaluate(OUT_OF_VIEW) == []
    # What was divided is still there, and once.
    written = (folder / f"{deck}.html").read_text(encoding="utf-8")
    assert page.locator(".line").count() == written.count('<span class="line">')
    rows = written.count("<tr>") - written.count("<thead>")
    assert page.locator("tbody tr").count() == rows


# Of each slide: what stands out of it, and what is smaller than 18 pixels. In a picture that is
# shown in parts each part is cut off at its edges; what stands out of all of them is found below.
MEASURE = """() => Reveal.getSlides().flatMap(slide => {
    const { h, v } = Reveal.getIndices(slide);
    Reveal.slide(h, v, 99);
    const found = [];
    for (const element of slide.querySelectorAll("*")) {
        const none = "aside, style, script, title, desc, marker, defs, clipPath, mjx-assistive-mml";
        if (element.closest(none) || !element.checkVisibility()) continue;
        const { left, right, top, bottom, width, height } = element.getBoundingClientRect();
        const words = `${h}/${v}: ${element.textContent.slice(0, 40) || element.tagName}`;
        const stands_out = left < -0.5 || top < -0.5 || right > 1280.5 || bottom > 720.5;
        const is_cut_off = element.parentElement.closest(".part, .following");
        if (width && height && stands_out && !is_cut_off) {
            found.push(`stands out of slide ${words}`);
        }
        const is_text = node => node.nodeType === Node.TEXT_NODE && node.data.trim();
        if (![...element.childNodes].some(is_text) && !element.matches("mjx-c")) continue;
        const { a, b } = element.ownerSVGElement ? element.getScreenCTM() : { a: 1, b: 0 };
        const letters = parseFloat(getComputedStyle(element).fontSize) * Math.hypot(a, b);
        if (letters < 17.99) found.push(`${letters} pixels on slide ${words}`);
    }
    return found;
})"""
# Words in a picture that is shown in parts, and that lie in none of them as a whole.
OUT_OF_VIEW = """() => [...document.querySelectorAll("[id^=drawn]")].flatMap(drawn => {
    for (let e = drawn; e; e = e.parentElement?.closest("section")) e.style.display = "block";
    const uses = [...document.querySelectorAll(`use[href="#${drawn.id}"]`)];
    const views = [drawn, ...uses].map(each => each.ownerSVGElement.viewBox.baseVal);
    return [...drawn.querySelectorAll("text")].filter(text => {
        const { x, y, width, height } = text.getBBox();
        return !views.some(view => view.x < x && x + width < view.x + view.width
            && view.y < y && y + height < view.y + view.height);
    }).map(text => text.textContent);
})"""


# What the keys do


def test_an_answer_is_hidden_until_the_next_key(visit):
    page = visit(f"en/{CHAPTER}")
    show(page, "What will be printed the second time?")
    here, answer = place(page), page.locator(".present .output", has_text="tensor(12.)")
    assert answer.count() == 1
    assert not answer.is_visible()
    page.keyboard.press("Space")
    assert answer.is_visible()
    assert place(page) == here


def test_a_picture_that_answers_is_on_the_next_slide(visit):
    page = visit(f"en/{CHAPTER}")
    show(page, "How many arrows will lead away from")
    picture = page.locator("section.picture.present")
    assert picture.count() == 0
    page.keyboard.press("Space")
    assert picture.count() == 1


def test_the_reasons_of_a_quick_check_appear_one_by_one(visit):
    page = visit(f"en/{CHAPTER}")
    show(page, "Where is the gradient?")
    reasons = page.locator(".present .choice .fragment:visible")
    for count in range(4):
        assert reasons.count() == count
        page.keyboard.press("Space")


@pytest.mark.parametrize("key", ["Space", "ArrowRight", "ArrowDown", "PageDown"])
def test_every_key_leads_to_the_next_slide_also_within_a_section(visit, key):
    page = visit("en/gallery")
    page.evaluate("Reveal.slide(1, 0)")
    for expected in ({"h": 1, "v": 1}, {"h": 2, "v": 0}):
        page.keyboard.press(key)
        now = page.evaluate("Reveal.getIndices()")
        assert {"h": now["h"], "v": now["v"]} == expected


def test_a_button_of_the_player_and_the_keys_of_the_slides_do_not_disturb_each_other(visit):
    page = visit(f"en/{CHAPTER}")
    show(page, "Start: the gradient at y is 1.")
    here, caption = place(page), page.locator(".autodiff-steps li:visible")
    assert caption.get_attribute("value") == "0"
    page.get_by_role("button", name="Next").click()
    assert caption.get_attribute("value") == "1"
    # The button has the focus: Space and Enter press it, and the slide stays.
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    assert caption.get_attribute("value") == "3"
    assert place(page) == here
    # A clicker turns the slide all the same, and then Space does so again.
    page.keyboard.press("PageDown")
    assert place(page) == here + 1
    page.keyboard.press("Space")
    assert page.locator(".present .fragment.visible").count() == 1
    page.keyboard.press("PageUp")
    page.keyboard.press("PageUp")
    assert place(page) == here
    assert caption.get_attribute("value") == "3"


def test_a_player_whose_picture_is_in_parts_moves_in_all_of_them(visit):
    page = visit(f"en/{CHAPTER}")
    show(page, "Start: the gradient at y is 1.")
    parts = page.locator(".autodiff-steps svg").all()
    assert len(parts) == 2
    before = [part.screenshot() for part in parts]
    for _ in range(3):
        page.get_by_role("button", name="Next").click()
    page.mouse.move(0, 0)
    for part, was in zip(parts, before, strict=True):
        assert part.screenshot() != was


def test_a_player_that_is_too_large_keeps_what_happens_in_view(visit):
    page = visit("en/forwards-and-backwards")
    # Not shown, it has no place where it could be.
    page.keyboard.press("End")
    show(page, "Start: the gradient at f is 1.")
    now = ".following :is(ellipse, text).now"
    for _ in range(7):
        assert page.locator(now).count() > 0
        assert page.evaluate(IS_IN_VIEW, now)
        page.get_by_role("button", name="Next").click()


IS_IN_VIEW = """now => {
    const [at, all] = [now, ".following"]
        .map(each => document.querySelector(each).getBoundingClientRect());
    return all.top <= at.top && at.bottom <= all.bottom
        && all.left <= at.left && at.right <= all.right;
}"""


# For the speaker, and in the dark


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_window_of_the_speaker_shows_the_notes_of_the_slide(visit, language):
    page = visit(f"{language}/{CHAPTER}")
    first, *_, last = notes_of(language, CHAPTER).values()
    with page.expect_popup() as popup:
        page.keyboard.press("s")
    assert page.locator("section > section:not(:has(aside))").count() == 0
    for note, key in ((first, "End"), (last, "Home")):
        popup.value.wait_for_function(SHOWS_NOTE, arg=note)
        page.keyboard.press(key)
    popup.value.close()


SHOWS_NOTE = """note => document.querySelector(".speaker-controls-notes .value")
    .innerHTML.includes(note.trim())"""


@pytest.mark.parametrize("colors", ["light", "dark"])
def test_slides_are_as_light_or_dark_as_the_machine(visit, colors):
    page = visit("en/2.5.3-detaching-computation", colors)
    show(page, "Computational graph of z from x")
    assert page.locator(".present svg.part:visible").count() == 2
    image = Image.open(io.BytesIO(page.screenshot())).convert("L")
    ground = image.getpixel((2, 2))
    assert ground == (255 if colors == "light" else 20)
    # Most of a picture is its ground, in each of its parts; and its boxes are near to that.
    near = [abs(value - ground) < 60 for value in image.get_flattened_data()]
    assert sum(near) / len(near) > 0.95
