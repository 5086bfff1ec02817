"""What it costs to grade a class: solutions of one assignment from 5, 15 and 30 students."""

import os
import tempfile
import time
from pathlib import Path

import nbformat
from grade import grade
from grading.course import sources

CLASSES = 5, 15, 30
ASSIGNMENT = "mixed"


def seconds(students: int) -> float:
    """How long it takes from the folder of what they handed in to the table and the pages."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "submissions")
        _, solution = sources()[ASSIGNMENT]
        for number in range(students):
            place = folder / f"student-{number}"
            place.mkdir(parents=True)
            nbformat.write(nbformat.read(solution, as_version=4), place / f"{ASSIGNMENT}.ipynb")
        start = time.perf_counter()
        grade(folder, Path(scratch, "graded"))
        return time.perf_counter() - start


if __name__ == "__main__":
    print(f"{ASSIGNMENT}, on {os.cpu_count()} cores")
    for students in CLASSES:
        print(f"  {students:2} students   {seconds(students):6.1f} s")
    print("  goal: 30 students in at most 600 s")
