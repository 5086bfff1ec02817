"""The first thing a newcomer does is `make lab`: it must open the first page, ready to read."""

import shutil
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("notebooks/*.ipynb"))
FIRST_PAGE = "notebooks/2.5.1-a-simple-example.ipynb"

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def test_printed_address_is_the_first_page(lab):
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


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_notebook_names_a_kernel_the_server_has(lab, notebook):
    content = lab.get(f"api/contents/{notebook}")["content"]
    assert content["metadata"]["kernelspec"]["name"] in lab.get("api/kernelspecs")["kernelspecs"]


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_stored_pictures_are_shown_before_anything_runs(lab, notebook):
    # JupyterLab shows a stored SVG only in a cell that is trusted.
    cells = lab.get(f"api/contents/{notebook}")["content"]["cells"]
    assert all(cell["metadata"]["trusted"] for cell in cells if cell["cell_type"] == "code")
