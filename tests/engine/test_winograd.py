"""A convolution with tiles gives the numbers of the plain sum, and is taken only where it is faster."""

from itertools import product

import keras
import numpy as np
import pytest
from keras import layers

from convscope.engine.inference import feature_choice
from convscope.engine.inference.feature_report import EngineReport
from convscope.engine.inference.features import feature_engine
from convscope.engine.inference.openvino import Converted
from convscope.engine.inference.openvino_winograd import convolutions, fastest_tiles
from convscope.engine.inference.winograd import LONGEST, ConvolutionShape, plan_tiles, transforms
from convscope.scope.record import record


def values(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize(
    ("tile", "kernel"), [pair for pair in product(range(1, 8), range(1, 8)) if sum(pair) - 1 <= LONGEST]
)
def test_the_transforms_of_one_axis_give_the_sliding_sums(tile, kernel):
    output, weights, inputs = transforms(tile, kernel)
    w, x = values(kernel).astype(np.float64), values(tile + kernel - 1, seed=1).astype(np.float64)
    found = output @ ((weights @ w) * (inputs @ x))
    np.testing.assert_allclose(found, np.correlate(x, w, "valid"), atol=1e-11)


CASES = [
    ((9,), (3,), (1,)),
    ((8, 11), (3, 3), (1, 0)),
    ((9, 7), (5, 3), (2, 1)),
    ((6, 9), (1, 3), (0, 1)),
    ((5, 6, 7), (3, 3, 3), (1, 1, 1)),
]


@pytest.mark.parametrize(("lengths", "kernel", "before"), CASES)
@pytest.mark.parametrize("tile", [2, 3, 4])
def test_a_plan_computes_the_convolution(lengths, kernel, before, tile):
    samples, channels, filters = 3, 4, 5
    positions = tuple(n + 2 * zeros - k + 1 for n, zeros, k in zip(lengths, before, kernel, strict=True))
    shape = ConvolutionShape(positions, kernel, channels, filters)
    x, w = values(samples, *lengths, channels), values(*kernel, channels, filters, seed=1)
    planned = plan_tiles(shape, tile, w, samples, lengths, before)
    rows = np.concatenate([x.reshape(-1, channels), np.zeros((1, channels), np.float32)])
    stretch = len(planned.weights)
    taken = rows[planned.input_rows].reshape(stretch, -1, channels)
    wide = np.einsum("st,tpc->spc", planned.input_transform, taken)
    small = np.einsum("ms,spo->mpo", planned.output_transform, wide @ planned.weights)
    found = small.reshape(-1, filters)[planned.output_rows].reshape(samples, *positions, filters)
    padded = np.pad(x, [(0, 0), *((zeros, zeros) for zeros in before), (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(
        padded, kernel, axis=tuple(range(1, 1 + len(kernel)))
    ).astype(np.float64)
    letters = "xyz"[: len(kernel)]
    spots = "ijk"[: len(kernel)]
    expected = np.einsum(f"b{spots}c{letters},{letters}co->b{spots}o", windows, w.astype(np.float64))
    np.testing.assert_allclose(found, expected, atol=2e-5 * np.abs(expected).max())


def test_fewer_multiplications_are_promising_and_kernels_of_one_are_not():
    wide = ConvolutionShape((12, 12), (3, 3), 128, 512)
    assert wide.plain == 12 * 12 * 9 * 128 * 512
    assert wide.promising()[0] in (4, 6)
    assert all(wide.multiplications(tile) < 0.75 * wide.plain for tile in wide.promising(9))
    assert ConvolutionShape((12, 12), (1, 1), 128, 512).promising() == []
    assert ConvolutionShape((12, 12), (3, 3), 1, 4).promising() == []  # the transforms outweigh one channel
    assert ConvolutionShape((12, 12), (9, 9), 64, 64).promising() == []  # too long for any tile


def network():
    keras.utils.set_random_seed(4)
    return keras.Sequential(
        [
            keras.Input((13, 11, 3)),
            layers.Conv2D(4, 3, name="first", activation="relu"),
            layers.Conv2D(6, 5, padding="same", name="second"),
            layers.BatchNormalization(name="norm"),
            layers.MaxPooling2D(name="pool"),
            layers.Conv2D(5, 3, strides=2, padding="same", name="strided"),
            layers.Conv2D(7, (1, 3), padding="same", name="flat"),
            layers.Conv2D(7, 2, padding="same", name="even", activation="tanh"),
        ]
    )


@pytest.fixture
def pictures():
    return np.random.default_rng(0).integers(0, 256, (7, 13, 11, 3), dtype=np.uint8)


def scaled(x):
    return np.multiply(x, np.float32(1 / 255), dtype=np.float32)


@pytest.fixture
def converted(backend):
    if backend != "tensorflow":
        pytest.skip("OpenVINO converts the graphs of TensorFlow and PyTorch; the form is the same")
    model = network()
    return Converted(lambda x: [model(x)], model, np.zeros((2, 13, 11, 3), np.float32))


def test_a_convolution_with_a_stride_stays(converted):
    found = convolutions(converted._of_size(2))
    assert [each is None for each in found] == [False, False, True, False, False]
    assert [each.shape.kernel for each in found if each] == [(3, 3), (5, 5), (1, 3), (2, 2)]
    assert [each.before for each in found if each] == [(0, 0), (2, 2), (0, 1), (0, 0)]


@pytest.mark.parametrize("size", [1, 4])
def test_a_model_with_tiles_gives_the_same_numbers(converted, pictures, size):
    x = scaled(pictures)
    plain = next(converted.compile(size, 1, "float32").results(iter([x])))[0]
    tiled = next(converted.compile(size, 2, "float32", (4, 2, 0, 3, 5)).results(iter([x])))[0]
    assert tiled.shape == plain.shape == (7, 3, 2, 7)
    np.testing.assert_allclose(tiled, plain, atol=1e-5)
    assert np.ptp(plain) > 0.1


def test_each_convolution_takes_its_fastest_tile_or_stays(converted, monkeypatch):
    monkeypatch.setattr(ConvolutionShape, "promising", lambda self, most=2, share=0.75: [2, 3][:most])
    raced = []

    def race(graphs):
        kernel = convolutions(graphs[0])[0].shape.kernel
        raced.append(kernel)
        return {(3, 3): [1.0, 1.05, 1.01], (5, 5): [1.0, 1.4, 1.5]}.get(kernel, [1.0, 1.6, 0.5])

    assert fastest_tiles(converted._of_size(2), race, 60) == (0, 3, 0, 2, 2)
    assert len(raced) == 4
    assert fastest_tiles(converted._of_size(2), race, -1) == (0, 0, 0, 0, 0)


def engine(model, pictures, **options):
    return feature_engine(
        model,
        ["second", "even"],
        "none",
        pictures,
        prepare=scaled,
        scaling=(1 / 255, 0.0),
        precision="float32",
        predictions=False,
        **options,
    )


def agrees(made, model, pictures):
    features, _ = next(made.run(iter([pictures])))
    recorded = record(model, scaled(pictures), ["second", "even"])
    for path, found in features.items():
        np.testing.assert_allclose(found, recorded[path].array, atol=2e-5)


def test_an_engine_with_tiles_says_so_and_is_made_again_from_its_report(converted, pictures, monkeypatch):
    model = network()
    tiles = (4, 2, 0, 0, 5)
    monkeypatch.setattr(Converted, "fastest_tiles", lambda self, *_: tiles)
    monkeypatch.setattr(feature_choice, "rates_of", lambda *_: [1.0, 2.0])
    made = engine(model, pictures)
    assert made.report.tiles == tiles
    assert "3 of 5 convolutions by Winograd's filtering" in str(made.report)
    agrees(made, model, pictures)
    report = EngineReport.from_json(made.report.to_json())
    assert report == made.report
    again = engine(model, pictures, settled=report)
    agrees(again, model, pictures)
    for one, other in zip(made.run(iter([pictures])), again.run(iter([pictures])), strict=True):
        assert all(np.array_equal(one[0][path], other[0][path]) for path in one[0])


@pytest.mark.parametrize(
    ("rates", "cosine", "count"), [([1.0, 1.0], 1.0, None), ([1.0, 2.0], 0.5, None), ([1.0, 2.0], 1.0, 10)]
)
def test_tiles_that_are_slow_or_far_off_or_for_few_samples_are_left(
    converted, pictures, monkeypatch, rates, cosine, count
):
    real = feature_choice.closeness
    asked = []

    def closeness(found, expected, paths):
        deviation, cosines = real(found, expected, paths)
        return deviation, {path: cosine if asked else value for path, value in cosines.items()}

    def fastest(self, *_):
        asked.append(True)
        return (4, 2, 0, 0, 5)

    monkeypatch.setattr(Converted, "fastest_tiles", fastest)
    monkeypatch.setattr(feature_choice, "rates_of", lambda *_: rates)
    monkeypatch.setattr(feature_choice, "closeness", closeness)
    made = engine(network(), pictures, count=count)
    assert made.report.tiles == ()
    assert bool(asked) == (count is None)
    assert min(made.report.cosine.values()) > 0.999


def test_what_fails_in_search_of_tiles_leaves_the_plain_sums(converted, pictures, monkeypatch):
    def fails(self, *_):
        raise RuntimeError("no such operation")

    monkeypatch.setattr(Converted, "fastest_tiles", fails)
    model = network()
    made = engine(model, pictures)
    assert made.report.engine == "openvino"
    assert made.report.tiles == ()
    assert "convolutions are plain sums: no such operation" in made.report.reason
    agrees(made, model, pictures)
