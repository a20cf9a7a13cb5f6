"""Judge a response against the recorded one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from keploy_framework.exchange import header
from keploy_framework.matching.differences import Change, Difference
from keploy_framework.matching.noise_filter import ResponseNoise
from keploy_framework.matching.response.assertions import failed_assertions
from keploy_framework.matching.response.bodies import compare_bodies
from keploy_framework.matching.response.headers import header_differences
from keploy_framework.matching.rules import Rules
from keploy_framework.matching.verdict import Verdict
from keploy_framework.wire.frames import media_type

if TYPE_CHECKING:
    from keploy_framework.exchange import Response
    from keploy_framework.matching.rules import Recorded

_DEFAULT: Final = Rules()


def judge(recorded: Recorded, actual: Response, rules: Rules = _DEFAULT) -> Verdict:
    """Compare a response with the recorded one and say what differs.

    The cost is about linear in the size of the bodies. Nothing is raised for what a response
    holds: a body that is damaged or nested too deep is compared as text.

    Args:
        recorded: The recorded response with the test's own noise and assertions. Where there are
            assertions, they alone decide.
        actual: The response that came, as on the wire.
        rules: How to judge.
    """
    warnings: list[str] = []
    if recorded.assertions:
        failed = failed_assertions(recorded.assertions, actual, rules.compat, warnings)
        return Verdict(assertions=failed, warnings=tuple(warnings))
    expected = recorded.response
    noise = ResponseNoise.merged(rules.noise, recorded.noise, rules.compat, warnings)
    status: tuple[Difference, ...] = ()
    if expected.status != actual.status:
        status = (Difference("status", Change.VALUE, expected.status, actual.status),)
    body = compare_bodies(expected, actual, noise.body, rules)
    if body.warning:
        warnings.append(body.warning)
    if noise.header.is_everything:
        headers: tuple[Difference, ...] = ()
    elif rules.schema_match:
        headers = _media_type_difference(expected, actual, noise)
    else:
        headers = tuple(
            header_differences(
                expected.headers,
                actual.headers,
                noise.header,
                rules.compat,
                body_matched=not body.differences,
                is_volatile_ignored=rules.volatile_headers,
            )
        )
    return Verdict(status, headers, body.differences, (), body.kind, tuple(warnings))


def _media_type_difference(
    expected: Response, actual: Response, noise: ResponseNoise
) -> tuple[Difference, ...]:
    wanted = media_type(header(expected.headers, "content-type") or "")
    came = media_type(header(actual.headers, "content-type") or "")
    if wanted == came or noise.header.covers("content-type", came):
        return ()
    return (Difference("header.Content-Type", Change.VALUE, wanted, came),)
