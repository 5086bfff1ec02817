"""What flows back through a recorded graph: the gradient at every place, with nothing touched."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from autodiff_helpers.graphs.retained import SparedGradients
from autodiff_helpers.recorded import functions_of, is_leaf
from autodiff_helpers.undisturbed import Undisturbed


class BackwardFlow(NamedTuple):
    """The gradients of one walk back through a graph."""

    arriving: dict[Any, tuple[Tensor | None, ...]]
    """For each backward function, in the order of the walk: what arrives at each of its outputs."""
    passed: dict[Any, tuple[Tensor | None, ...]]
    """For each backward function: what it passes on to each of its operands."""
    leaves: dict[int, Tensor]
    """For each leaf, told by its ``id``: its gradient, which is the sum of all that it got."""
    parts: dict[Any, list[Tensor]]
    """For each result of a backward function, told by that and its number, and for each leaf, told
    by its ``id``: what it got along each arrow, in the order of the walk."""


def place_of(tensor: Tensor) -> Any:
    """What tells one recorded tensor from another; a tensor nobody computed is told by itself."""
    return id(tensor) if tensor.grad_fn is None else (tensor.grad_fn, tensor.output_nr)


def flow_back(outputs: Sequence[Tensor]) -> BackwardFlow:
    """Walk back from some outputs as ``backward()`` would on their sum, and note all gradients.

    Example:
        >>> x = torch.tensor(3.0, requires_grad=True)
        >>> y = x * x
        >>> flow = flow_back([y])
        >>> flow.leaves[id(x)], flow.passed[y.grad_fn]
        (tensor(6.), (tensor(3.), tensor(3.)))
    """
    flow = BackwardFlow({}, {}, {}, {})
    functions = list(functions_of(outputs))
    leaves = [output for output in outputs if output.grad_fn is None]
    leaves += [function.variable for function in functions if is_leaf(function)]
    leaves = [leaf for leaf in leaves if leaf.requires_grad]
    inner = [function for function in functions if not is_leaf(function)]
    # Hooks of the user's own run, because they may change a gradient.
    with _noting(flow, inner), Undisturbed(None, outputs):
        ones = [
            torch.ones(x.shape, dtype=x.dtype, device=x.device)
            if x.layout != torch.strided
            else torch.ones_like(x)
            for x in outputs
        ]
        for output, each in zip(outputs, ones, strict=True):
            flow.parts.setdefault(place_of(output), []).append(each)
        gradients = torch.autograd.grad(outputs, leaves, ones, retain_graph=True, allow_unused=True)
    for leaf, gradient in zip(leaves, gradients, strict=True):
        if gradient is not None:
            flow.leaves[id(leaf)] = gradient
    return flow


@contextmanager
def _noting(flow: BackwardFlow, functions: Sequence[Any]) -> Iterator[None]:
    """Note what arrives at each function and what it passes on, and leave nothing behind."""
    spared = SparedGradients()

    def note_arriving(function: Any, gradients: Sequence[Tensor | None]) -> None:
        spared.pause()
        flow.arriving[function] = _copies(gradients)

    def note_passed(
        function: Any, passed: Sequence[Tensor | None], _: Sequence[Tensor | None]
    ) -> None:
        flow.passed[function] = copies = _copies(passed)
        for (source, number), part in zip(function.next_functions, copies, strict=False):
            if part is not None:
                place = id(source.variable) if is_leaf(source) else (source, number)
                flow.parts.setdefault(place, []).append(part)

    hooks = []
    for function in functions:
        hooks.append(function.register_prehook(partial(note_arriving, function)))
        hooks.append(function.register_hook(partial(note_passed, function)))
    try:
        with spared:
            yield
    finally:
        for hook in hooks:
            hook.remove()


def _copies(gradients: Sequence[Tensor | None]) -> tuple[Tensor | None, ...]:
    return tuple(None if each is None else each.detach().clone() for each in gradients)
