"""Compiled loops give the features and the answers of the Keras model that they stand in for."""

import stat
from pathlib import Path

import keras
import numpy as np
import pytest

from convscope.data.encoded import HeldArrays
from convscope.engine.inference.compiled_form import compiled_answer
from convscope.engine.inference.infer import predict_probabilities
from convscope.engine.training.settings import FitSettings
from convscope.kinds.registry import build
from convscope.kinds.series.classification import compiled_cache, rocket_draws
from convscope.kinds.series.classification.compiled_rockets import parts_of, pooled_features
from convscope.kinds.series.classification.hydra_multirocket_solver import solve_hydra_multirocket
from convscope.kinds.series.classification.minirocket import stages
from convscope.kinds.series.classification.minirocket_solver import solve_minirocket
from convscope.types import no_progress

pytest.importorskip("numba")

OPTIONS = {
    "minirocket": {"features": 84 * 7, "dilations": 4},
    "hydra_multirocket": {"features": 672 * 5, "dilations": 3, "groups": 4},
}
SOLVE = {"minirocket": solve_minirocket, "hydra_multirocket": solve_hydra_multirocket}
EVERY = pytest.mark.parametrize("name", OPTIONS)


def waves(count=36, length=48, variables=1, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    at = np.arange(length)[:, None] * (0.3 + 0.2 * labels[:, None, None])
    x = np.sin(at + rng.uniform(0, 6, (count, 1, variables))) + rng.normal(0, 0.6, (count, length, variables))
    return x.astype(np.float32), labels


def solved(name, x, labels, **settings):
    model = build(name, x.shape[1:], 3, **OPTIONS[name])
    given = (x, np.eye(3, dtype=np.float32)[labels])
    row = SOLVE[name](model, given, OPTIONS[name], FitSettings(**settings), no_progress)
    return model, row


def of_keras(model, x):
    """The pooled features by the layers of the model."""
    outputs = keras.Model(model.input, [part.output for part in parts_of(model)])
    return [np.asarray(each) for each in keras.tree.flatten(outputs.predict_on_batch(x))]


def with_whole_numbers(model):
    """Thresholds and competing kernels of whole and half numbers, of which sums are exact in any order."""
    rng = np.random.default_rng(3)
    for layer in model.layers:
        if "thresholds" in {weight.name for weight in layer.weights}:
            layer.set_weights([rng.integers(-20, 20, layer.bounds.shape) + 0.5])
        elif layer.name.startswith("hydra_") and layer.name.endswith("_maps"):
            kernel = np.asarray(layer.kernel)
            layer.set_weights([np.where(kernel == 0, 0, rng.integers(-4, 5, kernel.shape))])


@EVERY
@pytest.mark.parametrize("variables", [1, 5])
def test_features_are_exactly_those_of_the_layers_where_sums_are_exact(name, variables):
    model = build(name, (40, variables), 3, **OPTIONS[name])
    with_whole_numbers(model)
    x = np.random.default_rng(0).integers(-9, 10, (20, 40, variables)).astype(np.float32)
    found = pooled_features(parts_of(model))(x)
    wanted = of_keras(model, x)
    for ours, theirs in zip(found, wanted, strict=True):
        assert ours.shape == theirs.shape
        whole = np.abs(ours - theirs) <= 1e-6 * np.maximum(np.abs(theirs), 1)  # means are rounded
        assert whole.all()


@EVERY
@pytest.mark.parametrize("variables", [1, 5])
def test_a_solved_model_answers_the_same_with_and_without_them(name, variables):
    (x, labels), (asked, _) = waves(variables=variables), waves(50, variables=variables, seed=1)
    x[:, 30:] = asked[:, 30:] = 0.25  # the ends stand still, where nothing but rounding would differ
    model, row = solved(name, x, labels)
    found = compiled_answer(model)
    assert found is not None
    for given in (x, asked):
        (ours,), theirs = found(given), np.asarray(model.predict_on_batch(given))
        np.testing.assert_allclose(ours, theirs, atol=2e-3)
        np.testing.assert_array_equal(ours.argmax(axis=1), theirs.argmax(axis=1))
    assert row["accuracy"] == (np.asarray(model.predict_on_batch(x)).argmax(axis=1) == labels).mean()
    through = predict_probabilities(model, HeldArrays(asked), np.asarray)
    np.testing.assert_allclose(through, found(asked)[0], atol=1e-6)


@EVERY
def test_weights_that_are_set_later_count(name):
    model = build(name, (40, 1), 3, **OPTIONS[name])
    x, _ = waves(8, 40)
    last = model.get_layer("classes")
    last.set_weights([each / (1 + np.abs(each).sum()) for each in last.get_weights()])  # far from certain
    before = compiled_answer(model)(x)[0]
    for layer in model.layers:
        if "thresholds" in {weight.name for weight in layer.weights}:
            layer.set_weights([each + 1 for each in layer.get_weights()])
    last.set_weights([-each for each in last.get_weights()])
    after = compiled_answer(model)(x)[0]
    assert np.abs(after - before).max() > 1e-3
    np.testing.assert_allclose(after, np.asarray(model.predict_on_batch(x)), atol=2e-3)


@EVERY
def test_a_model_that_is_used_by_them_is_saved_and_described_as_before(name, tmp_path):
    from convscope.scope.graph.graph import trace

    model = build(name, (40, 1), 3, **OPTIONS[name])
    x, _ = waves(8, 40)
    paths = [call.path for call in trace(model).calls]
    answers = compiled_answer(model)(x)[0]
    assert [call.path for call in trace(model).calls] == paths
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in model.layers]
    np.testing.assert_allclose(compiled_answer(loaded)(x)[0], answers, atol=1e-6)


@pytest.mark.parametrize("change", ["kernel", "bias", "padding"])
def test_other_layers_are_left_to_keras(change):
    from convscope.kinds.series.layers import ProportionsAbove

    inputs = keras.Input((30, 1))
    options = {"use_bias": change == "bias", "padding": "causal" if change == "padding" else "same"}
    convolution = keras.layers.Conv1D(84, 9, **options)
    model = keras.Model(inputs, ProportionsAbove(2, margin=4)(convolution(inputs)))
    assert compiled_answer(model) is None
    x = waves(5, 30)[0]
    found = predict_probabilities(model, HeldArrays(x), np.asarray)
    np.testing.assert_allclose(found, np.asarray(model.predict_on_batch(x)), atol=1e-6)


def test_a_model_that_takes_more_than_its_pooling_is_left_to_keras():
    pooled = build("minirocket", (30, 1), 3, **OPTIONS["minirocket"])
    inputs = pooled.input
    more = keras.layers.Flatten()(inputs)
    model = keras.Model(inputs, keras.layers.Concatenate()([pooled.get_layer("features").output, more]))
    assert compiled_answer(model) is None
    x = waves(5, 30)[0]
    found = predict_probabilities(model, HeldArrays(x), np.asarray)
    np.testing.assert_allclose(found, np.asarray(model.predict_on_batch(x)), atol=1e-6)


@pytest.mark.parametrize("variables", [1, 7])
def test_draws_are_those_of_aeon(variables):
    rocket = pytest.importorskip("aeon.transformations.collection.convolution_based").MiniRocket
    x = np.ascontiguousarray(waves(20, 60, variables)[0].transpose(0, 2, 1))
    fitted = rocket(84 * 6, 4, random_state=3).fit(x)
    sizes, channels, _, _, thresholds = fitted.parameters
    made = stages(60, 84 * 6, 4)
    drawn = rocket_draws.drawn_variables(variables, 84 * len(made), np.random.RandomState(3))
    assert [len(each) for each in drawn] == sizes.tolist()
    assert np.concatenate(drawn).tolist() == channels.tolist()
    found = rocket_draws.drawn_thresholds(x, made, drawn, 3)
    np.testing.assert_allclose(found, thresholds, rtol=1e-5, atol=1e-5)


def test_compiled_code_is_kept_in_a_folder_of_the_user_alone(tmp_path, monkeypatch):
    from numba import config

    monkeypatch.setattr(compiled_cache, "_caches", lambda: tmp_path / "caches")
    before = config.CACHE_DIR
    with compiled_cache.compiled_cache() as there:
        assert there
        folder = Path(config.CACHE_DIR)
    assert before == config.CACHE_DIR
    assert folder == tmp_path / "caches" / "convscope" / "compiled"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    folder.chmod(0o777)
    with compiled_cache.compiled_cache() as there:
        assert not there  # anybody could put code there


def test_without_a_folder_nothing_is_kept(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(compiled_cache, "_caches", lambda: tmp_path / "file")
    with compiled_cache.compiled_cache() as there:
        assert not there
