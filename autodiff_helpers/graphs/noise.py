"""What rounding left of a gradient that is 0: it is taken for 0, so that no noise is shown."""

from collections.abc import Sequence

from torch import Tensor

from autodiff_helpers.graphs.flow import BackwardFlow
from autodiff_helpers.graphs.kept import ask_again
from autodiff_helpers.graphs.leftover import is_left_over, with_turned_signs
from autodiff_helpers.graphs.values import has_numbers


def without_noise(flow: BackwardFlow) -> None:
    """Set to 0 what is left of a 0 only because numbers were rounded.

    A gradient that is merely small is no noise. Noise is what is left where large terms cancel, in
    an operation or at a tensor that is used several times: with other signs their sum is large.
    """
    for function, arriving in flow.arriving.items():
        settled = [
            _settle(each, flow.parts.get((function, number), []))
            for number, each in enumerate(arriving)
            if each is not None
        ]
        passed = flow.passed.get(function, ())
        turned = ask_again(
            function, [each if each is None else with_turned_signs(each) for each in arriving]
        )
        for operand, gradient in enumerate(passed):
            if gradient is None or not has_numbers(gradient):
                continue
            large = turned[operand] if turned else None
            is_from_noise = any(settled) and not any(_any(each) for each in arriving)
            if is_from_noise or (large is not None and is_left_over(gradient, [large])):
                gradient.zero_()
    for place, gradient in flow.leaves.items():
        flow.leaves[place] = gradient.clone()
        _settle(flow.leaves[place], flow.parts.get(place, []))


def _settle(gradient: Tensor, parts: Sequence[Tensor]) -> bool:
    """Set a sum of several parts to 0 if it is noise, and say whether it was."""
    if not has_numbers(gradient) or not _any(gradient):
        return False
    from_noise = bool(parts) and not any(map(_any, parts))
    if from_noise or (len(parts) > 1 and is_left_over(gradient, parts)):
        gradient.zero_()
        return True
    return False


def _any(gradient: Tensor | None) -> bool:
    return gradient is not None and bool(gradient.any())
