"""The questions that are asked of a trace file.

`:run` is the number of a run, or NULL for all of them.
"""

from __future__ import annotations

from typing import Final

from observability_integration.semconv import names as semconv
from observability_integration.terminal.lost import FAILED

from .columns import COLUMNS

_FAILED_WORDS: Final = ", ".join(f"'{word}'" for word in sorted(FAILED))
# As TreeSpan.outcome has it: a primitive's own word counts more than the status.
_IS_FAILED: Final = (
    f"CASE WHEN {{span}}.outcome IS NULL THEN {{span}}.status = 'error' "
    f"ELSE {{span}}.outcome IN ({_FAILED_WORDS}) END"
)
# Fallbacks and timeouts that took an alternative, and hedges. The text may stand elsewhere among
# the attributes, too; that does no harm.
_WENT_ON: Final = (
    f"(instr(attributes, '\"{semconv.TTA_FALLBACK_USED}\"') > 0"
    f" OR instr(attributes, '\"{semconv.TTA_HEDGE_WINNER}\"') > 0)"
)
# What tells whose answer reached nobody, by its attribute.
WASTE_COLUMNS: Final = {
    COLUMNS[key][0]: key
    for key in (
        semconv.TTA_OUTCOME,
        semconv.TTA_PRIMITIVE_NAME,
        semconv.TTA_PRIMITIVE_PATH,
        semconv.TTA_RETRY_ATTEMPT,
        semconv.TTA_RETRY_ATTEMPTS,
        semconv.TTA_HEDGE_WASTED_COST,
        semconv.GEN_AI_OPERATION_NAME,
        semconv.GEN_AI_USAGE_COST_AMOUNT,
    )
}


def _failed(span: str) -> str:
    return _IS_FAILED.format(span=span)


def _sum(whole_numbers: str) -> str:
    return f"coalesce(sum({whole_numbers}), 0)"


RUNS: Final = """
SELECT id, service_name, service_version, began_ns, ended_ns, exported, dropped, removed, resource
FROM run WHERE :run IS NULL OR id = :run ORDER BY id
"""

# A trace whose top is not there was cut short: its process was killed, or still runs.
TRACES: Final = f"""
WITH entry AS (
    SELECT id, min(start_ns) AS start_ns, 1 AS complete FROM span
    WHERE is_root AND (:run IS NULL OR run_id = :run) GROUP BY trace_id
    UNION ALL
    SELECT (SELECT id FROM span WHERE span.trace_id = cut.trace_id ORDER BY start_ns LIMIT 1),
        (SELECT min(start_ns) FROM span WHERE span.trace_id = cut.trace_id), 0
    FROM (SELECT trace_id FROM span GROUP BY trace_id HAVING NOT max(is_root)) AS cut
)
SELECT top.trace_id, top.name, top.start_ns, top.duration_ns / 1e9 AS seconds,
    coalesce(top.outcome, iif(top.status = 'error', 'error', 'ok')) AS outcome, entry.complete,
    (SELECT count(*) FROM span WHERE trace_id = top.trace_id) AS spans,
    (SELECT {_sum(_failed("span"))} FROM span WHERE trace_id = top.trace_id) AS failed,
    (SELECT count(*) FROM model_call WHERE trace_id = top.trace_id) AS model_calls,
    (SELECT {_sum("unpriced")} FROM model_call WHERE trace_id = top.trace_id) AS unpriced_calls,
    (SELECT total(cost_usd) FROM model_call WHERE trace_id = top.trace_id) AS cost,
    (SELECT total(saved_usd) FROM span WHERE trace_id = top.trace_id) AS saved
FROM entry JOIN span AS top ON top.id = entry.id
WHERE (:run IS NULL OR top.run_id = :run)
    AND (:since IS NULL OR top.start_ns >= :since)
    AND (:name IS NULL OR top.name = :name OR top.name GLOB :name)
ORDER BY entry.start_ns DESC, top.id DESC LIMIT :limit
"""  # noqa: S608 - constants

# More than one, and the beginning that was given is not enough.
TRACE_IDS: Final = """
SELECT DISTINCT trace_id FROM span WHERE trace_id >= :begin AND trace_id < :begin || 'g'
AND (:run IS NULL OR run_id = :run) LIMIT 2
"""

_STORED: Final = ", ".join(column for column, _ in COLUMNS.values())
SPANS: Final = f"""
SELECT span.id, run_id, trace_id, span_id, parent_id, is_root, span.name, kind, start_ns,
    duration_ns, status, extra, scope.name, attributes, {_STORED}
FROM span JOIN scope ON scope.id = span.scope_id
WHERE trace_id = :trace AND (:run IS NULL OR run_id = :run) ORDER BY start_ns, span.id
"""  # noqa: S608 - constants
EVENTS: Final = "SELECT name, time_ns, attributes FROM event WHERE span = ? ORDER BY number"
LINKS: Final = "SELECT trace_id, span_id, attributes FROM link WHERE span = ? ORDER BY number"

# The p-th of n in order is number ceil(n * p / 100).
PLACES: Final = f"""
SELECT path, what, count(*) AS calls, {_sum(_failed("ranked"))} AS failed,
    max(CASE WHEN rank = (of * 50 + 99) / 100 THEN duration_ns END) / 1e9 AS p50_seconds,
    max(CASE WHEN rank = (of * 95 + 99) / 100 THEN duration_ns END) / 1e9 AS p95_seconds,
    total(CASE WHEN is_call THEN cost_usd END) AS cost,
    {_sum("is_call AND cost_usd IS NULL AND coalesce(input_tokens, output_tokens) IS NOT NULL")}
        AS unpriced_calls,
    total(saved_usd) AS saved,
    {_sum("CASE WHEN is_call THEN input_tokens END")} AS input_tokens,
    {_sum("CASE WHEN is_call THEN output_tokens END")} AS output_tokens,
    count(cache_result) AS cache_requests,
    {_sum("cache_result IN ('hit', 'stale', 'coalesced')")} AS cache_hits,
    count(attempts) AS retried_calls, {_sum("attempts")} AS attempts
FROM (
    SELECT *, row_number() OVER (PARTITION BY path, what ORDER BY duration_ns) AS rank,
        count(*) OVER (PARTITION BY path, what) AS of
    FROM (
        SELECT *, coalesce(primitive_path, '') AS path,
            iif(primitive_path IS NULL, name, coalesce(primitive_type, '')) AS what,
            id IN (SELECT id FROM model_call) AS is_call
        FROM span WHERE :run IS NULL OR run_id = :run
    )
) AS ranked GROUP BY path, what ORDER BY path, what
"""  # noqa: S608 - constants

MODELS: Final = f"""
SELECT coalesce(provider, '') AS provider, coalesce(model, '') AS model, count(*) AS calls,
    {_sum("unpriced")} AS unpriced_calls, {_sum("input_tokens")} AS input_tokens,
    {_sum("output_tokens")} AS output_tokens, total(cost_usd) AS cost
FROM model_call WHERE :run IS NULL OR run_id = :run
GROUP BY 1, 2 ORDER BY cost DESC, 1, 2
"""  # noqa: S608 - constants

TOTALS: Final = f"""
SELECT coalesce(max(start_ns + duration_ns) - min(start_ns), 0), count(*),
    {_sum(_failed("span"))}, total(saved_usd), count(DISTINCT trace_id)
FROM span WHERE :run IS NULL OR run_id = :run
"""  # noqa: S608 - constants

# The traces in which something was paid and something may have been in vain, each with all of its
# spans, also those of other runs: what is above a call decides what became of its answer.
WASTE: Final = f"""
SELECT trace_id, :run IS NULL OR run_id = :run, span_id, parent_id, start_ns, duration_ns,
    status = 'error', iif({_WENT_ON}, attributes, NULL), {", ".join(WASTE_COLUMNS)}
FROM span WHERE trace_id IN (
    SELECT trace_id FROM span
        WHERE {_failed("span")} OR attempts > 1 OR wasted_usd > 0 OR {_WENT_ON}
    INTERSECT
    SELECT trace_id FROM model_call WHERE cost_usd > 0 AND (:run IS NULL OR run_id = :run)
) ORDER BY trace_id
"""  # noqa: S608 - constants
