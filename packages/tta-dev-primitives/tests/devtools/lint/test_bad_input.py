from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from .projects_here import APP, PROJECT, notebook, session, told, write

BROKEN: dict[str, tuple[str, bytes | str, str]] = {
    "syntax error": ("a.py", "x = 1\ndef (:\n", r"2 syntax error: "),
    "open bracket": ("a.py", "f(\n", r"\d syntax error: "),
    "indent": ("a.py", "  x\n y\n", r"\d syntax error: "),
    "python 2": ("a.py", "print 'x'\n", r"1 syntax error: "),
    "binary": ("a.py", b"\x7fELF\0\0\x01", r"1 a binary file"),
    "null byte": ("a.py", b"x = 1\ny = '\0'\n", r"2 a binary file"),
    "latin-1 undeclared": ("a.py", b"x = 1\n# \xfc\n", r"2 not utf-8"),
    "unknown encoding": ("a.py", b"# coding: klingon\n", r"1 cannot be decoded"),
    "utf-16": ("a.py", "x = 1\n".encode("utf-16"), r"1 "),
    "deep nesting": ("a.py", "(" * 5000 + ")" * 5000, r"1 "),
    "deep sum": ("a.py", "x = " + "+".join("1" for _ in range(30_000)), r"1 "),
    "deep attributes": ("a.py", "x" + ".y" * 30_000, r"1 "),
    "notebook that is no JSON": ("n.ipynb", "{", r"1 not a notebook"),
    "notebook that is a list": ("n.ipynb", "[]", r"1 not a notebook"),
    "deep notebook": ("n.ipynb", "[" * 100_000, r"1 not a notebook"),
    "notebook of syntax errors": ("n.ipynb", notebook("def (:"), r"1 syntax error"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_file_that_cannot_be_read_is_a_finding(folder: Path, name: str) -> None:
    """A broken file was skipped in silence, or ended the run with a traceback."""
    file, content, expected = BROKEN[name]
    write(folder, app=APP, **{file: content})
    result = session().run()
    broken = [each.finding for each in result.findings if each.finding.path == file]
    assert len(broken) <= 1
    if not broken:  # newer Pythons read what is nested deeply
        assert name.startswith("deep")
        return
    (finding,) = broken
    assert (finding.code, finding.level) == ("TTA000", "error")
    assert re.match(expected, f"{finding.position.line} {finding.message}")
    assert [each.finding.code for each in result.findings if each.finding.path == "app.py"] == [
        "TTA101",
        "TTA107",
    ]


def test_cell_that_is_no_python_is_told_and_the_others_are_checked(folder: Path) -> None:
    write(folder, **{"n.ipynb": notebook("x = 1", "def (:", APP)})
    result = session(min_confidence="low").run()
    places = [
        (each.finding.code, each.finding.position.cell, each.finding.position.line)
        for each in result.findings
    ]
    assert places == [("TTA000", 1, 1), ("TTA101", 2, 3), ("TTA107", 2, 7)]


@pytest.mark.parametrize(
    "content",
    [
        "x = [" + "1, " * 250_000 + "]\n",
        "x = '" + "a" * 1_000_000 + "'\n",
        "f(" * 60 + "1" + ")" * 60 + ";x=1" * 50_000 + "\n",
        "x = 1 # " + "tta: ignore[ " * 80_000 + "\n",
    ],
    ids=["list", "string", "statements", "comment"],
)
def test_long_line_is_taken_in_stride(folder: Path, content: str) -> None:
    write(folder, app=content)
    result = session().run()
    assert all(len(each.line_text) <= 1000 for each in result.findings)


def test_finding_far_out_in_a_long_line_is_found(folder: Path) -> None:
    head = "from openai import OpenAI; x = '" + "a" * 200_000 + "'; client = OpenAI(); "
    write(folder, app=head + "client.chat.completions.create(model='m', max_tokens=1)\n")
    assert told() == ["app.py:1 TTA101"]


def test_empty_files_and_markers_are_clean(folder: Path) -> None:
    write(folder, a="", b=b"\xef\xbb\xbf", c="\n\n", d="# coding: utf-8", **{"n.ipynb": notebook()})
    assert told() == []


def test_notebook_of_another_language_is_clean(folder: Path) -> None:
    text = notebook("val x = 1").replace(
        '"metadata": {}, "nbformat"', '"metadata": {"language_info": {"name": "scala"}}, "nbformat"'
    )
    assert "scala" in text
    write(folder, **{"n.ipynb": text})
    assert told() == []


def test_no_python_at_all_is_clean(folder: Path) -> None:
    write(folder, **{"readme.md": "# x"})
    assert told() == []


def test_unreadable_files_are_remembered_and_not_kept_when_mended(folder: Path) -> None:
    write(folder, app="def (:", **{"pyproject.toml": PROJECT})
    assert told(cache=True) == told(cache=True) == ["app.py:1 TTA000"]
    write(folder, app="x = 1\n")
    assert told(cache=True) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_folder_that_may_not_be_read_is_a_finding(folder: Path) -> None:
    write(folder, x__a="")
    (folder / "x").chmod(0)
    try:
        assert told() == ["x:1 TTA000"]
    finally:
        (folder / "x").chmod(0o700)


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_link_to_itself_is_a_finding(folder: Path) -> None:
    (folder / "a.py").symlink_to("a.py")
    assert told() == ["a.py:1 TTA000"]
