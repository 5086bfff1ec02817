"""What a backward function passes back, said so that it is true of these very numbers."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from autodiff_helpers.graphs import rules
from autodiff_helpers.graphs.graph import Passed
from autodiff_helpers.graphs.kept import ask_again
from autodiff_helpers.graphs.labels import rule_of
from autodiff_helpers.graphs.rules import Rule
from autodiff_helpers.graphs.values import described, has_numbers, is_written_out, nearly_equal
from autodiff_helpers.words import say


class Passing:
    """What one backward function made of the gradients that arrived at it."""

    def __init__(
        self,
        function: Any,
        rule_for: Callable[[Any, int], Rule],
        arriving: Sequence[Tensor | None],
        passed: Sequence[Tensor | None],
    ) -> None:
        self._function = function
        self._rule_for = rule_for
        self._passed = passed
        self._has_one_result = len(arriving) == 1
        self._arriving = [each for each in arriving if each is not None]
        self._asked = ask_again(function, arriving)

    def to(self, operand: int) -> Passed:
        """What it passed to one of its operands."""
        passed = self._passed[operand] if operand < len(self._passed) else None
        if passed is None:
            return Passed()
        rule = self._rule_for(self._function, operand)
        asked = self._asked[operand] if self._asked else None
        if asked is not None and not nearly_equal(asked, passed):
            rule = rules.HOOKED
        return Passed(described(passed), self._in_words(rule, passed), self._product(rule, operand))

    def _in_words(self, rule: Rule, passed: Tensor) -> str:
        words = rule_of(self._function, rule.phrase, rule.formula)
        if len(self._arriving) != 1 or rule == rules.LOCAL:
            return words
        (arriving,) = self._arriving
        if arriving.is_complex() and rule.factor:
            words = say("{rule}, all but the gradient conjugated", rule=words)
        if arriving.is_complex() and not passed.is_complex():
            words = say("{rule}, of this the real part", rule=words)
        if rule.is_by_element and 0 < passed.numel() < arriving.numel():
            return _summed(words, passed.shape, arriving.shape)
        return words

    def _product(self, rule: Rule, operand: int) -> str:
        """The multiplication, or the division, of two plain numbers."""
        numbers = [*self._arriving, self._passed[operand]]
        is_a_product = self._has_one_result and rule.factor in ("×", "÷")
        if not is_a_product or len(numbers) != 2 or not all(map(_is_plain, numbers)):
            return ""
        arriving, passed = (each for each in numbers if each is not None)
        asked = ask_again(self._function, [torch.ones_like(arriving)])
        factor = asked[operand] if asked else None
        if factor is None:
            return ""
        sign, factor = ("÷", 1 / factor) if rule.factor == "÷" else ("×", factor)
        return f"{_factor(arriving)} {sign} {_factor(factor)} = {described(passed)}"


def _is_plain(number: Tensor | None) -> bool:
    if number is None or number.ndim or not has_numbers(number):
        return False
    return number.is_floating_point()


def _factor(number: Tensor) -> str:
    """A number in a product, a negative one in parentheses."""
    written = described(number)
    return f"({written})" if written.startswith("-") else written


def _summed(rule: str, small: Sequence[int], large: Sequence[int]) -> str:
    """The rule for an operand that was stretched: each of its elements was used several times."""
    padded = [1] * (len(large) - len(small)) + list(small)
    dims = [dim for dim, (one, many) in enumerate(zip(padded, large, strict=True)) if one != many]
    if len(dims) == len([size for size in large if size != 1]):
        return say("{rule}, summed over all elements", rule=rule)
    if len(large) == 2:
        if dims == [0]:
            return say("{rule}, summed over the rows", rule=rule)
        return say("{rule}, summed over the columns", rule=rule)
    return say("{rule}, summed over dim {dims}", rule=rule, dims=", ".join(map(str, dims)))


def in_sum(gradient: Tensor | None, parts: Sequence[Tensor]) -> str:
    """A gradient as the sum of what arrived along several arrows, or as what a hook made of it."""
    if gradient is None:
        return ""
    written = described(gradient)
    terms = " + ".join(map(described, parts))
    if len(parts) > 1 and is_written_out(gradient):
        whole = say("{terms} = {gradient}", terms=terms, gradient=written)
    elif len(parts) > 1:
        whole = say("{count} gradients, in sum {gradient}", count=len(parts), gradient=written)
    else:
        whole = written
    if not parts or nearly_equal(sum(parts[1:], parts[0]), gradient, parts):
        return whole
    return say("{terms}, of which a hook makes {gradient}", terms=terms, gradient=written)
