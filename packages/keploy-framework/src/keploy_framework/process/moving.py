"""Move an app from its port to a hidden one, so that a relay can take its place.

An app that reads ``PORT`` is moved by that where its port is known. One in Python or Node is
moved without knowing: a small file that its interpreter loads first changes the port it binds.
"""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .ports import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

TO: Final = "KEPLOY_MOVE_TO"
FROM: Final = "KEPLOY_MOVE_FROM"
NOTE: Final = "KEPLOY_MOVE_NOTE"

_SHIMS: Final = Path(__file__).with_name("shim")


class PortMove:
    """A hidden port, and what tells an app to use it. Use it as a context manager.

    Args:
        port: The app's own port; 0 for the first one it binds.
    """

    def __init__(self, port: int = 0) -> None:
        self._port = port
        self.hidden = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="keploy-port-"))

    @property
    def public(self) -> int:
        """The port the app asked for and did not get; 0 while it asked for none."""
        try:
            return int(self._note.read_text())
        except (FileNotFoundError, ValueError):
            return 0

    def environment(self, base: Mapping[str, str], *, shims: bool = True) -> dict[str, str]:
        """Give an environment in which the app moves.

        Args:
            base: The environment the app would have.
            shims: Whether Python and Node apps load a file of ours first.
        """
        port = {"PORT": str(self.hidden)} if self._port else {}
        if not shims:
            return {**base, **port}
        python = [str(_SHIMS), *filter(None, [base.get("PYTHONPATH", "")])]
        script = shlex.quote(str(_SHIMS / "move_port.cjs"))
        return {
            **base,
            **port,
            TO: str(self.hidden),
            FROM: str(self._port),
            NOTE: str(self._note),
            "PYTHONPATH": os.pathsep.join(python),
            "NODE_OPTIONS": f"--require {script} {base.get('NODE_OPTIONS', '')}".strip(),
        }

    def close(self) -> None:
        """Remove what was written for the app; twice is fine."""
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _note(self) -> Path:
        return self._folder / "port"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
