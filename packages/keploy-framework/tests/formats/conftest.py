"""A small tree of recordings of every shape, written by hand, and where larger ones are."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "recordings"


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """A copy of the small recordings; the folder `keploy` is in it."""
    return Path(shutil.copytree(HERE, tmp_path / "recordings"))


@pytest.fixture
def root(recordings: Path) -> Path:
    """The folder `keploy` of the small recordings."""
    return recordings / "keploy"


@pytest.fixture(scope="session")
def public() -> Path:
    """Recordings from public projects, where they are at hand."""
    folder = os.environ.get("TTA_TEST_DATA")
    if not folder or not Path(folder, "keploy-recordings").is_dir():
        pytest.skip("TTA_TEST_DATA is not set; set it to the folder with keploy-recordings")
    return Path(folder, "keploy-recordings")
