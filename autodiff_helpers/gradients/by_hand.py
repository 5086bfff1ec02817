"""A Jacobian worked out by hand, in whatever form somebody gave it, as a matrix."""

from collections.abc import Iterator
from contextlib import suppress
from numbers import Number
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from autodiff_helpers.gradients.function import VectorFunction
from autodiff_helpers.gradients.nested import at
from autodiff_helpers.gradients.pieces import Piece
from autodiff_helpers.words import say


class Expected(NamedTuple):
    """A Jacobian worked out by hand."""

    jacobian: Tensor
    """Its numbers, of shape ``(m, n)`` and dtype float64."""
    rounding: float
    """How far they may be off for lack of digits, relative to themselves."""

    def part(self, rows: Tensor, columns: Tensor) -> "Expected":
        """Some rows and columns of it."""
        return self._replace(jacobian=self.jacobian[rows][:, columns])


def by_hand(expected: Any, function: VectorFunction) -> Expected:
    """What somebody expects, numbers in any form or a function that returns them, as a matrix.

    Example:
        >>> from autodiff_helpers.gradients.function import Caller
        >>> from autodiff_helpers.gradients.progress import Progress
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> square = VectorFunction(Caller(lambda x: (x * x).sum(), [x], Progress()))
        >>> by_hand([2.0, 4.0], square).jacobian
        tensor([[2., 4.]], dtype=torch.float64)
    """
    is_function = callable(expected) and not isinstance(expected, Tensor)
    given = function.caller.apply(expected) if is_function else expected
    jacobian = function.caller.point.new_zeros(len(function.value), len(function.x))
    tensors: list[Tensor] = []
    for output in function.outputs:
        row = _by_input(_of_output(given, output, function), output, function)
        if row is None:
            raise _unfit(given, function)
        tensors += row
        for x, tensor in zip(function.pieces, row, strict=True):
            block = _block(tensor, output, x, function.caller.tensor_name(x))
            jacobian[output.start : output.stop, x.start : x.stop] = block
    epsilons = [torch.finfo(t.dtype).eps for t in tensors if t.is_floating_point()]
    return Expected(jacobian, 8 * max(epsilons, default=0.0))


def _of_output(given: Any, output: Piece, function: VectorFunction) -> Any:
    """What is given for one output."""
    nest = function.nest
    if isinstance(nest, tuple) and not (
        isinstance(given, tuple | list) and len(given) == len(nest)
    ):
        return None
    try:
        return at(given, output.path)
    except (LookupError, TypeError):
        return None


def _by_input(gradients: Any, output: Piece, function: VectorFunction) -> list[Tensor] | None:
    """One tensor for each input that is checked, ``None`` where there is no way to read them so.

    A list may hold the numbers of one tensor, or a gradient for each input: what has the right
    shapes is meant.
    """
    found = list(_readings(gradients, function))
    shapes = [output.shape + x.shape for x in function.pieces]
    fitting = [each for each in found if [tuple(tensor.shape) for tensor in each] == shapes]
    return next(iter([*fitting, *found]), None)


def _readings(gradients: Any, function: VectorFunction) -> Iterator[list[Tensor]]:
    """Every way to read what is given for one output as one tensor for each input."""
    count = len(function.caller.visible)
    if isinstance(gradients, tuple | list) and len(gradients) == count:
        with suppress(LookupError, TypeError, RuntimeError):
            yield [_as_tensor(at(gradients, piece.path)) for piece in function.pieces]
    if count == 1:
        with suppress(LookupError, TypeError, RuntimeError):
            yield [_as_tensor(at((gradients,), piece.path)) for piece in function.pieces]
    elif len(function.pieces) == 1:
        with suppress(TypeError, RuntimeError):
            yield [_as_tensor(gradients)]


def _as_tensor(numbers: Any) -> Tensor:
    """A tensor, an array or a number, or lists of such, as a tensor."""
    if isinstance(numbers, Tensor):
        return numbers.detach()
    if isinstance(numbers, tuple | list):
        return torch.stack([_as_tensor(each) for each in numbers])
    if isinstance(numbers, np.ndarray | np.generic):
        return torch.tensor(np.array(numbers, order="C"))
    if isinstance(numbers, complex):
        return torch.tensor(numbers, dtype=torch.complex128)
    if not isinstance(numbers, Number):
        raise TypeError(type(numbers))
    return torch.tensor(float(numbers), dtype=torch.float64)  # type: ignore[arg-type]


def _unfit(given: Any, function: VectorFunction) -> TypeError:
    if function.nest is not None:
        return TypeError(
            say(
                "expected gives a {type}; it must give for each output, in the same tuple or dict, "
                "a tensor for each input that requires gradients, or an array or numbers: alone "
                "for a function of one input, for a function of several in a tuple in their order, "
                "with None for the others.",
                type=type(given).__name__,
            )
        )
    return TypeError(
        say(
            "expected gives a {type}; it must give a tensor for each input that requires "
            "gradients, or an array or numbers: alone for a function of one input, for a function "
            "of several in a tuple in their order, with None for the others.",
            type=type(given).__name__,
        )
    )


def _block(tensor: Tensor, output: Piece, x: Piece, name: str) -> Tensor:
    """One part of the Jacobian, as a matrix of real numbers."""
    m, n = output.stop - output.start, x.stop - x.start
    if tuple(tensor.shape) == output.shape + x.shape and not tensor.is_complex():
        return tensor.reshape(m, n).double()
    complex_output, complex_input = output.dtype.is_complex, x.dtype.is_complex
    output_shape = output.shape[:-1] if complex_output else output.shape
    input_shape = x.shape[:-1] if complex_input else x.shape
    fits = tuple(tensor.shape) == output_shape + input_shape
    if fits and not (complex_output or complex_input):
        raise TypeError(
            say("expected gives {dtype}; it must give a real tensor.", dtype=tensor.dtype)
        )
    if not fits:
        raise ValueError(
            say(
                "expected has shape {shape}, but the gradient with respect to {input} has shape "
                "{right}: the shape of the output followed by the shape of that input.",
                shape=list(tensor.shape),
                input=name,
                right=list(output.shape + x.shape),
            )
        )
    derivative = tensor.to(torch.complex128)
    if not complex_output:  # as autograd has it: by the real part, and by the imaginary part
        return torch.view_as_real(derivative).reshape(m, n)
    rows = [derivative.real, derivative.imag]
    if not complex_input:
        return torch.stack([row.reshape(-1, n) for row in rows], dim=1).reshape(m, n)
    # The Cauchy-Riemann equations: multiplying by a + ib turns and stretches the plane.
    columns = [torch.stack([rows[0], -rows[1]], -1), torch.stack([rows[1], rows[0]], -1)]
    return torch.stack([each.reshape(-1, n) for each in columns], dim=1).reshape(m, n)
