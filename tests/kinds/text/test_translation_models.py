"""The translation model: its loss, its masks, its file, and that it learns."""

import keras
import numpy as np
import pytest
from keras import ops

from convscope.errors import UsageError
from convscope.kinds.text.translation.loss import TokenAccuracy, TokenLoss, token_loss
from convscope.kinds.text.translation.models import conv_seq2seq
from convscope.kinds.text.translation.representation import start_shifted

pytestmark = pytest.mark.portable

SIZES = {"vocabulary": 20, "width": 16, "encoder_depth": 2, "decoder_depth": 2, "positions": 32}


def made(seed=0, **options):
    keras.utils.set_random_seed(seed)
    model = conv_seq2seq((None,), 18, **{**SIZES, **options})
    rng = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        if "bias" in variable.path or "position" in variable.path:  # else what they do would not be seen
            variable.assign(rng.normal(0, 0.3, variable.shape))
    return model


@pytest.fixture(scope="module")
def model():
    return made()


def batch(rows=3, length=8, seed=0):
    rng = np.random.default_rng(seed)
    source = rng.integers(4, 20, (rows, length)).astype(np.int32)
    answers = rng.integers(4, 18, (rows, length)).astype(np.int32)
    source[1, 5:] = 0
    answers[1, 3:] = 0
    return {"source": source, "target": start_shifted(answers)}, answers


def answer(model, inputs):
    return np.asarray(ops.convert_to_numpy(model(inputs, training=False)))


def test_scores_have_a_row_for_each_target_position(model):
    x, _ = batch()
    assert answer(model, x).shape == (3, 8, 18)
    assert answer(model, x).dtype == np.float32


def test_an_answer_does_not_depend_on_padding_or_the_batch(model):
    x, _ = batch()
    whole = answer(model, x)
    alone = answer(model, {"source": x["source"][1:2, :5], "target": x["target"][1:2, :3]})
    np.testing.assert_allclose(whole[1, :3], alone[0], atol=1e-5)
    longer = {name: np.pad(ids, [(0, 0), (0, 7)]) for name, ids in x.items()}
    np.testing.assert_allclose(answer(model, longer)[0, :8], whole[0], atol=1e-5)


def test_a_word_depends_on_no_later_word(model):
    x, _ = batch()
    before = answer(model, x)
    changed = {**x, "target": x["target"].copy()}
    changed["target"][0, 5] = 17
    after = answer(model, changed)
    np.testing.assert_allclose(after[0, :5], before[0, :5], atol=1e-5)
    assert np.abs(after[0, 5:] - before[0, 5:]).max() > 1e-3


def test_every_source_word_counts(model):
    x, _ = batch()
    before = answer(model, x)
    for place in range(5):
        changed = {**x, "source": x["source"].copy()}
        changed["source"][1, place] = 4 + (changed["source"][1, place] - 3) % 16
        assert np.abs(answer(model, changed)[1, :3] - before[1, :3]).max() > 1e-4


def test_the_default_for_multi30k_stays_below_twelve_million():
    assert conv_seq2seq((None,), 6000, 8000).count_params() == 8_256_624


def test_the_attention_of_each_layer_can_be_read(model):
    x, _ = batch()
    looks = [model.get_layer(f"decoder{number}_attention").output[1] for number in (1, 2)]
    for tensor in keras.Model(model.input, looks)(x):
        weights = np.asarray(ops.convert_to_numpy(tensor))
        assert weights.shape == (3, 8, 8)
        np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-5)
        assert weights[1, :, 5:].max() < 1e-6


def reference_loss(answers, scores, smoothing):
    log = scores - np.log(np.exp(scores).sum(-1, keepdims=True))
    total = []
    for row, position in zip(*np.nonzero(answers), strict=True):
        right = log[row, position, answers[row, position]]
        total.append(-(1 - smoothing) * right - smoothing * log[row, position].mean())
    return np.mean(total)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_the_smoothed_cross_entropy_of_what_is_no_padding(model, smoothing):
    x, answers = batch()
    scores = answer(model, x)
    found = float(token_loss(ops.convert_to_tensor(answers), ops.convert_to_tensor(scores), smoothing))
    assert found == pytest.approx(reference_loss(answers, scores, smoothing), rel=1e-5)


def test_smoothing_is_for_training_and_padding_for_nothing():
    model = made(dropout=0.0)
    model.compile(optimizer=keras.optimizers.SGD(0.0), loss=TokenLoss(0.1), metrics=[TokenAccuracy()])
    x, answers = batch()
    scores = answer(model, x)
    judged = model.test_on_batch(x, answers, return_dict=True)
    assert judged["loss"] == pytest.approx(reference_loss(answers, scores, 0.0), rel=1e-4)
    right = (scores.argmax(-1) == answers)[answers != 0]
    assert judged["accuracy"] == pytest.approx(right.mean(), abs=1e-6)
    trained = model.train_on_batch(x, answers, return_dict=True)
    assert trained["loss"] == pytest.approx(reference_loss(answers, scores, 0.1), rel=1e-4)


def test_a_batch_of_nothing_but_padding_has_no_loss():
    nothing = np.zeros((1, 2), np.int32)
    assert float(token_loss(nothing, np.zeros((1, 2, 5), np.float32), 0.1)) == 0


def test_a_saved_model_loads_and_trains_on(tmp_path):
    model = made()
    model.compile(optimizer="adam", loss=TokenLoss(0.1), metrics=[TokenAccuracy()])
    x, answers = batch()
    model.train_on_batch(x, answers)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    assert type(loaded) is type(model)
    np.testing.assert_allclose(answer(loaded, x), answer(model, x), atol=1e-6)
    assert loaded.loss.label_smoothing == 0.1
    assert np.isfinite(loaded.train_on_batch(x, answers)[0])


def test_it_learns_to_copy():
    model = made(dropout=0.0, width=32)
    model.compile(optimizer=keras.optimizers.Adam(5e-3), loss=TokenLoss(0.0), metrics=[TokenAccuracy()])
    rng = np.random.default_rng(0)
    for _ in range(60):
        answers = rng.integers(4, 18, (32, 6)).astype(np.int32)
        model.train_on_batch({"source": answers, "target": start_shifted(answers)}, answers)
    judged = model.test_on_batch(
        {"source": answers, "target": start_shifted(answers)}, answers, return_dict=True
    )
    assert judged["accuracy"] > 0.8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel_size": 2}, "kernel_size must be odd"),
        ({"width": 0}, "width must be at least 1"),
        ({"dropout": 1.0}, "dropout"),
        ({"vocabulary": 3}, "Vocabularies"),
    ],
)
def test_sizes_that_cannot_work_are_errors(options, message):
    with pytest.raises(UsageError, match=message):
        conv_seq2seq((None,), 18, **{**SIZES, **options})
    with pytest.raises(UsageError, match="rows of ids"):
        conv_seq2seq((8, 8, 1), 18)
