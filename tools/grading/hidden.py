"""Hidden tests: what a student's code is asked, and what is right.

A hidden test is a list of ``same(asked, right)`` in a cell of nbgrader, after what prepares them.
The first of the two is worked out in the student's process; the second is a number, or a list of
them, that never goes there. So nobody earns points by reading it, or by replacing what compares.
"""

import ast
import re
from typing import Any, NamedTuple

import numpy as np

REGION = re.compile(r"^### BEGIN HIDDEN TESTS\n(.*?)^### END HIDDEN TESTS$", re.M | re.S)
RELATIVE, ABSOLUTE = 1e-4, 1e-6


class Hidden(NamedTuple):
    """The hidden test of a cell; without any where the cell has none."""

    shown: str
    """The code that students have, too."""
    setup: str = ""
    """Statements that come before the questions."""
    asked: tuple[str, ...] = ()
    """Expressions."""
    right: tuple[Any, ...] = ()
    """Their values."""


def hidden_in(source: str) -> Hidden:
    """Take the code of a cell apart."""
    region = REGION.search(source)
    if region is None:
        return Hidden(source)
    setup, asked, right = [], [], []
    for statement in ast.parse(region[1]).body:
        match statement:
            case ast.Expr(ast.Call(ast.Name("same"), [question, answer])):
                asked.append(ast.unparse(question))
                right.append(ast.literal_eval(answer))
            case _:
                setup.append(ast.unparse(statement))
    return Hidden(REGION.sub("", source), "\n".join(setup), tuple(asked), tuple(right))


def same(answered: Any, right: Any) -> bool:
    """Whether an answer is right, up to the rounding of float32."""
    try:
        one, other = np.asarray(answered), np.asarray(right)
    except ValueError:
        return False
    comparable = one.shape == other.shape and one.dtype.kind in "biuf"
    return comparable and bool(np.allclose(one, other, rtol=RELATIVE, atol=ABSOLUTE))
