"""Which traces are recorded: decided once, where a trace begins.

The rules and their names are those of OpenTelemetry's SDK specification; the same trace id gets
the same answer from its SDK.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOW_BITS: Final = (1 << 64) - 1
_logger = logging.getLogger("observability_integration")


@dataclass(frozen=True, slots=True)
class Sampling:
    """Record a share of all traces.

    Attributes:
        ratio: The share, from 0 to 1.
        follows_parent: Whether what is below a span, of this process or a remote one, is recorded
            just when that span is.
    """

    ratio: float = 1.0
    follows_parent: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.ratio <= 1:
            msg = f"the share of traces to record must be from 0 to 1, got {self.ratio!r}"
            raise ValueError(msg)

    def records(self, trace_id: int) -> bool:
        """Tell whether a trace that begins is recorded."""
        return (trace_id & _LOW_BITS) < round(self.ratio * (_LOW_BITS + 1))

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Sampling:
        """Return what `OTEL_TRACES_SAMPLER` and its argument ask for; all traces without."""
        name = environ.get("OTEL_TRACES_SAMPLER", "").strip().lower() or "parentbased_always_on"
        follows, kind = name.startswith("parentbased_"), name.removeprefix("parentbased_")
        if kind == "always_on":
            return cls(1.0, follows)
        if kind == "always_off":
            return cls(0.0, follows)
        if kind == "traceidratio":
            return cls(_share(environ), follows)
        _logger.warning("OTEL_TRACES_SAMPLER=%r is not known; all traces are recorded", name)
        return cls()


def _share(environ: Mapping[str, str]) -> float:
    text = environ.get("OTEL_TRACES_SAMPLER_ARG", "").strip()
    try:
        share = float(text) if text else 1.0
    except ValueError:
        share = -1.0
    if 0 <= share <= 1:
        return share
    _logger.warning(
        "OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1, got %r; all traces are recorded",
        text,
    )
    return 1.0
