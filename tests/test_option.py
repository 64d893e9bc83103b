"""An option takes what Python and the command line give, and refuses the rest by its name."""

from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from convscope.errors import UsageError
from convscope.option import (
    Around,
    Choices,
    Counts,
    Multiples,
    Option,
    Steps,
    above,
    at_least,
    for_architecture,
    several_names,
    several_numbers,
    share,
    single,
    validated,
    whole_numbers,
    within,
)

TAKEN = [
    (Option("n", int, 1, ""), np.int64(3), 3),
    (Option("x", float, 1.0, ""), 2, 2.0),
    (Option("x", float, 1.0, ""), np.float32(0.5), 0.5),
    (Option("on", bool, False, ""), True, True),
    (Option("name", str, None, ""), None, None),
    (Option("file", Path, None, ""), Path("a") / "b", str(Path.cwd() / "a" / "b")),  # a resume elsewhere
    (Option("way", Literal["max", "mean"], "max", ""), "mean", "mean"),
    (Option("sizes", tuple[int, ...], None, "", parse=several_numbers), "8, 5,3", (8, 5, 3)),
    (Option("sizes", tuple[int, ...], None, "", parse=several_numbers), "8", (8,)),
    (Option("sizes", tuple[int, ...], None, "", parse=several_numbers), [8, 5], (8, 5)),
    (Option("count", Counts, None, "", parse=whole_numbers), "32", 32),
    (Option("count", Counts, None, "", parse=whole_numbers), "1,2", (1, 2)),
    (Option("count", Counts, None, "", parse=whole_numbers), 7, 7),
    (Option("names", tuple[str, ...], None, "", parse=several_names), "a, b,", ("a", "b")),
    (Option("names", tuple[str, ...], None, ""), ["a"], ("a",)),
]


@pytest.mark.parametrize(("option", "value", "expected"), TAKEN, ids=lambda value: repr(value)[:30])
def test_a_value_becomes_what_code_takes(option, value, expected):
    taken = option.validated(value)
    assert taken == expected
    assert type(taken) is type(expected)


REFUSED = [
    (Option("n", int, 1, ""), 1.5, "a whole number"),
    (Option("n", int, 1, ""), True, "a whole number"),
    (Option("n", int, 1, ""), None, "a whole number"),
    (Option("n", int, 1, "", at_least(1)), 0, "at least 1"),
    (Option("x", float, 1.0, "", above(0)), 0.0, "above 0"),
    (Option("x", float, 1.0, "", within(0, 0.5)), 0.6, r"in \[0, 0.5\]"),
    (Option("x", float, 1.0, "", share), float("nan"), r"in \[0, 1\)"),
    (Option("x", float, 1.0, ""), "1", "a number"),
    (Option("on", bool, False, ""), 1, "True or False"),
    (Option("way", Literal["max", "mean"], "max", ""), "min", "one of max, mean"),
    (Option("sizes", tuple[int, ...], None, "", parse=several_numbers), "8x5", "several such as 8,5,3"),
    (Option("sizes", tuple[int, ...], None, "", at_least(1)), (3, 0), "at least 1"),
    (Option("sizes", tuple[int, ...], None, ""), [], "whole numbers"),
    (Option("count", Counts, None, "", single(at_least(1))), (1, 2), "one whole number"),
    (Option("names", tuple[str, ...], None, ""), [1], "several names"),
]


@pytest.mark.parametrize(("option", "value", "expected"), REFUSED, ids=lambda value: repr(value)[:30])
def test_a_value_that_cannot_work_is_refused_by_name(option, value, expected):
    with pytest.raises(UsageError, match=f"{option.name} must be .*{expected}.*Received: {option.name}="):
        option.validated(value)


def test_an_unknown_name_is_refused_with_those_that_there_are():
    options = (Option("size", int, None, ""), Option("flip", bool, True, ""))
    assert validated(options, {"size": 3}, "it") == {"size": 3}
    with pytest.raises(UsageError, match="it does not support --max-size") as caught:
        validated(options, {"max_size": 3}, "it")
    assert caught.value.hint == "Its options: flip, size."


def test_options_of_other_architectures_are_left_out():
    depth = Option("depth", int, None, "").of(small=1, large=4)
    width = Option("width", int, None, "").of(large=64)
    size = Option("size", int, None, "")
    assert [each.name for each in for_architecture((depth, width, size), "small")] == ["depth", "size"]
    assert (depth.default, width.default) == (None, 64)


@pytest.mark.parametrize(
    ("tries", "default", "near"),
    [
        (Choices((1, 2)), None, (1, 2)),
        (Multiples((0.5, 2)), 5, (2, 10)),
        (Multiples((0.5, 2)), 0.5, (0.25, 1.0)),
        (Multiples((0.5,)), (128, 1), ((64, 1),)),
        (Multiples((2,)), "max", ()),
        (Multiples((2,)), True, ()),
        (Steps((-1, 2)), 3, (2, 5)),
        (Steps((1,)), 0.5, ()),
        (Steps((1,)), True, ()),
        (Around(4), 0.5, (0.125, 2.0)),
        (Around(4), 0.0, ()),
        (Around(4), None, ()),
    ],
)
def test_what_a_search_tries_follows_from_the_default(tries, default, near):
    assert tries.near(default) == near
