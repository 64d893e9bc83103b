"""ConvFeatures is an estimator like those of scikit-learn, and gives what the layers put out."""

import pickle
import subprocess
import sys

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import convscope
from convscope import ConvFeatures
from convscope.errors import UsageError
from convscope.scope import record

QUICK = {"batch_size": 16, "precision": "float32"}


@parametrize_with_checks(
    [ConvFeatures("random_convolution(kernels=4, lengths=(3,))", random_state=0, **QUICK)],
    expected_failed_checks={},  # none is excused
)
def test_it_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def digits():
    found = load_digits()
    return found.images, found.target


def test_a_pipeline_with_random_kernels_beats_the_pixels(digits):
    images, labels = digits
    bank = make_pipeline(
        ConvFeatures("random_convolution(kernels=300)", random_state=0, batch_size=64),
        StandardScaler(),
        LogisticRegression(max_iter=500),
    )
    pixels = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    bank.fit(images[:600], labels[:600])
    pixels.fit(images[:600].reshape(600, -1), labels[:600])
    reached = bank.score(images[600:1200], labels[600:1200])
    assert reached > 0.93
    assert reached > pixels.score(images[600:1200].reshape(600, -1), labels[600:1200])


@pytest.mark.parametrize("pool", ["mean", "max", "flatten"])
def test_features_are_the_recorded_maps_pooled(small_model, pool):
    x = np.random.default_rng(0).random((20, 16, 16, 1), np.float32)
    made = ConvFeatures(small_model, layer=["shapes", "edges"], pool=pool, precision="float32").fit(x)
    found = made.transform(x)
    taps = record(small_model, x, ["edges", "shapes"])
    pooled = {
        "mean": lambda maps: maps.mean(axis=(1, 2)),
        "max": lambda maps: maps.max(axis=(1, 2)),
        "flatten": lambda maps: maps.reshape(len(maps), -1),
    }[pool]
    expected = np.concatenate([pooled(taps[layer].array) for layer in ("edges", "shapes")], axis=1)
    assert made.layers_ == ("edges", "shapes")
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)
    names = made.get_feature_names_out()
    assert len(names) == found.shape[1] == made.n_features_out_
    assert names[0] == "edges[0]"
    assert names[-1] == f"shapes[{expected.shape[1] - len([n for n in names if n.startswith('edges')]) - 1}]"


def test_by_default_it_takes_the_last_convolution(small_model):
    x = np.zeros((3, 16, 16, 1), np.float32)
    assert ConvFeatures(small_model, **QUICK).fit(x).layers_ == ("shapes",)


def test_all_ways_of_giving_pictures_are_the_same(digits):
    images = digits[0][:30]
    made = ConvFeatures("gabor_bank", **QUICK).fit(images)
    expected = made.transform(images)
    assert made.input_shape_ == (8, 8, 1)
    np.testing.assert_array_equal(made.transform(images[..., None]), expected)
    flat = ConvFeatures("gabor_bank", input_shape=(8, 8, 1), **QUICK).fit(images.reshape(30, -1))
    np.testing.assert_array_equal(flat.transform(images.reshape(30, -1)), expected)
    for model in (small_pictures(), small_pictures(size=None)):
        one = ConvFeatures(model, **QUICK).fit(images)
        np.testing.assert_array_equal(one.transform(images), one.transform(images[..., None]))


def small_pictures(size=8):
    inputs = keras.Input((size, size, 1))
    return keras.Model(inputs, keras.layers.Conv2D(3, 3, name="conv")(inputs))


def test_series_of_one_and_of_several_channels():
    series = np.random.default_rng(0).normal(0, 1, (10, 12))
    one = ConvFeatures("random_convolution(kernels=5)", random_state=0, **QUICK)
    assert one.fit_transform(series).shape == (10, 10)
    assert one.input_shape_ == (12, 1)
    several = one.set_params(input_shape=(4, 3)).fit(series.reshape(10, 4, 3))
    assert several.input_shape_ == (4, 3)
    assert several.transform(series.reshape(10, 4, 3)).shape == (10, 10)


@pytest.mark.parametrize(
    ("preprocess", "factor", "offset"), [("auto", 1 / 255, 0), ("0..255", 1, 0), ("-1..1", 2 / 255, -1)]
)
def test_uint8_pictures_are_scaled_and_all_else_is_not(preprocess, factor, offset):
    model = small_pictures()
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 1), np.uint8)
    made = ConvFeatures(model, preprocess=preprocess, **QUICK).fit(pixels)
    expected = made.transform((pixels * factor + offset).astype(np.float32))
    np.testing.assert_allclose(made.transform(pixels), expected, atol=1e-4 * max(1, factor * 255))


def test_the_seed_is_that_of_the_kernels():
    x = np.random.default_rng(0).normal(0, 1, (8, 9))

    def features(model, random_state):
        return ConvFeatures(model, random_state=random_state, **QUICK).fit_transform(x)

    name = "random_convolution(kernels=5)"
    np.testing.assert_array_equal(features(name, 1), features(name, 1))
    assert not np.allclose(features(name, 1), features(name, 2))
    assert not np.allclose(features(name, None), features(name, None))
    fixed = "random_convolution(kernels=5, seed=7)"
    np.testing.assert_array_equal(features(fixed, 1), features(fixed, None))


def test_a_pickle_holds_the_model_and_answers_the_same_in_another_process(tmp_path):
    x = np.random.default_rng(0).normal(0, 1, (8, 9))
    made = ConvFeatures("random_convolution(kernels=5)", random_state=0).fit(x)
    expected = made.transform(x)
    (tmp_path / "made.pickle").write_bytes(pickle.dumps(made))
    np.save(tmp_path / "x.npy", x)
    code = (
        "import pickle, numpy as np\n"
        "made = pickle.load(open('made.pickle', 'rb'))\n"
        "np.save('found.npy', made.transform(np.load('x.npy')))\n"
        "print(made.report_.engine)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(np.load(tmp_path / "found.npy"), expected)
    assert done.stdout.split() == [made.report_.engine]


def test_clones_cross_validation_and_data_frames(small_model, digits):
    images, labels = digits
    made = ConvFeatures("difference_of_gaussians_bank", **QUICK)
    assert clone(made).get_params() == made.get_params()
    scores = cross_val_score(
        make_pipeline(made, LogisticRegression(max_iter=300)), images[:90], labels[:90], cv=2
    )
    assert scores.shape == (2,)
    assert clone(ConvFeatures(small_model)).model is not small_model
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    table = made.set_output(transform="pandas").fit_transform(images[:4])
    assert isinstance(table, pandas.DataFrame)
    assert table.columns[0] == "features[0]"


def test_a_run_and_a_file_can_be_taken(finished, model_file, pictures, tmp_path):
    from PIL import Image

    files = sorted((pictures / "disc").iterdir())[:5]
    x = np.stack([np.asarray(Image.open(file)) for file in files])
    for name, model in (("run", str(finished.folder)), ("file", str(model_file))):
        made = ConvFeatures(model, **QUICK).fit(x)
        found = made.transform(x)
        features = convscope.extract(model, pictures / "disc", out=tmp_path / name, precision="float32")
        np.testing.assert_allclose(found, features.matrix()[:5], atol=1e-4)


@pytest.mark.parametrize(
    ("options", "shape", "error", "message"),
    [
        ({"model": "no_such_model"}, (3, 8), UsageError, "No model is named"),
        ({"model": "gabor_bank"}, (3, 8), UsageError, "takes"),
        ({"layer": "nothing"}, (3, 8), UsageError, "nothing"),
        ({"pool": "none"}, (3, 8), UsageError, "pool='none' is not supported"),
        ({"batch_size": 0}, (3, 8), UsageError, "batch_size must be at least 1"),
        ({"preprocess": "0..7"}, (3, 8), UsageError, "No preprocessing"),
        ({"input_shape": (5, 1)}, (3, 8), UsageError, "X has samples of shape"),
        ({}, (0, 8), ValueError, "0 sample"),
    ],
)
def test_a_mistake_is_named_in_fit(options, shape, error, message):
    made = ConvFeatures(**{"model": "random_convolution(kernels=2)", **QUICK, **options})
    with pytest.raises(error, match=message):
        made.fit(np.zeros(shape))


def test_it_must_be_fitted_and_keeps_the_shape(small_model):
    with pytest.raises(NotFittedError):
        ConvFeatures(small_model).transform(np.zeros((1, 16, 16, 1)))
    made = ConvFeatures(small_model, **QUICK).fit(np.zeros((2, 16, 16, 1)))
    with pytest.raises(ValueError, match="X has samples of shape"):
        made.transform(np.zeros((2, 16, 17, 1)))
    two = keras.Model([keras.Input((4,)), b := keras.Input((4,))], b)
    with pytest.raises(UsageError, match="takes 2 inputs"):
        ConvFeatures(two).fit(np.zeros((2, 4)))
