"""What a request log may say, and what it is told when it says something else."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tta_dev_primitives.devtools.traffic import request_log
from tta_dev_primitives.devtools.traffic.errors import TrafficError
from tta_dev_primitives.devtools.traffic.opening import open_traffic
from tta_dev_primitives.devtools.traffic.request import Answer, TokenUsage, TrafficRequest
from tta_dev_primitives.devtools.traffic.request_key import key_of

from .logs_here import ROW, ids, read, read_rows, row, write_log

SAID = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Why?"}]


def test_every_key_reaches_the_request(tmp_path: Path) -> None:
    """A cost or a tenant that stood in the log was lost on the way."""
    full = row(
        ts="2026-11-23T15:45:00.25+01:00",
        provider="openai",
        tenant="acme",
        conversation=7,
        messages=SAID,
        params={"temperature": 0},
        usage={"input": 10, "output": 5, "cached": 4, "cache_written": 2},
        scores={"small-model": 1},
        answers={"big-model": {"score": 0.5, "usage": {"input": 11, "output": 50}}},
        latency=0.25,
        error="timeout",
        cost=0.002,
        currency="USD",
        place="desk/ask",
    )
    assert read_rows(tmp_path, full) == [
        TrafficRequest(
            id="r-1",
            ts=1795445100.25,
            model="small-model",
            usage=TokenUsage(10, 5, 4, 2),
            provider="openai",
            tenant="acme",
            conversation="7",
            key=key_of(SAID, {"temperature": 0}),
            text="Be short.\nWhy?",
            answers={
                "small-model": Answer(1.0),
                "big-model": Answer(0.5, TokenUsage(11, 50)),
            },
            error="timeout",
            latency=0.25,
            cost=0.002,
            place="desk/ask",
        )
    ]


def test_what_may_be_left_out_may_be(tmp_path: Path) -> None:
    """A log with id, time, model and tokens only was refused."""
    assert read_rows(tmp_path, ROW) == [
        TrafficRequest("r-1", 1_764_000_000.0, "small-model", TokenUsage(10, 5))
    ]


def test_null_is_the_same_as_nothing(tmp_path: Path) -> None:
    """Apps write null for what they do not know, and one of them was refused for it."""
    names = (
        *("provider", "tenant", "conversation", "messages", "prompt", "prompt_hash", "params"),
        *("scores", "answers", "latency", "error", "cost", "currency", "place"),
    )
    assert read_rows(tmp_path, row(**dict.fromkeys(names))) == read_rows(tmp_path, ROW)


def test_empty_names_are_no_names(tmp_path: Path) -> None:
    """All requests without a conversation were taken for one conversation named ""."""
    names = ("provider", "conversation", "error", "place")
    assert read_rows(tmp_path, row(**dict.fromkeys(names, ""))) == read_rows(tmp_path, ROW)


def test_failed_request_needs_no_tokens(tmp_path: Path) -> None:
    """A call that timed out has no usage, and it kept the log from being read."""
    (request,) = read_rows(tmp_path, row(usage=..., error="timeout"))
    assert (request.usage, request.error) == (TokenUsage(), "timeout")


def test_prompt_is_one_message_of_the_user(tmp_path: Path) -> None:
    """The same question was no repeat where one line had it as a prompt."""
    said = [{"role": "user", "content": "Why?"}]
    one, other = read_rows(tmp_path, row(prompt="Why?"), row(id=2, messages=said))
    assert (one.key, one.text) == (other.key, other.text)


def test_hash_stands_for_a_prompt_that_may_not_be_kept(tmp_path: Path) -> None:
    """Repeats could not be told without keeping what customers had asked."""
    first, again, other = read_rows(
        tmp_path,
        row(prompt_hash="5f3a"),
        row(id="r-2", prompt_hash="5f3a"),
        row(id="r-3", prompt_hash="5f3b"),
    )
    assert first.key == again.key is not None
    assert other.key not in (None, first.key)
    assert first.text == ""


@pytest.mark.parametrize(
    ("messages", "params", "text"),
    [
        ([{"role": "user", "content": [{"type": "text", "text": "Hi"}]}], {}, "Hi"),
        ([{"role": "user", "content": "Hi"}], {"system": "Be kind."}, "Be kind.\nHi"),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}],
            {"instructions": "Look."},
            "Look.",
        ),
        ([{"role": "assistant", "content": None}, {"role": "user", "content": "So?"}], {}, "So?"),
        (
            [{"content": [{"type": "tool_result", "content": [{"type": "text", "text": "9"}]}]}],
            {},
            "9",
        ),
    ],
    ids=["parts", "anthropic-system", "picture", "no-content", "tool-result"],
)
def test_text_is_what_was_said_in_order(
    tmp_path: Path, messages: Any, params: Any, text: str
) -> None:
    """A router that reads text saw nothing of a message in parts."""
    (request,) = read_rows(tmp_path, row(messages=messages, params=params))
    assert request.text == text


@pytest.mark.parametrize(
    ("ts", "seconds"),
    [
        (1_764_000_000, 1_764_000_000.0),
        (1_764_000_000.125, 1_764_000_000.125),
        ("2026-11-23T15:45:00Z", 1795448700.0),
        ("2026-11-23 15:45:00+05:30", 1795428900.0),
        ("2026-11-23T15:45-0300", 1795459500.0),
        ("2026-11-23T15:45:00,123456789Z", 1795448700.123456),
    ],
    ids=["whole", "parts", "utc", "half-hours", "short", "nanoseconds"],
)
def test_times_in_the_known_forms(tmp_path: Path, ts: object, seconds: float) -> None:
    """A time was read as another one."""
    (request,) = read_rows(tmp_path, row(ts=ts))
    assert request.ts == seconds


BAD = {
    "not-json": ("{'id': 1}", "is no JSON at column 2"),
    "list": ("[1]", "is no JSON object"),
    "only-a-brace": ("{", "is only the beginning of JSON"),
    "nan": ('{"id": "a", "cost": NaN}', "holds NaN, which JSON has not; write null"),
    "deep": ('{"messages": ' + "[" * 200_000 + "]" * 200_000 + "}", "is nested too deeply"),
    "many-digits": ('{"ts": ' + "9" * 5000 + "}", "holds a number with too many digits"),
    "no-id": (row(id=...), "id is missing; write"),
    "empty-id": (row(id=""), "id is ''; write a text"),
    "list-as-id": (row(id=[1]), "id is a list; write a text"),
    "no-model": (row(model=...), "model is missing"),
    "no-ts": (row(ts=...), "ts is missing; write ISO 8601"),
    "true-as-ts": (row(ts=True), "ts is true"),
    "milliseconds": (row(ts=1_764_000_000_123), "looks like milliseconds; divide it by 1,000"),
    "nanoseconds": (row(ts=1_764_000_000_123_456_789), "looks like nanoseconds"),
    "long-ago": (row(ts=12), "ts 12 is not between 2000 and 2100"),
    "huge": (row(ts=10**400), "is not between 2000 and 2100"),
    "no-offset": (row(ts="2026-11-23T15:45:00"), "has no offset; add Z"),
    "no-time": (row(ts="yesterday"), "ts 'yesterday' is no time"),
    "no-such-day": (row(ts="2026-02-30T15:45:00Z"), "is on no calendar"),
    "no-usage": (row(usage=...), "usage is missing; write what the provider counted"),
    "usage-is-a-number": (row(usage=15), "usage must be an object with counts of tokens, got 15"),
    "negative": (row(usage={"input": -3, "output": 5}), "usage.input is -3; write how many"),
    "half-a-token": (row(usage={"input": 3, "output": 0.5}), "usage.output is 0.5"),
    "text-count": (row(usage={"input": "3", "output": 5}), "usage.input is '3'"),
    "true-count": (row(usage={"input": True, "output": 5}), "usage.input is true"),
    "no-output": (row(usage={"input": 3}), "usage.output is missing"),
    "absurd-count": (row(usage={"input": 10**12, "output": 5}), "usage.input is 1000000000000"),
    "misspelt": (row(usage={"input": 3, "output": 5, "cahced": 1}), "usage.cahced is not known"),
    "cached-above-input": (
        row(usage={"input": 3, "output": 5, "cached": 4}),
        "usage has 4 cached and cache_written tokens of 3 input",
    ),
    "written-above-input": (
        row(usage={"input": 3, "output": 5, "cached": 2, "cache_written": 2}),
        "usage has 4 cached",
    ),
    "two-counts": (
        row(usage={"input": 3, "output": 5, "prompt_tokens": 3}),
        "usage tells its input tokens twice",
    ),
    "no-counts": (row(usage={"total_tokens": 3}), "usage tells its input tokens nowhere"),
    "score-above-1": (row(scores={"m": 1.5}), "scores.m is 1.5; write a score from 0 to 1"),
    "score-is-true": (row(scores={"m": True}), "scores.m is true"),
    "answer-score-below-0": (row(answers={"m": {"score": -1}}), "answers.m is -1"),
    "answer-misspelt": (row(answers={"m": {"scroe": 1}}), "answers.m has 'scroe'"),
    "answer-is-a-score": (row(answers={"m": 1}), "answers.m is 1; write an object"),
    "answer-usage": (
        row(answers={"m": {"usage": {"input": -1, "output": 0}}}),
        "answers.m.usage.input is -1",
    ),
    "two-scores": (
        row(scores={"m": 1}, answers={"m": {"score": 1}}),
        "the score of 'm' stands in answers and in scores",
    ),
    "scores-are-a-list": (row(scores=[1]), "scores is a list; write an object"),
    "two-prompts": (row(prompt="a", prompt_hash="b"), "more than one of messages, prompt"),
    "messages-of-text": (row(messages=["a"]), "messages is a list; write a list of"),
    "no-messages": (row(messages=[]), "messages is a list; write a list of at least one"),
    "empty-hash": (row(prompt_hash=""), "prompt_hash is ''; write a text"),
    "prompt-is-a-list": (row(prompt=["a"]), "prompt is a list"),
    "params-are-a-list": (row(params=[1]), "params is a list"),
    "euro": (row(cost=1, currency="EUR"), "currency is 'EUR'; write USD, and convert"),
    "negative-cost": (row(cost=-1), "cost is -1; write US dollars"),
    "endless-latency": (
        '{"id":1,"ts":1764000000,"model":"m","usage":{"input":1,"output":1},"latency":1e999}',
        "latency is inf",
    ),
    "error-is-an-object": (row(error={"code": 5}), "error is an object; write a text"),
    "half-a-character": (row(tenant="\ud83d"), "holds half of a surrogate pair"),
    "not-utf-8": (b'{"id": "\xe9"}\n', "is not UTF-8 at byte 9"),
}


@pytest.mark.parametrize(("line", "said"), BAD.values(), ids=BAD)
def test_bad_line_is_told_with_its_place(tmp_path: Path, line: Any, said: str) -> None:
    """A line that cannot be used was read as something else, or nobody was told which it was."""
    path = write_log(tmp_path, row(id="before"), "", line, row(id="after"))
    with pytest.raises(TrafficError, match=said) as caught:
        open_traffic(path)
    assert str(caught.value).startswith(f"{path}:3: ")
    assert (caught.value.path, caught.value.line) == (path, 3)
    assert len(str(caught.value)) - len(str(path)) < 200


def test_errors_do_not_repeat_what_was_said(tmp_path: Path) -> None:
    """A prompt with a secret in it stood in the log of the build."""
    path = write_log(tmp_path, row(messages=SAID, prompt="My key is 1234"))
    with pytest.raises(TrafficError) as caught:
        open_traffic(path)
    assert not re.search("1234|short|Why", str(caught.value))


@pytest.mark.parametrize(
    "torn",
    [b'{"id": "r-2", "ts": 17640', b'{"id": "caf\xc3', b"{"],
    ids=["in-a-number", "in-a-character", "first-byte"],
)
def test_torn_last_line_is_left_out_and_told(tmp_path: Path, torn: bytes) -> None:
    """A log could not be read while its app still wrote it."""
    with open_traffic(write_log(tmp_path, ROW, torn)) as traffic:
        assert ids(traffic) == ["r-1"]
        assert len(traffic) == 1
        (note,) = traffic.notes
    assert "half-written" in note


def test_last_line_needs_no_newline(tmp_path: Path) -> None:
    """The last request of a file without a newline at its end was lost."""
    assert len(read(write_log(tmp_path, json.dumps(ROW).encode()))) == 1


def test_wrong_last_line_without_newline_is_an_error(tmp_path: Path) -> None:
    """A whole last line with a negative count was taken for a torn one."""
    bad = json.dumps(row(usage={"input": -1, "output": 1})).encode()
    with pytest.raises(TrafficError, match=r"usage\.input is -1"):
        open_traffic(write_log(tmp_path, bad))


def test_compressed_log_is_read(tmp_path: Path) -> None:
    """A log that was rotated and compressed had to be unpacked first."""
    path = tmp_path / "log.jsonl.gz"
    path.write_bytes(gzip.compress(write_log(tmp_path, ROW).read_bytes()))
    assert read(path) == read_rows(tmp_path, ROW)


def test_compressed_log_that_is_cut_gives_its_whole_lines(tmp_path: Path) -> None:
    """A compressed log could not be read while it was written."""
    lines = [row(id=f"r-{number}", place=f"{number * 7919:x}") for number in range(2000)]
    whole = gzip.compress(write_log(tmp_path, *lines).read_bytes())
    path = tmp_path / "log.jsonl.gz"
    path.write_bytes(whole[: len(whole) // 2])
    with open_traffic(path) as traffic:
        assert 0 < len(traffic) < 2000
        assert ids(traffic) == sorted(f"r-{number}" for number in range(len(traffic)))
        assert [note for note in traffic.notes if "ends in the middle" in note]


def test_damaged_compressed_log_is_an_error(tmp_path: Path) -> None:
    """Half of the requests were measured, and nobody was told of the damage."""
    data = bytearray(
        gzip.compress(write_log(tmp_path, *[row(id=n) for n in range(500)]).read_bytes())
    )
    data[len(data) // 2] ^= 0xFF
    path = tmp_path / "log.jsonl.gz"
    path.write_bytes(data)
    with pytest.raises(TrafficError):
        open_traffic(path)


def test_byte_order_mark_and_blank_lines_are_skipped(tmp_path: Path) -> None:
    """A log from Windows was refused at its first character."""
    line = json.dumps(ROW).encode()
    path = write_log(tmp_path, b"\xef\xbb\xbf" + line + b"\r\n", b"\r\n", b"  \n")
    assert len(read(path)) == 1


def test_line_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is one endless line filled the memory."""
    monkeypatch.setattr(request_log, "MOST_BYTES", 100)
    with pytest.raises(TrafficError, match="the line is longer than 100 bytes"):
        open_traffic(write_log(tmp_path, row(prompt="x" * 100)))


def test_keys_that_are_not_read_are_told(tmp_path: Path) -> None:
    """Latencies under a misspelt key were left out in silence."""
    lines = [row(), row(id=2, lattency=1), row(id=3, lattency=2, region="eu")]
    with open_traffic(write_log(tmp_path, *lines)) as traffic:
        assert traffic.notes == (
            "2 requests with a key 'lattency', which is not read; the first is on line 2",
            "1 request with a key 'region', which is not read; the first is on line 3",
        )
