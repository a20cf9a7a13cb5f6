"""What holds for any Python there is; the standard library stands for it."""

from __future__ import annotations

import ast
import os
import random
import sysconfig
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tta_dev_primitives.devtools.findings.text_format import render_text
from tta_dev_primitives.devtools.lint.runner import Result, lint
from tta_dev_primitives.devtools.lint.settings import Settings
from tta_dev_primitives.devtools.rules.all_rules import RULES

from .projects_here import APP, session, write

EVERYTHING = Settings(select=("ALL",), min_confidence="low")
LONG = os.environ.get("TTA_LONG") == "1"
FILES = 2000 if LONG else 80


def corpus() -> Iterator[Path]:
    """Files of the standard library, its tests and their odd grammar among them."""
    library = Path(sysconfig.get_path("stdlib"))
    files = [path for path in library.rglob("*.py") if "site-packages" not in path.parts]
    return iter(random.Random(2).sample(sorted(files), min(FILES, len(files))))


def failures(result: Result) -> list[str]:
    return [
        f"{each.finding.path}: {each.finding.message}"
        for each in result.findings
        if each.finding.code == "TTA000" and "failed on this file" in each.finding.message
    ]


def test_any_python_is_checked_by_every_rule() -> None:
    """A rule met a syntax it did not know, and the run ended."""
    result = lint([str(path) for path in corpus()], EVERYTHING)
    assert failures(result) == []
    assert render_text(result.report(EVERYTHING))


def test_code_that_calls_no_model_is_clean() -> None:
    """The first run over an ordinary code base drowned its users."""
    result = lint([str(path) for path in corpus()], Settings())
    told = [each for each in result.findings if each.finding.code != "TTA000"]
    assert [f"{each.finding.path}:{each.finding.position.line}" for each in told] == []


PIECES = (
    "import openai\n",
    "from openai import OpenAI, AsyncOpenAI\n",
    "from anthropic import Anthropic as A\n",
    "from tta_dev_primitives import CachePrimitive, RetryPrimitive, TimeoutPrimitive\n",
    "client = OpenAI()\n",
    "client = openai.OpenAI(timeout=3, max_retries=0)\n",
    "other = A(api_key='sk-ant-api03-abcdefghijklmnop')\n",
    "client.chat.completions.create(model='m', messages=[])\n",
    "x = client.chat.completions.create(model='m', messages=[], **given)\n",
    "for x in xs:\n    other.messages.create(model='m', max_tokens=1, messages=x)\n",
    "async def f(x):\n    return client.responses.create(model='m', input=x)\n",
    "while True:\n    try:\n        client.embeddings.create(input=x)\n    except OSError: pass\n",
    "class C:\n    c = OpenAI()\n    def ask(self, x): self.c.responses.create(input=x)\n",
    "step = RetryPrimitive(CachePrimitive(lambda x: client.responses.create(input=x)))\n",
    "with client.messages.stream(model='m') as s:\n    for e in s: print(e)\n",
    "é = OpenAI(\n    api_key=key,\n)\n",
)
programs = st.lists(st.sampled_from(PIECES), min_size=1, max_size=8).map("".join)
few = settings(
    max_examples=300 if LONG else 25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@few
@given(programs)
def test_no_program_makes_a_rule_fail(folder: Path, program: str) -> None:
    write(folder, app=program)
    assert failures(session(**EVERY).run()) == []


EVERY: dict[str, Any] = {"select": ("ALL",), "min_confidence": "low"}


@few
@given(programs)
def test_fixed_program_is_fixed_once_and_for_all(folder: Path, program: str) -> None:
    """Each run of --fix changed the file again."""
    write(folder, app=program)
    linter = session(**EVERY)
    fixes, _ = linter.fix(unsafe=True)
    assert fixes.notes == []
    texts = fixes.texts()
    again, result = replace_texts(linter, texts).fix(unsafe=True)
    assert again.changed == []
    assert failures(result) == []
    assert not [each for each in result.findings if "syntax" in each.finding.message]


def replace_texts(linter, texts):
    linter.texts.update(texts)
    return linter


@few
@given(programs)
def test_comments_for_every_finding_leave_none(folder: Path, program: str) -> None:
    """A finding could not be silenced where it stood."""
    write(folder, app=program)
    linter = session(**EVERY, ignore=("TTA900",))
    lines = program.split("\n")
    for line, code in sorted(
        {(each.finding.position.line, each.finding.code) for each in linter.run().findings},
        reverse=True,
    ):
        lines[line - 1] += f"  # tta: ignore[{code}]"
    result = linter.run({"app.py": "\n".join(lines)})
    assert [(each.finding.code, each.finding.position.line) for each in result.findings] == []


def test_every_rule_has_a_page_that_is_whole() -> None:
    for rule in RULES:
        page = rule.markdown()
        assert page.startswith(f"# {rule.code}: {rule.name}\n")
        assert all(getattr(rule.page, name) for name in ("what", "why", "cost", "assumptions"))
        assert replace(rule, code="TTA999") != rule


@pytest.mark.parametrize("rule", [rule.code for rule in RULES if rule.code >= "TTA100"])
def test_example_of_a_page_parses(rule: str) -> None:
    (found,) = (each for each in RULES if each.code == rule)
    for example in (found.page.example, found.page.use_instead):
        ast.parse(example)


def test_findings_of_an_app_survive_a_trip_through_json(folder: Path) -> None:
    from tta_dev_primitives.devtools.lint.outcome import Outcome

    write(folder, app=APP)
    findings = list(session().run().findings)
    outcome = Outcome(findings, 1, 2, [{"x": 1}], [])
    assert Outcome.from_json(outcome.to_json(), "app.py") == outcome
