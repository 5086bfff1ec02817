"""How many machines a class needs, what they cost, and how long their processors are busy at nine.

python deploy/kubernetes/nodes.py 4.2 --prices 0.20 0.40 0.80

The first number is what one start takes of a processor, in seconds: benchmarks/seat.py measures it.
A price is what you pay for one machine for an hour, in the order of MACHINES. How much memory and
processor each student is sure of stands in values.yaml, and that is what Kubernetes counts with.
"""

import argparse
from math import ceil
from pathlib import Path
from typing import NamedTuple

import yaml

CLASSES = 30, 300, 3000
VALUES = Path(__file__).with_name("values.yaml")

# What Kubernetes, and what the chart runs on each machine, keep for themselves: an assumption.
KEPT_CORES, KEPT_GIGABYTES = 0.5, 2
# Kubernetes runs at most 110 pods on a machine, and its own and the chart's are among them.
MOST_STUDENTS = 100


class Machine(NamedTuple):
    """A machine of the cluster."""

    cores: int
    gigabytes: int


MACHINES = Machine(4, 16), Machine(8, 32), Machine(16, 64)


class Share(NamedTuple):
    """What one student is sure of: cores, and gigabytes."""

    cores: float
    gigabytes: float


def share(values: Path = VALUES) -> Share:
    """What the values guarantee to each student."""
    student = yaml.safe_load(values.read_text(encoding="utf-8"))["singleuser"]
    megabytes = int(student["memory"]["guarantee"].removesuffix("M"))
    return Share(student["cpu"]["guarantee"], megabytes / 1000)


def seats(machine: Machine, student: Share) -> int:
    """How many students one machine holds."""
    by_memory = (machine.gigabytes - KEPT_GIGABYTES) / student.gigabytes
    by_processor = (machine.cores - KEPT_CORES) / student.cores
    return min(int(by_memory), int(by_processor), MOST_STUDENTS)


def rows(start: float, prices: list[float]) -> list[str]:
    """The table, line by line: each class on each kind of machine."""
    head = "students   machine           students on it   machines   busy at the start"
    lines = [head + "   an hour" * bool(prices)]
    for students in CLASSES:
        for place, machine in enumerate(MACHINES):
            held = min(seats(machine, share()), students)
            needed = ceil(students / held)
            busy = f"{held * start / machine.cores:.0f} s"
            name = f"{machine.cores} cores, {machine.gigabytes} GB"
            line = f"{students:8,}   {name:15}   {held:14}   {needed:8}   {busy:>17}"
            lines.append(line + (f"   {needed * prices[place]:7.2f}" if prices else ""))
    return lines


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("start", type=float, help="seconds of a processor that one start takes")
    parser.add_argument("--prices", type=float, nargs=len(MACHINES), default=[])
    given = parser.parse_args()
    print("\n".join(rows(given.start, given.prices)))
