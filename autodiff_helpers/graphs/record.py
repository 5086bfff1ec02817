"""Read what autograd recorded for some tensors: names, operations, constants, cuts, gradients."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import FrameType
from typing import Any

from torch import Tensor

from autodiff_helpers.graphs.demands import demand_names, demand_recorded
from autodiff_helpers.graphs.flow import BackwardFlow, flow_back, place_of
from autodiff_helpers.graphs.fold import folded
from autodiff_helpers.graphs.forwards import flow_forward
from autodiff_helpers.graphs.graph import Graph, Kind, Node, Passed
from autodiff_helpers.graphs.kept import kept, readable, results_of, why_unreadable
from autodiff_helpers.graphs.labels import label_of, with_number
from autodiff_helpers.graphs.memory import Memory, in_one_storage
from autodiff_helpers.graphs.names import named_tensors
from autodiff_helpers.graphs.noise import without_noise
from autodiff_helpers.graphs.numbering import numbered
from autodiff_helpers.graphs.operations import Operation, operation_called
from autodiff_helpers.graphs.passing import Passing, in_sum
from autodiff_helpers.graphs.values import described, has_numbers
from autodiff_helpers.recorded import functions_of, is_leaf
from autodiff_helpers.words import say


def graph_of(
    outputs: Sequence[Any],
    names: Mapping[str, Any],
    frame: FrameType | None,
    *,
    gradients: bool = False,
    tangents: Tensor | None = None,
    unfold: bool = False,
) -> Graph:
    """The graph of some tensors, with the names of whoever called the function of a frame.

    Example:
        >>> import torch
        >>> x = torch.tensor(3.0, requires_grad=True)
        >>> print(graph_of([x + 1], {}, None).nodes[1].label)
        + constant
    """
    asked = "plot_graph" if frame is None else frame.f_code.co_name
    demand_recorded(asked, outputs)
    demand_names(asked, names)
    named = named_tensors(outputs, names, frame)
    graph = record_graph(outputs, named, gradients=gradients, tangents=tangents)
    return numbered(graph if unfold else folded(graph))


def record_graph(
    outputs: Sequence[Tensor],
    names: Mapping[str, Tensor],
    *,
    gradients: bool = False,
    tangents: Tensor | None = None,
) -> Graph:
    """Read the computational graph that autograd recorded for some tensors.

    Nothing is changed, and nothing is computed unless gradients or tangents are asked for: the
    graph is read from each ``grad_fn`` back to the leaves.

    A constant can be shown where autograd kept it for the backward pass, as it does for the
    factors of a product but not for the terms of a sum. It counts as cut off from a recorded
    tensor in whose memory it lies, as after ``detach()`` or ``.data``. A graph that ``backward()``
    has freed can still be read, but the constants, and so the cuts, are gone.

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
    reasons = [why_unreadable(function) for function in functions]
    freed = any("already been freed" in reason for reason in reasons)
    if gradients or tangents is not None:
        _demand_what_was_kept(freed, reasons)
    flow = flow_back(outputs) if gradients else BackwardFlow({}, {}, {}, {})
    without_noise(flow)
    growing = {} if tangents is None else _growing_with(tangents, outputs, functions)
    recorder = _Recorder(names, functions, flow, growing)
    places = [recorder.place_of_tensor(output, "output") for output in outputs]
    recorder.read_operations()
    return Graph(
        tuple(recorder.nodes),
        tuple(dict.fromkeys(places)),
        freed,
        recorder.places_of(flow.arriving),
    )


def _demand_what_was_kept(freed: bool, reasons: Sequence[str]) -> None:
    if freed:
        raise ValueError(
            say(
                "backward() has freed this graph, so its gradients cannot be found again; draw it "
                "before you call backward(), or call backward(retain_graph=True)."
            )
        )
    if any("modified by an inplace operation" in reason for reason in reasons):
        raise ValueError(
            say(
                "a tensor that this graph needs for its gradients was changed in place since, as "
                "by w -= 0.1 or w.add_(1); compute the output again, or draw it before the change."
            )
        )


def _growing_with(
    leaf: Tensor, outputs: Sequence[Tensor], functions: Sequence[Any]
) -> dict[Any, Tensor]:
    """The tangents at all places."""
    leaves = [function.variable for function in functions if is_leaf(function)]
    if not any(each is leaf for each in leaves):
        raise ValueError(
            say(
                "plot_graph got tangents={given}; expected a leaf from which an output was "
                "computed, such as x after x = torch.tensor(3.0, requires_grad=True).",
                given=described(leaf) if isinstance(leaf, Tensor) else type(leaf).__name__,
            )
        )
    return flow_forward(outputs, leaf)


class _Recorder:
    """Walks from the outputs to the leaves with a list of its own, so that depth is no limit."""

    def __init__(
        self,
        names: Mapping[str, Tensor],
        functions: Sequence[Any],
        flow: BackwardFlow,
        tangents: Mapping[Any, Tensor],
    ) -> None:
        self.nodes: list[Node] = []
        self._flow = flow
        self._tangents = tangents
        self._places: dict[Any, int] = {}
        self._unread: list[Any] = []
        # Where two names fit, the first one counts.
        self._named: dict[Any, tuple[str, Tensor]] = {}
        for name, tensor in names.items():
            self._named.setdefault(place_of(tensor), (name, tensor))
        self._order = {id(tensor): number for number, tensor in enumerate(names.values())}
        self._operations = {
            each: operation_called(type(each).__name__) for each in functions if not is_leaf(each)
        }
        leaves = [each.variable for each in functions if is_leaf(each)]
        inner = [tensor for each in functions for tensor in readable(each)]
        # From where something can be cut off: what has a name, and what autograd keeps.
        tensors = [*names.values(), *leaves, *inner]
        self._recorded = Memory(tensor for tensor in tensors if tensor.requires_grad)
        self._fixed = Memory(tensor for tensor in names.values() if not tensor.requires_grad)

    def place_of_tensor(self, tensor: Tensor, kind: Kind) -> int:
        key = place_of(tensor)
        if key not in self._places:
            kind = "leaf" if tensor.is_leaf and tensor.requires_grad else kind
            name, _ = self._named.get(key, (self._name_of_the_whole(tensor), tensor))
            # One that is called what it is needs no second word.
            name = "" if name == kind else name
            gradient = self._gradient_of(tensor)
            arrives = in_sum(gradient, self._flow.parts.get(key, []))
            # The place is taken before the operation asks for its own.
            place = self._append(
                Node(
                    kind,
                    name,
                    described(tensor),
                    gradient=_described_if_any(gradient),
                    arrives=arrives,
                    tangent=_described_if_any(self._tangents.get(key)),
                )
            )
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
        operation = self._operations.get(function) or operation_called(type(function).__name__)
        label = label_of(function, operation.sign)
        arriving = self._flow.arriving.get(function, ())
        sent = self._flow.passed.get(function, ())
        passing = Passing(function, operation.rule, arriving, sent)
        inputs, passed = [], []
        operands = list(enumerate(function.next_functions))
        for operand, (source, number) in reversed(operands) if operation.is_reversed else operands:
            if source is not None:
                inputs.append(self._place_of_source(source, number))
                passed.append(passing.to(operand))
                continue
            constant = _kept_operand(function, operation, operand)
            if constant is not None and not self._is_plain(constant):
                inputs.append(self._place_of_constant(constant))
                passed.append(Passed())
            elif operation.is_arithmetic:
                first = operand == (1 if operation.is_reversed else 0)
                label = with_number(label, _number_in(constant), first)
        target = kept(function, operation.also)
        if isinstance(target, Tensor) and place_of(target) in self._named:
            inputs.append(self._place_of_constant(target))
            passed.append(Passed())
        self._set(
            self._places[function],
            label=label,
            detail=operation.name,
            inputs=tuple(inputs),
            passed=tuple(passed),
            gradient=", ".join(described(each) for each in arriving if each is not None),
            arrives=self._arrives(function, arriving),
            tangent=self._tangents_of(function),
        )

    def _tangents_of(self, function: Any) -> str:
        places = [(function, number) for number in range(len(results_of(function)))]
        return ", ".join(
            described(self._tangents[each]) for each in places if each in self._tangents
        )

    def _arrives(self, function: Any, arriving: Sequence[Tensor | None]) -> str:
        numbers = [number for number, each in enumerate(arriving) if each is not None]
        if len(numbers) != 1:
            return ", ".join(described(each) for each in arriving if each is not None)
        (number,) = numbers
        return in_sum(arriving[number], self._flow.parts.get((function, number), []))

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
        return function not in self._operations and is_leaf(function)

    def _is_plain(self, constant: Tensor) -> bool:
        """Whether a constant is a plain number, such as the 2 in ``2 * x``."""
        named = place_of(constant) in self._named
        return constant.ndim == 0 and not named and self._cut_from(constant) is None

    def _place_of_constant(self, constant: Tensor) -> int:
        place = self.place_of_tensor(constant, "constant")
        if (origin := self._cut_from(constant)) is not None:
            self._set(place, cut_from=self.place_of_tensor(origin, "intermediate"))
        elif holders := self._recorded.holders_of(constant):
            self._set(place, shares_with=self._named.get(place_of(holders[0]), ("",))[0])
        return place

    def _cut_from(self, constant: Tensor) -> Tensor | None:
        """The recorded tensor that a constant is a copy of, or of a part of it, without a record.

        A leaf may also be the copy: ``nn.Parameter(data)`` shares its memory with the data.
        """
        for whole in self._recorded.holders_of(constant):
            is_original = not whole.is_leaf or self._was_first(whole, constant)
            if in_one_storage(whole, constant) and is_original:
                return whole
        return None

    def _was_first(self, leaf: Tensor, constant: Tensor) -> bool:
        """Whether a leaf was there before a constant, as far as the order of names tells."""
        if id(constant) not in self._order:
            return True  # a result that nobody else has
        is_of_a_module = "." in self._named.get(place_of(leaf), ("",))[0]
        first = self._order.get(id(leaf), len(self._order))
        return first < self._order[id(constant)] and not is_of_a_module

    def _name_of_the_whole(self, tensor: Tensor) -> str:
        """The name of a tensor that cannot be differentiated and holds just these numbers."""
        was_cut_off = bool(self._recorded.holders_of(tensor))
        for whole in [] if was_cut_off else self._fixed.holders_of(tensor):
            name, _ = self._named[place_of(whole)]
            if whole.shape == tensor.shape and whole.stride() == tensor.stride():
                return name
            if whole.shape == tensor.shape[::-1] and whole.stride() == tensor.stride()[::-1]:
                return say("{name}, transposed", name=name)
        return ""

    def _append(self, node: Node) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1

    def _set(self, place: int, **changes: Any) -> None:
        self.nodes[place] = replace(self.nodes[place], **changes)


def _described_if_any(gradient: Tensor | None) -> str:
    return "" if gradient is None else described(gradient)


def _kept_operand(function: Any, operation: Operation, operand: int) -> Tensor | None:
    """One of the operands, if autograd keeps it and it can be read."""
    names = operation.operands
    found = kept(function, names[operand]) if operand < len(names) else None
    return found if isinstance(found, Tensor) else None


def _number_in(constant: Tensor | None) -> complex | None:
    return constant.item() if constant is not None and has_numbers(constant) else None
