"""Put real secrets in the place of placeholders, for apps that check them in a replay."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from keploy_framework.redaction.ledger import MARK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keploy_framework.exchange import Request

PREFIX: Final = "KEPLOY_SECRET_"
_VARIABLE: Final = re.compile(rf"{PREFIX}(?:(?P<set>[A-Z0-9_]+)_)?(?P<number>[0-9]{{3,9}})")
_PLACEHOLDER: Final = re.compile(rf"{MARK}([0-9]{{3,}})")


def secrets_of(environment: Mapping[str, str], test_set: str) -> dict[str, str]:
    """Give the secrets that an environment has for a test set, by the number of a placeholder.

    ``KEPLOY_SECRET_001`` stands for ``redacted-001`` in every set, and
    ``KEPLOY_SECRET_TEST_SET_0_001`` for that of the set ``test-set-0``.

    Args:
        environment: Variables by name.
        test_set: The name of the set.
    """
    wanted = re.sub(r"[^A-Z0-9]", "_", test_set.upper())
    general: dict[str, str] = {}
    special: dict[str, str] = {}
    for name, value in environment.items():
        match = _VARIABLE.fullmatch(name)
        if match and match["set"] in (None, wanted):
            (special if match["set"] else general)[match["number"]] = value
    return general | special


def revealed_request(request: Request, secrets: Mapping[str, str]) -> Request:
    """Give a recorded request with real secrets, to be sent to the app and never written.

    A placeholder without a secret stays. The framing of the body is to be made anew, as its
    length may change.

    Args:
        request: The recorded request, its body without content encoding.
        secrets: As `secrets_of` gives them.
    """
    if not secrets:
        return request

    def reveal(text: str) -> str:
        return _PLACEHOLDER.sub(lambda match: secrets.get(match[1], match[0]), text)

    body = request.body
    if MARK.encode() in body:
        body = reveal(body.decode("latin-1")).encode("latin-1", errors="replace")
    return replace(
        request,
        target=reveal(request.target),
        headers=tuple((name, reveal(value)) for name, value in request.headers),
        body=body,
    )
