"""The rules about concurrency and about primitives: TTA301 to TTA304 and TTA401 to TTA405."""

from __future__ import annotations

from typing import Final

from . import (
    blocking_step,
    cache_key,
    client_per_call,
    degenerate_choice,
    sequential_awaits,
    sync_in_async,
    timeout_exceeds_parent,
    unbounded_gather,
    wrong_order,
)

COMPOSITION_RULES: Final = (
    sync_in_async.RULE,
    sequential_awaits.RULE,
    unbounded_gather.RULE,
    client_per_call.RULE,
    cache_key.RULE,
    wrong_order.RULE,
    timeout_exceeds_parent.RULE,
    degenerate_choice.RULE,
    blocking_step.RULE,
)
