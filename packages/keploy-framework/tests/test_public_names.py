"""The public API changes only on purpose."""

from __future__ import annotations

import keploy_framework


def test_the_public_names_are_these_and_sorted():
    assert keploy_framework.__all__ == [
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
    assert all(hasattr(keploy_framework, name) for name in keploy_framework.__all__)
