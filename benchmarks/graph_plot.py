"""What plot_graph costs, and what it shows, against torchviz, torchview and torchlens.

The first table times the way to a finished SVG, in turn, in one process: from a tensor for
plot_graph and torchviz, from a module and its input for torchview and torchlens, which draw a
forward pass that they run themselves. The second table looks for what a reader wants to see in
the text of each SVG. The peers are no part of this project's environment:
`pip install torchviz torchview torchlens setuptools` and the system's Graphviz bring them in, and
without them their cells say what is missing. Timings are noisy; the ratios count.
"""

import html
import re
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from tabulate import tabulate
from torch import Tensor, nn

from autodiff_helpers import plot_graph

SECONDS_A_ROW = 3.0
LEAST_ROUNDS = 5


@dataclass(frozen=True)
class Example:
    """One computation: for the peers that draw modules as a module, for the others as it ran."""

    module: nn.Module
    x: Tensor
    output: Tensor
    names: Mapping[str, Tensor]


def with_plot_graph(example: Example) -> str:
    return plot_graph(example.output, **example.names).svg


def with_torchviz(example: Example) -> str:
    import torchviz

    dot = torchviz.make_dot(example.output, params=dict(example.names))
    return dot.pipe(format="svg").decode()


def with_torchview(example: Example) -> str:
    import torchview

    # Unless it is asked to, it does not show what happens inside a module.
    graph = torchview.draw_graph(example.module, input_data=example.x, hide_module_functions=False)
    return graph.visual_graph.pipe("svg").decode()


def with_torchlens(example: Example) -> str:
    import torchlens

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "graph")
        trace = torchlens.trace(example.module, example.x)
        trace.draw(vis_outpath=str(path), vis_fileformat="svg", vis_save_only=True)
        return path.with_suffix(".svg").read_text(encoding="utf-8")


TOOLS: dict[str, Callable[[Example], str]] = {
    "plot_graph": with_plot_graph,
    "torchviz": with_torchviz,
    "torchview": with_torchview,
    "torchlens": with_torchlens,
}


def draw(tool: str, example: Example) -> tuple[str, str]:
    """The SVG, or an empty one and what stands in the way."""
    try:
        return TOOLS[tool](example), ""
    except ImportError as error:
        return "", "not installed" if error.name == tool else f"needs {error.name}"
    except Exception as error:
        name = type(error).__name__
        # The one of the package graphviz, and torchlens's own.
        no_dot = name in ("ExecutableNotFound", "GraphvizUnavailableError")
        return "", "needs dot" if no_dot else name


class Chain(nn.Module):
    """As many operations as asked for, one after the other and no two alike in a row."""

    def __init__(self, operations: int) -> None:
        super().__init__()
        self.operations = operations
        factors = [nn.Parameter(torch.tensor([0.5, 2.0])) for _ in range(operations // 5)]
        self.factors = nn.ParameterList(factors)

    def forward(self, x: Tensor) -> Tensor:
        for factor in self.factors:
            x = torch.exp(-(factor * torch.sin(torch.tanh(x))))
        return x


def chain(operations: int) -> Example:
    return of_module(Chain(operations), torch.tensor([1.0, 2.0], requires_grad=True))


def network() -> Example:
    layers = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 1))
    return of_module(layers, torch.ones(5, 4))


def of_module(module: nn.Module, x: Tensor) -> Example:
    return Example(module, x, module(x), {"x": x, **dict(module.named_parameters())})


def times(example: Example) -> list[str]:
    """The median time of each tool in ms and in units of ours, or what stands in its way."""
    obstacles = {tool: draw(tool, example)[1] for tool in TOOLS}
    taken: dict[str, list[float]] = {tool: [] for tool in TOOLS if not obstacles[tool]}
    began = time.perf_counter()
    rounds = 0
    while time.perf_counter() - began < SECONDS_A_ROW or rounds < LEAST_ROUNDS:
        for tool, seconds in taken.items():
            start = time.perf_counter()
            TOOLS[tool](example)
            seconds.append(time.perf_counter() - start)
        rounds += 1
    medians = {tool: 1e3 * statistics.median(seconds) for tool, seconds in taken.items()}
    ours = medians["plot_graph"]
    cells = {tool: f"{median:,.1f} ({median / ours:.2f})" for tool, median in medians.items()}
    return [f"{ours:,.1f}", *[(obstacles | cells)[tool] for tool in TOOLS if tool != "plot_graph"]]


class DotProduct(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        y = 2 * torch.dot(x, x)
        self.names = {"x": x, "y": y}
        return y


class SumOfSquares(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        y = x * x
        self.names = {"x": x, "y": y}
        return y.sum()


class Detached(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        y = x * x
        u = y.detach()
        z = u * x
        self.names = {"x": x, "y": y, "u": u, "z": z}
        return z


class DoubleUntilLarge(nn.Module):
    def forward(self, a: Tensor) -> Tensor:
        b = a * 2
        while b.norm() < 1000:
            b = b * 2
        c = b
        self.names = {"a": a, "c": c}
        return c


# Not the 2 of torchview's "2 x (4,)", which is two inputs, nor of torchlens's "mul_1_1:2".
CONSTANT_2 = r"(?<![\w.:])2(?![\w.]| x )"
# 1.25 is doubled 10 times until it is 1280.
DOUBLINGS = {"constant 2": CONSTANT_2, "10 times": r"(?<![\w.])10(?![\w.])"}
VECTOR = torch.arange(4.0, requires_grad=True)
CHAPTERS: dict[str, tuple[nn.Module, Tensor, dict[str, str]]] = {
    "2.5.1": (DotProduct(), VECTOR, {"constant 2": CONSTANT_2}),
    "2.5.2": (SumOfSquares(), VECTOR, {}),
    "2.5.3": (Detached(), VECTOR, {"detach": "detach|✂"}),
    "2.5.4": (DoubleUntilLarge(), torch.tensor(1.25, requires_grad=True), DOUBLINGS),
}


def name_pattern(name: str) -> str:
    """Matches a line that is the name, or that is torchlens's name for an argument."""
    return rf"(?m)^(@input\.)?{name}$"


def values_pattern(tensor: Tensor) -> str:
    """Matches the numbers, however many zeros they end in."""
    numbers = [re.escape(f"{number:g}") + r"\.?0*" for number in tensor.flatten().tolist()]
    return r"(?<![\w.])" + r",\s*".join(numbers) + r"(?![\w.])"


def shown_text(svg: str) -> str:
    """What a reader sees; not the title and description, which are for those who cannot."""
    return html.unescape("\n".join(re.findall(r"<text[^>]*>([^<]*)</text>", svg)))


def findings() -> list[list[str]]:
    """For each chapter and each thing to see, how much of it is in each tool's picture."""
    rows = []
    for chapter, (module, x, others) in CHAPTERS.items():
        output = module(x)
        names = dict(module.names)
        example = Example(module, x, output, names)
        drawn = [draw(tool, example) for tool in TOOLS]
        wanted = {
            "names " + ", ".join(names): [name_pattern(name) for name in names],
            "their values": [values_pattern(tensor) for tensor in names.values()],
        } | {what: [pattern] for what, pattern in others.items()}
        for what, patterns in wanted.items():
            rows.append([chapter, what])
            for svg, obstacle in drawn:
                text = shown_text(svg)
                found = sum(re.search(pattern, text) is not None for pattern in patterns)
                rows[-1].append(obstacle or f"{found} of {len(patterns)}")
    return rows


if __name__ == "__main__":
    warnings.filterwarnings("ignore")  # of the peers, and ours of a large picture
    examples = {f"chain of {size:,}": chain(size) for size in (10, 100, 1000)}
    examples["network of 3 layers"] = network()
    rows = [[name, *times(example)] for name, example in examples.items()]
    print("Time to an SVG, median in ms (in brackets: as a multiple of plot_graph's)")
    right = ["left", *["right"] * len(TOOLS)]
    print(tabulate(rows, ["graph", *TOOLS], colalign=right, disable_numparse=True))
    print("\nWhat is in the text of the SVG")
    print(tabulate(findings(), ["chapter", "to see", *TOOLS], disable_numparse=True))
