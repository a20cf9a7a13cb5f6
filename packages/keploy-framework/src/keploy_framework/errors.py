"""Every error this package raises on purpose, in one tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class KeployError(Exception):
    """Root of everything this package raises on purpose."""


class KeployConfigError(KeployError, ValueError):
    """Report a configuration that cannot be used.

    The text reads ``file:line: key what happened, the value; the next move``. The parts are
    attributes too, so nobody has to take the text apart.

    Args:
        problem: What happened, with the value and the next move.
        file: The file it is about, ``None`` for a configuration built in code.
        line: Where the file stops being YAML, counted from 1; ``None`` for a wrong value.
        key: The key it is about, such as ``app.port``; empty for none.
        value: The offending value.
    """

    def __init__(
        self,
        problem: str,
        *,
        file: Path | None = None,
        line: int | None = None,
        key: str = "",
        value: object = None,
    ) -> None:
        place = "" if file is None else f"{file}: " if line is None else f"{file}:{line}: "
        super().__init__(f"{place}{key} {problem}" if key else f"{place}{problem}")
        self.problem, self.file, self.line = problem, file, line
        self.key, self.value = key, value


class KeployConfigNotFoundError(KeployConfigError, FileNotFoundError):
    """Report a configuration file that is not there; also caught as `FileNotFoundError`."""


class KeployResultsError(KeployError, ValueError):
    """Report test results that contradict themselves, or a threshold that is no fraction."""


class WireError(KeployError, ValueError):
    """Report bytes that are no message, or a message that must not become bytes.

    Args:
        reason: What is wrong, in a word or two that never change, such as ``two-lengths``.
        problem: What happened, with the value and the next move. It never holds the value of
            a header that may be a secret.
        status: What a server answers before it closes the connection, such as 400 or 431.
        refuse: Whether two readers may take the bytes for different messages, so that a server
            must refuse them. Otherwise they are only beyond what can be recorded, and a relay may
            pass them on.
    """

    def __init__(
        self, reason: str, problem: str, *, status: int = 400, refuse: bool = True
    ) -> None:
        super().__init__(problem)
        self.reason, self.problem = reason, problem
        self.status, self.refuse = status, refuse


class EncodingError(KeployError, ValueError):
    """Report a body whose content encoding cannot be taken off.

    Args:
        encoding: The encoding, such as ``gzip``.
        reason: ``unknown``, ``not-installed``, ``damaged`` or ``too-large``.
        problem: What happened, with the value and the next move.
    """

    def __init__(self, encoding: str, reason: str, problem: str) -> None:
        super().__init__(problem)
        self.encoding, self.reason, self.problem = encoding, reason, problem


class KeployFormatError(KeployError, ValueError):
    """Report a recorded file, or a part of it, that cannot be read or written.

    Args:
        reason: What happened, with the value and the next move.
        file: The file it is about, ``None`` for text or data that came from no file.
        line: Where it is, counted from 1; ``None`` where no line can be named.
    """

    def __init__(self, reason: str, *, file: Path | None = None, line: int | None = None) -> None:
        place = "" if file is None else f"{file}: " if line is None else f"{file}:{line}: "
        super().__init__(f"{place}{reason}")
        self.reason, self.file, self.line = reason, file, line


class KeployPathError(KeployError, ValueError):
    """Refuse a name or a path that leads out of the folder of recordings.

    Args:
        reason: What happened, with the value and the next move.
        path: The offending path, as it was given.
    """

    def __init__(self, reason: str, path: str) -> None:
        super().__init__(reason)
        self.reason, self.path = reason, path


class KeployTreeBusyError(KeployError):
    """Refuse to record into a folder that another process is recording into.

    Args:
        folder: The folder of recordings.
        owner: The process id of the other recorder, ``None`` where it cannot be read.
    """

    def __init__(self, folder: Path, owner: int | None) -> None:
        who = "another process" if owner is None else f"process {owner}"
        super().__init__(f"{who} records into {folder}; end it, or record into another folder")
        self.folder, self.owner = folder, owner


class ListenError(KeployError, OSError):
    """Report an address that cannot be listened on.

    Args:
        problem: What happened, with the value and the next move.
        host: The address.
        port: The TCP port; 0 stood for a free one.
    """

    def __init__(self, problem: str, host: str, port: int) -> None:
        super().__init__(problem)
        self.problem, self.host, self.port = problem, host, port


class UpstreamError(KeployError, ConnectionError):
    """Report a server that cannot be reached, or whose identity cannot be verified.

    Args:
        reason: ``dns``, ``refused``, ``timeout``, ``unreachable`` or ``tls``.
        problem: What happened, with the value and the next move.
        host: The server.
        port: Its TCP port.
    """

    def __init__(self, reason: str, problem: str, host: str, port: int) -> None:
        super().__init__(problem)
        self.reason, self.problem, self.host, self.port = reason, problem, host, port


class TargetError(KeployError, ValueError):
    """Report a URL of a dependency that calls cannot be forwarded to.

    Args:
        problem: What happened and the next move. It never holds the URL's user or password.
    """


class MissingPackageError(KeployError, ImportError):
    """Report a package that is needed for what was asked, and not installed.

    Args:
        package: Its name.
        purpose: What it is needed for.
    """

    def __init__(self, package: str, purpose: str) -> None:
        super().__init__(f"{package} is not installed, and {purpose}. Try: uv add '{package}'")
        self.package, self.purpose = package, purpose


class AppError(KeployError):
    """Report an app that cannot be started, or that ended or was silent when it was needed.

    Args:
        problem: What happened, with the value and the next move.
        reason: ``no-command``, ``not-found``, ``ended``, ``silent``, ``port-taken`` or
            ``no-port``.
        last_lines: What the app wrote last, where it was started.
    """

    def __init__(self, problem: str, *, reason: str, last_lines: tuple[str, ...] = ()) -> None:
        super().__init__(problem)
        self.reason, self.problem, self.last_lines = reason, problem, last_lines


class KeployReportError(KeployError, LookupError):
    """Report that there is no report of a run, or no test in it, that was asked for.

    Args:
        reason: What happened, with the value and the next move.
        place: Where it was looked for.
    """

    def __init__(self, reason: str, place: Path) -> None:
        super().__init__(reason)
        self.reason, self.place = reason, place
