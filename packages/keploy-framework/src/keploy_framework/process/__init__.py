"""The app under test as a process tree: started, found, watched, and always ended."""

from __future__ import annotations

from .app import AppProcess
from .moving import PortMove
from .readiness import AppAddress, Readiness, wait_until_ready
from .stopping import StopSignal

__all__ = [
    "AppAddress",
    "AppProcess",
    "PortMove",
    "Readiness",
    "StopSignal",
    "wait_until_ready",
]
