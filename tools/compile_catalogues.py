"""Compile the catalogues of the helpers' sentences into what Python reads, beside each of them."""

from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

HELPERS = Path(__file__).resolve().parent.parent / "autodiff_helpers"


def compile_catalogues(folder: Path = HELPERS) -> None:
    """Write each ``.mo`` anew, and at once, because tests that read it run side by side."""
    for path in sorted(folder.glob("locale/*/LC_MESSAGES/*.po")):
        unfinished = path.with_suffix(".unfinished")
        with path.open("rb") as sentences, unfinished.open("wb") as compiled:
            write_mo(compiled, read_po(sentences, locale=path.parts[-3]))
        unfinished.replace(path.with_suffix(".mo"))


if __name__ == "__main__":
    compile_catalogues()
