"""A function is evaluated at many points in whatever way it can be called."""

import subprocess
import sys

import numpy as np
import torch

from autodiff_helpers.gradients import evaluation
from autodiff_helpers.gradients.evaluation import ONE_BY_ONE, RECORDED, Evaluation, by_branches


def evaluate(f, points, value=(0.0,), *, trusted=True, **options):
    done = []
    value = torch.tensor(value, dtype=torch.float64)
    there = Evaluation(f, value, tolerance=1e-12, trusted=trusted, advance=done.append, **options)
    points = np.array(points, dtype=float)
    values = there(points)
    assert sum(done) == len(points)
    return values.ravel().tolist()


def counted(f):
    def g(x):
        g.calls += 1
        return f(x)

    g.calls = 0
    return g


POINTS = np.linspace(-1, 1, 30)[:, None]
SQUARES = (POINTS**2).ravel().tolist()


def test_all_points_take_one_call_where_that_can_be_done():
    f = counted(torch.square)
    assert evaluate(f, POINTS) == SQUARES
    assert f.calls == 1


def test_each_branch_takes_one_call():
    f = counted(lambda x: x**2 if x > 0 else -x)
    assert evaluate(f, POINTS) == [float(x**2 if x > 0 else -x) for x in POINTS.ravel()]
    assert f.calls <= 4


def test_points_that_keep_disagreeing_are_evaluated_one_by_one():
    f = counted(lambda x: x.clone() if x > 0 else -x)
    points = torch.from_numpy(POINTS)
    assert by_branches(f, points, branches=0).tolist() == points.abs().tolist()
    assert f.calls == len(points)


def test_what_no_batch_can_do_is_done_one_by_one():
    f = counted(lambda x: torch.from_numpy(x.numpy() ** 2))
    assert evaluate(f, POINTS) == SQUARES
    alone = counted(torch.square)
    assert evaluate(alone, POINTS, ways=ONE_BY_ONE) == SQUARES
    assert alone.calls == len(POINTS)


def test_a_function_that_differentiates_inside_gets_points_that_are_recorded():
    def f(x):
        (slope,) = torch.autograd.grad((x**3).sum(), x)
        return slope

    cubes = [3 * x for x in SQUARES]
    assert np.allclose(evaluate(f, POINTS), cubes)
    assert np.allclose(evaluate(f, POINTS, ways=RECORDED), cubes)


def test_a_point_without_a_value_is_nan():
    def f(x):
        if float(x) > 0:
            raise ValueError("no value there")
        return torch.square(x)

    assert np.isnan(evaluate(f, POINTS)).tolist() == (POINTS.ravel() > 0).tolist()


def test_in_doubt_a_batch_must_be_what_its_first_point_is_alone():
    f = lambda x: x if torch._C._functorch.is_batchedtensor(x) else 2 * x  # noqa: E731
    assert evaluate(f, POINTS, trusted=True) == POINTS.ravel().tolist()
    assert evaluate(f, POINTS, trusted=False) == (2 * POINTS).ravel().tolist()
    there = Evaluation(
        f, torch.zeros(1).double(), tolerance=0.0, trusted=True, advance=lambda count: None
    )
    there.doubt()
    assert there(POINTS).tolist() == (2 * POINTS).tolist()


def test_torch_still_has_the_private_names_that_make_batches_quick():
    assert evaluation.HAS_PRIVATE_NAMES


def test_without_the_private_names_every_check_is_the_same():
    code = """
import sys, torch, torch._functorch.vmap
if sys.argv[1:] == ["without"]:
    del torch._C._functorch._add_batch_dim
from autodiff_helpers import check_gradient
x = torch.linspace(-1, 2, 20, dtype=torch.float64).requires_grad_()
for f in (torch.sin, lambda x: x if x.sum() > 9 else 2 * x, lambda x: sum(abs(v) for v in x)):
    print(check_gradient(f, x))
"""
    texts = [
        subprocess.run(
            [sys.executable, "-c", code, *option], check=True, capture_output=True, text=True
        ).stdout
        for option in ([], ["without"])
    ]
    assert texts[0] == texts[1]
    assert texts[0].count("The gradient is right") == 3
