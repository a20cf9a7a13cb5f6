"""The way out for an app's calls: a proxy, and the environment that leads there."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from keploy_framework.proxy.answered_calls import AnsweredCalls
from keploy_framework.proxy.child.dependencies import DependencyListeners, dependencies_of
from keploy_framework.proxy.child.environment import child_environment
from keploy_framework.proxy.child.trust import trust_files
from keploy_framework.proxy.egress import EgressProxy
from keploy_framework.proxy.passing import TELEMETRY, PassRule
from keploy_framework.proxy.recorded_calls import RecordedCalls
from keploy_framework.proxy.tls.authority import CertificateAuthority

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping
    from pathlib import Path

    from keploy_framework.exchange import Exchange
    from keploy_framework.proxy.answers import Answerer
    from keploy_framework.proxy.child.dependencies import Dependency
    from keploy_framework.proxy.recording import Recording
    from keploy_framework.wire import Unrecorded


@dataclass(frozen=True, slots=True)
class OutgoingOptions:
    """How an app's calls are led through the proxy.

    Args:
        rules: Calls that are passed on unrecorded, and answered without a mock.
        port: The port of the proxy; 0 for a free one.
        dependencies: Servers that the app is told by URL, by name.
        shims: Whether Python and Node apps load a file of ours first.
        trusted: A file of further authorities in PEM that real servers may be verified by.
    """

    rules: tuple[PassRule, ...] = TELEMETRY
    port: int = 0
    dependencies: Mapping[str, Dependency] = field(default_factory=dict[str, "Dependency"])
    shims: bool = True
    trusted: Path | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Where an app's calls go.

    Args:
        environment: The whole environment of the app.
        calls: What becomes of the calls.
        base_urls: The servers that the app is told by URL, by the variable that tells it.
    """

    environment: dict[str, str]
    calls: RecordedCalls | AnsweredCalls
    base_urls: Mapping[str, str] = field(default_factory=dict[str, str])

    def is_own(self, *ports: int) -> None:
        """Say which ports are the app's own; calls there are no dependencies."""
        self.calls.own_ports.update(ports)


@asynccontextmanager
async def recorded_way_out(
    recording: Recording, options: OutgoingOptions, environment: Mapping[str, str]
) -> AsyncGenerator[Outgoing]:
    """Pass calls on to their servers and record them while the block runs.

    Args:
        recording: Gets the exchanges.
        options: How they are led here.
        environment: The environment the app would have.

    Raises:
        ListenError: A port is taken.
        OSError: A file of authorities cannot be read.
    """
    authority = CertificateAuthority()
    calls = RecordedCalls(recording, authority, rules=options.rules, trusted=options.trusted)
    async with _opened(calls, authority, options, environment) as way_out:
        yield way_out


@asynccontextmanager
async def answered_way_out(
    answerer: Answerer,
    options: OutgoingOptions,
    environment: Mapping[str, str],
    *,
    on_unrecorded: Callable[[Unrecorded], None],
    on_fetched: Callable[[Exchange], None] | None = None,
) -> AsyncGenerator[Outgoing]:
    """Answer calls while the block runs; no socket leads anywhere, unless *on_fetched* is given.

    Args:
        answerer: Answers.
        options: How they are led here.
        environment: The environment the app would have.
        on_unrecorded: Gets what could not be answered.
        on_fetched: Lets calls that *answerer* leaves to them go to the real servers, and gets the
            exchanges.

    Raises:
        ListenError: A port is taken.
        OSError: A file of authorities cannot be read.
    """
    authority = CertificateAuthority()
    calls = AnsweredCalls(
        answerer,
        authority,
        rules=options.rules,
        on_unrecorded=on_unrecorded,
        on_fetched=on_fetched,
        trusted=options.trusted,
    )
    async with _opened(calls, authority, options, environment) as way_out:
        yield way_out


@asynccontextmanager
async def _opened(
    calls: RecordedCalls | AnsweredCalls,
    authority: CertificateAuthority,
    options: OutgoingOptions,
    environment: Mapping[str, str],
) -> AsyncGenerator[Outgoing]:
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(EgressProxy(calls, port=options.port))
        found = dependencies_of(environment, options.dependencies)
        listeners = await stack.enter_async_context(DependencyListeners(found, calls))
        # Clients send calls to a listener through the proxy too, where each would count twice.
        calls.own_ports.update(urlsplit(url).port or 0 for url in listeners.urls.values())
        trust = stack.enter_context(trust_files(authority.pem, environment))
        changed = child_environment(
            environment,
            proxy_url=proxy.url,
            trust=trust,
            targets=listeners.targets,
            shims=options.shims,
        )
        base_urls = {one.env: one.base_url for one in found.values() if one.env}
        yield Outgoing(changed, calls, base_urls)
