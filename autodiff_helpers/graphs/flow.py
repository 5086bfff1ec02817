"""What flows back through a recorded graph: the gradient at every place, with nothing touched."""

import gc
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

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


def flow_back(outputs: Sequence[Tensor]) -> BackwardFlow:
    """Walk back from some outputs as ``backward()`` would on their sum, and note all gradients.

    No ``.grad`` is touched, the graph stays, and no hook is left behind. Hooks of the user's own
    run, because they may change a gradient.

    Args:
        outputs: tensors that autograd recorded, of any shape; the walk starts with a 1 for each
            of their elements.

    Returns:
        The gradients.

    Example:
        >>> x = torch.tensor(3.0, requires_grad=True)
        >>> y = x * x
        >>> flow = flow_back([y])
        >>> flow.leaves[id(x)], flow.passed[y.grad_fn]
        (tensor(6.), (tensor(3.), tensor(3.)))
    """
    flow = BackwardFlow({}, {}, {})
    functions = list(functions_of(outputs))
    leaves = [output for output in outputs if output.grad_fn is None]
    leaves += [function.variable for function in functions if is_leaf(function)]
    leaves = [leaf for leaf in leaves if leaf.requires_grad]
    kept = [(x, x.grad) for x in _retaining(set(functions))]
    hooks = []
    for function in functions:
        if not is_leaf(function):
            hooks.append(function.register_prehook(partial(_note_arriving, flow, function)))
            hooks.append(function.register_hook(partial(_note_passed, flow, function)))
    try:
        with Undisturbed(None, outputs):
            ones = [
                torch.ones(x.shape, dtype=x.dtype, device=x.device)
                if x.layout != torch.strided
                else torch.ones_like(x)
                for x in outputs
            ]
            gradients = torch.autograd.grad(
                outputs, leaves, ones, retain_graph=True, allow_unused=True
            )
    finally:
        for hook in hooks:
            hook.remove()
        for x, gradient in kept:
            x.grad = gradient
    flow.leaves.update(
        {
            id(x): gradient
            for x, gradient in zip(leaves, gradients, strict=True)
            if gradient is not None
        }
    )
    return flow


def _retaining(functions: set[Any]) -> Iterator[Tensor]:
    """The tensors for which autograd would note their gradient, although they are no leaves.

    The functions that computed them do not tell, so all objects there are have to be looked at.
    """
    for each in gc.get_objects():
        if issubclass(type(each), Tensor):
            with suppress(RuntimeError):  # a view that was changed in place since
                if each.retains_grad and each.grad_fn in functions:
                    yield each


def _note_arriving(flow: BackwardFlow, function: Any, gradients: Sequence[Tensor | None]) -> None:
    flow.arriving[function] = _copies(gradients)


def _note_passed(
    flow: BackwardFlow, function: Any, passed: Sequence[Tensor | None], _: Sequence[Tensor | None]
) -> None:
    flow.passed[function] = _copies(passed)


def _copies(gradients: Sequence[Tensor | None]) -> tuple[Tensor | None, ...]:
    return tuple(None if each is None else each.detach().clone() for each in gradients)
