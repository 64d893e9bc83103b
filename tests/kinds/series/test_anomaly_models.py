"""Architectures for anomalies, and the same arithmetic by NumPy, all at once and row by row."""

import keras
import numpy as np
import pytest

from convscope.errors import RunError, UsageError
from convscope.kinds.registry import build
from convscope.kinds.series.anomaly.incremental_forecaster import IncrementalForecaster, RowProgram

pytestmark = pytest.mark.portable

NAMES = ("causal_forecaster", "conv_autoencoder")
EVERY = pytest.mark.parametrize("name", NAMES)


def small(name, window=32, variables=2, **options):
    keras.utils.set_random_seed(3)
    model = build(name, (window, variables), filters=8, **options)
    for layer in model.layers:  # biases that are not zero, as after a training
        weights = layer.get_weights()
        layer.set_weights([array + 0.1 if array.ndim == 1 else array for array in weights])
    return model


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def answers(model, rows):
    return keras.ops.convert_to_numpy(model(rows))


@EVERY
def test_there_is_one_expected_value_for_each_value(name):
    assert small(name).output_shape == (None, 32, 2)
    assert small(name, variables=5).output_shape == (None, 32, 5)


def test_a_forecast_sees_nothing_of_its_row_or_of_later_ones():
    model, rows = small("causal_forecaster"), noise(1, 32, 2)
    changed = rows.copy()
    changed[:, 20:] += 5
    before, after = answers(model, rows), answers(model, changed)
    np.testing.assert_array_equal(before[:, :21], after[:, :21])
    assert np.abs(before[:, 21] - after[:, 21]).max() > 1e-3


def test_a_forecast_looks_back_at_half_of_the_window_at_most():
    model, rows = small("causal_forecaster"), noise(1, 32, 2)
    reach = RowProgram(model).reach
    assert 8 < reach <= 16
    for back, seen in ((reach - 1, True), (reach, False)):
        changed = rows.copy()
        changed[:, 31 - back] += 5
        difference = np.abs(answers(model, rows)[:, 31] - answers(model, changed)[:, 31]).max()
        assert (difference > 1e-5) == seen


@EVERY
@pytest.mark.parametrize("kernel_size", [3, 4])
def test_arithmetic_by_numpy_is_that_of_the_model(name, kernel_size):
    model, rows = small(name, kernel_size=kernel_size), noise(4, 32, 2)
    np.testing.assert_allclose(RowProgram(model).whole(rows), answers(model, rows), atol=1e-5)


@EVERY
def test_row_by_row_is_all_at_once(name):
    expectation, rows = IncrementalForecaster(small(name)), noise(200, 2).astype(np.float64)
    step = expectation.stepper()
    one_by_one = np.stack([step(row) for row in rows])
    np.testing.assert_allclose(one_by_one, expectation.whole(rows), atol=1e-10)


@EVERY
def test_each_row_of_a_series_is_expected_as_the_model_expects_it_in_a_window(name):
    model, rows = small(name), noise(90, 2)
    whole = IncrementalForecaster(model).whole(rows.astype(np.float64))
    for row in (40, 63, 89):
        window = answers(model, rows[None, row - 31 : row + 1])
        np.testing.assert_allclose(whole[row], window[0, -1], atol=1e-5)


def test_a_model_that_looks_ahead_is_not_computed_row_by_row():
    program = RowProgram(small("conv_autoencoder"))
    assert not program.causal
    with pytest.raises(RunError, match="looks ahead"):
        program.stepper()


def test_a_layer_without_arithmetic_is_named():
    rows = keras.Input((16, 2))
    model = keras.Model(rows, keras.layers.LSTM(2, return_sequences=True, name="memory")(rows))
    with pytest.raises(RunError, match="memory"):
        RowProgram(model)


@pytest.mark.parametrize(
    ("name", "shape", "options", "said"),
    [
        ("causal_forecaster", (32,), {}, "rows of a window, variables"),
        ("causal_forecaster", (None, 2), {}, "rows of a window, variables"),
        ("causal_forecaster", (32, 2), {"filters": 0}, "filters"),
        ("causal_forecaster", (32, 2), {"kernel_size": 1}, "kernels of 2 rows"),
        ("conv_autoencoder", (30, 2), {}, "multiple of 8"),
        ("conv_autoencoder", (32, 2), {"code": 0}, "code"),
    ],
)
def test_what_cannot_work_is_told(name, shape, options, said):
    with pytest.raises(UsageError, match=said):
        build(name, shape, **options)
