"""The servers that the apps call, and what takes their place when they are gone."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import json
import socket
import ssl
import sys
import threading
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from shapes import Shapes

from tta_dev_primitives.testing.llm_server import LLMServer

WAIT_SECONDS = 20


class Handler(BaseHTTPRequestHandler):
    """Answer with a number that grows, so that no answer can be made up."""

    protocol_version = "HTTP/1.1"

    @property
    def owner(self) -> Counting:
        """The server that made this."""
        assert isinstance(self.server, Counting)
        return self.server

    def do_GET(self) -> None:
        path, _, client = self.path.partition("?client=")
        if path == "/rates":
            self.answer({"client": client, "rate": self.owner.next()}, cookie=True)
            return
        self.close_connection = path == "/until-closed"
        self.wfile.write(self.owner.shapes.answer(path))

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/quotes":
            # Nobody is answered before two have asked: both calls are under way at once.
            self.owner.pair.wait(WAIT_SECONDS)
        self.answer({"asked": asked, "number": self.owner.next()})

    def answer(self, data: object, *, cookie: bool = False) -> None:
        body = json.dumps(data).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if cookie:
            self.send_header("Set-Cookie", f"visit={self.owner.secret}; Path=/")
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


class Counting(ThreadingHTTPServer):
    """A server whose answers are numbered."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, secret: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.secret = secret
        self.pair = threading.Barrier(2)
        self.shapes = Shapes()
        self._number = 100
        self._lock = threading.Lock()

    def handle_error(self, request: object, client_address: object) -> None:
        """Report what went wrong, but for clients that left or do not trust this."""
        if not isinstance(sys.exception(), ConnectionError | ssl.SSLError):
            super().handle_error(request, client_address)  # pyright: ignore[reportArgumentType]

    def next(self) -> int:
        """Give the next number."""
        with self._lock:
            self._number += 1
            return self._number


@dataclass(frozen=True)
class Addresses:
    """Where the servers are, or were.

    Args:
        plain: Without TLS.
        secure: With TLS, under a certificate of an authority that no system knows.
        llm: The model server; OpenAI's interface is under ``/v1``.
        authority: The file of that authority.
    """

    plain: str
    secure: str
    llm: str
    authority: Path

    @property
    def ports(self) -> list[int]:
        """The ports of all of them."""
        return [urlsplit(url).port or 0 for url in (self.plain, self.secure, self.llm)]

    def environment(self) -> dict[str, str]:
        """Give the variables by which an app finds them."""
        return {
            "PLAIN_URL": self.plain,
            "SECURE_URL": self.secure,
            "OPENAI_BASE_URL": f"{self.llm}/v1",
            "ANTHROPIC_BASE_URL": self.llm,
        }


@contextmanager
def running_upstreams(folder: Path, secret: str) -> Generator[Addresses]:
    """Run all servers while the block runs; *secret* is in the cookies they set."""
    authority, certificate = write_certificates(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with ExitStack() as stack:
        plain, secure = (
            stack.enter_context(_serving(Counting(secret), tls)) for tls in (None, context)
        )
        llm = stack.enter_context(_serving_models())
        yield Addresses(f"http://127.0.0.1:{plain}", f"https://localhost:{secure}", llm, authority)


@contextmanager
def counted_connections(ports: list[int]) -> Generator[list[int]]:
    """Listen on *ports*, and tell after the block which of them were connected to."""
    reached: list[int] = []
    with ExitStack() as stack:
        # Nobody has to accept: connections wait in the listener's queue until they are counted.
        listeners = [
            stack.enter_context(socket.create_server(("127.0.0.1", port), backlog=64))
            for port in ports
        ]
        yield reached
        for listener in listeners:
            listener.setblocking(False)
            while True:
                try:
                    connection, _ = listener.accept()
                except BlockingIOError:
                    break
                connection.close()
                reached.append(listener.getsockname()[1])


def write_certificates(folder: Path) -> tuple[Path, Path]:
    """Make an authority, and a certificate for this machine with its key; give both files."""
    now = datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority of a test")])
    own_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())

    def builder(subject: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=2))
        )

    authority = (
        builder(name, own_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(own_key, hashes.SHA256())
    )
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    certificate = (
        builder(subject, key.public_key())
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(own_key, hashes.SHA256())
    )
    authority_file, server_file = folder / "authority.pem", folder / "server.pem"
    authority_file.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    server_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return authority_file, server_file


@contextmanager
def _serving(server: Counting, context: ssl.SSLContext | None) -> Generator[int]:
    if context is not None:
        # The handshake is made by the thread of the connection, at its first read.
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def _serving_models() -> Generator[str]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = LLMServer(seed=1)
    try:
        asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(WAIT_SECONDS)
        try:
            yield server.anthropic_base_url
        finally:
            leaving = server.__aexit__(None, None, None)
            asyncio.run_coroutine_threadsafe(leaving, loop).result(WAIT_SECONDS)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
