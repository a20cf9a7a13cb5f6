"""An app that calls a chat model with requests or httpx: VCR.py answers it, or a server does.

    python keploy_client.py CALLS --client requests|httpx --base URL [--cassette FILE --body]
    python keploy_client.py --load FILE

It runs where VCR.py is installed. CALLS is a file of JSON, `[[path, asked, answered], ..]`.
Prints the seconds of each call, and how many answers were wrong; or the seconds of a load.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any

HEADERS = {"Content-Type": "application/json", "Authorization": "Bearer none"}
DEFAULT_MATCH = ["method", "scheme", "host", "port", "path", "query"]


def session(name: str) -> Any:  # Any: the clients have no type in common
    """Return a client that keeps its connection."""
    if name == "requests":
        opened = importlib.import_module("requests").Session()
        opened.trust_env = False
        return opened
    return importlib.import_module("httpx").Client(trust_env=False)


def call_all(calls: list[list[str]], name: str, base: str) -> dict[str, Any]:  # Any: JSON values
    """Make the calls one after the other."""
    taken: list[float] = []
    wrong = 0
    with session(name) as client:
        for path, asked, answered in calls:
            content = asked.encode()
            given = {"data" if name == "requests" else "content": content}
            began = time.perf_counter()
            response = client.post(f"{base}{path}", headers=HEADERS, **given)
            text = response.content
            taken.append(time.perf_counter() - began)
            wrong += response.status_code != 200 or text.decode() != answered
    return {"seconds": taken, "wrong": wrong}


def load(file: Path) -> float:
    """Return how long VCR.py takes to read a cassette, as it does when one is used first."""
    vcr = importlib.import_module("vcr")
    cassette = importlib.import_module("vcr.cassette").Cassette
    persister = importlib.import_module("vcr.persisters.filesystem").FilesystemPersister
    serializer = importlib.import_module("vcr.serializers.yamlserializer")
    del vcr  # its import is not part of the load
    began = time.perf_counter()
    found = cassette.load(path=file, serializer=serializer, persister=persister)
    seconds = time.perf_counter() - began
    if not len(found.data):
        msg = f"{file} was not read"
        raise RuntimeError(msg)
    return seconds


def main() -> int:
    """Read the arguments, call, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("calls", type=Path, nargs="?")
    parser.add_argument("--client", choices=("requests", "httpx"), default="requests")
    parser.add_argument("--base")
    parser.add_argument("--cassette", type=Path)
    parser.add_argument("--body", action="store_true", help="compare bodies too")
    parser.add_argument("--load", type=Path)
    chosen = parser.parse_args()
    if chosen.load is not None:
        print(json.dumps(load(chosen.load)))
        return 0
    calls = json.loads(chosen.calls.read_text())
    with contextlib.ExitStack() as stack:
        if chosen.cassette is not None:
            match = [*DEFAULT_MATCH, "body"] if chosen.body else DEFAULT_MATCH
            recorder = importlib.import_module("vcr").VCR(record_mode="none", match_on=match)
            stack.enter_context(recorder.use_cassette(str(chosen.cassette)))
        print(json.dumps(call_all(calls, chosen.client, chosen.base)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
