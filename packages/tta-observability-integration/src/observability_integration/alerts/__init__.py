"""Alert rules for Prometheus, as files to mount or to copy."""

from __future__ import annotations

from pathlib import Path


def alert_rule_files() -> list[Path]:
    """Return the rule files of this package, for `rule_files` of Prometheus."""
    return sorted(Path(__file__).parent.glob("*.rules.yml"))
