"""Look at the keys in the environment and at the ports of this machine."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING, Final

from .answer import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

KEYS: Final = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY")
PORTS: Final = {8000: "an app of tta new app", 9464: "the page of metrics"}

# Published ports of a compose file: "127.0.0.1:16379:6379" or 8000:8000
_PUBLISHED: Final = re.compile(r"[\"'\s\[](?:[\d.]+:)?(\d{2,5}):\d{2,5}(?:/tcp)?[\"'\s\],]")


def look_at_keys(environment: Mapping[str, str]) -> Iterator[Answer]:
    """Tell which keys of model providers are set, and never what they are."""
    for name in KEYS:
        value = environment.get(name)
        if value is None:
            said = f"{name} is not set; only calls of its models need it"
            yield Answer("key", "note", said, f"export {name}=..., for instance from a file")
        elif not value.strip():
            yield Answer("key", "problem", f"{name} is set, but empty", f"set it, or unset {name}")
        elif value != value.strip() or value[0] in "\"'" or not value.isascii():
            said = f"{name} has spaces, quotes or other signs around it, and would be refused"
            yield Answer("key", "problem", said, "set it again without them")
        else:
            yield Answer("key", "ok", f"{name} is set, {len(value)} characters")


def look_at_ports(root: Path | None) -> Iterator[Answer]:
    """Tell which ports that tools and services listen on here are taken."""
    wanted = dict(PORTS)
    for path in sorted(root.glob("*compose*.y*ml")) if root else []:
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            said = f"{path.name} cannot be read, so its ports are not known: {error.strerror}"
            yield Answer("ports", "note", said, "let it be read")
            continue
        for found in _PUBLISHED.finditer(text):
            wanted.setdefault(int(found[1]), f"a service of {path.name}")
    taken = [port for port in sorted(wanted) if not is_free(port)]
    for port in taken:
        said = f"{port}, for {wanted[port]}, is taken by a program that runs already"
        yield Answer("port", "note", said, "stop that program, or choose another port")
    free = [str(port) for port in sorted(wanted) if port not in taken]
    if free:
        yield Answer("ports", "ok", f"{', '.join(free)} are free on 127.0.0.1")


def is_free(port: int) -> bool:
    """Tell whether a server could listen on *port* of this machine's loopback address."""
    with socket.socket(socket.AF_INET) as probe:
        # As servers do, so that a connection that was just closed does not count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
