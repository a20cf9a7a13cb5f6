"""The verdict on a response, rule by rule, strict and as upstream gives it."""

from __future__ import annotations

import gzip
import json

import pytest

from keploy_framework.errors import KeployConfigError
from keploy_framework.exchange import Chunk, Headers, Response
from keploy_framework.matching.differences import Change
from keploy_framework.matching.judging import judge
from keploy_framework.matching.rules import Expectation, Rules
from keploy_framework.matching.verdict import Category, Risk

KEPLOY = Rules(compat="keploy")
STRICT = Rules()
JSON: Headers = (("Content-Type", "application/json"),)


def answer(
    body: object = None, status: int = 200, headers: Headers = (), size: int | None = None
) -> Response:
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return Response(status, "", headers, data, (), len(data) if size is None else size)


def verdicts(recorded: Response, actual: Response, noise: dict[str, list[str]] | None = None):
    """Give whether it passes strictly, and as upstream."""
    expectation = Expectation(recorded, noise or {})
    return tuple(judge(expectation, actual, rules).passed for rules in (STRICT, KEPLOY))


@pytest.mark.parametrize(
    ("recorded", "actual", "strict", "keploy"),
    [
        ({"a": 1}, {"a": 1}, True, True),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True, True),
        ({"a": 1}, {"a": 2}, False, False),
        ({"a": 1}, {"a": "1"}, False, False),
        ({"a": 1}, {"a": True}, False, False),
        ({"a": 0}, {"a": False}, False, False),
        ({"a": None}, {"a": 0}, False, False),
        ({"a": None}, {}, False, False),
        ({}, {"a": None}, False, False),
        ({"a": 1}, {"a": 1, "b": 2}, False, False),
        ({"a": 1}, {"a": 1.0}, True, True),
        ({"a": 9007199254740993}, {"a": 9007199254740992}, False, True),
        ([1, 2, 3], [3, 1, 2], True, True),
        ([1, 2, 2], [1, 1, 2], False, False),
        ([1, 2], [1, 2, 3], False, False),
        ([[1, 2], [3]], [[3], [2, 1]], True, True),
        ([{"a": [1, 2]}, {"a": []}], [{"a": []}, {"a": [2, 1]}], True, True),
        ([["a", "b"]], [{"a": "b"}], False, False),
        (b"<p>one</p>", b"<p>two</p>", False, True),
        (b"text", b"text\r\n", True, True),
        (b"text", b" text", False, True),
        (b"", b"more", False, True),
        (b"<p>", {"a": 1}, False, True),
        ({"a": 1}, b"<p>", False, True),
        (b'{"a": NaN}', b'{"a": NaN }', False, True),
    ],
    ids=[
        "equal",
        "order-of-keys",
        "value",
        "type",
        "true-is-not-1",
        "false-is-not-0",
        "null-is-not-0",
        "null-is-not-absent",
        "absent-is-not-null",
        "extra-key",
        "one-number-type",
        "large-integers",
        "order-of-items",
        "multiset-not-set",
        "length",
        "order-in-depth",
        "order-in-objects",
        "list-is-not-object",
        "html",
        "newline-at-the-end",
        "space-at-the-start",
        "empty-to-text",
        "text-to-json",
        "json-to-text",
        "nan-is-no-json",
    ],
)
def test_bodies(recorded: object, actual: object, strict: bool, keploy: bool):
    """A body passed or failed against the rule for it."""
    assert verdicts(answer(recorded), answer(actual)) == (strict, keploy)


@pytest.mark.parametrize("compat", ["strict", "keploy"])
def test_order_of_items_counts_when_it_is_not_ignored(compat: str):
    """With ignoreOrdering off a permuted array passed."""
    rules = Rules(compat=compat, ignore_ordering=False)  # pyright: ignore[reportArgumentType]
    assert not judge(Expectation(answer([1, 2])), answer([2, 1]), rules).passed


def test_compare_all_compares_text_for_upstream_too():
    """With compareAll a changed page passed."""
    rules = Rules(compat="keploy", compare_all=True)
    assert not judge(Expectation(answer(b"<p>1")), answer(b"<p>2"), rules).passed
    assert judge(Expectation(answer(b"<p>1")), answer(b"<p>1"), rules).passed


def test_text_that_upstream_would_not_compare_is_told_once():
    """A changed page failed, and nothing said that pages are compared now."""
    verdict = judge(Expectation(answer(b"<p>1")), answer(b"<p>2"))
    assert verdict.warnings == ("the body is no JSON and was compared as text",)


@pytest.mark.parametrize(
    ("recorded", "actual", "strict", "keploy"),
    [
        ([("X-A", "1")], [("x-a", "1")], True, True),
        ([("X-A", "1")], [("X-A", "2")], False, False),
        ([("X-A", "1")], [], False, False),
        ([], [("X-A", "1")], False, False),
        ([("Accept-Ranges", "a,b")], [("Accept-Ranges", "a"), ("Accept-Ranges", "b")], True, True),
        ([("Vary", "a, b")], [("Vary", "a,b")], True, True),
        ([("Date", "Mon")], [("Date", "Tue")], True, True),
        ([("Date", "Mon")], [], False, False),
        ([("X-Datadog-Trace-Id", "1")], [("X-Datadog-Trace-Id", "2")], True, True),
        ([("X-Candidate-Id", "1")], [("X-Candidate-Id", "2")], False, False),
        ([], [("Connection", "close")], True, True),
        ([("Keep-Alive", "timeout=5")], [], True, False),
        ([("Transfer-Encoding", "chunked")], [("Content-Length", "2")], True, True),
        ([("Proxy-Agent", "x")], [], True, False),
        ([("Content-Length", "2"), ("Content-Length", "2")], [("Content-Length", "2")], True, True),
    ],
    ids=[
        "case-of-names",
        "value",
        "missing",
        "extra",
        "several-values",
        "space-after-comma",
        "date-may-differ",
        "date-must-be-there",
        "prefix-of-traces",
        "name-with-date-in-it",
        "connection",
        "keep-alive",
        "framing",
        "proxy",
        "length-twice",
    ],
)
def test_headers(recorded: Headers, actual: Headers, strict: bool, keploy: bool):
    """A header passed or failed against the rule for it."""
    one, other = answer({}, headers=tuple(recorded)), answer({}, headers=tuple(actual))
    assert verdicts(one, other) == (strict, keploy)


def test_volatile_headers_count_when_asked():
    """With disableAutoHeaderNoise another Date passed."""
    recorded, actual = answer(headers=(("Date", "1"),)), answer(headers=(("Date", "2"),))
    assert not judge(Expectation(recorded), actual, Rules(volatile_headers=False)).passed


@pytest.mark.parametrize("rules", [STRICT, KEPLOY], ids=["strict", "keploy"])
def test_length_counts_only_where_the_body_differs(rules: Rules):
    """Another Content-Length was reported although the body is equal, or not although it is not."""
    recorded = answer({"a": 1}, headers=(("Content-Length", "8"),))
    same = answer(b'{"a":  1}', headers=(("Content-Length", "9"),))
    other = answer({"a": 10}, headers=(("Content-Length", "9"),))
    assert judge(Expectation(recorded), same, rules).passed
    paths = [one.path for one in judge(Expectation(recorded), other, rules).differences]
    assert paths == ["header.Content-Length", "body.a"]


@pytest.mark.parametrize(
    ("noise", "strict", "keploy"),
    [
        ({"body.user.id": []}, True, True),
        ({"body.USER.ID": []}, True, True),
        ({"body.id": []}, True, True),
        ({"body.user": []}, True, True),
        ({"body.*.id": []}, True, False),
        ({"body": []}, True, True),
        ({"body": ["*"]}, True, True),
        ({"body": ["user.id"]}, True, True),
        ({"body": ["other"]}, False, False),
        ({"body.user.id": ["^[0-9]+$"]}, True, True),
        ({"body.user.id": ["^7", "^2"]}, True, True),
        ({"body.user.id": ["^1$"]}, False, False),
        ({"body.ser.i": []}, False, True),
        ({"body.i": []}, False, True),
        ({"header.id": []}, False, False),
        ({"body.user.name": []}, False, False),
    ],
    ids=[
        "path",
        "case",
        "name-at-any-depth",
        "all-below",
        "star-step",
        "bare-body",
        "star-body",
        "section-list",
        "section-list-other",
        "pattern-on-actual",
        "any-of-patterns",
        "pattern-on-recorded-only",
        "part-of-path",
        "part-of-name",
        "other-section",
        "other-field",
    ],
)
def test_noise_of_the_body(noise: dict[str, list[str]], strict: bool, keploy: bool):
    """Noise covered a field it does not name, or not the one it names."""
    recorded, actual = answer({"user": {"id": 1}}), answer({"user": {"id": 2}})
    assert verdicts(recorded, actual, noise) == (strict, keploy)


@pytest.mark.parametrize(
    ("actual", "passed"),
    [
        ([{"id": "b9", "n": [2]}, {"id": "b8", "n": [1]}], True),
        ([{"id": "b9", "n": [2]}, {"id": "a1", "n": [1]}], True),
        ([{"id": "b9", "n": [2]}, {"id": "c8", "n": [1]}], False),
        ([{"id": "b9", "n": [2]}, {"id": "b8", "n": [2]}], False),
    ],
    ids=["both-new", "one-new", "no-match", "other-field"],
)
def test_items_in_any_order_are_paired_by_patterns_too(actual: object, passed: bool):
    """Items in another order failed although their ids match the pattern."""
    recorded = answer([{"id": "a1", "n": [1]}, {"id": "a2", "n": [2]}])
    assert verdicts(recorded, answer(actual), {"body.id": ["^b"]}) == (passed, passed)


def test_many_items_that_need_pairs_are_not_tried_for_ever():
    """Ten thousand items with patterns were compared a hundred million times."""
    recorded = answer([{"id": f"a{number}"} for number in range(1000)])
    actual = answer([{"id": f"b{number}"} for number in range(1000)])
    assert verdicts(recorded, actual, {"body.id": ["^b"]}) == (True, True)
    assert verdicts(recorded, actual, {"body.id": ["^c"]}) == (False, False)


def test_indexes_are_no_part_of_paths():
    """Noise of items.stock did not cover the stock of every item."""
    recorded = answer({"items": [{"id": 1, "stock": 4}, {"id": 2, "stock": 5}]})
    actual = answer({"items": [{"id": 2, "stock": 7}, {"id": 1, "stock": 8}]})
    assert verdicts(recorded, actual, {"body.items.stock": []}) == (True, True)
    assert verdicts(recorded, actual, {"body.items.0.stock": []}) == (False, False)


@pytest.mark.parametrize("actual", [{}, {"id": None}, {"id": {"x": 1}}], ids=str)
def test_noise_of_any_value_covers_absence_and_type(actual: object):
    """A field that is noise failed because it was missing or of another type."""
    assert verdicts(answer({"id": 1}), answer(actual), {"body.id": []}) == (True, True)
    assert verdicts(answer(actual), answer({"id": 1}), {"body.id": []}) == (True, True)


def test_a_pattern_needs_a_value():
    """A field with a pattern passed although it was missing."""
    assert verdicts(answer({"id": 1}), answer({}), {"body.id": ["."]}) == (False, False)


def test_header_noise_is_exact_unless_upstream_is_asked():
    """Noise of date hid another header that has it in its name."""
    recorded = answer({}, headers=(("X-Candidate-Id", "1"),))
    actual = answer({}, headers=(("X-Candidate-Id", "2"),))
    assert verdicts(recorded, actual, {"header.Date": []}) == (False, True)
    assert verdicts(recorded, actual, {"header.X-Candidate-Id": ["2"]}) == (True, True)
    assert verdicts(recorded, actual, {"header.X-Candidate-Id": ["1"]}) == (False, False)
    assert verdicts(recorded, actual, {"header": ["*"]}) == (True, True)


def test_noise_of_the_test_comes_before_that_of_the_set_and_the_global():
    """A general pattern hid what the special one says, or the other way round."""
    rules = Rules(noise=({"body": {"id": ["^a"]}}, {"body": {"id": ["^b"]}}))
    of_set = Expectation(answer({"id": "x"}))
    assert judge(of_set, answer({"id": "b1"}), rules).passed
    assert not judge(of_set, answer({"id": "a1"}), rules).passed
    of_case = Expectation(answer({"id": "x"}), {"body.id": ["^c"]})
    assert judge(of_case, answer({"id": "c1"}), rules).passed
    assert not judge(of_case, answer({"id": "b1"}), rules).passed


def test_rules_take_the_noise_of_a_configuration():
    """Noise of another test set was used."""
    noise = {"global": {"header": {"A": []}}, "test-sets": {"one": {"body": {"*": ["*"]}}}}
    rules = Rules().with_noise(noise, "one")  # pyright: ignore[reportArgumentType]
    recorded, actual = answer(1, headers=(("A", "1"),)), answer(2, headers=(("A", "2"),))
    assert judge(Expectation(recorded), actual, rules).passed
    other = Rules().with_noise(noise, "two")  # pyright: ignore[reportArgumentType]
    assert [one.path for one in judge(Expectation(recorded), actual, other).differences] == ["body"]


def test_wrong_patterns_are_told():
    """A pattern that is none silently switched a comparison off."""
    with pytest.raises(KeployConfigError, match="has the pattern"):
        Rules(noise=({"body": {"id": ["("]}},))
    verdict = judge(Expectation(answer({"id": 1}), {"body.id": ["("]}), answer({"id": 2}))
    assert not verdict.passed
    assert "'('" in verdict.warnings[0]


def test_noise_that_names_nothing_is_told():
    """Noise without a section was silently of no use."""
    verdict = judge(Expectation(answer({}), {"id": []}), answer({}))
    assert verdict.warnings == (
        "noise 'id' names no part of a response; write header.id or body.id",
    )


@pytest.mark.parametrize("compat", ["", "lax"])
def test_an_unknown_mode_is_refused(compat: str):
    """A misspelt mode was taken for strict."""
    with pytest.raises(KeployConfigError, match="must be 'strict' or 'keploy'"):
        Rules(compat=compat)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("recorded", "actual", "passed"),
    [
        ({"a": 1, "b": "x"}, {"a": 2, "b": "y", "c": 3}, True),
        ({"a": 1}, {"a": "1"}, False),
        ({"a": 1}, {}, False),
        ({"a": [{"b": 1}]}, {"a": [{"b": 5}, {"b": 6}]}, True),
        ({"a": [{"b": 1}]}, {"a": [{"b": 5}, {"b": "6"}]}, False),
        ({"a": [{"b": 1}, "x"]}, {"a": ["y", {"b": 6}]}, True),
        ({"a": []}, {"a": [1, "x"]}, True),
        ([], {}, False),
    ],
    ids=[
        "values-and-more",
        "type",
        "missing",
        "longer-array",
        "wrong-item",
        "any-recorded-shape",
        "empty-array",
        "root",
    ],
)
def test_schema_match_compares_names_and_types(recorded: object, actual: object, passed: bool):
    """With schemaMatch a value counted, or a type did not."""
    one, other = answer(recorded, headers=JSON), answer(actual, headers=(*JSON, ("X", "1")))
    for compat in ("strict", "keploy"):
        rules = Rules(compat=compat, schema_match=True)
        assert judge(Expectation(one), other, rules).passed is passed


def test_schema_match_compares_status_media_type_and_knows_noise():
    """With schemaMatch another status or media type passed, or noise did not."""
    rules = Rules(schema_match=True)
    recorded = answer({"a": 1}, headers=JSON)
    assert not judge(Expectation(recorded), answer({"a": 1}, 500, JSON), rules).passed
    html = answer({"a": 1}, headers=(("Content-Type", "text/html"),))
    assert [one.path for one in judge(Expectation(recorded), html, rules).differences] == [
        "header.Content-Type"
    ]
    charset = answer({"a": 1}, headers=(("Content-Type", "application/json; charset=utf-8"),))
    assert judge(Expectation(recorded), charset, rules).passed
    changed = answer({"a": "1"}, headers=JSON)
    assert judge(Expectation(recorded, {"body.a": []}), changed, rules).passed


@pytest.mark.parametrize(
    ("actual", "risk", "categories"),
    [
        (answer({"a": 1, "b": [1]}, 201), Risk.HIGH, [Category.STATUS_CODE_CHANGED]),
        (answer({"a": 1, "b": [1]}, headers=(("X", "1"),)), Risk.MEDIUM, [Category.HEADER_CHANGED]),
        (answer({"a": 1, "b": [1]}, headers=JSON), Risk.HIGH, [Category.HEADER_CHANGED]),
        (answer({"a": 2, "b": [1]}), Risk.MEDIUM, [Category.SCHEMA_UNCHANGED]),
        (answer({"a": 1, "b": [1], "c": 1}), Risk.LOW, [Category.SCHEMA_ADDED]),
        (answer({"a": 2, "b": [1], "c": 1}), Risk.MEDIUM, [Category.SCHEMA_UNCHANGED]),
        (answer({"a": "1", "b": [1], "c": 1}), Risk.HIGH, [Category.SCHEMA_BROKEN]),
        (answer({"b": [1]}), Risk.HIGH, [Category.SCHEMA_BROKEN]),
        (answer({"a": 1, "b": [1, 2]}), Risk.MEDIUM, [Category.SCHEMA_UNCHANGED]),
        (answer({"a": 1, "b": [1]}), Risk.NONE, []),
    ],
    ids=[
        "status",
        "header",
        "content-type",
        "value",
        "added",
        "value-and-added",
        "type",
        "removed",
        "length",
        "nothing",
    ],
)
def test_risk(actual: Response, risk: Risk, categories: list[Category]):
    """A breaking change was called harmless, or the other way round."""
    verdict = judge(Expectation(answer({"a": 1, "b": [1]})), actual)
    assert (verdict.risk, list(verdict.categories)) == (risk, categories)


def test_a_difference_names_its_place():
    """Of a long list nobody could tell which item differs."""
    recorded = answer({"items": [{"id": 1}, {"id": 2}, {"id": 3}]})
    actual = answer({"items": [{"id": 3}, {"id": 9}, {"id": 1}]})
    (difference,) = judge(Expectation(recorded), actual).body
    assert (difference.path, difference.place) == ("body.items.id", "body.items[1].id")
    assert str(difference) == "body.items[1].id: expected 2, got 9"


def test_secrets_are_not_shown():
    """The text of a difference had a password in it."""
    recorded, actual = answer({"password": "hunter2"}), answer({"password": "hunter3"})
    (difference,) = judge(Expectation(recorded), actual).body
    assert str(difference) == "body.password: expected (hidden), got (hidden)"


def test_a_compressed_body_is_compared_as_what_it_says():
    """An answer with gzip failed, as recordings keep the decoded body."""
    encoded = gzip.compress(b'{"a": 1}')
    headers = (("Content-Encoding", "gzip"),)
    assert verdicts(answer({"a": 1}, headers=headers), answer(encoded, headers=headers)) == (
        True,
        True,
    )
    other = answer(gzip.compress(b'{"a": 2}'), headers=headers)
    assert verdicts(answer({"a": 1}, headers=headers), other) == (False, False)


def test_a_damaged_encoding_is_told():
    """A body that is no gzip raised, or was passed over."""
    headers = (("Content-Encoding", "gzip"),)
    verdict = judge(Expectation(answer({"a": 1}, headers=headers)), answer(b"no", headers=headers))
    assert not verdict.passed
    assert verdict.warnings[0].startswith("the body is compared as it came: ")


@pytest.mark.parametrize("rules", [STRICT, KEPLOY], ids=["strict", "keploy"])
def test_of_a_body_that_was_not_kept_the_size_counts(rules: Rules):
    """A large response passed with another length."""
    recorded = Expectation(answer(b"", size=2_000_000))
    assert judge(recorded, answer(b"x" * 2_000_000), rules).passed
    assert judge(recorded, answer(b"", size=2_000_000), rules).passed
    assert not judge(recorded, answer(b"x" * 1_999_999), rules).passed
    assert not judge(Expectation(answer({"a": 1})), answer(b"", size=2_000_000), rules).passed


def test_the_size_of_a_compressed_body_is_that_of_what_it_says():
    """A large response with gzip failed for its length on the wire."""
    headers = (("Content-Encoding", "gzip"),)
    recorded = answer(b"", size=2_000_000, headers=headers)
    actual = answer(gzip.compress(b"x" * 2_000_000), headers=headers)
    assert verdicts(recorded, actual) == (True, True)


def test_schema_match_says_that_it_does_not_compare_text():
    """With schemaMatch a changed page passed without a word."""
    verdict = judge(Expectation(answer(b"<p>1")), answer(b"<p>2"), Rules(schema_match=True))
    assert verdict.passed
    assert verdict.warnings == ("schemaMatch compares JSON only; this body was not compared",)


def test_a_pattern_without_a_field_is_for_text_as_a_whole():
    """Noise of a text body had no way to be told."""
    rules = Rules(noise=({"body": {"": ["^<p>"]}},))
    assert judge(Expectation(answer(b"<p>1")), answer(b"<p>2"), rules).passed
    assert not judge(Expectation(answer(b"<p>1")), answer(b"<b>2"), rules).passed


@pytest.mark.parametrize(
    ("recorded", "actual", "passed"),
    [(b"[1e999]", b"[1e999 ]", True), (b"[1e999]", b"[1e998]", False), (b"[1e2]", b"[100]", True)],
    ids=["same", "other", "notation"],
)
def test_numbers_beyond_doubles_are_compared_exactly(recorded: bytes, actual: bytes, passed: bool):
    """Two huge numbers passed as equal because both were infinite."""
    assert judge(Expectation(answer(recorded)), answer(actual)).passed is passed


def test_changes_are_listed_by_path_once():
    """The added fields of a list were named once for each item."""
    recorded, actual = answer([{}, {}]), answer([{"a": 1}, {"a": 1}])
    verdict = judge(Expectation(recorded), actual)
    assert verdict.changed(Change.ADDED) == ("body.a",)
    assert verdict.changed(Change.REMOVED, Change.TYPE) == ()


def test_a_body_nested_too_deep_is_text():
    """A body of ten thousand brackets ended the run."""
    deep = b"[" * 100_000 + b"]" * 100_000
    assert verdicts(answer(deep), answer(deep)) == (True, True)
    assert verdicts(answer(deep), answer(deep + b" ")) == (False, True)
    medium = b"[" * 101 + b"]" * 101
    assert judge(Expectation(answer(medium)), answer(medium + b" ")).body_kind == "text"


def test_chunks_of_a_plain_body_are_joined():
    """The same text in other chunks failed."""
    headers = (("Content-Type", "text/plain"),)
    one = Response(200, "", headers, b"abcd", (Chunk(1, b"ab"), Chunk(2, b"cd")), 4)
    other = Response(200, "", headers, b"abcd", (Chunk(1, b"abcd"),), 4)
    assert verdicts(one, other) == (True, True)
