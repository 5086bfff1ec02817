"""The first thing a newcomer does is `make lab`: it opens the contents, and every cell works."""

import io
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sysconfig
import time
import urllib.error
import urllib.request
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import nbformat
import psutil
import pytest
from made_cells import without_made_cells
from nbformat.sign import NotebookNotary
from notebook_rules import code_cells
from pages import anchor
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
PATHS = sorted(ROOT.glob("notebooks/*.ipynb"))
MINE = "my-notebooks"
FIRST_PAGE, FIRST_CHAPTER = f"{MINE}/index.ipynb", "2.5.1-a-simple-example.ipynb"
SCREENSHOTS = ROOT / "screenshots" / "lab"

# The real recipes, run from the environment of this test instead of .venv.
SCRIPTS = Path(sysconfig.get_path("scripts")).as_posix()
STAMPS = [f"--old-file=.venv/{stamp}" for stamp in (".reader", ".installed")]

# A picture of a figure or a graph has more colors than paper and ink.
FEWEST_COLORS = 4

VIEWPORT = {"width": 1280, "height": 1000}

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")

each_notebook = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


class Lab:
    """A JupyterLab server: the address it printed, the folder it works in, and its process."""

    def __init__(self, url, folder, process):
        self.url = url
        self.folder = folder
        self.process = process

    def get(self, path):
        address = urlsplit(self.url)
        url = f"{address.scheme}://{address.netloc}/{path}?{address.query}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)


def wait_for_address(process, log):
    """What `make lab` prints as its address, once something answers there."""
    for _ in range(1200):
        time.sleep(0.05)
        output = log.read_text()
        if "copy and paste" in output and (found := re.search(r"http://\S+", output)):
            address = urlsplit(found[0])
            with suppress(ConnectionRefusedError):
                socket.create_connection((address.hostname, address.port)).close()
                return found[0]
        if process.poll() is not None:
            break
    pytest.fail(f"`make lab` printed no address that answers:\n{output}")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The JupyterLab that `make lab` starts in a copy of this repository."""
    # A newcomer has no Jupyter settings; and no browser may pop up while testing.
    home = tmp_path_factory.mktemp("jupyter")
    (home / "jupyter_lab_config.json").write_text('{"LabApp": {"open_browser": false}}')
    environment = {**os.environ, "JUPYTER_CONFIG_DIR": str(home), "JUPYTER_DATA_DIR": str(home)}
    # What is installed with the helpers, as it is in this repository.
    environment["JUPYTER_PATH"] = str(ROOT / "tools")
    # What is run and saved there must not change this repository.
    folder = tmp_path_factory.mktemp("my clone 梯度")
    shutil.copy(ROOT / "Makefile", folder)
    for part in ("notebooks", "tools"):
        shutil.copytree(ROOT / part, folder / part)

    log = home / "log.txt"
    with log.open("w") as output:
        process = subprocess.Popen(
            ["make", "lab", *STAMPS, f"BIN={SCRIPTS}"],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Lab(wait_for_address(process, log), folder, process)
    finally:
        if process.poll() is None:
            for member in [*psutil.Process(process.pid).children(recursive=True), process]:
                member.kill()
            process.wait()


def test_printed_address_is_the_contents(lab):
    assert urlsplit(lab.url).path == f"/lab/tree/{FIRST_PAGE}"
    with urllib.request.urlopen(lab.url, timeout=10) as page:
        assert "JupyterLab" in page.read().decode()


def test_it_listens_to_this_machine_alone(lab):
    processes = [lab.process, *psutil.Process(lab.process.pid).children(recursive=True)]
    listening = {
        connection.laddr.ip
        for process in processes
        for connection in psutil.Process(process.pid).net_connections()
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening
    assert listening <= {"127.0.0.1", "::1"}


def test_it_asks_for_its_token(lab):
    address = urlsplit(lab.url)
    assert len(parse_qs(address.query)["token"][0]) >= 32
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"{address.scheme}://{address.netloc}/api/contents", timeout=10)


def test_no_news_and_no_update_question(lab):
    settings = lab.get("lab/api/settings/@jupyterlab/apputils-extension:notification")
    options = settings["schema"]["properties"]
    assert options["fetchNews"]["default"] == "false"
    assert options["checkForUpdates"]["default"] is False


@each_notebook
def test_notebook_names_a_kernel_the_server_has(lab, path):
    content = lab.get(f"api/contents/{MINE}/{path.name}")["content"]
    assert content["metadata"]["kernelspec"]["name"] in lab.get("api/kernelspecs")["kernelspecs"]


def test_who_edits_the_originals_sees_their_stored_pictures_before_anything_runs(tmp_path):
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    shutil.copy(ROOT / "Makefile", tmp_path)
    recipe = subprocess.run(
        # Under another make it would say in which folder it is.
        ["make", "--dry-run", "--no-print-directory", "edit", *STAMPS, f"BIN={SCRIPTS}"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    trust, lab = recipe.stdout.splitlines()
    assert lab.endswith("=lab/tree/notebooks/index.ipynb")
    # JupyterLab shows a stored SVG only in a notebook that is trusted, which means signed.
    environment = os.environ | {"JUPYTER_DATA_DIR": str(tmp_path)}
    subprocess.run(shlex.split(trust), cwd=tmp_path, check=True, env=environment)
    notary = NotebookNotary(data_dir=str(tmp_path))
    assert all(notary.check_signature(nbformat.read(path, as_version=4)) for path in PATHS)


# In a real browser: run every cell, and look


def choose(page, menu, item):
    """Click an item in JupyterLab's menu."""
    page.get_by_role("menuitem", name=menu, exact=True).click()
    page.get_by_role("menuitem", name=re.compile(f"^{item}")).click()


def _saves_a_file(answer):
    return answer.request.method == "PUT" and "/api/contents/" in answer.url


class OpenNotebook:
    """A notebook that is open in JupyterLab, in front of all others."""

    def __init__(self, page, path):
        self.page = page
        self.path = path
        self.panel = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        self.panel.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']").wait_for()
        page.locator("[title^='Change kernel']", has_text="Idle").wait_for()

    def run_all(self):
        """Run all cells, and return the notebook that JupyterLab then saves."""
        choose(self.page, "Run", "Run All Cells")
        return self.saved()

    def saved(self):
        """Save the notebook once all its cells have run, and return what is saved."""
        count = len(code_cells(nbformat.read(self.path, as_version=4)))
        last = self.panel.locator(".jp-InputPrompt", has_text=f"[{count}]:")
        last.wait_for(timeout=120_000)
        # Saved is what the server has answered; JupyterLab also puts down what it has open.
        with self.page.expect_response(_saves_a_file):
            self.page.keyboard.press("ControlOrMeta+s")
        return nbformat.read(self.path, as_version=4)

    def photograph(self, path):
        """Take a picture of the whole notebook, in a window so high that all of it is shown."""
        cells = self.panel.locator(".jp-Notebook .jp-Cell")
        sheet = self.panel.locator(".jp-WindowedPanel-inner")
        count = len(nbformat.read(self.path, as_version=4).cells)
        height = VIEWPORT["height"]
        # JupyterLab makes the cells that come into sight, and only then knows how high they are.
        while cells.count() < count or sheet.evaluate("e => e.scrollHeight") + 100 > height:
            height += 500
            self.page.set_viewport_size(VIEWPORT | {"height": height})
            self.page.evaluate("() => new Promise(requestAnimationFrame)")
        # At its edge: in the middle there may be a link, which leads to another notebook.
        cells.first.click(position={"x": 2, "y": 2})
        path.parent.mkdir(parents=True, exist_ok=True)
        return Image.open(io.BytesIO(self.page.screenshot(path=path)))

    def pictures(self):
        return self.panel.locator(".jp-OutputArea-output :is(img, svg[role=img])").all()

    def close(self):
        """Close it and shut its kernel down, so that only one lives at a time."""
        all_panels = self.page.locator(".jp-NotebookPanel")
        one_of_them = all_panels.nth(all_panels.count() - 1)
        choose(self.page, "File", "Close and Shut Down Notebook")
        self.page.locator(".jp-Dialog .jp-mod-accept").click()
        one_of_them.wait_for(state="detached")


@pytest.fixture(scope="module")
def page(browser, lab):
    """JupyterLab in a browser, loaded only once, because that takes longer than any notebook."""
    page = browser.new_page(viewport=VIEWPORT)
    page.goto(lab.url)
    yield page
    page.close()


def open_in(page, lab, name):
    """Open a notebook of the reader's."""
    choose(page, "File", "Open from Path")
    page.locator(".jp-Dialog input").fill(f"{MINE}/{name}.ipynb")
    page.keyboard.press("Enter")
    page.set_viewport_size(VIEWPORT)
    return OpenNotebook(page, lab.folder / MINE / f"{name}.ipynb")


def shown(cell):
    """What a cell shows, without the traceback, which a learner sees at full length."""
    return [
        {key: output[key] for key in output if key not in ("traceback", "execution_count")}
        for output in cell.outputs
    ]


def colors(picture, photograph):
    """How many colors a picture has in the photograph of the notebook that it is in."""
    box = picture.bounding_box()
    left, top = box["x"], box["y"]
    image = photograph.crop((left, top, left + box["width"], top + box["height"])).convert("RGB")
    return len(image.getcolors(maxcolors=image.width * image.height))


# Which pictures are wider than the place where they are shown.
CUT_OFF = """panel => [...panel.querySelectorAll(".jp-OutputArea-output:has(img)")]
    .filter(area => area.scrollWidth > area.clientWidth).map(area => area.innerHTML)"""


def assert_shows_what_is_stored(opened, ran, path):
    stored = nbformat.read(path, as_version=4)
    stored.cells = without_made_cells(stored)
    expected = [shown(cell) for cell in code_cells(stored)]
    assert [shown(cell) for cell in code_cells(ran)] == expected

    photograph = opened.photograph(SCREENSHOTS / f"{path.stem}.png")
    pictures = opened.pictures()
    assert len(pictures) == sum(
        "image/svg+xml" in str(output.get("data")) for outputs in expected for output in outputs
    )
    assert all(colors(picture, photograph) >= FEWEST_COLORS for picture in pictures)
    assert opened.panel.evaluate(CUT_OFF) == []


def test_a_reader_comes_from_the_contents_to_the_last_cell_of_the_first_chapter(page, lab):
    contents = OpenNotebook(page, lab.folder / FIRST_PAGE)
    page.locator(".jp-Notebook p", has_text="Start here:").get_by_role("link").click()
    page.locator(".jp-NotebookPanel h1:visible", has_text=re.compile("^2.5.1 ")).wait_for()
    with (
        closing(contents),
        closing(OpenNotebook(page, lab.folder / MINE / FIRST_CHAPTER)) as opened,
    ):
        # Nothing was done yet, so there is no answer in sight, nothing to be saved, and nothing in
        # the way. JupyterLab makes cells when they come into sight; the file has them all.
        assert opened.panel.locator(".jp-OutputArea-output").count() == 0
        copy = nbformat.read(opened.path, as_version=4)
        assert [cell.source for cell in code_cells(copy) if cell.outputs] == []
        assert page.locator(".jp-mod-dirty, .jp-Dialog, .Toastify__toast").count() == 0
        cells = [cell.cell_type for cell in nbformat.read(opened.path, as_version=4).cells]
        last = len(cells) - cells[::-1].index("code")
        for _ in range(last):
            page.keyboard.press("Shift+Enter")
        assert_shows_what_is_stored(opened, opened.saved(), ROOT / "notebooks" / FIRST_CHAPTER)
        assert page.locator(".jp-Dialog, .Toastify__toast").count() == 0


@pytest.mark.parametrize(
    "path", [path for path in PATHS if path.name != FIRST_CHAPTER], ids=lambda path: path.stem
)
def test_run_all_shows_what_is_stored(page, lab, path):
    with closing(open_in(page, lab, path.stem)) as opened:
        assert_shows_what_is_stored(opened, opened.run_all(), path)


# In the upper half of the window.
IS_NEAR = "place => Math.abs(place.getBoundingClientRect().top) < innerHeight / 2"


def test_a_message_leads_to_its_place(page, lab):
    with closing(open_in(page, lab, "when-it-goes-wrong")) as opened:
        for name in ("round()", "requires_grad_(True)", "x += 1"):
            place = opened.panel.locator("h3", has_text=name)
            place.wait_for(state="attached")
            assert not place.evaluate(IS_NEAR)
            opened.panel.locator(f"table a[href='#{anchor(name)}']").first.click()
            page.wait_for_function(IS_NEAR, arg=place.element_handle())


CHINESE = """
import torch
from autodiff_helpers import plot_graph, step_backward

梯 = torch.tensor(2.0, requires_grad=True)
度 = torch.tensor(2.0, requires_grad=True)
"""
SHOWS = ["plot_graph(梯 * 2)", "plot_graph(度 * 2)", "step_backward(2 * 梯 * 度)"]


@pytest.fixture(scope="module")
def chinese(page, lab):
    """A notebook with Chinese names, after Run All."""
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)"}}
    cells = [nbformat.v4.new_code_cell(source) for source in [CHINESE, *SHOWS]]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=kernel)
    nbformat.write(notebook, lab.folder / MINE / "chinese.ipynb")
    with closing(open_in(page, lab, "chinese")) as opened:
        opened.run_all()
        yield opened


def test_chinese_names_are_drawn(chinese):
    """Where a font lacks characters, all of them are the same empty box."""
    one, other, _ = chinese.pictures()
    assert one.bounding_box()["width"] == other.bounding_box()["width"]
    assert one.screenshot() != other.screenshot()
    words = chinese.page.locator(".autodiff-steps svg text")
    one, other = (words.get_by_text(word, exact=True) for word in "梯度")
    assert one.screenshot() != other.screenshot()


@pytest.mark.parametrize("system", ["light", "dark"])
def test_pictures_have_the_theme_of_jupyterlab_and_not_of_the_system(chinese, system):
    page = chinese.page
    page.emulate_media(color_scheme=system)
    grounds = {}
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        page.get_by_role("menuitem", name="Settings", exact=True).click()
        for item in ("Theme", theme):
            page.locator(".lm-Menu-itemLabel").get_by_text(item, exact=True).click()
        light = str(theme.endswith("Light")).lower()
        page.locator(f"body[data-jp-theme-light='{light}']").wait_for(state="attached")
        grounds[theme] = {ground(picture) for picture in chinese.pictures()}
    assert grounds == {"JupyterLab Dark": {(20, 20, 20)}, "JupyterLab Light": {(255, 255, 255)}}


def ground(picture):
    """The color of a picture near its corner, when the page has faded to its theme."""
    photo = picture.screenshot(animations="disabled")
    return Image.open(io.BytesIO(photo)).convert("RGB").getpixel((3, 3))


def test_steps_play_in_the_notebook(chinese):
    player = chinese.page.locator(".autodiff-steps")
    caption = player.locator("li:visible")
    assert caption.inner_text() == "Start: the gradient at the output is 1."
    player.get_by_role("button", name="Next").click()
    assert caption.get_attribute("value") == "1"
    player.get_by_role("button", name="Previous").click()
    assert caption.get_attribute("value") == "0"
    player.get_by_role("button", name="Play").click()
    player.locator("li[value='3']:visible").wait_for()
    assert player.get_by_role("button", name="Next").is_disabled()
