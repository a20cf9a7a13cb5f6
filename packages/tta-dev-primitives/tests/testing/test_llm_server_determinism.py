"""The same seed gives the same run, in any order and at any concurrency."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from tta_dev_primitives.testing.llm_server import FaultRates, LLMServer, ServedModel
from tta_dev_primitives.testing.llm_server.draws import Draws, body_digest
from tta_dev_primitives.testing.llm_server.outcomes import BodyHistory

RATES = FaultRates(rate_limited=0.1, server_error=0.1, overloaded=0.1, dropped_connection=0.1)
MODEL = ServedModel("m", latency_seconds=0.4, latency_spread=0.5)


async def no_wait(_: float) -> None:
    await asyncio.sleep(0)


async def run(seed: int, questions: list[str], concurrency: int) -> dict[str, Any]:
    """Ask every question; give text, id and record by question."""
    gate = asyncio.Semaphore(concurrency)
    outcomes: dict[str, Any] = {}

    async with (
        LLMServer([MODEL], seed=seed, faults=RATES, sleep=no_wait) as server,
        AsyncOpenAI(base_url=server.openai_base_url, api_key="k", max_retries=0) as client,
    ):

        async def ask(question: str) -> None:
            async with gate:
                try:
                    answer = await client.chat.completions.create(
                        model="m", messages=[{"role": "user", "content": question}]
                    )
                    outcomes[question] = (answer.id, answer.choices[0].message.content)
                except openai.APIError as error:
                    outcomes[question] = type(error).__name__

        await asyncio.gather(*map(ask, questions))
        for seen in server.requests:
            assert seen.body is not None
            question = seen.body["messages"][0]["content"]
            outcomes[question] = (outcomes[question], seen.fault, seen.latency_seconds)
    return outcomes


async def test_neither_order_nor_concurrency_changes_a_run() -> None:
    """Text, ids, faults and latencies depend on the request alone."""
    questions = [f"question {number}" for number in range(40)]
    one_by_one = await run(3, questions, 1)
    at_once = await run(3, questions[::-1], 16)
    assert at_once == one_by_one
    answered = [answer for answer, _, _ in one_by_one.values() if isinstance(answer, tuple)]
    assert len(set(answered)) == len(answered) > 20
    kinds = {type(fault).__name__ for _, fault, _ in one_by_one.values()}
    assert len(kinds) >= 4


async def test_another_seed_gives_another_run() -> None:
    """The seed is not decoration."""
    questions = [f"question {number}" for number in range(10)]
    first, second = await run(1, questions, 4), await run(2, questions, 4)
    assert all(first[question] != second[question] for question in questions)


async def test_repeats_of_a_body_draw_anew_but_the_same_in_every_run() -> None:
    """A retry has its own luck, and that luck is reproducible."""

    async def texts() -> list[str | None]:
        async with (
            LLMServer(seed=5) as server,
            AsyncOpenAI(base_url=server.openai_base_url, api_key="k", max_retries=0) as client,
        ):
            found: list[str | None] = []
            for _ in range(3):
                answer = await client.chat.completions.create(
                    model="m", messages=[{"role": "user", "content": "same"}]
                )
                found.append(answer.choices[0].message.content)
            return found

    first = await texts()
    assert len(set(first)) == 3
    assert await texts() == first


def test_body_digest_ignores_the_order_of_keys_and_nothing_else() -> None:
    """Two spellings of one document are one body; another path or value is another."""
    digest = body_digest("/v1/a", {"x": 1, "y": {"b": 2, "a": 3}})
    assert digest == body_digest("/v1/a", {"y": {"a": 3, "b": 2}, "x": 1})
    assert digest != body_digest("/v1/b", {"x": 1, "y": {"b": 2, "a": 3}})
    assert digest != body_digest("/v1/a", {"x": 1, "y": {"b": 2, "a": 4}})


def test_history_forgets_the_oldest_bodies() -> None:
    """Memory is bounded, and a body that was forgotten is new again."""
    history = BodyHistory(2)
    digests = [number.to_bytes(4) for number in range(100_001)]
    assert {history.attempt(digest) for digest in digests} == {0}
    assert history.attempt(digests[1]) == 1
    assert history.attempt(digests[0]) == 0


def test_drawn_faults_come_at_their_rates() -> None:
    """Over many requests each kind is about as frequent as it was set to be."""
    rates = FaultRates(rate_limited=0.2, hang=0.1, slow_chunks=0.3)
    counted = Counter(
        type(rates.draw(Draws(0, body_digest("/", {"n": number}), 0))).__name__
        for number in range(4000)
    )
    assert counted["RateLimited"] == pytest.approx(800, rel=0.1)
    assert counted["Hang"] == pytest.approx(400, rel=0.15)
    assert counted["SlowChunks"] == pytest.approx(1200, rel=0.1)
    assert set(counted) == {"RateLimited", "Hang", "SlowChunks", "NoneType"}


def test_drawn_numbers_are_spread_as_promised() -> None:
    """Fractions are uniform, normals have mean 0 and deviation 1."""
    draws = [Draws(9, body_digest("/", {"n": number}), 0) for number in range(4000)]
    fractions = [draw.fraction("x") for draw in draws]
    normals = [draw.normal("x") for draw in draws]
    assert all(0 <= fraction < 1 for fraction in fractions)
    assert sum(fractions) / 4000 == pytest.approx(0.5, abs=0.02)
    assert sum(normals) / 4000 == pytest.approx(0, abs=0.06)
    assert sum(normal * normal for normal in normals) / 4000 == pytest.approx(1, abs=0.08)
