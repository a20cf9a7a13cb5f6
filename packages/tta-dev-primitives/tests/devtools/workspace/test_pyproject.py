"""A pyproject.toml that cannot be judged is refused in one line that says where and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tta_dev_primitives.devtools.workspace.pyproject import PyprojectError, read_pyproject


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot read pyproject.toml: "),
        (b"a = 1\nb = \n", "pyproject.toml:2 is not TOML: "),
        (b"a = 1\nb = '\xff'\n", "pyproject.toml:2 is not UTF-8"),
        (
            b"a = 1\n<<<<<<< HEAD\nb = 1\n=======\nb = 2\n>>>>>>> x\n",
            "pyproject.toml:2 holds a merge conflict",
        ),
        (b"a = 1\na = 2\n", "pyproject.toml"),
        (b"a = " + b"[" * 5000 + b"]" * 5000, "nests too deeply"),
    ],
    ids=["missing", "broken", "not-utf-8", "conflict", "twice", "deep"],
)
def test_file_that_cannot_be_judged_is_refused(
    tmp_path: Path, content: bytes | None, told: str
) -> None:
    """The reader learns the line and the next move, and sees no traceback."""
    path = tmp_path / "pyproject.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PyprojectError) as caught:
        read_pyproject(path, "pyproject.toml")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.path == path


def test_place_of_a_key_that_is_not_written_is_the_table_around_it(tmp_path: Path) -> None:
    """A missing key has a place too: where it would be written."""
    path = tmp_path / "pyproject.toml"
    path.write_bytes(b"\xef\xbb\xbf# first\r\n[project]\r\nname = 'x'\r\n")
    pyproject = read_pyproject(path, "p.toml")
    assert pyproject.text("project", "name") == "x"
    assert pyproject.place("project", "name") == "p.toml:3"
    assert pyproject.place("project", "requires-python") == "p.toml:2"
    assert pyproject.place("tool", "uv") == "p.toml:1"
