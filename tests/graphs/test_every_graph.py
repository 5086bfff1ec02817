"""plot_graph draws whatever autograd records: all of torch's operations, networks, odd graphs."""

import gc
import random
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import psutil
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrizations
from torch.utils._pytree import tree_leaves
from torch.utils.checkpoint import checkpoint
from torch_table import DIFFERENTIABLE, name_of, samples

from autodiff_helpers import picture, plot_graph

pytestmark = pytest.mark.filterwarnings("ignore")


def drawn(*outputs, **options):
    """The text tree; the picture is proved to be well-formed and to show the last operation."""
    plot = plot_graph(*outputs, **options)
    shown = "".join(ElementTree.fromstring(plot.svg).itertext())
    text = str(plot)
    for output in outputs:
        if output.grad_fn is not None:
            name = type(output.grad_fn).__name__
            assert name in text
            assert name in shown.replace(text, "")
    return text


def recorded(op):
    """Whatever the first sample that records a graph computes."""
    for sample in samples(op, requires_grad=True):
        outputs = tree_leaves(op.op(sample.input, *sample.args, **sample.kwargs))
        outputs = [x for x in outputs if isinstance(x, torch.Tensor) and x.requires_grad]
        if outputs:
            return outputs
    raise AssertionError(f"no sample of {name_of(op)} records a graph")


@pytest.fixture
def x():
    return torch.linspace(0.5, 2.0, 4, requires_grad=True)


@pytest.mark.parametrize("op", DIFFERENTIABLE, ids=name_of)
def test_every_operation_of_torch_draws(op):
    outputs = recorded(op)
    before = torch.get_rng_state()
    drawn(*outputs)
    assert torch.equal(torch.get_rng_state(), before)


# Networks


def perceptron():
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))(torch.ones(5, 3))


def convolutions():
    layers = [nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
    output = nn.Sequential(*layers, nn.Linear(36, 3))(torch.ones(2, 1, 8, 8))
    return functional.cross_entropy(output, torch.tensor([0, 1]))


def recurrent_layers():
    return nn.LSTM(3, 4, num_layers=2, bidirectional=True)(torch.ones(6, 2, 3))[0]


def recurrent_cell():
    cell = nn.GRUCell(2, 3)
    state = torch.zeros(1, 3)
    for _ in range(10):
        state = cell(torch.ones(1, 2), state)
    return state


def packed_sequence():
    data = nn.utils.rnn.pack_padded_sequence(torch.ones(6, 2, 3, requires_grad=True), [6, 4])
    return nn.LSTM(3, 4)(data)[0].data


def transformer():
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    return nn.TransformerEncoder(layer, 6)(torch.ones(2, 5, 16))


def embedding():
    return nn.EmbeddingBag(5, 3)(torch.tensor([[1, 2]]))


def weight_norm():
    return parametrizations.weight_norm(nn.Linear(3, 3))(torch.ones(2, 3))


def orthogonal():
    return parametrizations.orthogonal(nn.Linear(3, 3))(torch.ones(2, 3))


def spectral_norm():
    return parametrizations.spectral_norm(nn.Linear(3, 3))(torch.ones(2, 3))


@pytest.mark.parametrize(
    ("network", "operations"),
    [
        (perceptron, ["tanh  TanhBackward0", "+ @  AddmmBackward0"]),
        (convolutions, ["ConvolutionBackward0", "NativeBatchNormBackward0", "NllLossBackward0"]),
        (recurrent_layers, ["CatBackward0"]),
        (recurrent_cell, ["AddmmBackward0", "SigmoidBackward0", "TanhBackward0"]),
        (packed_sequence, ["SigmoidBackward0", "TanhBackward0"]),
        (transformer, ["NativeLayerNormBackward0", "BmmBackward0", "ReluBackward0"]),
        (embedding, ["EmbeddingBagBackward0"]),
        (weight_norm, ["WeightNormInterfaceBackward0"]),
        (orthogonal, ["MmBackward0"]),
        (spectral_norm, ["DivBackward0"]),
    ],
)
def test_every_network_draws(network, operations):
    torch.manual_seed(0)
    text = drawn(network())
    missing = [operation for operation in operations if operation not in text]
    assert missing == []
    assert re.search("leaf( 1)?: ", text)


# Odd graphs


def test_second_derivatives_draw(x):
    (gradient,) = torch.autograd.grad((x**3).sin().sum(), x, create_graph=True)
    assert "cos  CosBackward0" in drawn(gradient)
    (second,) = torch.autograd.grad(gradient.sum(), x, create_graph=True)
    assert "sin  SinBackward0" in drawn(second)


def test_a_gradient_with_a_graph_draws(x):
    (x**3).sum().backward(create_graph=True)
    assert "^ 2  PowBackward0" in drawn(x.grad)


def test_what_torch_func_returns_draws(x):
    assert "^ 2  PowBackward0" in drawn(torch.func.grad(lambda x: (x**3).sum())(x))
    assert "sin  SinBackward0" in drawn(torch.func.vmap(torch.sin)(x))
    for derivative in (torch.func.jacrev, torch.func.jacfwd, torch.func.hessian):
        assert "CosBackward0" in drawn(derivative(lambda x: (x.sin() * x.sum()).sum())(x))


def test_a_loss_of_several_terms_draws(x):
    prediction = x * 2
    loss = functional.mse_loss(prediction, torch.ones(4)) + 0.1 * x.abs().sum() - x.logsumexp(0)
    text = drawn(loss)
    for operation in ("MseLossBackward0", "AbsBackward0", "LogsumexpBackward0", "SubBackward0"):
        assert operation in text


def test_changes_in_place_and_views_draw(x):
    y = x.clone()
    y[0] += x[1]
    y.add_(1)
    y[1:].mul_(2)
    assert "CopySlices" in drawn(y)
    assert "AsStridedBackward0" in drawn(y, y.view(2, 2), y[1:3])


def test_a_constant_changed_after_it_was_kept_draws(x):
    constant = torch.ones(4)
    y = x * constant
    constant.add_(1)
    assert "× constant  MulBackward0" in drawn(y)


def test_operations_with_several_results_draw():
    matrix = torch.tensor([[1.0, 2.0], [3.0, 5.0]], requires_grad=True)
    first, second = matrix.unbind()
    assert "unbind dim 0, as above" in drawn(first * second)
    assert drawn(*matrix.flatten().split(2)).count("SplitBackward0") == 1
    assert drawn(*torch.linalg.svd(matrix)).count("LinalgSvdBackward0") == 1
    assert "top k dim -1  TopkBackward0" in drawn(matrix.topk(1).values)


def test_hooks_do_not_run(x):
    def fail(*_):
        raise AssertionError("a hook ran")

    y = x * 2
    y.register_hook(fail)
    y.grad_fn.register_hook(fail)
    y.grad_fn.register_prehook(fail)
    y.retain_grad()
    x.register_hook(fail)
    x.register_post_accumulate_grad_hook(fail)
    assert "× 2  MulBackward0" in drawn(y.sum())
    assert y.grad is None


def test_hooks_on_saved_tensors_do_not_run(x):
    def fail(_):
        raise AssertionError("a hook ran")

    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: tensor, fail):
        product = x * torch.ones(4)
        rows = x[torch.tensor([0, 1])]
        exponential, _ = Exponential.apply(x)
    assert "× constant  MulBackward0" in drawn(product)
    assert "[…]  IndexBackward0" in drawn(rows)
    assert "Exponential  ExponentialBackward" in drawn(exponential)


class Exponential(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.exp(), x + 1

    @staticmethod
    def backward(ctx, first, second):
        (x,) = ctx.saved_tensors
        return first * x.exp() + second


def test_a_function_written_in_python_draws(x):
    first, second = Exponential.apply(x)
    product = (first * second).sum()
    assert "Exponential  ExponentialBackward" in drawn(product)
    product.backward()
    assert "Exponential  ExponentialBackward" in drawn(product)


def test_checkpoints_draw_and_recompute_nothing(x):
    ran = []

    def f(x):
        ran.append(x)
        first, second = Exponential.apply(x.sin())
        return first * second

    assert "CheckpointFunction" in drawn(checkpoint(f, x, use_reentrant=True))
    assert "sin  SinBackward0" in drawn(checkpoint(f, x, use_reentrant=False))
    assert len(ran) == 2


def test_a_freed_graph_of_a_network_draws():
    loss = perceptron().pow(2).sum()
    loss.backward()
    assert "tanh  TanhBackward0" in drawn(loss)


def test_complex_numbers_draw():
    z = torch.tensor([1 + 2j, complex("nan+1j")], requires_grad=True)
    text = drawn((z * (1 + 2j)).abs(), z ** (2 + 1j), (z.conj() * torch.ones(2).conj()).imag)
    assert "× 1+2j  MulBackward0" in text
    assert "^ 2+1j  PowBackward0" in text


def test_tensors_without_numbers_draw():
    with torch.device("meta"):
        x = torch.ones(3, requires_grad=True)
        data = torch.ones(3)
        number = torch.ones(())
    assert "data: shape [3]  (constant)" in drawn(x * data)
    assert "× 2  MulBackward0" in drawn(x * 2)
    assert "MulBackward0" in drawn(x * number)


@pytest.mark.parametrize("layout", [torch.jagged, torch.strided])
def test_nested_tensors_draw(layout):
    rows = [torch.ones(2), torch.ones(3)]
    x = torch.nested.nested_tensor(rows, requires_grad=True, layout=layout)
    assert "×  MulBackward0" in drawn(x * x)


def test_sparse_tensors_draw():
    for matrix in (torch.eye(3).to_sparse(), torch.eye(3).to_sparse_csr()):
        x = matrix.requires_grad_()
        assert "x: shape [3, 3]  (leaf)" in drawn(x @ torch.ones(3, 3), x=x)


class Subclass(torch.Tensor):
    """It prints as ``Subclass([...])``."""


def test_a_subclass_of_tensor_draws():
    x = torch.ones(2).as_subclass(Subclass).requires_grad_()
    text = drawn(x * torch.ones(2))
    assert "MulBackward0" in text
    assert text.count("(") == text.count(")")


class WithoutNumbers(torch.Tensor):
    """It knows its shape and nothing else, and says so to whoever asks."""

    @staticmethod
    def __new__(cls, *shape):
        return torch.Tensor._make_wrapper_subclass(cls, shape, requires_grad=True)

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        raise AssertionError(f"{func} ran")


def test_a_tensor_that_runs_code_of_the_users_is_described_by_its_shape():
    assert drawn(WithoutNumbers(2)).endswith(": shape [2]  (leaf)")


def test_odd_names_draw(x):
    for name in ("<script>alert(1)</script>", "]]>", "權重", "\\N\\G\"'", "a" * 1000):
        assert f"{name}: [0.5000, 1.0000, 1.5000, 2.0000]  (leaf)" in drawn(x * 2, **{name: x})


def test_odd_values_draw():
    x = torch.tensor([float("nan"), float("inf"), -1e30], requires_grad=True)
    text = drawn(x * float("nan") * float("-inf") / torch.tensor(float("inf")))
    for words in ("× nan  Mul", "× -inf  Mul", "÷ inf  Div", "nan, "):
        assert words in text


def test_tensors_without_elements_draw():
    x = torch.zeros(0, requires_grad=True)
    y = torch.zeros(0, 3, requires_grad=True)
    text = drawn((x * torch.zeros(0)).sum(), y * 2, x=x, y=y)
    assert "x: []  (leaf)" in text
    assert "y: shape [0, 3]  (leaf)" in text


@pytest.mark.parametrize(
    "dtype", [torch.float16, torch.bfloat16, torch.float64, torch.complex32, torch.float8_e4m3fn]
)
def test_every_dtype_draws(dtype):
    x = torch.ones(2).to(dtype).requires_grad_()
    assert "x: [1" in drawn(x.clone(), x=x)


def test_a_compiled_function_draws(x):
    compiled = torch.compile(lambda x: (x.sin() * 2).sum(), backend="eager")
    assert "sin  SinBackward0" in drawn(compiled(x))


def test_no_grad_and_inference_mode_do_not_matter(x):
    y = x * torch.ones(4)
    with torch.no_grad():
        assert "constant: [1., 1., 1., 1.]" in drawn(y)
    with torch.inference_mode():
        assert "constant: [1., 1., 1., 1.]" in drawn(y)


def test_a_module_in_scope_that_has_no_shape_yet_does_no_harm(x):
    lazy = nn.LazyLinear(3)
    assert "constant: [1., 1., 1., 1.]" in str(plot_graph(x * torch.ones(4)))
    assert lazy.has_uninitialized_params()


def test_a_module_in_scope_that_is_not_built_yet_does_no_harm(x):
    unfinished = nn.Linear.__new__(nn.Linear)
    assert "x: [0.5000, 1.0000, 1.5000, 2.0000]  (leaf)" in str(plot_graph(x * 2))
    assert isinstance(unfinished, nn.Module)


def test_a_retained_gradient_stays_as_it_is(x):
    y = x * 2
    y.retain_grad()
    total = y.sum()
    drawn(total, gradients=True)
    assert y.grad is None
    assert x.grad is None


# Many graphs


OPERATIONS = [
    lambda a, b: a + b,
    lambda a, b: a * b,
    lambda a, b: a @ b,
    lambda a, b: a.sin(),
    lambda a, b: a.detach() * b,
    lambda a, b: torch.stack([a, b]).unbind()[1],
    lambda a, b: a / 3,
]


def test_hundreds_of_graphs_leave_the_memory_as_it_was():
    def memory_after_drawing():
        chance = random.Random(0)  # the same graphs every time
        for _ in range(250):
            tensors = [torch.ones(2, 2, requires_grad=True) for _ in range(2)]
            for _ in range(chance.randrange(1, 12)):
                operation = chance.choice(OPERATIONS)
                tensors.append(operation(chance.choice(tensors), chance.choice(tensors)))
            drawn(tensors[-1])
        gc.collect()
        return psutil.Process().memory_info().rss

    memory_after_drawing()
    after_warm_up = memory_after_drawing()
    # One picture that stays takes some 12 kB, and its figure much more.
    assert memory_after_drawing() - after_warm_up < 1_500_000


PROGRAM = """
import torch
from autodiff_helpers import plot_graph
x = torch.ones(2, requires_grad=True)
y = x * 2
x.untyped_storage().resize_(0)
print(plot_graph(y))
"""


def test_a_tensor_whose_memory_was_given_back_draws():
    # In a process of its own, because torch would crash if it tried to print such a tensor.
    text = subprocess.check_output([sys.executable, "-c", PROGRAM], encoding="utf-8")
    assert "x: shape [2]  (leaf)" in text


def test_a_tensor_of_unknown_origin_gets_one_clear_sentence(x):
    first, _ = (x * 1).reshape(2, 2).unbind()
    first._base.add_(1)
    for tensor in (first, nn.LazyLinear(3).weight):
        with pytest.raises(ValueError, match="got a tensor of unknown origin"):
            plot_graph(tensor)


def test_a_change_in_place_is_not_taken_for_a_freed_graph(x):
    y = x * 1
    z = y.sin()
    with torch.no_grad():
        y.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        print(z.grad_fn._saved_self)
    assert "freed" not in drawn(z)


def test_a_tensor_inside_torch_func_is_described_by_its_shape(x):
    texts = []

    def f(x):
        y = x * x
        texts.append(str(plot_graph(y)))
        return y.sum()

    torch.func.grad(f)(x)
    assert texts[0].split("\n")[0] == "y: shape [4]  (output)"


def test_gradients_of_odd_graphs_are_found(x):
    class Variable(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.variable = 3  # as a leaf's node calls its leaf
            return 2 * x

        @staticmethod
        def backward(ctx, gradient):
            return 2 * gradient

    assert "gradient [6., 6., 6., 6.]" in drawn(3 * Variable.apply(x), gradients=True)
    sparse = (x * 5).to_sparse()
    assert "gradient [5., 5., 5., 5.]" in drawn(sparse, gradients=True)
    weight = torch.ones(4, requires_grad=True)
    y = (x * weight).sum()
    weight.requires_grad_(False)
    assert "gradient [1., 1., 1., 1.]" in drawn(y, gradients=True)


def test_many_uses_of_many_results_are_laid_out_in_time():
    tensors = [torch.ones(2, requires_grad=True)]
    for _ in range(40):
        tensors.append(torch.stack(tensors).sum(0))
    assert drawn(tensors[-1]).count("stack dim 0  StackBackward0") == 40


def test_a_huge_picture_is_saved_with_fewer_dots(x, tmp_path, monkeypatch):
    monkeypatch.setattr(picture, "MOST_PIXELS", 1e6)
    y = sum(x.sin() for _ in range(20))
    plot_graph(y).save(tmp_path / "sum.png")
    header = (tmp_path / "sum.png").read_bytes()[16:24]
    width, height = int.from_bytes(header[:4]), int.from_bytes(header[4:])
    assert 0.9e6 < width * height < 1.1e6
