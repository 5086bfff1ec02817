"""Say where two editions of a notebook are out of step, and stamp what somebody has looked at.

Every cell of a translated notebook carries a stamp: the fingerprints of the English text that it
was made from and of its own. When either text is changed, the stamp no longer fits, and what is
said names the cell whose other edition has to follow. ``make stamp`` stamps them anew, once
somebody has looked. Give it notebooks or pages; without any it takes all that are translated.
"""

import ast
import hashlib
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
from languages import EXERCISES, LANGUAGES, ORIGINAL, ROOT, TRANSLATIONS
from made_cells import without_made_cells
from nbformat import NotebookNode
from pages import text_of, translated_pages, write_stamp
from readme import filled

STAMP = "in_step"


def stamp_of(original: str, translated: str, language: str) -> dict[str, str]:
    """The fingerprints of both editions of a text, whatever the address of the project is."""
    editions = {ORIGINAL: original, language: translated}
    written = {name: filled(text, None, name) for name, text in editions.items()}
    return {name: hashlib.sha256(text.encode()).hexdigest()[:12] for name, text in written.items()}


def out_of_date(stamped: dict[str, str] | None, now: dict[str, str]) -> Iterator[str]:
    """Which edition of a text was changed since it was stamped, and which one has to follow."""
    if stamped is None:
        yield "has no stamp yet; look at it, then make stamp"
        return
    for changed, follows in zip(now, reversed(now), strict=True):
        if stamped.get(changed) != now[changed]:
            yield f"was changed in {changed}; let {follows} follow, then make stamp"


def problems(original: NotebookNode, translated: NotebookNode, language: str) -> Iterator[str]:
    """Everything in which a translated notebook is not what the original is, cell by cell."""
    ours, theirs = (without_made_cells(notebook) for notebook in (original, translated))
    ids, others = ([cell.id for cell in cells] for cells in (ours, theirs))
    if ids != others:
        yield f"has not the cells of the original in their order: {_differences(ids, others)}"
        return
    for one, other in zip(ours, theirs, strict=True):
        now = stamp_of(one.source, other.source, language)
        dated = out_of_date(other.metadata.get(STAMP), now)
        for problem in [*differences(one, other, language), *dated]:
            yield f"cell {one.id}: {problem}"
    helpers = _cells_with("autodiff_helpers", theirs)
    chosen = _cells_with("set_language(", theirs)
    if chosen != helpers[:1]:
        yield f"set_language must be called in cell {helpers[:1]}, and is in {chosen}"


def _cells_with(words: str, cells: list[NotebookNode]) -> list[str]:
    return [cell.id for cell in cells if cell.cell_type == "code" and words in cell.source]


def differences(original: NotebookNode, translated: NotebookNode, language: str) -> Iterator[str]:
    """What differs between two editions of a cell, and may not."""
    if original.cell_type != translated.cell_type:
        yield "is of another type"
        return
    if original.metadata.get("tags") != translated.metadata.get("tags"):
        yield "has other tags"
    if original.cell_type == "code":
        if code(original.source) != code(translated.source, language):
            yield "has other code, apart from comments and the words that it shows"
        yield from _other_outputs(original.outputs, translated.outputs)
    else:
        for name, part in PARTS.items():
            one, other = part(original.source), part(translated.source)
            if one != other:
                yield f"has other {name}: {_differences(one, other)}"


def _differences(one: list[str], other: list[str]) -> str:
    lacks, surplus = Counter(one) - Counter(other), Counter(other) - Counter(one)
    if not lacks and not surplus:
        return "in another order"
    said = (("lacks", lacks), ("has besides", surplus))
    return "; ".join(f"{words} {sorted(parts.elements())}" for words, parts in said if parts)


# Code


class _Plain(ast.NodeTransformer):
    """Code without the words that it shows and, in a translation, the choice of its language."""

    def __init__(self, language: str) -> None:
        self._choice = f"set_language('{language}')"

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Name) and node.func.id == "print":
            _without_words(node)
        return self.generic_visit(node)

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        if node.msg is not None:
            _without_words(node.msg)
        return self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if ast.unparse(node) == self._choice else self.generic_visit(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        node.names = [each for each in node.names if each.name != "set_language"]
        return node if node.names else None


def _without_words(node: ast.AST) -> None:
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            each.value = re.sub(r"[^\n]+", "…", each.value)


def code(source: str, language: str = "") -> str:
    """A piece of code without its comments and the words that it shows."""
    return ast.dump(_Plain(language).visit(ast.parse(source)))


# Outputs


def _other_outputs(one: list[NotebookNode], other: list[NotebookNode]) -> Iterator[str]:
    kinds = [[_kind(output) for output in outputs] for outputs in (one, other)]
    if kinds[0] != kinds[1]:
        yield f"has other kinds of output: {kinds[0]} and {kinds[1]}; make outputs"
        return
    for before, after in zip(one, other, strict=True):
        numbers = [_numbers(output) for output in (before, after)]
        if numbers[0] != numbers[1]:
            yield f"shows other numbers: {sorted(numbers[0] ^ numbers[1])}; make outputs"


def _kind(output: NotebookNode) -> list[str]:
    name = output.get("name") or output.get("ename") or ""
    return [output.output_type, name, *sorted(output.get("data", {}))]


def _numbers(output: NotebookNode) -> set[str]:
    """The numbers that an output says, but 1: where Chinese has it, English often has "a"."""
    text = output.get("text") or output.get("evalue") or output.get("data", {}).get("text/plain")
    return set(re.findall(r"\d+(?:[.,]\d+)*(?:e[+-]?\d+)?", text or "")) - {"1"}


# Text

OTHER_EDITION = "|".join(["[.][.]/", *(f"{language}/" for language in TRANSLATIONS)])
CODE_BLOCK = re.compile(r"```(\w*)\n(.*?)```", re.S)
DISPLAYED = re.compile(r"\$\$(.+?)\$\$", re.S)
CODE = re.compile(r"`([^`\n]+)`")
FORMULA = re.compile(r"\$([^$]+)\$")
# What the languages set differently within a formula: words, and the stop at its end.
OF_A_LANGUAGE = re.compile(r"\\text\{[^}]*\}|\s|\\[,;:]|[.,。,]$")


def _without(source: str, *patterns: re.Pattern[str]) -> str:
    for pattern in patterns:
        source = pattern.sub(" ", source)
    return source


def _formulas(source: str) -> list[str]:
    text = _without(source, CODE_BLOCK, CODE)
    found = [*DISPLAYED.findall(text), *FORMULA.findall(DISPLAYED.sub(" ", text))]
    return sorted(OF_A_LANGUAGE.sub("", formula.strip()) for formula in found)


def _asks(source: str) -> list[str]:
    """Whether the last paragraph asks something, to be answered before the next cell."""
    return re.findall("[?？]", source.strip().split("\n\n")[-1])[:1] and ["a question at its end"]


# The parts of a text that are the same in every language.
PARTS: dict[str, Callable[[str], list[str]]] = {
    "headings": lambda source: re.findall(r"^(#+) ", _without(source, CODE_BLOCK), re.M),
    "formulas": _formulas,
    # One that leads to the other edition leads to the same page of it.
    "links": lambda source: sorted(re.findall(rf"\]\((?:{OTHER_EDITION})?([^)]+)\)", source)),
    "tags": lambda source: re.findall(r"</?(?!span)[a-z]+>", _without(source, CODE_BLOCK, CODE)),
    "code blocks": lambda source: [
        code(block) if name == "python" else block for name, block in CODE_BLOCK.findall(source)
    ],
    "names in code": lambda source: sorted(set(CODE.findall(_without(source, CODE_BLOCK)))),
    "rows of a table": lambda source: re.findall(r"^\|", source, re.M),
    "items of a list": lambda source: re.findall(r"^(- |\d+\. |\*\*\d+\.\*\*)", source, re.M),
    "questions": lambda source: _asks(source),
}


# Every notebook


def read(path: Path) -> NotebookNode:
    """A notebook as it is stored."""
    return nbformat.read(path, as_version=4)


def translated() -> list[tuple[str, Path, Path]]:
    """Every translated notebook: its language, the original, and itself."""
    return [
        (language, folders[ORIGINAL] / path.name, path)
        for folders in (LANGUAGES, EXERCISES)
        for language in TRANSLATIONS
        for path in sorted(folders[language].glob("*.ipynb"))
    ]


def stamp(language: str, original: Path, path: Path) -> list[str]:
    """Stamp the cells of a notebook; return the names of those whose stamp is new."""
    notebook, english = read(path), {cell.id: cell for cell in read(original).cells}
    new = []
    for cell in without_made_cells(notebook):
        if cell.id in english:
            now = stamp_of(english[cell.id].source, cell.source, language)
            if cell.metadata.get(STAMP) != now:
                cell.metadata[STAMP] = now
                new.append(cell.id)
    nbformat.write(notebook, path)
    return new


def main(names: list[str]) -> None:
    """Stamp some notebooks, or all, and print what was stamped and what is still out of step."""
    wanted = {Path(name).resolve() for name in names}
    for language, original, path in translated():
        if not wanted or path in wanted:
            new = stamp(language, original, path)
            print(f"{path.relative_to(ROOT)}: stamped {', '.join(new) or 'nothing new'}")
            for problem in problems(read(original), read(path), language):
                print(f"  {problem}")
    for language, original, path in translated_pages():
        if not wanted or path in wanted:
            write_stamp(path, stamp_of(text_of(original), text_of(path), language))
            print(f"{path.relative_to(ROOT)}: stamped")


if __name__ == "__main__":
    main(sys.argv[1:])
