from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import redis.asyncio
from opentelemetry.metrics import NoOpMeterProvider

from .redis_server import redis_server
from .site import Site, running_site
from .tracers import KINDS, Traced, installed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


def instrumentation(name: str) -> Any:
    """Load one of OpenTelemetry's instrumentations, or skip the test."""
    module = f"opentelemetry.instrumentation.{name}"
    line = f"not installed; try: uv add --dev opentelemetry-instrumentation-{name}"
    if os.environ.get("TTA_REQUIRE_SERVICES") == "1":
        __import__(module)
    return pytest.importorskip(module, reason=line)


@pytest.fixture(params=KINDS)
def traced(request: pytest.FixtureRequest) -> Iterator[Traced]:
    """A process that is traced: by us, and by a user's SDK."""
    with installed(request.param) as traced:
        yield traced


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with running_site() as site:
        yield site


@pytest.fixture
async def client(traced: Traced, site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the site, instrumented as users instrument theirs."""
    async with httpx.AsyncClient(base_url=site.url) as client:
        instrumentation("httpx").HTTPXClientInstrumentor.instrument_client(
            client, tracer_provider=traced.provider, meter_provider=NoOpMeterProvider()
        )
        yield client


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture
async def redis_client(traced: Traced, redis_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    """A client of a real server, instrumented as users instrument theirs."""
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        await client.ping()  # so that the handshake of the connection is no part of the traces
        instrumentation("redis").RedisInstrumentor.instrument_client(
            client, tracer_provider=traced.provider
        )
        yield client
