"""`tta index`: what is printed, and the exit codes."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from distributions_here import write_wheel

from tta_dev_primitives.cli import index

PROGRAM = """
import argparse, sys
from tta_dev_primitives.cli import index
parser = argparse.ArgumentParser()
index.add_parser(parser.add_subparsers())
options = parser.parse_args(sys.argv[1:])
try:
    sys.exit(options.command(options))
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.fixture
def tta(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs the command, and gives its exit code and what it printed."""

    def run(*arguments: object) -> tuple[int, str, str]:
        parser = argparse.ArgumentParser()
        index.add_parser(parser.add_subparsers())
        options = parser.parse_args(["index", *map(str, arguments)])
        code = options.command(options)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def test_build_lists_what_the_index_serves(
    tta: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    """One line for each file, and where the index is."""
    wheel = write_wheel(tmp_path / "dist")
    (tmp_path / "dist/notes.txt").write_text("")
    code, out, err = tta("build", tmp_path / "dist", "-o", tmp_path / "site")
    size = wheel.stat().st_size
    assert (code, out) == (
        0,
        f"acme-one 1.0 {wheel.name} {size} bytes new\nwrote {tmp_path.as_posix()}/site/simple\n",
    )
    assert err == f"tta: {tmp_path}/dist/notes.txt is no wheel and no .tar.gz; passed over\n"


def test_json_is_one_object(tta: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    """A step of CI reads from it what is new, and what was dropped."""
    write_wheel(tmp_path / "dist")
    tta("build", tmp_path / "dist", "-o", tmp_path / "site")
    newer = write_wheel(tmp_path / "next", version="1.1")
    options = ["-o", tmp_path / "site", "--prune", "--json"]
    code, out, _ = tta("build", newer, *options)
    found = json.loads(out)
    assert (code, found["removed"]) == (0, ["acme_one-1.0-py3-none-any.whl"])
    [row] = found["files"]
    assert (row["project"], row["version"], row["new"]) == ("acme-one", "1.1", True)
    assert row["size"] == newer.stat().st_size


@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
def test_bad_file_is_a_finding(
    tta: Callable[..., tuple[int, str, str]], tmp_path: Path, as_json: bool
) -> None:
    """Exit code 1, the place and the fix, and no site."""
    bad = tmp_path / "acme_one-1.0-py3-none-any.whl"
    bad.write_bytes(b"")
    code, out, _ = tta("build", bad, "-o", tmp_path / "site", *(["--json"] if as_json else []))
    assert code == 1
    assert not (tmp_path / "site").exists()
    if as_json:
        assert [row["rule"] for row in json.loads(out)["findings"]] == ["broken-archive"]
    else:
        assert out.startswith(f"{bad}: [broken-archive] it cannot be read as a zip archive")
        assert out.endswith("1 finding; nothing was written\n")


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C reaches the whole console there")
def test_serve_prints_the_address_and_ends_by_ctrl_c(tmp_path: Path) -> None:
    """A script reads the line to know the port, and nothing keeps running after it."""
    write_wheel(tmp_path / "dist")
    index_of = index.run_build(
        argparse.Namespace(
            sources=[tmp_path / "dist"], output=tmp_path / "site", prune=False, json=True
        )
    )
    assert index_of == 0
    command = [sys.executable, "-c", PROGRAM, "index", "serve", str(tmp_path / "site")]
    with subprocess.Popen([*command, "--port", "0"], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            url = line.rpartition(" ")[2].strip()
            with urllib.request.urlopen(url, timeout=10) as answer:
                assert b"acme-one/" in answer.read()
            os.kill(process.pid, signal.SIGINT)
            assert process.wait(10) == 130
        finally:
            process.kill()
    assert line == f"serving {tmp_path.as_posix()}/site at {url}\n"
