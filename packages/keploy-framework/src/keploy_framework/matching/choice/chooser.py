"""Choose the mock that answers an outgoing request."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from keploy_framework.matching.choice.bucket import Bucket, KnownMock, Scope
from keploy_framework.matching.choice.request_noise import (
    RequestNoise,
    RequestReducer,
    is_model_call,
)
from keploy_framework.matching.choice.similarity import similarity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keploy_framework.matching.choice.request_form import Key, RequestForm

WhenUsedUp: TypeAlias = Literal["repeat", "miss"]

_MOST_COMPARED: Final = 50


class Level(StrEnum):
    """How a request and the mock that answers it agree, the closest first."""

    EXACT = "exact"
    NOISE = "noise"
    DYNAMIC_PATH = "dynamic path"
    SIMILAR = "similar"


@dataclass(frozen=True, slots=True)
class ChoiceRules:
    """How mocks are chosen.

    Args:
        noise: What does not count of any request.
        when_used_up: Whether a request that came more often than it was recorded gets the last
            answer again, which is reported, or none.
        dynamic_path: Whether steps of a path that a machine made, such as UUIDs, may differ.
        dynamic_digits: Whether steps of digits may differ too. Off, as an edited number must
            not be answered from its neighbour.
        similar_from: The least share of equal fields of a JSON body that is enough when nothing
            else agrees, from 0 to 1; ``None`` for never. It never counts for language models.
        strict_window: Whether the mocks of tests that did not run yet are out of reach.

    Raises:
        ValueError: *similar_from* is not between 0 and 1, or *when_used_up* is unknown.
    """

    noise: RequestNoise = field(default_factory=RequestNoise)
    when_used_up: WhenUsedUp = "repeat"
    dynamic_path: bool = True
    dynamic_digits: bool = False
    similar_from: float | None = 0.9
    strict_window: bool = True

    def __post_init__(self) -> None:
        if self.similar_from is not None and not 0 < self.similar_from <= 1:
            msg = f"similar_from must be over 0 and at most 1, got {self.similar_from!r}"
            raise ValueError(msg)
        if self.when_used_up not in ("repeat", "miss"):
            msg = f"when_used_up must be 'repeat' or 'miss', got {self.when_used_up!r}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class Choice:
    """The mock that was chosen, and why.

    Args:
        mock: The mock.
        level: How it agrees with the request.
        similarity: The share of equal fields; 1 for all but ``SIMILAR``.
        is_repeated: Whether it had answered before and was not meant to again.
    """

    mock: KnownMock
    level: Level
    similarity: float = 1.0
    is_repeated: bool = False


class Chooser:
    """Find the mock for a request: equal first, then equal but for noise, then alike.

    An equal one that is unused comes first, then one that is equal but for noise; then an equal
    one is used again. Only for a request that was never recorded the path or the body may
    differ, within bounds, and each such choice says so. An equal request is found in constant
    time, however many mocks there are.

    Not safe to use from two threads.

    Args:
        rules: How mocks are chosen.
        scope: Which tests run; it is read at each choice.
    """

    __slots__ = (
        "_dynamic",
        "_dynamic_noises",
        "_exact",
        "_hosts",
        "_noise",
        "_noises",
        "_raw",
        "_reducers",
        "_rules",
        "places",
        "scope",
    )

    def __init__(self, rules: ChoiceRules, scope: Scope) -> None:
        self._rules = rules
        self.scope = scope
        self._raw: dict[Key, Bucket] = {}
        self._exact: dict[Key, Bucket] = {}
        self._noise: dict[Key, Bucket] = {}
        self._dynamic: dict[Key, Bucket] = {}
        self._noises: dict[Key, dict[RequestNoise, None]] = {}
        self._dynamic_noises: dict[Key, dict[RequestNoise, None]] = {}
        self._reducers: dict[RequestNoise, RequestReducer] = {}
        self._hosts: dict[str, None] = {}
        self.places: dict[Key, list[KnownMock]] = {}

    def add(self, mock: KnownMock) -> None:
        """Add a mock; in recorded order.

        Raises:
            re.error: A pattern of its noise is no regular expression.
        """
        form, noise = mock.form, mock.noise
        reducer = self._reducer(noise)
        self._hosts.setdefault(form.host)
        exact = self._exact.setdefault((form.host, form.exact_key), Bucket())
        exact.add(mock)
        self._raw.setdefault((form.host, *form.raw_key()), exact)
        self._noises.setdefault((form.method, form.path), {}).setdefault(noise)
        noise_key = (noise, form.host, form.noise_key(reducer))
        equal = exact.related[noise] = self._noise.setdefault(noise_key, Bucket())
        equal.add(mock)
        path = self._dynamic_path(form)
        if path is not None:
            self._dynamic_noises.setdefault((form.method, path), {}).setdefault(noise)
            key = (noise, form.host, form.dynamic_key(reducer, path))
            self._dynamic.setdefault(key, Bucket()).add(mock)
        self.places.setdefault(form.place, []).append(mock)
        form.forget()

    def choose(self, form: RequestForm, test: str = "") -> Choice | None:
        """Choose the mock for a request and use it up; ``None`` for a miss.

        Args:
            form: The request.
            test: The test it is known to belong to; empty for any of those that run.
        """
        exact = self._find_exact(form)
        mock = exact.take(self.scope, test) if exact else None
        if mock is not None:
            return Choice(mock, Level.EXACT)
        equal = list(self._equal_but_for_noise(form, exact))
        for bucket in equal:
            mock = bucket.take(self.scope, test)
            if mock is not None:
                return Choice(mock, Level.NOISE)
        known = ([(exact, Level.EXACT)] if exact else []) + [(one, Level.NOISE) for one in equal]
        if known and self._rules.when_used_up == "repeat":
            for bucket, level in known:
                mock = bucket.repeat(self.scope, test)
                if mock is not None:
                    return Choice(mock, level, is_repeated=True)
        return None if known else self._near(form, test)

    def _find_exact(self, form: RequestForm) -> Bucket | None:
        raw = form.raw_key()
        for host in self._hosts_for(form):
            found = self._raw.get((host, *raw)) or self._exact.get((host, form.exact_key))
            if found is not None:
                return found
        return None

    def _equal_but_for_noise(self, form: RequestForm, exact: Bucket | None) -> Iterator[Bucket]:
        for noise in self._noises.get((form.method, form.path), ()):
            # Requests that are equal are equal but for noise too: no need to reduce this one.
            if exact is not None and noise in exact.related:
                yield exact.related[noise]
                continue
            key = form.noise_key(self._reducer(noise))
            for host in self._hosts_for(form):
                found = self._noise.get((noise, host, key))
                if found is not None:
                    yield found

    def _near(self, form: RequestForm, test: str) -> Choice | None:
        path = self._dynamic_path(form)
        for noise in self._dynamic_noises.get((form.method, path), ()) if path else ():
            key = form.dynamic_key(self._reducer(noise), path or "")
            for host in self._hosts_for(form):
                found = self._dynamic.get((noise, host, key))
                mock = found.take(self.scope, test) if found else None
                if mock is not None:
                    return Choice(mock, Level.DYNAMIC_PATH)
        return self._similar(form, test)

    def _similar(self, form: RequestForm, test: str) -> Choice | None:
        least = self._rules.similar_from
        if least is None or is_model_call(form.path):
            return None
        asked = form.fields
        best: tuple[float, KnownMock] | None = None
        for mock in self._comparable(form) if asked is not None else ():
            if not self._is_free(mock, test):
                continue
            fields = mock.form.fields
            share = 0.0 if fields is None or asked is None else similarity(asked, fields)
            if share >= least and (best is None or share > best[0]):
                best = (share, mock)
        if best is None:
            return None
        best[1].uses += 1
        return Choice(best[1], Level.SIMILAR, best[0])

    def _comparable(self, form: RequestForm) -> Iterator[KnownMock]:
        """Yield mocks that differ in the body only, not more than can be compared in time."""
        looked_at = 0
        for host in self._hosts_for(form):
            for mock in self.places.get((form.method, host, form.path), ()):
                looked_at += 1
                if looked_at > _MOST_COMPARED:
                    return
                if mock.form.query == form.query and mock.form.deciding == form.deciding:
                    yield mock

    def _is_free(self, mock: KnownMock, test: str) -> bool:
        return mock.is_session or (not mock.uses and self.scope.reaches(mock, test))

    def _dynamic_path(self, form: RequestForm) -> str | None:
        if not self._rules.dynamic_path:
            return None
        return form.dynamic_path(digits=self._rules.dynamic_digits)

    def _hosts_for(self, form: RequestForm) -> tuple[str, ...]:
        """Give the hosts to look under: its own, then that of recordings that do not tell."""
        if not form.host:
            return tuple(self._hosts)
        return (form.host, "") if "" in self._hosts else (form.host,)

    def _reducer(self, noise: RequestNoise) -> RequestReducer:
        reducer = self._reducers.get(noise)
        if reducer is None:
            reducer = self._reducers[noise] = RequestReducer(noise)
        return reducer
