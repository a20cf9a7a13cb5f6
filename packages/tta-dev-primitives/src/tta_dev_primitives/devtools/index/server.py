"""Serve a static index to programs on this machine, and to nobody else."""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import IO, TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from .existing import FOLDER, PAGE, PAGE_FOR_PROGRAMS, PROJECT
from .file_names import normalised
from .finding import PackageIndexError
from .negotiation import JSON_TYPE, choose_type

if TYPE_CHECKING:
    from pathlib import Path

LOOPBACK: Final = "127.0.0.1"
LONGEST_WAIT_SECONDS: Final = 30.0

_FILE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]*")
_OWN_NAMES: Final = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?", re.IGNORECASE)
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


class IndexServer(ThreadingHTTPServer):
    """Serve the folder `simple` of a site on the loopback address.

    Only names that an index can have are looked up, links are not followed, and requests that
    were sent to another host's name are refused, so that no web page can read private packages.
    Close it to wait for the requests that are under way; a silent client is dropped after
    30 seconds.

    Args:
        site: The folder that `tta index build` wrote to.
        port: Where to listen; 0 takes a free port, which `url` then tells.

    Raises:
        PackageIndexError: There is no index, or the port is taken.
    """

    daemon_threads = False

    def __init__(self, site: Path, *, port: int = 0) -> None:
        self.index = site / FOLDER
        if not (self.index / PAGE_FOR_PROGRAMS).is_file():
            msg = f"{site} has no index; make one with: tta index build dist/ -o {site}"
            raise PackageIndexError(msg)
        try:
            super().__init__((LOOPBACK, port), _Handler)
        except OverflowError as error:
            msg = f"cannot listen on port {port}: ports go up to 65535; choose another one"
            raise PackageIndexError(msg) from error
        except OSError as error:
            told = (error.strerror or str(error)).lower().rstrip(".")
            msg = f"cannot listen on port {port}: {told}; choose another one with --port"
            raise PackageIndexError(msg) from error

    def server_bind(self) -> None:
        """Take the address, without asking a name server what it is called."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = LOOPBACK, self.socket.getsockname()[1]

    # Any: what socketserver hands from one of its methods to another.
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report what went wrong, except that a client went away, which it may."""
        if not isinstance(sys.exception(), (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)

    @property
    def url(self) -> str:
        """Return the address to give to uv and pip."""
        return f"http://{LOOPBACK}:{self.server_address[1]}/{FOLDER}/"


class _Handler(BaseHTTPRequestHandler):
    server: IndexServer  # pyright: ignore[reportIncompatibleVariableOverride] - it is made by no other
    timeout = LONGEST_WAIT_SECONDS
    server_version = "tta-index"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer with a page or a file."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Answer as for GET, without the body."""
        self._answer(with_body=False)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in http.server
        """Log nothing: a URL may hold a login."""

    def _answer(self, *, with_body: bool) -> None:
        if not _OWN_NAMES.fullmatch(self.headers.get("Host", LOOPBACK)):
            self._refuse(HTTPStatus.MISDIRECTED_REQUEST)
            return
        path = unquote(self.path.partition("?")[0])
        first, folder, *rest = path.split("/")
        if first or folder not in ("", FOLDER) or (not folder and any(rest)):
            self._refuse(HTTPStatus.NOT_FOUND)
        elif not folder or not rest:
            self._redirect(f"/{FOLDER}/")
        elif rest == [""]:
            self._send_page(self.server.index, with_body=with_body)
        else:
            self._answer_project(rest, with_body=with_body)

    def _answer_project(self, rest: list[str], *, with_body: bool) -> None:
        name = normalised(rest[0])
        folder = self.server.index / name
        asked_for_page = len(rest) == 1 or rest[1:] == [""]
        if not _NAME.fullmatch(rest[0]) or not PROJECT.fullmatch(name) or folder.is_symlink():
            self._refuse(HTTPStatus.NOT_FOUND)
        elif asked_for_page and (len(rest) == 1 or name != rest[0]):
            self._redirect(f"/{FOLDER}/{name}/")
        elif asked_for_page:
            self._send_page(folder, with_body=with_body)
        elif len(rest) == 2 and _FILE.fullmatch(rest[1]):
            kept = "public, max-age=31536000, immutable"
            kind = "text/plain" if rest[1].endswith(".metadata") else "application/octet-stream"
            self._send(folder / rest[1], kind, kept, with_body=with_body)
        else:
            self._refuse(HTTPStatus.NOT_FOUND)

    def _send_page(self, folder: Path, *, with_body: bool) -> None:
        kind = choose_type(self.headers.get("Accept"))
        if kind is None:
            self._refuse(HTTPStatus.NOT_ACCEPTABLE)
            return
        page = folder / (PAGE_FOR_PROGRAMS if kind == JSON_TYPE else PAGE)
        # A new release shall be seen at once; uv would keep the page for ten minutes.
        self._send(page, kind, "no-cache", with_body=with_body)

    def _send(self, path: Path, kind: str, kept: str, *, with_body: bool) -> None:
        try:
            opened = _open_file(path)
        except OSError:
            # Missing, a link, or not for this user: to a client that is all the same.
            self._refuse(HTTPStatus.NOT_FOUND)
            return
        with opened:
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(os.fstat(opened.fileno()).st_size))
            self.send_header("Cache-Control", kept)
            self.send_header("Vary", "Accept")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            if with_body:
                shutil.copyfileobj(opened, self.wfile)

    def _redirect(self, place: str) -> None:
        self.send_response(HTTPStatus.MOVED_PERMANENTLY)
        self.send_header("Location", place)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _refuse(self, status: HTTPStatus) -> None:
        self.send_error(status)


def _open_file(path: Path) -> IO[bytes]:
    if sys.platform == "win32" and path.is_symlink():
        raise FileNotFoundError(str(path))
    # None of the flags is everywhere; a pipe that nobody writes to must not hold the request.
    flags = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    opened = os.fdopen(os.open(path, os.O_RDONLY | flags), "rb")
    if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
        opened.close()
        raise FileNotFoundError(str(path))
    return opened
