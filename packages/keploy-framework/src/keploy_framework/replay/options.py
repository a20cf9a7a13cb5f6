"""How recorded tests are replayed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from keploy_framework.matching.rules import Rules
from keploy_framework.mocks.book import BookRules
from keploy_framework.process import Readiness
from keploy_framework.process.outgoing import OutgoingOptions
from keploy_framework.redaction import RedactionRules

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from keploy_framework.noise import GlobalNoise
    from keploy_framework.process.output import Output

_NO_NOISE: Final[GlobalNoise] = {"global": {}, "test-sets": {}}


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """How recorded tests are replayed.

    Args:
        command: The command that starts the app; empty where it runs already.
        base_url: Where the app runs already; empty where the command starts it.
        ready: What the app looks like when it is ready. Without a port, the tests tell it.
        host: The host the app answers on; empty for loopback.
        test_sets: The sets to run; none for all.
        selected: The tests to run by set; all of a set that is not named.
        ignored: The tests to leave out by set; none named stands for the whole set.
        timeout_seconds: How long the app may take to answer one test.
        mocking: Whether outgoing calls are answered from mocks.
        keep_app_alive: Whether one start of the app serves all sets.
        most_failures: After how many tests without any answer a set is given up; 0 for never.
        rules: How responses are judged; the noise of the configuration comes to it.
        noise: The noise of the configuration.
        mocks: How outgoing calls are answered.
        outgoing: How the app's calls are led through the proxy.
        redaction: What is redacted.
        replace_with: What is replaced in URLs, as the configuration has it.
        update_templates: Whether values that were learned are written to the sets.
        folder: Where the app runs; ``None`` for here.
        output: Where what the app writes goes; ``None`` for nowhere.
    """

    command: str = ""
    base_url: str = ""
    ready: Readiness = field(default_factory=Readiness)
    host: str = ""
    test_sets: tuple[str, ...] = ()
    selected: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    ignored: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    timeout_seconds: float = 5.0
    mocking: bool = True
    keep_app_alive: bool = False
    most_failures: int = 5
    rules: Rules = field(default_factory=Rules)
    noise: GlobalNoise = field(default_factory=lambda: _NO_NOISE)
    mocks: BookRules = field(default_factory=BookRules)
    outgoing: OutgoingOptions = field(default_factory=OutgoingOptions)
    redaction: RedactionRules = field(default_factory=RedactionRules)
    replace_with: object = None
    update_templates: bool = False
    folder: Path | None = None
    output: Output | None = None
