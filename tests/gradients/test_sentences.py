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


def own_rule(backward=lambda x, g: 2 * x * g, jvp=lambda x, t: 2 * x * t):
    """A square with rules of its own."""

    class Square(torch.autograd.Function):
        @staticmethod
        def forward(x):
            return x * x

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)

        @staticmethod
        def backward(ctx, gradient):
            return backward(*ctx.saved_tensors, gradient)

        @staticmethod
        def jvp(ctx, tangent):
            return jvp(*ctx.saved_tensors, tangent)

    return Square.apply


def first_only():
    times = iter([1.0])
    return lambda x, g: 2 * x * g * next(times, 0.0)


def overwritten(x):
    y = x.exp()
    z = (y * y).sum()
    y.data.zero_()
    return z


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
        "part: what leaves torch, as x does in math.sin(x), is a constant for autograd, so "
        "compute it with tensors.",
    ),
    "kinks that cancel": (
        lambda: check_gradient(lambda x: x.relu() - (-x).relu(), leaf(0.0)),
        "The gradient is wrong: autograd says 0 for ∂f[0]/∂x[0], central differences say 1; "
        "right beside this point it is right: look for kinks that cancel each other here, as "
        "those of relu(x) - relu(-x) do at 0, and for a branch that is taken at this point only.",
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
    "to within a tolerance": (
        lambda: check_gradient(squares, leaf(3.0), expected=[6.01], tolerance=0.01),
        "The gradient is right: the derivative agrees with its central difference, to within "
        "a tolerance of 0.01.",
    ),
    "a precision that is too low": (
        lambda: check_gradient(lambda x: 1e-12 * x.sin() + 1e6, leaf(3.0, dtype=F64)),
        "The precision is too low for a proof: no difference was found, but central "
        "differences prove this only to within 0.001: the gradient is too small for them, or "
        "the function is rounded too much.",
    ),
    "nan behind where": (
        lambda: check_gradient(lambda x: torch.where(x > 0, x.sqrt(), 0 * x), leaf(-1.0, 4.0)),
        "The gradient is undefined: autograd says nan for ∂f[0]/∂x[0] at x[0] = -1; what "
        "torch.where() leaves out there has an infinite or undefined slope, and 0 times that "
        "is nan: use torch.where() before as well, to put another number where that slope is.",
    ),
    "a jump": (
        lambda: check_gradient(torch.floor, leaf(1.0)),
        "The function is not differentiable here: floor[0] at x[0] = 1 jumps, so there is no "
        "derivative; autograd says 0; check it at another point.",
    ),
    "a kink": (
        lambda: check_gradient(torch.abs, leaf(0.0)),
        "The gradient is right, although the function is not differentiable here: abs[0] at "
        "x[0] = 0 has a kink, with the slope -1 to the left and 1 to the right; autograd says"
        " 0, which is accepted here.",
    ),
    "a kink, and neither of its slopes": (
        lambda: check_gradient(torch.abs, leaf(0.0), expected=[[3.0]]),
        "The function is not differentiable here: abs[0] at x[0] = 0 has a kink, with the "
        "slope -1 to the left and 1 to the right; you expected 3, which is none of the two "
        "and not between them.",
    ),
    "equal numbers that all get the whole gradient": (
        lambda: check_gradient(torch.max, leaf(1.0, 1.0, dtype=F64), expected=[1.0, 1.0]),
        "The gradient is wrong: max has a kink at this point, where each of its derivatives "
        "alone could be right, but not all of them at once: where all inputs grow in "
        "proportion, its slope is 1, where they shrink, 1, and they do not add up to that; "
        "look at how numbers that are equal share the gradient.",
    ),
    "a value to the right only": (
        lambda: check_gradient(lambda x: x * x.sqrt(), leaf(0.0), expected=[[0.0]]),
        "The function ends here: f[0] at x[0] = 0 has a value to the right only, and the "
        "slope 0; you expected 0, which is accepted here.",
    ),
    "a value to the left only": (
        lambda: check_gradient(lambda x: x * (-x).sqrt(), leaf(0.0), expected=[[0.0]]),
        "The function ends here: f[0] at x[0] = 0 has a value to the left only, and the slope"
        " 0; you expected 0, which is accepted here.",
    ),
    "a value to the left only, and another slope": (
        lambda: check_gradient(lambda x: x * (-x).sqrt(), leaf(0.0), expected=[[3.0]]),
        "The function ends here: f[0] at x[0] = 0 has a value to the left only, and the slope"
        " 0; you expected 3, which is none of the two and not between them.",
    ),
    "not multiplied": (
        lambda: check_gradient(own_rule(backward=lambda x, g: 2 * x), leaf(3.0, 4.0, dtype=F64)),
        "The gradient is wrong in 2 of 4 derivatives: autograd says 8 for ∂Square[0]/∂x[1], "
        "central differences say 0; what Square.backward returns is not multiplied by the "
        "gradient it is given: it is the same whatever comes in.",
    ),
    "not the same twice": (
        lambda: check_gradient(own_rule(backward=first_only()), leaf(3.0, dtype=F64)),
        "The gradient is wrong: autograd says 0 for ∂Square[0]/∂x[0], central differences say"
        " 6; what Square.backward returns is not the same twice, for the same gradient: look "
        "for a saved tensor that it changes in place, and for what it keeps from one call to "
        "the next.",
    ),
    "a tangent that is not multiplied": (
        lambda: check_gradient(own_rule(jvp=lambda x, t: 2 * x), leaf(3.0, dtype=F64)),
        "The gradient is wrong, although these derivatives agree with their central "
        "differences: what Square.jvp returns is not multiplied by the tangent it is given: "
        "it is the same whatever comes in.",
    ),
    "overwritten": (
        lambda: check_gradient(overwritten, leaf(3.0)),
        "The gradient is wrong: autograd says 0 for ∂overwritten/∂x[0], central differences "
        "say 806.8576; a tensor that was saved for the way back is overwritten before it is "
        "used there: without that the gradient is right; look for .data, numpy() and other "
        "ways around autograd to change numbers in place.",
    ),
    "exchanged": (
        lambda: check_gradient(torch.mul, leaf(3.0), leaf(4.0), expected=([[3.0]], [[4.0]])),
        "The gradient is wrong in 2 of 2 derivatives: you expected 3 for ∂mul[0]/∂x1[0], "
        "central differences say 4; the gradients of x1 and x2 are exchanged: look at the "
        "order in which they are returned.",
    ),
    "the diagonal only": (
        lambda: check_gradient(
            lambda x: x.softmax(0), leaf(0.0, 0.0), expected=[[0.25, 0.0], [0.0, 0.25]]
        ),
        "The gradient is wrong in 2 of 4 derivatives: you expected 0 for ∂f[0]/∂x[1], central"
        " differences say -0.25; only the diagonal of the Jacobian is there: look for what an"
        " output owes to the inputs at other places than its own.",
    ),
    "a median of equal numbers": (
        lambda: check_gradient(lambda x: x.median() + x.sum(), leaf(1.0, 1.0, 1.0)),
        "The gradient is right, although the function may not be differentiable here: the "
        "slopes of f change at once at this point or very close to it, as where numbers are "
        "equal; autograd says 1.3333 for ∂f/∂x[0], and right beside this point all "
        "derivatives agree with their central differences.",
    ),
    "one output": (
        lambda: check_gradient(
            lambda x: x.sum() * x, leaf(1.0, 2.0, dtype=F64), expected=[[4.0, 1.0], [2.5, 7.0]]
        ),
        "The gradient is wrong in 2 of 4 derivatives: you expected 7 for ∂f[1]/∂x[1], central"
        " differences say 5; of all derivatives only those of one element, f[1], are wrong: "
        "look at how this one is treated.",
    ),
    "many inputs": (
        lambda: check_gradient(squares, torch.linspace(0.5, 1, 2000, requires_grad=True)),
        "The gradient is right: the derivative in a random direction, of a function with 1 "
        "output and 2,000 inputs, agrees with its central difference.",
    ),
    "many inputs with kinks": (
        lambda: check_gradient(
            lambda x: x.relu().sum(), torch.arange(-1e3, 1e3, requires_grad=True)
        ),
        "The function has kinks at this point, such as that of f at x[1000] = 0, so a "
        "function of its size cannot be checked as a whole here; check it at another point, "
        "or on smaller tensors.",
    ),
    "many equal inputs": (
        lambda: check_gradient(
            lambda x: x.median() + x.sum(), torch.ones(2000, requires_grad=True)
        ),
        "The gradient is right, although the function may not be differentiable here, where "
        "its slopes change at once: right beside this point the derivative in a random "
        "direction, of a function with 1 output and 2,000 inputs, agrees with its central "
        "difference.",
    ),
    "many inputs and a wrong rule": (
        lambda: check_gradient(
            own_rule(jvp=lambda x, t: 2 * x), torch.ones(2000, dtype=F64, requires_grad=True)
        ),
        "The gradient is wrong, although these derivatives agree with their central "
        "differences: what Square.jvp returns is not multiplied by the tangent it is given: "
        "it is the same whatever comes in.",
    ),
    "many inputs by hand": (
        lambda: check_gradient(
            squares, torch.ones(2000, requires_grad=True), expected=2.1 * torch.ones(2000)
        ),
        "The gradient is wrong in 16 of 16 derivatives: you expected 2.1 for ∂squares/∂x[0], "
        "central differences say 2; it is 1.05 times the right one, a constant factor: look "
        "for a factor that is missing or too many.",
    ),
    "many inputs and a wrong factor": (
        lambda: spoiled(lambda g: 1.1 * g, *torch.linspace(0.5, 1, 2000).tolist()),
        "The gradient is wrong in 16 of 16 derivatives: autograd says 2.2 for ∂f/∂x[1999], "
        "central differences say 2; it is 11/10 times the right one, a constant factor: look "
        "for a factor that is missing or too many.",
    ),
}


@pytest.mark.parametrize(("check", "sentence"), VERDICTS.values(), ids=VERDICTS.keys())
def test_the_sentence_is(check, sentence):
    assert check().diagnosis == sentence
