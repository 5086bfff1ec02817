"""The usual wrong answers to the exercises of a class, and words of the hint that they get."""

FACTOR = "look for a constant factor that is missing or too many"
UNSEEN = "With other numbers the answer is not right."


def function(head, line):
    """A function of one line."""
    return f"def {head}:\n    return {line}"


def arrows(from_y, from_d, from_p):
    """The answer to exercise 4 of 2.5.1."""
    return f"y_to_d, y_to_p = {from_y}\nd_to_a, d_to_b = {from_d}\np_to_a, p_to_b = {from_p}"


def two_gradients(between="pass", first="x.grad", second="x.grad"):
    """The answer to exercise 6 of 2.5.1."""
    return f"""\
def gradients(x):
    x.grad = None
    (x * x).sum().backward()
    first = {first}
    {between}
    (x**3).sum().backward()
    second = {second}
    return torch.stack([first, second])"""


def difference(line):
    """The answer to exercise 7 of 2.5.1."""
    return f"def slope(f, x):\n    h = 0.001\n    return {line}"


def boxes(s, y, w, x):
    """The answer to exercise 3 of 2.5.2."""
    return f"at_s = {s}\nat_y = {y}\nat_w = {w}\nat_x = {x}"


def jacobian(*steps, rows="len(J)"):
    """The answer to exercise 6 of 2.5.2."""
    loop = "".join(f"        {step}\n" for step in steps)
    start = "    J = torch.zeros(len(f(x)), len(x))\n"
    return f"def jacobian(f, x):\n{start}    for i in range({rows}):\n{loop}    return J"


def neighbors(line):
    """The answer to exercise 8 of 2.5.2."""
    return f"""\
class Differences(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x[1:] - x[:-1]

    @staticmethod
    def backward(ctx, weights):
        zero = 0 * weights[:1]
        return {line}"""


def layers(v_grad, w_grad):
    """The answer to exercise 4 of 2.5.3."""
    return f"v_grad = {v_grad}\nw_grad = {w_grad}"


def matrices(whole, cut):
    """The answer to exercise 5 of 2.5.3."""
    return f"whole = {whole}\ncut = {cut}"


def step(*lines):
    """The answer to exercise 8 of 2.5.3."""
    return "def step(f, x, rate):\n" + "\n".join(f"    {line}" for line in lines)


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


CLEAR = "x.grad = None"
ROW = "f(x)[i].backward()"
BACK = "f(x).backward()"
NOW = "with torch.no_grad():"
BALL = "energy(m, v, h)"
TENTHS = [[0.1, 0], [0, 0.1]]
SLOPE = "slope = torch.autograd.grad(f(x).sum(), x, create_graph=True)[0]"
FORGETFUL = SLOPE.replace(", create_graph=True", "")
AGAIN = "return torch.autograd.grad(slope.sum(), x)[0]"

# (assignment, number of the exercise, the cell with the wrong answer, words of the hint)
WRONG = [
    # 2.5.1
    ("2.5.1", 1, "a_grad = [-2, -1]\nb_grad = [4, 7]", "Only the derivatives of f[1] are wrong"),
    ("2.5.1", 1, "a_grad = [-2, 1]\nb_grad = [4, 3]", "Only the derivatives of f[1]"),
    ("2.5.1", 1, "a_grad = [4, 1]\nb_grad = [-2, 1]", "Only the derivatives of f[0]"),
    ("2.5.1", 1, "a_grad = [4, 7]\nb_grad = [-2, 1]", "the gradients of a and b are exchanged"),
    ("2.5.1", 2, "point = [4, -8, 20]", FACTOR),
    ("2.5.1", 2, "point = [2, -4, 10]", FACTOR),
    ("2.5.1", 2, "point = [16, -32, 80]", FACTOR),
    ("2.5.1", 2, "point = [1, 2, 5]", "Only the derivatives by x[1] are wrong: look at the sign"),
    ("2.5.1", 3, function("f(x, w)", "torch.dot(x, x) + torch.dot(x, w)"), "∂f/∂x[2] and others"),
    ("2.5.1", 3, function("f(x, w)", "torch.dot(x, x + w) / 2"), FACTOR),
    ("2.5.1", 3, function("f(x, w)", "x * x / 2 + x * w"), "expected has shape"),
    ("2.5.1", 3, function("f(x, w)", "torch.dot(x.detach(), x / 2 + w)"), "detach() cuts"),
    ("2.5.1", 4, arrows("10, 3", "10, 10", "6, 15"), "∂f/∂d_to_b is wrong: look at the sign"),
    ("2.5.1", 4, arrows("10, 3", "10, -10", "15, 6"), "p_to_a and p_to_b are exchanged"),
    ("2.5.1", 4, arrows("10, 3", "1, -1", "2, 5"), FACTOR),
    ("2.5.1", 4, arrows("10, 3", "5, -2", "5, 2"), "∂f/∂p_to_b and others are wrong"),
    ("2.5.1", 4, arrows("3, 10", "3, -3", "20, 50"), "∂f/∂p_to_b and others are wrong"),
    ("2.5.1", 5, "answer = [6, 4, -2]", FACTOR),
    ("2.5.1", 5, "answer = [3, 2, -1]", FACTOR),
    ("2.5.1", 5, "answer = [12, 8, 4]", "Only the derivatives by x[2] are wrong: look at the sign"),
    ("2.5.1", 5, "answer = [8, 12, -4]", "the numbers are there, but in other places"),
    ("2.5.1", 5, "answer = [4, 4, 4]", "∂f/∂x[0] and others are wrong"),
    ("2.5.1", 6, two_gradients(between="x.grad.zero_()"), "Only the derivatives of f[0] are wrong"),
    ("2.5.1", 6, two_gradients(first="x.grad.clone()"), "Only the derivatives of f[1] are wrong"),
    ("2.5.1", 6, two_gradients(second="x.grad - first"), "∂f[0]/∂x[1] and others are wrong"),
    ("2.5.1", 6, two_gradients(between="x.grad = 0"), "expected to be a Tensor or None"),
    ("2.5.1", 7, difference("(f(x + h) - f(x - h)) / h"), FACTOR),
    ("2.5.1", 7, difference("(f(x + h) - f(x)) / h"), "∂f/∂x[0] and others are wrong"),
    ("2.5.1", 7, difference("(f(x + h) - f(x - h)) / 2 * h"), "∂f/∂x[2] and others are wrong"),
    ("2.5.1", 7, difference("(f(x - h) - f(x + h)) / (2 * h)"), "look at the sign"),
    ("2.5.1", 7, difference("torch.cos(x)"), UNSEEN),
    ("2.5.1", 8, "a, b = -1, -2", "the numbers are there, but in other places"),
    ("2.5.1", 8, "a, b = 2, -1", "∂f/∂x[1] and others are wrong"),
    ("2.5.1", 8, "a, b = -2, 1", "∂f/∂x[0] and others are wrong"),
    ("2.5.1", 8, "a, b = 2, -5", "∂f/∂x[0] and others are wrong"),
    # 2.5.2
    ("2.5.2", 1, "answer = [[2, 5, 0], [0, 1, 3]]", "Only the derivatives of f[0] are wrong"),
    ("2.5.2", 1, "answer = [[5, 2, 0], [0, 1, -1]]", "Only the derivatives by x[2] are wrong"),
    ("2.5.2", 1, "answer = [[0, 1, 3], [5, 2, 0]]", "in other places"),
    ("2.5.2", 1, "answer = [[5, 0], [2, 1], [0, 3]]", "expected has shape"),
    ("2.5.2", 1, "answer = [5, 3, 3]", "expected has shape"),
    ("2.5.2", 2, "weights = [[1, 0, -2, 0], [0, 1 / 4, 1 / 4, 1 / 4]]", FACTOR),
    ("2.5.2", 2, "weights = [[1, 0, -2, 0], [0, 1, 1, 1]]", FACTOR),
    ("2.5.2", 2, "weights = [[1, 0, 2, 0], [0, 1 / 3, 1 / 3, 1 / 3]]", "look at the sign"),
    ("2.5.2", 2, "weights = [[1, -2, 0, 0], [0, 1 / 3, 1 / 3, 1 / 3]]", "derivatives of f[0]"),
    ("2.5.2", 2, "weights = [[1, 0, -2, 0], [1 / 3, 1 / 3, 1 / 3, 0]]", "derivatives of f[1]"),
    ("2.5.2", 3, boxes(2, [2, 2], [6, 8], [4, -2]), FACTOR),
    ("2.5.2", 3, boxes(4, [1, 1], [3, 4], [2, -1]), FACTOR),
    ("2.5.2", 3, boxes(4, [4, 4], [8, -4], [12, 16]), "gradients of at_w and at_x are exchanged"),
    ("2.5.2", 3, boxes(4, [4, 4], 4, 4), "expected has shape"),
    ("2.5.2", 4, "w_grad = [-12, -28]\nb_grad = [-6, -10]", "Only the derivatives of f[0]"),
    ("2.5.2", 4, "w_grad = [-4, -12]\nb_grad = [-2, -6]", "Only the derivatives of f[1]"),
    ("2.5.2", 4, "w_grad = [-2, -14]\nb_grad = [-1, -5]", FACTOR),
    ("2.5.2", 4, "w_grad = [4, 28]\nb_grad = [2, 10]", "look at the sign"),
    ("2.5.2", 4, "w_grad = [-2, -10]\nb_grad = [-4, -28]", "w and b are exchanged"),
    ("2.5.2", 5, "answer = [[400, 6], [6, 500], [1000, 2]]", "∂cost[2, 1]/∂price and others"),
    ("2.5.2", 5, "answer = [[3, 400], [250, 6], [1, 1000]]", FACTOR),
    ("2.5.2", 5, "answer = [[800, 3], [12, 250], [2000, 1]]", "in other places"),
    ("2.5.2", 5, "answer = [[3, 401], [250, 7], [1, 1001]]", "∂cost[2, 1]/∂price and others"),
    ("2.5.2", 6, jacobian(ROW, "J[i] = x.grad"), "∂f[2]/∂x[1] and others are wrong"),
    ("2.5.2", 6, jacobian(CLEAR, "f(x).sum().backward()", "J[i] = x.grad"), "does depend on"),
    ("2.5.2", 6, jacobian(CLEAR, ROW, "J[i] = x.grad", rows="len(x)"), "derivatives of f[2]"),
    ("2.5.2", 6, jacobian(CLEAR, ROW, "J[:, i] = x.grad", rows="len(x)"), "must match"),
    ("2.5.2", 6, jacobian("x.grad.zero_()", ROW, "J[i] = x.grad"), "has no attribute 'zero_'"),
    ("2.5.2", 7, function("gradients(X, W, V)", "V @ W, X.T @ V"), "∂f/∂X[2, 1] and others"),
    ("2.5.2", 7, function("gradients(X, W, V)", "V @ W.T, V.T @ X"), "look for a transpose"),
    ("2.5.2", 7, function("gradients(X, W, V)", "X.T @ V, V @ W.T"), "expected has shape"),
    ("2.5.2", 7, function("gradients(X, W, V)", "V @ W.T, X @ V"), "cannot be multiplied"),
    (
        "2.5.2",
        8,
        neighbors("torch.cat([weights, zero]) - torch.cat([zero, weights])"),
        "look at the sign",
    ),
    (
        "2.5.2",
        8,
        neighbors("torch.cat([zero, weights]) + torch.cat([weights, zero])"),
        "look at the sign",
    ),
    ("2.5.2", 8, neighbors("torch.cat([zero, weights])"), "∂f[0]/∂x[0] and others are wrong"),
    ("2.5.2", 8, neighbors("-torch.cat([weights, zero])"), "∂f[0]/∂x[1] and others are wrong"),
    ("2.5.2", 8, neighbors("weights"), "returned an invalid gradient"),
    # 2.5.3
    ("2.5.3", 1, "answer = [32, 32, 6]", "∂f[0]/∂x and others are wrong"),
    ("2.5.3", 1, "answer = [8, 32, 1]", "Only the derivatives of f[1] are wrong: " + FACTOR),
    ("2.5.3", 1, "answer = [8, 16, 6]", "Only the derivatives of f[2] are wrong"),
    ("2.5.3", 1, "answer = [12, 16, 1]", "Only the derivatives of f[0] are wrong"),
    ("2.5.3", 2, function("product(x, w)", "x * w"), "∂f/∂x[1] and others are wrong"),
    ("2.5.3", 2, function("product(x, w)", "x * w.detach()"), "∂f/∂x[1] and others are wrong"),
    ("2.5.3", 2, function("product(x, w)", "(x * w).detach()"), "does not require grad"),
    ("2.5.3", 2, function("product(x, w)", "x.item() * w"), "cannot be converted to Scalar"),
    ("2.5.3", 2, function("product(x, w)", "(x.detach() * w).sum()"), UNSEEN),
    ("2.5.3", 3, "at_u, at_a, at_b = 3, 25, 6", "∂f/∂at_a and others are wrong"),
    ("2.5.3", 3, "at_u, at_a, at_b = 1, 10, 0", "∂f/∂at_a and others are wrong"),
    ("2.5.3", 3, "at_u, at_a, at_b = 1, 10, 2", "∂f/∂at_a is wrong"),
    ("2.5.3", 3, "at_u, at_a, at_b = 1, 5, 2", "∂f/∂at_a is wrong"),
    ("2.5.3", 3, "at_u, at_a, at_b = 1, 2, 15", "the gradients of at_a and at_b are exchanged"),
    ("2.5.3", 4, layers([4, 4, 16], [24, 24, 96]), "Only the derivatives of f[1] are wrong"),
    ("2.5.3", 4, layers([4, 0, 16], [24, 0, 96]), "the function does depend on this input"),
    ("2.5.3", 4, layers([4, 0, 4], [24, 24, 24]), "Only the derivatives of f[2] are wrong"),
    ("2.5.3", 4, layers([4, 0, 48], [24, 24, 96]), "Only the derivatives of f[2] are wrong"),
    ("2.5.3", 4, layers([2, 0, 8], [24, 24, 96]), FACTOR),
    ("2.5.3", 4, layers([24, 24, 96], [4, 0, 16]), "the gradients of v and w are exchanged"),
    ("2.5.3", 5, matrices(TENTHS, TENTHS), "∂f[0, 1]/∂x[0] and others are wrong"),
    ("2.5.3", 5, matrices(TENTHS, [[0.08, -0.02], [-0.08, 0.02]]), "in other places"),
    ("2.5.3", 5, matrices([[0.08, -0.08], [-0.02, 0.02]], TENTHS), "in other places"),
    ("2.5.3", 5, matrices([[0.08, 0.02], [0.08, 0.02]], TENTHS), "look at the sign"),
    ("2.5.3", 5, matrices([[0.08, 0], [0, 0.02]], TENTHS), "does depend on this input"),
    ("2.5.3", 6, function("rounded(x)", "torch.round(x)"), "∂nothing_done/∂x[0] and others"),
    ("2.5.3", 6, function("rounded(x)", "x + (torch.round(x) - x)"), "∂nothing_done/∂x[0]"),
    ("2.5.3", 6, function("rounded(x)", "torch.round(x).detach()"), "does not require grad"),
    ("2.5.3", 6, function("rounded(x)", "x"), "∂times[0]/∂n and others are wrong"),
    ("2.5.3", 6, function("rounded(x)", "x + torch.round(x).detach()"), "∂times[2]/∂n and others"),
    ("2.5.3", 7, function(BALL, "m * v * v / 2 + 10 * m.detach() * h"), "∂energy/∂m is wrong"),
    ("2.5.3", 7, function(BALL, "m * v * v.item() / 2 + 10 * m * h"), "item() cuts the function"),
    ("2.5.3", 7, function(BALL, "m * v * v.detach() + 10 * m * h"), "detach() cuts the function"),
    ("2.5.3", 7, function(BALL, "m * v.data**2 / 2 + 10 * m * h"), ".data cuts the function off"),
    ("2.5.3", 7, function(BALL, "m * v * v + 10 * m * h"), FACTOR),
    ("2.5.3", 8, step(BACK, NOW, "    x -= rate * x.grad"), "∂f/∂x[1] and others are wrong"),
    ("2.5.3", 8, step(BACK, NOW, "    x += rate * x.grad", CLEAR), "look at the sign"),
    ("2.5.3", 8, step(BACK, NOW, "    x = x - rate * x.grad"), "does depend on this input"),
    ("2.5.3", 8, step(BACK, NOW, "    x -= x.grad", CLEAR), FACTOR),
    ("2.5.3", 8, step(BACK, "x -= rate * x.grad", CLEAR), "a leaf Variable that requires grad"),
    ("2.5.3", 8, step("x.grad.zero_()", BACK, NOW, "    x -= rate * x.grad"), "'zero_'"),
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
