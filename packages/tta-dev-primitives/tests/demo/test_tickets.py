from __future__ import annotations

import itertools
import json
import random
import re
import string
import subprocess
import sys
from collections import Counter
from typing import get_args

import pytest

from tta_dev_primitives.demo import tickets as demo_tickets
from tta_dev_primitives.demo.tickets import (
    MAX_REPEAT_SHARE,
    Fact,
    Grade,
    Language,
    Template,
    Ticket,
    exact_repeat_share,
    facts_stated,
    generate_tickets,
    grade,
    load_policies,
    load_templates,
    policy_text,
)

LANGUAGES: tuple[Language, ...] = get_args(Language)
PLACEHOLDERS = {"name", "order", "amount", "date", "product", "city"}


def placeholders(template: Template) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template.text) if name is not None}


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))


def required(ticket: Ticket) -> list[Fact]:
    facts = {fact.id: fact for fact in load_policies()[ticket.category].facts}
    return [facts[fact_id] for fact_id in ticket.required_facts]


def answer_stating(ticket: Ticket, facts: list[Fact]) -> str:
    return " ".join(fact.sentences[ticket.language] for fact in facts)


def as_ticket(template: Template) -> Ticket:
    return Ticket(
        template.id,
        template.language,
        template.difficulty,
        template.category,
        template.required_facts,
        template.text,
    )


EVERY_TEMPLATE = [
    pytest.param(as_ticket(template), id=template.id) for template in load_templates()
]
BY_LANGUAGE = [
    pytest.param(policy.category, language, id=f"{policy.category}-{language}")
    for policy in load_policies().values()
    for language in LANGUAGES
]


def test_templates_cover_both_languages_all_categories_and_both_difficulties() -> None:
    """Every category has easy and hard tickets in English and German, none is rare."""
    templates = load_templates()
    assert len(templates) >= 126
    cells = Counter((t.category, t.language, t.difficulty) for t in templates)
    assert set(cells) == set(itertools.product(load_policies(), LANGUAGES, ("easy", "hard"))), (
        "a category, language and difficulty has no ticket"
    )
    assert min(cells.values()) >= 3
    english = sum(t.language == "en" for t in templates) / len(templates)
    hard = sum(t.difficulty == "hard" for t in templates) / len(templates)
    assert 0.55 <= english <= 0.65
    assert 0.40 <= hard <= 0.50


def test_templates_are_all_different() -> None:
    """No id or text occurs twice, and no two texts share most of their words."""
    templates = load_templates()
    assert len({t.id for t in templates}) == len(templates)
    for one, other in itertools.combinations(templates, 2):
        shared = words(one.text) & words(other.text)
        either = words(one.text) | words(other.text)
        assert len(shared) / len(either) < 0.6, (one.id, other.id)


def test_placeholders_are_known_and_a_quarter_of_the_templates_have_none() -> None:
    """Frequent questions have no placeholder; most of the others have two or more."""
    counts = [len(placeholders(t)) for t in load_templates()]
    assert set().union(*(placeholders(t) for t in load_templates())) == PLACEHOLDERS
    assert 0.2 <= counts.count(0) / len(counts) <= 0.3
    assert sum(n >= 2 for n in counts) > 0.7 * sum(n >= 1 for n in counts)


def test_hard_tickets_are_longer_and_ask_for_more() -> None:
    """An easy ticket needs one fact, a hard one two or three and more words."""
    for template in load_templates():
        facts = template.required_facts
        assert len(set(facts)) == len(facts)
        if template.difficulty == "easy":
            assert len(facts) == 1, template.id
            assert len(template.text) < 160, template.id
        else:
            assert len(facts) in {2, 3}, template.id
            assert len(template.text) > 200, template.id


def test_every_fact_is_required_by_a_ticket_of_each_language() -> None:
    """Each fact is asked for in English and in German, so that none is dead data."""
    asked = {(t.language, fact) for t in load_templates() for fact in t.required_facts}
    facts = [fact.id for policy in load_policies().values() for fact in policy.facts]
    assert asked == set(itertools.product(LANGUAGES, facts))


def test_policies_have_seven_categories_of_four_to_six_facts() -> None:
    """Fact ids are unique over all categories, and nothing in the data is empty."""
    policies = load_policies()
    assert len(policies) == 7
    ids = [fact.id for policy in policies.values() for fact in policy.facts]
    assert len(set(ids)) == len(ids)
    for category, policy in policies.items():
        assert policy.category == category
        assert 4 <= len(policy.facts) <= 6
        for language in LANGUAGES:
            assert policy.titles[language].strip()
            for fact in policy.facts:
                assert fact.sentences[language].endswith(".")
                assert all(mention.strip() for mention in fact.mentions[language])


@pytest.mark.parametrize(("category", "language"), BY_LANGUAGE)
def test_a_sentence_states_its_own_fact_and_no_other(category: str, language: Language) -> None:
    """No mention of a fact occurs in the sentence of another fact, even inside a word."""
    facts = load_policies()[category].facts
    for fact in facts:
        sentence = fact.sentences[language]
        assert facts_stated(category, language, sentence) == {fact.id}
        strangers = [m for f in facts if f is not fact for m in f.mentions[language]]
        assert not [m for m in strangers if m.casefold() in sentence.casefold()]


@pytest.mark.parametrize(("category", "language"), BY_LANGUAGE)
def test_every_mention_alone_states_its_fact_and_no_other(
    category: str, language: Language
) -> None:
    """Each phrase listed for a fact is enough, and belongs to that fact alone."""
    for fact in load_policies()[category].facts:
        for mention in fact.mentions[language]:
            assert facts_stated(category, language, f"({mention}!)") == {fact.id}, mention


@pytest.mark.parametrize("ticket", EVERY_TEMPLATE)
def test_gold_answer_is_correct_until_any_required_fact_is_dropped(ticket: Ticket) -> None:
    """All required sentences together are right; leaving out any one of them is wrong."""
    facts = required(ticket)
    gold = grade(ticket, ticket.category, answer_stating(ticket, facts))
    assert gold == Grade(category_right=True, missing_facts=())
    assert gold.correct
    for dropped in facts:
        rest = [fact for fact in facts if fact is not dropped]
        lacking = grade(ticket, ticket.category, answer_stating(ticket, rest))
        assert lacking == Grade(category_right=True, missing_facts=(dropped.id,))
        assert not lacking.correct


@pytest.mark.parametrize("ticket", EVERY_TEMPLATE)
def test_repeating_the_question_answers_nothing(ticket: Ticket) -> None:
    """No ticket gives away a fact it asks for."""
    echoed = grade(ticket, ticket.category, ticket.text)
    assert echoed.missing_facts == ticket.required_facts


@pytest.mark.parametrize("ticket", EVERY_TEMPLATE)
def test_gold_answer_in_a_wrong_category_is_incorrect(ticket: Ticket) -> None:
    """A right answer under a wrong heading is not agreement with gold."""
    gold = answer_stating(ticket, required(ticket))
    for category in {*load_policies(), "", "unknown"} - {ticket.category}:
        result = grade(ticket, category, gold)
        assert result == Grade(category_right=False, missing_facts=())
        assert not result.correct


def test_an_answer_in_the_other_language_states_nothing() -> None:
    """A German customer is not helped by an English sentence."""
    ticket = next(as_ticket(t) for t in load_templates() if t.id == "returns-de-01")
    english = required(ticket)[0].sentences["en"]
    assert not grade(ticket, "returns", english).correct


def test_case_and_outer_white_space_of_the_category_do_not_count() -> None:
    """Models like to write " Billing"."""
    ticket = as_ticket(load_templates()[0])
    assert grade(ticket, f" {ticket.category.title()}\n", "").category_right


@pytest.mark.parametrize(
    ("language", "answer", "stated"),
    [
        ("en", "You have THIRTY\n  days.", True),
        ("en", "Within 30\u00a0days, yes.", True),
        ("en", "Within 130 days, yes.", False),
        ("en", "Within 1.30 days, yes.", False),
        ("de", "Du hast dafür 30 Tage Zeit.", True),
        ("de", "Du hast DREISSIG TAGE.", True),
        ("de", "Du hast zweiunddreißig Tage.", False),
        ("en", "", False),
    ],
    ids=[
        "case",
        "no-break-space",
        "longer-number",
        "decimal",
        "de",
        "sharp-s",
        "compound",
        "empty",
    ],
)
def test_mentions_match_whole_numbers_in_any_case(
    language: Language, answer: str, *, stated: bool
) -> None:
    """Case, line breaks and sharp s do not matter; a longer number or word does."""
    assert ("return_window" in facts_stated("returns", language, answer)) is stated


@pytest.mark.parametrize(
    ("answer", "stated"),
    [("Free from €75.", True), ("You paid €75.90.", False), ("Free from €750.", False)],
)
def test_an_amount_is_not_found_inside_a_longer_amount(answer: str, *, stated: bool) -> None:
    """A price quoted from the ticket does not pass for the shop's threshold."""
    assert ("free_shipping" in facts_stated("shipping", "en", answer)) is stated


@pytest.mark.parametrize(("category", "language"), BY_LANGUAGE)
def test_policy_text_has_one_bullet_per_fact(category: str, language: Language) -> None:
    """A prompt with the text holds all a model needs for a right answer."""
    lines = policy_text(category, language).split("\n")
    facts = load_policies()[category].facts
    assert lines == [f"- {fact.sentences[language]}" for fact in facts]


def test_unknown_category_and_language_are_named_with_the_known_ones() -> None:
    """A slip in a category or language is an error and not an empty answer."""
    with pytest.raises(ValueError, match=r"'refunds'; use one of: billing, shipping"):
        policy_text("refunds", "en")
    french: Language = "fr"  # pyright: ignore[reportAssignmentType]
    with pytest.raises(ValueError, match=r"'fr'; use one of: en, de"):
        facts_stated("returns", french, "30 jours")


def test_defaults_give_600_tickets_of_which_30_percent_are_exact_repeats() -> None:
    """The numbers the docs state are those of the defaults."""
    tickets = generate_tickets()
    assert len(tickets) == 600
    assert exact_repeat_share(tickets) == 0.3
    assert [t.id for t in tickets] == [f"T{n:04}" for n in range(1, 601)]
    assert {t.category for t in tickets} == set(load_policies())
    assert 0.3 < sum(t.difficulty == "hard" for t in tickets) / 600 < 0.5
    assert 0.3 < sum(t.language == "de" for t in tickets) / 600 < 0.5


def test_the_same_seed_gives_the_same_tickets_and_another_seed_others() -> None:
    """A run can be repeated exactly."""
    assert generate_tickets(200, seed=7) == generate_tickets(200, seed=7)
    assert generate_tickets(200, seed=7) != generate_tickets(200, seed=8)


def test_the_same_seed_gives_the_same_tickets_in_another_process() -> None:
    """String hashing, which differs between processes, has no say in the draw."""
    script = (
        "import json; from tta_dev_primitives.demo.tickets import generate_tickets; "
        "print(json.dumps([t.text for t in generate_tickets(150, seed=3)]))"
    )
    output = subprocess.check_output([sys.executable, "-c", script], text=True)
    assert json.loads(output) == [ticket.text for ticket in generate_tickets(150, seed=3)]


@pytest.mark.parametrize("count", [1, 2, 3, 7, 10, 99, 127, 600])
@pytest.mark.parametrize("share", [0, 0.1, 0.29, 0.3, 1 / 3, MAX_REPEAT_SHARE])
def test_repeats_are_the_share_asked_for_in_whole_tickets(count: int, share: float) -> None:
    """The share is never exceeded, and never missed by a whole ticket."""
    tickets = generate_tickets(count, seed=count, repeat_share=share)
    assert len(tickets) == count
    assert len({t.id for t in tickets}) == count
    assert exact_repeat_share(tickets) <= share
    assert (exact_repeat_share(tickets) * count) > share * count - 1


def test_repeats_are_questions_without_placeholders() -> None:
    """What people ask again and again has no order number in it."""
    frequent = {t.text for t in load_templates() if not placeholders(t)}
    times = Counter(ticket.text for ticket in generate_tickets())
    assert {text for text, number in times.items() if number > 1} <= frequent


def test_some_questions_come_back_far_more_often_than_others() -> None:
    """The most frequent question has over twice its even share of the repeats."""
    times = Counter(ticket.text for ticket in generate_tickets(6_000))
    repeated = [number for number in times.values() if number > 1]
    assert max(repeated) > 2 * sum(repeated) / len(repeated)


def test_repeats_are_spread_over_the_whole_run() -> None:
    """A cache is not spared until the end: the first half has repeats, the second new texts."""
    tickets = generate_tickets()
    first, second = tickets[:300], tickets[300:]
    assert exact_repeat_share(first) > 0.1
    assert len({t.text for t in second} - {t.text for t in first}) > 150


def test_generated_texts_have_every_placeholder_filled() -> None:
    """No customer writes braces."""
    for ticket in generate_tickets(seed=1):
        assert ticket.text.strip() == ticket.text
        assert not {"{", "}"} & set(ticket.text), ticket.id


def test_values_are_written_as_in_the_language_of_the_ticket() -> None:
    """Money and months in German tickets are German, in English ones English."""
    for ticket in generate_tickets(seed=2):
        if ticket.language == "de":
            assert not re.search(r"€\d|\d (January|March|May|October)\b", ticket.text)
        else:
            assert not re.search(r"\d €|\d\. (Januar|März|Mai|Oktober)\b|\d,\d\d\b", ticket.text)


def test_generated_tickets_grade_like_their_templates() -> None:
    """Filled-in numbers neither answer a ticket nor spoil its gold answer."""
    for ticket in generate_tickets(seed=4):
        assert grade(ticket, ticket.category, answer_stating(ticket, required(ticket))).correct
        assert grade(ticket, ticket.category, ticket.text).missing_facts == ticket.required_facts


def test_a_large_count_is_written_in_full() -> None:
    """Templates that have run out of new texts are dropped, and the others go on."""
    tickets = generate_tickets(5_000, repeat_share=0)
    assert len({ticket.text for ticket in tickets}) == 5_000
    assert tickets[-1].id == "T5000"


def test_templates_without_enough_new_texts_end_in_an_error() -> None:
    """Asking for more texts than can be written stops and says how many there are."""
    template = Template("x", "en", "easy", "billing", ("invoice_pdf",), "Where is my invoice?")
    with pytest.raises(ValueError, match=r"yield 1 different texts, 2 are needed; ask for fewer"):
        demo_tickets._write_different([template], 2, random.Random(0))


@pytest.mark.parametrize("count", [0, -1])
def test_a_count_below_one_is_refused(count: int) -> None:
    """Nothing to do is a mistake in the call."""
    with pytest.raises(ValueError, match=rf"count must be at least 1, got {count}"):
        generate_tickets(count)


@pytest.mark.parametrize("share", [-0.01, 0.36, 1.0, float("nan")])
def test_a_repeat_share_out_of_bounds_is_refused(share: float) -> None:
    """The workload may not be flattered with more repeats than the docs allow."""
    with pytest.raises(ValueError, match=rf"between 0 and 0.35, got {share}"):
        generate_tickets(10, repeat_share=share)


def test_the_repeat_share_counts_every_text_after_its_first() -> None:
    """Three equal texts are two repeats, whatever their ids; no tickets repeat nothing."""
    one, other = generate_tickets(2, repeat_share=0)
    assert exact_repeat_share([one, other, one, one]) == 0.5
    assert exact_repeat_share([one, other]) == 0
    assert exact_repeat_share([]) == 0


def test_data_is_read_once_and_cannot_be_changed() -> None:
    """Callers share the records, so nobody may spoil them for the others."""
    assert load_templates() is load_templates()
    assert load_policies() is load_policies()
    with pytest.raises(TypeError):
        load_policies()["billing"] = load_policies()["returns"]  # pyright: ignore[reportIndexIssue]
