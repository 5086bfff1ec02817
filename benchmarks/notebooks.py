"""What the proof costs: nbval over the notebooks against plain execution of the same notebooks.

Both run as whole processes, in turn, and the ratio is taken pair by pair.
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 5
NOTEBOOKS = [str(path) for path in sorted(ROOT.glob("notebooks/*.ipynb"))]
PROOF = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *NOTEBOOKS]
PLAIN = [sys.executable, "-m", "jupyter", "execute", *NOTEBOOKS]


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    pairs = [(seconds(PROOF), seconds(PLAIN)) for _ in range(ROUNDS)]
    proof, plain = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median(one / other for one, other in pairs)
    print(f"{len(NOTEBOOKS)} notebooks, median of {ROUNDS} rounds")
    print(f"  with nbval        {proof:6.2f} s")
    print(f"  plain execution   {plain:6.2f} s")
    print(f"  ratio             {ratio:6.2f}     goal: at most 1.25")
