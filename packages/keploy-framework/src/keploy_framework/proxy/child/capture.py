"""What of a command's calls would go past the proxy, and why, before it is run."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_READ_BYTES: Final = 64 * 1_048_576
_GO_MARK: Final = b"\xff Go buildinf:"
_ELF: Final = b"\x7fELF"
_INTERPRETER_HEADER: Final = 3


@dataclass(frozen=True, slots=True)
class Gap:
    """Calls that would not be captured.

    Args:
        client: Who makes them, such as ``go`` or ``python``.
        calls: Which of its calls.
        reason: Why they go past the proxy, or fail there.
        move: What to do about it.
        certain: Whether it is so with this command; otherwise it depends on the app's code.
    """

    client: str
    calls: str
    reason: str
    move: str
    certain: bool = False


_LISTENER: Final = "declare the server under deps, and let the app read its URL"
_GRPC: Final = (
    "gRPC calls",
    "they are HTTP/2, which is passed on unread and cannot be answered",
    "use the service's HTTP API in tests, or replace the client",
)
_IN_CODE: Final = "the code decides, and no variable changes that"

_USUAL: Final[dict[str, tuple[Gap, ...]]] = {
    "python": (
        Gap("python", *_GRPC),
        Gap(
            "python",
            "calls of http.client, pycurl or plain sockets, and of clients with trust_env=False",
            _IN_CODE,
            _LISTENER,
        ),
    ),
    "node": (
        Gap("node", *_GRPC),
        Gap("node", "calls of http2, and of undici dispatchers made in code", _IN_CODE, _LISTENER),
    ),
    "go": (
        Gap("go", *_GRPC),
        Gap(
            "go",
            "calls to localhost, 127.0.0.1 and ::1",
            "Go never uses a proxy for them, whatever NO_PROXY says",
            _LISTENER,
            certain=True,
        ),
        Gap(
            "go",
            "https calls on macOS and Windows",
            "Go trusts the store of the system there, and SSL_CERT_FILE counts on Linux alone",
            _LISTENER,
        ),
    ),
    "java": (
        Gap(
            "java",
            "all calls",
            "Java reads neither the proxy variables nor SSL_CERT_FILE",
            "set -Dhttps.proxyHost, -Dhttps.proxyPort and -Djavax.net.ssl.trustStore in "
            "JAVA_TOOL_OPTIONS, or declare the server under deps",
            certain=True,
        ),
    ),
    "static": (
        Gap(
            "static",
            "https calls, if the program carries its own authorities",
            "a statically linked program may not read SSL_CERT_FILE, as with Rust's webpki-roots",
            _LISTENER,
        ),
    ),
    "elsewhere": (
        Gap(
            "elsewhere",
            "all calls",
            "the app runs in another place, where this environment does not reach",
            "start the app itself with the command, not what starts it there",
            certain=True,
        ),
    ),
}
_NAMES: Final = (
    (re.compile(r"(?:python|pypy)[0-9.]*w?"), "python"),
    (re.compile(r"uvicorn|gunicorn|hypercorn|granian|flask|django-admin|fastapi|pytest"), "python"),
    (re.compile(r"node|nodejs|npm|npx|pnpm|yarn|tsx|ts-node|next"), "node"),
    (re.compile(r"go"), "go"),
    (re.compile(r"java|mvnw?|gradlew?|sbt|kotlin|scala"), "java"),
    (re.compile(r"docker|podman|docker-compose|ssh|kubectl|sudo|doas|wsl"), "elsewhere"),
)
_STARTERS: Final = frozenset(("env", "exec", "nohup", "time", "uv", "poetry", "pipenv", "hatch"))


def capture_gaps(
    command: Sequence[str], environment: Mapping[str, str], *, shims: bool = True
) -> tuple[Gap, ...]:
    """Tell which calls of a command would not be captured; nothing is run.

    Args:
        command: The command, in words.
        environment: The environment it would have without the proxy.
        shims: Whether Python and Node apps would load a file of ours first.

    Raises:
        OSError: The program is there but cannot be read.
    """
    client = client_of(command, environment)
    gaps = [*_missing_tools(), *_of_environment(environment), *_USUAL.get(client, ())]
    if client == "python":
        gaps += _of_python(command, shims=shims)
    elif client == "node" and not shims:
        calls, reason = (
            "all calls",
            "Node before 24 uses no proxy without the file that is left out",
        )
        gaps.append(Gap("node", calls, reason, "leave the shims on", certain=True))
    return tuple(gaps)


def client_of(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """Say what runs in a command: python, node, go, java, static, elsewhere, or nothing known.

    Raises:
        OSError: The program is there but cannot be read.
    """
    words = [word for word in command if "=" not in word.partition("/")[0]]
    while words and PurePath(words[0]).stem.lower() in _STARTERS:
        words = _after_starter(words)
    if not words:
        return ""
    name = PurePath(words[0]).name.lower().removesuffix(".exe")
    for pattern, client in _NAMES:
        if pattern.fullmatch(name):
            return client
    found = shutil.which(words[0], path=environment.get("PATH"))
    return "" if found is None else _client_of_program(Path(found))


def _after_starter(words: Sequence[str]) -> list[str]:
    rest = list(words[1:])
    while rest and (rest[0].startswith("-") or rest[0] == "run"):
        rest.pop(0)
    return rest


def _client_of_program(program: Path) -> str:
    with program.open("rb") as file:
        start = file.read(2)
        if start == b"#!":
            line = file.readline(4096).decode("utf-8", "replace").split()
            name = PurePath(line[-1] if line[:1] == ["/usr/bin/env"] else line[0] if line else "")
            return next((client for form, client in _NAMES if form.fullmatch(name.name)), "")
        content = start + file.read(_READ_BYTES)
    if _GO_MARK in content:
        return "go"
    return "static" if content.startswith(_ELF) and not _has_interpreter(content) else ""


def _has_interpreter(program: bytes) -> bool:
    """Tell whether an ELF program names a loader, as all do that are linked at run time."""
    wide = program[4:5] == b"\x02"
    order = "big" if program[5:6] == b"\x02" else "little"

    def number(at: int, size: int) -> int:
        return int.from_bytes(program[at : at + size], order)

    first = number(32, 8) if wide else number(28, 4)
    size, count = (number(54, 2), number(56, 2)) if wide else (number(42, 2), number(44, 2))
    kinds = (number(first + each * size, 4) for each in range(count))
    return _INTERPRETER_HEADER in kinds


def _missing_tools() -> Iterable[Gap]:
    if find_spec("cryptography") is None:
        reason = "the package cryptography is not installed"
        yield Gap("proxy", "https calls", reason, "uv add cryptography", certain=True)


def _of_environment(environment: Mapping[str, str]) -> Iterable[Gap]:
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        if environment.get(name):
            yield Gap(
                "environment",
                "calls that only a proxy of your own reaches",
                f"{name} is replaced, and recorded calls go to their servers directly",
                "record where the servers can be reached directly",
                certain=True,
            )
            return


def _of_python(command: Sequence[str], *, shims: bool) -> Iterable[Gap]:
    flags = "".join(_flags_of_python(command))
    if not shims:
        reason = "they use no proxy without the file that is left out"
        calls = "calls of aiohttp and urllib3"
        yield Gap("python", calls, reason, "leave the shims on", certain=True)
    elif set(flags) & set("IES"):
        yield Gap(
            "python",
            "calls of aiohttp and urllib3",
            f"the flag -{next(flag for flag in flags if flag in 'IES')} keeps Python from loading "
            "the file that leads them through the proxy",
            "leave the flag out while recording",
            certain=True,
        )


def _flags_of_python(command: Sequence[str]) -> Iterable[str]:
    words = iter(command)
    for word in words:
        if _NAMES[0][0].fullmatch(PurePath(word).name.lower()):
            break
    for word in words:
        if not word.startswith("-") or word.startswith("--") or word in ("-", "-c", "-m"):
            return
        yield word[1:]
