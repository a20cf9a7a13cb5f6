"""A setting is found where the user wrote it."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from keploy_framework.cli.exits import UsageError
from keploy_framework.cli.settings import Settings, parse_seconds
from keploy_framework.errors import KeployConfigError

FILE = """\
command: from-file
port: 8000
proxyPort: 16789
test:
  apiTimeout: 7
  keepAppAlive: true
"""


def settings(
    tmp_path: Path, text: str = FILE, *, env: dict[str, str] | None = None, **given: str
) -> Settings:
    (tmp_path / "keploy.yml").write_text(text)
    return Settings(Namespace(config_path=str(tmp_path), **given), env or {})


@pytest.mark.parametrize(
    ("given", "env", "expected"),
    [
        ({"api_timeout": "9"}, {"KEPLOY_API_TIMEOUT": "8"}, 9),
        ({}, {"KEPLOY_API_TIMEOUT": "8"}, 8),
        ({}, {}, 7),
    ],
    ids=["option", "environment", "file"],
)
def test_the_nearest_counts(
    tmp_path: Path, given: dict[str, str], env: dict[str, str], expected: float
) -> None:
    """An option of the command line lost against the file."""
    found = settings(tmp_path, env=env, **given)
    assert found.seconds("api_timeout", "test.apiTimeout", default=5) == expected


def test_the_default_counts_last(tmp_path: Path) -> None:
    """A default hid what was not set."""
    assert settings(tmp_path, "").seconds("api_timeout", "test.apiTimeout", default=5) == 5


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30", 30), ("2.5", 2.5), ("30s", 30), ("1m30s", 90), ("2h", 7200), ("500ms", 0.5)],
)
def test_times_are_read(text: str, seconds: float) -> None:
    """1m30s was read as one second."""
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "5 apples", "-3", "s", "1s1m"])
def test_what_is_no_time_is_refused(text: str) -> None:
    """A mistyped time became the default."""
    with pytest.raises(ValueError):
        parse_seconds(text)


@pytest.mark.parametrize(
    ("method", "value"),
    [("number", "many"), ("port", "70000"), ("flag", "perhaps"), ("seconds", "soon")],
)
def test_a_wrong_value_names_its_place(tmp_path: Path, method: str, value: str) -> None:
    """A wrong value ended with a traceback."""
    found = settings(tmp_path, env={"KEPLOY_SOME_THING": value})
    with pytest.raises(KeployConfigError, match=r"some-thing|place"):
        getattr(found, method)("some_thing", "place")


def test_unknown_keys_are_named_and_do_no_harm(tmp_path: Path) -> None:
    """A mistyped key of keploy.yml was ignored without a word."""
    found = settings(tmp_path, "comand: x\ntest:\n  delya: 3\n  delay: 4\n")
    assert len(found.warnings) == 2
    assert "comand" in found.warnings[0]
    assert "test.delya" in found.warnings[1]


def test_a_generated_file_has_no_unknown_keys(tmp_path: Path) -> None:
    """keploy config --generate wrote keys that keploy warns about."""
    from keploy_framework.cli.config import TEMPLATE

    assert settings(tmp_path, TEMPLATE).warnings == []


def test_a_missing_folder_is_misuse(tmp_path: Path) -> None:
    """A mistyped --configPath ran with the defaults."""
    with pytest.raises(UsageError, match="nowhere"):
        Settings(Namespace(config_path=str(tmp_path / "nowhere")), {})


def test_names_come_with_commas_or_as_a_list(tmp_path: Path) -> None:
    """-t a,b was one set."""
    found = settings(tmp_path, "test:\n  sets: [c, d]\n", test_sets="a, b,")
    assert found.names("test_sets", "test.sets") == ("a", "b")
    assert found.names("other", "test.sets") == ("c", "d")
