"""The user's function as one from a vector to a vector, so that one rule can check them all."""

import inspect
import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import copy
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from autodiff_helpers.gradients.differences import Array
from autodiff_helpers.gradients.double import InDouble, doubled
from autodiff_helpers.gradients.evaluation import FEW_POINTS, evaluate_batch, evaluate_branches
from autodiff_helpers.gradients.pieces import (
    Piece,
    element_name,
    flat,
    is_differentiable,
    lowest_precision,
    piece_at,
    pieces_of,
    real,
)
from autodiff_helpers.gradients.progress import Progress
from autodiff_helpers.recorded import functions_of
from autodiff_helpers.undisturbed import RandomState

Function = Callable[..., Any]

# So few points are evaluated one by one, which takes no longer.
VERY_FEW_POINTS = 5
# How often a function is called again to see whether it repeats.
REPEATS = 8


class VectorFunction:
    """A function of some tensors, seen as one from a vector to a vector.

    The vector of the inputs holds those that require gradients, one after the other; the others
    stay constant. The parameters and buffers of a module are inputs too, after its own.

    Every call gets fresh copies of the inputs, and the same random numbers.

    Args:
        f: the function, or the module.
        inputs: its arguments.
        double: whether to give it its real and complex inputs in double precision.
        all_outputs: whether outputs count for which autograd gives no gradient although it does
            for others.
        inside: whether to have it use double precision inside as well.
    """

    def __init__(
        self,
        f: Function,
        inputs: Sequence[Tensor],
        double: bool,
        all_outputs: bool = False,
        inside: bool = False,
    ) -> None:
        self.f = f
        self.precision: AbstractContextManager[Any] = InDouble() if inside else nullcontext()
        self.all_outputs = all_outputs
        self.own_inputs = len(inputs)
        tensors: list[Tensor] = list(inputs)
        if isinstance(f, nn.Module):
            self._state = [*dict(f.named_parameters()), *dict(f.named_buffers())]
            tensors += [*f.parameters(), *f.buffers()]
        self._copies = [doubled(x.detach()) if double else x.detach() for x in tensors]
        self.visible = len(tensors) - (len([*f.buffers()]) if isinstance(f, nn.Module) else 0)
        checked = [place for place, x in enumerate(tensors) if x.requires_grad]
        self.pieces = pieces_of([(place, self._copies[place]) for place in checked])
        self._constants = [(i, x) for i, x in enumerate(self._copies) if i not in checked]
        self._constants_change = True
        self.point = flat([self._copies[place] for place in checked])
        self.place: Array = self.point.cpu().numpy()
        self._demand_finite()
        self.device = self.point.device
        # Not bound to this object, which would then be its own and never be freed at once.
        self._ways = [VectorFunction._batch, VectorFunction._branches]
        self._needs_record = False
        self._batch_proved = False
        self._random = RandomState(tensors)
        self._kept: list[int] = []
        self.changed: list[tuple[Piece, Tensor, Tensor]] = []
        self.outputs: list[Piece] = []
        self.output_count: int | None = None
        self.leaves, self.recorded = self._record(nullcontext())
        self.own_rules = _own_rules(self.recorded)
        # What torch brings works for a batch as it does for one. A rule of the user's need not,
        # and when something seems wrong, nothing is taken for granted.
        self.trusting = not self.own_rules
        # A copy, because a function may give out the same memory again and again.
        self.output = flat(self.recorded).detach().clone()
        self.value: Array = self.output.cpu().numpy()
        self.dtype = lowest_precision([*self.pieces, *self.outputs])
        self.epsilon = torch.finfo(self.dtype).eps
        self.progress = Progress(total=4 * self.point.shape[0] + self.output.shape[0])
        self.random = self._random.moved() and not self.repeats(held=False)

    def _demand_finite(self) -> None:
        finite = np.isfinite(self.place)
        if not finite.all():
            column = int(np.flatnonzero(~finite)[0])
            raise ValueError(
                f"check_gradient got {self.place[column]:g} for {self.input_name(column)}; "
                "expected finite numbers, because a derivative asks what happens around them."
            )

    def _record(self, context: AbstractContextManager[Any]) -> tuple[list[Tensor], list[Tensor]]:
        """Call the function as the user would, so that autograd records it."""
        leaves = [self._copies[piece.position].clone().requires_grad_() for piece in self.pieces]
        # Not the leaves themselves, so that a function that changes its input can do so.
        given = [leaf.clone() for leaf in leaves]
        constants = [(place, x.clone()) for place, x in self._constants]
        with context:
            returned = self.run(given, constants)
        outputs = self._parted(returned)
        self._kept = [place for place, _ in outputs]
        self.outputs = pieces_of(outputs)
        self.changed = [
            (piece, leaf.detach(), x.detach())
            for piece, leaf, x in zip(self.pieces, leaves, given, strict=True)
            if not torch.equal(leaf, x)
        ]
        self._constants_change = not all(
            _unchanged(x, y) for (_, x), (_, y) in zip(self._constants, constants, strict=True)
        )
        return leaves, [output for _, output in outputs]

    def recorded_within(self, context: AbstractContextManager[Any]) -> "VectorFunction":
        """The same function, recorded once more while something else is active.

        Args:
            context: what is active during the call.

        Returns:
            A new function with a graph of its own.
        """
        again = copy(self)
        again.leaves, again.recorded = again._record(context)
        return again

    def run(self, checked: Sequence[Tensor], constants: Sequence[tuple[int, Tensor]]) -> Any:
        """Call the function with these tensors, from the random state of the beginning."""
        tensors = list(self._copies)
        for piece, x in zip(self.pieces, checked, strict=True):
            tensors[piece.position] = x
        for place, x in constants:
            tensors[place] = x
        self._random.reset()
        with self.precision:
            if not isinstance(self.f, nn.Module):
                return self.f(*tensors)
            state = dict(zip(self._state, tensors[self.own_inputs :], strict=True))
            return torch.func.functional_call(self.f, state, tuple(tensors[: self.own_inputs]))

    def apply(self, other: Function) -> Any:
        """Call another function with copies of the same inputs.

        Args:
            other: a function of as many tensors.

        Returns:
            What it returns.
        """
        self._random.reset()
        copies = [x.clone() for x in self._copies[: self.own_inputs]]
        for piece in self.pieces:
            if piece.position < self.own_inputs:
                copies[piece.position].requires_grad_()
        return other(*copies)

    def call(self, checked: Sequence[Tensor]) -> list[Tensor]:
        """Call the function and give its differentiable outputs."""
        constants = self._constants
        if self._constants_change:
            constants = [(place, x.clone()) for place, x in constants]
        returned = self.run(checked, constants)
        outputs = [returned] if self.output_count is None else [returned[i] for i in self._kept]
        return [x if x.layout == torch.strided else x.to_dense() for x in outputs]

    def repeats(self, held: bool = True) -> bool:
        """Whether some more calls give the same value.

        Args:
            held: whether they draw the same random numbers from torch.

        Returns:
            Whether they do.
        """
        self._random.held = held
        repeated = all(
            same(self.at(self.point.clone()).cpu().numpy(), self.value)
            for _ in range(REPEATS if held else 1)
        )
        self._random.held = True
        return repeated

    def __call__(self, points: Array) -> Array:
        """The function at each of some points: together where that can be done.

        Args:
            points: of shape ``(batch, length of the input)``.

        Returns:
            The values, of shape ``(batch, length of the output)``, and nan at points where the
            function raises an error.
        """
        places = torch.from_numpy(points).to(self.device)
        inputs = [piece.take_from(places) for piece in self.pieces]
        with torch.no_grad():
            for way in self._ways:
                few = FEW_POINTS if way is VectorFunction._branches else VERY_FEW_POINTS
                if points.shape[0] < few:
                    break
                try:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")  # of functions that are slow in a batch
                        values = way(self, inputs)
                except Exception:
                    # Not every function can be called for many points at once.
                    self._ways = self._ways[1:]
                    continue
                self.progress.advance(points.shape[0])
                return values.cpu().numpy()
            return self._one_by_one(inputs)

    def _one_by_one(self, inputs: Sequence[Tensor]) -> Array:
        # One place for all values: small ones kept between large ones would scatter the memory.
        rows = np.empty((inputs[0].shape[0], self.output.shape[0]))
        for row, *xs in zip(rows, *[x.unbind() for x in inputs], strict=True):
            # Copies, because a function may change its input, look at the memory around it, or
            # give out the same memory again and again.
            row[:] = self._value([x.clone() for x in xs]).cpu().numpy()
            self.progress.advance(1)
        return rows

    def _batch(self, inputs: Sequence[Tensor]) -> Tensor:
        return self._proved(evaluate_batch(self.call, inputs), inputs)

    def _branches(self, inputs: Sequence[Tensor]) -> Tensor:
        return self._proved(evaluate_branches(self.call, inputs), inputs)

    def seen(self, points: Array) -> Array:
        """The points as the function will see them, in the dtypes of its inputs."""
        rows = torch.from_numpy(points)
        for piece in self.pieces:
            columns = rows[:, piece.start : piece.stop]
            columns.copy_(columns.to(piece.dtype.to_real()))
        return points

    def _proved(self, outputs: Sequence[Tensor], inputs: Sequence[Tensor]) -> Tensor:
        """The outputs for a batch as vectors; in doubt the first must be what it is by itself."""
        count = outputs[0].shape[0]
        rows = [real(output.detach()).reshape(count, -1).double() for output in outputs]
        joined = rows[0] if len(rows) == 1 else torch.cat(rows, dim=1)
        if not (self.trusting or self._batch_proved):
            alone = self._value([x[0].clone() for x in inputs])
            together = joined[0].cpu().numpy()
            if not same(together, alone.cpu().numpy(), 100 * self.epsilon):
                raise ValueError("the function gives something else for a batch")
            self._batch_proved = True
        return joined

    def at(self, point: Tensor) -> Tensor:
        """The function at one point.

        Args:
            point: of shape ``(length of the input,)`` and dtype float64; the function may change
                it.

        Returns:
            The value, of shape ``(length of the output,)`` and dtype float64; the next call may
            change it.
        """
        with torch.no_grad():
            return self._value([piece.take_from(point) for piece in self.pieces])

    def _value(self, xs: Sequence[Tensor]) -> Tensor:
        """The value at one point, unrecorded; nan where it has none."""
        while True:
            try:
                if not self._needs_record:
                    value = flat(self.call(xs))
                else:
                    with torch.enable_grad():
                        xs = [x.clone().requires_grad_().clone() for x in xs]
                        value = flat(self.call(xs))
                if value.requires_grad:  # it records by itself
                    value = value.detach()
                if value.shape == self.output.shape:
                    return value
            except Exception:
                pass  # it has no value there, or needs something else
            if self._needs_record:
                return torch.full_like(self.output, torch.nan)
            # A function that differentiates inside needs inputs that are recorded, one by one.
            self._needs_record, self._ways = True, []

    def _parted(self, returned: Any) -> list[tuple[int, Tensor]]:
        """The differentiable tensors that the function returned, with their places."""
        several = isinstance(returned, tuple | list)
        outputs = list(returned) if several else [returned]
        self.output_count = len(outputs) if several else None
        for output in outputs:
            if not isinstance(output, Tensor):
                raise TypeError(
                    f"the function returned a {type(output).__name__}"
                    f"{' among other things' if several else ''}; expected a tensor: .item(), "
                    "float() and .numpy() cut it off from its inputs, so return the tensor itself."
                )
        kept = [
            (place, output.to_dense() if output.layout != torch.strided else output)
            for place, output in enumerate(outputs)
            if is_differentiable(output)
        ]
        # Where autograd gives a gradient for some outputs only, the others are there to look at.
        recorded = [(place, output) for place, output in kept if output.requires_grad]
        kept = kept if self.all_outputs else recorded or kept
        if not kept:
            got = f"a tensor of dtype {outputs[0].dtype}" if outputs else "no tensor at all"
            raise ValueError(
                f"the function returned {got}; expected a floating or complex dtype, because "
                "only real and complex numbers have derivatives."
            )
        return kept

    @cached_property
    def name(self) -> str:
        """The name of the function, or f where it has none that could stand in a formula."""
        name = getattr(self.f, "__name__", None)
        return name if isinstance(name, str) and name.isidentifier() else "f"

    def input_name(self, column: int) -> str:
        """What one number of the inputs is called, such as ``x[1]``."""
        piece = piece_at(self.pieces, column)
        return element_name(self.input_names[piece.position], piece, column)

    def output_name(self, row: int) -> str:
        """What one number of the outputs is called, such as ``f[1]``."""
        piece = piece_at(self.outputs, row)
        name = self.name if self.output_count is None else f"{self.name}[{piece.position}]"
        return element_name(name, piece, row)

    def derivative_name(self, row: int, column: int) -> str:
        """The name of one element of the Jacobian, such as ``∂f[0]/∂x[1]``."""
        return f"∂{self.output_name(row)}/∂{self.input_name(column)}"

    @cached_property
    def input_names(self) -> list[str]:
        """The names of its parameters, or x1, x2, … where it does not tell them."""
        if isinstance(self.f, nn.Module):
            inputs = _parameter_names(self.f.forward, self.own_inputs)
            return [*inputs, *self._state]
        return _parameter_names(self.f, self.own_inputs)


def same(values: Array, others: Array, tolerance: float = 0.0) -> bool:
    """Whether two vectors are equal, up to a share of the largest number in them.

    Args:
        values: a vector.
        others: a vector.
        tolerance: that share.

    Returns:
        Whether they are; nan equals nan.

    Example:
        >>> same(np.array([1.0, np.nan]), np.array([1.0, np.nan]))
        True
    """
    if values.shape != others.shape:
        return False
    finite = np.isfinite(others)
    if not finite.all():
        if not np.array_equal(values[~finite], others[~finite], equal_nan=True):
            return False
        values, others = values[finite], others[finite]
    size = np.abs(others).max(initial=0.0)
    return bool((np.abs(values - others) <= tolerance * size).all())


def _own_rules(recorded: Sequence[Tensor]) -> set[Any]:
    """The classes derived from ``torch.autograd.Function`` that were used in a recorded graph."""
    classes = (getattr(function, "_forward_cls", None) for function in functions_of(recorded))
    return {each for each in classes if each is not None}


def _unchanged(x: Tensor, y: Tensor) -> bool:
    """Whether it is certain that two tensors hold the same numbers."""
    if x.layout != torch.strided or x.is_quantized:
        return False
    return torch.equal(x, y) or (
        x.is_floating_point()
        and torch.equal(x.isnan(), y.isnan())
        and (torch.equal(x.nan_to_num(), y.nan_to_num()))
    )


def _parameter_names(f: Function, count: int) -> list[str]:
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (ValueError, TypeError):  # a function written in C
        parameters = []
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if len(names) >= count:
        return names[:count]
    return ["x"] if count == 1 else [f"x{number}" for number in range(1, count + 1)]
