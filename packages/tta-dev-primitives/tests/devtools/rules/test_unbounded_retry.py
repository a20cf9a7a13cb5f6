"""TTA103: retries without an end."""

from __future__ import annotations

import pytest

from .checking import found, sure
from .retry_sources import CALL, CLIENT, HEAD, decorated, looped

ENDLESS = {
    "break": """
while True:
    try:
        answer = CALL
        break
    except openai.APIError:
        time.sleep(1)
""",
    "return": """
while True:
    try:
        return CALL
    except Exception as error:
        print(error)
        continue
""",
    "while-one": """
while 1:
    try:
        return CALL
    except openai.RateLimitError:
        time.sleep(20)
""",
    "return-after": """
while True:
    try:
        answer = CALL
    except Exception:
        time.sleep(1)
        continue
    return answer
""",
    "else": """
while True:
    try:
        answer = CALL
    except Exception:
        time.sleep(1)
    else:
        return answer
""",
    "growing-wait": """
wait = 1
while True:
    try:
        return CALL
    except Exception:
        time.sleep(wait)
        wait *= 2
""",
    "one-of-two-calls": """
while True:
    try:
        if short:
            answer = CALL
        else:
            answer = CALL
        return answer
    except Exception:
        time.sleep(1)
""",
    "flag": """
done = False
while not done:
    try:
        answer = CALL
        done = True
    except Exception:
        time.sleep(1)
""",
    "until-there-is-an-answer": """
answer = None
while answer is None:
    try:
        answer = CALL
    except Exception:
        time.sleep(1)
""",
}
KEPT_INSIDE = """
@tenacity.retry
def ask(messages):
    try:
        return CALL
    except Exception as error:
        print(error)
        return None
"""
BOUNDED = {
    "counter": """
attempt = 0
while True:
    try:
        return CALL
    except Exception:
        attempt += 1
        if attempt > 3:
            raise
""",
    "for": """
for _ in range(3):
    try:
        return CALL
    except Exception:
        time.sleep(1)
""",
    "deadline": """
while True:
    if time.monotonic() > deadline:
        raise TimeoutError
    try:
        return CALL
    except Exception:
        time.sleep(1)
""",
    "while-attempts": """
attempts = 0
while attempts < 4:
    try:
        return CALL
    except Exception:
        attempts += 1
""",
    "conversation": """
while True:
    messages.append(input())
    try:
        print(CALL)
    except Exception as error:
        print(error)
""",
    "worker": """
while True:
    job = jobs.take()
    try:
        CALL
    except Exception as error:
        log.error(error)
""",
    "agent": """
while True:
    try:
        answer = CALL
        if not answer.tool_calls:
            return answer
    except Exception:
        time.sleep(1)
""",
    "refuses-an-answer": """
while True:
    try:
        answer = CALL
        if not answer:
            raise ValueError
        return answer
    except Exception:
        time.sleep(1)
""",
    "error-leaves": """
while True:
    try:
        return CALL
    except Exception:
        return None
""",
    "shortens-the-prompt": """
while True:
    try:
        return CALL
    except openai.BadRequestError:
        messages.pop(0)
""",
    "gives-up-elsewhere": """
while True:
    try:
        return CALL
    except Exception:
        give_up_after_a_while()
""",
    "flag-set-on-error": """
done = False
while not done:
    try:
        answer = CALL
        done = True
    except Exception:
        answer = None
        done = True
""",
    "falls-through": """
while True:
    try:
        answer = CALL
    except Exception:
        answer = None
    break
""",
}
ENDLESS_DECORATORS = {
    "tenacity-bare": "@tenacity.retry",
    "tenacity-called": "@tenacity.retry()",
    "tenacity-wait-only": "@tenacity.retry(wait=tenacity.wait_fixed(1))",
    "tenacity-stop-never": "@tenacity.retry(stop=tenacity.stop_never)",
    "tenacity-one-error": "@tenacity.retry(retry=tenacity.retry_if_exception_type(OSError))",
    "backoff": "@backoff.on_exception(backoff.expo, openai.RateLimitError)",
    "backoff-none": "@backoff.on_exception(backoff.expo, Exception, max_tries=None)",
    "retrying": "@retry(wait_fixed=200)",
    "retry-package": "@again(delay=1)",
}
BOUNDED_DECORATORS = {
    "tenacity-attempts": "@tenacity.retry(stop=tenacity.stop_after_attempt(3))",
    "tenacity-delay": "@tenacity.retry(stop=tenacity.stop_after_delay(30))",
    "tenacity-either": (
        "@tenacity.retry(stop=tenacity.stop_after_attempt(3) | tenacity.stop_after_delay(9))"
    ),
    "tenacity-unknown": "@tenacity.retry(**policy)",
    "tenacity-positional": "@tenacity.retry(time.sleep, stopper)",
    "backoff-tries": "@backoff.on_exception(backoff.expo, Exception, max_tries=5)",
    "backoff-time": "@backoff.on_exception(backoff.expo, Exception, max_time=60)",
    "backoff-variable": "@backoff.on_exception(backoff.expo, Exception, max_tries=tries)",
    "backoff-giveup": "@backoff.on_exception(backoff.expo, Exception, giveup=hopeless)",
    "retrying": "@retry(stop_max_attempt_number=3)",
    "retry-package": "@again(tries=3)",
    "stamina": "@stamina.retry(on=Exception)",
    "another-retry": "@own.retry",
}


@pytest.mark.parametrize("body", ENDLESS.values(), ids=ENDLESS)
def test_endless_loop_is_reported(body: str) -> None:
    """A loop that never gives up went unnoticed."""
    assert [finding.code for finding in sure("TTA103", looped(body))] == ["TTA103"]


@pytest.mark.parametrize("body", BOUNDED.values(), ids=BOUNDED)
def test_loop_that_may_end_is_left_alone(body: str) -> None:
    """A loop with an end of its own, or no retry at all, was reported."""
    assert found("TTA103", looped(body)) == []


@pytest.mark.parametrize("decorator", ENDLESS_DECORATORS.values(), ids=ENDLESS_DECORATORS)
def test_endless_decorator_is_reported(decorator: str) -> None:
    """A decorator that retries for ever went unnoticed."""
    assert len(sure("TTA103", decorated(decorator))) == 1


@pytest.mark.parametrize("decorator", BOUNDED_DECORATORS.values(), ids=BOUNDED_DECORATORS)
def test_bounded_or_unknown_decorator_is_left_alone(decorator: str) -> None:
    """A decorator with a limit, or that cannot be read, was reported."""
    assert found("TTA103", decorated(decorator)) == []


def test_endless_decorator_of_a_function_without_a_model_is_left_alone() -> None:
    """A retry around a database was reported."""
    source = "import tenacity\n@tenacity.retry\ndef connect():\n    return database.connect()\n"
    assert found("TTA103", source) == []


@pytest.mark.parametrize("code", ["TTA103", "TTA104"])
def test_retry_that_never_sees_the_error_is_left_alone(code: str) -> None:
    """A retry was reported though a handler inside keeps every error from it."""
    assert found(code, HEAD + CLIENT + KEPT_INSIDE.replace("CALL", CALL)) == []


def test_endless_retrying_object_is_reported() -> None:
    """`for attempt in Retrying()` was not seen as a retry."""
    body = """
for attempt in tenacity.Retrying(wait=tenacity.wait_fixed(1)):
    with attempt:
        return CALL
"""
    assert len(sure("TTA103", looped(body))) == 1
