"""Functions, and mistakes to plant in their backward step or their rule for forward mode."""

import torch

torch.manual_seed(0)
WEIGHT = torch.randn(4, 3, dtype=torch.float64)
KERNEL = torch.randn(1, 1, 3, dtype=torch.float64)


def leaf(*values, dtype=torch.float32):
    """A leaf with these values."""
    return torch.tensor(values, dtype=dtype, requires_grad=True)


def tensor(*shape, low=0.3, high=1.7, seed=1):
    """Numbers that differ, none of them where a function is special."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.rand(shape, generator=generator, dtype=torch.float64)
    return (low + (high - low) * values).requires_grad_()


# Each a function of one tensor and a place at which it is smooth.
FUNCTIONS = {
    "squares": (lambda x: (x * x).sum(), tensor(5)),
    "sin": (torch.sin, tensor(5)),
    "exp of a product": (lambda x: (x[:3] * x[1:4]).exp(), tensor(4)),
    "logsumexp": (lambda x: torch.logsumexp(x, 0), tensor(6)),
    "softmax": (lambda x: torch.softmax(x, 0), tensor(4)),
    "layer": (lambda x: torch.tanh(WEIGHT @ x), tensor(3)),
    "norm": (torch.linalg.vector_norm, tensor(7)),
    "matrix": (lambda x: x @ WEIGHT[:3] @ x, tensor(3, 3)),
    "determinant": (torch.linalg.det, tensor(3, 3)),
    "square of a sum": (lambda x: (WEIGHT[:2] * x).sum() ** 2, tensor(2, 3)),
    "convolution": (lambda x: torch.conv1d(x, KERNEL), tensor(1, 1, 6)),
    "running sum": (lambda x: torch.cumsum(x**3, 0), tensor(4)),
    "product": (torch.prod, tensor(5)),
    "small": (lambda x: 1e-6 * x.sin().sum(), tensor(4)),
    "large": (lambda x: 1e6 * x.exp(), tensor(4)),
    "sixty": (lambda x: (x**2).sum(), tensor(60)),
}


class _Planted(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, f, spoil):
        ctx.save_for_backward(x)
        ctx.f, ctx.spoil = f, spoil
        return f(x).clone()

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            (right,) = torch.autograd.grad(ctx.f(x), x, gradient)
        return ctx.spoil(right), None, None


def planted(f, spoil):
    """The same function, with a backward step whose result goes through ``spoil``."""
    return lambda x: _Planted.apply(x, f, spoil)


def times(factor, place=None):
    """Spoil by a factor, at one place or everywhere."""

    def spoil(gradient):
        wrong = gradient.clone()
        wrong.view(-1)[slice(None) if place is None else place] *= factor
        return wrong

    return spoil


def one_element(change):
    """Spoil the element in the middle only."""

    def spoil(gradient):
        wrong = gradient.flatten().clone()
        place = len(wrong) // 2
        wrong[place] = change(wrong[place])
        return wrong.reshape(gradient.shape)

    return spoil


# Wrong backward steps, all of them.
MISTAKES = {
    "zero": torch.zeros_like,
    "sign": torch.neg,
    "half": lambda g: 0.5 * g,
    "twice": lambda g: 2 * g,
    "factor 1.0001": lambda g: 1.0001 * g,
    "factor 0.99": lambda g: 0.99 * g,
    "one element": one_element(lambda g: 1.0001 * g),
    "one element, 0.1 %": one_element(lambda g: 0.999 * g),
    "one element missing": one_element(lambda g: 0 * g),
    "one element, sign": one_element(lambda g: -g),
    "offset": lambda g: g + 1e-3 * g.abs().max(),
}


class WithForwardRule(torch.autograd.Function):
    """x² with a rule for forward mode of its own."""

    factor = 2.0

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        ctx.save_for_forward(x)
        return x * x

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return 2 * x * gradient

    @classmethod
    def jvp(cls, ctx, tangent):
        (x,) = ctx.saved_tensors
        return cls.factor * x * tangent


class WithWrongForwardRule(WithForwardRule):
    """The same with a factor of 3/2 too much in that rule."""

    factor = 3.0


class Stuck(torch.autograd.Function):
    """The identity, with a backward step that fails."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        raise RuntimeError("no way back")
