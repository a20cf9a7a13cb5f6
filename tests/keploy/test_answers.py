"""What servers answer comes back in a replay byte by byte, whatever shape it has."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from keploy_command import Keploy, app_command, cases_of, free_port, required
from shapes import NAMES
from upstreams import counted_connections, running_upstreams
from visits import Visit, ask


def test_answers_of_every_shape_come_back(tmp_path: Path) -> None:
    """An app got other bytes from a mock than from the server."""
    port = free_port()
    command = app_command("flask_app.py", port)
    with running_upstreams(tmp_path, "no-secret") as addresses:
        keploy = Keploy(tmp_path, addresses.environment())
        with keploy.recording(command) as recorder:
            # The flaky one is asked thrice, as by an app that tries again.
            shapes = [*NAMES, "flaky", "flaky", "flaky"]
            got = [json.loads(ask(port, Visit("GET", f"/fetch/{shape}"))) for shape in shapes]
            assert recorder.stop() == 0, recorder.shown
    assert [one["status"] for one in got[-3:]] == [503, 503, 200]
    with counted_connections(addresses.ports) as reached:
        code, report = keploy.test(command)
    failed = {test["name"]: test["reason"] for test in cases_of(report) if test["differences"]}
    assert failed == {}
    assert (code, report["total"], reached) == (0, len(shapes), [])


def test_a_server_that_is_not_trusted_is_named(tmp_path: Path) -> None:
    """A call that failed for a certificate was recorded, or lost without a word."""
    port = free_port()
    with running_upstreams(tmp_path, "no-secret") as addresses:
        keploy = Keploy(tmp_path, {**addresses.environment(), "SHOP_TOKEN": "of-no-account"})
        with keploy.recording(app_command("flask_app.py", port)) as recorder:
            ask(port, Visit("GET", "/call/requests", status=500))
            assert recorder.stop() == 0, recorder.shown
    assert addresses.secure.removeprefix("https://") in recorder.shown
    assert "certificate is not trusted" in recorder.shown
    assert "recorded 1 test and 1 mock " in recorder.shown


def test_calls_at_the_start_of_an_app_are_answered(tmp_path: Path) -> None:
    """An app that fetches its settings before it listens did not start in a replay."""
    port = free_port()
    command = app_command("flask_app.py", port)
    with running_upstreams(tmp_path, "no-secret") as addresses:
        (tmp_path / "keploy.yml").write_text(f"trustedAuthorities: {addresses.authority}\n")
        variables = {"CALL_AT_START": "1", "SHOP_TOKEN": "of-no-account"}
        keploy = Keploy(tmp_path, {**addresses.environment(), **variables})
        with keploy.recording(command) as recorder:
            assert b"settings" in ask(port, Visit("GET", "/items"))
            ask(port, Visit("GET", "/call/requests"))
            assert recorder.stop() == 0, recorder.shown
    code, report = keploy.test(command)
    assert (code, report["counts"]["passed"]) == (0, 2), report
    assert report["sets"][0]["mock_usage"].get("unused", []) == []


def test_uploads_that_ask_first_are_recorded(keploy: Keploy, tmp_path: Path) -> None:
    """An upload that waits for 100 Continue hung, or was recorded short."""
    required("curl")
    port = free_port()
    command = app_command("flask_app.py", port)
    words = ["curl", "-sS", "--max-time", "20", "-H", "Expect: 100-continue", "--data-binary"]
    with keploy.recording(command) as recorder:
        # The longest is kept in a file of its own.
        for length in (0, 50_000, 2_000_000):
            (tmp_path / "data").write_bytes(b"x" * length)
            sent = [*words, f"@{tmp_path / 'data'}", f"http://127.0.0.1:{port}/measure"]
            assert json.loads(subprocess.check_output(sent)) == {"length": length}
        assert recorder.stop() == 0, recorder.shown
    code, report = keploy.test(command)
    assert (code, report["counts"]["passed"]) == (0, 3), report
