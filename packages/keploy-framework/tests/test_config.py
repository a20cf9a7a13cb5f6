"""`KeployConfig`: built in code, loaded, changed and saved."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keploy_framework import (
    AppConfig,
    KeployConfig,
    KeployConfigError,
    KeployConfigNotFoundError,
    KeployError,
    TestConfig,
)

APP = {"command": "python app.py", "port": 8000, "host": "127.0.0.1"}


def config(**changes: object) -> KeployConfig:
    values: dict[str, Any] = {"name": "shop", "app": APP, "test": {}, **changes}
    return KeployConfig(**values)


def saved(text: str, folder: Path) -> Path:
    path = folder / "keploy.yml"
    path.write_bytes(text.encode())
    return path


def test_mappings_become_typed_attributes():
    noise = {"global": {"body": {"id": ["^x"]}}}
    built = config(test={"path": "./recorded", "globalNoise": noise})
    assert (built.name, built.app.command, built.app.port) == ("shop", "python app.py", 8000)
    assert (built.app.host, built.test.path) == ("127.0.0.1", "./recorded")
    assert built.test.global_noise == {"global": {"body": {"id": ["^x"]}}, "test-sets": {}}


def test_records_are_taken_as_they_are():
    app, test = AppConfig("make run", port=0), TestConfig(path="x")
    built = config(app=app, test=test)
    assert built.app is app
    assert built.test is test


def test_what_is_left_out_has_the_defaults_of_version_0_1():
    built = KeployConfig(name="shop", app={"command": "make run"})
    assert (built.app.port, built.app.host) == (8000, "0.0.0.0")
    assert built.test == TestConfig(path="./keploy/tests")


def test_the_callers_noise_is_copied():
    noise = {"global": {"body": {"id": []}}}
    config(test={"globalNoise": noise}).add_noise_filter("time")
    assert noise == {"global": {"body": {"id": []}}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": 7}, "name must be text, got 7; put it in quotes"),
        ({"app": "make"}, "app must be a mapping, got 'make'; give it command, port, host"),
        ({"app": {}}, "app.command is missing; give the command line that starts the app"),
        ({"app": {"command": ["a"]}}, "app.command must be text, got ['a']; put it in quotes"),
        ({"app": {**APP, "prot": 1}}, "app has no key 'prot'; it takes command, port, host"),
        (
            {"app": {**APP, "port": "80"}},
            "app.port must be a whole number, got '80'; write digits, no quotes",
        ),
        (
            {"app": {**APP, "port": True}},
            "app.port must be a whole number, got True; write digits, no quotes",
        ),
        (
            {"app": {**APP, "port": 65536}},
            "app.port must be from 0 to 65535, got 65536; give the port the app uses",
        ),
        (
            {"app": {**APP, "port": -1}},
            "app.port must be from 0 to 65535, got -1; give the port the app uses",
        ),
        (
            {"app": {**APP, "host": ""}},
            "app.host must not be empty, got ''; name an address such as '127.0.0.1'",
        ),
        ({"app": {**APP, "host": None}}, "app.host must be text, got None; put it in quotes"),
        ({"test": []}, "test must be a mapping, got []; give it path, globalNoise"),
        ({"test": {"path": 3}}, "test.path must be text, got 3; put it in quotes"),
        (
            {"test": {"global_noise": {}}},
            "test has no key 'global_noise'; it takes path, globalNoise",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_value_is_refused_at_construction(changes: dict[str, object], message: str):
    with pytest.raises(KeployConfigError) as caught:
        config(**changes)
    assert str(caught.value) == message


@pytest.mark.parametrize("port", [0, 1, 65535], ids=["unset", "lowest", "highest"])
def test_every_port_of_the_range_is_taken(port: int):
    assert AppConfig("make run", port).port == port


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


def test_keys_of_version_0_1_are_read(own: Path):
    loaded = KeployConfig.load(str(own))
    assert loaded.name == "shop"
    assert loaded.app == AppConfig("uvicorn shop:app", port=8123, host="127.0.0.1")
    assert loaded.test.path == "./keploy/tests"
    assert loaded.test.global_noise["global"] == {"body": {"timestamp": [], "request_id": []}}


def test_an_own_file_may_lack_what_has_a_default(tmp_path: Path):
    path = saved("name: shop\napp:\n  command: make run\n  port:\n", tmp_path)
    assert KeployConfig.load(path) == KeployConfig(name="shop", app={"command": "make run"})


def test_the_own_key_wins_over_upstreams(tmp_path: Path):
    text = "name: mine\nappName: theirs\napp: {command: mine}\ncommand: theirs\nport: 81\n"
    loaded = KeployConfig.load(saved(text, tmp_path))
    assert (loaded.name, loaded.app.command, loaded.app.port) == ("mine", "mine", 81)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("name: a\nname: b\n", 2, "duplicate key 'name', first on line 1; remove one"),
        ("test: {a: 1, a: 1}\n", 1, "duplicate key 'a', first on line 1; remove one"),
        ("a: [1\nb: 2\n", 2, "not valid YAML (while parsing a flow sequence, "),
        ("a: 1\n---\nb: 1\n", 2, "not valid YAML (expected a single document in the stream, "),
        ("<<<<<<< HEAD\nport: 1\n", 2, "not valid YAML (mapping values are not allowed here)"),
        ("a: 1\nb: \x07\n", 2, "not valid YAML (special characters are not allowed: "),
        ("a: !!int x\n", None, "not valid YAML (invalid literal for int() "),
        ("a: 1\nb: !!python/name:os.system x\n", 2, "not valid YAML (could not determine a "),
        ("\n- a\n- b\n", 2, "holds '- a\\n- b', not a mapping; write 'key: value' lines"),
        ("just text\n", 1, "holds 'just text', not a mapping; write 'key: value' lines"),
        ("? [a, b]\n: 1\n", 1, "a key must be text, not a list or a mapping; quote it"),
        ("a: &a\n  b: *a\n", 1, "an alias contains itself; write the value out"),
        ("# nothing\n", None, "holds no keys; add one, such as 'command: python app.py'"),
        ("", None, "holds no keys; add one, such as 'command: python app.py'"),
        ("[" * 5000, None, "nests too deeply to be a configuration; name another file"),
        ("a: " + "[" * 120 + "]" * 120, 1, "nests more than 100 levels deep; flatten it"),
        ("a: 1\nport: 70000 # no\n", 2, "port must be from 0 to 65535, got 70000; give "),
        ("port: ninety\n", 1, "port must be a whole number, got 'ninety'; write digits"),
        ("appName: 12\n", 1, "appName must be text, got 12; put it in quotes"),
        ("test:\n  host: 5\n", 2, "test.host must be text, got 5; put it in quotes"),
        ("test:\n  - x\n", 1, "test must be a mapping, got ['x']; indent keys below it"),
        ("app: x\n", 1, "app must be a mapping, got 'x'; indent keys below it"),
        ("name: shop\napp:\n  port: 1\n", 2, "app.command is missing; give the command line"),
        ("app:\n  command: make\n", None, "name is missing; give the project a name"),
        ("app:\n  command: make\n  port: 1.5\nname: x\n", 3, "app.port must be a whole number"),
        ("test:\n  globalNoise: [a]\n", 2, "test.globalNoise must be a mapping, got ['a']; "),
        (
            "test:\n  globalNoise:\n    body: {a: []}\n",
            2,
            "test.globalNoise has no level 'body'; put it below 'global' or below 'test-sets'",
        ),
        (
            "test:\n  globalNoise:\n    global:\n      body:\n        id: x\n",
            5,
            "test.globalNoise.global.body.id must be a list of regular expressions, got 'x'; use",
        ),
        (
            "test:\n  globalNoise:\n    test-sets:\n      s:\n        body: [1]\n",
            5,
            "test.globalNoise.test-sets.s.body must list text, got 1; put it in quotes",
        ),
        (
            "test:\n  globalNoise:\n    global:\n      body: {on: []}\n",
            4,
            "test.globalNoise.global.body has the key True, which is not text; put it in quotes",
        ),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_bad_file_is_reported_with_its_place(
    tmp_path: Path, text: str, line: int | None, message: str
):
    path = saved(text, tmp_path)
    with pytest.raises(KeployConfigError) as caught:
        KeployConfig.load(path)
    place = path if line is None else f"{path}:{line}"
    assert str(caught.value).startswith(f"{place}: {message}")
    assert (caught.value.file, caught.value.line) == (path, line)


def test_aliases_that_stand_for_too_much_are_refused(tmp_path: Path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(KeployConfigError, match="aliases stand for more than 100000 values"):
        KeployConfig.load(saved("\n".join(lines), tmp_path))


def test_a_missing_file_is_also_a_file_not_found_error(tmp_path: Path):
    with pytest.raises(FileNotFoundError) as caught:
        KeployConfig.load(tmp_path / "absent.yml")
    assert isinstance(caught.value, KeployConfigNotFoundError)
    assert str(caught.value).endswith(
        "absent.yml: no configuration file there; write one with KeployConfig.save"
    )


def test_a_folder_is_no_configuration(tmp_path: Path):
    with pytest.raises(KeployConfigError, match=r"cannot be read \(.+\); name a readable file"):
        KeployConfig.load(tmp_path)


def test_text_that_is_not_utf_8_is_refused(tmp_path: Path):
    path = tmp_path / "keploy.yml"
    path.write_bytes(b"name: caf\xe9\n")
    with pytest.raises(KeployConfigError, match="not UTF-8 text from byte 9 on; save it as UTF-8"):
        KeployConfig.load(path)


def test_an_error_carries_data_and_survives_pickling(tmp_path: Path):
    path = saved("port: 70000\n", tmp_path)
    with pytest.raises(KeployError) as caught:
        KeployConfig.load(path)
    assert isinstance(caught.value, ValueError)
    error = pickle.loads(pickle.dumps(caught.value))
    assert str(error) == str(caught.value)
    assert (error.file, error.line, error.key, error.value) == (path, 1, ("port",), 70000)


WORDS = st.text(max_size=20)
PATTERNS = st.lists(WORDS, max_size=2)
SECTIONS = st.dictionaries(
    st.sampled_from(["body", "header"]), st.dictionaries(WORDS, PATTERNS, max_size=3)
)


@st.composite
def configs(draw: st.DrawFn) -> KeployConfig:
    sets = st.dictionaries(WORDS, SECTIONS, max_size=2)
    return KeployConfig(
        name=draw(WORDS),
        app={
            "command": draw(WORDS),
            "port": draw(st.integers(0, 65535)),
            "host": draw(st.text(min_size=1, max_size=20)),
        },
        test={
            "path": draw(WORDS),
            "globalNoise": {"global": draw(SECTIONS), "test-sets": draw(sets)},
        },
    )


@settings(max_examples=30)
@given(configs())
def test_loading_gives_back_what_was_saved(
    tmp_path_factory: pytest.TempPathFactory, x: KeployConfig
):
    path = tmp_path_factory.mktemp("saved") / "keploy.yml"
    x.save(path)
    assert KeployConfig.load(path) == x


@settings(max_examples=30)
@given(configs())
def test_any_values_can_be_put_into_a_file_of_any_shape(
    tmp_path_factory: pytest.TempPathFactory, text: str, x: KeployConfig
):
    """No text is mangled by quoting, and no value lands where it is not read."""
    path = saved(text, tmp_path_factory.mktemp("replaced"))
    x.save(path)
    assert KeployConfig.load(path) == x


def test_recorded_files_load_save_unchanged_and_take_every_change(
    recorded: list[Path], tmp_path: Path
):
    loaded = 0
    for path in recorded:
        original = path.read_bytes()
        if b"\n---\n" in original:  # old files of this name that hold recorded traffic
            with pytest.raises(KeployConfigError, match="another document"):
                KeployConfig.load(path)
            continue
        found = KeployConfig.load(path)
        loaded += 1
        found.save(tmp_path / "copy.yml")
        assert (tmp_path / "copy.yml").read_bytes() == original
        found.name, found.app.port = f"{found.name} 2", 4321
        found.add_noise_filter("header.X-Trace")
        found.add_noise_filter("user.id", "another-set")
        found.save(tmp_path / "changed.yml")
        assert KeployConfig.load(tmp_path / "changed.yml") == found
    assert loaded >= 20
