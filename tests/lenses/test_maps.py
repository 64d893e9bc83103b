"""The numbers of maps reach the picture, at their place and in their color, at every size."""

import numpy as np
import pytest
from drawn import THEMES, assert_tidy, bar_limits, image, named, pixels, texts

from convscope.errors import UsageError
from convscope.lenses.figures.maps import chosen_channels, draw_comparison, draw_maps, strength
from convscope.lenses.sheet.sheet import Sheet
from convscope.lenses.sheet.theme import THEMES as KNOWN
from convscope.lenses.sheet.theme import Scale, color_bytes
from convscope.lenses.views.layer_maps import LayerMaps
from convscope.lenses.views.plain import VectorView, plain_sample
from convscope.lenses.views.view import Sample

LONG = "a/very/long/path/" * 12
PICTURE = plain_sample(
    np.linspace(0, 255, 48 * 48).reshape(48, 48, 1).astype(np.uint8), "face.jpg", "happy, 93 %"
)


def some(shape, seed=0, *, signed=False):
    values = np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32)
    return values if signed else np.maximum(values, 0)


def block(maps, **more):
    return LayerMaps("conv", "What the layer does.", maps, **more)


@pytest.mark.parametrize(
    ("shape", "sample"),
    [
        ((48, 48, 32), PICTURE),
        ((46, 46, 3), PICTURE),
        ((1, 1, 512), PICTURE),
        ((2048,), PICTURE),
        ((1,), PICTURE),
        ((7, 7, 2048), plain_sample(some((224, 224, 3)), "photo", limits=(0, 3))),
        ((350, 500, 5), plain_sample(some((30, 40, 2)), LONG, LONG)),
        ((70, 3, 20), PICTURE),
        ((3, 90, 20), PICTURE),
        ((100, 24), plain_sample(some((200, 7)), "series")),
        ((3000, 2), plain_sample(some((3000, 1)), "series")),
        ((6, 8, 8, 4), plain_sample(some((12, 16, 16, 1)), "volume")),
        ((16,), plain_sample(some((5,)), "features")),
    ],
)
def test_maps_of_any_shape_are_drawn_tidily(shape, sample):
    rank = 0 if isinstance(sample.view, VectorView) else len(sample.view.positions)
    layers = [
        LayerMaps("conv", "Short.", some(shape), (3,) * rank, (1,) * rank),
        LayerMaps(LONG, "A long explanation. " * 20, some(shape, 1, signed=True), (None,) * rank),
    ]
    assert_tidy(draw_maps(sample, layers, title="Maps of " + LONG, channels=9))
    pixels(draw_maps(sample, layers[1:], theme="dark", scale="map", order="index"))


@pytest.mark.parametrize("channels", [5, 64, 150])
def test_many_maps_are_numbered_without_overlap(channels):
    figure = draw_maps(PICTURE, [block(some((6, 6, 2048)))], channels=channels)
    assert_tidy(figure)
    assert f"the {channels} strongest of 2,048 channels by mean absolute value, strongest first" in texts(
        figure
    )


def test_the_mosaic_holds_the_colors_of_the_values_in_order_of_strength():
    maps = some((12, 12, 6), signed=True) * np.array([1, 5, 2, 4, 0, 3])
    figure = draw_maps(PICTURE, [block(maps)], channels=4)
    order = [1, 3, 5, 2]
    numbers = [text for text in texts(figure) if text.isdigit()]
    assert numbers[:4] == [str(each) for each in order]
    shown = maps[..., order]
    low, high = float(shown.min()), float(shown.max())
    assert bar_limits(figure) == [(low, high)]
    mosaic = image(figure, "maps conv")
    scale = Scale(KNOWN["light"], low, high, "diverging")
    found = 0
    factor = 19  # four maps of 12 columns in the room of 984 pixels
    label = mosaic.shape[0] - 12 * factor - 2
    for place in range(4):
        left = place * (12 * factor + 12) + 1
        cut = mosaic[label + 1 : label + 1 + 12 * factor : factor, left : left + 12 * factor : factor]
        np.testing.assert_array_equal(cut, scale.colors(maps[..., order[place]]))
        found += 1
    assert found == 4


def test_strength_is_the_mean_of_finite_absolute_values():
    maps = np.array([[1.0, -3.0], [np.nan, 1.0]])
    np.testing.assert_allclose(strength(maps), [1, 2])
    assert chosen_channels(maps, 5, "strongest") == [1, 0]
    assert chosen_channels(maps, [0], "strongest") == [0]


@pytest.mark.parametrize("theme", THEMES)
def test_a_hot_corner_is_at_that_corner_of_the_page(theme):
    maps = np.zeros((8, 8, 1), np.float32)
    maps[0, 7] = 1
    sheet = pixels(draw_maps(PICTURE, [block(maps)], theme=theme))
    hot = np.asarray(Scale(KNOWN[theme], 0, 1).colors(np.array([1.0]))[0, :3])
    cold = np.asarray(Scale(KNOWN[theme], 0, 1).colors(np.array([0.0]))[0, :3])
    inside = sheet[:, 260:1200]
    rows, columns = np.nonzero((inside == cold).all(axis=-1))
    top, right = rows.min(), columns.max()
    hot_rows, hot_columns = np.nonzero((inside == hot).all(axis=-1))
    assert hot_rows.min() == top
    assert hot_columns.max() == right
    side = (rows.max() + 1 - top) / 8
    assert hot_rows.max() + 1 - top == pytest.approx(side)
    assert right + 1 - hot_columns.min() == pytest.approx(side)


def test_what_is_not_finite_is_hatched_in_its_own_color_and_counted():
    maps = some((8, 8, 4))
    maps[0, 0, 1], maps[2, 3, 1], maps[4, 4, 2] = np.nan, np.inf, -np.inf
    figure = draw_maps(PICTURE, [block(maps)], channels=4)
    assert "hatched: 3 of 256 values not finite (NaN or infinite)" in texts(figure)
    assert len(named(figure, "missing")) == 2
    missing = color_bytes(KNOWN["light"].missing)
    mosaic = image(figure, "maps conv").reshape(-1, 4)
    factor = 29
    assert (mosaic == missing).all(axis=-1).sum() == 3 * factor**2
    finite = maps[np.isfinite(maps)]
    assert bar_limits(figure) == [(float(finite.min()), float(finite.max()))]


def test_maps_of_nothing_but_nan_and_constant_maps_are_drawn():
    for value in (np.nan, 0.0, 3.0, -2.0):
        for shape in ((4, 4, 3), (9, 3), (3,)):
            assert_tidy(draw_maps(PICTURE, [block(np.full(shape, value))]))


def test_each_map_on_its_own_scale_has_no_bar_and_says_so():
    figure = draw_maps(PICTURE, [block(some((8, 8, 4)))], scale="map")
    assert bar_limits(figure) == []
    assert any("each map on its own scale" in text for text in texts(figure))


def test_a_heat_strip_stands_below_what_it_sees_of_the_input():
    series = np.zeros((200, 1))
    series[150] = 1
    maps = np.zeros((98, 1))
    maps[74] = 1  # the middle of positions 148 to 152
    figure = draw_maps(plain_sample(series, "series"), [block(maps, receptive_field=(5,), stride=(2,))])
    line = next(each for each in figure.axes[0].lines if len(each.get_xdata()) == len(series))
    peak = line.get_xdata()[int(np.argmin(line.get_ydata()))]
    strip = named(figure, "maps conv")[0]
    left = strip.get_extent()[0]
    hot = np.flatnonzero((np.asarray(strip.get_array())[5] == (253, 231, 36, 255)).all(axis=-1))
    assert left + hot.mean() == pytest.approx(peak, abs=6)  # one position of the input


def test_the_window_on_the_input_is_one_receptive_field():
    maps = block(some((46, 46, 2)), receptive_field=(12, 24), stride=(1, 1))
    figure = draw_maps(PICTURE, [maps])
    window = named(figure, "window")[0]
    picture = named(figure, "input")[0].get_extent()
    assert window.get_height() / (picture[2] - picture[3]) == pytest.approx(12 / 48)
    assert window.get_width() / (picture[1] - picture[0]) == pytest.approx(24 / 48)
    assert "one receptive field" in texts(figure)


def test_a_volume_says_which_slice_is_shown():
    volume = np.zeros((5, 4, 4, 1))
    volume[2, 1, 1] = 1
    figure = draw_maps(plain_sample(np.zeros((5, 4, 4, 1))), [block(volume)])
    assert any("middle slice of each volume, 2 of 0 to 4" in text for text in texts(figure))
    hot = Scale(KNOWN["light"], 0, 1).colors(np.array(1.0))
    assert (image(figure, "maps conv") == hot).all(axis=-1).any()


@pytest.mark.parametrize("name", ["猫.jpg", "$x_1$ ^ \\frac", "a\nb", "<b>&amp;", "", "\ud800", "🐈" * 80])
def test_any_name_is_drawn_as_text(name):
    sample = Sample(PICTURE.view, name, name)
    assert_tidy(draw_maps(sample, [LayerMaps(name, name, some((4, 4, 2)))], title=name))


@pytest.mark.parametrize(
    "wrong",
    [
        {"scale": "own"},
        {"order": "random"},
        {"theme": "blue"},
        {"channels": 0},
        {"channels": [7]},
        {"channels": []},
    ],
)
def test_what_cannot_be_drawn_is_refused_with_a_reason(wrong):
    with pytest.raises(UsageError):
        draw_maps(PICTURE, [block(some((4, 4, 3)))], **wrong)


def test_no_layers_and_maps_without_values_are_refused():
    with pytest.raises(UsageError, match="no layer"):
        draw_maps(PICTURE, [])
    with pytest.raises(UsageError, match="shape"):
        block(np.zeros((0, 4, 2)))
    with pytest.raises(UsageError, match="tall"):
        Sheet(KNOWN["light"]).finish(70_000)


@pytest.mark.parametrize(
    ("shape", "inputs"), [((12, 12, 8), 1), ((12, 12, 8), 5), ((8,), 5), ((300, 8), 7), ((4, 6, 6, 8), 32)]
)
def test_a_comparison_is_tidy(shape, inputs):
    rank = max(len(shape) - 1, 2)
    samples = [plain_sample(some((8,) * rank + (1,), i), f"name {i} {LONG}", "sad") for i in range(inputs)]
    maps = [LayerMaps(LONG, "Text. " * 40, some(shape, i, signed=True)) for i in range(inputs)]
    assert_tidy(draw_comparison(samples, maps, channels=3))
    pixels(draw_comparison(samples[:2], maps[:2], theme="dark"))


def test_a_comparison_shows_the_same_channels_on_one_scale():
    maps = [block(some((6, 6, 10), i)) for i in range(3)]
    figure = draw_comparison([PICTURE] * 3, maps, channels=[4, 2])
    shown = np.stack([each.maps[..., [4, 2]] for each in maps])
    assert bar_limits(figure) == [(float(shown.min()), float(shown.max()))]
    drawn = image(figure, "map 2 of 1")[::25, ::25]
    scale = Scale(KNOWN["light"], float(shown.min()), float(shown.max()))
    np.testing.assert_array_equal(drawn, scale.colors(maps[1].maps[..., 2]))


def test_maps_that_do_not_belong_together_are_not_compared():
    two = [block(some((6, 6, 4))), block(some((5, 6, 4)))]
    with pytest.raises(UsageError, match="one layer"):
        draw_comparison([PICTURE] * 2, two)
    with pytest.raises(UsageError, match="inputs"):
        draw_comparison([PICTURE] * 3, two)
    with pytest.raises(UsageError, match="1 to"):
        draw_comparison([], [])
