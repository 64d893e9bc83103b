"""Words go with their pieces, and a new word is known by the pieces that it shares with others."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convscope.data.splits import Split
from convscope.data.token_rows import UNKNOWN
from convscope.errors import RunError
from convscope.kinds.text.classification.spelled_representation import (
    MOST_PIECES,
    SpelledRepresentation,
    pieces_of,
)
from convscope.kinds.text.readers.sources import Texts

TRAIN = ("The singer was singing .", "A swimmer swims ; the singer sings .", "Walking and talking .")


def texts(*given):
    return Texts("", tuple(f"text#{n}" for n in range(len(given))), given)


@pytest.fixture(scope="module")
def fitted():
    return SpelledRepresentation.fit(Split(texts(*TRAIN), np.zeros(3, np.int64)))[0]


def spelled(fitted, text):
    """The pieces of each word that have an id, and the id of each word."""
    rows = fitted.encode(texts(text)).take(np.array([0]))[0]
    first = len(fitted.words)
    rows = rows[rows.any(axis=1)]
    return [(int(row[0]), [fitted.pieces[i - first] for i in row[1:] if i]) for row in rows]


@given(st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1, max_size=12))
def test_pieces_are_runs_of_the_marked_word(word):
    pieces = list(pieces_of(word))
    assert all(piece in f"<{word}>" and 3 <= len(piece) <= 6 for piece in pieces)
    assert f"<{word}>" not in pieces
    assert [len(piece) for piece in pieces] == sorted(len(piece) for piece in pieces)


def test_known_words_have_their_id_and_shared_pieces(fitted):
    (number, pieces), *_ = spelled(fitted, "singer")
    assert fitted.words[number] == "singer"
    assert {"<si", "sing", "<sing"} <= set(pieces)
    assert "swi" not in pieces


def test_a_new_word_is_unknown_but_for_its_pieces(fitted):
    ((number, pieces),) = spelled(fitted, "Sinking")
    assert number == UNKNOWN
    assert {"<si", "ing", "king>", "ing>"} <= set(pieces)


def test_a_piece_that_one_word_has_is_none(fitted):
    assert not [piece for piece in fitted.pieces if piece.startswith("tal")]


def test_a_long_word_keeps_so_many_pieces_and_no_more(fitted):
    rows = fitted.encode(texts("singing" * 20)).take(np.array([0]))
    assert rows.shape[-1] == 1 + MOST_PIECES
    assert np.count_nonzero(rows) <= 1 + MOST_PIECES


def test_rows_are_padded_and_an_empty_text_is_one_unknown_word(fitted):
    rows = fitted.encode(texts("", "a singer sings ."))
    assert rows.lengths.tolist() == [1, 4]
    taken = rows.take(np.array([0, 1]))
    assert taken.shape == (2, 8, 1 + MOST_PIECES)
    assert taken[0, 0, 0] == UNKNOWN
    assert not taken[0, 1:].any()
    np.testing.assert_array_equal(rows.packed(np.array([1]), 16)[0, :8], taken[1])


def test_it_comes_back_from_json(fitted):
    again = SpelledRepresentation.from_json(json.loads(json.dumps(fitted.to_json())))
    assert again == fitted
    assert spelled(again, TRAIN[1]) == spelled(fitted, TRAIN[1])


@pytest.mark.parametrize(
    "damage", [{"pieces": None}, {"pieces": ["a", "a"]}, {"version": 9}, {"divided": {}}]
)
def test_damaged_json_is_told(fitted, damage):
    with pytest.raises(RunError):
        SpelledRepresentation.from_json({**fitted.to_json(), **damage})


def test_every_id_has_a_vector(fitted):
    most = fitted.sizes["vocabulary"]
    assert fitted.encode(texts(*TRAIN)).table.max() < most
    assert fitted.example(3).max() < most
