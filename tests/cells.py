"""Run a cell of a notebook in the process of a test."""

import ast
import io
from contextlib import redirect_stdout


def run(source, names):
    """Run a cell; return what it prints, its last expression, and its error, if it raises one."""
    *statements, last = ast.parse(source).body
    mode = "eval" if isinstance(last, ast.Expr) else "exec"
    last = ast.Expression(last.value) if mode == "eval" else ast.Module([last], [])
    value = error = None
    with redirect_stdout(io.StringIO()) as printed:
        try:
            exec(compile(ast.Module(statements, []), "cell", "exec"), names)
            value = eval(compile(last, "cell", mode), names)
        except Exception as raised:
            error = f"{type(raised).__name__}: {raised}"
    return printed.getvalue(), value, error
