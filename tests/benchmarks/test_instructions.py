"""Instructions are counted for real: a regression is caught, and nothing else is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import instructions
import pytest
from instructions_budget import Allowed, Finding, compare
from instructions_cases import CASES
from instructions_counting import CountingError, count_all, valgrind

SLOWER = Path(__file__).with_name("slower_cases.py")
needs_valgrind = pytest.mark.skipif(
    valgrind() is None, reason="valgrind is missing: apt-get install valgrind"
)


TRIALS: list[str] = ["as-it-is", "the-same", "slower"]
# A case whose loops take 100 or more turns a call.
PROGRAM = """
import os
for calls in (1, 10, 20):
    for _ in range({turns} * calls):
        pass
    os.getppid()
print("step", os.getpid())
"""


@pytest.mark.slow
@needs_valgrind
def test_a_planted_slowdown_is_caught_and_the_same_code_passes() -> None:
    """A loop of fifty bytecodes went into the hot path and the check passed."""
    counts = count_all(dict.fromkeys(TRIALS, 200), program=SLOWER)
    budget = dict.fromkeys(TRIALS, Allowed(counts["as-it-is"]))
    compared = {each.case: each for each in compare(counts, budget, whole=True)}
    assert compared["the-same"].finding is None
    assert compared["the-same"].change == pytest.approx(0, abs=0.002)
    assert compared["slower"].finding is Finding.MORE


@pytest.mark.slow
@needs_valgrind
def test_the_check_fails_for_more_than_was_recorded_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The check printed a regression, and CI went on."""
    words = ["--only", "step", "--budget", str(tmp_path / "instructions.toml")]
    before, after = tmp_path / "before.py", tmp_path / "after.py"
    before.write_text(PROGRAM.format(turns=100))
    after.write_text(PROGRAM.format(turns=110))
    assert instructions.main(["update", *words], program=before) == 0
    assert instructions.main(["check", *words], program=before) == 0
    assert "all cases are within budget" in capsys.readouterr().out
    assert instructions.main(["check", *words], program=after) == 1
    told = capsys.readouterr().out
    assert "instructions.toml: [more-instructions] step; make it cheaper" in told
    assert "1 of 1 cases are wrong" in told


@needs_valgrind
@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("print('a', 7)", "too few calls of getppid while it counted a"),
        ("raise SystemExit('no such thing')", "counting ended with 1: no such thing"),
        (
            "import os\nfor _ in range(3): os.getppid()\nprint('a', os.getpid())",
            r"a counted \d+ for 10 calls, but \d+ for twice as many",
        ),
    ],
    ids=["no-marks", "failed", "no-loops"],
)
def test_a_program_that_cannot_be_counted_is_told(tmp_path: Path, code: str, told: str) -> None:
    """A case that crashed counted as no instructions at all."""
    program = tmp_path / "program.py"
    program.write_text(code)
    with pytest.raises(CountingError, match=told):
        count_all({"a": 10}, program=program)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot fork, nor run valgrind")
def test_every_case_runs_and_marks_its_loops() -> None:
    """A case was broken by a rename, and that was seen only where valgrind is."""
    program = Path(instructions.__file__).with_name("instructions_cases.py")
    done = subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(CASES)
