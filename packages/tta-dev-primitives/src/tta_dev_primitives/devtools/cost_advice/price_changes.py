"""Whether prices changed while the traffic ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .shown_text import shown

if TYPE_CHECKING:
    from tta_dev_primitives.devtools.replay.price_book import PriceBook


def price_changes(book: PriceBook, began: float | None, ended: float | None) -> tuple[str, ...]:
    """Return a note that names the models whose price changed between two times; else none.

    Args:
        book: What priced the requests.
        began: When the first request was sent, in seconds since 1970; None without requests.
        ended: When the last was.
    """
    if began is None or ended is None:
        return ()
    changed = book.changed_between(began, ended)
    if not changed:
        return ()
    names = ", ".join(shown(model) for model in changed)
    return (f"prices changed meanwhile, each request is priced at its own time: {names}",)
