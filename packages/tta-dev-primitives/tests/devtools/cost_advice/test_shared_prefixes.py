from __future__ import annotations

import pytest

from tta_dev_primitives.devtools.traffic.request import TrafficRequest

from .traffic_here import lever, request, told, unjudged

# 8,192 characters, a whole number of blocks; with as many tokens a character is a token.
HANDBOOK = "handbook" * 1_024
SHARED = len(HANDBOOK)


def asked(number: int, *, ts: float = 0.0, begin: str = HANDBOOK, **others) -> TrafficRequest:
    """A request of 8,193 characters and tokens that begins with the handbook."""
    text = f"{begin}{number % 10}"
    tokens = (len(text), 0)
    return request(number, ts=ts, text=text, tokens=tokens, **others)


def test_prefix_is_paid_once_and_then_read() -> None:
    """The first request, which has to fill the cache, is said to be cheaper as well."""
    found = lever(told([asked(n, ts=n) for n in range(4)]), "prompt caching")
    # Three times 8,192 tokens at 0.001 instead of 0.01 dollars.
    assert found.dollars == pytest.approx(3 * SHARED * 0.009)
    assert found.confidence == "estimate"
    assert found.evidence[0].startswith("3 of 4 (75.0%) prompts of 1,024 tokens or more")
    assert "prompt_cache_key" in found.code


def test_writing_is_taken_off_once_a_life() -> None:
    """Where the provider charges for writing, the saving is told without that."""
    traffic = [asked(n, ts=n, model="claude-large") for n in range(4)]
    found = lever(told(traffic), "prompt caching")
    assert found.dollars == pytest.approx(3 * SHARED * 0.009 - SHARED * 0.0025)
    assert "cache_control" in found.code


@pytest.mark.parametrize(
    ("second", "shared"),
    [
        (asked(1, ts=300), True),
        (asked(1, ts=300.1), False),
        (asked(1, ts=1, model="small"), False),
        (asked(1, ts=1, provider="elsewhere"), False),
        (asked(1, ts=1, begin="another" + HANDBOOK[7:]), False),
        (asked(1, ts=1, tenant="b"), True),
    ],
    ids=["just-alive", "too-late", "model", "provider", "begins-otherwise", "tenant"],
)
def test_prefix_is_shared_within_its_life_at_one_model(
    second: TrafficRequest, shared: bool
) -> None:
    """A cache of another model, or one that is long empty, is counted on."""
    assert (lever(told([asked(0), second]), "prompt caching").dollars > 0) is shared


def test_use_keeps_a_prefix_alive() -> None:
    """Requests every four minutes are said to miss a cache of five."""
    found = lever(told([asked(n, ts=240 * n) for n in range(3)]), "prompt caching")
    assert found.dollars == pytest.approx(2 * SHARED * 0.009)


def test_what_is_read_already_is_not_counted_again() -> None:
    """A cache that works is advised once more."""
    traffic = [asked(n, ts=n, cached=SHARED if n else 0) for n in range(3)]
    found = lever(told(traffic), "prompt caching")
    assert found.dollars == 0
    assert f"{2 * SHARED:,} were already" in found.evidence[1]


def test_short_prompts_are_not_kept() -> None:
    """A prompt below the provider's minimum is counted as cacheable."""
    traffic = [request(n, ts=n, text="x" * 1_000, tokens=(1_000, 0)) for n in range(3)]
    assert "1,024 tokens" in unjudged(told(traffic), "prompt caching").reason


def test_shared_part_below_the_minimum_is_not_kept() -> None:
    """Long prompts with a short common beginning are said to share a cache."""
    traffic = [
        request(n, ts=n, text="x" * 1_000 + f"{n}" * 5_000, tokens=(6_000, 0)) for n in range(3)
    ]
    assert lever(told(traffic), "prompt caching").dollars == 0


def test_growing_conversation_reads_its_own_past() -> None:
    """Each turn of a conversation repeats the last one, and nothing is shared."""
    turns = [request(n, ts=n, text="a" * 4_096 * n, tokens=(4_096 * n, 0)) for n in range(1, 4)]
    found = lever(told(turns), "prompt caching")
    assert found.dollars == pytest.approx((4_096 + 8_192) * 0.009)


def test_written_conversation_pays_only_for_its_new_part() -> None:
    """A longer conversation pays again for writing what was written before."""
    turns = [
        request(n, ts=n, model="claude-large", text="a" * 4_096 * n, tokens=(4_096 * n, 0))
        for n in range(1, 4)
    ]
    found = lever(told(turns), "prompt caching")
    assert found.dollars == pytest.approx((4_096 + 8_192) * 0.009 - 8_192 * 0.0025)


def test_half_a_surrogate_pair_is_text_as_well() -> None:
    """A text that cannot be encoded stops the report."""
    traffic = [asked(n, ts=n, begin="\ud800" + HANDBOOK) for n in range(2)]
    assert lever(told(traffic), "prompt caching").dollars > 0


def test_failed_calls_fill_no_cache() -> None:
    """A request that failed is said to have left its prefix behind."""
    traffic = [asked(0, error="boom"), asked(1, ts=1)]
    assert lever(told(traffic), "prompt caching").dollars == 0


def test_no_text_cannot_be_judged() -> None:
    """Prompts that nobody recorded are said to share nothing."""
    reason = unjudged(told([request(tokens=(9_000, 1))]), "prompt caching").reason
    assert "no request has its text recorded" in reason
