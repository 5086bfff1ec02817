"""The picture of a computational graph: what autograd recorded."""

import inspect
import warnings
from typing import TYPE_CHECKING

from torch import Tensor, nn

from autodiff_helpers.graphs.graph import Graph
from autodiff_helpers.graphs.record import graph_of
from autodiff_helpers.graphs.sheet import arrange
from autodiff_helpers.graphs.svg import write_svg
from autodiff_helpers.picture import Picture
from autodiff_helpers.words import say

# A picture is shown as SVG, for which most of matplotlib need not be loaded.
if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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

    def __init__(
        self, graph: Graph, left_to_right: bool = False, axes: "Axes | None" = None
    ) -> None:
        self.text, self.title = str(graph), graph.summary()
        self._sheet = arrange(graph, left_to_right)
        self._axes = axes
        if axes is not None:
            self._draw()

    @property
    def figure(self) -> "Figure":
        """The matplotlib figure, the caller's if it was drawn in axes; made when asked for."""
        if not hasattr(self, "_figure"):
            self._draw()
        return self._figure

    def _draw(self) -> None:
        from autodiff_helpers.graphs.figure import draw

        self._figure = draw(self._sheet, self._axes)

    @property
    def svg(self) -> str:
        """The picture as SVG, the same on every run, with its words in it."""
        if self._axes is not None:
            return super().svg
        return write_svg(self._sheet, self.title, self.text)


def plot_graph(
    *outputs: Tensor,
    gradients: bool = False,
    tangents: Tensor | None = None,
    unfold: bool = False,
    left_to_right: bool = False,
    axes: "Axes | None" = None,
    **names: Tensor | nn.Module,
) -> GraphPlot:
    """Draw the computational graph that autograd recorded for some tensors.

    A leaf is a blue box, a named tensor in between a white one, a constant a dashed grey one,
    an output a green one; an operation is an ellipse with its mathematical sign and PyTorch's
    name for it. A red dashed line with scissors leads from a tensor to its detached copy, or to a
    part of it. They see as far as autograd keeps that copy for the backward pass: the factors of a
    product, but not the terms of a sum as in ``h + h.detach()``, nothing after ``backward()``, and
    no copy with a memory of its own, as of ``detach().clone()``. A tensor that only shares its
    memory with a leaf, as ``data`` with ``nn.Parameter(data)``, is called so and has no scissors.
    Nothing is changed: no ``.grad``, no graph, no hook. To find gradients, your own hooks and
    checkpoints run as ``backward()`` would run them. To find tangents, no hook runs.

    Args:
        outputs: the tensors whose graph to draw, of any shape and dtype.
        gradients: whether to show, in purple, the gradient that arrives at each place when
            ``backward()`` is called on the outputs, or on their sum if they have more elements
            than one; and where a tensor is used several times, what it receives along each arrow.
        tangents: a leaf; in teal is shown how fast the numbers at each place grow where each
            element of this leaf grows at speed 1, and the other leaves stay as they are. This is
            what forward mode computes: the Jacobian times a vector of ones. Here it is found from
            what was recorded for the way back, one operation after the other.
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
            gradients or tangents are asked for after ``backward()`` has freed the graph, or
            tangents for what is no leaf of the graph, or through an operation that cannot be
            differentiated twice.

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
        >>> w = torch.tensor(3.0, requires_grad=True)
        >>> print(plot_graph(w * w * w, tangents=w))
        output: 27.  tangent 27.
        └─ ×  MulBackward0
           ├─ ×  MulBackward0  tangent 6.
           │  ├─ w: 3.  (leaf)  tangent 1.
           │  └─ w, as above
           └─ w, as above
    """
    _demand_axes(axes)
    frame = inspect.currentframe()
    graph = graph_of(outputs, names, frame, gradients=gradients, tangents=tangents, unfold=unfold)
    _warn_of_many_nodes(len(graph.nodes))
    return GraphPlot(graph, left_to_right, axes)


def _demand_axes(axes: object) -> None:
    if axes is None:
        return
    from matplotlib.axes import Axes

    if not isinstance(axes, Axes):
        raise TypeError(
            say(
                "plot_graph got axes={axes!r}, a {type}; expected matplotlib's Axes, such as "
                "figure, axes = plt.subplots().",
                axes=axes,
                type=type(axes).__name__,
            )
        )


def _warn_of_many_nodes(count: int) -> None:
    if count > MANY_NODES:
        warnings.warn(
            say(
                "plot_graph draws {count:,} nodes; for a smaller picture give it a tensor from "
                "earlier in the computation, or a smaller model, and leave unfold out.",
                count=count,
            ),
            stacklevel=3,
        )
