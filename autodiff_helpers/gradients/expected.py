"""A gradient worked out by hand, brought into the form of a Jacobian."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from autodiff_helpers.gradients.function import VectorFunction
from autodiff_helpers.gradients.pieces import Piece


def expected_jacobian(expected: Any, function: VectorFunction) -> tuple[Tensor, float]:
    """The Jacobian that somebody expects, as a matrix.

    Args:
        expected: a tensor, a tuple of them, or a function of the inputs that returns either.
        function: the function whose gradient it should be.

    Returns:
        The matrix, of shape ``(m, n)`` and dtype float64, and how exact its numbers can be.

    Raises:
        TypeError: if ``expected`` gives something else.
        ValueError: if a tensor has another shape than that part of the Jacobian.

    Example:
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> square = VectorFunction(lambda x: (x * x).sum(), [x], double=True)
        >>> expected_jacobian(2 * x, square)[0]
        tensor([[2., 4.]], dtype=torch.float64)
    """
    given = function.apply(expected) if _is_function(expected) else expected
    if function.output_count is None:
        by_output: Sequence[Any] = [given]
    elif isinstance(given, tuple | list) and len(given) == function.output_count:
        by_output = [given[piece.position] for piece in function.outputs]
    else:
        raise _unfit(given, function)
    tensors = [_by_input(each, given, function) for each in by_output]
    jacobian = function.point.new_zeros(function.output.shape[0], function.point.shape[0])
    for output, row in zip(function.outputs, tensors, strict=True):
        for x, tensor in zip(function.pieces, row, strict=True):
            block = _block(tensor, output, x, function)
            jacobian[output.start : output.stop, x.start : x.stop] = block
    exactness = max(
        (torch.finfo(t.dtype).eps for row in tensors for t in row if t.is_floating_point()),
        default=0.0,
    )
    return jacobian, exactness


def _by_input(gradients: Any, given: Any, function: VectorFunction) -> list[Tensor]:
    """One tensor for each input that is checked."""
    if isinstance(gradients, Tensor) and function.visible == 1:
        gradients = (gradients,)
    if isinstance(gradients, tuple | list) and len(gradients) == function.visible:
        chosen = [gradients[piece.position] for piece in function.pieces]
        if all(isinstance(each, Tensor) for each in chosen):
            return [each.detach() for each in chosen]
    raise _unfit(given, function)


def _unfit(given: Any, function: VectorFunction) -> TypeError:
    outputs = "" if function.output_count is None else " for each output a tuple of these;"
    return TypeError(
        f"expected gives a {type(given).__name__}; it must give{outputs} a tensor for each input "
        "that requires gradients: the tensor itself for a function of one input, for a function "
        "of several a tuple in their order, with None for the others."
    )


def _block(tensor: Tensor, output: Piece, x: Piece, function: VectorFunction) -> Tensor:
    """One part of the Jacobian, as a matrix of real numbers."""
    m, n = output.stop - output.start, x.stop - x.start
    if tuple(tensor.shape) == output.shape + x.shape and not tensor.is_complex():
        return tensor.reshape(m, n).double()
    complex_output, complex_input = output.dtype.is_complex, x.dtype.is_complex
    output_shape = output.shape[:-1] if complex_output else output.shape
    input_shape = x.shape[:-1] if complex_input else x.shape
    fits = tuple(tensor.shape) == output_shape + input_shape
    if not fits or not (complex_output or complex_input):
        if fits:
            raise TypeError(f"expected gives {tensor.dtype}; it must give a real tensor.")
        raise ValueError(
            f"expected has shape {list(tensor.shape)}, but the gradient with respect to "
            f"{function.input_names[x.position]} has shape {list(output.shape + x.shape)}: the "
            "shape of the output followed by the shape of that input."
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


def _is_function(expected: Any) -> bool:
    return callable(expected) and not isinstance(expected, Tensor)
