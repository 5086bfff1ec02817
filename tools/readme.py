"""What a README has from the address of the project, here and on PyPI.

What is made from the address stands between two comments, and there is nothing while there is none.
"""

import re

from address import Address
from languages import LANGUAGES, NOTEBOOKS, ORIGINAL, ROOT, TRANSLATIONS

READMES = {ORIGINAL: ROOT / "README.md"}
READMES |= {language: ROOT / f"README.{language}.md" for language in TRANSLATIONS}

WORDS = {
    "en": {
        "tests": "Tests",
        "open": "Open in {place}",
        "clone": "Make a clone of this repository:",
    },
    "zh-TW": {
        "tests": "測試",
        "open": "在 {place} 打開",
        "clone": "複製（clone）這個儲存庫的指令：",
    },
}

BADGES = {
    "Binder": "https://mybinder.org/badge_logo.svg",
    "Colab": "https://colab.research.google.com/assets/colab-badge.svg",
    "Codespaces": "https://github.com/codespaces/badge.svg",
}


def badges(address: Address, language: str) -> str:
    """Whether the tests passed, and where the contents can be opened."""
    words, tests = WORDS[language], address.tests()
    contents = (LANGUAGES[language] / "index.ipynb").relative_to(NOTEBOOKS).as_posix()
    made = [f"[![{words['tests']}]({tests}/badge.svg)]({tests})"]
    for place, link in address.opened(contents).items():
        made.append(f"[![{words['open'].format(place=place)}]({BADGES[place]})]({link})")
    return "".join(f"{badge}\n" for badge in made)


def clone(address: Address, language: str) -> str:
    """The commands that make a clone."""
    return f"{WORDS[language]['clone']}\n\n```sh\ngit clone {address}\ncd {address.name}\n```\n"


MADE = {"badges": badges, "clone": clone}
BLOCK = re.compile(r"(<!-- from the address: (\w+) -->\n).*?(<!-- end -->)", re.S)


def filled(text: str, address: Address | None, language: str) -> str:
    """A README with what is made from an address, or without it."""

    def made(block: re.Match[str]) -> str:
        content = MADE[block[2]](address, language) if address else ""
        return f"{block[1]}{content}{block[3]}"

    return BLOCK.sub(made, text)


# On PyPI

# A link within the repository, or a picture in it; or a paragraph that is nothing but a link.
RELATIVE = re.compile(r"(!?)\[([^][]*)\]\((?!https?:|#)([^)]+)\)")
ALONE = re.compile(rf"^{RELATIVE.pattern}\n\n", re.M)


def for_pypi(text: str, address: Address | None) -> str:
    """The README for a page where none of our files is.

    Without an address a link is only its words, and a picture what is said of it.
    """
    text = filled(text, address, ORIGINAL)
    if address is None:
        return RELATIVE.sub(r"\2", ALONE.sub(kept_picture, text))
    return RELATIVE.sub(lambda found: absolute(found, address), text)


def kept_picture(alone: re.Match[str]) -> str:
    """What stays of a paragraph that is nothing but a picture or a link."""
    return f"{alone[2]}\n\n" if alone[1] else ""


def absolute(found: re.Match[str], address: Address) -> str:
    """A link or a picture with its full address."""
    where = address.picture if found[1] else address.file
    return f"{found[1]}[{found[2]}]({where(found[3])})"
