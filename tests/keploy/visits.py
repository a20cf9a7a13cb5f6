"""What a client of the shop does, whichever app serves it."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass, field

BOUNDARY = "a-line-between-parts"
FILE = bytes(range(256)) + b"\r\n--almost the line"


@dataclass(frozen=True)
class Visit:
    """One request, and the status it must get."""

    method: str
    path: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict[str, str])
    status: int = 200


def post_json(path: str, data: object, status: int = 200, **headers: str) -> Visit:
    """Post JSON."""
    typed = {"Content-Type": "application/json", **headers}
    return Visit("POST", path, json.dumps(data).encode(), typed, status)


def upload(path: str) -> Visit:
    """Post a form with a text and a file."""
    line = f"--{BOUNDARY}\r\nContent-Disposition: form-data; name=".encode()
    body = (
        line + b'"title"\r\n\r\nteapot\r\n'
        + line + b'"photo"; filename="pot.bin"\r\n'
        + b"Content-Type: application/octet-stream\r\n\r\n" + FILE
        + f"\r\n--{BOUNDARY}--\r\n".encode()
    )  # fmt: skip
    return Visit("POST", path, body, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})


def of_the_shop(secrets: dict[str, str]) -> list[Visit]:
    """Visit every route that calls nobody."""
    key = {"Authorization": f"Bearer {secrets['caller']}", "Cookie": f"session={secrets['cookie']}"}
    return [
        Visit("GET", "/items"),
        post_json("/items", {"name": "teapot", "price": 12.5}, 201),
        post_json("/items", {"name": "cup", "big": 12345678901234567890}, 201),
        Visit("GET", "/items"),
        Visit("HEAD", "/items"),
        Visit("DELETE", "/items/1", status=204),
        Visit("GET", "/items"),
        Visit("GET", "/version", headers=key),
        post_json("/login", {"user": "ada", "password": secrets["password"]}),
        Visit("POST", "/form", b"name=big+pot&note=a%26b%3Dc",
              {"Content-Type": "application/x-www-form-urlencoded"}),
        upload("/upload"),
        Visit("GET", "/picture"),
        Visit("GET", "/packed", headers={"Accept-Encoding": "gzip"}),
        Visit("GET", "/events", headers={"Accept": "text/event-stream"}),
        Visit("GET", "/nowhere", status=404),
    ]  # fmt: skip


def ask(port: int, visit: Visit) -> bytes:
    """Make a visit, and give the body.

    Raises:
        AssertionError: The status is another one.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(visit.method, visit.path, visit.body or None, visit.headers)
        response = connection.getresponse()
        body = response.read()
        assert response.status == visit.status, f"{visit.method} {visit.path}: {body[:2000]!r}"
        return body
    finally:
        connection.close()
