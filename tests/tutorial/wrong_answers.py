"""The usual wrong answers to each exercise, and words of the hint that they get."""

FACTOR = "look for a constant factor that is missing or too many"
SIMPLE = "2.5.1-a-simple-example"
VECTORS = "2.5.2-backward-for-non-scalar-variables"
DETACHING = "2.5.3-detaching-computation"
CONTROL = "2.5.4-gradient-of-python-control-flow"
MIXED = "mixed-exercises"
TINY = "a-tiny-autograd"
BOTH = "forwards-and-backwards"
USING = "using-the-gradient"
CLINIC = "when-it-goes-wrong"

# Operations of one's own that return something.
CUBE = """
class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return {}
"""
PRODUCT = """
class Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a * b

    @staticmethod
    def backward(ctx, gradient):
        a, b = ctx.saved_tensors
        return {}
"""
QUOTIENT = PRODUCT.replace("Product", "Quotient").replace("a * b", "a / b")
RECIPROCAL = """
class Reciprocal(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        r = 1 / x
        ctx.save_for_backward(r)
        return r

    @staticmethod
    def backward(ctx, gradient):
        (r,) = ctx.saved_tensors
        return {}
"""

# (page, number of the exercise, the statement with the wrong answer, words of the hint)
WRONG = [
    (SIMPLE, 1, "answer = 6", FACTOR),
    (SIMPLE, 1, "answer = 12", FACTOR),
    (SIMPLE, 2, "answer = 28", FACTOR),
    (SIMPLE, 2, "answer = 14", FACTOR),
    (SIMPLE, 3, "answer = x**2", FACTOR),
    (SIMPLE, 3, "answer = 3 * x", "∂f/∂x[3] and others are wrong"),
    (SIMPLE, 3, "answer = 3 * x**2 + x", "∂f/∂x[3] and others are wrong"),
    (SIMPLE, 4, "answer = [6, 6, 6, 6]", FACTOR),
    (SIMPLE, 4, "answer = 2 * x", "∂f/∂x[0] and others are wrong"),
    (SIMPLE, 5, "answer = 9, 12", "the gradients of w and b are exchanged"),
    (SIMPLE, 5, "answer = 6, 9", "∂f/∂w is wrong: " + FACTOR),
    (SIMPLE, 6, "answer = 2, 3", "∂f/∂b is wrong: " + FACTOR),
    (SIMPLE, 6, "answer = 2, 2", "∂f/∂b is wrong: " + FACTOR),
    (SIMPLE, 7, "for _ in range(3):\n    (w * w).backward()", FACTOR),
    (SIMPLE, 7, "for _ in range(2):\n    y.backward(retain_graph=True)", FACTOR),
    (SIMPLE, 8, "def f(a, b): return 3 * a + b", "∂f/∂b is wrong: look at the sign"),
    (SIMPLE, 8, "def f(a, b): return b - 3 * a", "look at the sign"),
    (SIMPLE, 8, "def f(a, b): return 3 * b - a", "the gradients of a and b are exchanged"),
    (VECTORS, 1, "answer = [1 / 3, 1 / 3, 1 / 3]", FACTOR),
    (VECTORS, 1, "answer = [1, 4, 9]", "∂f/∂y[2] and others are wrong"),
    (VECTORS, 2, "answer = [1, 1, 1, 1]", FACTOR),
    (VECTORS, 2, "answer = [0, 0.25, 1, 2.25]", "∂f/∂y[3] and others are wrong"),
    (VECTORS, 3, "answer = [0, 3, 12, 27]", "Only the derivatives by x[3] are wrong"),
    (VECTORS, 3, "answer = [0, 1, 8, 54]", "∂f/∂x[2] and others are wrong"),
    (VECTORS, 4, "answer = [3, 4]", "∂f/∂x[1] and others are wrong"),
    (VECTORS, 4, "answer = [9, 4]", "the numbers are there, but in other places"),
    (VECTORS, 5, "answer = 6, 1", "∂f/∂b is wrong: " + FACTOR),
    (VECTORS, 5, "answer = 3, 6", "the gradients of w and b are exchanged"),
    (VECTORS, 6, "answer = [1, 2], [3, 4]", "the gradients of a and b are exchanged"),
    (VECTORS, 6, "answer = [1, 1], [1, 1]", "are wrong"),
    (VECTORS, 7, "y.mean().backward()", FACTOR),
    (VECTORS, 7, "y.backward(gradient=torch.tensor([1.0, 0.0]))", "are wrong"),
    (VECTORS, 8, "answer = [[3, 0, 0], [0, 4, 0], [0, 0, 1]]", "beside the diagonal"),
    (VECTORS, 8, "answer = [[3, 0, 3], [0, 4, 0], [1, 0, 1]]", "look for a transpose"),
    (
        VECTORS,
        8,
        "answer = [[3, 0, 1], [0, 2, 0], [3, 0, 1]]",
        "Only the derivatives by x[1] are wrong",
    ),
    (DETACHING, 1, "answer = 5, 2", "∂f/∂a is wrong"),
    (DETACHING, 1, "answer = 2, 0", "the gradients of a and b are exchanged"),
    (DETACHING, 2, "answer = 2 * x", FACTOR),
    (DETACHING, 2, "answer = 0 * x + 1", "are wrong"),
    (DETACHING, 3, "answer = x**2", FACTOR),
    (DETACHING, 3, "answer = 3 * x**2", FACTOR),
    (DETACHING, 4, "answer = 16", FACTOR),
    (DETACHING, 4, "answer = 8", "look at the sign"),
    (DETACHING, 5, "answer = 12, 4", "are wrong"),
    (DETACHING, 5, "answer = 0, 6", "the gradients of w and b are exchanged"),
    (DETACHING, 6, "answer = 28", "∂f/∂x is wrong"),
    (DETACHING, 6, "answer = 9", "∂f/∂x is wrong"),
    (
        DETACHING,
        7,
        "def f(w): return w.detach() * w",
        "detach() cuts the function off",
    ),
    (DETACHING, 7, "def f(w): return w.data * w", ".data cuts the function off from its input"),
    (DETACHING, 7, "def f(w): return 3 * w", "Not w²"),
    (DETACHING, 8, "u = y.data.view(4)", "the function does depend on this input"),
    (CONTROL, 1, "answer = 6", FACTOR),
    (CONTROL, 1, "answer = 40", FACTOR),
    (CONTROL, 2, "answer = [3, 1, 3]", "Only the derivatives by a[1] are wrong: look at the sign"),
    (CONTROL, 2, "answer = [3, 3, 3]", "Only the derivatives by a[1] are wrong"),
    (CONTROL, 3, "answer = 16", FACTOR),
    (CONTROL, 3, "answer = 1 / 8", FACTOR),
    (CONTROL, 4, "answer = 16", FACTOR),
    (CONTROL, 4, "answer = 160", FACTOR),
    (CONTROL, 5, "answer = 4, -1", "are wrong"),
    (CONTROL, 5, "answer = 5, 2", "∂f/∂b is wrong"),
    (CONTROL, 6, "answer = 12", FACTOR),
    (CONTROL, 6, "answer = 4", FACTOR),
    (CONTROL, 7, "def f(a): return 0 * a + a.abs().item()", "item() cuts the function off"),
    (CONTROL, 7, "def f(a): return a.detach().norm()", "detach() cuts the function off"),
    (CONTROL, 7, "def f(a): return a", "Not |a|"),
    (CONTROL, 7, "def f(a): return 5 - a", "Not |a|"),
    (CONTROL, 7, "def f(a): return 0 * a + 2", "Not |a|"),
    (CONTROL, 8, "answer = d", "are wrong"),
    (CONTROL, 8, "answer = a / d", "are wrong"),
    (CONTROL, 9, "answer = 3", FACTOR),
    (CONTROL, 9, "answer = 6.75", FACTOR),
    (MIXED, 1, "answer = [3, 3]", "are wrong"),
    (MIXED, 1, "answer = [2, 4]", "∂f/∂x[0] and others are wrong"),
    (MIXED, 2, "answer = [6, 5, 4]", "are wrong"),
    (MIXED, 2, "answer = [6, -20, 400]", "Only the derivatives by a[1] are wrong"),
    (MIXED, 3, "answer = [2, 4]", "the numbers are there, but in other places"),
    (MIXED, 3, "answer = [6, 3]", FACTOR),
    (MIXED, 4, "answer = 1024", FACTOR),
    (MIXED, 4, "answer = 22", "∂f/∂a is wrong"),
    (MIXED, 5, "answer = -20, -12", FACTOR),
    (MIXED, 5, "answer = 10, 6", "look at the sign"),
    (MIXED, 5, "answer = -6, -10", "the gradients of w and b are exchanged"),
    (MIXED, 6, "answer = 9, 13", "are wrong"),
    (MIXED, 6, "answer = 0, 6", "∂f/∂b is wrong"),
    (MIXED, 7, "for _ in range(2): f(w).backward()", FACTOR),
    (
        MIXED,
        8,
        "def f(x): return (x.detach() * x * (x > 0)).sum()",
        "detach() cuts the function off",
    ),
    (MIXED, 8, "def f(x): return (x * x).sum()", "Not the sum"),
    (MIXED, 8, "def f(x): return x.sum()", "Not the sum"),
    (MIXED, 9, "def f(x): return torch.stack([3 * x[2], x[0], 2 * x[1]])", "look for a transpose"),
    (MIXED, 9, "def f(x): return torch.stack([x[1], x[2], x[0]])", "are wrong"),
    (USING, 1, "answer = 6", FACTOR),
    (USING, 1, "answer = 2.4", FACTOR),
    (USING, 2, "answer = -3", FACTOR),
    (USING, 2, "answer = -0.6", "∂f/∂w is wrong"),
    (USING, 3, "answer = -1, -1", "∂f/∂w is wrong: " + FACTOR),
    (USING, 3, "answer = -1, -2", "the gradients of w and b are exchanged"),
    (USING, 3, "answer = 2, 1", "look at the sign"),
    (USING, 4, "answer = [8, 20]", "are wrong"),
    (USING, 4, "answer = [6.4, 20]", "Only the derivatives by x[1] are wrong: look at the sign"),
    (USING, 4, "answer = [3.2, -1]", "are wrong"),
    (USING, 5, "answer = -2", "∂f/∂w is wrong"),
    (USING, 5, "answer = 2", "∂f/∂w is wrong"),
    (
        USING,
        6,
        """for _ in range(3):
            f(w).backward()
            before, used = w.detach().clone(), w.grad.clone()
            with torch.no_grad():
                w -= 0.1 * used""",
        "∂f/∂w is wrong",
    ),
    (
        USING,
        6,
        """for _ in range(3):
            w.grad = torch.zeros(())
            before, used = w.detach().clone(), w.grad.clone()
            f(w).backward()
            with torch.no_grad():
                w -= 0.1 * used""",
        "∂f/∂w is wrong",
    ),
    (
        USING,
        7,
        """for _ in range(3):
            wx = w * inputs
            loss = ((wx - 1) ** 2).sum()
            loss.backward()
            before, used = w.detach().clone(), w.grad.clone()
            with torch.no_grad():
                w -= 0.05 * used""",
        "∂f/∂w is wrong",
    ),
    (
        USING,
        7,
        """for _ in range(3):
            w.grad = None
            wx = w * inputs
            loss = ((wx - 1) ** 2).mean()
            loss.backward()
            before, used = w.detach().clone(), w.grad.clone()
            with torch.no_grad():
                w -= 0.05 * used""",
        FACTOR,
    ),
    (
        USING,
        8,
        """for x, t in zip(inputs, wanted, strict=True):
            w.grad = None
            loss = (w * x - t) ** 2
            loss.backward()""",
        "∂f/∂w is wrong",
    ),
    (
        USING,
        8,
        """for x, t in zip(inputs, wanted, strict=True):
            loss = (w * x - t) ** 2 / 2
            loss.backward()""",
        FACTOR,
    ),
    (BOTH, 1, "answer = 10", FACTOR),
    (BOTH, 1, "answer = 45", FACTOR),
    (BOTH, 2, "answer = 1 / x**2", FACTOR),
    (BOTH, 2, "answer = 2 * x", FACTOR),
    (BOTH, 3, "answer = 4 * x**3", "∂slope/∂x is wrong"),
    (BOTH, 3, "answer = 12 * x", "∂slope/∂x is wrong"),
    (BOTH, 4, "answer = [9, 30]", "are wrong"),
    (BOTH, 4, "answer = [26, 12]", "the numbers are there, but in other places"),
    (BOTH, 5, "answer = torch.cos(x) * 2 * x", "∂f/∂x is wrong"),
    (BOTH, 5, "answer = torch.cos(x) * x**2 - torch.sin(x) * 2 * x", "∂f/∂x is wrong"),
    (
        BOTH,
        6,
        "def slope(x): return torch.autograd.grad(torch.sin(x), x)[0]",
        "∂slope/∂x is wrong",
    ),
    (BOTH, 6, "def slope(x): return -torch.cos(x)", "Not the derivative of the sine"),
    (TINY, 1, "answer = 1 / 3, 2 / 3", "∂f/∂b is wrong: look at the sign"),
    (TINY, 1, "answer = -2 / 3, 1 / 3", "the gradients of a and b are exchanged"),
    (TINY, 2, "answer = x", "∂f/∂x is wrong"),
    (TINY, 2, "answer = 2 * x.exp()", FACTOR),
    (TINY, 3, "answer = 3, 2, 3", "∂f/∂b is wrong"),
    (TINY, 3, "answer = 3, 10, 3", "∂f/∂b is wrong"),
    (TINY, 4, "answer = 1, 2", "the gradients of w and b are exchanged"),
    (TINY, 4, "answer = 1, 1", "∂f/∂w is wrong"),
    (TINY, 5, CUBE.format("3 * x**2"), "Cube.backward does not use what it is given"),
    (TINY, 5, CUBE.format("-gradient * 3 * x**2"), "look at the sign"),
    (TINY, 6, PRODUCT.format("b, a"), "Product.backward does not use what it is given"),
    (TINY, 6, PRODUCT.format("gradient * a * b, gradient * a * b"), "are wrong"),
    (TINY, 7, RECIPROCAL.format("gradient * r**2"), "look at the sign"),
    (TINY, 7, RECIPROCAL.format("-(r**2)"), "Reciprocal.backward does not use what it is given"),
    (TINY, 7, RECIPROCAL.format("-gradient / r**2"), "are wrong"),
    (CLINIC, 1, "answer = 9", "∂f/∂loss is wrong"),
    (CLINIC, 1, "answer = 6", "∂f/∂loss is wrong"),
    (CLINIC, 2, "answer = [2.2, 5.7]", "are wrong"),
    (CLINIC, 2, "answer = [2.4, 5.4]", "are wrong"),
    (CLINIC, 3, "answer = 4 * x**3", "are wrong"),
    (CLINIC, 3, "answer = 2 * (x**2 + 1)", "are wrong"),
    (CLINIC, 4, "answer = [0, 1 / 2, 1 / 4]", "Only the derivatives by x[0] are wrong"),
    (CLINIC, 4, "answer = [1, 1 / 2, 1 / 4]", "Only the derivatives by x[0] are wrong"),
    (
        CLINIC,
        5,
        "def f(x): return torch.tensor([x[0] * x[1], x[1]], requires_grad=True).sum()",
        "torch.tensor() cuts the function off",
    ),
    (
        CLINIC,
        5,
        "def f(x): return (x.detach()[0] * x[1] + x[1]).sum()",
        "detach() cuts the function off",
    ),
    (CLINIC, 5, "def f(x): return torch.stack([x[0] + x[1], x[1]]).sum()", "Not the sum"),
    (CLINIC, 6, "y.data += 1", "look for a constant that is added"),
    (CLINIC, 6, "y.data *= 2", FACTOR),
    (
        CLINIC,
        7,
        "def f(x): return torch.nan_to_num(torch.where(x == 0, 1.0, x.sin() / x)).sum()",
        "look at what torch.where() leaves out",
    ),
    (
        CLINIC,
        7,
        "def f(x): return torch.where(x == 0, 1.0, torch.nan_to_num(x.sin() / x)).sum()",
        "look at what torch.where() leaves out",
    ),
    (CLINIC, 7, "def f(x): return (x.sin() / x).nan_to_num().sum()", "Wrong at zero"),
    (
        CLINIC,
        8,
        QUOTIENT.format("gradient / b, -gradient * a / b"),
        "∂Quotient/∂b is wrong",
    ),
    (
        CLINIC,
        8,
        QUOTIENT.format("-gradient * a / b**2, gradient / b"),
        "the gradients of a and b are exchanged",
    ),
]
