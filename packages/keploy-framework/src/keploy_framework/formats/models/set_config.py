"""The file `config.yaml` of a test set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from keploy_framework.formats.models.record import Record, Section
from keploy_framework.formats.narrow import is_mapping

if TYPE_CHECKING:
    from typing import Self

_BASE_URLS: Final = "baseUrls"


@dataclass(slots=True)
class SetConfig(Record):
    """What a test set needs beside its tests."""

    @classmethod
    def empty(cls) -> Self:
        """Make the configuration of a new set."""
        return cls({"preScript": "", "postScript": "", "template": {}})

    @property
    def pre_script(self) -> str:
        """What to run before the set; empty for nothing."""
        return self.text_at("preScript")

    @property
    def post_script(self) -> str:
        """What to run after the set; empty for nothing."""
        return self.text_at("postScript")

    @property
    def app_command(self) -> str:
        """The command that started the app; empty where it is not told."""
        return self.text_at("appCommand")

    @property
    def template(self) -> Section:
        """Values that stand for ``{{string .name}}`` in the tests, by name."""
        return self.section("template")

    @property
    def secret(self) -> Section:
        """Values that were taken out of the recording, by name; they are never shown."""
        return self.section("secret")

    @property
    def metadata(self) -> Section:
        """What else the recording tells about itself."""
        return self.section("metadata")

    @property
    def base_urls(self) -> dict[str, str]:
        """The servers that the app was told by URL, by the variable that told it."""
        told = self.metadata.get(_BASE_URLS)
        if not is_mapping(told):
            return {}
        return {
            name: url
            for name, url in told.items()
            if isinstance(name, str) and isinstance(url, str)
        }

    def put_base_url(self, variable: str, url: str) -> None:
        """Note the server that the app was told by *variable*."""
        self.put("metadata", _BASE_URLS, {**self.base_urls, variable: url})

    @property
    def mock_registry(self) -> Section:
        """Where the mocks are kept, if not beside the tests."""
        return self.section("mockRegistry")

    def put(self, section: str, name: str, value: object) -> None:
        """Set one value of a mapping, such as a template's, which is made if it is absent."""
        self.data[section] = {**self.section(section), name: value}
