from __future__ import annotations

import builtins
import logging
from types import SimpleNamespace
from typing import Any

import pytest
import redis.asyncio

from tta_dev_primitives.errors import ConfigurationError, MissingExtraError, StoreError
from tta_dev_primitives.performance.redis.address import RedisAddress
from tta_dev_primitives.performance.stores.redis import RedisStore


@pytest.mark.parametrize(
    ("given", "environment", "label"),
    [
        (None, None, "127.0.0.1:6379"),
        (None, "redis://there:1", "there:1"),
        ("redis://here:2/3", "redis://there:1", "here:2"),
        ("rediss://u:p@here/3", None, "here:6379"),
        ("unix:///run/redis.sock?db=1", None, "/run/redis.sock"),
        ("unix://u:p@/run/redis@1.sock", None, "/run/redis@1.sock"),
        ("redis://here:2?max_connections=5&socket_timeout=9", None, "here:2"),
    ],
    ids=["default", "environment", "given", "tls", "socket", "login-socket", "pool-options"],
)
def test_address_is_found(
    monkeypatch: pytest.MonkeyPatch, given: str | None, environment: str | None, label: str
) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    if environment is not None:
        monkeypatch.setenv("REDIS_URL", environment)
    assert RedisAddress(given, None).label == label


@pytest.mark.parametrize(
    "url",
    [
        "here:6379",
        "http://u:hunter2@here",
        "redis://u:hunter2@here:port",
        "redis://u:12/hunter2@here",
        "redis://u:12?hunter2@here",
        "redis://u:12#hunter2@here",
        "redis://u:hunter2@here?no_such_option=1",
        "redis://u:hunter2@here?db=hunter2",
        "redis://[hunter2",
        "unix://u:12/hunter2@/run/redis.sock",
        "",
    ],
)
def test_bad_address_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be understood") as caught:
        RedisStore(url)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_url_and_client_contradict_each_other() -> None:
    with pytest.raises(ConfigurationError, match="not both"):
        RedisStore("redis://here", client=redis.asyncio.Redis())


def test_client_of_a_cluster_is_refused() -> None:
    cluster: Any = SimpleNamespace()
    with pytest.raises(ConfigurationError, match=r"must be a redis\.asyncio\.Redis"):
        RedisStore(client=cluster)


@pytest.mark.parametrize("name", ["timeout_seconds", "lease_seconds"])
@pytest.mark.parametrize("seconds", [0.0, -1.0, float("inf"), float("nan")])
def test_times_must_be_positive_and_finite(name: str, seconds: float) -> None:
    options: dict[str, Any] = {name: seconds}
    with pytest.raises(ConfigurationError, match=f"{name} must be positive"):
        RedisStore(**options)


@pytest.mark.parametrize("missing", ["redis.asyncio", "hiredis"])
def test_missing_extra_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    import importlib

    def refuse(name: str) -> None:
        if name == missing:
            raise ModuleNotFoundError(name=name)

    real_import, real_module = builtins.__import__, importlib.import_module

    def import_(name: str, *rest: Any, **options: Any) -> Any:
        refuse(name)
        return real_import(name, *rest, **options)

    def import_module(name: str, *rest: Any) -> Any:
        refuse(name)
        return real_module(name, *rest)

    from tta_dev_primitives.performance.redis import address as redis_address

    monkeypatch.setattr(builtins, "__import__", import_)
    monkeypatch.setattr(redis_address, "import_module", import_module)
    with pytest.raises(MissingExtraError, match=r"uv add 'tta-dev-primitives\[redis\]'"):
        RedisAddress("redis://here", None)


async def test_constructor_does_not_connect() -> None:
    RedisStore("redis://127.0.0.1:1")


async def test_password_is_in_no_log_and_no_error(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    store = RedisStore("redis://user:hunter2@127.0.0.1:1/0")
    with pytest.raises(StoreError) as caught:
        await store.read(b"k")
    error: BaseException | None = caught.value
    while error is not None:
        assert "hunter2" not in repr(error)
        error = error.__cause__ or error.__context__
    assert len(caplog.records) == 1
    assert "hunter2" not in caplog.text
