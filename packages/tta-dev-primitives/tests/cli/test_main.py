from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tta_dev_primitives


def test_version(tta: Any) -> None:
    ended = tta("--version")
    assert (ended.code, ended.out) == (0, f"tta {tta_dev_primitives.__version__}\n")


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["list", "--help"]])
def test_help_goes_to_standard_output(tta: Any, arguments: list[str]) -> None:
    ended = tta(*arguments)
    assert ended.code == 0
    assert ended.out.startswith("usage: tta")
    assert ended.err == ""


def test_module_is_the_same_command(start: Any) -> None:
    process = start("--version")
    out, _ = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, f"tta {tta_dev_primitives.__version__}\n")


def test_without_the_extra_the_line_that_installs_it_is_printed() -> None:
    """An interpreter that sees this package and the standard library alone."""
    source = Path(tta_dev_primitives.__file__).parents[1]
    script = (
        f"import sys; sys.path.insert(0, {str(source)!r}); "
        "from tta_dev_primitives.__main__ import main; sys.exit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "tta: rich, which the tta command needs, is not installed. "
        "Try: uv add 'tta-dev-primitives[cli]'\n"
    )


def test_missing_extra_is_misuse(tta: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rich", None)
    ended = tta("run", "--help")
    assert ended.code == 2
    assert ended.complaint.endswith("Try: uv add 'tta-dev-primitives[cli]'")


def test_list_shows_every_primitive_of_the_api(tta: Any) -> None:
    found = {entry["name"]: entry for entry in json.loads(tta("list", "--json").out)}
    assert found["RetryPrimitive"] == {
        "name": "RetryPrimitive",
        "module": "tta_dev_primitives.recovery.retry",
        "summary": "Try a step again when it fails.",
        "package": "tta-dev-primitives",
        "import_path": "tta_dev_primitives:RetryPrimitive",
        "extras": [],
    }
    named = {name for name in tta_dev_primitives.__all__ if name.endswith("Primitive")}
    assert set(found) == named - {"ObservabilityPrimitive"}  # an observer, not a step
    assert all(entry["summary"].endswith(".") for entry in found.values())


def test_list_is_a_table_for_people(tta: Any) -> None:
    ended = tta("list")
    assert ended.code == 0
    assert "RetryPrimitive" in ended.out
    assert "Try a step again when it fails." in ended.out


def test_reader_that_leaves_a_listing_early_is_told_nothing(start: Any) -> None:
    process = start("list", "--json")
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=30) == 1


@pytest.mark.parametrize("arguments", [["list", "--json"], ["--version"]])
def test_standard_output_that_nobody_reads_is_let_go_of(
    tta: Any, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    """Or the interpreter would complain when it closes it."""
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        ended = tta(*arguments)
        print("more", file=stdout, flush=True)
    assert (ended.code, ended.err) == (1, "")


@pytest.mark.parametrize("unbuffered", ["1", ""], ids=["unbuffered", "buffered"])
def test_listing_on_a_full_disk_is_one_line(
    start: Any, monkeypatch: pytest.MonkeyPatch, unbuffered: str
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    if not Path("/dev/full").is_char_device():
        pytest.skip("needs a device that is always full: Linux's /dev/full")
    with Path("/dev/full").open("w") as full:
        process = start("list", "--json", stdout=full)
        assert process.stderr.read() == "tta: [Errno 28] No space left on device\n"
    assert process.wait(timeout=30) == 1


@pytest.mark.parametrize(
    ("raised", "code", "complaint"),
    [
        ("KeyboardInterrupt", 130, "interrupted"),
        ("OSError", 1, "OSError"),
        ("OSError(5, 'Input/output error')", 1, "[Errno 5] Input/output error"),
        ("PrimitiveError('two\\nlines')", 1, "two lines"),
    ],
)
def test_failure_before_the_work_begins_is_one_line(
    tta: Any, folder: Path, raised: str, code: int, complaint: str
) -> None:
    """Here while the workflow is read, which may take long and do anything."""
    (folder / "raising_here.py").write_text(
        "from tta_dev_primitives.errors import PrimitiveError\n"
        f"class wf:\n    pass\ndef __getattr__(name):\n    raise {raised}\n"
    )
    (folder / "in.jsonl").touch()
    ended = tta("run", "raising_here:other", "--input", "in.jsonl", "--output", "out.jsonl")
    assert (ended.code, ended.complaint) == (code, complaint)
