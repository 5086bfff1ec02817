"""What is written of a tensor: torch's own way of printing numbers, only faster."""

import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autodiff_helpers.graphs.values import described
from autodiff_helpers.rounding import as_torch_prints, coordinate


def as_printed(tensor):
    """The numbers as `print` shows them, without the spaces that put them in columns."""
    printed = re.sub(r"^tensor\(|,\s*dtype=[\w.]+|\)$", "", str(tensor))
    return re.sub(r"(?<=\[) +", "", re.sub(r"\s+", " ", printed))


NUMBERS = [0.0, -0.0, 1.0, -3.0, 0.5, 1e-5, 123456.0, 1e9, float("nan"), float("inf")]


@given(st.lists(st.sampled_from(NUMBERS) | st.floats(width=32), max_size=5), st.booleans())
def test_numbers_are_written_as_torch_prints_them(numbers, are_complex):
    tensor = torch.tensor(numbers, dtype=torch.float64)
    if are_complex:
        tensor = torch.complex(tensor, tensor.flip(0))
    assert f"[{', '.join(as_torch_prints(tensor.tolist()))}]" == as_printed(tensor)


@pytest.mark.parametrize("options", [{"precision": 2}, {"sci_mode": True}, {"sci_mode": False}])
def test_torchs_print_options_count(options):
    with torch._tensor_str.printoptions(**options):
        for tensor in (torch.tensor([1e-6, 0.5]), torch.tensor([2.0, 3.0])):
            assert described(tensor) == as_printed(tensor)


def test_the_dtype_is_written_once():
    wide = torch.tensor([-126.8169, -69.3909, -75.7737, -252.665, 152.3875], dtype=torch.float64)
    assert described(wide) == "[-126.8169, -69.3909, -75.7737, -252.6650, 152.3875] float64"


def test_whole_numbers_and_truth_values_are_written_as_they_are():
    assert described(torch.tensor([1, -20])) == "[1, -20]"
    assert described(torch.tensor(True)) == "True"
    assert described(torch.tensor([3], dtype=torch.int8)) == "[3] int8"


def test_what_has_too_many_numbers_or_none_goes_by_its_shape():
    assert described(torch.full((7,), 2.0)) == "shape [7], norm 5.29"
    assert described(torch.ones(1, 1, dtype=torch.float64)) == "shape [1, 1] float64, norm 1"
    assert described(torch.full((7,), 3e4j)) == "shape [7] complex64, norm 7.94e+04"
    assert described(torch.full((7,), 1e-30)) == "shape [7], norm 2.65e-30"
    assert described(torch.zeros(7, dtype=torch.int64)) == "shape [7]"
    assert described(torch.zeros(0, 3)) == "shape [0, 3]"
    assert described(torch.zeros(2, device="meta")) == "shape [2]"
    rows = torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged)
    assert described(rows) == "nested, 2 parts"


def test_a_coordinate_has_two_decimals_at_most():
    assert [coordinate(length) for length in (12.0, 10.5, 1.256, 100, -3.001)] == [
        "12",
        "10.5",
        "1.26",
        "100",
        "-3",
    ]
