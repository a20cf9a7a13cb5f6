"""How far the calls of models in a workspace are cached, routed, timed out and retried.

For each concern a call is one of these:

- wrapped: on every way to it that is seen, the primitive stands around it: as a composition, a
  decorator, a policy, or in the file that uses the function. For a timeout the client's, the
  call's or an enclosing limit counts as well; for a retry, `max_retries` that the client is given,
  and the decorators of tenacity, backoff and stamina; for a cache, those of functools and
  cachetools, and gptcache. What an SDK retries by itself is not counted.
- eligible: it could be. A cache: the call asks for embeddings, a ranking or a moderation, or has a
  temperature of 0 or a seed, does not stream and has no tools; who caches another call has decided
  that it may be. A router: it asks for text, where one model can stand in for another. A timeout
  and a retry: every call.
- unknown: it cannot be told, because arguments are hidden, or a function goes through code that
  cannot be seen through, such as an unknown decorator, or a framework makes the call.

Wrapped calls are among the eligible ones, unknown ones are not. Tests are left out. A function that
another file wraps counts as wrapped unless its own file calls it bare.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from .members import member_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .members import Member

Concern: TypeAlias = Literal["cache", "router", "timeout", "retry"]
CONCERNS: Final[tuple[Concern, ...]] = ("cache", "router", "timeout", "retry")
_WRAPPERS: Final[Mapping[Concern, frozenset[str]]] = {
    "cache": frozenset({"CachePrimitive", "UVCachePrimitive", "cache"}),
    "router": frozenset({"RouterPrimitive"}),
    "timeout": frozenset({"TimeoutPrimitive"}),
    "retry": frozenset({"RetryPrimitive", "retry"}),
}
_HEADINGS: Final[Mapping[Concern, str]] = {
    "cache": "cached",
    "router": "routed",
    "timeout": "timed out",
    "retry": "retried",
}
ADOPTION_VERSION: Final = 1


@dataclass(slots=True)
class Share:
    """How many calls are wrapped, of how many eligible ones, and how many nobody can tell of."""

    wrapped: int = 0
    eligible: int = 0
    unknown: int = 0

    def __str__(self) -> str:
        known = f"{self.wrapped}/{self.eligible}" if self.eligible else "-"
        return f"{known} +{self.unknown}?" if self.unknown else known


@dataclass(slots=True)
class MemberAdoption:
    """The calls of one member of the workspace."""

    member: str
    calls: int = 0
    shares: dict[Concern, Share] = field(
        default_factory=lambda: {concern: Share() for concern in CONCERNS}
    )

    def add(self, row: Mapping[str, Any], wraps: Mapping[str, frozenset[str]]) -> None:
        """Count one call.

        Args:
            row: From `note_wrapping`.
            wraps: What other files put around a function or a class, by dotted name.
        """
        self.calls += 1
        for concern in CONCERNS:
            state = _state(row, concern, wraps)
            share = self.shares[concern]
            if state == "unknown":
                share.unknown += 1
            elif state != "none":
                share.eligible += 1
                share.wrapped += state == "wrapped"


# Any: rows are JSON.
def adoption_table(
    rows: Iterable[Mapping[str, Any]], members: Sequence[Member]
) -> list[MemberAdoption]:
    """Count the calls of each member, in the order of *members*; those without calls as well.

    Args:
        rows: Those of `note_wrapping`, of all files.
        members: From `workspace_members`. A call in none of them counts for the last one.
    """
    listed = list(rows)
    wraps: dict[str, frozenset[str]] = {}
    for row in listed:
        if row["row"] == "wrap":
            around = frozenset(row["around"])
            name = str(row["of"])
            wraps[name] = wraps[name] & around if name in wraps else around
    table = {member.name: MemberAdoption(member.name) for member in members}
    for row in listed:
        if row["row"] == "call":
            table[member_of(str(row["path"]), members).name].add(row, wraps)
    return list(table.values())


def adoption_lines(table: Sequence[MemberAdoption]) -> list[str]:
    """Return the table as lines of text: wrapped/eligible, and `+n?` for the unknown."""
    if not any(row.calls for row in table):
        return ["no calls of models found, so there is nothing to wrap"]
    rows = [["member", "calls", *(_HEADINGS[concern] for concern in CONCERNS)]]
    counted = [row for row in table if row.calls]
    total = [_total(counted)] if len(counted) > 1 else []
    rows += [
        [row.member, str(row.calls), *(str(row.shares[concern]) for concern in CONCERNS)]
        for row in (*counted, *total)
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if number == 0 else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def adoption_json(table: Sequence[MemberAdoption]) -> dict[str, Any]:  # Any: JSON
    """Return the table for JSON: a list of members, and the total of all."""
    return {
        "version": ADOPTION_VERSION,
        "members": [_json(row) for row in table],
        "total": _json(_total(table)),
    }


def _total(table: Sequence[MemberAdoption]) -> MemberAdoption:
    total = MemberAdoption("total")
    for row in table:
        total.calls += row.calls
        for concern in CONCERNS:
            share, more = total.shares[concern], row.shares[concern]
            share.wrapped += more.wrapped
            share.eligible += more.eligible
            share.unknown += more.unknown
    return total


def _json(row: MemberAdoption) -> dict[str, Any]:  # Any: JSON
    shares: dict[str, Any] = {
        concern: {
            "wrapped": row.shares[concern].wrapped,
            "eligible": row.shares[concern].eligible,
            "unknown": row.shares[concern].unknown,
        }
        for concern in CONCERNS
    }
    return {"member": row.member, "calls": row.calls, **shares}


def _state(
    row: Mapping[str, Any], concern: Concern, wraps: Mapping[str, frozenset[str]]
) -> Literal["wrapped", "eligible", "unknown", "none"]:
    own, eligible = row["own"][concern], row["eligible"][concern]
    wrappers = _WRAPPERS[concern]
    if own == "yes":
        return "wrapped"
    ways = [(_around(way, wraps), bool(way[2])) for way in row["ways"]]
    if all(not wrappers.isdisjoint(around) for around, _ in ways):
        return "wrapped"
    if eligible == "no":
        return "none"
    is_hidden = any(not known and wrappers.isdisjoint(around) for around, known in ways)
    return "unknown" if own == "unknown" or eligible == "unknown" or is_hidden else "eligible"


def _around(way: Sequence[Any], wraps: Mapping[str, frozenset[str]]) -> frozenset[str]:
    around = frozenset[str](way[0])
    entry = str(way[1])
    while entry:
        # A class is wrapped with all of its methods.
        if entry in wraps:
            return around | wraps[entry]
        entry = entry.rpartition(".")[0]
    return around
