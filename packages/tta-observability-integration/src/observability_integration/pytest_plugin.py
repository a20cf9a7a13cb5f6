"""A pytest plugin: the spans of a test, and a limit on what it may cost.

It comes with the package: the fixtures `spans` and `cost_budget` are there without an import.
Nothing is loaded until a test asks for one of them.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Self, cast, overload

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from observability_integration.cost.budget import CostBudget
    from observability_integration.cost.report import CostReport
    from observability_integration.spans.light_span import LightSpan
    from tta_dev_primitives import ObservabilityPrimitive


class RecordedSpans(Sequence["LightSpan"]):
    """The spans that have ended since the test began, in the order in which they began.

    Args:
        begun: All spans that begin are added here.
    """

    def __init__(self, begun: list[LightSpan]) -> None:
        self._begun = begun

    def _ended(self) -> list[LightSpan]:
        return [span for span in self._begun if span.end_ns]

    def __len__(self) -> int:
        return len(self._ended())

    @overload
    def __getitem__(self, index: int) -> LightSpan: ...
    @overload
    def __getitem__(self, index: slice) -> list[LightSpan]: ...
    def __getitem__(self, index: int | slice) -> LightSpan | list[LightSpan]:
        return self._ended()[index]

    def __repr__(self) -> str:
        return f"<{len(self)} spans>\n{self.tree()}"

    def named(
        self,
        name: str,
        attributes: Mapping[str, Any] | None = None,  # Any: values of attributes
    ) -> list[LightSpan]:
        """Return the spans of this name; `*` in it stands for any text.

        Args:
            name: Such as `cache answers` or `chat *`.
            attributes: What they must have, with these values.
        """
        pattern = name.replace("[", "[[]").replace("?", "[?]")
        wanted = (attributes or {}).items()
        return [
            span
            for span in self._ended()
            if fnmatch.fnmatchcase(span.name, pattern)
            and (not wanted or wanted <= _comparable(span.attributes).items())
        ]

    def one(
        self,
        name: str = "*",
        attributes: Mapping[str, Any] | None = None,  # Any: as above
    ) -> LightSpan:
        """Return the only span of this name, with these attributes.

        Raises:
            AssertionError: There is none, or more than one; the text shows which there are.
        """
        found = self.named(name, attributes)
        if len(found) != 1:
            which = f"span {name!r}" + (f" with {dict(attributes)}" if attributes else "")
            msg = f"expected one {which}, found {len(found)} among {self!r}"
            raise AssertionError(msg)
        return found[0]

    def tree(self) -> str:
        """Return the names, each below the span that it belongs to and further right.

        What did not end as usual says how: `chat gpt-4o [error: TimeoutError]`.
        """
        spans = self._ended()
        known = {span.span_id for span in spans}
        below: dict[int, list[LightSpan]] = {}
        for span in spans:
            below.setdefault(span.parent_id if span.parent_id in known else 0, []).append(span)
        lines: list[str] = []
        waiting = [(0, span) for span in reversed(below.get(0, []))]
        while waiting:
            depth, span = waiting.pop()
            lines.append("  " * depth + span.name + _ending(span))
            waiting += [(depth + 1, child) for child in reversed(below.get(span.span_id, []))]
        return "\n".join(lines)


class WatchedBudget:
    """A cost budget that is watched: to the end of the `with` block, or of the test.

    Costs count from the moment it is made.
    """

    def __init__(self, budget: CostBudget) -> None:
        from observability_integration.cost.accounting import CostObserver
        from tta_dev_primitives import observe

        self._budget, self._costs = budget, CostObserver()
        self._watching = observe(self._costs)
        self._is_open = True
        self._complaint: str | None = None

    @property
    def report(self) -> CostReport:
        """What was spent, wasted and saved so far."""
        return self._costs.report()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Stop watching; the test fails where the budget is broken and nothing else failed."""
        self._stop()
        if kind is None:
            complaint = self.close()
            if complaint is not None:
                pytest.fail(complaint, pytrace=False)

    def close(self) -> str | None:
        """Stop watching, and return what was too much; None where all is well or was told."""
        self._stop()
        complaint, self._complaint = self._complaint, None
        return complaint

    def _stop(self) -> None:
        if self._is_open:
            self._is_open = False
            self._watching.remove()
            self._complaint = self._budget.complaint(self.report)


class CostBudgets:
    """Makes the cost budgets of one test."""

    def __init__(self) -> None:
        self._made: list[WatchedBudget] = []

    def __call__(
        self, *, max_usd: float | None = None, max_calls: int | None = None
    ) -> WatchedBudget:
        """Watch what is spent from now on to the end of the test, or of a `with` block.

        Args:
            max_usd: Most US dollars; None for any. Calls with an unknown price break it.
            max_calls: Most requests to models, failed ones included; None for any.

        Raises:
            ValueError: A limit is negative, or none is given.
        """
        from observability_integration.cost.budget import CostBudget

        budget = WatchedBudget(CostBudget(max_usd, max_calls))
        self._made.append(budget)
        return budget

    def close(self) -> str | None:
        """Stop watching, and return what was too much; None where all is well."""
        complaints = [budget.close() for budget in self._made]
        return "\n".join(filter(None, complaints)) or None


_BUDGETS: Final = pytest.StashKey[CostBudgets]()


@pytest.fixture
def spans() -> Iterator[RecordedSpans]:
    """Record the spans of all primitives that run in the test."""
    from tta_dev_primitives import observe

    observer, begun = _recording()
    with observe(observer):
        yield RecordedSpans(begun)


@pytest.fixture
def cost_budget(request: pytest.FixtureRequest) -> Iterator[CostBudgets]:
    """Fail the test when its calls of models cost more than it allows.

    Use it as `with cost_budget(max_usd=0.01): ...`, or call it for all the rest of the test.
    """
    budgets = CostBudgets()
    cast("pytest.Item", request.node).stash[_BUDGETS] = budgets
    yield budgets
    budgets.close()  # where the test did not get as far as its end


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Hold a test that has ended to its budgets, as a failure of the test itself."""
    budgets = item.stash.get(_BUDGETS, None)
    try:
        result = yield
    except BaseException:
        complaint = None if budgets is None else budgets.close()
        if complaint is not None:
            item.add_report_section("call", "costs", complaint)
        raise
    complaint = None if budgets is None else budgets.close()
    if complaint is not None:
        pytest.fail(complaint, pytrace=False)
    return result


def _recording() -> tuple[ObservabilityPrimitive, list[LightSpan]]:
    """Return an observer that makes spans, and the list that they are added to as they begin."""
    from observability_integration.scope import SCOPE
    from observability_integration.spans.light_span import Scope
    from observability_integration.spans.light_tracer import LightTracer, LightTracerProvider
    from observability_integration.spans.sampling import Sampling
    from observability_integration.tracer import TracerPrimitive

    begun: list[LightSpan] = []

    class Recorder(LightTracer):
        def start_span(self, *args: Any, **options: Any) -> LightSpan:  # Any: handed on
            span = super().start_span(*args, **options)
            begun.append(span)
            return span

    provider = LightTracerProvider(id, Sampling())  # nobody needs to be told of an end
    return TracerPrimitive(Recorder(provider, Scope(SCOPE))), begun


def _ending(span: LightSpan) -> str:
    from observability_integration.semconv.names import ERROR_TYPE, TTA_OUTCOME

    attributes = span.attributes
    outcome = attributes.get(TTA_OUTCOME, "ok")
    error = attributes.get(ERROR_TYPE)
    if outcome == "ok" and error is None:
        return ""
    told = "error" if outcome == "ok" else outcome
    return f" [{told}]" if error in (None, told) else f" [{told}: {error}]"


def _comparable(attributes: Mapping[str, Any]) -> dict[str, Any]:  # Any: values of attributes
    """Return *attributes* with sequences as tuples, however they were set."""
    return {
        key: tuple(cast("Sequence[object]", value)) if isinstance(value, list) else value
        for key, value in attributes.items()
    }
