"""Settings for all tests, and the browser and the JupyterLab that some of them share."""

import json
import os
import re
import shutil
import socket
import subprocess
import sysconfig
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from hypothesis import settings
from playwright.sync_api import Error, sync_playwright

ROOT = Path(__file__).resolve().parent.parent

# The same examples on every run, so that a test is red or green for everybody; and no deadline,
# because no test here measures time.
settings.register_profile("proof", derandomize=True, deadline=None)
settings.load_profile("proof")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """Where everything is to be proved, a test that cannot run has failed."""
    report = yield
    if report.skipped and "CI" in os.environ:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} must not be skipped here: {report.longrepr[-1]}"
    return report


# For one module only: while Playwright runs, no other event loop can, and nbval needs one.
@pytest.fixture(scope="module")
def browser():
    """Chromium without a window: Debian's, or else the Chrome that is installed."""
    chromium = shutil.which("chromium")
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(
                executable_path=chromium, channel=None if chromium else "chrome"
            )
        except Error as error:
            pytest.skip(f"needs Chromium (on Debian and Ubuntu: apt install chromium): {error}")
        yield browser


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


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """The JupyterLab that `make lab` starts in a copy of this repository."""
    # A newcomer has no Jupyter settings; and no browser may pop up while testing.
    home = tmp_path_factory.mktemp("jupyter")
    (home / "jupyter_lab_config.json").write_text('{"LabApp": {"open_browser": false}}')
    environment = {**os.environ, "JUPYTER_CONFIG_DIR": str(home), "JUPYTER_DATA_DIR": str(home)}
    # What is run and saved there must not change this repository.
    folder = tmp_path_factory.mktemp("clone")
    shutil.copy(ROOT / "Makefile", folder)
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")

    # The real recipe, run from the environment of this test instead of .venv.
    scripts = Path(sysconfig.get_path("scripts")).as_posix()
    log = home / "log.txt"
    with log.open("w") as output:
        process = subprocess.Popen(
            ["make", "lab", "--old-file=.venv/.installed", f"BIN={scripts}"],
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
