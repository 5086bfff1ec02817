"""Bring the catalogues of the helpers' sentences up to date with the code, and say what is to do.

Each language besides English has two: what the helpers say, and what their docstrings say on the
site. Sentences that are new are added to it, to be translated;
one that resembles an old one keeps its translation, marked as fuzzy until somebody has looked at
it; what nobody says any more is dropped.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po
from compile_catalogues import HELPERS, compile_catalogues
from languages import ORIGINAL, ROOT, TRANSLATIONS

DOCS = ROOT / "docs"
# What in words.py takes sentences; the second one takes a singular and a plural.
KEYWORDS = {"say": None, "say_how_many": (1, 2), "mark": None}


def catalogue_of(language: str, folder: Path = HELPERS) -> Path:
    """The file of a language's catalogue of what the helpers say."""
    return _catalogue(folder, language, "autodiff_helpers")


def catalogue_of_docstrings(language: str) -> Path:
    """The file of a language's catalogue of what their docstrings say, where Sphinx finds it."""
    return _catalogue(DOCS, language, "helpers")


def _catalogue(folder: Path, language: str, name: str) -> Path:
    return folder / "locale" / language.replace("-", "_") / "LC_MESSAGES" / f"{name}.po"


def said(folder: Path = HELPERS) -> Catalog:
    """Every sentence in the code, without a translation."""
    sentences = Catalog()
    for file, _, sentence, _, _ in extract_from_dir(folder, keywords=KEYWORDS):
        sentences.add(sentence, locations=[(file, 0)])
    return sentences


def documented() -> Catalog:
    """Every sentence of the docstrings, and label between them, that the page of the helpers shows.

    They are all that Sphinx finds on that page besides what is written there.
    """
    page = DOCS / ORIGINAL / "helpers.md"
    own = {line.lstrip("# ") for line in page.read_text(encoding="utf-8").splitlines()}
    with tempfile.TemporaryDirectory() as name:
        pages, built = Path(name, "pages"), Path(name, "built")
        pages.mkdir()
        shutil.copy(page, pages)
        (pages / "_toc.yml").write_text("root: helpers", encoding="utf-8")
        command = [sys.executable, "-m", "sphinx", "-q", "-b", "gettext", "-c", DOCS, pages, built]
        subprocess.run(command, check=True)
        with (built / "helpers.pot").open("rb") as file:
            found = read_po(file)
    sentences = Catalog()
    for message in found:
        if message.id and message.id not in own:
            sentences.add(message.id)
    return sentences


def read(path: Path) -> Catalog:
    """A catalogue as it stands in its file; one that is not there yet is empty."""
    language = path.parts[-3]
    if not path.exists():
        return Catalog(language, header_comment="", fuzzy=False)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def bring_up_to_date(path: Path, sentences: Catalog) -> None:
    """Write a catalogue with just these sentences, and what is known of their translations."""
    catalogue = read(path)
    catalogue.update(sentences, update_creation_date=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalogue, width=100, ignore_obsolete=True, include_lineno=False)


def still_to_do(catalogue: Catalog, sentences: Catalog) -> Iterator[str]:
    """In one line each, what keeps a catalogue from saying these sentences."""
    for wanted in sentences:
        found = catalogue.get(wanted.id)
        if wanted.id and (found is None or not all(_forms(found.string))):
            yield f"is not translated: {_one(wanted)!r}"
    for found in catalogue:
        if not found.id:
            continue
        if sentences.get(found.id) is None:
            yield f"is not said any more: {_one(found)!r}"
        elif found.fuzzy:
            yield f"is fuzzy, so look at it and take the mark away: {_one(found)!r}"
        elif all(_forms(found.string)) and not _has_the_same_fields(found):
            yield f"has other fields: {_one(found)!r}"
    yield from (f"is not said any more: {_one(old)!r}" for old in catalogue.obsolete.values())


def _has_the_same_fields(message: Message) -> bool:
    """The last form has the fields of the plural; one for fewer things may have the singular's."""
    one, *_, many = map(_fields, _forms(message.id) * 2)
    *fewer, last = map(_fields, _forms(message.string))
    return last == many and all(form in (one, many) for form in fewer)


def _fields(sentence: str) -> set[tuple[str | None, ...]]:
    return {tuple(field) for _, *field in Formatter().parse(sentence) if field[0] is not None}


def _forms(text: str | tuple[str, ...]) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


def _one(message: Message) -> str:
    return _forms(message.id)[0]


def main() -> None:
    """Do it for every language, and print what is to do."""
    catalogues = ((catalogue_of, said()), (catalogue_of_docstrings, documented()))
    for language in TRANSLATIONS:
        for place, sentences in catalogues:
            path = place(language)
            bring_up_to_date(path, sentences)
            to_do = list(still_to_do(read(path), sentences))
            print(*(f"{language}: {each}" for each in to_do), sep="\n")
            print(f"{path.relative_to(ROOT)}: {len(to_do)} of {len(sentences)} are to do.")
    compile_catalogues()


if __name__ == "__main__":
    main()
