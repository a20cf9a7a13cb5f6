"""What a lock says, as values that compare equal when nothing changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from . import versions

PartKind: TypeAlias = Literal["package", "extra", "group"]

LOCAL_KINDS: Final = frozenset({"directory", "editable", "path", "virtual"})


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """What of a package needs something: the package as such, an extra or a group."""

    kind: PartKind = "package"
    name: str = ""

    def of(self, package: str) -> str:
        """Return how a reader calls this part of *package*."""
        match self.kind:
            case "package":
                return package
            case "extra":
                return f"{package}[{self.name}]"
            case "group":
                return f"{package} group {self.name}" if package else f"group {self.name}"


@dataclass(frozen=True, slots=True, order=True)
class Dependency:
    """One resolved edge from a part of a package to another package.

    Args:
        part: What needs it.
        name: The package that is needed.
        version: Which one, where the lock holds several of that name; else empty.
        source: From where, as one line, where the lock says so; else empty.
        extras: What is asked of it beyond the package.
        marker: When it is needed; empty means always.
        other: What else the lock says of it.
    """

    part: Part
    name: str
    version: str = ""
    source: str = ""
    extras: tuple[str, ...] = ()
    marker: str = ""
    other: str = ""

    @property
    def label(self) -> str:
        """Return the name with the extras."""
        return f"{self.name}[{','.join(self.extras)}]" if self.extras else self.name


@dataclass(frozen=True, slots=True, order=True)
class LockedFile:
    """One file that an installer may take.

    Args:
        name: The file name, decoded.
        is_wheel: A wheel, else a source distribution.
        location: Its URL or path as the lock has it.
        hash: Algorithm and digest; empty where the lock has none.
        size: Bytes; -1 where the lock does not say.
        other: What else the lock says of it.
    """

    name: str
    is_wheel: bool
    location: str
    hash: str = ""
    size: int = -1
    other: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """Where a package comes from: the kind is the lock's own word, for example `registry`."""

    kind: str
    location: str
    other: str = ""

    @property
    def is_local(self) -> bool:
        """Tell whether it is a folder or a file beside the lock."""
        return self.kind in LOCAL_KINDS

    def __str__(self) -> str:
        return " ".join(part for part in (self.kind, self.location, self.other) if part)


@dataclass(frozen=True, slots=True)
class Package:
    """One package of a lock. Two are equal when the lock says the same of both.

    Args:
        name: As the lock has it, which is normalised.
        version: None for a package whose version is not fixed.
        source: Where it comes from.
        forks: Markers of the environments it is for; empty means all.
        dependencies: Edges to other packages, sorted.
        files: What an installer may take, sorted by name.
        requirements: What its own metadata asks for, one line each.
        other: What else the lock says of it, by key.
        line: Line of the lock where it begins, from 1; 0 where unknown. It does not count.
    """

    name: str
    version: str | None
    source: Source
    forks: tuple[str, ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    files: tuple[LockedFile, ...] = ()
    requirements: tuple[str, ...] = ()
    other: tuple[tuple[str, str], ...] = ()
    line: int = field(default=0, compare=False)

    @property
    def label(self) -> str:
        """Return the name with the version, where there is one."""
        return self.name if self.version is None else f"{self.name} {self.version}"

    @property
    def has_wheel(self) -> bool:
        """Tell whether it can be installed without being built, at least somewhere."""
        return any(file.is_wheel for file in self.files)

    @property
    def download_bytes(self) -> int | None:
        """Return the size of the largest file an installer would choose; None where unknown.

        An installer takes one wheel, or the source distribution where there is no wheel.
        """
        sizes = [file.size for file in self.files if file.is_wheel or not self.has_wheel]
        return None if not sizes or min(sizes) < 0 else max(sizes)

    def order(self) -> tuple[object, ...]:
        """Return a key that sorts packages, equal only for equal ones."""
        return (
            self.name,
            versions.order(self.version),
            self.version or "",
            self.source,
            self.forks,
            self.dependencies,
            self.files,
            self.requirements,
            self.other,
        )


@dataclass(frozen=True, slots=True)
class Lock:
    """A whole lock.

    Args:
        packages: Sorted.
        settings: What stands above the packages: dotted key and its lines, sorted by key.
        members: Names of the workspace's own packages.
        groups: Edges that the root's dependency groups ask for; each part is a group.
    """

    packages: tuple[Package, ...]
    settings: tuple[tuple[str, tuple[str, ...]], ...] = ()
    members: tuple[str, ...] = ()
    groups: tuple[Dependency, ...] = ()
