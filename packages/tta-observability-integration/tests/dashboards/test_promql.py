"""What is read from a query is what it names."""

from __future__ import annotations

import pytest
from dashboards.promql import Grouping, Names, Selector, filled_in, names_in, tokens

HITS = 'hits_total{job=~"a{}|b", result!="m\\"iss"}'


@pytest.mark.parametrize(
    ("query", "selectors"),
    [
        ("up", [Selector("up", frozenset())]),
        ("up offset 5m", [Selector("up", frozenset())]),
        (HITS, [Selector("hits_total", frozenset({"job", "result"}))]),
        ("rate(a_total[5m]) / 2e3", [Selector("a_total", frozenset())]),
        ("max_over_time(rate(a[5m])[1h30m:1m])", [Selector("a", frozenset())]),
        ("a and on (job) b", [Selector("a", frozenset()), Selector("b", frozenset())]),
        ("a OR vector(0)", [Selector("a", frozenset())]),
        ("a > bool -Inf # and c", [Selector("a", frozenset())]),
        ("sum(a) + sum by (x) (b)", [Selector("a", frozenset()), Selector("b", frozenset())]),
        ('label_replace(a, "to", "$1", "from", "(.*)")', [Selector("a", frozenset())]),
        ("job:a:rate5m", [Selector("job:a:rate5m", frozenset())]),
    ],
    ids=[
        "bare",
        "offset",
        "matchers",
        "numbers",
        "subquery",
        "set-operator",
        "capitals",
        "comment",
        "aggregations",
        "strings",
        "recorded",
    ],
)
def test_metrics_and_their_matchers_are_found(query: str, selectors: list[Selector]) -> None:
    """A metric was missed, or a function, label or word was taken for one."""
    assert list(names_in(query).selectors) == selectors


def test_a_grouping_knows_what_it_aggregates() -> None:
    """The labels of one aggregation were held against the metrics of another."""
    query = "sum by (x) (rate(a[5m])) / sum without (y, z) (b + c)"
    assert names_in(query).groupings == (
        Grouping(frozenset({"x"}), frozenset({"a"})),
        Grouping(frozenset({"y", "z"}), frozenset({"b", "c"})),
    )


def test_an_aggregation_inside_another_counts_for_both() -> None:
    """The outer aggregation was thought to aggregate nothing."""
    names = names_in("max by (x) (sum by (x, y) (a))")
    assert [grouping.metrics for grouping in names.groupings] == [{"a"}, {"a"}]


def test_labels_of_vector_matching_are_told_apart() -> None:
    """`ignoring (state)` was taken for a metric named state."""
    assert names_in("2 * a + ignoring (state) group_left (extra) b") == Names(
        (Selector("a", frozenset()), Selector("b", frozenset())),
        (),
        frozenset({"state", "extra"}),
    )


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("sum(a) by (x)", "by stands behind its expression"),
        ("a{x='1'", "a bracket is not closed"),
        ("a{x=$y}", r"no token of PromQL begins at '\$y}'"),
        ('{__name__="a"}', "a selector without a metric's name"),
    ],
    ids=["grouped-behind", "bracket", "variable", "nameless"],
)
def test_what_cannot_be_read_is_refused(query: str, problem: str) -> None:
    """A query that was not understood passed as one that names nothing."""
    with pytest.raises(ValueError, match=problem):
        names_in(query)


def test_every_variable_is_filled_in_whole() -> None:
    """`$__range` in the beginning of `$__range_ms` left half a name behind."""
    assert filled_in('a{job=~"$service"}[$__rate_interval]') == 'a{job=~".*"}[5m]'


def test_durations_and_numbers_are_no_names() -> None:
    """The `d` of `1d` was taken for a metric."""
    assert [kind for kind, _ in tokens("1d 5m30s 0x1F 1.5e-3 .5")] == ["number"] * 5
