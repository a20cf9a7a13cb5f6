"""What the rules say about SDKs, held to those that are installed."""

from __future__ import annotations

import inspect

import pytest

from tta_dev_primitives.devtools.rules.sdk_defaults import CLIENTS


@pytest.mark.parametrize("package", ["openai", "anthropic"])
def test_table_says_what_the_sdk_does(package: str) -> None:
    """A message spoke of 600 s and 2 retries after the SDK had changed them."""
    sdk = pytest.importorskip(package, reason=f"uv sync --extra {package} installs it")
    names = [name for name in CLIENTS if name.startswith(f"{package}.")]
    assert names
    for name in names:
        expected = CLIENTS[name]
        assert expected.read_seconds == sdk.DEFAULT_TIMEOUT.read
        assert expected.max_retries == sdk.DEFAULT_MAX_RETRIES
        parameters = inspect.signature(getattr(sdk, name.rpartition(".")[2])).parameters
        assert {"timeout", "max_retries", "http_client"} <= parameters.keys()


def test_requests_has_no_limit() -> None:
    """`requests` was said to wait for ever though it had got a limit."""
    requests = pytest.importorskip("requests", reason="uv sync installs it with the dev group")
    session = inspect.signature(requests.Session.request).parameters
    assert session["timeout"].default is None
