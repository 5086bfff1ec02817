"""Settings for all tests, and the browser that some of them share."""

import os

import pytest
from chromium import launch
from hypothesis import settings
from playwright.sync_api import Error, sync_playwright

# Where tests run side by side, each has a core to itself, and so have the kernels that it starts.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"

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
    """Chromium without a window."""
    with sync_playwright() as playwright:
        try:
            browser = launch(playwright)
        except Error as error:
            pytest.skip(f"needs Chromium (Debian's package is chromium-headless-shell): {error}")
        yield browser
