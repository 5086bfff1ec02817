"""What the helpers add to a start: ``import autodiff_helpers`` on top of ``import torch``.

Each round is a fresh process, in which both imports are timed one after the other.
"""

import statistics
import subprocess
import sys

ROUNDS = 15
PROGRAM = """
import time
start = time.perf_counter()
import torch
middle = time.perf_counter()
import autodiff_helpers
end = time.perf_counter()
print(middle - start, end - middle)
"""


def seconds() -> tuple[float, float]:
    """How long torch took, and how long the helpers took after it."""
    printed = subprocess.check_output([sys.executable, "-c", PROGRAM], text=True)
    torch, helpers = map(float, printed.split())
    return torch, helpers


if __name__ == "__main__":
    pairs = [seconds() for _ in range(ROUNDS)]
    torch, helpers = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median(helpers / torch for torch, helpers in pairs)
    print(f"import, median of {ROUNDS} fresh processes")
    print(f"  torch             {1000 * torch:6.0f} ms")
    print(f"  autodiff_helpers  {1000 * helpers:6.0f} ms more")
    print(f"  more by           {100 * ratio:6.2f} %    goal: under 2 %")
