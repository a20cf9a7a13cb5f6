"""Other libraries behind one shape: wrap an async function of one integer."""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from cache_data import installed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from timing import Operation

Step: TypeAlias = Callable[[int], Awaitable[int]]
Call: TypeAlias = Callable[[Any], Awaitable[Any]]  # Any: an integer, or a list of them
Module: TypeAlias = Any  # Any: not installed where the type checker runs
Load: TypeAlias = Callable[[str], Module]
Opener: TypeAlias = Callable[[Load, Step], Awaitable[Call]]

MODULES = {
    "aiobreaker": "aiobreaker",
    "aiolimiter": "aiolimiter",
    "anyio": "anyio",
    "grit-toolkit": "grit",
    "hyx": "hyx",
    "langchain-core": "langchain_core",
    "nopanic": "nopanic",
    "opentelemetry-api": "opentelemetry",
    "purgatory": "purgatory",
    "pydantic-graph": "pydantic_graph",
    "pyrate-limiter": "pyrate_limiter",
    "stamina": "stamina",
    "tenacity": "tenacity",
}
PLENTY = 1e9  # a second, which no benchmark uses up


@dataclass(frozen=True, slots=True)
class Peer:
    """How one library does one thing.

    Attributes:
        distributions: What has to be installed; the first gives the name in the tables.
        open: Gets the function `load` and the step, and returns the wrapped step.
        detail: Added to the name, where a library has several ways.
    """

    distributions: tuple[str, ...]
    open: Opener
    detail: str = ""

    @property
    def name(self) -> str:
        """The name in the tables."""
        joined = ", ".join(self.distributions)
        if not joined:
            return self.detail
        return f"{joined} ({self.detail})" if self.detail else joined


def load(name: str) -> Module:
    """Import the module *name*."""
    return importlib.import_module(name)


def versions() -> dict[str, str | None]:
    """Return the version of every peer, None where it is not installed."""
    found: dict[str, str | None] = {}
    for distribution in MODULES:
        found[distribution] = None
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[distribution] = importlib.metadata.version(distribution)
    return found


def missing(distributions: Iterable[str]) -> list[str]:
    """Return those of *distributions* that cannot be imported."""
    return sorted({name for name in distributions if not installed(MODULES[name])})


def left_out(peers: Iterable[Peer]) -> str:
    """Return a sentence about the *peers* that are not installed, or nothing."""
    absent = missing(name for peer in peers for name in peer.distributions)
    return f"Not installed, so not measured: {', '.join(absent)}." if absent else ""


async def operations(
    peers: Iterable[Peer], step: Step, *, value: int | list[int] = 1, expected: int | list[int] = 2
) -> dict[str, Operation]:
    """Return a call through each installed peer, after it has given the right answer once.

    Args:
        peers: Those that are not installed are left out.
        step: What they run.
        value: What they are called with.
        expected: The answer; a list may come in another order.

    Raises:
        RuntimeError: A library's answer is another.
    """
    found: dict[str, Operation] = {}
    for peer in peers:
        if missing(peer.distributions):
            continue
        call = await peer.open(load, step)
        answer = await call(value)
        if (sorted(answer) if isinstance(expected, list) else answer) != expected:
            msg = f"{peer.name} answered {answer!r}, expected {expected!r}"
            raise RuntimeError(msg)
        found[peer.name] = lambda call=call: call(value)
    return found


def wrapping(module: str, wrap: Callable[[Module, Step], Call]) -> Opener:
    """Return an opener that calls *wrap* with the loaded *module* and the step."""

    async def open_it(load: Load, step: Step) -> Call:
        return wrap(load(module), step)

    return open_it


def peer(
    distribution: str, module: str, wrap: Callable[[Module, Step], Call], detail: str = ""
) -> Peer:
    """Return a peer that needs one distribution and wraps a step without waiting."""
    return Peer((distribution,), wrapping(module, wrap), detail)
