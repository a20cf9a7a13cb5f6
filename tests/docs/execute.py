"""Run one block of a page, or check its syntax, in an environment that costs nobody anything.

Keys, base URLs and service addresses of the caller are taken out of the environment, so that a
page does the same everywhere and never spends money.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml
from pages import PYTHON, SHELL, Block

TIMEOUT_SECONDS = 120.0
SAFE_UV = frozenset({"run", "tree", "workspace", "export", "help", "--help", "--version"})
DRIVER = Path(__file__).with_name("driver.py")

_PRIVATE = re.compile(
    r"_(API_KEY|BASE_URL)$|^(TTA|OTEL|REDIS|PYTHON|PYTEST|COV_|VIRTUAL_ENV)|^UV_(?!CACHE_DIR$)"
)
_UV_COMMAND = re.compile(r"(?:^|[\s;&|(])uv +([\w-]+)")
_MADE_ANYWHERE = shutil.ignore_patterns(".git", ".venv*", ".cache", ".*_cache", "__pycache__")
_MADE_IN_ROOT = frozenset({"site", "dist", "htmlcov", ".hypothesis", ".tta"})


class BlockError(Exception):
    """A block that does not do what its mark promises."""


class BlockSkippedError(Exception):
    """A block that this machine cannot run, with what it lacks."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page's blocks run: the repository, the page's folder, and perhaps a copy."""

    root: Path
    folder: Path

    @property
    def tree(self) -> Path:
        """Return the page's copy of the repository, made on first use."""
        tree = self.folder.with_name(self.folder.name + "-copy")
        if not tree.exists():
            shutil.copytree(self.root, tree, ignore=self._made)
        return tree

    def _made(self, folder: str, names: list[str]) -> set[str]:
        """Name what is made from the sources, and so does not belong into a fresh copy."""
        made = _MADE_ANYWHERE(folder, names)
        return made | _MADE_IN_ROOT if Path(folder) == self.root else made


def check_syntax(block: Block) -> None:
    """Parse a block that is not run. A language without a parser here is taken as text."""
    try:
        if block.language in PYTHON:
            compile("\n" * block.line + block.source, block.place, "exec")
        elif block.language == "json":
            json.loads(block.source)
        elif block.language == "toml":
            tomllib.loads(block.source)
        elif block.language in {"yaml", "yml"}:
            list(yaml.safe_load_all(block.source))
    except (SyntaxError, ValueError, yaml.YAMLError) as error:
        msg = f"the {block.language} does not parse: {error}"
        raise BlockError(msg) from error
    if block.language in SHELL:
        checked = subprocess.run(
            [_bash(), "-n"], input=block.source, capture_output=True, text=True, check=False
        )
        if checked.returncode != 0:
            msg = f"bash -n refuses it: {checked.stderr.strip()}"
            raise BlockError(msg)


def run_python(block: Block, earlier: list[Block], place: Place, services: dict[str, str]) -> str:
    """Run *block* after the *earlier* ones in one process; return what *block* printed.

    The addresses of its *services* are put into its environment.
    """
    job = place.folder / ".job.json"
    pages = [(str(place.root / each.page), each.line, each.source) for each in [*earlier, block]]
    job.write_text(json.dumps(pages), encoding="utf-8")
    strict = ["-W", "error::DeprecationWarning:__main__"]
    command = [sys.executable, *strict, str(DRIVER), str(job)]
    environment = _environment(place, in_copy=False) | services
    stdout = _run(command, cwd=place.folder, environment=environment)
    return stdout.rpartition("\x1e")[2]


def run_shell(block: Block, place: Place, services: dict[str, str], *, in_copy: bool) -> str:
    """Run a shell block, stopping at its first failing command; return what it printed."""
    uses_uv = _uv_subcommands(block.source)
    if not in_copy:
        for subcommand in uses_uv:
            if subcommand not in SAFE_UV:
                msg = f"'uv {subcommand}' may change the workspace; mark the block 'run: copy'"
                raise BlockError(msg)
    if uses_uv and shutil.which("uv") is None:
        msg = "uv is not on PATH; install it with: pip install uv"
        raise BlockSkippedError(msg)
    command = [_bash(), "-euo", "pipefail", "-c", block.source]
    cwd = place.tree if in_copy else place.folder
    return _run(command, cwd=cwd, environment=_environment(place, in_copy=in_copy) | services)


def _uv_subcommands(source: str) -> list[str]:
    commands = [line for line in source.splitlines() if not line.lstrip().startswith("#")]
    return _UV_COMMAND.findall("\n".join(commands))


def lacks_package(stderr: str) -> bool:
    """Tell whether uv, kept off the network, did not find what it needs in its cache."""
    return "Network connectivity is disabled" in stderr or "not found in the cache" in stderr


@cache
def _bash() -> str:
    found = shutil.which("bash")
    if found is None or sys.platform == "win32":
        msg = "no POSIX shell here"
        raise BlockSkippedError(msg)
    return found


def _environment(place: Place, *, in_copy: bool) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not _PRIVATE.search(name)}
    programs = Path(sys.executable).parent
    kept |= {
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONIOENCODING": "utf-8",
        "NO_COLOR": "1",
        "TTA_CACHE_DIR": str(place.folder / ".cache"),
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_PYTHON": sys.executable,
        "UV_OFFLINE": "1",
    }
    if in_copy:
        environment = place.tree / ".venv"
        programs = environment / "bin"
        kept["UV_PROJECT_ENVIRONMENT"] = str(environment)
    else:
        # `uv run` outside the workspace then uses it as it is, and changes nothing in it.
        kept |= {"UV_PROJECT": str(place.root), "UV_NO_SYNC": "1"}
        kept["UV_PROJECT_ENVIRONMENT"] = sys.prefix
    kept["PATH"] = os.pathsep.join([str(programs), kept.get("PATH", "")])
    return kept


def _run(command: list[str], *, cwd: Path, environment: dict[str, str]) -> str:
    started = time.monotonic()
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        start_new_session=sys.platform != "win32",
    ) as process:
        try:
            stdout, stderr = process.communicate(timeout=TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired as error:
            _kill(process)
            msg = f"still running after {time.monotonic() - started:.0f} s"
            raise BlockError(msg) from error
    if process.returncode == 0:
        return stdout
    if lacks_package(stderr):
        msg = "uv's cache lacks a package; run: uv sync --locked --all-packages --all-extras"
        raise BlockSkippedError(msg)
    said = "\n".join([*stdout.splitlines()[-5:], *stderr.splitlines()[-25:]])
    msg = f"exit code {process.returncode}\n{said}"
    raise BlockError(msg)


def _kill(process: subprocess.Popen[str]) -> None:
    if sys.platform == "win32":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)
