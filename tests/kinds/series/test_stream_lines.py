"""Lines of a stream: what is a row, what is not, and that nothing ends it."""

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convscope.kinds.series.anomaly.stream import LineReader, Malformed, Row

check = functools.partial(settings, deadline=None, derandomize=True, database=None)


def read(*lines, variables=("x", "y"), **options):
    reader = LineReader(variables, **options)
    return [reader.read(line) for line in lines]


def values(*lines, **options):
    return [row.values.tolist() for row in read(*lines, **options) if isinstance(row, Row)]


def test_without_a_header_fields_are_values_with_a_time_before_them_or_not():
    first, second, third = read("1,2\n", "2026-01-01,3,4\r\n", "5,6")
    assert (first.time, first.values.tolist()) == (None, [1, 2])
    assert (second.time, second.values.tolist()) == ("2026-01-01", [3, 4])
    assert third.values.dtype == np.float32


def test_a_header_says_which_field_is_which():
    header, row = read("y,when,other,timestamp,x", "1,a,b,2026-01-01,2")
    assert header is None
    assert (row.time, row.values.tolist()) == ("2026-01-01", [2, 1])
    _, row = read("y,when,x", "1,a,2", time_column="when")
    assert row.time == "a"


def test_columns_that_are_not_used_are_known_from_the_header():
    reader = LineReader(("x", "y"))
    reader.read("y,when,other,timestamp,x")
    assert reader.ignored == ("when", "other")


def test_numbers_that_name_variables_are_no_header():
    assert values("1,2", "3,4", variables=("1", "2")) == [[1, 2], [3, 4]]


@pytest.mark.parametrize("mark", ["\t", ";", ","])
def test_the_first_line_says_what_separates_fields(mark):
    assert values(f"1{mark}2", f"3{mark}4") == [[1, 2], [3, 4]]


@pytest.mark.parametrize("field", ["", "nan", "NaN", "NA", "null", "inf", "-inf", "1e999", "1e39"])
def test_what_is_no_finite_number_is_missing(field):
    (row,) = values(f"1,{field}")
    assert row[0] == 1
    assert np.isnan(row[1])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("1", "expected 2 values"),
        ("t,1,2,3", "received 4"),
        ("1,two", "expected a number for 'y', received 'two'"),
        ('"1,2', "expected 2 values"),
        ("x" * (2**20 + 1), "characters"),
    ],
)
def test_a_malformed_line_says_what_was_expected_and_the_next_one_is_read(line, said):
    first, bad, good = read("1,2", line, "3,4")
    assert isinstance(first, Row)
    assert isinstance(bad, Malformed)
    assert said in bad.reason
    assert good.values.tolist() == [3, 4]


def test_behind_a_header_a_row_has_as_many_fields():
    _, bad, good = read("time,x,y,z", "t,1,2", "t,1,2,3")
    assert "expected 4 fields, received 3" in bad.reason
    assert good.values.tolist() == [1, 2]


def test_empty_lines_and_the_mark_of_a_byte_order_are_nothing():
    assert read("", "  \n", "\ufeff1,2")[2].values.tolist() == [1, 2]
    assert values('"a, b",1,2') == [[1, 2]]


@check(max_examples=300)
@given(st.lists(st.text(max_size=30) | st.sampled_from(["x,y", "1,2", "t,1,2", '"', "1;2"]), max_size=8))
def test_any_text_is_a_row_or_malformed_or_nothing(lines):
    for found in read(*lines):
        assert found is None or isinstance(found, Malformed) or found.values.shape == (2,)
