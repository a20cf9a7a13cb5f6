"""Ask uv about a workspace, without changing anything."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

LONGEST_WAIT_SECONDS: Final = 120.0

# Settings of the caller that would make uv look at another project, or write another lock.
_DROPPED: Final = frozenset({
    "UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS",
    "UV_FROZEN", "UV_LOCKED", "UV_PROJECT", "UV_WORKING_DIR", "VIRTUAL_ENV",
})  # fmt: skip
_NOISE: Final = re.compile(r"^(Using|Resolved|Creating|Would use|Checked|hint:|\s*$)")


class UvError(ConfigurationError):
    """Raised when uv cannot be asked; the text is one line with the next move."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What uv answered.

    Args:
        code: Its exit code; 0 is yes.
        printed: Its standard output.
        said: Its standard error without progress, cut after 12 lines.
    """

    code: int
    printed: str
    said: str


def find_uv() -> str:
    """Return the path of uv.

    Raises:
        UvError: It is not on PATH.
    """
    found = shutil.which("uv")
    if found is None:
        msg = "uv is not on PATH; install it, for example with: pip install uv"
        raise UvError(msg)
    return found


def ask_uv(root: Path, *arguments: str) -> Answer:
    """Run uv in *root* and wait for it, at most two minutes.

    Colours, index settings and an active environment of the caller are left out of it. Python
    is never downloaded.

    Raises:
        UvError: uv is not there, cannot be started, or does not end in time.
    """
    kept = {name: value for name, value in os.environ.items() if name not in _DROPPED}
    settings = {"NO_COLOR": "1", "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}
    command = [find_uv(), *arguments]
    shown = f"uv {' '.join(arguments)}"
    try:
        ran = subprocess.run(  # noqa: S603 - the program is uv, and groups follow the option's name
            command,
            cwd=root,
            env=kept | settings,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=LONGEST_WAIT_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        msg = f"{shown!r} still runs after {LONGEST_WAIT_SECONDS:g} s; see what it waits for"
        raise UvError(msg) from error
    except OSError as error:
        msg = f"{shown!r} cannot be started: {error.strerror or error}; install uv again"
        raise UvError(msg) from error
    lines = [line for line in ran.stderr.splitlines() if not _NOISE.match(line)]
    return Answer(ran.returncode, ran.stdout, "\n".join(lines[:12]))
