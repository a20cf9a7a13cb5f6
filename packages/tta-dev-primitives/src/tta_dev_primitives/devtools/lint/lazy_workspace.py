"""A workspace that reads a file when it is asked about it, and notes what was asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tta_dev_primitives.devtools.calls.providers import PUBLIC_PACKAGES
from tta_dev_primitives.devtools.source.facts import FileFacts
from tta_dev_primitives.devtools.source.resolution import Resolution
from tta_dev_primitives.devtools.source.source_file import module_name_of
from tta_dev_primitives.devtools.source.workspace import Workspace

from .questions import Questions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tta_dev_primitives.devtools.source.names import Names
    from tta_dev_primitives.devtools.source.source_file import SourceFile


class LazyWorkspace(Workspace):
    """Answers as a workspace of all files does, and reads only those that are asked about.

    The packages of the providers are known by their own names, also where their source is among
    the files: what their modules call each other inside is no matter of the rules.

    Args:
        paths: Every file that is known.
        load: Gives the facts of a file; without facts for one that cannot be read.
    """

    def __init__(self, paths: Iterable[str], load: Callable[[str], FileFacts]) -> None:
        super().__init__(map(_unread, paths), public=PUBLIC_PACKAGES)
        self._load = load
        self.loaded: dict[str, FileFacts] = {}
        self.questions = Questions()

    def names_of(self, file: SourceFile) -> Names:
        """Answer the names of one file; its questions are noted from now on."""
        self.questions = Questions()
        # What a resolution remembers of one file's questions would not be asked for the next.
        self._resolution = Resolution(self)
        return super().names_of(file)

    @property
    def files(self) -> list[FileFacts]:
        """The facts of every file."""
        self.questions.everything = True
        return [self._read(file) for file in super().files]

    def facts_at(self, path: str) -> FileFacts | None:
        """Give the facts of the file at a path."""
        self.questions.facts.add(path)
        found = super().facts_at(path)
        return None if found is None else self._read(found)

    def module(self, name: str, importer: str) -> FileFacts | None:
        """Find the file that a file gets when it imports a dotted name."""
        found = super().module(name, importer)
        self.questions.modules[name, importer] = None if found is None else found.path
        return None if found is None else self._read(found)

    def test_support(self, path: str) -> list[FileFacts]:
        """List the ``conftest.py`` files whose fixtures a test at a path may use."""
        found = super().test_support(path)
        self.questions.tests[path] = [file.path for file in found]
        return [self._read(file) for file in found]

    def _read(self, file: FileFacts) -> FileFacts:
        self.questions.facts.add(file.path)
        facts = self.loaded.get(file.path)
        if facts is None:
            facts = self.loaded[file.path] = self._load(file.path)
        return facts


def workspace_of_paths(paths: Iterable[str]) -> Workspace:
    """Return a workspace that knows where files are, and nothing of what they hold."""
    return Workspace(map(_unread, paths))


def _unread(path: str) -> FileFacts:
    return FileFacts(
        {
            "path": path,
            "module": module_name_of(Path(path)),
            "package": path.rpartition("/")[2] == "__init__.py",
        }
    )
