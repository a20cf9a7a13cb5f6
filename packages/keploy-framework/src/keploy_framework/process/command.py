"""A command line as a user types it, and the program it names."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from keploy_framework.errors import AppError

if TYPE_CHECKING:
    from collections.abc import Mapping

_SHELL_SIGNS: Final = frozenset(("&&", "||", "|", ";", "&", ">", ">>", "<"))


def split_command(command: str, *, windows: bool = sys.platform == "win32") -> list[str]:
    """Split a command line into its words, as a shell would, without running a shell.

    Variables and wildcards stay as they are written.

    Args:
        command: The command line.
        windows: Whether quotes are read as on Windows, where a backslash is a part of a path.

    Raises:
        AppError: It is empty, has a quote that does not end, or needs a shell.
    """
    try:
        words = _split_for_windows(command) if windows else shlex.split(command)
    except ValueError as error:
        problem = f"the command {command!r} has a quote without its end; add it"
        raise AppError(problem, reason="no-command") from error
    if not words:
        problem = "there is no command; give one with -c 'python app.py'"
        raise AppError(problem, reason="no-command")
    signs = sorted(_SHELL_SIGNS.intersection(words))
    if signs:
        problem = (
            f"the command has {signs[0]!r}, which only a shell understands; "
            "write sh -c '...' around it"
        )
        raise AppError(problem, reason="no-command")
    return words


def find_program(name: str, environment: Mapping[str, str], folder: Path) -> str:
    """Give the path of a program, found as the system finds it.

    Args:
        name: A name, or a path from *folder*.
        environment: Its ``PATH`` says where to look.
        folder: The folder the command runs in.

    Raises:
        AppError: There is none, or it may not be run.
    """
    if Path(name).name != name:
        path = folder / name
        if not path.is_file():
            problem = f"there is no program {name!r} to run; check the command"
            raise AppError(problem, reason="not-found")
        return str(path)
    found = shutil.which(name, path=environment.get("PATH"))
    if found is None:
        problem = f"there is no program {name!r} on the PATH; install it, or check the command"
        raise AppError(problem, reason="not-found")
    return found


def _split_for_windows(command: str) -> list[str]:
    words: list[str] = []
    word, in_word, quoted = "", False, False
    for letter in command:
        if letter == '"':
            in_word, quoted = True, not quoted
        elif letter.isspace() and not quoted:
            if in_word:
                words.append(word)
            word, in_word = "", False
        else:
            in_word, word = True, word + letter
    if quoted:
        msg = "a quote does not end"
        raise ValueError(msg)
    return [*words, word] if in_word else words
