"""Who is right more often: what check_gradient and gradcheck say, side by side.

Of the mistakes that the tests plant in backward steps, how many each of them finds; and over
torch's own table of operations, in which of them the two differ.
"""

import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from tabulate import tabulate
from torch import Tensor
from torch.autograd import gradcheck

from autodiff_helpers import check_gradient

TESTS = Path(__file__).resolve().parent.parent / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "gradients")]

from planted import FUNCTIONS, MISTAKES, planted  # noqa: E402
from torch_table import DIFFERENTIABLE, cases, name_of  # noqa: E402


def by_gradcheck(f: Callable[..., object], *xs: Tensor) -> bool:
    def differentiable(*xs: Tensor) -> object:
        output = f(*xs)
        if isinstance(output, tuple):
            return tuple(x for x in output if x.is_floating_point() or x.is_complex())
        return output

    # It raises both for what it cannot check and for what it finds wrong.
    return gradcheck(differentiable, xs, check_grad_dtypes=False, raise_exception=False)


CHECKS: dict[str, Callable[..., object]] = {"ours": check_gradient, "gradcheck": by_gradcheck}


def passes(check: Callable[..., object], f: Callable[..., object], *xs: Tensor) -> bool:
    """Whether a check lets a function pass; to refuse it is not to let it pass."""
    try:
        return bool(check(f, *xs))
    except Exception:
        return False


def found_mistakes() -> list[list[object]]:
    """For each planted mistake, in how many of the functions each check finds it."""
    rows: list[list[object]] = []
    for mistake, spoil in MISTAKES.items():
        wrong = [(planted(f, spoil), x.detach().requires_grad_()) for f, x in FUNCTIONS.values()]
        found = [sum(not passes(check, f, x) for f, x in wrong) for check in CHECKS.values()]
        rows.append([mistake, *found])
    return rows


def different_verdicts() -> list[list[object]]:
    """The operations, and how many of their samples each check lets pass, where these differ."""
    rows: list[list[object]] = []
    for op in DIFFERENTIABLE:
        samples = cases(op, True)
        passed = [[passes(check, f, *xs) for f, xs in samples] for check in CHECKS.values()]
        if passed[0] != passed[1]:
            rows.append([name_of(op), len(samples), *map(sum, passed)])
    return rows


if __name__ == "__main__":
    warnings.filterwarnings("ignore")  # of torch's samples
    torch.manual_seed(0)
    rows = found_mistakes()
    print(f"Planted mistakes that are found, of {len(FUNCTIONS)} each")
    print(tabulate(rows, ["mistake", *CHECKS]))
    every = len(FUNCTIONS) * len(MISTAKES)
    ours, theirs = (sum(row[column] for row in rows) for column in (1, 2))
    print(f"ours {ours} of {every}, gradcheck {theirs}: {ours / theirs:.2f} times as many\n")
    rows = different_verdicts()
    print(f"Of {len(DIFFERENTIABLE)} operations, those in which the two let different samples pass")
    print(tabulate(rows, ["operation", "samples", *CHECKS]))
