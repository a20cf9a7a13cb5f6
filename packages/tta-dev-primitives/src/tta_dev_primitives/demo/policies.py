"""The shop's policies: what a right answer to a support ticket has to state."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping

Language = Literal["en", "de"]


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing an answer can state, with the phrases that prove it did.

    Attributes:
        id: Unique over all categories, like ``"return_window"``.
        sentences: The fact in one sentence per language.
        mentions: Per language, phrases of which one must appear in an answer.
    """

    id: str
    sentences: Mapping[Language, str]
    mentions: Mapping[Language, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Policy:
    """What the shop promises in one category."""

    category: str
    titles: Mapping[Language, str]
    facts: tuple[Fact, ...]


class _FactRow(TypedDict):
    id: str
    sentence: dict[Language, str]
    mentions: dict[Language, list[str]]


class _PolicyRow(TypedDict):
    title: dict[Language, str]
    facts: list[_FactRow]


@cache
def load_policies() -> Mapping[str, Policy]:
    """Read the policies by category, once; the mapping is read-only."""
    source = resources.files("tta_dev_primitives.demo") / "data" / "policies.json"
    rows: dict[str, _PolicyRow] = json.loads(source.read_text(encoding="utf-8"))
    policies = {
        category: Policy(category, row["title"], tuple(_fact(fact) for fact in row["facts"]))
        for category, row in rows.items()
    }
    return MappingProxyType(policies)


def _fact(row: _FactRow) -> Fact:
    mentions: dict[Language, tuple[str, ...]] = {
        language: tuple(phrases) for language, phrases in row["mentions"].items()
    }
    return Fact(row["id"], row["sentence"], mentions)


def policy_text(category: str, language: Language) -> str:
    """Write a category's facts as a bulleted list for a prompt.

    Raises:
        ValueError: There is no such category or language.
    """
    return "\n".join(f"- {fact.sentences[language]}" for fact in _facts(category, language))


def facts_stated(category: str, language: Language, answer: str) -> frozenset[str]:
    """Find which of a category's facts an answer states, by id.

    A fact counts when one of its mentions in *language* appears, whatever the case and the
    white space. A mention starts where a word starts and is no part of a longer number:
    "130 days" does not state "30 days". The meaning is not read, so a denial counts too.

    Raises:
        ValueError: There is no such category or language.
    """
    folded = _fold(answer)
    patterns = _mention_patterns(category, language)
    return frozenset(fact_id for fact_id, pattern in patterns if pattern.search(folded))


@cache
def _mention_patterns(category: str, language: Language) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple(
        (fact.id, re.compile("|".join(_whole(mention) for mention in fact.mentions[language])))
        for fact in _facts(category, language)
    )


def _whole(mention: str) -> str:
    folded = _fold(mention)
    before = r"(?<!\w)(?<!\d[.,])" if folded[0].isalnum() else ""
    after = r"(?!\d|[.,]\d)" if folded[-1].isdigit() else ""
    return before + re.escape(folded) + after


def _fold(text: str) -> str:
    return " ".join(text.casefold().split())


def _facts(category: str, language: Language) -> tuple[Fact, ...]:
    policies = load_policies()
    if category not in policies:
        msg = f"no policy for category {category!r}; use one of: {', '.join(policies)}"
        raise ValueError(msg)
    policy = policies[category]
    if language not in policy.titles:
        msg = f"no policy in language {language!r}; use one of: {', '.join(policy.titles)}"
        raise ValueError(msg)
    return policy.facts
