"""Turn exchanges into the files of a test set, one after the other."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from keploy_framework.errors import EncodingError
from keploy_framework.formats import Mock, TestCase
from keploy_framework.formats.atomic import force_to_disk
from keploy_framework.formats.tree.names import next_test_name, slug
from keploy_framework.matching.choice.windows import Window, Windows
from keploy_framework.matching.volatile.auto_noise import find_noise
from keploy_framework.redaction import Redactor

from .bodies import request_body, response_body
from .filters import Filter, is_recorded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from keploy_framework.exchange import Exchange
    from keploy_framework.formats import RecordedSet
    from keploy_framework.formats.tree.names import Naming


@dataclass(frozen=True, slots=True)
class WriteRules:
    """How exchanges become files.

    Args:
        naming: How tests are named.
        filters: Which requests become tests.
        auto_noise: Whether fields that will differ in the next run become noise.
        mappings: Whether mocks are mapped to tests.
        app_port: The port the app is known by; 0 leaves it out.
        host_as: The host that stands in the URLs of tests, by the host that callers used.
        command: The command of the app; empty for none.
        metadata: What the set tells about itself.
        base_urls: The servers that the app was told by URL, by the variable that told it.
    """

    naming: Naming = "descriptive"
    filters: tuple[Filter, ...] = ()
    auto_noise: bool = True
    mappings: bool = True
    app_port: int = 0
    host_as: Mapping[str, str] = field(default_factory=dict[str, str])
    command: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    base_urls: Mapping[str, str] = field(default_factory=dict[str, str])


class SetWriter:
    """Write a test set while it is recorded. Not safe to use from two threads.

    A test has its file when `test` returns, whatever becomes of this process then. Mocks are there
    after `flush`, as they share a file, and tests are forced to the disk by then.

    Args:
        recorded: The set; what it holds already stays.
        rules: How to write.
        redactor: Takes secrets out of everything that is written.
    """

    def __init__(
        self, recorded: RecordedSet, rules: WriteRules, redactor: Redactor | None = None
    ) -> None:
        self.recorded = recorded
        self.rules = rules
        self.redactor = redactor or Redactor()
        self.tests = 0
        self.left_out = 0
        self.unreadable: Counter[str] = Counter()
        self.incomplete: dict[str, str] = {}
        self._names: dict[str, list[str]] = {}
        self._taken = recorded.test_names()
        self._windows: list[Window] = []
        self._mocks = recorded.mocks()
        self._first_mock = len(self._mocks)
        self._unforced: list[Path] = []
        self._is_mapped = self._is_flushed = True

    @property
    def mocks(self) -> int:
        """How many mocks were taken."""
        return len(self._mocks) - self._first_mock

    @property
    def is_flushed(self) -> bool:
        """Whether all that was taken is on disk."""
        return self._is_flushed

    def test(self, exchange: Exchange) -> str:
        """Write an exchange with the app as a test, and give its name; empty where left out.

        Raises:
            OSError: The file system refuses.
        """
        if not is_recorded(exchange.request, self.rules.filters):
            self.left_out += 1
            return ""
        host = exchange.request.host
        known_as = self.rules.host_as.get(host, host)
        exchange = replace(exchange, request=replace(exchange.request, host=known_as))
        noise: dict[str, list[str]] = {}
        if self.rules.auto_noise:
            noise = find_noise(exchange.response, now=exchange.ended, request=exchange.request)
        clean = self.redactor.exchange(exchange)
        name = self._name(clean)
        asked, answered = self._bodies(clean)
        case = TestCase.from_exchange(
            clean,
            name=name,
            test_set=self.recorded.name,
            noise=noise,
            app_port=self.rules.app_port,
            request_body=asked,
            response_body=answered,
        )
        self._unforced.append(self.recorded.write_test(case, forced=False))
        self.tests += 1
        self._windows.append(Window(name, exchange.began, exchange.ended))
        self._is_flushed = self._is_mapped = False
        return name

    def mock(self, exchange: Exchange) -> str:
        """Take an exchange with a dependency as a mock, and give its name."""
        clean = self.redactor.exchange(exchange)
        asked, answered = self._bodies(clean)
        name = f"mock-{len(self._mocks)}"
        self._mocks.append(
            Mock.from_exchange(clean, name=name, request_body=asked, response_body=answered)
        )
        self._is_flushed = self._is_mapped = False
        return name

    def lose_calls(self, lost: Iterable[tuple[int, str]]) -> None:
        """Note which tests had calls that were not recorded: their replay will miss a mock.

        Args:
            lost: The time of each call, in nanoseconds since 1970, and why it was lost.
        """
        windows = Windows(self._windows)
        for at, why in lost:
            for test in windows.owners(at):
                self.incomplete[test] = self.redactor.text(why)
                self._is_flushed = False

    def flush(self) -> None:
        """Write the mocks, and which test they belong to; nothing where nothing is new.

        Raises:
            OSError: The file system refuses.
        """
        if self._is_flushed:
            return
        force_to_disk(self._unforced)
        self._unforced.clear()
        if self.mocks:
            self.recorded.write_mocks(self._mocks)
        if not self._is_mapped and self.rules.mappings and self._windows:
            self._map()
        self._configure()
        self._is_flushed = self._is_mapped = True

    def _map(self) -> None:
        windows = Windows(self._windows)
        owned: dict[str, list[Mock]] = {window.test: [] for window in self._windows}
        for mock in self._mocks[self._first_mock :]:
            for test in windows.owners(mock.began):
                owned[test].append(mock)
        mappings = self.recorded.mappings()
        for test, mocks in owned.items():
            if mocks:
                mappings.put(test, mocks)
        if any(owned.values()):
            self.recorded.write_mappings(mappings)

    def _configure(self) -> None:
        rules = self.rules
        if not (rules.command or rules.metadata or rules.base_urls or self.incomplete):
            return
        config = self.recorded.config()
        if self.rules.command:
            config.data["appCommand"] = self.redactor.text(self.rules.command)
        for name, value in self.rules.metadata.items():
            config.put("metadata", name, value)
        for variable, url in rules.base_urls.items():
            config.put_base_url(variable, self.redactor.url(url))
        if self.incomplete:
            config.put("metadata", "incomplete", dict(self.incomplete))
        self.recorded.write_config(config)

    def _name(self, exchange: Exchange) -> str:
        """Name a test; only the names of its kind are looked at, as there may be thousands."""
        stem = slug(exchange.request) if self.rules.naming == "descriptive" else "test"
        if stem not in self._names:
            prefix = f"{stem}-"
            self._names[stem] = [name for name in self._taken if name.startswith(prefix)]
        taken = self._names[stem]
        name = next_test_name(exchange.request, taken, self.rules.naming)
        # The highest number decides about the next one.
        self._names[stem] = [name]
        return name

    def _bodies(self, exchange: Exchange) -> tuple[bytes | None, bytes | None]:
        asked: bytes | None = None
        answered: bytes | None = None
        try:
            asked = request_body(exchange.request)
        except EncodingError as error:
            self.unreadable[error.problem] += 1
        try:
            answered = response_body(exchange.response)
        except EncodingError as error:
            self.unreadable[error.problem] += 1
            answered = exchange.response.body
        return asked, answered
