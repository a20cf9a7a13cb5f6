from __future__ import annotations

import json
import os
import socket
import sys
import threading
from pathlib import Path
from typing import Any

import pytest


def test_records_stand_in_the_order_of_the_input(
    tta_run: Any, write_lines: Any, read_records: Any
) -> None:
    write_lines(0, 1, 2, 3)
    assert tta_run("backwards").code == 0
    assert [record["output"] for record in read_records()] == [0, 1, 2, 3]


def test_record_tells_input_outcome_and_time(tta_run: Any, write_lines: Any, folder: Path) -> None:
    write_lines(21)
    tta_run("double")
    record = json.loads((folder / "out.jsonl").read_text())
    assert record.pop("latency_ms") >= 0
    assert record == {
        "index": 0,
        "input_digest": "6f4b6612125f",
        "ok": True,
        "output": {"double": 42},
    }


def test_error_of_an_item_stays_in_its_record(
    tta_run: Any, write_lines: Any, read_records: Any
) -> None:
    write_lines(0, 1, 2)
    assert tta_run("odd_fails").code == 1
    first, failed, last = read_records()
    assert (first["ok"], failed["ok"], last["ok"]) == (True, False, True)
    assert failed["error"] == {"type": "ValueError", "message": "1 is odd"}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"{broken", "line 2: not JSON: Expecting property name"),
        (b"\xff\xfe\xfa", "line 2: not JSON: 'utf-8' codec can't decode"),
        (b"[" * 100_000, "line 2: not JSON: "),
        (b"NaN", "line 2: not JSON: NaN is no JSON number"),
        (b"[-Infinity]", "line 2: not JSON: -Infinity is no JSON number"),
        (b"9" * 5000, "line 2: not JSON: Exceeds the limit"),
    ],
    ids=["broken", "bytes", "nested", "nan", "infinity", "long-number"],
)
def test_line_that_is_not_json_is_reported_with_its_number_and_the_rest_goes_on(
    tta_run: Any, write_lines: Any, read_records: Any, line: bytes, problem: str
) -> None:
    write_lines(1, line, 3)
    assert tta_run("echo").code == 1
    first, broken, last = read_records()
    assert (first["output"], last["output"]) == (1, 3)
    assert broken["error"]["type"] == "InvalidLine"
    assert broken["error"]["message"].startswith(problem)


def test_line_that_never_reached_the_workflow_has_no_latency(
    tta_run: Any, write_lines: Any
) -> None:
    write_lines(b"{", b"{")
    report = json.loads(tta_run("echo", "--json").out)
    assert (report["errors"], report["p50_ms"]) == (2, None)


def test_blank_lines_count_as_lines_and_not_as_items(
    tta_run: Any, write_lines: Any, read_records: Any
) -> None:
    write_lines(b"", 1, b"  \t", b"{", b"")
    tta_run("echo")
    good, broken = read_records()
    assert (good["index"], broken["index"]) == (0, 1)
    assert broken["error"]["message"].startswith("line 4:")


@pytest.mark.parametrize(
    "text",
    [b"\xef\xbb\xbf1\n2\n", b"1\r\n2\r\n", b"\xef\xbb\xbf\r\n1\r\n2", b"1\n\n2"],
    ids=["bom", "crlf", "bom-alone", "no-newline-at-the-end"],
)
def test_files_of_any_editor_are_read(
    tta_run: Any, read_records: Any, folder: Path, text: bytes
) -> None:
    (folder / "in.jsonl").write_bytes(text)
    assert tta_run("echo").code == 0
    assert [record["output"] for record in read_records()] == [1, 2]


def test_utf_16_is_refused_by_name(tta_run: Any, folder: Path) -> None:
    """Redirecting in an old PowerShell writes it, and every line would look broken."""
    (folder / "in.jsonl").write_text('{"a": 1}\n', encoding="utf-16")
    ended = tta_run("echo")
    assert (ended.code, ended.complaint) == (2, "the input is UTF-16, not UTF-8; save it as UTF-8")
    assert not list(folder.glob("out.jsonl*"))


def test_line_of_megabytes_passes(tta_run: Any, write_lines: Any, read_records: Any) -> None:
    long = "é" * 2_000_000
    write_lines(long)
    assert tta_run("echo").code == 0
    assert read_records()[0]["output"] == long


def test_any_text_comes_back_as_it_was(tta_run: Any, write_lines: Any, folder: Path) -> None:
    """Half a surrogate pair is allowed in JSON, but not in UTF-8."""
    write_lines("\u2028 é \U0001f600", b'"half \\ud83d"')
    assert tta_run("echo").code == 0
    lines = (folder / "out.jsonl").read_bytes().split(b"\n")
    assert "é \U0001f600".encode() in lines[0]
    assert json.loads(lines[1])["output"] == "half \ud83d"


def test_empty_input_gives_an_empty_output(tta_run: Any, write_lines: Any, folder: Path) -> None:
    write_lines()
    assert tta_run("echo").code == 0
    assert (folder / "out.jsonl").read_bytes() == b""
    assert not (folder / "out.jsonl.partial").exists()


ODD_RESULTS = """
import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from tta_dev_primitives import LambdaPrimitive


@dataclass(frozen=True)
class Point:
    x: int
    parts: tuple[int, ...]
    timing: float = field(default=0.5, metadata={"cache": False})


class Broken(Mapping):
    def __getitem__(self, key): raise KeyError(key)
    def __iter__(self): raise RuntimeError("torn")
    def __len__(self): return 1


ring = []
ring.append(ring)
RESULTS = {
    "dataclass": Point(1, (2, 3)),
    "nested": {"points": [Point(1, ())], 5: None},
    "set": {1},
    "nan": [float("nan")],
    "ring": ring,
    "bytes": b"abc",
    "bytearray": bytearray(b"abc"),
    "class": Point,
    "mapping": Broken(),
    "key": {(1, 2): 3},
}


async def _give(name):
    if name == "cancelled":
        raise asyncio.CancelledError
    return RESULTS[name]


give = LambdaPrimitive(_give)
"""


@pytest.fixture
def give(folder: Path, tta: Any, write_lines: Any, read_records: Any) -> Any:
    """Runs a workflow that returns the result with a name, between two good ones."""

    def give(name: str) -> dict[str, Any]:
        (folder / "odd_results.py").write_text(ODD_RESULTS)
        write_lines("dataclass", name, "dataclass", "dataclass")
        files = ("--input", "in.jsonl", "--output", "out.jsonl", "--concurrency", "1")
        tta("run", "odd_results:give", *files)
        records = read_records()
        assert [record["ok"] for record in records if record["index"] != 1] == [True] * 3
        return records[1]

    return give


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dataclass", {"x": 1, "parts": [2, 3]}),
        ("nested", {"points": [{"x": 1, "parts": []}], "5": None}),
    ],
)
def test_dataclasses_are_written_as_objects(give: Any, name: str, expected: Any) -> None:
    """Fields that do not belong to the value, such as times, are left out."""
    assert give(name)["output"] == expected


@pytest.mark.parametrize(
    "name", ["set", "nan", "ring", "bytes", "bytearray", "class", "mapping", "key"]
)
def test_result_that_json_does_not_know_is_that_items_error(give: Any, name: str) -> None:
    error = give(name)["error"]
    assert error["type"] == "InvalidOutput"
    assert error["message"].startswith("the result cannot be written as JSON: ")


def test_workflow_that_cancels_itself_does_not_end_the_job(give: Any) -> None:
    assert give("cancelled")["error"] == {
        "type": "CancelledError",
        "message": "the workflow cancelled itself",
    }


def test_server_that_refuses_connections_is_each_items_error(
    tta: Any, write_lines: Any, read_records: Any, folder: Path
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    (folder / "calling.py").write_text(
        "import asyncio\n"
        "from tta_dev_primitives import LambdaPrimitive\n"
        "async def _call(x):\n"
        f"    await asyncio.open_connection('127.0.0.1', {port})\n"
        "call = LambdaPrimitive(_call)\n"
    )
    write_lines(1, 2)
    ended = tta("run", "calling.py:call", "--input", "in.jsonl", "--output", "out.jsonl")
    assert ended.code == 1
    assert [record["error"]["type"] for record in read_records()] == ["ConnectionRefusedError"] * 2


def test_closing_report_goes_to_standard_error(tta_run: Any, write_lines: Any) -> None:
    write_lines(0, 1, 2)
    ended = tta_run("odd_fails")
    assert ended.out == ""
    shown = dict(line.split(maxsplit=1) for line in ended.err.splitlines() if line.strip())
    assert (shown["items"], shown["failed"]) == ("3", "1")


def test_closing_report_as_json(tta_run: Any, write_lines: Any) -> None:
    write_lines(0, 1, 2)
    ended = tta_run("odd_fails", "--json")
    report = json.loads(ended.out)
    assert (report["items"], report["errors"], report["resumed"]) == (3, 1, 0)
    assert report["interrupted"] is False
    assert ended.err == ""


def test_report_knows_calls_tokens_and_cost(tta: Any, write_lines: Any, folder: Path) -> None:
    """A cache in front of a step that reports answers as the adapters do."""
    (folder / "model.py").write_text(
        "from tta_dev_primitives import CachePrimitive, WorkflowPrimitive\n"
        "from tta_dev_primitives.core import observe\n"
        "class Model(WorkflowPrimitive):\n"
        "    upstream = True\n"
        "    async def execute(self, x, context):\n"
        "        record = observe.LLMRecord('chat', 'p', 'm', 'm', 10, 5, 0, 0, 0, 'stop', 1, None,"
        " 0.25)\n"
        "        observe.report(record)\n"
        "        return x\n"
        "answer = CachePrimitive(Model())\n"
    )
    write_lines("a", "b", "a")
    files = ("--input", "in.jsonl", "--output", "out.jsonl", "--concurrency", "1", "--json")
    report = json.loads(tta("run", "model.py:answer", *files).out)
    assert (report["llm_calls"], report["upstream_calls"], report["cache_hits"]) == (3, 2, 1)
    assert (report["input_tokens"], report["output_tokens"]) == (20, 10)
    assert report["cost_usd"] == 0.5


def test_named_pipe_is_an_input(
    tta: Any, folder: Path, read_records: Any, write_lines: Any, tta_run: Any
) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("needs named pipes")
    write_lines(0, 1)
    tta_run("double")
    os.mkfifo("queue")
    writer = threading.Thread(target=Path("queue").write_bytes, args=(b"0\n1\n2\n3\n",))
    writer.start()
    files = ("--input", "queue", "--output", "out.jsonl")
    ended = tta("run", "workflows_here:double", *files, "--resume", "--json")
    writer.join()
    report = json.loads(ended.out)
    assert (ended.code, report["items"], report["resumed"]) == (0, 2, 2)
    assert [record["output"]["double"] for record in read_records()] == [0, 2, 4, 6]


@pytest.mark.parametrize("uvloop", [True, False], ids=["as-installed", "without-uvloop"])
def test_loop_is_the_fastest_that_is_installed(
    tta: Any, write_lines: Any, read_records: Any, folder: Path, monkeypatch: Any, uvloop: bool
) -> None:
    if uvloop:
        pytest.importorskip("uvloop")
    else:
        monkeypatch.setitem(sys.modules, "uvloop", None)
    (folder / "loops.py").write_text(
        "import asyncio\n"
        "from tta_dev_primitives import LambdaPrimitive\n"
        "async def _name(x): return type(asyncio.get_running_loop()).__module__\n"
        "name = LambdaPrimitive(_name)\n"
    )
    write_lines(1)
    tta("run", "loops.py:name", "--input", "in.jsonl", "--output", "out.jsonl")
    assert (read_records()[0]["output"] == "uvloop") is uvloop
