"""A whole class at once: everybody is in within two minutes, and works through a chapter.

``make hub STUDENTS="5 10 30"`` prints a line for each number.
"""

import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import exchange
import psutil
import pytest
from classroom import processes_of

CHAPTER = "my-notebooks/2.5.1-a-simple-example.ipynb"
MEGABYTE = 2**20


def lesson(student):
    """Log in, run all cells of the chapter, fetch an exercise and submit it."""
    begin = time.monotonic()
    student.log_in(seconds=120)
    ready = time.monotonic() - begin
    kernel = student.open_kernel(CHAPTER)
    for cell in student.cells(CHAPTER):
        _, error = kernel.run(cell["source"])
        announced = "raises-exception" in cell["metadata"].get("tags", [])
        assert (error is not None) == announced, error
    student.act("fetch", "2.5.1")
    student.act("submit", "2.5.1")
    return ready


def shared_fairly(process):
    """The memory of a process, of which what several use counts for each of them in part."""
    return process.memory_full_info().pss


NUMBERS = [int(number) for number in os.environ.get("STUDENTS", "5").split()]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_class_at_once(classroom, number, capsys):
    exchange.release(["2.5.1"], classroom.place / "exchange")
    students = classroom.enrol(*(f"{number}-{each}" for each in range(1, number + 1)))
    try:
        with ThreadPoolExecutor(number) as pool:
            ready = list(pool.map(lesson, students))
        largest = max(student.bytes_used() for student in students)
        together = sum(
            shared_fairly(process) for each in students for process in processes_of(each.name)
        )
        with capsys.disabled():
            print(
                f"\n| {number} | {statistics.median(ready):.0f} s | {max(ready):.0f} s "
                f"| {largest / MEGABYTE:.0f} MB | {together / MEGABYTE:.0f} MB |"
            )
        assert largest < 700 * MEGABYTE
        assert together < 16000 * MEGABYTE
    finally:
        for student in students:
            student.leave()
    assert psutil.pid_exists(classroom.hub.pid)
