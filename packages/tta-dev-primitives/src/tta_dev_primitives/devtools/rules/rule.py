"""What a rule is: a code, a page that explains it, and a check of one file."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from tta_dev_primitives.devtools.findings.finding import Finding

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable, Iterable, Sequence

    from tta_dev_primitives.devtools.calls.call_site import CallSite
    from tta_dev_primitives.devtools.calls.composition import Composition
    from tta_dev_primitives.devtools.findings.finding import Confidence, Fix, Level
    from tta_dev_primitives.devtools.source.names import Names
    from tta_dev_primitives.devtools.source.source_file import SourceFile


class RuleSettings(Protocol):
    """What a rule may know of the settings of the project."""

    @property
    def known_clients(self) -> Sequence[str]:
        """Dotted names of in-house classes whose objects call models."""
        ...

    @property
    def known_wrappers(self) -> Sequence[str]:
        """Dotted names of in-house functions and methods that call models."""
        ...


@dataclass(frozen=True, slots=True)
class Page:
    """What a reader is told about a rule, in Markdown; every part is whole sentences.

    Args:
        what: What the rule reports.
        why: What goes wrong otherwise.
        cost: One line: what it costs, in money or time.
        example: Python that the rule reports.
        use_instead: Python that it does not report.
        assumptions: What the rule takes for granted, and where it is silent.
        fix_safety: What a fix changes, `""` where there is none.
    """

    what: str
    why: str
    cost: str
    example: str
    use_instead: str
    assumptions: str
    fix_safety: str = ""


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """One file with everything that the rules may know about it.

    Args:
        file: The source and its tree.
        names: What the names in it refer to, across the workspace.
        sites: The calls of models in it, in the order of the source.
        compositions: What is built of primitives in it.
        settings: The settings of the project.
    """

    file: SourceFile
    names: Names
    sites: Sequence[CallSite]
    compositions: Sequence[Composition]
    settings: RuleSettings

    def finding(
        self,
        rule_code: str,
        node: ast.AST,
        message: str,
        *,
        confidence: Confidence = "high",
        fix: Fix | None = None,
    ) -> Finding:
        """Make a finding at *node*; its level is that of the rule, see `Rule.run`."""
        return Finding(
            code=rule_code,
            message=message,
            path=self.file.path,
            position=self.file.position(node),
            qualname=self.file.qualname_of(node),
            confidence=confidence,
            fix=fix,
        )


def always_able() -> str | None:
    """Return None: nothing keeps the rule from its work."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: what it is called, what it says, and how it looks.

    Args:
        code: For example `TTA101`. The hundreds: 1 limits of clients, 2 cost, 3 concurrency,
            4 primitives, 5 security.
        name: For example `missing-timeout`.
        level: How much a finding matters.
        is_default: Whether it runs where nothing is selected.
        page: What a reader is told.
        check: Looks at one file. It has no side effects and keeps nothing between files.
        silent_because: Tells why the rule finds nothing on this machine, or None where it can
            work; shown by `--stats`.
    """

    code: str
    name: str
    level: Level
    is_default: bool
    page: Page
    check: Callable[[CheckedFile], Iterable[Finding]]
    silent_because: Callable[[], str | None] = field(default=always_able)

    def run(self, checked: CheckedFile) -> list[Finding]:
        """Check one file and return its findings in the order of the source."""
        found = [replace(finding, level=self.level) for finding in self.check(checked)]
        found.sort(key=lambda finding: (finding.position.line, finding.position.column))
        return found

    def markdown(self) -> str:
        """Return the page of the rule, headed by its code and name."""
        page = self.page
        default = "on by default" if self.is_default else "off by default"
        parts = [
            f"# {self.code}: {self.name}",
            f"Level: {self.level}, {default}.",
            f"## What it does\n\n{page.what}",
            f"## Why it matters\n\n{page.why}",
            f"## What it costs\n\n{page.cost}",
            f"## Example\n\n```python\n{page.example.strip()}\n```",
            f"## Use instead\n\n```python\n{page.use_instead.strip()}\n```",
            f"## Assumptions\n\n{page.assumptions}",
        ]
        if page.fix_safety:
            parts.append(f"## Fix safety\n\n{page.fix_safety}")
        return "\n\n".join(parts) + "\n"
