"""Helpers for learning automatic differentiation: check a gradient, see a graph, see a derivative.

The drawing functions are loaded when first used, so that ``import autodiff_helpers`` costs
next to nothing on top of ``import torch``.
"""

from typing import TYPE_CHECKING, Any

from autodiff_helpers.gradient_check import GradientCheck, check_gradient

if TYPE_CHECKING:
    from autodiff_helpers.backward_steps import BackwardSteps, step_backward
    from autodiff_helpers.curves import plot_derivative, plot_step_sizes
    from autodiff_helpers.graph_plot import GraphPlot, plot_graph

__all__ = [
    "BackwardSteps",
    "GradientCheck",
    "GraphPlot",
    "check_gradient",
    "plot_derivative",
    "plot_graph",
    "plot_step_sizes",
    "step_backward",
]


def __getattr__(name: str) -> Any:
    if name in ("GraphPlot", "plot_graph"):
        from autodiff_helpers import graph_plot

        return getattr(graph_plot, name)
    if name in ("BackwardSteps", "step_backward"):
        from autodiff_helpers import backward_steps

        return getattr(backward_steps, name)
    if name in ("plot_derivative", "plot_step_sizes"):
        from autodiff_helpers import curves

        return getattr(curves, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
