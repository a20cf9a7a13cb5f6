"""What `KeployConfig.save` keeps, and what it never leaves behind."""

from __future__ import annotations

import difflib
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from keploy_framework import KeployConfig, KeployConfigError


def new(**app: object) -> KeployConfig:
    return KeployConfig(name="shop", app={"command": "make run", **app})


def lines_changed(before: str, after: str) -> list[str]:
    diff = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return [line for line in list(diff)[2:] if not line.startswith("@@")]


def write(folder: Path, text: str) -> Path:
    path = folder / "keploy.yml"
    path.write_bytes(text.encode())
    return path


def test_a_new_file_has_the_own_shape(tmp_path: Path):
    config = new(port=8080, host="127.0.0.1")
    config.add_noise_filter("id")
    config.save(tmp_path / "keploy.yml")
    assert (tmp_path / "keploy.yml").read_text() == (
        "name: shop\napp:\n  command: make run\n  port: 8080\n  host: 127.0.0.1\n"
        "test:\n  path: ./keploy/tests\n  globalNoise:\n    global:\n      body:\n        id: []\n"
        "    test-sets: {}\n"
    )


def test_both_default_to_keploy_yml_of_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    new().save()
    assert KeployConfig.load() == new()
    assert [path.name for path in tmp_path.iterdir()] == ["keploy.yml"]


def test_an_unchanged_file_is_written_back_byte_for_byte(tmp_path: Path, text: str):
    path = write(tmp_path, text)
    KeployConfig.load(path).save(tmp_path / "copy.yml")
    assert (tmp_path / "copy.yml").read_bytes() == path.read_bytes()


def test_only_changed_lines_of_an_upstream_file_are_written_again(upstream: Path):
    before = upstream.read_text()
    config = KeployConfig.load(upstream)
    config.app.port, config.app.host, config.name = 8000, "127.0.0.1", "yes"
    config.add_noise_filter("header.ETag")
    config.add_noise_filter("total", scope="test-set-2")
    config.save(upstream)
    assert lines_changed(before, upstream.read_text()) == [
        "-appName: shop",
        "+appName: 'yes'",
        "-port: 0",
        "+port: 8000",
        "-                empty:",
        "+                empty: []",
        "+                ETag: []",
        "+            test-set-2:",
        "+                body:",
        "+                    total: []",
        '-    host: ""',
        "+    host: 127.0.0.1",
    ]


def test_only_changed_lines_of_an_own_file_are_written_again(own: Path):
    before = own.read_text()
    config = KeployConfig.load(own)
    config.app.port = 9000
    config.save(own)
    assert lines_changed(before, own.read_text()) == [
        "-  port: 8123   # behind the proxy",
        "+  port: 9000   # behind the proxy",
    ]


def test_a_removed_field_leaves_the_file(upstream: Path):
    config = KeployConfig.load(upstream)
    del config.test.global_noise["global"]["body"]["timestamp"]
    config.save(upstream)
    assert "timestamp" not in upstream.read_text()
    assert "# these differ in every run" in upstream.read_text()
    assert KeployConfig.load(upstream) == config


def test_missing_keys_are_added_where_upstream_has_them(tmp_path: Path):
    path = write(tmp_path, "path: here\n# end")
    config = KeployConfig.load(path)
    config.app.command, config.app.host = "make run", "10.0.0.1"
    config.save(path)
    assert path.read_text() == "path: here\ncommand: make run\ntest:\n  host: 10.0.0.1\n# end"


def test_a_file_without_a_last_newline_grows_at_its_end(tmp_path: Path):
    path = write(tmp_path, "path: here")
    config = KeployConfig.load(path)
    config.app.port = 80
    config.save(path)
    assert path.read_text() == "path: here\nport: 80"


def test_a_new_configuration_keeps_the_unknown_keys_of_the_file_it_replaces(upstream: Path):
    new(port=5000).save(upstream)
    replaced = yaml.safe_load(upstream.read_text())
    assert (replaced["command"], replaced["port"], replaced["proxyPort"]) == (
        "make run",
        5000,
        16789,
    )
    assert "app" not in replaced
    assert KeployConfig.load(upstream) == new(port=5000)


def test_wrong_values_of_the_replaced_file_are_put_right(tmp_path: Path):
    path = write(tmp_path, "app: 3\ntest: {delay: 9}\nport: none\nextra: kept\n")
    new().save(path)
    assert KeployConfig.load(path) == new()
    replaced = yaml.safe_load(path.read_text())
    assert (replaced["test"]["delay"], replaced["extra"]) == (9, "kept")


def test_a_loaded_configuration_takes_its_own_keys_along(upstream: Path, tmp_path: Path):
    other = tmp_path / "other.yml"
    other.write_text("unrelated: true\n")
    KeployConfig.load(upstream).save(other)
    assert other.read_text() == upstream.read_text()


def test_a_file_of_comments_only_keeps_them(tmp_path: Path):
    path = write(tmp_path, "# ours\n")
    new().save(path)
    assert path.read_text().startswith("# ours\nname: shop\n")


@pytest.mark.parametrize(
    "text",
    [
        "# top\ncommand: &c make\nother: *c\n",
        "# top\n{command: make, other: x}\n",
        "# top\nx: &c make\ncommand: *c\n",
        "# top\nbase: &b {command: make}\n<<: *b\nother: 2026-01-01T00:00:00.123456789Z\n",
        "# top\ntest: &t\n  host: a\nother: *t\n",
        "# top\ntest: !!omap [a: 1]\n",
    ],
    ids=["anchor", "braces", "alias", "merge", "alias-of-mapping", "ordered-pairs"],
)
def test_a_file_that_cannot_be_edited_in_place_is_written_whole(tmp_path: Path, text: str):
    path = write(tmp_path, text)
    if "omap" in text:
        with pytest.raises(KeployConfigError, match="test must be a mapping"):
            KeployConfig.load(path)
        config = new()
    else:
        config = KeployConfig.load(path)
        config.app.command, config.app.host = "make run", "10.0.0.1"
    other = yaml.load(text, Loader=yaml.BaseLoader).get("other")
    config.save(path)
    assert path.read_text().startswith("# top\n")
    assert KeployConfig.load(path) == config
    assert yaml.load(path.read_text(), Loader=yaml.BaseLoader).get("other") == other


def test_values_on_several_lines_are_replaced_whole(tmp_path: Path):
    path = write(tmp_path, "command: |\n  make\n  run\n\n# next\nbypassRules:\n- a\n- [b]\n")
    config = KeployConfig.load(path)
    assert config.app.command == "make\nrun\n"
    config.app.command, config.app.port = "make", 80
    config.save(path)
    assert path.read_text() == ("command: make\n\n# next\nbypassRules:\n- a\n- [b]\nport: 80\n")


def test_windows_line_ends_and_a_byte_order_mark_are_understood(tmp_path: Path):
    path = write(tmp_path, "\ufeffcommand: make\r\n# kept\r\nport: 1\r\n")
    config = KeployConfig.load(path)
    config.app.port = 2
    config.save(path)
    assert path.read_bytes() == b"command: make\r\n# kept\r\nport: 2\r\n"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda config: setattr(config, "name", None), "name must be text"),
        (lambda config: setattr(config.app, "port", 99999), "app.port must be from 0"),
        (
            lambda config: config.test.global_noise["global"].update(body={"id": "x"}),
            "must be a list of regular expressions",
        ),
    ],
    ids=["name", "port", "noise"],
)
def test_a_value_spoiled_later_is_refused_before_anything_is_written(
    own: Path, spoil: Callable[[KeployConfig], None], message: str
):
    before = own.read_bytes()
    config = KeployConfig.load(own)
    spoil(config)
    with pytest.raises(KeployConfigError, match=message):
        config.save(own)
    assert own.read_bytes() == before


def test_a_file_that_is_not_yaml_is_not_replaced(tmp_path: Path):
    path = write(tmp_path, "a: [\n")
    with pytest.raises(KeployConfigError, match="not valid YAML"):
        new().save(path)
    assert path.read_text() == "a: [\n"


def test_a_failing_write_leaves_the_old_file_and_no_other(
    own: Path, monkeypatch: pytest.MonkeyPatch
):
    def full_disk(_: int) -> None:
        raise OSError(28, "No space left on device")

    before = own.read_bytes()
    monkeypatch.setattr(os, "fsync", full_disk)
    config = KeployConfig.load(own)
    config.name = "other"
    with pytest.raises(OSError, match="No space left"):
        config.save(own)
    assert own.read_bytes() == before
    assert list(own.parent.iterdir()) == [own]


def test_a_missing_folder_is_named(tmp_path: Path):
    with pytest.raises(KeployConfigError, match=r"the folder '.*absent' does not exist; create it"):
        new().save(tmp_path / "absent" / "keploy.yml")


@pytest.mark.skipif(sys.platform == "win32", reason="permission bits and links are POSIX's")
def test_permissions_and_links_are_kept(own: Path):
    own.chmod(0o640)
    link = own.with_name("link.yml")
    link.symlink_to(own)
    config = KeployConfig.load(link)
    config.name = "other"
    config.save(link)
    assert link.is_symlink()
    assert stat.S_IMODE(own.stat().st_mode) == 0o640
    assert KeployConfig.load(own).name == "other"
