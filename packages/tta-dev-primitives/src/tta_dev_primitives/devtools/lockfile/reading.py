"""Read a lock of uv. Every revision of version 1 has been the same tables with more keys."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from .locked import Dependency, Lock, LockedFile, Package, Part, Source
from .lockfile_error import LockfileError
from .toml_text import (
    canonical,
    code,
    is_list,
    is_table,
    parse_toml,
    table_at,
    tables_in,
    text_in,
    texts_in,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KNOWN_VERSION: Final = 1
SOURCE_KINDS: Final = ("registry", "git", "url", "path", "directory", "editable", "virtual")

_RELOCK: Final = "run: uv lock"
_PACKAGE_LINE: Final = re.compile(r"^\[\[package\]\][ \t]*$", re.MULTILINE)
_READ_KEYS: Final = frozenset({
    "name", "version", "source", "resolution-markers", "dependencies", "optional-dependencies",
    "dev-dependencies", "sdist", "wheels", "metadata",
})  # fmt: skip
_ASKED_KEYS: Final = ("requires-dist", "requires-dev")
_EDGE_KEYS: Final = frozenset({"name", "version", "source", "extra", "extras", "marker"})


def read_text(path: Path) -> str:
    """Read a lock or a pyproject.toml from disk.

    Raises:
        LockfileError: There is no such file, or it is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        told, move = "it is not UTF-8", _RELOCK
        if isinstance(error, OSError):
            told = error.strerror or str(error)
            if not isinstance(error, FileNotFoundError):
                is_folder = isinstance(error, IsADirectoryError)
                move = "name a file" if is_folder else "let it be read, then try again"
        msg = f"cannot read {path}: {told}; {move}"
        raise LockfileError(msg) from error


def read_tree(text: str, label: str) -> dict[str, object]:
    """Parse the text of a lock into tables, and refuse what is no lock that is known here.

    Args:
        text: The content of the file.
        label: What the file is called in messages.

    Raises:
        LockfileError: It is conflicted, no TOML, no lock, or of a version that is not known.
    """
    tree = parse_toml(text, label, _RELOCK)
    version = tree.get("version")
    if version is None or not is_list(tree.get("package", [])):
        msg = f"{label} is no lock of uv: it has no version or no packages; {_RELOCK}"
        raise LockfileError(msg)
    if version != KNOWN_VERSION or isinstance(version, bool):
        msg = (
            f"{label} is a lock of version {version!r}; this tool reads version "
            f"{KNOWN_VERSION}. Lock with a matching uv, or upgrade tta-dev-primitives"
        )
        raise LockfileError(msg)
    return tree


def read_lock(text: str, label: str) -> Lock:
    """Read the text of a lock.

    What has no meaning here is kept by its key, so that two locks that differ never compare
    equal. `read_tree` says what is refused; so is a package without a name or a source.
    """
    return lock_of(read_tree(text, label), text, label)


def lock_of(tree: dict[str, object], text: str, label: str) -> Lock:
    """Read a lock that `read_tree` has parsed from *text*.

    Raises:
        LockfileError: A package has no name or no source.
    """
    nodes = tree.get("package", [])
    starts = list(_lines_of_packages(text))
    entries = nodes if is_list(nodes) else []
    lines = starts if len(starts) == len(entries) else [0] * len(entries)
    packages = [_package(node, line, label) for node, line in zip(entries, lines, strict=True)]
    packages.sort(key=Package.order)
    manifest = table_at(tree, "manifest")
    members = texts_in(manifest.get("members")) or tuple(
        package.name
        for package in packages
        if package.source.is_local and package.source.location == "."
    )
    header = {key: value for key, value in tree.items() if key != "package"}
    return Lock(tuple(packages), tuple(sorted(_settings(header))), members, _groups(manifest))


def _lines_of_packages(text: str) -> Iterator[int]:
    line, counted = 1, 0
    for found in _PACKAGE_LINE.finditer(text):
        line += text.count("\n", counted, found.start())
        counted = found.start()
        yield line


def _package(node: object, line: int, label: str) -> Package:
    where = f"{label}:{line}" if line else label
    name = text_in(node, "name") if is_table(node) else None
    if not is_table(node) or not name:
        msg = f"{where} holds a package without a name; {_RELOCK}"
        raise LockfileError(msg)
    origin = node.get("source")
    if not is_table(origin):
        msg = f"{where} says of package {code(name)} no source that can be read; {_RELOCK}"
        raise LockfileError(msg)
    rest = {key: value for key, value in node.items() if key not in _READ_KEYS}
    metadata = table_at(node, "metadata")
    unread = {key: value for key, value in metadata.items() if key not in _ASKED_KEYS}
    if unread:
        rest["metadata"] = unread
    return Package(
        name=name,
        version=text_in(node, "version"),
        source=_source(origin),
        forks=tuple(sorted(texts_in(node.get("resolution-markers")))),
        dependencies=tuple(sorted(_dependencies(node))),
        files=tuple(sorted(_files(node))),
        requirements=tuple(sorted(_requirements(metadata))),
        other=tuple(sorted((key, canonical(list(values))) for key, values in _settings(rest))),
        line=line,
    )


def _source(table: dict[str, object]) -> Source:
    for kind in SOURCE_KINDS:
        location = text_in(table, kind)
        if location is not None:
            rest = {key: value for key, value in table.items() if key != kind}
            return Source(kind, location, canonical(rest) if rest else "")
    return Source("unknown", canonical(table))


def _dependencies(node: dict[str, object]) -> Iterator[Dependency]:
    yield from _edges(node.get("dependencies"), Part())
    for extra, edges in table_at(node, "optional-dependencies").items():
        yield from _edges(edges, Part("extra", extra))
    for group, edges in table_at(node, "dev-dependencies").items():
        yield from _edges(edges, Part("group", group))


def _edges(node: object, part: Part) -> Iterator[Dependency]:
    for table in tables_in(node):
        source = table.get("source")
        rest = {key: value for key, value in table.items() if key not in _EDGE_KEYS}
        yield Dependency(
            part=part,
            name=text_in(table, "name") or "",
            version=text_in(table, "version") or "",
            source=str(_source(source)) if is_table(source) else "",
            # A requirement of the root says "extras", a resolved edge "extra".
            extras=texts_in(table.get("extra")) or texts_in(table.get("extras")),
            marker=text_in(table, "marker") or "",
            other=canonical(rest) if rest else "",
        )


def _files(node: dict[str, object]) -> Iterator[LockedFile]:
    for table, is_wheel in [
        *((table, False) for table in tables_in([node.get("sdist")])),
        *((table, True) for table in tables_in(node.get("wheels"))),
    ]:
        location = text_in(table, "url") or text_in(table, "path") or ""
        path = re.split(r"[?#]", location, maxsplit=1)[0].replace("\\", "/")
        size = table.get("size")
        known = {"url", "path", "hash", "size"}
        rest = {key: value for key, value in table.items() if key not in known}
        yield LockedFile(
            name=text_in(table, "filename") or unquote(path.rpartition("/")[2]),
            is_wheel=is_wheel,
            location=location,
            hash=text_in(table, "hash") or "",
            size=size if isinstance(size, int) else -1,
            other=canonical(rest) if rest else "",
        )


def _groups(manifest: dict[str, object]) -> tuple[Dependency, ...]:
    asked = table_at(manifest, "dependency-groups")
    edges = [edge for group, node in asked.items() for edge in _edges(node, Part("group", group))]
    # A locked script has its requirements here, and neither members nor groups.
    edges += _edges(manifest.get("requirements"), Part("group", "requirements"))
    return tuple(sorted(edges))


def _requirements(metadata: dict[str, object]) -> Iterator[str]:
    for table in tables_in(metadata.get("requires-dist")):
        yield requirement_text(table)
    for group, tables in table_at(metadata, "requires-dev").items():
        for table in tables_in(tables):
            yield f"group {group}: {requirement_text(table)}"


def requirement_text(table: dict[str, object]) -> str:
    """Write a requirement of a lock in one line, close to how a pyproject.toml has it."""
    extras = texts_in(table.get("extras"))
    text = (text_in(table, "name") or "") + (f"[{','.join(extras)}]" if extras else "")
    text += text_in(table, "specifier") or ""
    known = {"name", "extras", "specifier", "marker"}
    for key in sorted(table.keys() - known):
        text += f" ({key} {canonical(table[key])})"
    marker = text_in(table, "marker")
    return f"{text}; {marker}" if marker else text


def _settings(node: dict[str, object], prefix: str = "") -> Iterator[tuple[str, tuple[str, ...]]]:
    for key, value in node.items():
        name = f"{prefix}{key}"
        if is_table(value) and value:
            yield from _settings(value, f"{name}.")
        elif is_list(value):
            is_asked = name.startswith("manifest.") and tables_in(value) == value
            lines = [
                requirement_text(item) if is_asked and is_table(item) else canonical(item)
                for item in value
            ]
            yield name, tuple(lines)
        else:
            yield name, (canonical(value),)
