"""What check_gradient costs against torch.autograd.gradcheck and its fast mode.

Every ratio is of two medians: the same function at the same place is checked by the one and by
the other in turn, in one process. Only two at a time, because gradcheck and its fast mode share
code, and the second of them would find it in the cache. Timings are noisy; the ratios count.
"""

import math
import statistics
import time
from collections.abc import Callable
from functools import partial

import torch
from tabulate import tabulate
from torch import Tensor
from torch.autograd import gradcheck

from autodiff_helpers import check_gradient

SECONDS_A_ROW = 1.5
GENERATOR = torch.Generator().manual_seed(0)


def double_until_large(a: Tensor) -> Tensor:
    """The function of chapter 2.5.4."""
    b = a * 2
    while b.norm(p=2) < 1000:
        b = b * 2
    return b if b.sum() > 0 else 100 * b


def gram(x: Tensor) -> Tensor:
    side = math.isqrt(x.numel())
    matrix = x[: side * side].reshape(side, side)
    return matrix @ matrix.T


def layer(x: Tensor) -> Tensor:
    weights = torch.linspace(-1, 1, 10 * x.numel(), dtype=x.dtype).reshape(10, -1)
    return torch.tanh(weights @ x).square().sum()


TEACHING: dict[str, Callable[[Tensor], Tensor]] = {
    "2 x·x": lambda x: 2 * torch.dot(x, x),
    "x * x": lambda x: x * x,
    "softmax": lambda x: torch.softmax(x, 0),
    "layer": layer,
    "matrix": gram,
    "loop": double_until_large,
}
LARGE: dict[str, Callable[[Tensor], Tensor]] = {
    "2 x·x": TEACHING["2 x·x"],
    "x * x": TEACHING["x * x"],
    "sum of tanh": lambda x: torch.tanh(x).sum(),
    "logsumexp": lambda x: torch.logsumexp(x, 0),
    "relu": torch.relu,
    "loop": double_until_large,
}


def medians(*ways: Callable[[], object]) -> list[float]:
    """The median time of each way in seconds, taken in turn."""
    times: list[list[float]] = [[] for _ in ways]
    for way in ways:
        way()
    began = time.perf_counter()
    while time.perf_counter() - began < SECONDS_A_ROW or len(times[0]) < 5:
        for taken, way in zip(times, ways, strict=True):
            start = time.perf_counter()
            assert way(), "every gradient here is right"
            taken.append(time.perf_counter() - start)
    return [statistics.median(taken) for taken in times]


def measure(
    functions: dict[str, Callable[[Tensor], Tensor]],
    sizes: list[int],
    others: list[Callable[..., bool]],
) -> list[list[object]]:
    """For each function and size our time in ms, and that of each other check in units of it."""
    rows: list[list[object]] = []
    for name, f in functions.items():
        for size in sizes:
            x = torch.randn(size, generator=GENERATOR, dtype=torch.float64).requires_grad_()
            pairs = [medians(partial(check_gradient, f, x), partial(g, f, x)) for g in others]
            ratios = [theirs / ours for ours, theirs in pairs]
            rows.append([name, f"{size:,}", 1e3 * pairs[0][0], *ratios])
    return rows


def geometric_mean(ratios: list[float]) -> float:
    return statistics.geometric_mean(ratios)


if __name__ == "__main__":
    fast = partial(gradcheck, fast_mode=True)
    rows = measure(TEACHING, [1, 10, 100, 1000], [gradcheck, fast])
    headers = ["function", "inputs", "ours, ms", "gradcheck / ours", "its fast mode / ours"]
    print(tabulate(rows, headers, floatfmt=".2f"))
    ratios = [float(row[3]) for row in rows]
    print(
        f"gradcheck / ours: geometric mean {geometric_mean(ratios):.1f} (goal: at least 7), ",
        end="",
    )
    print(f"least {min(ratios):.2f} (goal: at least 1.1)\n")
    rows = measure(LARGE, [10_000, 100_000, 1_000_000], [fast])
    print(tabulate(rows, [*headers[:3], headers[4]], floatfmt=".2f"))
    ratios = [float(row[3]) for row in rows]
    print(f"its fast mode / ours: least {min(ratios):.2f} (goal: at least 0.5)")
