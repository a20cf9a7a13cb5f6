"""The folder `keploy` with everything that was recorded."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from keploy_framework.formats.atomic import write_atomically
from keploy_framework.formats.documents import DocumentFile
from keploy_framework.formats.paths import is_valid_name, place_inside
from keploy_framework.formats.tree.lock import LOCK_NAME, recording_lock
from keploy_framework.formats.tree.names import NEVER_SETS, by_number, next_set_name
from keploy_framework.formats.tree.recorded_set import RecordedSet

if TYPE_CHECKING:
    import os
    from collections.abc import Generator, Sequence

    from keploy_framework.errors import KeployFormatError
    from keploy_framework.formats.cache import ParseCache

_IGNORED: Final = ("/reports/", f"/{LOCK_NAME}")


class KeployTree:
    """The folder of recordings. Building it touches nothing on disk.

    Args:
        root: The folder, usually ``keploy``. It need not exist yet.
        cache: Remembers what files said; ``None`` reads them each time.
        ending: What new files end with, ``.yaml`` or ``.json``.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        cache: ParseCache | None = None,
        ending: str = ".yaml",
    ) -> None:
        self.root = Path(root)
        self._cache = cache
        self._ending = ending

    def set_names(self) -> list[str]:
        """Give the names of the test sets, ``test-set-2`` before ``test-set-10``.

        Any folder is one, except hidden folders and those upstream keeps for other things.
        """
        if not self.root.is_dir():
            return []
        names = [
            folder.name
            for folder in self.root.iterdir()
            if folder.is_dir()
            and is_valid_name(folder.name)
            and folder.name not in NEVER_SETS
            and not folder.name.startswith(".")
        ]
        return sorted(names, key=by_number)

    def test_set(self, name: str) -> RecordedSet:
        """Give a test set, which need not exist yet.

        Raises:
            KeployPathError: The name leads out of the folder, itself or by a symbolic link.
        """
        place_inside(self.root, name)
        return RecordedSet(self.root, name, self._read_files, self._ending)

    def sets_in_order(self, damaged: list[KeployFormatError] | None = None) -> list[RecordedSet]:
        """Give the test sets in the order of their first requests; it reads every test."""
        ordered: list[tuple[bool, int, int, RecordedSet]] = []
        for number, name in enumerate(self.set_names()):
            found = self.test_set(name)
            tests = found.tests(damaged)
            began = tests[0].began if tests else None
            ordered.append((began is None, began or 0, number, found))
        return [found for *_, found in sorted(ordered, key=lambda item: item[:3])]

    def next_set_name(self) -> str:
        """Give ``test-set-N`` with a number above every one that is taken."""
        return next_set_name(self.set_names())

    def write_gitignore(self) -> None:
        """Keep reports out of version control, unless a ``.gitignore`` is there already."""
        path = self.root / ".gitignore"
        if not path.exists():
            write_atomically(path, "".join(f"{line}\n" for line in _IGNORED).encode())

    @contextmanager
    def recording(self) -> Generator[None]:
        """Keep other recorders out while the block runs; a crash ends it too.

        Raises:
            KeployTreeBusyError: Another recorder is at work here.
        """
        with recording_lock(self.root):
            yield

    def _read_files(self, paths: Sequence[Path]) -> list[DocumentFile]:
        if self._cache is not None:
            return self._cache.read(paths)
        return [DocumentFile.read(path) for path in paths]
