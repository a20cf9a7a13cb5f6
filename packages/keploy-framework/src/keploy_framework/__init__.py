"""Read and write Keploy configuration, and hold API test runs to a pass rate."""

from __future__ import annotations

from keploy_framework.config import AppConfig, KeployConfig, TestConfig
from keploy_framework.errors import (
    KeployConfigError,
    KeployConfigNotFoundError,
    KeployError,
    KeployResultsError,
)
from keploy_framework.test_runner import CaseStatus, TestCaseResult, TestResults
from keploy_framework.validation import ResultValidator

__all__ = [
    "AppConfig",
    "CaseStatus",
    "KeployConfig",
    "KeployConfigError",
    "KeployConfigNotFoundError",
    "KeployError",
    "KeployResultsError",
    "ResultValidator",
    "TestCaseResult",
    "TestConfig",
    "TestResults",
]
