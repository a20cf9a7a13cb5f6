"""The list of rules: codes, pages, selectors, and silence on code without models."""

from __future__ import annotations

import ast
import re
import textwrap

import pytest

from tta_dev_primitives.devtools.rules.all_rules import (
    RULES,
    UnknownRuleError,
    default_rules,
    rule_of,
    rules_by_selector,
)
from tta_dev_primitives.devtools.rules.rule import Rule

from .checking import defaults, found

RULE_IDS = [rule.code for rule in RULES]
# The examples of the other rules need a key, a price list, or primitives around them.
WITH_EXAMPLE = [rule for rule in RULES if rule.code[3] in "12" and rule.code != "TTA206"]

# What stands around the examples of the pages, so that they mean what a reader takes them to mean.
SURROUNDINGS = f"""
import logging, os, time
from datetime import datetime
import anthropic, httpx, openai, tenacity
from anthropic import Anthropic
from openai import AsyncOpenAI, OpenAI
HANDBOOK = {"Answer kindly and in full sentences. " * 700!r}
logger = logging.getLogger()
"""
CLIENTS = {"TTA203": "OpenAI", "TTA204": "Anthropic", "TTA201": "AsyncOpenAI"}


def test_codes_and_names_are_unique_and_sorted() -> None:
    """Two rules answered to one code, or the list changed its order."""
    codes = [rule.code for rule in RULES]
    assert codes == sorted(set(codes))
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert all(re.fullmatch(r"TTA\d{3}", code) for code in codes)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", rule.name) for rule in RULES)


@pytest.mark.parametrize("rule", RULES, ids=RULE_IDS)
def test_page_is_whole(rule: Rule) -> None:
    """A rule had nothing to say for itself, or an example that is no Python."""
    page = rule.page
    assert all((page.what, page.why, page.cost, page.assumptions))
    for text in (page.what, page.why, page.cost, page.assumptions, page.fix_safety):
        assert text == "" or text.endswith((".", "?", ".)"))
    ast.parse(textwrap.dedent(page.use_instead))
    headings = re.findall(r"^#+ (.*)$", rule.markdown(), flags=re.MULTILINE)
    assert headings[0] == f"{rule.code}: {rule.name}"
    assert headings[1:4] == ["What it does", "Why it matters", "What it costs"]


@pytest.mark.parametrize("rule", WITH_EXAMPLE, ids=lambda rule: rule.code)
def test_example_of_the_page_is_told_and_what_to_use_instead_is_not(rule: Rule) -> None:
    """A page showed an example that its own rule does not report, or the other way round."""
    assert found(rule.code, surrounded(rule, rule.page.example))
    assert found(rule.code, surrounded(rule, rule.page.use_instead)) == []


def surrounded(rule: Rule, example: str) -> str:
    client = "" if "OpenAI(" in example or "Anthropic(" in example else "client = {}()\n"
    body = textwrap.indent(example.strip(), "    ")
    head = SURROUNDINGS + client.format(CLIENTS.get(rule.code, "OpenAI"))
    return f"{head}def example(messages, texts, questions):\n{body}\n"


def test_selectors_choose_by_code_beginning_name_and_group() -> None:
    """A selector chose other rules than those it names."""
    assert [rule.code for rule in rules_by_selector(["TTA101"])] == ["TTA101"]
    assert {rule.code[:4] for rule in rules_by_selector(["TTA1"])} == {"TTA1"}
    assert [rule.code for rule in rules_by_selector(["missing-timeout"])] == ["TTA101"]
    assert rules_by_selector(["ALL"]) == RULES
    assert rules_by_selector(["DEFAULT"]) == default_rules()
    assert len(rules_by_selector(["TTA101", "TTA1", "missing-timeout"])) == len(
        rules_by_selector(["TTA1"])
    )


@pytest.mark.parametrize(
    ("selector", "nearest"),
    [("TTA110", "TTA101"), ("missing-timeouts", "missing-timeout"), ("tta999", "TTA900")],
    ids=["code", "name", "lower-case"],
)
def test_unknown_selector_names_the_nearest(selector: str, nearest: str) -> None:
    """A slip in the settings switched nothing on, and nobody said so."""
    with pytest.raises(UnknownRuleError) as caught:
        rules_by_selector([selector])
    assert caught.value.selector == selector
    assert caught.value.nearest is not None
    assert caught.value.nearest[:4] == nearest[:4]


def test_selector_unlike_anything_points_to_the_list() -> None:
    """A hopeless selector was answered with a far-fetched guess."""
    with pytest.raises(UnknownRuleError, match="--list-rules"):
        rule_of("E501-or-so-it-seems")


def test_findings_carry_the_level_of_their_rule() -> None:
    """A finding of an informative rule was shown as a warning."""
    source = "from openai import OpenAI\n\ndef make():\n    return OpenAI()\n"
    assert [finding.level for finding in found("TTA102", source)] == ["info"]


PLAIN = {
    "web": """
        import requests
        def fetch(url):
            try:
                return requests.get(url).json()
            except Exception:
                return None
    """,
    "database": """
        import tenacity
        @tenacity.retry
        def connect(client):
            while True:
                try:
                    return client.create(model="thing", messages=[])
                except Exception:
                    pass
    """,
    "celery": """
        from celery import Celery
        app = Celery("tasks")
        @app.task(bind=True)
        def add(self, x, y):
            return self.client.chat(x, y)
    """,
    "threads": """
        def run(client):
            for item in client.messages.list():
                client.threads.messages.create(thread_id=item, content="x")
    """,
}


@pytest.mark.parametrize("source", PLAIN.values(), ids=PLAIN)
def test_code_without_models_has_no_findings(source: str) -> None:
    """A program that calls no model was told about models."""
    assert defaults(source) == []
