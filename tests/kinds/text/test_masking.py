"""Padding is told from tokens, and never pooled."""

import keras
import numpy as np
import pytest

from convscope.kinds.text.layers.masking import MaskedGlobalMaxPooling1D, PaddingMask

pytestmark = pytest.mark.portable


def test_the_mask_is_one_where_there_is_a_token():
    ids = np.array([[5, 1, 0], [0, 0, 0]], np.int32)
    found = np.asarray(PaddingMask()(ids))
    np.testing.assert_array_equal(found[..., 0], [[1, 1, 0], [0, 0, 0]])
    assert found.shape == (2, 3, 1)


def test_a_position_of_several_ids_is_there_when_any_is():
    ids = np.array([[[0, 4], [0, 0]]], np.int32)
    np.testing.assert_array_equal(np.asarray(PaddingMask()(ids))[0, :, 0], [1, 0])


def test_the_largest_value_is_one_of_a_token():
    rng = np.random.default_rng(0)
    x = rng.normal(-50, 10, (3, 6, 4)).astype(np.float32)
    lengths = np.array([6, 2, 0])
    mask = (np.arange(6) < lengths[:, None]).astype(np.float32)[..., None]
    found = np.asarray(MaskedGlobalMaxPooling1D()([x, mask]))
    np.testing.assert_allclose(found[0], x[0].max(axis=0))
    np.testing.assert_allclose(found[1], x[1, :2].max(axis=0))
    np.testing.assert_array_equal(found[2], 0)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_both_work_in_a_model_of_any_length_and_are_saved_with_it(policy, tmp_path):
    keras.config.set_dtype_policy(policy)
    try:
        ids = keras.Input((None,), dtype="int32")
        x = keras.layers.Embedding(9, 4)(ids)
        mask = PaddingMask(name="there")(ids)
        model = keras.Model(ids, MaskedGlobalMaxPooling1D(name="strongest")([x, mask]))
    finally:
        keras.config.set_dtype_policy("float32")
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    given = np.array([[3, 4, 0, 0], [8, 8, 8, 1]], np.int32)
    as_numbers = [np.asarray(keras.ops.cast(each(given), "float32")) for each in (model, loaded)]
    np.testing.assert_array_equal(*as_numbers)
    assert {"there", "strongest"} <= {layer.name for layer in loaded.layers}
