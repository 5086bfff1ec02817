"""What one student takes of a machine: JupyterLab's server, a kernel, and a notebook that was run.

Memory is counted twice: all that the two processes use, and what is theirs alone. The difference
are files such as torch's libraries, which students on one machine share. Processor time says how
long many of them wait who start at once.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.request import Request, urlopen

import nbformat
import psutil
from jupyter_client import BlockingKernelClient
from languages import NOTEBOOKS

PATIENCE = 120
MEGABYTE = 10**6


class Seat(NamedTuple):
    """What the server and the kernel have taken so far: megabytes, and seconds of a processor."""

    all: float
    own: float
    processor: float


def taken(server: psutil.Process) -> Seat:
    """What a server and all that it started have taken."""
    parts = [server, *server.children(recursive=True)]
    memory = [part.memory_full_info() for part in parts]
    return Seat(
        sum(each.rss for each in memory) / MEGABYTE,
        sum(each.uss for each in memory) / MEGABYTE,
        sum(sum(part.cpu_times()[:2]) for part in parts),
    )


@contextmanager
def jupyterlab(folder: Path) -> Iterator[tuple[psutil.Process, str, dict[str, str]]]:
    """JupyterLab's server, its address, and what to send along, as soon as it answers."""
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--port=0"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    surroundings = os.environ | {"JUPYTER_RUNTIME_DIR": str(folder)}
    with subprocess.Popen(command, cwd=folder, env=surroundings, **quiet) as process:
        try:
            said = sooner_or_later(lambda: read(folder / f"jpserver-{process.pid}.json"))
            headers = {"Authorization": f"token {said['token']}"}
            sooner_or_later(lambda: urlopen(Request(f"{said['url']}lab", headers=headers)).read())
            yield psutil.Process(process.pid), said["url"], headers
        finally:
            process.terminate()


def read(path: Path) -> dict:
    """What a file says that Jupyter writes when something is ready."""
    return json.loads(path.read_text(encoding="utf-8"))


def sooner_or_later(attempt: Callable[[], dict | bytes]) -> dict | bytes:
    """What an attempt gives as soon as it succeeds."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with suppress(OSError, json.JSONDecodeError):
            return attempt()
        time.sleep(0.1)
    return attempt()


def sit_down(notebook: Path) -> tuple[Seat, Seat, Seat]:
    """What is taken by the server, then with a kernel that has torch, then after the last cell."""
    with (
        tempfile.TemporaryDirectory() as scratch,
        jupyterlab(Path(scratch)) as (server, url, headers),
    ):
        alone = taken(server)
        asked = Request(f"{url}api/kernels", data=b"{}", headers=headers, method="POST")
        connection = Path(scratch, f"kernel-{json.load(urlopen(asked))['id']}.json")
        client = BlockingKernelClient()
        client.load_connection_info(sooner_or_later(lambda: read(connection)))
        client.start_channels()
        client.wait_for_ready(timeout=PATIENCE)
        run = {"reply": True, "timeout": PATIENCE, "stop_on_error": False}
        client.execute("import torch, autodiff_helpers", **run)
        ready = taken(server)
        for cell in nbformat.read(notebook, as_version=4).cells:
            if cell.cell_type == "code":
                client.execute(cell.source, **run)
        done = taken(server)
        client.stop_channels()
    return alone, ready, done


def row(name: str, seat: Seat) -> str:
    """A line of the table."""
    return f"{name:42}{seat.all:6.0f} {seat.own:8.0f} {seat.processor:13.1f}"


if __name__ == "__main__":
    print("one student                               all MB   own MB   processor s")
    for path in sorted(NOTEBOOKS.glob("2*.ipynb")):
        alone, ready, done = sit_down(path)
        if "2.5.1" in path.stem:
            print(row("  JupyterLab's server", alone))
            print(row("  with a kernel that has imported torch", ready))
        print(row(f"  after {path.stem}", done))
