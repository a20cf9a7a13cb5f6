"""The tables and views of a trace file.

Ids are text in hexadecimal digits, as logs, `traceparent` headers and other tools show them: who
types `WHERE trace_id LIKE '4bf92f%'` finds the trace. As bytes they would be 32 shorter per
span, and unreadable. What is looked for often has a column of its own and is left out of
`attributes`, which holds the rest as JSON.
"""

from __future__ import annotations

from typing import Final

APPLICATION_ID: Final = 0x7474_6174  # "ttat"
SCHEMA_VERSION: Final = 1

TABLES: Final = (
    """CREATE TABLE run (
        id INTEGER PRIMARY KEY,
        service_name TEXT NOT NULL,
        service_version TEXT NOT NULL,
        began_ns INTEGER NOT NULL,
        ended_ns INTEGER,                     -- NULL while it runs, and for ever if it was killed
        exported INTEGER NOT NULL DEFAULT 0,  -- spans that were written
        dropped INTEGER NOT NULL DEFAULT 0,   -- spans that could not be
        removed INTEGER NOT NULL DEFAULT 0,   -- spans that later made room for newer ones
        resource TEXT NOT NULL                -- JSON
    )""",
    """CREATE TABLE scope (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        version TEXT NOT NULL,
        schema_url TEXT NOT NULL,
        UNIQUE (name, version, schema_url)
    )""",
    """CREATE TABLE span (
        id INTEGER PRIMARY KEY,               -- in the order in which spans ended
        run_id INTEGER NOT NULL REFERENCES run,
        trace_id TEXT NOT NULL,
        span_id TEXT NOT NULL,
        parent_id TEXT,
        is_root INTEGER NOT NULL,             -- no parent, or one in another process
        name TEXT NOT NULL,
        kind TEXT NOT NULL,
        start_ns INTEGER NOT NULL,            -- unix
        duration_ns INTEGER NOT NULL,
        status TEXT NOT NULL,                 -- unset, ok, error
        outcome TEXT,
        error_type TEXT,
        primitive_type TEXT,
        primitive_name TEXT,
        primitive_path TEXT,
        operation TEXT,
        provider TEXT,
        model TEXT,
        input_tokens INTEGER,
        output_tokens INTEGER,
        cost_usd REAL,
        saved_usd REAL,                       -- by a cache
        wasted_usd REAL,                      -- on the losers of a hedge
        cache_result TEXT,
        attempt INTEGER,                      -- of a retry: which one this is, from 1
        attempts INTEGER,                     -- of a retry: how many it made
        attributes TEXT NOT NULL,             -- JSON: those without a column
        scope_id INTEGER NOT NULL REFERENCES scope,
        extra TEXT                            -- JSON: status description, trace state, limits met
    )""",
    """CREATE TABLE event (
        span INTEGER NOT NULL REFERENCES span,
        number INTEGER NOT NULL,
        time_ns INTEGER NOT NULL,
        name TEXT NOT NULL,
        attributes TEXT NOT NULL,
        PRIMARY KEY (span, number)
    ) WITHOUT ROWID""",
    """CREATE TABLE link (
        span INTEGER NOT NULL REFERENCES span,
        number INTEGER NOT NULL,
        trace_id TEXT NOT NULL,
        span_id TEXT NOT NULL,
        attributes TEXT NOT NULL,
        PRIMARY KEY (span, number)
    ) WITHOUT ROWID""",
    "CREATE INDEX span_by_trace ON span (trace_id, span_id, is_root)",
    "CREATE INDEX root_by_time ON span (start_ns) WHERE is_root",
    """CREATE INDEX model_request ON span (model, start_ns) WHERE operation IN
        ('chat', 'embeddings', 'generate_content', 'text_completion')""",
    # A request that two instrumentations report, one below the other, is one.
    """CREATE VIEW model_call AS
        SELECT *, cost_usd IS NULL AND (input_tokens IS NOT NULL OR output_tokens IS NOT NULL)
            AS unpriced
        FROM span WHERE operation IN ('chat', 'embeddings', 'generate_content', 'text_completion')
        AND NOT EXISTS (
            SELECT 1 FROM span AS above WHERE above.trace_id = span.trace_id
            AND above.span_id = span.parent_id AND above.id <> span.id AND above.operation IN
            ('chat', 'embeddings', 'generate_content', 'text_completion'))""",
    """CREATE VIEW trace_summary AS
        SELECT root.trace_id, root.name, datetime(root.start_ns / 1000000000, 'unixepoch') AS began,
            root.duration_ns / 1e9 AS seconds, root.outcome,
            (SELECT count(*) FROM span WHERE trace_id = root.trace_id) AS spans,
            (SELECT count(*) FROM span WHERE trace_id = root.trace_id AND status = 'error')
                AS errors,
            (SELECT count(*) FROM model_call WHERE trace_id = root.trace_id) AS model_calls,
            (SELECT sum(cost_usd) FROM model_call WHERE trace_id = root.trace_id) AS cost_usd,
            (SELECT sum(unpriced) FROM model_call WHERE trace_id = root.trace_id)
                AS unpriced_calls,
            (SELECT sum(saved_usd) FROM span WHERE trace_id = root.trace_id) AS saved_usd
        FROM span AS root WHERE root.is_root ORDER BY root.start_ns DESC""",
    """CREATE VIEW cost_by_model AS
        SELECT provider, model, count(*) AS calls, sum(input_tokens) AS input_tokens,
            sum(output_tokens) AS output_tokens, sum(cost_usd) AS cost_usd,
            sum(unpriced) AS unpriced_calls
        FROM model_call GROUP BY provider, model ORDER BY cost_usd DESC""",
    """CREATE VIEW place_summary AS
        SELECT primitive_path, primitive_type, count(*) AS calls, sum(status = 'error') AS errors,
            avg(duration_ns) / 1e9 AS mean_seconds, max(duration_ns) / 1e9 AS longest_seconds,
            sum(cost_usd) AS cost_usd, sum(saved_usd) AS saved_usd
        FROM span WHERE primitive_path IS NOT NULL
        GROUP BY primitive_path, primitive_type ORDER BY primitive_path""",
    """CREATE VIEW cache_summary AS
        SELECT primitive_path, count(*) AS requests,
            sum(cache_result IN ('hit', 'stale', 'coalesced')) AS hits,
            sum(cache_result = 'miss') AS misses, sum(saved_usd) AS saved_usd
        FROM span WHERE cache_result IS NOT NULL
        GROUP BY primitive_path ORDER BY requests DESC""",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)

SPAN_COLUMNS: Final = (
    *("id", "run_id", "trace_id", "span_id", "parent_id", "is_root", "name", "kind"),
    *("start_ns", "duration_ns", "status", "outcome", "error_type"),
    *("primitive_type", "primitive_name", "primitive_path", "operation", "provider", "model"),
    *("input_tokens", "output_tokens", "cost_usd", "saved_usd", "wasted_usd"),
    *("cache_result", "attempt", "attempts", "attributes", "scope_id", "extra"),
)
INSERT_SPAN: Final = (
    f"INSERT INTO span ({', '.join(SPAN_COLUMNS)}) "  # noqa: S608 - constants
    f"VALUES ({', '.join('?' * len(SPAN_COLUMNS))})"
)
INSERT_EVENT: Final = "INSERT INTO event VALUES (?, ?, ?, ?, ?)"
INSERT_LINK: Final = "INSERT INTO link VALUES (?, ?, ?, ?, ?)"
