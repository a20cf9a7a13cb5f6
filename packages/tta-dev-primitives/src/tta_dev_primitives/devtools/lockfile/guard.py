"""Find what in a lock only works on one machine or in one network, or gives a secret away.

`uv lock --check` accepts a lock whose packages come from somebody's private index or from a proxy
on their own machine. Here every registry is compared with one value.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from .locked import LOCAL_KINDS
from .toml_text import is_list, is_table, printable, tables_in, text_in

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

INTERNAL_SUFFIXES: Final = (
    ".localhost",
    ".local",
    ".internal",
    ".lan",
    ".home.arpa",
    ".intranet",
)


# What is wrong, and the fix.
_SAID: Final = {
    "absolute-path": ("is an absolute path of one machine", "use a path inside the workspace"),
    "bad-url": ("does not parse as a URL", "lock again"),
    "file-host": ("is served by another host than the registry's other files", ""),
    "file-url": ("is a file of one machine", "publish it or use a path"),
    "plain-http": ("is not https", "it looks like a proxy"),
    "private-host": ("is on a private or loopback host", "nobody else can reach it"),
    "userinfo": ("holds a user name or password", "revoke it, and lock again without"),
}


@dataclass(frozen=True, slots=True, order=True)
class Leak:
    """What in the lock does not belong there.

    Args:
        rule: Which rule says so.
        package: The package that holds it, empty above the packages.
        value: The value, printable and without a password.
        message: What is wrong with it, how many like it the package holds, and the fix.
    """

    rule: str
    package: str
    value: str
    message: str


def find_leaks(lock: Mapping[str, object], registry: str, declared: Sequence[str]) -> list[Leak]:
    """List what does not belong in *lock*, sorted; each host once per rule and package.

    Args:
        lock: The parsed lock.
        registry: The one index that packages may come from.
        declared: Indexes of the workspace's own that they may come from as well.
    """
    allowed = {_same(registry), *map(_same, declared)}
    found: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for rule, package, value in (
        *_files_from_elsewhere(lock, registry),
        *_strings_that_leak(lock, allowed),
    ):
        found[rule, package, _host_part(value)].add(value)
    said = _SAID | {
        "registry": (f"is not {registry}", "lock again without index settings of your own")
    }
    leaks: list[Leak] = []
    for (rule, package, _), values in found.items():
        wrong, fix = said[rule]
        # A proxy shows in every file of every package.
        more = f", and {len(values) - 1} more like it" if len(values) > 1 else ""
        message = f"{wrong}{more}; {fix}" if fix else f"{wrong}{more}"
        leaks.append(Leak(rule, package, printable(without_login(min(values))), message))
    return sorted(leaks)


def _files_from_elsewhere(
    lock: Mapping[str, object], registry: str
) -> Iterator[tuple[str, str, str]]:
    """Find files of the one registry that are not served by the host that serves the rest."""
    served: list[tuple[str, str, str]] = []
    for package in tables_in(lock.get("package")):
        source = package.get("source")
        named = text_in(source, "registry") if is_table(source) else None
        if named is not None and _same(named) == _same(registry):
            for name, key, value in _strings(package, key="package"):
                if key == "url" and "://" in value:
                    served.append((_host_part(value), name, value))
    hosts = Counter(host for host, _, _ in served)
    usual = max(hosts, key=lambda host: hosts[host], default="")
    for host, name, value in served:
        if host != usual:
            yield "file-host", name, value


def _strings_that_leak(
    lock: Mapping[str, object], allowed: Collection[str]
) -> Iterator[tuple[str, str, str]]:
    for package, key, value in _strings(lock):
        if key == "registry" and _same(value) not in allowed:
            yield "registry", package, value
        if "://" in value or value.startswith("file:"):
            for rule in _rules_against(value):
                yield rule, package, value
        elif key in LOCAL_KINDS | {"url"} and _is_absolute(value):
            yield "absolute-path", package, value


def _rules_against(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port  # reading the port checks it
    except ValueError:
        yield "bad-url"
        return
    if parts.scheme.endswith("file"):
        yield "file-url"
        return
    if "@" in parts.netloc:
        yield "userinfo"
    if _is_private(unquote(host)):
        yield "private-host"
    elif parts.scheme.removeprefix("git+") == "http":
        yield "plain-http"


def _host_part(url: str) -> str:
    return url.partition("://")[2].partition("/")[0]


@lru_cache(maxsize=1024)
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


def without_login(text: str) -> str:
    """Return *text* with the user name and password of every URL in it blanked.

    A report never repeats a secret.
    """
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
