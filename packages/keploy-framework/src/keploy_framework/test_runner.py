"""Run recorded tests against an API, and what a run came to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from keploy_framework.errors import KeployResultsError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable


class CaseStatus(StrEnum):
    """How one test case ended, as Keploy's reports spell it."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    IGNORED = "IGNORED"
    OBSOLETE = "OBSOLETE"


@dataclass(frozen=True, slots=True)
class TestCaseResult:
    """One test case of a run.

    Args:
        name: The test's name, such as ``test-3``.
        status: How it ended.
        test_set: The set it belongs to; may be empty.
        detail: Why it failed, in one line; may be empty.
    """

    __test__: ClassVar[bool] = False  # pytest would collect it for its name

    name: str
    status: CaseStatus
    test_set: str = ""
    detail: str = ""

    def __str__(self) -> str:
        label = f"{self.test_set}/{self.name}" if self.test_set else self.name
        return f"{label} ({self.detail})" if self.detail else label


@dataclass(frozen=True, slots=True, init=False)
class TestResults:
    """The counts of a run, and its cases where they are known.

    ``total`` may exceed ``passed + failed``: the rest was ignored or is obsolete.

    Args:
        total: How many test cases there were.
        passed: How many passed.
        failed: How many failed.
        pass_rate: Percentage of ``total`` that passed, 0 to 100; may be rounded or cut to a whole
            percent. Computed when not given; 0.0 when there were no tests.
        test_cases: The cases, all or some; kept as a tuple.

    Raises:
        KeployResultsError: The numbers contradict one another.
    """

    __test__: ClassVar[bool] = False  # pytest would collect it for its name

    total: int
    passed: int
    failed: int
    pass_rate: float
    test_cases: tuple[TestCaseResult, ...]

    def __init__(
        self,
        *,
        total: int,
        passed: int,
        failed: int,
        pass_rate: float | None = None,
        test_cases: Iterable[TestCaseResult] = (),
    ) -> None:
        if passed < 0 or failed < 0 or passed + failed > total:
            msg = (
                f"{passed} passed and {failed} failed of {total} in total cannot be; "
                "count every test case once, from 0 up"
            )
            raise KeployResultsError(msg)
        computed = 100 * passed / total if total else 0.0
        rate = computed if pass_rate is None else pass_rate
        if not abs(rate - computed) < 1:
            msg = (
                f"pass_rate {rate!r} is not the percentage that {passed} of {total} passed make, "
                f"{computed:.1f}; leave it out to have it computed"
            )
            raise KeployResultsError(msg)
        # A frozen record is filled this way in its own constructor only.
        object.__setattr__(self, "total", total)
        object.__setattr__(self, "passed", passed)
        object.__setattr__(self, "failed", failed)
        object.__setattr__(self, "pass_rate", rate)
        object.__setattr__(self, "test_cases", tuple(test_cases))

    @property
    def is_success(self) -> bool:
        """Whether something passed and nothing failed; a run without tests is no success."""
        return self.failed == 0 and self.passed > 0


class KeployTestRunner:
    """Run recorded tests against an API that runs already.

    Args:
        api_url: Where it answers; its path comes before that of every test.
        keploy_dir: The folder of recordings.
        timeout: How long one answer may take, in seconds.

    Raises:
        ValueError: *timeout* is not positive.
    """

    def __init__(
        self,
        api_url: str,
        *,
        keploy_dir: str | os.PathLike[str] = "keploy",
        timeout: float = 5.0,
    ) -> None:
        if not timeout > 0:
            msg = f"timeout must be positive, got {timeout!r}; give seconds above 0"
            raise ValueError(msg)
        self.api_url = api_url
        self.keploy_dir = Path(keploy_dir)
        self.timeout = timeout

    def run(self, *test_sets: str) -> TestResults:
        """Run sets and give what came of them; see `run_async`.

        Call it where no event loop runs.
        """
        import asyncio

        return asyncio.run(self.run_async(*test_sets))

    async def run_async(self, *test_sets: str) -> TestResults:
        """Run sets one after the other, and their tests in the order they were recorded.

        What is wrong with a test or an answer is a failed case, with the reason in its detail.
        Calls of the API to others are its own affair.

        Args:
            test_sets: The names of the sets; none for all.

        Raises:
            KeployPathError: There is no such set.
            AppError: The URL is none.
        """
        from keploy_framework.formats import KeployTree
        from keploy_framework.process import StopSignal
        from keploy_framework.replay.options import ReplayOptions
        from keploy_framework.replay.run import Replay

        options = ReplayOptions(
            base_url=self.api_url, test_sets=test_sets, timeout_seconds=self.timeout
        )
        outcome = await Replay(KeployTree(self.keploy_dir), options, StopSignal()).run()
        return outcome.results()
