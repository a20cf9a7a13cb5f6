"""What `KeployConfig.save` writes, what it keeps, and what it never leaves behind."""

from __future__ import annotations

import difflib
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from keploy_framework import KeployConfig, KeployConfigError

Write = Callable[[str], Path]


def lines_changed(before: str, after: str) -> list[str]:
    diff = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return [line for line in list(diff)[2:] if not line.startswith("@@")]


def test_a_new_file_has_upstreams_keys_and_no_defaults(tmp_path: Path):
    config = KeployConfig(name="shop", app={"command": "make run", "port": 8080})
    config.add_noise_filter("id")
    config.save(tmp_path / "keploy.yml")
    assert (tmp_path / "keploy.yml").read_text() == (
        "appName: shop\ncommand: make run\nport: 8080\n"
        "test:\n  globalNoise:\n    global:\n      body:\n        id: []\n    test-sets: {}\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["keploy.yml"]


def test_a_new_configuration_keeps_nothing_of_the_file_it_replaces(upstream: Path):
    KeployConfig(name="other").save(str(upstream))
    assert upstream.read_text() == "appName: other\n"


def test_an_unchanged_file_is_written_back_byte_for_byte(write: Write, text: str):
    path = write(text)
    KeployConfig.load(path).save(path.with_name("copy.yml"))
    assert path.with_name("copy.yml").read_bytes() == path.read_bytes()


def test_only_changed_lines_of_an_upstream_file_are_written_again(upstream: Path):
    before = upstream.read_text()
    config = KeployConfig.load(upstream)
    config.app.port, config.app.host, config.name = 8000, "127.0.0.1", "yes"
    config.add_noise_filter("ETag", section="header")
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


def test_only_changed_lines_of_a_file_with_the_names_of_the_class_are_written_again(own: Path):
    before = own.read_text()
    config = KeployConfig.load(own)
    config.app.port, config.app.host = 9000, "::1"
    config.save(own)
    assert lines_changed(before, own.read_text()) == [
        "-  port: 8123   # behind the proxy",
        "+  port: 9000   # behind the proxy",
        "+  host: ::1",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("path: here", "path: here\nport: 80\n"),
        ("path: here\n# end", "path: here\nport: 80\n# end\n"),
        ("port: # c\nname2: x\n", "port: 80 # c\nname2: x\n"),
        ("port: 1 # c\nrules:\n- a\n- [b]\n", "port: 80 # c\nrules:\n- a\n- [b]\n"),
        ("rules:\n- a: 1\n  # c\n", "rules:\n- a: 1\nport: 80\n  # c\n"),
    ],
    ids=["no-newline", "comment-below", "empty-value", "list-below", "list-last"],
)
def test_a_value_finds_its_line_and_comments_stay(write: Write, text: str, expected: str):
    path = write(text)
    config = KeployConfig.load(path)
    config.app.port = 80
    config.save(path)
    assert path.read_text() == expected


def test_a_value_on_several_lines_is_replaced_whole(write: Write):
    path = write("command: |\n  make\n  run\n\n# next\nport: 1\n")
    config = KeployConfig.load(path)
    assert config.app.command == "make\nrun\n"
    config.app.command = "make"
    config.save(path)
    assert path.read_text() == "command: make\n\n# next\nport: 1\n"


@pytest.mark.parametrize(
    "text",
    [
        "# c\ncommand: &c make\nother: *c\n",
        "# c\nother: &c make\ncommand: *c\n",
        "# c\n{command: make, other: x}\n",
        "# c\nbase: &b {command: make}\n<<: *b\nother: x\n",
        "# c\ntest: &t\n  host: a\nother: *t\n",
        "# c\ncommand: make\nother: &o\n  self: *o\n",
    ],
    ids=["anchor", "alias", "braces", "merge", "alias-of-mapping", "alias-of-itself"],
)
def test_a_file_that_cannot_be_edited_in_place_still_says_what_it_should(write: Write, text: str):
    path = write(text)
    config = KeployConfig.load(path)
    config.app.command, config.app.host = "make run", "10.0.0.1"
    config.save(path)
    assert KeployConfig.load(path) == config
    before, after = yaml.safe_load(text)["other"], yaml.safe_load(path.read_text())["other"]
    assert repr(after) == repr(before)


def test_noise_that_is_taken_away_leaves_the_file(upstream: Path):
    config = KeployConfig.load(upstream)
    del config.test.global_noise["global"]["body"]["timestamp"]
    config.save(upstream)
    assert "timestamp" not in upstream.read_text()
    assert KeployConfig.load(upstream) == config
    assert yaml.safe_load(upstream.read_text())["proxyPort"] == 16789


def test_windows_line_ends_and_a_byte_order_mark_are_understood(write: Write):
    path = write("\ufeffcommand: make\r\n# kept\r\nport: 1\r\n")
    config = KeployConfig.load(path)
    config.app.port = 2
    config.save(path)
    assert path.read_bytes() == b"command: make\r\n# kept\r\nport: 2\r\n"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda config: setattr(config, "name", None), "name must be text"),
        (lambda config: setattr(config.app, "port", 99999), "app.port must be a whole number"),
        (
            lambda config: config.test.global_noise["global"].update(body={"id": "x"}),
            "test.globalNoise.global.body.id must be a list",
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


def test_a_failing_write_leaves_the_old_file_and_no_other(
    own: Path, monkeypatch: pytest.MonkeyPatch
):
    def full_disk(path: Path, data: bytes) -> None:
        path.touch()
        raise OSError(28, "No space left on device")

    before = own.read_bytes()
    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(OSError, match="No space left"):
        KeployConfig(name="other").save(own)
    assert own.read_bytes() == before
    assert list(own.parent.iterdir()) == [own]


def test_a_folder_is_not_made_up(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="absent"):
        KeployConfig().save(tmp_path / "absent" / "keploy.yml")


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


WORDS = st.text(max_size=20)
SECTIONS = st.dictionaries(
    st.sampled_from(["body", "header"]),
    st.dictionaries(WORDS, st.lists(WORDS, max_size=2), max_size=3),
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


@settings(max_examples=40)
@given(configs())
def test_loading_gives_back_what_was_saved(
    tmp_path_factory: pytest.TempPathFactory, x: KeployConfig
):
    path = tmp_path_factory.mktemp("saved") / "keploy.yml"
    x.save(path)
    assert KeployConfig.load(path) == x


@settings(max_examples=40)
@given(configs())
def test_any_values_can_be_put_into_a_file_of_any_shape(
    tmp_path_factory: pytest.TempPathFactory, text: str, x: KeployConfig
):
    """No text is mangled by quoting, no value lands where it is not read, nothing else goes."""
    path = tmp_path_factory.mktemp("changed") / "keploy.yml"
    path.write_bytes(text.encode())
    before = yaml.safe_load(text) or {}
    config = KeployConfig.load(path)
    config.name, config.app, config.test = x.name, x.app, x.test
    config.save(path)
    assert KeployConfig.load(path) == x
    after = yaml.safe_load(path.read_bytes()) or {}
    for key in ("appId", "record", "async", "version"):
        assert after.get(key) == before.get(key)


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
        found.add_noise_filter("X-Trace", section="header")
        found.add_noise_filter("user.id", "another-set")
        found.save(tmp_path / "changed.yml")
        assert KeployConfig.load(tmp_path / "changed.yml") == found
        assert (tmp_path / "changed.yml").read_bytes().count(b"#") == original.count(b"#")
    assert loaded >= 20
