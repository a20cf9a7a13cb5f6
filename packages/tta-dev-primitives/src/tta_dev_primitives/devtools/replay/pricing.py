"""Where prices come from: given to the replay, which knows none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import date

    from tta_dev_primitives.devtools.traffic.request import TokenUsage


class Prices(Protocol):
    """What tokens cost."""

    @property
    def source(self) -> str:
        """Whose prices these are, such as `genai-prices 0.2.3`."""
        ...

    @property
    def snapshot(self) -> date | None:
        """The day the list was made; None where it says nothing."""
        ...

    def cost(self, model: str, provider: str | None, usage: TokenUsage, at: float) -> float | None:
        """Return US dollars, or None for a model whose price is not known.

        Args:
            model: Name of the model.
            provider: Who serves it; None to find it by the name.
            usage: Its tokens.
            at: When the request was sent, in seconds since 1970.
        """
        ...
