"""What tests of private indexes share: wheels, indexes on loopback, and clean tools.

The public index is stood in for by one on loopback as well. It serves what the workspace's
packages need, packed again out of the environment that the tests run in. So nothing here needs the
network, and an attacker's upload to the public index is a file.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import os
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tta_dev_primitives.devtools.index.server import IndexServer

LONGEST_SECONDS = 120
# What tta-observability-integration needs, and what that needs.
PUBLIC = [
    "opentelemetry-api",
    "opentelemetry-sdk",
    "opentelemetry-semantic-conventions",
    "typing-extensions",
    "importlib-metadata",
    "zipp",
]


def clean_environment(folder: Path) -> dict[str, str]:
    """Give an environment in which uv and pip know of no index, and keep all below *folder*."""
    private = ("UV_", "PIP_", "VIRTUAL_ENV", "PYTHON")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(private)}
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        kept.pop(name, None)
    return kept | {
        "HOME": str(folder / "home"),
        "NO_COLOR": "1",
        "NO_PROXY": "*",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_CACHE_DIR": "1",
        "UV_CACHE_DIR": str(folder / "cache"),
        "UV_PYTHON": sys.executable,
        "UV_PYTHON_DOWNLOADS": "never",
        "XDG_CONFIG_HOME": str(folder / "home" / ".config"),
    }


def run(*command: object, cwd: Path, environment: dict[str, str], failing: bool = False) -> str:
    """Run a command and give what it printed; it must fail exactly when it should."""
    ran = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST_SECONDS,
    )
    printed = ran.stdout + ran.stderr
    assert (ran.returncode != 0) is failing, printed
    return printed


def write_wheel(
    folder: Path, name: str, version: str, files: dict[str, bytes] | None = None
) -> Path:
    """Write a small wheel that needs nothing."""
    stem = f"{name.replace('-', '_')}-{version}"
    metadata = f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n"
    wheel = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    held = {
        f"{name.replace('-', '_')}.py": b"",
        **(files or {}),
        f"{stem}.dist-info/METADATA": metadata.encode(),
        f"{stem}.dist-info/WHEEL": wheel.encode(),
    }
    return pack(folder / f"{stem}-py3-none-any.whl", f"{stem}.dist-info", held)


def pack(path: Path, information: str, files: dict[str, bytes]) -> Path:
    """Write a wheel with a RECORD of its files."""
    rows = ""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
            rows += f"{name},sha256={digest.decode()},{len(content)}\n"
            archive.writestr(name, content)
        archive.writestr(f"{information}/RECORD", f"{rows}{information}/RECORD,,\n")
    return path


def pack_installed(folder: Path) -> Path:
    """Pack the public packages of this environment into wheels again."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in PUBLIC:
        try:
            found = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # only some Pythons need it
        files: dict[str, bytes] = {}
        for each in found.files or []:
            text = each.as_posix()
            made = text.endswith((".pyc", "/RECORD", "/INSTALLER", "/REQUESTED", "/uv_cache.json"))
            if not made and not text.startswith(".."):
                files[text] = Path(str(found.locate_file(each))).read_bytes()
        [information] = {text.partition("/")[0] for text in files if text.endswith("/METADATA")}
        stem = information.removesuffix(".dist-info")
        pack(folder / f"{stem}-py3-none-any.whl", information, files)
    return folder


@contextmanager
def serving(site: Path) -> Generator[str]:
    """Serve an index while the block runs, and give its address."""
    with IndexServer(site) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.url
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def serving_as_files(site: Path) -> Generator[tuple[str, list[str]]]:
    """Serve a folder as any web server does; give the address and a list of what is asked for."""
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any, **options: Any) -> None:  # Any: handed on as they are
            super().__init__(*arguments, directory=str(site), **options)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            asked.append(self.path)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/simple/", asked
        finally:
            server.shutdown()
            thread.join()


def free_port() -> int:
    """Give a port of the loopback address where nobody listens just now."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


def wait_until_it_answers(server: subprocess.Popen[bytes], port: int) -> None:
    """Wait for a server that was started a moment ago."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < deadline:
        assert server.poll() is None, "the server ended at once"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    msg = f"the server did not answer within {LONGEST_SECONDS} seconds"
    raise AssertionError(msg)
