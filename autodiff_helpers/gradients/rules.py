"""The Jacobian by autograd, in reverse mode, and one derivative in forward mode."""

import warnings
from collections.abc import Sequence

import numpy as np
import torch
import torch.autograd.forward_ad as forward_mode
from torch import Tensor

from autodiff_helpers.gradients.differences import Array
from autodiff_helpers.gradients.evaluation import evaluate_batch
from autodiff_helpers.gradients.function import VectorFunction, same
from autodiff_helpers.gradients.pieces import Piece, flat, real

# Gradients computed in one batch hold about this many numbers.
NUMBERS_AT_ONCE = 2**20
# Fewer rows than this are computed one by one, which is faster.
FEW_ROWS = 4


def reverse_jacobian(function: VectorFunction) -> Array:
    """The Jacobian, one vector-Jacobian product for each element of the output.

    Args:
        function: the function, already recorded.

    Returns:
        The Jacobian, of shape ``(m, n)``; zero where autograd found no way from the output to
        an input.

    Example:
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> reverse_jacobian(VectorFunction(torch.square, [x], double=True))
        array([[2., 0.],
               [0., 4.]])
    """
    jacobian = np.zeros((len(function.value), len(function.place)))
    for piece, output in zip(function.outputs, function.recorded, strict=True):
        if output.requires_grad and jacobian.size:
            _fill(jacobian[piece.start : piece.stop], function, piece, output)
    return jacobian


def _fill(rows: Array, function: VectorFunction, piece: Piece, output: Tensor) -> None:
    """Compute the rows of one output: in batches where torch can do that."""
    count = len(rows)

    def one(vector: Array) -> Array:
        given = piece.take_from(torch.from_numpy(vector).to(function.device), start=0)
        return _product(function, [output], [given]).numpy(force=True)

    if count >= FEW_ROWS:
        try:
            at_once = max(1, NUMBERS_AT_ONCE // max(rows.shape))
            for start in range(0, count, at_once):
                part = slice(start, min(start + at_once, count))
                rows[part] = _products(function, piece, output, part).numpy(force=True)
            vector = 0.5 + np.arange(count) / count
            if function.trusting or same(vector @ rows, one(vector), 1000 * function.epsilon):
                return
        except RuntimeError:
            pass  # a backward step that cannot be batched
    if count == 1:
        # Torch takes 1 for a missing vector.
        rows[0] = _product(function, [output], [None]).numpy(force=True)
        return
    for row in range(count):
        unit = np.zeros(count)
        unit[row] = 1.0
        rows[row] = one(unit)
        function.progress.advance(1)


def _products(function: VectorFunction, piece: Piece, output: Tensor, rows: slice) -> Tensor:
    """Some rows of the Jacobian of one output at once."""
    count = rows.stop - rows.start
    units = function.point.new_zeros(count, piece.stop - piece.start)
    units[:, rows].fill_diagonal_(1.0)

    def back(vectors: Sequence[Tensor]) -> list[Tensor]:
        gradients = torch.autograd.grad(
            output, function.leaves, vectors[0], retain_graph=True, allow_unused=True
        )
        return [
            torch.zeros_like(leaf) if gradient is None else gradient
            for leaf, gradient in zip(function.leaves, gradients, strict=True)
        ]

    with warnings.catch_warnings(), function.precision:
        warnings.simplefilter("ignore")  # of backward steps that are slow in a batch
        gradients = evaluate_batch(back, [piece.take_from(units, start=0)])
    parts = [real(gradient).reshape(count, -1).to(function.point) for gradient in gradients]
    function.progress.advance(count)
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)


def _product(
    function: VectorFunction, outputs: Sequence[Tensor], vectors: Sequence[Tensor | None]
) -> Tensor:
    """The vector-Jacobian product for some of the outputs; the others count as unused."""
    with function.precision:
        gradients = torch.autograd.grad(
            outputs, function.leaves, vectors, retain_graph=True, allow_unused=True
        )
    dense = [
        torch.zeros_like(leaf)
        if gradient is None
        else (gradient if gradient.layout == torch.strided else gradient.to_dense())
        for leaf, gradient in zip(function.leaves, gradients, strict=True)
    ]
    return flat(dense)


def vector_jacobian_product(function: VectorFunction, vector: Tensor) -> Tensor:
    """The product of a vector and the Jacobian, by one walk back through the recorded graph.

    Args:
        function: the function, already recorded.
        vector: of shape ``(m,)``.

    Returns:
        The product, of shape ``(n,)`` and dtype float64.

    Example:
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> square = VectorFunction(torch.square, [x], double=True)
        >>> vector_jacobian_product(square, torch.tensor([1.0, 10.0], dtype=torch.float64))
        tensor([ 2., 40.], dtype=torch.float64)
    """
    used = [
        (output, piece.take_from(vector))
        for piece, output in zip(function.outputs, function.recorded, strict=True)
        if output.requires_grad
    ]
    if not used:
        return torch.zeros_like(function.point)
    outputs, vectors = zip(*used, strict=True)
    return _product(function, outputs, vectors)


def forward_derivative(function: VectorFunction, direction: Tensor) -> Tensor | None:
    """The product of the Jacobian and a vector, by forward mode.

    Args:
        function: the function.
        direction: the vector, of shape ``(n,)``.

    Returns:
        The product, of shape ``(m,)`` and dtype float64, or ``None`` where something in the
        function does not support forward mode.

    Example:
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> square = VectorFunction(torch.square, [x], double=True)
        >>> direction = torch.tensor([1.0, 10.0], dtype=torch.float64)
        >>> forward_derivative(square, direction).detach()
        tensor([ 2., 40.], dtype=torch.float64)
    """
    try:
        with warnings.catch_warnings(), forward_mode.dual_level():
            # Torch warns of itself when it first loads what forward mode needs.
            warnings.simplefilter("ignore")
            duals = [
                forward_mode.make_dual(  # type: ignore[no-untyped-call]
                    leaf.detach(), piece.take_from(direction)
                )
                for piece, leaf in zip(function.pieces, function.leaves, strict=True)
            ]
            return flat([_tangent(output) for output in function.call(duals)])
    except Exception:
        return None


def has_own_forward_rule(function: VectorFunction) -> bool:
    """Whether a function was recorded that somebody wrote a rule for forward mode for.

    Args:
        function: the function, already recorded.

    Returns:
        Whether there is a ``torch.autograd.Function`` with a ``jvp`` in its graph.

    Example:
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> has_own_forward_rule(VectorFunction(torch.square, [x], double=True))
        False
    """
    return any(rule.jvp is not torch.autograd.Function.jvp for rule in function.own_rules)


def _tangent(output: Tensor) -> Tensor:
    tangent: Tensor | None
    _, tangent = forward_mode.unpack_dual(output)  # type: ignore[no-untyped-call]
    return torch.zeros_like(output) if tangent is None else tangent
