"""A gate for each key, and what was taken at one."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.errors import ConfigurationError

from .gate import Gate

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from tta_dev_primitives.core.clock import Clock

    from .gcra import Limit

_LOOKED_AT_WHEN_FULL: Final = 64


class Gates:
    """One gate for each key, as many as *max_keys*.

    When there are more keys, those that would behave like new ones are forgotten first. Where all
    are in use, one of the oldest is forgotten, and starts afresh when it comes again.
    """

    def __init__(self, limits: Sequence[Limit], clock: Clock, max_keys: int) -> None:
        self._limits, self._clock, self._max_keys = limits, clock, max_keys
        self._gates: OrderedDict[Hashable, Gate] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._gates)

    def of(self, key: Hashable) -> Gate:
        """Return the gate for *key*."""
        gate = self._gates.get(key)
        if gate is not None:
            return gate
        with self._lock:
            gate = self._gates.get(key)
            if gate is None:
                if len(self._gates) >= self._max_keys:
                    self._make_room()
                gate = self._gates[key] = Gate(self._limits, self._clock)
            return gate

    def _make_room(self) -> None:
        gates = self._gates
        for _ in range(min(_LOOKED_AT_WHEN_FULL, len(gates))):
            key, gate = next(iter(gates.items()))
            if gate.unused():
                del gates[key]
                return
            gates.move_to_end(key)  # looked at again when all others have been
        gates.popitem(last=False)


def amount(what: str, tokens: float) -> float:
    """Return *tokens* if they are a number of tokens."""
    if not 0 <= tokens < math.inf:
        msg = f"{what} must give a number of tokens from 0 on, got {tokens!r}"
        raise ConfigurationError(msg)
    return tokens


class Admission:
    """What one call of `acquire` took. Nothing has to be released: a rate limit refills itself."""

    __slots__ = ("_gate", "_taken_at", "tokens")

    def __init__(self, gate: Gate, tokens: float, taken_at: float | None) -> None:
        self._gate, self.tokens, self._taken_at = gate, tokens, taken_at

    def settle(self, used: float) -> None:
        """Count *used* tokens instead of those reserved; once, further calls do nothing."""
        taken_at, self._taken_at = self._taken_at, None
        if taken_at is not None:
            self._gate.settle(self.tokens, amount("used", used), taken_at)

    def give_back(self) -> None:
        """Undo the admission of something that never began; once, as with `settle`."""
        taken_at, self._taken_at = self._taken_at, None
        if taken_at is not None:
            self._gate.give_back(self.tokens, taken_at)
