"""Compare the gradient that autograd gives with central differences, and say where they differ."""

import inspect
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from autodiff_helpers.numeric import NumericJacobian, central_differences, largest
from autodiff_helpers.rounding import rounded

if TYPE_CHECKING:
    from autodiff_helpers.picture import Picture

# Autograd in float64 is good to about fifteen digits, a gradient worked out by hand in float32 to
# about seven: six are asked for, with respect to the derivative itself.
RELATIVE_TOLERANCE = 1e-6
# The estimated error of a central difference may be too low by this factor.
SAFETY = 5
# An error beyond this share of the largest derivative proves nothing.
ROUGH = 1e-3
MOST_ROWS = 8

Gradient = Tensor | tuple[Tensor | None, ...]


@dataclass(frozen=True, eq=False)
class _Jacobian:
    """The Jacobian of the function with respect to one input, twice."""

    function: str
    input: str
    output_ndim: int
    analytic: Tensor
    numeric: Tensor
    errors: Tensor

    @property
    def scale(self) -> Tensor:
        """The size of the largest derivative, found in either way."""
        return torch.maximum(largest(self.analytic), largest(self.numeric))

    @property
    def noise(self) -> Tensor:
        """How far each central difference may be off."""
        return SAFETY * self.errors

    @property
    def agrees(self) -> Tensor:
        tolerance = RELATIVE_TOLERANCE * self.numeric.abs() + self.noise
        return (self.analytic - self.numeric).abs() <= tolerance

    def derivative(self, index: tuple[int, ...]) -> list[str]:
        """One derivative as a row of the table: its name, both values, and whether they agree."""
        agrees = bool(self.agrees[index])
        noise = self.noise[index].item()
        values = [
            _printed(jacobian[index].item(), noise, agrees)
            for jacobian in (self.analytic, self.numeric)
        ]
        above = self.function + _subscript(index[: self.output_ndim])
        below = self.input + _subscript(index[self.output_ndim :])
        return [f"∂{above}/∂{below}", *values, "yes" if agrees else "NO"]


@dataclass(frozen=True, eq=False)
class GradientCheck:
    """What ``check_gradient`` found; true when the gradient is right.

    Printed, or shown by a notebook, it is a short table. Its numbers are rounded to the digit
    that the comparison can vouch for, so the text is the same on every machine.

    Example:
        >>> import torch
        >>> x = torch.tensor(3.0, requires_grad=True)
        >>> result = check_gradient(lambda x: x * x, x)
        >>> result.passed, result.analytic.item(), round(result.numeric.item(), 6)
        (True, 6.0, 6.0)
    """

    passed: bool
    """Whether every derivative agrees with its central difference."""
    analytic: Gradient
    """The Jacobian by autograd (or the expected one), ``output.shape + input.shape``, float64.

    One tensor for a function of one input; for several a tuple in their order, with ``None``
    for an input that does not require gradients.
    """
    numeric: Gradient
    """The Jacobian by central differences, in the same form."""
    diagnosis: str
    """The verdict in one sentence."""
    _source: str
    _jacobians: list[_Jacobian] = field(repr=False)

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return "\n".join([self.diagnosis, "", self._table("simple"), *self._left_out()])

    def _repr_html_(self) -> str:
        below = "".join(f"<p>{line}</p>" for line in self._left_out())
        return f"<p>{self.diagnosis}</p>\n{self._table('html')}{below}"

    def plot(self) -> "Picture":
        """Draw every derivative twice, by autograd and by central differences.

        Returns:
            The picture; its text is the printed table.

        Example:
            >>> import torch
            >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
            >>> picture = check_gradient(lambda x: (x * x).sum(), x).plot()
            >>> picture.title
            'The gradient is right: both derivatives agree with their central differences.'
        """
        from autodiff_helpers.curves import plot_comparison

        analytic = torch.cat([jacobian.analytic.flatten() for jacobian in self._jacobians])
        numeric = torch.cat([jacobian.numeric.flatten() for jacobian in self._jacobians])
        agrees = torch.cat([jacobian.agrees.flatten() for jacobian in self._jacobians])
        return plot_comparison(
            analytic, numeric, agrees, source=self._source, text=str(self), title=self.diagnosis
        )

    def _table(self, form: str) -> str:
        # Imported when a table is shown: it would double the time that this package adds to torch.
        from tabulate import tabulate

        headers = ["derivative", self._source, "numeric", "agree"]
        rows = list(islice(self._shown(), MOST_ROWS))
        return tabulate(rows, headers, tablefmt=form, disable_numparse=True)

    def _shown(self) -> Iterator[list[str]]:
        """The derivatives in order; where the gradient is wrong, the wrong ones only.

        Ordered by place and not by size of the error, because errors that are equal but for
        rounding would change places from one machine to the next.
        """
        for jacobian in self._jacobians:
            chosen = jacobian.agrees if self.passed else ~jacobian.agrees
            for index in chosen.nonzero().tolist():
                yield jacobian.derivative(tuple(index))

    def _left_out(self) -> list[str]:
        chosen = [jacobian.agrees == self.passed for jacobian in self._jacobians]
        more = sum(int(each.sum()) for each in chosen) - MOST_ROWS
        return [f"… and {more} more like these"] if more > 0 else []


def check_gradient(
    f: Callable[..., Tensor],
    *inputs: Tensor,
    expected: Gradient | Callable[..., Gradient] | None = None,
) -> GradientCheck:
    r"""Check the gradient of a function against central differences.

    Every derivative :math:`\partial f_i / \partial x_j` is found twice, by autograd and from
    values of the function alone, both in float64 on copies of the inputs. They agree when they
    differ by at most :math:`10^{-6}` of the derivative plus what the central difference itself
    may be off, which is estimated for each one. Every call of ``f`` starts from the same random
    state. Nothing of yours is changed: no ``.grad``, no input, no graph and no random state.

    Args:
        f: a function of ``inputs`` that returns one tensor of any shape and a floating dtype.
        inputs: the tensors at which to check, of any shape. Those that require gradients have a
            real floating dtype and are checked; the others are left constant.
        expected: a gradient worked out by hand, to be checked in place of autograd's: a tensor
            of shape ``output.shape + input.shape``, a tuple with one for each input, or a
            function of the inputs that returns either.

    Returns:
        The verdict, true when the gradient is right, with a table when printed.

    Raises:
        TypeError: if ``f`` is no function, or it or ``inputs`` give something other than tensors.
        ValueError: if there is no input to differentiate with respect to, or a dtype or shape
            does not fit.

    Example:
        >>> import torch
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> check_gradient(lambda x: 2 * torch.dot(x, x), x)
        The gradient is right: both derivatives agree with their central differences.
        <BLANKLINE>
        derivative    autograd    numeric    agree
        ------------  ----------  ---------  -------
        ∂f/∂x[0]      4           4          yes
        ∂f/∂x[1]      8           8          yes
        >>> check_gradient(lambda x: 2 * torch.dot(x, x), x, expected=2 * x).passed
        False
    """
    _demand_function(f)
    _demand_inputs(inputs)
    positions = [position for position, x in enumerate(inputs) if x.requires_grad]

    def copies() -> list[Tensor]:
        """Fresh ones for every call, so that no call of ``f`` can disturb another."""
        return [_copy(x).requires_grad_(x.requires_grad) for x in inputs]

    def value(*moved: Tensor) -> Tensor:
        fresh = [
            x.detach().clone().requires_grad_(original.requires_grad)
            for x, original in zip(moved, inputs, strict=True)
        ]
        # A copy, because a function may give out the same memory again and again.
        return _call(f, fresh).detach().clone()

    source = "autograd" if expected is None else "expected"
    with torch.inference_mode(False), torch.enable_grad():
        if expected is None:
            leaves = copies()
            analytic = _autograd_jacobians(_call(f, leaves), [leaves[p] for p in positions])
        else:
            analytic = _expected_jacobians(expected, copies(), positions)
        points = [x.detach() for x in copies()]
        numeric = [central_differences(value, points, position) for position in positions]
    return _compare(f, inputs, positions, analytic, numeric, source)


def _compare(
    f: Callable[..., Tensor],
    inputs: Sequence[Tensor],
    positions: Sequence[int],
    analytic: Sequence[Tensor],
    numeric: Sequence[NumericJacobian],
    source: str,
) -> GradientCheck:
    names = _input_names(f, len(inputs))
    jacobians = []
    for position, by_rule, by_value in zip(positions, analytic, numeric, strict=True):
        shape = by_value.values.shape
        if by_rule.shape != shape:
            raise ValueError(
                f"expected has shape {list(by_rule.shape)}, but the gradient with respect to "
                f"{names[position]} has shape {list(shape)}: the shape of the output followed "
                "by the shape of that input."
            )
        jacobians.append(
            _Jacobian(
                function=_function_name(f),
                input=names[position],
                output_ndim=len(shape) - inputs[position].ndim,
                analytic=by_rule.to(by_value.values),
                numeric=by_value.values,
                errors=by_value.errors,
            )
        )
    return GradientCheck(
        passed=all(bool(jacobian.agrees.all()) for jacobian in jacobians),
        analytic=_by_input([each.analytic for each in jacobians], positions, len(inputs)),
        numeric=_by_input([each.numeric for each in jacobians], positions, len(inputs)),
        diagnosis=_diagnosis(jacobians, source),
        _source=source,
        _jacobians=jacobians,
    )


def _by_input(tensors: Sequence[Tensor], positions: Sequence[int], count: int) -> Gradient:
    if count == 1:
        return tensors[0]
    found = dict(zip(positions, tensors, strict=True))
    return tuple(found.get(position) for position in range(count))


def _diagnosis(jacobians: Sequence[_Jacobian], source: str) -> str:
    count = sum(jacobian.numeric.numel() for jacobian in jacobians)
    for jacobian in jacobians:
        for index in (~jacobian.agrees).nonzero().tolist():
            wrong = sum(int((~each.agrees).sum()) for each in jacobians)
            name, analytic, numeric, _ = jacobian.derivative(tuple(index))
            where = f" in {wrong} of {count} derivatives" if count > 1 else ""
            who = "autograd says" if source == "autograd" else "you expected"
            return (
                f"The gradient is wrong{where}: {who} {analytic} for {name}, "
                f"central differences say {numeric}."
            )
    scale = max(jacobian.scale.item() for jacobian in jacobians)
    noise = max(largest(jacobian.noise).item() for jacobian in jacobians)
    if 0 < ROUGH * scale < noise:
        # In steps of a thousand, because the noise itself is another one on every machine.
        bound = 1000.0 ** math.ceil(math.log(noise, 1000))
        return (
            f"No difference was found, but central differences prove this only to within {bound:g}"
            ": the gradient is too small for them, or the function jumps or is rounded too much."
        )
    if count == 1:
        return "The gradient is right: the derivative agrees with its central difference."
    which = "both" if count == 2 else f"all {count}"
    return f"The gradient is right: {which} derivatives agree with their central differences."


def _demand_function(f: Any) -> None:
    if not _is_function(f):
        raise TypeError(
            f"check_gradient got a {type(f).__name__} as its first argument; expected the "
            "function itself, then its inputs: check_gradient(lambda x: (x * x).sum(), x)."
        )


def _demand_inputs(inputs: Sequence[Any]) -> None:
    for number, x in enumerate(inputs, start=1):
        if not isinstance(x, Tensor):
            raise TypeError(
                f"check_gradient got a {type(x).__name__} as input {number}; expected a tensor, "
                "such as torch.tensor([1.0, 2.0], requires_grad=True)."
            )
        if x.requires_grad and x.is_complex():
            raise ValueError(
                f"check_gradient got {x.dtype} as input {number}; expected a real floating "
                "dtype: pass the real and the imaginary part as two inputs."
            )
    if not any(x.requires_grad for x in inputs):
        integer = [x.dtype for x in inputs if not x.is_floating_point() and not x.is_complex()]
        got = f"inputs of dtype {integer[0]}" if integer else "no input that requires gradients"
        raise ValueError(
            f"check_gradient got {got}; it differentiates with respect to floating-point "
            "tensors that have requires_grad=True: x = torch.tensor([1.0], requires_grad=True)."
        )


def _is_function(f: Any) -> bool:
    return callable(f) and not isinstance(f, Tensor)


def _copy(x: Tensor) -> Tensor:
    copy = x.detach().clone()
    return copy.double() if copy.is_floating_point() else copy


def _evaluate(f: Callable[..., Any], inputs: Sequence[Tensor]) -> Any:
    """Call a function of the user's, from the present random state and leaving that as it is."""
    devices = sorted({x.get_device() for x in inputs if x.is_cuda})
    try:
        with torch.random.fork_rng(devices):
            return f(*inputs)
    except RuntimeError as error:
        if re.search("dtype|double", str(error), re.IGNORECASE):
            error.add_note(
                "check_gradient called the function with float64 copies of its inputs; tensors "
                "that it uses besides them must be float64 too, or be passed as inputs."
            )
        raise


def _call(f: Callable[..., Tensor], inputs: Sequence[Tensor]) -> Tensor:
    output = _evaluate(f, inputs)
    if not isinstance(output, Tensor):
        raise TypeError(
            f"the function returned a {type(output).__name__}; expected a tensor: .item(), "
            "float() and .numpy() cut it off from its inputs, so return the tensor itself."
        )
    if not output.is_floating_point():
        raise ValueError(
            f"the function returned a tensor of dtype {output.dtype}; expected a floating dtype, "
            "because only real numbers have derivatives."
        )
    if output.dtype != torch.float64:
        raise ValueError(
            f"the function returned {output.dtype} for inputs of torch.float64; expected "
            "torch.float64, because central differences need all its digits: leave out "
            "conversions, and give tensors made inside the function the dtype of its input."
        )
    return output


def _autograd_jacobians(output: Tensor, inputs: Sequence[Tensor]) -> list[Tensor]:
    """The Jacobian for each input, one vector-Jacobian product for each element of the output."""
    jacobians = [x.new_zeros(output.numel(), *x.shape) for x in inputs]
    if output.requires_grad:
        for row, element in enumerate(output.reshape(-1).unbind()):
            gradients = torch.autograd.grad(
                element, inputs, retain_graph=True, allow_unused=True, materialize_grads=True
            )
            for jacobian, gradient in zip(jacobians, gradients, strict=True):
                jacobian[row] = gradient
    return [
        jacobian.reshape(output.shape + x.shape)
        for jacobian, x in zip(jacobians, inputs, strict=True)
    ]


def _expected_jacobians(
    expected: Any, inputs: Sequence[Tensor], positions: Sequence[int]
) -> list[Tensor]:
    given = _evaluate(expected, inputs) if _is_function(expected) else expected
    gradients = (given,) if isinstance(given, Tensor) else given
    if isinstance(gradients, tuple) and len(gradients) == len(inputs):
        chosen = [gradients[position] for position in positions]
        if all(isinstance(each, Tensor) and not each.is_complex() for each in chosen):
            return [_copy(gradient) for gradient in chosen]
    raise TypeError(
        f"expected gives a {type(given).__name__}; it must give a real tensor for each input that "
        "requires gradients: the tensor itself for a function of one input, for a function of "
        "several a tuple in their order, with None for the others."
    )


def _function_name(f: Callable[..., Tensor]) -> str:
    name = getattr(f, "__name__", None)
    return name if isinstance(name, str) and name.isidentifier() else "f"


def _input_names(f: Callable[..., Tensor], count: int) -> list[str]:
    """The names of the function's parameters, or x1, x2, … where it does not tell them."""
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except ValueError:  # a function written in C
        parameters = []
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if len(names) >= count:
        return names[:count]
    return ["x"] if count == 1 else [f"x{number}" for number in range(1, count + 1)]


def _subscript(index: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, index))}]" if index else ""


def _printed(value: float, noise: float, agrees: bool) -> str:
    """The number, to as many digits as are certain; one more where there is a difference to see."""
    if abs(value) <= noise:
        return "0"
    for precision in (RELATIVE_TOLERANCE if agrees else RELATIVE_TOLERANCE / 10, ROUGH):
        if 10 * noise <= precision * abs(value):
            return rounded(value, precision * abs(value))
    return rounded(value, abs(value) / 10)
