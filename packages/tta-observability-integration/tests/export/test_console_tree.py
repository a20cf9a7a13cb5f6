"""The text of a tree: its lines and its words."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from observability_integration.terminal.text import Style, display_width, style_of, write
from observability_integration.terminal.totals import totals_of
from observability_integration.terminal.tree import trace_lines, tree_rows
from observability_integration.terminal.tree_span import TreeSpan
from observability_integration.terminal.units import dollars, duration, moment, seconds
from observability_integration.terminal.words import words

from .tree_spans import CHAT, llm, placed, span


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        ({"tta.cache.result": "hit", "tta.cache.age": 12.345}, "cache=hit age=12.3s"),
        ({"tta.route.selected": "cheap", "tta.route.reason": "cheapest of 3"},
         'route=cheap why="cheapest of 3"'),
        ({"tta.route.selected": "cheap", "tta.route.reason": "router_fn"}, "route=cheap"),
        ({"tta.retry.attempts": 2, "tta.retry.max_attempts": 3, "tta.retry.delay_total": 0.5},
         "attempts=2/3 waited=500ms"),
        ({"tta.retry.attempts": 3, "tta.retry.exhausted": True}, "attempts=3 exhausted"),
        ({"tta.retry.attempt": 1, "tta.retry.delay_before": 0.0}, "attempt=1"),
        ({"tta.retry.attempt": 2, "tta.retry.delay_before": 0.25}, "attempt=2 after=250ms"),
        ({"tta.breaker.state": "open", "error.type": "OpenError"}, "breaker=open error=OpenError"),
        ({"tta.ratelimit.wait": 1.5}, "wait=1.5s"),
        ({"tta.ratelimit.wait": 0.0}, ""),
        ({"tta.hedge.launched": 2, "tta.hedge.winner": 1, "tta.hedge.wasted_cost": 0.5},
         "launched=2 winner=1 wasted=$0.500000"),
        ({"tta.budget.unit": "usd", "tta.budget.remaining": 0.75}, "left=$0.750000"),
        ({"tta.budget.unit": "tokens", "tta.budget.remaining": 1500.0}, "left=1500"),
        ({"tta.fault.injected": ("latency", "error")}, "fault=latency+error"),
        ({"tta.timeout.limit": 120}, "limit=120s"),
        (CHAT | {"gen_ai.usage.input_tokens": 3}, "in=3 unpriced"),
        (CHAT | {"gen_ai.usage.input_tokens": 3, "gen_ai.usage.cost.amount": 0.5},
         "in=3 cost=$0.500000"),
        (CHAT | {"gen_ai.usage.input_tokens": 3, "gen_ai.usage.cost.amount": 0.5,
                 "gen_ai.usage.cost.currency": "EUR"}, "in=3 cost=0.5EUR"),
        (CHAT, ""),
        ({"tta.cache.saved.cost": "a lot"}, 'saved="a lot"'),
        ({"tta.route.selected": "x" * 100}, "route=" + "x" * 57 + "..."),
        ({"tta.route.selected": "\x1b[2J"}, "route=?[2J"),
        ({"user.secret": "hidden"}, ""),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)  # fmt: skip
def test_a_span_says_what_it_decided(attributes: dict[str, Any], told: str) -> None:
    assert " ".join(words(span(1, attributes=attributes))) == told


def test_names_cannot_steer_the_terminal() -> None:
    hostile = TreeSpan(
        "\x1b[2Jevil\n\u202e", 1, 0, 0, 1, failed=False, attributes={"error.type": "\x07"}
    )
    (line,) = trace_lines([hostile], Style())
    assert line.startswith("?[2Jevil?? ")
    assert line.endswith("error=?")


def test_siblings_stand_in_the_order_of_their_starts() -> None:
    rows = tree_rows([span(3, 1), span(2, 1), span(4, 2), span(1)])
    assert [(row.before, row.span.span_id) for row in rows] == [
        ("", 1),
        ("├─ ", 2),
        ("│  └─ ", 4),
        ("└─ ", 3),
    ]


@settings(deadline=None)
@given(parents=st.lists(st.integers(0, 12), max_size=12))
def test_every_span_has_one_row_whatever_its_parent(parents: list[int]) -> None:
    """Spans that are each other's parents made a trace that was never printed."""
    spans = [span(number, parent) for number, parent in enumerate(parents, 1)]
    rows = tree_rows(spans)
    assert sorted(row.span.span_id for row in rows) == [each.span_id for each in spans]


def test_a_very_deep_trace_is_laid_out() -> None:
    spans = [span(number, number - 1) for number in range(1, 5001)]
    lines = trace_lines(spans, Style(width=80), max_spans=5000)
    assert len(lines) == 5001
    assert all(display_width(line) <= 80 for line in lines)
    assert totals_of([*spans, llm(5001, 5000, 0.5)]).wasted == 0


@settings(deadline=None)
@given(
    width=st.integers(40, 200),
    names=st.lists(st.text(max_size=60), min_size=1, max_size=12),
    plain=st.booleans(),
    seed=st.randoms(use_true_random=False),
)
def test_no_line_is_wider_than_the_terminal(
    width: int, names: list[str], plain: bool, seed: Any
) -> None:
    told = {"tta.route.selected": "a-long-name", "tta.cache.result": "hit", "error.type": "E" * 90}
    spans = [
        TreeSpan(name, number, seed.randint(0, number - 1), number, number + 5, False, told | CHAT)
        for number, name in enumerate(names, 1)
    ]
    for line in trace_lines(spans, Style(width=width, plain=plain)):
        assert display_width(line) <= width
        assert line.isprintable()


def test_what_does_not_fit_goes_on_below() -> None:
    """Nothing that a span says is lost to a narrow window."""
    told = {"tta.route.selected": "a-long-route", "tta.cache.result": "miss", "error.type": "Odd"}
    spans = [span(1, name="top"), span(2, 1, attributes=told), span(3, 1)]
    assert trace_lines(spans, Style(width=52))[1:4] == [
        "├─ step    1.00 ms  ok  cache=miss",
        "│                       route=a-long-route error=Odd",
        "└─ step    1.00 ms  ok",
    ]


def test_plain_lines_are_ascii() -> None:
    spans = [span(1), span(2, 1), llm(3, 2, 0.5), span(4, 1)]
    lines = trace_lines(spans, Style(plain=True), max_spans=3)
    assert all(line.isascii() for line in lines)
    assert [line[:6] for line in lines[1:3]] == ["|- ste", "|  `- "]


def test_outcomes_have_colours_only_where_they_may() -> None:
    spans = [span(1, attributes={"tta.outcome": "timeout"})]
    assert "\x1b[31mtimeout\x1b[0m" in trace_lines(spans, Style(colour=True))[0]
    assert "\x1b" not in trace_lines(spans, Style())[0]


@pytest.mark.parametrize(
    ("kind", "label", "told"),
    [
        ("OpenAIPrimitive", "OpenAI", 'fallback="chat small"'),
        ("OpenAIPrimitive", "spare", "fallback=spare"),
        ("Archive", "Archive", 'fallback="chat small"'),
    ],
    ids=["no-name", "name", "class-of-ones-own"],
)
def test_an_alternative_is_called_as_its_own_line_is(kind: str, label: str, told: str) -> None:
    """`fallback=OpenAI` stands above a line that is called `chat small`."""
    above = placed(1, "0", told={"tta.fallback.used": label})
    call = {"tta.primitive.path": "0/1", "tta.primitive.name": label, "tta.primitive.type": kind}
    alternative = TreeSpan("chat small", 2, 1, 2, 3, attributes=call)
    assert trace_lines([above, alternative], Style())[0].endswith(f"  {told}")
    assert trace_lines([above], Style())[0].endswith(f"  fallback={label}")


# Terminals.


class Terminal(io.StringIO):
    """A terminal that is no file."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environ", "style"),
    [
        (io.StringIO(), {}, Style()),
        (io.StringIO(), {"COLUMNS": "100"}, Style(width=100)),
        (io.StringIO(), {"COLUMNS": "0"}, Style()),
        (io.StringIO(), {"COLUMNS": "many"}, Style()),
        (Terminal(), {"COLUMNS": "100"}, Style(width=100, colour=True)),
        (Terminal(), {}, Style(width=80, colour=True)),
        (Terminal(), {"NO_COLOR": "1"}, Style(width=80)),
        (Terminal(), {"TERM": "dumb"}, Style(width=80)),
        (Terminal(), {"COLUMNS": "3"}, Style(width=40, colour=True)),
        (io.TextIOWrapper(io.BytesIO(), encoding="cp1252"), {}, Style(plain=True)),
        (object(), {}, Style()),
    ],
    ids=["file", "asked", "zero", "no-number", "terminal", "unknown-size", "no-colour", "dumb",
         "tiny", "old-encoding", "own-stream"],
)  # fmt: skip
def test_a_stream_gets_what_it_can_show(stream: Any, environ: dict[str, str], style: Style) -> None:
    assert style_of(stream, environ) == style


def test_a_letter_that_a_stream_cannot_hold_becomes_a_question_mark() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", newline="\n")
    write(stream, ["naïve", "b"])
    assert raw.getvalue() == b"na?ve\nb\n"
    stream.detach()


@pytest.mark.parametrize(
    ("text", "width"), [("abc", 3), ("漢字", 4), ("e\u0301", 1), ("…", 1)], ids=ascii
)
def test_letters_take_the_columns_they_take(text: str, width: int) -> None:
    assert display_width(text) == width


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (duration(3_250_000_000), "3.25 s"),
        (duration(999_994_999), "999.99 ms"),
        (duration(12_000), "0.012 ms"),
        (seconds(0), "0s"),
        (seconds(0.000269), "0.269ms"),
        (seconds(0.0249), "24.9ms"),
        (seconds(0.99949), "999ms"),
        (seconds(0.9996), "1s"),
        (seconds(12.345), "12.3s"),
        (seconds(1234.5), "1234s"),
        (dollars(-0.5), "-$0.500000"),
        (moment(0), "1970-01-01 00:00:00"),
        (moment(1 << 70), f"{1 << 70} ns"),
    ],
    ids=[
        "seconds",
        "milliseconds",
        "small",
        "none",
        "short-small",
        "short-milliseconds",
        "short-below-a-second",
        "short-a-second",
        "short",
        "long",
        "owed",
        "moment",
        "no-moment",
    ],
)
def test_figures_have_their_units(told: str, text: str) -> None:
    assert told == text
