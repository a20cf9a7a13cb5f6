"""TTA106: a stream whose next chunk may be ten minutes away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .missing_timeout import LONG_SECONDS, confidence_in
from .rule import Page, Rule
from .sdk_defaults import CLIENTS, FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tta_dev_primitives.devtools.calls.call_site import CallSite
    from tta_dev_primitives.devtools.findings.finding import Finding

    from .rule import CheckedFile
    from .sdk_defaults import SdkDefaults

CODE: Final = "TTA106"
_LIMITING: Final = frozenset({"TimeoutPrimitive", "resilient", "ResilientPrimitive"})

PAGE: Final = Page(
    what="Reports a streamed answer that is read without any limit on the wait for the next "
    "chunk but that of the SDK, where that is five minutes or longer.",
    why="A stream that stalls in the middle looks to its reader like a slow one. The SDKs of "
    "`openai` and `anthropic` notice after 600 seconds, `ollama` never. A limit on the wait for a "
    "chunk finds out in seconds, and does not cut long answers short.",
    cost="Up to 600 s of a worker and an open connection for each stream that stalls.",
    example="""
client = OpenAI()
stream = client.chat.completions.create(model="gpt-5-mini", messages=messages, stream=True)
for chunk in stream:
    show(chunk)
""",
    use_instead="""
client = OpenAI(timeout=httpx.Timeout(60, read=20))
stream = client.chat.completions.create(model="gpt-5-mini", messages=messages, stream=True)
for chunk in stream:
    show(chunk)
""",
    assumptions="A number given as `timeout` counts, because it is the SDK's limit between two "
    "chunks as well. The rule is off by default: the SDK's own limit does end a stalled stream, "
    "late as it is. It is silent where `stream` or the client is not known.",
)


def check(checked: CheckedFile) -> Iterator[Finding]:
    """Report streams that only the SDK's own long limit watches."""
    for site in checked.sites:
        defaults = _defaults(checked, site)
        if defaults is None or site.streaming != "yes" or site.timeout != "no":
            continue
        if site.kind != "sdk" or not _LIMITING.isdisjoint(site.wrapped_by):
            continue
        seconds = defaults.read_seconds
        if seconds is not None and seconds < LONG_SECONDS:
            continue
        wait = "for ever" if seconds is None else f"{seconds:g} s"
        yield checked.finding(
            CODE,
            site.node,
            f"this stream has no timeout, so its next chunk may be waited for {wait}",
            confidence=confidence_in(checked),
        )


def _defaults(checked: CheckedFile, site: CallSite) -> SdkDefaults | None:
    if site.client is not None:
        return CLIENTS.get(site.client.qualified) if site.client.is_complete else None
    return FUNCTIONS.get(checked.names.qualified(site.node.func) or "")


RULE: Final = Rule(
    code=CODE,
    name="stream-no-idle-timeout",
    level="info",
    is_default=False,
    page=PAGE,
    check=check,
)
