from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives.devtools.findings.key_masking import without_keys

BODY = "q8Wz0LmP4xKc7VnB2RtY"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (f"k = 'sk-{BODY}'", f"k = 'sk-{'*' * 20}'"),
        (f"k = 'gsk_{BODY}' # why", f"k = 'gsk_{'*' * 20}' # why"),
        (f"'AIza{BODY}', 'hf_{BODY}'", f"'AIza{'*' * 20}', 'hf_{'*' * 20}'"),
        (f"C(api_key='{BODY}', n=1)", f"C(api_key='{'*' * 20}', n=1)"),
        (f'{{"apiKey": "{BODY}"}}', f'{{"apiKey": "{"*" * 20}"}}'),
        (f"environ['X_API_KEY'] = '{BODY}'", f"environ['X_API_KEY'] = '{'*' * 20}'"),
        (f"api_key: str = '{BODY}'", f"api_key: str = '{'*' * 20}'"),
    ],
    ids=["openai", "groq", "two", "argument", "json", "environment", "annotated"],
)
def test_what_looks_like_a_key_is_hidden(line: str, shown: str) -> None:
    """A key was shown because its rule had not run."""
    assert without_keys(line) == shown


@pytest.mark.parametrize(
    "line",
    [
        "client = OpenAI(api_key='EMPTY', timeout=3)",
        "api_key=os.environ['OPENAI_API_KEY_FOR_2_TEAMS']",
        "the task-scheduler-of-every-night-and-day is 'sk-'",
        "client = OpenAI(api_key=settings.openai_api_key_number_2)",
    ],
    ids=["placeholder", "environment", "word", "name"],
)
def test_other_source_is_shown_as_it_is(line: str) -> None:
    """The frame showed stars where the mistake was."""
    assert without_keys(line) == line


@given(
    st.text(st.sampled_from("sk-proj_AIza0123 '\"=:api_key"), max_size=80),
    st.lists(st.tuples(st.integers(0, 90), st.integers(0, 90)), max_size=3),
)
def test_hiding_keeps_the_length_and_is_done_once(line: str, places) -> None:
    """Columns of a finding pointed beside its place once keys were hidden."""
    shown = without_keys(line, places)
    assert len(shown) == len(line)
    assert without_keys(shown, places) == shown
    for start, end in places:
        assert set(shown[start:end]) <= set("*\"' ")
