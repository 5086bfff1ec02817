"""The languages, for everything that is tested: tests, examples in docstrings, notebooks."""

import pytest
from compile_catalogues import compile_catalogues


def pytest_configure(config):
    """What is tested is the catalogues as they stand, whatever was installed."""
    if not hasattr(config, "workerinput"):
        compile_catalogues()


@pytest.fixture(autouse=True)
def in_english():
    """No test leaves another language to the next one."""
    yield
    # Not above: tests/conftest.py says with how many threads torch is loaded.
    from autodiff_helpers import set_language

    set_language("en")
