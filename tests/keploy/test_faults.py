"""Commands, names, ports and files that are wrong: one honest line, and the right exit code."""

from __future__ import annotations

import json
import shlex
import shutil
import socket
import sys
from pathlib import Path

import pytest
from keploy_command import Keploy, app_command, cases_of, free_port
from visits import Visit, ask

VERSION = Visit("GET", "/version")


def python(source: str) -> str:
    """Give the command that runs a line of Python."""
    return shlex.join([sys.executable, "-c", source])


@pytest.fixture(scope="module")
def port() -> int:
    """The port of the app."""
    return free_port()


@pytest.fixture(scope="module")
def command(port: int) -> str:
    """A small app."""
    return app_command("family_app.py", port)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory, command: str, port: int) -> Path:
    """A recording of one test, to be copied."""
    keploy = Keploy(tmp_path_factory.mktemp("recording"))
    with keploy.recording(command) as recorder:
        ask(port, VERSION)
        assert recorder.stop() == 0, recorder.shown
    return keploy.folder / "keploy"


@pytest.fixture
def recorded(keploy: Keploy, recording: Path) -> Keploy:
    """A folder with one test."""
    shutil.copytree(recording, keploy.folder / "keploy")
    return keploy


@pytest.mark.parametrize("what", ["record", "test"])
@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("there-is-no-such-program", "there-is-no-such-program"),
        (python("raise SystemExit('out of tea')"), "out of tea"),
        (python("import signal; signal.pause()"), "listen"),
    ],
    ids=["missing", "dies", "never-listens"],
)
def test_an_app_that_does_not_start_is_exit_code_3(
    recorded: Keploy, what: str, broken: str, said: str
) -> None:
    """A broken app looked like a failed test, or took the recorder down with a traceback."""
    done = recorded.run(what, "-c", broken, "--health-poll-timeout", "1s")
    assert done.returncode == 3, done.stdout + done.stderr
    assert said in done.stdout + done.stderr
    assert "keploy_framework" not in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("record", "-c", "x", "--test-set", "../outside"),
        ("record", "-c", "x", "--test-set", "/outside"),
        ("test", "-c", "x", "-t", "../outside"),
        ("test", "-c", "x", "-t", "no-such-set"),
        ("record",),
        ("record", "-c", ""),
        ("record", "-c", "x", "--port", "70000"),
        ("record", "-c", "x", "--record-timer", "soon"),
        ("record", "-c", "x | y"),
        ("test", "-c", "x", "--no-such-option"),
        ("test", "-c", "x", "--configPath", "no-such-folder"),
        ("nonsense",),
        (),
    ],
    ids=lambda words: " ".join(words) or "nothing",
)
def test_misuse_is_exit_code_2_and_one_line(
    keploy: Keploy, tmp_path: Path, words: tuple[str, ...]
) -> None:
    """A mistyped command did something, or ended with a traceback."""
    done = keploy.run(*words)
    assert done.returncode == 2, done.stdout + done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert done.stdout == ""
    assert list(tmp_path.rglob("*.yaml")) == []
    assert not (tmp_path.parent / "outside").exists()


@pytest.mark.parametrize("what", ["record", "test"])
def test_a_port_in_use_is_named(recorded: Keploy, command: str, port: int, what: str) -> None:
    """Another program that had the port was recorded, or tested, instead of the app."""
    with socket.create_server(("127.0.0.1", port)):
        done = recorded.run(what, "-c", command, "--port", str(port))
    shown = done.stdout + done.stderr
    assert done.returncode == 3, shown
    assert f"port {port}" in shown
    assert "keploy_framework" not in shown


def test_a_second_recorder_in_a_folder_is_refused(keploy: Keploy, command: str, port: int) -> None:
    """Two recorders wrote into one folder, and one lost what the other wrote."""
    with keploy.recording(command) as first:
        second = keploy.run("record", "-c", app_command("family_app.py", free_port()))
        assert second.returncode == 2, second.stderr
        assert str(first.process.pid) in second.stderr
        ask(port, VERSION)
        assert first.stop() == 0, first.shown
    assert keploy.test(command)[0] == 0


def test_a_damaged_file_is_named_and_the_others_run(recorded: Keploy, command: str) -> None:
    """A file that is no YAML stopped the run, or was passed over."""
    damaged = recorded.folder / "keploy/test-set-0/tests/get-broken-1.yaml"
    damaged.write_text("version: api.keploy.io/v1beta1\nkind: Http\nname: [\n")
    code, report = recorded.test(command)
    statuses = {test["name"]: test["status"] for test in cases_of(report)}
    assert statuses == {"get-version-1": "PASSED", "get-broken-1": "FAILED"}
    assert code == 1
    shown = recorded.run("test", "-c", command).stdout
    assert f"{damaged.relative_to(recorded.folder)}:" in shown


def test_damaged_mocks_are_named_and_the_tests_run(recorded: Keploy, command: str) -> None:
    """A file of mocks that is no YAML was taken for one without mocks."""
    damaged = recorded.folder / "keploy/test-set-0/mocks.yaml"
    damaged.write_text("version: api.keploy.io/v1beta1\nkind: Http\nname: mock-0\nspec: {\n")
    code, report = recorded.test(command)
    found = {test["status"]: test for test in cases_of(report)}
    assert found["PASSED"]["name"] == "get-version-1"
    assert f"{damaged.relative_to(recorded.folder)}:" in json.dumps(found["FAILED"])
    assert code == 1
