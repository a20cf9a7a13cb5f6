"""How a response is judged, and what it is judged against."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from keploy_framework.errors import KeployConfigError
from keploy_framework.matching.noise_filter import NoiseFilter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    from keploy_framework.exchange import Response
    from keploy_framework.matching.noise_filter import Compat
    from keploy_framework.noise import GlobalNoise, SectionNoise


class Recorded(Protocol):
    """What a verdict needs of a recorded test; the tests of files have it."""

    @property
    def response(self) -> Response:
        """The recorded response, its body without content encoding."""
        ...

    @property
    def noise(self) -> Mapping[str, Sequence[str]]:
        """What is ignored, such as ``{"header.Date": [], "body.id": ["^[0-9]+$"]}``."""
        ...

    @property
    def assertions(self) -> Mapping[str, Any]:  # Any: other tools write the files too.
        """Assertions other than noise; where there are any, they alone decide."""
        ...


@dataclass(frozen=True, slots=True)
class Expectation:
    """A recorded response that came from no file.

    Args:
        response: The recorded response, its body without content encoding.
        noise: What is ignored.
        assertions: Where there are any, they alone decide.
    """

    response: Response
    noise: Mapping[str, Sequence[str]] = field(default_factory=dict[str, "Sequence[str]"])
    # Any: other tools write the files too.
    assertions: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Rules:
    """How responses are judged.

    Args:
        compat: ``strict``, or ``keploy`` for upstream's verdict: names of noise are found
            anywhere within a path, numbers are doubles, and bodies other than JSON are not
            compared.
        ignore_ordering: Whether the items of arrays may come in any order, at every level.
        compare_all: Whether ``keploy`` compares bodies other than JSON too.
        schema_match: Whether only the names and types of JSON bodies are compared, and of the
            headers only the media type.
        volatile_headers: Whether headers that differ in every answer by their nature, such as
            ``Date`` or ``X-Request-Id``, must only be there.
        noise: Noise by section, from the general to the special; a test's own comes after it.

    Raises:
        KeployConfigError: A pattern of the noise is no regular expression, or there is no such
            *compat*.
    """

    compat: Compat = "strict"
    ignore_ordering: bool = True
    compare_all: bool = False
    schema_match: bool = False
    volatile_headers: bool = True
    noise: tuple[SectionNoise, ...] = ()

    def __post_init__(self) -> None:
        if self.compat not in ("strict", "keploy"):
            problem = f"must be 'strict' or 'keploy', got {self.compat!r}; name one of them"
            raise KeployConfigError(problem, key="compat", value=self.compat)
        for section in self.noise:
            for fields in section.values():
                wrong: list[str] = []
                NoiseFilter(fields, self.compat, wrong)
                if wrong:
                    raise KeployConfigError(wrong[0], key="test.globalNoise", value=fields)

    def with_noise(self, noise: GlobalNoise, test_set: str) -> Self:
        """Give the same rules with the noise of a configuration for a test set."""
        from dataclasses import replace

        sections = (noise["global"], noise["test-sets"].get(test_set, {}))
        return replace(self, noise=sections)
