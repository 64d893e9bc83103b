"""Kernels are drawn as they are or by their norms, at every size and number of axes."""

import numpy as np
import pytest
from drawn import assert_tidy, bar_limits, image, named, pixels, texts

from convscope.lenses.figures.kernels import draw_kernels
from convscope.lenses.sheet.theme import THEMES, Scale
from convscope.scope.channels.kernels import Kernels


def made(shape, kind="Conv2D", excitations=None, chosen=(), seed=0):
    weights = np.random.default_rng(seed).normal(0, 0.1, shape).astype(np.float32)
    norms = np.sqrt((weights**2).sum(axis=tuple(range(len(shape) - 2))))
    return Kernels("block/" * 30 + "conv", kind, weights, norms, excitations, chosen)


@pytest.mark.parametrize(
    ("shape", "kind", "theme"),
    [
        ((3, 3, 1, 32), "Conv2D", "light"),
        ((7, 7, 3, 64), "Conv2D", "dark"),
        ((3, 3, 64, 128), "Conv2D", "light"),
        ((1, 1, 512, 2048), "Conv2D", "dark"),
        ((1, 1, 2048, 512), "Conv2D", "light"),
        ((3, 3, 2, 1), "Conv2D", "light"),
        ((3, 3, 1, 512), "DepthwiseConv2D", "light"),
        ((9, 1, 4), "Conv1D", "light"),
        ((5, 300, 40), "Conv1D", "dark"),
        ((3, 3, 3, 1, 16), "Conv3D", "light"),
        ((3, 3, 3, 8, 16), "Conv3D", "light"),
        ((512, 10), "Dense", "dark"),
    ],
)
def test_kernels_of_any_shape_are_drawn_tidily(shape, kind, theme):
    figure = draw_kernels(made(shape, kind), theme=theme)
    assert_tidy(figure)
    pixels(figure)


@pytest.mark.parametrize("shape", [(4, 20, 20, 3), (4, 20, 20, 1), (4, 50, 2), (4, 6, 8, 8, 1), (4, 12)])
def test_what_excites_kernels_is_drawn_with_their_numbers(shape):
    excitations = np.random.default_rng(1).random(shape, np.float32)
    figure = draw_kernels(made((3, 3, 8, 40), excitations=excitations, chosen=(3, 11, 25, 38)))
    assert_tidy(figure)
    assert {"3", "11", "25", "38"} <= {text.partition(":")[0] for text in texts(figure)}


def test_a_gray_kernel_has_its_weights_as_pixels_and_0_as_middle_gray():
    kernels = made((3, 3, 1, 4))
    kernels.weights[1, 1, 0, 0] = 0
    figure = draw_kernels(kernels)
    low, high = float(kernels.weights.min()), float(kernels.weights.max())
    assert bar_limits(figure) == [(low, high)]
    drawn = image(figure, "kernels")
    factor = (drawn.shape[1] - 2 - 3 * 12) // 12
    top = drawn.shape[0] - 3 * factor - 1
    cut = drawn[top : top + 3 * factor : factor, 1 : 1 + 3 * factor : factor]
    np.testing.assert_array_equal(
        cut, Scale(THEMES["light"], low, high, "gray").colors(kernels.weights[..., 0, 0])
    )
    assert abs(int(cut[1, 1, 0]) - 128) <= 1


def test_norms_are_on_a_scale_from_0():
    kernels = made((3, 3, 16, 20))
    figure = draw_kernels(kernels)
    assert bar_limits(figure) == [(0.0, pytest.approx(float(kernels.norms.max())))]
    scale = Scale(THEMES["light"], 0.0, float(kernels.norms.max()))
    np.testing.assert_array_equal(image(figure, "norms")[::40, ::40], scale.colors(kernels.norms))


def test_a_weight_that_is_not_finite_is_hatched_and_counted():
    kernels = made((3, 3, 3, 8))
    kernels.weights[0, 0, 0, 2] = np.nan
    figure = draw_kernels(kernels)
    assert len(named(figure, "missing")) == 1
    assert "hatched: 1 of 216 values not finite (NaN or infinite)" in texts(figure)
