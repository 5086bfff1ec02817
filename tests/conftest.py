"""Settings for all tests."""

from hypothesis import settings

# The same examples on every run, so that a test is red or green for everybody; and no deadline,
# because no test here measures time.
settings.register_profile("proof", derandomize=True, deadline=None)
settings.load_profile("proof")
