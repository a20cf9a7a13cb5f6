"""Fixtures: an environment that says nothing, and a collector."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import pytest

from .collector import Collector, collecting

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def quiet_environment(fresh: None, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A process that nobody observes, in which no variable of OpenTelemetry is set."""
    for name in os.environ:
        if name.startswith("OTEL_"):
            monkeypatch.delenv(name)
    return monkeypatch


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """The log, from INFO on."""
    caplog.set_level(logging.INFO)
    return caplog


def warnings_of(log: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in log.records if record.levelno > logging.INFO]
