"""Give tests a uv of their own."""

from __future__ import annotations

import pytest

from ..workspace.trees_here import (  # noqa: TID252 - the tests are no package with a name
    set_up_uv,
)


@pytest.fixture
def own_uv(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Let uv run offline, with a cache of its own; skips where there is none."""
    set_up_uv(monkeypatch, tmp_path_factory.mktemp("uv"))
