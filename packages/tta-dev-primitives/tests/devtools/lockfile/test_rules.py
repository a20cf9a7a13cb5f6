"""A table of changed and tampered locks: which rule speaks, how loud, and of what."""

from __future__ import annotations

import pytest

from tta_dev_primitives.devtools.lockfile.json_format import render_json
from tta_dev_primitives.devtools.lockfile.markdown_format import render_markdown
from tta_dev_primitives.devtools.lockfile.rules import ALL_RULES, RULES
from tta_dev_primitives.devtools.lockfile.text_format import render_text

from .locks_here import (
    BAKERY,
    FILES,
    INDEX,
    changed,
    findings_on,
    report_on,
    rules_of,
    without_package,
)

BREAD_WHEEL = f'{{ url = "{FILES}/bread-1.0-py3-none-any.whl", hash = "sha256:a1", size = 2000 }}'
BERRY = 'name = "berry"\nversion = "0.3.1"'
SALT = f"""
[[package]]
name = "salt"
version = "1.0"
source = {{ registry = "{INDEX}" }}
wheels = [{{ url = "{FILES}/salt-1.0-py3-none-any.whl", hash = "sha256:c1", size = 10 }}]
"""
OLD_FLOUR = changed(
    BAKERY,
    ('    { name = "flour", version = "1.9", marker = "python_full_version < \'3.12\'" },\n', ""),
    ('version = "2.1", marker = "python_full_version >= \'3.12\'" }', 'version = "2.1" }'),
)


def test_same_lock_twice_gives_no_finding() -> None:
    """A lock that did not change is reported."""
    report = report_on(BAKERY, BAKERY)
    assert (report.findings, report.fails) == ((), False)


@pytest.mark.parametrize(
    ("edit", "rule", "said"),
    [
        (("berry-0.3.1", "berry-0.3.2"), "files-changed", "berry-0.3.2.tar.gz"),
        ((BERRY, BERRY.replace("0.3.1", "0.3.2")), "upgraded", "later"),
        ((BERRY, BERRY.replace("0.3.1", "0.4.0")), "major-upgrade", "break"),
        ((BERRY, BERRY.replace("0.3.1", "0.3.0")), "downgraded", "earlier"),
        (('revision = 5', 'revision = 6'), "format-changed", "`6`"),
        (('">=3.11"', '">=3.12"'), "requires-python-changed", "`>=3.12`"),
        (('[options]\nprerelease-mode = "allow"\n', ""), "options-changed", "no longer has `al"),
        (('[options]', 'required-markers = ["x"]\n[options]'), "platforms-changed", "`x`"),
        (('"<3"', '"<4"'), "overrides-changed", "`flour<4`"),
        (('    "shop",\n]', "]"), "members-changed", "no longer has `shop`"),
        (('">=2"', '">=3"'), "requirements-changed", "hammer>=3"),
        (('specifier = ">=1"', 'specifier = ">=0"'), "requirements-changed", "`bread>=0`"),
        (('"packages/shop"', '"packages/store"'), "member-moved", "packages/store"),
        (("tag=v2#0123abc", "tag=v2#0123abd"), "commit-changed", "#0123abd"),
        (("tag=v2", "rev=v2"), "commit-changed", "rev=v2"),
        (("git.example.com/hammer", "git.example.com/other"), "source-changed", "other"),
        (('git = "https://git.example.com/hammer?tag=v2#0123abc"', f'registry = "{INDEX}"'),
         "source-changed", "not `git "),
        (('{ name = "sugar" }', '{ name = "sugar", marker = "os_name == \'nt\'" }'),
         "marker-changed", "when `os_name == 'nt'`, not always"),
        (('{ name = "sugar" }', '{ name = "bread" }'), "dependencies-changed", "now needs `bread`"),
        (('{ name = "whisk" },', '{ name = "whisk" }, { name = "salt" },'),
         "requirements-changed", "now needs `salt`"),
        (('[package.optional-dependencies]\nsweet', '[package.optional-dependencies]\nsour'),
         "requirements-changed", "now needs `berry[sour]`, no longer needs `berry[sweet]`"),
        (("sha256:a1", "sha256:ff"), "hash-changed", "`sha256:ff` instead of `sha256:a1`"),
        (("sha256:a1", "md5:a1"), "hash-changed", "`md5:a1`"),
        ((', hash = "sha256:a1"', ""), "hash-missing", "bread-1.0-py3-none-any.whl"),
        (("size = 2000", "size = 2001"), "size-changed", "2001 bytes, not 2000"),
        (("files.example.com/bread", "files.example.com/b/bread"), "address-changed", "/b/bread"),
        ((f"    {BREAD_WHEEL},\n", ""), "wheels-lost", "built from source"),
        (("0.3.1-cp311-win", "0.3.1-cp312-win"), "files-changed", "cp312-win"),
        (("size = 2000", 'size = 2000, upload-time = "x"'), "other-changed", "bread-1.0"),
        (("provides-extras", "x-extras"), "other-changed", "metadata.x-extras"),
        (("[options]", "[odd]\na = 1\n[options]"), "other-changed", "now has `1`"),
    ],
)  # fmt: skip
def test_change_is_told_by_its_rule(edit: tuple[str, str], rule: str, said: str) -> None:
    """A change passes, or is called something else."""
    findings = findings_on(changed(BAKERY, edit))
    [finding] = [finding for finding in findings if finding.rule == rule]
    assert said in finding.message
    assert finding.level == RULES[rule].level


@pytest.mark.parametrize(
    ("head", "rules"),
    [
        (BAKERY + SALT, ["package-added"]),
        (without_package(BAKERY, "whisk"), ["package-removed"]),
        (changed(BAKERY, ('tag=v2#0123abc"', 'tag=v3#0123abd"'), ('"2.0"', '"3.0"')),
         ["commit-changed", "major-upgrade"]),
        (changed(BAKERY, ("\n    \"python_full_version < '3.12'\",", "")), ["forks-changed"] * 2),
        (BAKERY + SALT.replace(', hash = "sha256:c1"', ""), ["hash-missing", "package-added"]),
        (OLD_FLOUR, ["marker-changed"]),
    ],
    ids=["added", "removed", "tag", "forks", "new-without-hash", "one-edge-for-two"],
)  # fmt: skip
def test_change_is_told_once(head: str, rules: list[str]) -> None:
    """One change makes several findings that say the same."""
    assert rules_of(findings_on(head)) == rules


def test_hash_of_a_file_counts_when_the_version_changes_too() -> None:
    """A file that was replaced hides behind a new version number."""
    head = changed(BAKERY, ('"1.0.post1"', '"1.0.post2"'), ("sha256:e1", "sha256:e2"))
    assert "hash-changed" in rules_of(findings_on(head))


def test_many_files_of_a_package_make_one_finding() -> None:
    """A move of the file host prints a line for each of hundreds of wheels."""
    head = changed(BAKERY, (f"{FILES}/berry", f"{FILES}/moved/berry"))
    [finding] = findings_on(head)
    assert finding.message.endswith(", and 2 more like it")


def test_second_version_of_a_name_is_a_fork() -> None:
    """A resolution that splits is told as a new package only."""
    base = without_package(BAKERY, "flour") + SALT
    forked = base + SALT.replace("1.0", "2.0")
    assert rules_of(findings_on(forked, base)) == ["forked", "package-added"]
    assert rules_of(findings_on(base, forked)) == ["package-removed", "unforked"]


def test_dependency_on_another_fork_is_no_change_of_what_is_needed() -> None:
    """An upgrade of a forked package makes suspects of all that need it."""
    head = changed(BAKERY, ('"2.1"', '"2.2"'))
    assert rules_of(findings_on(head)) == ["forks-changed", "upgraded"]


def test_place_is_the_line_of_the_package_or_the_key() -> None:
    """The reader is sent to the wrong line."""
    edits = ("sha256:a1", "sha256:ff"), ('">=3.11"', '">=3.12"'), ('"<3"', '"<4"')
    head = changed(without_package(BAKERY, "whisk"), *edits)
    places = {finding.rule: finding.place for finding in findings_on(head)}
    bread = head.splitlines().index('name = "bread"')
    whisk = BAKERY.splitlines().index('name = "whisk"')
    overrides = [number for number, line in enumerate(head.splitlines(), 1) if "overrides" in line]
    assert places == {
        "hash-changed": f"uv.lock:{bread}",  # the line above the name, counted from 1
        "requires-python-changed": "uv.lock:3",
        "overrides-changed": f"uv.lock:{overrides[0]}",
        "package-removed": f"old/uv.lock:{whisk}",
    }


@pytest.mark.parametrize(
    ("edit", "rule", "package"),
    [
        ((INDEX, "https://packages.corp.example.com/simple"), "registry", "berry"),
        ((f"{FILES}/whisk", "https://10.1.2.3/whisk"), "private-host", "whisk"),
        ((f"{FILES}/whisk", "http://localhost:3141/whisk"), "private-host", "whisk"),
        ((f"{FILES}/whisk", "https://me:hunter2@files.example.com/w"), "userinfo", "whisk"),
        ((f"{FILES}/whisk", "https://elsewhere.example.com/w"), "file-host", "whisk"),
        ((f"{FILES}/whisk", "file:///home/me/whisk"), "file-url", "whisk"),
        ((f"{FILES}/whisk", "http://files.example.com/whisk"), "plain-http", "whisk"),
        ((f"{FILES}/whisk", "https://files.example.com:x/whisk"), "bad-url", "whisk"),
        (("packages/shop", "/home/me/shop"), "absolute-path", "shop"),
    ],
)
def test_leak_fails_whether_it_is_new_or_not(
    edit: tuple[str, str], rule: str, package: str
) -> None:
    """An address of one machine stays in the lock because an older lock had it too."""
    leaking = changed(BAKERY, edit)
    for base in (BAKERY, leaking):
        report = report_on(base, leaking)
        assert report.fails
        found = [each for each in report.findings if each.rule == rule]
        assert package in {finding.subject for finding in found}
        assert all(finding.place.startswith("uv.lock:") for finding in found)
        for render in (render_text, render_markdown, render_json):
            assert "hunter2" not in render(report)


def test_many_leaks_of_a_package_make_one_finding_for_each_host() -> None:
    """A lock made behind a proxy prints a line for each of thousands of wheels."""
    moved = (FILES, "https://10.1.2.3"), (f"{FILES}/berry-0.3.1.tar", "https://10.9.9.9/berry.tar")
    head = changed(BAKERY, *reversed(moved))
    leaks = [each for each in findings_on(head) if each.rule == "private-host"]
    wrong = "is on a private or loopback host"
    assert [each.message for each in leaks if each.subject == "berry"] == [
        f"`https://10.1.2.3/berry-0.3.1-cp311-linux.whl` {wrong}, and 1 more like it",
        f"`https://10.9.9.9/berry.tar.gz` {wrong}",
    ]
    whisk = head.splitlines().index('name = "whisk"')
    assert [each.place for each in leaks if each.subject == "whisk"] == [f"uv.lock:{whisk}"]


def test_leak_of_the_older_lock_is_past() -> None:
    """A change that takes a leak out fails for it."""
    leaking = changed(BAKERY, (f"{FILES}/whisk", "https://10.1.2.3/whisk"))
    assert not report_on(leaking, BAKERY).fails


def test_every_rule_is_described_once() -> None:
    """Two rules share a code, or one has no summary."""
    assert len(RULES) == len(ALL_RULES)
    assert all(rule.summary and rule.code == rule.code.lower() for rule in ALL_RULES)
