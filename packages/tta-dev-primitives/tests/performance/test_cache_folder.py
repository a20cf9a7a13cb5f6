from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tta_dev_primitives.errors import ConfigurationError
from tta_dev_primitives.performance.environment.folder import (
    mark_folder,
    project_cache_folder,
    user_cache_folder,
    write_atomically,
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own, and a Python that runs in no environment."""
    folder = tmp_path / "home"
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    for name in ("TTA_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    return folder


def use_environment(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text("home = /usr/bin\n")
    monkeypatch.setattr(sys, "prefix", str(folder))


@pytest.mark.parametrize(
    ("environment", "beside"),
    [(".venv", True), (".venv-3.13", True), ("venv", False), ("builds-v0", False)],
)
def test_cache_of_a_project_lies_beside_its_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: str, beside: bool
) -> None:
    """Not in it, where uv would delete it; and environments of no project have no project."""
    use_environment(monkeypatch, tmp_path / "project" / environment)
    expected = tmp_path / "project" / ".tta-cache" if beside else user_folder()
    assert project_cache_folder() == expected
    assert not expected.exists()


def test_folder_that_only_has_the_name_of_an_environment_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Python that was unpacked there."""
    for name in ("prefix", "base_prefix"):
        monkeypatch.setattr(sys, name, str(tmp_path / ".venv"))
    assert project_cache_folder() == user_folder()


def user_folder() -> Path:
    return user_cache_folder(sys.platform, {}) / "tta-dev"


def test_python_outside_of_any_environment_uses_the_folder_of_the_user(home: Path) -> None:
    assert project_cache_folder() == user_folder()
    assert home in project_cache_folder().parents


def test_variable_comes_before_the_default_and_the_argument_before_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TTA_CACHE_DIR", str(tmp_path / "named"))
    assert project_cache_folder() == tmp_path / "named"
    assert project_cache_folder("relative") == tmp_path / "relative"
    monkeypatch.setenv("TTA_CACHE_DIR", "")
    assert project_cache_folder() == user_folder()


@pytest.mark.parametrize("place", ["", "cache", "lib/python3.11/cache"])
@pytest.mark.parametrize("by", ["argument", "variable", "link"])
def test_folder_inside_an_environment_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, by: str
) -> None:
    """It would be gone with the next rebuild. Any environment counts, not only the running one."""
    environment = tmp_path / "other" / "env"
    environment.mkdir(parents=True)
    (environment / "pyvenv.cfg").write_text("")
    folder = environment / place
    if by == "link":
        (environment / "lib").mkdir()
        (tmp_path / "link").symlink_to(environment / "lib")
        folder = tmp_path / "link" / place
    if by == "variable":
        monkeypatch.setenv("TTA_CACHE_DIR", str(folder))
    with pytest.raises(ConfigurationError, match=r"lies in the virtual environment .*\.tta-cache"):
        project_cache_folder(None if by == "variable" else folder)


USER_FOLDERS = {
    "Linux": ("linux", {}, ".cache"),
    "Linux, named": ("linux", {"XDG_CACHE_HOME": "/elsewhere"}, "/elsewhere"),
    "Linux, relative": ("linux", {"XDG_CACHE_HOME": "elsewhere"}, ".cache"),
    "Linux, empty": ("linux", {"XDG_CACHE_HOME": ""}, ".cache"),
    "Linux, variable of Windows": ("linux", {"LOCALAPPDATA": "/elsewhere"}, ".cache"),
    "macOS": ("darwin", {"XDG_CACHE_HOME": "/elsewhere"}, "Library/Caches"),
    "Windows": ("win32", {"LOCALAPPDATA": "/elsewhere"}, "/elsewhere"),
    "Windows, without": ("win32", {"XDG_CACHE_HOME": "/elsewhere"}, "AppData/Local"),
}


@pytest.mark.skipif(sys.platform == "win32", reason="the paths of the table are absolute elsewhere")
@pytest.mark.parametrize(
    ("platform", "variables", "expected"), USER_FOLDERS.values(), ids=USER_FOLDERS
)
def test_folder_of_the_user_is_where_the_system_has_it(
    home: Path, platform: str, variables: dict[str, str], expected: str
) -> None:
    assert user_cache_folder(platform, variables) == home / expected


def test_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError

    monkeypatch.setattr(Path, "home", no_home)
    with pytest.raises(ConfigurationError, match=r"set TTA_CACHE_DIR or pass cache_dir="):
        project_cache_folder()


def test_new_folder_is_marked_for_backups_and_for_git(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    mark_folder(folder)
    tag = (folder / "CACHEDIR.TAG").read_bytes()
    assert tag.startswith(b"Signature: 8a477f597d28d172789f06886806bc55\n")
    assert (folder / ".gitignore").read_text() == "*\n"
    assert len(list(folder.iterdir())) == 2


def test_mark_is_made_once(tmp_path: Path) -> None:
    """Who deletes the .gitignore has a reason."""
    mark_folder(tmp_path / "c")
    (tmp_path / "c" / ".gitignore").unlink()
    mark_folder(tmp_path / "c")
    assert [path.name for path in (tmp_path / "c").iterdir()] == ["CACHEDIR.TAG"]


def test_gitignore_of_somebody_else_is_kept(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("mine")
    (tmp_path / "tta-cache.sqlite3").write_text("")
    mark_folder(tmp_path)
    assert (tmp_path / ".gitignore").read_text() == "mine"
    assert (tmp_path / "CACHEDIR.TAG").exists()


def test_folder_with_other_things_in_it_is_not_marked(tmp_path: Path) -> None:
    """A project's own folder must not vanish from git and from backups."""
    (tmp_path / "main.py").write_text("")
    mark_folder(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["main.py"]


def test_file_that_cannot_be_put_in_place_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "by a folder").write_text("")
    with pytest.raises(OSError):
        write_atomically(tmp_path / "taken", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
