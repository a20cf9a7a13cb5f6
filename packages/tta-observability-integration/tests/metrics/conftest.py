"""Both sources of cells, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .counted import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .counted import MeterCounted, RegistryCounted


@pytest.fixture(params=list(KINDS))
def counted(request: pytest.FixtureRequest) -> Iterator[RegistryCounted | MeterCounted]:
    """A source of cells, and what was counted with it."""
    made = KINDS[request.param]()
    yield made
    made.close()
