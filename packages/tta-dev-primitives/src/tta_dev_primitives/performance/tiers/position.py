"""How far a process has followed the deletions of others, and where that outlives it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from typing import TYPE_CHECKING, Any, NamedTuple, cast

if TYPE_CHECKING:
    from pathlib import Path


class Position(NamedTuple):
    """The last deletion that was followed.

    Attributes:
        epoch: Random name of the count; another one means that the count began anew.
        generation: Number of the deletion.
    """

    epoch: str
    generation: int


class PositionFile:
    """A position beside the file of a tier whose entries outlive the process.

    What cannot be read is None, upon which the tier is cleared: never wrong, only slower.

    Args:
        beside: The file of the tier.
        channel: Whose deletions are counted; each has a file of its own.
    """

    def __init__(self, beside: Path, channel: str) -> None:
        name = hashlib.sha256(channel.encode()).hexdigest()[:16]
        self.path = beside.with_name(f"{beside.stem}.position-{name}.json")

    def load(self) -> Position | None:
        """Return what was saved last, or None."""
        try:
            tree: Any = json.loads(self.path.read_bytes())  # Any: whatever stands in the file
        except (OSError, ValueError, RecursionError):
            return None
        found = cast("dict[str, object]", tree) if isinstance(tree, dict) else {}
        epoch, generation = found.get("epoch"), found.get("generation")
        if isinstance(epoch, str) and type(generation) is int:
            return Position(epoch, generation)
        return None

    def save(self, position: Position) -> None:
        """Replace the file in one step.

        Raises:
            OSError: It cannot be written; the old one is still there.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_name(f"{self.path.name}.{os.getpid()}-{secrets.token_hex(4)}")
        try:
            new.write_text(json.dumps(position._asdict()))
            new.replace(self.path)
        except OSError:
            with contextlib.suppress(OSError):
                new.unlink(missing_ok=True)
            raise
