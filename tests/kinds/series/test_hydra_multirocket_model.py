"""The architecture hydra_multirocket computes the features that aeon's two transforms compute."""

import sys

import keras
import numpy as np
import pytest

from convscope.errors import UsageError
from convscope.kinds.registry import build
from convscope.kinds.series.classification.hydra_multirocket import competing_kernels, planned
from convscope.kinds.series.classification.minirocket import set_thresholds, set_variables
from convscope.scope.describe.explanation import explain
from convscope.scope.geometry.geometry import geometries
from convscope.scope.graph.graph import trace

pytestmark = pytest.mark.portable

SMALL = {"features": 672, "dilations": 2, "groups": 4}


def walks(count=6, length=40, variables=1, seed=0):
    steps = np.random.default_rng(seed).normal(size=(count, length, variables))
    return steps.cumsum(axis=1).astype(np.float32)


@pytest.fixture(scope="module")
def transforms():
    return pytest.importorskip("aeon.transformations.collection.convolution_based")


def output_of(model, name):
    return keras.Model(model.input, model.get_layer(name).output)


@pytest.mark.parametrize("variables", [1, 6])
def test_counts_are_those_of_aeon_with_the_same_weights(transforms, variables):
    pytest.importorskip("torch")
    x = walks(4, 40, variables)
    hydra = transforms.HydraTransformer(n_groups=4, random_state=1, output_type="numpy")
    theirs = hydra.fit_transform(x.transpose(0, 2, 1))
    model, plan = build("hydra_multirocket", (40, variables), 3, **SMALL), planned(40, **SMALL)
    for place, each in enumerate(plan.competitions):
        weights = hydra._hydra.W[place // 2, place % 2].numpy().reshape(2, 8, 9)
        chosen = np.zeros((2, 1), int) if variables == 1 else hydra._hydra.idx[place // 2][place % 2].numpy()
        kernel = competing_kernels(weights.transpose(2, 0, 1), chosen, variables)
        model.get_layer(each.maps).set_weights([kernel])
        model.get_layer(each.counts).set_weights([np.float32(0)])
    ours = np.asarray(output_of(model, "hydra_counts").predict_on_batch(x))
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-3)


@pytest.mark.slow  # compiles loops of aeon's
@pytest.mark.parametrize("variables", [1, 6])
def test_statistics_are_those_of_aeon_with_the_same_thresholds(transforms, variables):
    """But for what is defined otherwise there, by as much as that is.

    There, means of values have a threshold added that is subtracted here, runs behind the first value are
    longer by one, one over all values is shorter by one, and kernels over differences reach one position
    less to the left.
    """
    x = walks(8, 40, variables)
    theirs = transforms.MultiRocket(n_kernels=84 * 4, max_dilations_per_kernel=2, random_state=0)
    theirs.fit(x.transpose(0, 2, 1))
    options = {"features": 84 * 4 * 8, "dilations": 2, "groups": 2}
    model, plan = build("hydra_multirocket", (40, variables), 3, **options), planned(40, **options)
    for made, found in ((plan.of_series, theirs.parameter), (plan.of_differences, theirs.parameter1)):
        *chosen, dilations, counts, thresholds = found
        assert [stage.dilation for stage in made] == dilations.tolist()
        assert [stage.thresholds for stage in made] == counts.tolist()
        if chosen:
            sizes, channels = chosen
            set_variables(model, made, [part.tolist() for part in np.split(channels, np.cumsum(sizes)[:-1])])
        set_thresholds(model, made, thresholds)
    bound = theirs.parameter[-1]
    ours = np.asarray(output_of(model, "statistics").predict_on_batch(x)).reshape(8, 2, -1, 4)[:, 0]
    wanted = theirs.transform(x.transpose(0, 2, 1)).reshape(8, 2, 4, -1)[:, 0]
    proportion, run, value, position = np.moveaxis(wanted, 1, 0)
    same = np.abs(ours[..., 0] - proportion) < 1e-6
    assert same.mean() > 0.999  # the others have a value on a threshold up to rounding
    np.testing.assert_allclose(ours[..., 2][same], position[same], atol=1e-4)
    seen = same & (proportion > 0)
    values = value - 2 * np.broadcast_to(bound, value.shape)
    np.testing.assert_allclose(ours[..., 1][seen], values[seen], atol=2e-4)
    assert set(np.unique((run - ours[..., 3])[same]).tolist()) <= {-1.0, 0.0, 1.0}


def test_fresh_weights_answer_and_only_the_dense_layer_would_be_trained():
    model = build("hydra_multirocket", (30, 5), 3, **SMALL)
    answers = np.asarray(model.predict_on_batch(walks(4, 30, 5)))
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-5)
    plan = planned(30, **SMALL)
    assert model.get_layer("features").output.shape[1] == plan.features
    assert sum(int(np.prod(w.shape)) for w in model.trainable_weights) == (plan.features + 1) * 3
    kernel = np.asarray(model.get_layer(plan.competitions[0].maps).kernel)
    assert (kernel != 0).any(axis=0).sum(axis=0).max() == 2  # of five variables, two
    np.testing.assert_allclose(kernel.sum(axis=0), 0, atol=1e-6)


def test_a_saved_model_needs_neither_aeon_nor_numba(tmp_path, monkeypatch):
    model, x = build("hydra_multirocket", (30, 2), 3, **SMALL), walks(4, 30, 2)
    model.save(tmp_path / "model.keras")
    for missing in ("aeon", "numba"):
        for name in [name for name in sys.modules if name.partition(".")[0] == missing]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, missing, None)
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_allclose(*(np.asarray(each.predict_on_batch(x)) for each in (model, loaded)), atol=1e-6)


def test_it_is_float32_whatever_the_policy():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build("hydra_multirocket", (30, 1), 2, **SMALL)
    finally:
        keras.config.set_dtype_policy("float32")
    assert {layer.compute_dtype for layer in model.layers if layer.weights} == {"float32"}


def test_maps_have_their_receptive_fields_and_every_layer_is_explained():
    model, plan = build("hydra_multirocket", (40, 1), 2, **SMALL), planned(40, **SMALL)
    found = geometries(trace(model))
    assert found["differences"].receptive_field == (2,)
    for each in plan.competitions:
        assert found[each.maps].receptive_field == (8 * each.dilation + 1 + each.of_differences,)
        assert found[each.counts].everything
    for stage in plan.of_differences:
        assert found[stage.maps].receptive_field == (8 * stage.dilation + 2,)
        assert found[stage.shares].everything
    told = explain(model)
    assert all(layer.here for layer in told.layers)
    assert "into 2 classes" in told.purpose or "into two classes" in told.purpose


@pytest.mark.parametrize(
    ("shape", "options", "said"),
    [
        ((None, 1), {}, "one known length"),
        ((30,), {}, "one known length"),
        ((9, 1), {}, "at least 10 positions"),
        ((30, 1), {"features": 671}, "features of at least 672"),
        ((30, 1), {"dilations": 0}, "dilations of at least 1"),
        ((30, 1), {"groups": 3}, "an even number of groups"),
    ],
)
def test_what_cannot_be_built_is_refused(shape, options, said):
    with pytest.raises(UsageError, match=said):
        build("hydra_multirocket", shape, 2, **options)
