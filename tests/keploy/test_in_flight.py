"""Tests that were under way at the same time keep their own outgoing calls."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from keploy_command import Keploy, app_command, cases_of, free_port
from upstreams import counted_connections, running_upstreams
from visits import Visit, ask

from keploy_framework.formats import KeployTree


def test_two_tests_in_flight_get_their_own_answers(tmp_path: Path) -> None:
    """Of two tests that overlapped one got the other's answer, or none."""
    port = free_port()
    command = app_command("flask_app.py", port)
    with running_upstreams(tmp_path, "no-secret") as addresses:
        keploy = Keploy(tmp_path, addresses.environment())
        with keploy.recording(command) as recorder, ThreadPoolExecutor(2) as pool:
            # The server answers no call before both are there.
            visits = [Visit("GET", f"/quotes/{name}") for name in ("tea", "cup")]
            bodies = list(pool.map(partial(ask, port), visits))
            assert recorder.stop() == 0, recorder.shown
    assert [json.loads(body)["asked"]["name"] for body in bodies] == ["tea", "cup"]
    recorded = KeployTree(tmp_path / "keploy").test_set("test-set-0")
    asked = {mock.name: json.loads(mock.request.body)["name"] for mock in recorded.mocks()}
    by_test = recorded.mappings().by_test
    for name in ("tea", "cup"):
        assert name in [asked[entry.name] for entry in by_test[f"get-quotes-{name}-1"]]
    with counted_connections(addresses.ports) as reached:
        code, report = keploy.test(command)
    assert [test["status"] for test in cases_of(report)] == ["PASSED", "PASSED"], report
    assert (code, reached) == (0, [])
