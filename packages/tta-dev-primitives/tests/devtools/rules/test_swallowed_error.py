"""TTA105: errors that nobody hears about."""

from __future__ import annotations

from textwrap import indent

import pytest

from .checking import found, sure

HEAD = """
import contextlib, logging, openai
from openai import OpenAI
client = OpenAI(timeout=30)
def ask(messages, items):
"""
CALL = 'client.chat.completions.create(model="gpt-5-mini", messages=messages)'


def function(body: str) -> str:
    return HEAD + indent(body.replace("CALL", CALL), "    ") + "\n"


DROPPED = {
    "pass": "try:\n    CALL\nexcept Exception:\n    pass\n",
    "bare": "try:\n    CALL\nexcept:\n    pass\n",
    "none": "try:\n    return CALL\nexcept Exception:\n    return None\n",
    "nothing": "try:\n    return CALL\nexcept openai.APIError:\n    return\n",
    "empty-text": "try:\n    return CALL\nexcept openai.RateLimitError:\n    return ''\n",
    "empty-list": "try:\n    return CALL\nexcept (OSError, openai.OpenAIError):\n    return []\n",
    "skips-an-item": (
        "for item in items:\n    try:\n        CALL\n    except Exception:\n        continue\n"
    ),
    "suppress": "with contextlib.suppress(Exception):\n    CALL\n",
    "after-another-error": (
        "try:\n    return CALL\nexcept ValueError:\n    raise\nexcept Exception:\n    return None\n"
    ),
    "inside-a-finally": (
        "try:\n    try:\n        CALL\n    finally:\n        print()\nexcept Exception:\n    pass\n"
    ),
}
HEARD = {
    "raises": "try:\n    CALL\nexcept Exception:\n    raise\n",
    "logs": "try:\n    CALL\nexcept Exception:\n    logging.exception('no answer')\n",
    "prints": "try:\n    return CALL\nexcept Exception as e:\n    print(e)\n    return None\n",
    "own-answer": "try:\n    return CALL\nexcept Exception:\n    return DEFAULT\n",
    "tells-by-false": "try:\n    CALL\n    return True\nexcept Exception:\n    return False\n",
    "other-error": "try:\n    CALL\nexcept ValueError:\n    pass\n",
    "rate-limit-handled": (
        "try:\n    return CALL\nexcept openai.RateLimitError:\n    raise\n"
        "except Exception:\n    return None\n"
    ),
    "attempts": (
        "for _ in range(3):\n    try:\n        return CALL\n    except Exception:\n"
        "        continue\nraise RuntimeError\n"
    ),
    "another-way-follows": "try:\n    return CALL\nexcept Exception:\n    pass\nreturn rules()\n",
    "call-in-the-handler": "try:\n    load()\nexcept Exception:\n    return CALL\n",
    "call-in-the-else": "try:\n    load()\nexcept Exception:\n    pass\nelse:\n    CALL\n",
    "counts": "try:\n    CALL\nexcept Exception:\n    failures.append(1)\n",
    "suppress-other": "with contextlib.suppress(KeyError):\n    CALL\n",
    "around-the-definition": (
        "try:\n    def later():\n        return CALL\nexcept Exception:\n    pass\n"
    ),
}


@pytest.mark.parametrize("body", DROPPED.values(), ids=DROPPED)
def test_dropped_error_is_reported(body: str) -> None:
    """A rate limit vanished without a trace, and nobody was told."""
    assert [finding.code for finding in sure("TTA105", function(body))] == ["TTA105"]


@pytest.mark.parametrize("body", HEARD.values(), ids=HEARD)
def test_handled_error_is_left_alone(body: str) -> None:
    """A handler that does something about the error was reported."""
    assert found("TTA105", function(body)) == []


def test_handler_with_a_comment_is_less_sure() -> None:
    """A handler that says why it is silent was reported as if by mistake."""
    body = "try:\n    CALL\nexcept Exception:\n    pass  # a title is nice to have\n"
    (finding,) = found("TTA105", function(body))
    assert finding.confidence == "medium"


def test_handler_is_named() -> None:
    """The message did not say which handler drops the error."""
    body = "try:\n    CALL\nexcept (openai.APIError, OSError):\n    pass\n"
    (finding,) = sure("TTA105", function(body))
    assert finding.message.startswith("except (openai.APIError, OSError) drops every error")
