from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .findings_here import SOURCE, found, reported


def fingerprints(*findings, source: str = SOURCE) -> list[str]:
    return [each.fingerprint for each in reported(*findings, source=source)]


@given(st.integers(0, 50))
def test_lines_above_do_not_count(above: int) -> None:
    """Somebody added imports at the top, and every accepted finding came back as new."""
    moved = "\n" * above + SOURCE
    assert fingerprints(found(5)) == fingerprints(found(5 + above), source=moved)


@pytest.mark.parametrize("indent", ["", "\t", " " * 12])
def test_indent_does_not_count(indent: str) -> None:
    """Wrapping code into a `with` brought its findings back."""
    source = SOURCE.replace("    client =", f"{indent}client =")
    assert fingerprints(found()) == fingerprints(found(), source=source)


def test_message_and_column_do_not_count() -> None:
    """A better wording of a rule made every baseline worthless."""
    assert fingerprints(found()) == fingerprints(found(column=4, message="no timeout given"))


@pytest.mark.parametrize(
    "other",
    [found(code="TTA102"), found(qualname="tell"), found(line=6)],
    ids=["code", "function", "source"],
)
def test_what_makes_a_finding_another_one(other) -> None:
    """Two different findings were taken for the same one."""
    assert fingerprints(found()) != fingerprints(other)


def test_equal_lines_of_a_function_are_told_apart() -> None:
    """A second call on an equal line hid behind the first one's baseline entry."""
    source = "x\ncall()\ncall()\n"
    one, other = fingerprints(found(2), found(3), source=source)
    assert one != other
    assert fingerprints(found(2), source=source) == [one]


def test_findings_come_in_the_order_of_their_places() -> None:
    """Output changed from run to run."""
    findings = [found(6, 4), found(5, 13), found(5, 4), found(5, 4, code="TTA100")]
    places = [
        (each.finding.position.line, each.finding.position.column, each.finding.code)
        for each in reported(*findings)
    ]
    assert places == [(5, 4, "TTA100"), (5, 4, "TTA101"), (5, 13, "TTA101"), (6, 4, "TTA101")]
