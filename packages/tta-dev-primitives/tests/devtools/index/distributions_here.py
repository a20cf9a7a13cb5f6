"""Small wheels and source distributions, sound ones and ones with a fault in them."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

METADATA = "Metadata-Version: 2.4\nName: {name}\nVersion: {version}\nRequires-Python: >=3.11\n"
WHEEL = b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def digest_of(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def wheel_files(name: str = "acme-one", version: str = "1.0") -> dict[str, bytes]:
    """Give what a sound wheel holds, without its RECORD."""
    folder = f"{name.replace('-', '_')}-{version}.dist-info"
    metadata = METADATA.format(name=name, version=version).encode()
    return {
        f"{name.replace('-', '_')}.py": b"VALUE = 1\n",
        f"{folder}/METADATA": metadata,
        f"{folder}/WHEEL": WHEEL,
    }


def record_of(files: Mapping[str, bytes], folder: str) -> bytes:
    rows = [f"{name},sha256={digest_of(held)},{len(held)}\n" for name, held in files.items()]
    return "".join([*rows, f"{folder}/RECORD,,\n"]).encode()


def write_zip(path: Path, files: Mapping[str, bytes]) -> Path:
    """Write files with the same bytes each time."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return path


def write_wheel(folder: Path, name: str = "acme-one", version: str = "1.0") -> Path:
    """Write a sound wheel."""
    files = wheel_files(name, version)
    stem = f"{name.replace('-', '_')}-{version}"
    files[f"{stem}.dist-info/RECORD"] = record_of(files, f"{stem}.dist-info")
    folder.mkdir(parents=True, exist_ok=True)
    return write_zip(folder / f"{stem}-py3-none-any.whl", files)


def write_tar(path: Path, files: Mapping[str, bytes | tarfile.TarInfo]) -> Path:
    """Write a .tar.gz of files, or of entries without content."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name) if isinstance(content, bytes) else content
            if isinstance(content, bytes):
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
            else:
                archive.addfile(entry)
    path.write_bytes(gzip.compress(held.getvalue(), mtime=0))
    return path


def write_sdist(folder: Path, name: str = "acme-one", version: str = "1.0") -> Path:
    """Write a sound source distribution."""
    stem = f"{name.replace('-', '_')}-{version}"
    metadata = METADATA.format(name=name, version=version).encode()
    files = {f"{stem}/pyproject.toml": b"", f"{stem}/PKG-INFO": metadata}
    folder.mkdir(parents=True, exist_ok=True)
    return write_tar(folder / f"{stem}.tar.gz", files)
