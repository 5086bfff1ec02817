"""What is written of a tensor: its numbers where these are few, or else its shape and its norm."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch._C._functorch import is_functorch_wrapped_tensor

from autodiff_helpers.rounding import as_torch_prints, significant
from autodiff_helpers.words import say

# A tensor with more numbers than this is described by its shape and its norm.
FEW_NUMBERS = 6


def described(tensor: Tensor) -> str:
    """The numbers where these are few, or else shape and norm; and the dtype where it is unusual.

    Example:
        >>> described(torch.ones(2)), described(torch.ones(2, 2, dtype=torch.float64))
        ('[1., 1.]', 'shape [2, 2] float64, norm 2')
    """
    usual = torch.get_default_dtype(), torch.int64, torch.bool
    dtype = "" if tensor.dtype in usual else f" {str(tensor.dtype).removeprefix('torch.')}"
    if tensor.is_nested:
        return say("nested, {count} parts{dtype}", count=tensor.size(0), dtype=dtype)
    if is_written_out(tensor):
        return _written_out(tensor) + dtype
    shape = list(tensor.shape)
    if not has_a_size(tensor):
        return say("shape {shape}{dtype}", shape=shape, dtype=dtype)
    size = significant(_norm(tensor), digits=3)
    return say("shape {shape}{dtype}, norm {norm}", shape=shape, dtype=dtype, norm=size)


def is_written_out(tensor: Tensor) -> bool:
    """Whether a tensor is described by its numbers."""
    few = not tensor.is_nested and tensor.ndim <= 1 and tensor.numel() <= FEW_NUMBERS
    return few and has_numbers(tensor) and not is_functorch_wrapped_tensor(tensor)


def has_a_size(tensor: Tensor) -> bool:
    """Whether there are numbers of which a norm can be taken: no class labels, and not none."""
    if not has_numbers(tensor) or is_functorch_wrapped_tensor(tensor) or not tensor.numel():
        return False
    return tensor.is_floating_point() or tensor.is_complex()


def _norm(tensor: Tensor) -> float:
    numbers = tensor.detach().as_subclass(Tensor)
    wide = torch.complex128 if tensor.is_complex() else torch.float64
    return float(torch.linalg.vector_norm(numbers.to(wide)))


def _written_out(tensor: Tensor) -> str:
    numbers = tensor.detach().as_subclass(Tensor).cpu()
    written = ", ".join(as_torch_prints(numbers.reshape(-1).tolist()))
    return f"[{written}]" if tensor.ndim else written


def has_numbers(tensor: Tensor) -> bool:
    """Whether there are numbers in memory that can be printed."""
    if tensor.layout != torch.strided or tensor.is_meta or tensor.is_nested:
        return False
    if type(tensor).__torch_dispatch__ is not Tensor.__torch_dispatch__:
        return False  # it says itself what it does, and need not hold any number
    # One inside `torch.func` hides where its numbers are.
    hidden = is_functorch_wrapped_tensor(tensor)
    return hidden or not tensor.numel() or tensor.untyped_storage().nbytes() > 0


def nearly_equal(one: Tensor, other: Tensor, terms: Sequence[Tensor] = ()) -> bool:
    """Whether two gradients, one of which may still be summed to the shape of the other, agree.

    A sum of ``terms`` that cancel is as unsure as these are large. Gradients without numbers in a
    plain order of memory are not compared.
    """
    if not (has_numbers(one) and has_numbers(other)):
        return True
    one = one.sum_to_size(other.shape).to(other.dtype)
    unsure = torch.finfo(other.dtype).eps ** 0.5
    largest = max(_largest(each) for each in (other, *terms))
    return torch.allclose(one, other, rtol=unsure, atol=unsure * largest, equal_nan=True)


def _largest(tensor: Tensor) -> float:
    finite = tensor[tensor.isfinite()].abs()
    return float(finite.max()) if finite.numel() else 0.0
