"""What the name of a file says, and which names are refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives.devtools.index.file_names import normalised, read_file_name
from tta_dev_primitives.devtools.index.finding import RefusedFileError


@pytest.mark.parametrize(
    ("file_name", "project", "version", "kind"),
    [
        ("acme_one-1.0-py3-none-any.whl", "acme-one", "1.0", "wheel"),
        ("Acme.One-1.0-1build-py2.py3-none-any.whl", "acme-one", "1.0", "wheel"),
        ("acme-1!2.0+local.1-cp311-cp311-win_amd64.whl", "acme", "1!2.0+local.1", "wheel"),
        ("acme_one-1.0.tar.gz", "acme-one", "1.0", "sdist"),
        ("acme-one-1.0rc1.tar.gz", "acme-one", "1.0rc1", "sdist"),
    ],
    ids=["wheel", "wheel-with-build", "wheel-with-epoch", "sdist", "old-sdist"],
)
def test_name_is_taken_apart(file_name: str, project: str, version: str, kind: str) -> None:
    """A file is listed under its project, whatever the spelling."""
    found = read_file_name(file_name)
    assert (found.project, found.version, found.kind) == (project, version, kind)


@pytest.mark.parametrize(
    "file_name",
    [
        "acme-1.0-any.whl",
        "acme-one-two-1.0-py3-none-any.whl",
        "acme-latest-py3-none-any.whl",
        "acme-1.0-build-py3-none-any.whl",
        "acme-1.0-py3-none-<any>.whl",
        "-1.0-py3-none-any.whl",
        "acme.tar.gz",
        "acme-final.tar.gz",
        "acmé-1.0.tar.gz",
        "ACME-1.0.TAR.GZ",
        f"{'a' * 240}-1.0.tar.gz",
    ],
)
def test_name_that_breaks_the_standard_is_refused(file_name: str) -> None:
    """Installers would pass over it without a word."""
    with pytest.raises(RefusedFileError) as refused:
        read_file_name(file_name)
    assert refused.value.rule == "bad-file-name"


@given(st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,20}[A-Za-z0-9])?", fullmatch=True))
def test_normalising_twice_is_normalising_once(name: str) -> None:
    """There is one spelling, and it can be the name of a folder."""
    once = normalised(name)
    assert normalised(once) == once
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", once)
