"""Beam search: kept states and recomputed words agree, and no sentence depends on another."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

from convscope.data.token_rows import PADDING, UNKNOWN, TokenRows
from convscope.errors import UsageError
from convscope.kinds.text.translation.beam import BeamSettings, Translator
from convscope.kinds.text.translation.models import conv_seq2seq
from convscope.kinds.text.translation.representation import END, START

pytestmark = pytest.mark.portable

CLASSES = 12


@pytest.fixture(scope="module")
def model():
    """Small, with weights so large that its answers differ from word to word."""
    made = conv_seq2seq((None,), CLASSES, vocabulary=20, width=16, encoder_depth=1, decoder_depth=2)
    rng = np.random.default_rng(0)
    for variable in made.trainable_variables:
        variable.assign(rng.normal(0, 0.5, variable.shape))
    return made


def rows_of(*lengths, seed=0):
    rng = np.random.default_rng(seed)
    return TokenRows.of([np.append(rng.integers(4, 20, n), END) if n else [] for n in lengths])


ROWS = rows_of(3, 7, 0, 1, 7, 5)


def same(left, right):
    assert len(left) == len(right)
    for one, other in zip(left, right, strict=True):
        assert one.ids.tolist() == other.ids.tolist()
        assert one.score == pytest.approx(other.score, abs=1e-4)
        np.testing.assert_allclose(one.attention, other.attention, atol=1e-4)


@pytest.mark.parametrize("beam", [1, 5])
def test_kept_states_give_what_recomputing_gives(model, beam):
    kept = Translator(model, BeamSettings(beam))(ROWS)
    same(kept, Translator(model, BeamSettings(beam), cached=False)(ROWS))
    assert len({len(translation.ids) for translation in kept}) > 2


def test_no_translation_depends_on_what_else_is_translated(model):
    together = Translator(model)(ROWS)
    same(together, Translator(model, BeamSettings(batch_size=2))(ROWS))
    same([together[1]], Translator(model)([ROWS.row(1)]))


def log_probability(model, source, ids):
    """Of a translation, from the model as it is."""
    target = np.array([[START, *ids[:-1]]], np.int32)
    scores = model({"source": source[None], "target": target}, training=False)
    logs = np.asarray(ops.convert_to_numpy(ops.log_softmax(scores, axis=-1)))[0]
    return sum(logs[place, token] for place, token in enumerate(ids))


def test_the_score_is_the_mean_log_probability_that_the_model_gives(model):
    for index, translation in enumerate(Translator(model)(ROWS)):
        if len(translation.ids):
            expected = log_probability(model, ROWS.row(index), translation.ids) / len(translation.ids)
            assert translation.score == pytest.approx(expected, abs=1e-4)


def test_a_beam_as_wide_as_everything_finds_the_best_of_all(model):
    source = ROWS.row(0)
    settings = BeamSettings(beam=100, length_penalty=1.0, longest_ratio=0, longest_more=3)
    words = [token for token in range(CLASSES) if token not in (PADDING, UNKNOWN, START, END)]
    every = [(*middle, END) for n in (1, 2) for middle in itertools.product(words, repeat=n)]
    best = max(every, key=lambda ids: log_probability(model, source, ids) / len(ids))
    assert Translator(model, settings)([source])[0].ids.tolist() == list(best)


def test_translations_end_once_and_hold_no_padding_start_or_unfounded_unknown(model):
    settings = BeamSettings(beam=3, longest_ratio=0.5, longest_more=2)
    for index, translation in enumerate(Translator(model, settings)(ROWS)):
        tokens = int(ROWS.lengths[index])
        if not tokens:
            assert (len(translation.ids), translation.score, translation.attention.size) == (0, 0.0, 0)
            continue
        *words, last = translation.ids.tolist()
        assert last == END
        assert words
        assert not {PADDING, START, END, UNKNOWN} & set(words)
        assert len(translation.ids) <= settings.longest(tokens)
        assert translation.attention.shape == (len(translation.ids), tokens)
        np.testing.assert_allclose(translation.attention.sum(-1), 1, atol=1e-4)


def test_an_unknown_may_be_answered_where_the_source_has_one(model):
    bias = model.get_layer("target_embedding").bias
    before = np.asarray(ops.convert_to_numpy(bias))
    raised = before.copy()
    raised[UNKNOWN] += 100
    bias.assign(raised)
    try:
        known, unknown = Translator(model, BeamSettings(1))([[5, 6, END], [5, UNKNOWN, END]])
    finally:
        bias.assign(before)
    assert UNKNOWN not in known.ids
    assert UNKNOWN in unknown.ids


def test_nothing_to_translate_is_no_error(model):
    assert Translator(model)([]) == []
    assert [len(found.ids) for found in Translator(model)([[], []])] == [0, 0]


@pytest.mark.parametrize(
    "options", [{"beam": 0}, {"batch_size": 0}, {"longest_more": 0}, {"length_penalty": -1}]
)
def test_settings_that_cannot_work_are_errors(options):
    with pytest.raises(UsageError, match=next(iter(options))):
        BeamSettings(**options)


def test_another_model_is_an_error():
    other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    with pytest.raises(UsageError, match="conv_seq2seq"):
        Translator(other)
