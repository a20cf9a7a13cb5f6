"""Prices of one's own in a TOML file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from observability_integration.cost.prices import PriceBook, PriceFileError, TokenCounts

MILLION = TokenCounts(input=1_000_000)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "acme-2026.toml"


def test_prices_are_read_from_a_file(file: Path) -> None:
    """A price in the file is not used, or not as it is written there."""
    file.write_text(
        """
        [[price]]
        model = "house-model"
        input_per_million = 2
        output_per_million = 8.5
        cache_read_per_million = 0.5
        cache_write_per_million = 3.0
        cache_write_1h_per_million = 6.0

        [[price]]
        model = "house-model"
        provider = "azure"
        from = 2026-03-01
        until = 2026-03-01T12:00:00+01:00
        input_per_million = 1.0
        output_per_million = 1.0
        """
    )
    book = PriceBook.from_toml(file)
    tokens = TokenCounts(
        1_000_000, 1_000_000, cache_read=100_000, cache_write=200_000, cache_write_1h=50_000
    )
    found = book.price("house-model", tokens)
    assert found is not None
    assert found.amount == pytest.approx(0.7 * 2 + 8.5 + 0.1 * 0.5 + 0.15 * 3 + 0.05 * 6)
    assert found.version == "acme-2026"
    for hour, rate in ((0, 1.0), (10, 1.0), (11, 2.0)):
        at = datetime(2026, 3, 1, hour, tzinfo=UTC)
        price = book.price("house-model", MILLION, provider="azure.ai.openai", at=at)
        assert price is not None
        assert price.amount == rate


def test_a_file_can_name_its_prices(file: Path) -> None:
    """The version of prices changes when the file is moved."""
    file.write_text(
        'name = "contract 7"\n[[price]]\nmodel="m"\ninput_per_million=1\noutput_per_million=1\n'
    )
    found = PriceBook.from_toml(str(file)).price("m", MILLION)
    assert found is not None
    assert found.version == "contract 7"


GOOD = '[[price]]\nmodel = "a"\ninput_per_million = 1\noutput_per_million = 1\n'


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        (GOOD + "[[price]\n", 5, "this is not TOML"),
        (GOOD + GOOD.replace("= 1\n", "= -2\n", 1), 7, "got -2"),
        (GOOD + "\n# cheap\n" + GOOD.replace("1\n", "'1'\n"), 9, "got '1'"),
        (GOOD + "inptu = 3\n", 5, "'inptu' is not known, use model, provider, from"),
        (GOOD + 'from = "2026"\n', 5, "from must be a date .* got '2026'"),
        (GOOD + "until = 2026-01-01T00:00:00\n", 5, "a time with an offset"),
        (GOOD + "from = 2026-02-01\nuntil = 2026-01-01\n", 1, "must begin before"),
        (GOOD + "[[price]]\nmodel = 'b'\n", 5, "input_per_million and output_per_million of 'b'"),
        ("[[price]]\nmodel = ''\n", 2, "model must be a text, got ''"),
        (GOOD + GOOD, None, "'a' has two prices without a beginning"),
        ("prices = 1\n", 1, "'prices' is not known"),
        ("name = 3\n" + GOOD, 1, "name must be a text, got 3"),
        ("", None, "there are no prices"),
        ("price = 3\n", 1, "there are no prices"),
        ("price = [3]\n", 1, "price must be tables, got 3"),
    ],
    ids=[
        *("not-toml", "negative", "text", "unknown-key", "no-date", "no-offset", "backwards"),
        *("missing", "nameless", "twice", "unknown-table", "bad-name", "empty", "one", "numbers"),
    ],
)
def test_a_bad_file_says_where_and_what_to_do(
    file: Path, text: str, line: int | None, reason: str
) -> None:
    """Somebody has to search a long file for the one bad value."""
    file.write_text(text)
    with pytest.raises(PriceFileError, match=reason) as caught:
        PriceBook.from_toml(file)
    assert (caught.value.path, caught.value.line) == (file, line)
    place = f"{file}: " if line is None else f"{file}, line {line}: "
    assert str(caught.value).startswith(place)
    assert any(move in str(caught.value) for move in ("[[price]]", "leave it out", "give one"))


@pytest.mark.parametrize("content", [None, b"\xff\xfe"], ids=["missing", "not-utf-8"])
def test_a_file_that_cannot_be_read_says_so(file: Path, content: bytes | None) -> None:
    """A missing file of prices raises something that does not name it."""
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(PriceFileError, match=r"acme-2026\.toml: the prices cannot be read"):
        PriceBook.from_toml(file)
