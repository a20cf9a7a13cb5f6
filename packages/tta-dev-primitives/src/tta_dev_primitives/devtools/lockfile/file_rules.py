"""What the rules say of the files of a package: their hashes, sizes and addresses."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from .remarks import Remark, came_and_went, quoted
from .toml_text import code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .locked import LockedFile, Package

_FIXES: Final = {
    "hash-changed": "somebody replaced the file: compare it with its authors' before merging",
    "hash-missing": "nothing checks what is downloaded: lock from an index that has hashes",
    "size-changed": "the lock was edited: take the older one, then run: uv lock",
}


def remarks_on_files(before: Package | None, after: Package) -> Iterator[Remark]:
    """Compare files of the same name, whatever the version; one remark for each rule."""
    known = {file.name: file for file in before.files} if before else {}
    told: dict[str, list[str]] = defaultdict(list)
    for file in after.files:
        for rule, message in _on_file(known.get(file.name), file):
            told[rule].append(message)
    for rule, messages in told.items():
        more = f", and {len(messages) - 1} more like it" if len(messages) > 1 else ""
        yield Remark(rule, messages[0] + more, _FIXES.get(rule, ""))
    if before is None:
        return
    if before.has_wheel and not after.has_wheel and after.source.kind == "registry":
        fix = "expect that a compiler is needed, or hold the version back"
        yield Remark("wheels-lost", "has no wheel any more and is built from source", fix)
    elif before.version == after.version:
        names = {file.name for file in after.files}
        if names != known.keys():
            changed = came_and_went("has", names - known.keys(), known.keys() - names)
            yield Remark("files-changed", changed)


def _on_file(old: LockedFile | None, new: LockedFile) -> Iterator[tuple[str, str]]:
    name = code(new.name)
    if not new.hash:
        if "://" in new.location and (old is None or old.hash):
            yield "hash-missing", f"{name} has no hash"
    elif old is not None and old.hash != new.hash and old.hash:
        yield "hash-changed", f"{name} has {code(new.hash)} instead of {code(old.hash)}"
    if old is None or old.hash != new.hash:
        return
    if old.size != new.size and min(old.size, new.size) >= 0:
        yield "size-changed", f"{name} has {new.size} bytes, not {old.size}, and the same hash"
    elif old.location != new.location:
        yield "address-changed", f"{name} is at {quoted(new.location)}, not {quoted(old.location)}"
    elif old != new:
        yield "other-changed", f"the entry of {name} is written differently"
