"""Several tensors as one vector of real numbers, and back."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


class Piece(NamedTuple):
    """One tensor among the inputs or the outputs, and where it lies in the vector of them all.

    A complex tensor lies there as pairs of real numbers, as ``torch.view_as_real`` gives them.
    """

    position: int
    """Its place among all inputs, or among all outputs."""
    dtype: torch.dtype
    shape: tuple[int, ...]
    """Its shape as real numbers: a complex tensor has a last dimension of 2."""
    start: int
    stop: int

    def take_from(self, rows: Tensor, start: int | None = None) -> Tensor:
        """This tensor out of vectors that hold all of them.

        Args:
            rows: of shape ``(*batch, length of the vector)``, real.
            start: where it starts in them, if not at its place among all.

        Returns:
            The tensors, of shape ``(*batch, *shape)`` and in the dtype of this one.
        """
        first = self.start if start is None else start
        last = first + self.stop - self.start
        taken = rows if last - first == rows.shape[-1] else rows[..., first:last]
        taken = taken.reshape((*rows.shape[:-1], *self.shape))
        if self.dtype.is_complex:
            taken = torch.view_as_complex(taken.to(self.dtype.to_real()).contiguous())
        return taken.to(self.dtype)


def pieces_of(tensors: Sequence[tuple[int, Tensor]]) -> list[Piece]:
    """Where each of some tensors lies in the vector of them all.

    Args:
        tensors: each after its place among all inputs, or among all outputs.

    Returns:
        The pieces, in the same order.

    Example:
        >>> pieces = pieces_of([(0, torch.ones(2)), (1, torch.ones(3))])
        >>> [(piece.start, piece.stop) for piece in pieces]
        [(0, 2), (2, 5)]
    """
    pieces: list[Piece] = []
    start = 0
    for position, tensor in tensors:
        shape = (*tensor.shape, 2) if tensor.is_complex() else tuple(tensor.shape)
        stop = start + tensor.numel() * (2 if tensor.is_complex() else 1)
        pieces.append(Piece(position, tensor.dtype, shape, start, stop))
        start = stop
    return pieces


def piece_at(pieces: Sequence[Piece], place: int) -> Piece:
    """The tensor that holds one number.

    Args:
        pieces: the tensors, one after the other.
        place: the place in the vector of them all.

    Returns:
        The tensor.

    Example:
        >>> piece_at(pieces_of([(0, torch.ones(2)), (1, torch.ones(3))]), 2).position
        1
    """
    return next(piece for piece in pieces if place < piece.stop)


def element_name(name: str, piece: Piece, place: int) -> str:
    """What one number of a tensor is called.

    Args:
        name: the name of the tensor.
        piece: the tensor.
        place: the place in the vector of all tensors.

    Returns:
        The name, such as ``x``, ``x[1, 2]`` or ``Re x[1, 2]``.

    Example:
        >>> (piece,) = pieces_of([(0, torch.ones(2, 3))])
        >>> element_name("x", piece, 4)
        'x[1, 1]'
    """
    index = [int(each) for each in np.unravel_index(place - piece.start, piece.shape or (1,))]
    if not piece.shape:
        index = []
    part = ""
    if piece.dtype.is_complex:
        part = "Im " if index.pop() else "Re "
    return f"{part}{name}[{', '.join(map(str, index))}]" if index else f"{part}{name}"


def flat(tensors: Sequence[Tensor]) -> Tensor:
    """Some tensors as one vector of real numbers in double precision; autograd records it.

    Args:
        tensors: of any shape and floating or complex dtype; at least one.

    Returns:
        The vector, of dtype float64.

    Example:
        >>> flat([torch.tensor([[1.0], [2.0]]), torch.tensor(3 + 4j)])
        tensor([1., 2., 3., 4.], dtype=torch.float64)
    """
    if len(tensors) == 1:
        return real(tensors[0]).reshape(-1).double()
    parts = [real(tensor).reshape(-1).double() for tensor in tensors]
    return torch.cat([part.to(parts[0].device) for part in parts])


def real(tensor: Tensor) -> Tensor:
    """A complex tensor as pairs of real numbers, and a real one as it is.

    Args:
        tensor: of any shape and a floating or complex dtype.

    Returns:
        The tensor, with a last dimension of 2 more if it was complex.

    Example:
        >>> real(torch.tensor(3 + 4j))
        tensor([3., 4.])
    """
    return torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor


def is_differentiable(x: Tensor) -> bool:
    """Whether a tensor holds numbers that can change a little.

    Args:
        x: a tensor.

    Returns:
        Whether its dtype is a floating or complex one.

    Example:
        >>> is_differentiable(torch.tensor(1.0)), is_differentiable(torch.tensor(1))
        (True, False)
    """
    return x.is_floating_point() or x.is_complex()


def lowest_precision(pieces: Sequence[Piece]) -> torch.dtype:
    """The lowest precision among some tensors.

    Args:
        pieces: the tensors.

    Returns:
        It, as a real dtype.

    Example:
        >>> lowest_precision(pieces_of([(0, torch.ones(2)), (1, torch.ones(3).half())]))
        torch.float16
    """
    dtypes = {piece.dtype.to_real() for piece in pieces}
    return max(dtypes, key=lambda dtype: torch.finfo(dtype).eps)
