"""Every tensor goes by the best name that the caller has for it."""

import re
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from autodiff_helpers import plot_graph
from autodiff_helpers.graphs.names import named_tensors


def leaf(value):
    return torch.tensor(value, requires_grad=True)


def shown(result, **names):
    """The names in the text of a graph."""
    return re.findall(r"([^\s│├└─].*?): (?:\[|shape|-?\d)", str(plot_graph(result, **names)))


def test_a_parameter_keeps_its_dotted_name_after_a_loop_and_when_frozen():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    for name, param in net.named_parameters():
        assert name
        assert param.requires_grad
    bias = net[1].bias
    assert {"net.1.bias", "net.0.weight"} <= set(shown(net(torch.ones(1, 2)).sum()))
    net[1].requires_grad_(False)
    assert "net.1.weight, transposed" in shown(net(torch.ones(1, 2)).sum())
    assert "net.1.bias" in shown((bias * leaf(2.0)).sum())


def test_a_helper_shows_the_names_of_who_calls_it():
    x = leaf(3.0)
    loss = x * x

    def draw(result, *_, **__):
        scale = torch.tensor(2.0)
        return re.findall(r"(\w+): ", str(plot_graph(result * scale, result)))

    assert draw(loss, 1) == ["output", "loss", "x", "scale"]
    assert shown_by_a_wrapper(loss)[0] == "loss"
    assert shown_by_a_wrapper(x + 1)[0] == "result"


def shown_by_a_wrapper(result):
    return re.findall(r"(\w+): ", str(plot_graph(result)))


def test_of_two_names_the_one_in_the_call_counts():
    a = leaf(3.0)
    first = second = a * 2
    assert str(plot_graph(second)).startswith("second: ")
    assert str(plot_graph(first)).startswith("first: ")
    assert str(plot_graph(*[second])).startswith("first: ")


def test_no_source_is_no_harm():
    program = "x = torch.tensor(1.0, requires_grad=True)\ny = z = x * 2\ntext = str(plot_graph(z))"
    scope = {"torch": torch, "plot_graph": plot_graph}
    exec(program, scope)
    assert scope["text"].startswith("y: 2.")


class Model:
    def __init__(self):
        self.w, self.layers, self._hidden = leaf(2.0), [leaf(3.0)], leaf(4.0)

    def result(self):
        return self.w * self.layers[0]


def test_what_is_in_lists_dicts_and_objects_has_a_name():
    params = {"w": leaf(2.0), 3: leaf(3.0), "deep": {"b": (leaf(4.0),)}, ("odd",): leaf(5.0)}
    total = params["w"] * params[3] * params["deep"]["b"][0] * params[("odd",)]
    assert shown(total) == [
        "total",
        'params["w"]',
        "params[3]",
        'params["deep"]["b"][0]',
        "leaf",
    ]
    model, space = Model(), SimpleNamespace(u=leaf(1.0))
    assert shown(model.result() * space.u) == ["result", "model.w", "model.layers[0]", "space.u"]
    assert "leaf" in shown(model._hidden * 2)


def test_a_method_shows_what_its_object_holds():
    class Drawing(Model):
        def draw(self):
            return re.findall(r"([\w.\[\]]+): ", str(plot_graph(self.result())))

    assert Drawing().draw() == ["output", "self.w", "self.layers[0]"]


def test_a_list_that_holds_itself_and_a_long_one_are_no_harm():
    endless = [leaf(1.0)]
    endless.append(endless)
    long = list(range(100_000))
    assert shown(endless[0] * len(long)) == ["result", "endless[0]"]


def test_a_broken_bystander_breaks_nothing():
    class Liar:
        @property
        def __class__(self):
            raise RuntimeError("ask somebody else")

        def __getattr__(self, name):
            raise RuntimeError(name)

    class BrokenModule(nn.Module):
        def named_parameters(self, *_, **__):
            raise RuntimeError("no parameters")

    class BrokenDict(dict):
        def items(self):
            raise RuntimeError("no items")

    class Bare:
        __slots__ = ()

    bystanders = [Liar(), BrokenModule(), BrokenDict(a=1), Bare(), int]
    x = leaf(3.0)
    liar, module, mapping, bare, kind = bystanders
    assert shown(x * 2) == ["result", "x"]
    assert (type(liar), kind) == (Liar, int)
    assert module is not mapping is not bare


def test_a_lazy_module_has_no_names_yet():
    lazy = nn.LazyLinear(2)
    assert named_tensors([], {"lazy": lazy}, None) == {}


@pytest.mark.parametrize("name", ["In", "Out", "_1"])
def test_what_ipython_calls_its_results_is_no_name(name):
    program = f"{name} = [torch.ones(1, requires_grad=True)]\ntext = str(plot_graph({name}[0]))"
    scope = {"torch": torch, "plot_graph": plot_graph}
    exec(program, scope)
    assert scope["text"] == "leaf: [1.]"


def test_a_file_that_was_changed_since_is_no_harm(tmp_path):
    path = tmp_path / "lesson.py"
    path.write_text("\n\nx = torch.ones(1, requires_grad=True)\ntext = str(plot_graph(x * 2))")
    scope = {"torch": torch, "plot_graph": plot_graph}
    code = compile(path.read_text(), path, "exec")
    path.write_text("\n\n((\n" + "(" * 80)
    exec(code, scope)
    assert "x: [1.]" in scope["text"]
