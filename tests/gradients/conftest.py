"""What must hold of everything that check_gradient says, whatever a test asks for."""

import numpy as np
import pytest
import torch

from autodiff_helpers import GradientCheck
from autodiff_helpers.gradients import check
from autodiff_helpers.gradients.function import Caller, outputs_of
from autodiff_helpers.gradients.pieces import flat
from autodiff_helpers.gradients.progress import Progress


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "not_called_again(why): the user's own value cannot be asked for once more"
    )


@pytest.fixture(autouse=True)
def every_table_fits_its_verdict(monkeypatch):
    """What passed has no NO in its table, and both numbers of a NO are seen to differ."""
    init = GradientCheck.__init__

    def made(self, *args, **kwargs):
        init(self, *args, **kwargs)
        rows = [line.split() for line in str(self).splitlines() if line.endswith("  NO")]
        assert not (self.passed and rows), str(self)
        for *_, analytic, numeric, _ in rows:
            assert analytic != numeric, str(self)

    monkeypatch.setattr(GradientCheck, "__init__", made)


@pytest.fixture(autouse=True)
def what_passed_is_the_users_own_function(request, monkeypatch):
    """What passed was checked with the value that the user's own call gives, up to rounding."""
    if request.node.get_closest_marker("not_called_again"):
        return
    recorded, init = check.recorded, GradientCheck.__init__
    calls = []

    def noted(f, inputs, progress, begun, **kwargs):
        function = recorded(f, inputs, progress, begun, **kwargs)
        calls.append((Caller(f, inputs, Progress(), begun), function, kwargs))
        return function

    def made(self, *args, **kwargs):
        init(self, *args, **kwargs)
        caller, function, arguments = calls.pop()
        if self.passed:
            try:
                outputs = outputs_of(caller, **arguments)
            except (RuntimeError, ValueError):
                return  # inputs and parameters of different dtypes work together in float64 only
            own = flat([x for _, x in outputs]).numpy(force=True)
            epsilon = max(torch.finfo(piece.dtype).eps for piece in caller.pieces)
            np.testing.assert_allclose(function.value, own, rtol=1000 * epsilon, atol=100 * epsilon)

    monkeypatch.setattr(check, "recorded", noted)
    monkeypatch.setattr(GradientCheck, "__init__", made)
