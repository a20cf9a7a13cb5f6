"""The comparison of pip and uv measures the same work on both sides and tells what it saw."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "scripts/benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import uv_vs_pip  # noqa: E402
from uv_vs_pip_cases import CASES, Place  # noqa: E402
from uv_vs_pip_page import Measured, Report, chart, page, table  # noqa: E402
from uv_vs_pip_set import direct_requirements, keep_only  # noqa: E402

REPORT = Report(
    machine="CPython 3.11.7, Linux x86_64, 2 cores",
    date="2026-01-31",
    commit="0123456789",
    pip="26.3",
    uv="0.13.9",
    packages=3,
    rounds=3,
    cases=[
        Measured("cold-install", "cold install <both>", [12.0, 10.0, 20.0], [4.0, 3.0, 9.5]),
        Measured("nothing-to-do", "nothing to do", [0.5, 0.4, 0.6], [0.05, 0.04, 0.06]),
    ],
)
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A place nothing was done in."""
    return Place(
        folder=tmp_path / "trial/work",
        full=tmp_path / "full",
        warm_cache=tmp_path / "warm",
        seed_cache=tmp_path / "seed",
        pinned=tmp_path / "pinned.txt",
        loose=tmp_path / "loose.txt",
    )


def test_the_table_gives_n_minimum_median_and_their_ratio() -> None:
    """The table printed a mean, which one slow round moves."""
    assert table(REPORT).splitlines() == [
        "| case | n | pip 26.3 min (median) | uv 0.13.9 min (median) | pip / uv |",
        "|---|---|---|---|---|",
        "| cold install <both> | 3 | 10.0 s (12.0 s) | 3.00 s (4.00 s) | 3.0 x |",
        "| nothing to do | 3 | 0.40 s (0.50 s) | 0.04 s (0.05 s) | 10.0 x |",
    ]


def test_the_page_says_where_and_how_it_was_measured() -> None:
    """A figure was quoted without machine, date or command."""
    text = page(REPORT)
    assert (
        "CPython 3.11.7, Linux x86_64, 2 cores; 2026-01-31; commit 0123456789; 3 packages" in text
    )
    assert "scripts/benchmarks/uv_vs_pip.py --rounds 3 --page docs/benchmarks" in text
    assert table(REPORT) in text


def test_bars_are_as_long_as_the_medians_and_stay_inside() -> None:
    """The longest run was drawn over the edge of the picture, or a bar showed another figure."""
    tree = ElementTree.fromstring(chart(REPORT))
    width = float(tree.attrib["viewBox"].split()[2])
    bars = [float(r.attrib["width"]) for r in tree.iter(f"{SVG}rect") if r.get("height") == "14"]
    assert bars == [pytest.approx(560 * s / 20, abs=1) for s in (12.0, 4.0, 0.5, 0.05)]
    assert all(float(line.attrib["x2"]) < width - 60 for line in tree.iter(f"{SVG}line"))
    assert "cold install <both>" in [text.text for text in tree.iter(f"{SVG}text")]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_cold_means_an_empty_cache_and_warm_a_full_one(
    place: Place, case: uv_vs_pip.Case, tool: str
) -> None:
    """A tool read the cache of the user, so its cold run was warm."""
    timed = (case.pip if tool == "pip" else case.uv)(place).timed
    cache = place.warm_cache if case.needs_full else place.cold_cache
    caches = [c[c.index("--cache-dir") + 1] for c in timed if "--cache-dir" in c]
    assert caches
    assert set(caches) == {str(cache)}


@pytest.mark.parametrize("name", [name for name in CASES if "install" in name])
def test_both_tools_compile_or_neither_does(place: Place, name: str) -> None:
    """uv was compared without the bytecode that pip wrote."""
    pip, uv = CASES[name].pip(place).timed[0], CASES[name].uv(place).timed[0]
    assert ("--no-compile" in pip) is ("--compile-bytecode" not in uv)
    assert ("--compile-bytecode" in uv) is (not name.endswith("-no-bytecode"))


def test_a_cache_is_not_inside_the_checkout(place: Place) -> None:
    """The quality check formatted the sources that uv had put into its cache."""
    assert not place.cold_cache.is_relative_to(place.folder)


def test_settings_of_the_user_steer_neither_tool(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A folder of wheels on the machine made pip look fast."""
    for name in ("PIP_FIND_LINKS", "UV_COMPILE_BYTECODE", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV"):
        monkeypatch.setenv(name, "1")
    found = uv_vs_pip.environment_for(tmp_path)
    assert not found.keys() & {
        *("PIP_FIND_LINKS", "UV_COMPILE_BYTECODE", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV"),
    }
    assert found["XDG_CONFIG_HOME"] == str(tmp_path)


def test_members_are_replaced_by_what_they_depend_on(tmp_path: Path) -> None:
    """pip looked for a member of the workspace on the index."""
    (tmp_path / "packages/bread").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text(
        '[dependency-groups]\ndev = ["bread[rye]", {include-group = "more"}]\nmore = ["salt>=1"]\n'
    )
    (tmp_path / "packages/bread/pyproject.toml").write_text(
        '[project]\nname = "bread"\ndependencies = ["flour>=2"]\n'
        '[project.optional-dependencies]\nrye = ["rye; python_version > \'3\'", "bread[oven]"]\n'
        'oven = ["bread[rye]", "oven"]\nwheat = ["wheat"]\n'
    )
    assert direct_requirements(tmp_path) == [
        *("flour>=2", "oven", "rye; python_version > '3'", "salt>=1")
    ]


def test_no_member_of_this_workspace_is_asked_for() -> None:
    """A new member was overlooked, and resolving failed."""
    members = {
        tomllib.loads(path.read_text(encoding="utf-8"))["project"]["name"]
        for path in ROOT.glob("packages/*/pyproject.toml")
    }
    found = direct_requirements(ROOT)
    assert len(found) > 20
    assert not [line for line in found if line.startswith(tuple(members))]


def test_the_smoke_set_keeps_versions_and_markers(tmp_path: Path) -> None:
    """The smoke run installed a package whose name only begins like the one that was meant."""
    pinned = tmp_path / "pinned.txt"
    pinned.write_text("h11==0.16.0 ; python_version > '3'\nh11-more==1\nother==2\n")
    keep_only(pinned, frozenset({"h11"}))
    assert pinned.read_text() == "h11==0.16.0 ; python_version > '3'\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--rounds", "0"],
        ["--only", "lunch"],
        ["--quick", "--page", "x"],
        ["--quick", "--only=check"],
    ],
    ids=["no-rounds", "unknown-case", "page-of-a-smoke-run", "check-of-a-smoke-run"],
)
def test_misuse_ends_with_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A page was written from a smoke run."""
    with pytest.raises(SystemExit) as ended:
        uv_vs_pip.main(arguments)
    assert ended.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_without_uv_one_line_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where uv is missing, a traceback of subprocess was all there was."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert uv_vs_pip.main(["--quick"]) == 2
    assert capsys.readouterr().err == "uv is not on PATH; install it first\n"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("uv") is None, reason="uv is missing: pip install uv")
def test_the_smoke_run_measures_both_tools() -> None:
    """An option of pip or uv was renamed, and nobody noticed until the page was due."""
    command = [sys.executable, str(BENCHMARKS / "uv_vs_pip.py"), "--quick", "--json"]
    command += ["--only", "warm-install-no-bytecode", "--only", "lock"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if "dns error" in done.stderr or "tcp connect error" in done.stderr:
        pytest.skip("there is no network")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["packages"] == 2
    assert [case["name"] for case in report["cases"]] == ["warm-install-no-bytecode", "lock"]
    assert all(len(case[tool]) == 1 for case in report["cases"] for tool in ("pip", "uv"))
