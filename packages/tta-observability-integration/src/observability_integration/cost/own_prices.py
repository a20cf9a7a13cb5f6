"""Prices of your own: given in Python, or read from a TOML file."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, Final, cast

from .rates import Rates, checked_rate

_RATES: Final = (
    "input_per_million",
    "output_per_million",
    "cache_read_per_million",
    "cache_write_per_million",
    "cache_write_1h_per_million",
)
_REQUIRED: Final = ("model", "input_per_million", "output_per_million")
_KEYS: Final = ("model", "provider", "from", "until", *_RATES)
_HEADER: Final = re.compile(r"\s*\[\[\s*price\s*\]\]")
_NEXT_MOVE: Final = "each price is a table [[price]] with model, " + " and ".join(_REQUIRED[1:])


@dataclass(frozen=True, slots=True)
class OwnPrice:
    """What a million tokens of a model cost, in US dollars.

    Args:
        model: As requests or answers name it; upper and lower case are the same.
        input_per_million: For tokens of the prompt.
        output_per_million: For tokens of the answer; 0 for a model that gives none.
        cache_read_per_million: For input read from the provider's cache; as input when left out.
        cache_write_per_million: For input written to it; as input when left out.
        cache_write_1h_per_million: For input kept there for an hour; as written when left out.
        provider: Whose price it is; anybody's when left out.
        since: From when on it holds; from ever when left out. Needs a time zone.
        until: Until just before when it holds; for ever when left out. Needs a time zone.

    Raises:
        ValueError: A value cannot be used.
    """

    model: str
    input_per_million: float
    output_per_million: float
    cache_read_per_million: float | None = None
    cache_write_per_million: float | None = None
    cache_write_1h_per_million: float | None = None
    provider: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    rates: Rates = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.model.strip():
            msg = f"model must be the name of a model, got {self.model!r}"
            raise ValueError(msg)
        rates = Rates(
            input=checked_rate("input_per_million", self.input_per_million),
            output=checked_rate("output_per_million", self.output_per_million),
            cache_read=_rate("cache_read_per_million", self.cache_read_per_million),
            cache_write=_rate("cache_write_per_million", self.cache_write_per_million),
            cache_write_1h=_rate("cache_write_1h_per_million", self.cache_write_1h_per_million),
        )
        if rates.cache_write_1h is not None and rates.cache_write is None:
            msg = f"cache_write_1h_per_million of {self.model!r} needs cache_write_per_million too"
            raise ValueError(msg)
        for name, moment in (("since", self.since), ("until", self.until)):
            if moment is not None and moment.tzinfo is None:
                msg = f"{name} must have a time zone, got {moment!r}; add tzinfo=UTC"
                raise ValueError(msg)
        if self.since is not None and self.until is not None and self.until <= self.since:
            msg = f"the price of {self.model!r} must begin before {self.until}, got {self.since}"
            raise ValueError(msg)
        object.__setattr__(self, "rates", rates)

    def holds_at(self, moment: datetime) -> bool:
        """Tell whether this was the price at *moment*."""
        begun = self.since is None or self.since <= moment
        return begun and (self.until is None or moment < self.until)


class PriceFileError(ValueError):
    """Raised when a file of prices cannot be used.

    Attributes:
        path: The file.
        line: Where in it, counted from 1; None where it is about the whole file.
        reason: What is wrong there, and what to do.
    """

    def __init__(self, path: Path, line: int | None, reason: str) -> None:
        super().__init__(f"{path}{'' if line is None else f', line {line}'}: {reason}")
        self.path, self.line, self.reason = path, line, reason


def read_price_file(path: str | Path) -> tuple[str, list[OwnPrice]]:
    """Return the name of the prices in a TOML file, and the prices.

    Raises:
        PriceFileError: The file cannot be read, or something in it cannot be used.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
        content: dict[str, Any] = tomllib.loads(text)  # Any: TOML
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        reason = f"this is not TOML: {error}; {_NEXT_MOVE}"
        raise PriceFileError(path, int(found[1]) if found else None, reason) from error
    except (OSError, UnicodeDecodeError) as error:
        reason = f"the prices cannot be read ({type(error).__name__}); give a file of TOML in UTF-8"
        raise PriceFileError(path, None, reason) from error
    for key in content:
        if key not in ("name", "price"):
            raise PriceFileError(path, _line(text, 0, key), f"{key!r} is not known; {_NEXT_MOVE}")
    name, tables = content.get("name", path.stem), content.get("price")
    if not isinstance(name, str) or not name.strip():
        reason = f"name must be a text, got {name!r}; leave it out to use the name of the file"
        raise PriceFileError(path, _line(text, 0, "name"), reason)
    if not isinstance(tables, list) or not tables:
        raise PriceFileError(path, _line(text, 0, "price"), f"there are no prices; {_NEXT_MOVE}")
    found_prices = [
        _entry(path, text, number, table)
        for number, table in enumerate(cast("list[object]", tables), start=1)
    ]
    return name, found_prices


def _rate(name: str, value: float | None) -> float | None:
    return None if value is None else checked_rate(name, value)


def _entry(path: Path, text: str, number: int, table: object) -> OwnPrice:
    """Return the price of the table with that number, counted from 1."""
    if not isinstance(table, dict):
        reason = f"price must be tables, got {table!r}; {_NEXT_MOVE}"
        raise PriceFileError(path, _line(text, 0, "price"), reason)
    entry = cast("dict[str, Any]", table)
    given: dict[str, Any] = {}  # Any: TOML
    key = ""
    try:
        for key, value in entry.items():
            given["since" if key == "from" else key] = _value(key, value)
        key = ""
        missing = [name for name in _REQUIRED if name not in given]
        if missing:
            msg = f"{' and '.join(missing)} of {entry.get('model', 'a model')!r} is missing"
            raise ValueError(msg)
        return OwnPrice(**given)
    except ValueError as error:
        line = _line(text, number, key)
        raise PriceFileError(path, line, f"{error}; {_NEXT_MOVE}") from error


def _value(key: str, value: object) -> object:
    """Return *value* as `OwnPrice` takes it."""
    if key not in _KEYS:
        msg = f"{key!r} is not known, use {', '.join(_KEYS)}"
        raise ValueError(msg)
    if key in _RATES:
        return checked_rate(key, value)
    if key in ("from", "until"):
        if isinstance(value, datetime) and value.tzinfo is not None:
            return value
        if isinstance(value, date) and not isinstance(value, datetime):
            return datetime.combine(value, time(), UTC)
        msg = f"{key} must be a date or a time with an offset, such as 2026-01-31, got {value!r}"
        raise ValueError(msg)
    if not isinstance(value, str) or not value.strip():
        msg = f"{key} must be a text, got {value!r}"
        raise ValueError(msg)
    return value


def _line(text: str, number: int, key: str) -> int | None:
    """Return where *key* is set in the table with that number; 0 for what is above all tables."""
    tables = 0
    header: int | None = None
    for at, line in enumerate(text.splitlines(), start=1):
        if _HEADER.match(line):
            tables += 1
            if tables == number:
                header = at
        elif tables == number and key and re.match(rf"\s*\[*[\"']?{re.escape(key)}\b", line):
            return at
    return header
