"""Read what autograd recorded for some tensors: names, operations, constants, cuts, gradients."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from autodiff_helpers.graphs.flow import BackwardFlow, flow_back
from autodiff_helpers.graphs.graph import Graph, Kind, Node
from autodiff_helpers.graphs.kept import is_freed, kept_operand
from autodiff_helpers.graphs.operations import Operation, operation_of
from autodiff_helpers.graphs.values import described, has_numbers, is_part_of
from autodiff_helpers.recorded import functions_of, is_leaf
from autodiff_helpers.words import say


def record_graph(
    outputs: Sequence[Tensor], names: Mapping[str, Tensor], *, gradients: bool = False
) -> Graph:
    """Read the computational graph that autograd recorded for some tensors.

    Nothing is changed, and nothing is computed unless gradients are asked for: the graph is read
    from each ``grad_fn`` back to the leaves.

    A constant can be shown where autograd kept it for the backward pass, as it does for the
    factors of a product but not for the terms of a sum. It counts as cut off from a named tensor
    when both begin at the same place in memory, as after ``detach()`` or ``.data``. A graph that
    ``backward()`` has freed can still be read, but the constants, and so the cuts, are gone.

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
    functions = list(functions_of(outputs))
    leaves = set(filter(is_leaf, functions))
    freed = any(map(is_freed, functions))
    operations = {each: operation_of(each) for each in functions if each not in leaves}
    if freed and gradients:
        raise ValueError(
            say(
                "backward() has freed this graph, so its gradients cannot be found again; draw it "
                "before you call backward(), or call backward(retain_graph=True)."
            )
        )
    flow = flow_back(outputs) if gradients else BackwardFlow({}, {}, {})
    recorder = _Recorder(names, leaves, operations, flow)
    places = [recorder.place_of_tensor(output, "output") for output in outputs]
    recorder.read_operations()
    return Graph(
        tuple(recorder.nodes),
        tuple(dict.fromkeys(places)),
        freed,
        recorder.places_of(flow.arriving),
    )


class _Recorder:
    """Walks from the outputs to the leaves with a list of its own, so that depth is no limit."""

    def __init__(
        self,
        names: Mapping[str, Tensor],
        leaves: set[Any],
        operations: Mapping[Any, Operation],
        flow: BackwardFlow,
    ) -> None:
        self.nodes: list[Node] = []
        self._named: dict[Any, tuple[str, Tensor]] = {}
        # Where two names fit, the first one counts.
        for name, tensor in names.items():
            self._named.setdefault(_key(tensor), (name, tensor))
        # What stands behind a cut is in neither of the two.
        self._leaves = leaves
        self._operations = operations
        self._flow = flow
        self._places: dict[Any, int] = {}
        self._unread: list[Any] = []

    def place_of_tensor(self, tensor: Tensor, kind: Kind) -> int:
        key = _key(tensor)
        if key not in self._places:
            kind = "leaf" if tensor.is_leaf and tensor.requires_grad else kind
            name, _ = self._named.get(key, ("", tensor))
            # One that is called what it is needs no second word.
            name = "" if name == kind else name
            gradient = _described_if_any(self._gradient_of(tensor))
            # The place is taken before the operation asks for its own.
            place = self._append(Node(kind, name, described(tensor), gradient=gradient))
            self._places[key] = place
            if tensor.grad_fn is not None:
                self._set(place, inputs=(self._place_of_operation(tensor.grad_fn),))
        return self._places[key]

    def places_of(self, functions: Iterable[Any]) -> tuple[int, ...]:
        return tuple(self._places[function] for function in functions)

    def read_operations(self) -> None:
        while self._unread:
            self._read(self._unread.pop())

    def _read(self, function: Any) -> None:
        operation = self._operations.get(function) or operation_of(function)
        label = operation.sign
        inputs, passed = [], []
        sent = dict(enumerate(self._flow.passed.get(function, ())))
        for operand, (source, output_number) in enumerate(function.next_functions):
            if source is not None:
                inputs.append(self._place_of_source(source, output_number))
                passed.append(_described_if_any(sent.get(operand)))
                continue
            constant = kept_operand(function, operation.operands, operand)
            if constant is not None and not self._is_plain(constant):
                inputs.append(self._place_of_constant(constant))
                passed.append("")
            elif operation.beside and operation.number is None:
                number = constant.item() if constant is not None and has_numbers(constant) else None
                label = operation.with_number(number, operand)
        arriving = self._flow.arriving.get(function, ())
        self._set(
            self._places[function],
            label=label,
            detail=operation.name,
            inputs=tuple(inputs),
            passed=tuple(passed),
            gradient=", ".join(described(each) for each in arriving if each is not None),
        )

    def _gradient_of(self, tensor: Tensor) -> Tensor | None:
        if tensor.grad_fn is None:
            return self._flow.leaves.get(id(tensor))
        arriving = self._flow.arriving.get(tensor.grad_fn)
        return arriving[tensor.output_nr] if arriving else None

    def _place_of_operation(self, function: Any) -> int:
        if function not in self._places:
            self._places[function] = self._append(Node("operation", "", ""))
            self._unread.append(function)
        return self._places[function]

    def _place_of_source(self, function: Any, output_number: int) -> int:
        if self._is_leaf(function):
            return self.place_of_tensor(function.variable, "leaf")
        if (function, output_number) in self._named:
            _, tensor = self._named[function, output_number]
            return self.place_of_tensor(tensor, "intermediate")
        if (function, output_number) in self._places:
            return self._places[function, output_number]
        return self._place_of_operation(function)

    def _is_leaf(self, function: Any) -> bool:
        return function in self._leaves or (function not in self._operations and is_leaf(function))

    def _is_plain(self, constant: Tensor) -> bool:
        """Whether a constant is a plain number, such as the 2 in ``2 * x``."""
        named = _key(constant) in self._named
        return constant.ndim == 0 and not named and self._cut_from(constant) is None

    def _place_of_constant(self, constant: Tensor) -> int:
        place = self.place_of_tensor(constant, "constant")
        origin = self._cut_from(constant)
        if origin is not None:
            self._set(place, cut_from=self.place_of_tensor(origin, "intermediate"))
        return place

    def _cut_from(self, constant: Tensor) -> Tensor | None:
        for _, tensor in self._named.values():
            if tensor.requires_grad and is_part_of(constant, tensor):
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


def _described_if_any(gradient: Tensor | None) -> str:
    return "" if gradient is None else described(gradient)
