"""The site in a real browser: each page, in light and dark, on a desk and on a phone."""

import functools
import http.server
import io
import re
import subprocess
import sys
import threading
from html.parser import HTMLParser
from pathlib import Path
from posixpath import normpath
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import nbformat
import pytest
import yaml
from address import known_address
from axe_playwright_python.sync_playwright import Axe
from chapters import CHAPTERS
from made_cells import make_cells
from PIL import Image

import autodiff_helpers

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / "screenshots" / "site"
TABLE = yaml.safe_load((ROOT / "docs" / "_toc.yml").read_text(encoding="utf-8"))
PAGES = [TABLE["root"], *(entry["file"] for entry in TABLE["entries"])]
SEARCH = "search"
# Seen from the English site.
CHINESE = "../zh-TW/"
BOTH = [*PAGES, SEARCH, *(f"{CHINESE}{page}" for page in [*PAGES, SEARCH])]
DESK, PHONE = {"width": 1280, "height": 800}, {"width": 375, "height": 667}

# Each page at both widths and in both colors. What frames a page is the same on all of them, so
# one page shows that in the other two looks.
LOOKS = {"phone-dark": (PHONE, "dark"), "desk-light": (DESK, "light")}
ALL_LOOKS = {**LOOKS, "phone-light": (PHONE, "light"), "desk-dark": (DESK, "dark")}


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """A plain file server that prints nothing."""

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def site():
    """The folder of the English site, built afresh."""
    subprocess.run([sys.executable, ROOT / "tools" / "build_site.py"], check=True)
    return ROOT / "site" / "en"


@pytest.fixture(scope="module")
def address(site):
    """Where the English site is: in a folder of a plain file server, not at its root."""
    handler = functools.partial(QuietHandler, directory=ROOT)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/site/en"
        server.shutdown()


@pytest.fixture
def visit(browser, address):
    """A function that opens a page and notes what it says and asks for: these must stay empty."""
    complaints, contexts = [], []

    def open_page(name, viewport=DESK, colors="light", base=address, **options):
        context = browser.new_context(viewport=viewport, color_scheme=colors, **options)
        contexts.append(context)
        tab = context.new_page()
        tab.on("console", lambda message: note_words(name, message.text))
        tab.on("pageerror", lambda error: complaints.append(f"{name} fails with {error}"))
        tab.on("request", lambda request: note(request.url))
        tab.on("response", note_failure)
        tab.goto(f"{base}/{name}.html")
        if tab.locator(".math").count() and options.get("java_script_enabled", True):
            tab.wait_for_function("MathJax.startup?.promise")
            tab.evaluate("MathJax.startup.promise")
        return tab

    def note_words(name, words):
        if not re.match(r"Changed to \w+ mode", words):  # the theme's answer to its button
            complaints.append(f"{name} says {words}")

    def note(url):
        if not url.startswith((address.removesuffix("/site/en"), "file:", "data:")):
            complaints.append(f"a request leaves the host: {url}")

    def note_failure(response):
        if response.status >= 400:
            complaints.append(f"{response.status} for {response.url}")

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def test_every_page_is_built_without_a_warning(site):
    assert all((site / f"{page}.html").exists() for page in BOTH)


@pytest.mark.parametrize("page", BOTH)
def test_page_can_be_read(visit, page):
    # Loaded once, where room is scarce: style sheets answer to another width or color at any time.
    tab = visit(page, *LOOKS["phone-dark"])
    unfold(tab)
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    name = page.removeprefix("../").replace("/", "-")
    for look, (viewport, colors) in (ALL_LOOKS if page == PAGES[0] else LOOKS).items():
        tab.set_viewport_size(viewport)
        tab.emulate_media(color_scheme=colors)
        tab.evaluate(UNTIL_NOTHING_MOVES)
        tab.screenshot(path=SCREENSHOTS / f"{name}-{look}.png", full_page=True)
        assert_can_be_read(tab, look)


def unfold(tab):
    """Open all that is folded on a page."""
    tab.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")


# By the next frame the page has its new size; then its drawers slide in or away.
UNTIL_NOTHING_MOVES = """async () => {
    await new Promise(requestAnimationFrame);
    await Promise.allSettled(document.getAnimations().map(each => each.finished));
}"""


def assert_can_be_read(tab, look):
    viewport, _ = ALL_LOOKS[look]
    assert tab.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    assert tab.evaluate("[...document.images].filter(i => !i.naturalWidth).map(i => i.src)") == []
    assert tab.evaluate("[...document.images].filter(i => /^$|[.]svg/.test(i.alt))") == []
    # A paragraph, a picture or a formula that is wider than the page is cut off, unless it scrolls.
    assert tab.evaluate(WIDER_THAN_THE_PAGE) == []
    # What is wide shrinks to four fifths at most, where it can still be read, and scrolls.
    assert tab.evaluate(SHRUNK) == []
    if viewport is PHONE:
        assert tab.evaluate(CUT_OFF_OR_TORN) == []
    assert tab.locator(".math").count() == tab.locator("mjx-container").count()
    assert tab.locator("mjx-merror").count() == 0

    found = Axe().run(tab, options={"resultTypes": ["violations"]}).response["violations"]
    serious = [each for each in found if each["impact"] in ("serious", "critical")]
    assert [(each["id"], each["nodes"][0]["html"]) for each in serious] == []


SHRUNK = """[...document.querySelectorAll(".cell_output > img")]
    .filter(image => image.clientWidth < 0.8 * image.naturalWidth - 1).map(image => image.alt)"""
# On a phone the lines of a cell are broken; but not what lies in columns.
CUT_OFF_OR_TORN = """[...document.querySelectorAll(".cell pre, details pre")].filter(pre => {
    const {lineHeight, paddingTop, paddingBottom} = getComputedStyle(pre);
    const height = pre.clientHeight - parseFloat(paddingTop) - parseFloat(paddingBottom);
    const lines = pre.textContent.trimEnd().split("\\n");
    const torn = height > (lines.length + 0.5) * parseFloat(lineHeight);
    return pre.scrollWidth > pre.clientWidth || torn && lines.some(line => /[└├]|--/.test(line));
}).map(pre => pre.textContent)"""
WIDER_THAN_THE_PAGE = """() => {
    const scrolls = e => e.tagName !== "ARTICLE" &&
        (getComputedStyle(e).overflowX === "auto" || scrolls(e.parentElement));
    return [...document.querySelectorAll("article :is(p, li, td, img, svg, mjx-container)")]
        .filter(e => e.getBoundingClientRect().right > innerWidth && !scrolls(e))
        .map(e => e.outerHTML.slice(0, 200));
}"""


class Addresses(HTMLParser):
    """Where the links of a page lead, and where links to it can."""

    def __init__(self, path):
        super().__init__()
        self.links, self.anchors = [], set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name == "id":
                self.anchors.add(value)
            if name == "href" and tag in ("a", "area"):
                self.links.append(value)


def test_no_link_is_broken(site):
    pages = [normpath(f"en/{page}.html") for page in BOTH]
    read = {page: Addresses(site.parent / page) for page in pages}
    assert all(len(addresses.links) > 10 for addresses in read.values())
    broken = []
    for page, addresses in read.items():
        for url in addresses.links:
            if urlsplit(url).scheme:
                continue
            target, anchor = map(unquote, urldefrag(urljoin(page, url)))
            if target in read:
                exists = not anchor or anchor in read[target].anchors
            else:
                exists = (site.parent / target).exists()
            if not exists:
                broken.append(f"{page}: {url}")
    assert broken == []


@pytest.mark.parametrize("page", [*PAGES, SEARCH])
def test_each_page_leads_to_itself_in_the_other_language_and_back(visit, page):
    tab = visit(page, java_script_enabled=False)
    for language, link, other in (("en", "繁體中文", "zh-TW"), ("zh-TW", "English", "en")):
        assert tab.locator("html").get_attribute("lang") == language
        alternate = tab.locator(f"link[rel=alternate][hreflang={other}]")
        assert alternate.get_attribute("href") == f"../{other}/{page}.html"
        tab.get_by_role("link", name=link, exact=True).click()
        tab.wait_for_url(f"**/{other}/{page}.html")


def test_search_finds_chinese(visit):
    """Words of two characters and more, a single one, and several of which all are on a page."""
    tab = visit(f"{CHINESE}index")
    for query in ("自動微分", "微分", "刀", "剪刀 autograd", "連鎖律、矩陣"):
        tab.get_by_role("textbox", name="搜尋").first.fill(query)
        tab.keyboard.press("Enter")
        tab.locator("#search-results li a", has_text="2.5 自動微分").first.wait_for()
    tab.get_by_role("searchbox").last.fill("剪輯")
    tab.keyboard.press("Enter")
    tab.locator(".search-summary").get_by_text("找不到").wait_for()


def test_no_punctuation_stands_alone_after_a_formula(visit):
    tab = visit(f"{CHINESE}index", PHONE)
    formulas = tab.locator(".together")
    assert formulas.count() > 0
    for formula in formulas.all():
        assert formula.evaluate(STANDS_BESIDE)


def test_no_punctuation_is_lost_beside_a_formula(visit):
    text = visit(f"{CHINESE}mixed-exercises", PHONE).locator("article").inner_text()
    assert text.count("（2.5.1、2.5.2）") == 2


STANDS_BESIDE = """span => {
    const after = document.createRange();
    after.selectNodeContents(span.lastChild);
    const formula = span.querySelector("mjx-container").getBoundingClientRect();
    return after.getBoundingClientRect().left > formula.right - 1;
}"""


def test_start_page_leads_to_the_first_language(visit, address):
    tab = visit("index", base=address.removesuffix("/en"))
    tab.wait_for_url("**/site/en/index.html")


def test_next_leads_through_every_page_and_previous_back(visit):
    tab = visit("index", java_script_enabled=False)
    for page in PAGES[1:]:
        tab.locator("a.next-page").click()
        tab.wait_for_url(f"**/{page}.html")
    assert tab.locator("a.next-page").count() == 0
    for page in PAGES[-2::-1]:
        tab.locator("a.prev-page").click()
        tab.wait_for_url(f"**/{page}.html")


@pytest.mark.parametrize("page", [path.stem for path in ROOT.glob("notebooks/*.ipynb")])
def test_notebook_can_be_downloaded_as_it_is_stored_with_a_cell_for_who_lacks_the_helpers(
    visit, page
):
    tab = visit(page, java_script_enabled=False)
    with tab.expect_download() as download:
        tab.get_by_role("link", name="Download this notebook").click()
    assert download.value.suggested_filename == f"{page}.ipynb"
    stored = nbformat.read(ROOT / "notebooks" / f"{page}.ipynb", as_version=4)
    make_cells(stored, f"{page}.ipynb", known_address(ROOT), "en")
    assert nbformat.read(download.value.path(), as_version=4) == stored


@pytest.mark.parametrize(("language", "link"), [("en", "Slides"), ("zh-TW", "投影片")])
def test_a_notebook_leads_to_its_slides(visit, language, link):
    name = "2.5.1-a-simple-example"
    tab = visit(f"../{language}/{name}")
    tab.get_by_role("link", name=link, exact=True).click()
    tab.wait_for_url(f"**/slides/{language}/{name}.html")
    tab.wait_for_function("window.Reveal?.isReady()")
    assert tab.locator("html").get_attribute("lang") == language


@pytest.mark.parametrize("where", ["server", "folder"])
def test_search_finds_the_chapter(visit, address, site, where):
    base = address if where == "server" else site.as_uri()
    tab = visit("index", base=base)
    tab.get_by_role("textbox", name="Search").fill("detach")
    tab.keyboard.press("Enter")
    tab.locator("#search-results li a", has_text="2.5.3").first.click()
    tab.wait_for_url("**/2.5.3-detaching-computation.html*")


def test_search_page_without_a_query_says_how_to_search(visit):
    tab = visit("search", PHONE)
    tab.get_by_role("searchbox", name="Type one or more words and press Enter.").fill("detach")
    tab.keyboard.press("Enter")
    tab.locator("#search-results li a", has_text="2.5.3").first.wait_for()


@pytest.mark.parametrize("page", [path.stem for path in CHAPTERS])
def test_exercises_say_how_to_run_them(visit, page):
    tab = visit(page, java_script_enabled=False)
    tab.locator("#try-it > h2 + p").get_by_role("link", name="Run it yourself").click()
    tab.wait_for_url("**/run-it-yourself.html")


@pytest.mark.parametrize("name", ["check_gradient", "plot_graph", "step_backward"])
def test_a_name_with_a_question_mark_leads_to_what_jupyterlab_would_show(visit, name):
    tab = visit("glossary", java_script_enabled=False)
    tab.get_by_role("link", name=f"{name}?").click()
    tab.wait_for_url(f"**/helpers.html#autodiff_helpers.{name}")


def test_dark_and_light_can_be_chosen(visit):
    tab = visit("index", colors="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    seen = {tab.evaluate(ground)}
    for _ in range(2):
        tab.get_by_role("button", name="color theme").locator("visible=true").click()
        seen.add(tab.evaluate(ground))
    assert len(seen) == 2


# On a phone the drawers are more, and they are the same on every page.
@pytest.mark.parametrize(
    ("page", "viewport"),
    [*((page, DESK) for page in [*PAGES, SEARCH]), (PAGES[1], PHONE)],
)
def test_keyboard_reaches_everything(visit, page, viewport):
    tab = visit(page, viewport)
    if viewport is PHONE:
        for drawer in ("#__navigation", "#__toc"):
            tab.locator(drawer).focus()
            tab.keyboard.press("Space")
    tab.evaluate(MARK_WHAT_CAN_BE_USED)
    wanted = tab.evaluate(NOT_REACHED)
    assert len(wanted) > 10
    presses = 2 * len(wanted)
    tab.evaluate("document.activeElement.blur()")
    while wanted and presses > 0:
        for _ in wanted:
            tab.keyboard.press("Tab")
        presses -= len(wanted)
        wanted = tab.evaluate(NOT_REACHED)
    assert wanted == []


MARK_WHAT_CAN_BE_USED = """() => {
    [...document.querySelectorAll("a[href], button, input, summary")]
        .filter(e => !e.disabled && e.checkVisibility({visibilityProperty: true}))
        .forEach(e => { e.dataset.wanted = ""; });
    addEventListener("focusin", event => { delete event.target.dataset.wanted; });
}"""
NOT_REACHED = "[...document.querySelectorAll('[data-wanted]')].map(e => e.outerHTML.slice(0, 200))"


def test_drawers_open_by_keyboard_on_a_phone(visit):
    tab = visit("2.5.1-a-simple-example", PHONE)
    link = tab.locator(".sidebar-drawer").get_by_role("link", name="The helpers")
    assert not link.is_visible()
    tab.keyboard.press("Tab")
    tab.keyboard.press("Space")
    link.wait_for(state="visible")
    link.focus()
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/helpers.html")


@pytest.mark.parametrize("script", [True, False])
def test_what_a_question_asks_to_predict_is_folded_until_it_is_clicked(visit, script):
    tab = visit("2.5.1-a-simple-example", java_script_enabled=script)
    cell = tab.locator(".tag_hide-output", has_text="print(w.grad)")
    answer = cell.locator(".cell_output")
    assert not answer.is_visible()
    cell.get_by_text("Show the output").click()
    assert answer.inner_text().split() == ["tensor(6.)", "tensor(12.)"]
    cell.get_by_text("Hide the output").click()
    assert not answer.is_visible()


def test_steps_play_without_a_kernel(visit):
    tab = visit("2.5.1-a-simple-example")
    unfold(tab)
    player = tab.locator(".autodiff-steps")
    caption = player.locator("li:visible")
    assert caption.inner_text() == "Start: the gradient at y is 1."
    assert player.get_by_role("button", name="Previous").is_disabled()
    player.get_by_role("button", name="Next").click()
    assert caption.inner_text().startswith("× 2 (MulBackward0) gets 1.")
    assert player.locator("ellipse.now").count() == 1
    player.get_by_role("button", name="Next").click()
    player.get_by_role("button", name="Next").click()
    assert caption.inner_text().startswith("Done: the gradient of x is")
    assert player.locator(".later").count() == 0
    assert player.get_by_role("button", name="Next").is_disabled()
    player.get_by_role("button", name="Previous").click()
    assert player.locator("ellipse.now").count() == 1


def test_steps_play_by_themselves(visit):
    tab = visit("2.5.1-a-simple-example")
    unfold(tab)
    tab.clock.install()
    player = tab.locator(".autodiff-steps")
    player.get_by_role("button", name="Play").click()
    assert player.locator("li:visible").get_attribute("value") == "1"
    tab.clock.run_for(1500)
    assert player.locator("li:visible").get_attribute("value") == "2"
    player.get_by_role("button", name="Pause").click()
    tab.clock.run_for(5000)
    assert player.locator("li:visible").get_attribute("value") == "2"
    player.get_by_role("button", name="Play").click()
    tab.clock.run_for(5000)
    assert player.locator("li:visible").get_attribute("value") == "3"
    player.get_by_role("button", name="Play").click()
    assert player.locator("li:visible").get_attribute("value") == "0"


def test_without_javascript_every_step_can_be_read(visit):
    tab = visit("2.5.1-a-simple-example", java_script_enabled=False)
    player = tab.locator(".autodiff-steps")
    tab.locator(".tag_hide-output", has=player).get_by_text("Show the output").click()
    assert player.locator("li:visible, img:visible, button:visible").count() == 0
    player.locator("summary").click()
    assert player.locator("li:visible").count() == 4
    assert player.locator("img:visible").count() == 1


def test_reference_lists_every_public_name_and_no_other(visit):
    tab = visit("helpers")
    listed = tab.locator("article dt.sig-object[id]").evaluate_all("all => all.map(e => e.id)")
    names = {re.sub(r"^autodiff_helpers\.", "", name) for name in listed}
    public = {name for name in names if "." not in name}
    assert public == set(autodiff_helpers.__all__)


# For each picture of the gallery: how far it is scrolled, how much of it is hidden, how much it
# shrinks, and whether it runs down.
PICTURES = """() => [...document.querySelectorAll(".cell_output:has(> img)")].map(region => {
    const image = region.querySelector("img");
    return [region.scrollLeft, region.scrollWidth - region.clientWidth,
            image.width / image.naturalWidth, image.naturalHeight > image.naturalWidth];
})"""


def test_pictures_fit_or_open_where_there_is_something_to_see(visit):
    assert all(hidden <= 0 for _, hidden, *_ in visit("gallery").evaluate(PICTURES))
    phone = visit("gallery", PHONE).evaluate(PICTURES)
    assert min(shrunk for *_, shrunk, _ in phone) == pytest.approx(0.8, abs=0.01)
    wide = [picture for picture in phone if picture[1] > 0]
    assert {is_tall for *_, is_tall in wide} == {True, False}
    for scrolled, hidden, _, is_tall in wide:
        assert scrolled == pytest.approx(hidden / 2 if is_tall else 0, abs=1)


def test_a_picture_fades_out_where_there_is_more_of_it(visit):
    tab = visit("gallery", PHONE)
    first = next(
        number
        for number, (scrolled, hidden, *_) in enumerate(tab.evaluate(PICTURES))
        if hidden > 0 and not scrolled
    )
    wide = tab.locator(".cell_output:has(> img)").nth(first)
    assert fading(wide) == (False, True)
    wide.evaluate("region => { region.scrollLeft = region.scrollWidth; }")
    wide.page.wait_for_function(
        "region => region.style.cssText.match(/--right: 0px/)", arg=wide.element_handle()
    )
    assert fading(wide) == (True, False)


def fading(picture):
    """Whether its ground, which is white, is transparent at its two ends."""
    picture.evaluate(
        "region => { document.body.style.background = region.style.background = 'red'; }"
    )
    image = Image.open(io.BytesIO(picture.screenshot())).convert("RGB")
    return tuple(image.getpixel((x, 4)) != (255, 255, 255) for x in (0, image.width - 1))
