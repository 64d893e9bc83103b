"""Frozen dataclasses as the plain values that JSON holds, and back, with every type and range checked."""

from __future__ import annotations

import json
import math
import stat
import types
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Literal,
    NoReturn,
    Self,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from convscope.errors import RunError, UsageError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")

JSON_BYTES = 2**30
"""The largest file of JSON that is read."""

_PLAIN: dict[object, str] = {int: "an integer", float: "a number", str: "a string", bool: "true or false"}


@dataclass(frozen=True)
class Within:
    """The range of a number, or of the length of a string or array: `Annotated[int, Within(1, 100)]`.

    Args:
        low: The smallest value.
        high: The largest value; no bound if None.
    """

    low: float
    high: float | None = None

    def check(self, value: object, place: str) -> None:
        """Refuses what is out of range.

        Raises:
            ValueError: It is; the message says where.
        """
        is_number = isinstance(value, int | float)
        size: float = cast("Any", value) if is_number else len(cast("Any", value))
        if size < self.low or (self.high is not None and size > self.high):
            what = "" if is_number else "of a length "
            span = f"at least {self.low:g}" if self.high is None else f"from {self.low:g} to {self.high:g}"
            _refuse(f"{what}{span}", value, place)


def parse_json(text: str | bytes, where: str) -> Any:
    """Plain values from JSON.

    Args:
        text: As it was read.
        where: The file, for the message.

    Raises:
        RunError: It is no JSON, or one that is nested too deeply.
    """
    try:
        plain = json.loads(text)
        escaped = b"\\ud" in text.lower() if isinstance(text, bytes) else "\\ud" in text.lower()
        if escaped:
            json.dumps(plain, ensure_ascii=False).encode()  # halves of surrogate pairs are no text
        return plain
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise RunError(f"{where} is damaged: expected JSON, but {reason}.") from error


def read_json(path: Path) -> Any:
    """Plain values from a file of JSON.

    Raises:
        FileNotFoundError: There is none.
        RunError: It is no regular file of at most `JSON_BYTES`, cannot be read, or holds no JSON.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise RunError(f"{path} is no regular file.")
        if found.st_size > JSON_BYTES:
            raise RunError(f"{path} has {found.st_size:,} bytes, expected at most {JSON_BYTES:,}.")
        content = path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror or error}.") from error
    return parse_json(content, str(path))


def to_json(value: DataclassInstance) -> dict[str, object]:
    """The fields of a dataclass by name, dataclasses within it as dictionaries and tuples as lists.

    Example:
        >>> from convscope.types import Axis
        >>> to_json(Axis(filled=(1, 2)))
        {'places': None, 'unit': 'step', 'variables': [], 'filled': [1, 2]}
    """
    return {name: _listed(each) for name, each in asdict(value).items()}


class Plain:
    """A frozen dataclass that JSON keeps: its fields, and beside them what it is and of which version.

    A subclass sets `_WHAT`, what it is called in messages; `_KEPT`, keys beside its fields with the only
    value that each may have; and `_HINT`, what to do about one that cannot be read.
    """

    _WHAT: ClassVar[str]
    _KEPT: ClassVar[Mapping[str, object]] = {}
    _HINT: ClassVar[str] = ""

    def to_json(self) -> dict[str, object]:
        """Plain values by name, which `json` can write and `from_json` reads."""
        return {**self._KEPT, **to_json(cast("DataclassInstance", self))}

    @classmethod
    def from_json(cls, plain: object) -> Self:
        """Reads what `to_json` wrote.

        Raises:
            RunError: A key is missing or unknown, or a value is another or has another type.
        """
        if cls._KEPT:
            return from_saved(cls, plain, cls._WHAT, cls._KEPT)
        return from_json(cls, plain, cls._WHAT, cls._HINT)


def _listed(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _listed(each) for key, each in value.items()}
    return [_listed(each) for each in value] if isinstance(value, list | tuple) else value


def from_json(cls: type[T], plain: object, what: str, hint: str = "") -> T:
    """Builds a dataclass from what `dataclasses.asdict` and `json` made of it.

    Args:
        cls: The dataclass, or a `TypedDict`; its fields are finite numbers, strings, booleans, None,
            literals, tuples, mappings with string keys, dataclasses and typed dictionaries of these, and
            any of them `Annotated` with the range `Within(low, high)`.
        plain: The parsed JSON.
        what: What it should be, for the message, such as `classification metrics`.
        hint: What to do about it.

    Raises:
        RunError: A key is missing or unknown, or a value has another type or is out of range.

    Example:
        >>> from convscope.types import Skipped
        >>> from_json(Skipped, {"path": "a.png", "reason": "empty"}, "a skipped file")
        Skipped(path='a.png', reason='empty')
    """
    try:
        return cast(T, _read(cls, plain, "the value"))
    except ValueError as error:
        raise RunError(f"Expected {what}, but {error}.", hint) from error


def from_saved(cls: type[T], saved: object, what: str, expected: Mapping[str, object]) -> T:
    """Builds a dataclass from a saved object that also says what it is and of which version.

    Args:
        cls: As `from_json` takes it; its constructor may refuse values with a `UsageError`.
        saved: The parsed JSON.
        what: What it should be, for the message, such as `image representation`.
        expected: Keys that are no fields, with the only value that each may have.

    Raises:
        RunError: A key is missing or unknown, or a value is another or has another type.

    Example:
        >>> from convscope.types import Skipped
        >>> from_saved(Skipped, {"version": 1, "path": "a.png", "reason": "empty"}, "file", {"version": 1})
        Skipped(path='a.png', reason='empty')
    """
    if not isinstance(saved, Mapping):
        raise RunError(f"{what}: expected a mapping, received {type(saved).__name__}")
    try:
        for key, value in expected.items():
            if saved.get(key) != value:
                _refuse(repr(value), saved.get(key), f"'{key}'")
        rest = {key: value for key, value in saved.items() if key not in expected}
        return cast(T, _read(cls, rest, "the value"))
    except (ValueError, UsageError) as error:
        raise RunError(f"{what}: {error}") from error


def _read(kind: object, value: object, place: str) -> object:
    """The value as the type wants it.

    Raises:
        ValueError: It cannot be; the message says where.
    """
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        read = _read(inner[0], value, place)
        for limits in inner[1:]:
            limits.check(read, place)
        return read
    if is_typeddict(kind) or (is_dataclass(kind) and isinstance(kind, type)):
        return _read_object(cast(type, kind), value, place)
    if origin in (Union, types.UnionType):
        return _read_union(inner, value, place)
    if origin is tuple:
        return _read_tuple(inner, value, place)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _read_mapping(inner[1], value, place)
    return _read_plain(kind, value, place)


def _read_plain(kind: object, value: object, place: str) -> object:
    choices = get_args(kind) if get_origin(kind) is Literal else None
    if kind is float and type(value) in (int, float):
        return _finite(cast(float, value), place)
    expected = _PLAIN.get(kind) if choices is None else f"one of {', '.join(map(str, choices))}"
    if expected is not None and not (type(value) is kind if choices is None else value in choices):
        _refuse(expected, value, place)
    return value


def _finite(value: float, place: str) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        _refuse("a finite number", value, place)
    return number


def _read_mapping(kind: object, value: object, place: str) -> object:
    if not isinstance(value, Mapping):
        _refuse("an object", value, place)
    return {str(key): _read(kind, each, f"'{key}'") for key, each in value.items()}


def _read_object(kind: type, value: object, place: str) -> object:
    """A dataclass, which has no other keys, or the dictionary that a `TypedDict` describes.

    Other keys in a dictionary, such as a later version may add, are left out.
    """
    if not isinstance(value, Mapping):
        _refuse("an object", value, place)
    hints = get_type_hints(kind, include_extras=True)
    if is_typeddict(kind):
        required: frozenset[str] = kind.__required_keys__  # type: ignore[attr-defined]
        names, make = list(hints), cast("type[Any]", dict)
    else:
        known = {each.name: each for each in fields(kind)}
        required = frozenset(
            name
            for name, each in known.items()
            if each.default is MISSING and each.default_factory is MISSING
        )
        names, make = list(known), kind
        for name in value:
            if name not in known:
                raise ValueError(f"{place} has the unknown key '{name}'")
    for name in names:
        if name in required and name not in value:
            raise ValueError(f"{place} has no key '{name}'")
    return make(**{name: _read(hints[name], value[name], f"'{name}'") for name in names if name in value})


def _read_union(kinds: tuple[object, ...], value: object, place: str) -> object:
    if value is None and type(None) in kinds:
        return None
    *first, last = [kind for kind in kinds if kind is not type(None)]
    for kind in first:
        try:
            return _read(kind, value, place)
        except ValueError:
            continue
    return _read(last, value, place)


def _read_tuple(kinds: tuple[object, ...], value: object, place: str) -> object:
    if not isinstance(value, list | tuple):
        _refuse("an array", value, place)
    values: list[object] = list(value)
    if len(kinds) == 2 and kinds[1] is ...:
        kinds = (kinds[0],) * len(values)
    if len(kinds) != len(values):
        _refuse(f"an array of {len(kinds)}", values, place)
    pairs = enumerate(zip(kinds, values, strict=True))
    return tuple(_read(kind, each, f"{place}[{number}]") for number, (kind, each) in pairs)


def _refuse(expected: str, value: object, place: str) -> NoReturn:
    shown = repr(value)
    shown = shown if len(shown) <= 40 else f"{shown[:37]}..."
    raise ValueError(f"{place} must be {expected}. Received: {shown}")
