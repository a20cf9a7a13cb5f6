"""Steps and moves that the tests of the circuit breaker share."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tta_dev_primitives.errors import CircuitOpenError
from tta_dev_primitives.recovery.circuit_breaker import CircuitBreakerPrimitive


class Service:
    """A step that does what the test says: raises `error` if there is one, else answers."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self.calls = 0

    async def __call__(self, x: Any) -> Any:
        self.calls += 1
        if self.error is not None:
            raise self.error
        return x


async def good(breaker: CircuitBreakerPrimitive, service: Service, times: int = 1) -> None:
    """Make calls that succeed."""
    service.error = None
    for _ in range(times):
        assert await breaker.execute("x") == "x"


async def bad(
    breaker: CircuitBreakerPrimitive,
    service: Service,
    times: int = 1,
    error: Exception | None = None,
) -> None:
    """Make calls that reach the service and raise *error*, a `ConnectionError` if none is given."""
    error = service.error = ConnectionError("down") if error is None else error
    for _ in range(times):
        with pytest.raises(type(error)) as caught:
            await breaker.execute("x")
        assert caught.value is error
    service.error = None


async def refused(breaker: CircuitBreakerPrimitive, x: Any = "x") -> CircuitOpenError:
    """Make a call that must not reach the service; return its error."""
    with pytest.raises(CircuitOpenError) as caught:
        async with asyncio.timeout(5):  # a call let through by mistake may hang
            await breaker.execute(x)
    return caught.value
