"""Where keploy keeps the mocks of a recording."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .errors import TrafficError

if TYPE_CHECKING:
    from pathlib import Path

MOCK_FILES: Final = ("mocks.yaml", "mocks.yml", "mocks.json")
_BINARY: Final = "mocks.gob"
_RECORDINGS: Final = "keploy"  # the folder below that of the app


def mock_files(path: Path) -> list[Path]:
    """Return the files of mocks at *path*, those of a recording by the names of its test sets.

    Args:
        path: A file of mocks; the folder of a test set, of a recording, or of an app with one.

    Raises:
        TrafficError: There is none.
    """
    if path.is_file():
        return [path]
    binary: list[Path] = []
    for folder in (path, path / _RECORDINGS):
        sets = [folder, *sorted(inner for inner in folder.glob("*") if inner.is_dir())]
        found = [file for one in sets if (file := _first(one, MOCK_FILES)) is not None]
        if found:
            return found
        binary += (file for one in sets if (file := _first(one, (_BINARY,))) is not None)
    if binary:
        reason = "is in Go's own binary form; record with the storage format yaml or json"
        raise TrafficError(binary[0], reason)
    reason = (
        f"is a folder without {', '.join(MOCK_FILES)}; give the folder that keploy recorded into, "
        "a trace file, or a request log"
    )
    raise TrafficError(path, reason)


def _first(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_file()), None)
