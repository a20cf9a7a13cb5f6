from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tta_dev_primitives.errors import ConfigurationError
from tta_dev_primitives.performance.environment import builds
from tta_dev_primitives.performance.environment.fingerprint import EnvFingerprint

from .fake_site import Site

ORIGINS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "commit": (
        {"url": "https://x", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
        {"url": "https://x", "vcs_info": {"vcs": "git", "commit_id": "abd"}},
        "commit:abc",
    ),
    "archive": (
        {"url": "https://x", "archive_info": {"hashes": {"sha256": "00"}}},
        {"url": "https://x", "archive_info": {"hashes": {"sha256": "01"}}},
        "archive:",
    ),
    "archive, old form": (
        {"url": "https://x", "archive_info": {"hash": "sha256=00"}},
        {"url": "https://x", "archive_info": {"hash": "sha256=01"}},
        "archive:",
    ),
}


@pytest.mark.parametrize(("one", "other", "begin"), ORIGINS.values(), ids=ORIGINS)
def test_build_from_elsewhere_is_known_by_its_origin(
    site: Site, one: dict[str, Any], other: dict[str, Any], begin: str
) -> None:
    hashes: list[str | None] = []
    for origin in (one, other, {**one, "url": "https://mirror"}):
        site.install("fake-sdk", origin=origin)
        hashes.append(EnvFingerprint.of("fake-sdk").distributions[0].hash)
    assert hashes[0] == hashes[2] != hashes[1]
    assert str(hashes[0]).startswith(begin)


def test_folder_that_was_installed_is_known_by_its_files(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same version, installed again from a changed folder; or by others, somewhere else."""
    origin = {"url": "file:///work", "dir_info": {}}
    site.install("my-prompts", origin=origin, files={"my_prompts.py": "1"})
    one = EnvFingerprint.of("my-prompts")
    site.install("my-prompts", origin=origin, files={"my_prompts.py": "2"})
    assert EnvFingerprint.of("my-prompts").digest != one.digest
    elsewhere = Site(tmp_path / "another place")
    elsewhere.install("my-prompts", origin=origin, files={"my_prompts.py": "1"})
    monkeypatch.syspath_prepend(elsewhere.folder)
    assert EnvFingerprint.of("my-prompts").digest == one.digest


@pytest.fixture(params=["pth", "import hook"])
def project(request: pytest.FixtureRequest, site: Site, tmp_path: Path) -> Path:
    """The folder of an editable distribution with one package."""
    folder = tmp_path / "my project"
    source = folder if request.param == "import hook" else folder / "src"
    package = source / "my_prompts" / "texts"
    package.mkdir(parents=True)
    (source / "my_prompts" / "__init__.py").write_text("")
    (package / "greeting.txt").write_text("Hello")
    hook = "import __editable___finder; __editable___finder.install()"
    pth = {"_my_prompts.pth": hook if request.param == "import hook" else str(source)}
    url = folder.as_uri()
    site.install("my-prompts", origin={"url": url, "dir_info": {"editable": True}}, files=pth)
    return source


EDITS: dict[str, tuple[Callable[[Path], object], bool]] = {
    "code": (lambda source: (source / "my_prompts/__init__.py").write_text("x = 1"), True),
    "new module": (lambda source: (source / "my_prompts/new.py").write_text(""), True),
    "module beside the package": (lambda source: (source / "single.py").write_text(""), True),
    "text in the package": (
        lambda source: (source / "my_prompts/texts/greeting.txt").write_text("Howdy"),
        True,
    ),
    "renaming": (
        lambda source: (source / "my_prompts/texts").rename(source / "my_prompts/words"),
        True,
    ),
    "time only": (lambda source: os.utime(source / "my_prompts/__init__.py", (1, 1)), False),
    "bytecode": (lambda source: write(source / "my_prompts/__pycache__/a.pyc"), False),
    "hidden": (lambda source: write(source / "my_prompts/.env"), False),
    "hidden folder": (lambda source: write(source / ".git/hooks/a.py"), False),
    "result beside the package": (lambda source: write(source / "results/a.json"), False),
    "environment": (
        lambda source: (write(source / "env/pyvenv.cfg"), write(source / "env/lib/a.py")),
        False,
    ),
    "link to nowhere": (lambda source: (source / "my_prompts/gone").symlink_to("nowhere"), False),
}


def write(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("text")


@pytest.mark.parametrize(("edit", "counts"), EDITS.values(), ids=EDITS)
def test_edit_in_place_counts_if_code_can_see_it(
    project: Path, edit: Callable[[Path], object], counts: bool
) -> None:
    """The version of an editable installation stays the same whatever is done to it."""
    before = EnvFingerprint.of("my-prompts")
    edit(project)
    after = EnvFingerprint.of("my-prompts")
    assert after.changed_from(before) == (("my-prompts 1.0 is another build",) if counts else ())


def test_edit_outside_of_the_import_path_does_not_count(project: Path) -> None:
    """Tests and tools lie beside the `src` folder, and no application sees them."""
    before = EnvFingerprint.of("my-prompts")
    write(project.parent / "tests" / "test_prompts.py")
    assert EnvFingerprint.of("my-prompts") == before


def test_large_files_count_by_size_and_time(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading gigabytes of weights would take longer than asking again."""
    monkeypatch.setattr(builds, "MAX_CONTENT_BYTES", 100)
    large = project / "my_prompts" / "weights.bin"
    digests: list[str] = []
    for content, changed in ((b"1" * 200, 5), (b"2" * 200, 5), (b"2" * 200, 6), (b"2" * 201, 6)):
        large.write_bytes(content)
        os.utime(large, (changed, changed))
        digests.append(EnvFingerprint.of("my-prompts").digest)
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_editable_folder_with_too_many_files_is_refused(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builds, "MAX_FILES", 2)
    EnvFingerprint.of("my-prompts")
    (project / "third.py").write_text("")
    with pytest.raises(ConfigurationError, match="holds more than 2 files; give its packages"):
        EnvFingerprint.of("my-prompts")


ONE, TWO = '{ url = "https://example.com/a.whl", hash = "sha256:02" }', '{ hash = "sha256:03" }'
LOCK = f"""
version = 1
[[package]]
name = "fake-sdk"
version = "1.0"
source = {{ registry = "https://example.com/simple" }}
sdist = {{ url = "https://example.com/a.tar.gz", hash = "sha256:01" }}
wheels = [{ONE}, {TWO}]
[[package]]
name = "fake-core"
version = "1.0"
source = {{ git = "https://example.com/core?rev=main#abcdef" }}
[[package]]
name = "my-app"
source = {{ editable = "." }}
"""


def lock(folder: Path, *changes: tuple[str, str]) -> Path:
    text = LOCK
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "uv.lock"
    path.write_text(text)
    return path


LOCK_CHANGES = {
    "hash of a file": (("sha256:02", "sha256:04"), True),
    "order of the files": ((f"{ONE}, {TWO}", f"{TWO}, {ONE}"), False),
    "commit": (("#abcdef", "#abcdee"), True),
    "place of a file": (("example.com/a.whl", "mirror.example.com/a.whl"), False),
    "something unrelated": (('name = "my-app"', 'name = "my-apps"'), False),
    "version that is not installed": (('version = "1.0"', 'version = "2.0"'), True),
}


@pytest.mark.parametrize(("change", "counts"), LOCK_CHANGES.values(), ids=LOCK_CHANGES)
def test_hash_in_the_lock_counts(
    site: Site, tmp_path: Path, change: tuple[str, str], counts: bool
) -> None:
    site.install("fake-sdk", requires=["fake-core"])
    site.install("fake-core")
    before = EnvFingerprint.of("fake-sdk", lock=lock(tmp_path))
    assert all(str(known.hash).startswith("lock:") for known in before.distributions)
    after = EnvFingerprint.of("fake-sdk", lock=str(lock(tmp_path, change)))
    assert (after.digest != before.digest) is counts


def test_lock_says_nothing_about_another_version(site: Site, tmp_path: Path) -> None:
    site.install("fake-sdk", "1.1")
    assert EnvFingerprint.of("fake-sdk", lock=lock(tmp_path)) == EnvFingerprint.of("fake-sdk")


def test_auto_is_the_lock_beside_the_environment(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the program is started from."""
    site.install("fake-sdk")
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "project" / ".venv"))
    monkeypatch.chdir(tmp_path)
    assert EnvFingerprint.of("fake-sdk", lock="auto") == EnvFingerprint.of("fake-sdk")
    (tmp_path / "project").mkdir()
    path = lock(tmp_path / "project")
    found = EnvFingerprint.of("fake-sdk", lock="auto")
    assert found == EnvFingerprint.of("fake-sdk", lock=path) != EnvFingerprint.of("fake-sdk")


LOCKS = {
    "absent": (None, "there is no lock at .*uv.lock; run uv lock"),
    "no TOML": ("[[[", "cannot be read as a lock of uv"),
    "other TOML": ("[project]\nname = 'x'", "cannot be read as a lock of uv"),
    "other shape": ("package = ['x']", "cannot be read as a lock of uv"),
}


@pytest.mark.parametrize(("text", "message"), LOCKS.values(), ids=LOCKS)
def test_lock_that_cannot_be_read_is_refused(
    site: Site, tmp_path: Path, text: str | None, message: str
) -> None:
    site.install("fake-sdk")
    path = tmp_path / "uv.lock"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        EnvFingerprint.of("fake-sdk", lock=path)
