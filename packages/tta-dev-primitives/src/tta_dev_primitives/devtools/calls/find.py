"""Finding every call of a model in one file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from .call_facts import (
    client_of,
    hides_arguments,
    is_in_loop,
    limit_of,
    mode_of,
    model_of,
    streaming_of,
    written_name,
)
from .call_site import CallSite
from .call_timeout import timeout_of
from .candidates import Candidate, candidates
from .matching import Match, called_name, match_value, method_of_any
from .provider_methods import Method
from .raw_http import HTTP_METHODS, match_address
from .shapes import match_shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tta_dev_primitives.devtools.source.names import Names
    from tta_dev_primitives.devtools.source.source_file import SourceFile
    from tta_dev_primitives.devtools.source.values import Value

_ADDRESS_METHODS: Final = HTTP_METHODS


class CallSettings(Protocol):
    """What a project tells about its own code.

    Attributes:
        known_clients: Dotted names of classes, functions or objects that are clients, such as
            "acme.llm.client"; called like the client of any provider.
        known_wrappers: Dotted names of functions or methods that call a model themselves, such
            as "acme.llm.ask".
    """

    @property
    def known_clients(self) -> Sequence[str]:
        """Dotted names of clients."""
        ...

    @property
    def known_wrappers(self) -> Sequence[str]:
        """Dotted names of what calls a model."""
        ...


def find_calls(
    file: SourceFile, names: Names, settings: CallSettings | None = None
) -> list[CallSite]:
    """List the calls of models in the order of the source.

    A call is found by where its client comes from, and where that is not known by its whole
    shape, never by a bare name.

    Args:
        file: Where to look.
        names: Of that file, within its workspace.
        settings: What the project told of its own clients and wrappers.
    """
    clients = tuple(settings.known_clients) if settings is not None else ()
    wrappers = tuple(settings.known_wrappers) if settings is not None else ()
    imported = imported_packages(file)
    sites: list[CallSite] = []
    for candidate in candidates(file, wrappers):
        values = names.values(candidate.request.func)
        match = _known(values, names, clients, wrappers)
        match = match or _match(candidate, values, names, imported)
        if match is not None:
            sites.append(_site(candidate, values, match, file, names))
    sites.sort(key=lambda site: (site.node.lineno, site.node.col_offset))
    return sites


def imported_packages(file: SourceFile) -> set[str]:
    """Give the first names of the packages a file imports anywhere."""
    return {target.partition(".")[0] for _, target in file.index.imports}


def _known(
    values: tuple[Value, ...], names: Names, clients: tuple[str, ...], wrappers: tuple[str, ...]
) -> Match | None:
    if not clients and not wrappers:
        return None
    for value in values:
        dotted = called_name(value, names)
        if dotted is None:
            continue
        if dotted in wrappers:
            return Match("in-house", Method("chat"), value, kind="wrapper")
        for client in clients:
            if dotted.startswith(client + "."):
                found = method_of_any(dotted[len(client) + 1 :].split("."))
                if found is not None:
                    return Match(found[0].name, found[1], value)
    return None


def _match(
    candidate: Candidate, values: tuple[Value, ...], names: Names, imported: set[str]
) -> Match | None:
    for value in values:
        match = match_value(value, names)
        if match is not None and not (candidate.is_handed_on and match.kind == "wrapper"):
            return match
    if not values:
        return None
    if written_name(candidate.request.func)[-1] in _ADDRESS_METHODS:
        match = match_address(candidate.request, values, names)
        if match is not None:
            return match
    return match_shape(candidate.request, values, imported)


def _site(
    candidate: Candidate,
    values: tuple[Value, ...],
    match: Match,
    file: SourceFile,
    names: Names,
) -> CallSite:
    node, request = candidate.node, candidate.request
    return CallSite(
        file=file,
        node=node,
        provider=match.provider,
        api=match.method.api,
        kind=match.kind,
        mode=mode_of(node, values, match, file, names, in_thread=candidate.in_thread),
        streaming=streaming_of(request, match, names),
        timeout=timeout_of(request, node, values, match, file, names),
        max_tokens=limit_of(request, match, names),
        in_loop=is_in_loop(node, file),
        model=model_of(request, match, names),
        has_unknown_arguments=hides_arguments(request),
        client=client_of(match.value, names),
        request=request,
        via=match.via,
    )
