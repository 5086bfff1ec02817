"""plot_graph: what the text tree says, what the picture shows, and that nothing is changed."""

import gc
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import matplotlib as mpl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from autodiff_helpers import plot_graph
from autodiff_helpers.graphs.flow import BackwardFlow
from autodiff_helpers.graphs.record import record_graph


def words_in(svg):
    """The text that the picture shows, without its title, description and metadata."""
    names = "{http://www.w3.org/2000/svg}text"
    return [element.text for element in ElementTree.fromstring(svg).iter(names)]


def tree(plot):
    return str(plot).split("\n")


# What the tree says


def test_names_are_those_of_the_callers_variables(x):
    square = x * x
    assert tree(plot_graph(square.sum())) == [
        "output: 14.",
        "└─ Σ  SumBackward0",
        "   └─ square: [0., 1., 4., 9.]",
        "      └─ ×  MulBackward0",
        "         ├─ x: [0., 1., 2., 3.]  (leaf)",
        "         └─ x, as above",
    ]


GLOBAL_WEIGHT = torch.tensor(2.0, requires_grad=True)


def test_global_variables_count_and_local_ones_come_first():
    assert "   └─ GLOBAL_WEIGHT: 2.  (leaf)" in tree(plot_graph(GLOBAL_WEIGHT * 3))
    weight = GLOBAL_WEIGHT
    assert "   └─ weight: 2.  (leaf)" in tree(plot_graph(weight * 3))


def test_keywords_come_before_variables(x):
    weight = torch.ones(4, requires_grad=True)
    text = str(plot_graph(x * weight, x=weight, data=x))
    assert "data: [0., 1., 2., 3.]  (leaf)" in text
    assert "x: [1., 1., 1., 1.]  (leaf)" in text


def test_a_tensor_without_a_name_is_called_what_it_is():
    y = torch.ones(2, requires_grad=True) * torch.tensor([1.0, 2.0])
    assert tree(plot_graph(y))[2:] == ["   ├─ leaf: [1., 1.]", "   └─ constant: [1., 2.]"]


def test_names_that_only_ipython_uses_are_left_out(x):
    _12 = x
    del x
    assert "leaf: [0., 1., 2., 3.]" in str(plot_graph(_12.sum()))


def test_a_number_stands_with_its_operation(x):
    lines = str(plot_graph(((x * 2 / 4 - 1) ** 3).sum()))
    for words in ("× 2  Mul", "÷ 4  Div", "− constant  Sub", "^ 3  Pow", "Σ  Sum"):
        assert words in lines


def test_the_order_of_the_operands_is_kept(x):
    x = x + 1
    data = torch.ones(4)
    for tensor, label in [
        (torch.tensor(7.0) / x, "7 ÷  DivBackward0"),
        (torch.tensor(2.0) ** x, "2 ^  PowBackward1"),
        (2**x, "2 ^  PowBackward2"),
        (x ** torch.tensor(2.0), "^ 2  PowBackward1"),
        (torch.ops.aten.mul.Scalar(x, 3), "× 3  MulBackward1"),
        (torch.ops.aten.div.Scalar(x, 3), "÷ 3  DivBackward1"),
        (data - x, "constant −  SubBackward0"),
        (1 - x, "constant −  RsubBackward1"),
    ]:
        assert tree(plot_graph(tensor))[1] == f"└─ {label}"
    assert tree(plot_graph(data.dot(x)))[2] == "   ├─ data: [1., 1., 1., 1.]  (constant)"


def test_only_operands_are_shown_as_constants(x):
    mask = torch.tensor([True, False, True, False])
    assert "mask" not in str(plot_graph(torch.where(mask, x, torch.zeros(4))))
    assert "constant" not in str(plot_graph(torch.nn.functional.layer_norm(x, (4,))))
    weight = torch.ones(2, 4)
    assert "weight: shape [2, 4]" in str(plot_graph(weight @ x))
    target = torch.ones(4)
    assert "target: [1., 1., 1., 1.]" in str(plot_graph(torch.nn.functional.mse_loss(x, target)))


def test_a_function_written_in_python_goes_by_its_name(x):
    class Pow(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.name = "mine"
            return x * x

        @staticmethod
        def backward(ctx, gradient):
            return gradient

    assert tree(plot_graph(Pow.apply(x)))[1] == "└─ Pow  PowBackward"


def test_reading_a_graph_runs_nothing_of_the_users(x):
    ran = []

    def unpack(tensor):
        ran.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: tensor, unpack):
        y = x * torch.ones(4)
    assert "× constant" in str(plot_graph(y))
    assert ran == []


def test_a_broken_tensor_elsewhere_does_no_harm(x):
    both = torch.ones(2, 2, requires_grad=True) * 1
    broken, _ = both.unbind(0)
    both.add_(1)
    with pytest.raises(RuntimeError):
        print(broken.grad_fn)
    assert tree(plot_graph(x))[0].startswith("x: ")


def test_a_named_scalar_is_a_constant_of_its_own(x):
    scale = torch.tensor(2.0)
    assert "scale: 2.  (constant)" in str(plot_graph(x * scale))


def test_many_numbers_are_shown_by_their_shape():
    long = torch.zeros(7, requires_grad=True)
    matrix = torch.zeros(1, 2, requires_grad=True)
    assert "long: shape [7], norm 0  (leaf)" in str(plot_graph(long + 1))
    assert "matrix: shape [1, 2], norm 0  (leaf)" in str(plot_graph(matrix + 1))


def test_wide_numbers_stay_on_one_line():
    wide = torch.tensor([-1e8, 1e-5, 1.0, 2.0, 3.0, -4e20], requires_grad=True)
    assert len(tree(plot_graph(wide))) == 1


def test_an_unusual_dtype_is_shown():
    half = torch.tensor([0.5, 1.5], dtype=torch.float64, requires_grad=True)
    assert "half: [0.5000, 1.5000] float64  (leaf)" in str(plot_graph(half * half))
    wide = torch.zeros(2, 4, dtype=torch.float16, requires_grad=True)
    assert "wide: shape [2, 4] float16, norm 0  (leaf)" in str(plot_graph(wide + 1))


def test_the_cut_is_shown_with_where_it_came_from(x):
    y = x * x
    u = y.detach()
    z = u * x
    plot = plot_graph(z)
    assert "│  └✂ cut from y: [0., 1., 4., 9.]" in str(plot)
    assert "✂ detach" in words_in(plot.svg)
    assert plot.title == "Computational graph of z from x: 2 operations; u is cut off from y."


def test_a_scalar_is_cut_off_as_well():
    s = torch.tensor(3.0, requires_grad=True)
    y = s * s
    assert "cut from y: 9." in str(plot_graph(y.detach() * s))


def test_data_is_a_cut_as_well_and_an_equal_constant_is_not(x):
    assert "cut from x" in str(plot_graph(x.data * x))
    assert "cut from x" in str(plot_graph(x.detach()[:2] * x[:2]))
    assert "cut" not in str(plot_graph(torch.arange(4.0) * x))
    plain = torch.ones(4)
    copy = plain.detach()
    assert "cut" not in str(plot_graph(copy * x))
    row = plain[:2].requires_grad_()
    assert "cut" not in str(plot_graph(plain.reshape(2, 2) @ row))
    far = torch.ones(4, device="meta", requires_grad=True)
    assert "cut" not in str(plot_graph(torch.ones(4, device="meta") * far))
    empty = torch.zeros(0, requires_grad=True)
    assert "cut" not in str(plot_graph(torch.zeros(0) * empty))


def test_a_run_of_one_operation_is_one_node_with_a_count():
    a = torch.tensor(1.0, requires_grad=True)
    b = a
    for _ in range(5):
        b = b * 2
    c = b * 3
    assert tree(plot_graph(c)) == [
        "c: 96.  (output)",
        "└─ × 3  MulBackward0",
        "   └─ b: 32.",
        "      └─ × 2, 5 times  MulBackward0",
        "         └─ a: 1.  (leaf)",
    ]


def test_a_run_is_not_folded_across_a_name_or_a_second_use():
    a = torch.tensor(1.0, requires_grad=True)
    named = a * 2
    assert "times" not in str(plot_graph(named * 2))

    def used_twice(value):
        return value.exp() + value.sin()

    assert "times" not in str(plot_graph(used_twice(a.exp())))


def test_a_run_is_not_folded_where_something_joins_it():
    a = torch.tensor(1.0, requires_grad=True)
    b = torch.tensor(2.0, requires_grad=True)
    lines = tree(plot_graph(torch.stack([torch.stack([a, b])])))
    assert [line.strip("│├└─ ") for line in lines[1:3]] == ["stack dim 0  StackBackward0"] * 2


def test_several_outputs_share_one_graph(x):
    y = x * x
    z = y.sum()
    assert tree(plot_graph(z, y))[-1] == "y, as above"
    assert tree(plot_graph(z, z)) == tree(plot_graph(z))
    assert plot_graph(z, y).title == "Computational graph of z and y from x: 2 operations."


def test_an_output_without_a_name_is_one_node_where_another_output_uses_it(x):
    def square_and_sum():
        square = x * x
        return square.sum(), square

    assert tree(plot_graph(*square_and_sum())) == [
        "output 1: 14.",
        "└─ Σ  SumBackward0",
        "   └─ output 2: [0., 1., 4., 9.]",
        "      └─ ×  MulBackward0",
        "         ├─ x: [0., 1., 2., 3.]  (leaf)",
        "         └─ x, as above",
        "output 2, as above",
    ]


def test_a_leaf_alone_is_a_graph(x):
    assert tree(plot_graph(x)) == ["x: [0., 1., 2., 3.]  (leaf)"]


def test_a_freed_graph_still_draws(x):
    y = (x * x * 2).sum()
    y.backward()
    assert "× constant  MulBackward0" in str(plot_graph(y))
    assert tree(plot_graph(y))[-1].startswith("backward() has freed this graph")
    assert "freed" in plot_graph(y).title
    with pytest.raises(ValueError, match="has freed this graph, so its gradients"):
        plot_graph(y, gradients=True)
    powers = (x ** (x + 1)).sum()
    assert "^  PowBackward1" in str(plot_graph(powers))
    powers.backward()
    assert "^  PowBackward1" in str(plot_graph(powers))


def test_ten_thousand_operations_in_a_chain_are_no_problem():
    a = torch.tensor(1.0, requires_grad=True)
    b = a
    for _ in range(10_000):
        b = b + 1
    assert "+ constant, 10000 times" in str(plot_graph(b))


def test_parameters_go_by_their_dotted_names():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1))
    data = torch.ones(2, 3)
    text = str(plot_graph(model(data).mean()))
    assert "data: shape [2, 3], norm 2.45  (constant)" in text
    for name in ("0.weight", "0.bias", "2.weight", "2.bias"):
        assert f"model.{name}: " in text
    assert "net.0.weight: " in str(plot_graph(model(data).mean(), net=model))
    bias = model[2].bias
    assert f"model.2.bias: [{bias.item():.4f}]  (leaf)" in str(plot_graph(model(data).mean()))


def test_a_deep_tree_goes_on_from_the_margin(x):
    y = x
    for _ in range(500):
        y = y.sin().exp() + x
    lines = tree(record_graph([y], {"x": x}))
    assert max(map(len, lines)) < 200
    assert len(lines) < 2.2 * 1500
    ends = [line for line in lines if "see [" in line]
    starts = [line for line in lines if re.match(r"\[\d+\] ", line)]
    assert len(ends) == len(starts) > 10


def test_what_is_used_twice_so_deep_goes_on_once():
    y = torch.ones(1, requires_grad=True)
    for _ in range(40):
        y = y * y
    lines = tree(plot_graph(y))
    ends = [line.strip("│├└─ ") for line in lines if "see [" in line]
    starts = [line for line in lines if re.match(r"\[\d+\] ", line)]
    assert ends == ["× #30, see [1]", "× #30, see [1]"]
    assert starts == ["[1] × #30  MulBackward0"]


def test_two_changes_in_place_need_not_be_the_same(x):
    y = x.clone()
    y[0], y[1:] = 5, 6
    assert str(plot_graph(y)).count("change in place  CopySlices") == 2


def test_a_run_can_be_unfolded():
    a = torch.tensor(1.0, requires_grad=True)
    b = a
    for _ in range(5):
        b = b * 2
    assert str(plot_graph(b, unfold=True)).count("× 2  MulBackward0") == 5
    assert len(plot_graph(b, unfold=True).figure.texts) > 5 * 2


def test_the_caller_of_a_huge_picture_is_told_its_size():
    b = torch.tensor(1.0, requires_grad=True)
    for _ in range(600):
        b = b * 2
    with pytest.warns(UserWarning, match="draws 602 nodes; for a smaller picture"):
        plot_graph(b, unfold=True)


# Gradients


def test_gradients_are_those_that_backward_gives(x):
    y = x * x
    u = y.detach()
    z = (u * x + y).sum()
    assert tree(plot_graph(z, gradients=True)) == [
        "z: 50.  (output)  gradient 1.",
        "└─ Σ  SumBackward0",
        "   └─ +  AddBackward0  gradient [1., 1., 1., 1.]",
        "      ├─ ×  MulBackward0  gradient [1., 1., 1., 1.]",
        "      │  ├─ u: [0., 1., 4., 9.]  (constant)",
        "      │  │  └✂ cut from y: [0., 1., 4., 9.]  gradient [1., 1., 1., 1.]",
        "      │  │     └─ ×  MulBackward0",
        "      │  │        ├─ x: [0., 1., 2., 3.]  (leaf)  receives [0., 1., 2., 3.]"
        "  gradient [0., 3., 8., 15.]",
        "      │  │        └─ x, as above  receives [0., 1., 2., 3.]",
        "      │  └─ x, as above  receives [0., 1., 4., 9.]",
        "      └─ y, as above",
    ]
    z.backward()
    assert x.grad.tolist() == [0, 3, 8, 15]


def test_what_an_arrow_carries_is_written_beside_it(x):
    plot = plot_graph((x * x).sum(), gradients=True)
    shown = words_in(plot.svg)
    assert shown.count("[0., 1., 2., 3.]") == 3  # the value of x, and twice what it receives
    assert "gradient [0., 2., 4., 6.]" in shown
    assert not any("gradient" in word for word in words_in(plot_graph((x * x).sum()).svg))


def test_several_elements_count_as_their_sum(x):
    y = x * 3
    assert tree(plot_graph(y, gradients=True))[0].endswith("gradient [1., 1., 1., 1.]")
    both = str(plot_graph(y, y.sum(), gradients=True))
    assert "(output)  gradient [2., 2., 2., 2.]" in both
    assert "x: [0., 1., 2., 3.]  (leaf)  gradient [6., 6., 6., 6.]" in both
    assert str(plot_graph(x, gradients=True)).endswith("gradient [1., 1., 1., 1.]")


def test_a_folded_run_shows_what_arrives_and_passes_on_what_leaves():
    a = torch.tensor(1.0, requires_grad=True)
    d = a * 2 * 2 * 2 * 100
    lines = tree(plot_graph(d, gradients=True))
    assert lines[2] == "   └─ × 2, 3 times  MulBackward0  gradient 100."
    assert lines[3] == "      └─ a: 1.  (leaf)  gradient 800."


def test_every_output_of_an_operation_has_its_gradient(x):
    first, second = torch.stack([x, 2 * x]).unbind()
    lines = tree(plot_graph(first.sum() + 3 * second.sum(), gradients=True))
    assert any("first" in line and "gradient [1., 1., 1., 1.]" in line for line in lines)
    assert any("second" in line and "gradient [3., 3., 3., 3.]" in line for line in lines)


def test_gradients_leave_everything_as_it_was(x):
    y = torch.nn.functional.dropout(x * x)
    z = y.sum()
    state = torch.get_rng_state()
    ran = []
    y.register_hook(lambda gradient: ran.append(1) or 2 * gradient)
    before = [len(dir(z.grad_fn)), z.grad_fn._saved_self_sym_sizes]
    text = str(plot_graph(z, gradients=True))
    assert "y: " in text
    assert "gradient [2., 2., 2., 2.]" in text  # a hook of the user's counts
    assert x.grad is None
    assert not y.retains_grad
    assert torch.equal(torch.get_rng_state(), state)
    assert [len(dir(z.grad_fn)), z.grad_fn._saved_self_sym_sizes] == before
    with torch.no_grad():
        assert str(plot_graph(z, gradients=True)) == text
    ran.clear()
    z.backward()
    assert ran == [1]


def test_gradients_leave_no_hook_and_no_random_state_behind(x):
    y = x * x
    y.register_hook(lambda gradient: gradient * torch.rand(()))
    z = y.sum()
    state = torch.get_rng_state()
    plot_graph(z, gradients=True)
    assert torch.equal(torch.get_rng_state(), state)
    # A hook that stayed would keep the gradients that it noted.
    gc.collect()
    assert not [each for each in gc.get_objects() if type(each) is BackwardFlow]


# The picture


def test_the_picture_shows_every_word_of_the_tree(x):
    y = x * x
    u = y.detach()
    z = (u * x * 2).sum()
    plot = plot_graph(z)
    shown = words_in(plot.svg)
    for line in str(plot).split("\n"):
        words = re.split(r"  |: ", re.sub(r"^[ │├└─✂]*(cut from )?", "", line))
        for word in words:
            if word != "" and "as above" not in word:
                assert word.strip("()") in shown, line


def test_the_svg_and_matplotlibs_figure_show_the_same(x, tmp_path):
    y = x * x
    u = y.detach()
    plot = plot_graph((u * x + y).sum(), gradients=True)
    assert words_in(plot.svg) == [text.get_text() for text in plot.figure.texts]
    drawn = [artist.get_gid() for artist in plot.figure.artists + plot.figure.texts]
    identifiers = re.findall(r' id="(.+?)"', plot.svg)
    assert sorted(identifiers) == sorted(filter(None, drawn))
    width, height = (float(size) for size in re.findall(r'="([\d.]+)pt"', plot.svg))
    assert plot.figure.get_figwidth() * 72 == pytest.approx(width, abs=0.01)
    assert plot.figure.get_figheight() * 72 == pytest.approx(height, abs=0.01)
    for words in ElementTree.fromstring(plot.svg).iter("{http://www.w3.org/2000/svg}text"):
        places = [
            text.get_position()
            for text in plot.figure.texts
            if text.get_text() == words.text and text.get_gid() == words.get("id")
        ]
        assert any(x == pytest.approx(float(words.get("x")), abs=0.01) for x, _ in places)
    for name in ("a.svg", "a.png", "a.pdf"):
        plot.save(tmp_path / name)
    assert (tmp_path / "a.svg").read_text("utf-8") == plot.svg


def test_an_edge_is_drawn_for_every_use(x):
    plot = plot_graph(x * x)
    arrows = [patch for patch in plot.figure.artists if "Arrow" in type(patch).__name__]
    assert len(arrows) == 3


def test_no_boxes_overlap_and_nothing_leaves_the_picture(x):
    y = x * x
    u = y.detach()
    figure = plot_graph((u * x).sum()).figure
    figure.draw_without_rendering()
    assert not figure.axes
    patches = [patch for patch in figure.artists if "Arrow" not in type(patch).__name__]
    boxes = [patch.get_window_extent() for patch in patches]
    assert len(boxes) == 7
    texts = [text.get_window_extent() for text in figure.texts]
    for box in boxes + texts:
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1
    for extents in (boxes, texts):
        for number, extent in enumerate(extents):
            assert not any(extent.overlaps(other) for other in extents[number + 1 :])


def test_a_picture_goes_to_the_right_on_request(x):
    def middle(plot, label):
        (text,) = (text for text in plot.figure.texts if text.get_text() == label)
        return text.get_position()

    y = x.sum()
    across, down = plot_graph(y, left_to_right=True), plot_graph(y)
    assert middle(across, "x")[0] < middle(across, "Σ")[0] < middle(across, "y")[0]
    assert middle(down, "x")[1] > middle(down, "Σ")[1] > middle(down, "y")[1]
    assert str(across) == str(down)


def test_a_picture_can_stand_beside_others(x):
    figure = Figure(figsize=(6, 3))
    left, right = figure.subplots(1, 2)
    for axes in (left, right):
        plot = plot_graph((x * x).sum(), gradients=True, axes=axes)
        assert plot.figure is figure
        assert len(axes.texts) > 10
        # A notebook shows all of the figure, and not this picture alone.
        figure.suptitle("Both of them")
        assert "Both of them" in words_in(plot.svg)
        figure.draw_without_rendering()
        for artist in [*axes.texts, *axes.patches]:
            extent = artist.get_window_extent()
            assert axes.bbox.x0 <= extent.x0 < extent.x1 <= axes.bbox.x1
            assert axes.bbox.y0 <= extent.y0 < extent.y1 <= axes.bbox.y1


def test_the_fonts_and_colors_are_matplotlibs_settings(x):
    usual = plot_graph(x * x).figure
    with mpl.rc_context({"font.size": 20, "figure.facecolor": "#123456", "text.color": "red"}):
        plot = plot_graph(x * x)
    assert plot.figure.get_figwidth() > 1.5 * usual.get_figwidth()
    assert plot.figure.get_facecolor()[:3] == mpl.colors.to_rgb("#123456")
    arrows = [patch for patch in plot.figure.artists if "Arrow" in type(patch).__name__]
    assert {arrow.get_edgecolor() for arrow in arrows} == {(1.0, 0.0, 0.0, 1.0)}


def test_what_stands_beside_arrows_can_be_read_on_a_dark_ground(x):
    y = x * x
    u = y.detach()
    z = (u * x + y).sum()
    with mpl.rc_context({"figure.facecolor": "black", "text.color": "white"}):
        figure = plot_graph(z, gradients=True).figure
    beside = [text for text in figure.texts if (text.get_gid() or "").startswith("label")]
    assert {text.get_text() for text in beside} >= {"✂ detach", "[0., 1., 2., 3.]"}
    for text in beside:
        assert sum(mpl.colors.to_rgb(text.get_color())) > 1.8


def test_a_leaf_is_repeated_beside_its_uses_where_there_are_many_nodes(x):
    y = x
    for _ in range(60):
        y = y.sin() * x
    plot = plot_graph(y)
    assert words_in(plot.svg).count("x") == 61
    assert words_in(plot.svg).count("as above") == 60


def test_names_from_the_user_are_escaped():
    x = torch.tensor(1.0, requires_grad=True)
    svg = plot_graph(x * x, **{'<script>&"': x}).svg
    assert "<script>" not in svg
    assert '<script>&"' in words_in(svg)
    dollars = plot_graph(x * x, **{"$x$": x}).svg
    assert "$x$" in words_in(dollars)


def test_a_name_that_breaks_lines_is_mended_where_it_is_not_the_users_choice(x):
    class Odd(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, gradient):
            return gradient

    Odd.__name__ = Odd.__qualname__ = "O\nd\x01d"
    broken = type("O\nd\x01d", (Odd,), {})
    plot = plot_graph(broken.apply(x))
    assert tree(plot)[1] == "└─ O?d?d  O?d?dBackward"
    ElementTree.fromstring(plot.svg)


def test_a_chinese_name_fits_into_its_box():
    x = torch.tensor(1.0, requires_grad=True)
    plot = plot_graph(x, 計算圖的張量名稱=x)
    (box,) = plot.figure.artists
    assert box.get_width() > 8 * 11  # eight characters of eleven points
    assert "計算圖的張量名稱" in words_in(plot.svg)


def test_the_svg_says_in_words_what_it_shows(x):
    plot = plot_graph(x * x)
    svg = ElementTree.fromstring(plot.svg)
    title, description = list(svg)[:2]
    assert svg.get("role") == "img"
    assert title.tag.endswith("title")
    assert title.text == plot.title
    assert description.tag.endswith("desc")
    assert description.text == str(plot)
    _, metadata = plot._repr_mimebundle_()
    assert metadata == {"image/svg+xml": {"alt": plot.title}}


PROGRAM = """
import sys
import torch
from autodiff_helpers import plot_graph
x = torch.arange(4.0, requires_grad=True)
y = x * x
u = y.detach()
z = (u * x).sum()
graph = plot_graph(z, y, gradients=True)
print(graph, graph.svg)
loaded = {f"matplotlib.{name}" for name in ("figure", "axes", "patches")} & set(sys.modules)
assert not loaded, loaded
from autodiff_helpers import plot_derivative
picture = plot_derivative(torch.sin, -3, 3)
print(picture, picture.svg)
"""


def test_another_process_draws_the_same_bytes_and_loads_only_what_an_svg_needs():
    def start(seed):
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"}
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM], env=environment, stdout=subprocess.PIPE
        )

    processes = [start("1"), start("2")]
    (one, _), (other, _) = (process.communicate() for process in processes)
    assert [process.returncode for process in processes] == [0, 0]
    assert one == other


OPERATIONS = [
    lambda a, b: a + b,
    lambda a, b: a * b,
    lambda a, b: a - 2 * b,
    lambda a, b: torch.tanh(a),
    lambda a, b: a.detach() * b,
    lambda a, b: a / 3,
    lambda a, b: torch.stack([a, b]).unbind()[1],
]


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(OPERATIONS), st.integers(0, 50), st.integers(0, 50)), max_size=25
    )
)
@settings(max_examples=40)
def test_any_graph_draws_the_same_every_time(steps):
    tensors = [torch.ones(2, requires_grad=True), torch.tensor([1.0, 2.0], requires_grad=True)]
    for operation, first, second in steps:
        tensors.append(operation(tensors[first % len(tensors)], tensors[second % len(tensors)]))
    output = tensors[-1]
    one, other = plot_graph(output), plot_graph(output)
    assert str(one) == str(other)
    assert one.svg == other.svg
    nodes = [line for line in str(one).split("\n") if not line.endswith("as above")]
    assert len([patch for patch in one.figure.artists if "Arrow" not in repr(patch)]) == len(nodes)


# Nothing is changed


def test_nothing_is_changed(x):
    y = x * x
    z = y.sum()
    generator = torch.get_rng_state()
    plot_graph(z)
    assert x.grad is None
    assert torch.equal(torch.get_rng_state(), generator)
    z.backward()
    assert x.grad.tolist() == [0, 2, 4, 6]


# Bad input


@pytest.mark.parametrize(
    ("output", "error", "message"),
    [
        (3.0, TypeError, "got a float; expected a tensor"),
        (
            [torch.ones(1)],
            TypeError,
            r"got a list; expected a tensor: put a star before it, plot_graph\(\*outputs\)",
        ),
        (None, TypeError, "got a NoneType"),
        (torch.ones(1), ValueError, "autograd recorded nothing"),
        (torch.arange(3), ValueError, "autograd recorded nothing"),
    ],
)
def test_bad_input_gets_one_clear_sentence(output, error, message):
    with pytest.raises(error, match=message) as raised:
        plot_graph(output)
    assert "\n" not in str(raised.value)


def test_an_empty_call_and_a_bad_name_get_one_clear_sentence(x):
    with pytest.raises(TypeError, match="got no tensor"):
        plot_graph()
    with pytest.raises(ValueError, match="got the name 'two\\\\nlines'"):
        plot_graph(x * x, **{"two\nlines": x})
    with pytest.raises(TypeError, match="got direction='LR', a str; a keyword gives a tensor"):
        plot_graph(x * x, direction="LR")
    with pytest.raises(TypeError, match="a Figure; expected matplotlib's Axes, such as figure, ax"):
        plot_graph(x * x, axes=Figure())


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ({"y": torch.ones(1)}, r"got a dict; .* plot_graph\(\*outputs.values\(\)\), or one"),
        ((torch.ones(1),), r"got a tuple; .* plot_graph\(outputs\[0\]\)"),
        ("y", "got a str; expected a tensor computed from"),
        (torch.nn.Linear(2, 1), r"a Linear, a model that was not called; .*\(model\(x\)\)"),
        (torch.ones(2).sum, r"that was not called; .* as in plot_graph\(y.sum\(\)\)"),
    ],
)
def test_what_is_no_tensor_yet_is_told_how_to_become_one(output, message):
    with pytest.raises(TypeError, match=message):
        plot_graph(output)


def test_a_change_in_place_is_named_before_gradients_are_looked_for():
    w = torch.ones(2, requires_grad=True)
    loss = (w * w).sum()
    with torch.no_grad():
        w -= 0.1
    assert "MulBackward0" in str(plot_graph(loss))
    with pytest.raises(ValueError, match=r"changed in place since, as by w -= 0.1 .* compute"):
        plot_graph(loss, gradients=True)


def test_a_picture_of_nothing_is_refused():
    with pytest.raises(TypeError, match="got no tensor"):
        plot_graph()
