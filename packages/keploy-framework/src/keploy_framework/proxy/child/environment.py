"""The environment of a child whose outgoing calls come through the proxy."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .trust import TrustFiles

_PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_BUNDLES: Final = (
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "AWS_CA_BUNDLE",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "CARGO_HTTP_CAINFO",
    "DENO_CERT",
)
_FOLDER: Final = Path(__file__).parent.parent
PYTHON_SHIM: Final = _FOLDER / "python_shim"
"""The folder that ``PYTHONPATH`` gets."""
NODE_SHIM: Final = _FOLDER / "node_shim" / "through_proxy.cjs"
"""The file that Node loads first."""


def child_environment(
    base: Mapping[str, str],
    *,
    proxy_url: str,
    trust: TrustFiles | None,
    targets: Mapping[str, str] | None = None,
    shims: bool = True,
) -> dict[str, str]:
    """Give the whole environment for the child; nothing else on the system is changed.

    Calls to this machine come through the proxy as well, as dependencies may run here. The child
    passes the environment on to its own children. A library that is given its settings in code
    may still go past all this; `capture_gaps` says which do.

    Args:
        base: The environment the child would have.
        proxy_url: That of the `EgressProxy`.
        trust: The authorities of this run; None where it has none, so that https calls are not
            read.
        targets: Base URLs to set, by variable, as `DependencyListeners` gives them.
        shims: Whether Python and Node apps load a file of ours first, without which aiohttp,
            urllib3 and Node's clients do not use a proxy.
    """
    environment = dict(base)
    for name in _PROXIES:
        environment[name] = environment[name.lower()] = proxy_url
    environment["NO_PROXY"] = environment["no_proxy"] = ""
    if trust is not None:
        environment.update(dict.fromkeys(_BUNDLES, str(trust.bundle)))
        # Node adds these to its own; a whole bundle would be read twice by every process.
        environment["NODE_EXTRA_CA_CERTS"] = str(trust.authority)
    environment.update(targets or {})
    if not shims:
        environment["NODE_USE_ENV_PROXY"] = "1"
        return environment
    environment["KEPLOY_PROXY_URL"] = proxy_url
    if trust is not None:
        environment["KEPLOY_CA_BUNDLE"] = str(trust.bundle)
    environment["PYTHONPATH"] = _joined(str(PYTHON_SHIM), base.get("PYTHONPATH"), os.pathsep)
    require = f"--require {_quoted(NODE_SHIM)}"
    environment["NODE_OPTIONS"] = _joined(require, base.get("NODE_OPTIONS"), " ")
    return environment


def _joined(first: str, rest: str | None, separator: str) -> str:
    return f"{first}{separator}{rest}" if rest else first


def _quoted(path: Path) -> str:
    """Write a path as ``NODE_OPTIONS`` reads it, which splits at spaces."""
    text = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
