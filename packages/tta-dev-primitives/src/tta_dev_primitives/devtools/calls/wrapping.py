"""What stands around each call of a model: noted at the call, and kept for the whole workspace."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, Final

from .policy_numbers import number
from .reaching import Reaching, Way

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tta_dev_primitives.devtools.source.names import Names
    from tta_dev_primitives.devtools.source.source_file import SourceFile

    from .call_site import CallSite, Tri
    from .composition import Composition

# Answers that are the same each time, whatever the model does at random.
_REPEATABLE: Final = frozenset({"embeddings", "moderations", "rerank"})
# APIs where one model can stand in for another.
_EXCHANGEABLE: Final = frozenset(
    {
        *("chat", "completions", "converse", "converse_stream", "generate_content"),
        *("invoke_model", "messages", "responses"),
    }
)
_TOOLS: Final = frozenset({"functions", "tools", "tool_choice"})


# Any: rows go to JSON and back.
def note_wrapping(
    file: SourceFile, names: Names, sites: Sequence[CallSite], compositions: Sequence[Composition]
) -> list[dict[str, Any]]:
    """Fill `wrapped_by` and `wrapping` of *sites*, and return rows for `adoption_table`.

    `wrapped_by` has what stands around the call on every way to it that is seen in the file;
    `wrapping` is unknown where a way goes through something that cannot be seen through. A test
    gives no rows.

    Args:
        file: Where they are.
        names: Of that file.
        sites: From `find_calls`.
        compositions: From `find_compositions`.
    """
    if not sites and not compositions:
        return []
    reaching = Reaching(file, names, compositions)
    rows: list[dict[str, Any]] = []
    for site in sites:
        ways = reaching.ways(site) or [Way((), "", is_known=False)]
        site.wrapped_by = _common(ways)
        site.wrapping = "known" if all(way.is_known for way in ways) else "unknown"
        rows.append(_site_row(file, names, site, ways))
    for made, ways in reaching.adapters():
        rows.append(_adapter_row(file, made, ways))
    rows += [
        {"row": "wrap", "of": name, "around": list(around)} for name, around in reaching.elsewhere
    ]
    return [] if file.is_test else rows


def _common(ways: Iterable[Way]) -> tuple[str, ...]:
    """Return the primitives on every way, in the order of the first."""
    listed = list(ways)
    kinds = [kind for kind in listed[0].around if kind.endswith("Primitive")]
    return tuple(kind for kind in kinds if all(kind in way.around for way in listed))


def _site_row(
    file: SourceFile, names: Names, site: CallSite, ways: Sequence[Way]
) -> dict[str, Any]:
    module = file.module_name or ""
    return {
        "row": "call",
        "path": file.path,
        "line": file.position(site.node).line,
        "ways": [
            [list(way.around), f"{module}.{way.entry}" if way.entry else "", way.is_known]
            for way in ways
        ],
        "own": {
            "cache": "yes" if site.via == "gptcache" else "no",
            "router": "no",
            "timeout": site.timeout,
            "retry": _own_retry(site),
        },
        "eligible": {
            "cache": _may_be_cached(names, site),
            "router": _may_be_routed(site),
            "timeout": "yes",
            "retry": "yes",
        },
    }


def _adapter_row(file: SourceFile, made: Composition, ways: Sequence[Way]) -> dict[str, Any]:
    temperature = number(made.values.get("temperature"))
    return {
        "row": "call",
        "path": file.path,
        "line": file.position(made.node).line,
        "ways": [[list(way.around), "", way.is_known] for way in ways],
        # An adapter always has a limit, and turns the retries of the SDK off.
        "own": {"cache": "no", "router": "no", "timeout": "yes", "retry": "no"},
        "eligible": {
            "cache": "yes" if temperature == 0 else "no" if made.is_complete else "unknown",
            "router": "yes",
            "timeout": "yes",
            "retry": "yes",
        },
    }


def _own_retry(site: CallSite) -> Tri:
    """Whether the client was told to try again; what an SDK does by itself is not counted."""
    if site.kind == "wrapper":
        return "unknown"
    given = None if site.client is None else site.client.arguments.get("max_retries")
    is_number = isinstance(given, int) and not isinstance(given, bool)
    return "yes" if is_number and isinstance(given, int) and given > 0 else "no"


def _may_be_cached(names: Names, site: CallSite) -> Tri:
    """Whether asking twice would give the same answer, and asking once will do."""
    given = {keyword.arg: keyword.value for keyword in site.node.keywords}
    if site.streaming == "yes" or not _TOOLS.isdisjoint(name for name in given if name):
        return "no"
    if site.kind == "wrapper" or site.has_unknown_arguments or site.streaming == "unknown":
        return "unknown"
    if site.api in _REPEATABLE or "seed" in given:
        return "yes"
    temperature = given.get("temperature")
    if temperature is None:
        return "no"
    value = names.constant(temperature)
    if isinstance(temperature, ast.Constant) or isinstance(value, (int, float)):
        return "yes" if value == 0 else "no"
    return "unknown"


def _may_be_routed(site: CallSite) -> Tri:
    if site.kind == "wrapper":
        return "unknown"
    return "yes" if site.api in _EXCHANGEABLE else "no"
