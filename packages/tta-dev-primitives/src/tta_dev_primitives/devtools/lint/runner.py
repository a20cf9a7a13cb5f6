"""A run of the linter over files, with cache and processes, in a fixed order."""

from __future__ import annotations

import functools
import hashlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tta_dev_primitives.devtools.findings.report import Numbers, Report, order

from .cache import Cache, Entry, read_cache, write_cache
from .checking import Checking
from .lazy_workspace import workspace_of_paths
from .outcome import Outcome
from .questions import Answers
from .selection import describe, select_rules
from .workers import check_in_processes, processes_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tta_dev_primitives.devtools.findings.report import ReportedFinding

    from .checking import Checked
    from .settings import Settings


@dataclass(frozen=True, slots=True)
class Result:
    """What came out of a run.

    Args:
        findings: What is told, sorted by file and place.
        ignored: How many findings inline comments silenced.
        files: The files that were checked, sorted.
        errors: How many of them could not be read or checked in full.
        calls: A record for each call of a model, in the same order.
        adoption: The rows that the table of adoption is made of.
        lines: Lines of all files.
        from_cache: Files whose findings came from the cache.
        processes: How many processes worked.
        seconds: How long it took.
        notes: What a reader should know, a sentence each.
    """

    findings: tuple[ReportedFinding, ...]
    ignored: int
    files: tuple[str, ...]
    errors: int
    calls: tuple[dict[str, Any], ...]  # Any: JSON
    adoption: tuple[dict[str, Any], ...]  # Any: JSON
    lines: int
    from_cache: int
    processes: int
    seconds: float
    notes: tuple[str, ...] = ()

    def report(
        self, settings: Settings, findings: Sequence[ReportedFinding] | None = None
    ) -> Report:
        """Return the report of the run.

        Args:
            settings: Those of the run.
            findings: What is left of its findings beside a baseline.
        """
        kept = self.findings if findings is None else tuple(findings)
        rules = select_rules(settings).rules
        silent = (rule.silent_because() for rule in rules)
        numbers = Numbers(
            files=len(self.files),
            lines=self.lines,
            calls=len(self.calls),
            ignored=self.ignored,
            in_baseline=len(self.findings) - len(kept),
            from_cache=self.from_cache,
            processes=self.processes,
            seconds=self.seconds,
            notes=(*self.notes, *(reason for reason in silent if reason is not None)),
        )
        return Report(kept, describe(rules), numbers)


def lint(
    paths: Sequence[str],
    settings: Settings,
    *,
    root: Path | None = None,
    context: Iterable[str] = (),
    texts: Mapping[str, str] | None = None,
    jobs: int = 1,
    cache: Path | None = None,
) -> Result:
    """Check files and return what was found; the result depends on nothing else.

    Args:
        paths: The files, as `find_files` gives them.
        settings: What the project asks for.
        root: The folder its patterns are relative to; the current one if None.
        context: Files that are not checked but may be asked what they define.
        texts: Text of files that is not read from disk, by path.
        jobs: The most processes; 0 stands for one per processor.
        cache: The folder of the cache; without it nothing is read or written.

    Raises:
        ConfigurationError: The settings name a rule that does not exist.
        ChildProcessError: A process died, for example for lack of memory.
    """
    started = time.perf_counter()
    known = sorted({*paths, *context})
    run = _Run(settings, os.path.realpath(root or Path.cwd()), known, texts or {}, cache)
    outcomes = run.outcomes(sorted(set(paths)), jobs)
    findings = sorted(
        (finding for outcome in outcomes.values() for finding in outcome.findings),
        key=lambda reported: order(reported.finding),
    )
    return Result(
        findings=tuple(findings),
        ignored=sum(outcome.ignored for outcome in outcomes.values()),
        files=tuple(outcomes),
        errors=sum(reported.finding.code == "TTA000" for reported in findings),
        calls=tuple(call for outcome in outcomes.values() for call in outcome.calls),
        adoption=tuple(row for outcome in outcomes.values() for row in outcome.adoption),
        lines=sum(outcome.lines for outcome in outcomes.values()),
        from_cache=run.from_cache,
        processes=run.processes,
        seconds=time.perf_counter() - started,
        notes=tuple(run.notes),
    )


class _Run:
    def __init__(
        self,
        settings: Settings,
        root: str,
        known: Sequence[str],
        texts: Mapping[str, str],
        folder: Path | None,
    ) -> None:
        self._settings, self._root, self._folder = settings, root, folder
        self._known, self._has_texts = known, bool(texts)
        self._here = Checking(settings, root, known, texts)
        self._cache = Cache() if folder is None else read_cache(folder, settings)
        self._digests: dict[str, str] = {}
        self.from_cache = 0
        self.processes = 1
        self.notes: list[str] = []

    def outcomes(self, paths: Sequence[str], jobs: int) -> dict[str, Outcome]:
        valid = self._valid()
        waiting = [path for path in paths if path not in valid]
        # What is typed in or not written yet is known to this process alone.
        self.processes = 1 if self._has_texts else processes_for(len(waiting), jobs)
        checked = self._checked(waiting)
        outcomes = {each.path: each.outcome for each in checked}
        for path in paths:
            if path not in outcomes:
                outcomes[path] = valid[path]
        self.from_cache = len(paths) - len(checked)
        if self._folder is not None and checked:
            self._write(valid, checked, self._folder)
        return {path: outcomes[path] for path in paths}

    def _checked(self, paths: Sequence[str]) -> list[Checked]:
        if self.processes == 1:
            return self._here.check(paths)
        return check_in_processes(self.processes, paths, self._settings, self._root, self._known)

    def _valid(self) -> dict[str, Outcome]:
        """Return the outcomes in the cache that would be the same now."""
        answers = Answers(
            lambda: workspace_of_paths(self._known),
            self._facts,
            same_files=self._cache.files == _paths_digest(self._known),
        )
        found: dict[str, Outcome] = {}
        for path in self._known:
            entry = self._cache.entries.get(path)
            if entry is None or entry.questions is None or entry.digest != self._digest(path):
                continue
            try:
                outcome = Outcome.from_json(entry.outcome or {}, path)
                if answers.are(entry.questions):
                    found[path] = outcome
            except (ValueError, TypeError, KeyError, IndexError, AttributeError):
                continue  # damaged
        return found

    def _digest(self, path: str) -> str:
        if path not in self._digests:
            self._digests[path] = self._here.digest(path)
        return self._digests[path]

    def _facts(self, path: str) -> str | None:
        """Return what the facts of a file are now; it is only read if its content is another."""
        entry = self._cache.entries.get(path)
        if entry is not None and entry.facts and entry.digest == self._digest(path):
            return entry.facts
        return self._here.facts_digest(path) if path in self._is_known else None

    @functools.cached_property
    def _is_known(self) -> frozenset[str]:
        return frozenset(self._known)

    def _write(
        self, valid: Mapping[str, Outcome], checked: Sequence[Checked], folder: Path
    ) -> None:
        entries: dict[str, Entry] = {}
        for path in valid:
            before = self._cache.entries[path]
            entries[path] = Entry(before.digest, before.facts, before.outcome, before.questions)
        facts: dict[str, str | None] = {}
        for each in checked:
            entries[each.path] = Entry(each.digest, "", each.outcome.to_json(), each.questions)
        for entry in entries.values():
            facts.update((path, digest) for path, digest in (entry.questions or _NONE)[2].items())
        for path, digest in facts.items():
            if digest is not None:
                entries.setdefault(path, Entry(self._digest(path))).facts = digest
        try:
            write_cache(folder, Cache(entries, _paths_digest(self._known)), self._settings)
        except OSError as error:
            self.notes.append(f"the cache {folder} cannot be written: {error.strerror}")


_NONE: Final[list[Any]] = [[], [], {}, 0]  # Any: JSON


def _paths_digest(paths: Iterable[str]) -> str:
    told = "\0".join(paths).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(told, digest_size=16).hexdigest()
