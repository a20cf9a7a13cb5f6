"""Find what in a lock only works on one machine or in one network, or gives a secret away.

`uv lock --check` accepts a lock whose packages come from somebody's private index or from a proxy
on their own machine. Here every registry is compared with one value.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from .locked import LOCAL_KINDS
from .toml_text import is_list, is_table, printable, tables_in, text_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

INTERNAL_SUFFIXES: Final = (
    ".localhost",
    ".local",
    ".internal",
    ".lan",
    ".home.arpa",
    ".intranet",
)


@dataclass(frozen=True, slots=True, order=True)
class Leak:
    """One value in the lock that does not belong there.

    Args:
        rule: Which rule says so.
        package: The package that holds it, empty above the packages.
        value: The value, printable and without a password.
        message: What is wrong with it, and the fix.
    """

    rule: str
    package: str
    value: str
    message: str


def find_leaks(lock: Mapping[str, object], registry: str, declared: Sequence[str]) -> list[Leak]:
    """List what does not belong in *lock*, sorted; each value once per rule and package.

    Args:
        lock: The parsed lock.
        registry: The one index that packages may come from.
        declared: Indexes of the workspace's own that they may come from as well.
    """
    allowed = {_same(registry), *map(_same, declared)}
    leaks = set(_files_from_elsewhere(lock, registry))
    for package, key, value in _strings(lock):
        if key == "registry" and _same(value) not in allowed:
            told = f"is not {registry}; lock again without index settings of your own"
            leaks.add(Leak("registry", package, _shown(value), told))
        if "://" in value or value.startswith("file:"):
            leaks.update(_judge_url(package, value))
        elif key in LOCAL_KINDS | {"url"} and _is_absolute(value):
            told = "is an absolute path of one machine; use a path inside the workspace"
            leaks.add(Leak("absolute-path", package, _shown(value), told))
    return sorted(leaks)


def _files_from_elsewhere(lock: Mapping[str, object], registry: str) -> Iterator[Leak]:
    """Find files of the one registry that are not served by the host that serves the rest."""
    served: list[tuple[str, str, str]] = []
    for package in tables_in(lock.get("package")):
        source = package.get("source")
        named = text_in(source, "registry") if is_table(source) else None
        if named is not None and _same(named) == _same(registry):
            for name, key, value in _strings(package, key="package"):
                if key == "url" and "://" in value:
                    served.append((value.partition("://")[2].partition("/")[0], name, value))
    hosts = Counter(host for host, _, _ in served)
    for host, name, value in served:
        if host != hosts.most_common(1)[0][0]:
            told = "is served by another host than the registry's other files"
            yield Leak("file-host", name, _shown(value), told)


def _judge_url(package: str, value: str) -> Iterator[Leak]:
    shown = _shown(value)
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname or "", parts.port  # reading the port checks it
    except ValueError:
        yield Leak("bad-url", package, shown, "does not parse as a URL; lock again")
        return
    if parts.scheme.endswith("file"):
        yield Leak("file-url", package, shown, "is a file of one machine; publish it or use a path")
        return
    if "@" in parts.netloc:
        told = "holds a user name or password; revoke it, and lock again without"
        yield Leak("userinfo", package, shown, told)
    if _is_private(unquote(host)):
        told = "is on a private or loopback host; nobody else can reach it"
        yield Leak("private-host", package, shown, told)
    elif parts.scheme.removeprefix("git+") == "http":
        yield Leak("plain-http", package, shown, "is not https; it looks like a proxy")


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


def _shown(url: str) -> str:
    """Blank a user name and password, so that a report never repeats a secret."""
    return printable(without_login(url))


def without_login(text: str) -> str:
    """Return *text* with the user name and password of every URL in it blanked."""
    return re.sub(r"://[^/\s]*@", "://***@", text)


def _strings(node: object, package: str = "", key: str = "") -> Iterator[tuple[str, str, str]]:
    if isinstance(node, str):
        yield package, key, node
    elif is_list(node):
        for item in node:
            yield from _strings(item, package, key)
    elif is_table(node):
        name = node.get("name")
        inside = name if key == "package" and isinstance(name, str) else package
        for inner_key, value in node.items():
            yield from _strings(value, inside, inner_key)
