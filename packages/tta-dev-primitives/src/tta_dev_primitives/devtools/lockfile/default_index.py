"""Ask uv which index it uses when nobody says otherwise, so that no file has to spell it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import Final

from .lockfile_error import LockfileError

LONGEST_WAIT_SECONDS: Final = 60.0


def default_registry() -> str:
    """Return uv's built-in default index; nothing is downloaded for that.

    Index settings of the caller do not sway the answer.

    Raises:
        LockfileError: uv is not there, or does not answer as it should.
    """
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("UV_", "PIP_"))}
    command = ["uv", "pip", "compile", "--no-config", "--offline", "--no-cache", "--no-header"]
    command += ["--quiet", "--no-python-downloads", "--python", sys.executable]
    command += ["--emit-index-url", "-"]
    next_move = "install uv or pass --registry"
    try:
        ran = subprocess.run(  # noqa: S603 - a fixed command
            command,
            input="",
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=True,
            env=clean,
            timeout=LONGEST_WAIT_SECONDS,
        )
    except FileNotFoundError as error:
        msg = f"uv is not on PATH, so its default index is not known; {next_move}"
        raise LockfileError(msg) from error
    except (OSError, subprocess.SubprocessError) as error:
        told = error.stderr if isinstance(error, subprocess.CalledProcessError) else error
        msg = f"cannot ask uv for its default index: {str(told).strip()}; {next_move}"
        raise LockfileError(msg) from error
    found = re.search(r"^--index-url (\S+)$", ran.stdout, re.MULTILINE)
    if found is None:
        msg = f"uv named no default index, it printed {ran.stdout!r}; pass --registry"
        raise LockfileError(msg)
    return found[1]
