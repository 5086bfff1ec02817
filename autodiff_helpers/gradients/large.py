"""Check a Jacobian that is too large to be written down, by products with random vectors.

If autograd's Jacobian :math:`J` is right, then :math:`v^T J u` is the derivative of
:math:`v^T f(x + t u)` by :math:`t` at 0, whatever the weights :math:`u` and :math:`v`. If one
element of :math:`J` is wrong, the two differ for nearly all weights; with the weights of one half
of the inputs only, and of one half of that, the element is found in a few steps.
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from autodiff_helpers.gradients.comparison import ROUGH, SAFETY
from autodiff_helpers.gradients.differences import (
    EPSILON,
    Array,
    central_differences,
    slopes_at_zero,
)
from autodiff_helpers.gradients.function import VectorFunction
from autodiff_helpers.gradients.pieces import flat, piece_at
from autodiff_helpers.gradients.rules import (
    forward_derivative,
    has_own_forward_rule,
    vector_jacobian_product,
)

# As exact as products of float64 numbers are, so that one wrong element among a million shows.
RELATIVE_ERROR = 1e-11
MOST_ROUNDINGS = 8
# A Jacobian larger than this, or by more inputs, is checked by products first.
MOST_ELEMENTS = 2**14
MOST_INPUTS = 2**10
# One that is wrong is still written down when it is no larger than this.
MOST_WRITTEN = 2**21
# How often an input with a kink may be left out before the search is given up.
MOST_KINKS = 8
# Of a Jacobian that is wrong, this many rows and columns are looked at.
SAMPLE = 16


class Projection(NamedTuple):
    """Products :math:`v^T J u`, one for each output, by autograd and by values of the function."""

    analytic: Array
    numeric: Array
    tolerance: Array

    @property
    def excess(self) -> Array:
        """By how much the two differ, in units of what they may; nan counts as very much."""
        excess = np.abs(self.analytic - self.numeric) / self.tolerance
        return np.asarray(np.nan_to_num(excess, nan=np.inf))

    @property
    def rough(self) -> bool:
        """Whether more may be wrong than a small share."""
        size = np.maximum(np.abs(self.analytic), np.abs(self.numeric))
        # Where nothing moves at all, and should not, there is nothing to take a share of.
        return bool(((self.tolerance > ROUGH * size) & (size > 0)).any())


class Projector:
    """Random weights for the inputs and the outputs of a function, always the same ones.

    Args:
        function: the function, already recorded.
        jacobian: its Jacobian by another rule than autograd's.
        exactness: how exact the numbers in that can be.

    Example:
        >>> x = torch.arange(5000.0, requires_grad=True)
        >>> function = VectorFunction(lambda x: (x * x).sum(), [x], double=True)
        >>> Projector(function).project(torch.arange(5000)).excess < 1
        array([ True])
    """

    def __init__(
        self, function: VectorFunction, jacobian: Tensor | None = None, exactness: float = 0.0
    ) -> None:
        self.function = function
        self.jacobian = jacobian
        self.u = _weights(function.point, math.sqrt(2))
        self.u *= function.point.abs().clamp_(min=1.0)
        self.v = _weights(function.output, math.sqrt(3))
        # Each output apart, so that a large one does not hide a small one.
        self.parts = [slice(piece.start, piece.stop) for piece in function.outputs]
        self.gradients = [self.back(part) for part in self.parts]
        self.base = np.array(self._products(function.output))
        # Sums of many numbers are rounded many times.
        self.sizes = np.array(
            [
                torch.linalg.vector_norm(function.output[part]).item()
                * min(MOST_ROUNDINGS, (part.stop - part.start) ** 0.5)
                for part in self.parts
            ]
        )
        self.relative = max(RELATIVE_ERROR, 8 * exactness)
        if function.epsilon != EPSILON:
            self.relative = max(self.relative, function.epsilon**0.5)

    def back(self, rows: slice) -> Tensor:
        """The product of the weights of some outputs and the Jacobian."""
        if self.jacobian is not None:
            return self._weights_of(rows) @ self.jacobian
        return vector_jacobian_product(self.function, self._weights_of(rows))

    def _weights_of(self, rows: slice) -> Tensor:
        if rows == slice(0, len(self.v)):
            return self.v
        weights = torch.zeros_like(self.v)
        weights[rows] = self.v[rows]
        return weights

    def most_unlike_autograd(self, columns: Tensor, output: int, count: int) -> Tensor:
        """Some elements of the input: where another Jacobian is farthest from autograd's."""
        by_autograd = vector_jacobian_product(self.function, self._weights_of(self.parts[output]))
        distances = (self.gradients[output] - by_autograd)[columns].abs()
        return columns[distances.topk(min(count, len(columns))).indices]

    def wrong_in_forward_mode(self) -> tuple[int, int] | None:
        """A derivative, by its row and column, that a forward rule of one's own has wrong."""
        columns = torch.arange(len(self.u), device=self.u.device)
        if not has_own_forward_rule(self.function) or self._forward_excess(columns) <= 1:
            return None
        while len(columns) > 1:
            columns = max(columns.tensor_split(2), key=self._forward_excess)
        unit = torch.zeros_like(self.u)
        unit[columns] = 1.0
        column, everything = int(columns[0]), slice(0, len(self.v))
        forward = forward_derivative(self.function, unit)
        assert forward is not None  # nor was it in all the other directions
        difference = forward.detach() - self._numeric_column(column, everything)
        return int(difference.abs().argmax()), column

    def _forward_excess(self, columns: Tensor) -> float:
        """By how much forward and reverse mode differ, in units of what they may."""
        direction = torch.zeros_like(self.u)
        direction[columns] = self.u[columns]
        forward = forward_derivative(self.function, direction)
        if forward is None:
            return 0.0
        others = np.array([torch.dot(each, direction).item() for each in self.gradients])
        sizes = np.abs(others)
        allowed = np.maximum(1e-6 * sizes + 1e-9 * sizes.max(), np.finfo(float).tiny)
        return float((np.abs(self._products(forward.detach()) - others) / allowed).max())

    def _products(self, values: Tensor) -> list[float]:
        """The sum of the values times their weights, for each output."""
        return [torch.dot(self.v[part], values[part]).item() for part in self.parts]

    def project(self, columns: Tensor | slice) -> Projection:
        """Find the products both ways, giving weight to some elements of the input.

        Args:
            columns: these elements; a slice where they are all of one tensor, which is faster.

        Returns:
            The products, one for each output.
        """
        function = self.function
        direction = self.u
        if not (isinstance(columns, slice) and columns == slice(0, len(self.u))):
            direction = torch.zeros_like(self.u)
            direction[columns] = self.u[columns]
        terms = [gradient[columns] * self.u[columns] for gradient in self.gradients]

        place = torch.empty_like(direction)

        def along(steps: Array) -> Array:
            # One point at a time, and all in one place, which is quicker than a new one for each.
            values = (
                function.at(torch.add(function.point, direction, alpha=step, out=place))
                for step in steps[:, 0].tolist()
            )
            return np.asarray([self._products(value) for value in values] - self.base)

        numeric, error = slopes_at_zero(along, self.sizes, epsilon=function.epsilon)
        norms = np.array([torch.linalg.vector_norm(each).item() for each in terms])
        return Projection(
            np.array([each.sum().item() for each in terms]),
            numeric,
            np.maximum(SAFETY * error + self.relative * norms, np.finfo(float).tiny),
        )

    def worst_column(self, columns: Tensor, output: int) -> int:
        """The element of the input whose derivatives are wrong, by halving again and again."""
        while len(columns) > 1:
            halves = columns.tensor_split(2)
            columns = max(halves, key=lambda half: self.project(half).excess[output])
        return int(columns[0])

    def worst_row(self, column: int, output: int) -> int:
        """The element of the output whose derivative by that one is wrong."""
        first, last = self.parts[output].start, self.parts[output].stop
        values = torch.zeros_like(self.v)
        values[first:last] = self._numeric_column(column, self.parts[output])
        while last - first > 1:
            middle = (first + last) // 2
            lower, upper = (
                abs(self.back(half)[column] - self.v[half] @ values[half])
                for half in (slice(first, middle), slice(middle, last))
            )
            first, last = (middle, last) if upper > lower else (first, middle)
        return first

    def _numeric_column(self, column: int, part: slice) -> Tensor:
        """The derivatives of some outputs by one element of the input, by central differences."""
        rows = torch.arange(part.start, part.stop, device=self.v.device)
        sample = Sample(self.function, rows, torch.tensor([column]))
        numeric = central_differences(
            sample, sample.place, sample.value, epsilon=self.function.epsilon
        )
        return torch.from_numpy(numeric.values[:, 0]).to(self.v)


class Sample(VectorFunction):
    """Some elements of the output of a function, as they depend on some elements of the input.

    Args:
        function: the whole function.
        rows: the elements of the output.
        columns: the elements of the input.

    Example:
        >>> x = torch.arange(4.0, requires_grad=True)
        >>> function = VectorFunction(torch.square, [x], double=True)
        >>> sample = Sample(function, torch.tensor([2]), torch.tensor([1, 2]))
        >>> sample.derivative_name(0, 1), sample.value.tolist()
        ('∂square[2]/∂x[2]', [4.0])
    """

    def __init__(self, function: VectorFunction, rows: Tensor, columns: Tensor) -> None:
        self._whole, self.rows, self.columns = function, rows, columns

        def part(x: Tensor) -> Tensor:
            point = function.point.index_put((columns,), x.to(function.point))
            inputs = [piece.take_from(point) for piece in function.pieces]
            return self._taken(flat(function.call(inputs)))

        x = function.point[columns].to(function.dtype).requires_grad_()
        super().__init__(part, [x], double=False)
        self.changed, self.progress = function.changed, function.progress
        # One by one, because each takes as much memory as the whole.
        self._ways = []

    def _taken(self, values: Tensor) -> Tensor:
        """What is looked at, of all outputs."""
        return values[self.rows]

    @property
    def name(self) -> str:
        """The name of the whole function."""
        return self._whole.name

    def input_name(self, column: int) -> str:
        """What that number is called in the whole input."""
        return self._whole.input_name(int(self.columns[column]))

    def output_name(self, row: int) -> str:
        """What that number is called in the whole output."""
        return self._whole.output_name(int(self.rows[row]))


class Directional(Sample):
    """One output of a function in a random direction, as it depends on some of its inputs.

    Args:
        projector: the function and its weights.
        output: the number of the output.
        columns: the elements of the input.

    Example:
        >>> x = torch.arange(4.0, requires_grad=True)
        >>> projector = Projector(VectorFunction(torch.square, [x], double=True))
        >>> Directional(projector, 0, torch.tensor([1])).derivative_name(0, 0)
        '∂(square in a random direction)/∂x[1]'
    """

    def __init__(self, projector: Projector, output: int, columns: Tensor) -> None:
        self._weights = projector.v[projector.parts[output]]
        self._output = output
        rows = torch.arange(projector.parts[output].start, projector.parts[output].stop)
        super().__init__(projector.function, rows.to(columns.device), columns)

    def _taken(self, values: Tensor) -> Tensor:
        return torch.dot(self._weights, super()._taken(values))

    def output_name(self, row: int) -> str:
        """What is differentiated."""
        return f"({_output_name(self._whole, self._output)} in a random direction)"


class Projected(VectorFunction):
    """A function whose Jacobian is known only by its products with random vectors.

    Args:
        function: the function, already recorded.

    Example:
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> function = VectorFunction(torch.square, [x], double=True)
        >>> Projected(function).derivative_name(0, 0)
        '∂square/∂x in a random direction'
    """

    def __init__(self, function: VectorFunction) -> None:
        # Not recorded again: it is the same function, with other names for what is compared.
        self.__dict__.update(vars(function))

    def derivative_name(self, row: int, column: int) -> str:
        """What the product for one output and one input is called."""
        x = self.input_names[self.pieces[column].position]
        return f"∂{_output_name(self, row)}/∂{x} in a random direction"


def _output_name(function: VectorFunction, output: int) -> str:
    if function.output_count is None:
        return function.name
    return f"{function.name}[{function.outputs[output].position}]"


def is_large(function: VectorFunction) -> bool:
    """Whether the Jacobian of a function is so large that products with it are checked instead.

    Args:
        function: the function, already recorded.

    Returns:
        Whether it is.

    Example:
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> is_large(VectorFunction(torch.square, [x], double=True))
        False
    """
    n, m = function.point.shape[0], function.output.shape[0]
    return n > MOST_INPUTS or n * m > MOST_ELEMENTS


def can_be_written(function: VectorFunction) -> bool:
    """Whether the Jacobian of a function is small enough to be computed as a whole.

    Args:
        function: the function, already recorded.

    Returns:
        Whether it is.

    Example:
        >>> x = torch.arange(4000.0, requires_grad=True)
        >>> can_be_written(VectorFunction(torch.square, [x], double=True))
        False
    """
    n, m = function.point.shape[0], function.output.shape[0]
    return n * max(n, m) <= MOST_WRITTEN


def sample_around(function: VectorFunction, row: int, column: int) -> Sample:
    """A part of a function that is small enough, with one derivative in it.

    Args:
        function: the function, already recorded.
        row: the element of the output.
        column: the element of the input.

    Returns:
        Some elements of the output as they depend on some of the same input.

    Example:
        >>> x = torch.arange(1000.0, requires_grad=True)
        >>> function = VectorFunction(torch.sum, [x], double=True)
        >>> sample_around(function, 0, 3).place[:3].tolist()
        [0.0, 3.0, 71.0]
    """
    piece = piece_at(function.pieces, column)
    columns = piece.start + _spread(column - piece.start, piece.stop - piece.start)
    rows = _spread(row, len(function.output))
    return Sample(function, rows.to(function.device), columns.to(function.device))


def _spread(worst: int, length: int) -> Tensor:
    """Indices all over a vector, one of them given."""
    others = torch.linspace(0, length - 1, min(SAMPLE - 1, length)).long()
    return torch.tensor(sorted({worst, *others.tolist()}))


def _weights(like: Tensor, factor: float) -> Tensor:
    """Numbers between 0.5 and 1 in size, so that no element counts too little.

    The fractions of :math:`k^2` times an irrational factor are all over the place, and found in a
    tenth of the time that random numbers take.
    """
    weights = torch.arange(1.0, len(like) + 1, dtype=torch.float64)
    weights.square_().mul_(factor).frac_().sub_(0.5)
    return weights.add_(torch.copysign(torch.tensor(0.5), weights)).to(like.device)
