"""Apps of every kind, with clients of every kind, are recorded and then tested alone."""

from __future__ import annotations

import json
from pathlib import Path

from keploy_command import cases_of
from recorded_shop import CLIENTS, RecordedShop
from visits import FILE

from keploy_framework.formats import KeployTree


def test_a_recorded_app_passes_when_its_servers_are_gone(shop: RecordedShop) -> None:
    """A replay failed although nothing of the app had changed."""
    failed = [test for test in cases_of(shop.report) if test["status"] != "PASSED"]
    assert not failed, json.dumps(failed, indent=1)[:6000]
    assert shop.report["total"] == shop.visits
    assert shop.code == 0


def test_a_replay_connects_to_nobody(shop: RecordedShop) -> None:
    """A replay asked a real server."""
    assert shop.reached == []


def test_every_call_is_a_mock_of_the_test_that_made_it(shop: RecordedShop) -> None:
    """Calls of a library went past the recorder, or their mocks belonged to nobody."""
    (recorded,) = KeployTree(shop.tree).sets_in_order([])
    mocks = {mock.name: mock for mock in recorded.mocks()}
    by_test = recorded.mappings().by_test
    for client in CLIENTS[Path(shop.command.split()[1]).name]:
        found = [mocks[entry.name].request for entry in by_test[f"get-call-{client}-1"]]
        if client == "openai-async":
            assert [one.target for one in found] == ["/v1/chat/completions"]
        elif client in ("openai", "anthropic"):
            assert len(found) == 2
            assert {one.method for one in found} == {"POST"}
        else:
            assert {one.target for one in found} == {"/orders", f"/rates?client={client}"}
            assert {one.scheme for one in found} == {"http", "https"}
    assert len(mocks) == sum(len(found) for found in by_test.values())


def test_an_upload_keeps_its_bytes(shop: RecordedShop) -> None:
    """The file of a form was stored with other bytes than were sent."""
    assert (shop.tree / "test-set-0/assets/post-upload-1/photo/pot.bin").read_bytes() == FILE


def test_no_secret_is_in_any_file_or_line(shop: RecordedShop) -> None:
    """A key could be read in a recording, a report or the terminal."""
    written = [path for path in shop.tree.rglob("*") if path.is_file()]
    written += [shop.keploy.folder / name for name in ("junit.xml", "report.html")]
    assert any("report" in path.name for path in shop.tree.rglob("*.yaml"))
    texts = {str(path): path.read_bytes() for path in written}
    texts["the terminal"] = shop.shown.encode()
    texts["the report"] = json.dumps(shop.report).encode()
    found = [
        (place, name)
        for place, text in texts.items()
        for name, secret in shop.secrets.items()
        if secret.encode() in text
    ]
    assert found == []


def test_a_change_of_the_app_fails_its_test_and_names_the_field(shop: RecordedShop) -> None:
    """An app that answers otherwise passed, or the failure did not say what differs."""
    chosen = "[get-items-1, post-items-1, get-version-1]"
    folder = shop.keploy.folder / "changed"
    folder.mkdir()
    (folder / "keploy.yml").write_text(f"test: {{selectedTests: {{test-set-0: {chosen}}}}}\n")
    words = ("--configPath", str(folder), "--path", ".")
    code, report = shop.keploy.test(shop.command, *words, SHOP_VERSION="2")
    found = {test["name"]: test for test in cases_of(report)}
    statuses = {name: test["status"] for name, test in found.items()}
    assert statuses == {
        "get-items-1": "PASSED", "post-items-1": "PASSED", "get-version-1": "FAILED",
    }  # fmt: skip
    assert "body.version" in json.dumps(found["get-version-1"])
    assert "body.name" not in json.dumps(found["get-version-1"])
    assert code == 1
