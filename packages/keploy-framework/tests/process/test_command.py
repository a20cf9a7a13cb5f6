"""A command line is split as the user means it."""

from __future__ import annotations

from pathlib import Path

import pytest

from keploy_framework.errors import AppError
from keploy_framework.process.command import find_program, split_command


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("python app.py", ["python", "app.py"]),
        ("  uv   run app ", ["uv", "run", "app"]),
        ("sh -c 'a && b'", ["sh", "-c", "a && b"]),
        ('node "my app.js"', ["node", "my app.js"]),
        ("run a\\ b", ["run", "a b"]),
        ("run ''", ["run", ""]),
    ],
    ids=["plain", "spaces", "inner-shell", "double-quotes", "backslash", "empty-word"],
)
def test_posix_quotes_are_a_shells(command: str, words: list[str]) -> None:
    """A path with a space, in quotes, arrived as two words."""
    assert split_command(command, windows=False) == words


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (r"C:\app\run.exe --x", [r"C:\app\run.exe", "--x"]),
        (r'"C:\Program Files\run.exe" a', [r"C:\Program Files\run.exe", "a"]),
        ('run ""', ["run", ""]),
        ("run 'a b'", ["run", "'a", "b'"]),
    ],
    ids=["backslashes", "quoted-path", "empty-word", "single-quotes-are-letters"],
)
def test_windows_keeps_backslashes(command: str, words: list[str]) -> None:
    """A Windows path lost its backslashes."""
    assert split_command(command, windows=True) == words


@pytest.mark.parametrize("command", ["", "   ", "echo 'a", 'run "x', "a && b", "a | b", "a > f"])
@pytest.mark.parametrize("windows", [False, True], ids=["posix", "windows"])
def test_what_is_no_command_is_refused(command: str, windows: bool) -> None:
    """A command that needs a shell was run with && as an argument."""
    if windows and "'" in command:
        pytest.skip("a single quote is a letter there")
    with pytest.raises(AppError) as caught:
        split_command(command, windows=windows)
    assert caught.value.reason == "no-command"


def test_a_program_that_is_missing_is_named(tmp_path: Path) -> None:
    """The message for a mistyped command did not say which program is missing."""
    with pytest.raises(AppError, match="no-such-program") as caught:
        find_program("no-such-program", {"PATH": str(tmp_path)}, tmp_path)
    assert caught.value.reason == "not-found"


def test_a_path_is_looked_up_from_the_apps_folder(tmp_path: Path) -> None:
    """./run.sh was looked for in the folder of the recorder."""
    (tmp_path / "run.sh").write_text("")
    assert find_program("./run.sh", {}, tmp_path) == str(tmp_path / "run.sh")
