"""What was deleted while an answer was being made, so that the answer is not kept after all."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeAlias
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable

Condition: TypeAlias = "Callable[[Hashable, Collection[str]], bool]"
"""Tells from an entry's key and tags whether a deletion means it."""


class Token:
    """An answer that is being made."""

    __slots__ = ("__weakref__",)


class Invalidations:
    """Remember deletions for as long as answers are being made that began before them.

    An answer that was begun before a deletion may hold what the deletion is meant to get rid of.
    The methods may be called from any thread.
    """

    def __init__(self) -> None:
        self._log: list[Condition] = []
        self._forgotten = 0
        # A stream that nobody reads to its end may never come to hand its token back.
        self._open: WeakKeyDictionary[Token, int] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def begin(self) -> Token:
        """Return a token for an answer that is begun now, to be handed to `end`."""
        token = Token()
        with self._lock:
            self._open[token] = self._forgotten + len(self._log)
        return token

    def end(self, token: Token) -> None:
        """Forget the answer of *token*, and the deletions that only it had to know."""
        with self._lock:
            self._open.pop(token, None)
            if not self._log:
                return  # the usual case, in which the others under way need not be looked at
            keep_from = min(self._open.values(), default=self._forgotten + len(self._log))
            del self._log[: keep_from - self._forgotten]
            self._forgotten = keep_from

    def add(self, condition: Condition) -> None:
        """Take note of a deletion."""
        with self._lock:
            if self._open:
                self._log.append(condition)

    def concern(self, token: Token, key: Hashable, tags: Collection[str]) -> bool:
        """Tell whether a deletion since the beginning of *token* means an entry like this."""
        if not self._log:
            return False
        with self._lock:
            since = self._log[self._open[token] - self._forgotten :]
        return any(condition(key, tags) for condition in since)
