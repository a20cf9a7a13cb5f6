"""Put the helpers of this folder on the path, and record each app once for all its tests."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

# Test folders are no packages here (import mode importlib), so the helpers are put on the path.
sys.path.insert(0, str(Path(__file__).parent))

from keploy_command import Keploy, required
from recorded_shop import CLIENTS, NEEDS, RecordedShop, record


@pytest.fixture(scope="session")
def record_shop(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], RecordedShop]:
    """Record an app, or give what was recorded of it before."""
    done: dict[str, RecordedShop] = {}

    def recorded(app: str) -> RecordedShop:
        if app not in done:
            done[app] = record(app, tmp_path_factory.mktemp("shop"))
        return done[app]

    return recorded


@pytest.fixture(params=CLIENTS)
def shop(
    request: pytest.FixtureRequest, record_shop: Callable[[str], RecordedShop]
) -> RecordedShop:
    """Each app, recorded."""
    app = request.param
    if app.endswith(".mjs"):
        required("node")
    elif find_spec(NEEDS[app]) is None:
        pytest.skip(f"{NEEDS[app]} is not installed; uv sync --group api-testing")
    return record_shop(app)


@pytest.fixture(autouse=True)
def needs_proc() -> None:
    """Skip where the ports and processes of an app cannot be seen."""
    if not Path("/proc/net/tcp").is_file():
        pytest.skip("needs /proc, as on Linux")


@pytest.fixture
def keploy(tmp_path: Path) -> Keploy:
    """The command in an empty folder."""
    return Keploy(tmp_path)
