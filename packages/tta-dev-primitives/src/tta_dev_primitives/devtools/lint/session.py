"""One use of the linter on a project: which files, which settings, and the runs over them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.calls.adoption import adoption_table
from tta_dev_primitives.devtools.calls.members import workspace_members
from tta_dev_primitives.devtools.findings.finding import Finding
from tta_dev_primitives.devtools.findings.report import report_findings
from tta_dev_primitives.devtools.source.source_file import Position
from tta_dev_primitives.errors import ConfigurationError

from .baseline import Baselined, read_baseline, write_baseline
from .cache import cache_folder
from .discovery import find_files, is_excluded
from .fixing import fix_all
from .project import find_project
from .runner import lint
from .selection import UNREADABLE, select_rules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tta_dev_primitives.devtools.calls.adoption import MemberAdoption
    from tta_dev_primitives.devtools.findings.report import Report, ReportedFinding

    from .fixing import Fixes
    from .project import Project
    from .runner import Result
    from .settings import Settings

STDIN: Final = "-"
DEFAULT_BASELINE: Final = "lint-baseline.json"
MOST_CONTEXT: Final = 20_000  # files of a project that are read for the sake of others


@dataclass(frozen=True, slots=True)
class Asked:
    """What a caller asks of the linter beside the settings of the project.

    Args:
        paths: Files and folders; `-` alone is the text that is given.
        config: A pyproject.toml to take instead of the nearest.
        text: The text of standard input.
        text_name: What the text is called.
        jobs: The most processes; 0 stands for one per processor.
        uses_cache: Whether the cache may be read and written.
        settings: Values that take the place of those of the project, by name.
        ignore: What is ignored beside what the project ignores.
        exclude: What is excluded beside what the project excludes.
    """

    paths: tuple[str, ...]
    config: Path | None = None
    text: str | None = None
    text_name: str = "stdin.py"
    jobs: int = 0
    uses_cache: bool = True
    settings: Mapping[str, object] = field(default_factory=dict[str, object])
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


class Session:
    """Finds the project and its files once, then runs over them as often as asked.

    Args:
        asked: What the caller asks for.

    Raises:
        ConfigurationError: A path does not exist, or the settings have a mistake.
    """

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        is_stdin = asked.text is not None
        self._paths = (asked.text_name,) if is_stdin else asked.paths
        self.project: Project = find_project([Path(path) for path in self._paths], asked.config)
        self.settings: Settings = replace(self.project.settings, **asked.settings)  # pyright: ignore[reportArgumentType] - checked where they were read
        self.settings = replace(
            self.settings,
            ignore=(*self.settings.ignore, *asked.ignore),
            exclude=(*self.settings.exclude, *asked.exclude),
        )
        select_rules(self.project.settings, self.project.file)
        select_rules(self.settings)
        root, exclude = self.project.root, self.settings.exclude
        self.texts: dict[str, str] = {}
        self._unreadable: list[tuple[str, str]] = []
        if asked.text is not None:
            self.files = [] if is_excluded(asked.text_name, root, exclude) else [asked.text_name]
            self.texts[asked.text_name] = asked.text
        else:
            found = find_files(asked.paths, root, exclude)
            self.files, self._unreadable = found.files, found.unreadable
        self.notes: list[str] = []
        self._context = self._files_around()

    def run(self, texts: Mapping[str, str] | None = None) -> Result:
        """Check the files.

        Args:
            texts: Texts that are not on disk yet, by path.

        Raises:
            ChildProcessError: A process died.
        """
        result = lint(
            self.files,
            self.settings,
            root=self.project.root,
            context=self._context,
            texts=self.texts if texts is None else texts,
            jobs=self._asked.jobs,
            cache=cache_folder(self.project.root) if self._asked.uses_cache else None,
        )
        findings = (*self._unreadable_places(), *result.findings)
        return replace(result, findings=findings, notes=(*result.notes, *self.notes))

    def fix(self, *, unsafe: bool) -> tuple[Fixes, Result]:
        """Fix what the findings offer, in memory, and return what is left.

        Findings that a comment or the baseline accepts are left alone.

        Args:
            unsafe: Whether fixes count that may change what the program does.
        """
        results: list[Result] = []

        def check(texts: Mapping[str, str]) -> Sequence[ReportedFinding]:
            results.append(self.run(texts))
            return self.new(results[-1]).new

        fixes, _ = fix_all(check, unsafe=unsafe, texts=self.texts)
        return fixes, results[-1]

    @property
    def baseline_file(self) -> Path | None:
        """The file of accepted findings, None where none is named."""
        name = self.settings.baseline
        return None if name is None else self.project.root / name

    def new(self, result: Result) -> Baselined:
        """Return what is left of the findings beside the baseline.

        Raises:
            ConfigurationError: The baseline cannot be read.
        """
        file = self.baseline_file
        if file is None:
            return Baselined(result.findings, 0, 0)
        return read_baseline(file).apply(result.findings, result.files)

    def accept(self, result: Result) -> Path:
        """Write a baseline that accepts everything that was found, and return its place.

        What it accepts in files that were not checked stays.

        Raises:
            ConfigurationError: Nothing is on disk to accept: the text came from standard input.
            OSError: It cannot be written.
        """
        if self._asked.text is not None:
            msg = "a baseline cannot accept standard input; name the file"
            raise ConfigurationError(msg)
        file = self.baseline_file or self.project.root / DEFAULT_BASELINE
        write_baseline(file, result.findings, result.files)
        return file

    def report(self, result: Result, findings: Sequence[ReportedFinding]) -> Report:
        """Return what the formats show of a run: the findings that are new."""
        return result.report(self.settings, findings)

    def adoption(self, result: Result) -> list[MemberAdoption]:
        """Return how far the calls of each member of the workspace are wrapped."""
        return adoption_table(result.adoption, workspace_members(self.project.root))

    def _files_around(self) -> list[str]:
        """List the other files of the project: clients may be made in them.

        So a file is seen alike whether it is named alone or found in its folder.
        """
        root = self.project.root
        whole = any(Path(path).resolve() == root for path in self._paths)
        if whole or not self.files or not (root / "pyproject.toml").is_file():
            return []
        found = find_files([str(root)], root, self.settings.exclude).files
        if len(found) > MOST_CONTEXT:
            self.notes.append(f"{root} holds {len(found)} files; only those named were looked at")
            return []
        checked = set(self.files)
        return [path for path in found if path not in checked]

    def _unreadable_places(self) -> list[ReportedFinding]:
        if UNREADABLE not in select_rules(self.settings).codes:
            return []
        findings = [
            Finding(
                UNREADABLE,
                f"cannot be read: {reason}",
                path,
                Position(1, 0, 1, 0),
                "",
                level="error",
            )
            for path, reason in self._unreadable
        ]
        return report_findings(findings, lambda place: place.line, lambda _: "")
