"""The first thing a newcomer does is `make lab`: it must open the first page, ready to read."""

import json
import os
import re
import shutil
import socket
import subprocess
import sysconfig
import threading
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("notebooks/*.ipynb"))
FIRST_PAGE = "notebooks/2.5.1-a-simple-example.ipynb"

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


class Lab:
    """A JupyterLab server, known by the address it printed."""

    def __init__(self, url):
        self.url = url

    def get(self, path):
        address = urlsplit(self.url)
        url = f"{address.scheme}://{address.netloc}/{path}?{address.query}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)


def wait_for_answer(process, url):
    # The server prints its address a moment before it listens there.
    address = urlsplit(url)
    while process.poll() is None:
        try:
            socket.create_connection((address.hostname, address.port)).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.05)


def kill_with_children(process):
    for member in [*psutil.Process(process.pid).children(recursive=True), process]:
        member.kill()


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    # A newcomer has no Jupyter settings; and no browser may pop up while testing.
    home = tmp_path_factory.mktemp("jupyter")
    (home / "jupyter_lab_config.json").write_text('{"LabApp": {"open_browser": false}}')
    environment = {**os.environ, "JUPYTER_CONFIG_DIR": str(home), "JUPYTER_DATA_DIR": str(home)}

    # The real recipe, run from the environment of this test instead of .venv.
    scripts = Path(sysconfig.get_path("scripts")).as_posix()
    process = subprocess.Popen(
        ["make", "lab", "--old-file=.venv/.installed", f"BIN={scripts}"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    # Killing the server ends its output, and so the wait for an address that never comes.
    alarm = threading.Timer(60, kill_with_children, [process])
    alarm.start()
    try:
        output = ""
        for line in process.stdout:
            output += line
            if "copy and paste" in output and (found := re.search(r"http://\S+", line)):
                wait_for_answer(process, found[0])
                yield Lab(found[0])
                break
        else:
            pytest.fail(f"`make lab` printed no address:\n{output}")
    finally:
        alarm.cancel()
        kill_with_children(process)
        process.wait()
        process.stdout.close()


def test_printed_address_is_the_first_page(lab):
    assert urlsplit(lab.url).path == f"/lab/tree/{FIRST_PAGE}"
    with urllib.request.urlopen(lab.url, timeout=10) as page:
        assert "JupyterLab" in page.read().decode()


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
