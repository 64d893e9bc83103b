"""One position in pictures: what is printed adds up, and windows and positions are where they belong."""

import numpy as np
import pytest
from drawn import assert_tidy, image, named, pixels, texts
from hypothesis import given
from hypothesis import strategies as st

from convscope.lenses.figures.position import adding_decimals, draw_position
from convscope.lenses.sheet.grids import figures_of
from convscope.lenses.sheet.theme import THEMES, Scale
from convscope.lenses.views.plain import plain_sample
from convscope.scope.channels.position import Position


def made(size, into, at, shape, window, seed=0, bias=0.0123, **more):
    rng = np.random.default_rng(seed)
    patch = rng.random((*size, into)).astype(np.float32)
    padded = np.zeros(size, bool)
    if size:
        padded[0] = True
        patch[0] = 0
    kernel = rng.normal(0, 0.2, (*size, into)).astype(np.float32)
    products = patch * kernel
    total = float(products.sum(dtype=np.float64))
    known = {
        "path": "block/conv",
        "type": "Conv",
        "channel": 5,
        "at": at,
        "patch": patch,
        "kernel": kernel,
        "products": products,
        "padded": padded,
        "sum": total,
        "bias": bias,
        "before": total + bias,
        "activation": "relu",
        "value": max(0.0, total + bias),
        "input_window": window,
        "map": np.zeros(shape, np.float32),
        "inputs": np.zeros((*shape, into), np.float32),
        "channels_read": tuple(range(100, 100 + into)),
        "places": (),
    }
    position = Position(**{**known, **more})
    if shape:
        position.map[at] = position.value
    return position


CASES = [
    ((3, 3), 1, (2, 4), (10, 10), ((2, 5), (4, 7)), (12, 12, 1)),
    ((3, 3), 512, (0, 9), (10, 10), ((0, 3), (9, 12)), (224, 224, 3)),
    ((5, 5), 3, (2, 4), (10, 30), ((2, 5), (4, 7)), (12, 40, 3)),
    ((7, 7), 3, (2, 4), (300, 500), ((2, 5), (4, 7)), (600, 900, 3)),
    ((1, 1), 64, (2, 4), (10, 10), (), (12, 12, 1)),
    ((3,), 2, (50,), (100,), ((50, 53),), (102, 2)),
    ((9,), 40, (0,), (2000,), ((0, 9),), (2008, 1)),
    ((3, 3, 3), 2, (1, 2, 3), (6, 8, 8), ((1, 4), (2, 5), (3, 6)), (8, 10, 10, 1)),
    ((), 2048, (), (), ((0, 12), (0, 12)), (12, 12, 1)),
    ((), 3, (), (), (), (3,)),
    ((3, 3), 2, (1, 2, 3), (4, 8, 8), (), (4, 8, 8, 1)),
]


@pytest.mark.parametrize(("size", "into", "at", "shape", "window", "sample"), CASES)
def test_a_position_of_any_layer_is_drawn_tidily(size, into, at, shape, window, sample):
    values = np.random.default_rng(1).random(sample, np.float32)
    position = made(size, into, at, shape, window)
    figure = draw_position(position, plain_sample(values, "name " * 40), theme="dark")
    assert_tidy(figure)
    pixels(figure)


def printed(figure, said):
    """The number above a caption of the equation."""
    found = figure.axes[0].texts
    place = next(i for i, text in enumerate(found) if text.get_text() == said)
    return found[place - 1].get_text().replace("\N{MINUS SIGN}", "-")


@pytest.mark.parametrize("seed", range(4))
def test_the_printed_numbers_add_up(seed):
    from decimal import Decimal

    position = made((3, 3), 16, (2, 4), (10, 10), (), seed)
    figure = draw_position(position, plain_sample(np.zeros((12, 12, 1))))
    total, bias, before = (
        Decimal(printed(figure, said)) for said in ("sum of the products", "bias", "before the activation")
    )
    assert total + bias == before
    assert float(before) == pytest.approx(position.before, rel=1e-2)
    assert float(printed(figure, "after relu")) == pytest.approx(position.value, rel=1e-2, abs=1e-6)


def test_a_rounding_that_no_number_of_decimals_hides_is_said():
    position = made((3, 3), 1, (2, 4), (10, 10), (), before=0.5)
    said = texts(draw_position(position, plain_sample(np.zeros((12, 12, 1)))))
    assert any(text.startswith("The printed numbers are rounded") for text in said)


def test_a_model_whose_own_value_differs_is_quoted():
    position = made((3, 3), 1, (2, 4), (10, 10), ())
    position.map[2, 4] += 1e-3
    said = texts(draw_position(position, plain_sample(np.zeros((12, 12, 1)))))
    assert any("its value differs by 0.001" in text for text in said)


@given(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4))
def test_decimals_that_add_up_are_found_or_their_lack_is_known(summed, bias):
    before = summed + bias
    decimals, exact = adding_decimals(summed, bias, before)
    unit = 10**decimals
    assert exact == (round(summed * unit) + round(bias * unit) == round(before * unit))


def test_the_window_is_outlined_on_the_input_and_the_position_on_the_map():
    figure = draw_position(
        made((3, 3), 1, (2, 4), (10, 10), ((2, 5), (4, 7))), plain_sample(np.zeros((12, 12, 1)))
    )
    first, second = named(figure, "window")
    left, right, _, top = named(figure, "input")[0].get_extent()
    pixel = (right - left) / 12
    assert first.get_xy() == pytest.approx((left + 4 * pixel, top + 2 * pixel))
    assert (first.get_width(), first.get_height()) == pytest.approx((3 * pixel, 3 * pixel))
    left, right, _, top = named(figure, "map")[0].get_extent()
    pixel = (right - left) / 10
    assert second.get_xy() == pytest.approx((left + 4 * pixel, top + 2 * pixel))


def test_the_cells_hold_the_numbers_of_patch_kernel_and_products():
    position = made((3, 3), 1, (2, 4), (10, 10), ())
    said = texts(draw_position(position, plain_sample(np.zeros((12, 12, 1)))))
    for values in (position.patch[1:], position.kernel, position.products[1:]):
        figures = figures_of(values)
        for value in values.ravel():
            assert figures.write(float(value)) in said


def test_the_strongest_input_channels_are_shown_by_their_own_numbers():
    position = made((3, 3), 20, (2, 4), (10, 10), ())
    sums = np.abs(position.products.sum(axis=(0, 1)))
    said = texts(draw_position(position, plain_sample(np.zeros((12, 12, 1)))))
    assert [text for text in said if text.startswith("channel 1")] == [
        f"channel {100 + each}" for each in np.argsort(-sums)[:3]
    ]


def test_the_map_has_the_colors_of_its_values():
    position = made((3, 3), 1, (2, 4), (10, 10), ())
    position.map[:] = np.linspace(-1, 2, 100).reshape(10, 10)
    figure = draw_position(position, plain_sample(np.zeros((12, 12, 1))))
    expected = Scale(THEMES["light"], -1, 2, "diverging").colors(position.map)
    np.testing.assert_array_equal(image(figure, "map")[::40, ::40], expected)
