"""The clients behind the calls of a file: which calls share one, and where it is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from tta_dev_primitives.devtools.calls.call_facts import client_of, options_of
from tta_dev_primitives.devtools.source.values import Constant

from .sdk_defaults import CLIENTS

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterable, Iterator

    from tta_dev_primitives.devtools.calls.call_site import CallSite
    from tta_dev_primitives.devtools.source.names import Origin

    from .rule import CheckedFile
    from .sdk_defaults import SdkDefaults


_Place: TypeAlias = tuple[str, int, str]


@dataclass(frozen=True, slots=True)
class Client:
    """A client that a file uses.

    Args:
        origin: How it was made.
        defaults: What it does unasked.
        constructor: The call that makes it, None where that is in another file.
        sites: Calls that may go through it, in the order of the source.
        own_sites: Those of them that can go through no other, and with its own settings.
    """

    origin: Origin
    defaults: SdkDefaults
    constructor: ast.Call | None
    sites: tuple[CallSite, ...]
    own_sites: tuple[CallSite, ...]

    @property
    def class_name(self) -> str:
        """Its class without the package: `OpenAI`; `ollama.Client` where that says too little."""
        package, _, name = self.origin.qualified.rpartition(".")
        vague = name.removeprefix("Async") in ("Client", "ClientV2", "InferenceClient")
        return f"{package}.{name}" if vague else name

    @property
    def max_retries(self) -> int | None:
        """How often it tries again, None where that is not known."""
        if not self.origin.is_complete:
            return None
        if "max_retries" not in self.origin.arguments:
            return self.defaults.max_retries
        given = self.origin.arguments["max_retries"]
        return given if isinstance(given, int) and not isinstance(given, bool) else None


def clients_of(checked: CheckedFile, sites: Iterable[CallSite]) -> list[Client]:
    """Return the clients behind *sites* whose class is known, each once.

    A call whose client is one of several, made in the branches of an `if` for example, belongs to
    each of them.
    """
    groups: dict[_Place, list[CallSite]] = {}
    own: dict[_Place, list[CallSite]] = {}
    origins: dict[_Place, Origin] = {}
    for site in sites:
        found = checked.names.values(site.node.func)
        values = [value for value in found if value != Constant(None)]
        for value in values:
            origin = client_of(value, checked.names)
            if origin is None or origin.qualified not in CLIENTS or not origin.line:
                continue
            place = (origin.path, origin.line, origin.qualified)
            origins[place] = origin
            groups.setdefault(place, []).append(site)
            if len(values) == 1 and not options_of(value):
                own.setdefault(place, []).append(site)
    here = {place for place in groups if place[0] == checked.file.path}
    constructors = dict(_constructors(checked, here)) if here else {}
    return [
        Client(
            origins[place],
            CLIENTS[place[2]],
            constructors.get(place),
            tuple(group),
            tuple(own.get(place, ())),
        )
        for place, group in groups.items()
    ]


def _constructors(checked: CheckedFile, wanted: set[_Place]) -> Iterator[tuple[_Place, ast.Call]]:
    lines = {line for _, line, _ in wanted}
    for node in checked.file.index.calls:
        if node.lineno in lines:
            name = checked.names.qualified(node.func)
            key = (checked.file.path, node.lineno, name or "")
            if key in wanted:
                yield key, node
