"""The public API changes only on purpose."""

from __future__ import annotations

import keploy_framework


def test_the_public_names_are_these_and_sorted():
    assert keploy_framework.__all__ == [
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
    assert all(hasattr(keploy_framework, name) for name in keploy_framework.__all__)
