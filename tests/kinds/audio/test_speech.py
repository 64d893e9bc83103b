"""The architecture for speech: padding, limits of what a frame depends on, and a training step."""

import keras
import numpy as np
import pytest
from keras import ops

from convscope.errors import UsageError
from convscope.kinds.audio.speech.models import SpeechModel, ctc_loss
from convscope.kinds.registry import build
from convscope.scope.geometry.geometry import geometries
from convscope.scope.graph.graph import trace

pytestmark = pytest.mark.portable

RATE, UNIT = 2000, 40
SMALL = {"rate": RATE, "mels": 8, "kernel_sizes": (3, 5), "depth": 2, "width": 8}


@pytest.fixture(scope="module")
def model():
    """A model whose statistics are no longer those that it begins with."""
    keras.utils.set_random_seed(0)
    made = build("separable_ctc", (None,), 5, **SMALL)
    rng = np.random.default_rng(0)
    for weight in made.weights:
        if "moving_mean" in weight.path or "beta" in weight.path:
            weight.assign(rng.normal(0, 0.3, weight.shape))
    return made


def waves(*lengths):
    rng = np.random.default_rng(1)
    return [rng.normal(0, 0.3, length).astype(np.float32) for length in lengths]


def together(several, length):
    return np.stack([np.pad(wave, (0, length - len(wave))) for wave in several])


def answers(model, rows):
    return ops.convert_to_numpy(model(rows, training=False))


def frames(wave):
    return -(-len(wave) // UNIT)


def test_a_fiftieth_of_a_second_has_the_probability_of_each_character(model):
    shares = answers(model, together(waves(2000), 2000))
    assert shares.shape == (1, 50, 5)
    np.testing.assert_allclose(shares.sum(-1), 1, atol=1e-5)


def test_padding_changes_no_answer(model):
    several = waves(1999, 1301, 640, 41, 40, 1)
    padded = answers(model, together(several, 3001))
    for wave, row in zip(several, padded, strict=True):
        alone = answers(model, wave[None])
        assert alone.shape[1] == frames(wave)
        np.testing.assert_allclose(row[: frames(wave)], alone[0], atol=1e-5)


def test_a_frame_depends_on_what_its_receptive_field_says_and_on_nothing_else(model):
    (wave,) = waves(4000)
    graph = trace(model)
    reach = geometries(graph)[graph.calls[-1].path].dependencies[0]
    assert (reach.period, reach.advance) == (1, UNIT)
    before = answers(model, wave[None])
    place = 2000
    changed = wave.copy()
    changed[place] += 0.5
    moved = np.flatnonzero(np.abs(answers(model, changed[None]) - before).max((0, 2)) > 0)
    seeing = [f for f in range(100) if reach.interval(f)[0] <= place <= reach.interval(f)[1]]
    assert set(moved) <= set(seeing)
    assert len(moved) > 0.8 * len(seeing)


def test_the_loss_is_that_of_ctc_per_character(model):
    several = waves(2000, 1200)
    rows = together(several, 2400)
    labels = np.array([[1, 1, 2, 3], [4, 0, 0, 0]], np.int32)
    shares = answers(model, rows)
    model.compile(keras.optimizers.SGD(0.1))
    losses = []
    for wave, row, label in zip(several, shares, labels, strict=True):
        scores = np.log(row[None, : frames(wave)])
        present = np.ones((1, frames(wave), 1), np.float32)
        losses.append(float(ctc_loss(*map(ops.convert_to_tensor, (scores, present, label[None])))[0][0]))
    found = model.evaluate(rows, labels, verbose=0, return_dict=True)
    assert found["loss"] == pytest.approx(sum(losses) / 5, rel=1e-4)
    assert set(found) == {"loss", "accuracy"}


def test_the_loss_falls_and_recordings_too_short_for_their_text_do_no_harm():
    keras.utils.set_random_seed(0)
    model = build("separable_ctc", (None,), 5, **SMALL, dropout=0.0, masking=0.0)
    model.compile(keras.optimizers.Adam(1e-2))
    rows = together(waves(2000, 1200, 30), 2400)
    labels = np.array([[1, 1, 2, 3], [4, 0, 0, 0], [1, 2, 3, 4]], np.int32)
    history = model.fit(rows, labels, batch_size=3, epochs=15, verbose=0).history["loss"]
    assert np.isfinite(history).all()
    assert history[-1] < 0.5 * history[0]


def test_a_model_is_loaded_as_it_was_saved(model, tmp_path):
    rows = together(waves(1000), 1200)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(loaded, SpeechModel)
    np.testing.assert_allclose(answers(loaded, rows), answers(model, rows), atol=1e-6)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"input_shape": (None, 1)}, "samples"),
        ({"classes": 1}, "classes=1"),
        ({"kernel_sizes": (4,)}, "odd"),
        ({"kernel_sizes": ()}, "odd"),
        ({"depth": 0}, "depth=0"),
        ({"width": 0}, "width=0"),
        ({"dropout": 1.0}, "dropout=1.0"),
    ],
)
def test_what_cannot_be_built_is_refused(change, reason):
    given = {"input_shape": (None,), "classes": 5, **SMALL, **change}
    with pytest.raises(UsageError, match=reason):
        build("separable_ctc", **given)
