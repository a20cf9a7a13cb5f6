"""Files to lint: what is installed here, and the labelled repositories where they are laid out."""

from __future__ import annotations

import os
import random
import shutil
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LABELS = "llm-callsites.jsonl"
# These call models, or are called by who does; the others stand for code that does not.
ALWAYS = ("openai", "anthropic")
SKIPPED = frozenset(
    {"build", "dist", "env", "node_modules", "site-packages", "venv", "__pycache__"}
)


@dataclass(frozen=True, slots=True)
class Corpus:
    """A folder of Python files that nothing else lies in.

    Attributes:
        name: What the tables call it.
        folder: Where it is.
        files: How many there are.
        megabytes: How much they are.
    """

    name: str
    folder: Path
    files: int
    megabytes: float


def installed(folder: Path, most: int) -> Corpus:
    """Copy the standard library and installed packages, whole ones in a fixed order.

    Args:
        folder: Where to; made here.
        most: How many files at most.
    """
    left = most
    # Not under the names they have: linters leave out what is installed.
    for place, root, found in _packages():
        files = [found] if found.suffix == ".py" else sorted(found.rglob("*.py"))
        files = [file for file in files if _is_plain(file.relative_to(root), file)][:left]
        for file in files:
            _copy(file, folder / place / file.relative_to(root))
        left -= len(files)
    return _corpus("installed packages", folder)


def labelled(folder: Path) -> tuple[Corpus, Path] | None:
    """Copy the Python files of the labelled repositories; return them and the file of labels.

    None where TTA_TEST_DATA and TTA_TEST_TREES do not name them. A repository "owner/name" is the
    folder "owner+name".
    """
    data, trees = os.environ.get("TTA_TEST_DATA"), os.environ.get("TTA_TEST_TREES")
    if not data or not trees or not Path(data, LABELS).is_file():
        return None
    root = Path(trees).resolve()
    for file in sorted(root.rglob("*.py")):
        relative = file.relative_to(root)
        if _is_plain(relative, file):
            _copy(file, folder / relative)
    return _corpus("labelled repositories", folder), Path(data, LABELS)


def _packages() -> Iterator[tuple[str, Path, Path]]:
    """Yield where a package goes, the folder it lies in, and the package; the library first."""
    library, packages = (Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib"))
    names = sorted(file.name for file in library.iterdir() if file.name != "site-packages")
    yield from (("library", library, library / name) for name in names)
    others = {file.parent.name for file in packages.glob("*/__init__.py")}
    rest = sorted(others.difference(ALWAYS))
    random.Random(1).shuffle(rest)
    yield from (
        ("packages", packages, packages / name) for name in (*ALWAYS, *rest) if name in others
    )


def _is_plain(relative: Path, file: Path) -> bool:
    """Tell whether every tool takes the file: none of them goes into folders that are built."""
    return SKIPPED.isdisjoint(relative.parts) and file.is_file() and not file.is_symlink()


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _corpus(name: str, folder: Path) -> Corpus:
    sizes = [file.stat().st_size for file in folder.rglob("*.py")]
    return Corpus(name, folder, len(sizes), sum(sizes) / 1e6)
