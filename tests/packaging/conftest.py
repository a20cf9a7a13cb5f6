"""Make the helpers of this folder importable, and build the packages once for all tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

# Test folders are no packages here (import mode importlib), so this one is put on the path.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def built_workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the workspace with what `uv build --all-packages` made of it; for reading."""
    from workspaces_here import build_all, copy_of_workspace

    workspace = copy_of_workspace(tmp_path_factory.mktemp("built") / "workspace")
    build_all(workspace)
    return workspace
