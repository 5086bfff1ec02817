"""The process in which one student's notebook runs: it answers questions, and can do little else.

What to run comes as one line of JSON on standard input: the cells, the folders that stay closed,
and the most memory. For each cell one line of JSON goes back. Nothing that comes back is believed
to be more than what the student's code answers: it is compared with what is right elsewhere.
"""

import json
import os
import sys
from collections.abc import Callable
from typing import Any, TextIO

import torch
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

import autodiff_helpers  # noqa: F401 (loaded before anything is closed)

LONGEST_WORDS = 1000
LARGEST_FILE = 50_000_000
STARTING = ("os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.startfile", "os.system", "pty.")
REACHING = ("ctypes.", "os.kill", "socket.", "subprocess.")
CHANGING = ("os.chmod", "os.chown", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir")
CHANGING = (*CHANGING, "os.symlink", "os.truncate", "os.utime", "shutil.")
LISTING = ("os.listdir", "os.scandir", "os.walk", "glob.")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def plain(value: Any) -> Any:
    """What can be written as JSON of a value: numbers and words, alone or in lists."""
    if isinstance(value, torch.Tensor):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return f"a {type(value).__name__}"


def answers(setup: str, asked: list[str], names: dict[str, Any]) -> list[Any] | None:
    """What the student's names answer to questions; None where they raise an error."""
    names = dict(names)
    try:
        exec(setup, names)
        return [plain(eval(question, names)) for question in asked]
    except BaseException:
        return None


def in_words(error: BaseException | None) -> str | None:
    """An error as the student would see its last line."""
    words = error.msg if isinstance(error, SyntaxError) else error
    return error and f"{type(error).__name__}: {words}"[:LONGEST_WORDS]


def shell_without_history() -> InteractiveShell:
    """What runs cells as a notebook does."""
    return InteractiveShell(config=Config(HistoryManager={"enabled": False}))


def run(
    cells: list[dict[str, Any]],
    report: Callable[[dict[str, Any]], object],
    shell: InteractiveShell,
) -> None:
    """Run the cells one after another, and report of each what it shows and answers."""
    for cell in cells:
        with capture_output():
            done = shell.run_cell(cell["source"], store_history=False)
            answered = answers(cell["setup"], cell["asked"], shell.user_ns)
        words = done.result[:LONGEST_WORDS] if isinstance(done.result, str) else None
        error = in_words(done.error_before_exec or done.error_in_exec)
        report({"cell": cell["id"], "shown": words, "error": error, "answers": answered})


def close(own: str, closed: list[str], report: Callable[[dict[str, Any]], object]) -> None:
    """From now on refuse what a notebook has no business with: Python tells us of all it tries."""

    def within(path: Any, folder: str) -> bool:
        return os.path.commonpath([os.path.realpath(os.fsdecode(path)), folder]) == folder

    def refused(event: str, details: tuple[Any, ...]) -> bool:
        paths = [each for each in details if isinstance(each, str | bytes | os.PathLike)]
        if event == "open":
            writes = details[2] & WRITING and os.devnull not in paths
        else:
            writes = event.startswith(CHANGING)
        reads = event == "open" or event.startswith(LISTING)
        return (
            event.startswith((*STARTING, *REACHING))
            or (writes and not all(within(path, own) for path in paths))
            or (reads and any(within(path, folder) for path in paths[:1] for folder in closed))
        )

    def watch(event: str, details: tuple[Any, ...]) -> None:
        if refused(event, details):
            report({"tried": event})
            raise PermissionError("a submission works with what is in its own folder alone")

    sys.addaudithook(watch)


def limit(memory: int) -> None:
    """Take away all memory and room on the disk beyond this, where the system can."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main(answering: TextIO) -> None:
    """Read what to run, and run it."""
    job = json.loads(sys.stdin.readline())

    def report(line: dict[str, Any]) -> None:
        answering.write(json.dumps(line) + "\n")
        answering.flush()

    shell = shell_without_history()
    limit(job["memory"])
    close(os.path.realpath(os.getcwd()), job["closed"], report)
    report({"ready": True})
    run(job["cells"], report, shell)
    report({"done": True})


if __name__ == "__main__":
    # What the student's code prints goes nowhere: only this process knows where answers go.
    only_answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    for stream in (sys.stdout, sys.stderr):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    main(only_answers)
