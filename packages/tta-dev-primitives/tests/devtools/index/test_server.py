"""The server for trying an index out: who is served what, and what is kept from everybody."""

from __future__ import annotations

import http.client
import json
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from distributions_here import write_sdist, write_wheel

from tta_dev_primitives.devtools.index.building import build_index
from tta_dev_primitives.devtools.index.finding import PackageIndexError
from tta_dev_primitives.devtools.index.negotiation import JSON_TYPE, choose_type
from tta_dev_primitives.devtools.index.server import IndexServer

PIP = f"{JSON_TYPE}, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
WHEEL = "/simple/acme-one/acme_one-1.0+local-py3-none-any.whl"


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (PIP, JSON_TYPE),
        (BROWSER, "text/html"),
        (None, "text/html"),
        ("*/*", "text/html"),
        ("application/*", "application/vnd.pypi.simple.v1+html"),
        ("application/vnd.pypi.simple.latest+json", JSON_TYPE),
        (f"{JSON_TYPE};q=0.2, text/html;q=0.9", "text/html"),
        (f"{JSON_TYPE};q=0, */*;q=0.5", "text/html"),
        (f"TEXT/HTML;q=oops, {JSON_TYPE.upper()};q=0.1", JSON_TYPE),
        ("image/png", None),
        (f"{JSON_TYPE};q=0", None),
    ],
)
def test_format_is_chosen_by_what_a_client_accepts(accept: str | None, chosen: str | None) -> None:
    """Installers get JSON, people get HTML."""
    assert choose_type(accept) == chosen


@pytest.fixture
def site(tmp_path: Path) -> Path:
    write_wheel(tmp_path / "dist", "acme-one", "1.0+local")
    write_sdist(tmp_path / "dist")
    build_index([tmp_path / "dist"], tmp_path / "site")
    (tmp_path / "site" / "secret.txt").write_text("secret")
    (tmp_path / "site" / "simple" / "acme-one" / ".hidden").write_text("secret")
    return tmp_path / "site"


@pytest.fixture
def server(site: Path) -> Iterator[IndexServer]:
    with IndexServer(site) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


Get = Callable[..., tuple[int, dict[str, str], bytes]]


@pytest.fixture
def get(server: IndexServer) -> Get:
    """Asks the server for a path, and gives status, headers and body."""

    def get(path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
        try:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    return get


def test_page_comes_in_the_format_that_is_asked_for(get: Get) -> None:
    """One address serves both, as the standard says."""
    status, headers, body = get("/simple/acme-one/", Accept=PIP)
    assert (status, headers["Content-Type"], headers["Vary"]) == (200, JSON_TYPE, "Accept")
    assert json.loads(body)["name"] == "acme-one"
    status, headers, body = get("/simple/acme-one/", Accept=BROWSER)
    assert (status, headers["Content-Type"]) == (200, "text/html")
    assert body.startswith(b"<!DOCTYPE html>")
    assert get("/simple/", Accept="image/png")[0] == 406


def test_file_and_its_metadata_come_as_they_are(get: Get, site: Path) -> None:
    """What the page promised a hash for is what is sent."""
    for path in (WHEEL, WHEEL.replace("+", "%2B"), f"{WHEEL}.metadata"):
        status, headers, body = get(path)
        assert (status, body) == (200, (site / path.replace("%2B", "+")[1:]).read_bytes())
        assert headers["Content-Length"] == str(len(body))
        assert "immutable" in headers["Cache-Control"]


def test_pages_are_asked_for_again_each_time(get: Get) -> None:
    """A release is seen at once, and not when some cache runs out."""
    assert get("/simple/acme-one/")[1]["Cache-Control"] == "no-cache"


def test_head_gives_no_body(get: Get, site: Path) -> None:
    """Clients may ask how large a file is."""
    status, headers, body = get(WHEEL, "HEAD")
    assert (status, body) == (200, b"")
    assert headers["Content-Length"] == str((site / WHEEL[1:]).stat().st_size)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/", "/simple/"),
        ("/simple", "/simple/"),
        ("/simple/acme-one", "/simple/acme-one/"),
        ("/simple/Acme_One/", "/simple/acme-one/"),
        ("/simple/acme.one/?format=x", "/simple/acme-one/"),
    ],
)
def test_other_spelling_is_sent_to_the_right_page(get: Get, path: str, place: str) -> None:
    """Installers ask for names as users wrote them."""
    status, headers, _ = get(path)
    assert (status, headers["Location"]) == (301, place)


@pytest.mark.parametrize(
    "path",
    [
        "/secret.txt",
        "/simple/../secret.txt",
        "/simple/acme-one/../../secret.txt",
        "/simple/%2e%2e/secret.txt",
        "/simple/acme-one/..%2f..%2fsecret.txt",
        "/simple/acme-one/.hidden",
        "/simple/acme-one/%00",
        "/simple/acme-one/a/b",
        "/simple/nothing/",
        "/simple/acme-one/nothing-1.0.tar.gz",
    ],
)
def test_nothing_else_is_served(get: Get, path: str) -> None:
    """Whatever lies beside the index stays there."""
    status, _, body = get(path)
    assert status == 404
    assert b"secret" not in body


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_link_is_not_followed(get: Get, site: Path) -> None:
    """A link in the index would lead out of it."""
    (site / "simple/acme-one/linked-1.0.tar.gz").symlink_to(site / "secret.txt")
    (site / "simple/linked").symlink_to(site, target_is_directory=True)
    assert get("/simple/acme-one/linked-1.0.tar.gz")[0] == 404
    assert get("/simple/linked/secret.txt")[0] == 404


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_pipe_does_not_hold_a_request(get: Get, site: Path) -> None:
    """Opening one would wait for somebody who writes to it."""
    os.mkfifo(site / "simple/acme-one/pipe-1.0.tar.gz")
    assert get("/simple/acme-one/pipe-1.0.tar.gz")[0] == 404


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "127.0.0.1:80:80", ""])
def test_request_for_another_host_is_refused(get: Get, host: str) -> None:
    """A web page whose name was pointed at this machine cannot read private packages."""
    assert get("/simple/", Host=host)[0] == 421


def test_other_methods_are_not_known(get: Get) -> None:
    """Nobody can upload here."""
    assert get("/simple/", "PUT")[0] == 501


def test_client_that_goes_away_leaves_no_noise(
    server: IndexServer, site: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C in an installer prints nothing here."""
    (site / "simple/acme-one/large-1.0.tar.gz").write_bytes(bytes(30_000_000))
    with socket.create_connection(("127.0.0.1", server.server_address[1])) as client:
        client.sendall(b"GET /simple/acme-one/large-1.0.tar.gz HTTP/1.0\r\n\r\n")
        client.recv(100)
    server.shutdown()
    server.server_close()  # waits for the request
    assert capfd.readouterr().err == ""


def test_only_this_machine_is_served(server: IndexServer) -> None:
    """There is no setting for another address."""
    assert server.server_address[0] == "127.0.0.1"
    assert server.url == f"http://127.0.0.1:{server.server_address[1]}/simple/"


def test_folder_without_an_index_is_misuse(tmp_path: Path) -> None:
    """The command that makes one is told."""
    with pytest.raises(PackageIndexError, match="make one with: tta index build dist/ -o"):
        IndexServer(tmp_path)


@pytest.mark.parametrize("port", [-1, 70_000, None], ids=["negative", "too-high", "taken"])
def test_port_that_cannot_be_had_is_misuse(
    site: Path, server: IndexServer, port: int | None
) -> None:
    """The next move is another port."""
    wanted = server.server_address[1] if port is None else port
    told = rf"port {wanted}: [^\[.]*; choose another one"
    with pytest.raises(PackageIndexError, match=told):
        IndexServer(site, port=wanted)
