"""Run test sets, one after the other, each against a fresh start of the app."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from keploy_framework.errors import AppError, KeployPathError
from keploy_framework.matching.templates import Templates
from keploy_framework.process.command import split_command
from keploy_framework.process.readiness import ended as app_ended
from keploy_framework.record.set_writer import SetWriter, WriteRules
from keploy_framework.redaction import Redactor
from keploy_framework.redaction.reveal import secrets_of
from keploy_framework.test_runner import CaseStatus

from .app_under_test import AppUnderTest
from .client import AppClient
from .loaded_set import LoadedSet
from .one_test import TestBench, run_test
from .outcomes import RunOutcome, SetOutcome, SetStatus, TestOutcome
from .requests import Replacements

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from keploy_framework.formats import KeployTree
    from keploy_framework.process import StopSignal

    from .options import ReplayOptions


class Replay:
    """Run recorded tests.

    Tests of a set run one after the other, in the order they were recorded, as state builds up.

    Args:
        tree: Where the sets are.
        options: How to run them.
        stop: Ends the run; what ran until then is reported.
        on_test: Gets each outcome as soon as it is known.
        environment: The environment of the app before it is changed; ``None`` for our own.
    """

    def __init__(
        self,
        tree: KeployTree,
        options: ReplayOptions,
        stop: StopSignal,
        *,
        on_test: Callable[[TestOutcome], None] = lambda _: None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._tree = tree
        self._options = options
        self._stop = stop
        self._on_test = on_test
        self._environment = dict(os.environ if environment is None else environment)
        self._redactor = Redactor.from_environment(self._environment, options.redaction)
        self._answering: LoadedSet | None = None

    async def run(self) -> RunOutcome:
        """Run the sets.

        The app is ended, and its port free, when this returns; cancelled too.

        Raises:
            KeployPathError: A set that was asked for does not exist, or is no name.
            AppError: The command is empty or needs a shell; other faults are in the outcome.
            ListenError: The port of the proxy is taken.
        """
        if self._options.command:
            split_command(self._options.command)
        loaded = self._load()
        if self._options.keep_app_alive or self._options.base_url or not self._options.command:
            return RunOutcome(await self._run_all(loaded))
        outcomes: list[SetOutcome] = []
        for one in loaded:
            outcomes += await self._run_all([one])
            if self._stop.is_set:
                break
        return RunOutcome(tuple(outcomes))

    def _load(self) -> list[LoadedSet]:
        names = self._options.test_sets or tuple(self._options.selected)
        if names:
            for name in names:
                if name not in self._tree.set_names():
                    # The name is checked first: one with ../ is refused as such.
                    folder = self._tree.test_set(name).folder
                    reason = f"there is no test set {name!r} at {folder}; record one, or correct it"
                    raise KeployPathError(reason, name)
            sets = [self._tree.test_set(name) for name in names]
        else:
            sets = self._tree.sets_in_order([])
        return [LoadedSet.read(one, self._options) for one in sets]

    async def _run_all(self, loaded: list[LoadedSet]) -> tuple[SetOutcome, ...]:
        """Run sets against one start of the app."""
        if not any(one.tests for one in loaded):
            return tuple(self._empty(one) for one in loaded)
        ready = self._options.ready
        if not ready.port:
            port = next((one.port for one in loaded if one.port), 0)
            ready = replace(ready, port=port, is_port_sure=False)
        began = time.time_ns()
        base_urls = {
            variable: url for one in loaded for variable, url in one.config.base_urls.items()
        }
        app = AppUnderTest(
            self._options, ready, self._redactor, self._stop, self._environment, base_urls
        )
        outcomes: list[SetOutcome] = []
        self._answering = None
        # An app may call out while it starts, long before its first test.
        self._answer_from(next(one for one in loaded if one.tests), app)
        try:
            async with app:
                for one in loaded:
                    if self._stop.is_set:
                        break
                    outcomes.append(await self._run_set(one, app))
        except AppError as error:
            # Before the first test; later the app's end is seen by the set that runs.
            outcomes += (
                SetOutcome(
                    one.recorded.name,
                    SetStatus.APP_FAULT,
                    self._not_run(one, 0, "not run: the app was not ready"),
                    error.problem,
                    error.last_lines,
                    began=began,
                    ended=time.time_ns(),
                )
                for one in loaded[len(outcomes) :]
            )
        if self._stop.is_set:
            outcomes += (
                SetOutcome(one.recorded.name, SetStatus.USER_ABORT, detail="stopped by the user")
                for one in loaded[len(outcomes) :]
            )
        return tuple(outcomes)

    async def _run_set(self, loaded: LoadedSet, app: AppUnderTest) -> SetOutcome:
        began = time.time_ns()
        name = loaded.recorded.name
        if not loaded.tests:
            return self._empty(loaded)
        self._answer_from(loaded, app)
        templates = Templates(dict(loaded.config.template))
        tests: list[TestOutcome] = []
        silent = 0
        status, detail = SetStatus.PASSED, ""
        async with AppClient(app.host, app.port, secure=app.secure) as client:
            bench = TestBench(
                client,
                self._options.rules.with_noise(self._options.noise, name),
                templates,
                Replacements.from_data(self._options.replace_with, name),
                self._redactor,
                self._options.timeout_seconds,
                app.authority,
                app.prefix,
                secrets_of(self._environment, name),
            )
            for at, (test, case) in enumerate(loaded.tests):
                if self._stop.is_set:
                    status, detail = SetStatus.USER_ABORT, "stopped by the user"
                elif not app.is_alive:
                    status, detail = await self._app_end(app)
                elif self._options.most_failures and silent >= self._options.most_failures:
                    status = SetStatus.APP_FAULT
                    detail = f"the app did not answer {silent} tests in a row; see why it is stuck"
                if status is not SetStatus.PASSED:
                    tests += self._not_run(loaded, at, f"not run: {detail}")
                    break
                if test in loaded.ignored:
                    outcome = TestOutcome(test, name, CaseStatus.IGNORED, case)
                else:
                    book = app.answers.book if app.answers else None
                    running = run_test(test, name, case, bench, book)
                    outcome = await self._unless_stopped(running)
                    if outcome is None:
                        status, detail = SetStatus.USER_ABORT, "stopped by the user"
                        tests += self._not_run(loaded, at, f"not finished: {detail}")
                        break
                is_silent = bool(outcome.began) and outcome.actual is None
                silent = silent + 1 if is_silent else 0
                if is_silent:
                    await app.wait_for_end()
                self._on_test(outcome)
                tests.append(outcome)
        if silent and status is SetStatus.PASSED and not app.is_alive:
            status, detail = await self._app_end(app)
        if app.answers is not None and app.answers.new:
            writer = SetWriter(loaded.recorded, WriteRules(mappings=False), self._redactor)
            for exchange in app.answers.new:
                writer.mock(exchange)
            writer.flush()
        tests += self._damaged(loaded)
        if status is SetStatus.PASSED and any(one.status is CaseStatus.FAILED for one in tests):
            status = SetStatus.FAILED
        if self._options.update_templates and templates.values != loaded.config.template:
            for key, value in templates.values.items():
                loaded.config.put("template", key, value)
            loaded.recorded.write_config(loaded.config)
        return SetOutcome(
            name,
            status,
            tuple(tests),
            detail,
            app.process.last_lines if app.process and status.name.startswith("APP") else (),
            app.answers.book.usage() if app.answers else None,
            began,
            time.time_ns(),
            dict(app.answers.unanswered) if app.answers else {},
        )

    def _answer_from(self, loaded: LoadedSet, app: AppUnderTest) -> None:
        """Answer the app's calls from a set; what it used already stays used."""
        if app.answers is not None and self._answering is not loaded:
            app.answers.use(loaded.mocks, loaded.tests, loaded.mappings)
        self._answering = loaded

    async def _unless_stopped(
        self, running: Coroutine[object, object, TestOutcome]
    ) -> TestOutcome | None:
        """Give the outcome of a test; nothing if somebody asks to stop before it is known."""
        test = asyncio.create_task(running)
        stopped = asyncio.create_task(self._stop.wait())
        both = (test, stopped)
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            return test.result() if test.done() else None
        finally:
            for one in both:
                one.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    async def _app_end(self, app: AppUnderTest) -> tuple[SetStatus, str]:
        assert app.process is not None
        await app.process.drain()
        problem = app_ended(app.process, "while it was tested").problem
        status = SetStatus.APP_FAULT if app.process.returncode else SetStatus.APP_HALTED
        return status, problem

    def _not_run(self, loaded: LoadedSet, at: int, detail: str) -> tuple[TestOutcome, ...]:
        name = loaded.recorded.name
        outcomes = tuple(
            TestOutcome(test, name, CaseStatus.FAILED, case, detail=detail)
            for test, case in loaded.tests[at:]
        )
        for outcome in outcomes:
            self._on_test(outcome)
        return outcomes

    def _damaged(self, loaded: LoadedSet) -> tuple[TestOutcome, ...]:
        """Make failures of files that cannot be read: a run must not pass over them."""
        outcomes = tuple(
            TestOutcome(
                error.file.stem if error.file else "damaged",
                loaded.recorded.name,
                CaseStatus.FAILED,
                detail=str(error),
            )
            for error in loaded.damaged
        )
        for outcome in outcomes:
            self._on_test(outcome)
        return outcomes

    def _empty(self, loaded: LoadedSet) -> SetOutcome:
        now = time.time_ns()
        tests = self._damaged(loaded)
        status = SetStatus.FAILED if tests else SetStatus.NO_TESTS_TO_RUN
        detail = "" if tests else "the set has no tests; record some"
        return SetOutcome(loaded.recorded.name, status, tests, detail, began=now, ended=now)
