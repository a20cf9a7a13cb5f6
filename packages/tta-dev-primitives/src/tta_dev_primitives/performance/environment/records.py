"""Which fingerprints have entries in a folder, and who uses them."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tta_dev_primitives.errors import StoreError

from .fingerprint import EnvFingerprint, InstalledDistribution
from .folder import write_atomically

if TYPE_CHECKING:
    from collections.abc import Collection, Generator
    from io import FileIO
    from pathlib import Path

FILE_NAME: Final = "fingerprints.json"
# An editable distribution has a new fingerprint after each change of its code.
MAX_RECORDS: Final = 200
# `uv run --with` and `uvx` make an environment of its own for a run.
MAX_USERS: Final = 100
_DIGEST: Final = re.compile("[0-9a-f]{32}")
_FORMAT: Final = 1
_WAIT_SECONDS: Final = 10.0
_PAUSE_SECONDS: Final = 0.005
_logger = logging.getLogger("tta_dev_primitives.cache")


@dataclass(slots=True)
class Record:
    """What is known about a fingerprint.

    Attributes:
        depends_on: What it was asked for.
        python: The Python it is of.
        distributions: Name, version and hash of each.
        last_used: When it was last used by anybody, in seconds since the epoch.
        users: Who uses it now, with the time of each one's last use.
    """

    depends_on: list[str]
    python: str
    distributions: list[tuple[str, str, str | None]]
    last_used: float
    users: dict[str, float] = field(default_factory=dict[str, float])

    def is_dead(self, before: float) -> bool:
        """Tell whether nobody uses it, or nobody did since *before*."""
        return all(used < before for used in self.users.values())

    def rank(self) -> tuple[bool, float]:
        """Return what grows with the worth of keeping it in mind."""
        return bool(self.users), self.last_used


class FingerprintRecords:
    """A small JSON file beside the database, shared by threads and processes.

    Each method works on the file's present state, under a lock, and replaces it in one step.

    Args:
        folder: Where the file is; it has to exist when a method is called.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME

    def claim(
        self, fingerprint: EnvFingerprint, user: str, *, taken: float, now: float
    ) -> EnvFingerprint | None:
        """Note that *user* uses *fingerprint* now, and return the one it used before, if another.

        A user has one fingerprint for what it depends on under one Python. The one that was taken
        later counts, so that a process which is left over from before an upgrade does not undo it.

        Args:
            fingerprint: What is used.
            user: Who uses it.
            taken: When the fingerprint was taken, in seconds since the epoch.
            now: The present time.

        Raises:
            OSError: The file cannot be used.
        """
        with self._opened() as known:
            record = known.setdefault(fingerprint.digest, _record_of(fingerprint))
            record.last_used = now
            others = [
                (digest, other)
                for digest, other in known.items()
                if user in other.users
                and digest != fingerprint.digest
                and (other.depends_on, other.python) == (record.depends_on, record.python)
            ]
            if any(other.users[user] > taken for _, other in others):
                return None
            record.users[user] = now
            while len(record.users) > MAX_USERS:
                del record.users[min(record.users, key=record.users.__getitem__)]
            for _, other in others:
                del other.users[user]
            return _fingerprint_of(*others[0]) if others else None

    def dead(self, before: float) -> list[str]:
        """Return the digests that nobody uses, or nobody did since *before*."""
        with self._opened() as known:
            return [digest for digest, record in known.items() if record.is_dead(before)]

    def forget(self, digests: Collection[str], before: float) -> None:
        """Drop those of *digests* that were not used by anybody since *before*.

        A dead one that is younger is kept in mind: a process that runs since before an upgrade
        may go on to write entries for it.
        """
        with self._opened() as known:
            for digest in digests:
                record = known.get(digest)
                if record is not None and record.last_used < before:
                    del known[digest]

    @contextmanager
    def _opened(self) -> Generator[dict[str, Record]]:
        """Hold the lock, and write what was changed when the block ends well."""
        with self.path.with_suffix(".lock").open("ab", buffering=0) as file:
            patience = time.monotonic() + _WAIT_SECONDS
            while not _lock(file):
                if time.monotonic() > patience:
                    msg = f"{self.path} has been locked for {_WAIT_SECONDS:g}s by another process"
                    raise StoreError(msg)
                time.sleep(_PAUSE_SECONDS)
            before, known = self._read()
            yield known
            while len(known) > MAX_RECORDS:
                del known[min(known, key=lambda digest: known[digest].rank())]
            if (after := _written(known)) != before:
                write_atomically(self.path, after)

    def _read(self) -> tuple[str, dict[str, Record]]:
        """Return the text of the file, and what it says."""
        text = ""
        try:
            text = self.path.read_text(encoding="utf-8")
            found: dict[str, Any] = json.loads(text)
            version: int = found["format"]
            if version <= _FORMAT:
                raws = found["fingerprints"].items()
                return text, {_digest(key): _checked(raw) for key, raw in raws}
        except FileNotFoundError:
            return text, {}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            _logger.warning(
                "%s cannot be read (%r) and is begun anew; entries of earlier fingerprints stay "
                "until they expire", self.path, error,
            )  # fmt: skip
            return text, {}
        msg = f"{self.path} was written by a newer version ({version}); upgrade this one"
        raise StoreError(msg)


def _written(known: dict[str, Record]) -> str:
    # On few lines: with an indent, json falls back to an encoder that is ten times slower.
    records = {
        digest: {
            "depends_on": record.depends_on,
            "python": record.python,
            "distributions": record.distributions,
            "last_used": record.last_used,
            "users": record.users,
        }
        for digest, record in known.items()
    }
    return json.dumps({"format": _FORMAT, "fingerprints": records}) + "\n"


def _digest(key: str) -> str:
    # What begins with it is deleted: an empty text would mean every entry of every cache.
    if not _DIGEST.fullmatch(key):
        msg = f"{key!r} is not the digest of a fingerprint"
        raise ValueError(msg)
    return key


def _checked(raw: Any) -> Record:  # Any: what stood in the file
    return Record(
        [str(name) for name in raw["depends_on"]],
        str(raw["python"]),
        [(name, version, build) for name, version, build in raw["distributions"]],
        float(raw["last_used"]),
        {str(user): float(used) for user, used in raw["users"].items()},
    )


def _record_of(fingerprint: EnvFingerprint) -> Record:
    found = [(known.name, known.version, known.hash) for known in fingerprint.distributions]
    return Record(list(fingerprint.depends_on), fingerprint.python, found, 0.0)


def _fingerprint_of(digest: str, record: Record) -> EnvFingerprint:
    found = tuple(InstalledDistribution(*known) for known in record.distributions)
    return EnvFingerprint(digest, record.python, tuple(record.depends_on), found)


def _lock(file: FileIO) -> bool:
    """Lock *file* until it is closed; return False if somebody else has it.

    On a file system without locks nothing is locked: at worst a note of use is lost.
    """
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return True
    return True
