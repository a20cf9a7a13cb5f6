"""The configuration of a project that is tested with Keploy: `keploy.yml`."""

from __future__ import annotations

import reprlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from keploy_framework.checks import check_filled, check_text, checked_mapping
from keploy_framework.config_file import ConfigFile
from keploy_framework.errors import KeployConfigError
from keploy_framework.noise import GlobalNoise, parse_noise, patterns_for

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from typing import Literal, Self

_HIGHEST_PORT = 65535


@dataclass(slots=True)
class AppConfig:
    """How to start the application and where to reach it. The defaults are Keploy's.

    Args:
        command: The command line that starts it; empty for none.
        port: The TCP port it answers on; 0 when it is not set.
        host: The host it answers on. Keploy's default is loopback, so nothing else is reached.

    Raises:
        KeployConfigError: A value has the wrong type or is out of range.
    """

    command: str = ""
    port: int = 0
    host: str = "localhost"

    def __post_init__(self) -> None:
        check_text(self.command, "app.command")
        check_filled(self.host, "app.host")
        port = cast("object", self.port)
        if not isinstance(port, int) or isinstance(port, bool) or not 0 <= port <= _HIGHEST_PORT:
            problem = (
                f"must be a whole number from 0 to {_HIGHEST_PORT}, got {reprlib.repr(port)}; "
                "give the port the app answers on"
            )
            raise KeployConfigError(problem, key="app.port", value=port)


@dataclass(slots=True)
class TestConfig:
    """Where the recorded tests are and which fields their comparison ignores.

    Args:
        path: The folder that holds the ``keploy`` folder; empty for the working folder.
        global_noise: The noise to ignore; it is copied.

    Raises:
        KeployConfigError: A value has the wrong type.
    """

    __test__: ClassVar[bool] = False  # pytest would collect it for its name

    path: str = ""
    global_noise: GlobalNoise = field(default_factory=lambda: parse_noise(None))

    def __post_init__(self) -> None:
        check_text(self.path, "test.path")
        self.global_noise = parse_noise(self.global_noise)


@dataclass(slots=True, init=False)
class KeployConfig:
    """A project's Keploy configuration, to be read, changed and saved.

    Assigned values are checked when the configuration is saved. Two configurations are equal
    when their values are, whatever files they came from. Not safe to change from two threads.

    Args:
        name: The project's name.
        app: ``command``, ``port`` and ``host``, as `AppConfig` describes them.
        test: ``path`` and ``globalNoise``, as `TestConfig` describes them.

    Raises:
        KeployConfigError: A value is unknown, of the wrong type or out of range.
    """

    name: str
    app: AppConfig
    test: TestConfig
    _file: ConfigFile = field(repr=False, compare=False)

    def __init__(
        self,
        *,
        name: str = "",
        app: Mapping[str, object] | None = None,
        test: Mapping[str, object] | None = None,
    ) -> None:
        check_text(name, "name")
        self.name = name
        self.app = AppConfig(**_section(app, "app", command="command", port="port", host="host"))
        self.test = TestConfig(**_section(test, "test", path="path", globalNoise="global_noise"))
        self._file = ConfigFile()

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a configuration file.

        The keys are upstream Keploy's: ``appName``, ``command``, ``port``, ``path``,
        ``test.host`` and ``test.globalNoise``. A file with a key ``app`` or ``name`` is read by
        the names this class has for them instead. What is absent or empty has its default;
        other keys are kept for `save`.

        Raises:
            KeployConfigNotFoundError: There is no such file.
            KeployConfigError: The file is no valid configuration.
            OSError: The file system refuses.
        """
        file = ConfigFile.read(Path(path))
        try:
            config = cls(**file.values())
        except KeployConfigError as error:
            key = file.place_of(error.key)
            raise KeployConfigError(
                error.problem, file=Path(path), key=key, value=error.value
            ) from error
        config._file = file
        return config

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the configuration, replacing the file in one step.

        A loaded configuration writes the file it was loaded from, with changed values only:
        other keys, their order and the comments stay. One built in code writes upstream
        Keploy's keys, leaves out what has its default, and keeps nothing of the file it
        replaces. A file with anchors or with its top level in braces is written afresh when
        it changes, and so is one from which noise was taken away: the comments are lost then,
        as are those inside a list or braces that are written anew.

        Raises:
            KeployConfigError: A value is wrong; nothing is written.
            OSError: The file system refuses; the old file is untouched.
        """
        before = KeployConfig(**self._file.values())._values()
        changes = {key: value for key, value in self._values().items() if value != before[key]}
        self._file.write_changed(Path(path), changes)

    def add_noise_filter(
        self, field: str, scope: str = "global", *, section: Literal["body", "header"] = "body"
    ) -> None:
        """Ignore a field's value in comparisons, whatever it is.

        A field that is noise already stays as it is, patterns included.

        Args:
            field: The field's path in the section, such as ``user.id``; ``*`` for all of it.
            scope: ``global`` for every test, otherwise the name of a test set.
            section: The part of the response that has the field.

        Raises:
            KeployConfigError: The field or the scope is empty or no text, or there is no such
                section.
        """
        check_filled(field, "field")
        check_filled(scope, "scope")
        if section not in ("body", "header"):
            problem = f"must be 'body' or 'header', got {section!r}; name one of them"
            raise KeployConfigError(problem, key="section", value=section)
        noise = self.test.global_noise
        scoped = noise["global"] if scope == "global" else noise["test-sets"].setdefault(scope, {})
        scoped.setdefault(section, {}).setdefault(field, patterns_for(field))

    def _values(self) -> dict[str, object]:
        """Check every value again and give them by name."""
        app, test = replace(self.app), replace(self.test)
        check_text(self.name, "name")
        return {
            "name": self.name,
            "test.path": test.path,
            "app.command": app.command,
            "app.port": app.port,
            "app.host": app.host,
            "test.globalNoise": test.global_noise,
        }


# Any: the values are checked by the records they are meant for.
def _section(raw: object, section: str, **attributes: str) -> dict[str, Any]:
    """Rename the keys of *raw* to the attributes they are meant for."""
    values = checked_mapping(raw, section)
    for key in values:
        if key not in attributes:
            problem = f"has no key {key!r}; it takes {', '.join(attributes)}"
            raise KeployConfigError(problem, key=section, value=key)
    return {attributes[key]: value for key, value in values.items()}
