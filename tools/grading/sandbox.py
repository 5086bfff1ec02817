"""Run a student's notebook in a process of its own, which cannot harm anything but itself."""

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO, Any

STUDENT = Path(__file__).with_name("student.py")
SECONDS_A_CELL = 10.0
SECONDS_TO_START = 60.0
MEMORY = 4 << 30
# More than this nobody has to say.
MOST_BYTES = 1_000_000
# A script that puts an empty folder over each that is named, and then starts a program.
COVER = 'while [ "$1" != -- ]; do mount -t tmpfs none "$1"; shift; done; shift; exec "$@"'
# How a process ended that did not end by itself.
TIME, PROCESS = "time", "process"


@dataclass
class Ran:
    """What became of a notebook."""

    cells: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What each cell reported; it lacks the cells that ended the process."""
    ended: dict[str, str] = field(default_factory=dict)
    """The cells that ended it, and how."""
    tried: set[str] = field(default_factory=set)
    """The cells that tried what was refused."""


@cache
def somebody_else() -> dict[str, Any]:
    """Whom a process runs as, if we may choose and he can read Python and the helpers."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return {}
    import pwd

    nobody = pwd.getpwnam("nobody")
    somebody = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-P", "-c", "import autodiff_helpers, torch, IPython"]
        surroundings = _environment(folder)
        try:
            tried = subprocess.run(command, env=surroundings, capture_output=True, **somebody)
        except PermissionError:
            return {}
    return somebody if tried.returncode == 0 else {}


@cache
def known_fonts() -> list[Path]:
    """Where matplotlib keeps which fonts there are; to find out, it would start a program."""
    from matplotlib import font_manager, get_cachedir

    assert font_manager.fontManager.ttflist
    return sorted(Path(get_cachedir()).glob("fontlist-*.json"))


def _environment(folder: str) -> dict[str, str]:
    """Nothing of ours but what Python needs to be found; whatever is written goes to the folder."""
    names = os.environ.keys() & {"PATH", "PYTHONPATH", "SYSTEMROOT"}
    kept = {name: os.environ[name] for name in names}
    ours = dict.fromkeys(("HOME", "TMPDIR", "IPYTHONDIR", "MPLCONFIGDIR"), folder)
    return kept | ours | {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"}


def run(
    cells: list[dict[str, Any]],
    closed: list[Path],
    seconds: float = SECONDS_A_CELL,
    memory: int = MEMORY,
) -> Ran:
    """Run the cells of one notebook; a cell that ends the process is left out the next time."""
    ran = Ran()
    while True:
        left = [cell for cell in cells if cell["id"] not in ran.ended]
        job = {"cells": left, "closed": [str(each.resolve()) for each in closed], "memory": memory}
        ran.cells = {}
        end = _once(job, seconds, ran)
        if end is None:
            return ran
        reached = [cell["id"] for cell in left if cell["id"] not in ran.cells][:1]
        if not reached:
            return ran
        ran.ended[reached[0]] = end


@cache
def unseen() -> tuple[str, ...]:
    """What starts a program that does not see some folders, on a Linux that lets us."""
    start = ("unshare", "--user", "--map-root-user", "--mount")
    try:
        tried = subprocess.run([*start, "true"], capture_output=True)
    except FileNotFoundError:
        return ()
    return start if tried.returncode == 0 else ()


def _command(closed: list[str]) -> list[str]:
    """How the process is started: with empty folders in place of those that are closed."""
    command = [sys.executable, "-P", STUDENT.name]
    if not unseen():
        return command
    folders = [each for each in closed if os.path.isdir(each)]
    return [*unseen(), "sh", "-c", COVER, "sh", *folders, "--", *command]


def _once(job: dict[str, Any], seconds: float, ran: Ran) -> str | None:
    """Run the cells in one process; return how it ended, if not by itself."""
    with tempfile.TemporaryDirectory(prefix="submission-", ignore_cleanup_errors=True) as folder:
        somebody = somebody_else()
        for file in (STUDENT, *known_fonts()):
            shutil.copy(file, folder)
        if somebody:
            shutil.chown(folder, somebody["user"], somebody["group"])
        process = subprocess.Popen(
            _command(job["closed"]),
            cwd=folder,
            env=_environment(folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            **somebody,
        )
        try:
            process.stdin.write(json.dumps(job).encode() + b"\n")
            process.stdin.close()
            return _listen(process.stdout, seconds, ran, [cell["id"] for cell in job["cells"]])
        finally:
            _kill(process)


def _listen(answering: IO[bytes], seconds: float, ran: Ran, left: list[str]) -> str | None:
    """Note what is reported until all is done, or the process ends, or a cell takes too long."""
    lines: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=_pass_on, args=(answering, lines), daemon=True).start()
    until, started = time.monotonic() + SECONDS_TO_START, False
    while True:
        try:
            line = lines.get(timeout=max(0, until - time.monotonic()))
        except queue.Empty:
            line = None
        if not line and not started:
            raise RuntimeError("The process in which a submission is to run does not start.")
        if not line:
            return TIME if line is None else PROCESS
        said = _read(line)
        started |= "ready" in said
        if "done" in said:
            return None
        here = next((cell for cell in left if cell not in ran.cells), None)
        if "tried" in said and here:
            ran.tried.add(here)
        if "ready" in said or said.get("cell") == here:
            # The time begins anew for each cell, and for nothing else that is said.
            until = time.monotonic() + seconds
            if here and "cell" in said:
                ran.cells[here] = said


def _pass_on(answering: IO[bytes], lines: "queue.Queue[bytes]") -> None:
    """Hand on each line that comes, and an empty one at the end, or where too much comes."""
    left = MOST_BYTES
    while left > 0 and (line := answering.readline(left)):
        left -= len(line)
        lines.put(line)
    lines.put(b"")


def _read(line: bytes) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """End the process, and whatever it may have started."""
    with suppress(ProcessLookupError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
