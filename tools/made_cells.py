"""The cells of a stored notebook that are made here and not written: what it needs, and from where.

They stand after its title. Where the helpers are, nobody has a use for them, so the site does not
show them, and a reader's own copy is without.
"""

from address import Address
from languages import LANGUAGES, NOTEBOOKS
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

SETUP, OPEN = "setup", "open-elsewhere"
TAGS = {"tags": ["remove-cell"]}

WORDS = {
    "en": {
        "says": "Where the helpers of the tutorial are missing, this cell says so.",
        "installs": "Where the helpers of the tutorial are missing, this cell installs them.",
        "needs": (
            "This notebook needs autodiff_helpers, the helpers of the tutorial it comes from: ",
            "get the whole tutorial, and open the notebook there as its README says.",
        ),
        "failed": (
            "This notebook needs autodiff_helpers, which could not be installed: ",
            "{address} says how to get them.",
        ),
        "open": "Open in {place}",
    },
    "zh-TW": {
        "says": "如果沒有教材的輔助函式，這一格會告訴你。",
        "installs": "如果沒有教材的輔助函式，這一格會裝好。",
        "needs": (
            "這份筆記本需要 autodiff_helpers，也就是它所屬教材的輔助函式：",
            "請取得整份教材，照 README 的說明在裡面打開這份筆記本。",
        ),
        "failed": (
            "這份筆記本需要 autodiff_helpers，但安裝沒有成功：",
            "請到 {address} 看怎麼取得。",
        ),
        "open": "在 {place} 打開",
    },
}


MISSING = 'if find_spec("autodiff_helpers") is None:'


def setup(address: Address | None, language: str) -> str:
    """The code that says in one sentence what is missing, or installs it if that can be had."""
    words = WORDS[language]
    lines = [
        f"# {words['installs' if address else 'says']}",
        "from importlib.util import find_spec",
        "",
        "from IPython.core.error import UsageError",
        "",
    ]
    if address:
        lines += [
            MISSING,
            "    get_ipython().run_line_magic(",
            '        "pip",',
            f'        "install --quiet git+{address}",',
            "    )",
        ]
    start, end = words["failed" if address else "needs"]
    lines += [
        MISSING,
        "    raise UsageError(",
        f'        "{start}"',
        f'        "{end.format(address=address)}"',
        "    )",
    ]
    return "\n".join(lines)


def open_elsewhere(address: Address, name: str, language: str) -> str:
    """Links to where the notebook can be run."""
    path = (LANGUAGES[language] / name).relative_to(NOTEBOOKS).as_posix()
    words = WORDS[language]["open"]
    return " · ".join(
        f"[{words.format(place=place)}]({link})" for place, link in address.opened(path).items()
    )


def without_made_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """What somebody wrote of a notebook."""
    return [cell for cell in notebook.cells if cell.id not in (SETUP, OPEN)]


def make_cells(notebook: NotebookNode, name: str, address: Address | None, language: str) -> None:
    """Make these cells anew in the notebook of this name."""
    title, *rest = without_made_cells(notebook)
    made = [new_code_cell(setup(address, language), id=SETUP, metadata=TAGS, execution_count=1)]
    if address:
        links = open_elsewhere(address, name, language)
        made.insert(0, new_markdown_cell(links, id=OPEN, metadata=TAGS))
    notebook.cells = [title, *made, *rest]
