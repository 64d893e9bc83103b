"""Sentences are tagged in any company as alone."""

import keras
import numpy as np
import pytest

from convscope.data.token_rows import TokenRows
from convscope.kinds.registry import build
from convscope.kinds.text.tagging import recipe as tagging
from convscope.kinds.text.tagging.recipe import TaggedRow, tag_rows
from convscope.kinds.text.tagging.representation import CHARACTERS, TaggingRows

NAMES = ("O", "B-X", "I-X", "B-Y")
VOCABULARY, LETTERS = 30, 12


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    made = build("dilated_tagger", (None,), len(NAMES), vocabulary=VOCABULARY, characters=LETTERS, width=8)
    rng = np.random.default_rng(1)
    made.set_weights([weight + rng.normal(0, 0.3, weight.shape) for weight in made.get_weights()])
    return made


def rows_of(lengths, forms=200, seed=0):
    rng = np.random.default_rng(seed)
    characters = rng.integers(1, LETTERS, (forms + 1, CHARACTERS)).astype(np.int32)
    characters[np.arange(CHARACTERS) >= rng.integers(1, CHARACTERS + 1, (forms + 1, 1))] = 0
    words = rng.integers(1, VOCABULARY, forms + 1).astype(np.int32)
    casings = rng.integers(1, 8, forms + 1).astype(np.int32)
    for table in (characters, words, casings):
        table[0] = 0
    tokens = TokenRows.of([rng.integers(1, forms + 1, length) for length in lengths])
    return TaggingRows(tokens, words, characters, casings)


def expected(model, rows, index):
    """The best tags and their probabilities, from the model's own answer to this sentence."""
    x, length = rows.take(np.array([index])), int(rows.lengths[index])
    emissions, mask = model.emitter(x, training=False)
    best = np.asarray(keras.ops.convert_to_numpy(model.crf.viterbi(emissions, mask)))[0, :length]
    shares = np.asarray(keras.ops.convert_to_numpy(model(x)))[0]
    return tuple(NAMES[number] for number in best), shares[np.arange(length), best]


def test_each_sentence_has_the_answer_that_it_has_alone(model, monkeypatch):
    monkeypatch.setattr(tagging, "BATCH", 4)
    rows = rows_of([3, 9, 1, 17, 5, 9, 2, 30, 4])
    told = []
    found = tag_rows(model, rows, NAMES, lambda done, total, what: told.append((done, total, what)))
    assert told[-1] == (9, 9, "tagging")
    for index, answer in enumerate(found):
        tags, sure = expected(model, rows, index)
        assert answer.tags == tags
        np.testing.assert_allclose(answer.sure, sure, atol=1e-5)
    assert len({tag for answer in found for tag in answer.tags}) > 1


def test_a_sentence_without_words_has_no_tags(model):
    found = tag_rows(model, rows_of([0, 2]), NAMES)
    assert found[0] == TaggedRow((), ())
    assert len(found[1].tags) == 2
    assert tag_rows(model, rows_of([]), NAMES) == []
    assert tag_rows(model, rows_of([0]), NAMES) == [TaggedRow((), ())]
