"""What was measured and on what: the commit and the machine."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


class PlaceError(Exception):
    """There is no commit to name."""


@dataclass(frozen=True, slots=True, order=True)
class Commit:
    """The code that was measured.

    Attributes:
        date: When it was committed, in UTC.
        identity: The whole hash.
        changed: Whether tracked files differed from it.
    """

    date: str
    identity: str
    changed: bool = False

    def __str__(self) -> str:
        return self.identity[:10] + (" with changes" if self.changed else "")


@dataclass(frozen=True, slots=True)
class Machine:
    """What seconds depend on; only figures of equal machines are compared.

    It has no host name: histories are shown to others.
    """

    cpu: str
    cores: int
    python: str
    system: str

    @property
    def identity(self) -> str:
        """A short name, the same wherever these four are."""
        text = "\n".join((self.cpu, str(self.cores), self.python, self.system))
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    def __str__(self) -> str:
        return f"{self.cpu}, {self.cores} cores, {self.python}, {self.system}"


@functools.cache
def this_machine() -> Machine:
    """Return what this process runs on."""
    return Machine(
        cpu=_cpu(),
        cores=os.cpu_count() or 1,
        python=f"{platform.python_implementation()} {platform.python_version()}",
        system=f"{platform.system()} {platform.machine()}",
    )


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = list[str]()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown processor"


def commit_of(folder: Path) -> Commit:
    """Return the commit that is checked out in *folder*.

    Raises:
        PlaceError: git is missing, or *folder* is in no repository with a commit.
    """
    identity, seconds = _git(folder, "log", "-1", "--format=%H %ct").split()
    changed = bool(_git(folder, "status", "--porcelain", "--untracked-files=no"))
    date = datetime.fromtimestamp(int(seconds), UTC)
    return Commit(date.strftime("%Y-%m-%dT%H:%M:%SZ"), identity, changed)


def _git(folder: Path, *words: str) -> str:
    command = ["git", "-C", str(folder), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except FileNotFoundError as error:
        raise PlaceError("git is not on PATH; figures belong to a commit, so install it") from error
    except subprocess.TimeoutExpired as error:
        raise PlaceError(f"git {words[0]} in {folder} took over a minute; see why") from error
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise PlaceError(f"{folder} has no commit to name: {said[0]}")
    return done.stdout.strip()
