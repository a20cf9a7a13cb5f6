"""A fixture that runs pytest within a test."""

from __future__ import annotations

import pytest

from .runs import Runs


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Runs of pytest in a folder of their own, with our plugin and no other."""
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return Runs(pytester)
