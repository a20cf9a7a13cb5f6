"""Which mocks belong to which test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from keploy_framework.formats.models.record import VERSION, Record, Section
from keploy_framework.formats.timestamps import format_time

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

    from keploy_framework.formats.models.mock import Mock

KIND: Final = "TestMocksMapping"


@dataclass(frozen=True, slots=True)
class MappedMock:
    """A mock as a mapping names it.

    Args:
        name: The name of the mock.
        kind: Its kind; empty where the mapping does not tell.
    """

    name: str
    kind: str = ""


@dataclass(slots=True)
class Mappings(Record):
    """The file ``mappings.yaml`` of a test set, in its present form or an older one."""

    @classmethod
    def of(cls, test_set: str) -> Self:
        """Make empty mappings for a test set."""
        return cls({"version": VERSION, "kind": KIND, "test_set_id": test_set, "tests": []})

    @property
    def test_set(self) -> str:
        """The name of the test set."""
        return self.text_at("test_set_id")

    @property
    def by_test(self) -> dict[str, tuple[MappedMock, ...]]:
        """The mocks of each test by the test's name, in the order of the file.

        Raises:
            KeployFormatError: The file has a form that is not known.
        """
        tests = self.data.get("tests")
        if isinstance(tests, dict):
            return {str(test): self._mocks(mocks) for test, mocks in cast("Section", tests).items()}
        found: dict[str, tuple[MappedMock, ...]] = {}
        for raw in self.list_at("tests"):
            if not isinstance(raw, dict):
                raise self.wrong(raw, "tests", "a list of mappings")
            entry = cast("Section", raw)
            mocks = entry.get("mock_entries", entry.get("mocks"))
            found[str(entry.get("id", ""))] = self._mocks(mocks)
        return found

    def put(self, test: str, mocks: Iterable[Mock]) -> None:
        """Name the mocks of a test, in place of those it had."""
        entries = [_entry(mock) for mock in mocks]
        tests = self.data.get("tests")
        if isinstance(tests, dict):
            tests[test] = [{"name": one["name"], "kind": one["kind"]} for one in entries]
            return
        kept = self.list_at("tests")
        self.data["tests"] = kept
        for entry in kept:
            if entry.get("id") == test:
                entry.pop("mocks", None)
                entry["mock_entries"] = entries
                return
        kept.append({"id": test, "mock_entries": entries})

    # Any: other tools write the file too.
    def _mocks(self, raw: Any) -> tuple[MappedMock, ...]:
        if isinstance(raw, str):
            names = (name.strip() for name in raw.split(","))
            return tuple(MappedMock(name) for name in names if name)
        if not isinstance(raw, list | None):
            raise self.wrong(raw, "tests.mocks", "a list or names with commas")
        return tuple(self._mock(entry) for entry in cast("list[Any]", raw or []))

    def _mock(self, raw: Any) -> MappedMock:
        if isinstance(raw, str):
            return MappedMock(raw)
        if not isinstance(raw, dict):
            raise self.wrong(raw, "tests.mocks", "names or mappings")
        entry = cast("Section", raw)
        return MappedMock(str(entry.get("name", "")), str(entry.get("kind", "")))


def _entry(mock: Mock) -> Section:
    entry: Section = {"name": mock.name, "kind": mock.kind}
    if mock.began is not None:
        entry["reqTimestampMock"] = format_time(mock.began)
    if mock.ended is not None:
        entry["resTimestampMock"] = format_time(mock.ended)
    return entry
