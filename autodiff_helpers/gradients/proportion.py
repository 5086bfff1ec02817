"""Whether the rules of a user's own are proportional to what they are given, and the same twice.

A backward step is linear: it gives the vector times the Jacobian, whatever the vector. One number
that comes back from a loss, mostly a 1, does not show whether it is.
"""

from collections.abc import Callable
from contextlib import nullcontext

import numpy as np
from torch import Tensor

from autodiff_helpers.gradients.differences import Array
from autodiff_helpers.gradients.evaluation import Fault, FaultKind
from autodiff_helpers.gradients.function import VectorFunction
from autodiff_helpers.gradients.pieces import weights_like
from autodiff_helpers.gradients.rules import (
    has_own_forward_rule,
    jacobian_vector_product,
    vector_jacobian_product,
)

# What is multiplied by a power of two is rounded as before, so little is left to forgive.
ROUNDING_UNITS = 1000
# The last one for what happens to large gradients only, such as clipping.
FACTORS = (0, 2, -1, 1024)

Product = Callable[[Tensor], Tensor | None]


def fault_of(function: VectorFunction, tolerance: float) -> Fault | None:
    """What is wrong with a backward step, or a rule for forward mode, of the user's own."""
    if not function.own_rules:
        return None
    tolerance = max(tolerance, ROUNDING_UNITS * function.epsilon)
    names = sorted(rule.__name__ for rule in function.own_rules)
    try:
        kind = _kind(_back(function), weights_like(function.output, 3), tolerance)
        if kind is not None:
            return Fault(kind, names, "backward")
        if has_own_forward_rule(function):
            kind = _kind(_forward(function), weights_like(function.caller.point, 2), tolerance)
    except Exception:
        return None  # one that fails, as it may when it frees what it has used, shows nothing
    return None if kind is None else Fault(kind, names, "jvp")


def _back(function: VectorFunction) -> Callable[[], Product]:
    def afresh() -> Product:
        # What one product changes must not spoil the next one, nor the Jacobian.
        recorded = function.recorded_within(nullcontext())
        return lambda vector: vector_jacobian_product(recorded, vector)

    return afresh


def _forward(function: VectorFunction) -> Callable[[], Product]:
    return lambda: lambda vector: jacobian_vector_product(function, vector)


def _kind(afresh: Callable[[], Product], vector: Tensor, tolerance: float) -> FaultKind | None:
    """What is wrong with the products for a vector, for it again, and for multiples of it."""
    product = afresh()
    first, again = product(vector), product(vector)
    if first is None or again is None or not first.isfinite().all():
        return None
    once = first.numpy(force=True)

    def near(product: Tensor | None, value: Array) -> bool:
        assert product is not None  # nor was it for another vector
        found = product.numpy(force=True)
        allowed = tolerance * np.maximum(np.abs(value), 1e-6 * np.abs(once).max(initial=0.0))
        # What is too large for a number of low precision shows nothing.
        return bool(((np.abs(found - value) <= allowed) | np.isinf(found)).all())

    if not near(again, once):
        return "not the same"
    products = [(factor, afresh()(factor * vector)) for factor in FACTORS]

    def all_near(rest: Array) -> bool:
        """Whether each is as many times the first as its vector is, apart from a rest."""
        return all(near(each, factor * (once - rest) + rest) for factor, each in products)

    if all_near(0 * once):
        return None
    if all_near(once):
        return "not multiplied"
    ((_, nothing),) = [each for each in products if each[0] == 0]
    assert nothing is not None
    return "something added" if all_near(nothing.numpy(force=True)) else "not linear"
