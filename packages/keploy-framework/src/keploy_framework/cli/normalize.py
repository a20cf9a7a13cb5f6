"""``keploy normalize``: accept what came in a run as what is expected."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("--test-run", metavar="RUN", help="the run, or its number (the latest)")
    parser.add_argument(
        "--tests", metavar="TESTS", help="such as 'set-1:test-1 test-2,set-2' (all that failed)"
    )
    parser.add_argument(
        "--allow-high-risk",
        action="store_true",
        help="accept another status, another type and missing fields too",
    )


def run(options: argparse.Namespace) -> int:
    """Accept, and say what was refused; 1 where a test was."""
    from keploy_framework.redaction import Redactor
    from keploy_framework.report.folder import read_run
    from keploy_framework.report.normalize import normalize_run

    from .choices import redaction_of, tree_of
    from .settings import Settings
    from .speaking import print_json, print_text, warn

    settings = Settings(options)
    warn(settings)
    redactor = Redactor.from_environment(settings.environment, redaction_of(settings))
    _, reports = read_run(settings.tree_folder, options.test_run or "")
    result = normalize_run(
        tree_of(settings),
        reports,
        redactor,
        tests=tests_by_set(options.tests),
        allow_high_risk=options.allow_high_risk,
    )
    if options.json:
        print_json(result.as_data())
        return result.exit_code
    for one in result.accepted:
        print_text(f"accepted {one.test_set}/{one.name}: {', '.join(one.paths)}")
    for one in result.refused:
        print_text(f"refused {one.test_set}/{one.name}: {one.reason}")
    if not result.accepted and not result.refused:
        print_text("nothing to accept: no test of the run failed")
    return result.exit_code


def tests_by_set(text: str | None) -> dict[str, tuple[str, ...]] | None:
    """Read ``set:test test,set``; nothing stands for all tests."""
    if not text:
        return None
    found: dict[str, tuple[str, ...]] = {}
    for part in text.split(","):
        name, _, tests = part.strip().partition(":")
        if name:
            found[name.strip()] = tuple(tests.split())
    return found
