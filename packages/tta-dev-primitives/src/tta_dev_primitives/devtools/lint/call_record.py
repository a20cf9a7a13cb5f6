"""A found call of a model as a record, for `tta lint calls --json` and the cache."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tta_dev_primitives.devtools.calls.call_site import CallSite


def call_record(site: CallSite) -> dict[str, Any]:  # Any: JSON
    """Return the facts of a call; lines count from 1, columns from 0 in UTF-8 bytes, as in `ast`.

    In a notebook `cell` is the cell's index and lines count within it; elsewhere it is None.
    """
    position = site.file.position(site.node)
    return {
        "path": site.file.path,
        "cell": position.cell,
        "line": position.line,
        "end_line": position.end_line,
        "col": site.node.col_offset,
        "provider": site.provider,
        "api": site.api,
        "kind": site.kind,
        "mode": site.mode,
        "streaming": site.streaming,
        "timeout": site.timeout,
        "max_tokens": site.max_tokens,
        "in_loop": site.in_loop,
        "wrapped_by": list(site.wrapped_by),
    }
