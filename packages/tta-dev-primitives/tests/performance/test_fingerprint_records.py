from __future__ import annotations

import errno
import hashlib
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tta_dev_primitives.errors import StoreError
from tta_dev_primitives.performance.environment import records as fingerprint_records
from tta_dev_primitives.performance.environment.fingerprint import (
    EnvFingerprint,
    InstalledDistribution,
)
from tta_dev_primitives.performance.environment.records import FingerprintRecords

PROJECT, OTHER = "/project/.venv", "/other/.venv"


def fingerprint(version: str, name: str = "sdk", python: str = "cpython 3.11") -> EnvFingerprint:
    digest = hashlib.sha256(f"{name} {version} {python}".encode()).hexdigest()[:32]
    return EnvFingerprint(digest, python, (name,), (InstalledDistribution(name, version, None),))


ONE, TWO = fingerprint("1"), fingerprint("2")


class Ledger(FingerprintRecords):
    """Records on a clock that is set by hand."""

    def use(
        self, used: EnvFingerprint, user: str = PROJECT, *, at: float, taken: float | None = None
    ) -> EnvFingerprint | None:
        return self.claim(used, user, taken=at if taken is None else taken, now=at)

    def known(self) -> set[str]:
        return set(json.loads(self.path.read_text())["fingerprints"])


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path)


def test_fingerprint_in_use_is_alive(ledger: Ledger) -> None:
    assert ledger.use(ONE, at=10) is None
    assert ledger.use(ONE, at=20) is None
    assert ledger.dead(20) == []


def test_upgrade_leaves_the_old_fingerprint_dead(ledger: Ledger) -> None:
    ledger.use(ONE, at=10)
    assert ledger.use(TWO, at=20) == ONE
    assert ledger.dead(0) == [ONE.digest]


def test_going_back_brings_it_to_life_again(ledger: Ledger) -> None:
    for second, used in ((10, ONE), (20, TWO), (30, ONE)):
        ledger.use(used, at=second)
    assert ledger.dead(0) == [TWO.digest]


BYSTANDERS = {
    "another project": (ONE, OTHER),
    "another subject": (fingerprint("1", name="prompts"), PROJECT),
    "another Python": (fingerprint("1", python="cpython 3.12"), PROJECT),
}


@pytest.mark.parametrize(("used", "user"), BYSTANDERS.values(), ids=BYSTANDERS)
def test_upgrade_leaves_others_alone(ledger: Ledger, used: EnvFingerprint, user: str) -> None:
    ledger.use(used, user, at=10)
    ledger.use(ONE, at=10)
    assert ledger.use(TWO, at=20) == ONE
    assert used.digest not in ledger.dead(0)


def test_fingerprint_that_nobody_used_since_is_dead(ledger: Ledger) -> None:
    ledger.use(ONE, at=10)
    ledger.use(ONE, OTHER, at=20)
    assert ledger.dead(20) == []
    assert ledger.dead(20.1) == [ONE.digest]


def test_process_from_before_the_upgrade_does_not_undo_it(ledger: Ledger) -> None:
    """It goes on with what it has loaded, while its successors have begun."""
    ledger.use(ONE, at=10)
    ledger.use(TWO, at=20)
    assert ledger.use(ONE, at=30, taken=10) is None
    assert ledger.dead(0) == [ONE.digest]
    assert ledger.use(TWO, at=40) is None


def test_only_what_is_dead_and_old_is_forgotten(ledger: Ledger) -> None:
    """A process from before the upgrade may still write; the next prune has to find that too."""
    ledger.use(ONE, at=10)
    ledger.use(TWO, at=20)
    everything = [ONE.digest, TWO.digest, "0" * 32]
    ledger.forget(everything, 10)
    assert ledger.known() == {ONE.digest, TWO.digest}
    ledger.forget(everything, 11)
    assert ledger.known() == {TWO.digest}


def test_number_of_records_is_bounded(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that nobody uses go first, the oldest before the others."""
    monkeypatch.setattr(fingerprint_records, "MAX_RECORDS", 3)
    in_use = fingerprint("1", name="prompts")
    ledger.use(in_use, at=1)
    versions = [fingerprint(str(number)) for number in range(5)]
    for second, used in enumerate(versions, start=10):
        ledger.use(used, at=second)
    assert ledger.known() == {known.digest for known in (in_use, *versions[-2:])}


def test_number_of_users_is_bounded(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprint_records, "MAX_USERS", 2)
    for second in range(4):
        ledger.use(ONE, f"/run-{second}", at=second)
    found = json.loads(ledger.path.read_text())["fingerprints"][ONE.digest]["users"]
    assert set(found) == {"/run-2", "/run-3"}


def test_file_says_what_the_fingerprint_was_made_of(ledger: Ledger) -> None:
    ledger.use(ONE, at=10)
    found: dict[str, Any] = json.loads(ledger.path.read_text())
    assert found["fingerprints"][ONE.digest] == {
        "depends_on": ["sdk"],
        "python": "cpython 3.11",
        "distributions": [["sdk", "1", None]],
        "last_used": 10,
        "users": {PROJECT: 10},
    }


GOOD = {"depends_on": [], "python": "", "distributions": [], "last_used": 0, "users": {}}
DAMAGE = {
    "empty": "",
    "torn": '{"format": 1, "finge',
    "not text": "\udcff",
    "a list": "[]",
    "without format": "{}",
    "format of another kind": '{"format": "1", "fingerprints": {}}',
    "record without fields": json.dumps({"format": 1, "fingerprints": {"0" * 32: {}}}),
    "digest that every key begins with": json.dumps({"format": 1, "fingerprints": {"": GOOD}}),
    "short digest": json.dumps({"format": 1, "fingerprints": {"00": GOOD}}),
}


@pytest.mark.parametrize("text", DAMAGE.values(), ids=DAMAGE)
def test_damaged_file_is_begun_anew_with_a_warning(
    ledger: Ledger, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    ledger.path.write_text(text, encoding="utf-8", errors="surrogateescape")
    assert ledger.dead(99) == []
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "is begun anew" in caplog.text
    caplog.clear()
    ledger.use(ONE, at=10)
    assert ledger.known() == {ONE.digest}
    assert not caplog.records


def test_file_of_a_newer_version_is_left_as_it_is(ledger: Ledger) -> None:
    ledger.path.write_text('{"format": 2}')
    with pytest.raises(StoreError, match="newer version"):
        ledger.use(ONE, at=10)
    assert ledger.path.read_text() == '{"format": 2}'


def test_lock_that_is_never_let_go_is_given_up(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fingerprint_records, "_WAIT_SECONDS", 0.01)
    with ledger._opened(), pytest.raises(StoreError, match=r"locked for 0\.01s"):
        Ledger(ledger.path.parent).use(ONE, at=10)


@pytest.mark.skipif(sys.platform == "win32", reason="another kind of lock")
def test_file_system_without_locks_is_used_without(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(file: object, operation: int) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    ledger.use(ONE, at=10)
    assert ledger.known() == {ONE.digest}


CLAIMING = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from test_fingerprint_records import Ledger, fingerprint

ledger = Ledger(Path(sys.argv[2]))
for number in range(12):
    ledger.use(fingerprint(f"{sys.argv[3]}.{number}", name=f"{sys.argv[3]}-{number}"), at=number)
"""


def test_processes_lose_no_note_of_each_other(ledger: Ledger) -> None:
    """Each reads, changes and replaces the same file."""
    here, folder = str(Path(__file__).parent), str(ledger.path.parent)
    started = [
        subprocess.Popen([sys.executable, "-W", "error", "-c", CLAIMING, here, folder, name])
        for name in "abc"
    ]
    assert [process.wait(60) for process in started] == [0, 0, 0]
    assert len(ledger.known()) == 36
    names = {path.name for path in ledger.path.parent.iterdir()}
    assert names == {"fingerprints.json", "fingerprints.lock"}


def test_threads_lose_no_note_of_each_other(ledger: Ledger) -> None:
    def work(name: str) -> None:
        for number in range(20):
            ledger.use(fingerprint("1", name=f"{name}-{number}"), at=number)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ledger.known()) == 60
