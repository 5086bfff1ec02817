"""A function from a vector to a vector at many points: together, by branches, or one by one."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.overrides import TorchFunctionMode

try:
    # Private names of torch. Without them a function with branches is evaluated one by one, and a
    # small check takes a third longer, which is what the wrapping of torch.func.vmap costs.
    from torch._C._functorch import (
        _add_batch_dim,
        _remove_batch_dim,
        _vmap_decrement_nesting,
        _vmap_increment_nesting,
        get_unwrapped,
        is_batchedtensor,
    )

    HAS_PRIVATE_NAMES = True
except ImportError:
    HAS_PRIVATE_NAMES = False

Array = NDArray[np.float64]
# From a point of shape (n,) to a value of shape (m,), both in float64.
Vector = Callable[[Tensor], Tensor]

# Fewer points than this are evaluated one by one, which takes no longer; and so are points that
# take other branches than the rest, when the points were parted this often.
FEW_TOGETHER = 4
FEW_BY_BRANCHES = 12
MOST_BRANCHES = 20


def together(f: Vector, points: Tensor) -> Tensor:
    """Call a function once for all points; it cannot take branches that depend on them.

    Example:
        >>> together(torch.square, torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
        tensor([[ 1.,  4.],
                [ 9., 16.]])
    """
    if not HAS_PRIVATE_NAMES:
        return torch.func.vmap(f, randomness="same")(points)
    count = len(points)
    level = _vmap_increment_nesting(count, "same")
    try:
        return _remove_batch_dim(f(_add_batch_dim(points, 0, level)), level, count, 0)
    finally:
        _vmap_decrement_nesting()


def by_branches(f: Vector, points: Tensor, branches: int = MOST_BRANCHES) -> Tensor:
    """Call a function for all those points at once that take the same branch.

    A batch cannot take an ``if`` both ways. Where its points disagree on one, those that say yes
    and those that say no are evaluated apart, until they were parted as often as may be.

    Example:
        >>> def size(x):
        ...     return x if x.sum() > 0 else -x
        >>> by_branches(size, torch.linspace(-1, 1, 26)[:, None])[:3, 0]
        tensor([1.0000, 0.9200, 0.8400])
    """
    if len(points) < FEW_BY_BRANCHES or branches == 0:
        return torch.stack([f(point.clone()) for point in points])
    try:
        with _Branching():
            return together(f, points)
    except _DisagreementError as disagreement:
        yes = disagreement.yes
    parts = [by_branches(f, points[side], branches - 1) for side in (yes, ~yes)]
    whole = parts[0].new_empty(len(points), *parts[0].shape[1:])
    whole[yes], whole[~yes] = parts
    return whole


def unrecorded(f: Vector, point: Tensor) -> Tensor:
    """Call a function at one point."""
    return f(point)


def recorded(f: Vector, point: Tensor) -> Tensor:
    """Call a function at one point that autograd records, as one that differentiates inside needs.

    The point is a result, no leaf, so that the function may change it.
    """
    with torch.enable_grad():
        return f(point.clone().requires_grad_().clone())


class Ways(NamedTuple):
    """In which ways a function is evaluated: the first that works is kept."""

    at_once: tuple[tuple[Callable[[Vector, Tensor], Tensor], int], ...]
    """For many points, each with the number of points from which on it pays."""
    alone: tuple[Callable[[Vector, Tensor], Tensor], ...]
    """For one point."""


ONE_BY_ONE = Ways((), (unrecorded, recorded))
RECORDED = Ways((), (recorded,))
ALL_WAYS = ONE_BY_ONE._replace(at_once=((together, FEW_TOGETHER), (by_branches, FEW_BY_BRANCHES)))
if not HAS_PRIVATE_NAMES:
    ALL_WAYS = ONE_BY_ONE._replace(at_once=((together, FEW_TOGETHER),))


class Change(NamedTuple):
    """A number of the inputs that a function changes in place."""

    tensor: str
    """The name of the input."""
    number: str
    """The name of the number in it."""
    before: float
    after: float


FaultKind = Literal["not multiplied", "something added", "not linear", "not the same"]


class Fault(NamedTuple):
    """What is wrong with a rule of the user's own, whatever the derivatives."""

    kind: FaultKind
    rules: Sequence[str]
    """The classes of which one has it."""
    step: Literal["backward", "jvp"]


class Behavior(NamedTuple):
    """What was seen of a function while it was called again and again."""

    random: bool = False
    """Whether two calls differ, as long as torch's random numbers do."""
    change: Change | None = None
    """What it changes in place."""
    repeats: bool | None = None
    """Whether it gives the same value again; ``None`` where that was not looked at."""
    fault: Fault | None = None
    """What is wrong with how a rule of the user's own treats what it is given."""
    tolerance: float = 0.0
    """How far its derivatives may be off on purpose, relative to themselves."""


UNSUSPECTED = Behavior()


class Evaluation:
    """A function at many points, in whatever way it can be called; nan where it has no value.

    Its value at one point tells the shape and the device. Values for many points at once are
    believed where they are trusted, or where they differ from those alone by no more than the
    tolerance, relative to the largest; ``advance`` is told how many points are done.
    """

    def __init__(
        self,
        f: Vector,
        value: Tensor,
        *,
        tolerance: float,
        trusted: bool,
        advance: Callable[[int], None],
        ways: Ways = ALL_WAYS,
    ) -> None:
        self._f = f
        self._value = value
        self._tolerance = tolerance
        self._trusted = trusted
        self._advance = advance
        self._ways = ways

    def doubt(self) -> None:
        """Believe values for many points at once only when the first was the same alone."""
        self._trusted = False

    def __call__(self, points: Array) -> Array:
        """The values ``(batch, m)`` at points ``(batch, n)``; nan where there is an error."""
        given = torch.from_numpy(points).to(self._value.device)
        with torch.no_grad():
            for way, fewest in self._ways.at_once:
                if len(points) < fewest:
                    continue
                try:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")  # of functions that are slow in a batch
                        values = self._proved(way(self._f, given).detach(), given)
                except Exception:
                    # Not every function can be called for many points at once.
                    self._ways = self._ways._replace(at_once=self._ways.at_once[1:])
                    continue
                self._advance(len(points))
                return values.cpu().numpy()
            # One array for all values: small ones kept between large ones would scatter the memory.
            rows = np.empty((len(points), len(self._value)))
            for row, point in zip(rows, given, strict=True):
                # A copy, because a function may change its input.
                row[:] = self.at(point.clone()).cpu().numpy()
                self._advance(1)
            return rows

    def at(self, point: Tensor) -> Tensor:
        """The value ``(m,)`` at one point, without a record; nan where there is an error.

        The function may change the point, and the next call may change the value.
        """
        while True:
            with torch.no_grad():
                try:
                    value = self._ways.alone[0](self._f, point)
                    if value.requires_grad:
                        value = value.detach()
                    if value.shape == self._value.shape:
                        return value
                except Exception:
                    pass  # it has no value there, or needs another way
            if len(self._ways.alone) == 1:
                return torch.full_like(self._value, torch.nan)
            self._ways = Ways((), self._ways.alone[1:])

    def _proved(self, values: Tensor, points: Tensor) -> Tensor:
        if not self._trusted:
            alone = self.at(points[0].clone()).cpu().numpy()
            if not same(values[0].cpu().numpy(), alone, self._tolerance):
                raise ValueError("the function gives something else for a batch")
            self._trusted = True
        return values


def same(values: Array, others: Array, tolerance: float = 0.0) -> bool:
    """Whether two vectors are equal, up to a share of the largest number in the second one.

    Example:
        >>> same(np.array([1.0, np.nan]), np.array([1.0, np.nan]))
        True
    """
    if values.shape != others.shape:
        return False
    finite = np.isfinite(others)
    if not finite.all():
        if not np.array_equal(values[~finite], others[~finite], equal_nan=True):
            return False
        values, others = values[finite], others[finite]
    size = np.abs(others).max(initial=0.0)
    return bool((np.abs(values - others) <= tolerance * size).all())


class _DisagreementError(Exception):
    """Points of one batch want to take a branch in different ways."""

    def __init__(self, yes: Tensor) -> None:
        super().__init__()
        self.yes = yes


class _Branching(TorchFunctionMode):
    """Lets a batched function ask for a truth value or a whole number, if all points agree."""

    _ASKS = (torch.Tensor.__bool__, torch.Tensor.__int__, torch.Tensor.__index__, torch.Tensor.item)

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func not in self._ASKS:
            return func(*args, **(kwargs or {}))
        (tensor,) = args
        if func is torch.Tensor.__bool__ and tensor.numel() == 1:
            tensor = tensor != 0
        if tensor.is_floating_point() or tensor.is_complex() or tensor.numel() != 1:
            return func(*args)
        values = tensor
        if is_batchedtensor(tensor):
            values = get_unwrapped(tensor).reshape(-1)
            yes = values == values[0]
            if not yes.all():
                raise _DisagreementError(yes)
            values = values[0]
        return func(values)
