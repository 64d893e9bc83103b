"""Series and recordings in pictures: tidy at every size, aligned in time, with the numbers that they show."""

import numpy as np
import pytest
from drawn import THEMES, assert_tidy, bar_limits, image, named, texts

from convscope.errors import UsageError
from convscope.kinds.audio.view import mel_spectrogram
from convscope.lenses.figures.attribution import draw_attributions
from convscope.lenses.figures.maps import draw_comparison, draw_maps
from convscope.lenses.figures.patches import draw_patches
from convscope.lenses.sheet.theme import LIGHT, Scale
from convscope.lenses.views.layer_maps import LayerMaps, Placing
from convscope.lenses.views.timeline.spectrogram import Spectrogram
from convscope.lenses.views.timeline.view import TimelineView
from convscope.lenses.views.view import Sample
from convscope.scope.attribution.methods import Attribution
from convscope.scope.channels.patches import Patches
from convscope.types import Axis

LONG = "a/very/long/path/of a recording/" * 6
DAYS = np.datetime64("2014-04-01", "ns") + np.arange(400) * np.timedelta64(5, "m")
NAMES = ("temperature", "pressure of the oil in the second tank", "load")


def lines(length, variables, seed=0):
    return np.random.default_rng(seed).normal(0, 1, (length, variables)).cumsum(axis=0)


def series(values, name="input", caption="", axis=None):
    return Sample(TimelineView(values, axis), name, caption)


def placing(positions, stride, field, length):
    first = np.arange(positions) * stride
    windows = np.stack([first, np.minimum(first + field, length)], axis=1)
    return Placing(first + (field - 1) / 2, windows)


def maps_of(length, channels=6, stride=2, field=5, seed=1):
    positions = (length - field) // stride + 1
    values = np.random.default_rng(seed).normal(0, 1, (positions, channels))
    return LayerMaps(
        "block/conv",
        "What it does.",
        values,
        (field,),
        (stride,),
        0,
        placing(positions, stride, field, length),
    )


def sound(length=4000, rate=8000, frames=50, bands=20):
    wave = np.sin(np.arange(length) / 3)[:, None]
    energies = np.random.default_rng(2).normal(-8, 3, (frames, bands))
    centers = (np.arange(frames) + 0.5) * length / frames
    heard = Spectrogram(energies, centers, np.geomspace(60, 3800, bands), "log_mel")
    axis = Axis(np.arange(length) / rate, "s", filled=(200, 900))
    return Sample(TimelineView(wave, axis, heard), "word.wav")


SAMPLES = {
    "one": series(lines(100, 1), "one"),
    "named": series(lines(400, 3), LONG, LONG, axis=Axis(DAYS, variables=NAMES)),
    "many": series(lines(300, 40), "many"),
    "long": series(lines(30_000, 2), "long", axis=Axis(np.arange(30_000) / 16_000, "s")),
    "holes": series(np.where(lines(90, 2) > 1, np.nan, lines(90, 2)), "holes"),
    "short": series(lines(6, 1), "short"),
    "sound": sound(),
}


def attribution(sample, parts=None, path=None, signed=True):
    values = np.random.default_rng(3).normal(0, 1, len(sample.view.signal.values))
    return Attribution("integrated-gradients", path, "out", 1, 0.9, values, signed, {"steps": 64.0}, parts)


@pytest.mark.parametrize("name", SAMPLES)
def test_maps_and_attributions_of_any_series_are_drawn_tidily(name):
    sample = SAMPLES[name]
    for theme in THEMES:
        assert_tidy(
            draw_maps(sample, [maps_of(len(sample.view.signal.values), field=3)], channels=4, theme=theme)
        )
    parts = np.random.default_rng(4).normal(0, 1, sample.view.signal.values.shape)
    assert_tidy(draw_attributions(sample, [attribution(sample), attribution(sample, parts)], title=LONG))


def test_the_outlined_window_is_what_the_strongest_value_depends_on():
    length, stride, field = 200, 4, 9
    layer = maps_of(length, 1, stride, field)
    layer.maps[:] = 0
    layer.maps[30, 0] = -5
    figure = draw_maps(series(np.zeros((length, 1))), [layer])
    _, window = named(figure, "window")
    left, right = (image_edges(figure, length, position) for position in (120, 129))
    assert window.get_x() == pytest.approx(left)
    assert window.get_x() + window.get_width() == pytest.approx(right)
    assert any(
        "the strongest value of map 0 and the 9 positions that it depends on" in text
        for text in texts(figure)
    )


def image_edges(figure, length, position):
    """The pixel where a position begins; the strip of the map spans the room of the series."""
    strip = named(figure, "maps block/conv of 0")[0].get_extent()
    return strip[0] + position / length * (strip[1] - strip[0])


def test_a_value_stands_under_the_middle_of_what_it_sees_whatever_the_stride():
    length, stride, field = 600, 8, 40
    layer = maps_of(length, 1, stride, field)
    layer.maps[:] = 0
    layer.maps[50, 0] = 1
    strip = image(draw_maps(series(np.zeros((length, 1))), [layer]), "maps block/conv of 0")
    hot = np.flatnonzero((strip[9] == Scale(LIGHT, 0, 1).colors(np.array(1.0))).all(axis=-1))
    middle = 50 * stride + field / 2
    assert (hot.mean() + 0.5) / strip.shape[1] * length == pytest.approx(middle, abs=0.5)
    assert len(hot) / strip.shape[1] * length == pytest.approx(stride, abs=0.6)
    assert (
        strip[:, : int(15 / length * strip.shape[1]), 3] == 0
    ).all()  # nothing stands where nothing is seen


def test_variables_without_room_are_left_out_and_that_is_said():
    said = texts(draw_maps(SAMPLES["many"], [maps_of(300)]))
    assert any("the 4 of 40 variables of largest spread" in text for text in said)
    parts = np.zeros((300, 40))
    parts[:, [5, 17]] = 1
    said = texts(draw_attributions(SAMPLES["many"], [attribution(SAMPLES["many"], parts)]))
    assert "the 8 of 40 variables with the largest attribution" in said
    assert {"channel 5", "channel 17"} <= set(said)


def test_each_variable_has_the_colors_of_its_own_part():
    sample = SAMPLES["named"]
    parts = np.zeros(sample.view.signal.values.shape)
    parts[100:200, 1] = 2.0
    parts[300:, 2] = -1.0
    figure = draw_attributions(sample, [attribution(sample, parts)])
    assert bar_limits(figure) == [(-1.0, 2.0)]
    scale = Scale(LIGHT, -1.0, 2.0, "diverging")
    for variable, share, value in ((0, 0.4, 0.0), (1, 0.4, 2.0), (2, 0.9, -1.0)):
        heat = image(figure, f"heat integrated-gradients {variable}")
        np.testing.assert_array_equal(heat[3, int(share * heat.shape[1])], scale.colors(np.array(value)))


def test_without_parts_all_variables_stand_on_the_same_colors():
    figure = draw_attributions(SAMPLES["named"], [attribution(SAMPLES["named"])])
    heats = named(figure, "heat integrated-gradients")
    assert len(heats) == 3
    assert len({np.asarray(heat.get_array()).tobytes() for heat in heats}) == 1


def test_what_is_heard_lies_with_its_low_bands_at_the_bottom():
    sample = sound()
    sample.view.signal.spectrogram.values[:] = -9
    sample.view.signal.spectrogram.values[10, 0] = 0
    figure = draw_maps(sample, [maps_of(4000, stride=80, field=200)])
    shown = image(figure, "spectrogram log_mel")
    hot = Scale(LIGHT, -9, 0).colors(np.array(0.0))
    rows, columns = np.nonzero((shown == hot).all(axis=-1))
    assert rows.min() >= shown.shape[0] * 0.94
    assert columns.mean() / shown.shape[1] == pytest.approx(10.5 / 50, abs=0.01)
    assert "100 Hz" in texts(figure)
    assert any(text.endswith(" kHz") for text in texts(figure))
    assert len(named(figure, "padding")) == 2
    assert len(named(figure, "covered")) == 2
    assert any("gray: padding" in text for text in texts(figure))


def test_maps_over_time_and_bands_are_pictures_below_what_is_heard():
    sample = sound()
    values = np.random.default_rng(5).normal(0, 1, (25, 10, 3))
    layer = LayerMaps("conv", "", values, None, None, 0, placing(25, 160, 240, 4000))
    figure = draw_maps(sample, [layer])
    assert_tidy(figure)
    first = named(figure, "maps conv of")
    assert len(first) == 3
    shown = np.asarray(first[0].get_array())
    strongest = int(np.argmax(np.abs(values).mean((0, 1))))
    scale = Scale(LIGHT, float(values.min()), float(values.max()), "diverging")
    expected = scale.colors(values[12, 0, strongest])
    np.testing.assert_array_equal(shown[-1, int((12 * 160 + 120) / 4000 * shown.shape[1])], expected)
    assert_tidy(draw_comparison([sample, sample], [layer, layer]))


def test_attribution_at_what_is_heard_is_drawn_over_time_and_bands():
    sample = sound()
    parts = np.zeros((50, 20))
    parts[25:, 19] = 1
    figure = draw_attributions(sample, [attribution(sample, parts, "log_mel")])
    assert_tidy(figure)
    heat = image(figure, "heat integrated-gradients")
    one = Scale(LIGHT, 0, 1, "diverging").colors(np.array(1.0))
    np.testing.assert_array_equal(heat[0, -5], one)
    assert not (heat[-1] == one).all(axis=-1).any()


@pytest.mark.parametrize("name", SAMPLES)
def test_snippets_are_drawn_tidily_with_their_place(name):
    sample = SAMPLES[name]
    length = len(sample.view.signal.values)
    values = np.array([[3.0, 2.5, np.nan], [1.0, 0.5, 0.25]])
    windows = np.array([[[0, 2]], [[length // 2, length]], [[0, length]]])
    found = Patches(
        "conv",
        "Conv1D",
        values,
        np.array([[0, 1, -1], [2, 1, 0]]),
        np.zeros((2, 3, 1), int),
        np.stack([windows] * 2),
    )
    figure = draw_patches(found, dict.fromkeys(range(3), sample))
    assert_tidy(figure)
    bars = named(figure, "patch 1 1")
    wide = named(figure, "patch 1 2")[0].get_width()
    assert bars[0].get_width() == pytest.approx((length - length // 2) / length * wide)


def test_a_tone_is_heard_in_its_band_and_silence_is_no_error():
    rate = 8000
    tone = np.sin(2 * np.pi * 1000 * np.arange(rate) / rate)
    heard = mel_spectrogram(np.stack([tone, tone], 1), rate, bands=40)
    loudest = heard.values[5:-5].argmax(axis=1)
    assert len(set(loudest)) == 1
    mels = 2595 * np.log10(1 + np.array([1000.0, rate / 2]) / 700)
    assert loudest[0] == pytest.approx(mels[0] / mels[1] * 41 - 1, abs=1)
    assert heard.values.max() - heard.values.min() <= np.log(1e8) + 1e-6
    assert len(mel_spectrogram(np.zeros((rate * 60, 1)), rate).values) <= 192
    assert np.isfinite(mel_spectrogram(np.zeros((0, 1)), rate).values).all()
    assert np.isfinite(mel_spectrogram(np.full(100, np.nan), rate).values).all()


def test_a_spectrogram_without_a_center_for_each_frame_is_refused():
    with pytest.raises(UsageError, match="center for each frame"):
        Spectrogram(np.zeros((4, 3)), np.arange(5))
