"""Make a deck of slides from each notebook as it is stored, in every language.

What belongs together is decided here: what starts a slide, which output is an answer, and what is
said about it. What fits on a slide only the browser knows: ``docs/slides/deck.js`` divides there
what is too much for one. The notes of the speaker are in ``docs/<language>/notes/``, by cell.
"""

import html
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from string import Template
from urllib.parse import unquote

import nbformat
from languages import LANGUAGES, ORIGINAL, ROOT
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from nbformat import NotebookNode
from pages import text_of
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

DOCS = ROOT / "docs"
DECK = DOCS / "slides"
SLIDES = ROOT / "site" / "slides"
# In light and dark colors; the same as on the site.
CODE_STYLES = {"light": "a11y-light", "dark": "a11y-dark"}


@dataclass
class Slide:
    """What is shown together: blocks of HTML; and what the speaker reads meanwhile."""

    note: str
    blocks: list[str] = field(default_factory=list)
    is_picture: bool = False

    @property
    def starts_a_section(self) -> bool:
        """Whether it begins with a heading of the notebook or of one of its sections."""
        return bool(self.blocks) and self.blocks[0].startswith(("<h1", "<h2"))


# From cells to slides


def slides(cells: list[NotebookNode], notes: dict[str, str]) -> list[Slide]:
    """The slides of a notebook: a text starts one, code stands under it, a picture stands alone.

    An output that is to be predicted is a fragment: it appears with the next key. What the code of
    an exercise shows is left to those who do it. A note stays until there is another one.
    """
    made: list[Slide] = []
    note, is_exercise = "", False
    for cell in cells:
        tags = cell.metadata.get("tags", [])
        if "remove-cell" in tags:
            continue
        if cell.cell_type == "markdown":
            is_exercise = bool(EXERCISE.search(cell.source))
            note = notes.get(cell.id, note)
            made += text_slides(cell.source, note)
            continue
        if made[-1].is_picture:
            made.append(Slide(note))
        made[-1].blocks.append(code(cell.source))
        for output in [] if is_exercise else cell.outputs:
            add_output(made, output, "hide-output" in tags)
    return made


EXERCISE = re.compile(r"^\*\*\d+\.\*\*", re.M)
# An exercise, or one of the questions of a quick check.
QUESTION = re.compile(r"<p><strong>(\d+|[a-z])\.</strong>")


def text_slides(source: str, note: str) -> Iterator[Slide]:
    """The slides of a text: each heading starts one, and each question that has a number."""
    slide = Slide(note)
    for block in blocks(source):
        is_heading_alone = len(slide.blocks) == 1 and slide.blocks[0].startswith("<h")
        is_question = QUESTION.match(block) and not is_heading_alone
        if slide.blocks and (block.startswith("<h") or is_question):
            yield slide
            slide = Slide(note)
        slide.blocks.append(block)
    if slide.blocks:
        yield slide


def add_output(made: list[Slide], output: NotebookNode, is_answer: bool) -> None:
    """Put an output under its code, or on a slide of its own if it is a picture."""
    data = output.get("data", {})
    shown = data.get("text/html") or data.get("image/svg+xml")
    # The player's picture stands in an address.
    if shown and "<svg" in unquote(html.unescape(shown)):
        picture = f"<figure>{shown}</figure>"
        made.append(Slide(made[-1].note, [picture], is_picture=True))
        return
    text = output.get("text") or data.get("text/plain")
    if output.output_type == "error":
        text = f"{output.ename}: {output.evalue}"
    kind = f"{output.output_type} output{' fragment' if is_answer else ''}"
    inside = shown or f"<pre>{lines(html.escape(text.strip()))}</pre>"
    made[-1].blocks.append(f'<div class="{kind}">{inside}</div>')


# From text to HTML


def code(source: str, *_: str) -> str:
    """Code as HTML, with the names of its colors."""
    colored = highlight(source, PythonLexer(), HtmlFormatter(nowrap=True))
    return f'<pre class="code">{lines(colored)}</pre>'


def lines(text: str) -> str:
    """Each line of some HTML on its own, so that what is long can be divided."""
    return "".join(f'<span class="line">{line}\n</span>' for line in text.strip("\n").split("\n"))


def formula(content: str, options: dict[str, bool]) -> str:
    """A formula as MathJax finds it."""
    escaped = html.escape(content)
    return rf"\[{escaped}\]" if options["display_mode"] else rf"\({escaped}\)"


MARKDOWN = MarkdownIt("commonmark", {"html": True, "highlight": code}).enable("table")
MARKDOWN.use(dollarmath_plugin, renderer=formula)

LINK = re.compile(r"\[((?:\\.|[^]\\])*)\]\(\S*?\.ipynb\S*?\)")
# Of a paragraph that leads to other notebooks, not much is left without its links.
MUCH = 12
# What may not begin a line, in any language.
BEFORE_CLOSING = re.compile(
    r'(<span class="math inline">[^<]*</span>)([.,;:?!)，。、；：？！）」]+)'
)
FOLD = re.compile(r"<details>\s*<summary>(.*?)</summary>\s*", re.S)


def blocks(source: str) -> Iterator[str]:
    """The paragraphs, formulas, lists, tables and pieces of code of a text, each as HTML.

    Links to other notebooks are only their words here, and paragraphs that are nothing else are
    left out. What is folded becomes one block: what it is called, and a fragment.
    """
    paragraphs = re.split(r"(\n\n+)", source)
    kept = "".join(each for each in paragraphs if not only_leads_elsewhere(each))
    tokens, folded = [], 0
    for token in MARKDOWN.parse(LINK.sub(r"\1", kept)):
        tokens.append(token)
        folded += token.content.count("<details>") - token.content.count("</details>")
        if token.level == 0 and token.nesting <= 0 and not folded:
            block = MARKDOWN.renderer.render(tokens, MARKDOWN.options, {})
            block = FOLD.sub(r'<div class="choice"><p>\1</p><div class="fragment">', block)
            block = block.replace("</details>", "</div></div>")
            yield BEFORE_CLOSING.sub(r'<span class="together">\1\2</span>', block)
            tokens = []


def only_leads_elsewhere(paragraph: str) -> bool:
    """Whether a paragraph is not much more than links to other notebooks."""
    words, links = LINK.subn("", paragraph)
    return links > 0 and len(re.findall(r"\w", words)) <= MUCH


# The notes


def notes_of(language: str, name: str) -> dict[str, str]:
    """What the speaker may want to know from a cell on, as HTML, by the id of the cell."""
    path = DOCS / language / "notes" / f"{name}.md"
    if not path.exists():
        return {}
    _, *parts = re.split(r"^## (\S+)\n", text_of(path), flags=re.M)
    return dict(zip(parts[::2], map(MARKDOWN.render, parts[1::2]), strict=True))


# The deck


def deck(path: Path, language: str) -> str:
    """A notebook as a page of HTML."""
    made = slides(nbformat.read(path, as_version=4).cells, notes_of(language, path.stem))
    sections: list[list[Slide]] = []
    for slide in made:
        if slide.starts_a_section or not sections:
            sections.append([])
        sections[-1].append(slide)
    title = re.sub(r"<[^>]*>", "", made[0].blocks[0])
    body = "\n".join(
        f"<section>\n{''.join(map(as_section, section))}</section>" for section in sections
    )
    template = Template((DECK / "deck.html").read_text(encoding="utf-8"))
    return template.substitute(language=language, title=title.strip(), slides=body)


def as_section(slide: Slide) -> str:
    """A slide as HTML."""
    kind = ' class="picture"' if slide.is_picture else ""
    notes = f'<aside class="notes">\n{slide.note}</aside>\n' if slide.note else ""
    return f"<section{kind}>\n{''.join(slide.blocks)}{notes}</section>\n"


def code_colors() -> str:
    """The style sheet of code, on light and on dark slides."""
    return "\n".join(
        f"@media (prefers-color-scheme: {scheme}) {{\n"
        f"{HtmlFormatter(style=style).get_style_defs('.code')}\n}}"
        for scheme, style in CODE_STYLES.items()
    )


def make_slides(folder: Path) -> None:
    """Write the decks of all languages into a folder that needs nothing else, and no network."""
    shutil.rmtree(folder, ignore_errors=True)
    for language in LANGUAGES:
        (folder / language).mkdir(parents=True)
        paths = {
            path.name: path
            for each in (ORIGINAL, language)
            for path in LANGUAGES[each].glob("*.ipynb")
        }
        for path in paths.values():
            target = folder / language / f"{path.stem}.html"
            target.write_text(deck(path, language), encoding="utf-8", newline="\n")
    shutil.copy(DECK / "deck.js", folder)
    style = (DECK / "deck.css").read_text(encoding="utf-8")
    (folder / "deck.css").write_text(style + code_colors(), encoding="utf-8", newline="\n")
    copy_reveal(folder / "reveal")
    copy_mathjax(folder / "mathjax")


def copy_reveal(target: Path) -> None:
    """Copy what a deck needs to be turned: a script, a style sheet, and the speaker's window."""
    reveal = Path(find_spec("sphinx_revealjs").origin).parent / "_static" / "revealjs"
    target.mkdir()
    for name in ("dist/reveal.js", "dist/reveal.css", "plugin/notes/notes.js", "LICENSE"):
        shutil.copy(reveal / name, target)


def copy_mathjax(target: Path) -> None:
    """Copy what pages need to set mathematics: one script and its fonts."""
    spec = find_spec("sphinx-mathjax-offline")
    mathjax = Path(spec.origin).parent / "static" / "mathjax"
    fonts = Path("output", "chtml", "fonts")
    shutil.copytree(mathjax / fonts, target / fonts)
    shutil.copy(mathjax / "tex-chtml.js", target)


if __name__ == "__main__":
    make_slides(SLIDES)
    for each in LANGUAGES:
        print(f"The slides in {each} are in {SLIDES / each}")
