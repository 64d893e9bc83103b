"""A word's vector is the mean over itself and its pieces."""

import keras
import numpy as np
import pytest

from convscope.kinds.text.layers.subwords import SubwordEmbedding

pytestmark = pytest.mark.portable


def test_the_vector_is_the_mean_over_the_ids_that_are_there():
    layer = SubwordEmbedding(6, 3)
    ids = np.array([[[2, 4, 5], [3, 0, 0], [0, 0, 0]]], np.int32)
    found = np.asarray(layer(ids))[0]
    table = np.asarray(layer.embeddings)
    np.testing.assert_allclose(found[0], table[[2, 4, 5]].mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(found[1], table[3], rtol=1e-6)
    np.testing.assert_array_equal(found[2], 0)


def test_the_order_of_pieces_and_places_without_one_play_no_part():
    layer = SubwordEmbedding(9, 4)
    left, right = (np.asarray(layer(np.array([[ids]], np.int32))) for ids in ([7, 2, 0, 5], [5, 7, 2, 0]))
    np.testing.assert_allclose(left, right, rtol=1e-5)


def test_a_model_with_it_is_saved_and_loaded(tmp_path):
    ids = keras.Input((None, 4), dtype="int32")
    model = keras.Model(ids, SubwordEmbedding(9, 4, name="embedding")(ids))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    given = np.array([[[1, 2, 3, 0]]], np.int32)
    np.testing.assert_array_equal(np.asarray(loaded(given)), np.asarray(model(given)))
