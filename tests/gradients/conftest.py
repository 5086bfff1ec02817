"""What must hold of everything that check_gradient says, whatever a test asks for."""

import pytest

from autodiff_helpers import GradientCheck


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
