"""What every app serves, whatever it is written with, so that one client can visit them all."""

from __future__ import annotations

import email.policy
import gzip
import hashlib
import json
import os
from email.parser import BytesParser
from typing import Any
from urllib.parse import parse_qsl

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
EVENTS = [f'event: tick\nid: {number}\ndata: {{"number": {number}}}\n\n' for number in range(3)]


class Shop:
    """The state of an app: items that were made, in order."""

    def __init__(self) -> None:
        # Any: whatever JSON the client sent.
        self.items: list[dict[str, Any]] = []

    # Any: as above.
    def make(self, data: dict[str, Any]) -> dict[str, Any]:
        """Make an item."""
        item = {"number": len(self.items) + 1, **data}
        self.items.append(item)
        return item

    def remove(self, number: int) -> None:
        """Remove an item."""
        self.items = [item for item in self.items if item["number"] != number]


def version() -> dict[str, str]:
    """Give the one thing that a variable changes."""
    return {"name": "shop", "version": os.environ.get("SHOP_VERSION", "1")}


def login() -> dict[str, str]:
    """Give an answer that holds a secret."""
    return {"user": "ada", "access_token": os.environ["SESSION_TOKEN"]}


def packed() -> bytes:
    """Give JSON with gzip on it."""
    return gzip.compress(json.dumps({"packed": ["tea", "cup"] * 20}).encode(), mtime=0)


def form(body: bytes) -> dict[str, str]:
    """Read a form of the plain kind."""
    return dict(parse_qsl(body.decode(), keep_blank_values=True))


def upload(content_type: str, body: bytes) -> dict[str, object]:
    """Read a form with a file, and give what identifies it."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    found: dict[str, object] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        data = part.get_payload(decode=True)
        assert isinstance(data, bytes)
        if part.get_filename():
            found[str(name)] = [part.get_filename(), hashlib.sha256(data).hexdigest()]
        else:
            found[str(name)] = data.decode()
    return found
