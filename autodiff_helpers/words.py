"""Every sentence that a user is shown: whole, with named fields, so that it can be translated."""

from collections.abc import Iterable, Mapping, Sequence
from gettext import NullTranslations, translation
from numbers import Number
from pathlib import Path
from unicodedata import category

import torch
from torch import nn

DOMAIN = "autodiff_helpers"
LOCALE = Path(__file__).parent / "locale"

_spoken = NullTranslations()


def set_language(language: str) -> None:
    """Choose the language in which the helpers speak from now on.

    That is English until this is called, whatever the language of the machine. Call it before all
    else: a check or a picture that was made before may keep the words that it was made with.

    Args:
        language: its name as browsers know it: ``"en"`` or ``"zh-TW"``.

    Raises:
        ValueError: if the helpers do not speak that language.

    Example:
        >>> from autodiff_helpers import check_gradient
        >>> x = torch.tensor(3.0, requires_grad=True)
        >>> set_language("zh-TW")
        >>> check_gradient(lambda x: x * x, x).hint()
        '正確。'
        >>> set_language("en")
        >>> check_gradient(lambda x: x * x, x).hint()
        'Right.'
    """
    global _spoken
    spoken = languages()
    if language not in spoken:
        raise ValueError(
            say(
                "set_language got {language!r}; expected {languages}.",
                language=language,
                languages=any_of([repr(each) for each in spoken]),
            )
        )
    if language == "en":
        _spoken = NullTranslations()
    else:
        _spoken = translation(DOMAIN, LOCALE, [language.replace("-", "_")])


def languages() -> list[str]:
    """The languages for which there is a compiled catalogue, and English, which needs none.

    Example:
        >>> languages()
        ['en', 'zh-TW']
    """
    compiled = LOCALE.glob(f"*/LC_MESSAGES/{DOMAIN}.mo")
    return sorted({"en", *(path.parts[-3].replace("_", "-") for path in compiled)})


def say(sentence: str, **fields: object) -> str:
    """A sentence, in the language that was chosen, with its fields filled in.

    Example:
        >>> say("{name} jumps at {point}", name="floor", point=1)
        'floor jumps at 1'
    """
    return _spoken.gettext(sentence).format(**fields)


def say_how_many(one: str, many: str, count: int, **fields: object) -> str:
    """The sentence for one thing, or else the one for so many of them, with its fields filled in.

    Example:
        >>> [say_how_many("{count} step", "{count:,} steps", count) for count in (1, 2000)]
        ['1 step', '2,000 steps']
    """
    return _spoken.ngettext(one, many, count).format(count=count, **fields)


def mark(sentence: str) -> str:
    """A sentence that stands in a table and is said later: marked, so that a catalogue finds it."""
    return sentence


def say_marked(sentence: str, fields: Mapping[str, object] | None = None) -> str:
    """A sentence that was marked, with its fields filled in."""
    return _spoken.gettext(sentence).format_map({} if fields is None else fields)


def all_of(names: Sequence[str]) -> str:
    """Names in a row.

    Example:
        >>> all_of(["x", "y", "z"])
        'x, y and z'
    """
    *others, last = names
    return say("{names} and {last}", names=listed(others), last=last) if others else last


def any_of(names: Sequence[str]) -> str:
    """Names in a row of which one is meant.

    Example:
        >>> any_of(["x", "y"])
        'x or y'
    """
    *others, last = names
    return say("{names} or {last}", names=listed(others), last=last) if others else last


def listed(names: Sequence[str]) -> str:
    """Names in a row that goes on."""
    return say(", ").join(names)


def one_by_one(statements: Iterable[str]) -> str:
    """Statements in one sentence."""
    return say("; ").join(statements)


def no_tensor(returned: object, *, among_others: bool = False) -> TypeError:
    """The error for a function that returned something other than a tensor."""
    kind = type(returned).__name__
    if among_others:
        sentence = say(
            "the function returned a {type} among other things; expected a tensor: .item(), "
            "float(), .numpy() and functions such as math.sin cut it off from its inputs, so "
            "compute with torch and return the tensor itself.",
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
            "the function returned a {type}; expected a tensor: .item(), float(), .numpy() and "
            "functions such as math.sin cut it off from its inputs, so compute with torch and "
            "return the tensor itself.",
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
