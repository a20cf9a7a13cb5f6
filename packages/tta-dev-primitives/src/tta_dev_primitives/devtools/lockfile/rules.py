"""What can be said of a change, and how grave it is unless a project says otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Level: TypeAlias = Literal["info", "warn", "fail"]

LEVELS: Final[tuple[Level, ...]] = ("info", "warn", "fail")


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of finding.

    Args:
        code: Its name in words.
        level: How grave it is by default.
        summary: What it is about, as a table has it.
        is_fixed: Whether the level cannot be changed.
    """

    code: str
    level: Level
    summary: str
    is_fixed: bool = False


ALL_RULES: Final = (
    Rule("package-added", "info", "a package is new"),
    Rule("package-removed", "info", "a package is gone"),
    Rule("upgraded", "info", "a package has a later version"),
    Rule("major-upgrade", "warn", "the first number grew, or below 1.0 the second"),
    Rule("downgraded", "warn", "a package has an earlier version"),
    Rule("forked", "warn", "a name is locked in more versions than before"),
    Rule("unforked", "info", "a name is locked in fewer versions than before"),
    Rule("source-changed", "fail", "a package comes from another index, address or kind of source"),
    Rule("commit-changed", "warn", "the same repository, at another commit, branch or tag"),
    Rule("member-moved", "info", "a package beside the lock lies in another folder"),
    Rule("hash-changed", "fail", "a file of the same name has other bytes"),
    Rule("hash-missing", "fail", "a file from the network has no hash to be checked by"),
    Rule("size-changed", "fail", "a file of the same name and hash has another size"),
    Rule("address-changed", "info", "a file of the same name and hash has another address"),
    Rule("wheels-lost", "warn", "a package had wheels and is now built from source"),
    Rule("files-changed", "info", "files of the same version came or went"),
    Rule("dependencies-changed", "warn", "a published version needs other packages than it did"),
    Rule("requirements-changed", "info", "a member or a group asks for something else"),
    Rule("marker-changed", "info", "a dependency is needed on other platforms or Pythons"),
    Rule("forks-changed", "info", "the environments that are resolved apart are others"),
    Rule("requires-python-changed", "warn", "other Pythons are supported"),
    Rule("platforms-changed", "warn", "other platforms are supported or required"),
    Rule("overrides-changed", "warn", "constraints, overrides or exclusions are others"),
    Rule("options-changed", "warn", "how versions are chosen is set otherwise"),
    Rule("members-changed", "info", "the workspace has other members"),
    Rule("format-changed", "info", "the lock has another version or revision"),
    Rule("other-changed", "info", "something else in the lock changed"),
    Rule("index-declared", "warn", "the root declares an index that it did not"),
    Rule("level-lowered", "warn", "the root takes a rule less seriously than it did"),
    Rule("yanked", "warn", "a version is known to be withdrawn by its authors"),
    Rule("registry", "fail", "a registry that is neither uv's default nor declared", is_fixed=True),
    Rule("file-host", "fail", "a file on another host than the registry's others", is_fixed=True),
    Rule("userinfo", "fail", "a user name or password in an address", is_fixed=True),
    Rule("private-host", "fail", "a loopback, private or unqualified host", is_fixed=True),
    Rule("plain-http", "fail", "an address without TLS", is_fixed=True),
    Rule("file-url", "fail", "a file: address of one machine", is_fixed=True),
    Rule("absolute-path", "fail", "an absolute path of one machine", is_fixed=True),
    Rule("bad-url", "fail", "an address that is none", is_fixed=True),
)

RULES: Final = {rule.code: rule for rule in ALL_RULES}
