"""The files that are looked at together, and what a value means across them."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from .evaluation import Evaluation
from .facts import FileFacts, facts_of
from .names import Names
from .resolution import Resolution

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from .source_file import SourceFile

OWN_PACKAGE: Final = "tta_dev_primitives"


def gather_facts(file: SourceFile) -> FileFacts:
    """Take from a file what other files may ask about it: pass 1, of each file alone."""
    return facts_of(file, file.index)


class Workspace:
    """Answers names across the files it was told of.

    It needs the facts of all files, and the tree only of the one that is looked at, so that
    facts may come from a cache or from another process.

    Args:
        facts: Of every file, as `gather_facts` gives them.
        public: First names of packages that are known by their own name, such as "openai":
            never looked into, even where the workspace holds their source.
    """

    def __init__(
        self, facts: Iterable[FileFacts], *, public: Collection[str] = (OWN_PACKAGE,)
    ) -> None:
        self._facts = {file.path: file for file in facts}
        self.public = frozenset(public)
        self._resolution = Resolution(self)
        self._by_module: dict[str, list[FileFacts]] = {}
        self._by_stem: dict[str, list[FileFacts]] = {}
        for file in self._facts.values():
            if file.module is not None:
                self._by_module.setdefault(file.module, []).append(file)
            self._by_stem.setdefault(_stem(file.path), []).append(file)

    @property
    def files(self) -> list[FileFacts]:
        """The facts of every file, in the order they came."""
        return list(self._facts.values())

    def facts_at(self, path: str) -> FileFacts | None:
        """Give the facts of the file at a path."""
        return self._facts.get(path)

    def names_of(self, file: SourceFile) -> Names:
        """Answer the names of one file; its own facts are used as they are in its tree."""
        if file.path not in self._facts:
            # Not told of: it sees the others, they do not see it.
            self._facts[file.path] = gather_facts(file)
        evaluation = Evaluation(file.path, file.index)
        return Names(file, file.index, evaluation, self._resolution, self)

    def module(self, name: str, importer: str) -> FileFacts | None:
        """Find the file that a file gets when it imports a dotted name.

        A full name comes first, then a file beside the importer or at the end of a path that
        fits, which is how scripts and source folders import.

        Args:
            name: Absolute, or with leading dots where the importer's package is unknown.
            importer: Path of the file with the import.
        """
        bare = name.lstrip(".")
        level = len(name) - len(bare)
        if not bare:
            return None
        if not level and bare in self._by_module:
            return _nearest(self._by_module[bare], importer)
        tail = bare.split(".")
        folder = PurePosixPath(importer.replace("\\", "/")).parent
        for _ in range(level - 1):
            folder = folder.parent
        fitting: list[FileFacts] = []
        for file in self._by_stem.get(tail[-1], ()):
            parts = _path_parts(file.path)
            if parts[-len(tail) :] != tail:
                continue
            above = PurePosixPath(*parts[: -len(tail)])
            if above == folder:
                return file
            if len(tail) > 1 and not level:
                fitting.append(file)
        return _nearest(fitting, importer) if fitting else None

    def test_support(self, path: str) -> list[FileFacts]:
        """List the ``conftest.py`` files whose fixtures a test at a path may use, nearest first."""
        found: list[FileFacts] = []
        for folder in PurePosixPath(path.replace("\\", "/")).parents:
            file = self._facts.get(str(folder / "conftest.py"))
            if file is not None:
                found.append(file)
        return found


def _path_parts(path: str) -> list[str]:
    parts = list(PurePosixPath(path.replace("\\", "/")).with_suffix("").parts)
    return parts[:-1] if parts[-1:] == ["__init__"] else parts


def _stem(path: str) -> str:
    parts = _path_parts(path)
    return parts[-1] if parts else ""


def _nearest(files: list[FileFacts], importer: str) -> FileFacts:
    here = _path_parts(importer)

    def shared(file: FileFacts) -> int:
        count = 0
        for mine, other in zip(here, _path_parts(file.path), strict=False):
            if mine != other:
                break
            count += 1
        return count

    return max(files, key=shared)
