"""Exchanges become files that say what happened, without secrets."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from keploy_framework.exchange import Chunk, Exchange, Request, Response
from keploy_framework.formats import KeployTree
from keploy_framework.record.set_writer import SetWriter, WriteRules
from keploy_framework.redaction import RedactionRules, Redactor

SECOND = 1_000_000_000
NOW = 1_790_000_000 * SECOND
JSON = ("Content-Type", "application/json")


def exchange(
    target: str = "/items",
    *,
    method: str = "GET",
    at: float = 0,
    took: float = 0.1,
    body: bytes = b'{"ok": true}',
    headers: tuple[tuple[str, str], ...] = (JSON,),
    asked: bytes = b"",
    host: str = "127.0.0.1:8000",
    asked_headers: tuple[tuple[str, str], ...] = (),
    chunks: tuple[Chunk, ...] = (),
) -> Exchange:
    began = NOW + int(at * SECOND)
    request = Request(method, target, (("Host", host), *asked_headers), asked, "http", host)
    response = Response(200, "OK", headers, body, chunks, len(body))
    return Exchange(request, response, began, began + int(took * SECOND), "1")


def writer(tree: KeployTree, **rules: object) -> SetWriter:
    return SetWriter(tree.test_set("test-set-0"), WriteRules(**rules))  # type: ignore[arg-type]


def everything(tree: KeployTree) -> str:
    return "\n".join(path.read_text() for path in sorted(tree.root.rglob("*.yaml")))


def test_a_test_is_on_disk_at_once(tree: KeployTree) -> None:
    """A crash of the recorder lost tests that were taken long before."""
    name = writer(tree).test(exchange())
    (case,) = tree.test_set("test-set-0").tests()
    assert (name, case.request.url) == ("get-items-1", "http://127.0.0.1:8000/items")


@pytest.mark.parametrize(
    ("naming", "names"),
    [
        ("descriptive", ["get-items-1", "get-items-2", "get-items-by-id-1"]),
        ("sequential", ["test-1", "test-2", "test-3"]),
    ],
)
def test_names_go_on_after_those_that_are_there(
    tree: KeployTree, naming: str, names: list[str]
) -> None:
    """A second recording into a set replaced its tests."""
    first = writer(tree, naming=naming)
    assert [first.test(exchange()), first.test(exchange())] == names[:2]
    second = writer(tree, naming=naming)
    assert second.test(exchange("/items/7")) == names[2]
    last = names[0].rpartition("-")[0]
    assert second.test(exchange()) == f"{last}-{3 if naming == 'descriptive' else 4}"
    assert len(tree.test_set("test-set-0").tests()) == 4


def test_a_mock_belongs_to_the_tests_that_ran_then(tree: KeployTree) -> None:
    """A call of one request answered another one in the replay."""
    one = writer(tree)
    one.mock(exchange("/start", at=-5))
    one.test(exchange("/a", at=0, took=1))
    one.test(exchange("/b", at=0.5, took=1))
    for at, target in ((0.1, "/of-a"), (0.7, "/of-both"), (1.2, "/of-b"), (9, "/after")):
        one.mock(exchange(target, at=at, host="api.example"))
    one.flush()
    recorded = tree.test_set("test-set-0")
    named = {mock.name: mock.request.target for mock in recorded.mocks()}
    found = {
        test: [named[mock.name] for mock in mocks]
        for test, mocks in recorded.mappings().by_test.items()
    }
    assert found == {"get-a-1": ["/of-a", "/of-both"], "get-b-1": ["/of-both", "/of-b", "/after"]}


def test_mocks_of_before_stay(tree: KeployTree) -> None:
    """Recording into a set again dropped its mocks."""
    for _ in range(2):
        one = writer(tree)
        one.test(exchange())
        one.mock(exchange("/call"))
        one.flush()
    names = [mock.name for mock in tree.test_set("test-set-0").mocks()]
    assert names == ["mock-0", "mock-1"]


def test_secrets_are_in_no_file(tree: KeployTree) -> None:
    """An API key of the recording machine was committed."""
    key = "sk-proj-" + "Ab1" * 14
    one = SetWriter(tree.test_set("s"), WriteRules(command=f"app --api-key {key}"), Redactor())
    bearer = ("Authorization", f"Bearer {key}")
    one.test(exchange(asked_headers=(bearer,), body=b'{"echo": "%s"}' % key.encode()))
    one.mock(exchange(f"/v1?api_key={key}", asked_headers=(bearer,)))
    one.flush()
    assert "redacted-001" in everything(tree)
    assert key not in everything(tree)


def test_redaction_can_be_turned_off(tree: KeployTree) -> None:
    """--no-redact had no effect."""
    redactor = Redactor(RedactionRules(enabled=False))
    one = SetWriter(tree.test_set("s"), WriteRules(), redactor)
    one.test(exchange(asked_headers=(("Authorization", "Bearer abcdefghijk"),)))
    assert "Bearer abcdefghijk" in everything(tree)


def test_what_will_differ_becomes_noise(tree: KeployTree) -> None:
    """The replay failed for a new identifier."""
    body = b'{"id": "4f5e7a3c-8f0e-4b8a-9d3c-2a1b3c4d5e6f", "name": "x"}'
    date = ("Date", "Mon, 23 Nov 2026 07:42:57 GMT")
    writer(tree).test(exchange(body=body, headers=(JSON, date)))
    writer(tree, auto_noise=False).test(exchange(body=body, headers=(JSON, date)))
    first, second = tree.test_set("test-set-0").tests()
    assert first.noise == {"header.Date": [], "body.id": []}
    assert second.noise == {}


def test_an_encoded_body_is_kept_decoded(tree: KeployTree) -> None:
    """A gzip body was written as binary."""
    packed = gzip.compress(b'{"packed": 1}')
    writer(tree).test(exchange(body=packed, headers=(JSON, ("Content-Encoding", "gzip"))))
    (case,) = tree.test_set("test-set-0").tests()
    assert case.response.body == b'{"packed": 1}'


def test_a_body_that_cannot_be_decoded_is_kept_and_counted(tree: KeployTree) -> None:
    """A damaged gzip body ended the recording."""
    one = writer(tree)
    one.test(exchange(body=b"\x00no gzip", headers=(JSON, ("Content-Encoding", "gzip"))))
    (case,) = tree.test_set("test-set-0").tests()
    assert case.response.body == b"\x00no gzip"
    assert sum(one.unreadable.values()) == 1


@pytest.mark.parametrize(
    ("kind", "pieces"), [("text/event-stream", 2), ("application/json", 0)], ids=["sse", "json"]
)
def test_only_streams_are_kept_in_pieces(tree: KeployTree, kind: str, pieces: int) -> None:
    """A JSON body that came in chunks could not be compared field by field."""
    parts = (Chunk(NOW, b"data: 1\n\n"), Chunk(NOW + SECOND, b"data: 2\n\n"))
    body = b"".join(part.data for part in parts)
    writer(tree).test(exchange(body=body, chunks=parts, headers=(("Content-Type", kind),)))
    (case,) = tree.test_set("test-set-0").tests()
    assert len(case.response.chunks) == pieces
    assert case.response.body == body


def test_the_apps_own_address_stands_in_the_test(tree: KeployTree) -> None:
    """Tests recorded through a relay named its port, where nothing listens later."""
    one = writer(tree, host_as={"127.0.0.1:39999": "127.0.0.1:8000"}, app_port=8000)
    one.test(exchange(host="127.0.0.1:39999"))
    (case,) = tree.test_set("test-set-0").tests()
    assert (case.request.host, case.app_port) == ("127.0.0.1:8000", 8000)


def test_nothing_recorded_leaves_nothing(tree: KeployTree, tmp_path: Path) -> None:
    """A recording without any call left an empty set."""
    writer(tree, command="app").flush()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")
def test_tests_are_forced_to_the_disk_by_flush(
    tree: KeployTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forcing each test by itself cost most of the time, and a busy recording lost exchanges."""
    forced: list[str] = []
    really = os.fsync

    def counting(handle: int) -> None:
        forced.append(Path(f"/proc/self/fd/{handle}").readlink().name)
        really(handle)

    monkeypatch.setattr(os, "fsync", counting)
    writer = SetWriter(tree.test_set("test-set-0"), WriteRules(naming="sequential"))
    request = Request("GET", "/", (("Host", "app.test"),), host="app.test")
    for _ in range(3):
        writer.test(Exchange(request, Response(204), 10**18, 10**18 + 1))
    assert forced == []
    writer.flush()
    assert forced == ["test-1.yaml", "test-2.yaml", "test-3.yaml", "tests"]
    writer.flush()
    assert len(forced) == 4
