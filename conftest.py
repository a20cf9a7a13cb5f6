"""What all tests of the workspace run under."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

BETWEEN_FREEZES = 500  # tests


class FrozenHeap:
    """Keeps what lives to the end of the run out of garbage collections.

    The collected tests and what is told of them are millions of objects. Tests that collect garbage
    to see what is left would look at all of them each time, which took most of their time.
    """

    def __init__(self) -> None:
        self._ended = 0

    def pytest_collection_finish(self) -> None:
        """Freeze what collecting the tests has made."""
        self._freeze()

    def pytest_runtest_logfinish(self) -> None:
        """Freeze what the tests that have ended left for the report."""
        self._ended += 1
        if self._ended % BETWEEN_FREEZES == 0:
            self._freeze()

    def _freeze(self) -> None:
        gc.collect()  # garbage that is frozen would stay
        gc.freeze()


def pytest_configure(config: pytest.Config) -> None:
    """Install it."""
    config.pluginmanager.register(FrozenHeap())
