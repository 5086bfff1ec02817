"""Lay the notebooks out in a student's home, as that student: ``python home.py zh-TW``."""

import errno
import sys
from datetime import date
from pathlib import Path

from languages import NOTEBOOKS
from my_notebooks import MINE, bring

FULL = {
    "en": "There is no room left in your home: ask your teacher for some, and log in again.",
    "zh-TW": "你的家目錄沒有空間了：請向老師要一些空間，再重新登入。",
}


def main(language: str) -> None:
    """Close the home to others, and bring what is new."""
    home = Path.home()
    home.chmod(0o700)
    try:
        bring(NOTEBOOKS, home, date.today())
        # Without this file Jupyter wants to write one at each start, also when there is no room.
        (home / ".jupyter").mkdir(exist_ok=True)
        (home / ".jupyter" / "migrated").touch()
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        # Who has his notebooks gets in, for he can make room himself.
        if not (home / MINE).exists():
            raise SystemExit(FULL[language]) from None


if __name__ == "__main__":
    main(*sys.argv[1:])
