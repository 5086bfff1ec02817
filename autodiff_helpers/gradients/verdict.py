"""The verdict on a comparison, in one sentence: words only, nothing is measured here."""

import math
from typing import NamedTuple

import numpy as np

from autodiff_helpers.gradients.comparison import ROUGH, Blame, Comparison, Kink, Source
from autodiff_helpers.gradients.evaluation import Fault
from autodiff_helpers.gradients.mistakes import Mistake, Rule, common_mistake
from autodiff_helpers.gradients.table import printed
from autodiff_helpers.rounding import in_differing_digits, in_five_digits
from autodiff_helpers.words import all_of, any_of, say, say_how_many


class Verdict(NamedTuple):
    """Whether a gradient is right, and why it is not."""

    passed: bool
    sentence: str
    comparison: Comparison
    """The evidence."""


def judge(comparison: Comparison) -> Verdict:
    """The verdict on a function whose Jacobian was compared as a whole."""
    fault = comparison.behavior.fault
    if comparison.behavior.repeats is None and fault is None:  # nobody had to look closer
        return Verdict(True, _ended(_not_wrong(comparison)), comparison)
    if comparison.misbehaves:
        return Verdict(False, _ended(_misbehavior(comparison)), comparison)
    if not comparison.defined:
        return Verdict(False, _ended(_undefined(comparison)), comparison)
    kinks = comparison.kinks
    if kinks is not None and kinks.shown.outside:
        return Verdict(False, _ended(_no_derivative(comparison, kinks.shown)), comparison)
    passed = fault is None and bool(comparison.agrees.all())
    if fault is not None and comparison.agrees.all():
        statement = _wrong_elsewhere(fault)
    elif not passed:
        statement = _wrong(comparison)
    elif kinks is not None:
        statement = _no_derivative(comparison, kinks.shown)
    elif comparison.coarse is not None:
        statement = _coarse(comparison)
    else:
        statement = _not_wrong(comparison)
    if comparison.behavior.random:
        statement = say(
            "{statement}; the function is random (two calls differ), so every call was given the "
            "same random numbers",
            statement=statement,
        )
    return Verdict(passed, _ended(statement), comparison)


def judge_directions(comparison: Comparison, outputs: int, inputs: int, *, rough: bool) -> Verdict:
    """The verdict on a large function, of which products with random vectors agree."""
    fault = comparison.behavior.fault
    if fault is not None:
        return Verdict(False, _ended(_wrong_elsewhere(fault)), comparison)
    if not comparison.agrees.all():
        return Verdict(False, _ended(_found_wrong(comparison)), comparison)
    if rough:
        sentence = say(
            "The precision is too low for a proof: no difference was found, but central "
            "differences of so large a function prove only some of its digits; check it in "
            "float64, or on smaller tensors."
        )
    else:
        sentence = say_how_many(
            "The gradient is right: the derivative in a random direction, of a function with "
            "{count:,} output and {inputs:,} inputs, agrees with its central difference",
            "The gradient is right: the derivative in a random direction, of a function with "
            "{count:,} outputs and {inputs:,} inputs, agrees with its central difference",
            outputs,
            inputs=inputs,
        )
        sentence = _ended(_right_enough(comparison, sentence))
    return Verdict(True, sentence, comparison)


def judge_beside(comparison: Comparison, outputs: int, inputs: int) -> Verdict:
    """The verdict on a large function with kinks, of which products agree right beside them."""
    sentence = say_how_many(
        "The gradient is right, although the function may not be differentiable here, where its "
        "slopes change at once: right beside this point the derivative in a random direction, of a "
        "function with {count:,} output and {inputs:,} inputs, agrees with its central difference.",
        "The gradient is right, although the function may not be differentiable here, where its "
        "slopes change at once: right beside this point the derivative in a random direction, of a "
        "function with {count:,} outputs and {inputs:,} inputs, agrees with its central "
        "difference.",
        outputs,
        inputs=inputs,
    )
    return Verdict(True, sentence, comparison)


def judge_large_with_kinks(comparison: Comparison, kink: Kink) -> Verdict:
    """The verdict on a large function with kinks, which products cannot judge."""
    sentence = say(
        "The function has kinks at this point, such as that of {output} at {point}, so a function "
        "of its size cannot be checked as a whole here; check it at another point, or on smaller "
        "tensors.",
        output=comparison.point.names.output(kink.row),
        point=_at(comparison, kink.column),
    )
    return Verdict(False, sentence, comparison)


def _ended(statement: str) -> str:
    return say("{statement}.", statement=statement)


def _right(comparison: Comparison) -> str:
    count = comparison.analytic.size
    if count == 0:
        return say("The gradient is right: there is nothing to compare, for lack of any number")
    if not comparison.analytic.any():
        return say_how_many(
            "The gradient is right: the derivative is 0, and so is its central difference",
            "The gradient is right: all derivatives are 0, and so are their central differences",
            count,
        )
    if count == 2:
        return say("The gradient is right: both derivatives agree with their central differences")
    return say_how_many(
        "The gradient is right: the derivative agrees with its central difference",
        "The gradient is right: all {count} derivatives agree with their central differences",
        count,
    )


def _right_enough(comparison: Comparison, statement: str) -> str:
    """That a gradient is right, as far as was asked for."""
    if comparison.tolerance == comparison.precision:
        return statement
    return say(
        "{statement}, to within a tolerance of {tolerance:g}",
        statement=statement,
        tolerance=comparison.tolerance,
    )


def _not_wrong(comparison: Comparison) -> str:
    if comparison.plain:
        return _right_enough(comparison, _right(comparison))
    largest = comparison.scale.max(initial=0.0)
    finite = comparison.noise[np.isfinite(comparison.noise)]
    noise = float(finite.max(initial=0.0))
    if not 0 < ROUGH * largest < noise:
        return _right_enough(comparison, _right(comparison))
    return say(
        "The precision is too low for a proof: no difference was found, but central differences "
        "prove this only to within {bound:g}: the gradient is too small for them, or the function "
        "is rounded too much",
        # In steps of a thousand, because the noise itself is another one on every machine.
        bound=1000.0 ** math.ceil(math.log(noise, 1000)),
    )


def _coarse(comparison: Comparison) -> str:
    assert comparison.coarse is not None
    return say(
        "The precision is too low for more than this: no difference was found, but the function "
        "does not notice when {input} changes by less than about {step:g}; look for float(), "
        "half() or other conversions to fewer digits inside it",
        input=comparison.point.names.input(comparison.coarse.column),
        step=10.0 ** round(math.log10(comparison.coarse.step)),
    )


def _misbehavior(comparison: Comparison) -> str:
    change = comparison.behavior.change
    if not comparison.behavior.repeats or change is None:
        return say(
            "The function is random: two calls of {function} with the same input differ, and they "
            "still do when torch's random numbers are the same; look for a generator of its own, "
            "a counter or a clock, and make it give one value for one input",
            function=comparison.point.names.function,
        )
    return say(
        "The function changes its input {input} in place: {number} is {before:.6g} before the "
        "call and {after:.6g} after it; look for methods that end in _, for += and for .data, and "
        "let the function make a new tensor instead, such as {input}.clone()",
        input=change.tensor,
        number=change.number,
        before=change.before,
        after=change.after,
    )


def _undefined(comparison: Comparison) -> str:
    value, names = comparison.point.value, comparison.point.names
    if not np.isfinite(value).all():
        row = int(np.flatnonzero(~np.isfinite(value))[0])
        return say(
            "The gradient is undefined: {output} itself is {value:g} at this point; look for a "
            "division by zero, or a log or root outside its domain",
            output=names.output(row),
            value=value[row],
        )
    row, column = (int(each[0]) for each in np.nonzero(~np.isfinite(comparison.analytic)))
    if comparison.blame is not None:
        return say(
            "The gradient is undefined: {answer} for {derivative} at {point}; what {calls} leaves "
            "out there has an infinite or undefined slope, and 0 times that is nan: use {calls} "
            "before as well, to put another number where that slope is",
            answer=_answer(comparison.source, f"{comparison.analytic[row, column]:g}"),
            derivative=names.derivative(row, column),
            point=_at(comparison, column),
            calls=all_of(comparison.blame.calls),
        )
    return say(
        "The gradient is undefined: {answer} for {derivative} at {point}; look for a division by "
        "zero, a root or a log of 0, or a power of 0 on the way back",
        answer=_answer(comparison.source, f"{comparison.analytic[row, column]:g}"),
        derivative=names.derivative(row, column),
        point=_at(comparison, column),
    )


def _slopes_and_answer(comparison: Comparison, kink: Kink) -> dict[str, str]:
    """The slopes beside a kink and the answer, with digits that tell apart what differs."""
    value = float(comparison.analytic[kink.row, kink.column])
    answer = in_five_digits(value)
    slopes = {"left": kink.left, "right": kink.right}
    fields = {side: in_five_digits(slope, kink.unsure) for side, slope in slopes.items()}
    for side, slope in slopes.items():
        if kink.outside and kink.kind != "sum" and fields[side] == answer:
            numbers = (value, 0.0), (slope, kink.unsure)
            answer, fields[side] = in_differing_digits(*numbers, 1e-5)
    return fields | {"answer": _answer(comparison.source, answer)}


def _no_derivative(comparison: Comparison, kink: Kink) -> str:
    """That the function has no derivative here, and what the answer is worth."""
    fields = {
        "output": comparison.point.names.output(kink.row),
        "point": _at(comparison, kink.column),
        **_slopes_and_answer(comparison, kink),
    }
    if kink.kind == "jump":
        return say(
            "The function is not differentiable here: {output} at {point} jumps, so there is no "
            "derivative; {answer}; check it at another point",
            **fields,
        )
    if kink.kind == "tie":
        return say(
            "The gradient is right, although the function may not be differentiable here: the "
            "slopes of {output} change at once at this point or very close to it, as where numbers "
            "are equal; {answer} for {derivative}, and right beside this point all derivatives "
            "agree with their central differences",
            derivative=comparison.point.names.derivative(kink.row, kink.column),
            **fields,
        )
    if kink.kind == "sum":
        return say(
            "The gradient is wrong: {output} has a kink at this point, where each of its "
            "derivatives alone could be right, but not all of them at once: where all inputs grow "
            "in proportion, its slope is {right}, where they shrink, {left}, and they do not add "
            "up to that; look at how numbers that are equal share the gradient",
            **fields,
        )
    if kink.kind == "kink" and kink.outside:
        finding = say(
            "The function is not differentiable here: {output} at {point} has a kink, with the "
            "slope {left} to the left and {right} to the right; {answer}",
            **fields,
        )
    elif kink.kind == "kink":
        finding = say(
            "The gradient is right, although the function is not differentiable here: {output} at "
            "{point} has a kink, with the slope {left} to the left and {right} to the right; "
            "{answer}",
            **fields,
        )
    elif math.isnan(kink.left):
        finding = say(
            "The function ends here: {output} at {point} has a value to the right only, and the "
            "slope {right}; {answer}",
            **fields,
        )
    else:
        finding = say(
            "The function ends here: {output} at {point} has a value to the left only, and the "
            "slope {left}; {answer}",
            **fields,
        )
    if kink.outside:
        return say("{finding}, which is none of the two and not between them", finding=finding)
    return say("{finding}, which is accepted here", finding=finding)


def _found_wrong(comparison: Comparison) -> str:
    row, column = comparison.worst(~comparison.agrees)
    analytic, numeric = printed(comparison, row, column)
    return say_how_many(
        "The gradient is wrong: {answer} for {derivative}, central differences say {numeric}",
        "The gradient is wrong in {wrong} of {count} derivatives: {answer} for {derivative}, "
        "central differences say {numeric}",
        comparison.analytic.size,
        wrong=(~comparison.agrees).sum(),
        answer=_answer(comparison.source, analytic),
        derivative=comparison.point.names.derivative(row, column),
        numeric=numeric,
    )


def _wrong(comparison: Comparison) -> str:
    finding = _found_wrong(comparison)
    row, column = comparison.worst(~comparison.agrees)
    if comparison.behavior.fault is not None:
        reason: str | None = _fault(comparison.behavior.fault)
    elif comparison.blame is not None:
        reason = _blame(comparison.blame)
    else:
        reason = _reason(comparison, common_mistake(comparison, column), row, column)
    return say("{finding}; {reason}", finding=finding, reason=reason) if reason else finding


def _wrong_elsewhere(fault: Fault) -> str:
    return say(
        "The gradient is wrong, although these derivatives agree with their central differences: "
        "{fault}",
        fault=_fault(fault),
    )


def _fault(fault: Fault) -> str:
    """What is wrong with a rule of the user's own, and what to look at."""
    fields = {
        "step": any_of([f"{rule}.{fault.step}" for rule in fault.rules]),
        "given": say("gradient") if fault.step == "backward" else say("tangent"),
    }
    sentences = {
        "not multiplied": say(
            "what {step} returns is not multiplied by the {given} it is given: it is the same "
            "whatever comes in",
            **fields,
        ),
        "something added": say(
            "what {step} returns is in part not multiplied by the {given} it is given (an additive "
            "offset): it is not 0 where 0 comes in",
            **fields,
        ),
        "not linear": say(
            "what {step} returns is not linear in the {given} it is given: twice that must give "
            "twice as much, and its opposite the opposite",
            **fields,
        ),
        "not the same": say(
            "what {step} returns is not the same twice, for the same {given}: look for a saved "
            "tensor that it changes in place, and for what it keeps from one call to the next",
            **fields,
        ),
    }
    return sentences[fault.kind]


def _blame(blame: Blame) -> str:
    """What was proved to keep the gradient from being right."""
    if blame.kind == "overwritten":
        return say(
            "a tensor that was saved for the way back is overwritten before it is used there: "
            "without that the gradient is right; look for .data, numpy() and other ways around "
            "autograd to change numbers in place"
        )
    if blame.kind == "here only":
        return say(
            "right beside this point it is right: look for kinks that cancel each other here, as "
            "those of relu(x) - relu(-x) do at 0, and for a branch that is taken at this point only"
        )
    if blame.kind == "kept back":
        return say(
            "{calls} keeps a part of the gradient back, on purpose: without that it is right",
            calls=all_of(blame.calls),
        )
    if blame.kind == "cut":
        return say_how_many(
            "{calls} cuts the function off from its input, in whole or in part: without that the "
            "gradient is right",
            "{calls} cut the function off from its input, in whole or in part: without them the "
            "gradient is right",
            len(blame.calls),
            calls=all_of(blame.calls),
        )
    return say_how_many(
        "{calls} cuts the function off from its input, in whole or in part: what leaves torch, as "
        "x does in math.sin(x), is a constant for autograd, so compute it with tensors",
        "{calls} cut the function off from its input, in whole or in part: what leaves torch, as x "
        "does in math.sin(x), is a constant for autograd, so compute it with tensors",
        len(blame.calls),
        calls=all_of(blame.calls),
    )


def _reason(comparison: Comparison, mistake: Mistake, row: int, column: int) -> str | None:
    """What the wrong derivatives have in common, and what to look at."""
    names = comparison.point.names
    rule = None if mistake.rule is None else _rule(comparison, mistake.rule, mistake, column)
    if mistake.alone is None:
        return rule
    if mistake.alone == "input":
        where = say(
            "of all derivatives only those by one element, {input}, are wrong",
            input=names.input(column),
        )
    else:
        where = say(
            "of all derivatives only those of one element, {output}, are wrong",
            output=names.output(row),
        )
    if rule is None:
        return say("{where}: look at how this one is treated", where=where)
    return say("{where}, {rule}", where=where, rule=rule)


def _rule(comparison: Comparison, rule: Rule, mistake: Mistake, column: int) -> str:
    names = comparison.point.names
    sentences = {
        "cut": say(
            "the way from {function} back to {input} is cut off there: look for detach(), .data, "
            "item(), no_grad() and for a backward step that returns nothing",
            function=names.function,
            input=names.tensor(column),
        ),
        "needed": say("the function does depend on this input"),
        "unmoved": say(
            "the function does not react to {input} here, but the backward step says that it does",
            input=names.input(column),
        ),
        "unmoved at all": say(
            "the function does not react to {input} here, but the backward step says that it does, "
            "as that of a straight-through estimator does on purpose",
            input=names.tensor(column),
        ),
        "exchanged": say(
            "the gradients of {input} and {other} are exchanged: look at the order in which they "
            "are returned",
            input=names.tensor(column),
            other=names.tensor(mistake.other),
        ),
        "same": say(
            "it is the same for every output: look for a way back that does not use the gradient "
            "it is given"
        ),
        "diagonal": say(
            "only the diagonal of the Jacobian is there: look for what an output owes to the "
            "inputs at other places than its own"
        ),
        "sign": say("the sign is wrong: look for a missing or extra minus"),
        "twice": say(
            "it is twice the right one: look for a factor of 2 too many, or for something that is "
            "added twice"
        ),
        "factor": say(
            "it is {factor} times the right one, a constant factor: look for a factor that is "
            "missing or too many",
            factor=mistake.amount,
        ),
        "transposed": say(
            "it is the right one, transposed: look for a missing transpose (.T), or for the "
            "Jacobian where its transpose is needed"
        ),
        "permuted": say(
            "the numbers are right but in the wrong places (permuted): look at the order of "
            "indices, and at reshape, flip and permute"
        ),
        "offset": say(
            "every wrong one is off by the same amount, {offset} (an additive offset): look for a "
            "constant that is added on the way back",
            offset=mistake.amount,
        ),
    }
    return sentences[rule]


def _answer(source: Source, value: str) -> str:
    """What autograd or the user says, as a clause."""
    if source == "expected":
        return say("you expected {value}", value=value)
    if source == "forward mode":
        return say("autograd in forward mode says {value}", value=value)
    return say("autograd says {value}", value=value)


def _at(comparison: Comparison, column: int) -> str:
    value = in_five_digits(float(comparison.point.x[column]))
    return f"{comparison.point.names.input(column)} = {value}"
