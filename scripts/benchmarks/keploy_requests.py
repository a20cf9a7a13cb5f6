"""The load generator: raw sockets and a selector, so that it takes little of what is measured.

    python keploy_requests.py PORT [--connections N] [--seconds S] [--rate R] | --streams N

Prints JSON: requests per second and latencies in microseconds; or, for streams, how late each
frame came in milliseconds, and how many came together with another.
"""

from __future__ import annotations

import argparse
import json
import re
import selectors
import socket
import statistics
import time
from typing import Any

REQUEST = b"GET /items/1 HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n\r\n"
STREAM = b"GET /stream HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n"
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
FRAME = re.compile(rb"data: (\d+)\n\n")
WARM_SECONDS = 0.3
PATIENCE_SECONDS = 20.0


class Connection:
    """One connection that has one request under way."""

    __slots__ = ("expected", "received", "sent", "socket")

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.expected = 0
        self.send()

    def send(self) -> None:
        self.received = b""
        self.sent = time.perf_counter_ns()
        self.socket.send(REQUEST)

    def receive(self) -> bool:
        """Take what came, and tell whether the response is whole."""
        data = self.socket.recv(65536)
        if not data:
            msg = "the server closed the connection"
            raise ConnectionError(msg)
        self.received += data
        # Responses are all alike; only the first one's length has to be found out.
        if not self.expected:
            end = self.received.find(b"\r\n\r\n")
            found = LENGTH.search(self.received, 0, end + 2) if end >= 0 else None
            if end >= 0 and (found is None or b" 200 " not in self.received[:16]):
                msg = f"unexpected answer {self.received[:200]!r}"
                raise ValueError(msg)
            if found is not None:
                self.expected = end + 4 + int(found[1])
        return len(self.received) == self.expected


def steady(port: int, rate: float, seconds: float) -> dict[str, float]:
    """Send *rate* requests a second over one connection, as far as it answers in time."""
    connection = Connection(port)
    began = time.perf_counter()
    sent = 1
    while True:
        while not connection.receive():
            pass
        due = sent / rate
        if due > seconds:
            break
        time.sleep(max(began + due - time.perf_counter(), 0))
        connection.send()
        sent += 1
    connection.socket.close()
    return {"requests_per_second": sent / (time.perf_counter() - began), "sent": sent}


def measure(port: int, connections: int, seconds: float) -> dict[str, float]:
    """Keep every connection busy for so long."""
    selector = selectors.DefaultSelector()
    opened = [Connection(port) for _ in range(connections)]
    for connection in opened:
        selector.register(connection.socket, selectors.EVENT_READ, connection)
    latencies: list[int] = []
    sent = 0
    began = time.perf_counter_ns()
    counted_from = began + int(WARM_SECONDS * 1e9)
    until = counted_from + int(seconds * 1e9)
    now = began
    while now < until:
        if connections == 1:
            ready = opened  # waiting in recv is cheaper than asking the selector first
        else:
            ready = [key.data for key, _ in selector.select(PATIENCE_SECONDS)]
            if not ready:
                msg = f"no answer in {PATIENCE_SECONDS:g} s"
                raise TimeoutError(msg)
        for connection in ready:
            if connection.receive():
                now = time.perf_counter_ns()
                sent += 1
                if now >= counted_from:
                    latencies.append(now - connection.sent)
                connection.send()
    elapsed = (now - counted_from) / 1e9
    for connection in opened:
        connection.socket.close()
    return {
        "requests_per_second": len(latencies) / elapsed,
        "sent": sent,
        "p50_us": statistics.median(latencies) / 1000,
        "p99_us": statistics.quantiles(latencies, n=100)[98] / 1000,
    }


def stream(port: int, count: int) -> dict[str, Any]:
    """Read *count* streams, one after the other."""
    late: list[float] = []
    merged = 0
    for _ in range(count):
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as client:
            client.sendall(STREAM)
            rest = b""
            while not rest.endswith(b"0\r\n\r\n"):
                data = client.recv(65536)
                now = time.monotonic_ns()
                if not data:
                    msg = "the stream was cut"
                    raise ConnectionError(msg)
                rest += data
                sent = [int(found) for found in FRAME.findall(rest)]
                late += [(now - each) / 1e6 for each in sent]
                merged += max(len(sent) - 1, 0)
                if sent:
                    rest = rest[rest.rfind(b"\n\n") + 2 :]
    return {"late_ms": late, "merged": merged}


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rate", type=float, default=0.0)
    parser.add_argument("--streams", type=int, default=0)
    chosen = parser.parse_args()
    if chosen.streams:
        print(json.dumps(stream(chosen.port, chosen.streams)))
    elif chosen.rate:
        print(json.dumps(steady(chosen.port, chosen.rate, chosen.seconds)))
    else:
        print(json.dumps(measure(chosen.port, chosen.connections, chosen.seconds)))


if __name__ == "__main__":
    main()
