"""What keploy.yml says reaches the rooms."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

import pytest

from keploy_framework.cli import record, test
from keploy_framework.cli.choices import outgoing_of, redaction_of, tree_of
from keploy_framework.cli.exits import UsageError
from keploy_framework.cli.settings import Settings
from keploy_framework.errors import KeployConfigError, TargetError


def settings(tmp_path: Path, text: str, *words: str, command: object = record) -> Settings:
    (tmp_path / "keploy.yml").write_text(text)
    parser = ArgumentParser()
    command.add_arguments(parser)  # type: ignore[attr-defined]
    given = vars(parser.parse_args(words))
    return Settings(Namespace(**given, config_path=str(tmp_path)), {})


def test_rules_for_passing(tmp_path: Path) -> None:
    """bypassRules and pass-through settings did nothing."""
    text = """\
bypassRules:
  - {host: telemetry, path: ^/v1}
record:
  passThroughPorts: [5432, {port: 6379}, {port: 7000, mode: off}]
  passThroughHosts: [api.internal]
"""
    rules = outgoing_of(settings(tmp_path, text, "--pass-through-ports", "9000,9001")).rules
    covered = [
        any(rule.covers(host, port, path) for rule in rules)
        for host, port, path in (
            ("telemetry.test", 443, "/v1/x"),
            ("telemetry.test", 443, "/v2"),
            ("db", 5432, None),
            ("cache", 6379, None),
            ("api.internal", 443, None),
            ("x", 9001, None),
            ("app.posthog.com", 443, None),
            ("x", 80, "/"),
        )
    ]
    assert covered == [True, False, True, True, True, True, True, False]


def test_a_mode_that_yaml_reads_as_false_is_off(tmp_path: Path) -> None:
    """mode: off is false in YAML, and the port was passed on."""
    text = "record: {passThroughPorts: [{port: 7000, mode: off}]}"
    rules = outgoing_of(settings(tmp_path, text)).rules
    assert not any(rule.covers("x", 7000, None) for rule in rules)


def test_dependencies_are_read(tmp_path: Path) -> None:
    """deps did nothing."""
    text = "deps: {openai: {target: https://api.openai.com, env: OPENAI_BASE_URL, listen: 9}}"
    found = outgoing_of(settings(tmp_path, text)).dependencies["openai"]
    assert (found.target, found.env, found.listen) == (
        "https://api.openai.com",
        "OPENAI_BASE_URL",
        9,
    )


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("bypassRules: text", KeployConfigError),
        ("bypassRules: [{}]", TargetError),
        ("deps: {x: {target: nowhere}}", TargetError),
        ("storageFormat: gob", KeployConfigError),
    ],
    ids=["no-list", "empty-rule", "no-url", "format"],
)
def test_a_wrong_section_is_told(tmp_path: Path, text: str, error: type[Exception]) -> None:
    """A mistake in keploy.yml was passed over."""
    found = settings(tmp_path, text)

    def read() -> None:
        outgoing_of(found)
        tree_of(found)

    with pytest.raises(error):
        read()


@pytest.mark.parametrize(
    ("text", "words", "port"),
    [
        ("proxyPort: 16789", [], 0),
        ("proxyPort: 16790", [], 16790),
        ("", ["--proxy-port", "16789"], 16789),
    ],
    ids=["upstreams-default", "file", "option"],
)
def test_upstreams_default_proxy_port_means_any(
    tmp_path: Path, text: str, words: list[str], port: int
) -> None:
    """Two projects with generated files could not be recorded at a time."""
    assert outgoing_of(settings(tmp_path, text, *words)).port == port


def test_redaction_is_on_unless_it_is_turned_off(tmp_path: Path) -> None:
    """redact: {names: ...} turned redaction off."""
    assert redaction_of(settings(tmp_path, "")).enabled
    assert redaction_of(settings(tmp_path, "redact: {names: [pin]}")).enabled
    assert not redaction_of(settings(tmp_path, "redact: {enabled: false}")).enabled
    assert not redaction_of(settings(tmp_path, "", "--no-redact")).enabled


def test_options_of_a_replay(tmp_path: Path) -> None:
    """Options of keploy test were read and not used."""
    text = """\
command: run it
test:
  selectedTests: {a: [t1]}
  ignoredTests: {b: []}
  healthPollTimeout: 30s
  delay: 5
"""
    words = ["-t", "a,b", "--api-timeout", "2s", "--no-ignore-ordering", "--compat", "keploy"]
    given = test._options(
        settings(tmp_path, text, *words, "--delay", "9", command=test), json_result=False
    )
    assert (given.command, given.test_sets) == ("run it", ("a", "b"))
    assert (given.selected, given.ignored) == ({"a": frozenset({"t1"})}, {"b": frozenset()})
    assert (given.timeout_seconds, given.ready.seconds) == (2, 9)
    assert (given.rules.compat, given.rules.ignore_ordering) == ("keploy", False)


def test_metadata_is_read(tmp_path: Path) -> None:
    """--metadata was split at the wrong sign."""
    found = settings(tmp_path, "", "--metadata", "team=shop,note=a=b")
    assert record._write_rules(found).metadata == {"team": "shop", "note": "a=b"}
    with pytest.raises(UsageError):
        record._write_rules(settings(tmp_path, "", "--metadata", "shop"))
