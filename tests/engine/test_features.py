"""Features are what the layers put out, whatever computes them, however and whenever batches come."""

import json
import subprocess
import sys
import threading
import time
from itertools import pairwise

import keras
import numpy as np
import pytest
from keras import layers

from convscope.engine.device import choose_device
from convscope.engine.inference.feature_report import EngineReport, Rate
from convscope.engine.inference.feature_trials import FEW, FIRST_SIZE, batch_size_for, closeness, fastest
from convscope.engine.inference.features import feature_engine
from convscope.errors import BackendError, DataError, RunError, UsageError
from convscope.scope.record import record

SCALING = (1 / 255, 0.0)


def scaled(pictures):
    return np.multiply(pictures, np.float32(1 / 255), dtype=np.float32)


def pictures(count=11, shape=(12, 10, 1), seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def small():
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            keras.Input((12, 10, 1)),
            layers.Conv2D(6, 3, activation="relu", name="first"),
            layers.MaxPooling2D(name="pool"),
            layers.BatchNormalization(name="norm"),
            layers.Conv2D(8, 3, padding="same", name="second"),
            layers.Flatten(name="flat"),
            layers.Dense(3, activation="softmax", name="classes"),
        ]
    )


def made(model, names, pool="mean", sample=None, **options):
    """What computes features of few samples, which measures nothing, unless `count` says otherwise."""
    sample = pictures() if sample is None else sample
    options = {"prepare": scaled, "scaling": SCALING, "precision": "float32", "count": len(sample), **options}
    return feature_engine(model, names, pool, sample, **options)


def computed(engine, batches):
    """Features by layer, and predictions, of all batches together."""
    parts = list(engine.run(iter(batches)))
    features = {path: np.concatenate([part[0][path] for part in parts]) for path in parts[0][0]}
    return features, None if parts[0][1] is None else np.concatenate([part[1] for part in parts])


def pooled(array, pool, channel_axis=-1):
    positions = tuple(axis for axis in range(1, array.ndim) if axis != channel_axis % array.ndim)
    if pool in ("mean", "max") and positions:
        return (np.mean if pool == "mean" else np.max)(array, axis=positions)
    return array.reshape(len(array), -1) if pool == "flatten" else array


def agrees(engine, model, inputs, pool, channel_axis=-1):
    features, predictions = computed(engine, [inputs])
    recording = record(model, scaled(inputs), list(features))
    for path, found in features.items():
        expected = pooled(recording[path].array, pool, channel_axis)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
        assert (path, found.shape[1:]) in [(column.layer, column.shape) for column in engine.columns]
    return predictions, recording


@pytest.mark.parametrize("pool", ["mean", "max", "flatten", "none"])
def test_features_are_what_the_layers_put_out(pool, backend):
    model, inputs = small(), pictures()
    engine = made(model, ["second", "first", "flat", "classes"], pool)
    predictions, recording = agrees(engine, model, inputs, pool)
    np.testing.assert_allclose(predictions, recording.predictions[0], atol=1e-5)
    assert [column.layer for column in engine.columns] == ["first", "second", "flat", "classes"]
    assert engine.classes == 3
    assert engine.report.engine == ("keras" if backend == "jax" else "openvino"), engine.report.reason
    assert min(engine.report.cosine.values()) > 0.9999
    assert max(engine.report.deviation.values()) < 1e-4


def nested():
    inner = keras.Sequential([keras.Input((12, 10, 1)), layers.Conv2D(4, 3, name="edges")], name="inner")
    x = keras.Input((12, 10, 1))
    return keras.Model(x, layers.ReLU(name="positive")(inner(x))), ["inner/edges", "positive"]


def shared():
    convolution = layers.Conv2D(1, 3, padding="same", name="again")
    x = keras.Input((12, 10, 1))
    return keras.Model(x, convolution(convolution(x))), ["again", "again#2"]


class Own(keras.Model):
    def __init__(self):
        super().__init__()
        self.convolution = layers.Conv2D(5, 3, name="own")

    def call(self, x):
        return keras.ops.mean(self.convolution(x) ** 2, axis=(1, 2))


def subclassed():
    return Own(), ["own"]


@pytest.mark.parametrize("build", [nested, shared, subclassed])
def test_layers_of_any_model_are_reached(build):
    model, names = build()
    model(np.zeros((1, 12, 10, 1), np.float32))
    agrees(made(model, names), model, pictures(), "mean")


@pytest.mark.parametrize("rank", [1, 3])
def test_series_and_volumes_are_pooled_over_all_positions(rank):
    convolution = {1: layers.Conv1D, 3: layers.Conv3D}[rank]
    shape = (*(7, 6, 5)[:rank], 2)
    model = keras.Sequential([keras.Input(shape), convolution(3, 3, name="it"), layers.Flatten()])
    inputs = pictures(5, shape)
    agrees(made(model, ["it"], "max", inputs, predictions=False), model, inputs, "max")


def test_channels_that_come_first_are_kept(backend):
    if backend == "tensorflow":
        pytest.skip("TensorFlow computes no channels-first convolution on a processor")
    convolution = layers.Conv2D(4, 3, data_format="channels_first", name="it")
    model = keras.Sequential([keras.Input((2, 6, 7)), convolution])
    inputs = pictures(5, (2, 6, 7))
    agrees(made(model, ["it"], sample=inputs), model, inputs, "mean", channel_axis=1)


def test_a_model_without_class_probabilities_has_no_predictions():
    model = keras.Sequential([keras.Input((12, 10, 1)), layers.Conv2D(4, 3, name="it")])
    engine = made(model, ["it"])
    assert engine.classes is None
    assert computed(engine, [pictures()])[1] is None
    assert made(small(), ["first"], predictions=False).classes is None


def test_batches_of_any_length_come_back_in_order():
    model, inputs = small(), pictures(700)
    engine = made(model, ["second"])
    lengths = [1, 300, 0, 17, 382]
    cuts = np.cumsum([0, *lengths])
    parts = list(engine.run(inputs[start:stop] for start, stop in pairwise(cuts)))
    assert [len(features["second"]) for features, _ in parts] == lengths
    assert [len(predictions) for _, predictions in parts] == lengths
    expected = pooled(record(model, scaled(inputs), "second", batch_size=256)["second"].array, "mean")
    found = np.concatenate([features["second"] for features, _ in parts])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_the_numbers_do_not_depend_on_timing():
    engine, inputs = made(small(), ["first", "second"], count=None), pictures(600)

    def slowly():
        for start in range(0, 600, 100):
            time.sleep(0.02)
            yield inputs[start : start + 100]

    fast = computed(engine, np.split(inputs, 6))
    slow = computed(engine, slowly())
    late = []
    for features, predictions in engine.run(iter(np.split(inputs, 6))):
        time.sleep(0.02)
        late.append((features["second"], predictions))
    for path in fast[0]:
        np.testing.assert_array_equal(fast[0][path], slow[0][path])
    np.testing.assert_array_equal(fast[0]["second"], np.concatenate([part[0] for part in late]))
    np.testing.assert_array_equal(fast[1], np.concatenate([part[1] for part in late]))


def test_two_runs_at_once_do_not_mix():
    engine, inputs = made(small(), ["second"]), pictures(64)
    one, other = engine.run(iter([inputs] * 4)), engine.run(iter([inputs[::-1]] * 4))
    for (features, _), (backwards, _) in zip(one, other, strict=True):
        np.testing.assert_allclose(features["second"], backwards["second"][::-1], atol=1e-6)


def test_a_settled_engine_gives_identical_numbers_without_measuring():
    model, inputs = small(), pictures(100)
    first = made(model, ["second"])
    saved = EngineReport.from_json(json.loads(json.dumps(first.report.to_json())))
    assert saved == first.report
    said = []
    again = made(model, ["second"], settled=saved, say=said.append)
    assert again.report is saved
    assert said == []
    assert again.columns == first.columns
    np.testing.assert_array_equal(
        computed(again, [inputs])[0]["second"], computed(first, [inputs])[0]["second"]
    )


def test_the_choice_is_said_and_reported():
    said = []
    report = made(small(), ["second"], count=None, say=said.append).report
    assert said == [str(report)]
    assert report.precision == "float32"
    assert report.batch_size % report.request_size == 0
    assert report.compared == len(pictures())
    assert (report.request_size, report.streams) in [(r.request_size, r.streams) for r in report.rates]
    assert all(rate.samples_per_second > 0 for rate in report.rates)


def test_nothing_is_measured_for_few_samples():
    report = made(small(), ["second"], count=5).report
    assert (report.rates, report.tiles, report.request_size, report.compared) == ((), (), 4, 11)
    assert "samples/s" not in str(report) and "cosine to Keras" in str(report)
    assert made(small(), ["second"], count=FEW).report.request_size == FIRST_SIZE


def test_bfloat16_is_close_and_reported():
    if choose_device().policy != "mixed_bfloat16":
        pytest.skip("no bfloat16 here")
    model, inputs = small(), pictures()
    engine = made(model, ["second"], precision="auto")
    assert engine.report.precision == "bfloat16"
    assert engine.report.reason == ""
    assert 1e-6 < engine.report.deviation["second"] < 1e-2
    assert 0.999 < engine.report.cosine["second"] < 1
    expected = pooled(record(model, scaled(inputs), "second")["second"].array, "mean")
    np.testing.assert_allclose(computed(engine, [inputs])[0]["second"], expected, atol=1e-2)


def test_bfloat16_is_refused_where_it_is_too_far_away():
    if choose_device().policy != "mixed_bfloat16":
        pytest.skip("no bfloat16 here")
    model = keras.Sequential(
        [
            keras.Input((12, 10, 1)),
            layers.Conv2D(4, 3, name="high"),
            layers.Conv2D(4, 1, name="low"),
        ]
    )
    kernel = model.layers[0].get_weights()[0]
    model.layers[0].set_weights([kernel, np.full(4, 1000.0)])
    model.layers[1].set_weights([np.eye(4).reshape(1, 1, 4, 4), np.full(4, -1000.0)])
    engine = made(model, ["low"], precision="bfloat16")
    assert engine.report.precision == "float32"
    assert "bfloat16 reaches a cosine of" in engine.report.reason
    assert "at low" in engine.report.reason
    assert engine.report.cosine["low"] > 0.9999


def test_a_model_of_mixed_precision_is_compared_with_float32():
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [keras.Input((12, 10, 1)), layers.Conv2D(6, 3, name="it", dtype="mixed_bfloat16")]
    )
    wide = keras.Sequential([keras.Input((12, 10, 1)), layers.Conv2D(6, 3, name="it")])
    wide.set_weights(model.get_weights())
    found = computed(made(model, ["it"]), [pictures()])[0]["it"]
    expected = pooled(record(wide, scaled(pictures()), "it")["it"].array, "mean")
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_inputs_can_be_prepared_outside_of_the_program():
    inputs = pictures(40)

    def unusual(x):
        return np.sqrt(x.astype(np.float32) / 255) - np.float32(0.5)

    model = small()
    engine = made(model, ["second"], prepare=unusual, scaling=None)
    expected = pooled(record(model, unusual(inputs), "second", batch_size=64)["second"].array, "mean")
    np.testing.assert_allclose(computed(engine, [inputs])[0]["second"], expected, rtol=1e-4, atol=1e-5)


def test_an_offset_is_computed_by_the_program():
    def to_plus_minus_one(x):
        return x.astype(np.float32) / np.float32(127.5) - np.float32(1)

    model, inputs = small(), pictures()
    engine = made(model, ["second"], prepare=to_plus_minus_one, scaling=(1 / 127.5, -1.0))
    expected = pooled(record(model, to_plus_minus_one(inputs), "second")["second"].array, "mean")
    np.testing.assert_allclose(computed(engine, [inputs])[0]["second"], expected, rtol=1e-4, atol=1e-5)


def test_a_model_that_openvino_cannot_convert_runs_in_keras(tensorflow_only):
    import tensorflow as tf

    class Foreign(layers.Layer):
        def call(self, x):
            y = tf.numpy_function(np.tanh, [x], tf.float32)
            return tf.ensure_shape(y, x.shape)

        def compute_output_shape(self, shape):
            return shape

    x = keras.Input((12, 10, 1))
    model = keras.Model(x, layers.Conv2D(3, 3, name="it")(Foreign(name="foreign")(x)))
    engine = made(model, ["it"])
    assert engine.report.engine == "keras"
    assert "OpenVINO cannot convert the model" in engine.report.reason
    agrees(engine, model, pictures(), "mean")


def test_without_openvino_keras_computes_and_says_how_to_get_it(monkeypatch, backend):
    if backend == "jax":
        pytest.skip("OpenVINO is not asked for on JAX")
    model = small()
    settled = made(model, ["second"]).report
    monkeypatch.setitem(sys.modules, "openvino", None)
    engine = made(model, ["second"])
    assert engine.report.engine == "keras"
    assert 'pip install "convscope[features]"' in engine.report.reason
    agrees(engine, model, pictures(), "mean")
    with pytest.raises(BackendError, match="computed with OpenVINO") as caught:
        made(model, ["second"], settled=settled)
    assert 'pip install "convscope[features]"' in caught.value.hint


def test_openvino_is_imported_without_telling_anybody():
    code = (
        "import os, sys\nforks = []\nos.register_at_fork(before=lambda: forks.append(1))\n"
        "from convscope.engine.inference.openvino_module import load_openvino\nload_openvino()\n"
        "print(len(forks), sys.modules['openvino_telemetry'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "None"]


def two_inputs():
    one, other = keras.Input((4,), name="one"), keras.Input((4,), name="other")
    return keras.Model([one, other], layers.Add(name="sum")([one, other]))


class Silent(layers.Layer):
    def call(self, x):
        return None


class WithSilent(keras.Model):
    def __init__(self):
        super().__init__()
        self.silent = Silent(name="silent")
        self.dense = layers.Dense(2, name="dense")

    def call(self, x):
        self.silent(x)
        return self.dense(x)


def with_silent():
    model = WithSilent()
    model(np.zeros((1, 4), np.float32))
    return model


@pytest.mark.parametrize(
    ("build", "options", "message"),
    [
        (two_inputs, {"names": ["sum"], "sample": np.zeros((2, 4), np.uint8)}, "takes 2: one, other"),
        (with_silent, {"names": ["silent"], "sample": np.zeros((2, 4), np.uint8)}, "has no tensor output"),
        (small, {"names": ["secnd"]}, "no layer 'secnd'"),
        (small, {"names": []}, "at least one layer"),
        (small, {"names": ["first"], "pool": "median"}, "Unknown pool 'median'"),
        (small, {"names": ["first"], "precision": "float16"}, "Unknown precision 'float16'"),
        (small, {"names": ["first"], "sample": pictures(0)}, "at least one sample"),
        (small, {"names": ["first"], "sample": pictures(2, (9, 9, 1))}, "takes inputs of shape"),
    ],
)
def test_what_cannot_be_asked_is_refused(build, options, message):
    with pytest.raises(UsageError, match=message):
        made(build(), **options)


@pytest.mark.parametrize("batch", [pictures(3, (9, 9, 1)), scaled(pictures(3))])
def test_a_batch_of_another_shape_or_type_is_refused(batch):
    engine = made(small(), ["first"])
    with pytest.raises(DataError, match="Expected uint8 samples of shape"):
        list(engine.run(iter([pictures(), batch])))


def test_an_error_of_the_reader_arrives_where_features_are_read():
    engine = made(small(), ["first"])

    def broken():
        yield pictures()
        raise DataError("gone.png: not there any more")

    with pytest.raises(DataError, match="gone"):
        list(engine.run(broken()))
    assert len(computed(engine, [pictures()])[0]["first"]) == len(pictures())


def test_reading_stops_when_nobody_wants_more():
    engine, read = made(small(), ["first"]), []

    def endless():
        while True:
            read.append(1)
            yield pictures()

    before = threading.active_count()
    running = engine.run(endless())
    next(running)
    running.close()
    count = len(read)
    time.sleep(0.05)
    assert len(read) == count < 50
    assert threading.active_count() <= before


def test_a_damaged_report_is_refused():
    with pytest.raises(RunError, match="Expected an engine report"):
        EngineReport.from_json({"engine": "keras"})


def test_closeness_is_the_largest_difference_and_the_smallest_cosine():
    found = np.array([[3.0, 4.0], [1.0, 0.0], [0.0, 0.0]], np.float32)
    expected = np.array([[3.0, 4.5], [1.0, 1.0], [0.0, 0.0]], np.float32)
    deviation, cosine = closeness([found], [expected], ["it"])
    assert deviation == {"it": 1.0}
    assert cosine["it"] == pytest.approx(1 / np.sqrt(2))
    assert closeness([found[2:]], [expected[2:]], ["it"])[1] == {"it": 1.0}
    assert closeness([found * np.nan], [expected], ["it"])[1] == {"it": 0.0}


class Costing:
    """Takes as long for a request as it is told, whatever is in it."""

    def __init__(self, request_size, seconds):
        self.request_size, self.shapes, self.seconds = request_size, ((1,),), seconds

    def results(self, batches):
        for batch in batches:
            time.sleep(self.seconds)
            yield [np.zeros((len(batch), 1), np.float32)]


@pytest.mark.parametrize(
    ("cost", "streams", "peak_bytes", "chosen"),
    [
        (lambda size, _: 0.02, (1,), 1000, (256, 1)),
        (lambda size, _: 0.005 * size**2, (1,), 2**22, (1, 1)),
        (lambda size, streams: 0.005 * streams * (1 + abs(size - 32)), (2, 1), 1000, (32, 1)),
    ],
)
def test_the_fastest_size_and_streams_are_found(cost, streams, peak_bytes, chosen):
    runner, rate, rates = fastest(
        lambda size, number: Costing(size, cost(size, number)), pictures(), streams, peak_bytes, seconds=60
    )
    assert (rate.request_size, rate.streams) == chosen
    assert runner.request_size == chosen[0]
    assert len(rates) == len({(each.request_size, each.streams) for each in rates}) > 2
    assert all(isinstance(each, Rate) for each in rates)


def test_sizes_stay_within_memory():
    runner, _, rates = fastest(
        lambda size, streams: Costing(size, 0.02), pictures(), (2,), peak_bytes=2**30 // 64, seconds=60
    )
    assert runner.request_size == 8
    assert max(rate.request_size for rate in rates) == 8
    shapes = ((10,),)
    assert batch_size_for(16, 2, pictures(), shapes) == 256
    assert batch_size_for(16, 40, pictures(), shapes) == 1280
    assert batch_size_for(16, 2, pictures(), ((2**20,),)) == 16
    assert batch_size_for(8, 2, np.zeros((2, 2**20), np.uint8), shapes) == 32
