"""A change of a product split into what each of its factors did.

The split is the Shapley value (L. S. Shapley, "A value for n-person games", 1953), as proposed for
such splits by A. F. Shorrocks ("Decomposition procedures for distributional analysis", Journal of
Economic Inequality 11, 2013): what a factor did is the mean of what changes when it goes from the
first period to the second, over all orders in which the factors can go. The parts add up to the
change, and with the periods swapped each of them changes its sign.
"""

from __future__ import annotations

from itertools import product
from math import factorial
from typing import Final

from .cell_factors import CellFactors
from .comparison import FACTORS

_NUMBER: Final = len(FACTORS)
_SETS: Final = 1 << _NUMBER
_WEIGHTS: Final = tuple(
    factorial(size) * factorial(_NUMBER - size - 1) / factorial(_NUMBER) for size in range(_NUMBER)
)


def shapley_parts(before: CellFactors, after: CellFactors) -> list[float]:
    """Return what each factor did, in the order of `FACTORS`.

    The cost is computed for each of the 256 ways to take factors from one period or the other.
    """
    # Bit i of an index tells whether factor i is that of the second period.
    pairs = list(zip(before, after, strict=True))
    costs = [CellFactors._make(reversed(chosen)).cost() for chosen in product(*reversed(pairs))]
    parts = [0.0] * _NUMBER
    for without in range(_SETS - 1):
        weight = _WEIGHTS[without.bit_count()]
        cost = costs[without]
        for factor in range(_NUMBER):
            bit = 1 << factor
            if not without & bit:
                parts[factor] += weight * (costs[without | bit] - cost)
    return parts
