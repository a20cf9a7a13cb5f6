"""`KeployConfig`: built in code and loaded."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from keploy_framework import (
    KeployConfig,
    KeployConfigError,
    KeployConfigNotFoundError,
    KeployError,
)
from keploy_framework.config import AppConfig, TestConfig

Write = Callable[[str], Path]


def test_mappings_become_typed_attributes():
    built = KeployConfig(
        name="shop",
        app={"command": "make run", "port": 8000, "host": "::1"},
        test={"path": "./recorded", "globalNoise": {"global": {"body": {"id": ["^x"]}}}},
    )
    assert (built.name, built.app.command, built.app.port) == ("shop", "make run", 8000)
    assert (built.app.host, built.test.path) == ("::1", "./recorded")
    assert built.test.global_noise == {"global": {"body": {"id": ["^x"]}}, "test-sets": {}}


def test_what_is_left_out_has_keploys_defaults_and_stays_on_loopback():
    built = KeployConfig()
    assert (built.name, built.app, built.test) == ("", AppConfig(), TestConfig())
    assert (built.app.command, built.app.port, built.app.host) == ("", 0, "localhost")
    assert (built.test.path, built.test.global_noise) == ("", {"global": {}, "test-sets": {}})


def test_the_callers_noise_is_copied():
    noise = {"global": {"body": {"id": []}}}
    KeployConfig(test={"globalNoise": noise}).add_noise_filter("time")
    assert noise == {"global": {"body": {"id": []}}}


def test_equal_values_make_equal_configurations(upstream: Path):
    first, second = KeployConfig.load(upstream), KeployConfig.load(upstream)
    assert first == second
    second.add_noise_filter("more")
    assert first != second


PORT = "app.port must be a whole number from 0 to 65535, got {}; give the port the app answers on"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": 7}, "name must be text, got 7; put it in quotes"),
        ({"app": "make"}, "app must be a mapping, got 'make'; write 'key: value' lines"),
        ({"app": {"command": ["a"]}}, "app.command must be text, got ['a']; put it in quotes"),
        ({"app": {"prot": 1}}, "app has no key 'prot'; it takes command, port, host"),
        ({"app": {"port": "80"}}, PORT.format("'80'")),
        ({"app": {"port": True}}, PORT.format("True")),
        ({"app": {"port": 65536}}, PORT.format("65536")),
        ({"app": {"port": -1}}, PORT.format("-1")),
        ({"app": {"host": None}}, "app.host must be text, got None; put it in quotes"),
        ({"app": {"host": ""}}, "app.host must not be empty, got ''; name one"),
        ({"test": []}, "test must be a mapping, got []; write 'key: value' lines"),
        ({"test": {"path": 3}}, "test.path must be text, got 3; put it in quotes"),
        ({"test": {"noise": {}}}, "test has no key 'noise'; it takes path, globalNoise"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_value_is_refused_at_construction(arguments: dict[str, Any], message: str):
    with pytest.raises(KeployConfigError) as caught:
        KeployConfig(**arguments)
    assert str(caught.value) == message


@pytest.mark.parametrize("port", [0, 1, 65535], ids=["unset", "lowest", "highest"])
def test_every_port_of_the_range_is_taken(port: int):
    assert KeployConfig(app={"port": port}).app.port == port


def test_upstream_keys_are_read(upstream: Path):
    loaded = KeployConfig.load(upstream)
    assert (loaded.name, loaded.test.path) == ("shop", "api")
    assert loaded.app == AppConfig("python app.py", port=0, host="localhost")
    assert loaded.test.global_noise == {
        "global": {
            "body": {"order.id": ["^[0-9]+$"], "timestamp": [], "empty": []},
            "header": {"Date": []},
        },
        "test-sets": {"test-set-1": {"header": {"X-Request-Id": []}}},
    }


def test_a_file_with_the_names_of_the_class_is_read_by_them(own: Path):
    loaded = KeployConfig.load(str(own))
    assert (loaded.name, loaded.test.path) == ("shop", "./recorded")
    assert loaded.app == AppConfig("uvicorn shop:app", port=8123, host="localhost")
    assert loaded.test.global_noise["global"] == {"body": {"timestamp": [], "request_id": []}}


@pytest.mark.parametrize(
    ("text", "name", "command"),
    [
        ("app: {command: mine}\nappName: theirs\ncommand: theirs\n", "", "mine"),
        ("name: mine\nappName: theirs\ncommand: theirs\n", "mine", ""),
        ("name:\napp:\n  command:\n", "", ""),
    ],
    ids=["app", "name", "nothing-filled"],
)
def test_either_of_app_and_name_makes_a_file_one_with_the_names_of_the_class(
    write: Write, text: str, name: str, command: str
):
    loaded = KeployConfig.load(write(text))
    assert (loaded.name, loaded.app.command) == (name, command)


@pytest.mark.parametrize("text", ["", "# nothing\n", "async: {lanes: 2}\n"])
def test_a_file_that_says_nothing_of_it_leaves_the_defaults(write: Write, text: str):
    assert KeployConfig.load(write(text)) == KeployConfig()


NOT_YAML = "not valid YAML in UTF-8 "
NOISE = "test.globalNoise"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: [1\nb: 2\n", 2, f"{NOT_YAML}(expected ',' or ']', but got ':'); correct it"),
        ("a: 1\n---\nb: 1\n", 2, f"{NOT_YAML}(but found another document); correct it"),
        ("<<<<<<< HEAD\nport: 1\n", 2, f"{NOT_YAML}(mapping values are not allowed here)"),
        ("a: !!python/name:os.system x\n", 1, f"{NOT_YAML}(could not determine a constructor"),
        ("a: \x07\n", None, f"{NOT_YAML}(unacceptable character #x0007: special characters"),
        ("a: !!int x\n", None, f"{NOT_YAML}(invalid literal for int() "),
        ("[" * 5000, None, f"{NOT_YAML}(maximum recursion depth exceeded"),
        ("- a\n- b\n", None, "holds ['a', 'b'], not a mapping; write 'key: value' lines"),
        ("port: 70000\n", None, PORT.removeprefix("app.").format("70000")),
        ("appName: 12\n", None, "appName must be text, got 12; put it in quotes"),
        ("test:\n  host: 5\n", None, "test.host must be text, got 5; put it in quotes"),
        ("test: [x]\n", None, "test must be a mapping, got ['x']; write 'key: value' lines"),
        ("app: {port: 1.5}\n", None, PORT.format("1.5")),
        ("test: {globalNoise: [a]}\n", None, f"{NOISE} must be a mapping, got ['a']; write"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_bad_file_is_reported_with_its_name_and_the_key_it_has(
    write: Write, text: str, line: int | None, message: str
):
    path = write(text)
    with pytest.raises(KeployConfigError) as caught:
        KeployConfig.load(path)
    place = path if line is None else f"{path}:{line}"
    assert str(caught.value).startswith(f"{place}: {message}")
    assert (caught.value.file, caught.value.line) == (path, line)


def test_text_that_is_not_utf_8_is_refused(tmp_path: Path):
    path = tmp_path / "keploy.yml"
    path.write_bytes(b"name: caf\xe9\n")
    with pytest.raises(KeployConfigError, match="can't decode byte 0xe9 in position 9"):
        KeployConfig.load(path)


def test_a_missing_file_is_also_a_file_not_found_error(tmp_path: Path):
    with pytest.raises(FileNotFoundError) as caught:
        KeployConfig.load(tmp_path / "absent.yml")
    assert isinstance(caught.value, KeployConfigNotFoundError)
    assert str(caught.value).endswith(
        "absent.yml: there is no such file; create it with KeployConfig.save"
    )


def test_an_error_carries_data_and_survives_pickling(write: Write):
    path = write("port: 70000\n")
    with pytest.raises(KeployError) as caught:
        KeployConfig.load(path)
    assert isinstance(caught.value, ValueError)
    error = pickle.loads(pickle.dumps(caught.value))
    assert str(error) == str(caught.value)
    assert (error.file, error.line, error.key, error.value) == (path, None, "port", 70000)
