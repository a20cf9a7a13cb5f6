from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

import tta_dev_primitives
from tta_dev_primitives.performance.uv_cache import UVCachePrimitive

from .fake_site import Site, install_sdk


@pytest.fixture
def site(site: Site) -> Site:
    install_sdk(site)
    return site


PROGRAM = """
import sys
from tta_dev_primitives.performance.uv_cache import UVCachePrimitive

@UVCachePrimitive(depends_on=["fake-sdk"])
def ask(x):
    print("asked")
    return x

assert ask.run("q") == "q"
print(ask.cache_dir)
ask.close()
"""


def make_environment(project: Path, version: str) -> Path:
    """Make the project's environment as it would be after a sync; return its Python."""
    folder = project / ".venv"
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, symlinks=sys.platform != "win32", with_pip=False)
    site = next(folder.rglob("site-packages"))
    Site(site).install("fake-sdk", version)
    (site / "ours.pth").write_text(str(Path(tta_dev_primitives.__file__).parents[1]))
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def run(python: Path, program: Path) -> list[str]:
    environment = {name: value for name, value in os.environ.items() if name != "TTA_CACHE_DIR"}
    done = subprocess.run(
        [python, "-W", "error", program],
        capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


@pytest.mark.slow
def test_answers_survive_the_environment_they_were_made_in(tmp_path: Path) -> None:
    """uv deletes `.venv` whenever it needs another Python; an upgrade is something else."""
    project = (tmp_path / "project").resolve()
    project.mkdir()
    program = project / "app.py"
    program.write_text(PROGRAM)
    folder = str(project / ".tta-cache")
    assert run(make_environment(project, "1.0"), program) == ["asked", folder]
    assert run(make_environment(project, "1.0"), program) == [folder]
    assert run(make_environment(project, "2.0"), program) == ["asked", folder]
    if shutil.which("git"):
        subprocess.run(["git", "init", "-q", project], check=True)
        listed = subprocess.run(
            ["git", "-C", project, "status", "--porcelain", "-uall"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert ".tta-cache" not in listed.stdout
        assert "app.py" in listed.stdout


TOGETHER = """
import sys
sys.path.insert(0, sys.argv[1])
from tta_dev_primitives.performance.uv_cache import UVCachePrimitive

cache = UVCachePrimitive(str.upper, depends_on=["fake-sdk"], cache_dir=sys.argv[2])
for number in range(20):
    assert cache.run(f"{sys.argv[3]} {number}") == f"{sys.argv[3]} {number}".upper()
    assert cache.prune() == 0
cache.close()
"""


def test_processes_use_and_prune_one_folder_together(site: Site, tmp_path: Path) -> None:
    arguments = [
        sys.executable,
        "-W",
        "error",
        "-c",
        TOGETHER,
        str(site.folder),
        str(tmp_path / "cache"),
    ]
    started = [subprocess.Popen([*arguments, name]) for name in "ab"]
    assert [process.wait(60) for process in started] == [0, 0]
    records = json.loads((tmp_path / "cache" / "fingerprints.json").read_text())
    assert len(records["fingerprints"]) == 1
    cache = UVCachePrimitive(depends_on=["fake-sdk"], cache_dir=tmp_path / "cache")
    assert cache.get_stats()["size"] == 40
    cache.close()
