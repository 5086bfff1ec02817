"""The Jacobian of a function as a function itself, so that its derivatives can be checked."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from autodiff_helpers.gradients.function import VectorFunction
from autodiff_helpers.gradients.pieces import flat, piece_at


class SecondOrder(VectorFunction):
    """The derivatives of a function, as autograd finds them, as they depend on its inputs.

    Args:
        function: the function, already recorded.

    Example:
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> cubes = VectorFunction(lambda x: (x**3).sum(), [x], double=True)
        >>> second = SecondOrder(cubes)
        >>> second.derivative_name(0, 1), second.value.tolist()
        ('∂²f/∂x[0]∂x[1]', [3.0, 12.0])
    """

    def __init__(self, function: VectorFunction) -> None:
        self._first = function

        def derivatives(*xs: Tensor) -> Any:
            # Inside a check some inputs come without a record.
            recorded = [x if x.requires_grad else x.requires_grad_() for x in xs]
            return self._derivatives(function.call(recorded), recorded)

        leaves = [leaf.detach().requires_grad_() for leaf in function.leaves]
        super().__init__(derivatives, leaves, double=False, all_outputs=True)
        self.progress = function.progress
        # Autograd is at work inside.
        self._needs_record, self._ways = True, []

    def _derivatives(self, outputs: Sequence[Tensor], xs: Sequence[Tensor]) -> Any:
        """The Jacobian for each output and input, ready to be differentiated again."""
        jacobians = []
        for piece, output in zip(self._first.outputs, outputs, strict=True):
            rows = [
                torch.autograd.grad(
                    element, xs, create_graph=True, allow_unused=True, materialize_grads=True
                )
                if element.requires_grad
                else [torch.zeros_like(x) for x in xs]
                for element in flat([output]).unbind()
            ]
            for place, x in enumerate(self._first.pieces):
                gradients = [flat([row[place]]) for row in rows]
                empty = flat([xs[place]])[:0]
                whole = torch.stack(gradients) if gradients else empty
                jacobians.append(whole.reshape(piece.shape + x.shape))
        return jacobians[0] if len(jacobians) == 1 else tuple(jacobians)

    @property
    def name(self) -> str:
        """The name of the function itself."""
        return self._first.name

    @property
    def input_names(self) -> list[str]:
        """The names of the inputs that are checked."""
        return [self._first.input_names[piece.position] for piece in self._first.pieces]

    def derivative_name(self, row: int, column: int) -> str:
        """The name of one second derivative, such as ``∂²f/∂x[0]∂x[1]``."""
        below = self._first.input_name(column)
        return f"∂²{self.output_name(row).removeprefix('∂')}∂{below}"

    def output_name(self, row: int) -> str:
        """The name of one first derivative, such as ``∂f/∂x[0]``."""
        piece = piece_at(self.outputs, row)
        output, x = divmod(piece.position, len(self._first.pieces))
        x_piece = self._first.pieces[x]
        above, below = divmod(row - piece.start, x_piece.stop - x_piece.start)
        return self._first.derivative_name(
            self._first.outputs[output].start + above, x_piece.start + below
        )
