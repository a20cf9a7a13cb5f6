"""What was asked for: arguments first, then OpenTelemetry's variables, then defaults."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import unquote

from .semconv.schema import DEFAULT_SCHEMA, Schema, known_schema

if TYPE_CHECKING:
    from .cost.prices import PriceBook
    from .export.exporter import SpanExporter
    from .observer import SpanLevel
    from .spans.content import ContentMode
    from .spans.sampling import Sampling

DEFAULT_SERVICE_NAME: Final = "tta"
DEFAULT_SERVICE_VERSION: Final = "0.1.0"
_NAMED: Final = ("console", "file", "otlp")
_LEVELS: Final[tuple[SpanLevel, ...]] = ("primitive", "workflow")
T = TypeVar("T")
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
    otlp_endpoint: str | None = None,
    prometheus_port: int | None = None,
    trace_file: str | os.PathLike[str] | None = None,
    environ: Mapping[str, str] = os.environ,
    **others: Any,  # Any: fields of `Options` that are taken as they are
) -> Options:
    """Return what was asked for; what cannot be understood is told in the log and left out."""
    from .spans.sampling import Sampling

    names, given = _exporters(exporters)
    sampling = Sampling.from_environment(environ)
    if sample_ratio is not None:
        try:
            sampling = Sampling(sample_ratio)
        except (TypeError, ValueError):
            _logger.warning(
                "sample_ratio must be a number from 0 to 1, got %r; it is left out", sample_ratio
            )
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
    file = _of_type(trace_file, str | os.PathLike, "trace_file must be a path")
    path = None if file is None else Path(file)
    if path is None and "file" in names:
        path = Path("traces.sqlite3")
    return Options(
        resource=resource_attributes(service_name, service_version, resource, environ),
        sampling=sampling,
        content=_content(capture_content, environ),
        asked=frozenset(names),
        given=given,
        level=level,
        schema=spoken,
        prices=_price_book(prices),
        otlp_endpoint=_of_type(otlp_endpoint, str, "otlp_endpoint must be a URL"),
        prometheus_port=_of_type(prometheus_port, int, "prometheus_port must be a number"),
        trace_file=path,
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
    from .spans.limits import clean

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
    if service_version == DEFAULT_SERVICE_VERSION:
        service_version = found.get("service.version", service_version)
    told = {
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "observability_integration",
        **found,
        "service.name": service_name,
        "service.version": service_version,
        **{str(key): value for key, value in (further or {}).items()},
    }
    kept = {key: clean(value, None) for key, value in told.items() if key}
    return {key: value for key, value in kept.items() if value is not None}


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


def _exporters(asked: Iterable[str | SpanExporter]) -> tuple[set[str], list[SpanExporter]]:
    """Return names and objects of exporters, apart."""
    names: set[str] = set()
    given: list[SpanExporter] = []
    for exporter in (asked,) if isinstance(asked, str) else asked:
        if isinstance(exporter, str):
            if exporter in _NAMED:
                names.add(exporter)
                continue
        elif all(callable(getattr(exporter, name, None)) for name in ("export", "flush")):
            given.append(exporter)
            continue
        _logger.warning(
            "exporters must be among %s, or objects with export, flush and shutdown, got %r; left "
            "out. One of opentelemetry-sdk belongs to a processor: get_tracer_provider()"
            ".add_span_processor(BatchSpanProcessor(exporter))",
            ", ".join(map(repr, _NAMED)),
            exporter,
        )
    return names, given


def _of_type(value: T | None, wanted: Any, must: str) -> T | None:  # Any: what isinstance takes
    """Return *value*, or None with a line in the log where it is of another type."""
    if value is None or isinstance(value, wanted):
        return value
    _logger.warning("%s, got %r; it is left out", must, value)
    return None


def _listed(environ: Mapping[str, str], variable: str) -> set[str]:
    return {name.strip() for name in environ.get(variable, "").split(",") if name.strip()}
