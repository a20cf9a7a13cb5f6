"""Servers that an app is told by URL: each gets a listener, and the app its URL."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from keploy_framework.errors import TargetError
from keploy_framework.proxy.egress import DependencyListener
from keploy_framework.proxy.origin import origin_of_url

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

    from keploy_framework.proxy.egress import Calls


_OPENAI: Final = "https://api.openai.com/v1"


@dataclass(frozen=True, slots=True)
class Dependency:
    """A server whose URL an app reads from its environment.

    Args:
        target: The URL of the real one, with its path, such as ``https://api.openai.com/v1``.
        env: The variable the app reads; empty where it is told in another way.
        listen: The TCP port to listen on; 0 for a free one.

    Raises:
        TargetError: *target* is no URL of http or https, or *listen* is no port.
    """

    target: str
    env: str = ""
    listen: int = 0

    @property
    def base_url(self) -> str:
        """The target, with the path that the variable's library puts there by itself."""
        host_alone = urlsplit(self.target).path in ("", "/")
        if host_alone and origin_of_url(self.target) == origin_of_url(_OPENAI):
            return _OPENAI if self.env == "OPENAI_BASE_URL" else self.target
        return self.target

    def __post_init__(self) -> None:
        origin_of_url(self.target)
        if not 0 <= self.listen <= 65535:
            msg = f"{self.listen} is no TCP port; give one from 0 to 65535"
            raise TargetError(msg)


KNOWN_VARIABLES: Final = {"OPENAI_BASE_URL": "openai", "ANTHROPIC_BASE_URL": "anthropic"}
"""The variables that are looked at without being told, and what their server is called."""


def dependencies_of(
    environment: Mapping[str, str], declared: Mapping[str, Dependency] | None = None
) -> dict[str, Dependency]:
    """Find every server that gets a listener.

    These are the declared ones, and those of the known variables that are set and not declared:
    their target is the user's own. A variable that is not set stays so, as the libraries that
    read it use the proxy for their own default. A known variable that holds no URL is left alone.

    Args:
        environment: The environment the child would have.
        declared: By name, as the user configured them.
    """
    found = dict(declared or {})
    taken = {dependency.env for dependency in found.values()}
    for variable, name in KNOWN_VARIABLES.items():
        target = environment.get(variable, "")
        if not target or variable in taken:
            continue
        try:
            found.setdefault(name, Dependency(target, variable))
        except TargetError:
            # The app will say what is wrong with it, in its own words.
            continue
    return found


class DependencyListeners:
    """Open a listener for each dependency, as an async context manager.

    Args:
        dependencies: By name.
        calls: What becomes of the calls.
    """

    def __init__(self, dependencies: Mapping[str, Dependency], calls: Calls) -> None:
        self._dependencies = dict(dependencies)
        self._calls = calls
        self._stack = AsyncExitStack()
        self.urls: dict[str, str] = {}
        """Where each is reached, by name."""
        self.targets: dict[str, str] = {}
        """What each variable is set to."""

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            for name, dependency in self._dependencies.items():
                listener = DependencyListener(
                    dependency.base_url, self._calls, port=dependency.listen
                )
                await stack.enter_async_context(listener)
                self.urls[name] = listener.url
                if dependency.env:
                    self.targets[dependency.env] = listener.url
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()
