"""The circuits of one breaker, by key."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from .circuit import Circuit


class Circuits:
    """A circuit for each key, for at most *max_keys* of them.

    The one used longest ago makes room, those that are open or forced last.

    Args:
        new_circuit: Makes the circuit of a key.
        max_keys: How many are kept.
    """

    title = ""
    """What the breaker is called in errors and records."""

    def __init__(self, new_circuit: Callable[[Hashable], Circuit], max_keys: int) -> None:
        self._new, self._max_keys = new_circuit, max_keys
        self._lock = threading.RLock()  # as in a circuit
        self._circuits: OrderedDict[Hashable, Circuit] = OrderedDict()

    def get(self, key: Hashable) -> Circuit:
        """Return the circuit of *key*, a new one where there is none."""
        with self._lock:
            circuit = self._circuits.get(key)
            if circuit is not None:
                self._circuits.move_to_end(key)
                return circuit
            if len(self._circuits) >= self._max_keys:
                quiet = (old for old, circuit in self._circuits.items() if circuit.quiet)
                del self._circuits[next(quiet, next(iter(self._circuits)))]
            circuit = self._circuits[key] = self._new(key)
            return circuit

    def peek(self, key: Hashable) -> Circuit:
        """Return the circuit of *key*, or one like it that is not kept."""
        with self._lock:
            return self._circuits.get(key) or self._new(key)

    def keys(self) -> tuple[Hashable, ...]:
        """Return the keys there are circuits for, the one used longest ago first."""
        with self._lock:
            return tuple(self._circuits)
