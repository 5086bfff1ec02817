"""Names come from the user: whatever they hold, a page that shows them runs none of it."""

import pytest
import torch
from IPython.core.formatters import DisplayFormatter
from torch import nn

from autodiff_helpers import check_gradient, plot_graph, step_backward

ATTACKS = [
    "<script>attacked = true</script>",
    "<img src=x onerror=attacked=true>",
    '"><svg onload=attacked=true>',
    "'><iframe src=javascript:parent.attacked=true>",
    "</title></desc></svg><script>attacked = true</script>",
    "</script><script>attacked = true</script>",
    "</style><script>attacked = true</script>",
    "]]><script>attacked = true</script>",
    "&lt;script&gt;attacked = true&lt;/script&gt;",
]


@pytest.fixture(scope="module")
def page(browser):
    page = browser.new_page()
    yield page
    page.close()


@pytest.fixture
def x():
    return torch.tensor([1.0, 2.0], requires_grad=True)


def was_attacked(page, html):
    page.goto("about:blank")  # so that nothing is left of an attack before this one
    page.set_content(f"<!DOCTYPE html><body>{html}</body>")
    return page.evaluate("typeof attacked") != "undefined"


def read_safely(page, thing):
    """Show something as a page does; return what can be read there, if no attack came through."""
    data, _ = DisplayFormatter().format(thing)
    html = data.get("text/html") or data["image/svg+xml"]
    assert not was_attacked(page, html)
    return page.evaluate("document.body.textContent")


@pytest.mark.parametrize("attack", ATTACKS[:2])
def test_an_attack_would_be_noticed(page, attack):
    assert was_attacked(page, attack)


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_tensor_cannot_run_anything_by_its_name(page, x, attack):
    z = (x * x).sum()
    assert attack in read_safely(page, plot_graph(z, **{attack: x}))
    assert attack in read_safely(page, step_backward(z, **{attack: x}))


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_parameter_cannot_run_anything_by_its_name(page, x, attack):
    name = attack.replace(".", "")
    module = nn.Module()
    module.register_parameter(name, nn.Parameter(torch.tensor(2.0)))
    # Wrong, so that the check names the parameter in its sentence as well.
    module.forward = lambda x: next(module.parameters()).detach() * next(module.parameters()) + x
    assert name in read_safely(page, plot_graph(module.forward(x), module=module))
    assert name in read_safely(page, check_gradient(module, x))


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_function_cannot_run_anything_by_its_name(page, x, attack):
    def square(x):
        return x * x

    square.__name__ = attack
    result = check_gradient(square, x)
    assert "The gradient is right" in read_safely(page, result)
    assert "The gradient is right" in read_safely(page, result.plot())


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_operation_cannot_run_anything_by_its_name(page, x, attack):
    double = type(
        attack,
        (torch.autograd.Function,),
        {
            "forward": staticmethod(lambda context, x: 2 * x),
            "backward": staticmethod(lambda context, gradient: 2 * gradient),
        },
    )
    z = double.apply(x).sum()
    assert attack in read_safely(page, plot_graph(z))
    assert attack in read_safely(page, step_backward(z))
