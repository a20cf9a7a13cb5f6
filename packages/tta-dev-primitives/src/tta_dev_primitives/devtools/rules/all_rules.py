"""Every rule, and how settings choose among them."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.errors import ConfigurationError

from . import (
    default_timeout,
    key_literal,
    missing_timeout,
    output_limit,
    per_item_calls,
    premium_model,
    prompt_cache,
    prompt_drift,
    retired_model,
    stacked_retries,
    stream_timeout,
    swallowed_error,
    unbounded_retry,
    uncached_call,
)
from .composition_rules import COMPOSITION_RULES
from .files import FILE_RULES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .rule import Rule

_OF_MODULES: Final = tuple(
    module.RULE
    for module in (
        default_timeout,
        key_literal,
        missing_timeout,
        output_limit,
        per_item_calls,
        premium_model,
        prompt_cache,
        prompt_drift,
        retired_model,
        stacked_retries,
        stream_timeout,
        swallowed_error,
        unbounded_retry,
        uncached_call,
    )
)
RULES: Final[tuple[Rule, ...]] = tuple(
    sorted((*FILE_RULES, *_OF_MODULES, *COMPOSITION_RULES), key=lambda rule: rule.code)
)
_BY_SELECTOR: Final = {selector: rule for rule in RULES for selector in (rule.code, rule.name)}


class UnknownRuleError(ConfigurationError):
    """Raised for a selector that no rule answers to.

    Attributes:
        selector: What was asked for.
        nearest: The code or name that looks most like it, None where nothing does.
    """

    def __init__(self, selector: str) -> None:
        found = get_close_matches(selector, _BY_SELECTOR, n=1, cutoff=0.5)
        found = found or get_close_matches(selector.upper(), _BY_SELECTOR, n=1, cutoff=0.5)
        self.selector, self.nearest = selector, found[0] if found else None
        hint = f"did you mean {self.nearest!r}?" if found else "tta lint --list-rules shows them"
        super().__init__(f"no rule answers to {selector!r}; {hint}")


def rules_by_selector(selectors: Iterable[str]) -> tuple[Rule, ...]:
    """Return the rules that any of *selectors* names, sorted by code.

    Args:
        selectors: Codes (`TTA101`), the beginnings of codes (`TTA1`), names (`missing-timeout`),
            `ALL`, or `DEFAULT` for those that are on by default. Case counts for names only.

    Raises:
        UnknownRuleError: Nothing answers to a selector; the nearest is named.
    """
    chosen: set[str] = set()
    for selector in selectors:
        codes = {rule.code for rule in RULES if _answers(rule, selector)}
        if not codes:
            raise UnknownRuleError(selector)
        chosen |= codes
    return tuple(rule for rule in RULES if rule.code in chosen)


def default_rules() -> tuple[Rule, ...]:
    """Return the rules that run where nothing is selected."""
    return tuple(rule for rule in RULES if rule.is_default)


def rule_of(code_or_name: str) -> Rule:
    """Return the one rule with this code or name.

    Raises:
        UnknownRuleError: There is none; the nearest is named.
    """
    rule = _BY_SELECTOR.get(code_or_name) or _BY_SELECTOR.get(code_or_name.upper())
    if rule is None:
        raise UnknownRuleError(code_or_name)
    return rule


def _answers(rule: Rule, selector: str) -> bool:
    upper = selector.upper()
    if upper in ("ALL", "DEFAULT"):
        return upper == "ALL" or rule.is_default
    return rule.name == selector or (upper.startswith("TTA") and rule.code.startswith(upper))
