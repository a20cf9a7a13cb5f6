"""An app that is told a server by URL is told the recorded one again."""

from __future__ import annotations

import pytest

from keploy_framework.exchange import Exchange, Request, Response
from keploy_framework.formats import KeployTree, RecordedSet
from keploy_framework.proxy.child.dependencies import Dependency
from keploy_framework.record.set_writer import SetWriter, WriteRules
from keploy_framework.replay.app_under_test import tellable

MODEL = "http://127.0.0.1:18080/v1"


def record_one(recorded: RecordedSet, url: str) -> None:
    writer = SetWriter(recorded, WriteRules(base_urls={"OPENAI_BASE_URL": url}))
    request = Request("GET", "/", (("Host", "app.test"),), host="app.test")
    writer.test(Exchange(request, Response(204), 1_790_000_000 * 10**9, 1_790_000_001 * 10**9))
    writer.flush()


def test_recording_notes_the_servers_the_app_was_told(tree: KeployTree) -> None:
    """Replayed where the variable is not set, the app called another server than the recorded."""
    recorded = tree.test_set("test-set-0")
    record_one(recorded, MODEL)
    assert recorded.config().base_urls == {"OPENAI_BASE_URL": MODEL}


def test_password_in_a_server_is_not_written(tree: KeployTree) -> None:
    """A URL with a user and a password is a secret like any other."""
    recorded = tree.test_set("test-set-0")
    url = "https://ann:Tr0ub4dor-and-3@models.test/v1"
    record_one(recorded, url)
    assert "Tr0ub4dor" not in (recorded.folder / "config.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("variable", "told"),
    [
        ("OPENAI_BASE_URL", True),
        ("ANTHROPIC_BASE_URL", True),
        ("SEARCH_URL", True),
        ("LD_PRELOAD", False),
        ("PATH", False),
    ],
)
def test_recording_sets_only_variables_that_tell_servers(variable: str, told: bool) -> None:
    """A recording from somewhere else could have run code of its own in the app."""
    declared = {"search": Dependency("http://search.test", env="SEARCH_URL")}
    assert (variable in tellable({variable: MODEL}, declared)) is told


@pytest.mark.parametrize("data", ["text", ["list"], {"OPENAI_BASE_URL": 7}, {3: MODEL}], ids=str)
def test_damaged_note_is_passed_over(tree: KeployTree, data: object) -> None:
    """A file that somebody edited ended the run with a traceback."""
    config = tree.test_set("test-set-0").config()
    config.put("metadata", "baseUrls", data)
    assert config.base_urls == {}
