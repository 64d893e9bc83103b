"""Kernel banks compute what plain NumPy computes from the papers' formulas, on every backend, at any size."""

import subprocess
import sys

import keras
import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

import convscope
from convscope.errors import UsageError
from convscope.kinds.image.kernel_banks import difference_of_gaussians, gabor_kernels
from convscope.kinds.image.layers import EdgePadding2D, Energy
from convscope.kinds.registry import architectures, find_architecture
from convscope.layers import ProportionOfPositiveValues, Standardization
from convscope.models.kernel_banks import draw_groups
from convscope.scope import record, trace
from convscope.scope.describe.costs import costs
from convscope.scope.describe.explanation import explain
from convscope.scope.geometry.geometry import geometries
from convscope.workflows.load_model import open_model

pytestmark = pytest.mark.portable

BANKS = sorted(name for name, each in architectures().items() if each.is_bank)
SMALL = {
    "gabor_bank": {"orientations": 2, "wavelengths": (2.0, 4.0)},
    "difference_of_gaussians_bank": {"sigmas": (0.7, 1.4)},
    "random_convolution": {"kernels": 8},
}


def small(name, shape, **options):
    return convscope.build(name, shape, **{**SMALL[name], **options})


def samples(shape, count=3, seed=0):
    return np.random.default_rng(seed).random((count, *shape), np.float32)


def answers(model, x):
    return keras.ops.convert_to_numpy(model(x))


def correlated(x, kernel, dilation=1):
    """Every kernel at every place where it fits: (batch, positions..., channels) to (batch, ..., kernels)."""
    rank = x.ndim - 2
    axes = tuple(range(1, rank + 1))
    spans = tuple((length - 1) * dilation + 1 for length in kernel.shape[:rank])
    windows = sliding_window_view(x.astype(np.float64), spans, axis=axes)
    windows = windows[(..., *(slice(None, None, dilation),) * rank)]
    return np.tensordot(windows, kernel, (range(rank + 1, 2 * rank + 2), (rank, *range(rank))))


def edged(x, radius):
    return np.pad(x, ((0, 0), (radius, radius), (radius, radius), (0, 0)), mode="edge")


def gabor_by_hand(x, orientations, wavelengths, aspect=1.0):
    means, maxima = [], []
    gray = x.mean(-1, keepdims=True)
    for wavelength in wavelengths:
        sigma = 0.56 * wavelength
        radius = int(np.ceil(2.5 * sigma * max(1, 1 / aspect)))
        for k in range(orientations):
            t = k * np.pi / orientations
            kernels = np.zeros((2 * radius + 1, 2 * radius + 1, 1, 2))
            gaussian = np.zeros((2 * radius + 1, 2 * radius + 1))
            for i in range(2 * radius + 1):
                for j in range(2 * radius + 1):
                    u = (j - radius) * np.cos(t) + (i - radius) * np.sin(t)
                    v = (i - radius) * np.cos(t) - (j - radius) * np.sin(t)
                    gaussian[i, j] = np.exp(-(u**2 + aspect**2 * v**2) / (2 * sigma**2))
                    kernels[i, j, 0] = np.cos(2 * np.pi * u / wavelength), np.sin(2 * np.pi * u / wavelength)
            total = gaussian.sum()
            kernels[..., 0, 0] -= (gaussian * kernels[..., 0, 0]).sum() / total
            kernels *= gaussian[..., None, None] * 2 / total
            energy = np.sqrt((correlated(edged(gray, radius), kernels) ** 2).sum(-1))
            means.append(energy.mean((1, 2)))
            maxima.append(energy.max((1, 2)))
    return np.stack(means + maxima, -1)


@pytest.mark.parametrize(("shape", "aspect"), [((12, 9, 1), 1.0), ((8, 8, 3), 0.5), ((3, 2, 1), 2.0)])
def test_gabor_features_are_those_of_the_formula(shape, aspect):
    x = samples(shape)
    model = convscope.build("gabor_bank", shape, orientations=3, wavelengths=(2.0, 5.0), aspect=aspect)
    np.testing.assert_allclose(answers(model, x), gabor_by_hand(x, 3, (2.0, 5.0), aspect), atol=1e-5)


@pytest.mark.parametrize("wavelength", [3.0, 6.0, 12.0])
def test_energy_is_the_amplitude_of_a_grating_and_does_not_depend_on_its_phase(wavelength):
    y, x = np.mgrid[:48, :48]
    gratings = [0.5 + 0.3 * np.cos(2 * np.pi * x / wavelength + phase) for phase in (0.0, 0.7, 2.0)]
    gratings.append(0.5 + 0.3 * np.cos(2 * np.pi * y / wavelength))
    model = convscope.build("gabor_bank", (48, 48, 1), orientations=2, wavelengths=(wavelength,))
    energy = record(model, np.array(gratings, np.float32)[..., None], "wave1_energy")["wave1_energy"].array
    middle = energy[:, 20:28, 20:28]
    np.testing.assert_allclose(middle[:3, ..., 0], 0.3, atol=0.02)
    np.testing.assert_allclose(middle[3, ..., 1], 0.3, atol=0.02)
    assert max(middle[:3, ..., 1].max(), middle[3, ..., 0].max()) < 0.03


def test_gabor_kernels_do_not_answer_to_brightness():
    even, odd = gabor_kernels(5, 7.0, 0.5)
    np.testing.assert_allclose(even.sum((0, 1)), 0, atol=1e-12)
    np.testing.assert_allclose(odd.sum((0, 1)), 0, atol=1e-12)
    flat = answers(small("gabor_bank", (9, 9, 1)), np.full((1, 9, 9, 1), 0.8, np.float32))
    np.testing.assert_allclose(flat, 0, atol=1e-5)


@pytest.mark.parametrize("shape", [(12, 9, 1), (5, 8, 3), (1, 2, 1)])
def test_difference_of_gaussians_features_are_those_of_the_formula(shape):
    x = samples(shape)
    means, maxima = [], []
    for sigma in (0.7, 2.0):
        radius = int(np.ceil(2.5 * 1.6 * sigma))
        at = np.arange(-radius, radius + 1)
        gaussians = []
        for s in (sigma, 1.6 * sigma):
            one = np.exp(-(at**2) / (2 * s**2))
            gaussians.append(np.outer(one, one) / one.sum() ** 2)
        kernel = (gaussians[0] - gaussians[1])[..., None, None]
        found = correlated(edged(x.mean(-1, keepdims=True), radius), kernel)[..., 0]
        for sign in (1, -1):
            means.append(np.maximum(sign * found, 0).mean((1, 2)))
            maxima.append(np.maximum(sign * found, 0).max((1, 2)))
    model = convscope.build("difference_of_gaussians_bank", shape, sigmas=(0.7, 2.0))
    np.testing.assert_allclose(answers(model, x), np.stack(means + maxima, -1), atol=1e-5)


def test_a_difference_of_gaussians_finds_the_spot_of_its_own_size():
    y, x = np.mgrid[:33, :33] - 16
    spots = [np.exp(-(x**2 + y**2) / (2 * s**2)) for s in (1.0, 4.0)]
    model = convscope.build("difference_of_gaussians_bank", (33, 33, 1), sigmas=(0.9, 3.6))
    found = answers(model, np.array([*spots, *(1 - spot for spot in spots)], np.float32)[..., None])
    strongest = found[:, 4:]  # brighter and darker of the small size, then of the large one
    assert strongest.argmax(1).tolist() == [0, 2, 1, 3]
    np.testing.assert_allclose(difference_of_gaussians(2.0).sum(), 0, atol=1e-12)


def rocket_by_hand(x, groups):
    """Each kernel on its own, position by position."""
    rank = x.ndim - 2
    axes = tuple(range(1, rank + 1))
    x = x.astype(np.float64)
    x = (x - x.mean(axes, keepdims=True)) / np.maximum(x.std(axes, keepdims=True), 1e-30)
    shares, maxima = [], []
    for group in groups:
        border = group.dilation * (group.length - 1) // 2 if group.padding == "same" else 0
        padded = np.pad(x, ((0, 0), *((border, border),) * rank, (0, 0)))
        values = correlated(padded, group.weights, group.dilation) + group.biases
        shares.append((values > 0).mean(axes))
        maxima.append(values.max(axes))
    return np.concatenate(shares + maxima, -1)


@pytest.mark.parametrize(
    ("shape", "lengths"),
    [
        ((40, 1), (7, 9, 11)), ((25, 3), (7, 9, 11)), ((9, 1), (7, 9, 11)), ((2, 1), (7, 9, 11)),
        ((12, 15, 2), (3, 5, 7)), ((4, 6, 1), (3, 5, 7)), ((6, 7, 5, 1), (3, 5)),
    ],
)  # fmt: skip
def test_random_features_are_those_of_brute_force(shape, lengths):
    x = samples(shape)
    model = convscope.build("random_convolution", shape, kernels=6, seed=5)
    expected = rocket_by_hand(x, draw_groups(shape, 6, lengths, 5))
    np.testing.assert_allclose(answers(model, x), expected, atol=1e-5)


def test_random_kernels_are_as_the_paper_draws_them():
    groups = draw_groups((512, 1), 3000, (7, 9, 11), 0)
    counts = dict.fromkeys((7, 9, 11), 0)
    for group in groups:
        counts[group.length] += len(group.biases)
        np.testing.assert_allclose(group.weights.sum(0), 0, atol=1e-9)
        assert (np.abs(group.biases) <= 1).all()
        assert (group.length - 1) * group.dilation + 1 <= 512
    assert sum(counts.values()) == 3000
    assert all(900 < count < 1100 for count in counts.values())
    every = np.concatenate([group.weights.ravel() for group in groups if group.length == 9])
    assert 0.85 < np.var(every) < 0.92  # 1 - 1/9 is left of a variance of 1 after centring
    biases = np.concatenate([group.biases for group in groups])
    assert abs(biases.mean()) < 0.03
    assert abs(biases.std() - 1 / np.sqrt(3)) < 0.02
    assert {group.dilation for group in groups if group.length == 7} == {1, 2, 4, 8, 16, 32, 64}
    padded = sum(len(group.biases) for group in groups if group.padding == "same")
    assert 1400 < padded < 1600


def test_kernels_of_every_rank_and_channel_count_answer_as_strongly_as_those_of_a_series():
    for shape, lengths in (((64, 1), (9,)), ((64, 6), (9,)), ((32, 32, 1), (7,)), ((12, 12, 12, 2), (5,))):
        squares = [np.square(g.weights).sum(tuple(range(g.weights.ndim - 1)))
                   for g in draw_groups(shape, 400, lengths, 1)]  # fmt: skip
        assert np.concatenate(squares).mean() == pytest.approx(lengths[0], rel=0.15)


def test_of_several_channels_a_kernel_reads_some():
    (group, *_) = draw_groups((6, 5), 300, (7,), 0)
    read = (group.weights != 0).any(0).sum(0)
    assert {1, 2, 3, 4, 5} == set(read.tolist())


def test_the_seed_alone_decides_the_weights():
    one, same, other = (small("random_convolution", (20, 1), seed=seed) for seed in (3, 3, 4))
    for a, b in zip(one.get_weights(), same.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    first = np.concatenate([w.ravel() for w in one.get_weights()])
    second = np.concatenate([w.ravel() for w in other.get_weights()])
    assert not np.array_equal(np.sort(first), np.sort(second))


@pytest.mark.parametrize("name", BANKS)
@pytest.mark.parametrize("side", [1, 2, 3, 8])
def test_samples_of_any_size_give_as_many_features(name, side):
    model = small(name, (side, side, 1))
    made = answers(model, samples((side, side, 1)))
    assert made.shape == (3, *small(name, (16, 16, 1)).output_shape[1:])
    assert np.isfinite(made).all()


@pytest.mark.parametrize("length", range(1, 9))
def test_series_of_any_length_give_as_many_features(length):
    made = answers(small("random_convolution", (length, 1)), samples((length, 1)))
    assert made.shape == (3, 16)
    assert np.isfinite(made).all()


@pytest.mark.parametrize("name", BANKS)
def test_a_bank_is_frozen_float32_and_survives_saving(name, tmp_path):
    model = small(name, (10, 12, 3))
    assert model.trainable_weights == []
    assert len(model.weights) > 0
    x = samples((10, 12, 3))
    made = answers(model, x)
    assert made.dtype == np.float32
    assert model.layers[-1].name == "features"
    model.save(tmp_path / "bank.keras")
    loaded = keras.models.load_model(tmp_path / "bank.keras")
    np.testing.assert_array_equal(answers(loaded, x), made)
    assert loaded.trainable_weights == []


def test_a_saved_bank_is_opened_by_a_process_that_has_not_built_one(tmp_path):
    small("random_convolution", (8, 1)).save(tmp_path / "bank.keras")
    code = f"""from convscope.workflows.load_model import open_model
print(open_model({str(tmp_path / "bank.keras")!r}).model.output_shape)"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(None, 16)"


@pytest.mark.parametrize("name", BANKS)
def test_every_layer_of_a_bank_is_explained_counted_and_located(name):
    model = small(name, (16, 16, 1))
    explanation = explain(model)
    assert not [layer.path for layer in explanation.layers if "is not a layer of Keras" in layer.text]
    graph = trace(model)
    assert None not in costs(graph).values()
    where = geometries(graph)
    assert all(where[call.path].receptive_field is not None for call in graph.calls)


def test_a_border_and_an_energy_move_receptive_fields_as_the_convolution_alone():
    where = geometries(trace(small("gabor_bank", (16, 16, 1))))
    assert where["wave2_energy"].receptive_field == (13, 13)
    assert where["wave2_energy"].window((0, 5)) == ((0, 7), (0, 12))


@pytest.mark.parametrize("name", BANKS)
def test_a_bank_is_opened_by_name_with_options_in_brackets(name):
    opened = open_model(name, input_shape=(8, 8, 1))
    assert opened.architecture is find_architecture(name)
    assert opened.origin == f"the kernel bank {name} for 8x8x1"
    assert opened.model.name == name


def test_options_in_brackets_reach_the_bank():
    opened = open_model("random_convolution(kernels=3, seed=7)", input_shape=(8, 1))
    assert opened.model.output_shape == (None, 6)
    assert opened.name == "random_convolution"
    with pytest.raises(UsageError, match="takes its options by name"):
        open_model("random_convolution(3)", input_shape=(8, 1))
    with pytest.raises(UsageError, match="has no option 'kernel'"):
        open_model("random_convolution(kernel=3)", input_shape=(8, 1))


@pytest.mark.parametrize(
    ("name", "shape", "options", "received"),
    [
        ("gabor_bank", (8, 8), {}, r"input_shape=\(8, 8\)"),
        ("gabor_bank", (8, 8, 1), {"orientations": 0}, "orientations=0"),
        ("gabor_bank", (8, 8, 1), {"wavelengths": (1.0,)}, r"wavelengths=\(1.0,\)"),
        ("gabor_bank", (8, 8, 1), {"wavelengths": ()}, r"wavelengths=\(\)"),
        ("gabor_bank", (8, 8, 1), {"wavelengths": (200.0,)}, "a wavelength of 200 .* pixels"),
        ("gabor_bank", (8, 8, 1), {"aspect": 0.0}, "aspect=0.0"),
        ("difference_of_gaussians_bank", (0, 8, 1), {}, r"input_shape=\(0, 8, 1\)"),
        ("difference_of_gaussians_bank", (8, 8, 1), {"sigmas": (0.0,)}, r"sigmas=\(0.0,\)"),
        ("difference_of_gaussians_bank", (8, 8, 1), {"ratio": 1.0}, "ratio=1.0"),
        ("random_convolution", (8,), {}, r"input_shape=\(8,\)"),
        ("random_convolution", (2, 2, 2, 2, 1), {}, r"input_shape=\(2, 2, 2, 2, 1\)"),
        ("random_convolution", (8, 1), {"kernels": 0}, "kernels=0"),
        ("random_convolution", (8, 1), {"lengths": (4,)}, r"lengths=\(4,\)"),
        ("random_convolution", (8, 1), {"lengths": ()}, r"lengths=\(\)"),
        ("random_convolution", (8, 1), {"seed": -1}, "seed=-1"),
        ("gabor_bank", (8, 8, 1), {"classes": 7}, "classes=7"),
    ],
)
def test_what_cannot_be_built_is_refused_with_what_was_received(name, shape, options, received):
    with pytest.raises(UsageError, match=f"Received: .*{received}"):
        convscope.build(name, shape, **options)


def test_pooling_and_filtering_layers_compute_their_formulas_in_every_rank():
    for shape in ((5, 2), (3, 4, 2), (2, 3, 4, 2)):
        x = samples(shape) - 0.5
        axes = tuple(range(1, len(shape)))
        shares = keras.ops.convert_to_numpy(ProportionOfPositiveValues()(x))
        np.testing.assert_allclose(shares, (x > 0).mean(axes), atol=1e-6)
        standard = keras.ops.convert_to_numpy(Standardization()(x))
        np.testing.assert_allclose(
            standard, (x - x.mean(axes, keepdims=True)) / x.std(axes, keepdims=True), atol=1e-5
        )
        energy = keras.ops.convert_to_numpy(Energy()([x, 2 * x]))
        np.testing.assert_allclose(energy, np.maximum(np.sqrt(5) * np.abs(x), 1e-6), atol=1e-6)


def test_what_does_not_vary_becomes_zero_whatever_its_size():
    for value in (0.0, 0.1, 1e6, -3e-7):
        made = keras.ops.convert_to_numpy(Standardization()(np.full((1, 37, 1), value, np.float32)))
        np.testing.assert_array_equal(made, 0)


@pytest.mark.parametrize("padding", [((0, 0), (0, 0)), ((1, 2), (3, 0)), ((7, 0), (0, 9))])
def test_edge_padding_is_that_of_numpy(padding):
    x = samples((3, 4, 2))
    made = keras.ops.convert_to_numpy(EdgePadding2D(padding)(x))
    np.testing.assert_array_equal(made, np.pad(x, ((0, 0), *padding, (0, 0)), mode="edge"))
