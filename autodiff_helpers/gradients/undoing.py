"""Find what keeps a gradient from being right, by undoing it: then it is right."""

import inspect
from collections import Counter, defaultdict
from functools import partial
from typing import Any

import torch
import torch.nn.functional as torch_functions
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.overrides import TorchFunctionMode

from autodiff_helpers.gradients.comparison import Blame
from autodiff_helpers.gradients.nested import leaves_of
from autodiff_helpers.recorded import functions_of, is_leaf

# What cuts a tensor off, and the name that a reader knows it by.
_CUTS = {
    Tensor.detach: "detach()",
    Tensor.detach_: "detach_()",
    Tensor.data.__get__: ".data",  # type: ignore[attr-defined]
    Tensor.item: "item()",
    Tensor.numpy: "numpy()",
    Tensor.tolist: "tolist()",
    Tensor.__float__: "float()",
    Tensor.__array__: "numpy",
    torch.tensor: "torch.tensor()",
    torch.as_tensor: "torch.as_tensor()",
}
# What keeps back a gradient on purpose, and what these functions do without it.
_WITHOUT = {"padding_idx": None, "scale_grad_by_freq": False}
_EMBEDDINGS = (torch_functions.embedding, torch_functions.embedding_bag)
# What chooses between numbers, by the names of the backward functions, and by what it chooses.
_CHOICES = {
    "WhereBackward0": ("torch.where()", "_saved_condition"),
    "MaskedFillBackward0": ("masked_fill()", "_saved_mask"),
}


class WithoutCuts(TorchFunctionMode):
    """While this is active, a tensor that would be cut off stays connected.

    ``detach()``, ``.data``, ``.item()``, ``torch.tensor(x)`` and ``torch.no_grad()`` do nothing,
    and neither does ``padding_idx``; ``torch.tensor([x[0], x[1]])`` stacks them. What turns a
    tensor into something that is no tensor cannot be undone; it gives slightly different numbers
    instead, so that it shows whether they matter.

    Example:
        >>> x = torch.tensor(3.0, requires_grad=True)
        >>> with WithoutCuts() as cuts:
        ...     y = x.detach() * x
        >>> torch.autograd.grad(y, x)
        (tensor(6.),)
        >>> cuts.undone, cuts.left
        (['detach()'], [])
    """

    def __init__(self) -> None:
        super().__init__()
        self.undone: list[str] = []
        self.kept_back: list[str] = []
        self.left: list[str] = []

    @property
    def blame(self) -> Blame | None:
        """What is to blame where the gradient is right without it."""
        if self.undone:
            return Blame("cut", [*self.undone, *self.kept_back])
        return Blame("kept back", self.kept_back) if self.kept_back else None

    @property
    def blame_for_numbers(self) -> Blame | None:
        """What is to blame where the function is another one without it."""
        return Blame("numbers", self.left) if self.left else None

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        switched = getattr(func, "__name__", "") == "_set_grad_enabled"
        if switched and torch.is_grad_enabled() and not args[0]:
            self._note(self.undone, "torch.no_grad()")
            return None
        if func in _EMBEDDINGS:
            given = inspect.signature(func).bind(*args, **(kwargs or {}))
            for name, without in _WITHOUT.items():
                if given.arguments.get(name, without) != without:
                    given.arguments[name] = without
                    self._note(self.kept_back, name)
            return func(*given.args, **given.kwargs)
        if func not in _CUTS or not torch.is_grad_enabled() or not _requires_grad(args[:1]):
            return func(*args, **(kwargs or {}))
        if func in (Tensor.numpy, Tensor.tolist, Tensor.__float__, Tensor.__array__):
            self._note(self.left, _CUTS[func])
            # Other numbers, so that it shows whether they matter.
            moved = args[0].detach() * 1.001 + 0.001
            return func(moved, *args[1:], **(kwargs or {}))
        self._note(self.undone, _CUTS[func])
        if not isinstance(args[0], Tensor):
            return _stacked(args[0], like=func(*args, **(kwargs or {})))
        # A copy, so that changing it in place does not change the original.
        return args[0].clone()

    def _note(self, calls: list[str], name: str) -> None:
        if name not in calls:
            calls.append(name)


def _requires_grad(nest: Any) -> bool:
    """Whether one of the tensors in a nest requires a gradient."""
    return any(isinstance(leaf, Tensor) and leaf.requires_grad for _, leaf in leaves_of(nest))


def _stacked(nest: Any, like: Tensor) -> Tensor:
    """What ``torch.tensor`` makes of tensors and numbers in lists, but connected to them."""
    if isinstance(nest, (list, tuple)):
        return torch.stack([_stacked(part, like) for part in nest])
    return torch.as_tensor(nest, dtype=like.dtype, device=like.device)


class SavedAsTheyWere(saved_tensors_hooks):
    """What is saved for the way back while this is active is there as it was, whatever happens.

    Example:
        >>> x = torch.tensor(3.0, requires_grad=True)
        >>> saved = SavedAsTheyWere()
        >>> with saved:
        ...     y = x.exp().sqrt()
        ...     _ = y.data.zero_()
        >>> (gradient,) = torch.autograd.grad(y, x)
        >>> round(gradient.item(), 4), saved.overwritten
        (2.2408, True)
    """

    blame_for_numbers = None

    def __init__(self) -> None:
        self.overwritten = False
        super().__init__(lambda x: (x.detach(), x.detach().clone()), self._unpacked)

    @property
    def blame(self) -> Blame | None:
        """What is to blame where the gradient is right without it."""
        return Blame("overwritten") if self.overwritten else None

    def _unpacked(self, saved: tuple[Tensor, Tensor]) -> Tensor:
        now, before = saved
        self.overwritten |= not torch.equal(now.nan_to_num(), before.nan_to_num())
        return before


class ZerosKeptBehindChoices:
    """While this is active, what a choice such as ``torch.where`` leaves out gives no nan.

    Its gradient of 0 stays 0 on the way back from there, number by number, also where the slope is
    infinite; but not where something else leads back to the same numbers.

    Example:
        >>> x = torch.tensor([-1.0, 4.0], requires_grad=True)
        >>> y = torch.where(x > 0, x.sqrt(), 0.0).sum()
        >>> with ZerosKeptBehindChoices([y]) as kept:
        ...     torch.autograd.grad(y, x)
        (tensor([0.0000, 0.2500]),)
        >>> kept.choices
        ['torch.where()']
    """

    def __init__(self, outputs: list[Tensor]) -> None:
        self.choices: list[str] = []
        self._functions = list(functions_of(outputs))
        self._first = {output.grad_fn for output in outputs}
        # How many gradients are added up for each backward function, and where they are left out.
        ways = (way for each in self._functions for way in each.next_functions)
        self._ways = Counter([*ways, *((first, 0) for first in self._first)])
        self._left_out: dict[Any, list[Tensor]] = defaultdict(list)
        self._handles: list[Any] = []

    def __enter__(self) -> "ZerosKeptBehindChoices":
        for function in self._functions:
            if not is_leaf(function):
                self._handles.append(function.register_hook(partial(self._pass_on, function)))
            name, _ = _CHOICES.get(function.name(), (None, ""))
            if name is not None and name not in self.choices:
                self.choices.append(name)
        return self

    def __exit__(self, *error: Any) -> None:
        for handle in self._handles:
            handle.remove()

    def _pass_on(
        self, function: Any, gradients: tuple[Tensor | None, ...], _: Any
    ) -> tuple[Tensor | None, ...]:
        """A hook: what is made of what was left out is 0, and left out as well."""
        name, chosen_by = _CHOICES.get(function.name(), (None, ""))
        if function in self._first:
            self._left_out.clear()  # of another walk, or of one that failed
        given = self._left_out[function, 0]
        masks: list[Tensor | None] = [None] * len(gradients)
        if name is not None:
            chosen = getattr(function, chosen_by)
            # Where that is true, torch.where() takes the first, and masked_fill() the second.
            masks = [~chosen, chosen] if name == "torch.where()" else [chosen, ~chosen]
        elif given and len(given) == self._ways[function, 0] and (function, 1) not in self._ways:
            masks = [torch.stack(given).all(dim=0)] * len(gradients)
        kept = list(gradients)
        for number, source in enumerate(function.next_functions):
            gradient, mask = gradients[number], masks[number]
            if gradient is None or mask is None:
                continue
            if mask.shape != gradient.shape:
                mask = mask.all().expand(gradient.shape)
            self._left_out[source].append(mask)
            kept[number] = torch.where(mask & gradient.isnan(), 0.0, gradient)
        return tuple(kept)
