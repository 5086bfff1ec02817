"""What flows back through a recorded graph: the gradient at every place, with nothing touched."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from autodiff_helpers.undisturbed import Undisturbed


class BackwardFlow(NamedTuple):
    """The gradients of one walk back through a graph."""

    arriving: dict[tuple[Any, int], Tensor]
    """For each backward function and number of its output: the gradient that arrives there."""
    passed: dict[Any, tuple[Tensor | None, ...]]
    """For each backward function: what it passes on to each of its operands."""
    leaves: dict[int, Tensor]
    """For each leaf, told by its ``id``: its gradient, which is the sum of all that it got."""


def functions_of(outputs: Sequence[Tensor]) -> Iterator[Any]:
    """Every backward function that autograd recorded for some tensors.

    Args:
        outputs: tensors that autograd recorded.

    Yields:
        The functions, each once.

    Example:
        >>> x = torch.ones(2, requires_grad=True)
        >>> [type(function).__name__ for function in functions_of([(x * x).sum()])]
        ['SumBackward0', 'MulBackward0', 'AccumulateGrad']
    """
    seen: set[Any] = set()
    unread = [output.grad_fn for output in reversed(outputs)]
    while unread:
        function = unread.pop()
        if function is None or function in seen:
            continue
        seen.add(function)
        yield function
        unread += [source for source, _ in reversed(function.next_functions)]


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
    leaves += [f.variable for f in functions if hasattr(f, "variable")]
    hooks = []
    for function in functions:
        if not hasattr(function, "variable"):
            hooks.append(function.register_prehook(partial(_note_arriving, flow, function)))
            hooks.append(function.register_hook(partial(_note_passed, flow, function)))
    try:
        with Undisturbed(None, outputs):
            ones = [torch.ones_like(output) for output in outputs]
            gradients = torch.autograd.grad(
                outputs, leaves, ones, retain_graph=True, allow_unused=True
            )
    finally:
        for hook in hooks:
            hook.remove()
    flow.leaves.update(
        {
            id(x): gradient
            for x, gradient in zip(leaves, gradients, strict=True)
            if gradient is not None
        }
    )
    return flow


def _note_arriving(flow: BackwardFlow, function: Any, gradients: Sequence[Tensor | None]) -> None:
    for number, gradient in enumerate(gradients):
        if gradient is not None:
            flow.arriving[function, number] = gradient.detach().clone()


def _note_passed(
    flow: BackwardFlow, function: Any, passed: Sequence[Tensor | None], _: Sequence[Tensor | None]
) -> None:
    flow.passed[function] = tuple(
        None if each is None else each.detach().clone() for each in passed
    )
