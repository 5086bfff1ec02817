"""What students and teachers are told, in their language."""

import tomllib
from functools import cache
from pathlib import Path


@cache
def words(language: str) -> dict[str, str]:
    """All of it in one language."""
    return tomllib.loads(Path(__file__).with_name("words.toml").read_text("utf-8"))[language]
