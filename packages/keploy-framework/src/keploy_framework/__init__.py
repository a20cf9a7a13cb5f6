"""Record real API traffic as tests and mocks, and replay it, in Keploy's own files."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .config import KeployConfig
    from .errors import (
        AppError,
        KeployConfigError,
        KeployConfigNotFoundError,
        KeployError,
        KeployFormatError,
        KeployPathError,
        KeployReportError,
        KeployResultsError,
    )
    from .formats import KeployTree, Mock, TestCase, validate_tree
    from .recorder import RecordingSession
    from .test_runner import CaseStatus, KeployTestRunner, TestCaseResult, TestResults
    from .validation import ResultValidator

# Found when they are asked for, so that a command which needs little starts at once.
_HOMES: Final = {
    "AppError": "errors",
    "CaseStatus": "test_runner",
    "KeployConfig": "config",
    "KeployConfigError": "errors",
    "KeployConfigNotFoundError": "errors",
    "KeployError": "errors",
    "KeployFormatError": "errors",
    "KeployPathError": "errors",
    "KeployReportError": "errors",
    "KeployResultsError": "errors",
    "KeployTestRunner": "test_runner",
    "KeployTree": "formats",
    "Mock": "formats",
    "RecordingSession": "recorder",
    "ResultValidator": "validation",
    "TestCase": "formats",
    "TestCaseResult": "test_runner",
    "TestResults": "test_runner",
    "validate_tree": "formats",
}

__all__ = [
    "AppError",
    "CaseStatus",
    "KeployConfig",
    "KeployConfigError",
    "KeployConfigNotFoundError",
    "KeployError",
    "KeployFormatError",
    "KeployPathError",
    "KeployReportError",
    "KeployResultsError",
    "KeployTestRunner",
    "KeployTree",
    "Mock",
    "RecordingSession",
    "ResultValidator",
    "TestCase",
    "TestCaseResult",
    "TestResults",
    "validate_tree",
]


def __getattr__(name: str) -> Any:  # Any: each name has its own type, declared above
    home = _HOMES.get(name)
    if home is None:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    value = getattr(importlib.import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
