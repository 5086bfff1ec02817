"""Helpers for learning automatic differentiation: check a gradient, see a graph, see a derivative.

All of them are loaded when first used, so that ``import autodiff_helpers`` costs next to nothing on
top of ``import torch``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autodiff_helpers.curves import plot_derivative, plot_step_sizes
    from autodiff_helpers.descent import plot_descent
    from autodiff_helpers.gradients.check import GradientCheck, assert_gradient, check_gradient
    from autodiff_helpers.graphs.plot import GraphPlot, plot_graph
    from autodiff_helpers.graphs.steps import BackwardSteps, step_backward
    from autodiff_helpers.words import set_language

__all__ = [
    "BackwardSteps",
    "GradientCheck",
    "GraphPlot",
    "assert_gradient",
    "check_gradient",
    "plot_derivative",
    "plot_descent",
    "plot_graph",
    "plot_step_sizes",
    "set_language",
    "step_backward",
]


_FILES = {
    "BackwardSteps": "graphs.steps",
    "GradientCheck": "gradients.check",
    "GraphPlot": "graphs.plot",
    "assert_gradient": "gradients.check",
    "check_gradient": "gradients.check",
    "plot_derivative": "curves",
    "plot_descent": "descent",
    "plot_graph": "graphs.plot",
    "plot_step_sizes": "curves",
    "set_language": "words",
    "step_backward": "graphs.steps",
}


def __getattr__(name: str) -> Any:
    if name not in _FILES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"autodiff_helpers.{_FILES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
