from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ..instrumentations.tracers import (  # noqa: TID252 - the tests are no package with a name
    KINDS,
    Traced,
    installed,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=KINDS)
def traced(request: pytest.FixtureRequest) -> Iterator[Traced]:
    """A process that is traced: by us, and by a user's SDK."""
    with installed(request.param) as traced:
        yield traced
