"""What pip and uv are each asked to do: the commands, what is timed of them, and in which place."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

Command = tuple[str, ...]

# The steps of the quality check that depend on nothing but an installed environment.
CHECKS: tuple[Command, ...] = (
    ("ruff", "format", "--check", "."),
    ("ruff", "check", "."),
    ("lint-imports",),
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where one trial happens, and what it may use.

    Attributes:
        folder: Empty at first, and the working folder of every command.
        full: An environment of the same tool that has everything; it made `warm_cache`.
        warm_cache: A cache that holds all of the set. A cold trial has its own.
        seed_cache: What fresh environments get their pip from; never timed.
        pinned: The set, with versions, for this machine's Python.
        loose: What the set was resolved from.
    """

    folder: Path
    full: Path
    warm_cache: Path
    seed_cache: Path
    pinned: Path
    loose: Path

    @property
    def cold_cache(self) -> Path:
        """A cache that is empty when the trial starts; beside the folder, so no check reads it."""
        return self.folder.parent / "cache"

    @property
    def fresh(self) -> Path:
        """The environment that the trial makes."""
        return self.folder / "fresh"


@dataclass(frozen=True, slots=True)
class Trial:
    """Commands that are run before the clock starts, and those that it counts."""

    before: tuple[Command, ...]
    timed: tuple[Command, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One row: the same work for both tools.

    Attributes:
        name: For `--only` and for reports.
        title: For people.
        pip: The trial of pip.
        uv: The trial of uv.
        needs_full: Whether a filled cache, and an environment that has everything, come first.
        needs_tree: Whether `Place.folder` starts as a copy of the workspace.
    """

    name: str
    title: str
    pip: Callable[[Place], Trial]
    uv: Callable[[Place], Trial]
    needs_full: bool = False
    needs_tree: bool = False


def interpreter(environment: Path) -> str:
    """Return the Python of *environment*."""
    windows = sys.platform == "win32"
    return str(environment / ("Scripts/python.exe" if windows else "bin/python"))


def new_environment(environment: Path, tool: str, place: Place) -> tuple[Command, ...]:
    """Return the commands that make an empty *environment*, with pip in it where that is used."""
    cache = ("--cache-dir", str(place.seed_cache))
    make = ("uv", "venv", "--quiet", *cache, "--python", sys.executable, str(environment))
    if tool == "uv":
        return (make,)
    # Without this pip would compile itself while the clock runs, which only a first run does.
    compiled = (interpreter(environment), "-m", "compileall", "-q", str(environment))
    return ((*make, "--seed"), compiled)


def pip_install(environment: Path, cache: Path, *, bytecode: bool) -> Command:
    """Return pip's install command, up to what is to be installed."""
    compiled = () if bytecode else ("--no-compile",)
    pip = (interpreter(environment), "-m", "pip", "install", "--quiet")
    return (*pip, "--cache-dir", str(cache), *compiled)


def uv_install(environment: Path, cache: Path, *, bytecode: bool) -> Command:
    """Return uv's install command, up to what is to be installed."""
    compiled = ("--compile-bytecode",) if bytecode else ()
    uv = ("uv", "pip", "install", "--quiet", "--python", interpreter(environment))
    return (*uv, "--cache-dir", str(cache), *compiled)


def install(tool: str, place: Place, *, warm: bool, bytecode: bool) -> Trial:
    """Install the pinned set into an empty environment."""
    command = pip_install if tool == "pip" else uv_install
    cache = place.warm_cache if warm else place.cold_cache
    timed = (*command(place.fresh, cache, bytecode=bytecode), "-r", str(place.pinned))
    return Trial(new_environment(place.fresh, tool, place), (timed,))


def nothing_to_do(tool: str, place: Place) -> Trial:
    """Ask for the pinned set where it is installed."""
    command = pip_install if tool == "pip" else uv_install
    wanted = ("-r", str(place.pinned))
    return Trial((), ((*command(place.full, place.warm_cache, bytecode=False), *wanted),))


def resolve(tool: str, place: Place) -> Trial:
    """Find versions for what is not pinned, and install nothing."""
    command = pip_install if tool == "pip" else uv_install
    timed = (*command(place.fresh, place.cold_cache, bytecode=False), "--dry-run")
    wanted = ("-r", str(place.loose))
    return Trial(new_environment(place.fresh, tool, place), ((*timed, *wanted),))


def lock(tool: str, place: Place) -> Trial:
    """Write a `pylock.toml`, with hashes, for this machine and Python."""
    to, cache = str(place.folder / "pylock.toml"), str(place.cold_cache)
    wanted = (str(place.loose), "-o", to, "--cache-dir", cache, "--quiet")
    if tool == "uv":
        return Trial((), (("uv", "pip", "compile", "--python", sys.executable, *wanted),))
    timed = (interpreter(place.fresh), "-m", "pip", "lock", "-r", *wanted)
    return Trial(new_environment(place.fresh, tool, place), (timed,))


def check(tool: str, place: Place) -> Trial:
    """Give a fresh checkout its environment, then check format, lint and imports."""
    environment = place.folder / ".venv"
    cache = str(place.cold_cache)
    if tool == "uv":
        sync = ("uv", "sync", "--locked", "--quiet", "--cache-dir", cache)
        run = ("uv", "run", "--no-sync", "--cache-dir", cache)
        return Trial((), ((*sync, "--python", sys.executable), *((*run, *c) for c in CHECKS)))
    pip = pip_install(environment, place.cold_cache, bytecode=False)
    # Two of the members are built by a plugin of the third, which no index has: so the third comes
    # first, with what an editable build needs, and the others are built by what is installed.
    member = (*pip, "--no-deps")
    scripts = Path(interpreter(environment)).parent
    return Trial(
        (),
        (
            (sys.executable, "-m", "venv", "--upgrade-deps", str(environment)),
            (*pip, "-r", str(place.pinned)),
            (*member, "-e", "packages/tta-dev-primitives", "editables"),
            (
                *(*member, "--no-build-isolation"),
                *("-e", "packages/tta-observability-integration"),
                *("-e", "packages/keploy-framework"),
            ),
            *((str(scripts / program), *rest) for program, *rest in CHECKS),
        ),
    )


def _installs() -> list[Case]:
    cases: list[Case] = []
    for warm in (False, True):
        for bytecode in (True, False):
            cache = "warm" if warm else "cold"
            cases.append(
                Case(
                    name=f"{cache}-install{'' if bytecode else '-no-bytecode'}",
                    title=f"{cache} install, {'bytecode' if bytecode else 'no bytecode'}",
                    pip=lambda place, w=warm, b=bytecode: install("pip", place, warm=w, bytecode=b),
                    uv=lambda place, w=warm, b=bytecode: install("uv", place, warm=w, bytecode=b),
                    needs_full=warm,
                )
            )
    return cases


def _both(
    name: str,
    title: str,
    work: Callable[[str, Place], Trial],
    *,
    needs_full: bool = False,
    needs_tree: bool = False,
) -> Case:
    return Case(
        name=name,
        title=title,
        pip=lambda place: work("pip", place),
        uv=lambda place: work("uv", place),
        needs_full=needs_full,
        needs_tree=needs_tree,
    )


CASES: dict[str, Case] = {
    case.name: case
    for case in [
        *_installs(),
        _both("nothing-to-do", "nothing to do", nothing_to_do, needs_full=True),
        _both("resolve", "resolve, cold cache", resolve),
        _both("lock", "lock, cold cache", lock),
        _both("check", "quality check from nothing", check, needs_tree=True),
    ]
}
