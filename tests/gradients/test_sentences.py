"""What a verdict says, word for word: a sentence of each kind, by functions one can see through."""

import pytest
import torch
from planted import WithWrongForwardRule, leaf, planted

from autodiff_helpers import check_gradient

F64 = torch.float64


def squares(x):
    return (x * x).sum()


def spoiled(spoil, *values, f=squares):
    return check_gradient(planted(f, spoil), leaf(*values, dtype=F64))


def counted():
    calls = iter(range(100))
    return lambda x: x * x + next(calls)


def doubled_in_place(x):
    y = 2 * x
    x.data.mul_(2)
    return y.sum()


def with_numpy(x):
    return x * x.detach().numpy().sum() + x * x.tolist()[0]


def twice_cut(x):
    with torch.no_grad():
        y = x * x
    return (x * y * x.detach()).sum()


VERDICTS = {
    "one derivative": (
        lambda: check_gradient(squares, leaf(3.0)),
        "The gradient is right: the derivative agrees with its central difference.",
    ),
    "two derivatives": (
        lambda: check_gradient(squares, leaf(3.0, 4.0)),
        "The gradient is right: both derivatives agree with their central differences.",
    ),
    "three derivatives": (
        lambda: check_gradient(squares, leaf(3.0, 4.0, 5.0)),
        "The gradient is right: all 3 derivatives agree with their central differences.",
    ),
    "nothing": (
        lambda: check_gradient(lambda x: x[:0], leaf(3.0)),
        "The gradient is right: there is nothing to compare, for lack of any number.",
    ),
    "a zero": (
        lambda: check_gradient(lambda x: 0 * x, leaf(3.0)),
        "The gradient is right: the derivative is 0, and so is its central difference.",
    ),
    "two zeros": (
        lambda: check_gradient(lambda x: 0 * x.sum(), leaf(3.0, 4.0)),
        "The gradient is right: all derivatives are 0, and so are their central differences.",
    ),
    "random": (
        lambda: check_gradient(lambda x: (x * torch.rand(())).sum(), leaf(3.0, 4.0, 5.0)),
        "The gradient is right: all 3 derivatives agree with their central differences; the "
        "function is random (two calls differ), so every call was given the same random "
        "numbers.",
    ),
    "random by itself": (
        lambda: check_gradient(counted(), leaf(3.0)),
        "The function is random: two calls of f with the same input differ, and they still do"
        " when torch's random numbers are the same; look for a generator of its own, a "
        "counter or a clock, and make it give one value for one input.",
    ),
    "changed in place": (
        lambda: check_gradient(doubled_in_place, leaf(3.0, 4.0)),
        "The function changes its input x in place: x[0] is 3 before the call and 6 after it;"
        " look for methods that end in _, for += and for .data, and let the function make a "
        "new tensor instead, such as x.clone().",
    ),
    "nan": (
        lambda: check_gradient(torch.log, leaf(-1.0)),
        "The gradient is undefined: log[0] itself is nan at this point; look for a division "
        "by zero, or a log or root outside its domain.",
    ),
    "an infinite derivative": (
        lambda: check_gradient(lambda x: x**0.5, leaf(0.0)),
        "The gradient is undefined: autograd says inf for ∂f[0]/∂x[0] at x[0] = 0; look for a"
        " division by zero, a root or a log of 0, or a power of 0 on the way back.",
    ),
    "coarse": (
        lambda: check_gradient(lambda x: x.half().double().sin(), leaf(3.0, dtype=F64)),
        "The precision is too low for more than this: no difference was found, but the "
        "function does not notice when x[0] changes by less than about 0.001; look for "
        "float(), half() or other conversions to fewer digits inside it.",
    ),
    "a sign": (
        lambda: spoiled(torch.neg, 3.0, 4.0),
        "The gradient is wrong in 2 of 2 derivatives: autograd says -8 for ∂f/∂x[1], central "
        "differences say 8; the sign is wrong: look for a missing or extra minus.",
    ),
    "twice": (
        lambda: spoiled(lambda g: 2 * g, 3.0, 4.0),
        "The gradient is wrong in 2 of 2 derivatives: autograd says 16 for ∂f/∂x[1], central "
        "differences say 8; it is twice the right one: look for a factor of 2 too many, or "
        "for something that is added twice.",
    ),
    "a factor": (
        lambda: spoiled(lambda g: g / 3, 3.0, 4.0),
        "The gradient is wrong in 2 of 2 derivatives: autograd says 2.666667 for ∂f/∂x[1], "
        "central differences say 8; it is 1/3 times the right one, a constant factor: look "
        "for a factor that is missing or too many.",
    ),
    "an offset": (
        lambda: spoiled(lambda g: g + 0.5, 3.0, 4.0, 5.0),
        "The gradient is wrong in 3 of 3 derivatives: autograd says 6.5 for ∂f/∂x[0], central"
        " differences say 6; what _Planted.backward returns is in part not multiplied by the "
        "gradient it is given (an additive offset): it is not 0 where 0 comes in.",
    ),
    "transposed": (
        lambda: spoiled(lambda g: g.T, [1.0, 2.0], [3.0, 4.0]),
        "The gradient is wrong in 2 of 4 derivatives: autograd says 6 for ∂f/∂x[0, 1], "
        "central differences say 4; it is the right one, transposed: look for a missing "
        "transpose (.T), or for the Jacobian where its transpose is needed.",
    ),
    "permuted": (
        lambda: spoiled(lambda g: g.flip(0), 1.0, 2.0, 3.0),
        "The gradient is wrong in 2 of 3 derivatives: autograd says 6 for ∂f/∂x[0], central "
        "differences say 2; the numbers are right but in the wrong places (permuted): look at"
        " the order of indices, and at reshape, flip and permute.",
    ),
    "zero": (
        lambda: spoiled(torch.zeros_like, 3.0, 4.0),
        "The gradient is wrong in 2 of 2 derivatives: autograd says 0 for ∂f/∂x[1], central "
        "differences say 8; the way from f back to x is cut off there: look for detach(), "
        ".data, item(), no_grad() and for a backward step that returns nothing.",
    ),
    "no reason": (
        lambda: spoiled(lambda g: g + g**2, 3.0, 4.0, 5.0),
        "The gradient is wrong in 3 of 3 derivatives: autograd says 110 for ∂f/∂x[2], central"
        " differences say 10; what _Planted.backward returns is not linear in the gradient it"
        " is given: twice that must give twice as much, and its opposite the opposite.",
    ),
    "one input": (
        lambda: spoiled(lambda g: g * torch.tensor([1.0, 3.0, 1.0]), 1.0, 2.0, 3.0),
        "The gradient is wrong in 1 of 3 derivatives: autograd says 12 for ∂f/∂x[1], central "
        "differences say 4; of all derivatives only those by one element, x[1], are wrong, it"
        " is 3 times the right one, a constant factor: look for a factor that is missing or "
        "too many.",
    ),
    "a cut": (
        lambda: check_gradient(lambda x: (x * x.detach()).sum(), leaf(3.0, 4.0)),
        "The gradient is wrong in 2 of 2 derivatives: autograd says 4 for ∂f/∂x[1], central "
        "differences say 8; detach() cuts the function off from its input, in whole or in "
        "part: without that the gradient is right.",
    ),
    "two cuts": (
        lambda: check_gradient(twice_cut, leaf(3.0, 4.0)),
        "The gradient is wrong in 2 of 2 derivatives: autograd says 64 for ∂twice_cut/∂x[1], "
        "central differences say 256; torch.no_grad() and detach() cut the function off from "
        "its input, in whole or in part: without them the gradient is right.",
    ),
    "numbers": (
        lambda: check_gradient(with_numpy, leaf(3.0)),
        "The gradient is wrong: autograd says 6 for ∂with_numpy[0]/∂x[0], central differences"
        " say 12; numpy() and tolist() cut the function off from its input, in whole or in "
        "part: what leaves torch is a constant for autograd, so compute it with tensors.",
    ),
    "by hand": (
        lambda: check_gradient(squares, leaf(3.0), expected=torch.tensor([5.0])),
        "The gradient is wrong: you expected 5 for ∂squares/∂x[0], central differences say 6;"
        " it is 5/6 times the right one, a constant factor: look for a factor that is missing"
        " or too many.",
    ),
    "zero by hand": (
        lambda: check_gradient(squares, leaf(3.0), expected=torch.zeros(1)),
        "The gradient is wrong: you expected 0 for ∂squares/∂x[0], central differences say 6;"
        " the function does depend on this input.",
    ),
    "forward mode": (
        lambda: check_gradient(WithWrongForwardRule.apply, leaf(3.0, dtype=F64)),
        "The gradient is wrong: autograd in forward mode says 9 for "
        "∂WithWrongForwardRule[0]/∂x[0], central differences say 6; it is 3/2 times the right"
        " one, a constant factor: look for a factor that is missing or too many.",
    ),
}


@pytest.mark.parametrize(("check", "sentence"), VERDICTS.values(), ids=VERDICTS.keys())
def test_the_sentence_is(check, sentence):
    assert check().diagnosis == sentence
