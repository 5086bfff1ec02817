"""What check_gradient demands of what it is given: a sentence for each thing that does not fit."""

from collections.abc import Sequence
from numbers import Real
from typing import Any

import torch
from torch import Tensor, nn

from autodiff_helpers.gradients.comparison import RELATIVE_TOLERANCE
from autodiff_helpers.gradients.function import VectorFunction
from autodiff_helpers.gradients.nested import leaves_of, replaced
from autodiff_helpers.gradients.pieces import is_differentiable
from autodiff_helpers.undisturbed import Undisturbed
from autodiff_helpers.words import say


def demand_function(f: Any) -> None:
    """It must be one that can be called with other inputs and other parameters."""
    if isinstance(f, torch.autograd.Function) or _is_class(f, torch.autograd.Function):
        raise TypeError(
            say(
                "check_gradient got the class {name} in place of a function; pass {name}.apply, "
                "which calls its forward and has autograd record it.",
                name=_name(f),
            )
        )
    if _is_class(f, nn.Module):
        raise TypeError(
            say(
                "check_gradient got the class {name} in place of a module; make one first: "
                "check_gradient({name}(), x), with its arguments, if any, in the parentheses.",
                name=_name(f),
            )
        )
    if not callable(f) or isinstance(f, Tensor):
        raise TypeError(
            say(
                "check_gradient got a {type} as its first argument; expected the function itself, "
                "then its inputs: check_gradient(lambda x: (x * x).sum(), x).",
                type=type(f).__name__,
            )
        )
    if isinstance(f, torch.jit.ScriptModule):
        raise TypeError(
            say(
                "check_gradient got a module scripted or traced by torch.jit, which takes no other "
                "parameters than its own; pass the module from which it was made."
            )
        )
    if isinstance(f, nn.DataParallel):
        raise TypeError(
            say(
                "check_gradient got a DataParallel module, which takes no other parameters than "
                "its own; pass the module inside it: check_gradient(net.module, x)."
            )
        )
    if isinstance(f, nn.Module) and any(hasattr(part, "_orig_mod") for part in f.modules()):
        raise TypeError(
            say(
                "check_gradient got a module compiled by torch.compile, which takes no other "
                "parameters than its own; pass the module from which it was made."
            )
        )


def demand_inputs(f: Any, inputs: Sequence[Any]) -> None:
    """One of them, or a parameter, must require gradients, and all that do must be dense."""
    tensors = [(path[0] + 1, x) for path, x in leaves_of(inputs) if isinstance(x, Tensor)]
    for number, x in tensors:
        if x.requires_grad and (x.layout != torch.strided or x.is_meta):
            raise ValueError(
                say(
                    "check_gradient got a tensor without plain values (layout {layout}, device "
                    "{device}) as input {number}; expected a dense one: pass x.to_dense().",
                    layout=x.layout,
                    device=x.device,
                    number=number,
                )
            )
    parameters = list(f.parameters()) if isinstance(f, nn.Module) else []
    if any(x.requires_grad for x in [*(x for _, x in tensors), *parameters]):
        return
    if _uses_other_tensors(f, inputs):
        raise ValueError(
            say(
                "check_gradient got no input that requires gradients, but the function uses "
                "tensors that do: pass these as inputs; if they are the parameters of a module, "
                "pass the module itself in place of a function that calls it: "
                "check_gradient(net, x)."
            )
        )
    integer = [x.dtype for _, x in tensors if not is_differentiable(x)]
    if integer:
        raise ValueError(
            say(
                "check_gradient got inputs of dtype {dtype}; it differentiates with respect to "
                "floating-point tensors that have requires_grad=True: x = torch.tensor([1.0], "
                "requires_grad=True).",
                dtype=integer[0],
            )
        )
    raise ValueError(
        say(
            "check_gradient got no input that requires gradients; it differentiates with respect "
            "to floating-point tensors that have requires_grad=True: x = torch.tensor([1.0], "
            "requires_grad=True)."
        )
    )


def demand_order(order: Any, expected: Any) -> None:
    """First or second derivatives, the second ones by autograd."""
    if order not in (1, 2) or isinstance(order, bool):
        raise ValueError(say("check_gradient got order={order!r}; expected 1 or 2.", order=order))
    if order == 2 and expected is not None:
        raise ValueError(
            say(
                "check_gradient got expected and order=2; expected is a first derivative: to check "
                "a second one by hand, check the gradient function itself with order=1."
            )
        )


def demand_tolerance(tolerance: Any) -> None:
    """A share of the derivative."""
    fits = isinstance(tolerance, Real) and not isinstance(tolerance, bool)
    if not fits or not RELATIVE_TOLERANCE <= tolerance < 1:
        raise ValueError(
            say(
                "check_gradient got tolerance={tolerance!r}; expected a share of the derivative, "
                "of at least {least:g} and below 1, such as 0.01 where it may be off by one "
                "percent.",
                tolerance=tolerance,
                least=RELATIVE_TOLERANCE,
            )
        )


def demand_a_way_back(function: VectorFunction) -> None:
    """Autograd must be able to give the gradient by some inputs only."""
    if any(rule.__module__ == "torch.utils.checkpoint" for rule in function.own_rules):
        raise ValueError(
            say(
                "the function uses torch.utils.checkpoint with use_reentrant=True, which only "
                ".backward() can go back through; call it with use_reentrant=False, which gives "
                "the same gradient."
            )
        )


def _is_class(f: Any, base: type) -> bool:
    return isinstance(f, type) and issubclass(f, base)


def _name(f: Any) -> str:
    return f.__name__ if isinstance(f, type) else type(f).__name__


def _uses_other_tensors(f: Any, inputs: Sequence[Any]) -> bool:
    """Whether the function depends on tensors that require gradients and are no inputs."""
    leaves = dict(leaves_of(inputs))
    tensors = [x for x in leaves.values() if isinstance(x, Tensor)]
    copies = {path: x.clone() if isinstance(x, Tensor) else x for path, x in leaves.items()}
    try:
        with Undisturbed(f, tensors):
            returned = f(*replaced(tuple(inputs), copies.__getitem__))
    except Exception:
        return False  # it does not work at all, or not with these inputs
    return any(isinstance(x, Tensor) and x.requires_grad for _, x in leaves_of(returned))
