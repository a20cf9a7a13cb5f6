"""Which rules run, and which of their findings count in a file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.findings.report import RuleDescription
from tta_dev_primitives.devtools.rules.all_rules import (
    RULES,
    UnknownRuleError,
    default_rules,
    rules_by_selector,
)
from tta_dev_primitives.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tta_dev_primitives.devtools.rules.rule import Rule

    from .settings import Settings

UNREADABLE = "TTA000"
KEY_LITERAL = "TTA501"
UNUSED = "TTA900"
# Up to what ends a sentence or opens a list, but for what stands in code.
_FIRST_SENTENCE: Final = re.compile(r"(?:`[^`]*`|[^`])*?(?=[.:;](?:\s|\Z)|\Z)")


@dataclass(frozen=True, slots=True)
class Selection:
    """The rules of a run, and per path pattern the codes that do not count there."""

    rules: tuple[Rule, ...]
    ignored: tuple[tuple[str, frozenset[str]], ...] = ()

    @property
    def codes(self) -> frozenset[str]:
        """The codes of the rules."""
        return frozenset(rule.code for rule in self.rules)


def select_rules(settings: Settings, where: Path | None = None) -> Selection:
    """Choose the rules that *settings* ask for: the default ones, or what is selected.

    Args:
        settings: What is asked for.
        where: The file the settings stand in, for messages.

    Raises:
        ConfigurationError: A selector fits no rule; the nearest is named.
    """
    chosen = _rules("select", settings.select, where) if settings.select else default_rules()
    ignored = {rule.code for rule in _rules("ignore", settings.ignore, where)}
    ignored_there = tuple(
        (pattern, frozenset(rule.code for rule in _rules("per-path-ignores", codes, where)))
        for pattern, codes in settings.per_path_ignores
    )
    # A file that cannot be read is always told, unless it is ignored by name.
    always = tuple(rule for rule in RULES if rule.code == UNREADABLE and rule not in chosen)
    rules = tuple(rule for rule in (*always, *chosen) if rule.code not in ignored)
    return Selection(rules, ignored_there)


def describe(rules: Iterable[Rule]) -> dict[str, RuleDescription]:
    """Return what the formats tell about *rules*, by code."""
    return {
        rule.code: RuleDescription(
            rule.code, rule.name, rule.level, _first_sentence(rule.page.what), rule.markdown()
        )
        for rule in rules
    }


def _first_sentence(text: str) -> str:
    found = _FIRST_SENTENCE.match(" ".join(text.split()))
    return "" if found is None else f"{found[0]}."


def _rules(key: str, selectors: tuple[str, ...], where: Path | None) -> tuple[Rule, ...]:
    try:
        return rules_by_selector(selectors)
    except UnknownRuleError as error:
        place = f"--{key}" if where is None else f"{where}: tool.tta.lint.{key}"
        msg = f"{place}: {error}"
        raise ConfigurationError(msg) from error
