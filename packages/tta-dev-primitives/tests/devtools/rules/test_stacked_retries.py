"""TTA104: retries of retries."""

from __future__ import annotations

import pytest

from .checking import found, sure
from .retry_sources import CALL, CLIENT, HEAD, decorated, looped

THREE = "@tenacity.retry(stop=tenacity.stop_after_attempt(3))"


def wrapped(tail: str, client: str = "AsyncOpenAI(timeout=30)") -> str:
    return (
        "from openai import AsyncOpenAI\nfrom tta_dev_primitives import RetryPrimitive, resilient\n"
        f"client = {client}\nasync def ask(messages):\n    return await {CALL}\n{tail}\n"
    )


STACKED = {
    "default": decorated(THREE),
    "explicit": decorated(THREE, "client = OpenAI(timeout=3, max_retries=4)"),
    "rate-limits": decorated(
        "@tenacity.retry(retry=tenacity.retry_if_exception_type(openai.RateLimitError))"
    ),
    "all-but-one-error": decorated(
        "@tenacity.retry(retry=tenacity.retry_if_not_exception_type(ValueError))"
    ),
    "backoff": decorated("@backoff.on_exception(backoff.expo, openai.APIError, max_tries=3)"),
    "backoff-several": decorated(
        "@backoff.on_exception(backoff.expo, (openai.APIError, ValueError), max_tries=3)"
    ),
    "stamina": decorated("@stamina.retry(on=openai.APIConnectionError)"),
    "retrying": decorated("@retry(stop_max_attempt_number=3)"),
    "object": looped(
        "for attempt in tenacity.Retrying():\n    with attempt:\n        return CALL\n"
    ),
    "retry-primitive": wrapped("step = RetryPrimitive(ask)"),
    "resilient": wrapped("step = resilient(ask)"),
}
SINGLE = {
    "turned-off": decorated(THREE, "client = OpenAI(timeout=3, max_retries=0)"),
    "not-constant": decorated(THREE, "client = OpenAI(timeout=3, max_retries=retries)"),
    "hidden": decorated(THREE, "client = OpenAI(**settings)"),
    "elsewhere": decorated(THREE, "from other import client"),
    "one-of-two": decorated(THREE, "client = OpenAI() if often else OpenAI(max_retries=0)"),
    "assigned-twice": decorated(THREE, "client = OpenAI()\nclient = OpenAI(max_retries=0)"),
    "other-errors": decorated(
        "@tenacity.retry(retry=tenacity.retry_if_exception_type(ValueError))"
    ),
    "all-but-rate-limits": decorated(
        "@tenacity.retry(retry=tenacity.retry_if_not_exception_type(openai.RateLimitError))"
    ),
    "by-result": decorated("@tenacity.retry(retry=tenacity.retry_if_result(is_empty))"),
    "backoff-other-errors": decorated(
        "@backoff.on_exception(backoff.expo, json.JSONDecodeError, max_tries=3)"
    ),
    "backoff-giveup": decorated(
        "@backoff.on_exception(backoff.expo, Exception, max_tries=3, giveup=by_status)"
    ),
    "no-retry": decorated("@staticmethod"),
    "on-the-call": HEAD
    + CLIENT
    + THREE
    + "\ndef ask(messages):\n    return client.with_options(max_retries=0).chat.completions.create("
    "model='gpt-5', messages=messages)\n",
    "with-options-kept": HEAD
    + CLIENT
    + "quick = client.with_options(max_retries=0)\n"
    + THREE
    + "\ndef ask(messages):\n    return quick.chat.completions.create(model='m', messages=[])\n",
    "retry-primitive-alone": wrapped(
        "step = RetryPrimitive(ask)", "AsyncOpenAI(timeout=30, max_retries=0)"
    ),
    "retry-primitive-for-other-errors": wrapped("step = RetryPrimitive(ask, retry_on=is_empty)"),
    "not-wrapped": wrapped("step = ask"),
    "also-called-directly": wrapped(
        "step = RetryPrimitive(ask)\nasync def plain(m):\n    return await ask(m)"
    ),
}


@pytest.mark.parametrize("source", STACKED.values(), ids=STACKED)
def test_retries_of_retries_are_reported(source: str) -> None:
    """Attempts multiplied unnoticed."""
    assert [finding.code for finding in sure("TTA104", source)] == ["TTA104"]


@pytest.mark.parametrize("source", SINGLE.values(), ids=SINGLE)
def test_one_layer_of_retries_is_left_alone(source: str) -> None:
    """A single layer of retries, or one that cannot be read, was reported."""
    assert found("TTA104", source) == []


def test_message_multiplies() -> None:
    """The message did not say how many requests one question makes."""
    (finding,) = sure("TTA104", decorated(THREE))
    assert finding.message.endswith("3 x 3 = 9 requests for one call")
    assert finding.fix is not None
    assert not finding.fix.is_safe
