"""Dataclasses that come back from JSON as they were, and JSON that is refused."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, Literal, TypedDict

import pytest

from convscope.errors import RunError
from convscope.json_values import Within, from_json, read_json


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


class Kept(TypedDict):
    path: str
    sizes: tuple[Annotated[int, Within(0)], ...]


@dataclass(frozen=True)
class Limited:
    rate: Annotated[int, Within(1, 100)]
    names: Annotated[tuple[str, ...], Within(1)] = ("a",)
    share: float = 0.5
    kept: Kept | None = None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"rate": 0}, "'rate' must be from 1 to 100. Received: 0"),
        ({"rate": 10**30}, "'rate' must be from 1 to 100"),
        ({"names": []}, "'names' must be of a length at least 1"),
        ({"share": float("nan")}, "'share' must be a finite number"),
        ({"share": 10**400}, "'share' must be a finite number"),
        ({"kept": {"path": "x"}}, "'kept' has no key 'sizes'"),
        ({"kept": {"path": "x", "sizes": [0, -1]}}, r"'sizes'\[1\] must be at least 0"),
    ],
)
def test_what_is_out_of_range_is_refused(change, says):
    with pytest.raises(RunError, match=says):
        from_json(Limited, {"rate": 8, **change}, "limits")


def test_a_typed_dictionary_is_read_without_keys_of_later_versions():
    read = from_json(Limited, {"rate": 8, "kept": {"path": "x", "sizes": [1], "new": 2}}, "limits")
    assert read.kept == {"path": "x", "sizes": (1,)}


def test_json_that_is_none_names_its_file(tmp_path):
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with pytest.raises(RunError, match=r"deep\.json is damaged: expected JSON, but it is nested too deeply"):
        read_json(tmp_path / "deep.json")
    with pytest.raises(RunError, match="no regular file"):
        read_json(tmp_path)
