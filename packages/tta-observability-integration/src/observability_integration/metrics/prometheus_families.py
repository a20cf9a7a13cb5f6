"""Each family once in a scrape, whoever tells it.

Instrumentations that follow the same conventions count under the same names as we do. Two families
of one name are refused by Prometheus, and with them the whole scrape.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from prometheus_client.core import Metric
    from prometheus_client.registry import Collector
    from prometheus_client.samples import Sample

_logger = logging.getLogger("observability_integration")
# Of the process there is one description, which queries join by; the first is taken.
_TARGET: Final = "target"


class DistinctFamilies:
    """Join families of the same name and kind, and leave out what cannot be joined.

    The first that is told gives the kind and the description. Of series with the same labels the
    first stays; a family of another kind is left out, and told in the log once.

    Args:
        source: Where families come from.
        names: Names of the series wanted; None for all.
    """

    def __init__(self, source: Collector, names: Collection[str] | None = None) -> None:
        self._source, self._names = source, names
        self._told: set[str] = set()

    def restricted_registry(self, names: Iterable[str]) -> DistinctFamilies:
        """Return the same with the series called *names* alone."""
        restricted = DistinctFamilies(self._source, frozenset(names))
        restricted._told = self._told
        return restricted

    def collect(self) -> Iterator[Metric]:
        """Yield each family once."""
        joined: dict[str, Metric] = {}
        seen: dict[str, set[tuple[str, frozenset[tuple[str, str]]]]] = {}
        for family in self._source.collect():
            known = joined.get(family.name)
            if known is None:
                known = joined[family.name] = _empty_copy(family)
                seen[family.name] = set()
            elif known.type != family.type:
                self._complain(family.name, known.type, family.type)
                continue
            elif family.name == _TARGET:
                continue
            for sample in family.samples:
                key = _identity(sample)
                wanted = self._names is None or sample.name in self._names
                if wanted and key not in seen[family.name]:
                    seen[family.name].add(key)
                    known.samples.append(sample)
        yield from (family for family in joined.values() if family.samples or self._names is None)

    def _complain(self, name: str, kept: str, left_out: str) -> None:
        if name not in self._told:
            self._told.add(name)
            _logger.warning(
                "a %s called %s is left out of the scrape, because there is a %s of that name; "
                "rename one",
                left_out,
                name,
                kept,
            )


def _empty_copy(family: Metric) -> Metric:
    from prometheus_client.core import Metric

    return Metric(family.name, family.documentation, family.type, family.unit)


def _identity(sample: Sample) -> tuple[str, frozenset[tuple[str, str]]]:
    # A label without a value is the same as none.
    return sample.name, frozenset(pair for pair in sample.labels.items() if pair[1])
