"""The notebooks as a learner meets them: JupyterLab in a real browser, Run All, and look."""

import io
import shutil
import time
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest
from notebook_rules import code_cells
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
PATHS = sorted(ROOT.glob("notebooks/*.ipynb"))
SCREENSHOTS = ROOT / "screenshots" / "lab"

# A picture of a figure or a graph has more colors than paper and ink.
FEWEST_COLORS = 4

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


class OpenNotebook:
    """A notebook in a browser: written into JupyterLab's folder without outputs, then opened."""

    def __init__(self, browser, lab, name, notebook):
        self.lab = lab
        self.path = lab.folder / "notebooks" / f"{name}.ipynb"
        for cell in code_cells(notebook):
            cell.outputs, cell.execution_count = [], None
        nbformat.write(notebook, self.path)
        self.tab = browser.new_page(viewport={"width": 1280, "height": 1000})
        address = urlsplit(lab.url)
        page = f"{address.scheme}://{address.netloc}/lab/tree/notebooks/{self.path.name}"
        self.tab.goto(f"{page}?{address.query}&reset")
        self.tab.locator("[title^='Change kernel']", has_text="Idle").wait_for()

    def run_all(self):
        """Run all cells, and return the notebook that JupyterLab then saves."""
        self.tab.get_by_role("menuitem", name="Run", exact=True).click()
        self.tab.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        for _ in range(120):
            self.tab.keyboard.press("ControlOrMeta+s")
            time.sleep(0.5)
            notebook = nbformat.read(self.path, as_version=4)
            if all(cell.execution_count for cell in code_cells(notebook)):
                return notebook
        raise TimeoutError(f"{self.path.name} does not finish")

    def look_through(self):
        """Scroll past every cell, as JupyterLab shows only what is near."""
        for cell in self.tab.locator(".jp-Cell").all():
            cell.scroll_into_view_if_needed()

    def photograph(self, path):
        """Take a picture of the whole notebook."""
        height = self.tab.locator(".jp-WindowedPanel-inner").evaluate("e => e.scrollHeight")
        self.tab.set_viewport_size({"width": 1280, "height": height + 100})
        self.tab.locator(".jp-Cell").first.click()
        path.parent.mkdir(parents=True, exist_ok=True)
        self.tab.screenshot(path=path)

    def pictures(self):
        return self.tab.locator(".jp-OutputArea-output :is(img, svg[role=img])").all()


@pytest.fixture
def open_notebook(browser, lab):
    """A function that opens a notebook and closes its page afterwards."""
    opened = []

    def open_it(name, notebook):
        opened.append(OpenNotebook(browser, lab, name, notebook))
        return opened[-1]

    yield open_it
    for notebook in opened:
        notebook.tab.close()


def shown(cell):
    """What a cell shows, without the traceback, which a learner sees at full length."""
    return [
        {key: output[key] for key in output if key not in ("traceback", "execution_count")}
        for output in cell.outputs
    ]


def colors(picture):
    """How many colors the screenshot of a picture has."""
    image = Image.open(io.BytesIO(picture.screenshot())).convert("RGB")
    return len(image.getcolors(maxcolors=image.width * image.height))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_run_all_shows_what_is_stored(open_notebook, path):
    stored = nbformat.read(path, as_version=4)
    expected = [shown(cell) for cell in code_cells(stored)]
    opened = open_notebook(path.stem, stored)
    ran = opened.run_all()
    assert [shown(cell) for cell in code_cells(ran)] == expected

    opened.look_through()
    pictures = opened.pictures()
    assert len(pictures) == sum(
        "image/svg+xml" in output.get("data", {}) or "<svg" in str(output.get("data"))
        for outputs in expected
        for output in outputs
    )
    assert all(colors(picture) >= FEWEST_COLORS for picture in pictures)
    opened.photograph(SCREENSHOTS / f"{path.stem}.png")


def a_notebook(*sources):
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)"}}
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    return nbformat.v4.new_notebook(cells=cells, metadata=kernel)


STEPS = """
import torch
from autodiff_helpers import step_backward

x = torch.tensor(3.0, requires_grad=True)
step_backward(2 * x * x)
"""


def test_steps_play_in_the_notebook(open_notebook):
    opened = open_notebook("steps", a_notebook(STEPS))
    opened.run_all()
    player = opened.tab.locator(".autodiff-steps")
    caption = player.locator("li:visible")
    assert caption.inner_text() == "Start: the gradient at the output is 1."
    player.get_by_role("button", name="Next").click()
    assert caption.get_attribute("value") == "1"
    player.get_by_role("button", name="Previous").click()
    assert caption.get_attribute("value") == "0"
    player.get_by_role("button", name="Play").click()
    player.locator("li[value='3']:visible").wait_for()
    assert player.get_by_role("button", name="Next").is_disabled()


CHINESE = """
import torch
from autodiff_helpers import plot_graph, step_backward

梯 = torch.tensor(2.0, requires_grad=True)
度 = torch.tensor(2.0, requires_grad=True)
"""


def test_chinese_names_are_drawn(open_notebook):
    """Where a font lacks characters, all of them are the same empty box."""
    shows = ["plot_graph(梯 * 2)", "plot_graph(度 * 2)", "step_backward(梯 * 度)"]
    opened = open_notebook("chinese", a_notebook(CHINESE, *shows))
    opened.run_all()
    one, other, _ = opened.pictures()
    assert one.bounding_box()["width"] == other.bounding_box()["width"]
    assert one.screenshot() != other.screenshot()
    words = opened.tab.locator(".autodiff-steps svg text")
    one, other = (words.get_by_text(word, exact=True) for word in "梯度")
    assert one.screenshot() != other.screenshot()
