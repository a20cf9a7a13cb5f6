"""scripts/validation/check_lockfile.py: a table of tampered locks, and the exit codes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts/validation/check_lockfile.py"
INDEX = "https://index.example.com/simple"

CLEAN = f"""\
version = 1
requires-python = ">=3.11"

[[package]]
name = "bread"
version = "1.0"
source = {{ registry = "{INDEX}" }}
sdist = {{ url = "https://files.example.com/bread-1.0.tar.gz", hash = "sha256:00" }}
wheels = [
    {{ url = "https://files.example.com/bread-1.0-py3-none-any.whl", hash = "sha256:01" }},
]

[[package]]
name = "bakery"
version = "0.1.0"
source = {{ editable = "packages/bakery" }}
dependencies = [{{ name = "bread" }}]
"""


def check(tmp_path: Path, text: str | None, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the script on a lock of this text, or on none."""
    lock = tmp_path / "uv.lock"
    if text is not None:
        lock.write_text(text, encoding="utf-8")
    command = [sys.executable, str(SCRIPT), str(lock), "--registry", INDEX, *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def rules(ran: subprocess.CompletedProcess[str]) -> list[tuple[str, str]]:
    """Give (rule, package) of each finding that was printed as JSON."""
    return [(each["rule"], each["package"]) for each in json.loads(ran.stdout)["findings"]]


def test_clean_lock_passes(tmp_path: Path) -> None:
    """One registry, one file host and relative members are what uv writes for everybody."""
    ran = check(tmp_path, CLEAN)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.endswith("uv.lock: clean\n")


SDIST = "https://files.example.com/bread-1.0.tar.gz"


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        (INDEX, "https://packages.corp.example.com/simple", "registry"),
        (INDEX, "https://INDEX.example.org/simple", "registry"),
        (SDIST, "https://mirror.corp.internal/bread.tar.gz", "private-host"),
        (SDIST, "https://proxy:8080/bread.tar.gz", "private-host"),
        (SDIST, "http://127.0.0.1:3141/bread.tar.gz", "private-host"),
        (SDIST, "http://[::1]:3141/bread.tar.gz", "private-host"),
        (SDIST, "http://localhost:3141/bread.tar.gz", "private-host"),
        (SDIST, "https://10.1.2.3/bread.tar.gz", "private-host"),
        (SDIST, "https://192.168.0.7/bread.tar.gz", "private-host"),
        (SDIST, "https://169.254.1.1/bread.tar.gz", "private-host"),
        (SDIST, "https://LocalHost./bread.tar.gz", "private-host"),
        (SDIST, "http://files.example.com/bread-1.0.tar.gz", "plain-http"),
        (SDIST, "https://me:secret@files.example.com/bread-1.0.tar.gz", "userinfo"),
        (SDIST, "https://token@files.example.com/bread-1.0.tar.gz", "userinfo"),
        (SDIST, "https://files.example.net/bread-1.0.tar.gz", "file-host"),
        (SDIST, "https://files.example.com:port/bread-1.0.tar.gz", "bad-url"),
        (SDIST, "file:///home/me/bread-1.0.tar.gz", "file-url"),
        ('editable = "packages/bakery"', 'editable = "/home/me/bakery"', "absolute-path"),
        ('editable = "packages/bakery"', "directory = 'C:\\me\\bakery'", "absolute-path"),
        ('{ name = "bread" }', '{ name = "bread", index = "file:///srv/x" }', "file-url"),
    ],
)
def test_tampered_lock_is_a_finding(tmp_path: Path, old: str, new: str, rule: str) -> None:
    """Each way a lock can leak a machine or a network is told with its rule."""
    tampered = CLEAN.replace(old, new, 1)
    assert tampered != CLEAN
    ran = check(tmp_path, tampered, "--json")
    assert ran.returncode == 1
    assert rule in {found for found, _ in rules(ran)}


def test_second_registry_is_a_finding_for_its_package_only(tmp_path: Path) -> None:
    """One package from elsewhere does not hide among those that are right."""
    second = '\n[[package]]\nname = "jam"\nsource = { registry = "https://other.example.com/s" }\n'
    ran = check(tmp_path, CLEAN + second, "--json")
    assert (ran.returncode, rules(ran)) == (1, [("registry", "jam")])


def test_index_declared_in_the_root_is_allowed(tmp_path: Path) -> None:
    """What the workspace says in [[tool.uv.index]] is no leak."""
    other = "https://other.example.com/simple"
    declared = f'[[tool.uv.index]]\nname = "other"\nurl = "{other}/"\n'
    (tmp_path / "pyproject.toml").write_text(declared, encoding="utf-8")
    second = f'\n[[package]]\nname = "jam"\nsource = {{ registry = "{other}" }}\n'
    assert check(tmp_path, CLEAN + second).returncode == 0


def test_secret_is_not_repeated_in_the_report(tmp_path: Path) -> None:
    """The report of a leaked password is itself no leak."""
    leaked = CLEAN.replace(INDEX, "https://me:hunter2@index.example.com/simple")
    ran = check(tmp_path, leaked)
    assert ran.returncode == 1
    assert "hunter2" not in ran.stdout + ran.stderr
    assert "https://***@index.example.com" in ran.stdout


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "cannot read"),
        (
            "<<<<<<< HEAD\n" + CLEAN + "=======\n>>>>>>> theirs\n",
            "uv.lock:1 holds a merge conflict",
        ),
        ("version = = 1\n", "is not TOML"),
        ("", "is no lock of uv"),
        ('version = 1\npackage = "none"\n', "is no lock of uv"),
    ],
    ids=["missing", "conflict", "not-toml", "empty", "no-packages"],
)
def test_lock_that_cannot_be_judged_is_misuse(tmp_path: Path, text: str | None, told: str) -> None:
    """Exit code 2 keeps "I could not look" apart from "I looked and found"."""
    ran = check(tmp_path, text)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert told in ran.stderr


def test_help_names_the_exit_codes() -> None:
    """A caller in CI learns the codes without reading the source."""
    command = [sys.executable, str(SCRIPT), "--help"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "0 clean, 1 findings, 2 misuse" in ran.stdout


@pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not on PATH: pip install uv")
def test_lock_of_this_workspace_holds_only_the_default_index_of_uv(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """uv is asked for its default, and index settings of the caller do not sway the answer."""
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    command = [sys.executable, str(SCRIPT), str(ROOT / "uv.lock")]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
