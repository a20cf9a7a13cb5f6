"""TTA203 and TTA204: prompts that no provider can keep."""

from __future__ import annotations

import pytest

from .checking import fixed, found, sure

LONG = f"HANDBOOK = {'Answer kindly and in full sentences. ' * 200!r}\n"
HEAD = (
    "import random, time, uuid\nimport datetime as dt\nfrom datetime import date, datetime\n"
    "from openai import OpenAI\nclient = OpenAI(timeout=30)\n" + LONG
)


def ask(system: str, before: str = "") -> str:
    return (
        f"{HEAD}def ask(turns):\n    {before or 'pass'}\n"
        "    return client.chat.completions.create(model='gpt-5-mini', max_tokens=9,\n"
        f"        messages=[{{'role': 'system', 'content': {system}}}, *turns])\n"
    )


def anthropic(system: str) -> str:
    return (
        f"{HEAD}import anthropic\nother = anthropic.Anthropic(timeout=3)\ndef ask(turns):\n"
        "    return other.messages.create(model='claude-sonnet-4-5', max_tokens=9,\n"
        f"        system={system}, messages=turns)\n"
    )


DRIFTING = {
    "now": ask('f"It is {datetime.now()}. {HANDBOOK}"'),
    "module-alias": ask('f"It is {dt.datetime.now().isoformat()}. {HANDBOOK}"'),
    "sum": ask('"It is " + str(time.time()) + HANDBOOK'),
    "uuid": ask('f"Session {uuid.uuid4()}\\n{HANDBOOK}"'),
    "random": ask('f"Seed {random.random()}\\n{HANDBOOK}"'),
    "set": ask("f\"Tools: {', '.join({first, second})} {HANDBOOK}\""),
    "through-a-name": ask('f"It is {now}. {HANDBOOK}"', "now = datetime.now()"),
    "prompt-through-a-name": ask("system", 'system = f"It is {datetime.now()}. {HANDBOOK}"'),
    "strftime": ask("f\"It is {datetime.now().strftime('%Y-%m-%d %H:%M')}. {HANDBOOK}\""),
    "format-spec": ask('f"It is {datetime.now():%H:%M}. {HANDBOOK}"'),
    "anthropic": anthropic('f"It is {datetime.now()}. {HANDBOOK}"'),
    "anthropic-blocks": anthropic('[{"type": "text", "text": f"{datetime.now()}{HANDBOOK}"}]'),
    "developer": ask('f"It is {datetime.now()}. {HANDBOOK}"').replace("'system'", "'developer'"),
}
STEADY = {
    "last": ask('f"{HANDBOOK} It is {datetime.now()}."'),
    "short": ask('f"It is {datetime.now()}. You are kind."'),
    "date-only": ask('f"It is {date.today()}. {HANDBOOK}"'),
    "date-of-now": ask('f"It is {datetime.now().date()}. {HANDBOOK}"'),
    "year": ask('f"It is {datetime.now().year}. {HANDBOOK}"'),
    "strftime-date": ask("f\"It is {datetime.now().strftime('%d %B %Y')}. {HANDBOOK}\""),
    "format-spec-date": ask('f"It is {datetime.now():%Y-%m-%d}. {HANDBOOK}"'),
    "user-message": ask('f"It is {datetime.now()}. {HANDBOOK}"').replace("'system'", "'user'"),
    "constant-in-front": ask('f"{HANDBOOK}{HANDBOOK}"'),
    "parameter-in-front": ask('f"You help {customer}. {HANDBOOK}"'),
    "sorted": ask("f\"Tools: {', '.join(sorted({first, second}))} {HANDBOOK}\""),
    "two-assignments": ask('f"It is {now}. {HANDBOOK}"', "now = datetime.now(); now = 'noon'"),
    "own-now": ask('f"It is {now()}. {HANDBOOK}"'),
}


@pytest.mark.parametrize("source", DRIFTING.values(), ids=DRIFTING)
def test_prompt_that_begins_differently_is_reported(source: str) -> None:
    """A long prompt that no cache can keep went unnoticed."""
    assert [finding.code for finding in sure("TTA203", source)] == ["TTA203"]


@pytest.mark.parametrize("source", STEADY.values(), ids=STEADY)
def test_steady_or_short_prompt_is_left_alone(source: str) -> None:
    """A prompt that is kept, or too short to be, was reported."""
    assert found("TTA203", source) == []


def test_unknown_text_behind_makes_the_rule_unsure() -> None:
    """A prompt whose length nobody knows was reported as surely long."""
    (finding,) = found("TTA203", ask('f"It is {datetime.now()}. {documents}"'))
    assert finding.confidence == "medium"


CLAUDE = (
    "import anthropic\nclient = anthropic.Anthropic(timeout=30)\n"
    f"HANDBOOK = {'Answer kindly and in full sentences. ' * 700!r}\n"
    f"SHORT = {'Answer kindly and in full sentences. ' * 50!r}\n"
    f"MIDDLE = {'Answer kindly and in full sentences. ' * 200!r}\n"
)


def claude(system: str, *, model: str = "'claude-sonnet-4-5'", more: str = "") -> str:
    return (
        f"{CLAUDE}for turn in turns:\n    client.messages.create(model={model}, max_tokens=9,\n"
        f"        system={system}, messages=[turn]{more})\n"
    )


PAID_AGAIN = {
    "constant": claude("HANDBOOK"),
    "unknown-model": claude("HANDBOOK", model="chosen"),
    "middle-for-sonnet": claude("MIDDLE"),
    "opus-4-1": claude("MIDDLE", model="'claude-opus-4-1'"),
    "haiku-3-5": claude("HANDBOOK", model="'claude-3-5-haiku-latest'"),
    "opus-4-5": claude("HANDBOOK", model="'claude-opus-4-5'"),
    "in-a-method": CLAUDE + "class Bot:\n    def all(self, turns):\n        for turn in turns:\n"
    "            client.messages.create(model='claude-sonnet-4-5', max_tokens=9,\n"
    "                system=HANDBOOK, messages=[turn])\n",
    "sum": claude("MIDDLE + MIDDLE"),
}
NOT_KEPT_ANYWAY = {
    "short": claude("SHORT"),
    "middle-for-opus-4-5": claude("MIDDLE", model="'claude-opus-4-5'"),
    "middle-for-haiku": claude("MIDDLE", model="'claude-3-haiku-20240307'"),
    "middle-for-an-unknown-model": claude("MIDDLE", model="chosen"),
    "asked-for": claude("HANDBOOK", more=", cache_control={'type': 'ephemeral'}"),
    "asked-for-in-the-block": claude(
        "[{'type': 'text', 'text': HANDBOOK, 'cache_control': {'type': 'ephemeral'}}]"
    ),
    "not-known": claude("open('handbook').read()"),
    "hidden": claude("HANDBOOK", more=", **options"),
    "no-system": claude("HANDBOOK").replace("system=HANDBOOK, ", ""),
    "openai": HEAD + "for turn in turns:\n    client.responses.create(\n"
    "        model='gpt-5', instructions=HANDBOOK, input=turn)\n",
    "run-once": CLAUDE + "client.messages.create(model='claude-sonnet-4-5', max_tokens=9,\n"
    "    system=HANDBOOK, messages=[])\n",
}


@pytest.mark.parametrize("source", PAID_AGAIN.values(), ids=PAID_AGAIN)
def test_long_prompt_that_is_not_kept_is_reported(source: str) -> None:
    """A long prompt was paid for in full on every turn."""
    assert [finding.code for finding in sure("TTA204", source)] == ["TTA204"]


@pytest.mark.parametrize("source", NOT_KEPT_ANYWAY.values(), ids=NOT_KEPT_ANYWAY)
def test_prompt_that_is_kept_or_cannot_be_is_left_alone(source: str) -> None:
    """A prompt too short to be kept, or kept already, was reported."""
    assert found("TTA204", source) == []


def test_fix_asks_for_the_prompt_to_be_kept() -> None:
    """The fix changed what the model is told, or was applied without asking."""
    source = claude("HANDBOOK")
    (finding,) = sure("TTA204", source)
    assert finding.fix is not None
    assert not finding.fix.is_safe
    after = fixed(source, finding.fix)
    block = '{"type": "text", "text": HANDBOOK, "cache_control": {"type": "ephemeral"}}'
    assert f"system=[{block}]" in after
    assert found("TTA204", after) == []


def test_outside_a_loop_the_rule_is_unsure() -> None:
    """A function that may run once a day was reported as if it ran all the time."""
    source = CLAUDE + (
        "def ask(turn):\n    return client.messages.create(model='claude-sonnet-4-5',\n"
        "        max_tokens=9, system=HANDBOOK, messages=[turn])\n"
    )
    (finding,) = found("TTA204", source)
    assert finding.confidence == "medium"
