"""Numbers and ids that follow from a seed and one request alone."""

from __future__ import annotations

import json
import math
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tta_dev_primitives.testing.llm_server.values import JsonObject


def body_digest(path: str, body: JsonObject) -> bytes:
    """Name a request body, whatever the order of its keys."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return blake2b(
        canonical.encode(), person=blake2b(path.encode(), digest_size=16).digest(), digest_size=16
    ).digest()


class Draws:
    """Draw by label; the same seed, body, attempt and label give the same value.

    Nothing is consumed by drawing, so neither the order of draws nor what other requests do at
    the same time can change a value.
    """

    __slots__ = ("_root",)

    def __init__(self, seed: int, digest: bytes, attempt: int) -> None:
        self._root = blake2b(b"%d/%d" % (seed, attempt), key=digest, digest_size=16).digest()

    def bits(self, label: str, count: int = 64) -> int:
        """Draw a whole number of *count* bits, at most 512."""
        size = -(-count // 8)
        drawn = blake2b(label.encode(), key=self._root, digest_size=size).digest()
        return int.from_bytes(drawn) >> (size * 8 - count)

    def fraction(self, label: str) -> float:
        """Draw a number from 0 up to, not including, 1."""
        return self.bits(label, 53) / (1 << 53)

    def normal(self, label: str) -> float:
        """Draw a number of the standard normal distribution."""
        radius = math.sqrt(-2.0 * math.log(1.0 - self.fraction(label + "/radius")))
        return radius * math.cos(math.tau * self.fraction(label + "/angle"))

    def hex(self, label: str, length: int) -> str:
        """Draw a text of *length* hexadecimal digits, at most 128."""
        drawn = blake2b(label.encode(), key=self._root, digest_size=-(-length // 2)).hexdigest()
        return drawn[:length]
