from __future__ import annotations

from tta_dev_primitives.devtools.cost_advice.advice import Part
from tta_dev_primitives.devtools.cost_advice.largest_parts import LargestParts
from tta_dev_primitives.devtools.cost_advice.place_names import NO_PLACE, OTHER, BoundedNames


def test_parts_are_added_up_and_the_largest_come_first() -> None:
    """The largest part is the one that came last."""
    parts: LargestParts[str] = LargestParts()
    for name, dollars in [("a", 1.0), ("b", 5.0), ("a", 1.0), ("c", 3.0), ("d", 0.5), ("e", 0.0)]:
        parts.add(name, dollars, f"text of {name}")
    assert parts.largest() == (
        Part("text of b", 1, 5.0),
        Part("text of c", 1, 3.0),
        Part("text of a", 2, 2.0),
    )
    assert parts.heaviest() == "b"
    assert parts.complete


def test_heavy_part_is_found_among_any_number_of_light_ones() -> None:
    """Memory is bounded by forgetting what weighs most."""
    parts: LargestParts[int] = LargestParts(room=10)
    for number in range(1_000):
        parts.add(number, 1.0, "light")
        parts.add(-1, 2.0, "heavy")
    assert parts.largest(1) == (Part("heavy", 1_000, 2_000.0),)
    assert len(parts._parts) <= 20
    assert not parts.complete


def test_names_beyond_the_bound_are_taken_together() -> None:
    """An app that names places by request fills the memory."""
    names = BoundedNames(2)
    assert [names.of(name) for name in ("a", "b", "c", None, "a")] == [
        "a", "b", OTHER, NO_PLACE, "a",
    ]  # fmt: skip
    assert names.pooled
