"""Parts of spectra are hidden in training, and nothing when a model is used."""

import keras
import numpy as np
import pytest

from convscope.errors import UsageError
from convscope.kinds.audio.layers.spectrum_masking import SpectrumMasking

pytestmark = pytest.mark.portable

ONES = np.ones((64, 50, 40), np.float32)


def hidden(**options):
    return keras.ops.convert_to_numpy(SpectrumMasking(seed=0, **options)(ONES, training=True)) == 0


def test_nothing_is_hidden_when_a_model_is_used():
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(SpectrumMasking()(ONES)), ONES)


@pytest.mark.parametrize(("options", "axis"), [({"bands": 0.0}, 1), ({"time": 0.0}, 2)])
def test_whole_frames_and_whole_bands_are_hidden_no_longer_than_allowed(options, axis):
    found = hidden(**{"time": 0.3, "bands": 0.3, "count": 1, **options})
    other = 3 - axis
    assert (found.all(axis=other) == found.any(axis=other)).all()
    lengths = found.any(axis=other).sum(axis=1)
    assert lengths.max() <= np.ceil(0.3 * ONES.shape[axis])
    assert 0.1 < lengths.mean() / ONES.shape[axis] < 0.2
    assert len(np.unique(lengths)) > 3
    rows = found.any(axis=other)
    runs = np.abs(np.diff(np.pad(rows, ((0, 0), (1, 1))).astype(int))).sum(axis=1)
    assert runs.max() == 2


def test_several_parts_may_be_hidden_and_none():
    assert hidden(count=3).mean() > hidden(count=1).mean() > hidden(count=0).mean() == 0


def test_it_is_saved_with_a_model(tmp_path):
    given = keras.Input((None, 5))
    model = keras.Model(given, SpectrumMasking(0.1, 0.4, 3, name="hides")(given))
    model.save(tmp_path / "model.keras")
    layer = keras.models.load_model(tmp_path / "model.keras", safe_mode=True).get_layer("hides")
    assert (layer.time, layer.bands, layer.count) == (0.1, 0.4, 3)


@pytest.mark.parametrize("options", [{"time": 1.1}, {"bands": -0.1}, {"count": -1}])
def test_shares_that_are_none_are_refused(options):
    with pytest.raises(UsageError, match="shares from 0 to 1"):
        SpectrumMasking(**options)
