"""Check a Jacobian that is too large to be written down, by products with random vectors.

If autograd's Jacobian :math:`J` is right, then :math:`v^T J u` is the derivative of
:math:`v^T f(x + t u)` by :math:`t` at 0, whatever the weights :math:`u` and :math:`v`. If one
element of :math:`J` is wrong, the two differ for nearly all weights; with the weights of one half
of the inputs only, and of one half of that, the element is found in a few steps.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from autodiff_helpers.gradients.beside import POINTS, changed_at_once, points_beside
from autodiff_helpers.gradients.by_hand import Expected
from autodiff_helpers.gradients.comparison import ROUGH, SAFETY, Comparison, Point
from autodiff_helpers.gradients.differences import EPSILON, Array, Differences, NumericJacobian
from autodiff_helpers.gradients.evaluation import ONE_BY_ONE
from autodiff_helpers.gradients.function import Caller, VectorFunction
from autodiff_helpers.gradients.nested import way
from autodiff_helpers.gradients.pieces import Names, Piece, flat, piece_at, weights_like
from autodiff_helpers.gradients.rules import (
    MOST_WRITTEN,
    has_own_forward_rule,
    jacobian_vector_product,
    vector_jacobian_product,
)
from autodiff_helpers.words import say

# As exact as products of float64 numbers are, so that one wrong element among a million shows.
RELATIVE_ERROR = 1e-11
MOST_ROUNDINGS = 8
TOLERANCES = 4
# A slope in one direction takes about so many calls.
USUAL_CALLS = 8
# A Jacobian larger than this, or by more inputs, is checked by products first.
MOST_ELEMENTS = 2**14
MOST_INPUTS = 2**10
# Of a Jacobian that is wrong, this many rows and columns are looked at.
SAMPLE = 16


class Projection(NamedTuple):
    """Products :math:`v^T J u`, one for each output, by rule and by values of the function."""

    analytic: Array
    numeric: Array
    tolerance: Array

    @property
    def excess(self) -> Array:
        """By how much the two differ, in units of what they may; nan counts as very much."""
        excess = self.off / self.tolerance
        return np.asarray(np.nan_to_num(excess, nan=np.inf))

    @property
    def off(self) -> Array:
        """By how much the two differ."""
        return np.abs(self.analytic - self.numeric)

    @property
    def differs(self) -> bool:
        """Whether something is wrong."""
        return bool(self.excess.max() > 1)

    @property
    def rough(self) -> bool:
        """Whether more may be wrong than a small share."""
        size = np.maximum(np.abs(self.analytic), np.abs(self.numeric))
        # Where nothing moves at all, and should not, there is nothing to take a share of.
        return bool(((self.tolerance > ROUGH * size) & (size > 0)).any())


class Projector:
    """Random weights for the inputs and the outputs of a function, always the same ones.

    The Jacobian is autograd's, or one that was worked out by hand.

    Example:
        >>> from autodiff_helpers.gradients.progress import Progress
        >>> x = torch.arange(5000.0, requires_grad=True)
        >>> caller = Caller(lambda x: (x * x).sum(), [x], Progress(), double=True)
        >>> Projector(VectorFunction(caller)).project(torch.arange(5000)).excess < 1
        array([ True])
    """

    def __init__(self, function: VectorFunction, expected: Expected | None = None) -> None:
        self.function = function
        self._jacobian = None if expected is None else expected.jacobian
        self.u = weights_like(function.caller.point, 2)
        self.u *= function.caller.point.abs().clamp_(min=1.0)
        self.v = weights_like(function.output, 3)
        # Each output apart, so that a large one does not hide a small one.
        self.parts = [slice(piece.start, piece.stop) for piece in function.outputs]
        self.gradients = [self._back(part) for part in self.parts]
        self._base = np.array(self._products(function.output))
        # Sums of many numbers are rounded many times.
        self._sizes = np.array(
            [
                torch.linalg.vector_norm(function.output[part]).item()
                * min(MOST_ROUNDINGS, (part.stop - part.start) ** 0.5)
                for part in self.parts
            ]
        )
        self._relative = max(RELATIVE_ERROR, 0.0 if expected is None else expected.rounding)
        # Derivatives that are off in different ways make up for each other, but not quite.
        self._relative = max(self._relative, TOLERANCES * function.behavior.tolerance)
        if function.epsilon != EPSILON:
            self._relative = max(self._relative, function.epsilon**0.5)

    def _back(self, rows: slice) -> Tensor:
        """The product of the weights of some outputs and the Jacobian."""
        weights = self.v
        if rows != slice(0, len(self.v)):
            weights = torch.zeros_like(self.v)
            weights[rows] = self.v[rows]
        if self._jacobian is not None:
            return weights @ self._jacobian
        return vector_jacobian_product(self.function, weights)

    def undefined(self) -> tuple[int, int] | None:
        """A value or a derivative that is no number, by its row and column."""
        spoiled = np.flatnonzero(~np.isfinite(self.function.value))
        gradients = [gradient.numpy(force=True) for gradient in self.gradients]
        columns = [
            (part.start, int(column))
            for part, gradient in zip(self.parts, gradients, strict=True)
            for column in np.flatnonzero(~np.isfinite(gradient))[:1]
        ]
        if len(spoiled):
            return int(spoiled[0]), columns[0][1] if columns else 0
        return columns[0] if columns else None

    def wrong_in_forward_mode(self) -> tuple[int, int] | None:
        """A derivative, by its row and column, that a forward rule of one's own has wrong."""
        columns = torch.arange(len(self.u), device=self.u.device)
        if not has_own_forward_rule(self.function) or self._forward_excess(columns) <= 1:
            return None
        while len(columns) > 1:
            columns = max(columns.tensor_split(2), key=self._forward_excess)
        unit = torch.zeros_like(self.u)
        unit[columns] = 1.0
        column = int(columns[0])
        forward = jacobian_vector_product(self.function, unit)
        assert forward is not None  # nor was it in all the other directions
        difference = forward - self._numeric_column(column, slice(0, len(self.v)))
        return int(difference.abs().argmax()), column

    def _forward_excess(self, columns: Tensor) -> float:
        """By how much forward and reverse mode differ, in units of what they may."""
        direction = torch.zeros_like(self.u)
        direction[columns] = self.u[columns]
        forward = jacobian_vector_product(self.function, direction)
        if forward is None:
            return 0.0
        others = np.array([torch.dot(each, direction).item() for each in self.gradients])
        sizes = np.abs(others)
        allowed = np.maximum(
            max(1e-6, self._relative) * sizes + 1e-9 * sizes.max(), np.finfo(float).tiny
        )
        return float((np.abs(self._products(forward) - others) / allowed).max())

    def _products(self, values: Tensor) -> list[float]:
        """The sum of the values times their weights, for each output."""
        return [torch.dot(self.v[part], values[part]).item() for part in self.parts]

    def project(self, columns: Tensor | slice) -> Projection:
        """The products both ways, one for each output, with weight for some inputs only.

        A slice, where these are all of one tensor, is faster.
        """
        function = self.function
        direction = self.u
        if not (isinstance(columns, slice) and columns == slice(0, len(self.u))):
            direction = torch.zeros_like(self.u)
            direction[columns] = self.u[columns]
        terms = [gradient[columns] * self.u[columns] for gradient in self.gradients]

        moved = torch.empty_like(direction)
        progress = function.caller.progress
        progress.expect(USUAL_CALLS)

        def along(steps: Array) -> Array:
            # One point at a time, and all in one place, which is quicker than a new one for each.
            values = []
            for step in steps[:, 0].tolist():
                torch.add(function.caller.point, direction, alpha=step, out=moved)
                values.append(self._products(function.evaluate.at(moved)))
                progress.advance(1)
            return np.asarray(values - self._base)

        numeric, error = Differences(
            along,
            np.zeros(1),
            np.zeros(len(self.parts)),
            epsilon=function.epsilon,
            noise=function.epsilon * self._sizes,
        ).to_most_digits()
        norms = np.array([torch.linalg.vector_norm(each).item() for each in terms])
        return Projection(
            np.array([each.sum().item() for each in terms]),
            numeric,
            np.maximum(SAFETY * error + self._relative * norms, np.finfo(float).tiny),
        )

    def by_rule(self) -> Array:
        """The products by autograd, for one input after the other."""
        parts = [slice(piece.start, piece.stop) for piece in self.function.pieces]
        gradients = self.gradients
        return np.array(
            [[torch.dot(each[part], self.u[part]).item() for each in gradients] for part in parts]
        )

    def for_each_input(self) -> list[Projection]:
        """The products with weight for one input at a time."""
        return [self.project(slice(piece.start, piece.stop)) for piece in self.function.pieces]

    def suspect(self, piece: Piece, projection: Projection) -> tuple[int, int]:
        """The row and column of a derivative by one input to look at, by halving again and again.

        It is wrong where the products differ; where they are only rough, or all derivatives can be
        looked at, it is the first.
        """
        if not projection.differs or can_be_written(self.function):
            return 0, piece.start
        columns = torch.arange(piece.start, piece.stop, device=self.u.device)
        output = int(projection.excess.argmax())
        while len(columns) > 1:
            halves = columns.tensor_split(2)
            columns = max(halves, key=lambda half: self.project(half).excess[output])
        column = int(columns[0])
        return self._worst_row(column, output), column

    def _worst_row(self, column: int, output: int) -> int:
        first, last = self.parts[output].start, self.parts[output].stop
        values = torch.zeros_like(self.v)
        values[first:last] = self._numeric_column(column, self.parts[output])
        while last - first > 1:
            middle = (first + last) // 2
            lower, upper = (
                abs(self._back(half)[column] - self.v[half] @ values[half])
                for half in (slice(first, middle), slice(middle, last))
            )
            first, last = (middle, last) if upper > lower else (first, middle)
        return first

    def _numeric_column(self, column: int, part: slice) -> Tensor:
        """The derivatives of some outputs by one element of the input, by central differences."""
        rows = torch.arange(part.start, part.stop, device=self.v.device)
        columns = torch.tensor([column], device=self.v.device)
        numeric = part_of(self.function, rows, columns).differences.central()
        return torch.from_numpy(numeric.values[:, 0]).to(self.v)

    def compared(self, projections: Sequence[Projection], expected: Expected | None) -> Comparison:
        """The products of the weights of each output and those of each input, side by side."""
        function = self.function
        numeric = NumericJacobian(
            np.stack([each.numeric for each in projections], axis=1),
            np.stack([each.tolerance / SAFETY for each in projections], axis=1),
            np.zeros((len(self.parts), len(projections)), dtype=bool),
        )
        return Comparison(
            Point(_names_of_products(function), function.pieces, function.x, function.value),
            np.stack([each.analytic for each in projections], axis=1),
            numeric,
            "autograd" if expected is None else "expected",
            behavior=function.behavior,
        )


def right_beside(
    function: VectorFunction, here: Sequence[Projection], *, by_hand: bool = False
) -> Comparison | None:
    """The products right beside the point, if they are right, and kinks the cause where not.

    An answer by hand is as good as autograd's where it is the same. A Jacobian that can be written
    down is looked at element by element instead.

    Example:
        >>> from autodiff_helpers.gradients.progress import Progress
        >>> x = torch.zeros(5000, requires_grad=True)
        >>> function = VectorFunction(Caller(torch.relu, [x], Progress(), double=True))
        >>> bool(right_beside(function, Projector(function).for_each_input()).agrees.all())
        True
    """
    if can_be_written(function) or function.epsilon > EPSILON:
        return None
    if not any(each.differs for each in here):
        return None
    if by_hand:
        own = Projector(function).for_each_input()
        pairs = zip(own, here, strict=True)
        if any(each._replace(numeric=other.analytic).differs for each, other in pairs):
            return None
    compared: Comparison | None = None
    others: list[Array] = []
    for moved in points_beside(function):
        projector = Projector(moved)
        if len(others) < POINTS - 1:
            there = projector.for_each_input()
            if any(each.differs or each.rough for each in there):
                return None
            compared = projector.compared(there, None)
        others.append(projector.by_rule())
    if len(others) < POINTS:
        return None
    numeric = np.array([each.numeric for each in here])
    off = max(float(each.off[each.excess > 1].max(initial=0.0)) for each in here)
    return compared if changed_at_once(numeric, off, others).any() else None


def is_large(function: VectorFunction) -> bool:
    """Whether products with the Jacobian of a function are checked instead of all its elements."""
    n, m = len(function.x), len(function.value)
    return n > MOST_INPUTS or n * m > MOST_ELEMENTS


def can_be_written(function: VectorFunction) -> bool:
    """Whether the Jacobian of a function is small enough to be computed as a whole."""
    n, m = len(function.x), len(function.value)
    return n * max(n, m) <= MOST_WRITTEN


class Sample(NamedTuple):
    """Some rows and columns of a Jacobian."""

    rows: Tensor
    columns: Tensor


def sample_around(function: VectorFunction, row: int, column: int) -> Sample:
    """A few rows and columns with one derivative in it, the columns all of one input.

    Example:
        >>> from autodiff_helpers.gradients.progress import Progress
        >>> x = torch.arange(1000.0, requires_grad=True)
        >>> function = VectorFunction(Caller(torch.sum, [x], Progress()))
        >>> sample_around(function, 0, 3).columns[:3].tolist()
        [0, 3, 71]
    """
    piece = piece_at(function.pieces, column)
    columns = piece.start + _spread(column - piece.start, piece.stop - piece.start)
    rows = _spread(row, len(function.output))
    device = function.output.device
    return Sample(rows.to(device), columns.to(device))


def part_of(function: VectorFunction, rows: Tensor, columns: Tensor) -> VectorFunction:
    """Some elements of the output of a function, as they depend on some of the input.

    Example:
        >>> from autodiff_helpers.gradients.progress import Progress
        >>> x = torch.arange(4.0, requires_grad=True)
        >>> function = VectorFunction(Caller(torch.square, [x], Progress()))
        >>> part = part_of(function, torch.tensor([2]), torch.tensor([1, 2]))
        >>> part.names.derivative(0, 1), part.value.tolist()
        ('∂square[2]/∂x[2]', [4.0])
    """
    whole = function.caller.point

    def part(x: Tensor) -> Tensor:
        point = whole.index_put((columns,), x.to(whole))
        return flat(function.call([piece.take_from(point) for piece in function.pieces]))[rows]

    x = whole[columns].to(function.dtype).requires_grad_()
    names = function.names
    return VectorFunction(
        Caller(part, [x], function.caller.progress, function.caller.random_state),
        # One by one, because each takes as much memory as the whole.
        ways=ONE_BY_ONE,
        names=lambda _: Names(
            names.function,
            tensor=lambda column: names.tensor(int(columns[column])),
            input=lambda column: names.input(int(columns[column])),
            output=lambda row: names.output(int(rows[row])),
            derivative=lambda row, column: names.derivative(int(rows[row]), int(columns[column])),
            whole=False,
        ),
    )


def _names_of_products(function: VectorFunction) -> Names:
    """Names such as ``∂f/∂x in a random direction`` for what is compared."""
    outputs, pieces, names = function.outputs, function.pieces, function.names

    def output(row: int) -> str:
        return f"{names.function}{way(outputs[row].path)}"

    def tensor(column: int) -> str:
        return function.caller.tensor_name(pieces[column])

    def derivative(row: int, column: int) -> str:
        return say(
            "{derivative} in a random direction", derivative=f"∂{output(row)}/∂{tensor(column)}"
        )

    return Names(names.function, tensor, tensor, output, derivative)


def _spread(worst: int, length: int) -> Tensor:
    """Indices all over a vector, one of them given."""
    others = torch.linspace(0, length - 1, min(SAMPLE - 1, length)).long()
    return torch.tensor(sorted({worst, *others.tolist()}))
