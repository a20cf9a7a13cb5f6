"""An app with a child that leaves its session: python family_app.py PORT [FILE [never]].

It writes the process ids of both to the file; with ``never`` it answers nothing.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if sys.argv[3:] == ["never"]:
            Path(sys.argv[2]).with_name("asked").touch()
            signal.pause()
        body = b'{"version": "1"}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


if __name__ == "__main__":
    sleeper = [sys.executable, "-c", "import signal; signal.pause()"]
    child = subprocess.Popen(sleeper, start_new_session=True)
    if len(sys.argv) > 2:
        Path(sys.argv[2]).write_text(f"{os.getpid()} {child.pid}")
    HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
