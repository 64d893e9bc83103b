"""The architecture minirocket computes the features that aeon's MiniRocket computes."""

import sys

import keras
import numpy as np
import pytest

from convscope.errors import UsageError
from convscope.kinds.registry import build
from convscope.kinds.series.classification.minirocket import (
    kernel_weights,
    set_thresholds,
    set_variables,
    stages,
)
from convscope.scope.describe.explanation import explain
from convscope.scope.geometry.geometry import geometries
from convscope.scope.graph.graph import trace

pytestmark = pytest.mark.portable

SMALL = {"features": 84 * 4, "dilations": 3}


def walks(count=12, length=40, variables=1, seed=0):
    steps = np.random.default_rng(seed).normal(size=(count, length, variables))
    return steps.cumsum(axis=1).astype(np.float32)


@pytest.fixture(scope="module")
def rocket():
    return pytest.importorskip("aeon.transformations.collection.convolution_based").MiniRocket


def features_of(model):
    return keras.Model(model.input, model.get_layer("features").output)


def test_the_kernels_are_all_ways_to_make_three_of_nine_weights_heavy():
    weights = kernel_weights()
    assert weights.shape == (9, 84)
    assert {tuple(column) for column in weights.T.tolist()}.__len__() == 84
    np.testing.assert_array_equal(weights.sum(axis=0), 0)
    np.testing.assert_array_equal((weights == 2).sum(axis=0), 3)


@pytest.mark.parametrize(("features", "most"), [(84, 32), (500, 6), (10_000, 32)])
def test_dilations_and_their_features_are_those_of_aeon(rocket, features, most):
    for length in (9, 10, 17, 24, 64, 150, 257, 601, 1500):
        fitted = rocket(features, most, random_state=0).fit(walks(1, length).transpose(0, 2, 1))
        made = stages(length, features, most)
        assert [stage.dilation for stage in made] == fitted.parameters[2].tolist()
        assert [stage.thresholds for stage in made] == fitted.parameters[3].tolist()


@pytest.mark.parametrize("variables", [1, 7])
def test_features_are_those_of_aeon_but_for_ties(rocket, variables):
    known, asked = (walks(12, 60, variables, seed) for seed in (0, 1))
    fitted = rocket(84 * 6, 4, random_state=3).fit(known.transpose(0, 2, 1))
    sizes, channels, _, _, thresholds = fitted.parameters
    model, made = build("minirocket", (60, variables), 3, features=84 * 6, dilations=4), stages(60, 84 * 6, 4)
    set_variables(model, made, [each.tolist() for each in np.split(channels, np.cumsum(sizes)[:-1])])
    set_thresholds(model, made, thresholds)
    found = np.asarray(features_of(model).predict_on_batch(asked))
    wanted = fitted.transform(asked.transpose(0, 2, 1))
    assert found.shape == wanted.shape == (12, 84 * 6)
    apart = np.abs(found - wanted) > 1e-6
    assert apart.mean() < 1e-3  # values that lie on a threshold up to rounding
    assert np.abs(found - wanted).max() < 2.5 / 28  # of at least 28 positions, one or two


def test_fresh_weights_answer_and_look_at_some_variables():
    model = build("minirocket", (30, 5), 3, **SMALL)
    answers = np.asarray(model.predict_on_batch(walks(4, 30, 5)))
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-5)
    kernel = np.asarray(model.get_layer("dilation1_maps").kernel)
    looked_at = (kernel != 0).any(axis=0).sum(axis=0)
    assert looked_at.min() == 1
    assert looked_at.max() > 1
    np.testing.assert_array_equal(kernel.sum(axis=0), 0)
    assert sum(int(np.prod(w.shape)) for w in model.trainable_weights) == (84 * 4 + 1) * 3


def test_a_saved_model_needs_no_aeon(tmp_path, monkeypatch):
    model, x = build("minirocket", (30, 2), 3, **SMALL), walks(4, 30, 2)
    layer = model.get_layer("standardized")
    layer.set_weights([np.full(336, 0.4), np.full(336, 2.0), np.array(4)])
    layer.finalize_state()
    model.save(tmp_path / "model.keras")
    for name in [name for name in sys.modules if name.partition(".")[0] == "aeon"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "aeon", None)
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_allclose(*(np.asarray(each.predict_on_batch(x)) for each in (model, loaded)), atol=1e-6)
    assert [each.name for each in loaded.layers] == [each.name for each in model.layers]


def test_it_is_float32_whatever_the_policy():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build("minirocket", (30, 1), 2, **SMALL)
    finally:
        keras.config.set_dtype_policy("float32")
    assert {layer.compute_dtype for layer in model.layers if layer.weights} == {"float32"}


def test_maps_have_the_receptive_field_of_their_dilation_and_every_layer_is_explained():
    model = build("minirocket", (40, 1), 2, **SMALL)
    found = geometries(trace(model))
    for stage in stages(40, **SMALL):
        assert found[stage.maps].receptive_field == (8 * stage.dilation + 1,)
        assert found[stage.shares].everything
    told = explain(model)
    assert all(layer.here for layer in told.layers)
    assert "into 2 classes" in told.purpose or "into two classes" in told.purpose


def test_dilations_are_told_to_lie_side_by_side():
    points = " ".join(explain(build("minirocket", (60, 1), 3, **SMALL)).key_points)
    assert "parallel convolutions read the same input" in points
    assert "of 60 steps" in points
    assert "the last convolution" not in points


@pytest.mark.parametrize(
    ("shape", "options", "said"),
    [
        ((None, 1), {}, "one known length"),
        ((30,), {}, "one known length"),
        ((8, 1), {}, "at least 9 positions"),
        ((30, 1), {"features": 83}, "features of at least 84"),
        ((30, 1), {"dilations": 0}, "dilations of at least 1"),
    ],
)
def test_what_cannot_be_built_is_refused(shape, options, said):
    with pytest.raises(UsageError, match=said):
        build("minirocket", shape, 2, **options)
