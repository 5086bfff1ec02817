"""Compare the gradient that autograd gives with central differences, and say where they differ."""

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from autodiff_helpers.gradients.comparison import RELATIVE_TOLERANCE, SAFETY, Comparison
from autodiff_helpers.gradients.differences import (
    EPSILON,
    Array,
    Indices,
    NumericJacobian,
    central_differences,
    second_opinion,
)
from autodiff_helpers.gradients.expected import expected_jacobian
from autodiff_helpers.gradients.function import Function, VectorFunction
from autodiff_helpers.gradients.large import (
    MOST_KINKS,
    MOST_WRITTEN,
    Directional,
    Projected,
    Projector,
    can_be_written,
    is_large,
    sample_around,
)
from autodiff_helpers.gradients.pieces import is_differentiable
from autodiff_helpers.gradients.rules import (
    forward_derivative,
    has_own_forward_rule,
    reverse_jacobian,
    vector_jacobian_product,
)
from autodiff_helpers.gradients.second_order import SecondOrder
from autodiff_helpers.gradients.verdict import MOST_LOOKED_AT, diagnose, misbehaviour
from autodiff_helpers.undisturbed import Undisturbed

if TYPE_CHECKING:
    from autodiff_helpers.picture import Picture

MOST_ROWS = 8
# How many elements at a kink are looked at one by one: as many as this makes affordable.
MOST_NUMBERS = 2**24
LEAST_LOOKED_AT = 16

Gradient = Tensor | tuple[Any, ...] | None


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
    diagnosis: str
    """The verdict in one sentence, with what is wrong, where, and what to look at."""
    dtype: torch.dtype
    """The precision in which the function was evaluated, float64 wherever it allows that."""
    _comparison: Comparison = field(repr=False)

    @property
    def analytic(self) -> Gradient:
        """The Jacobian by autograd (or the expected one), ``output.shape + input.shape``, float64.

        One tensor for a function of one input; for several a tuple in their order, then the
        parameters of a module, with ``None`` for an input that does not require gradients. For a
        function that returns several tensors, a tuple with this for each of them. A complex tensor
        counts as pairs of real numbers: its shape has a 2 more at the end.
        """
        return _by_output(self._comparison.analytic, self._comparison.function)

    @property
    def numeric(self) -> Gradient:
        """The Jacobian by central differences, in the same form."""
        return _by_output(self._comparison.numeric.values, self._comparison.function)

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return "\n".join([self.diagnosis, "", self._table("simple"), *self._notes()])

    def _repr_html_(self) -> str:
        from html import escape

        # The names of functions and parameters come from the user.
        notes = "".join(f"<p>{escape(line)}</p>" for line in self._notes())
        return f"<p>{escape(self.diagnosis)}</p>\n{self._table('html')}{notes}"

    def plot(self) -> "Picture":
        """Draw every derivative twice, by autograd and by central differences, and the difference.

        Returns:
            The picture; its text is the printed table.

        Example:
            >>> import torch
            >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
            >>> picture = check_gradient(lambda x: (x * x).sum(), x).plot()
            >>> picture.title
            'The gradient is right: both derivatives agree with their central differences.'
        """
        from autodiff_helpers.gradients.plot import plot_comparison

        return plot_comparison(self._comparison, text=str(self), title=self.diagnosis)

    def _table(self, form: str) -> str:
        # Imported when a table is shown: it would double the time that this package adds to torch.
        from tabulate import tabulate

        comparison = self._comparison
        rows = [comparison.table_row(int(i), int(j)) for i, j in self._shown()]
        headers = ["derivative", comparison.source, "numeric", "agree"]
        return tabulate(rows, headers, tablefmt=form, disable_numparse=True)

    def _places(self) -> Indices:
        """The derivatives in order; where some are wrong, those only."""
        agrees = self._comparison.agrees
        return np.argwhere(agrees if agrees.all() else ~agrees)

    def _shown(self) -> Indices:
        """A few of them: from the first, or around the one that is most wrong."""
        comparison = self._comparison
        places = self._places()
        start = 0
        if not comparison.agrees.all():
            worst = comparison.worst(~comparison.agrees)
            (place,) = np.flatnonzero((places == worst).all(axis=1))
            start = min(max(0, int(place) - MOST_ROWS // 2), max(0, len(places) - MOST_ROWS))
        return places[start : start + MOST_ROWS]

    def _notes(self) -> list[str]:
        notes = []
        more = len(self._places()) - MOST_ROWS
        if more > 0:
            notes.append(f"… and {more} more like these")
        if self.dtype != torch.float64:
            notes.append(
                f"Computed in {str(self.dtype).removeprefix('torch.')}, because the function does "
                "not work in float64, and judged by what that precision can show."
            )
        return notes


def check_gradient(
    f: Function,
    *inputs: Tensor,
    expected: Any = None,
    order: Literal[1, 2] = 1,
) -> GradientCheck:
    r"""Check the gradient of a function against central differences.

    Every derivative :math:`\partial f_i / \partial x_j` is found twice, by autograd and from
    values of the function alone, both in float64 on copies of the inputs where the function
    allows that. They agree when they differ by at most :math:`10^{-6}` of the derivative plus
    what the central difference itself may be off, which is estimated for each one. Where the
    function has a kink, any answer between its two slopes is right. A rule of your own for
    forward mode (``jvp``) is checked as well.

    A Jacobian of more than 1024 inputs, or with more than 16384 elements, is checked by its
    products with random vectors, always the same ones; ``analytic`` and ``numeric`` are then
    these products. Where one is wrong, a wrong element is searched for and shown beside some
    others. This takes at most forty times the memory of the inputs and outputs together, besides
    what the function itself uses.

    Every call of ``f`` starts from the same random state. Nothing of yours is changed: no
    ``.grad``, no input, no graph, no buffer of a module and no random state.

    Args:
        f: a function of ``inputs``, or a module, that returns a tensor or a tuple of them, of any
            shape and a floating or complex dtype. Outputs of other dtypes are passed over, and so
            are those for which autograd gives no gradient although it does for others.
        inputs: the tensors at which to check, of any shape. Those that require gradients have a
            floating or complex dtype and are checked, and so are the parameters of a module; the
            others are left constant.
        expected: a gradient worked out by hand, to be checked in place of autograd's: a tensor
            of shape ``output.shape + input.shape``, a tuple with one for each input, or a
            function of the inputs that returns either.
        order: 2 to check the second derivatives too, once the first ones are right.

    Returns:
        The verdict, true when the gradient is right, with a table when printed.

    Raises:
        TypeError: if ``f`` is no function, or it or ``inputs`` give something other than tensors.
        ValueError: if there is no input to differentiate with respect to, or a number, dtype or
            shape does not fit.

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
    _demand_inputs(f, inputs)
    _demand_order(order, expected)
    with Undisturbed(f, inputs), np.errstate(all="ignore"):
        function = _recorded(f, inputs, all_outputs=expected is not None)
        try:
            jacobian, exactness = None, 0.0
            if expected is not None:
                jacobian, exactness = expected_jacobian(expected, function)
            if not is_large(function):
                result = _check(function, jacobian, exactness)
            else:
                result = _check_large(function, jacobian, exactness)
            if order == 2 and result:
                _demand_few(function)
                return _check(SecondOrder(function))
            return result
        finally:
            function.progress.close()


def _recorded(f: Function, inputs: Sequence[Tensor], all_outputs: bool) -> VectorFunction:
    """The function in double precision, if need be inside too, or else in its own."""
    try:
        return VectorFunction(f, inputs, True, all_outputs)
    except Exception:
        parameters = list(f.parameters()) if isinstance(f, nn.Module) else []
        real = [x.dtype.to_real() for x in [*inputs, *parameters] if is_differentiable(x)]
        if all(dtype == torch.float64 for dtype in real):
            raise
    with suppress(Exception):
        function = VectorFunction(f, inputs, True, all_outputs, inside=True)
        # The way back must go through in this precision, too.
        vector_jacobian_product(function, torch.ones_like(function.output))
        return function
    # An error that is raised here is the one that the user's own call would raise.
    return VectorFunction(f, inputs, False, all_outputs)


def _check(
    function: VectorFunction, jacobian: Tensor | None = None, exactness: float = 0.0
) -> GradientCheck:
    """Compare all derivatives, autograd's or those of another Jacobian."""
    epsilon = function.epsilon
    source = "autograd" if jacobian is None else "expected"
    analytic = _by_autograd(function) if jacobian is None else jacobian.cpu().numpy()
    relative = max(RELATIVE_TOLERANCE, 8 * exactness)
    exact = epsilon == EPSILON
    numeric = central_differences(
        function,
        function.place,
        function.value,
        epsilon=epsilon,
        seen=None if exact else function.seen,
    )
    comparison = Comparison(function, analytic, numeric, source, relative, epsilon)
    if not comparison.plain and not comparison.matches.all():
        # Nothing is called wrong before it was looked at twice.
        function.trusting = False
        if jacobian is None:
            analytic = _by_autograd(function)
        numeric = second_opinion(
            function,
            function.place,
            function.value,
            numeric,
            epsilon=epsilon,
            seen=None if exact else function.seen,
        )
        comparison = comparison.changed(analytic=analytic, numeric=numeric)
    comparison, passed, diagnosis = diagnose(comparison)
    if passed and jacobian is None and has_own_forward_rule(function):
        in_forward_mode = _in_forward_mode(comparison)
        if in_forward_mode is not None and not in_forward_mode.agrees.all():
            comparison, passed, diagnosis = diagnose(in_forward_mode)
    return GradientCheck(passed, diagnosis, function.dtype, comparison)


def _by_autograd(function: VectorFunction) -> Array:
    try:
        return reverse_jacobian(function)
    except RuntimeError:
        if not function.changed:
            raise
        # Autograd refuses because something was changed in place, which is the diagnosis.
        return np.full((len(function.value), len(function.place)), np.nan)


def _in_forward_mode(comparison: Comparison) -> Comparison | None:
    """The same comparison with the Jacobian by forward mode, one column after the other."""
    function = comparison.function
    columns = []
    for unit in torch.eye(len(function.point)).to(function.point).unbind():
        column = forward_derivative(function, unit)
        if column is None:
            return None
        columns.append(column.detach().cpu().numpy())
    return comparison.changed(analytic=np.stack(columns, axis=1), source="forward mode")


def _check_large(
    function: VectorFunction, jacobian: Tensor | None, exactness: float
) -> GradientCheck:
    """Compare products with random vectors, and find a wrong derivative where they differ."""

    def whole_or_sample(row: int = 0, column: int = 0) -> GradientCheck:
        if can_be_written(function):
            return _check(function, jacobian, exactness)
        sample = sample_around(function, row, column)
        part = None if jacobian is None else jacobian[sample.rows][:, sample.columns]
        return _check(sample, part, exactness)

    def refused(sentence: str) -> GradientCheck:
        return replace(whole_or_sample(), passed=False, diagnosis=sentence)

    if function.changed and (sentence := misbehaviour(function)):
        return refused(sentence)
    projector = Projector(function, jacobian, exactness)
    spoiled = np.argwhere(~np.isfinite(function.value))
    gradients = [gradient.cpu().numpy() for gradient in projector.gradients]
    undefined = [
        (output, place)
        for output, gradient in enumerate(gradients)
        for place in np.flatnonzero(~np.isfinite(gradient))[:1]
    ]
    if len(spoiled) or len(undefined):
        row = int(spoiled[0, 0]) if len(spoiled) else function.outputs[undefined[0][0]].start
        return whole_or_sample(row, int(undefined[0][1]) if undefined else 0)
    found = []
    kinks: list[str] = []
    too_rough = False
    for piece in function.pieces:
        columns = torch.arange(piece.start, piece.stop, device=function.device)
        projection = projector.project(slice(piece.start, piece.stop))
        while len(columns) and (projection.excess.max() > 1 or projection.rough):
            if sentence := misbehaviour(function):
                return refused(sentence)
            if can_be_written(function):
                return _check(function, jacobian, exactness)
            if not projection.excess.max() > 1:
                rough = whole_or_sample(0, piece.start)
                if not rough:
                    return rough
                too_rough = True
                break
            output = int(projection.excess.argmax())
            column = projector.worst_column(columns, output)
            result = whole_or_sample(projector.worst_row(column, output), column)
            if not result:
                return result
            if not result._comparison.excused.any():
                too_rough = True  # together they differ, each by itself does not
                break
            # A kink. Elsewhere the same number has one too, so these are looked at one by one.
            alike = function.point[columns] == function.point[column]
            many = max(LEAST_LOOKED_AT, MOST_NUMBERS // function.point.shape[0])
            some = columns[alike][:: math.ceil(int(alike.sum()) / many)]
            looked_at = list(torch.split(some, MOST_LOOKED_AT))
            if jacobian is not None:
                unlike = projector.most_unlike_autograd(columns[alike], output, LEAST_LOOKED_AT)
                looked_at.insert(0, unlike)
            for some in looked_at:
                part = None if jacobian is None else projector.gradients[output][some][None]
                each = _check(Directional(projector, output, some), part, exactness)
                if not each:
                    return each
            kinks.append(result.diagnosis)
            if len(kinks) > MOST_KINKS:
                return refused(
                    "The function has too many kinks at this point to be checked as a whole; "
                    "check it at another point, or on smaller tensors."
                )
            columns = columns[~alike]
            projection = projector.project(columns)
        found.append(projection)
    wrong = projector.wrong_in_forward_mode()
    if wrong is not None:
        return whole_or_sample(*wrong)
    numeric = NumericJacobian(
        np.stack([each.numeric for each in found], axis=1),
        np.stack([each.tolerance / SAFETY for each in found], axis=1),
        np.zeros((len(function.outputs), len(found)), dtype=bool),
    )
    analytic = np.stack([each.analytic for each in found], axis=1)
    source = "autograd" if jacobian is None else "expected"
    comparison = Comparison(Projected(function), analytic, numeric, source)
    m, n = len(function.output), len(function.point)
    sentence = (
        kinks[0]
        if kinks
        else (
            "The gradient is right: the derivative in a random direction, of a function with "
            f"{m:,} output{'' if m == 1 else 's'} and {n:,} inputs, agrees with its central "
            "difference."
        )
    )
    if too_rough:
        sentence = (
            "The precision is too low for a proof: no difference was found, but central "
            "differences of so large a function prove only some of its digits; check it in "
            "float64, or on smaller tensors."
        )
    return GradientCheck(True, sentence, function.dtype, comparison)


def _by_output(jacobian: Array, function: VectorFunction) -> Gradient:
    """The Jacobian in the form in which the function gives its outputs and takes its inputs."""
    tensor = torch.from_numpy(np.array(jacobian)).to(function.device)
    if isinstance(function, Projected):
        return tensor
    rows = {
        output.position: _by_input(tensor[output.start : output.stop], output.shape, function)
        for output in function.outputs
    }
    if function.output_count is None:
        return rows[0]
    return tuple(rows.get(position) for position in range(function.output_count))


def _by_input(rows: Tensor, shape: tuple[int, ...], function: VectorFunction) -> Gradient:
    found = {
        x.position: rows[:, x.start : x.stop].reshape(shape + x.shape) for x in function.pieces
    }
    if function.visible == 1:
        return found[0]
    return tuple(found.get(position) for position in range(function.visible))


def _demand_function(f: Any) -> None:
    if not callable(f) or isinstance(f, Tensor):
        raise TypeError(
            f"check_gradient got a {type(f).__name__} as its first argument; expected the "
            "function itself, then its inputs: check_gradient(lambda x: (x * x).sum(), x)."
        )


def _demand_inputs(f: Any, inputs: Sequence[Any]) -> None:
    for number, x in enumerate(inputs, start=1):
        if not isinstance(x, Tensor):
            raise TypeError(
                f"check_gradient got a {type(x).__name__} as input {number}; expected a tensor, "
                "such as torch.tensor([1.0, 2.0], requires_grad=True)."
            )
        if x.requires_grad and (x.layout != torch.strided or x.is_meta):
            raise ValueError(
                f"check_gradient got a tensor without plain values (layout {x.layout}, device "
                f"{x.device}) as input {number}; expected a dense one: pass x.to_dense()."
            )
    parameters = list(f.parameters()) if isinstance(f, nn.Module) else []
    if not any(x.requires_grad for x in [*inputs, *parameters]):
        integer = [x.dtype for x in inputs if not is_differentiable(x)]
        got = f"inputs of dtype {integer[0]}" if integer else "no input that requires gradients"
        raise ValueError(
            f"check_gradient got {got}; it differentiates with respect to floating-point "
            "tensors that have requires_grad=True: x = torch.tensor([1.0], requires_grad=True)."
        )


def _demand_few(function: VectorFunction) -> None:
    n, m = function.point.shape[0], function.output.shape[0]
    if n * n * m > MOST_WRITTEN:
        raise ValueError(
            f"check_gradient got order=2 for {n:,} inputs and {m:,} outputs, which makes "
            f"{n * n * m:,} second derivatives; check the function on smaller tensors."
        )


def _demand_order(order: Any, expected: Any) -> None:
    if order not in (1, 2) or isinstance(order, bool):
        raise ValueError(f"check_gradient got order={order!r}; expected 1 or 2.")
    if order == 2 and expected is not None:
        raise ValueError(
            "check_gradient got expected and order=2; expected is a first derivative: to check a "
            "second one by hand, check the gradient function itself with order=1."
        )
