"""What checking one file asked of the others, so that a cached answer can be held to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tta_dev_primitives.devtools.source.workspace import Workspace


@dataclass(slots=True)
class Questions:
    """What checking one file asked of the others.

    Args:
        modules: Which file an import meant: the name, the importer, the answer or None.
        tests: The conftest.py files that count for a file: the file and the answers.
        facts: Files whose facts were read; a file may have none.
        everything: Whether all files were asked for.
    """

    modules: dict[tuple[str, str], str | None] = field(
        default_factory=dict[tuple[str, str], "str | None"]
    )
    tests: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    facts: set[str] = field(default_factory=set[str])
    everything: bool = False

    def to_json(self, digests: Mapping[str, str]) -> list[Any]:  # Any: JSON
        """Return them with the digests of the facts they were answered from."""
        return [
            [[*question, answer] for question, answer in self.modules.items()],
            [[path, answers] for path, answers in self.tests.items()],
            {path: digests.get(path) for path in sorted(self.facts)},
            int(self.everything),
        ]


class Answers:
    """Tells whether questions that were noted would be answered the same again.

    Args:
        workspace: Makes the workspace of now; it is only made when files came or went.
        facts: Gives the digest of a file's facts now, None where there is no such file.
        same_files: Whether the very same files are known, whatever they hold.
    """

    def __init__(
        self,
        workspace: Callable[[], Workspace],
        facts: Callable[[str], str | None],
        *,
        same_files: bool,
    ) -> None:
        self._make, self._facts, self._same_files = workspace, facts, same_files
        self._workspace: Workspace | None = None
        self._modules: dict[tuple[str, str], str | None] = {}

    def are(self, noted: list[Any]) -> bool:  # Any: JSON
        """Tell whether what `Questions.to_json` gave still holds."""
        modules, tests, facts, everything = noted
        if everything or any(self._facts(path) != digest for path, digest in facts.items()):
            return False
        if self._same_files:
            return True
        if any(self._module(name, importer) != answer for name, importer, answer in modules):
            return False
        workspace = self._of_now()
        return all(
            [file.path for file in workspace.test_support(path)] == answers
            for path, answers in tests
        )

    def _module(self, name: str, importer: str) -> str | None:
        question = (name, importer)
        if question not in self._modules:
            found = self._of_now().module(name, importer)
            self._modules[question] = None if found is None else found.path
        return self._modules[question]

    def _of_now(self) -> Workspace:
        if self._workspace is None:
            self._workspace = self._make()
        return self._workspace
