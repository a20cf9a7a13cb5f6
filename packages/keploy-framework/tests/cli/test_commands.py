"""The command does what it is told, and says by its exit code what came of it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from keploy_framework.cli.exits import UsageError
from keploy_framework.cli.main import run_command_line
from keploy_framework.exchange import Exchange, Request, Response
from keploy_framework.formats import KeployTree, Mock

ON_LINUX = pytest.mark.skipif(not Path("/proc/net/tcp").is_file(), reason="needs /proc")
KEPLOY = [sys.executable, "-m", "keploy_framework"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("KEPLOY_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as response:
        return bytes(response.read())


def recorded(command: str, port: int, *arguments: str, end: int = signal.SIGINT) -> str:
    """Record two calls, then end the recording by a signal."""
    words = [*KEPLOY, "record", "-c", command, *arguments]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        line = process.stderr.readline().decode()
        while "http://" not in line:
            assert line, "the recorder ended"
            line = process.stderr.readline().decode()
        assert f":{port};" in line
        get(f"http://127.0.0.1:{port}/items")
        get(f"http://127.0.0.1:{port}/version")
        process.send_signal(end)
        out, error = process.communicate(timeout=30)
        assert process.returncode == 0, error
    return out.decode()


@ON_LINUX
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_recorded_tests_pass_until_the_app_changes(
    app_command: str, app_port: int, here: Path, end: int
) -> None:
    """The way from record to test did not work."""
    out = recorded(app_command, app_port, end=end)
    assert "recorded 2 tests and 0 mocks" in out
    assert "listening" in out, "what the app says passes through"
    test = [*KEPLOY, "test", "-c", app_command]
    passed = subprocess.run([*test, "--json"], capture_output=True, timeout=60)
    assert passed.returncode == 0, passed.stderr
    assert json.loads(passed.stdout)["counts"]["passed"] == 2
    changed = {**os.environ, "APP_VERSION": "2"}
    failed = subprocess.run(
        [*test, "--junit", "junit.xml"], capture_output=True, timeout=60, env=changed
    )
    assert failed.returncode == 1
    assert b"body.version" in failed.stdout
    assert "body.version" in (here / "junit.xml").read_text()
    assert (here / "keploy/reports/test-run-1/test-set-0-report.yaml").is_file()
    assert run_command_line(["report", "--summary"]) == 1
    for kind in ("text", "junit", "html", "json"):
        assert run_command_line(["report", "--format", kind, "-o", f"report.{kind}"]) == 1
        assert "test-run-1" in (here / f"report.{kind}").read_text()
    assert run_command_line(["report", "--test-run", "0"]) == 0
    assert run_command_line(["diff", "0", "1"]) == 1
    assert run_command_line(["diff", "1", "0", "--json"]) == 0
    assert run_command_line(["normalize", "--tests", "test-set-0:get-items-1"]) == 0
    assert run_command_line(["normalize"]) == 0
    accepted = subprocess.run(test, capture_output=True, timeout=60, env=changed)
    assert accepted.returncode == 0, accepted.stdout


@ON_LINUX
def test_a_login_works_in_the_replay_too(app_command: str, app_port: int, here: Path) -> None:
    """With secrets redacted, every test after a login failed with 401."""
    words = [*KEPLOY, "record", "-c", app_command]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        while "http://" not in process.stderr.readline().decode():
            pass
        url = f"http://127.0.0.1:{app_port}"
        token = json.loads(get(f"{url}/login"))["token"]
        for header in (("Authorization", f"Bearer {token}"), ("Cookie", f"session={token}")):
            request = urllib.request.Request(f"{url}/private", headers=dict([header]))
            with urllib.request.urlopen(request, timeout=10) as response:
                assert response.status == 200
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    files = [path for path in (here / "keploy").rglob("*") if path.is_file()]
    assert files
    assert not any(token.encode() in path.read_bytes() for path in files)
    ended = subprocess.run([*KEPLOY, "test", "-c", app_command], capture_output=True, timeout=60)
    assert ended.returncode == 0, ended.stdout


@ON_LINUX
@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("no-such-program-here", "no program"),
        ("{python} -c 'print(1/0)'", "ZeroDivisionError"),
    ],
    ids=["missing", "dies"],
)
@pytest.mark.parametrize("what", ["record", "test"])
def test_an_app_that_fails_is_exit_code_3(
    what: str, command: str, said: str, app_command: str, app_port: int
) -> None:
    """A broken app looked like a failed test, or ended with a traceback of ours."""
    if what == "test":
        recorded(app_command, app_port)
    command = command.format(python=sys.executable)
    words = [*KEPLOY, what, "-c", command]
    ended = subprocess.run(words, capture_output=True, timeout=60)
    shown = (ended.stdout + ended.stderr).decode()
    assert ended.returncode == 3, shown
    assert said in shown
    assert (
        'File "/' not in shown.replace(f'File "{sys.prefix}', "") or "keploy_framework" not in shown
    )


@ON_LINUX
def test_a_port_that_is_taken_is_exit_code_3(app_command: str, app_port: int) -> None:
    """A port in use ended with a traceback."""
    with socket.create_server(("127.0.0.1", app_port)):
        words = [*KEPLOY, "record", "-c", app_command]
        ended = subprocess.run(words, capture_output=True, timeout=60)
    assert ended.returncode == 3
    assert f"port {app_port}" in ended.stderr.decode()
    assert b"Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["record"],
        ["test"],
        ["test", "-c", "a && b"],
        ["record", "-c", "x", "--test-set", "../out"],
        ["record", "-c", "x", "--record-timer", "soon"],
        ["record", "-c", "x", "--metadata", "nothing"],
        ["test", "-c", "x", "-t", "missing"],
        ["test", "-c", "x", "--api-timeout", "0"],
        ["test", "-c", "x", "--stream-timing", "slow"],
        ["validate", "nowhere"],
        ["--no-such-option"],
        ["nonsense"],
        [],
    ],
    ids=lambda words: " ".join(words) or "nothing",
)
def test_misuse_is_exit_code_2_and_one_line(
    words: list[str], capsys: pytest.CaptureFixture[str], here: Path
) -> None:
    """A mistyped command ended with a traceback, or as if a test had failed."""
    assert run_command_line(words) == 2
    said = capsys.readouterr().err
    assert said.startswith("keploy")
    assert len(said.strip().splitlines()) == 1
    assert not (here.parent / "out").exists()


def test_an_empty_run_fails(capsys: pytest.CaptureFixture[str]) -> None:
    """A run without any test was green."""
    assert run_command_line(["test", "-c", "x"]) == 1
    assert "no test ran" in capsys.readouterr().err


def test_a_second_recorder_is_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    """Two recorders wrote into one folder."""
    with KeployTree("keploy").recording():
        assert run_command_line(["record", "-c", "x"]) == 2
    assert str(os.getpid()) in capsys.readouterr().err


def test_a_configuration_is_generated_once(here: Path) -> None:
    """config --generate replaced the user's own file."""
    assert run_command_line(["config", "--generate"]) == 0
    (here / "keploy.yml").write_text("command: mine\n")
    assert run_command_line(["config", "--generate"]) == 2
    assert (here / "keploy.yml").read_text() == "command: mine\n"
    assert run_command_line(["config", "--generate", "--force"]) == 0


def test_secrets_are_found_and_taken_out(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """keploy sanitize --check was green with a key in the tree."""
    key = "ghp_" + "a1B2" * 9
    test = here / "keploy/test-set-0/tests/test-1.yaml"
    test.parent.mkdir(parents=True)
    test.write_text(
        "version: api.keploy.io/v1beta1\nkind: Http\nname: test-1\n"
        f"spec:\n  req: {{method: GET, url: http://a/b, header: {{X: {key}}}}}\n  resp: {{}}\n"
    )
    assert run_command_line(["sanitize", "--check"]) == 1
    assert key in test.read_text()
    assert run_command_line(["sanitize"]) == 0
    assert key not in test.read_text()
    assert key not in capsys.readouterr().out


def test_validate_counts_as_json(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """validate --json was no JSON, or green for a damaged file."""
    (here / "keploy").mkdir()
    (here / "keploy/bad.yaml").write_text("a: [")
    assert run_command_line(["validate", "keploy", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["damaged"] == 1
    (here / "keploy/bad.yaml").write_text("a: 1\n")
    assert run_command_line(["validate", "keploy"]) == 0


def test_the_doctor_speaks_json(capsys: pytest.CaptureFixture[str]) -> None:
    """doctor --json was no JSON."""
    run_command_line(["doctor", "--json", "-c", "java -jar app.jar"])
    assert any(gap["client"] == "java" for gap in json.loads(capsys.readouterr().out))


def test_help_imports_nothing_heavy() -> None:
    """keploy --help took a second, as it imported every command."""
    source = (
        "import sys; from keploy_framework.cli.main import run_command_line;"
        "assert run_command_line(['--help']) == 0;"
        "heavy = {'asyncio', 'ssl', 'keploy_framework.proxy', 'keploy_framework.matching'};"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or None)"
    )
    ended = subprocess.run([sys.executable, "-c", source], capture_output=True, timeout=30)
    assert ended.returncode == 0, ended.stderr


def test_the_app_is_gone_when_the_recorder_is_killed(app_command: str, app_port: int) -> None:
    """After kill -9 of keploy the app held its port."""
    words = [*KEPLOY, "record", "-c", app_command, "--no-move"]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        while "http://" not in process.stderr.readline().decode():
            pass
        process.kill()
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            get(f"http://127.0.0.1:{app_port}/items")
        except OSError:
            return
        time.sleep(0.05)
    pytest.fail("the app still answers")


@ON_LINUX
def test_mocks_that_no_test_used_are_removed_where_that_is_wished(
    app_command: str, app_port: int
) -> None:
    """--remove-unused-mocks left them, or removed those that were used."""
    recorded(app_command, app_port)
    recorded_set = KeployTree("keploy").test_set("test-set-0")
    request = Request("GET", "/never", (), b"", "http", "api.test")
    unused = Exchange(request, Response(200), 10**18, 10**18 + 1)
    recorded_set.write_mocks([Mock.from_exchange(unused, name="mock-0")])
    test = [*KEPLOY, "test", "-c", app_command]
    subprocess.run(test, check=True, capture_output=True, timeout=60)
    assert len(recorded_set.mocks()) == 1
    wished = subprocess.run([*test, "--remove-unused-mocks"], capture_output=True, timeout=60)
    assert wished.returncode == 0
    assert recorded_set.mocks() == []


def test_a_missing_report_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """keploy report without a run ended with a traceback."""
    assert run_command_line(["report"]) != 0
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_debug_shows_where_a_mistake_arose() -> None:
    """--debug showed one line as well."""
    with pytest.raises(UsageError):
        run_command_line(["--debug", "test"])


def test_sets_are_sanitized_by_name(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """sanitize -t a looked at all sets."""
    for name in ("a", "b"):
        test = here / f"keploy/{name}/tests/test-1.yaml"
        test.parent.mkdir(parents=True)
        test.write_text("kind: Http\nname: x\nspec: {}\ncurl: ghp_" + "a1B2" * 9 + "\n")
    assert run_command_line(["sanitize", "-t", "a", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["files"] == 1
    assert "ghp_a1B2" in (here / "keploy/b/tests/test-1.yaml").read_text()
    assert run_command_line(["sanitize", "-t", "../.."]) == 2
