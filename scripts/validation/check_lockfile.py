"""Check that uv.lock names only the index that every user of this workspace can reach.

``uv lock --check`` accepts a lock whose packages come from somebody's private index or a proxy
on their own machine. This check does not: it compares every registry with one value, uv's own
default, asked of uv itself; indexes declared in the root's ``[[tool.uv.index]]`` are allowed too.

Exit codes: 0 clean, 1 findings, 2 misuse (no lock, a merge conflict, not TOML, no uv).
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import os
import re
import subprocess
import sys
import tomllib
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

INTERNAL_SUFFIXES = (".localhost", ".local", ".internal", ".lan", ".home.arpa", ".intranet")
LOCAL_SOURCES = ("path", "directory", "editable", "virtual")


class LockfileError(Exception):
    """A lock that cannot be judged, with the next move."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One value in the lock that does not belong there."""

    rule: str
    package: str
    value: str
    message: str


def read_lock(path: Path) -> dict[str, object]:
    """Read a lock, telling a missing, conflicted or foreign file apart."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"cannot read {path}: {error}; run: uv lock"
        raise LockfileError(msg) from error
    conflict = re.search(r"^(<{7}|={7}|>{7})(\s|$)", text, re.MULTILINE)
    if conflict:
        line = text.count("\n", 0, conflict.start()) + 1
        msg = f"{path}:{line} holds a merge conflict; take one side, then run: uv lock"
        raise LockfileError(msg)
    try:
        lock: dict[str, object] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        msg = f"{path} is not TOML: {error}; restore it and run: uv lock"
        raise LockfileError(msg) from error
    if "version" not in lock or not isinstance(lock.get("package"), list):
        msg = f"{path} is no lock of uv: it has no version or no packages; run: uv lock"
        raise LockfileError(msg)
    return lock


def declared_indexes(pyproject: Path) -> list[str]:
    """List the index URLs that the workspace root declares, none where there is no root."""
    if not pyproject.is_file():
        return []
    try:
        tables: object = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        msg = f"{pyproject} is not TOML: {error}"
        raise LockfileError(msg) from error
    for key in ("tool", "uv"):
        tables = tables.get(key) if _is_table(tables) else None
    indexes = tables.get("index") if _is_table(tables) else None
    found = [index.get("url") for index in indexes if _is_table(index)] if _is_list(indexes) else []
    return [url for url in found if isinstance(url, str)]


def default_registry() -> str:
    """Ask uv for its built-in default index; nothing is downloaded for that."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("UV_", "PIP_"))}
    command = ["uv", "pip", "compile", "--no-config", "--offline", "--no-cache", "--no-header"]
    command += [
        "--quiet",
        "--no-python-downloads",
        "--python",
        sys.executable,
        "--emit-index-url",
        "-",
    ]
    try:
        ran = subprocess.run(
            command, input="", capture_output=True, text=True, check=True, env=clean
        )
    except (OSError, subprocess.CalledProcessError) as error:
        told = error.stderr if isinstance(error, subprocess.CalledProcessError) else error
        msg = f"cannot ask uv for its default index: {told}; install uv or pass --registry"
        raise LockfileError(msg) from error
    found = re.search(r"^--index-url (\S+)$", ran.stdout, re.MULTILINE)
    if found is None:
        msg = f"uv named no default index, it printed {ran.stdout!r}; pass --registry"
        raise LockfileError(msg)
    return found[1]


def check(lock: Mapping[str, object], registry: str, declared: Sequence[str]) -> list[Finding]:
    """List what does not belong in *lock*, sorted; each value once per rule and package."""
    allowed = {_same(registry), *map(_same, declared)}
    findings = set(_files_from_elsewhere(lock, registry))
    for package, key, value in _strings(lock):
        if key == "registry" and _same(value) not in allowed:
            told = f"is not {registry}; lock again without index settings of your own"
            findings.add(Finding("registry", package, _hide(value), told))
        if "://" in value or value.startswith("file:"):
            findings.update(_judge_url(package, value))
        elif key in {*LOCAL_SOURCES, "url"} and _is_absolute(value):
            told = "is an absolute path of one machine; use a path inside the workspace"
            findings.add(Finding("absolute-path", package, value, told))
    return sorted(findings)


def _files_from_elsewhere(lock: Mapping[str, object], registry: str) -> Iterator[Finding]:
    """Find files of the one registry that are not served by the host that serves the rest."""
    packages = lock.get("package")
    served: list[tuple[str, str, str]] = []
    for package in packages if _is_list(packages) else []:
        source = package.get("source") if _is_table(package) else None
        named = source.get("registry") if _is_table(source) else None
        if isinstance(named, str) and _same(named) == _same(registry):
            for name, key, value in _strings(package, key="package"):
                if key == "url" and "://" in value:
                    served.append((value.partition("://")[2].partition("/")[0], name, value))
    hosts = Counter(host for host, _, _ in served)
    for host, name, value in served:
        if host != hosts.most_common(1)[0][0]:
            told = "is served by another host than the registry's other files"
            yield Finding("file-host", name, _hide(value), told)


def _judge_url(package: str, value: str) -> Iterator[Finding]:
    shown = _hide(value)
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname or "", parts.port  # reading the port checks it
    except ValueError as error:
        yield Finding("bad-url", package, shown, f"does not parse as a URL: {error}")
        return
    if parts.scheme.endswith("file"):
        yield Finding("file-url", package, shown, "is a file of one machine")
        return
    if "@" in parts.netloc:
        yield Finding("userinfo", package, shown, "holds a user name or password; revoke it")
    if _is_private(unquote(host)):
        told = f"the host {host!r} is private or loopback; nobody else can reach it"
        yield Finding("private-host", package, shown, told)
    elif parts.scheme.removeprefix("git+") == "http":
        yield Finding("plain-http", package, shown, "is not https; it looks like a proxy")


def _is_private(host: str) -> bool:
    name = host.rstrip(".").lower()
    try:
        return not ipaddress.ip_address(name.partition("%")[0]).is_global
    except ValueError:
        return "." not in name or name.endswith(INTERNAL_SUFFIXES)


def _is_absolute(value: str) -> bool:
    return value.startswith(("/", "\\", "~")) or re.match(r"[A-Za-z]:[\\/]", value) is not None


def _same(url: str) -> str:
    return url.rstrip("/")


def _hide(url: str) -> str:
    """Blank a user name and password, so that a report never repeats a secret."""
    return re.sub(r"://[^/@]*@", "://***@", url)


def _strings(node: object, package: str = "", key: str = "") -> Iterator[tuple[str, str, str]]:
    if isinstance(node, str):
        yield package, key, node
    elif _is_list(node):
        for item in node:
            yield from _strings(item, package, key)
    elif _is_table(node):
        name = node.get("name")
        inside = name if key == "package" and isinstance(name, str) else package
        for inner_key, value in node.items():
            yield from _strings(value, inside, inner_key)


def _is_table(node: object) -> TypeGuard[dict[str, object]]:
    return isinstance(node, dict)


def _is_list(node: object) -> TypeGuard[list[object]]:
    return isinstance(node, list)


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the lock named on the command line and give the exit code."""
    parser = argparse.ArgumentParser(
        description="Check that uv.lock names only the index every user can reach.",
        epilog="exit codes: 0 clean, 1 findings, 2 misuse",
    )
    parser.add_argument("lockfile", nargs="?", type=Path, default=Path("uv.lock"))
    parser.add_argument("--registry", help="the one registry allowed; default: uv's own default")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    options = parser.parse_args(arguments)
    path: Path = options.lockfile
    try:
        lock = read_lock(path)
        declared = declared_indexes(path.with_name("pyproject.toml"))
        registry: str = options.registry or default_registry()
    except LockfileError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    findings = check(lock, registry, declared)
    if options.json:
        rows = [asdict(finding) for finding in findings]
        print(json.dumps({"lockfile": str(path), "registry": registry, "findings": rows}, indent=2))
    else:
        for found in findings:
            print(f"{path}: [{found.rule}] {found.package or '-'}: {found.value} {found.message}")
        print(f"{path}: {len(findings)} findings" if findings else f"{path}: clean")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
