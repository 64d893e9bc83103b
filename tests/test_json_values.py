"""Dataclasses that come back from JSON as they were, and JSON that is refused."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

import pytest

from convscope.errors import RunError
from convscope.json_values import from_json


@dataclass(frozen=True)
class Part:
    name: str
    size: float


@dataclass(frozen=True)
class Whole:
    count: int
    parts: tuple[Part, ...]
    shape: tuple[int, str]
    form: Literal["a", "b"] = "a"
    limit: float | None = None
    by_name: Mapping[str, Part] = field(default_factory=dict)
    open: bool = False


WHOLE = Whole(3, (Part("x", 0.5), Part("y", 2.0)), (1, "one"), "b", 1.5, {"z": Part("z", 1.0)}, True)


def test_what_was_written_is_read():
    assert from_json(Whole, json.loads(json.dumps(asdict(WHOLE))), "a whole") == WHOLE
    assert from_json(Whole, {"count": 0, "parts": [], "shape": [1, ""]}, "a whole") == Whole(0, (), (1, ""))
    assert from_json(Part, {"name": "x", "size": 2}, "a part").size == 2.0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"count": "3"}, "Expected a whole, but 'count' must be an integer. Received: '3'"),
        ({"count": True}, "must be an integer"),
        ({"count": 1.5}, "must be an integer"),
        ({"parts": {}}, "'parts' must be an array"),
        ({"parts": [{"name": "x"}]}, r"'parts'\[0\] has no key 'size'"),
        ({"parts": [{"name": 1, "size": 1}]}, "'name' must be a string"),
        ({"shape": [1]}, "array of 2"),
        ({"form": "c"}, "one of a, b"),
        ({"limit": "none"}, "'limit' must be a number"),
        ({"by_name": []}, "must be an object"),
        ({"open": 1}, "true or false"),
        ({"more": 1}, "unknown key 'more'"),
    ],
)
def test_what_does_not_fit_is_refused(change, says):
    with pytest.raises(RunError, match=says):
        from_json(Whole, {**asdict(WHOLE), **change}, "a whole")


def test_a_missing_key_and_no_object_are_refused():
    with pytest.raises(RunError, match="no key 'count'"):
        from_json(Whole, {}, "a whole", "Train again.")
    with pytest.raises(RunError, match="must be an object"):
        from_json(Whole, [], "a whole")
