"""Every sentence that a user is shown: whole, with named fields, so that it can be translated."""

from collections.abc import Mapping, Sequence
from numbers import Number
from unicodedata import category

import torch
from torch import nn


def say(sentence: str, **fields: object) -> str:
    """A sentence with its fields filled in.

    Example:
        >>> say("{name} jumps at {point}", name="floor", point=1)
        'floor jumps at 1'
    """
    return sentence.format(**fields)


def say_how_many(one: str, many: str, count: int, **fields: object) -> str:
    """The sentence for one thing, or else the one for so many of them, with its fields filled in.

    Example:
        >>> [say_how_many("{count} step", "{count:,} steps", count) for count in (1, 2000)]
        ['1 step', '2,000 steps']
    """
    return say(one if count == 1 else many, count=count, **fields)


def mark(sentence: str) -> str:
    """A sentence that stands in a table and is said later: marked, so that a catalogue finds it."""
    return sentence


def say_marked(sentence: str, fields: Mapping[str, object] | None = None) -> str:
    """A sentence that was marked, with its fields filled in."""
    return sentence.format_map({} if fields is None else fields)


def all_of(names: Sequence[str]) -> str:
    """Names in a row.

    Example:
        >>> all_of(["x", "y", "z"])
        'x and y and z'
    """
    *others, last = names
    return say("{names} and {last}", names=all_of(others), last=last) if others else last


def any_of(names: Sequence[str]) -> str:
    """Names in a row of which one is meant.

    Example:
        >>> any_of(["x", "y"])
        'x or y'
    """
    *others, last = names
    return say("{names} or {last}", names=any_of(others), last=last) if others else last


def no_tensor(returned: object, *, among_others: bool = False) -> TypeError:
    """The error for a function that returned something other than a tensor."""
    kind = type(returned).__name__
    if among_others:
        sentence = say(
            "the function returned a {type} among other things; expected a tensor: .item(), "
            "float() and .numpy() cut it off from its inputs, so return the tensor itself.",
            type=kind,
        )
    elif returned is None:
        sentence = say(
            "the function returned None; expected a tensor: a function without a return gives "
            "None, so end it with return and the result."
        )
    elif isinstance(returned, torch.autograd.Function):
        sentence = say(
            "the function returned a {type}; expected a tensor: call {type}.apply(…) in place of "
            "{type}(…), which makes an object and computes nothing.",
            type=kind,
        )
    elif isinstance(returned, nn.Module):
        sentence = say(
            "the function returned the module {type}; expected a tensor: {type}(…) makes a module "
            "and computes nothing, so make it first and then call it with the input.",
            type=kind,
        )
    elif callable(returned):
        sentence = say(
            "the function returned a {type}, which is a function again; expected a tensor: look "
            "for a call without its parentheses ().",
            type=kind,
        )
    elif hasattr(returned, "__array__") or isinstance(returned, Number):
        sentence = say(
            "the function returned a {type}; expected a tensor: .item(), float() and .numpy() cut "
            "it off from its inputs, so return the tensor itself.",
            type=kind,
        )
    else:
        sentence = say(
            "the function returned a {type}; expected a tensor, or tensors in a tuple, list or "
            "dict.",
            type=kind,
        )
    return TypeError(sentence)


def printable(name: str) -> str:
    r"""A name without characters that would break a line, or the file of a picture.

    Example:
        >>> printable("two\nlines")
        'two?lines'
    """
    if name.isprintable():
        return name
    broken = ("Cc", "Cs", "Zl", "Zp")
    return "".join("?" if category(each) in broken else each for each in name)
