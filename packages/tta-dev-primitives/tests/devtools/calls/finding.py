"""Finds the calls of a piece of source, beside other files where there are some."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import dedent

from tta_dev_primitives.devtools.calls.call_site import CallSite
from tta_dev_primitives.devtools.calls.find import find_calls
from tta_dev_primitives.devtools.calls.providers import PUBLIC_PACKAGES
from tta_dev_primitives.devtools.source.source_file import read_source
from tta_dev_primitives.devtools.source.workspace import Workspace, gather_facts


@dataclass(frozen=True, slots=True)
class Known:
    """What a project told of its own code."""

    known_clients: tuple[str, ...] = ()
    known_wrappers: tuple[str, ...] = ()


def sites_in(
    source: str,
    others: Mapping[str, str] | None = None,
    *,
    known: Known | None = None,
    path: str = "app/main.py",
) -> list[CallSite]:
    """List the calls of models in *source*."""
    texts = {path: source, **(others or {})}
    files = {
        name: read_source(
            name, dedent(text), module_name=name.removesuffix(".py").replace("/", ".")
        )
        for name, text in texts.items()
    }
    workspace = Workspace(map(gather_facts, files.values()), public=PUBLIC_PACKAGES)
    return find_calls(files[path], workspace.names_of(files[path]), known)


def only_site(source: str, others: Mapping[str, str] | None = None) -> CallSite:
    """Give the one call of a model in *source*."""
    sites = sites_in(source, others)
    assert len(sites) == 1, [site.node.func for site in sites]
    return sites[0]
