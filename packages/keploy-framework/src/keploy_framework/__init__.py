"""Read and write Keploy configuration, and hold API test runs to a pass rate."""

from __future__ import annotations

from keploy_framework.config import KeployConfig
from keploy_framework.errors import (
    KeployConfigError,
    KeployConfigNotFoundError,
    KeployError,
    KeployResultsError,
)
from keploy_framework.test_runner import CaseStatus, TestCaseResult, TestResults
from keploy_framework.validation import ResultValidator

__all__ = [
    "CaseStatus",
    "KeployConfig",
    "KeployConfigError",
    "KeployConfigNotFoundError",
    "KeployError",
    "KeployResultsError",
    "ResultValidator",
    "TestCaseResult",
    "TestResults",
]
