"""Several tensors as one vector of real numbers, and back; and what each number is called."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor


class Piece(NamedTuple):
    """One tensor among the inputs or the outputs, and where it lies in the vector of them all.

    A complex tensor lies there as pairs of real numbers, as ``torch.view_as_real`` gives them.
    """

    path: tuple[Any, ...]
    """The way to it among all inputs, or all outputs."""
    dtype: torch.dtype
    shape: tuple[int, ...]
    """Its shape as real numbers: a complex tensor has a last dimension of 2."""
    start: int
    stop: int

    def take_from(self, rows: Tensor, start: int | None = None) -> Tensor:
        """This tensor out of vectors ``(*batch, length)`` that hold all of them, in its dtype.

        It starts in them where it lies among all, or else at ``start``.
        """
        first = self.start if start is None else start
        last = first + self.stop - self.start
        taken = rows if last - first == rows.shape[-1] else rows[..., first:last]
        shape = (*rows.shape[:-1], *self.shape)
        if taken.shape != shape:
            taken = taken.reshape(shape)
        if self.dtype.is_complex:
            taken = torch.view_as_complex(taken.to(self.dtype.to_real()).contiguous())
        return taken if taken.dtype == self.dtype else taken.to(self.dtype)


def pieces_of(tensors: Sequence[tuple[tuple[Any, ...], Tensor]]) -> list[Piece]:
    """Where each tensor, given after the way to it among all, lies in the vector of them all.

    Example:
        >>> pieces = pieces_of([((0,), torch.ones(2)), ((1,), torch.ones(3))])
        >>> [(piece.start, piece.stop) for piece in pieces]
        [(0, 2), (2, 5)]
    """
    pieces: list[Piece] = []
    start = 0
    for path, tensor in tensors:
        is_complex = tensor.is_complex()
        shape = (*tensor.shape, 2) if is_complex else tuple(tensor.shape)
        stop = start + tensor.numel() * (2 if is_complex else 1)
        pieces.append(Piece(path, tensor.dtype, shape, start, stop))
        start = stop
    return pieces


def piece_at(pieces: Sequence[Piece], index: int) -> Piece:
    """The tensor that holds one number of the vector of them all."""
    return next(piece for piece in pieces if index < piece.stop)


class Names(NamedTuple):
    """What a function is called, and each number of its inputs, its outputs and its Jacobian."""

    function: str
    tensor: Callable[[int], str]
    """The name of the input that holds a number, such as ``x``."""
    input: Callable[[int], str]
    """The name of one number of the inputs, such as ``x[1]``."""
    output: Callable[[int], str]
    """The name of one number of the outputs, such as ``f[1]``."""
    derivative: Callable[[int, int], str]
    """The name of one element of the Jacobian, such as ``∂f[0]/∂x[1]``."""
    whole: bool = True
    """Whether these are all the numbers of the inputs."""


def element_name(name: str, piece: Piece, index: int) -> str:
    """What one number of a tensor is called: ``x``, ``x[1, 2]`` or ``Re x[1, 2]``.

    Example:
        >>> (piece,) = pieces_of([((0,), torch.ones(2, 3))])
        >>> element_name("x", piece, 4)
        'x[1, 1]'
    """
    where = [int(each) for each in np.unravel_index(index - piece.start, piece.shape or (1,))]
    if not piece.shape:
        where = []
    part = ""
    if piece.dtype.is_complex:
        part = "Im " if where.pop() else "Re "
    return f"{part}{name}[{', '.join(map(str, where))}]" if where else f"{part}{name}"


def flat(tensors: Sequence[Tensor]) -> Tensor:
    """Some tensors as one vector of real numbers in float64; autograd records it.

    Example:
        >>> flat([torch.tensor([[1.0], [2.0]]), torch.tensor(3 + 4j)])
        tensor([1., 2., 3., 4.], dtype=torch.float64)
    """
    if len(tensors) == 1:
        return _flat(tensors[0])
    parts = [_flat(tensor) for tensor in tensors]
    return torch.cat([part.to(parts[0].device) for part in parts])


def _flat(tensor: Tensor) -> Tensor:
    # Each step that is left out saves a function of a few numbers a percent of its time.
    if tensor.is_complex():
        tensor = real(tensor)
    if tensor.ndim != 1:
        tensor = tensor.reshape(-1)
    return tensor if tensor.dtype == torch.float64 else tensor.double()


def weights_like(vector: Tensor, kind: int) -> Tensor:
    """Numbers between 0.5 and 1 in size, so that no element counts too little; always the same.

    The fractions of :math:`k^2` times an irrational root are all over the place, and found in a
    tenth of the time that random numbers take.
    """
    weights = torch.arange(1.0, len(vector) + 1, dtype=torch.float64)
    weights.square_().mul_(math.sqrt(kind)).frac_().sub_(0.5)
    return weights.add_(torch.copysign(torch.tensor(0.5), weights)).to(vector.device)


def real(tensor: Tensor) -> Tensor:
    """A complex tensor as pairs of real numbers, and a real one as it is."""
    return torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor


def is_differentiable(x: Tensor) -> bool:
    """Whether a tensor holds numbers that can change a little: floating or complex ones."""
    return x.is_floating_point() or x.is_complex()


def lowest_precision(pieces: Sequence[Piece]) -> torch.dtype:
    """The lowest precision among some tensors, as a real dtype.

    Example:
        >>> lowest_precision(pieces_of([((0,), torch.ones(2)), ((1,), torch.ones(3).half())]))
        torch.float16
    """
    dtypes = {piece.dtype.to_real() for piece in pieces}
    if len(dtypes) == 1:
        return dtypes.pop()
    return max(dtypes, key=lambda dtype: torch.finfo(dtype).eps)
