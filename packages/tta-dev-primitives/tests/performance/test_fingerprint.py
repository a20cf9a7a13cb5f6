from __future__ import annotations

import dataclasses
import importlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tta_dev_primitives.errors import ConfigurationError
from tta_dev_primitives.performance.environment.fingerprint import (
    EnvFingerprint,
    InstalledDistribution,
)

from .fake_site import Site

PYTHON = f"cpython {sys.version_info.major}.{sys.version_info.minor}"


def names_of(fingerprint: EnvFingerprint) -> list[str]:
    return [known.name for known in fingerprint.distributions]


def test_requirements_are_followed_as_far_as_they_are_installed(site: Site) -> None:
    site.install("my-prompts", requires=["fake.Templates>=2,<3", "fake-absent; python_version>'2'"])
    site.install("fake-templates", "2.1", requires=["Fake_Core (>=1)", "my-prompts"])
    site.install("fake-core", "1.5")
    site.install("fake-unrelated")
    found = EnvFingerprint.of("My_Prompts")
    assert found.distributions == (
        InstalledDistribution("fake-core", "1.5", None),
        InstalledDistribution("fake-templates", "2.1", None),
        InstalledDistribution("my-prompts", "1.0", None),
    )
    assert (found.depends_on, found.python) == (("my-prompts",), PYTHON)
    assert re.fullmatch("[0-9a-f]{32}", found.digest)


CHANGES: dict[str, tuple[Callable[[Site], None], tuple[str, ...]]] = {
    "upgrade of the named one": (
        lambda site: site.install("fake-sdk", "2.0", requires=["fake-core"]),
        ("fake-sdk 1.0 became 2.0",),
    ),
    "upgrade of one it requires": (
        lambda site: site.install("fake-core", "1.1"),
        ("fake-core 1.0 became 1.1",),
    ),
    "removal of one it requires": (
        lambda site: site.remove("fake-core"),
        ("fake-core 1.0 is gone",),
    ),
    "new requirement": (
        lambda site: site.install("fake-core", requires=["fake-unrelated"]),
        ("fake-unrelated 1.0 is new",),
    ),
    "other build of the same version": (
        lambda site: site.install("fake-core", origin={"vcs_info": {"commit_id": "abc"}}),
        ("fake-core 1.0 is another build",),
    ),
    "upgrade of an unrelated one": (lambda site: site.install("fake-unrelated", "2.0"), ()),
    "new unrelated one": (lambda site: site.install("fake-new"), ()),
}


@pytest.mark.parametrize(("change", "said"), CHANGES.values(), ids=CHANGES)
def test_change_of_the_environment_is_seen_where_it_matters(
    site: Site, change: Callable[[Site], None], said: tuple[str, ...]
) -> None:
    site.install("fake-sdk", requires=["fake-core>=1"])
    site.install("fake-core")
    site.install("fake-unrelated")
    before = EnvFingerprint.of("fake-sdk")
    change(site)
    after = EnvFingerprint.of("fake-sdk")
    assert after.changed_from(before) == said
    assert (after == before) is (after.digest == before.digest) is (not said)


def test_other_python_is_another_fingerprint(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.install("fake-sdk")
    before = EnvFingerprint.of("fake-sdk")
    monkeypatch.setattr(sys, "version_info", Version(3, 99))
    after = EnvFingerprint.of("fake-sdk")
    assert after.digest != before.digest
    assert after.changed_from(before) == (f"{PYTHON} became cpython 3.99",)


@dataclasses.dataclass
class Version:
    major: int
    minor: int


def test_spelling_and_order_of_names_do_not_matter(site: Site) -> None:
    site.install("fake-sdk", extras=["b", "a-x"])
    site.install("my-prompts")
    one = EnvFingerprint.of("fake-sdk[b, A_x]", "my-prompts", "my-prompts")
    assert one == EnvFingerprint.of("My.Prompts", " Fake_SDK[a-x,b] ")
    assert one.depends_on == ("fake-sdk[a-x,b]", "my-prompts")


def test_what_was_asked_for_is_part_of_it(site: Site) -> None:
    """Caches that name other packages do not take each other's place."""
    site.install("fake-sdk", requires=["fake-core"])
    site.install("fake-core")
    one, both = EnvFingerprint.of("fake-sdk"), EnvFingerprint.of("fake-sdk", "fake-core")
    assert one.distributions == both.distributions
    assert one.digest != both.digest
    assert both.changed_from(one) == ("fake-sdk became fake-core, fake-sdk",)


EXTRAS = {
    "none asked": ("fake-sdk", ["fake-core", "fake-sdk"]),
    "asked": ("fake-sdk[http]", ["fake-core", "fake-http", "fake-sdk"]),
    "other side of the equals sign": ("fake-sdk[Re_Verse]", ["fake-core", "fake-rev", "fake-sdk"]),
    "extra made of extras": (
        "fake-sdk[all]",
        ["fake-core", "fake-fast", "fake-http", "fake-rev", "fake-sdk"],
    ),
    "asked by a requirement": ("my-app", ["fake-core", "fake-http", "fake-sdk", "my-app"]),
}


@pytest.mark.parametrize(("name", "expected"), EXTRAS.values(), ids=EXTRAS)
def test_extras_count_where_somebody_asks_for_them(
    site: Site, name: str, expected: list[str]
) -> None:
    site.install(
        "fake-sdk",
        extras=["http", "re-verse", "all", "fast"],
        requires=[
            "fake-core",
            'fake-http>1; extra == "http"',
            "fake-rev; 're-verse' == extra",
            "fake-fast; (extra == 'fast' or extra == 'faster') and python_version > '3'",
            "fake-sdk[http,re_verse]; extra == 'all'",
            "fake-sdk[fast]; extra == 'all'",
        ],
    )
    site.install("my-app", requires=["fake-sdk[http]"])
    for part in ("core", "http", "rev", "fast"):
        site.install(f"fake-{part}")
    assert names_of(EnvFingerprint.of(name)) == expected


MISTAKES = {
    "nothing": ((), "a fingerprint needs the name of at least one distribution"),
    "not installed": (("fake-sdk", "My_Prompts"), "my-prompts is not installed.*uv add my-prompts"),
    "not installed, extra": (("absent[x]",), r"absent is not installed.*uv add 'absent\[x\]'"),
    "unknown extra": (("fake-sdk[htp]",), "fake-sdk 1.0 has no extra 'htp'; it has: http"),
    "no extras": (("fake-core[x]",), "fake-core 1.0 has no extra 'x'; it has: none"),
    "version": (("fake-sdk>=1",), "'fake-sdk>=1' is not the name of a distribution"),
    "empty": (("",), "'' is not the name of a distribution"),
    "path": (("../fake-sdk",), "'../fake-sdk' is not the name of a distribution"),
}


@pytest.mark.parametrize(("names", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistake_is_named(site: Site, names: tuple[str, ...], message: str) -> None:
    site.install("fake-sdk", extras=["http"])
    site.install("fake-core")
    with pytest.raises(ConfigurationError, match=message):
        EnvFingerprint.of(*names)


def test_leftover_of_a_removal_does_not_count_as_installed(site: Site) -> None:
    (site.folder / "fake_sdk-1.0.dist-info").mkdir()
    importlib.invalidate_caches()
    with pytest.raises(ConfigurationError, match="fake-sdk is not installed"):
        EnvFingerprint.of("fake-sdk")


def test_distribution_in_the_old_egg_form_is_read(site: Site) -> None:
    info = site.folder / "fake_old.egg-info"
    info.mkdir()
    (info / "PKG-INFO").write_text("Metadata-Version: 1.1\nName: fake-old\nVersion: 0.9\n\nText\n")
    (info / "requires.txt").write_text("fake-core>=1\n\n[http]\nfake-http\n")
    site.install("fake-core")
    site.install("fake-http")
    found = EnvFingerprint.of("fake-old")
    assert [known[:2] for known in found.distributions] == [
        ("fake-core", "1.0"),
        ("fake-old", "0.9"),
    ]


def test_explanation_names_everything(site: Site) -> None:
    site.install("fake-sdk", requires=["fake-core"])
    site.install("fake-core", "2.0", origin={"vcs_info": {"commit_id": "abc"}})
    assert EnvFingerprint.of("fake-sdk").explain().splitlines() == [
        PYTHON,
        "fake-core 2.0 (commit:abc)",
        "fake-sdk 1.0",
    ]


def test_real_environment_is_read() -> None:
    """pytest is there, or this would not run; what it requires besides depends on the platform."""
    found = {known.name: known for known in EnvFingerprint.of("pytest").distributions}
    assert found["pytest"] == ("pytest", version("pytest"), None)
    assert {"pluggy", "iniconfig", "packaging"} <= found.keys()
    assert "hypothesis" not in found


OTHER_PROCESS = """
import sys
sys.path.insert(0, sys.argv[1])
from tta_dev_primitives.performance.environment.fingerprint import EnvFingerprint
print(EnvFingerprint.of("fake-sdk[http]").digest)
assert "fake_sdk" not in sys.modules
"""


def test_other_process_takes_the_same_fingerprint(site: Site) -> None:
    """With another hash seed, and so another order of everything that has none."""
    site.install(
        "fake-sdk",
        extras=["http"],
        requires=[f"fake-{name}; extra == 'http'" for name in "abcdef"],
    )
    for name in "abcdef":
        site.install(f"fake-{name}")
    done = subprocess.run(
        [sys.executable, "-c", OTHER_PROCESS, str(site.folder)],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == EnvFingerprint.of("fake-sdk[http]").digest


NODES = "abcde"
graphs = st.fixed_dictionaries({node: st.sets(st.sampled_from(NODES)) for node in NODES})


def reachable(graph: dict[str, set[str]], node: str) -> set[str]:
    found = {node}
    while more := {to for known in found for to in graph[known]} - found:
        found |= more
    return found


@given(graph=graphs, upgraded=st.sampled_from(NODES))
@settings(max_examples=40)
def test_upgrade_counts_exactly_where_something_requires_it(
    graph: dict[str, set[str]], upgraded: str
) -> None:
    """Whatever the graph, circles included."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        site = Site(Path(folder))
        patch.setattr(sys, "path", [folder, *sys.path])
        for node, edges in graph.items():
            site.install(f"node-{node}", requires=[f"node-{edge}" for edge in sorted(edges)])
        before = {node: EnvFingerprint.of(f"node-{node}") for node in NODES}
        site.install(
            f"node-{upgraded}", "2.0", requires=[f"node-{edge}" for edge in sorted(graph[upgraded])]
        )
        for node in NODES:
            after = EnvFingerprint.of(f"node-{node}")
            wanted = reachable(graph, node)
            assert set(names_of(after)) == {f"node-{name}" for name in wanted}
            assert (after.digest != before[node].digest) is (upgraded in wanted)
    importlib.invalidate_caches()
