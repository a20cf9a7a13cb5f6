"""Building an index: what is written, what stays, and when nothing is touched."""

from __future__ import annotations

import hashlib
import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from distributions_here import write_sdist, write_wheel

from tta_dev_primitives.devtools.index.building import build_index
from tta_dev_primitives.devtools.index.finding import PackageIndexError, rows_of, text_of


def tree(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def made_later(path: Path) -> bytes:
    """Give the bytes of a .tar.gz with another time in its header, and the same files in it."""
    content = bytearray(path.read_bytes())
    content[4] ^= 1
    return bytes(content)


class Links(HTMLParser):
    """The links of a page with their attributes."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found.append(dict(attrs))


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    write_wheel(tmp_path / "dist")
    write_sdist(tmp_path / "dist")
    write_wheel(tmp_path / "dist", "acme-two", "2.0+local.1")
    return tmp_path / "dist"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return tmp_path / "site"


def test_site_has_the_files_their_metadata_and_both_kinds_of_pages(dist: Path, site: Path) -> None:
    """Any web server can serve it, without a program behind it."""
    build_index([dist], site)
    wheel = "acme_one-1.0-py3-none-any.whl"
    assert sorted(tree(site)) == [
        "simple/acme-one/acme_one-1.0-py3-none-any.whl",
        "simple/acme-one/acme_one-1.0-py3-none-any.whl.metadata",
        "simple/acme-one/acme_one-1.0.tar.gz",
        "simple/acme-one/index.html",
        "simple/acme-one/index.json",
        "simple/acme-two/acme_two-2.0+local.1-py3-none-any.whl",
        "simple/acme-two/acme_two-2.0+local.1-py3-none-any.whl.metadata",
        "simple/acme-two/index.html",
        "simple/acme-two/index.json",
        "simple/index.html",
        "simple/index.json",
    ]
    assert (site / "simple/acme-one" / wheel).read_bytes() == (dist / wheel).read_bytes()


def test_both_pages_of_a_project_promise_the_same_hashes(dist: Path, site: Path) -> None:
    """Whichever an installer asks for, it refuses the same files."""
    build_index([dist], site)
    for project in ("acme-one", "acme-two"):
        folder = site / "simple" / project
        in_json = json.loads((folder / "index.json").read_bytes())["files"]
        in_html = Links((folder / "index.html").read_bytes()).found
        assert [f"{row['url']}#sha256={row['hashes']['sha256']}" for row in in_json] == [
            link["href"] for link in in_html
        ]
        for row, link in zip(in_json, in_html, strict=True):
            content = (folder / row["filename"]).read_bytes()
            assert row["hashes"]["sha256"] == hashlib.sha256(content).hexdigest()
            assert row["size"] == len(content)
            assert row["requires-python"] == link["data-requires-python"] == ">=3.11"
            metadata = folder / f"{row['filename']}.metadata"
            assert metadata.exists() is row["filename"].endswith(".whl")
            if metadata.exists():
                digest = hashlib.sha256(metadata.read_bytes()).hexdigest()
                assert row["core-metadata"] == {"sha256": digest}
                assert link["data-core-metadata"] == f"sha256={digest}"


def test_root_lists_the_projects(dist: Path, site: Path) -> None:
    """Both pages name each one once."""
    build_index([dist], site)
    rows = json.loads((site / "simple/index.json").read_bytes())["projects"]
    assert [row["name"] for row in rows] == ["acme-one", "acme-two"]
    links = Links((site / "simple/index.html").read_bytes()).found
    assert [link["href"] for link in links] == ["acme-one/", "acme-two/"]


def test_address_of_a_file_is_quoted(dist: Path, site: Path) -> None:
    """A plus sign in a version means a space to some web servers."""
    build_index([dist], site)
    [row] = json.loads((site / "simple/acme-two/index.json").read_bytes())["files"]
    assert row["url"] == "acme_two-2.0%2Blocal.1-py3-none-any.whl"
    assert row["filename"] == "acme_two-2.0+local.1-py3-none-any.whl"


def test_same_files_give_the_same_bytes(dist: Path, site: Path, tmp_path: Path) -> None:
    """Neither the time nor the order of the files counts."""
    build_index([dist], site)
    for path in dist.iterdir():
        os.utime(path, (1, 1))
    build_index(sorted(dist.iterdir(), reverse=True), tmp_path / "again")
    assert tree(tmp_path / "again") == tree(site)


def test_second_build_writes_nothing(dist: Path, site: Path) -> None:
    """A mirror that compares times copies only what is new."""
    build_index([dist], site)
    before = {path: path.stat().st_mtime_ns for path in site.rglob("*") if path.is_file()}
    report = build_index([dist], site)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert (report.added, report.removed) == ((), ())


def test_earlier_release_stays(dist: Path, site: Path, tmp_path: Path) -> None:
    """CI has only the newest build at hand; the locks of others name older ones."""
    build_index([dist], site)
    write_wheel(tmp_path / "next", "acme-one", "1.10")
    write_wheel(tmp_path / "next", "acme-one", "1.9")
    report = build_index([tmp_path / "next"], site)
    page = json.loads((site / "simple/acme-one/index.json").read_bytes())
    assert page["versions"] == ["1.0", "1.9", "1.10"]
    assert report.added == ("acme_one-1.9-py3-none-any.whl", "acme_one-1.10-py3-none-any.whl")


def test_prune_drops_what_is_not_named(dist: Path, site: Path, tmp_path: Path) -> None:
    """The index is then exactly what the folder holds."""
    build_index([dist], site)
    wheel = write_wheel(tmp_path / "next", "acme-one", "1.1")
    report = build_index([wheel], site, prune=True)
    assert report.removed == (
        "acme_one-1.0-py3-none-any.whl",
        "acme_one-1.0.tar.gz",
        "acme_two-2.0+local.1-py3-none-any.whl",
    )
    build_index([wheel], tmp_path / "fresh")
    assert tree(site) == tree(tmp_path / "fresh")
    assert not (site / "simple/acme-two").exists()


def test_other_bytes_under_a_served_name_are_refused(dist: Path, site: Path) -> None:
    """Whoever locked the first ones could not install any more."""
    build_index([dist], site)
    before = tree(site)
    path = dist / "acme_one-1.0.tar.gz"
    path.write_bytes(made_later(path))
    for prune in (False, True):
        [finding] = build_index([dist], site, prune=prune).findings
        assert (finding.rule, finding.place) == ("other-bytes", str(path))
        assert tree(site) == before


def test_two_files_of_one_name_are_refused(dist: Path, site: Path, tmp_path: Path) -> None:
    """One of two builds would win by chance."""
    other = tmp_path / "other"
    other.mkdir()
    sdist = dist / "acme_one-1.0.tar.gz"
    (other / sdist.name).write_bytes(made_later(sdist))
    assert [each.rule for each in build_index([dist, other], site).findings] == ["other-bytes"]


def test_file_that_was_altered_on_the_server_is_noticed(dist: Path, site: Path) -> None:
    """The next build tells, and does not put a new hash on the page for it."""
    build_index([dist], site)
    served = site / "simple/acme-one/acme_one-1.0.tar.gz"
    served.write_bytes(made_later(served))
    wheel = dist / "acme_one-1.0-py3-none-any.whl"
    [finding] = build_index([wheel], site).findings
    assert (finding.rule, finding.place) == ("altered-file", str(served))


def test_one_bad_file_stops_the_build_and_every_one_is_told(dist: Path, site: Path) -> None:
    """Half a release is worse than none."""
    (dist / "acme-1.whl").write_bytes(b"")
    (dist / "acme_one-1.1.tar.gz").write_bytes(b"\x1b[31m")
    report = build_index([dist], site)
    assert [each.rule for each in report.findings] == ["bad-file-name", "broken-archive"]
    assert not site.exists()
    assert text_of(report.findings).count("\n    fix: ") == 2
    assert [row["rule"] for row in rows_of(report.findings)] == ["bad-file-name", "broken-archive"]


def test_other_files_are_passed_over_and_told(dist: Path, site: Path) -> None:
    """What uv build leaves beside the packages needs no tidying up."""
    (dist / ".gitignore").write_text("*")
    (dist / "SHA256SUMS").write_text("")
    assert build_index([dist], site).passed_over == (str(dist / "SHA256SUMS"),)


def test_rest_of_the_site_is_left_alone(dist: Path, site: Path) -> None:
    """The index may live beside the pages of a project."""
    site.mkdir()
    (site / "index.html").write_text("ours")
    build_index([dist], site)
    build_index([dist / "acme_one-1.0.tar.gz"], site, prune=True)
    assert (site / "index.html").read_text() == "ours"


@pytest.mark.parametrize(
    "content",
    ["{}", "[]", "no JSON", '{"meta": 1}', '{"meta": {"_generator": "another"}}'],
)
def test_folder_that_is_not_ours_is_not_written_to(dist: Path, site: Path, content: str) -> None:
    """A mirror made by another tool would be spoilt."""
    (site / "simple").mkdir(parents=True)
    (site / "simple/index.json").write_text(content)
    before = tree(site)
    with pytest.raises(PackageIndexError, match="did not write; choose another --output"):
        build_index([dist], site)
    assert tree(site) == before


@pytest.mark.parametrize("place", ["taken", "taken/below", "."], ids=["file", "below", "simple"])
def test_file_in_the_place_of_the_site_is_misuse(dist: Path, tmp_path: Path, place: str) -> None:
    """Somebody names a file as the output, and is told the number of an error."""
    for name in ("taken", "simple"):
        (tmp_path / name).write_text("")
    with pytest.raises(PackageIndexError, match="is no folder; choose another one with --output"):
        build_index([dist], tmp_path / place)


@pytest.mark.parametrize(
    ("source", "told"),
    [("missing", "is not there"), ("empty", "no wheel"), ("site/simple/acme-one", "index itself")],
)
def test_source_of_nothing_is_misuse(dist: Path, site: Path, source: str, told: str) -> None:
    """An empty index would look like a release that was withdrawn."""
    build_index([dist], site)
    (site.parent / "empty").mkdir()
    before = tree(site)
    with pytest.raises(PackageIndexError, match=told):
        build_index([site.parent / source], site, prune=True)
    assert tree(site) == before


def test_nothing_half_written_is_left(
    dist: Path, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk leaves the site as it was served before."""

    def full(handle: int) -> None:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        build_index([dist], site)
    assert tree(site) == {}


def test_pages_never_name_a_file_that_is_not_there(
    dist: Path, site: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whoever installs while the index is built gets the old release or the new one."""
    build_index([dist], site)
    write_wheel(tmp_path / "next", "acme-one", "1.1")
    checked = 0
    replace = Path.replace

    def check_and_replace(path: Path, target: Path) -> Path:
        nonlocal checked
        replaced = replace(path, target)
        for page in site.rglob("index.html"):
            named = re.findall(r'href="([^"#]+)#', page.read_text())
            assert all((page.parent / name.replace("%2B", "+")).is_file() for name in named)
            checked += len(named)
        return replaced

    monkeypatch.setattr(Path, "replace", check_and_replace)
    build_index([tmp_path / "next"], site, prune=True)
    assert checked
