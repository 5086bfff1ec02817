"""A progress bar for work that takes long; nothing is shown for work that does not."""

from time import process_time
from typing import Any

# Of computing, not of waiting: a bar that appears because the machine is busy with something else
# would be stored in a notebook, and torch's first gradient alone imports for a second.
PATIENCE_SECONDS = 2.0


class Progress:
    """Shows how far some work is, once it has taken a while.

    Example:
        >>> progress = Progress()
        >>> progress.expect(2)
        >>> progress.advance(1)
        >>> progress.close()
    """

    def __init__(self) -> None:
        self._total = 0
        self._done = 0
        self._began = process_time()
        self._bar: Any = None

    def expect(self, parts: int) -> None:
        """Say that the work has some more parts, as far as is known."""
        self._total += parts

    def advance(self, parts: int) -> None:
        """Say that some more parts are done."""
        self._done += parts
        if self._bar is not None:
            self._bar.total = max(self._total, self._done)
            self._bar.update(parts)
        elif process_time() - self._began > PATIENCE_SECONDS:
            self._bar = _bar(self._done, max(self._total, self._done))

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()


def _bar(done: int, total: int) -> Any:
    # Imported when it is needed, because most checks are done before it would be loaded.
    from tqdm import tqdm

    class Bar(tqdm):  # type: ignore[type-arg]
        monitor_interval = 0  # no thread is left behind

    return Bar(total=total, initial=done, desc="check_gradient", unit="call", leave=False)
