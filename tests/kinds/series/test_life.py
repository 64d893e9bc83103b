"""The network for remaining life, by hand and member by member."""

import keras
import numpy as np
import pytest

import convscope
from convscope.errors import UsageError
from convscope.kinds.series.layers import MemberMean

pytestmark = pytest.mark.portable

SMALL = {"pool": 4, "filters": 3, "units": 5, "members": 2, "cap": 50.0}


def small(rows=12, **options):
    return convscope.build("life_cnn", (rows, 6), **{**SMALL, **options})


def windows(count=4, rows=12, seed=0):
    return np.random.default_rng(seed).normal(size=(count, rows, 6)).astype(np.float32)


def test_the_answer_is_the_mean_of_networks_computed_by_hand():
    model, x = small(), windows()
    kernel, bias, dense, dense_bias, share, share_bias = model.get_weights()
    means = x.reshape(4, 3, 4, 6).mean(2)
    padded = np.pad(means, ((0, 0), (1, 1), (0, 0)))
    maps = np.tanh(sum(padded[:, k : k + 3] @ kernel[k] for k in range(3)) + bias)
    lives = []
    for member in range(2):
        mine = maps[..., 3 * member : 3 * member + 3].reshape(4, 9)
        hidden = np.tanh(mine @ dense[member].reshape(9, 5) + dense_bias[member])
        lives.append(50 * (hidden @ share[member] + share_bias[member]))
    answer = keras.ops.convert_to_numpy(model(x))
    assert answer.shape == (4, 1)
    np.testing.assert_allclose(answer[:, 0], np.mean(lives, axis=0), rtol=1e-4)


def test_members_begin_as_dense_layers_of_their_own_would():
    kernel = small(rows=40, filters=32, units=64).get_layer("dense").get_weights()[0]
    alone = keras.ops.convert_to_numpy(keras.initializers.GlorotUniform(seed=0)((10 * 32, 64)))
    assert kernel.std() == pytest.approx(alone.std(), rel=0.05)


def test_of_a_window_that_is_no_multiple_the_newest_rows_count():
    model, x = small(rows=14), windows(rows=14)
    before = keras.ops.convert_to_numpy(model(x))
    x[:, :2] = 99
    np.testing.assert_array_equal(before, keras.ops.convert_to_numpy(model(x)))
    x[:, -1] += 1
    assert (before != keras.ops.convert_to_numpy(model(x))).all()


def test_loss_and_variance_are_together_what_members_lose_alone():
    layer, rng = MemberMean(), np.random.default_rng(0)
    members, true = (rng.normal(size=shape).astype(np.float32) for shape in ((7, 4), (7, 1)))
    mean = keras.ops.convert_to_numpy(layer(members, training=True))
    (added,) = layer.losses
    alone = np.mean((true - members) ** 2)
    assert np.mean((true - mean) ** 2) + float(added) == pytest.approx(alone, rel=1e-5)
    layer(members)
    assert layer.losses == []


def test_a_saved_model_answers_as_before(tmp_path):
    model, x = small(), windows()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(*(keras.ops.convert_to_numpy(each(x)) for each in (model, loaded)))


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((12,), {}, r"takes \(rows, variables\)"),
        ((None, 6), {}, r"takes \(rows, variables\)"),
        ((12, 6), {"members": 0}, "needs members of at least 1"),
        ((3, 6), {}, "averages 4 rows at a time"),
    ],
)
def test_what_cannot_be_is_told(shape, options, message):
    with pytest.raises(UsageError, match=message):
        convscope.build("life_cnn", shape, **{**SMALL, **options})


def test_it_knows_no_classes():
    with pytest.raises(UsageError, match="life_cnn outputs values, not classes"):
        convscope.build("life_cnn", (12, 6), 3)
