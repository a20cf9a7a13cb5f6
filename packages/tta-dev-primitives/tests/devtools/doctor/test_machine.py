"""What the doctor says of a machine is true, plain, and gives no secret away."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tta_dev_primitives.devtools.doctor.answer import Answer, text_of
from tta_dev_primitives.devtools.doctor.examination import examine
from tta_dev_primitives.devtools.doctor.keys_and_ports import look_at_keys, look_at_ports
from tta_dev_primitives.devtools.doctor.programs import look_at_python, look_at_uv
from tta_dev_primitives.devtools.doctor.redis_server import look_at_redis
from tta_dev_primitives.devtools.workspace.members import read_workspace
from tta_dev_primitives.devtools.workspace.pyproject import PyprojectError

from ..workspace.trees_here import (  # noqa: TID252 - the tests are no package with a name
    NOT_BUILT,
    ONE,
    SOUND,
    TWO,
    make_unreadable,
    run_uv,
    write_tree,
)


@contextmanager
def server(reply: bytes | None) -> Generator[int]:
    """Listen on a port, and answer one connection with *reply*; None never answers."""
    done = threading.Event()

    def serve() -> None:
        with listener.accept()[0] as connection:
            connection.recv(64)
            if reply is None:
                done.wait(5)
            else:
                connection.sendall(reply)

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            done.set()
            thread.join()


def test_compose_file_that_cannot_be_read_is_a_note(tmp_path: Path) -> None:
    """The doctor gives up at a file that it only looks into for ports."""
    make_unreadable(tmp_path / "compose.yml")
    answers = list(look_at_ports(tmp_path))
    assert [each.state for each in answers if "compose.yml cannot be read" in each.said] == ["note"]
    assert answers[-1].subject in {"port", "ports"}


@pytest.mark.parametrize(
    ("reply", "state", "said"),
    [
        (b"+PONG\r\n", "ok", "a server answers at 127.0.0.1:"),
        (b"-NOAUTH Authentication required.\r\n", "ok", "wants a password"),
        (b"HTTP/1.1 400 Bad Request\r\n", "problem", "not as a Redis server does"),
        (b"", "problem", "not as a Redis server does"),
        (None, "problem", "in time"),
    ],
    ids=["pong", "password", "other-server", "hangs-up", "silent"],
)
def test_redis_is_asked_once(reply: bytes | None, state: str, said: str) -> None:
    """Something that listens is not yet a Redis server."""
    with server(reply) as port:
        variables = {"REDIS_URL": f"redis://user:hunter2@127.0.0.1:{port}/0"}
        answer = look_at_redis(variables, timeout_seconds=0.3)
    assert answer.state == state
    assert said in answer.said
    assert "hunter2" not in repr(answer)


def test_redis_that_nobody_asked_for_is_a_note() -> None:
    """Without REDIS_URL a missing server is no problem; with it, it is one."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    answer = look_at_redis({"REDIS_URL": f"redis://127.0.0.1:{port}"})
    assert answer.state == "problem"
    assert f"nobody answers at 127.0.0.1:{port}" in answer.said
    if look_at_redis({}).state != "ok":
        assert look_at_redis({}).state == "note"


@pytest.mark.parametrize("url", ["127.0.0.1:6379", "http://x:hunter2@y/", "redis://x:hunter2@y:z"])
def test_address_that_is_none_is_not_repeated(url: str) -> None:
    """It may hold a password, whatever else is wrong with it."""
    answer = look_at_redis({"REDIS_URL": url})
    assert answer.state == "problem"
    assert "hunter2" not in repr(answer)


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="needs a Redis server")
@pytest.mark.parametrize("password", ["", "hunter2"], ids=["open", "closed"])
def test_real_redis_answers(tmp_path: Path, password: str) -> None:
    """The words that are understood are those of the real server."""
    path = tmp_path / "redis.sock"
    options = ["--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(tmp_path)]
    options += ["--requirepass", password] if password else []
    with subprocess.Popen(["redis-server", *options], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if "ready to accept" in line.lower() or "unix socket" in line.lower():
                    break
            answer = look_at_redis({"REDIS_URL": f"unix://{path}"})
        finally:
            process.terminate()
            process.communicate()
    assert answer.state == "ok"
    assert ("wants a password" in answer.said) == bool(password)


@pytest.mark.parametrize(
    ("value", "state"),
    [
        (None, "note"),
        ("", "problem"),
        ("  ", "problem"),
        ("sk-123 ", "problem"),
        ('"sk-123"', "problem"),
        ("sk-123", "ok"),
    ],
    ids=["unset", "empty", "blank", "space", "quoted", "set"],
)
def test_key_is_judged_and_never_shown(value: str | None, state: str) -> None:
    """A key that was pasted with its quotes is refused by every provider."""
    variables = {} if value is None else {"OPENAI_API_KEY": value}
    answers = list(look_at_keys(variables))
    assert answers[0].state == state
    assert "sk-123" not in repr(answers)


def test_port_that_is_taken_is_told_with_its_use(tmp_path: Path) -> None:
    """A compose file names ports that have to be free."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
        text = f'services:\n  x:\n    ports: ["127.0.0.1:{port}:6379"]\n'
        write_tree(tmp_path, {"docker-compose.test.yml": text})
        taken = [each for each in look_at_ports(tmp_path) if str(port) in each.said]
        assert [each.state for each in taken] == ["note"]
        assert "a service of docker-compose.test.yml" in taken[0].said
    free = [each for each in look_at_ports(tmp_path) if str(port) in each.said]
    assert [each.state for each in free] == ["ok"]


@pytest.mark.parametrize(
    ("wanted", "state"), [(">=0.1", "ok"), (">=999", "problem")], ids=["enough", "too-old"]
)
def test_uv_is_held_against_what_the_workspace_asks(
    tmp_path: Path, own_uv: None, wanted: str, state: str
) -> None:
    """The upgrade is named before uv refuses every command."""
    root = f'[tool.uv]\nrequired-version = "{wanted}"\n' + SOUND["pyproject.toml"]
    workspace = read_workspace(write_tree(tmp_path, SOUND | {"pyproject.toml": root}))
    answer = look_at_uv(tmp_path, workspace)
    assert (answer.subject, answer.state) == ("uv", state)


def test_python_of_the_environment_is_held_against_the_members(
    tmp_path: Path, own_uv: None
) -> None:
    """An environment that is older than a raised floor has to be made anew."""
    tree = {"packages/one/pyproject.toml": ONE + NOT_BUILT}
    tree["packages/two/pyproject.toml"] = TWO + NOT_BUILT
    workspace = read_workspace(write_tree(tmp_path, SOUND | tree))
    assert [each.state for each in look_at_python(workspace)] == ["note"]
    assert run_uv(tmp_path, "sync").returncode == 0
    assert [each.state for each in look_at_python(workspace)] == ["ok"]
    raised = {"packages/two/pyproject.toml": TWO.replace("3.11", "3.99")}
    [answer] = look_at_python(read_workspace(write_tree(tmp_path, raised)))
    assert answer.state == "problem"
    assert "two (>=3.99)" in answer.said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pyproject.toml": "[tool.x]\n"}, "has a table [tool.uv.workspace]"),
        ({"packages/one/pyproject.toml": "a = \n"}, "is not TOML"),
        ({"uv.lock": "<<<<<<< HEAD\n"}, "holds a merge conflict"),
        ({"packages/three/x": ""}, "no pyproject.toml"),
    ],
    ids=["no-workspace", "broken", "conflict", "finding"],
)
def test_broken_workspace_is_one_problem_among_the_answers(
    tmp_path: Path, own_uv: None, changes: dict[str, str], said: str
) -> None:
    """The machine is examined all the same."""
    answers = list(examine(write_tree(tmp_path, SOUND | changes), {}))
    [told] = [each for each in answers if each.subject == "workspace"]
    assert told.state == "problem"
    assert said in told.said
    assert {"uv", "git", "Redis", "key"} <= {each.subject for each in answers}


def test_refusal_of_uv_is_told_in_its_words(tmp_path: Path, own_uv: None) -> None:
    """The doctor sends the reader to words of uv that it does not print."""
    changes = {"pyproject.toml": SOUND["pyproject.toml"] + '[tool.uv]\nrequired-version = ">99"\n'}
    answers = list(examine(write_tree(tmp_path, SOUND | changes), {}))
    [told] = [each for each in answers if each.subject == "workspace"]
    assert "Required uv version `>99` does not match" in told.said
    assert "below" not in told.next_move


def test_machine_without_uv_is_examined_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has not installed uv yet is who asks the doctor."""
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    answers = list(examine(write_tree(tmp_path, SOUND), {}))
    assert [each.state for each in answers if each.subject == "uv"] == ["problem"]
    assert any(each.subject == "Redis" for each in answers)


def test_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """A mistyped path is no illness of the machine."""
    with pytest.raises(PyprojectError, match="is no folder"):
        list(examine(tmp_path / "gone", {}))


def test_answers_are_lines_with_a_count() -> None:
    """The last line says whether there is anything to do."""
    answers = [Answer("uv", "ok", "fine"), Answer("git", "problem", "a\nb\x1b[2J", "install it")]
    assert text_of(answers) == (
        "ok       uv   fine\nproblem  git  a b [2J\n              next: install it\n1 problem\n"
    )
    assert text_of(answers[:1]).endswith("all is well\n")
