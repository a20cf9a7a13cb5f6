"""``keploy record``: run an app and record it."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Final

from .exits import APP_FAILED, FAILED, PASSED, UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from keploy_framework.record.recorder import RecordSummary
    from keploy_framework.record.run import RecordOptions
    from keploy_framework.record.set_writer import WriteRules

    from .settings import Settings

_SWITCH_SECONDS: Final = 0.0005


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from .choices import add_app_arguments

    add_app_arguments(parser)
    group = parser.add_argument_group("about the recording")
    group.add_argument("--test-set", metavar="NAME", help="the set to write (the next free one)")
    group.add_argument("--record-timer", metavar="TIME", help="stop by itself after this time")
    group.add_argument(
        "--test-case-naming", choices=("descriptive", "sequential"), help="how tests are named"
    )
    group.add_argument(
        "--metadata", metavar="KEY=VALUE,...", help="what the set tells about itself"
    )
    group.add_argument("--pass-through-ports", metavar="PORTS", help="ports that are not recorded")
    group.add_argument("--storage-format", choices=("yaml", "json"), help="how files are written")
    group.add_argument(
        "--disable-mapping", action="store_true", default=None, help="map no mocks to tests"
    )
    group.add_argument(
        "--no-auto-noise",
        dest="auto_noise",
        action="store_false",
        default=None,
        help="find no fields that will differ",
    )
    group.add_argument(
        "--no-move",
        dest="move",
        action="store_false",
        default=None,
        help="leave the app on its port, and record on another one",
    )


def run(options: argparse.Namespace) -> int:
    """Record, and say what came of it."""
    from .settings import Settings
    from .speaking import print_json, say, warn

    settings = Settings(options)
    warn(settings)
    # The writing thread must not keep the relay waiting for the usual 5 ms.
    sys.setswitchinterval(_SWITCH_SECONDS)
    summary = asyncio.run(_record(settings, json_result=bool(options.json)))
    for reason, count in summary.lost.items():
        say(f"{count} could not be recorded: {reason}")
    for reason, count in summary.unread.items():
        say(f"{count} kept undecoded: {reason}")
    for test, why in summary.incomplete.items():
        say(f"{test} lacks the mock of a call that was not recorded: {why}")
    if options.json:
        print_json(_data(summary))
    else:
        print_summary(summary, settings)
    written = not any(reason.startswith(("not-written", "fault")) for reason in summary.lost)
    if summary.app_code:
        return APP_FAILED
    return PASSED if written else FAILED


def print_summary(summary: RecordSummary, settings: Settings) -> None:
    """Say in a line or two what was recorded."""
    from .speaking import print_text

    if not summary.tests and not summary.mocks:
        print_text("nothing was recorded: no call came while the app ran")
        return
    secrets = sum(summary.redacted.values())
    hidden = f", {secrets} secrets replaced" if secrets else ""
    left = f", {summary.left_out} left out by filters" if summary.left_out else ""
    place = settings.tree_folder / summary.test_set
    print_text(
        f"recorded {_count(summary.tests, 'test')} and {_count(summary.mocks, 'mock')} "
        f"in {place}{hidden}{left}"
    )


async def _record(settings: Settings, *, json_result: bool) -> RecordSummary:
    from keploy_framework.process import StopSignal
    from keploy_framework.record.run import record

    from .choices import tree_of
    from .speaking import say

    with StopSignal() as stop:
        return await record(
            tree_of(settings),
            _options(settings, json_result=json_result),
            stop,
            say=say,
            environment=settings.environment,
        )


def _options(settings: Settings, *, json_result: bool) -> RecordOptions:
    from keploy_framework.process import Readiness
    from keploy_framework.record.run import RecordOptions

    from .choices import app_command, outgoing_of, redaction_of
    from .speaking import app_output

    return RecordOptions(
        command=app_command(settings),
        ready=Readiness(
            settings.port("port", default=settings.config.app.port),
            settings.text("health_url", "test.healthUrl"),
            settings.seconds("health_poll_timeout", "test.healthPollTimeout", default=60.0),
        ),
        test_set=settings.text("test_set"),
        timer_seconds=settings.seconds("record_timer", "record.recordTimer"),
        write=_write_rules(settings),
        redaction=redaction_of(settings),
        outgoing=outgoing_of(settings),
        move=settings.flag("move", default=True),
        output=app_output(json_result=json_result),
    )


def _write_rules(settings: Settings) -> WriteRules:
    from keploy_framework.record.filters import Filter
    from keploy_framework.record.set_writer import WriteRules

    from .choices import list_of

    naming = settings.text("test_case_naming", "record.testCaseNaming", default="descriptive")
    if naming not in ("descriptive", "sequential"):
        problem = f"tests are named descriptive or sequential, not {naming!r}; choose one"
        raise UsageError(problem)
    return WriteRules(
        naming="sequential" if naming == "sequential" else "descriptive",
        filters=tuple(
            Filter.from_data(raw, f"record.filters[{at}]")
            for at, raw in enumerate(list_of(settings, "record.filters"))
        ),
        auto_noise=settings.flag("auto_noise", "record.autoNoise", default=True),
        mappings=not settings.flag("disable_mapping", "disableMapping"),
        metadata=_metadata(settings),
    )


def _metadata(settings: Settings) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for pair in settings.names("metadata", "record.metadata"):
        name, sign, value = pair.partition("=")
        if not name or not sign:
            problem = f"{pair!r} is no metadata; write it like team=shop,stage=dev"
            raise UsageError(problem)
        pairs[name.strip()] = value.strip()
    return pairs


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _data(summary: RecordSummary) -> Mapping[str, object]:
    from dataclasses import asdict

    return asdict(summary)
