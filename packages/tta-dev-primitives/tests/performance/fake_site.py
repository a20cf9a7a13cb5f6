"""An environment of made-up distributions, and caches that depend on them."""

from __future__ import annotations

import importlib
import json
import shutil
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tta_dev_primitives.performance.uv_cache import UVCachePrimitive
from tta_dev_primitives.testing.clock import FakeClock

DAY = 86_400
MakeCache = Callable[..., UVCachePrimitive[Any, Any]]


class Site:
    """A folder of installed distributions that are nothing but their metadata."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)

    def install(
        self,
        name: str,
        version: str = "1.0",
        *,
        requires: Sequence[str] = (),
        extras: Sequence[str] = (),
        origin: object = None,
        files: dict[str, str] | None = None,
    ) -> None:
        self.remove(name)
        info = self.folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        lines = ["Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}"]
        lines += [f"Provides-Extra: {extra}" for extra in extras]
        lines += [f"Requires-Dist: {requirement}" for requirement in requires]
        readme = "Requires-Dist: a-line-of-the-readme"
        (info / "METADATA").write_text("\n".join([*lines, "", readme, ""]))
        if origin is not None:
            (info / "direct_url.json").write_text(json.dumps(origin))
        for path, content in (files or {}).items():
            (self.folder / path).write_text(content)
        record = [f"{path},sha256={content!r},1" for path, content in (files or {}).items()]
        record += [f"{info.name}/RECORD,,", f"{info.name}/INSTALLER,sha256={self.folder.name},1"]
        record += [f"../bin/{name},sha256={self.folder.name},1"]
        (info / "RECORD").write_text("\n\n".join(record))
        importlib.invalidate_caches()

    def remove(self, name: str) -> None:
        for found in self.folder.glob(f"{name.replace('-', '_')}-*.dist-info"):
            shutil.rmtree(found)
        importlib.invalidate_caches()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Where Python looks first for distributions; there are none yet."""
    made = Site(tmp_path / "site")
    monkeypatch.syspath_prepend(made.folder)
    return made


def install_sdk(site: Site) -> None:
    """Install `fake-sdk`, what it requires, and something unrelated."""
    site.install("fake-sdk", requires=["fake-core"])
    site.install("fake-core")
    site.install("fake-unrelated")


@contextmanager
def caches(folder: Path, clock: FakeClock) -> Generator[MakeCache]:
    """Make caches as one process after the other would: the fingerprint is taken each time."""
    made: list[UVCachePrimitive[Any, Any]] = []

    def make(*steps: Any, **options: Any) -> UVCachePrimitive[Any, Any]:
        defaults: dict[str, Any] = {
            "depends_on": ["fake-sdk"],
            "cache_dir": folder,
            "clock": clock,
            "ttl_seconds": None,
        }
        made.append(UVCachePrimitive(*steps, **(defaults | options)))
        return made[-1]

    yield make
    for cache in made:
        cache.close()
