"""Calls of models among the mocks of a recording."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from tta_dev_primitives.devtools.traffic.errors import TrafficError
from tta_dev_primitives.devtools.traffic.opening import open_traffic
from tta_dev_primitives.devtools.traffic.request import TokenUsage, TrafficRequest
from tta_dev_primitives.devtools.traffic.request_key import key_of

from .logs_here import ids, read

pytest.importorskip("keploy_framework")

EXAMPLE = Path(__file__).parents[5] / "docs/examples/shop_api"
ASKED = {"model": "small-model", "messages": [{"role": "user", "content": "Why?"}], "seed": 1}
USAGE = {"prompt_tokens": 10, "completion_tokens": 5}


def mock(
    name: str = "mock-0", second: int = 0, asked: Any = ASKED, answer: Any = None, **spec: Any
) -> dict[str, Any]:
    """Return a mock of a chat completion that took a second."""
    body = json.dumps({"usage": USAGE} if answer is None else answer)
    return {
        "version": "api.keploy.io/v1beta1",
        "kind": "Http",
        "name": name,
        "spec": {
            "metadata": {"type": "HTTP_CLIENT"},
            "req": {
                "method": "POST",
                "url": "/v1/chat/completions",
                "header": {"Host": "api.openai.com"},
                "body": json.dumps(asked),
            },
            "resp": {"status_code": 200, "header": {}, "body": body},
            "reqTimestampMock": f"2026-11-23T15:45:{second:02}.500000000Z",
            "resTimestampMock": f"2026-11-23T15:45:{second + 1:02}.500000000Z",
        }
        | spec,
    }


def write_mocks(folder: Path, *documents: Any, name: str = "mocks.yaml") -> Path:
    """Write documents, each in JSON, which YAML contains; a text stands as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    told = (one if isinstance(one, str) else json.dumps(one) for one in documents)
    text = "\n---\n".join(told) if name.endswith("yaml") else "\n".join(told)
    (folder / name).write_text(f"{text}\n", encoding="utf-8")
    return folder / name


def notes(path: Path) -> tuple[str, ...]:
    with open_traffic(path) as traffic:
        return traffic.notes


def test_mock_reaches_the_request(tmp_path: Path) -> None:
    """What a recording knows of a call was lost on the way."""
    (request,) = read(write_mocks(tmp_path / "test-set-0", mock()))
    assert request == TrafficRequest(
        id="test-set-0/mock-0",
        ts=1795448700.5,
        model="small-model",
        usage=TokenUsage(10, 5),
        provider="openai",
        key=key_of(ASKED["messages"], {"seed": 1}),
        text="Why?",
        latency=1.0,
    )


@pytest.mark.parametrize(
    "path", ["", "keploy", "keploy/test-set-0", "keploy/test-set-0/mocks.yaml"]
)
def test_recording_of_an_app_is_found_from_each_of_its_folders(path: str) -> None:
    """The recording was found from its own folder only."""
    first, second = read(EXAMPLE / path)
    assert first.model == second.model == "gpt-4o-mini"
    assert first.usage == TokenUsage(16, 9)
    assert first.conversation == "test-set-0/post-items-by-id-sales-text-1"
    assert second.conversation == "test-set-0/post-items-by-id-sales-text-2"
    assert first.text.endswith("The item: Teapot")


def test_mocks_of_several_sets_are_one_traffic(tmp_path: Path) -> None:
    """Only the first test set of a recording was measured."""
    write_mocks(tmp_path / "test-set-1", mock(second=1))
    write_mocks(tmp_path / "test-set-0", mock(second=2), mock("mock-1", second=0))
    with open_traffic(tmp_path) as traffic:
        assert ids(traffic) == ["test-set-0/mock-1", "test-set-1/mock-0", "test-set-0/mock-0"]
        assert traffic.source == f"mocks of keploy in {tmp_path.name}"
        assert traffic.notes == ()


def test_mocks_in_json_are_read(tmp_path: Path) -> None:
    """A recording with the storage format json had no mocks."""
    write_mocks(tmp_path / "test-set-0", mock(), mock("mock-1"), name="mocks.json")
    assert len(read(tmp_path)) == 2


def test_one_name_twice_is_two_requests(tmp_path: Path) -> None:
    """Two recordings that were joined by hand could not be read."""
    path = write_mocks(tmp_path / "set", mock(), mock(second=1))
    assert ids(read(path)) == ["set/mock-0", "set/mock-0@3"]


def test_streamed_mock_is_read(tmp_path: Path) -> None:
    """A stream, which a recording keeps in pieces, cost nothing."""
    pieces = [
        {"ts": "2026-11-23T15:45:01Z", "data": {"data": json.dumps({"usage": told})}}
        for told in (None, USAGE)
    ]
    header = {"Content-Type": "text/event-stream"}
    response = {"status_code": 200, "header": header, "body": pieces}
    (request,) = read(write_mocks(tmp_path / "set", mock(resp=response)))
    assert request.usage == TokenUsage(10, 5)


def test_failed_mock_is_a_failed_request(tmp_path: Path) -> None:
    """A call that was refused was not there."""
    response = {"status_code": 429, "header": {}, "body": "{}"}
    (request,) = read(write_mocks(tmp_path / "set", mock(resp=response)))
    assert (request.error, request.usage) == ("HTTP 429", TokenUsage())


def test_other_mocks_are_counted(tmp_path: Path) -> None:
    """A recording of a shop with one call of a model said nothing of the rest."""
    others = [{"version": "v", "kind": "Postgres", "name": "p", "spec": {}}]
    others.append(mock("m", req={"method": "GET", "url": "/rates", "header": {}}))
    path = write_mocks(tmp_path / "set", mock(), *others)
    assert len(read(path)) == 1
    assert notes(path) == ("2 mocks are no calls of models; they are left out",)


UNREADABLE = {
    "no-counts": (mock(answer={"choices": []}), "the answer does not count its tokens"),
    "no-time": (mock(reqTimestampMock="", resTimestampMock=""), "it has no time"),
    "list": ("[1]", "it is no mapping"),
    "wrong-type": (mock(req={"method": 5, "url": "/", "header": {}}), "method must be text"),
    "wrong-time": (mock(reqTimestampMock="soon"), "must be a time"),
    "no-yaml": ("kind: [Http", ""),
}


@pytest.mark.parametrize(("document", "said"), UNREADABLE.values(), ids=UNREADABLE)
def test_mock_that_cannot_be_read_is_left_out_and_told(
    tmp_path: Path, document: Any, said: str
) -> None:
    """One damaged mock kept the others from being read, or was left out in silence."""
    path = write_mocks(tmp_path / "set", mock(), document)
    assert len(read(path)) == 1
    (note,) = notes(path)
    assert note.startswith("1 mock cannot be read as what it is; it is left out; the first is ")
    assert f"{path}:" in note
    assert said in note


def test_old_mock_is_dated_by_its_creation(tmp_path: Path) -> None:
    """Mocks of an old recording have no times of their own, and none of them was read."""
    old = mock(reqTimestampMock="", resTimestampMock="", created=1_764_000_000)
    (request,) = read(write_mocks(tmp_path / "set", old))
    assert (request.ts, request.latency) == (1_764_000_000.0, None)


def test_mappings_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    """A damaged file of mappings kept the mocks from being read."""
    path = write_mocks(tmp_path / "set", mock())
    (tmp_path / "set/mappings.yaml").write_text("tests: 5\n", encoding="utf-8")
    assert [request.conversation for request in read(path)] == [None]
    assert any("no mappings that can be read" in note for note in notes(path))


def test_binary_mocks_are_told(tmp_path: Path) -> None:
    """A recording in Go's own form was a folder without mocks."""
    (tmp_path / "test-set-0").mkdir()
    (tmp_path / "test-set-0/mocks.gob").write_bytes(b"\x0d\x7f")
    with pytest.raises(TrafficError, match="is in Go's own binary form; record with"):
        open_traffic(tmp_path)


def test_missing_framework_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without keploy-framework there was an error of Python's own."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    path = write_mocks(tmp_path / "set", mock())
    with pytest.raises(TrafficError, match="Try: uv add keploy-framework"):
        open_traffic(path)
