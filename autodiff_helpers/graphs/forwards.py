"""What flows forwards through a recorded graph: the tangent at each place, nothing touched."""

from collections.abc import Iterable, Mapping, Sequence
from graphlib import TopologicalSorter
from typing import Any

import torch
from torch import Tensor

from autodiff_helpers.graphs.kept import results_of
from autodiff_helpers.graphs.leftover import is_left_over, with_turned_signs
from autodiff_helpers.graphs.values import has_numbers
from autodiff_helpers.recorded import functions_of, is_leaf
from autodiff_helpers.undisturbed import Undisturbed
from autodiff_helpers.words import say

# It is never called: it would add to the .grad of all that a checkpoint used.
_ADDS_TO_GRAD = "CheckpointFunctionBackward"


def flow_forward(outputs: Sequence[Tensor], leaf: Tensor) -> dict[Any, Tensor]:
    """How fast the results of a graph grow where each element of one leaf grows at speed 1.

    Told by place, as in ``BackwardFlow.parts``. Each operation is gone through once, after those
    that it needs, and without hooks, of which forward mode knows nothing.

    Example:
        >>> x = torch.tensor(3.0, requires_grad=True)
        >>> y = x * x
        >>> flow_forward([y], x)[y.grad_fn, 0]
        tensor(6.)
    """
    functions = list(functions_of(outputs))
    results = _results_used(outputs, functions)
    growing = {id(leaf): torch.ones_like(leaf)}
    with Undisturbed(None, outputs):
        for function in _as_they_ran(functions):
            if any(_place(*operand) in growing for operand in _operands(function)):
                growing |= _through(function, results[function], growing)
    leaves = [function.variable for function in functions if is_leaf(function)]
    still: dict[Any, Tensor] = {id(each): torch.zeros_like(each) for each in leaves}
    for function, numbers in results.items():
        still |= {(function, number): _like(function, number).zero_() for number in numbers}
    return still | growing


def _results_used(outputs: Sequence[Tensor], functions: Sequence[Any]) -> dict[Any, list[int]]:
    """Of each operation the numbers of the results that are outputs, or operands of another."""
    used = {(output.grad_fn, output.output_nr) for output in outputs}
    used |= {operand for function in functions for operand in _operands(function)}
    return {
        function: [each for each in range(len(results_of(function))) if (function, each) in used]
        for function in functions
        if not is_leaf(function)
    }


def _as_they_ran(functions: Sequence[Any]) -> Iterable[Any]:
    """The functions of a graph, each after those that its operands came from."""
    sources = {each: [source for source, _ in _operands(each)] for each in functions}
    return TopologicalSorter(sources).static_order()


def _operands(function: Any) -> list[tuple[Any, int]]:
    """What was recorded of its operands: the function that each came from, and its number there."""
    return [(source, number) for source, number in function.next_functions if source is not None]


def _place(function: Any, number: int) -> Any:
    return id(function.variable) if is_leaf(function) else (function, number)


def _like(function: Any, number: int) -> Tensor:
    """A tensor like one of the results of an operation, in which no two numbers are the same."""
    result = results_of(function)[number]
    shape = torch.Size(result.shape)
    numbers = torch.linspace(1, 2, shape.numel(), dtype=result.dtype, device=result.device)
    return numbers.reshape(shape)


def _through(
    function: Any, numbers: Sequence[int], growing: Mapping[Any, Tensor]
) -> dict[Any, Tensor]:
    """The tangents of the results of an operation, from those of its operands.

    Autograd has recorded how to go back only. But what an operation passes back is linear in what
    arrives at it; so the derivative of that, along the tangents of the operands, is the tangent.
    """
    try:
        arriving = [_like(function, number).requires_grad_() for number in numbers]
        passed = _passed_back(function, dict(zip(numbers, arriving, strict=True)))
        pairs = [
            (part, _fitted(growing[_place(*operand)], part))
            for operand, part in zip(_operands(function), passed, strict=False)
            if part is not None and _place(*operand) in growing and _depends(part, arriving)
        ]
        found = _derivatives(pairs, arriving) if pairs else []
    except RuntimeError as error:
        raise ValueError(
            say(
                "plot_graph cannot find the tangents, because {operation} cannot be "
                "differentiated twice; leave tangents out, or write its backward with operations "
                "that autograd records.",
                operation=type(function).__name__,
            )
        ) from error
    return {
        (function, number): tangent
        for number, tangent in zip(numbers, found, strict=False)
        if tangent is not None
    }


def _passed_back(function: Any, arriving: Mapping[int, Tensor]) -> list[Tensor | None]:
    """What a backward function passes back to each recorded operand, without hooks."""
    results = range(len(results_of(function)))
    if callable(function):
        passed = function(*(arriving.get(number) for number in results))
        wanted = [source is not None for source, _ in function.next_functions]
    elif type(function).__name__ == _ADDS_TO_GRAD:
        raise RuntimeError(_ADDS_TO_GRAD)
    else:
        # One written in Python is given zeros, and gives something for every argument.
        given = [arriving.get(number, _like(function, number) * 0) for number in results]
        passed = function.apply(*given)
        wanted = function.needs_input_grad
    parts = passed if isinstance(passed, tuple) else (passed,)
    return [part for part, is_wanted in zip(parts, wanted, strict=False) if is_wanted]


def _depends(part: Tensor, arriving: Sequence[Tensor]) -> bool:
    """Whether what is passed back depends on what arrives, and not only because it is 0."""
    if part.requires_grad:
        along = torch.zeros_like(part)
        found = torch.autograd.grad(part, arriving, along, retain_graph=True, allow_unused=True)
        if any(each is not None for each in found):
            return True
    if part.any():
        raise RuntimeError("what is passed back was computed in a way that is not recorded")
    return False


def _fitted(tangent: Tensor, part: Tensor) -> Tensor:
    """A tangent in the shape of what was passed back, which autograd would yet sum up."""
    if tangent.is_complex() and not part.is_complex():
        tangent = tangent.real
    return tangent.expand(part.shape)


def _derivatives(
    pairs: Sequence[tuple[Tensor, Tensor]], arriving: Sequence[Tensor]
) -> list[Tensor | None]:
    """The derivatives of parts along their tangents, with a 0 for what only rounding left."""
    parts, along = zip(*pairs, strict=True)
    turned = [(-1) ** number * with_turned_signs(each) for number, each in enumerate(along)]
    found, large = (
        torch.autograd.grad(parts, arriving, each, retain_graph=True, allow_unused=True)
        for each in (along, turned)
    )
    for tangent, other in zip(found, large, strict=True):
        if tangent is not None and has_numbers(tangent) and is_left_over(tangent, [other]):
            tangent.zero_()
    return list(found)
