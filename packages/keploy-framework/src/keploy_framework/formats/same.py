"""Whether two pieces of data are the same, types and order included."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

from keploy_framework.formats.narrow import is_list, is_mapping


# Any: a file may hold anything.
def same_data(first: Any, second: Any) -> bool:
    """Tell whether two pieces of parsed data are equal, with equal types and order of keys.

    ``1``, ``1.0`` and ``True`` differ from each other here, NaN equals itself.
    """
    if type(first) is not type(second):
        return False
    if is_mapping(first):
        pairs = zip_longest(first.items(), second.items())
        return all(
            one is not None
            and other is not None
            and same_data(one[0], other[0])
            and same_data(one[1], other[1])
            for one, other in pairs
        )
    if is_list(first):
        return len(first) == len(second) and all(map(same_data, first, second))
    if isinstance(first, float):
        return repr(first) == repr(second)
    return bool(first == second)
