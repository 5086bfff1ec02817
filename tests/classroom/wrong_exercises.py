"""The usual wrong answers to the exercises of a class, and words of the hint that they get."""

FACTOR = "look for a constant factor that is missing or too many"
UNSEEN = "With other numbers the answer is not right."


def in_one_line(line):
    """The answer to exercise 2 of 2.5.4."""
    return f"def f(x):\n    return {line}"


def root(step, start="1 + 0 * a"):
    """The answer to exercise 6 of 2.5.4."""
    loop = f"    for _ in range(20):\n        x = (x + {step}) / 2\n"
    return f"def root(a):\n    x = {start}\n{loop}    return x"


def loss(far):
    """The answer to exercise 7 of 2.5.4."""
    return f"def loss(x):\n    return torch.where(x.abs() < 1, x * x / 2, {far})"


def slope(*steps):
    """The answer to exercise 8 of 2.5.4."""
    loop = "".join(f"        {step}\n" for step in steps)
    return f"def slope(a):\n    d = 1.0\n    while a < 100:\n{loop}    return d"


def derivative(line):
    """The answer to exercise 3 of the mixed ones."""
    return f"def slope(x):\n    return {line}"


def operation(grad_x, grad_w, before=""):
    """The answer to exercise 6 of the mixed ones."""
    return f"""\
class WeightedSquare(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return w * x**2

    @staticmethod
    def backward(ctx, grad_output):
        x, w = ctx.saved_tensors
        {before}
        return {grad_x}, {grad_w}"""


def rules(root, inverse, sine="torch.cos(x)"):
    """The answer to exercise 7 of the mixed ones."""
    return f"""\
rules = {{
    "sine": (torch.sin, lambda x: {sine}),
    "exp": (torch.exp, lambda x: torch.exp(x)),
    "root": (torch.sqrt, lambda x: {root}),
    "cosine": (torch.cos, lambda x: -torch.sin(x)),
    "inverse": (torch.reciprocal, lambda x: {inverse}),
    "logarithm": (torch.log, lambda x: 1 / x),
}}"""


def second(*lines):
    """The answer to exercise 8 of the mixed ones."""
    return "def second(f, x):\n" + "\n".join(f"    {line}" for line in lines)


SLOPE = "slope = torch.autograd.grad(f(x).sum(), x, create_graph=True)[0]"
FORGETFUL = SLOPE.replace(", create_graph=True", "")
AGAIN = "return torch.autograd.grad(slope.sum(), x)[0]"

# (assignment, number of the exercise, the cell with the wrong answer, words of the hint)
WRONG = [
    # 2.5.1
    # 2.5.2
    # 2.5.3
    # 2.5.4
    ("2.5.4", 1, "answer = [9, 90, 9]", FACTOR),
    ("2.5.4", 1, "answer = [24, 24, 24]", "Only the derivatives by a[1] are wrong"),
    ("2.5.4", 1, "answer = [24, 34, 24]", "Only the derivatives by a[1] are wrong"),
    ("2.5.4", 1, "answer = [48, 1680, -120]", "∂f/∂a[1] and others are wrong"),
    ("2.5.4", 2, in_one_line("torch.where(x < 0, x * x, 3 * x)"), "∂f[0]/∂x[0] and others"),
    ("2.5.4", 2, in_one_line("3 * x if x < 0 else x * x"), "Boolean value of Tensor"),
    ("2.5.4", 2, in_one_line("torch.where(x < 0, 3 * x.detach(), x * x)"), "detach() cuts"),
    ("2.5.4", 2, in_one_line("torch.where(x < 0, 3 * x, 2 * x)"), FACTOR),
    ("2.5.4", 3, "answer = [12, 6, 1]", "are wrong"),
    ("2.5.4", 3, "answer = [27, 3, 1]", FACTOR),
    ("2.5.4", 3, "answer = [83, 74, 60]", "are wrong"),
    ("2.5.4", 3, "answer = [1, 9, 81]", "the numbers are there, but in other places"),
    ("2.5.4", 4, "answer = 1, 6, 20, 12", "are wrong"),
    ("2.5.4", 4, "answer = 1, 12, 36, 24", "∂f/∂a is wrong"),
    ("2.5.4", 4, "answer = 1, 4, 14, 8", "are wrong"),
    ("2.5.4", 4, "answer = 1, 12, 24, 38", "the gradients of a and b are exchanged"),
    ("2.5.4", 4, "answer = 36, 6, 2, 3", "are wrong"),
    ("2.5.4", 5, "answer = [17, 2, 54]", "are wrong"),
    ("2.5.4", 5, "answer = [24, 6, 54]", "look for a constant that is added"),
    ("2.5.4", 5, "answer = [8, 2, 18]", "are wrong"),
    ("2.5.4", 5, "answer = [23, -7, 53]", "Only the derivatives by x[1] are wrong"),
    ("2.5.4", 6, root("float(a) / x"), "cuts the function off from its input"),
    ("2.5.4", 6, root("(a / x).detach()"), "detach() cuts the function off"),
    ("2.5.4", 6, root("a.data / x", start="a / 2"), ".data cuts the function off"),
    ("2.5.4", 6, "def root(a):\n    return a / 3", FACTOR),
    ("2.5.4", 7, loss("x.abs() - 1"), "jumps here"),
    ("2.5.4", 7, loss("x - 1 / 2"), "jumps here"),
    ("2.5.4", 7, loss("2 * x.abs() - 3 / 2"), FACTOR),
    ("2.5.4", 7, loss("x * x / 2"), FACTOR),
    ("2.5.4", 8, slope("a = a * a", "d = d * 2 * a"), FACTOR),
    ("2.5.4", 8, slope("d = d + 2 * a", "a = a * a"), "∂squares/∂a is wrong"),
    ("2.5.4", 8, slope("d = 2 * a", "a = a * a"), "∂squares/∂a is wrong"),
    ("2.5.4", 8, slope("d = d * a", "a = a * a"), FACTOR),
    ("2.5.4", 8, "def slope(a):\n    return 8 * a**7", UNSEEN),
    # mixed
    ("mixed", 1, "answer = [[2, 6], [5, 33], [10, 48]]", "∂f[1]/∂x[1] and others are wrong"),
    ("mixed", 1, "answer = [[2, 6], [3, 27], [5, 15]]", "Only the derivatives of f[2] are wrong"),
    ("mixed", 1, "answer = [[2, 6], [3, 27], [13, 57]]", "Only the derivatives of f[2] are wrong"),
    ("mixed", 1, "answer = [[1, 9], [1, 27], [6, 72]]", "∂f[2]/∂x[1] and others are wrong"),
    ("mixed", 2, "v = [6, 4, 40]", "are wrong"),
    ("mixed", 2, "v = [6, 2, 10]", FACTOR),
    ("mixed", 2, "v = [6, 1, 2.5]", "∂f/∂x[2] and others are wrong"),
    ("mixed", 2, "v = [12, 16, 320]", "are wrong"),
    ("mixed", 3, derivative("torch.sin(3 * x) + x * torch.cos(3 * x)"), "are wrong"),
    ("mixed", 3, derivative("3 * torch.cos(3 * x)"), "are wrong"),
    ("mixed", 3, derivative("torch.sin(3 * x) - 3 * x * torch.cos(3 * x)"), "are wrong"),
    ("mixed", 3, derivative("torch.cos(3 * x)"), "are wrong"),
    ("mixed", 4, "answer = [[36, 0], [0, 10]]", "beside the diagonal"),
    ("mixed", 4, "answer = [[36, 12], [12, 0]]", "Only the derivatives by x[1] are wrong"),
    ("mixed", 4, "answer = [[12, 12], [12, 10]]", "by x[0] are wrong: " + FACTOR),
    ("mixed", 4, "answer = [[36, 12], [0, 10]]", "the function does depend on this input"),
    ("mixed", 5, "answer = [[800, 6300], [25600, 3600]]", "in other places"),
    ("mixed", 5, "answer = [[6000, 200], [1200, 24000]]", "are wrong"),
    ("mixed", 5, "answer = [[6300, 800], [25600, 3600]]", "∂cost[1, 0]/∂price and others"),
    ("mixed", 5, "answer = [[3, 1], [2, 40]]", "are wrong"),
    ("mixed", 6, operation("2 * w * x", "x**2"), "backward does not use what it is given"),
    ("mixed", 6, operation("grad_output * x**2", "grad_output * 2 * w * x"), "exchanged"),
    ("mixed", 6, operation("grad_output * 2 * x", "grad_output * x**2"), "are wrong"),
    ("mixed", 6, operation("grad_output * w * x", "grad_output * x**2"), FACTOR),
    (
        "mixed",
        6,
        operation("grad_output * 2 * w * x", "grad_output * x**2", before="x = x.detach()"),
        "nothing comes back to x",
    ),
    ("mixed", 7, rules("1 / (2 * torch.sqrt(x))", "-1 / x"), "∂chain/∂x[2] and others are wrong"),
    ("mixed", 7, rules("1 / torch.sqrt(x)", "-1 / x**2"), FACTOR),
    ("mixed", 7, rules("torch.sqrt(x) / 2", "-1 / x**2"), "∂chain/∂x[2] and others are wrong"),
    ("mixed", 7, rules("1 / (2 * torch.sqrt(x))", "1 / x**2"), "look at the sign"),
    ("mixed", 7, rules("1 / (2 * torch.sqrt(x))", "-1 / x**2", sine="-torch.cos(x)"), "the sign"),
    ("mixed", 8, second(SLOPE, "return slope"), "∂slope/∂x[1] and others are wrong"),
    ("mixed", 8, second(SLOPE, "return slope**2"), "∂slope/∂x[2] and others are wrong"),
    ("mixed", 8, second("return 12 * x**2"), UNSEEN),
    ("mixed", 8, second(FORGETFUL, AGAIN), "does not require grad"),
    ("mixed", 8, second(SLOPE.replace(".sum()", ""), AGAIN), "only for scalar outputs"),
]
