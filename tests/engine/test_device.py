"""The device is found, and the precision is settled with a reason."""

import json
import logging
from contextlib import nullcontext

import keras
import numpy as np
import pytest

from convscope.backend import prepare_backend
from convscope.engine.device import backend_file, choose_device, machine, versions

pytestmark = pytest.mark.portable


@pytest.mark.parametrize(("precision", "policy"), [("float32", "float32"), ("bfloat16", "mixed_bfloat16")])
def test_a_precision_that_is_asked_for_is_taken(precision, policy, backend):
    device = choose_device(precision)
    assert (device.backend, device.policy, device.reason) == (backend, policy, "the settings say so")


def test_a_precision_that_is_chosen_comes_with_its_reason(backend):
    device = choose_device("auto")
    assert device.policy in ("float32", "mixed_bfloat16")
    assert "bfloat16" in device.reason
    if device.policy == "mixed_bfloat16":
        assert " has " in device.reason
    assert str(device) == f"{backend} on {device.name}, {device.policy} ({device.reason})"


def test_what_a_run_records_of_its_device_is_plain(backend):
    recorded = json.loads(json.dumps([choose_device().to_json(), machine(), versions()]))
    assert recorded[0]["name"]
    assert recorded[1]["cores"] >= 1
    assert recorded[2]["keras"] == keras.__version__
    assert recorded[2][backend]


def test_an_accelerated_model_answers_as_before():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.BatchNormalization()])
    values = np.random.default_rng(0).random((5, 4), np.float32)
    before = keras.ops.convert_to_numpy(model(values))
    with backend_file().accelerated(model):
        within = keras.ops.convert_to_numpy(model(values))
    np.testing.assert_array_equal(before, within)
    np.testing.assert_array_equal(before, keras.ops.convert_to_numpy(model(values)))


@pytest.mark.parametrize(
    "options",
    [{}, {"padding": "same"}, {"padding": "same", "strides": 2}, {"strides": (2, 1, 3)}],
    ids=["valid", "same", "strided", "strided differently"],
)
def test_volumes_are_learned_from_as_without_acceleration(options):
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((7, 8, 6, 2)),
            layers.Conv3D(3, (3, 2, 3), activation="relu", **options),
            layers.MaxPooling3D(2, padding="same"),
            layers.Conv3D(4, 1),
            layers.BatchNormalization(),
            layers.GlobalAveragePooling3D(),
            layers.Dense(2),
        ]
    )
    random = np.random.default_rng(1)
    values, targets = random.random((4, 7, 8, 6, 2), np.float32), random.random((4, 2), np.float32)
    start = model.get_weights()
    learned = []
    for context in (nullcontext, backend_file().accelerated):
        model.set_weights(start)
        model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=keras.backend.backend() == "jax")
        with context(model):
            for _ in range(2):
                model.train_on_batch(values, targets)
        learned.append(model.get_weights())
    for plain, fast in zip(*learned, strict=True):
        np.testing.assert_allclose(fast, plain, rtol=1e-4, atol=1e-5)
    assert not any("convolution_op" in vars(layer) or "call" in vars(layer) for layer in model.layers)


def test_models_of_folds_are_no_reason_for_warnings():
    prepare_backend()
    said = ("5 out of the last %s calls to %s triggered tf.function retracing.", "another warning")
    records = [logging.makeLogRecord({"msg": text, "levelno": logging.WARNING}) for text in said]
    assert [bool(logging.getLogger("tensorflow").filter(each)) for each in records] == [False, True]
