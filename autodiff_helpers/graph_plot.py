"""The picture of a computational graph: what autograd recorded, with the names of the caller."""

import inspect
import warnings
from collections.abc import Iterator
from types import FrameType
from typing import Any

from matplotlib.axes import Axes
from torch import Tensor, nn

from autodiff_helpers.graph_drawing import draw
from autodiff_helpers.picture import Picture
from autodiff_helpers.record import record_graph

# More nodes than this are too many to look at.
MANY_NODES = 500


class GraphPlot(Picture):
    """The computational graph of some tensors, as a picture and as a text tree.

    A notebook shows the picture; ``print`` and ``str`` give the tree.

    Example:
        >>> import torch
        >>> x = torch.tensor(3.0, requires_grad=True)
        >>> plot = plot_graph(x * x)
        >>> plot.title
        'Computational graph of the output from x: 1 operation.'
    """


def plot_graph(
    *outputs: Tensor,
    gradients: bool = False,
    unfold: bool = False,
    left_to_right: bool = False,
    axes: Axes | None = None,
    **names: Tensor | nn.Module,
) -> GraphPlot:
    """Draw the computational graph that autograd recorded for some tensors.

    A leaf is a blue box, a named tensor in between a white one, a constant a dashed grey one,
    an output a green one; an operation is an ellipse with its mathematical sign and PyTorch's
    name for it. A red dashed line with scissors leads from a tensor to its detached copy, where
    autograd kept that copy for the backward pass: so draw before you call ``backward()``. Nothing
    is changed: no ``.grad``, no graph, no hook.

    Args:
        outputs: the tensors whose graph to draw, of any shape and dtype.
        gradients: whether to show, in orange, the gradient that arrives at each place when
            ``backward()`` is called on the outputs, or on their sum if they have more elements
            than one; and where a tensor is used several times, what it receives along each arrow.
        unfold: whether to draw an operation that ran many times in a row as often as it ran,
            and not as one with a count.
        left_to_right: whether to put the leaves at the left instead of at the top.
        axes: where to draw; without it, in a figure of its own.
        names: names for tensors, as in ``plot_graph(z, x=weight)``; the parameters of a module
            that is given here are called ``name.weight`` and so on. Other tensors, and the
            parameters of other modules, go by the names of the variables where ``plot_graph`` is
            called.

    Returns:
        The picture.

    Raises:
        TypeError: if there is no output, or one is not a tensor.
        ValueError: if autograd recorded nothing for an output, a name cannot be printed, or
            gradients are asked for after ``backward()`` has freed the graph.

    Example:
        >>> import torch
        >>> x = torch.arange(4.0, requires_grad=True)
        >>> y = 2 * torch.dot(x, x)
        >>> print(plot_graph(y, gradients=True))
        y: 28.  (output)  gradient 1.
        └─ × 2  MulBackward0
           └─ ·  DotBackward0  gradient 2.
              ├─ x: [0., 1., 2., 3.]  (leaf)  receives [0., 2., 4., 6.]  gradient [0., 4., 8., 12.]
              └─ x, as above  receives [0., 2., 4., 6.]
    """
    _demand_recorded(outputs)
    _demand_names(names)
    if axes is not None and not isinstance(axes, Axes):
        raise TypeError(
            f"plot_graph got axes={axes!r}, a {type(axes).__name__}; expected matplotlib's Axes, "
            "such as figure, axes = plt.subplots()."
        )
    caller = inspect.currentframe()
    named = dict(_tensors(names))
    for name, tensor in _tensors_in_scope(caller.f_back if caller is not None else None):
        named.setdefault(name, tensor)
    graph = record_graph(outputs, named, gradients=gradients, unfold=unfold)
    if len(graph.nodes) > MANY_NODES:
        warnings.warn(
            f"plot_graph draws {len(graph.nodes):,} nodes; for a smaller picture give it a tensor "
            "from earlier in the computation, or a smaller model, and leave unfold out.",
            stacklevel=2,
        )
    figure = draw(graph, axes, left_to_right)
    return GraphPlot(figure, text=str(graph), title=graph.summary())


def _demand_recorded(outputs: tuple[Any, ...]) -> None:
    if not outputs:
        raise TypeError("plot_graph got no tensor; give it the result to explain: plot_graph(y).")
    for output in outputs:
        if not isinstance(output, Tensor):
            raise TypeError(
                f"plot_graph got a {type(output).__name__}; expected a tensor computed from one "
                "with requires_grad=True. Pass the tensor itself, not .item(), float() or "
                ".numpy() of it."
            )
        if not output.requires_grad:
            raise ValueError(
                "plot_graph got a tensor for which autograd recorded nothing (its requires_grad "
                "is False); compute it from a tensor with requires_grad=True, outside "
                "torch.no_grad() and without detach()."
            )


def _demand_names(names: dict[str, Any]) -> None:
    for name, value in names.items():
        if not name or not name.isprintable():
            raise ValueError(
                f"plot_graph got the name {name!r}; expected one that can be printed on a line."
            )
        if not isinstance(value, Tensor | nn.Module):
            raise TypeError(
                f"plot_graph got {name}={value!r}, a {type(value).__name__}; a keyword gives a "
                f"tensor its name, as in plot_graph(y, {name}=x)."
            )


def _tensors(scope: dict[str, Any]) -> Iterator[tuple[str, Tensor]]:
    """The tensors in some variables, then the parameters and buffers of the modules in them."""
    for name, value in scope.items():
        if isinstance(value, Tensor) and _can_be_read(value):
            yield name, value
    for name, value in scope.items():
        if isinstance(value, nn.Module):
            for tensors in (value.named_parameters(), value.named_buffers()):
                yield from ((f"{name}.{path}", tensor) for path, tensor in tensors)


def _tensors_in_scope(caller: FrameType | None) -> Iterator[tuple[str, Tensor]]:
    """The tensors that the caller can name, its own before the global ones."""
    for scope in () if caller is None else (caller.f_locals, caller.f_globals):
        # Not the names that IPython (_12) and pytest (@py_assert1) give to results.
        usable = (name for name in scope if name.isidentifier() and not name.startswith("_"))
        yield from _tensors({name: scope[name] for name in usable})


def _can_be_read(tensor: Tensor) -> bool:
    """Whether autograd still knows where it came from; a view changed in place may not."""
    try:
        return tensor.grad_fn is None or tensor.requires_grad
    except RuntimeError:
        return False
