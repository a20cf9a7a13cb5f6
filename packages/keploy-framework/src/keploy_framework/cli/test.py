"""``keploy test``: replay recorded tests against the app."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from .exits import APP_FAILED, FAILED, PASSED, UsageError

if TYPE_CHECKING:
    import argparse

    from keploy_framework.mocks.outcomes import OnMiss
    from keploy_framework.replay.options import ReplayOptions
    from keploy_framework.replay.outcomes import RunOutcome

    from .settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from .choices import add_app_arguments

    add_app_arguments(parser)
    parser.add_argument("--host", help="the host the app answers on (loopback)")
    parser.add_argument("--delay", metavar="TIME", help="the most time until the app is ready")
    parser.add_argument(
        "--base-path", metavar="URL", help="where the app runs already; none is started"
    )
    group = parser.add_argument_group("about the tests")
    group.add_argument(
        "-t", "--test-sets", metavar="SETS", help="the sets to run, with commas (all)"
    )
    group.add_argument("--api-timeout", metavar="TIME", help="the most time for one answer (5s)")
    group.add_argument(
        "--max-fail-attempts",
        metavar="NUMBER",
        help="give a set up after so many tests without any answer (5)",
    )
    _add_switch(group, "keep-app-alive", "start the app once for all sets")
    _add_switch(group, "update-template", "keep the values that were learned in the sets")
    _add_switch(group, "remove-unused-mocks", "drop mocks that no test used, if all passed")
    group = parser.add_argument_group("about the verdict")
    group.add_argument("--compat", choices=("strict", "keploy"), help="whose rules (strict)")
    _add_switch(group, "ignore-ordering", "compare arrays in any order (on)")
    _add_switch(group, "compare-all", "compare bodies that are no JSON, with --compat keploy")
    _add_switch(group, "schema-match", "compare names and types only")
    group.add_argument(
        "--disableAutoHeaderNoise",
        dest="disable_auto_header_noise",
        action="store_true",
        default=None,
        help="compare headers such as Date too",
    )
    group = parser.add_argument_group("about outgoing calls")
    _add_switch(group, "mocking", "answer them from mocks (on)")
    group.add_argument(
        "--on-miss",
        choices=("fail", "passthrough", "record"),
        help="what becomes of a call that no mock answers (fail); the others ask its real server",
    )
    group.add_argument(
        "--stream-timing", metavar="PACE", help="original, fast, instant or xN (fast)"
    )
    group = parser.add_argument_group("about the report")
    group.add_argument("--junit", metavar="FILE", help="write JUnit XML too")
    group.add_argument("--html", metavar="FILE", help="write a page to read too")
    _add_switch(group, "full", "print all differences in whole")
    for name in ("--skip-coverage", "--disable-line-coverage"):
        # Scripts made for upstream name them; there is no coverage to leave out here.
        import argparse

        parser.add_argument(name, action="store_true", help=argparse.SUPPRESS)


def run(options: argparse.Namespace) -> int:
    """Replay, report, and tell by the exit code what came of it."""
    from .settings import Settings
    from .speaking import say, warn

    settings = Settings(options)
    warn(settings)
    outcome = asyncio.run(_replay(settings, json_result=bool(options.json)))
    _report(settings, options, outcome)
    if outcome.app_failed:
        return APP_FAILED
    if not outcome.passed and not outcome.tests:
        say(f"no test ran: record some into {settings.tree_folder} first")
    if outcome.passed and settings.flag("remove_unused_mocks", "test.removeUnusedMocks"):
        _remove_unused(settings, outcome)
    return PASSED if outcome.passed else FAILED


async def _replay(settings: Settings, *, json_result: bool) -> RunOutcome:
    from keploy_framework.process import StopSignal
    from keploy_framework.replay.run import Replay

    from .choices import tree_of
    from .speaking import Progress

    progress = Progress()
    with StopSignal() as stop:
        replay = Replay(
            tree_of(settings, cache=True),
            _options(settings, json_result=json_result),
            stop,
            on_test=lambda test: progress.step(f"{test.test_set}/{test.name} {test.status}"),
            environment=settings.environment,
        )
        try:
            return await replay.run()
        finally:
            progress.clear()


def _options(settings: Settings, *, json_result: bool) -> ReplayOptions:
    from keploy_framework.matching.choice.chooser import ChoiceRules
    from keploy_framework.matching.rules import Rules
    from keploy_framework.mocks.book import BookRules
    from keploy_framework.mocks.timing import StreamTiming
    from keploy_framework.process import Readiness
    from keploy_framework.replay.options import ReplayOptions

    from .choices import app_command, outgoing_of, redaction_of
    from .speaking import app_output

    base_url = settings.text("base_path", "test.basePath")
    command = "" if base_url else app_command(settings)
    compat = settings.text("compat", "test.compat", default="strict")
    patience = settings.seconds("health_poll_timeout", "test.healthPollTimeout", default=60.0)
    # The file's delay was a sleep for upstream, and too short for a limit; the option is ours.
    delay = settings.seconds("delay", default=patience)
    host = settings.text("host", default=settings.config.app.host)
    port = settings.port("port", default=settings.config.app.port)
    port = port or settings.port("test_port", "test.port")
    return ReplayOptions(
        command=command,
        base_url=base_url,
        ready=Readiness(port, settings.text("health_url", "test.healthUrl"), min(delay, patience)),
        host="" if host in ("localhost", "0.0.0.0") else host,  # noqa: S104 - not to listen on
        test_sets=settings.names("test_sets"),
        selected=_tests_by_set(settings, "test.selectedTests"),
        ignored=_tests_by_set(settings, "test.ignoredTests"),
        timeout_seconds=_positive(settings.seconds("api_timeout", "test.apiTimeout", default=5.0)),
        mocking=settings.flag("mocking", "test.mocking", default=True),
        keep_app_alive=settings.flag("keep_app_alive", "test.keepAppAlive"),
        most_failures=settings.number("max_fail_attempts", "test.maxFailAttempts", default=5),
        rules=Rules(
            compat="keploy" if compat == "keploy" else "strict",
            ignore_ordering=settings.flag("ignore_ordering", "test.ignoreOrdering", default=True),
            compare_all=settings.flag("compare_all", "test.compareAll"),
            schema_match=settings.flag("schema_match", "test.schemaMatch"),
            volatile_headers=not settings.flag(
                "disable_auto_header_noise", "test.disableAutoHeaderNoise"
            ),
        ),
        noise=settings.config.test.global_noise,
        mocks=BookRules(
            choice=ChoiceRules(
                strict_window=settings.flag(
                    "strict_mock_window", "test.strictMockWindow", default=True
                )
            ),
            on_miss=cast("OnMiss", settings.text("on_miss", default="fail")),
            timing=StreamTiming.parse(
                settings.text("stream_timing", "test.streamTiming", default="fast")
            ),
        ),
        outgoing=outgoing_of(settings),
        redaction=redaction_of(settings),
        replace_with=settings.in_file("test.replaceWith"),
        update_templates=settings.flag("update_template", "test.updateTemplate"),
        output=app_output(json_result=json_result),
    )


def _report(settings: Settings, options: argparse.Namespace, outcome: RunOutcome) -> None:
    from pathlib import Path

    from keploy_framework.redaction import Redactor
    from keploy_framework.report.building import set_report
    from keploy_framework.report.folder import write_run

    from .choices import app_command, redaction_of
    from .reports import show_run, write_text
    from .speaking import say

    redactor = Redactor.from_environment(settings.environment, redaction_of(settings))
    command = app_command(settings, needed=False)
    reports = [set_report(one, redactor, command=command) for one in outcome.sets]
    if not reports:
        return
    folder = write_run(settings.tree_folder, reports)
    run_name = folder.name
    show_run(run_name, reports, redactor, options, settings)
    for option, kind in (("junit", "junit"), ("html", "html")):
        target = settings.text(option)
        if target:
            write_text(Path(target), run_name, reports, redactor, kind)
            say(f"wrote {target}")
    if not options.json:
        say(f"the report is in {folder}")


def _remove_unused(settings: Settings, outcome: RunOutcome) -> None:
    from .choices import tree_of
    from .speaking import say

    tree = tree_of(settings)
    for one in outcome.sets:
        unused = one.usage.unused if one.usage else ()
        if not unused:
            continue
        recorded = tree.test_set(one.name)
        mocks = recorded.mocks()
        kept = [mock for mock in mocks if mock.name not in unused]
        recorded.write_mocks(kept)
        say(f"removed {len(mocks) - len(kept)} mocks of {one.name} that no test used")


def _tests_by_set(settings: Settings, key: str) -> dict[str, frozenset[str]]:
    from keploy_framework.checks import checked_mapping, checked_texts

    found = checked_mapping(settings.in_file(key), key)
    return {
        name: frozenset(checked_texts(tests or [], f"{key}.{name}"))
        for name, tests in found.items()
    }


def _positive(seconds: float) -> float:
    if seconds <= 0:
        problem = f"--api-timeout must be positive, got {seconds:g}; give it like 5s"
        raise UsageError(problem)
    return seconds


def _add_switch(group: argparse._ArgumentGroup, name: str, summary: str) -> None:  # pyright: ignore[reportPrivateUsage]
    import argparse

    group.add_argument(
        f"--{name}", action=argparse.BooleanOptionalAction, default=None, help=summary
    )
