"""The browser without a window that tests look at pages with, and tools print them with."""

import shutil

from playwright.sync_api import Browser, Playwright


def launch(playwright: Playwright) -> Browser:
    """Debian's Chromium, or else the Chrome that is installed.

    The headless shell has no window at all to draw, and takes two thirds of the time.
    """
    path = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    return playwright.chromium.launch(executable_path=path, channel=None if path else "chrome")
