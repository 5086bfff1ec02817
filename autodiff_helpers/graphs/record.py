"""Read what autograd recorded for some tensors: names, operations, constants, cuts, gradients."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import torch
from torch import Tensor

from autodiff_helpers.graphs.flow import BackwardFlow, flow_back
from autodiff_helpers.graphs.graph import Graph, Kind, Node, printable
from autodiff_helpers.recorded import functions_of, is_leaf

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

# Operations on one tensor and a Python number: the label, and where autograd keeps the number.
_WITH_A_NUMBER = {
    "DivBackward1": ("÷ {:g}", "_saved_other"),
    "MulBackward1": ("× {:g}", "_saved_other"),
    "PowBackward0": ("^ {:g}", "_saved_exponent"),
    "PowBackward2": ("{:g} ^", "_saved_self"),
}


def record_graph(
    outputs: Sequence[Tensor],
    names: Mapping[str, Tensor],
    *,
    gradients: bool = False,
    unfold: bool = False,
) -> Graph:
    """Read the computational graph that autograd recorded for some tensors.

    Nothing is changed, and nothing is computed unless gradients are asked for: the graph is read
    from each ``grad_fn`` back to the leaves. Runs of one operation, each feeding the next, become
    one node.

    A constant can be shown where autograd kept it for the backward pass, as it does for the
    factors of a product but not for the terms of a sum. It counts as cut off from a named tensor
    when both begin at the same place in memory, as after ``detach()`` or ``.data``. A graph that
    ``backward()`` has freed can still be read, but the constants, and so the cuts, are gone.

    Args:
        outputs: tensors that autograd recorded, of any shape and dtype.
        names: the tensors to be called by a name; where two names fit, the first one counts.
        gradients: whether to find the gradient that arrives at each node, as ``backward()`` on
            the sum of all elements of the outputs would.
        unfold: whether runs of one operation stay a node for each.

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
    freed = any(map(_is_freed, functions_of(outputs)))
    if freed and gradients:
        raise ValueError(
            "backward() has freed this graph, so its gradients cannot be found again; draw it "
            "before you call backward(), or call backward(retain_graph=True)."
        )
    flow = flow_back(outputs) if gradients else None
    recorder = _Recorder(names, flow)
    places = [recorder.place_of_tensor(output, "output") for output in outputs]
    recorder.read_operations()
    order = () if flow is None else recorder.places_of(flow.arriving)
    graph = Graph(tuple(recorder.nodes), tuple(dict.fromkeys(places)), freed, order)
    return graph if unfold else _fold(graph)


class _Recorder:
    """Walks from the outputs to the leaves with a list of its own, so that depth is no limit."""

    def __init__(self, names: Mapping[str, Tensor], flow: BackwardFlow | None) -> None:
        self.flow = flow
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
            gradient = self._gradient(tensor)
            self._places[key] = self._append(Node(kind, label, _values(tensor), gradient=gradient))
            if tensor.grad_fn is not None:
                self._set(self._places[key], inputs=(self._place_of_operation(tensor.grad_fn),))
        return self._places[key]

    def places_of(self, functions: Iterable[Any]) -> tuple[int, ...]:
        return tuple(self._places[function] for function in functions)

    def read_operations(self) -> None:
        while self._unread:
            function = self._unread.pop()
            name = printable(type(function).__name__)
            short = re.sub(r"Backward\d+$", "", name)
            label = _SIGNS.get(short, _in_small_letters(short))
            if short.endswith("Backward"):  # no number: a function written in Python
                label = short.removesuffix("Backward")
            if name in _WITH_A_NUMBER:
                template, attribute = _WITH_A_NUMBER[name]
                label = template.format(getattr(function, attribute))
            inputs, passed = [], []
            sent = self.flow.passed.get(function, ()) if self.flow else ()
            for operand, (source, output_number) in enumerate(function.next_functions):
                if source is not None:
                    inputs.append(self._place_of_source(source, output_number))
                    given = sent[operand] if operand < len(sent) else None
                    passed.append("" if given is None else _values(given))
                    continue
                constant = _kept(function, short, operand)
                if constant is not None and not self._stands_in_the_label(constant):
                    inputs.append(self._place_of_constant(constant))
                    passed.append("")
                elif short in _ARITHMETIC:
                    words = "constant"
                    if constant is not None and _has_numbers(constant):
                        words = f"{constant.item():g}"
                    # In 7 / x the number comes first; in 7 x it may come last as well.
                    first = operand == 0 and short in ("Sub", "Div", "Pow")
                    label = f"{words} {label}" if first else f"{label} {words}"
            self._set(
                self._places[function],
                label=label,
                detail=name,
                inputs=tuple(inputs),
                passed=tuple(passed),
                gradient=self._gradients_of_all(function),
            )

    def _gradient(self, tensor: Tensor) -> str:
        if self.flow is None:
            return ""
        if tensor.grad_fn is None:
            found = self.flow.leaves.get(id(tensor))
        else:
            arriving = self.flow.arriving.get(tensor.grad_fn, ())
            found = arriving[tensor.output_nr] if arriving else None
        return "" if found is None else _values(found)

    def _gradients_of_all(self, function: Any) -> str:
        """The gradients that arrive at an operation, for each of its results."""
        arriving = self.flow.arriving.get(function, ()) if self.flow else ()
        return ", ".join(_values(each) for each in arriving if each is not None)

    def _place_of_operation(self, function: Any) -> int:
        if function not in self._places:
            self._places[function] = self._append(Node("operation", "", ""))
            self._unread.append(function)
        return self._places[function]

    def _place_of_source(self, function: Any, output_number: int) -> int:
        if is_leaf(function):
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
    """The numbers where these are few, or else the shape; and the dtype where it is unusual."""
    usual = torch.get_default_dtype(), torch.int64, torch.bool
    dtype = "" if tensor.dtype in usual else f" {str(tensor.dtype).removeprefix('torch.')}"
    if tensor.is_nested:
        return f"nested, {tensor.size(0)} parts{dtype}"
    if tensor.ndim <= 1 and tensor.numel() <= FEW_NUMBERS and _has_numbers(tensor):
        printed = str(tensor.detach().as_subclass(Tensor).cpu())
        if printed.startswith("tensor("):  # not something else that stands for a tensor
            printed = re.sub(r"^tensor\(|(, dtype=[\w.]+)?\)$", "", printed)
            return re.sub(r"(?<=\[) +", "", re.sub(r"\s+", " ", printed)) + dtype
    return f"shape {list(tensor.shape)}{dtype}"


def _has_numbers(tensor: Tensor) -> bool:
    """Whether there are numbers in memory that can be printed."""
    if tensor.layout != torch.strided or tensor.is_meta or tensor.is_nested:
        return False
    if type(tensor).__torch_dispatch__ is not Tensor.__torch_dispatch__:
        return False  # it says itself what it does, and need not hold any number
    return _is_wrapped(tensor) or not tensor.numel() or tensor.untyped_storage().nbytes() > 0


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


def _is_freed(function: Any) -> bool:
    """Whether ``backward()`` has freed what this operation had kept."""
    kind: Any = type(function)
    for raw_name, name in _names_of_kept(kind):
        raw = getattr(function, raw_name)
        kept = raw if isinstance(raw, tuple | list) else [raw]
        # Where the user has hooks on saved tensors, reading one would run their code.
        if any(getattr(each, "unpack_hook", None) is not None for each in kept):
            continue
        try:
            getattr(function, name)
        except RuntimeError as error:
            return "already been freed" in str(error)
    return False


@cache
def _names_of_kept(kind: Any) -> list[tuple[str, str]]:
    """How a kind of operation calls the tensors it keeps: as they are, and as they are given out.

    A function written in Python gives them out as ``saved_tensors``.
    """
    raw = [name for name in dir(kind) if name.startswith("_raw_saved_")]
    given = [name.removeprefix("_raw") for name in raw]
    return [
        (one, "saved_tensors" if one == "_raw_saved_tensors" else other)
        for one, other in zip(raw, given, strict=True)
    ]


def _is_part_of(part: Tensor, whole: Tensor) -> bool:
    """Whether a tensor begins where another one does in memory, and is no larger."""
    if not all(_has_numbers(each) and not _is_wrapped(each) for each in (part, whole)):
        return False
    # An address of 0 stands for no memory at all.
    return part.numel() <= whole.numel() and part.data_ptr() == whole.data_ptr() != 0


def _is_wrapped(tensor: Tensor) -> bool:
    """Whether a tensor is one inside ``torch.func``, which hides where its numbers are."""
    return torch._C._functorch.is_functorch_wrapped_tensor(tensor)


def _in_small_letters(name: str) -> str:
    return re.sub(r"(?<=\w)(?=[A-Z][a-z])", " ", name).lower()


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
            node = replace(
                node,
                inputs=earlier.inputs,
                passed=earlier.passed,
                times=node.times + earlier.times,
            )
            folded.add(source)
        nodes[place] = node
    if not folded:
        return graph
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
        freed=graph.freed,
        order=tuple(moved[place] for place in graph.order if place in moved),
    )
