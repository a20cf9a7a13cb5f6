"""`tta demo` as a newcomer runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

FIELDS = [
    "requests", "llm_calls", "upstream_calls", "cache_hits", "retries", "fallbacks", "timeouts",
    "errors", "quality", "baseline_quality", "input_tokens", "output_tokens", "cost_usd",
    "baseline_cost_usd", "p50_ms", "p95_ms", "wall_s", "provider",
]  # fmt: skip


def tta(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "tta_dev_primitives", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | environment,
        check=False,
    )


@pytest.mark.slow
def test_the_demo_is_cheaper_and_as_good_with_faults_on() -> None:
    """Every promise of the first command, on the figures it prints itself."""
    done = tta("demo", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert list(report) == FIELDS
    assert report["requests"] == 600
    assert report["errors"] == 0
    assert report["upstream_calls"] < report["llm_calls"]
    assert report["cost_usd"] <= 0.6 * report["baseline_cost_usd"]
    assert report["quality"] >= 0.95 * report["baseline_quality"]
    assert report["retries"] > 0
    assert report["timeouts"] > 0
    assert report["fallbacks"] > 0
    assert report["cache_hits"] > 0
    assert report["provider"] == "simulated"


def test_the_demo_prints_a_table_and_a_trace() -> None:
    """Without --json there is something for people to read, and with --trace a tree of spans."""
    done = tta("demo", "--tickets", "12", "--trace", COLUMNS="100")
    assert done.returncode == 0, done.stderr
    assert "with primitives" in done.stdout
    assert "of the baseline's" in done.stdout
    assert "chat desk-" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--provider", "openai"], "OPENAI_API_KEY"),
        (["--provider", "anthropic"], "ANTHROPIC_API_KEY"),
        (["--provider", "local"], "--group local-llm"),
        (["--tickets", "0"], "at least 1, got '0'"),
        (["--provider", "moon"], "moon"),
    ],
    ids=["openai-key", "anthropic-key", "local-missing", "tickets", "provider"],
)
def test_the_demo_says_in_one_line_what_is_missing(arguments: list[str], complaint: str) -> None:
    """Misuse is exit 2 and one line that names the next move."""
    keys = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL")
    done = tta("demo", *arguments, **dict.fromkeys(keys, ""))
    assert done.returncode == 2
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
