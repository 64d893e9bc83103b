"""What a user may set: one value from which flags, arguments, validation and listings are made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from convscope.errors import UsageError

Check = Callable[[Any], str | None]
"""Gives what is expected, such as `at least 1`, where a value is out of range; None where it is fine."""

Stage = Literal["read", "represent", "model", "train", "predict"]


@dataclass(frozen=True)
class Option:
    """One thing that a user may set.

    Args:
        name: As a Python argument, such as `max_length`; on the command line `--max-length`.
        type: `int`, `float`, `bool`, `str`, `Path`, or a `Literal` of strings.
        default: What holds where it is not given; None where it follows from the data or the architecture.
        help: One sentence without a period at the end.
        check: Refuses values that cannot work.
        predicts: Whether `predict` takes it too.
        common: Whether it belongs on the first screen of `convscope train --help`.
        parse: Turns the word of the command line into the value, where the type alone cannot.
    """

    name: str
    type: Any
    default: Any
    help: str
    check: Check | None = None
    predicts: bool = False
    common: bool = False
    parse: Callable[[str], Any] | None = None

    @property
    def flag(self) -> str:
        """How the command line spells it."""
        return f"--{self.name.replace('_', '-')}"

    def validated(self, value: Any) -> Any:
        """The value as code takes it.

        Raises:
            UsageError: It has another type, or is out of range.
        """
        if value is None:
            return None
        if self.parse is not None and isinstance(value, str):
            value = self.parse(value)
        elif self.parse is None:
            value = _typed(self, value)
        expected = self.check(value) if self.check is not None else None
        if expected is not None:
            raise UsageError(f"{self.name} must be {expected}. Received: {self.name}={value!r}.")
        return value


def validated(options: Iterable[Option], values: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """Checks values by name against the options that there are.

    Args:
        options: What may be set.
        values: What was set.
        owner: Who takes them, for the message, such as `image-classification`.

    Raises:
        UsageError: A name that no option has, or a value that cannot work.
    """
    known = {option.name: option for option in options}
    for name in values:
        if name not in known:
            flag = f"--{name.replace('_', '-')}"
            there = ", ".join(sorted(known)) or "none"
            raise UsageError(f"{owner} does not support {flag} ({name}).", f"Its options: {there}.")
    return {name: known[name].validated(value) for name, value in values.items()}


def at_least(least: float) -> Check:
    """Refuses smaller numbers."""
    return lambda value: None if value >= least else f"at least {least:g}"


def within(least: float, most: float) -> Check:
    """Refuses numbers outside of an interval that has both of its ends."""
    return lambda value: None if least <= value <= most else f"from {least:g} to {most:g}"


def _typed(option: Option, value: Any) -> Any:
    kind = option.type
    if get_origin(kind) is Literal:
        if value in get_args(kind):
            return value
        raise _mistyped(option, f"one of {', '.join(map(str, get_args(kind)))}", value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind is Path and isinstance(value, str):
        return Path(value)
    if kind is str and isinstance(value, Path):
        return str(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise _mistyped(option, {int: "a whole number", float: "a number", bool: "True or False"}.get(kind, kind.__name__), value)
    return value


def _mistyped(option: Option, expected: str, value: Any) -> UsageError:
    return UsageError(f"{option.name} must be {expected}. Received: {option.name}={value!r}.")
