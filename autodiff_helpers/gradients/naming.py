"""What the user calls his function and its parameters."""

import functools
import inspect
from typing import Any

import torch


def function_name(f: Any) -> str:
    """The name of a function, or of the class whose ``apply`` it is; f where there is none.

    Example:
        >>> function_name(torch.sin), function_name(lambda x: x)
        ('sin', 'f')
    """
    rule = applied(f)
    name = getattr(f if rule is None else rule, "__name__", None)
    return name if isinstance(name, str) and name.isidentifier() else "f"


def parameter_names(f: Any, count: int) -> list[str]:
    """The names of its first parameters, or x1, x2, … where it does not tell them.

    Example:
        >>> parameter_names(lambda x, weight: x * weight, 2), parameter_names(max, 2)
        (['x', 'weight'], ['x1', 'x2'])
    """
    rule = applied(f)
    if rule is not None:
        f = rule.forward
        # Where the context is not set up apart, forward gets it first.
        if rule.setup_context is torch.autograd.Function.setup_context:
            f = functools.partial(f, None)
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (ValueError, TypeError):  # a function written in C
        parameters = []
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if len(names) >= count:
        return names[:count]
    return ["x"] if count == 1 else [f"x{number}" for number in range(1, count + 1)]


def applied(f: Any) -> type[torch.autograd.Function] | None:
    """The class derived from ``torch.autograd.Function`` whose ``apply`` a function is."""
    owner = getattr(f, "__self__", None)
    if isinstance(owner, type) and issubclass(owner, torch.autograd.Function):
        return owner if getattr(f, "__name__", None) == "apply" else None
    return None
