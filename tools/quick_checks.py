"""The quick checks of the chapters, as a file from which Moodle makes a quiz.

The format is GIFT: https://docs.moodle.org/en/GIFT_format. Each wrong choice brings its reason.
"""

import html
import re
from pathlib import Path
from typing import NamedTuple

import nbformat

QUESTION = re.compile(r"^\*\*([a-z])\.\*\* (.+?)$(.*?)(?=^\*\*[a-z]\.\*\*|\Z)", re.M | re.S)
CHOICE = re.compile(r"<details>\s*<summary>(.*?)</summary>\s*(.*?)\s*</details>", re.S)
YES = ("Yes.", "對。")


class Choice(NamedTuple):
    """One of the answers that can be chosen, and what is said of it."""

    text: str
    is_right: bool
    reason: str


class Question(NamedTuple):
    """A question of a chapter."""

    name: str
    text: str
    choices: list[Choice]


def questions(path: Path) -> list[Question]:
    """The questions in a notebook, if it has any."""
    cells = nbformat.read(path, as_version=4).cells
    text = "\n".join(cell.source for cell in cells if cell.id == "quick-check")
    title = re.match("# (.+)", cells[0].source)[1]
    return [
        Question(
            f"{title} ({letter})",
            asked,
            [Choice(each, why.startswith(YES), why) for each, why in CHOICE.findall(choices)],
        )
        for letter, asked, choices in QUESTION.findall(text)
    ]


def gift(path: Path) -> str:
    """The questions in a notebook in the format of Moodle."""
    return "\n".join(
        f"::{escaped(question.name)}::[html]{as_html(question.text)} {{\n"
        + "".join(
            f"  {'=' if choice.is_right else '~'}{as_html(choice.text)}#{as_html(choice.reason)}\n"
            for choice in question.choices
        )
        + "}\n"
        for question in questions(path)
    )


def as_html(text: str) -> str:
    """Markdown as Moodle shows it: code and formulas are all that there is in it."""
    text = re.sub(r"`([^`]*)`", lambda code: f"<code>{html.escape(code[1])}</code>", text)
    return escaped(re.sub(r"\$([^$]*)\$", r"\\(\1\\)", text))


def escaped(text: str) -> str:
    """With a backslash before each sign that means something in this format."""
    return re.sub(r"[\\~=#{}:]", r"\\\g<0>", text)
