"""Support tickets with a gold category and required facts, and how an answer is graded."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Literal, TypedDict

from tta_dev_primitives.demo.policies import (
    Fact,
    Language,
    Policy,
    facts_stated,
    load_policies,
    policy_text,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "MAX_REPEAT_SHARE",
    "Difficulty",
    "Fact",
    "Grade",
    "Language",
    "Policy",
    "Template",
    "Ticket",
    "exact_repeat_share",
    "facts_stated",
    "generate_tickets",
    "grade",
    "load_policies",
    "load_templates",
    "policy_text",
]

Difficulty = Literal["easy", "hard"]

MAX_REPEAT_SHARE = 0.35
_FILLS_PER_TEMPLATE = 50

_NAMES: dict[Language, tuple[str, ...]] = {
    "en": (
        "Maeve Doyle", "Tom Whitaker", "Priya Nair", "Oskar Lind", "Chloe Barnes",
        "Declan Byrne", "Sofia Marinho", "Hannah Price", "Yusuf Rahman", "Ewan Sinclair",
        "Ines Moreau", "Grace Okafor", "Callum Reid", "Lotte de Vries", "Ruth Feldman",
    ),
    "de": (
        "Anke Petersen", "Jürgen Maier", "Leyla Demir", "Sebastian Vogt", "Käthe Brandt",
        "Matthias Gruber", "Nele Hoffmann", "Uwe Schröder", "Miriam Köhler", "Tobias Huber",
        "Franziska Weiß", "Emre Aydin", "Sabine Kurz", "Lukas Steiner", "Petra Jansen",
    ),
}  # fmt: skip
_CITIES: dict[Language, tuple[str, ...]] = {
    "en": (
        "Galway", "Cork", "Utrecht", "Ghent", "Aarhus", "Malmö",
        "Porto", "Turin", "Lyon", "Tallinn", "Limerick", "Antwerp",
    ),
    "de": (
        "Leipzig", "Freiburg", "Graz", "Innsbruck", "Bremen", "Kassel",
        "Rostock", "Regensburg", "Salzburg", "Erfurt", "Münster", "Chemnitz",
    ),
}  # fmt: skip
# Templates put "a" before an English product and masculine articles before a German one.
_PRODUCTS: dict[Language, tuple[str, ...]] = {
    "en": (
        "Tarn 45 backpack", "Tarn 30 daypack", "Fellside rain jacket", "Skerry down jacket",
        "Lochan sleeping bag", "Corrie bivvy bag", "Ptarmigan winter parka", "Wren running vest",
        "Curlew kids' backpack", "Sgurr softshell jacket", "Brindle insulated jacket",
        "Saddleback climbing pack",
    ),
    "de": (
        "Rucksack Tarn 45", "Tagesrucksack Tarn 30", "Regenmantel Fellside", "Daunenmantel Skerry",
        "Schlafsack Lochan", "Biwaksack Corrie", "Winterparka Ptarmigan", "Laufrucksack Wren",
        "Kinderrucksack Curlew", "Softshellanorak Sgurr", "Isolationsparka Brindle",
        "Kletterrucksack Saddleback",
    ),
}  # fmt: skip
_MONTHS: dict[Language, tuple[str, ...]] = {
    "en": (
        "January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December",
    ),
    "de": (
        "Januar", "Februar", "März", "April", "Mai", "Juni",
        "Juli", "August", "September", "Oktober", "November", "Dezember",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Template:
    """A ticket whose text may hold ``{name}`` and other placeholders."""

    id: str
    language: Language
    difficulty: Difficulty
    category: str
    required_facts: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a customer wrote, with the category and the facts a right answer has."""

    id: str
    language: Language
    difficulty: Difficulty
    category: str
    required_facts: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Grade:
    """How an answer compares with a ticket's gold category and facts."""

    category_right: bool
    missing_facts: tuple[str, ...]

    @property
    def correct(self) -> bool:
        """Whether the category is right and no required fact is missing."""
        return self.category_right and not self.missing_facts


class _TemplateRow(TypedDict):
    id: str
    language: Language
    difficulty: Difficulty
    category: str
    required_facts: list[str]
    text: str


@cache
def load_templates() -> tuple[Template, ...]:
    """Read the hand-written ticket templates, once."""
    source = resources.files("tta_dev_primitives.demo") / "data" / "tickets.jsonl"
    # Split at "\n" alone: str.splitlines would also split inside a JSON string.
    lines = source.read_text(encoding="utf-8").rstrip("\n").split("\n")
    rows: list[_TemplateRow] = [json.loads(line) for line in lines]
    return tuple(
        Template(
            id=row["id"],
            language=row["language"],
            difficulty=row["difficulty"],
            category=row["category"],
            required_facts=tuple(row["required_facts"]),
            text=row["text"],
        )
        for row in rows
    )


def generate_tickets(count: int = 600, *, seed: int = 0, repeat_share: float = 0.3) -> list[Ticket]:
    """Write *count* tickets from the templates, in an order and with values drawn by *seed*.

    The same arguments give the same tickets. Ids count up from ``"T0001"``. The repeats are
    questions without placeholders, some far more frequent than others; with too few tickets
    to hold such a question, any ticket may be repeated.

    Args:
        count: How many tickets, at least 1.
        seed: Where the draw starts.
        repeat_share: Which share of them has the text of an earlier one, 0 to 0.35, rounded
            down to whole tickets. All other texts occur there for the first time.

    Raises:
        ValueError: *count* or *repeat_share* is out of bounds.
    """
    if count < 1:
        msg = f"count must be at least 1, got {count!r}"
        raise ValueError(msg)
    if not 0 <= repeat_share <= MAX_REPEAT_SHARE:
        msg = f"repeat_share must be between 0 and {MAX_REPEAT_SHARE}, got {repeat_share!r}"
        raise ValueError(msg)
    rng = random.Random(seed)
    repeats = round(count * repeat_share)
    if repeats / count > repeat_share:
        repeats -= 1
    written = _write_different(load_templates(), count - repeats, rng)
    frequent = [drawn for drawn in written if "{" not in drawn[0].text] or written
    weights = [1 / rank**0.5 for rank in range(1, len(frequent) + 1)]
    written += rng.choices(frequent, weights, k=repeats)
    rng.shuffle(written)
    return [
        Ticket(
            id=f"T{number:04}",
            language=template.language,
            difficulty=template.difficulty,
            category=template.category,
            required_facts=template.required_facts,
            text=text,
        )
        for number, (template, text) in enumerate(written, start=1)
    ]


def _write_different(
    templates: Sequence[Template], count: int, rng: random.Random
) -> list[tuple[Template, str]]:
    """Use every template about equally often, and drop one that yields no new text."""
    deck = list(templates)
    seen: set[str] = set()
    written: list[tuple[Template, str]] = []
    while deck:
        rng.shuffle(deck)
        fruitful: list[Template] = []
        for template in deck:
            if len(written) == count:
                return written
            text = _new_text(template, seen, rng)
            if text is not None:
                seen.add(text)
                written.append((template, text))
                fruitful.append(template)
        deck = fruitful
    msg = f"the templates yield {len(written)} different texts, {count} are needed; ask for fewer"
    raise ValueError(msg)


def _new_text(template: Template, seen: set[str], rng: random.Random) -> str | None:
    for _ in range(_FILLS_PER_TEMPLATE):
        text = template.text.format_map(_draw_values(template.language, rng))
        if text not in seen:
            return text
    return None


def _draw_values(language: Language, rng: random.Random) -> dict[str, str]:
    euros, cents = rng.randint(19, 489), rng.choice((10, 50, 90, 95))
    day, month = rng.randint(1, 28), rng.choice(_MONTHS[language])
    english = language == "en"
    return {
        "name": rng.choice(_NAMES[language]),
        "order": f"CM-{rng.randint(10_000_000, 99_999_999)}",
        "amount": f"€{euros}.{cents}" if english else f"{euros},{cents} €",
        "date": f"{day} {month}" if english else f"{day}. {month}",
        "product": rng.choice(_PRODUCTS[language]),
        "city": rng.choice(_CITIES[language]),
    }


def exact_repeat_share(tickets: Sequence[Ticket]) -> float:
    """Measure which share of tickets has the text of an earlier one; 0.0 for none at all."""
    if not tickets:
        return 0.0
    different = len({ticket.text for ticket in tickets})
    return (len(tickets) - different) / len(tickets)


def grade(ticket: Ticket, category: str, answer: str) -> Grade:
    """Compare a category and an answer with what *ticket* requires.

    Case and outer white space of *category* do not count. The facts are looked for in the
    ticket's own category and language, so they show even when the category is wrong.
    """
    stated = facts_stated(ticket.category, ticket.language, answer)
    return Grade(
        category_right=category.strip().casefold() == ticket.category,
        missing_facts=tuple(fact for fact in ticket.required_facts if fact not in stated),
    )
