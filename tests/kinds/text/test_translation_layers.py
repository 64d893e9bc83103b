"""The layers of the translation model against NumPy."""

import keras
import numpy as np
import pytest
from keras import ops

from convscope.kinds.text.layers import (
    GatedLinearUnit,
    PositionEmbedding,
    ScaledSum,
    SourceAttention,
    TokenEmbedding,
)

pytestmark = pytest.mark.portable


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def array(tensor):
    return np.asarray(ops.convert_to_numpy(tensor))


def reloaded(layer):
    return keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))


def test_a_gated_linear_unit_multiplies_by_sigmoids():
    x = drawn(2, 5, 6)
    expected = x[..., :3] / (1 + np.exp(-x[..., 3:]))
    np.testing.assert_allclose(array(GatedLinearUnit()(x)), expected, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="even number of channels"):
        GatedLinearUnit()(drawn(2, 5))


def test_a_scaled_sum_keeps_the_variance():
    a, b = drawn(4000, seed=1)[:, None], drawn(4000, seed=2)[:, None]
    summed = array(ScaledSum()([a, b]))
    np.testing.assert_allclose(summed, (a + b) / np.sqrt(2), rtol=1e-5, atol=1e-6)
    assert summed.var() == pytest.approx(1, abs=0.1)


def test_a_tied_embedding_looks_up_and_compares():
    layer = TokenEmbedding(7, 4, tied=True)
    vectors = array(layer(np.array([[1, 6, 0]], np.int32)))
    table = array(layer.embeddings)
    np.testing.assert_allclose(vectors[0], 2 * table[[1, 6, 0]], rtol=1e-6)
    layer.bias.assign(drawn(7))
    h = drawn(2, 3, 4)
    scores = array(layer(h, reverse=True))
    np.testing.assert_allclose(scores, h @ table.T + drawn(7), rtol=1e-4, atol=1e-5)
    assert reloaded(layer).get_config() == layer.get_config()


def test_positions_are_added_and_those_behind_share_the_last():
    layer = PositionEmbedding(3)
    x = drawn(2, 5, 4)
    np.testing.assert_array_equal(array(layer(x)), x)  # nothing is learned yet
    layer.embeddings.assign(drawn(3, 4))
    expected = x + drawn(3, 4)[[0, 1, 2, 2, 2]]
    np.testing.assert_allclose(array(layer(x)), expected, rtol=1e-6)
    at = layer(x[:, 1:2], first=ops.convert_to_tensor(np.array(1, np.int32)))
    np.testing.assert_allclose(array(at), expected[:, 1:2], rtol=1e-6)
    assert reloaded(layer).positions == 3


def test_attention_is_a_softmax_over_the_tokens_of_the_source():
    query, keys, values = drawn(2, 3, 4), drawn(2, 5, 4, seed=1), drawn(2, 5, 6, seed=2)
    mask = np.ones((2, 5, 1), np.float32)
    mask[1, 3:] = 0
    context, weights = map(array, SourceAttention()([query, keys, values, mask]))
    scores = np.exp(query @ keys.transpose(0, 2, 1) / 2) * mask.transpose(0, 2, 1)
    expected = scores / scores.sum(-1, keepdims=True)
    np.testing.assert_allclose(weights, expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(context, expected @ values, rtol=1e-4, atol=1e-5)


def test_attention_to_nothing_is_a_number():
    mask = np.zeros((1, 4, 1), np.float32)
    context, weights = SourceAttention()([drawn(1, 2, 4), drawn(1, 4, 4), np.zeros((1, 4, 4)), mask])
    assert np.isfinite(array(weights)).all()
    assert not array(context).any()
