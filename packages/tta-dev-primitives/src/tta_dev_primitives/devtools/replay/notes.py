"""What a reader of a measurement has to know: assumptions, and what was left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .fitting import FittedRouter
from .survey import fit_note

if TYPE_CHECKING:
    from .price_book import PriceBook
    from .serving import Serving
    from .survey import Survey


def notes_of(
    served: Serving,
    book: PriceBook,
    survey: Survey,
    *,
    ttl_seconds: float | None,
    max_entries: int,
) -> list[str]:
    """Return one line for each assumption that the figures rest on.

    Args:
        served: What was replayed.
        book: What priced it.
        survey: What was known before.
        ttl_seconds: Of the cache.
        max_entries: Of the cache.
    """
    count = served.requests
    if not count:
        return []
    kept = "as long as there is room" if ttl_seconds is None else f"{ttl_seconds:g} s"
    lines = [
        f"cache: exact repeats of one tenant and model, {max_entries:,} entries, kept for {kept}, "
        "empty at the start; failed answers are not kept"
        if max_entries
        else "cache: none"
    ]
    if served.failed:
        lines.append(
            f"{served.failed:,} of {count:,} requests failed; their tokens are counted as cost, "
            "and whoever is asked they fail again"
        )
    if served.failed_untold:
        lines.append(
            f"{served.failed_untold:,} of them have no token counts: what they cost is not known, "
            "and counts as $0"
        )
    if served.keyed < count:
        lines.append(
            f"{count - served.keyed:,} of {count:,} requests have no key, so a repeat among them "
            "cannot be told and is asked again"
        )
    if served.lanes[0][0].hits and not served.lanes[0][0].judged.events:
        lines.append(
            "a repeat gets what the same model answered before; that this is as good as a fresh "
            "answer was not measured, for want of scores"
        )
    if served.parts.shared:
        lines.append(
            f"more conversations than {len(served.parts):,}: they were drawn in as many parts of "
            "whole conversations"
        )
    if book.assumed_usage:
        lines.append(
            f"no token counts of the other models in {book.assumed_usage:,} of the requests; these "
            "models are priced by the tokens of the recorded answer"
        )
    if isinstance(survey.router, FittedRouter):
        lines.append(fit_note(survey.router))
        lines.append(
            f"the first {survey.fitted_on:,} requests, which the router was fitted on, are not "
            "among those judged"
        )
    if survey.cheapest is not None:
        lines.append("rows to compare with stand behind the same cache")
    if served.began is not None and served.ended is not None:
        changed = book.changed_between(served.began, served.ended)
        if changed:
            lines.append(
                f"prices changed within the traffic: {', '.join(changed)}; each request is priced "
                "at its own time"
            )
    return lines
