"""Interpolation of maps against SciPy and Keras, in every number of dimensions."""

import keras
import numpy as np
import pytest
from scipy.ndimage import zoom

from convscope.errors import UsageError
from convscope.scope.attribution.resize import resized

pytestmark = pytest.mark.portable


@pytest.mark.parametrize(
    ("old", "new"),
    [((5,), (12,)), ((3, 4), (7, 11)), ((2, 3, 4), (5, 3, 9)), ((8, 8), (3, 5)), ((1, 3), (4, 3))],
)
def test_corners_lie_as_with_scipy(old, new):
    maps = np.random.default_rng(0).random((2, *old, 3)).astype("float32")
    factors = (1, *(n / o for n, o in zip(new, old, strict=True)), 1)
    np.testing.assert_allclose(resized(maps, new), zoom(maps, factors, order=1), atol=1e-6)


def test_centers_lie_as_with_image_libraries():
    maps = np.random.default_rng(0).random((2, 3, 4, 1)).astype("float32")
    expected = keras.ops.image.resize(maps, (9, 10), interpolation="bilinear", data_format="channels_last")
    found = resized(maps, (9, 10), "centers")
    np.testing.assert_allclose(found, keras.ops.convert_to_numpy(expected), atol=1e-6)


def test_a_map_with_nan_spoils_only_its_neighbourhood():
    maps = np.zeros((1, 5), "float32")
    maps[0, 0] = np.nan
    assert np.isnan(resized(maps, (9,))[0]).tolist() == [True, True] + [False] * 7


def test_an_unknown_way_is_refused():
    with pytest.raises(UsageError, match=r"'corners' or 'centers'.*'bilinear'"):
        resized(np.zeros((1, 2)), (4,), "bilinear")
