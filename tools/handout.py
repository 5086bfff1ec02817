"""Print the handout: one page of A4 in each language, as a PDF, with graphs to fill in."""

from pathlib import Path

import torch
from chromium import launch
from hand_out import CLASS, named
from languages import LANGUAGES, ROOT
from playwright.sync_api import sync_playwright

from autodiff_helpers import plot_graph, set_language

HANDOUT = ROOT / "docs" / "handout"


def graphs() -> dict[str, str]:
    """The graphs to fill in, in the language that the helpers speak now."""
    a, b, w = (torch.tensor(value, requires_grad=True) for value in (2.0, 3.0, 2.0))
    y = a * b + b * b
    u = (3 * w).detach()
    z = u * w + w
    return {"product": plot_graph(y).svg, "cut": plot_graph(z).svg}


def page(language: str) -> str:
    """The handout in one language, as a page of HTML."""
    set_language(language)
    body = (HANDOUT / f"{language}.html").read_text(encoding="utf-8")
    for name, svg in graphs().items():
        body = body.replace(f"{{{name}}}", svg)
    title = body.partition("<h1>")[2].partition("</h1>")[0]
    frame = (HANDOUT / "page.html").read_text(encoding="utf-8")
    for name, text in {"language": language, "title": title, "body": body}.items():
        frame = frame.replace(f"{{{name}}}", text)
    return frame


def printed(into: Path) -> list[Path]:
    """Print the handout in every language; return the places of the files."""
    into.mkdir(exist_ok=True)
    paths = []
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for language in LANGUAGES:
            paths.append(named(into, "handout", language, "pdf"))
            tab = browser.new_page()
            tab.set_content(page(language))
            tab.pdf(path=paths[-1], prefer_css_page_size=True, print_background=True)
        browser.close()
    return paths


if __name__ == "__main__":
    for path in printed(CLASS):
        print(f"{path.relative_to(ROOT)} is ready to print.")
