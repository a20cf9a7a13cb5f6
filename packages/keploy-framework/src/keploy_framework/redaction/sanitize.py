"""Take the secrets out of a folder of recordings that has them already."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from keploy_framework.errors import KeployError, KeployFormatError
from keploy_framework.formats.atomic import write_atomically
from keploy_framework.formats.documents import DocumentFile, read_bytes
from keploy_framework.formats.same import same_data
from keploy_framework.formats.yaml_text.reading import Document
from keploy_framework.redaction.bodies import redact_body
from keploy_framework.redaction.documents import redact_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keploy_framework.redaction.redactor import Redactor

_DOCUMENTS: Final = (".yaml", ".yml", ".json")
_ASSETS: Final = "assets"
# Upstream moves secrets there on purpose, and keeps the file out of version control.
_SECRET_FILES: Final = ("secret.yaml", "secret.yml", "secret.json")


@dataclass(frozen=True, slots=True)
class FileFindings:
    """What was found in one file.

    Args:
        file: The file.
        counts: How many secrets each rule found.
    """

    file: Path
    counts: dict[str, int]


@dataclass(slots=True)
class Sanitised:
    """What came of looking through a folder.

    Args:
        files: How many files were looked at.
        findings: The files that hold secrets, or held them.
        problems: What could not be looked into or written, and why.
        written: Whether the files were changed.
    """

    files: int = 0
    findings: list[FileFindings] = field(default_factory=list[FileFindings])
    problems: list[KeployFormatError] = field(default_factory=list[KeployFormatError])
    written: bool = False

    @property
    def counts(self) -> dict[str, int]:
        """How many secrets each rule found in all files, sorted by its name."""
        total: Counter[str] = Counter()
        for one in self.findings:
            total.update(one.counts)
        return dict(sorted(total.items()))

    @property
    def exit_code(self) -> int:
        """1 where something is left to do: secrets that are still there, or problems."""
        return 1 if self.problems or (self.findings and not self.written) else 0

    def as_data(self) -> dict[str, Any]:  # Any: JSON
        """Give the outcome as data for JSON."""
        return {
            "files": self.files,
            "written": self.written,
            "counts": self.counts,
            "findings": [{"file": str(one.file), "counts": one.counts} for one in self.findings],
            "problems": [str(one) for one in self.problems],
        }


def sanitize_tree(
    path: str | os.PathLike[str], redactor: Redactor, *, check: bool = False
) -> Sanitised:
    """Replace the secrets in all documents and assets below a folder.

    Every file is read twice, so that a secret one file tells is found in all. A file is written
    in one step, and only where it changed; documents in it that did not change keep their very
    text. A damaged file is left alone and reported. Links are not followed, and upstream's own
    ``secret.yaml`` is not looked at.

    Args:
        path: A folder of recordings, or one file.
        redactor: Replaces the secrets.
        check: Whether to look only, and write nothing.

    Raises:
        FileNotFoundError: There is no such folder.
    """
    root = Path(path)
    if not root.exists():
        reason = f"there is no {root}; name a folder of recordings"
        raise FileNotFoundError(reason)
    result = Sanitised(written=not check)
    files = list(_files(root))
    for file in files:
        _Sanitiser(root, redactor, check=True).file(file)
    for file in files:
        result.files += 1
        before = Counter(redactor.counts)
        one = _Sanitiser(root, redactor, check=check)
        one.file(file)
        result.problems += one.problems
        counts = dict(sorted((Counter(redactor.counts) - before).items()))
        if one.changed:
            result.findings.append(FileFindings(file, counts))
    return result


class _Sanitiser:
    """Look at one file, and write it."""

    __slots__ = ("_check", "_redactor", "_root", "changed", "problems")

    def __init__(self, root: Path, redactor: Redactor, *, check: bool) -> None:
        self._root = root
        self._redactor = redactor
        self._check = check
        self.changed = False
        self.problems: list[KeployFormatError] = []

    def file(self, path: Path) -> None:
        try:
            if path.suffix in _DOCUMENTS and not _is_asset(path, self._root):
                self._documents(path)
            else:
                self._asset(path)
        except KeployFormatError as error:
            self.problems.append(error)
        except KeployError as error:
            self.problems.append(KeployFormatError(f"cannot be redacted: {error}", file=path))
        except OSError as error:
            reason = f"cannot be read or written ({error.strerror}); check its permissions"
            self.problems.append(KeployFormatError(reason, file=path))

    def _documents(self, path: Path) -> None:
        file = DocumentFile.read(path)
        self.problems += file.damaged
        documents: list[Document] = []
        for document in file.documents:
            root = self._root_of(path)
            data = redact_document(document.data, self._redactor, file=path, root=root)
            same = same_data(data, document.data)
            self.changed = self.changed or not same
            documents.append(document if same else Document(data))
        if self.changed and not self._check and not file.damaged:
            file.documents = documents
            file.save()

    def _asset(self, path: Path) -> None:
        data = read_bytes(path)
        clean = (
            redact_body(data, "", self._redactor.texts) if self._redactor.rules.enabled else data
        )
        self.changed = clean != data
        if self.changed and not self._check:
            write_atomically(path, clean)

    def _root_of(self, path: Path) -> Path:
        """Give the folder that the paths of assets begin in: that of the sets."""
        tests = path.parent
        return tests.parent.parent if tests.name == "tests" else self._root


def _files(root: Path) -> Iterator[Path]:
    if root.is_file():
        yield root
        return
    for folder, inner, names in os.walk(root):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        place = Path(folder)
        for name in sorted(names):
            path = place / name
            wanted = path.suffix in _DOCUMENTS or _is_asset(path, root)
            if wanted and name not in _SECRET_FILES and not path.is_symlink():
                yield path


def _is_asset(path: Path, root: Path) -> bool:
    return _ASSETS in path.relative_to(root).parts
