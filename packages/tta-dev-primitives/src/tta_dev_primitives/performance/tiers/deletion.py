"""What was deleted, as one value, and how it is told to other processes."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from tta_dev_primitives.performance.stores.base import AsyncStore


@dataclass(frozen=True, slots=True)
class Deletion:
    """Entries to delete: those of some keys, with some prefixes and with some tags together."""

    keys: tuple[bytes, ...] = ()
    prefixes: tuple[bytes, ...] = ()
    tags: tuple[str, ...] = ()

    async def apply_to(self, store: AsyncStore) -> int:
        """Delete from *store* and return how many entries there were.

        Raises:
            StoreError: The store failed, perhaps after a part was done.
        """
        count = 0
        if self.keys:
            count += await store.delete(self.keys)
        for prefix in self.prefixes:
            count += await store.delete_prefix(prefix)
        if self.tags:
            count += await store.delete_tags(self.tags)
        return count

    def parts(self, keys_each: int) -> Iterator[Deletion]:
        """Yield the same in parts of at most *keys_each* keys."""
        if len(self.keys) <= keys_each:
            yield self
            return
        for start in range(0, len(self.keys), keys_each):
            yield Deletion(self.keys[start : start + keys_each])
        if self.prefixes or self.tags:
            yield Deletion((), self.prefixes, self.tags)

    def encode(self) -> bytes:
        """Return the JSON form."""
        tree = {
            "keys": [base64.b64encode(key).decode() for key in self.keys],
            "prefixes": [base64.b64encode(prefix).decode() for prefix in self.prefixes],
            "tags": self.tags,
        }
        return json.dumps(tree, separators=(",", ":")).encode()

    @classmethod
    def decode(cls, data: bytes) -> Deletion:
        """Return what `encode` was given.

        Raises:
            ValueError: *data* is something else, or was written by a newer version.
        """
        try:
            tree: Any = json.loads(data)  # Any: whatever somebody sent
        except RecursionError as error:
            msg = "a deletion is not nested"
            raise ValueError(msg) from error
        found = cast("dict[str, object]", tree) if isinstance(tree, dict) else {}
        if set(found) != {"keys", "prefixes", "tags"}:
            msg = "a deletion has keys, prefixes and tags, and nothing else"
            raise ValueError(msg)
        return cls(
            tuple(base64.b64decode(key, validate=True) for key in _texts(found["keys"])),
            tuple(base64.b64decode(prefix, validate=True) for prefix in _texts(found["prefixes"])),
            tuple(_texts(found["tags"])),
        )


EVERYTHING = Deletion(prefixes=(b"",))


class Invalidation(Protocol):
    """Tells other processes what was deleted, and hears what they deleted."""

    def listening(self) -> bool:
        """Tell whether the running event loop hears of every deletion now."""
        ...

    async def start(
        self, forget: Callable[[Deletion], Awaitable[None]], beside: Path | None
    ) -> None:
        """Begin to listen in the running event loop, unless that is done already.

        When this returns, it has been tried once; it goes on being tried until `aclose`.

        Args:
            forget: Deletes from the tiers of this process; raises `StoreError` where one failed.
            beside: File of a tier that outlives the process, if there is one. How far its
                deletions have come is remembered in the same folder.
        """
        ...

    async def publish(self, deletion: Deletion) -> None:
        """Tell the others, or do so as soon as they can be reached. Never raises `StoreError`."""
        ...

    async def aclose(self) -> None:
        """End the listening of the running event loop."""
        ...


def _texts(found: object) -> list[str]:
    if isinstance(found, list):
        texts = cast("list[object]", found)
        if all(isinstance(text, str) for text in texts):
            return cast("list[str]", texts)
    msg = "a list of texts was expected"
    raise ValueError(msg)
