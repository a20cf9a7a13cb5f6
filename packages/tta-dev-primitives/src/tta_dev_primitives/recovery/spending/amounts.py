"""What a budget counts: US dollars or tokens, as whole numbers."""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

from tta_dev_primitives.errors import ConfigurationError

Unit: TypeAlias = Literal["usd", "tokens"]

# A short embedding costs less than a millionth of a dollar, which would round to nothing.
SCALES: Final[dict[Unit, float]] = {"usd": 1e9, "tokens": 1.0}


class Measure:
    """Turn amounts into whole numbers and back, and read them off an answer.

    Args:
        unit: Dollars are counted in billionths, tokens whole.

    Raises:
        ConfigurationError: *unit* is not known.
    """

    def __init__(self, unit: Unit) -> None:
        if unit not in SCALES:
            msg = f"unit must be 'usd' or 'tokens', got {unit!r}"
            raise ConfigurationError(msg)
        self.unit: Unit = unit
        self.scale = SCALES[unit]
        self.read_off = cost_of if unit == "usd" else tokens_of

    def whole(self, amount: float, source: str) -> int:
        """Return *amount* as a whole number.

        Args:
            amount: Dollars or tokens.
            source: Which function of the user's gave it, for the error.

        Raises:
            ConfigurationError: It is no finite number from 0.
        """
        try:
            number = (amount * self.scale).__round__()
        except (AttributeError, TypeError, ValueError, OverflowError):
            number = -1
        if number < 0:
            msg = (
                f"{source} must return a number of {self.unit} from 0, or None where it is not "
                f"known; got {amount!r:.80}"
            )
            raise ConfigurationError(msg)
        return number

    def shown(self, number: int) -> str:
        """Return the amount that *number* stands for, for people to read."""
        if self.unit == "tokens":
            return f"{number} tokens"
        return f"${number / self.scale:.9f}".rstrip("0").rstrip(".")


def cost_of(result: Any, _: object) -> float | None:  # Any: whatever a step returns
    """Return what an answer says it cost."""
    return getattr(result, "cost", None)


def tokens_of(result: Any, _: object) -> int | None:  # Any: whatever a step returns
    """Return the tokens of an answer; zeros are how an answer says that it does not know."""
    usage = getattr(result, "usage", None)
    counts = (getattr(usage, field, None) for field in ("input_tokens", "output_tokens"))
    return sum(count for count in counts if count) or None
