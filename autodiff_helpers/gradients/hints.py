"""What is wrong with a gradient in one line, without giving any right number away."""

import numpy as np

from autodiff_helpers.gradients.comparison import Blame, Comparison, Kink
from autodiff_helpers.gradients.evaluation import Fault
from autodiff_helpers.gradients.mistakes import Mistake, common_mistake
from autodiff_helpers.words import all_of, any_of, say, say_how_many


def hint_for(comparison: Comparison) -> str:
    """What to look at in a gradient that did not pass, and where."""
    behavior, kinks, names = comparison.behavior, comparison.kinks, comparison.point.names
    if comparison.misbehaves and (not behavior.repeats or behavior.change is None):
        return say("The function is random: let it give one value for one input.")
    if comparison.misbehaves and behavior.change is not None:
        return say(
            "The function changes its input {input} in place: let it make a new tensor instead.",
            input=behavior.change.tensor,
        )
    if not comparison.defined:
        return _undefined(comparison)
    if kinks is not None and kinks.shown.outside:
        return _outside(comparison, kinks.shown)
    if not comparison.agrees.all():
        return _wrong(comparison)
    if behavior.fault is not None:
        return say("The derivatives fit, but {fault}.", fault=_fault(behavior.fault))
    assert kinks is not None  # of a function that is too large for them
    return say(
        "The function has kinks here, such as that of {output}: check it at another point, or on "
        "smaller tensors.",
        output=names.output(kinks.shown.row),
    )


def _undefined(comparison: Comparison) -> str:
    value, names = comparison.point.value, comparison.point.names
    if not np.isfinite(value).all():
        return say(
            "{output} itself is no number here: look for a division by zero, or a log or root "
            "outside its domain.",
            output=names.output(int(np.flatnonzero(~np.isfinite(value))[0])),
        )
    row, column = (int(each[0]) for each in np.nonzero(~np.isfinite(comparison.analytic)))
    if comparison.blame is not None:
        return say(
            "{derivative} is no number: look at what {calls} leaves out.",
            derivative=names.derivative(row, column),
            calls=all_of(comparison.blame.calls),
        )
    return say(
        "{derivative} is no number: look for an infinite slope on the way back.",
        derivative=names.derivative(row, column),
    )


def _outside(comparison: Comparison, kink: Kink) -> str:
    names = comparison.point.names
    if kink.kind == "jump":
        return say(
            "{output} jumps here, so it has no derivative: check it at another point.",
            output=names.output(kink.row),
        )
    if kink.kind == "sum":
        return say(
            "{output} has a kink here, and its derivatives cannot all be right at once: look at "
            "how numbers that are equal share the gradient.",
            output=names.output(kink.row),
        )
    return say(
        "{output} has a kink here, and {derivative} is not between the slopes on both sides.",
        output=names.output(kink.row),
        derivative=names.derivative(kink.row, kink.column),
    )


def _wrong(comparison: Comparison) -> str:
    row, column = comparison.worst(~comparison.agrees)
    names = comparison.point.names
    mistake = common_mistake(comparison, column)
    if mistake.alone == "input":
        where = say("Only the derivatives by {input} are wrong", input=names.input(column))
    elif mistake.alone == "output":
        where = say("Only the derivatives of {output} are wrong", output=names.output(row))
    else:
        where = say_how_many(
            "{derivative} is wrong",
            "{derivative} and others are wrong",
            int((~comparison.agrees).sum()),
            derivative=names.derivative(row, column),
        )
    if comparison.behavior.fault is not None:
        kind: str | None = _fault(comparison.behavior.fault)
    elif comparison.blame is not None:
        kind = _blame(comparison.blame)
    else:
        kind = _kind(comparison, mistake, column)
    if kind is None:
        return say("{where}.", where=where)
    return say("{where}: {kind}.", where=where, kind=kind)


def _fault(fault: Fault) -> str:
    step = any_of([f"{rule}.{fault.step}" for rule in fault.rules])
    sentences = {
        "not multiplied": say("{step} does not use what it is given", step=step),
        "something added": say("{step} adds something to what it should return", step=step),
        "not linear": say("{step} is not linear in what it is given", step=step),
        "not the same": say("{step} does not return the same twice", step=step),
    }
    return sentences[fault.kind]


def _blame(blame: Blame) -> str:
    if blame.kind == "overwritten":
        return say("a tensor that was saved for the way back is overwritten")
    if blame.kind == "here only":
        return say("right beside this point it is right")
    calls = all_of(blame.calls)
    if blame.kind == "kept back":
        return say("{calls} keeps a part of the gradient back", calls=calls)
    return say_how_many(
        "{calls} cuts the function off from its input",
        "{calls} cut the function off from its input",
        len(blame.calls),
        calls=calls,
    )


def _kind(comparison: Comparison, mistake: Mistake, column: int) -> str | None:
    names = comparison.point.names
    factor = say("look for a constant factor that is missing or too many")
    unmoved = say("the function does not react to {input} here", input=names.input(column))
    sentences = {
        "cut": say("nothing comes back to {input}", input=names.tensor(column)),
        "needed": say("the function does depend on this input"),
        "unmoved": unmoved,
        "unmoved at all": unmoved,
        "exchanged": say(
            "the gradients of {input} and {other} are exchanged",
            input=names.tensor(column),
            other=names.tensor(mistake.other),
        ),
        "same": say("it is the same for every output"),
        "diagonal": say("all that is beside the diagonal of the Jacobian is missing"),
        "sign": say("look at the sign"),
        "twice": factor,
        "factor": factor,
        "transposed": say("look for a transpose that is missing or too many"),
        "permuted": say("the numbers are there, but in other places"),
        "offset": say("look for a constant that is added"),
    }
    return None if mistake.rule is None else sentences[mistake.rule]
