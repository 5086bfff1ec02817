"""One classroom for all tests of this folder, started as an administrator starts it."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from classroom import Classroom


@pytest.fixture(scope="session")
def classroom():
    """A hub on this machine that only this machine can reach."""
    if os.name != "posix" or os.getuid() != 0 or shutil.which("apt-get") is None:
        pytest.skip("needs root on Debian: each student becomes a user of the machine")
    place = Path(tempfile.mkdtemp(prefix="adt-", dir="/opt"))
    place.chmod(0o755)
    room = Classroom(place)
    try:
        room.start()
        yield room
    finally:
        room.close()
        shutil.rmtree(place)
