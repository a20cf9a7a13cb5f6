from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tta_dev_primitives.devtools.lint.discovery import find_files
from tta_dev_primitives.errors import ConfigurationError


def make(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def found(folder: Path, *paths: str, exclude: tuple[str, ...] = ()) -> list[str]:
    return find_files(paths or (".",), folder, exclude).files


def test_python_files_and_notebooks_are_found_sorted(folder: Path) -> None:
    make(folder, "b.py", "a/z.py", "a/n.ipynb", "a/readme.md", "a/x.pyi", "Makefile")
    assert found(folder) == ["a/n.ipynb", "a/z.py", "b.py"]


@pytest.mark.parametrize(
    "name", [".venv", "node_modules", ".git", "build", "dist", "site-packages", "__pycache__"]
)
def test_folders_of_others_are_left_out(folder: Path, name: str) -> None:
    """The whole virtual environment was checked."""
    make(folder, "a.py", f"{name}/b.py", f"x/{name}/c.py")
    assert found(folder) == ["a.py"]


def test_virtual_environment_of_any_name_is_left_out(folder: Path) -> None:
    make(folder, "a.py", "my-env/pyvenv.cfg", "my-env/lib/b.py")
    assert found(folder) == ["a.py"]


def test_package_called_build_is_source(folder: Path) -> None:
    make(folder, "src/build/__init__.py", "src/build/a.py", "build/lib/a.py")
    assert found(folder) == ["src/build/__init__.py", "src/build/a.py"]


def test_folder_that_is_named_is_read_whatever_its_name(folder: Path) -> None:
    make(folder, ".venv/lib/site-packages/x/a.py")
    assert found(folder, ".venv/lib/site-packages/x") == [".venv/lib/site-packages/x/a.py"]


def test_file_that_is_named_needs_no_suffix(folder: Path) -> None:
    make(folder, "tool", "a.py")
    assert found(folder, "tool") == ["tool"]


def test_file_named_twice_is_checked_once(folder: Path) -> None:
    make(folder, "a/b.py")
    assert found(folder, "a", "a/b.py", "./a/../a/b.py") == ["a/b.py"]


@pytest.mark.parametrize("paths", [(), ("old/a.py",)], ids=["found", "named"])
def test_excluded_files_are_left_out_even_where_they_are_named(folder: Path, paths) -> None:
    """The pre-commit hook names files, and checked the excluded ones."""
    make(folder, "old/a.py")
    assert found(folder, *paths, exclude=("old",)) == []


def test_patterns_are_relative_to_the_settings(folder: Path, monkeypatch) -> None:
    make(folder, "src/a.py", "src/old/a.py")
    monkeypatch.chdir(folder / "src")
    assert found(folder, exclude=("src/old",)) == ["a.py"]


def test_paths_outside_of_the_current_folder_are_absolute(folder: Path, monkeypatch) -> None:
    make(folder, "x/a.py", "y/b.py")
    monkeypatch.chdir(folder / "y")
    assert found(folder, "../x") == [f"{folder.as_posix()}/x/a.py"]


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_loop_of_links_ends(folder: Path) -> None:
    """A link to the folder above was followed for ever."""
    make(folder, "a/b.py")
    (folder / "a/up").symlink_to(folder, target_is_directory=True)
    (folder / "a/self.py").symlink_to("self.py")
    assert found(folder) == ["a/b.py"]


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_file_and_a_link_to_it_are_one_file(folder: Path) -> None:
    make(folder, "a.py")
    (folder / "b.py").symlink_to("a.py")
    assert len(found(folder)) == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipe_is_not_waited_for(folder: Path) -> None:
    """A named pipe in the tree, and the linter hung."""
    os.mkfifo(folder / "a.py")
    assert found(folder) == []
    with pytest.raises(ConfigurationError, match="neither a file nor a folder"):
        found(folder, "a.py")


@pytest.mark.parametrize("path", ["nope", "a.py/b.py", "a\0b"])
def test_path_that_is_not_there_is_told(folder: Path, path: str) -> None:
    make(folder, "a.py")
    with pytest.raises(ConfigurationError, match="cannot read"):
        found(folder, path)


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_files_that_git_ignores_are_left_out(folder: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    make(folder, "a.py", "made/b.py", "x/c_pb2.py", "x/d.py", "x/e.py")
    (folder / ".gitignore").write_text("made/\n*_pb2.py\n")
    (folder / "x/.gitignore").write_text("e.py\n")
    assert found(folder) == ["a.py", "x/d.py"]
    assert found(folder, "x") == ["x/d.py"]
