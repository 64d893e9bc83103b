"""What is foretold: a state of a column by which something has happened, such as `CDR>0`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from convscope.data.columns import MISSING_WORDS
from convscope.data.number_forms import NumberForm

_RULE = re.compile(r"\s*(?P<column>.+?)\s*(?:(?P<how>>=|<=|>|<|=)\s*(?P<value>.*?))?\s*")
EXPECTED = "a column, or one with a state such as CDR>0 or DX=Dementia|MCI"
_COMPARED: dict[str, Callable[[float, float], bool]] = {
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
}


@dataclass(frozen=True)
class EventRule:
    """When something has happened.

    Args:
        column: The column that says it.
        how: How the column is compared: `>`, `>=`, `<`, `<=` with a number, or `=` with one of some words.
        value: With what, as it was given.
    """

    column: str
    how: str = ">"
    value: str = "0"

    @classmethod
    def of(cls, text: str) -> EventRule:
        """Parses `CDR>0`, `DX=Dementia|MCI` and `converted`, which means above 0.

        Raises:
            ValueError: It is something else.

        Example:
            >>> EventRule.of("CDR >= 0.5")
            EventRule(column='CDR', how='>=', value='0.5')
        """
        found = _RULE.fullmatch(text)
        if found is None:
            raise ValueError(EXPECTED)
        if not found["how"]:
            return cls(found["column"])
        if not found["value"]:
            raise ValueError(EXPECTED)
        if found["how"] != "=":
            try:
                float(found["value"])
            except ValueError:
                raise ValueError(EXPECTED) from None
        return cls(found["column"], found["how"], found["value"])

    def __str__(self) -> str:
        return f"{self.column} {self.how} {self.value}"

    def holds(self, cell: object, numbers: NumberForm) -> bool | None:
        """Whether a cell says that it has happened; None where the cell is empty.

        Raises:
            ValueError: A number is expected and the cell is none.
        """
        text = "" if cell is None else str(cell).strip()
        if text in MISSING_WORDS:
            return None
        if self.how == "=":
            return text.lower() in {each.strip().lower() for each in self.value.split("|")}
        if text.lower() in ("true", "false"):
            text = str(int(text.lower() == "true"))
        found = numbers.number(text)
        if found is None:
            raise ValueError(f"expected a number, received {text[:40]!r}")
        return _COMPARED[self.how](found, float(self.value))


def is_rule(text: str) -> str | None:
    """What is expected of `--event`, for text that is no rule."""
    try:
        EventRule.of(text)
    except ValueError as error:
        return str(error)
    return None
