"""Compare the body of a response with the recorded one, by what the bodies are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from keploy_framework.matching.decoded import decoded_body
from keploy_framework.matching.differences import Change, Difference
from keploy_framework.matching.json_values import NOT_JSON, parse_json
from keploy_framework.matching.response.frames import frame_differences, is_framed
from keploy_framework.matching.response.json_compare import JsonComparison
from keploy_framework.matching.response.schema import schema_differences

if TYPE_CHECKING:
    from keploy_framework.exchange import Response
    from keploy_framework.matching.noise_filter import NoiseFilter
    from keploy_framework.matching.rules import Rules

_NEWLINES: Final = b"\r\n"


class BodyResult(NamedTuple):
    """What a comparison of bodies found.

    Args:
        differences: What differs.
        kind: ``json``, ``text``, ``stream``, ``size``, or ``skipped`` where nothing was compared.
        warning: What the reader of the verdict should know; may be empty.
    """

    differences: tuple[Difference, ...]
    kind: str
    warning: str = ""


def compare_bodies(
    expected: Response, actual: Response, noise: NoiseFilter, rules: Rules
) -> BodyResult:
    """Compare two bodies; the recorded one has no content encoding on it any more.

    Args:
        expected: The recorded response.
        actual: The response that came, as on the wire.
        noise: What is ignored.
        rules: How to compare.
    """
    if noise.is_everything:
        return BodyResult((), "skipped")
    if expected.body_skipped:
        return _compare_sizes(expected, actual)
    if actual.body_skipped:
        size = Difference(
            "body", Change.LENGTH, len(expected.body), actual.body_size, "length of the body"
        )
        return BodyResult((size,), "size")
    body, problem = actual.body, ""
    if body != expected.body:
        body, problem = decoded_body(actual)
    warning = f"the body is compared as it came: {problem}" if problem else ""
    if is_framed(expected) and not rules.schema_match:
        return BodyResult(frame_differences(expected, actual, body, noise, rules), "stream")
    if body == expected.body:
        is_json = body[:1] in (b"{", b"[")
        return BodyResult((), "json" if is_json else "text", warning)
    exact = rules.compat == "strict"
    came = parse_json(body, exact=exact)
    recorded = parse_json(expected.body, exact=exact) if came is not NOT_JSON else NOT_JSON
    if recorded is not NOT_JSON:
        if rules.schema_match:
            return BodyResult(tuple(schema_differences(recorded, came, noise)), "json", warning)
        comparison = JsonComparison(noise, ignore_ordering=rules.ignore_ordering)
        comparison.compare(recorded, came)
        return BodyResult(tuple(comparison.differences), "json", warning)
    return _compare_text(expected.body, body, noise, rules, warning)


def _compare_sizes(expected: Response, actual: Response) -> BodyResult:
    sizes = {max(actual.body_size, len(actual.body))}
    if not actual.body_skipped and expected.body_size not in sizes:
        sizes.add(len(decoded_body(actual).data))
    if expected.body_size in sizes:
        return BodyResult((), "size")
    found = Difference("body", Change.LENGTH, expected.body_size, max(sizes), "length of the body")
    return BodyResult((found,), "size")


def _compare_text(
    expected: bytes, actual: bytes, noise: NoiseFilter, rules: Rules, warning: str
) -> BodyResult:
    if rules.compat == "keploy" and not rules.compare_all:
        return BodyResult((), "skipped")
    if rules.schema_match:
        problem = warning or "schemaMatch compares JSON only; this body was not compared"
        return BodyResult((), "skipped", problem)
    if rules.compat == "strict":
        warning = warning or "the body is no JSON and was compared as text"
        if actual.rstrip(_NEWLINES) == expected.rstrip(_NEWLINES):
            return BodyResult((), "text", warning)
    if actual == expected or noise.covers("", actual.decode(errors="replace")):
        return BodyResult((), "text", warning)
    change = Change.VALUE
    if parse_json(expected) is not NOT_JSON or parse_json(actual) is not NOT_JSON:
        change = Change.TYPE
    return BodyResult((Difference("body", change, expected, actual),), "text", warning)
