"""What autograd recorded, as plain data: nodes with names and values. Knows no drawing."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

Kind = Literal["leaf", "constant", "operation", "intermediate", "output"]

# A tensor with more numbers than this is described by its shape.
FEW_NUMBERS = 6

_ARITHMETIC = {"Add": "+", "Sub": "−", "Mul": "×", "Div": "÷"}
_SIGNS = _ARITHMETIC | {
    "Bmm": "@",
    "Dot": "·",
    "LinalgVectorNorm": "‖ ‖",
    "Mm": "@",
    "Mv": "@",
    "Neg": "−",
    "Sqrt": "√",
    "Sum": "Σ",
}


@dataclass(frozen=True)
class Node:
    """One tensor, or one operation, of a computational graph."""

    kind: Kind
    label: str
    """The tensor's name, or the operation's mathematical sign."""
    detail: str
    """The tensor's values or shape, or PyTorch's name for the operation."""
    inputs: tuple[int, ...] = ()
    """The places in ``Graph.nodes`` of what this node was computed from, in order."""
    cut_from: int | None = None
    """For a detached constant: the place of the tensor that it was detached from."""
    times: int = 1
    """How often the operation ran, one run feeding the next."""

    def __str__(self) -> str:
        if self.kind == "operation":
            return f"{self.sign}  {self.detail}"
        return f"{self.label}: {self.detail}" + ("" if self.role is None else f"  ({self.role})")

    @property
    def sign(self) -> str:
        """The label of an operation with its count: ``× 2, 11 times``."""
        return self.label if self.times == 1 else f"{self.label}, {self.times} times"

    @property
    def role(self) -> str | None:
        """What a tensor is in the graph, where there is more to say than that it has a name."""
        named = self.label != self.kind
        return self.kind if named and self.kind in ("leaf", "constant", "output") else None


@dataclass(frozen=True)
class Graph:
    """The computational graph of some tensors; ``str`` draws it as a text tree.

    The tree starts at the outputs and goes back to the leaves, one line a node. A node that is
    used more than once is written out once; later lines point to it with "as above".
    """

    nodes: tuple[Node, ...]
    outputs: tuple[int, ...]

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        written: set[int] = set()
        stack = [(output, "", "") for output in reversed(self.outputs)]
        while stack:
            place, branch, indent = stack.pop()
            node = self.nodes[place]
            if place in written:
                yield f"{branch}{node.label if node.role else node.sign}, as above"
                continue
            written.add(place)
            yield f"{branch}{node}"
            if node.cut_from is not None:
                stack.append((node.cut_from, f"{indent}└✂ cut from ", f"{indent}   "))
            for number, source in reversed(list(enumerate(node.inputs, start=1))):
                if number == len(node.inputs):
                    stack.append((source, f"{indent}└─ ", f"{indent}   "))
                else:
                    stack.append((source, f"{indent}├─ ", f"{indent}│  "))

    def summary(self) -> str:
        """Say in one sentence what the graph holds, for someone who does not see its picture.

        Returns:
            The sentence.

        Example:
            >>> import torch
            >>> x = torch.tensor(3.0, requires_grad=True)
            >>> record_graph([x * x], {"x": x}).summary()
            'Computational graph of the output from x: 1 operation.'
        """
        outputs = [_in_words(self.nodes[place]) for place in self.outputs]
        operations = sum(node.times for node in self.nodes if node.kind == "operation")
        leaves = [_in_words(node) for node in self.nodes if node.kind == "leaf"]
        cuts = [
            f"{_in_words(node)} is cut off from {_in_words(self.nodes[node.cut_from])}"
            for node in self.nodes
            if node.cut_from is not None
        ]
        sentence = (
            f"Computational graph of {_listed(outputs)} from {_listed(leaves)}: "
            f"{operations} operation{'' if operations == 1 else 's'}"
        )
        return "; ".join([sentence, *cuts]) + "."


def record_graph(outputs: Sequence[Tensor], names: Mapping[str, Tensor]) -> Graph:
    """Read the computational graph that autograd recorded for some tensors.

    Nothing is computed and nothing is changed: the graph is read from each ``grad_fn`` back to
    the leaves. Runs of one operation, each feeding the next, become one node.

    A constant can be shown where autograd kept it for the backward pass, as it does for the
    factors of a product but not for the terms of a sum. It counts as cut off from a named tensor
    when both begin at the same place in memory, as after ``detach()`` or ``.data``. A graph that
    ``backward()`` has freed can still be read, but the constants, and so the cuts, are gone.

    Args:
        outputs: tensors that autograd recorded, of any shape and dtype.
        names: the tensors to be called by a name; where two names fit, the first one counts.

    Returns:
        The graph, with the outputs in the order in which they were given.

    Example:
        >>> import torch
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> y = x * x
        >>> u = y.detach()
        >>> print(record_graph([u * x], {"x": x, "y": y, "u": u}))
        output: [1., 8.]
        └─ ×  MulBackward0
           ├─ u: [1., 4.]  (constant)
           │  └✂ cut from y: [1., 4.]
           │     └─ ×  MulBackward0
           │        ├─ x: [1., 2.]  (leaf)
           │        └─ x, as above
           └─ x, as above
    """
    recorder = _Recorder(names)
    places = tuple(recorder.place_of_tensor(output, "output") for output in outputs)
    recorder.read_operations()
    return _fold(Graph(tuple(recorder.nodes), places))


class _Recorder:
    """Walks from the outputs to the leaves with a list of its own, so that depth is no limit."""

    def __init__(self, names: Mapping[str, Tensor]) -> None:
        self.nodes: list[Node] = []
        self.named_tensors: dict[Any, tuple[str, Tensor]] = {}
        for name, tensor in names.items():
            self.named_tensors.setdefault(_key(tensor), (name, tensor))
        self._places: dict[Any, int] = {}
        self._unread: list[Any] = []

    def place_of_tensor(self, tensor: Tensor, kind: Kind) -> int:
        key = _key(tensor)
        if key not in self._places:
            kind = "leaf" if tensor.is_leaf and tensor.requires_grad else kind
            label = self.named_tensors[key][0] if key in self.named_tensors else kind
            # The place is taken before the operation asks for its own.
            self._places[key] = self._append(Node(kind, label, _values(tensor)))
            if tensor.grad_fn is not None:
                self._set(self._places[key], inputs=(self._place_of_operation(tensor.grad_fn),))
        return self._places[key]

    def read_operations(self) -> None:
        while self._unread:
            function = self._unread.pop()
            name = function.name().rpartition("::")[2]
            short = re.sub(r"Backward\d*$", "", name)
            label = _SIGNS.get(short, re.sub(r"(?<=[a-z])(?=[A-Z])", " ", short).lower())
            if short == "Pow":
                label = _power(function)
            constants = _constants(function)
            inputs = []
            for source, output_number in function.next_functions:
                if source is not None:
                    inputs.append(self._place_of_source(source, output_number))
                    continue
                constant = constants.pop(0) if constants else None
                if constant is None:
                    label += " constant" if short in _ARITHMETIC else ""
                elif constant.ndim == 0 and _key(constant) not in self.named_tensors:
                    label += f" {constant.item():g}"
                else:
                    inputs.append(self._place_of_constant(constant))
            self._set(self._places[function], label=label, detail=name, inputs=tuple(inputs))

    def _place_of_operation(self, function: Any) -> int:
        if function not in self._places:
            self._places[function] = self._append(Node("operation", "", ""))
            self._unread.append(function)
        return self._places[function]

    def _place_of_source(self, function: Any, output_number: int) -> int:
        if type(function).__name__ == "AccumulateGrad":
            return self.place_of_tensor(function.variable, "leaf")
        if (function, output_number) in self.named_tensors:
            _, tensor = self.named_tensors[function, output_number]
            return self.place_of_tensor(tensor, "intermediate")
        if (function, output_number) in self._places:
            return self._places[function, output_number]
        return self._place_of_operation(function)

    def _place_of_constant(self, constant: Tensor) -> int:
        place = self.place_of_tensor(constant, "constant")
        for _, tensor in self.named_tensors.values():
            if tensor.requires_grad and _shares_values(tensor, constant):
                self._set(place, cut_from=self.place_of_tensor(tensor, "intermediate"))
                break
        return place

    def _append(self, node: Node) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1

    def _set(self, place: int, **changes: Any) -> None:
        self.nodes[place] = replace(self.nodes[place], **changes)


def _key(tensor: Tensor) -> Any:
    """What tells one recorded tensor from another; a tensor nobody computed is told by itself."""
    return id(tensor) if tensor.grad_fn is None else (tensor.grad_fn, tensor.output_nr)


def _values(tensor: Tensor) -> str:
    if tensor.numel() > FEW_NUMBERS or tensor.ndim > 1:
        return f"shape {list(tensor.shape)}"
    printed = str(tensor.detach().cpu())
    return re.sub(r"^tensor\(|(, dtype=[\w.]+)?\)$", "", printed)


def _constants(function: Any) -> list[Tensor]:
    """The operands that need no gradient, in order, as far as autograd kept them.

    Autograd keeps an operand in an attribute ``_saved_...`` when the backward pass needs its
    value, beside the result, sizes and options. Only where there are as many candidates as
    operands without a gradient is it certain which one is which.
    """
    missing = sum(source is None for source, _ in function.next_functions)
    kept = []
    for attribute in dir(function):
        if not attribute.startswith("_saved_"):
            continue
        try:
            value = getattr(function, attribute)
        except RuntimeError:  # backward() has freed it
            return []
        if isinstance(value, Tensor) and not value.requires_grad:
            kept.append(value)
    return kept if len(kept) == missing else []


def _power(function: Any) -> str:
    try:
        exponent = function._saved_exponent
    except RuntimeError:  # a tensor, which backward() has freed
        return "^"
    return f"^ {exponent:g}" if isinstance(exponent, int | float) else "^"


def _shares_values(one: Tensor, other: Tensor) -> bool:
    return (
        one.numel() > 0 < other.numel()
        and one.layout == other.layout == torch.strided
        and one.data_ptr() == other.data_ptr()
    )


def _fold(graph: Graph) -> Graph:
    """Make one node of each run of the same operation, where each one only feeds the next."""
    nodes = list(graph.nodes)
    uses: Counter[int] = Counter()
    for node in nodes:
        uses.update(node.inputs)
    folded: set[int] = set()
    for place, node in enumerate(nodes):
        if place in folded or node.kind != "operation":
            continue
        while len(node.inputs) == 1:
            source = node.inputs[0]
            earlier = nodes[source]
            same = (earlier.kind, earlier.label, earlier.detail) == (
                node.kind,
                node.label,
                node.detail,
            )
            if not same or len(earlier.inputs) != 1 or uses[source] > 1:
                break
            node = replace(node, inputs=earlier.inputs, times=node.times + earlier.times)
            folded.add(source)
        nodes[place] = node
    kept = [place for place in range(len(nodes)) if place not in folded]
    moved = {old: new for new, old in enumerate(kept)}
    return Graph(
        nodes=tuple(
            replace(
                nodes[place],
                inputs=tuple(moved[source] for source in nodes[place].inputs),
                cut_from=None if (cut := nodes[place].cut_from) is None else moved[cut],
            )
            for place in kept
        ),
        outputs=tuple(moved[place] for place in graph.outputs),
    )


def _in_words(node: Node) -> str:
    return f"the {node.kind}" if node.label == node.kind else node.label


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
