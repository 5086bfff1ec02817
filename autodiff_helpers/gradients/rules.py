"""Derivatives by rule: by autograd in reverse and forward mode, and the second ones."""

import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.autograd.forward_ad as forward_mode
from torch import Tensor

from autodiff_helpers.gradients.differences import Array
from autodiff_helpers.gradients.evaluation import RECORDED, same, together
from autodiff_helpers.gradients.function import Caller, VectorFunction
from autodiff_helpers.gradients.pieces import Names, Piece, flat, piece_at
from autodiff_helpers.words import say

# Gradients computed in one batch hold about this many numbers.
NUMBERS_AT_ONCE = 2**20
# No more numbers than this are written down.
MOST_WRITTEN = 2**21
# Fewer rows than this are computed one by one, which is faster.
FEW_ROWS = 4


def reverse_jacobian(function: VectorFunction, *, in_doubt: bool = False) -> Array:
    """The Jacobian ``(m, n)``, by one vector-Jacobian product for each element of the output.

    It is zero where autograd found no way from the output to an input. In doubt, rows that were
    computed at once are compared with one that was not.

    Example:
        >>> from autodiff_helpers.gradients.progress import Progress
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> reverse_jacobian(VectorFunction(Caller(torch.square, [x], Progress())))
        array([[2., 0.],
               [0., 4.]])
    """
    jacobian = np.zeros((len(function.value), len(function.x)))
    in_doubt |= bool(function.own_rules)
    for piece, output in zip(function.outputs, function.recording.outputs, strict=True):
        if output.requires_grad and jacobian.size:
            _fill(jacobian[piece.start : piece.stop], function, piece, output, in_doubt)
    return jacobian


def _fill(
    rows: Array, function: VectorFunction, piece: Piece, output: Tensor, in_doubt: bool
) -> None:
    """Compute the rows of one output: in batches where torch can do that."""
    count = len(rows)
    if count == 1:
        # Torch takes 1 for a missing vector.
        rows[0] = _product(function, [output], [None]).numpy(force=True)
        function.caller.progress.advance(1)
        return
    one = partial(_row, function, piece, output)
    if count >= FEW_ROWS:
        try:
            at_once = max(1, NUMBERS_AT_ONCE // max(rows.shape))
            for start in range(0, count, at_once):
                part = slice(start, min(start + at_once, count))
                rows[part] = _products(function, piece, output, part).numpy(force=True)
            vector = 0.5 + np.arange(count) / count
            if not in_doubt or same(vector @ rows, one(vector), 1000 * function.epsilon):
                return
        except RuntimeError:
            pass  # a backward step that cannot be batched
    for row, unit in zip(rows, np.eye(count), strict=True):
        row[:] = one(unit)
        function.caller.progress.advance(1)


def _row(function: VectorFunction, piece: Piece, output: Tensor, vector: Array) -> Array:
    """The product of a vector and the rows of one output."""
    given = piece.take_from(torch.from_numpy(vector).to(function.output.device), start=0)
    return _product(function, [output], [given]).numpy(force=True)


def _products(function: VectorFunction, piece: Piece, output: Tensor, rows: slice) -> Tensor:
    """Some rows of the Jacobian of one output at once."""
    count = rows.stop - rows.start
    units = function.caller.point.new_zeros(count, piece.stop - piece.start)
    units[:, rows].fill_diagonal_(1.0)

    def back(unit: Tensor) -> Tensor:
        return _product(function, [output], [piece.take_from(unit, start=0)])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of backward steps that are slow in a batch
        products = together(back, units)
    function.caller.progress.advance(count)
    return products


def _product(
    function: VectorFunction, outputs: Sequence[Tensor], vectors: Sequence[Tensor | None]
) -> Tensor:
    """The vector-Jacobian product for some of the outputs; the others count as unused."""
    leaves = function.recording.leaves
    with function.caller.precision or nullcontext():
        gradients = torch.autograd.grad(
            outputs, leaves, vectors, retain_graph=True, allow_unused=True
        )
    dense = [
        torch.zeros_like(leaf)
        if gradient is None
        else (gradient if gradient.layout == torch.strided else gradient.to_dense())
        for leaf, gradient in zip(leaves, gradients, strict=True)
    ]
    return flat(dense)


def vector_jacobian_product(function: VectorFunction, vector: Tensor) -> Tensor:
    """The product ``(n,)`` of a vector ``(m,)`` and the Jacobian, by one walk back.

    Example:
        >>> from autodiff_helpers.gradients.progress import Progress
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> square = VectorFunction(Caller(torch.square, [x], Progress(), double=True))
        >>> vector_jacobian_product(square, torch.tensor([1.0, 10.0], dtype=torch.float64))
        tensor([ 2., 40.], dtype=torch.float64)
    """
    used = [
        (output, piece.take_from(vector))
        for piece, output in zip(function.outputs, function.recording.outputs, strict=True)
        if output.requires_grad
    ]
    if not used:
        return torch.zeros_like(function.caller.point)
    outputs, vectors = zip(*used, strict=True)
    return _product(function, outputs, vectors)


def jacobian_vector_product(function: VectorFunction, vector: Tensor) -> Tensor | None:
    """The product ``(m,)`` of the Jacobian and a vector ``(n,)``, by forward mode.

    It is ``None`` where something in the function does not support forward mode.

    Example:
        >>> from autodiff_helpers.gradients.progress import Progress
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> square = VectorFunction(Caller(torch.square, [x], Progress(), double=True))
        >>> vector = torch.tensor([1.0, 10.0], dtype=torch.float64)
        >>> jacobian_vector_product(square, vector)
        tensor([ 2., 40.], dtype=torch.float64)
    """
    try:
        with warnings.catch_warnings(), forward_mode.dual_level():
            # Torch warns of itself when it first loads what forward mode needs.
            warnings.simplefilter("ignore")
            duals = [
                forward_mode.make_dual(  # type: ignore[no-untyped-call]
                    leaf.detach(), piece.take_from(vector)
                )
                for piece, leaf in zip(function.pieces, function.recording.leaves, strict=True)
            ]
            return flat([_tangent(output) for output in function.call(duals)]).detach()
    except Exception:
        return None


def _tangent(output: Tensor) -> Tensor:
    tangent: Tensor | None
    _, tangent = forward_mode.unpack_dual(output)  # type: ignore[no-untyped-call]
    return torch.zeros_like(output) if tangent is None else tangent


def forward_jacobian(function: VectorFunction) -> Array | None:
    """The Jacobian by forward mode, one column after the other, where that is supported."""
    columns = []
    for unit in torch.eye(len(function.x)).to(function.caller.point).unbind():
        column = jacobian_vector_product(function, unit)
        if column is None:
            return None
        columns.append(column.numpy(force=True))
    return np.stack(columns, axis=1)


def has_own_forward_rule(function: VectorFunction) -> bool:
    """Whether a ``torch.autograd.Function`` with a ``jvp`` was recorded."""
    return any(rule.jvp is not torch.autograd.Function.jvp for rule in function.own_rules)


def second_order(function: VectorFunction) -> VectorFunction:
    """The derivatives of a function by autograd as a function of its inputs.

    Example:
        >>> from autodiff_helpers.gradients.progress import Progress
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> cubes = VectorFunction(Caller(lambda x: (x**3).sum(), [x], Progress()))
        >>> second = second_order(cubes)
        >>> second.names.derivative(0, 1), second.value.tolist()
        ('∂²f/∂x[0]∂x[1]', [3.0, 12.0])
    """
    n, m = len(function.x), len(function.value)
    if n * n * m > MOST_WRITTEN:
        raise ValueError(
            say(
                "check_gradient got order=2 for {inputs:,} inputs and {outputs:,} outputs, which "
                "makes {derivatives:,} second derivatives; check the function on smaller tensors.",
                inputs=n,
                outputs=m,
                derivatives=n * n * m,
            )
        )

    def derivatives(*xs: Tensor) -> Any:
        # A call in forward mode brings inputs without a record.
        inputs = [x if x.requires_grad else x.requires_grad_() for x in xs]
        jacobians = [
            _jacobian_of(output, piece, inputs, function.pieces)
            for piece, output in zip(function.outputs, function.call(inputs), strict=True)
        ]
        by_input = [jacobian for row in jacobians for jacobian in row]
        return by_input[0] if len(by_input) == 1 else tuple(by_input)

    leaves = [leaf.detach().requires_grad_() for leaf in function.recording.leaves]
    return VectorFunction(
        Caller(derivatives, leaves, function.caller.progress, function.caller.random_state),
        all_outputs=True,
        # Autograd is at work inside.
        ways=RECORDED,
        names=partial(_second_names, function.names, function.outputs, function.pieces),
    )


def _jacobian_of(
    output: Tensor, piece: Piece, xs: Sequence[Tensor], pieces: Sequence[Piece]
) -> list[Tensor]:
    """The Jacobian of one output by each input, ready to be differentiated again."""
    rows = [
        torch.autograd.grad(
            element, xs, create_graph=True, allow_unused=True, materialize_grads=True
        )
        if element.requires_grad
        else [torch.zeros_like(x) for x in xs]
        for element in flat([output]).unbind()
    ]
    jacobians = []
    for position, x in enumerate(pieces):
        gradients = [flat([row[position]]) for row in rows]
        whole = torch.stack(gradients) if gradients else flat([xs[position]])[:0]
        jacobians.append(whole.reshape(piece.shape + x.shape))
    return jacobians


def _second_names(
    first: Names, outputs: Sequence[Piece], inputs: Sequence[Piece], derivatives: Sequence[Piece]
) -> Names:
    """Names such as ``∂f/∂x[0]`` for an output, and ``∂²f/∂x[0]∂x[1]`` for a derivative."""

    def output(row: int) -> str:
        piece = piece_at(derivatives, row)
        number = piece.path[0] if piece.path else 0
        of, by = divmod(number, len(inputs))
        above, below = divmod(row - piece.start, inputs[by].stop - inputs[by].start)
        return first.derivative(outputs[of].start + above, inputs[by].start + below)

    def derivative(row: int, column: int) -> str:
        return f"∂²{output(row).removeprefix('∂')}∂{first.input(column)}"

    return first._replace(output=output, derivative=derivative)
