"""How often the memory store still has what is asked for, beside LRU and W-TinyLFU."""

from __future__ import annotations

import importlib
import itertools
import math
import random
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from cache_data import installed
from cache_tables import Options, Table

from tta_dev_primitives.performance.stores.memory import MemoryEntry, MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    # Asks for a key, keeps it when it was not there, and tells whether it was.
    Ask = Callable[[int], bool]

TITLE = "Hit ratio of the memory store (SIEVE), per cent"
REQUESTS = 60_000
KEYS = 20_000
SIZES = (200, 1_000, 4_000)
SKEWS = (0.6, 0.8, 1.0, 1.2)
SEED = 3


async def tables(options: Options) -> list[Table]:
    """Run every stream through every policy; the same streams in every run."""
    del options
    records: list[dict[str, Any]] = []
    policies = _policies()
    for size in SIZES:
        for name, stream in _streams(size).items():
            ratios = {policy: _hit_ratio(make(size), stream) for policy, make in policies.items()}
            best = max(ratio for policy, ratio in ratios.items() if policy != "ours")
            gap = {"ours less best other": ratios["ours"] - best}
            records.append({"stream": name, "entries": size, **ratios, **gap})
    note = (
        f"{REQUESTS} requests for {KEYS} keys, each size and stream from an empty cache. A scan "
        "is 500 keys that are asked for once, after every 1,000 other requests. W-TinyLFU is "
        "that of theine and of moka-py, which differ a little from run to run. There is no goal."
    )
    return [Table(TITLE, records=records, note=note)]


def _streams(size: int) -> dict[str, list[int]]:
    drawn = random.Random(SEED)
    streams = {f"Zipf {skew}": _zipf(drawn, skew, REQUESTS) for skew in SKEWS}
    streams["Zipf 1.0 that moves on"] = [
        key + KEYS * (place * 4 // REQUESTS) for place, key in enumerate(streams["Zipf 1.0"])
    ]
    streams["Zipf 1.0 with scans"] = _with_scans(streams["Zipf 1.0"])
    streams["loop of 1.25 x entries"] = _loop(size * 5 // 4)
    streams["loop of 2 x entries"] = _loop(size * 2)
    return streams


def _zipf(drawn: random.Random, skew: float, count: int) -> list[int]:
    weights = itertools.accumulate(1 / rank**skew for rank in range(1, KEYS + 1))
    return drawn.choices(range(KEYS), cum_weights=list(weights), k=count)


def _with_scans(stream: list[int]) -> list[int]:
    fresh = itertools.count(KEYS)
    mixed: list[int] = []
    for begin in range(0, REQUESTS * 2 // 3, 1000):
        mixed.extend(stream[begin : begin + 1000])
        mixed.extend(itertools.islice(fresh, 500))
    return mixed


def _loop(length: int) -> list[int]:
    return list(itertools.islice(itertools.cycle(range(length)), REQUESTS))


def _hit_ratio(ask: Ask, stream: Iterable[int]) -> float:
    answers = [ask(key) for key in stream]
    return 100 * sum(answers) / len(answers)


def _policies() -> dict[str, Callable[[int], Ask]]:
    policies = {"ours": _ours, "LRU": _least_recently_used}
    if installed("theine"):
        policies["theine"] = _theine
    if installed("moka_py"):
        policies["moka-py"] = _moka
    return policies


def _ours(size: int) -> Ask:
    store = MemoryStore(size, 1 << 40)

    def ask(key: int) -> bool:
        entry = store.entries.get(key)
        if entry is None:
            store.add(MemoryEntry(key, key, None, 0.0, math.inf, math.inf))
            return False
        entry.uses += 1
        return True

    return ask


def _least_recently_used(size: int) -> Ask:
    entries: OrderedDict[int, None] = OrderedDict()

    def ask(key: int) -> bool:
        if key in entries:
            entries.move_to_end(key)
            return True
        entries[key] = None
        if len(entries) > size:
            entries.popitem(last=False)
        return False

    return ask


def _theine(size: int) -> Ask:
    # Any: not installed where the type checker runs
    cache: Any = importlib.import_module("theine").Cache(size, nolock=True)

    def ask(key: int) -> bool:
        _, found = cache.get(key)
        if not found:
            cache.set(key, key)
        return found

    return ask


def _moka(size: int) -> Ask:
    # Any: not installed where the type checker runs
    cache: Any = importlib.import_module("moka_py").Moka(size, policy="tiny_lfu")

    def ask(key: int) -> bool:
        if cache.get(key) is None:
            cache.set(key, key)
            return False
        return True

    return ask
