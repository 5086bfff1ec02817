"""Which tensors share their memory: what a cut leaves behind of where a tensor came from."""

from collections.abc import Iterable

from torch import Tensor
from torch._C._functorch import is_functorch_wrapped_tensor

from autodiff_helpers.graphs.values import has_numbers


class Memory:
    """Tensors by the memory that holds them.

    Example:
        >>> import torch
        >>> x = torch.arange(4.0)
        >>> memory = Memory([x, torch.ones(4)])
        >>> [found is x for found in memory.holders_of(x[1:3])]
        [True]
    """

    def __init__(self, tensors: Iterable[Tensor]) -> None:
        self._tensors = [(_range(each), each) for each in tensors if _is_in_memory(each)]

    def holders_of(self, part: Tensor) -> list[Tensor]:
        """The tensors in whose memory all of another one lies, the smallest first."""
        if not _is_in_memory(part):
            return []
        first, last = _range(part)
        holders = [whole for (start, end), whole in self._tensors if start <= first and last <= end]
        return sorted(holders, key=Tensor.numel)


def in_one_storage(one: Tensor, other: Tensor) -> bool:
    """Whether torch knows that two tensors share their memory: NumPy's may be in two storages."""
    return one.untyped_storage() is other.untyped_storage()


def _is_in_memory(tensor: Tensor) -> bool:
    if not has_numbers(tensor) or is_functorch_wrapped_tensor(tensor):
        return False
    # An address of 0 stands for no memory at all.
    return tensor.numel() > 0 and tensor.data_ptr() != 0


def _range(tensor: Tensor) -> tuple[int, int]:
    """The addresses of the first number of a tensor and of what comes after the last one."""
    steps = zip(tensor.shape, tensor.stride(), strict=True)
    reach = sum((size - 1) * stride for size, stride in steps)
    return tensor.data_ptr(), tensor.data_ptr() + (reach + 1) * tensor.element_size()
