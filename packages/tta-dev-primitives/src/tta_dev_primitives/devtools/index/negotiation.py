"""Choose between HTML and JSON by what a client says it accepts."""

from __future__ import annotations

from typing import Final

JSON_TYPE: Final = "application/vnd.pypi.simple.v1+json"
# In the order in which they are given to a client that takes anything, such as a browser.
OFFERED: Final = ("text/html", "application/vnd.pypi.simple.v1+html", JSON_TYPE)

_LATEST: Final = {
    "application/vnd.pypi.simple.latest+html": OFFERED[1],
    "application/vnd.pypi.simple.latest+json": OFFERED[2],
}


def choose_type(accept: str | None) -> str | None:
    """Return the media type that fits a header `Accept` best, None where none fits."""
    if accept is None or not accept.strip():
        return OFFERED[0]
    weights = _weights(accept)

    def weight(offered: str) -> float:
        family = f"{offered.partition('/')[0]}/*"
        for asked in (offered, family, "*/*"):
            if asked in weights:
                return weights[asked]
        return 0.0

    best = max(OFFERED, key=weight)
    return best if weight(best) > 0 else None


def _weights(accept: str) -> dict[str, float]:
    weights: dict[str, float] = {}
    for part in accept.lower().split(","):
        asked, *parameters = (each.strip() for each in part.split(";"))
        weight = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q":
                weight = _number(value)
        weights[_LATEST.get(asked, asked)] = weight
    return weights


def _number(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 0.0
