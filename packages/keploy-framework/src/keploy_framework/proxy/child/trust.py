"""The files of authorities a child trusts: its own and the system's, and this run's."""

from __future__ import annotations

import shutil
import ssl
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import os
    from collections.abc import Generator, Mapping

_CHOSEN_BY_USER: Final = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE")
_OF_SYSTEMS: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


@dataclass(frozen=True, slots=True)
class TrustFiles:
    """Where the files are.

    Args:
        authority: This run's authority alone.
        bundle: Every authority the child would trust without us, and this run's.
    """

    authority: Path
    bundle: Path


@contextmanager
def trust_files(authority_pem: bytes, environment: Mapping[str, str]) -> Generator[TrustFiles]:
    """Write the files into a private temporary folder, which goes with the context.

    Args:
        authority_pem: This run's authority.
        environment: The child's, whose own choice of authorities is kept.

    Raises:
        OSError: The folder cannot be written, or a file the user chose cannot be read.
    """
    folder = Path(tempfile.mkdtemp(prefix="keploy-trust-"))
    try:
        files = TrustFiles(folder / "authority.pem", folder / "bundle.pem")
        files.authority.write_bytes(authority_pem)
        files.bundle.write_bytes(_trusted(environment) + b"\n" + authority_pem)
        yield files
    finally:
        # A child that is still ending may hold a file open; what stays is no secret.
        shutil.rmtree(folder, ignore_errors=True)


def _trusted(environment: Mapping[str, str]) -> bytes:
    chosen = dict.fromkeys(environment[name] for name in _CHOSEN_BY_USER if environment.get(name))
    files = [Path(path) for path in chosen if not Path(path).is_dir()]
    if files:
        return b"\n".join(path.read_bytes() for path in files)
    for path in (*_OF_SYSTEMS, ssl.get_default_verify_paths().cafile, _certifi()):
        if path and Path(path).is_file():
            return Path(path).read_bytes()
    # Windows and macOS keep no file, but the standard library can list what they trust.
    listed = ssl.create_default_context().get_ca_certs(binary_form=True)
    return "".join(ssl.DER_cert_to_PEM_cert(each) for each in listed).encode()


def _certifi() -> str | os.PathLike[str] | None:
    try:
        # Any: the package may not be installed.
        package: Any = import_module("certifi")
    except ImportError:
        return None
    return package.where()
