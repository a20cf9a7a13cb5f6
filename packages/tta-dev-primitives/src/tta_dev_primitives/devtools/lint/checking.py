"""Checking a share of the files in this process, each of them read once.

What a file asks of others is gathered when it asks: those are read then, and their trees wait for
their own turn, up to a bound.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tta_dev_primitives.devtools.source.facts import FileFacts
from tta_dev_primitives.devtools.source.source_error import SourceError
from tta_dev_primitives.devtools.source.source_file import module_name_of, read_source
from tta_dev_primitives.devtools.source.workspace import gather_facts

from .check_file import check_file, check_unreadable
from .lazy_workspace import LazyWorkspace
from .path_patterns import matches_any
from .selection import select_rules

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping, Sequence

    from tta_dev_primitives.devtools.rules.rule import Rule
    from tta_dev_primitives.devtools.source.source_file import SourceFile

    from .outcome import Outcome
    from .settings import Settings

# Trees of this much source wait for their turn; others that were asked about are parsed again.
WAITING_CHARACTERS: Final = 2_000_000
# Trees that have had their turn are full of cycles, and go when this much source went by. Python by
# itself looks more often, and each time at what waits or stays, too: a fifth of the time.
COLLECTED_CHARACTERS: Final = 1_000_000
_YOUNG_COLLECTIONS: Final = 16  # of the newest objects, before all are looked at


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found in a file.

    Args:
        path: The file.
        digest: Of its content; "" where it changed while it was read.
        outcome: What was found.
        questions: What the outcome hangs on.
    """

    path: str
    digest: str
    outcome: Outcome
    questions: list[Any]  # Any: JSON


class Checking:
    """Checks files, with what the others define.

    Args:
        settings: What the project asks for.
        root: The folder that its patterns are relative to.
        known: Every file that may be asked about.
        texts: Files whose text is not read from disk, by path.
    """

    def __init__(
        self,
        settings: Settings,
        root: str,
        known: Iterable[str],
        texts: Mapping[str, str] | None = None,
    ) -> None:
        self._settings, self._root, self._texts = settings, root, dict(texts or {})
        self._selection = select_rules(settings)
        self._known = tuple(known)
        self._made: LazyWorkspace | None = None
        self._to_come: set[str] = set()
        self._waiting: dict[str, SourceFile] = {}
        self._room = WAITING_CHARACTERS
        self._uncollected = 0
        self._collections = 0
        self._facts_digests: dict[str, str] = {}

    def check(self, paths: Iterable[str]) -> list[Checked]:
        """Check files, in their order."""
        turns = list(paths)
        self._to_come.update(turns)
        with _own_collections():
            return [self._check(path) for path in turns]

    def digest(self, path: str) -> str:
        """Return the digest of a file's content, "" where it cannot be read."""
        text = self._texts.get(path)
        try:
            content = Path(path).read_bytes() if text is None else text.encode("utf-8", "replace")
        except (OSError, ValueError):
            return ""
        return hashlib.blake2b(content, digest_size=16).hexdigest()

    def facts_digest(self, path: str) -> str:
        """Return what tells whether the facts of a known file have changed; it is read for that."""
        if path not in self._facts_digests:
            self._workspace.facts_at(path)
        return self._facts_digests[path]

    @property
    def _workspace(self) -> LazyWorkspace:
        if self._made is None:
            self._made = LazyWorkspace(self._known, self._load)
        return self._made

    def _check(self, path: str) -> Checked:
        self._to_come.discard(path)
        rules = self._rules(path)
        before = self._stamp(path)
        digest = self.digest(path)
        try:
            file = self._waiting.pop(path, None)
            if file is None:
                file = self._read(path)
            else:
                self._room += len(file.text)
        except SourceError as error:
            return Checked(path, digest, check_unreadable(path, error, rules), [[], [], {}, 0])
        self._waiting[path] = file  # it may be asked about while it is checked
        outcome = check_file(file, self._workspace, rules, self._settings)
        del self._waiting[path]
        _part_scopes(file)
        self._collect(len(file.text))
        if self._stamp(path) != before:
            digest = ""  # somebody writes it: what was read is not what is to be cached
        questions = self._workspace.questions
        questions.facts.discard(path)
        return Checked(path, digest, outcome, questions.to_json(self._facts_digests))

    def _collect(self, characters: int) -> None:
        self._uncollected += characters
        if self._uncollected > COLLECTED_CHARACTERS:
            self._uncollected = 0
            self._collections += 1
            gc.collect(0 if self._collections % _YOUNG_COLLECTIONS else 2)

    def _load(self, path: str) -> FileFacts:
        facts = FileFacts({"path": path})
        try:
            file = self._waiting.get(path) or self._read(path)
        except SourceError:
            file = None  # it has no facts, and is told of in its turn
        if file is not None:
            facts = gather_facts(file)
            if path in self._to_come and len(file.text) <= self._room:
                self._room -= len(file.text)
                self._waiting[path] = file
            elif path not in self._waiting:
                _part_scopes(file)
        told = json.dumps(facts.data, separators=(",", ":"), sort_keys=True).encode()
        self._facts_digests[path] = hashlib.blake2b(told, digest_size=8).hexdigest()
        return facts

    def _read(self, path: str) -> SourceFile:
        text = self._texts.get(path)
        if text is None:
            return read_source(path)
        plain = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
        return read_source(path, plain, module_name=module_name_of(Path(path)))

    def _stamp(self, path: str) -> tuple[int, int] | None:
        try:
            status = Path(path).stat()
        except (OSError, ValueError):
            return None
        return status.st_mtime_ns, status.st_size

    def _rules(self, path: str) -> Sequence[Rule]:
        if not self._selection.ignored:
            return self._selection.rules
        relative = os.path.relpath(os.path.realpath(path), self._root).replace(os.sep, "/")
        off = frozenset[str]().union(
            *(codes for each, codes in self._selection.ignored if matches_any(relative, [each]))
        )
        return [rule for rule in self._selection.rules if rule.code not in off]


def _part_scopes(file: SourceFile) -> None:
    """Take scopes apart that nobody asks any more, so that their tree goes with its last name.

    Scopes and what they bind know each other, and would wait with the tree for a search for cycles.
    """
    for scope in file.index.scopes.values():
        scope.bindings.clear()
        scope.attributes.clear()
        scope.elsewhere.clear()
        scope.parent = scope.function = None


@contextmanager
def _own_collections() -> Generator[None]:
    """Leave it to the block when cycles are looked for."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
