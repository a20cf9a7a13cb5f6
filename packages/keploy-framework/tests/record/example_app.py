"""An app for tests: python example_app.py PORT. It counts, calls a dependency, and can crash."""

from __future__ import annotations

import gzip
import json
import os
import socket
import sys
import time
import urllib.error
import urllib.request
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    tokens: ClassVar[list[str]] = []
    items: ClassVar[list[dict[str, object]]] = []

    def do_GET(self) -> None:
        if self.path == "/items":
            self.answer(200, self.items)
        elif self.path == "/dependency":
            self.call(os.environ["DEPENDENCY_URL"])
        elif self.path == "/base":
            self.call(f"{os.environ['OPENAI_BASE_URL']}/call")
        elif self.path == "/itself":
            self.call(f"http://127.0.0.1:{sys.argv[1]}/items")
        elif self.path == "/odd":
            self.answer(200, {"id": str(uuid.uuid4()), "at": time.time_ns()})
        elif self.path == "/gzip":
            self.answer(200, {"packed": True}, encoding="gzip")
        elif self.path == "/events":
            self.events()
        elif self.path == "/endless":
            self.events(endless=True)
        elif self.path == "/login":
            token = f"ghp_{uuid.uuid4().hex}0000"
            self.tokens.append(token)
            self.answer(200, {"token": token}, cookie=f"session={token}; Path=/")
        elif self.path == "/private":
            sent = (self.headers["Authorization"] or self.headers["Cookie"] or "").split()
            token = sent[-1].removeprefix("session=") if sent else ""
            self.answer(200 if token in self.tokens else 401, {})
        elif self.path == "/slow":
            time.sleep(5)
            self.answer(200, {})
        elif self.path == "/crash":
            sys.stderr.write("the app has had enough\n")
            sys.stderr.flush()
            # Its caller sees the end of the connection before the end of the app.
            self.connection.shutdown(socket.SHUT_RDWR)
            time.sleep(0.1)
            os._exit(7)
        elif self.path == "/version":
            self.answer(200, {"version": os.environ.get("APP_VERSION", "1")})
        else:
            self.answer(404, {"error": "not found"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        item: dict[str, object] = {"id": len(self.items) + 1, **json.loads(body)}
        self.items.append(item)
        self.answer(201, item)

    def call(self, url: str) -> None:
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                self.answer(200, {"said": json.load(response)})
        except urllib.error.HTTPError as error:
            self.answer(502, {"dependency": error.code})

    def events(self, *, endless: bool = False) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for number in range(3):
            self.wfile.write(f"data: {number}\n\n".encode())
            self.wfile.flush()
        self.close_connection = True
        if endless:
            time.sleep(30)

    def answer(self, status: int, data: object, *, encoding: str = "", cookie: str = "") -> None:
        body = json.dumps(data).encode()
        if encoding:
            body = gzip.compress(body)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if encoding:
            self.send_header("Content-Encoding", encoding)
        if cookie:
            self.send_header("Set-Cookie", cookie)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
    server.daemon_threads = True
    print("listening", flush=True)
    server.serve_forever()
