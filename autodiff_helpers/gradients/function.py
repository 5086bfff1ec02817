"""The user's function as one from a vector to a vector, so that one rule can check them all."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import copy
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from autodiff_helpers.gradients.differences import EPSILON, Array, Differences
from autodiff_helpers.gradients.double import InDouble, doubled
from autodiff_helpers.gradients.evaluation import (
    ALL_WAYS,
    RECORDED,
    Behavior,
    Change,
    Evaluation,
    Ways,
    same,
)
from autodiff_helpers.gradients.naming import function_name, parameter_names
from autodiff_helpers.gradients.nested import Path, at, bare, leaves_of, replaced, way
from autodiff_helpers.gradients.pieces import (
    Names,
    Piece,
    element_name,
    flat,
    is_differentiable,
    lowest_precision,
    piece_at,
    pieces_of,
)
from autodiff_helpers.gradients.progress import Progress
from autodiff_helpers.recorded import functions_of
from autodiff_helpers.undisturbed import RandomState
from autodiff_helpers.words import no_tensor, say

Function = Callable[..., Any]

# How often a function is called again to see whether it repeats.
REPEATS = 8


class Recording(NamedTuple):
    """What autograd recorded in one call: the leaves, and the outputs that were made of them."""

    leaves: list[Tensor]
    outputs: list[Tensor]


class Caller:
    """The user's function, called with copies of the inputs, each time in the same random state.

    Inputs that require gradients change from call to call, the others stay constant, and so does
    all that is no tensor. The parameters and buffers of a module are inputs too, after its own. All
    can be given in double precision, and what is inside as well.
    """

    def __init__(
        self,
        f: Function,
        inputs: Sequence[Any],
        progress: Progress,
        random_state: RandomState | None = None,
        *,
        double: bool = False,
        precision: InDouble | None = None,
    ) -> None:
        self.f = f
        self.progress = progress
        self.precision = precision
        self._inputs = tuple(inputs)
        self._state: list[str] = []
        given = dict(leaves_of(self._inputs))
        if isinstance(f, nn.Module):
            self._state = [*dict(f.named_parameters()), *dict(f.named_buffers())]
            state = [*f.parameters(), *f.buffers()]
            given |= {(len(inputs) + number,): x for number, x in enumerate(state)}
        tensors = {path: x for path, x in given.items() if isinstance(x, Tensor)}
        self._copies = given | {
            path: doubled(x.detach()) if double else x.detach() for path, x in tensors.items()
        }
        points = [(path, self._copies[path]) for path, x in tensors.items() if x.requires_grad]
        checked = dict(points)
        self._constants = {
            path: x
            for path, x in self._copies.items()
            if path not in checked and isinstance(x, Tensor | np.ndarray)
        }
        self.pieces = pieces_of(points)
        self.point = flat(list(checked.values()))
        self._changes_constants = True
        self.random_state = random_state

    def __call__(self, checked: Sequence[Tensor]) -> Any:
        """What the function returns for these inputs, which it may change."""
        constants = self._constants
        if self._changes_constants:
            constants = _copied(constants)
        return self._run(checked, constants)

    def record(self) -> tuple[list[Tensor], list[Tensor], Any]:
        """Call the function as the user would: the leaves, the inputs afterwards, the result."""
        leaves = [piece.take_from(self.point).clone().requires_grad_() for piece in self.pieces]
        # Not the leaves themselves, so that a function that changes its input can do so.
        given = [leaf.clone() for leaf in leaves]
        constants = _copied(self._constants)
        returned = self._run(given, constants)
        self._changes_constants = not all(
            _unchanged(x, constants[path]) for path, x in self._constants.items()
        )
        return leaves, given, returned

    def apply(self, other: Function) -> Any:
        """What another function returns for copies of the same inputs, parameters aside."""
        self._reset()
        copies = self._copies | _copied(self._constants)
        for piece in self.pieces:
            copies[piece.path] = copies[piece.path].clone().requires_grad_()
        return other(*replaced(self._inputs, copies.__getitem__))

    def moved_to(self, point: Tensor) -> "Caller":
        """The same at another point."""
        other = copy(self)
        other.point = point
        return other

    def drew(self) -> bool:
        """Whether the last call drew random numbers from torch."""
        return self.random_state is not None and self.random_state.moved()

    def drawing_on(self) -> "Caller":
        """The same, but random numbers go on from call to call."""
        other = copy(self)
        other.random_state = None
        return other

    def _run(self, checked: Sequence[Tensor], constants: dict[Path, Any]) -> Any:
        given = self._copies | constants
        for piece, x in zip(self.pieces, checked, strict=True):
            given[piece.path] = x
        inputs = replaced(self._inputs, given.__getitem__)
        self._reset()
        with self.precision or nullcontext():
            returned = self._returned(inputs, given)
        return returned if self.precision is None else self.precision.written(returned)

    def _returned(self, inputs: tuple[Any, ...], given: dict[Path, Any]) -> Any:
        if not isinstance(self.f, nn.Module):
            return self.f(*inputs)
        state = {name: given[(number,)] for number, name in enumerate(self._state, len(inputs))}
        return torch.func.functional_call(self.f, state, inputs)

    def _reset(self) -> None:
        if self.random_state is not None:
            self.random_state.reset()

    @property
    def visible(self) -> Any:
        """The nest of the inputs and the parameters that a user sees; buffers he does not."""
        parameters = [*self.f.parameters()] if isinstance(self.f, nn.Module) else []
        return bare((*self._inputs, *parameters))

    @cached_property
    def _names(self) -> list[str]:
        """The names of the function's parameters, and those of a module."""
        f = self.f.forward if isinstance(self.f, nn.Module) else self.f
        return [*parameter_names(f, len(self._inputs)), *self._state]

    def tensor_name(self, piece: Piece) -> str:
        """What one of the inputs is called, such as ``x`` or ``state[0]``."""
        first, *rest = piece.path
        return f"{self._names[first]}{way(tuple(rest))}"

    def input_name(self, column: int) -> str:
        """What one number of the inputs is called, such as ``x[1]``."""
        piece = piece_at(self.pieces, column)
        return element_name(self.tensor_name(piece), piece, column)


class VectorFunction:
    """A function of some tensors, recorded once, and seen as one from a vector to a vector.

    The vector of the inputs holds those that require gradients, one after the other; that of the
    outputs holds the differentiable ones: all of them, or only those for which autograd gives a
    gradient, if there are any. Numbers are named after the function and its parameters, or by what
    ``names`` makes of where the outputs lie.
    """

    def __init__(
        self,
        caller: Caller,
        *,
        all_outputs: bool = False,
        ways: Ways = ALL_WAYS,
        names: Callable[[Sequence[Piece]], Names] | None = None,
    ) -> None:
        self.caller = caller
        self.x: Array = caller.point.cpu().numpy()
        _demand_finite(caller, self.x)
        leaves, given, returned = caller.record()
        # What it returned, without the tensors: None for one that stands alone.
        self.nest = bare(returned)
        outputs = _differentiable(returned, all_outputs)
        self.recording = Recording(leaves, [output for _, output in outputs])
        self.outputs = pieces_of(outputs)
        self.dtype = lowest_precision([*caller.pieces, *self.outputs])
        # A copy, because a function may give out the same memory again and again.
        self.output = flat(self.recording.outputs).detach().clone()
        self.value: Array = self.output.cpu().numpy()
        self.names = names(self.outputs) if names else _names(caller, self.outputs)
        self.own_rules = _own_rules(self.recording.outputs)
        self.evaluate = self._evaluation(caller, ways)
        self.behavior = Behavior(
            random=caller.drew() and self._draws(ways),
            change=self._change(given),
        )

    @property
    def pieces(self) -> list[Piece]:
        """Where each input lies in the vector of them all."""
        return self.caller.pieces

    @property
    def epsilon(self) -> float:
        """How far values are rounded, relative to their size."""
        return torch.finfo(self.dtype).eps

    @property
    def differences(self) -> Differences:
        """The derivatives by differences, from values around the point."""
        epsilon = self.epsilon
        if epsilon == EPSILON:
            return Differences(self.evaluate, self.x, self.value)
        return Differences(self.evaluate, self.x, self.value, epsilon, seen=self.seen)

    def seen(self, points: Array) -> Array:
        """Points as the function will see them, in the dtypes of its inputs."""
        rows = torch.from_numpy(points)
        for piece in self.pieces:
            columns = rows[:, piece.start : piece.stop]
            columns.copy_(columns.to(piece.dtype.to_real()))
        return points

    def call(self, checked: Sequence[Tensor]) -> list[Tensor]:
        """The outputs that count, for these inputs."""
        return _taken(self.caller(checked), self.outputs)

    def recorded_within(self, context: AbstractContextManager[Any]) -> "VectorFunction":
        """The same function, recorded once more while something is active."""
        with context:
            recorded = self.caller.record()
        return self._as_recorded(self.caller, recorded)

    def moved_to(self, x: Array) -> "VectorFunction":
        """The same function at another point, recorded there."""
        caller = self.caller.moved_to(torch.from_numpy(x).to(self.output.device))
        again = self._as_recorded(caller, caller.record())
        again.x = x
        return again

    def _as_recorded(
        self, caller: Caller, recorded: tuple[list[Tensor], list[Tensor], Any]
    ) -> "VectorFunction":
        leaves, _, returned = recorded
        again = copy(self)
        again.caller = caller
        again.recording = Recording(leaves, _taken(returned, self.outputs))
        again.output = flat(again.recording.outputs).detach().clone()
        again.value = again.output.cpu().numpy()
        if again.value.shape != self.value.shape:
            raise ValueError("the function gives another number of outputs")
        return again

    def repeats(self) -> bool:
        """Whether some more calls give the same value, each compared with one of its like.

        A call that is not recorded may take other ways inside than one that is.
        """
        first = self._again(self.evaluate)
        if not same(first, self.value, self._rounding) and not self.recorded_again():
            return False
        return all(same(self._again(self.evaluate), first) for _ in range(1, REPEATS))

    def recorded_again(self) -> bool:
        """Whether another call that is recorded gives the same value as the first one."""
        return same(self._again(self._evaluation(self.caller, RECORDED)), self.value)

    def doubt(self) -> None:
        """Believe only values that are found as the recorded one was, where that matters."""
        self.evaluate.doubt()
        first = self._again(self.evaluate)
        if not same(first, self.value, self._rounding) and self.recorded_again():
            self.evaluate = self._evaluation(self.caller, RECORDED)

    @property
    def _rounding(self) -> float:
        """By how much two ways to a value may differ, relative to the largest number."""
        return 100 * self.epsilon

    def _again(self, evaluation: Evaluation) -> Array:
        return evaluation.at(self.caller.point.clone()).numpy(force=True).copy()

    def _draws(self, ways: Ways) -> bool:
        """Whether two calls differ as long as torch's random numbers do."""
        again = self._again(self._evaluation(self.caller.drawing_on(), ways))
        return not same(again, self.value, self._rounding)

    def _evaluation(self, caller: Caller, ways: Ways) -> Evaluation:
        pieces, outputs = caller.pieces, self.outputs

        # Not bound to this object, which would then be its own and never be freed at once.
        def from_vector_to_vector(point: Tensor) -> Tensor:
            returned = caller([piece.take_from(point) for piece in pieces])
            return flat(_taken(returned, outputs))

        return Evaluation(
            from_vector_to_vector,
            self.output,
            tolerance=self._rounding,
            # What torch brings works for a batch as it does for one. A rule of the user's need not.
            trusted=not self.own_rules,
            advance=caller.progress.advance,
            ways=ways,
        )

    def _change(self, given: Sequence[Tensor]) -> Change | None:
        """The first number of the inputs that the function changed in place."""
        for piece, before, after in zip(self.pieces, self.recording.leaves, given, strict=True):
            if not torch.equal(before, after):
                was, is_now = flat([before.detach()]), flat([after.detach()])
                index = int((was != is_now).nonzero()[0])
                column = piece.start + index
                return Change(
                    self.names.tensor(column),
                    self.names.input(column),
                    was[index].item(),
                    is_now[index].item(),
                )
        return None


def outputs_of(caller: Caller, *, all_outputs: bool) -> list[tuple[Path, Tensor]]:
    """The outputs that count, of a call that autograd records, each after the way to it."""
    _, _, returned = caller.record()
    return _differentiable(returned, all_outputs)


def _demand_finite(caller: Caller, x: Array) -> None:
    finite = np.isfinite(x)
    if not finite.all():
        column = int(np.flatnonzero(~finite)[0])
        raise ValueError(
            say(
                "check_gradient got {number:g} for {input}; expected finite numbers, because a "
                "derivative asks what happens around them.",
                number=x[column],
                input=caller.input_name(column),
            )
        )


def _differentiable(returned: Any, all_outputs: bool) -> list[tuple[Path, Tensor]]:
    """The differentiable tensors that a function returned, each after the way to it."""
    outputs = []
    for path, output in leaves_of(returned):
        if isinstance(output, Tensor):
            outputs.append((path, output))
        elif not path:
            raise no_tensor(output)
        elif isinstance(output, float | complex | np.ndarray):
            raise no_tensor(output, among_others=True)
    kept = [
        (path, output if output.layout == torch.strided else output.to_dense())
        for path, output in outputs
        if is_differentiable(output)
    ]
    # Where autograd gives a gradient for some outputs only, the others are there to look at.
    recorded = [(path, output) for path, output in kept if output.requires_grad]
    kept = kept if all_outputs else recorded or kept
    if not kept and not outputs:
        raise ValueError(
            say(
                "the function returned no tensor at all; expected a floating or complex dtype, "
                "because only real and complex numbers have derivatives."
            )
        )
    if not kept:
        raise ValueError(
            say(
                "the function returned a tensor of dtype {dtype}; expected a floating or complex "
                "dtype, because only real and complex numbers have derivatives.",
                dtype=outputs[0][1].dtype,
            )
        )
    return kept


def _taken(returned: Any, outputs: Sequence[Piece]) -> list[Tensor]:
    """The outputs that count, of all that the function returned."""
    kept = [at(returned, piece.path) for piece in outputs]
    return [x if x.layout == torch.strided else x.to_dense() for x in kept]


def _names(caller: Caller, outputs: Sequence[Piece]) -> Names:
    """The names that the function and its parameters have, f where it has none for a formula."""
    name = function_name(caller.f)

    def output(row: int) -> str:
        piece = piece_at(outputs, row)
        return element_name(f"{name}{way(piece.path)}", piece, row)

    return Names(
        name,
        tensor=lambda column: caller.tensor_name(piece_at(caller.pieces, column)),
        input=caller.input_name,
        output=output,
        derivative=lambda row, column: f"∂{output(row)}/∂{caller.input_name(column)}",
    )


def _own_rules(recorded: Sequence[Tensor]) -> set[Any]:
    """The classes derived from ``torch.autograd.Function`` that were used in a recorded graph."""
    classes = {getattr(each, "_forward_cls", None) for each in list(functions_of(recorded))}
    return classes - {None}


def _copied(constants: dict[Path, Any]) -> dict[Path, Any]:
    return {path: x.clone() if isinstance(x, Tensor) else x.copy() for path, x in constants.items()}


def _unchanged(x: Any, y: Any) -> bool:
    """Whether it is certain that two tensors, or arrays, hold the same numbers."""
    if not isinstance(x, Tensor):
        return np.array_equal(x, y)
    if x.layout != torch.strided or x.is_quantized:
        return False
    return torch.equal(x, y) or (
        x.is_floating_point()
        and torch.equal(x.isnan(), y.isnan())
        and (torch.equal(x.nan_to_num(), y.nan_to_num()))
    )
