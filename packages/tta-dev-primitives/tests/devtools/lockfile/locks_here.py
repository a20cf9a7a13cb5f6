"""A bakery's lock, ways to change it, and locks that hypothesis makes up."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from tta_dev_primitives.devtools.lockfile.finding import Finding, Report
from tta_dev_primitives.devtools.lockfile.judging import judge
from tta_dev_primitives.devtools.lockfile.locked import (
    Dependency,
    Lock,
    LockedFile,
    Package,
    Part,
    Source,
)
from tta_dev_primitives.devtools.lockfile.revisions import Side
from tta_dev_primitives.devtools.lockfile.yanked import Withdrawals

# Locks are dear to make up; a long run tries many more.
MANY_LOCKS = settings(max_examples=2000 if os.environ.get("TTA_LONG") == "1" else 40)

INDEX = "https://index.example.com/simple"
FILES = "https://files.example.com"

BAKERY = f"""\
version = 1
revision = 5
requires-python = ">=3.11"
resolution-markers = [
    "python_full_version >= '3.12'",
    "python_full_version < '3.12'",
]

[options]
prerelease-mode = "allow"

[manifest]
members = [
    "bakery",
    "shop",
]
overrides = [{{ name = "flour", specifier = "<3" }}]

[manifest.dependency-groups]
dev = [
    {{ name = "bakery", extras = ["jam"], editable = "packages/bakery" }},
    {{ name = "hammer", marker = "sys_platform != 'win32'", specifier = ">=2" }},
]

[[package]]
name = "bakery"
version = "0.1.0"
source = {{ editable = "packages/bakery" }}
dependencies = [
    {{ name = "bread" }},
]

[package.optional-dependencies]
jam = [
    {{ name = "berry", extra = ["sweet"] }},
]

[package.dev-dependencies]
kitchen = [
    {{ name = "whisk" }},
]

[package.metadata]
requires-dist = [
    {{ name = "berry", extras = ["sweet"], marker = "extra == 'jam'", specifier = ">=0.3" }},
    {{ name = "bread", specifier = ">=1" }},
]
provides-extras = ["jam"]

[package.metadata.requires-dev]
kitchen = [{{ name = "whisk" }}]

[[package]]
name = "berry"
version = "0.3.1"
source = {{ registry = "{INDEX}" }}
sdist = {{ url = "{FILES}/berry-0.3.1.tar.gz", hash = "sha256:b0", size = 400 }}
wheels = [
    {{ url = "{FILES}/berry-0.3.1-cp311-linux.whl", hash = "sha256:b1", size = 5000 }},
    {{ url = "{FILES}/berry-0.3.1-cp311-win.whl", hash = "sha256:b2", size = 7000 }},
]

[package.optional-dependencies]
sweet = [
    {{ name = "sugar" }},
]

[[package]]
name = "bread"
version = "1.0"
source = {{ registry = "{INDEX}" }}
dependencies = [
    {{ name = "flour", version = "1.9", marker = "python_full_version < '3.12'" }},
    {{ name = "flour", version = "2.1", marker = "python_full_version >= '3.12'" }},
]
sdist = {{ url = "{FILES}/bread-1.0.tar.gz", hash = "sha256:a0", size = 3000 }}
wheels = [
    {{ url = "{FILES}/bread-1.0-py3-none-any.whl", hash = "sha256:a1", size = 2000 }},
]

[[package]]
name = "flour"
version = "1.9"
source = {{ registry = "{INDEX}" }}
resolution-markers = [
    "python_full_version < '3.12'",
]
wheels = [
    {{ url = "{FILES}/flour-1.9-py3-none-any.whl", hash = "sha256:f1", size = 100 }},
]

[[package]]
name = "flour"
version = "2.1"
source = {{ registry = "{INDEX}" }}
resolution-markers = [
    "python_full_version >= '3.12'",
]
wheels = [
    {{ url = "{FILES}/flour-2.1-py3-none-any.whl", hash = "sha256:f2", size = 100 }},
]

[[package]]
name = "hammer"
version = "2.0"
source = {{ git = "https://git.example.com/hammer?tag=v2#0123abc" }}

[[package]]
name = "shop"
version = "0.1.0"
source = {{ editable = "packages/shop" }}
dependencies = [
    {{ name = "bakery" }},
]

[[package]]
name = "sugar"
version = "4.0"
source = {{ registry = "{INDEX}" }}
wheels = [
    {{ url = "{FILES}/sugar-4.0-py3-none-any.whl", hash = "sha256:d1" }},
]

[[package]]
name = "whisk"
version = "1.0.post1"
source = {{ registry = "{INDEX}" }}
sdist = {{ url = "{FILES}/whisk-1.0.post1.tar.gz", hash = "sha256:e1", size = 60 }}
"""


def changed(text: str, *edits: tuple[str, str]) -> str:
    """Replace each first text by its second one; a text that is not there is a mistake."""
    for old, new in edits:
        assert old in text, f"{old!r} is not there"
        text = text.replace(old, new)
    return text


def without_package(text: str, name: str) -> str:
    """Take out every package of that name."""
    head, *packages = text.split("[[package]]\n")
    kept = [package for package in packages if not package.startswith(f'name = "{name}"')]
    assert len(kept) < len(packages), f"{name!r} is not there"
    return "[[package]]\n".join([head, *kept])


def report_on(
    base: str,
    head: str,
    *,
    pyproject: str | None = None,
    older_pyproject: str | None = None,
    withdrawals: Withdrawals | None = None,
) -> Report:
    """Compare two texts, both called uv.lock."""
    sides = Side("old/uv.lock", base, older_pyproject), Side("uv.lock", head, pyproject)
    return judge(*sides, INDEX, withdrawals or Withdrawals())


def findings_on(head: str, base: str = BAKERY) -> list[Finding]:
    """Compare a changed lock with the bakery's."""
    return list(report_on(base, head).findings)


def rules_of(findings: list[Finding]) -> list[str]:
    """Return the rules that spoke, sorted."""
    return sorted(finding.rule for finding in findings)


NAMES = st.sampled_from(["bread", "flour", "salt"])
VERSIONS = st.sampled_from([None, "0.9", "1.0", "1.0.post1", "1.1rc1", "2.0", "no version"])
MARKERS = st.sampled_from(["", "sys_platform == 'win32'", "python_version < '3.12'"])
DEPENDENCIES = st.builds(
    Dependency,
    part=st.sampled_from([Part(), Part("extra", "jam"), Part("group", "dev")]),
    name=NAMES,
    extras=st.sampled_from([(), ("jam",)]),
    marker=MARKERS,
)
LOCKED_FILES = st.builds(
    LockedFile,
    name=st.sampled_from(["a.whl", "b.whl", "c.tar.gz"]),
    is_wheel=st.booleans(),
    location=st.sampled_from(["https://files.example.com/x", "wheels/x"]),
    hash=st.sampled_from(["", "sha256:1", "sha256:2"]),
    size=st.sampled_from([-1, 1, 2]),
)
SOURCES = st.sampled_from(
    [
        Source("registry", INDEX),
        Source("registry", "https://other.example.com/simple"),
        Source("git", "https://git.example.com/x?rev=1#a"),
        Source("git", "https://git.example.com/x?rev=2#b"),
        Source("editable", "packages/x"),
    ]
)


# Any: hypothesis fits the items to the field itself.
def _few(items: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(items, max_size=2, unique=True).map(lambda found: tuple(sorted(found)))


PACKAGES = st.builds(
    Package,
    name=NAMES,
    version=VERSIONS,
    source=SOURCES,
    forks=_few(MARKERS.filter(bool)),
    dependencies=_few(DEPENDENCIES),
    files=st.lists(LOCKED_FILES, max_size=2, unique_by=lambda file: file.name).map(
        lambda found: tuple(sorted(found))
    ),
    requirements=_few(st.sampled_from(["bread>=1", "salt"])),
    line=st.integers(0, 9),
)
LOCKS = st.builds(
    Lock,
    packages=st.lists(PACKAGES, max_size=6).map(
        lambda found: tuple(sorted(found, key=Package.order))
    ),
    settings=st.dictionaries(
        st.sampled_from(["requires-python", "options.x"]),
        st.sampled_from([("a",), ("a", "b"), ()]),
    ).map(lambda found: tuple(sorted(found.items()))),
    members=st.just(("bread",)),
    groups=_few(st.builds(Dependency, part=st.just(Part("group", "dev")), name=NAMES)),
)
