"""What a student's code is asked, and what is right, are taken apart; and answers are compared."""

import pytest
import torch
from grading.hidden import Hidden, hidden_in, same
from grading.student import plain

TEST = """\
check_gradient(f, x).hint()
### BEGIN HIDDEN TESTS
x = torch.ones(2)
same(f(x), -25.5)
same(f(2 * x), [1, (2, 3)])
### END HIDDEN TESTS"""


def test_a_hidden_test_is_taken_apart():
    assert hidden_in(TEST) == Hidden(
        shown="check_gradient(f, x).hint()\n",
        setup="x = torch.ones(2)",
        asked=("f(x)", "f(2 * x)"),
        right=(-25.5, [1, (2, 3)]),
    )


def test_a_cell_without_one_is_left_as_it_is():
    assert hidden_in("1 + 1") == Hidden("1 + 1")


def test_what_is_right_must_be_written_down_and_not_computed():
    with pytest.raises(ValueError, match="malformed"):
        hidden_in(TEST.replace("-25.5", "f(x)"))


@pytest.mark.parametrize(
    ("answered", "right", "is_same"),
    [
        (12, 12, True),
        (12.0004, 12, True),
        (12.01, 12, False),
        ([6, -8], [6, -8], True),
        ([6, -8], [-8, 6], False),
        ([12], 12, False),
        ([[1, 2], [3]], [[1, 2], [3, 4]], False),
        (1e-8, 0, True),
        (float("nan"), 0, False),
        (True, 1, True),
        (None, 0, False),
        ("12", 12, False),
        ("a Cheat", 12, False),
    ],
)
def test_an_answer_is_compared_up_to_rounding(answered, right, is_same):
    assert same(answered, right) == is_same


class AlwaysEqual:
    def __eq__(self, other):
        return True

    __hash__ = None


def test_only_numbers_and_words_come_back_from_a_student():
    given = [torch.tensor([1.0, 2.0]), (3, None), AlwaysEqual(), "four"]
    assert plain(given) == [[1.0, 2.0], [3, None], "a AlwaysEqual", "four"]
