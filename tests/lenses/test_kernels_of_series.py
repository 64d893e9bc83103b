"""Kernels over series and one position of their maps, in pictures."""

import keras
import numpy as np
import pytest
from drawn import THEMES, assert_tidy, bar_limits, named, texts
from keras import layers

from convscope.lenses.figures.kernels import draw_kernels
from convscope.lenses.figures.position import draw_position
from convscope.lenses.views.timeline.view import TimelineView
from convscope.lenses.views.view import Sample
from convscope.scope.channels.kernels import Kernels, frequency_response, kernels
from convscope.scope.channels.position import position
from convscope.types import Axis

SECONDS = Axis(np.arange(120) / 60, "s", ("left", "right"))


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input((120, 2))
    x = layers.Conv1D(6, 9, padding="same", activation="relu", name="first")(x)
    x = layers.MaxPooling1D(4, name="pool")(x)
    x = layers.Conv1D(5, 3, dilation_rate=2, strides=1, name="second")(x)
    x = layers.GlobalAveragePooling1D(name="mean")(x)
    return keras.Model(inputs, layers.Dense(2, name="out")(x))


def of(weights, step=1.0, dilation=1):
    weights = np.asarray(weights, np.float32)
    norms = np.sqrt(np.square(weights).sum(0))
    return Kernels("conv", "Conv1D", weights, norms, dilation=dilation, step=step)


def test_kernels_know_their_dilation_and_the_step_of_what_they_slide_over(model):
    assert (kernels(model, "first").dilation, kernels(model, "first").step) == (1, 1.0)
    assert (kernels(model, "second").dilation, kernels(model, "second").step) == (2, 4.0)
    assert kernels(model, "out").step is None


def test_kernels_over_token_ids_have_no_frequencies():
    ids = keras.Input((20,), dtype="int32")
    x = layers.Conv1D(4, 3, name="conv")(layers.Embedding(9, 3)(ids))
    model = keras.Model(ids, layers.GlobalMaxPooling1D()(x))
    assert kernels(model, "conv").step is None
    assert "Weights and frequency response" not in texts(draw_kernels(kernels(model, "conv")))


@pytest.mark.parametrize(
    ("taps", "into", "there", "rate"),
    [(9, 1, 5, None), (1, 1, 1, 50.0), (40, 3, 30, 16_000.0), (5, 200, 7, None)],
)
def test_kernels_over_a_length_are_drawn_tidily_with_their_response(taps, into, there, rate):
    weights = np.random.default_rng(0).normal(0, 1, (taps, into, there))
    for theme in THEMES:
        figure = draw_kernels(of(weights, 2.0), theme=theme, rate=rate)
        assert_tidy(figure)
        assert "Weights and frequency response" in texts(figure)
        assert any("in Hz" in text for text in texts(figure)) == (rate is not None)


def test_the_response_of_a_mean_falls_and_ends_at_half_of_the_rate():
    figure = draw_kernels(of(np.full((4, 1, 1), 0.25)), rate=100.0)
    curve = max(figure.axes[0].lines, key=lambda line: len(line.get_xdata()))
    height = -(np.asarray(curve.get_ydata()) - curve.get_ydata()[-1])
    expected = frequency_response(np.full((4, 1, 1), 0.25))[:, 0]
    np.testing.assert_allclose(height / height[0], expected - expected[-1], atol=1e-6)
    assert {"20", "40"} <= set(texts(figure))  # Hz, up to 50


def test_missing_weights_do_not_spoil_the_others():
    weights = np.ones((5, 1, 2))
    weights[2, 0, 1] = np.nan
    assert_tidy(draw_kernels(of(weights)))


@pytest.mark.parametrize("layer", ["first", "pool", "second", "out"])
def test_one_position_over_a_series_is_drawn_tidily(model, layer):
    values = np.random.default_rng(1).normal(0, 1, (120, 2)).astype(np.float32)
    for theme in THEMES:
        found = position(model, values[None], layer)
        assert_tidy(draw_position(found, Sample(TimelineView(values, SECONDS), "name " * 40), theme=theme))


def test_the_window_of_a_position_is_outlined_and_said_in_time(model):
    values = np.random.default_rng(1).normal(0, 1, (120, 2)).astype(np.float32)
    found = position(model, values[None], "first", channel=2, at=(60,))
    figure = draw_position(found, Sample(TimelineView(values, SECONDS)))
    window = named(figure, "window")[0]
    assert window.get_width() == pytest.approx(9 / 120 * 1148)
    assert any("depends on 9 positions, outlined: 0.9333 to 1.067 s" in text for text in texts(figure))
    map_of = np.asarray(found.map)
    assert bar_limits(figure)[0] == (float(map_of.min()), float(map_of.max()))


def test_positions_of_a_patch_outside_of_the_series_are_gray(model):
    values = np.ones((120, 2), np.float32)
    found = position(model, values[None], "first", channel=0, at=(1,))
    figure = draw_position(found, Sample(TimelineView(values)))
    assert len(named(figure, "padded")) == 2 * int(found.padded.sum())
    assert found.padded.sum() == 3
