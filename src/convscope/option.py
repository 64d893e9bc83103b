"""What a user may set: one value from which flags, arguments, validation and listings are made."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import wraps
from inspect import Parameter, signature
from math import isfinite
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

from convscope.errors import UsageError

Check = Callable[[Any], str | None]
"""Returns the expectation, such as `at least 1`, for a value that is out of range; None for a valid one."""

R = TypeVar("R")
Value = int | float | bool | str | tuple[int, ...] | tuple[float, ...] | tuple[str, ...] | None
"""What an option may be set to."""

Counts = int | tuple[int, ...]
"""One whole number, or several."""


@dataclass(frozen=True)
class Choices:
    """What a search tries beside the default: these values.

    Args:
        values: Of the option's type.
    """

    values: tuple[Value, ...]

    def near(self, default: Value) -> tuple[Value, ...]:
        """The values, whatever the default is."""
        return self.values


@dataclass(frozen=True)
class Multiples:
    """What a search tries beside the default: multiples of it; of several numbers each is multiplied.

    Args:
        factors: Whole numbers stay whole, rounded to the nearest and at least 1.
    """

    factors: tuple[float, ...]

    def near(self, default: Value) -> tuple[Value, ...]:
        """The multiples; none of a default that follows from the data, or is 0.

        Example:
            >>> Multiples((0.5, 2)).near((5, 3)), Multiples((2,)).near(None)
            (((2, 2), (10, 6)), ())
        """
        return tuple(found for factor in self.factors if (found := _multiple(default, factor)))


@dataclass(frozen=True)
class Steps:
    """What a search tries beside the default: whole numbers a few steps from it.

    Args:
        steps: What is added to the default.
    """

    steps: tuple[int, ...]

    def near(self, default: Value) -> tuple[Value, ...]:
        """The numbers; none around a default that follows from the data."""
        if isinstance(default, bool) or not isinstance(default, int):
            return ()
        return tuple(default + step for step in self.steps)


@dataclass(frozen=True)
class Around:
    """What a search tries beside the default: any number around it, evenly on a logarithmic scale.

    Args:
        factor: The interval reaches from the default divided by it to the default multiplied by it.
    """

    factor: float

    def near(self, default: Value) -> tuple[Value, ...]:
        """The two ends of the interval; none around a default that follows from the data, or is 0."""
        if isinstance(default, bool) or not isinstance(default, int | float) or default <= 0:
            return ()
        return default / self.factor, default * self.factor


Tries = Choices | Multiples | Steps | Around
"""What a search tries of an option, given its default."""


@dataclass(frozen=True)
class Option:
    """One setting.

    Args:
        name: Python argument, such as `max_length`; `--max-length` on the command line.
        type: `int`, `float`, `bool`, `str`, `Path`, a `Literal` of strings, `tuple[int, ...]`,
            `tuple[str, ...]` or `Counts`.
        default: Value if it is not given; None if it follows from the data or the architecture.
        help: One sentence without a period at the end.
        check: Refuses values that cannot work.
        predicts: Whether `predict` takes it too.
        common: Whether it belongs on the first screen of `convscope train --help`.
        parse: Turns a word of the command line into the value where the type alone cannot; raises
            `ValueError` with what is expected.
        defaults: For an option of architectures: the default of each architecture that takes it.
        aliases: Other names under which it is taken.
        folder: Whether a `Path` is that of a folder, such as a run; else that of a file.
        tries: What a search tries beside the default; None where it leaves the option alone.
    """

    name: str
    type: object
    default: Any
    help: str
    check: Check | None = None
    predicts: bool = False
    common: bool = False
    parse: Callable[[str], object] | None = None
    defaults: Mapping[str, object] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    folder: bool = False
    tries: Tries | None = None

    @property
    def flag(self) -> str:
        """Spelling on the command line."""
        return self.flags[0]

    @property
    def flags(self) -> tuple[str, ...]:
        """All spellings on the command line."""
        return tuple(f"--{name.replace('_', '-')}" for name in (self.name, *self.aliases))

    @property
    def choices(self) -> tuple[str, ...]:
        """The accepted words, for an option that has a fixed list of them."""
        return get_args(self.type) if get_origin(self.type) is Literal else ()

    def of(self, **defaults: object) -> Option:
        """The same option for some architectures, with the default of each."""
        values = list(defaults.values())
        shared = values[0] if all(value == values[0] for value in values) else None
        return replace(self, default=shared, defaults=defaults)

    def validated(self, value: Any) -> Any:
        """The value as code takes it. Paths become absolute, and text, so that `run.json` can hold them.

        Raises:
            UsageError: It has another type, or is out of range.
        """
        if value is None and self.default is None:
            return None
        typed = self._typed(value)
        expected = self.check(typed) if self.check is not None else None
        if expected is None and isinstance(typed, float) and not isfinite(typed):
            expected = "a finite number"
        if expected is not None:
            raise self._wrong(expected, value)
        return typed

    def _typed(self, value: Any) -> Any:
        if isinstance(value, str) and self.parse is not None:
            try:
                return self.parse(value)
            except ValueError as error:
                raise self._wrong(str(error), value) from None
        expected, convert = self._conversion()
        converted = convert(value)
        if converted is None:
            raise self._wrong(expected, value)
        return converted

    def _conversion(self) -> tuple[str, Callable[[Any], object]]:
        """What is expected, and a function to it that returns None for what cannot be converted."""
        if self.choices:
            return f"one of {', '.join(self.choices)}", lambda value: value if value in self.choices else None
        if self.type not in _CONVERSIONS:
            return "another type", lambda value: value
        return _CONVERSIONS[self.type]

    def _wrong(self, expected: str, value: object) -> UsageError:
        return UsageError(f"{self.name} must be {expected}. Received: {self.name}={value!r}.")


def taking_fields(of: type[object]) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Decorates a function whose second argument is a value of a dataclass: callers name the fields instead.

    Example:
        >>> @dataclass(frozen=True)
        ... class Asked:
        ...     encoding: str | None = None
        >>> @taking_fields(Asked)
        ... def read(path, asked, *, seed=0):
        ...     return path, asked.encoding, seed
        >>> read("data", encoding="latin-1")
        ('data', 'latin-1', 0)
    """
    fields = [each.replace(kind=Parameter.KEYWORD_ONLY) for each in signature(of).parameters.values()]
    names = {each.name for each in fields}

    def decorate(function: Callable[..., R]) -> Callable[..., R]:
        first, _, *others = signature(function).parameters.values()

        @wraps(function)
        def call(subject: object, **options: object) -> R:
            asked = of(**{name: options.pop(name) for name in names & set(options)})
            return function(subject, asked, **options)

        call.__signature__ = signature(function).replace(parameters=[first, *others, *fields])  # type: ignore[attr-defined]
        return call

    return decorate


def validated(options: Iterable[Option], values: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """Checks values by name against the options that exist.

    Args:
        options: What may be set.
        values: What was set.
        owner: Who takes them, for the message, such as `image-classification`.

    Raises:
        UsageError: A name that no option has, or a value that cannot work.
    """
    known = {option.name: option for option in options}
    values = by_first_name(known.values(), values)
    for name in values:
        if name not in known:
            flag = f"--{name.replace('_', '-')}"
            names = ", ".join(sorted(known)) or "none"
            raise UsageError(f"{owner} does not support {flag} ({name}).", f"Its options: {names}.")
    return {name: known[name].validated(value) for name, value in values.items()}


def by_first_name(options: Iterable[Option], values: Mapping[str, Any]) -> dict[str, Any]:
    """Values under the names of their options, also those that were given under another name."""
    names = {alias: option.name for option in options for alias in option.aliases}
    return {names.get(name, name): value for name, value in values.items()}


def for_architecture(options: Iterable[Option], architecture: str) -> tuple[Option, ...]:
    """The options that one architecture takes; those of the recipe itself have no `defaults` and stay."""
    return tuple(each for each in options if not each.defaults or architecture in each.defaults)


def at_least(least: float) -> Check:
    """Refuses smaller numbers, also among several."""
    return lambda value: None if all(each >= least for each in _each(value)) else f"at least {least:g}"


def above(least: float) -> Check:
    """Refuses numbers that are not larger."""
    return lambda value: None if value > least else f"above {least:g}"


def within(least: float, most: float) -> Check:
    """Refuses numbers outside of a closed interval."""
    return lambda value: None if least <= value <= most else f"in [{least:g}, {most:g}]"


def share(value: float) -> str | None:
    """Refuses numbers outside of [0, 1)."""
    return None if 0 <= value < 1 else "in [0, 1)"


def single(check: Check) -> Check:
    """Refuses several numbers where the type admits one or several."""
    return lambda value: check(value) if isinstance(value, int) else "one whole number"


def whole_numbers(text: str) -> Counts:
    """Parses `32` to a number, and `128,256,128` to several.

    Raises:
        ValueError: Other text.
    """
    if not re.fullmatch(r"\s*\d+\s*(,\s*\d+\s*)*", text):
        raise ValueError("a whole number such as 32, or several such as 8,5,3")
    numbers = tuple(int(part) for part in text.split(","))
    return numbers if len(numbers) > 1 else numbers[0]


def several_numbers(text: str) -> tuple[int, ...]:
    """Parses `8,5,3`.

    Raises:
        ValueError: Other text.
    """
    numbers = whole_numbers(text)
    return numbers if isinstance(numbers, tuple) else (numbers,)


def several_names(text: str) -> tuple[str, ...]:
    """Parses `altitude, mach`."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _multiple(default: Value, factor: float) -> Value:
    """A number, or several, times a factor."""
    if isinstance(default, tuple):
        numbers = [each for each in default if isinstance(each, int)]
        found = tuple(max(1, round(each * factor)) for each in numbers)
        return found if len(found) == len(default) else None
    if isinstance(default, bool | str | None):
        return None
    return max(1, round(default * factor)) if isinstance(default, int) else default * factor


def _each(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _whole(value: object) -> int | None:
    return int(value) if isinstance(value, Integral) and not isinstance(value, bool) else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, Real) and not isinstance(value, bool) else None


def _numbers(value: object) -> tuple[int, ...] | None:
    whole = [_whole(each) for each in value] if isinstance(value, list | tuple) else [_whole(value)]
    return tuple(each for each in whole if each is not None) if whole and None not in whole else None


def _counts(value: object) -> Counts | None:
    number = _whole(value)
    return _numbers(value) if number is None else number


def _names(value: object) -> tuple[str, ...] | None:
    listed = isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)
    return tuple(value) if listed and isinstance(value, list | tuple) else None


_CONVERSIONS: Mapping[object, tuple[str, Callable[[Any], object]]] = {
    int: ("a whole number", _whole),
    float: ("a number", _number),
    bool: ("True or False", lambda value: value if isinstance(value, bool) else None),
    str: ("text", lambda value: value if isinstance(value, str) else None),
    Path: ("a path", lambda value: str(Path(value).absolute()) if isinstance(value, str | Path) else None),
    Counts: ("a whole number or several", _counts),
    tuple[int, ...]: ("whole numbers", _numbers),
    tuple[str, ...]: ("several names", _names),
}
