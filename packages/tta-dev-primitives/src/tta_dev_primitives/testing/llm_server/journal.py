"""The requests a server received, newest last, bounded."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tta_dev_primitives.testing.llm_server.values import ServedRequest

_KEY_HEADERS = frozenset({"authorization", "proxy-authorization", "x-api-key", "api-key", "cookie"})


class Journal:
    """Keep the newest *keep* records, under numbers that never come twice."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._records: dict[int, ServedRequest] = {}
        self._next = 0

    def number(self) -> int:
        """Give the number of the next request."""
        self._next += 1
        return self._next - 1

    def add(self, record: ServedRequest) -> None:
        """Remember a request, forgetting the oldest when there are too many."""
        self._records[record.number] = record
        if len(self._records) > self._keep:
            del self._records[next(iter(self._records))]

    def change(self, number: int, **fields: Any) -> None:  # Any: fields of ServedRequest
        """Note what became of a request, if it is still remembered."""
        if number in self._records:
            self._records[number] = replace(self._records[number], **fields)

    def records(self) -> list[ServedRequest]:
        """List what is remembered, in order of arrival."""
        return sorted(self._records.values(), key=lambda record: record.number)


def without_keys(headers: Mapping[str, str]) -> dict[str, str]:
    """Copy *headers* with the values of key headers hidden."""
    return {name: "[hidden]" if name in _KEY_HEADERS else value for name, value in headers.items()}
