"""Compare the gradient that autograd gives with central differences, and say where they differ."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor

from autodiff_helpers.gradients.by_hand import Expected, by_hand
from autodiff_helpers.gradients.closer import by_autograd, look_closer
from autodiff_helpers.gradients.comparison import RELATIVE_TOLERANCE, Comparison, Point
from autodiff_helpers.gradients.demands import (
    demand_a_way_back,
    demand_function,
    demand_inputs,
    demand_order,
    demand_tolerance,
)
from autodiff_helpers.gradients.differences import CENTRAL, Array, Indices
from autodiff_helpers.gradients.evaluation import Behavior
from autodiff_helpers.gradients.function import Function, VectorFunction
from autodiff_helpers.gradients.hints import hint_for
from autodiff_helpers.gradients.large import (
    Projector,
    can_be_written,
    is_large,
    part_of,
    right_beside,
    sample_around,
)
from autodiff_helpers.gradients.nested import leaves_of, replaced
from autodiff_helpers.gradients.pieces import Piece
from autodiff_helpers.gradients.precision import recorded
from autodiff_helpers.gradients.progress import Progress
from autodiff_helpers.gradients.proportion import fault_of
from autodiff_helpers.gradients.rules import (
    forward_jacobian,
    has_own_forward_rule,
    second_order,
)
from autodiff_helpers.gradients.table import table_head, table_row
from autodiff_helpers.gradients.verdict import (
    Verdict,
    judge,
    judge_beside,
    judge_directions,
    judge_large_with_kinks,
)
from autodiff_helpers.undisturbed import Undisturbed
from autodiff_helpers.words import say

if TYPE_CHECKING:
    from autodiff_helpers.picture import Picture

MOST_ROWS = 8

# Nested as the outputs are, and each as the inputs are.
Gradient = Any


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
    _form: Callable[[Array], Gradient] = field(repr=False)

    @property
    def analytic(self) -> Gradient:
        """The Jacobian by autograd (or the expected one), ``output.shape + input.shape``, float64.

        One tensor for a function of one input; for several a tuple in their order, then the
        parameters of a module, with ``None`` for an input that does not require gradients. For a
        function that returns several tensors, a tuple or dict with this for each of them, nested
        as they are. A complex tensor counts as pairs of real numbers: its shape has a 2 more at
        the end.
        """
        return self._form(self._comparison.analytic)

    @property
    def numeric(self) -> Gradient:
        """The Jacobian by central differences, in the same form."""
        return self._form(self._comparison.numeric.values)

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return "\n".join([self.diagnosis, "", self._table("simple"), *self._notes()])

    def _repr_html_(self) -> str:
        from html import escape

        # The names of functions and parameters come from the user.
        notes = "".join(f"<p>{escape(line)}</p>" for line in self._notes())
        return f"<p>{escape(self.diagnosis)}</p>\n{self._table('html')}{notes}"

    def hint(self) -> str:
        """Say in one line what is wrong and where, without giving any right number away.

        For those who want to find it themselves.

        Returns:
            The line; for a gradient that passed, that it did.

        Example:
            >>> import torch
            >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
            >>> check_gradient(lambda x: (x * x).sum(), x, expected=[-2.0, -4.0]).hint()
            '∂f/∂x[1] and others are wrong: look at the sign.'
            >>> check_gradient(lambda x: (x * x).sum(), x, expected=[2.0, 4.0]).hint()
            'Right.'
        """
        if self.passed:
            return say("Right.")
        return hint_for(self._comparison)

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
        rows = [table_row(comparison, int(i), int(j)) for i, j in self._shown()]
        return tabulate(rows, table_head(comparison.source), tablefmt=form, disable_numparse=True)

    def _listed(self) -> Indices:
        """The derivatives in order, by row and column; where some are wrong, those only."""
        agrees = self._comparison.agrees
        return np.argwhere(agrees if agrees.all() else ~agrees)

    def _shown(self) -> Indices:
        """A few of them: from the first, or around the one that is most wrong."""
        comparison = self._comparison
        listed = self._listed()
        start = 0
        if not comparison.agrees.all():
            worst = comparison.worst(~comparison.agrees)
            (index,) = np.flatnonzero((listed == worst).all(axis=1))
            start = min(max(0, int(index) - MOST_ROWS // 2), max(0, len(listed) - MOST_ROWS))
        return listed[start : start + MOST_ROWS]

    def _notes(self) -> list[str]:
        notes = []
        more = len(self._listed()) - MOST_ROWS
        if more > 0:
            notes.append(say("… and {count} more like these", count=more))
        if self.dtype != torch.float64:
            notes.append(
                say(
                    "Computed in {dtype}, because the function does not work in float64, and "
                    "judged by what that precision can show.",
                    dtype=str(self.dtype).removeprefix("torch."),
                )
            )
        return notes


def check_gradient(
    f: Function,
    *inputs: Any,
    expected: Any = None,
    tolerance: float = RELATIVE_TOLERANCE,
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
    others. A function of that size that has kinks at this point is judged right beside it; where
    that is not possible it does not pass, and is told so. This takes at most forty times the memory
    of the inputs and outputs together, besides what the function itself uses.

    Every call of ``f`` starts from the same random state. Nothing of yours is changed: no
    ``.grad``, no input, no graph, no buffer of a module and no random state.

    Args:
        f: a function of ``inputs``, or a module, that returns a tensor, or tensors in tuples, lists
            and dicts, of any shape and a floating or complex dtype. Everything else in there is
            passed over, and so are tensors for which autograd gives no gradient although it does
            for others.
        inputs: the tensors at which to check, of any shape, also in tuples, lists and dicts. Those
            that require gradients have a floating or complex dtype and are checked, and so are the
            parameters of a module; all the rest, such as numbers and text, stays constant.
        expected: a gradient worked out by hand, to be checked in place of autograd's: a tensor,
            array or (nested) list of numbers of shape ``output.shape + input.shape``, a tuple with
            one for each input, or a function of the inputs that returns either.
        tolerance: how far a derivative may be off, relative to itself: more than the usual
            :math:`10^{-6}` for a function whose gradient is approximate on purpose.
        order: 2 to check the second derivatives too, once the first ones are right.

    Returns:
        The verdict, true when the gradient is right, with a table when printed.

    Raises:
        TypeError: if ``f`` is no function, or it or ``expected`` give something else than tensors.
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
    demand_function(f)
    demand_inputs(f, inputs)
    demand_tolerance(tolerance)
    demand_order(order, expected)
    tensors = [x for _, x in leaves_of(inputs) if isinstance(x, Tensor)]
    with (
        Undisturbed(f, tensors) as begun,
        np.errstate(all="ignore"),
        closing(Progress()) as progress,
    ):
        function = recorded(f, inputs, progress, begun, all_outputs=expected is not None)
        hand = None if expected is None else by_hand(expected, function)
        if hand is None:
            demand_a_way_back(function)
        _know(function, tolerance, by_hand=hand is not None)
        judged = _judged_by_products if is_large(function) else _judged
        verdict, form = judged(function, hand)
        if order == 2 and verdict.passed:
            function = second_order(function)
            _know(function, tolerance, by_hand=False)
            verdict, form = _judged(function)
        return GradientCheck(
            verdict.passed, verdict.sentence, function.dtype, verdict.comparison, form
        )


def assert_gradient(
    f: Function,
    *inputs: Any,
    expected: Any = None,
    tolerance: float = RELATIVE_TOLERANCE,
    order: Literal[1, 2] = 1,
) -> None:
    """Demand that the gradient of a function is right, in a test.

    Args:
        f: a function, as for ``check_gradient``.
        inputs: what it is given.
        expected: a gradient worked out by hand, to be checked in place of autograd's.
        tolerance: how far a derivative may be off, relative to itself.
        order: 2 to check the second derivatives too.

    Raises:
        AssertionError: if the gradient is not right, with the sentence and the table that
            ``check_gradient`` gives.
        TypeError: if ``f`` is no function, or it or ``expected`` give something else than tensors.
        ValueError: if there is no input to differentiate with respect to, or a number, dtype or
            shape does not fit.

    Example:
        >>> import torch
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> assert_gradient(torch.sin, x)
        >>> assert_gradient(torch.sin, x, expected=-torch.cos(x).diag())
        Traceback (most recent call last):
            ...
        AssertionError: The gradient is wrong in 2 of 4 derivatives: you expected -0.5403023 for ...
    """
    __tracebackhide__ = True  # by pytest, which shows the line of the test
    result = check_gradient(f, *inputs, expected=expected, tolerance=tolerance, order=order)
    if not result:
        raise AssertionError(str(result))


Judged = tuple[Verdict, Callable[[Array], Gradient]]


def _know(function: VectorFunction, tolerance: float, *, by_hand: bool) -> None:
    """Note what is known of a function whatever its derivatives are."""
    fault = None if by_hand else fault_of(function, tolerance)
    on_purpose = tolerance if tolerance > RELATIVE_TOLERANCE else 0.0
    function.behavior = function.behavior._replace(fault=fault, tolerance=on_purpose)


def _judged(
    function: VectorFunction, expected: Expected | None = None, behavior: Behavior | None = None
) -> Judged:
    """The verdict on all derivatives, autograd's or those of somebody's hand, and their form."""
    behavior = behavior or function.behavior
    differences = function.differences
    rows = len(function.value) if expected is None else 0
    function.caller.progress.expect(CENTRAL * len(function.x) + rows)
    comparison = Comparison(
        Point(function.names, function.pieces, function.x, function.value),
        by_autograd(function, behavior) if expected is None else expected.jacobian.cpu().numpy(),
        differences.central(),
        "autograd" if expected is None else "expected",
        RELATIVE_TOLERANCE if expected is None else max(RELATIVE_TOLERANCE, expected.rounding),
        differences.epsilon,
        behavior,
    )
    verdict = judge(look_closer(function, comparison))
    if (
        verdict.passed
        and expected is None
        and function.own_rules
        and has_own_forward_rule(function)
    ):
        forward = forward_jacobian(function)
        if forward is not None:
            comparison = verdict.comparison.seen(
                analytic=forward, source="forward mode", kinks=None, coarse=None
            )
            if not comparison.agrees.all():
                verdict = judge(look_closer(function, comparison))
    return verdict, _form_of(function)


def _judged_by_products(function: VectorFunction, expected: Expected | None) -> Judged:
    """The verdict on products with random vectors, or on a wrong derivative where they differ."""
    around = partial(_judged_around, function, expected)
    if function.behavior.change is not None:
        return around(0, 0)
    projector = Projector(function, expected)
    undefined = projector.undefined()
    if undefined is not None:
        return around(*undefined)
    outputs, inputs = len(function.value), len(function.x)
    projections = projector.for_each_input()
    beside = right_beside(function, projections, by_hand=expected is not None)
    if beside is not None and not function.own_rules:
        return judge_beside(beside, outputs, inputs), torch.from_numpy
    for piece, projection in zip(function.pieces, projections, strict=True):
        if not (projection.differs or projection.rough):
            continue
        judged = around(*projector.suspect(piece, projection), repeats=function.repeats())
        found = judged[0].comparison
        if not judged[0].passed or (can_be_written(function) and not found.unproved.any()):
            return judged
        if projection.differs and found.kinks is not None and beside is None:
            return judge_large_with_kinks(found, found.kinks.shown), judged[1]
    if beside is not None and function.behavior.fault is None:
        return judge_beside(beside, outputs, inputs), torch.from_numpy
    wrong = projector.wrong_in_forward_mode()
    if wrong is not None:
        return around(*wrong)
    return judge_directions(
        projector.compared(projections, expected),
        outputs,
        inputs,
        rough=any(each.differs or each.rough for each in projections),
    ), torch.from_numpy


def _judged_around(
    function: VectorFunction,
    expected: Expected | None,
    row: int,
    column: int,
    repeats: bool | None = None,
) -> Judged:
    """The verdict on all derivatives of a large function, or on a few with a certain one."""
    behavior = function.behavior
    if repeats is not None:
        behavior = behavior._replace(repeats=repeats)
    if can_be_written(function):
        return _judged(function, expected, behavior)
    sample = sample_around(function, row, column)
    part = None if expected is None else expected.part(*sample)
    return _judged(part_of(function, *sample), part, behavior)


@dataclass(frozen=True)
class _Form:
    """How the Jacobian of a function is given back: by its outputs, and by its inputs."""

    outputs: Sequence[Piece]
    inputs: Sequence[Piece]
    returned: Any
    """The nest of the outputs."""
    visible: Any
    """The nest of the inputs and parameters."""
    device: torch.device

    def __call__(self, jacobian: Array) -> Gradient:
        tensor = torch.from_numpy(np.array(jacobian)).to(self.device)
        rows = {
            output.path: self._by_input(tensor[output.start : output.stop], output.shape)
            for output in self.outputs
        }
        return replaced(self.returned, rows.get)

    def _by_input(self, rows: Tensor, shape: tuple[int, ...]) -> Gradient:
        found = {x.path: rows[:, x.start : x.stop].reshape(shape + x.shape) for x in self.inputs}
        gradients = replaced(self.visible, found.get)
        return gradients[0] if len(gradients) == 1 else gradients


def _form_of(function: VectorFunction) -> _Form:
    caller, device = function.caller, function.output.device
    return _Form(function.outputs, caller.pieces, function.nest, caller.visible, device)
