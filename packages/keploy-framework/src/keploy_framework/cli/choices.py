"""Settings that several commands share, made into what the rooms take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from keploy_framework.checks import checked_mapping
from keploy_framework.errors import KeployConfigError
from keploy_framework.formats import KeployTree, ParseCache
from keploy_framework.formats.narrow import is_list, is_mapping
from keploy_framework.process.outgoing import OutgoingOptions
from keploy_framework.proxy.child.dependencies import Dependency
from keploy_framework.proxy.passing import TELEMETRY, PassRule
from keploy_framework.record.filters import pass_rule, port_of
from keploy_framework.redaction import RedactionRules

from .exits import UsageError

if TYPE_CHECKING:
    import argparse

    from .settings import Settings

# What upstream's generated file says. It means nothing here, where a free port is better.
_UPSTREAM_PROXY_PORT: Final = 16_789


def add_app_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options about the app."""
    group = parser.add_argument_group("about the app")
    group.add_argument("-c", "--command", dest="app_command", help="what starts the app")
    group.add_argument("--port", help="the port the app answers on (found)")
    group.add_argument("--health-url", help="a URL that answers when the app is ready")
    group.add_argument(
        "--health-poll-timeout", metavar="TIME", help="the most time until it is ready (60s)"
    )
    group.add_argument("--proxy-port", help="the port of the proxy for outgoing calls (a free one)")
    group.add_argument(
        "--no-shims",
        dest="shims",
        action="store_false",
        default=None,
        help="load no file of ours into Python and Node apps",
    )
    group.add_argument(
        "--no-redact",
        dest="redact",
        action="store_false",
        default=None,
        help="leave secrets where they are",
    )


def app_command(settings: Settings, *, needed: bool = True) -> str:
    """Give the command of the app.

    Raises:
        UsageError: There is none, and one is needed.
    """
    command = settings.text("app_command") or settings.environment.get("KEPLOY_COMMAND", "")
    command = command or settings.config.app.command
    if needed and not command:
        problem = (
            "no command starts the app; give one with -c 'python app.py', "
            "or as command: in keploy.yml"
        )
        raise UsageError(problem)
    return command


def tree_of(settings: Settings, *, cache: bool = False) -> KeployTree:
    """Give the folder of recordings."""
    ending = settings.text("storage_format", "storageFormat", default="yaml").lower()
    if ending not in ("yaml", "json"):
        problem = f"must be yaml or json, got {ending!r}; write one of them"
        raise KeployConfigError(problem, key="storageFormat", value=ending)
    return KeployTree(
        settings.tree_folder, cache=ParseCache() if cache else None, ending=f".{ending}"
    )


def redaction_of(settings: Settings) -> RedactionRules:
    """Give what is redacted."""
    told = settings.value("redact")
    enabled = None if told is None or isinstance(told, dict) else settings.flag("redact")
    return RedactionRules.from_data(settings.in_file("redact"), enabled=enabled)


def outgoing_of(settings: Settings) -> OutgoingOptions:
    """Give how the app's calls are led through the proxy.

    Raises:
        KeployConfigError: A section has the wrong shape.
        TargetError: A dependency has no URL.
    """
    port = settings.port("proxy_port", "proxyPort")
    if port == _UPSTREAM_PROXY_PORT and settings.value("proxy_port") is None:
        port = 0
    trusted = settings.text("trusted_authorities", "trustedAuthorities")
    return OutgoingOptions(
        rules=(*passing_rules(settings), *TELEMETRY),
        port=port,
        dependencies=_dependencies(settings),
        shims=settings.flag("shims", default=True),
        trusted=Path(trusted) if trusted else None,
    )


def passing_rules(settings: Settings) -> tuple[PassRule, ...]:
    """Give the calls to dependencies that are passed on unrecorded."""
    rules: list[PassRule] = []
    for key in ("bypassRules", "record.passThroughPorts", "record.passThroughHosts"):
        for at, raw in enumerate(list_of(settings, key)):
            item = {"port": raw} if isinstance(raw, int) else raw
            item = {"host": item} if isinstance(item, str) else item
            # YAML reads a bare off as false.
            if not is_mapping(item) or item.get("mode") not in ("off", False):
                rules.append(pass_rule(item, f"{key}[{at}]"))
    ports = settings.names("pass_through_ports")
    rules.extend(PassRule(port=port_of(port, "--pass-through-ports")) for port in ports)
    return tuple(rules)


def list_of(settings: Settings, key: str) -> list[object]:
    """Give a list of the file; an empty one where there is none.

    Raises:
        KeployConfigError: Something else is there.
    """
    found = settings.in_file(key)
    if found is None:
        return []
    if not is_list(found):
        problem = f"must be a list, got {found!r}; write '- ' before each entry"
        raise KeployConfigError(problem, key=key, value=found)
    return found


def _dependencies(settings: Settings) -> dict[str, Dependency]:
    found: dict[str, Dependency] = {}
    for name, raw in checked_mapping(settings.in_file("deps"), "deps").items():
        entry = checked_mapping(raw, f"deps.{name}")
        listen = port_of(entry.get("listen"), f"deps.{name}.listen")
        target, env = str(entry.get("target") or ""), str(entry.get("env") or "")
        found[name] = Dependency(target, env, listen)
    return found
