"""What was asked for: arguments first, then OpenTelemetry's variables, then defaults."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from .semconv.schema import DEFAULT_SCHEMA, Schema, known_schema

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .cost.prices import PriceBook
    from .export.exporter import SpanExporter
    from .observer import SpanLevel
    from .spans.content import ContentMode
    from .spans.sampling import Sampling

DEFAULT_SERVICE_NAME: Final = "tta"
_NAMED: Final = ("console", "file", "otlp")
_LEVELS: Final[tuple[SpanLevel, ...]] = ("primitive", "workflow")
_logger = logging.getLogger("observability_integration")


@dataclass(slots=True)
class Options:
    """What `initialize_observability` was asked for.

    Attributes:
        resource: Attributes of this process.
        asked: Names of exporters that an argument asked for.
        given: Exporters that were handed over.
        otlp_endpoint: Where a collector listens; None leaves that to the environment.
        trace_file: Where spans are written to; None for nowhere.
        console: Whether traces are printed; None leaves that to the environment.
        prometheus_port: Where metrics are scraped; None for nowhere.
        sampling: Which traces are recorded.
        content: What of what is said to models is captured.
        level: Which calls have a span.
        metrics: Whether anything is measured.
        schema: The version of the GenAI conventions.
        prices: What tokens cost; None for what genai-prices says.
        environ: The variables.
    """

    resource: dict[str, Any]  # Any: values of attributes
    sampling: Sampling
    content: ContentMode
    asked: frozenset[str] = frozenset()
    given: list[SpanExporter] = field(default_factory=list["SpanExporter"])
    otlp_endpoint: str | None = None
    trace_file: Path | None = None
    console: bool | None = None
    prometheus_port: int | None = None
    level: SpanLevel = "primitive"
    metrics: bool = True
    schema: Schema = DEFAULT_SCHEMA
    prices: PriceBook | None = None
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def wants_console(self, environ: Mapping[str, str]) -> bool:
        """Tell whether traces are printed, where *environ* has a say."""
        if self.console is not None:
            return self.console
        return "console" in self.asked or "console" in _listed(environ, "OTEL_TRACES_EXPORTER")

    def wants_otlp(self, environ: Mapping[str, str], signal: str = "TRACES") -> bool:
        """Tell whether a collector gets *signal*: by argument, or as *environ* says."""
        if self.otlp_endpoint or "otlp" in self.asked:
            return True
        named = _listed(environ, f"OTEL_{signal}_EXPORTER")
        if named:
            return "otlp" in named  # to the standard's default address, where none is given
        return bool(
            environ.get(f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
            or environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
        )


def read_options(
    *,
    service_name: str,
    service_version: str,
    exporters: Iterable[str | SpanExporter],
    sample_ratio: float | None,
    capture_content: bool | str | None,
    span_level: str,
    resource: Mapping[str, Any] | None,  # Any: values of attributes
    schema: str,
    prices: str | os.PathLike[str] | PriceBook | None = None,
    environ: Mapping[str, str] = os.environ,
    **others: Any,  # Any: fields of `Options` that are taken as they are
) -> Options:
    """Return what was asked for; what cannot be understood is told in the log and left out."""
    from .spans.sampling import Sampling

    names: set[str] = set()
    given: list[SpanExporter] = []
    for exporter in exporters:
        if not isinstance(exporter, str):
            given.append(exporter)
        elif exporter in _NAMED:
            names.add(exporter)
        else:
            _logger.warning(
                "exporters must be among %s, or exporter objects, got %r; left out",
                ", ".join(map(repr, _NAMED)),
                exporter,
            )
    sampling = Sampling.from_environment(environ)
    if sample_ratio is not None:
        try:
            sampling = Sampling(sample_ratio)
        except ValueError as error:
            _logger.warning("%s; sample_ratio is left out", error)
    try:
        spoken = known_schema(schema)
    except ValueError as error:
        _logger.warning("%s; %r is taken", error, DEFAULT_SCHEMA)
        spoken = DEFAULT_SCHEMA
    level: SpanLevel = "primitive"
    if span_level in _LEVELS:
        level = "workflow" if span_level == "workflow" else "primitive"
    else:
        _logger.warning(
            "span_level must be 'primitive' or 'workflow', got %r; 'primitive' is taken", span_level
        )
    if "file" in names and others.get("trace_file") is None:
        others["trace_file"] = Path("traces.sqlite3")
    return Options(
        resource=resource_attributes(service_name, service_version, resource, environ),
        sampling=sampling,
        content=_content(capture_content, environ),
        asked=frozenset(names),
        given=given,
        level=level,
        schema=spoken,
        prices=_price_book(prices),
        environ=environ,
        **others,
    )


def resource_attributes(
    service_name: str,
    service_version: str,
    further: Mapping[str, Any] | None,  # Any: values of attributes
    environ: Mapping[str, str],
) -> dict[str, Any]:
    """Return the attributes of this process; arguments win over variables."""
    found: dict[str, Any] = {}
    for pair in environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","):
        key, separator, value = pair.partition("=")
        if separator and key.strip():
            found[key.strip()] = unquote(value.strip())
    if service_name == DEFAULT_SERVICE_NAME:
        named = environ.get("OTEL_SERVICE_NAME") or found.get("service.name")
        service_name = named or service_name
    if not isinstance(further, Mapping | None):  # pyright: ignore[reportUnnecessaryIsInstance] - from the app
        _logger.warning("resource must be a mapping of attributes, got %r; it is left out", further)
        further = None
    return {
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "observability_integration",
        **found,
        "service.name": service_name,
        "service.version": service_version,
        **(further or {}),
    }


def _content(asked: bool | str | None, environ: Mapping[str, str]) -> ContentMode:  # noqa: FBT001 - the argument as it was given
    from .spans.content import CAPTURE_VARIABLE, ContentMode, content_mode

    if asked is None:
        return content_mode(environ)
    if isinstance(asked, str):
        return content_mode({CAPTURE_VARIABLE: asked}, name="capture_content")
    return ContentMode.SPAN_ONLY if asked else ContentMode.NO_CONTENT


def _price_book(prices: str | os.PathLike[str] | PriceBook | None) -> PriceBook | None:
    if not isinstance(prices, str | os.PathLike):
        return prices
    from .cost.prices import PriceBook, PriceFileError

    try:
        return PriceBook.from_toml(Path(prices))
    except PriceFileError as error:
        _logger.warning("%s; these prices are left out", error)
        return None


def _listed(environ: Mapping[str, str], variable: str) -> set[str]:
    return {name.strip() for name in environ.get(variable, "").split(",") if name.strip()}
