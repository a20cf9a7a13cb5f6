"""Every primitive's spans, field by field, under every tracer."""

from __future__ import annotations

import pytest

from . import golden_core, golden_llm, golden_performance, golden_recovery, golden_sagas
from .golden_tracers import TRACERS, UNTOLD, Case, run_case

CASES: list[Case] = [
    *golden_core.CASES,
    *golden_llm.CASES,
    *golden_performance.CASES,
    *golden_recovery.CASES,
    *golden_sagas.CASES,
]


@pytest.mark.parametrize("tracer_kind", TRACERS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_spans_say_what_the_table_says(case: Case, tracer_kind: str) -> None:
    """A name that changes breaks somebody's dashboard."""
    spans = await run_case(case, tracer_kind)
    assert [span["name"] for span in spans] == [span["name"] for span in case.expected]
    for span, expected in zip(spans, case.expected, strict=True):
        untold = {key: [] for key in UNTOLD.get(tracer_kind, ())}
        assert span == {**expected, **untold}
