"""Rows of unequal lengths come back as they went in, padded to one of few lengths."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convscope.data.token_rows import TokenRows, padded_length

ROWS = st.lists(st.lists(st.integers(1, 2**31 - 1), max_size=40), max_size=12)


@given(ROWS, st.randoms())
def test_rows_come_back_in_any_order(rows, random):
    made = TokenRows.of(rows)
    assert len(made) == len(rows)
    assert made.lengths.tolist() == [len(row) for row in rows]
    places = [random.randrange(len(rows)) for _ in range(5)] if rows else []
    taken = made.take(np.array(places, np.int64))
    assert taken.dtype == np.int32
    for padded, place in zip(taken, places, strict=True):
        row = rows[place]
        assert padded[: len(row)].tolist() == row == made.row(place).tolist()
        assert not padded[len(row) :].any()


def test_a_length_can_be_given():
    made = TokenRows.of([[1, 2, 3], []])
    assert made.take(np.arange(2), 5).tolist() == [[1, 2, 3, 0, 0], [0] * 5]


@pytest.mark.parametrize("longest", [*range(200), 1000, 12345])
def test_a_padded_length_holds_the_longest_and_wastes_little(longest):
    length = padded_length(longest)
    assert length >= max(8, longest)
    assert length <= max(8, longest + 8, 1.25 * longest)


def test_few_lengths_are_padded_to():
    assert len({padded_length(longest) for longest in range(1025)}) <= 24
