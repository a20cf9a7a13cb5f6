"""Compare streamed bodies frame by frame: server-sent events and lines of JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from keploy_framework.exchange import Chunk, header
from keploy_framework.matching.differences import Change, Difference
from keploy_framework.matching.json_values import ABSENT, NOT_JSON, parse_json
from keploy_framework.matching.response.json_compare import JsonComparison
from keploy_framework.wire.frames import is_stream, timed_frames

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keploy_framework.exchange import Response
    from keploy_framework.matching.noise_filter import NoiseFilter
    from keploy_framework.matching.rules import Rules
    from keploy_framework.wire.sse import Fields

_NAMES: Final = ("event", "id", "retry", "data", "raw")
_WITH_JSON: Final = ("data", "raw")


def is_framed(response: Response) -> bool:
    """Tell whether a body is a stream of events or lines, however it was kept."""
    return is_stream(header(response.headers, "content-type") or "")


def frames_of(response: Response, body: bytes | None = None) -> list[Fields]:
    """Cut a body into what its frames say; comments alone, which keep alive, are left out.

    Args:
        response: The response.
        body: Its body without content encoding; ``None`` for the response's own.
    """
    content_type = header(response.headers, "content-type") or ""
    chunk = Chunk(0, response.body if body is None else body)
    # It is in memory already, so no limit is needed.
    timed = timed_frames((chunk,), content_type, limit=len(chunk.data) + 1)
    frames = [one.frame.fields for one in timed]
    said = (_said(fields) for fields in frames)
    return [fields for fields in said if fields]


def frame_differences(
    expected: Response, actual: Response, body: bytes, noise: NoiseFilter, rules: Rules
) -> tuple[Difference, ...]:
    """Give the differences between the frames of two streams, in order.

    JSON within a frame is compared as such, and its fields are named as if it were the body.
    Upstream stops at the last recorded frame; strictly, frames after it are differences.

    Args:
        expected: The recorded response.
        actual: The response that came.
        body: The body that came, without content encoding.
        noise: What is ignored.
        rules: How to compare.
    """
    if body == expected.body:
        return ()
    recorded, came = frames_of(expected), frames_of(actual, body)
    found: list[Difference] = []
    for at, fields in enumerate(recorded):
        if at < len(came):
            found += _in_frame(fields, came[at], at, noise, rules)
        else:
            found.append(Difference("body", Change.REMOVED, fields, ABSENT, f"body[{at}]"))
    if rules.compat == "strict":
        found += (
            Difference("body", Change.ADDED, ABSENT, came[at], f"body[{at}]")
            for at in range(len(recorded), len(came))
        )
    return tuple(found)


def _said(fields: Fields) -> Fields:
    return {name: fields[name] for name in _NAMES if fields.get(name) not in (None, "", b"")}


def _in_frame(
    expected: Fields, actual: Fields, at: int, noise: NoiseFilter, rules: Rules
) -> Iterator[Difference]:
    for name in _NAMES:
        one, other = expected.get(name, ABSENT), actual.get(name, ABSENT)
        if one == other:
            continue
        place = f"body[{at}].{name}"
        if noise.covers(name, _text(other)):
            continue
        if name in _WITH_JSON and isinstance(one, str) and isinstance(other, str):
            yield from _in_text(one, other, name, place, noise, rules)
        else:
            change = (
                Change.ADDED
                if one is ABSENT
                else Change.REMOVED
                if other is ABSENT
                else Change.VALUE
            )
            yield Difference(f"body.{name}", change, one, other, place)


def _in_text(
    expected: str, actual: str, name: str, place: str, noise: NoiseFilter, rules: Rules
) -> Iterator[Difference]:
    exact = rules.compat == "strict"
    recorded, came = parse_json(expected, exact=exact), parse_json(actual, exact=exact)
    if recorded is NOT_JSON or came is NOT_JSON:
        is_other = (recorded is NOT_JSON) is not (came is NOT_JSON)
        change = Change.TYPE if is_other else Change.VALUE
        yield Difference(f"body.{name}", change, expected, actual, place)
        return
    comparison = JsonComparison(noise, ignore_ordering=rules.ignore_ordering)
    comparison.compare(recorded, came)
    for one in comparison.differences:
        inner = one.place.removeprefix("body")
        yield Difference(one.path, one.change, one.expected, one.actual, place + inner)


def _text(value: object) -> object:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
