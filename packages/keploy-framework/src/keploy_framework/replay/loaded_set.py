"""A test set with everything it takes to run it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from keploy_framework.errors import KeployError, KeployFormatError

if TYPE_CHECKING:
    from typing import Self

    from keploy_framework.formats import Mappings, Mock, RecordedSet, SetConfig, TestCase

    from .options import ReplayOptions


@dataclass(frozen=True, slots=True)
class LoadedSet:
    """What the files of a set say.

    Args:
        recorded: The set.
        tests: Its tests by name, in the order they run; a name is that of the file.
        ignored: The names of those that are left out.
        mocks: Its mocks.
        mappings: Which mocks belong to which test.
        config: Its configuration.
        damaged: What could not be read.
    """

    recorded: RecordedSet
    tests: tuple[tuple[str, TestCase], ...]
    ignored: frozenset[str]
    mocks: tuple[Mock, ...]
    mappings: Mappings
    config: SetConfig
    damaged: tuple[KeployFormatError, ...]

    @classmethod
    def read(cls, recorded: RecordedSet, options: ReplayOptions) -> Self:
        """Read a set, as far as it is not damaged."""
        damaged: list[KeployFormatError] = []
        cases = [(_name(case), case) for case in recorded.tests(damaged)]
        selected = options.selected.get(recorded.name)
        if selected:
            cases = [(name, case) for name, case in cases if name in selected]
        ignored = options.ignored.get(recorded.name)
        names = frozenset(name for name, _ in cases)
        mocks = recorded.mocks(damaged)
        mappings = recorded.mappings(damaged)
        return cls(
            recorded,
            tuple(cases),
            frozenset() if ignored is None else names & ignored if ignored else names,
            tuple(mocks),
            mappings,
            recorded.config(damaged),
            tuple(damaged),
        )

    @property
    def port(self) -> int:
        """The port that most tests were recorded at; 0 where none tells."""
        ports = Counter(filter(None, (_port(case) for _, case in self.tests)))
        return ports.most_common(1)[0][0] if ports else 0


def _name(case: TestCase) -> str:
    return case.file.stem if case.file else case.name


def _port(case: TestCase) -> int:
    try:
        if case.app_port:
            return case.app_port
        url = urlsplit(case.text_at("spec.req.url"))
        return url.port or {"http": 80, "https": 443}.get(url.scheme, 0)
    except (KeployError, ValueError):
        return 0
