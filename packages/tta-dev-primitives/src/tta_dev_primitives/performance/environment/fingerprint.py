"""What an answer may depend on among the installed packages, as one short text."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from dataclasses import dataclass
from email.parser import HeaderParser
from importlib.metadata import Distribution, PackageNotFoundError
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from tta_dev_primitives.errors import ConfigurationError

from .builds import build_hash, lock_hashes, normalised

if TYPE_CHECKING:
    import os
    from collections.abc import Collection

# Part of each digest, so that another way of making them leaves the old ones behind.
_FORMAT: Final = 1
_REQUIREMENT: Final = re.compile(
    r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[([^\]]*)\])?"
)
_EXTRA: Final = re.compile(
    r"""\bextra\s*==\s*(?P<q>["'])(?P<a>[^"']+)(?P=q)|(?P<p>["'])(?P<b>[^"']+)(?P=p)\s*==\s*extra\b"""
)


class InstalledDistribution(NamedTuple):
    """A distribution, as far as answers may depend on it.

    Attributes:
        name: In normal form: lower case, with dashes.
        version: The version that is installed.
        hash: What tells builds of this version apart; None where nothing is known.
    """

    name: str
    version: str
    hash: str | None


@dataclass(frozen=True, slots=True)
class EnvFingerprint:
    """Name the state of some installed distributions, of all they need, and of Python.

    Equal fingerprints have equal digests in every process and every environment, whichever tool
    installed it. Upgrading one of the distributions changes the digest; other ones do not matter.

    Attributes:
        digest: 32 hexadecimal digits.
        python: Implementation, major and minor version, such as `cpython 3.11`.
        depends_on: What was asked for, in normal form and in order.
        distributions: What that comes to, by name.
    """

    digest: str
    python: str
    depends_on: tuple[str, ...]
    distributions: tuple[InstalledDistribution, ...]

    @classmethod
    def of(cls, *depends_on: str, lock: str | os.PathLike[str] | None = None) -> Self:
        """Take the fingerprint of the named distributions and of what they require.

        A requirement counts when it is installed: markers are not evaluated, except that those of
        an extra count only where somebody asks for the extra. Nothing is imported, and uv is not
        needed. It takes a few milliseconds for some twenty distributions; a large lock adds up to
        a hundred, once per process and content.

        A version says nothing about code that is edited in place. Of an editable installation the
        fingerprint therefore takes in the content of every Python file in its folder and of every
        file in its packages.

        Args:
            depends_on: Names of distributions, with extras if need be: `openai[aiohttp]`.
            lock: Path of a `uv.lock`, whose hashes then count for what it has in the installed
                version; `auto` for the one beside the environment's folder, if there is one.

        Raises:
            ConfigurationError: A distribution is not installed or has no such extra, no name was
                given, or the lock cannot be read.
        """
        if not depends_on:
            msg = "a fingerprint needs the name of at least one distribution, such as 'openai'"
            raise ConfigurationError(msg)
        wanted = [_parsed(name) for name in depends_on]
        locked = lock_hashes(lock)
        found = tuple(
            InstalledDistribution(
                name,
                known.version,
                build_hash(known.distribution, locked.get((name, known.version))),
            )
            for name, known in sorted(_closure(wanted).items())
        )
        python = f"{sys.implementation.name} {sys.version_info.major}.{sys.version_info.minor}"
        names = tuple(sorted({_spelled(name, extras) for name, extras in wanted}))
        text = json.dumps([_FORMAT, python, names, found])
        return cls(hashlib.sha256(text.encode()).hexdigest()[:32], python, names, found)

    def explain(self) -> str:
        """Return what the fingerprint is made of, one line each."""
        lines = [self.python]
        for name, version, build in self.distributions:
            lines.append(f"{name} {version}" if build is None else f"{name} {version} ({build})")
        return "\n".join(lines)

    def changed_from(self, other: EnvFingerprint) -> tuple[str, ...]:
        """Return, in words, how this differs from *other*, an earlier one; nothing if it does not.

        Changes of distributions come by name; then Python's, then that of what was asked for.
        """
        before = {known.name: known for known in other.distributions}
        after = {known.name: known for known in self.distributions}
        said: list[str] = []
        for name in sorted(before.keys() | after.keys()):
            old, new = before.get(name), after.get(name)
            if old is None and new is not None:
                said.append(f"{name} {new.version} is new")
            elif new is None and old is not None:
                said.append(f"{name} {old.version} is gone")
            elif old is not None and new is not None and old.version != new.version:
                said.append(f"{name} {old.version} became {new.version}")
            elif old is not None and new is not None and old != new:
                said.append(f"{name} {new.version} is another build")
        if other.python != self.python:
            said.append(f"{other.python} became {self.python}")
        if other.depends_on != self.depends_on:
            said.append(f"{', '.join(other.depends_on)} became {', '.join(self.depends_on)}")
        return tuple(said)


class _Metadata(NamedTuple):
    distribution: Distribution
    version: str
    requires: list[str]
    extras: frozenset[str]


def _parsed(requirement: str) -> tuple[str, frozenset[str]]:
    """Return name and extras of a requirement as a user writes it."""
    match = _REQUIREMENT.fullmatch(requirement.rstrip())
    if match is None:
        msg = (
            f"{requirement!r} is not the name of a distribution; give it without version and "
            "marker, as in 'openai' or 'openai[aiohttp]'"
        )
        raise ConfigurationError(msg)
    return normalised(match[1]), _extras(match[2])


def _extras(text: str | None) -> frozenset[str]:
    return frozenset(normalised(name) for name in (text or "").split(",") if name.strip())


def _spelled(name: str, extras: Collection[str]) -> str:
    return f"{name}[{','.join(sorted(extras))}]" if extras else name


def _closure(wanted: list[tuple[str, frozenset[str]]]) -> dict[str, _Metadata]:
    """Return what is wanted and what it requires, as far as it is installed, by name."""
    found: dict[str, _Metadata | None] = {}
    for name, extras in wanted:
        known = found[name] = _installed(name)
        if known is None:
            line = f"uv add '{_spelled(name, extras)}'" if extras else f"uv add {name}"
            msg = f"{name} is not installed, so nothing can depend on its version. Try: {line}"
            raise ConfigurationError(msg)
        for extra in sorted(extras - known.extras):
            msg = (
                f"{name} {known.version} has no extra {extra!r}; "
                f"it has: {', '.join(sorted(known.extras)) or 'none'}"
            )
            raise ConfigurationError(msg)
    # An extra is looked at by itself; "" stands for what is required without any.
    waiting = [(name, extra) for name, extras in wanted for extra in ("", *extras)]
    seen = set(waiting)
    while waiting:
        name, extra = waiting.pop()
        if name not in found:
            found[name] = _installed(name)
        known = found[name]
        for requirement in known.requires if known is not None else ():
            match = _REQUIREMENT.match(requirement)
            behind = _EXTRA.finditer(requirement.partition(";")[2])
            only_for = {normalised(asked["a"] or asked["b"]) for asked in behind}
            if match is None or (only_for and extra not in only_for):
                continue
            required = normalised(match[1])
            new = {(required, asked) for asked in ("", *_extras(match[2]))} - seen
            seen |= new
            waiting.extend(new)
    return {name: known for name, known in found.items() if known is not None}


def _installed(name: str) -> _Metadata | None:
    try:
        distribution = Distribution.from_name(name)
    except PackageNotFoundError:
        return None
    text = distribution.read_text("METADATA")
    old_form = text is None
    # The headers only: a whole README stands below them, and the parser is slow.
    whole = text or distribution.read_text("PKG-INFO") or ""
    head = HeaderParser().parsestr(whole.partition("\n\n")[0])
    version = head.get("Version")
    if version is None:
        return None  # what an interrupted removal left
    requires = (distribution.requires or []) if old_form else head.get_all("Requires-Dist", [])
    extras = frozenset(map(normalised, head.get_all("Provides-Extra", [])))
    return _Metadata(distribution, version, requires, extras)
