"""Environments of their own for the tools we compare with: their pins do not fit beside ours."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

INSTALL_SECONDS = 300.0
# The last mitmproxy for Python 3.11; later ones need 3.12.
MITMPROXY = ("mitmproxy==11.0.2",)
LIBRARIES = (
    "vcrpy==9.4.2",
    "requests==2.34.2",
    "httpx==0.28.1",
    "pyyaml==6.0.3",
    "trustme==1.2.1",
    "cryptography==50.0.2",
)


def default_folder() -> Path:
    """Return where the environments are kept from run to run."""
    return Path.home() / ".cache" / "keploy-benchmarks"


@dataclass(slots=True)
class Peers:
    """Make environments when they are first asked for, and remember why one is not there.

    Args:
        folder: Where they are kept; one that is there already is used as it is.
    """

    folder: Path
    absent: dict[str, str] = field(default_factory=dict[str, str])

    def mitmproxy(self) -> Path | None:
        """Return the program `mitmdump`, or None."""
        python = self._environment("mitmproxy", MITMPROXY, "3.11")
        return None if python is None else python.with_name("mitmdump")

    def libraries(self) -> Path | None:
        """Return a Python with VCR.py, its clients and trustme, or None."""
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        return self._environment(f"libraries-{version}", LIBRARIES, version)

    def note(self) -> str:
        """Return what is missing and why; empty where nothing is."""
        return "".join(f" Without {name}: {reason}." for name, reason in self.absent.items())

    def _environment(self, name: str, requirements: tuple[str, ...], version: str) -> Path | None:
        if name in self.absent:
            return None
        place = self.folder / name
        python = place / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
        marker = place / "installed.txt"
        wanted = "\n".join(requirements)
        if marker.is_file() and marker.read_text() == wanted and python.exists():
            return python
        uv = shutil.which("uv")
        if uv is None:
            self.absent[name] = "the command uv was not found"
            return None
        try:
            _run([uv, "venv", "--quiet", "--clear", "--python", version, str(place)])
            _run([uv, "pip", "install", "--quiet", "--python", str(python), *requirements])
        except (OSError, subprocess.SubprocessError) as error:
            self.absent[name] = _reason(error)
            return None
        marker.write_text(wanted)
        return python


def _run(words: list[str]) -> None:
    subprocess.run(words, check=True, capture_output=True, text=True, timeout=INSTALL_SECONDS)


def _reason(error: Exception) -> str:
    said = (getattr(error, "stderr", "") or "").strip()
    return (said.splitlines()[-1] if said else f"{error}").strip(" .")
