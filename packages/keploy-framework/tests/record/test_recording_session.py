"""Calls that Python code makes to an API become a test set."""

from __future__ import annotations

import asyncio
import threading
import urllib.request
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from keploy_framework.errors import KeployTreeBusyError, TargetError
from keploy_framework.formats import KeployTree
from keploy_framework.recorder import RecordingSession


@pytest.fixture
def api(request: pytest.FixtureRequest) -> Iterator[str]:
    import importlib.util

    path = Path(__file__).parent / "example_app.py"
    spec = importlib.util.spec_from_file_location("example_app", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with ThreadingHTTPServer(("127.0.0.1", 0), module.Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as response:
        return bytes(response.read())


def test_a_sync_session_writes_a_set(api: str, tree: KeployTree) -> None:
    """The 0.1 session recorded nothing."""
    with RecordingSession(api_url=api, keploy_dir=tree.root) as session:
        assert get(f"{session.url}/items") == b"[]"
    (case,) = tree.test_set(session.test_set).tests()
    assert case.request.url == f"{api}/items"
    assert session.summary.tests == 1


async def test_an_async_session_writes_a_set(api: str, tree: KeployTree) -> None:
    """The session could not be used with async with."""
    async with RecordingSession(api_url=api, keploy_dir=tree.root, test_set="mine") as session:
        await asyncio.to_thread(get, f"{session.url}/items")
    assert [case.name for case in tree.test_set("mine").tests()] == ["get-items-1"]


def test_a_session_leaves_no_thread(api: str, tree: KeployTree) -> None:
    """Each session left a thread behind."""
    before = threading.active_count()
    with RecordingSession(api_url=api, keploy_dir=tree.root):
        pass
    assert threading.active_count() == before


def test_two_sessions_in_one_folder_are_refused(api: str, tree: KeployTree) -> None:
    """Two sessions wrote the same set."""
    second = RecordingSession(api_url=api, keploy_dir=tree.root)
    with RecordingSession(api_url=api, keploy_dir=tree.root), pytest.raises(KeployTreeBusyError):
        second.__enter__()


@pytest.mark.parametrize("url", ["https://api.example", "127.0.0.1:80", ""])
def test_a_url_that_cannot_be_relayed_is_refused(url: str) -> None:
    """A session for an https API recorded ciphertext."""
    with pytest.raises(TargetError):
        RecordingSession(api_url=url)
