"""The configuration of a project that is tested with Keploy: `keploy.yml`."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from keploy_framework.config_file import own_shape, place_of, text_of
from keploy_framework.document import Document, read_document, write_atomically
from keploy_framework.errors import KeployConfigError
from keploy_framework.noise import GlobalNoise, parse_noise, patterns_for, split_field

if TYPE_CHECKING:
    import os
    from typing import Self

    Key = tuple[str, ...]

_HIGHEST_PORT = 65535


@dataclass(slots=True)
class AppConfig:
    """How to start the application and where it answers.

    Args:
        command: The command line that starts it.
        port: The TCP port it listens on; 0 means "not set".
        host: The address it listens on. ``0.0.0.0`` is every address of the machine.

    Raises:
        KeployConfigError: A value has the wrong type or is out of range.
    """

    command: str
    port: int = 8000
    host: str = "0.0.0.0"  # noqa: S104 - describes where an app listens, opens nothing

    def __post_init__(self) -> None:
        _check_text(self.command, ("app", "command"))
        _check_text(self.host, ("app", "host"))
        if not self.host:
            problem = "must not be empty, got ''; name an address such as '127.0.0.1'"
            raise KeployConfigError(problem, key=("app", "host"), value=self.host)
        _check_port(self.port, ("app", "port"))


@dataclass(slots=True)
class TestConfig:
    """Where the recorded tests are and which fields their comparison ignores.

    Args:
        path: The folder of the recordings, as written; nothing checks that it exists.
        global_noise: The noise to ignore, copied, and brought into one form.

    Raises:
        KeployConfigError: A value has the wrong type.
    """

    __test__: ClassVar[bool] = False  # pytest would collect it for its name

    path: str = "./keploy/tests"
    global_noise: GlobalNoise = field(default_factory=lambda: parse_noise(None))

    def __post_init__(self) -> None:
        _check_text(self.path, ("test", "path"))
        self.global_noise = parse_noise(self.global_noise)


@dataclass(slots=True, init=False)
class KeployConfig:
    """A project's Keploy configuration, to be read, changed and saved.

    Assigned values are checked when the configuration is saved. Two configurations are equal
    when their values are, whatever files they came from. Not safe to change from two threads.

    Args:
        name: The project's name.
        app: `AppConfig`, or a mapping with ``command``, ``port`` and ``host``.
        test: `TestConfig`, or a mapping with ``path`` and ``globalNoise``.

    Raises:
        KeployConfigError: A value is missing, unknown, of the wrong type or out of range.
    """

    name: str
    app: AppConfig
    test: TestConfig
    _document: Document | None = field(default=None, repr=False, compare=False)

    def __init__(
        self,
        *,
        name: str,
        app: AppConfig | Mapping[str, object],
        test: TestConfig | Mapping[str, object] | None = None,
    ) -> None:
        _check_text(name, ("name",))
        self.name = name
        self.app = app if isinstance(app, AppConfig) else _app_from(app)
        self.test = test if isinstance(test, TestConfig) else _test_from(test)
        self._document = None

    @classmethod
    def load(cls, path: str | os.PathLike[str] = "keploy.yml") -> Self:
        """Read a configuration file, of this package's own shape or upstream Keploy's.

        A file with the key ``app`` has the own shape. Otherwise ``appName``, ``command``,
        ``port``, ``path`` and ``test.host`` are read; what is absent gets upstream's default.
        Keys that mean nothing here are kept for `save`.

        Raises:
            KeployConfigNotFoundError: There is no such file.
            KeployConfigError: The file is no valid configuration; the error says where.
        """
        document = read_document(Path(path))
        if not document.data:
            problem = "holds no keys; add one, such as 'command: python app.py'"
            raise KeployConfigError(problem, file=document.file)
        try:
            config = cls(**_values_for(document))
        except KeployConfigError as error:
            key = place_of(document.data, error.key)
            line = document.line_of(key)
            raise KeployConfigError(
                error.problem, file=document.file, line=line, key=key, value=error.value
            ) from error
        config._document = document
        return config

    def save(self, path: str | os.PathLike[str] = "keploy.yml") -> None:
        """Write the configuration, replacing the file in one step.

        A loaded configuration keeps the shape, the unknown keys and the comments of the file it
        was loaded from; a new one keeps those of the file it replaces, if there is one. Nothing
        is written when a value is wrong or the file to replace is not readable as YAML.

        Raises:
            KeployConfigError: A value is wrong, the old file is not YAML, or the folder is absent.
            OSError: The file system refuses; the old file is untouched.
        """
        file = Path(path)
        new = _values_of(self)
        document = self._document
        if document is None and file.exists():
            document = read_document(file)
        old = None if document is None else _values_in(document)
        write_atomically(file, text_of(new, document, old))

    def add_noise_filter(self, field: str, scope: str = "global") -> None:
        """Ignore a field's value in comparisons, whatever it is.

        A field that is noise already stays as it is, patterns included.

        Args:
            field: The field's path, such as ``user.id``; ``header.Date`` and ``body.user.id``
                name their section, anything else is in the body, and ``body.*`` is all of it.
            scope: ``global`` for every test, otherwise the name of a test set.

        Raises:
            KeployConfigError: The field or the scope is empty or no text.
        """
        section, name = split_field(field)
        if not isinstance(scope, str) or not scope:  # pyright: ignore[reportUnnecessaryIsInstance]
            problem = f"a noise scope must be 'global' or a test set, got {scope!r}; name one"
            raise KeployConfigError(problem, value=scope)
        noise = self.test.global_noise
        scoped = noise["global"] if scope == "global" else noise["test-sets"].setdefault(scope, {})
        scoped.setdefault(section, {}).setdefault(name, patterns_for(name))


# Any: the arguments of KeployConfig, which checks them.
def _values_for(document: Document) -> dict[str, Any]:
    values = own_shape(document.data)
    if "name" not in values:
        problem = "is missing; give the project a name"
        raise KeployConfigError(problem, key=("name",))
    return values


# Any: a YAML mapping to be.
def _values_of(config: KeployConfig) -> dict[str, Any]:
    """Check every value again, and lay them out as the own shape has them."""
    app, test = replace(config.app), replace(config.test)
    _check_text(config.name, ("name",))
    return {
        "name": config.name,
        "app": {"command": app.command, "port": app.port, "host": app.host},
        "test": {"path": test.path, "globalNoise": test.global_noise},
    }


def _values_in(document: Document) -> dict[str, Any] | None:
    try:
        return _values_of(KeployConfig(**_values_for(document)))
    except KeployConfigError:
        return None  # a file with wrong values may be put right by writing over it


def _check_text(value: object, key: Key) -> None:
    if not isinstance(value, str):
        problem = f"must be text, got {reprlib.repr(value)}; put it in quotes"
        raise KeployConfigError(problem, key=key, value=value)


def _check_port(value: object, key: Key) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        problem = f"must be a whole number, got {reprlib.repr(value)}; write digits, no quotes"
        raise KeployConfigError(problem, key=key, value=value)
    if not 0 <= value <= _HIGHEST_PORT:
        problem = f"must be from 0 to {_HIGHEST_PORT}, got {value}; give the port the app uses"
        raise KeployConfigError(problem, key=key, value=value)


def _app_from(raw: object) -> AppConfig:
    values = _section(raw, "app", ("command", "port", "host"))
    if "command" not in values:
        problem = "is missing; give the command line that starts the app"
        raise KeployConfigError(problem, key=("app", "command"))
    return AppConfig(**values)


def _test_from(raw: object) -> TestConfig:
    values = _section({} if raw is None else raw, "test", ("path", "globalNoise"))
    if "globalNoise" in values:
        values["global_noise"] = values.pop("globalNoise")
    return TestConfig(**values)


# Any: the values are checked by the records they are meant for.
def _section(raw: object, section: str, known: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(raw, Mapping):
        problem = f"must be a mapping, got {reprlib.repr(raw)}; give it {', '.join(known)}"
        raise KeployConfigError(problem, key=(section,), value=raw)
    values = dict(cast("Mapping[str, Any]", raw))
    for name in values:
        if name not in known:
            problem = f"has no key {name!r}; it takes {', '.join(known)}"
            raise KeployConfigError(problem, key=(section,), value=name)
    return values
