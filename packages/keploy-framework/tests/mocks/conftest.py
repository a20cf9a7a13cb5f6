"""Mocks written as upstream's files have them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from keploy_framework.exchange import Headers, Request
from keploy_framework.formats.models.mock import Mock

MakeMock = Callable[..., Mock]
MakeRequest = Callable[..., Request]


@pytest.fixture
def mock() -> MakeMock:
    """Make a mock of kind Http; its answer says its name unless told otherwise."""
    count = iter(range(1_000_000))

    def made(
        url: str = "/",
        body: str = "",
        *,
        name: str = "",
        method: str = "GET",
        host: str = "api.shop.test",
        at: int | None = None,
        type_: str = "HTTP_CLIENT",
        headers: dict[str, str] | None = None,
        answer: Any = None,
        response: dict[str, Any] | None = None,
        noise: Any = None,
    ) -> Mock:
        name = name or f"mock-{next(count)}"
        sent = {**({"Host": host} if host else {}), **(headers or {})}
        spec: dict[str, Any] = {
            "metadata": {"name": "Http", "operation": method, "type": type_},
            "req": {"method": method, "url": url, "header": sent, "body": body},
            "resp": {
                "status_code": 200,
                "header": {"Content-Type": "text/plain"},
                "body": name if answer is None else answer,
                "status_message": "OK",
                **(response or {}),
            },
        }
        if at is not None:
            seconds, rest = divmod(at, 1000)
            spec["reqTimestampMock"] = (
                f"2026-01-22T10:{seconds // 60:02}:{seconds % 60:02}.{rest:03}Z"
            )
        data: dict[str, Any] = {"kind": "Http", "name": name, "spec": spec}
        if noise is not None:
            data["noise"] = noise
        return Mock(data)

    return made


@pytest.fixture
def request_of() -> MakeRequest:
    """Make an outgoing request."""

    def made(
        target: str = "/",
        body: bytes | str = b"",
        *,
        method: str = "GET",
        host: str = "api.shop.test",
        headers: Headers = (),
    ) -> Request:
        data = body.encode() if isinstance(body, str) else body
        return Request(method, target, headers, data, "https", host)

    return made
