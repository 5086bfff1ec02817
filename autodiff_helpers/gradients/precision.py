"""In which precision a function is checked: in float64 where it is the same function there."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from autodiff_helpers.gradients.differences import Array
from autodiff_helpers.gradients.double import InDouble
from autodiff_helpers.gradients.function import Caller, Function, VectorFunction, outputs_of
from autodiff_helpers.gradients.nested import leaves_of
from autodiff_helpers.gradients.pieces import (
    flat,
    is_differentiable,
    lowest_precision,
    pieces_of,
)
from autodiff_helpers.gradients.progress import Progress
from autodiff_helpers.gradients.rules import vector_jacobian_product
from autodiff_helpers.undisturbed import RandomState

# In units of the last digit: rounding of a number, and of one made of numbers as large as others.
ROUNDING_UNITS = 16
OTHERS_UNITS = 4
# Rounding differs from point to point; at so many of them it is looked at, up to so far away in
# proportion, and at the point it may be so many times as much.
NEARBY = 6
FARTHEST = 0.05
MOST_ROUNDING = 10


def recorded(
    f: Function,
    inputs: Sequence[Any],
    progress: Progress,
    random_state: RandomState,
    *,
    all_outputs: bool,
) -> VectorFunction:
    """The function in double precision, if need be inside too, or else in its own.

    It gives what it gives in its own precision, up to rounding. An error that is raised here is
    the one that the user's own call would raise.
    """
    tensors = [x for _, x in leaves_of(inputs) if isinstance(x, Tensor)]
    tensors += f.parameters() if isinstance(f, nn.Module) else []

    def called(**precision: object) -> VectorFunction:
        caller = Caller(f, inputs, progress, random_state, **precision)  # type: ignore[arg-type]
        return VectorFunction(caller, all_outputs=all_outputs)

    real = {x.dtype.to_real() for x in tensors if is_differentiable(x)}
    lower = max(real, key=lambda dtype: torch.finfo(dtype).eps)
    if lower == torch.float64:
        return called(double=True)
    own = _value_in_its_own(Caller(f, inputs, progress, random_state), all_outputs=all_outputs)
    for function in _in_double(called, lower):
        if own is None or _is_the_same(function, own, called):
            return function
    return called()


class _Value(NamedTuple):
    """What a function gives, and how far it is rounded relative to its size."""

    numbers: Array
    epsilon: float


def _value_in_its_own(caller: Caller, *, all_outputs: bool) -> _Value | None:
    """The value in the precision of the inputs, if there is one."""
    try:
        outputs = outputs_of(caller, all_outputs=all_outputs)
    except Exception:
        return None
    dtype = lowest_precision([*caller.pieces, *pieces_of(outputs)])
    # A copy, because a function may give out the same memory again and again.
    numbers = flat([output for _, output in outputs]).numpy(force=True).copy()
    return _Value(numbers, torch.finfo(dtype).eps)


def _in_double(called: Callable[..., VectorFunction], own: torch.dtype) -> Iterator[VectorFunction]:
    """The function in double precision: on the outside, and inside too."""
    with suppress(Exception):
        function = called(double=True)
        # A float64 number times a float32 vector is a float32 vector.
        if function.dtype == torch.float64:
            yield function
    with suppress(Exception):
        inside = InDouble(own)
        function = called(double=True, precision=inside)
        # The way back must go through in this precision, too.
        vector_jacobian_product(function, torch.ones_like(function.output))
        if not inside.lowers:
            yield function


def _is_the_same(
    function: VectorFunction, own: _Value, called: Callable[..., VectorFunction]
) -> bool:
    """Whether a function in double precision differs from itself by rounding only."""
    if function.value.shape != own.numbers.shape:
        return False
    sizes = np.maximum(np.abs(function.value), np.abs(own.numbers))
    sizes[~np.isfinite(sizes)] = 0.0
    rounding = own.epsilon * (ROUNDING_UNITS * sizes + OTHERS_UNITS * sizes.max(initial=0.0))
    difference = _difference(function.value, own.numbers)
    if (np.abs(difference) <= rounding).all():
        return True
    # Rounding is another one at every point nearby, and whatever else differs is not.
    shifts = FARTHEST * (np.arange(NEARBY) + 1.0) / NEARBY
    points = function.x * (1.0 + shifts[:, None] * np.cos(np.arange(len(function.x))))
    there = _difference(function.evaluate(points), called().evaluate(points))
    scatter = np.nan_to_num(np.abs(there - difference), posinf=0.0).max(axis=0)
    return bool((np.abs(difference) <= np.maximum(rounding, MOST_ROUNDING * scatter)).all())


def _difference(values: Array, others: Array) -> Array:
    """By how much two vectors differ: by nothing where both are the same and no number."""
    difference = np.asarray(values - others)
    same = (values == others) | (np.isnan(values) & np.isnan(others))
    difference[same] = 0.0
    return np.asarray(np.where(np.isnan(difference), np.inf, difference))
