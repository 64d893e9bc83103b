"""Attributions over and beside their input, on scales that hold their values."""

import numpy as np
import pytest
from drawn import assert_tidy, bar_limits, image, named, pixels, texts

from convscope.errors import UsageError
from convscope.lenses.figures.attribution import draw_attributions
from convscope.lenses.sheet.theme import THEMES, Scale
from convscope.lenses.views.plain import plain_sample
from convscope.scope.attribution.methods import Attribution

NAMES = ["angry", "happy"]


def made(shape, method="grad-cam", *, signed=False, path="block/conv", target=1, **details):
    values = np.random.default_rng(len(method)).normal(0, 1, shape).astype(np.float32)
    return Attribution(
        method, path, "output", target, 0.931, values if signed else np.abs(values), signed, details
    )


@pytest.mark.parametrize("shape", [(48, 48), (300, 200), (20, 400), (300,), (3000,), (6, 16, 16)])
@pytest.mark.parametrize("number", [1, 4])
def test_attributions_of_any_input_are_drawn_tidily(shape, number):
    sample = plain_sample(np.random.default_rng(0).random((*shape, 3)), "name " * 40, "happy")
    several = [
        made(
            shape,
            "integrated-gradients" * 3 + str(i),
            signed=i % 2 == 0,
            path="a/long/path" * 9,
            steps=64,
            gap=0.1,
        )
        for i in range(number)
    ]
    assert_tidy(draw_attributions(sample, several, class_names=["name " * 30] * 2, title="What " * 60))
    pixels(draw_attributions(sample, several[:1], theme="dark"))


def test_attributions_of_plain_features_are_bars():
    figure = draw_attributions(
        plain_sample(np.zeros(40)), [made((40,), signed=True), made((40,), "saliency")]
    )
    assert_tidy(figure)


def test_each_says_its_method_layer_class_and_score():
    sample = plain_sample(np.zeros((8, 8, 1)))
    said = texts(
        draw_attributions(sample, [made((8, 8)), made((8, 8), "saliency", path=None)], class_names=NAMES)
    )
    assert {"grad-cam", "saliency", "happy: 0.931", "at block/conv", "at the input"} <= set(said)
    said = texts(draw_attributions(sample, [made((8, 8), target=5)], class_names=NAMES))
    assert "output 5: 0.931" in said


@pytest.mark.parametrize("signed", [True, False])
def test_the_heat_has_the_colors_of_the_values_and_the_bar_their_limits(signed):
    each = made((6, 6), signed=signed)
    figure = draw_attributions(plain_sample(np.zeros((6, 6, 1))), [each])
    low, high = float(each.values.min()), float(each.values.max())
    assert bar_limits(figure) == [(low, high)]
    scale = Scale(THEMES["light"], low, high, "diverging" if signed else "sequential")
    heat = image(figure, "heat")
    factor = heat.shape[0] // 6
    np.testing.assert_array_equal(heat[::factor, ::factor], scale.colors(each.values))


def test_the_overlay_leaves_the_input_visible_where_nothing_speaks():
    values = np.zeros((6, 6), np.float32)
    values[0, 5] = 1
    each = Attribution("grad-cam", None, "output", 0, 0.5, values, False, {})
    picture = np.full((6, 6, 1), 100, np.uint8)
    over = image(draw_attributions(plain_sample(picture), [each]), "overlay")
    assert (over[-1, 0] == (100, 100, 100, 255)).all()
    assert not (over[0, -1, :3] == 100).any()


def test_values_that_are_not_finite_are_hatched_and_counted():
    each = made((6, 6))
    each.values[1, 2] = np.nan
    figure = draw_attributions(plain_sample(np.zeros((6, 6, 1))), [each])
    assert "hatched: 1 of 36 values not finite (NaN or infinite)" in texts(figure)
    assert len(named(figure, "missing")) == 2


def test_attributions_that_do_not_fit_the_input_are_refused():
    with pytest.raises(UsageError, match="shape"):
        draw_attributions(plain_sample(np.zeros((6, 6, 1))), [made((5, 6))])
    with pytest.raises(UsageError, match="no attribution"):
        draw_attributions(plain_sample(np.zeros((6, 6, 1))), [])
