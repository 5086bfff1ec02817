"""What rounding left of a number that is 0: so small beside the terms that canceled there."""

from collections.abc import Sequence

import torch
from torch import Tensor

# So many units in the last place of the terms of a sum may be left of a zero.
UNITS = 16


def is_left_over(total: Tensor, terms: Sequence[Tensor]) -> bool:
    """Whether a sum is not 0 only because its terms were rounded.

    Example:
        >>> a, b = torch.tensor(0.7), torch.tensor(0.1) + torch.tensor(0.6)
        >>> is_left_over(b - a, [b, a]), is_left_over(b + a, [b, a])
        (True, False)
    """
    largest = max(_largest(each) for each in terms)
    return 0 < _largest(total) <= UNITS * torch.finfo(total.dtype).eps * largest


def _largest(tensor: Tensor) -> float:
    return float(tensor.abs().max()) if tensor.numel() else 0.0


def with_turned_signs(tensor: Tensor) -> Tensor:
    """The same with a minus before every other number: where terms canceled, they now add up."""
    signs = 1 - 2 * (torch.arange(tensor.numel(), device=tensor.device) % 2)
    return tensor * signs.to(tensor.dtype).reshape(tensor.shape)
