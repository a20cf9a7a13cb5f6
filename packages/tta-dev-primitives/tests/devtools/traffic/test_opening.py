"""What was recorded is told apart by what is in it."""

from __future__ import annotations

import gzip
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tta_dev_primitives.devtools.traffic.errors import TrafficError
from tta_dev_primitives.devtools.traffic.opening import open_traffic
from tta_dev_primitives.errors import ConfigurationError

from .logs_here import ROW, read, write_log

with_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")


def test_source_is_the_name_of_the_file(tmp_path: Path) -> None:
    """The report did not say what was measured."""
    with open_traffic(write_log(tmp_path, ROW, name="november.jsonl")) as traffic:
        assert traffic.source == "november.jsonl"


@pytest.mark.parametrize("name", ["log.jsonl", "log.json", "log.txt", "log"])
def test_log_is_known_whatever_it_is_called(tmp_path: Path, name: str) -> None:
    """A log with another ending was refused."""
    assert len(read(write_log(tmp_path, ROW, name=name))) == 1


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'[{"id": 1}]', "is one JSON list; write one object a line"),
        (b"id,ts,model\n1,2,3\n", "is no request log"),
        ('{"id": 1}'.encode("utf-16"), "is in a form that is not known"),
        (b"PK\x03\x04\x00\x00", "is in a form that is not known"),
        (b"kind: Http\n", "not one of mocks.yaml, mocks.yml, mocks.json"),
        (b"\x1f\x8bnot gzip", "is damaged"),
    ],
    ids=["list", "csv", "utf-16", "zip", "yaml-of-another-name", "half-gzip"],
)
def test_other_files_are_refused(tmp_path: Path, data: bytes, said: str) -> None:
    """A file of another kind was read as a log, and told of a strange mistake on line 1."""
    path = tmp_path / "traffic"
    path.write_bytes(data)
    with pytest.raises(TrafficError, match=said) as caught:
        open_traffic(path)
    assert str(caught.value).startswith(str(path))
    assert isinstance(caught.value, ConfigurationError)


def test_missing_file_is_told(tmp_path: Path) -> None:
    """A misspelt name gave an error of Python's own."""
    with pytest.raises(TrafficError, match="is not there; give a request log"):
        open_traffic(tmp_path / "nowhere.jsonl")


def _piped(folder: Path, data: bytes) -> Path:
    """Return a pipe with a name, into which *data* is being written."""
    path = folder / "pipe"
    os.mkfifo(path)
    threading.Thread(target=path.write_bytes, args=(data,), daemon=True).start()
    return path


@with_pipes
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_log_comes_through_a_pipe(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    """What another command writes had to be a file first."""
    rows = [{**ROW, "id": f"r{number}"} for number in range(500)]
    log = "".join(f"{json.dumps(row)}\n" for row in rows).encode()
    with open_traffic(_piped(tmp_path, pack(log))) as traffic:
        assert [request.id for request in traffic] == sorted(row["id"] for row in rows)


@with_pipes
def test_trace_file_in_a_pipe_is_told(tmp_path: Path) -> None:
    """A database in a pipe was read as lines."""
    with pytest.raises(TrafficError, match="give the trace file itself"):
        open_traffic(_piped(tmp_path, b"SQLite format 3\x00" + bytes(100)))


def test_folder_without_mocks_is_told(tmp_path: Path) -> None:
    """A folder without anything recorded was traffic of none."""
    with pytest.raises(TrafficError, match=r"is a folder without mocks\.yaml"):
        open_traffic(tmp_path)
