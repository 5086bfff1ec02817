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

_ARITHMETIC = {"Add": "+", "Sub": "−", "Mul": "×", "Div": "÷", "Pow": "^"}
_SIGNS = _ARITHMETIC | {
    "Bmm": "@",
    "Dot": "·",
    "LinalgVectorNorm": "‖ ‖",
    "Mm": "@",
    "Mv": "@",
    "Neg": "−",
    "Rsub": "constant −",
    "Sqrt": "√",
    "Sum": "Σ",
}

# Where autograd keeps an operand for the backward pass: PyTorch's name for it, for each operand
# in order, and None where it is not kept. From derivatives.yaml in PyTorch's source.
_KEPT_AS: dict[str, tuple[str | None, ...]] = {
    "Addmm": (None, "mat1", "mat2"),
    "Bmm": ("self", "mat2"),
    "Convolution": ("input", "weight", None),
    "Div": ("self", "other"),
    "Dot": ("self", "tensor"),
    "Mm": ("self", "mat2"),
    "MseLoss": ("self", "target"),
    "Mul": ("self", "other"),
    "Mv": ("self", "vec"),
    "Pow": ("self", "exponent"),
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
    places = [recorder.place_of_tensor(output, "output") for output in outputs]
    recorder.read_operations()
    return _fold(Graph(tuple(recorder.nodes), tuple(dict.fromkeys(places))))


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
            name = type(function).__name__
            short = re.sub(r"Backward\d+$", "", name)
            label = _SIGNS.get(short, _in_small_letters(short))
            if short.endswith("Backward"):  # no number: a function written in Python
                label = short.removesuffix("Backward")
            if short == "Pow" and len(function.next_functions) == 1:
                label = _power_of_a_number(function)
            inputs = []
            for operand, (source, output_number) in enumerate(function.next_functions):
                if source is not None:
                    inputs.append(self._place_of_source(source, output_number))
                    continue
                constant = _kept(function, short, operand)
                if constant is not None and not self._stands_in_the_label(constant):
                    inputs.append(self._place_of_constant(constant))
                elif short in _ARITHMETIC:
                    words = "constant" if constant is None else f"{constant.item():g}"
                    # In 7 / x the number comes first; in 7 x it may come last as well.
                    first = operand == 0 and short in ("Sub", "Div", "Pow")
                    label = f"{words} {label}" if first else f"{label} {words}"
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

    def _stands_in_the_label(self, constant: Tensor) -> bool:
        """Whether a constant is a plain number, such as the 2 in ``2 * x``."""
        named = _key(constant) in self.named_tensors
        return constant.ndim == 0 and not named and self._cut_from(constant) is None

    def _place_of_constant(self, constant: Tensor) -> int:
        place = self.place_of_tensor(constant, "constant")
        origin = self._cut_from(constant)
        if origin is not None:
            self._set(place, cut_from=self.place_of_tensor(origin, "intermediate"))
        return place

    def _cut_from(self, constant: Tensor) -> Tensor | None:
        for _, tensor in self.named_tensors.values():
            if tensor.requires_grad and _is_part_of(constant, tensor):
                return tensor
        return None

    def _append(self, node: Node) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1

    def _set(self, place: int, **changes: Any) -> None:
        self.nodes[place] = replace(self.nodes[place], **changes)


def _key(tensor: Tensor) -> Any:
    """What tells one recorded tensor from another; a tensor nobody computed is told by itself."""
    return id(tensor) if tensor.grad_fn is None else (tensor.grad_fn, tensor.output_nr)


def _values(tensor: Tensor) -> str:
    plain = tensor.layout == torch.strided and not tensor.is_meta
    if not plain or tensor.ndim > 1 or tensor.numel() > FEW_NUMBERS:
        return f"shape {list(tensor.shape)}"
    printed = str(tensor.detach().cpu())
    printed = re.sub(r"^tensor\(|(, dtype=[\w.]+)?\)$", "", printed)
    return re.sub(r"\s*\n\s*", " ", printed)


def _kept(function: Any, short: str, operand: int) -> Tensor | None:
    """The value of an operand that needs no gradient, where autograd kept it."""
    operands = _KEPT_AS.get(short, ())
    attribute = operands[operand] if operand < len(operands) else None
    # Where the user has hooks on saved tensors, reading one would run their code.
    raw = getattr(function, f"_raw_saved_{attribute}", None)
    if raw is None or raw.unpack_hook is not None:
        return None
    try:
        kept: Tensor | None = getattr(function, f"_saved_{attribute}")
    except RuntimeError:  # backward() has freed it
        return None
    return kept


def _power_of_a_number(function: Any) -> str:
    """The label of a power whose base or exponent was a Python number, kept as such."""
    if type(function).__name__ == "PowBackward0":
        return f"^ {function._saved_exponent:g}"
    return f"{function._saved_self:g} ^"


def _is_part_of(part: Tensor, whole: Tensor) -> bool:
    """Whether a tensor begins where another one does in memory, and is no larger."""
    if part.layout != torch.strided or whole.layout != torch.strided:
        return False
    # An address of 0 stands for no memory at all.
    return part.numel() <= whole.numel() and part.data_ptr() == whole.data_ptr() != 0


def _in_small_letters(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()


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
            ran = (earlier.kind, earlier.label, earlier.detail)
            again = ran == (node.kind, node.label, node.detail)
            if not again or len(earlier.inputs) != 1 or uses[source] > 1:
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
