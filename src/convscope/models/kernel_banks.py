"""Banks of kernels that nobody trained: fixed or random convolutions whose answers, pooled, are features.

Each bank gives one vector of features for a sample, is frozen, and has the same weights on every backend.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import keras
import numpy as np
import numpy.typing as npt
from keras import layers

from convscope.errors import UsageError
from convscope.layers import EdgePadding2D, Energy, ProportionOfPositiveValues, Standardization
from convscope.models.random_kernels import draw_groups

Kernel = npt.NDArray[np.float64]

BANDWIDTH = 0.56
"""Sigma of a Gabor kernel by its wavelength, for a bandwidth of one octave."""
EXTENT = 2.5
"""Kernels end at so many sigma of their (widest) Gaussian, where it has fallen to 4 % of its height."""
LARGEST_KERNEL = 255
"""In pixels; a larger kernel takes minutes."""


def gabor_bank(
    input_shape: tuple[int, ...],
    orientations: int = 8,
    wavelengths: Sequence[float] = (3.0, 6.0, 12.0),
    aspect: float = 1.0,
) -> keras.Model:
    """Gabor kernels: how much there is of stripes of each width and direction.

    A kernel is a wave under a Gaussian. With u = x cos t + y sin t across the stripes, v = y cos t - x sin t
    along them, the wavelength w, s = 0.56 w and the aspect a:

        g(x, y) = exp(-(u^2 + a^2 v^2) / (2 s^2)),  even = g (cos(2 pi u / w) - d),  odd = g sin(2 pi u / w)

    with d such that the even kernel adds up to 0 like the odd one: brightness alone is no answer. Both are
    divided by half the sum of g, so that their energy, the root of the sum of their squared answers, is the
    amplitude of a grating of that wavelength and direction. Of each energy map the mean and the maximum
    are taken. (Daugman 1985, "Uncertainty relation for resolution in space, spatial frequency, and
    orientation optimized by two-dimensional visual cortical filters"; Jones and Palmer 1987, "An
    evaluation of the two-dimensional Gabor filter model of simple receptive fields in cat striate
    cortex".) Channels are averaged; beyond its border a picture goes on with its outermost pixels, so
    that pictures of any size work, down to one pixel.

    Args:
        input_shape: (height, width, channels).
        orientations: How many directions, evenly over half a turn, from vertical stripes on.
        wavelengths: Of the stripes, in pixels, each at least 2.
        aspect: Width of the Gaussian by its length along the stripes; 0.5 is twice as long, more
            selective for the direction, and costs four times as much.

    Returns:
        A frozen functional model to float32 features of shape (batch, 2 * wavelengths * orientations): the
        means, wavelength by wavelength, each over all directions, then the maxima likewise.

    Raises:
        UsageError: No picture's shape, or options that cannot work.
    """
    _check_picture("gabor_bank", input_shape)
    _check(orientations >= 1, "gabor_bank needs at least 1 orientation", f"orientations={orientations}")
    _check(
        len(wavelengths) > 0 and min(wavelengths) >= 2,
        "gabor_bank needs wavelengths of at least 2 pixels",
        f"wavelengths={wavelengths}",
    )
    _check(0.1 <= aspect <= 10, "gabor_bank needs an aspect between 0.1 and 10", f"aspect={aspect}")
    inputs = keras.Input(input_shape)
    weights: dict[str, list[Kernel]] = {}
    energies = []
    for number, wavelength in enumerate(wavelengths, 1):
        even, odd = gabor_kernels(orientations, wavelength, aspect)
        name = f"wave{number}"
        padded = EdgePadding2D(len(even) // 2, name=f"{name}_border")(inputs)
        answers = []
        for part, kernels in (("even", even), ("odd", odd)):
            layer = layers.Conv2D(
                orientations, len(even), use_bias=False, kernel_initializer="zeros", name=f"{name}_{part}"
            )
            answers.append(layer(padded))
            weights[layer.name] = [_over_channels(kernels, input_shape[-1])]
        energies.append(Energy(name=f"{name}_energy")(answers))
    return _finished("gabor_bank", inputs, energies, "mean", weights)


def gabor_kernels(orientations: int, wavelength: float, aspect: float = 1.0) -> tuple[Kernel, Kernel]:
    """The even and the odd kernels of one wavelength.

    Args:
        orientations: How many.
        wavelength: In pixels.
        aspect: Width by length of the Gaussian.

    Returns:
        Two arrays of shape (side, side, orientations), float64; the side is odd.

    Raises:
        UsageError: The kernels would be larger than `LARGEST_KERNEL`.
    """
    sigma = BANDWIDTH * wavelength
    y, x = _grid(sigma * max(1, 1 / aspect), f"a wavelength of {wavelength:g} and an aspect of {aspect:g}")
    even, odd = [], []
    for angle in np.arange(orientations) * np.pi / orientations:
        across = x * np.cos(angle) + y * np.sin(angle)
        along = y * np.cos(angle) - x * np.sin(angle)
        envelope = np.exp(-(across**2 + (aspect * along) ** 2) / (2 * sigma**2))
        wave = np.cos(2 * np.pi * across / wavelength)
        wave -= (envelope * wave).sum() / envelope.sum()
        even.append(2 * envelope * wave / envelope.sum())
        odd.append(2 * envelope * np.sin(2 * np.pi * across / wavelength) / envelope.sum())
    return np.stack(even, -1), np.stack(odd, -1)


def difference_of_gaussians_bank(
    input_shape: tuple[int, ...],
    sigmas: Sequence[float] = (0.7, 1.4, 2.8, 5.6),
    ratio: float = 1.6,
) -> keras.Model:
    """Differences of Gaussians: spots and edges of each size, brighter or darker than what is around.

    A kernel is a narrow Gaussian less a wide one, each adding up to 1, so that brightness alone is no answer:

        k = G(sigma) - G(ratio * sigma)

    One map holds where the centre is brighter (k, then what is below 0 cut off), one where it is darker
    (-k); of each the mean and the maximum are taken. At a ratio of 1.6 the kernel comes closest to the
    Laplacian of a Gaussian (Marr and Hildreth 1980, "Theory of edge detection"); over growing sigmas its
    maxima are the key points of SIFT (Lowe 2004, "Distinctive image features from scale-invariant
    keypoints"). Channels are averaged; beyond its border a picture goes on with its outermost pixels, so
    that pictures of any size work, down to one pixel.

    Args:
        input_shape: (height, width, channels).
        sigmas: Of the narrow Gaussians, in pixels.
        ratio: How many times wider the other one is.

    Returns:
        A frozen functional model to float32 features of shape (batch, 4 * sigmas): the means, sigma by sigma,
        each of the brighter and of the darker centres, then the maxima likewise.

    Raises:
        UsageError: No picture's shape, or options that cannot work.
    """
    name = "difference_of_gaussians_bank"
    _check_picture(name, input_shape)
    _check(
        len(sigmas) > 0 and min(sigmas) > 0, f"{name} needs sigmas above 0 pixels", f"sigmas={tuple(sigmas)}"
    )
    _check(ratio > 1, f"{name} needs a ratio above 1", f"ratio={ratio}")
    inputs = keras.Input(input_shape)
    weights: dict[str, list[Kernel]] = {}
    maps = []
    for number, sigma in enumerate(sigmas, 1):
        kernel = difference_of_gaussians(sigma, ratio)
        padded = EdgePadding2D(len(kernel) // 2, name=f"scale{number}_border")(inputs)
        layer = layers.Conv2D(
            2,
            len(kernel),
            use_bias=False,
            activation="relu",
            kernel_initializer="zeros",
            name=f"scale{number}_difference",
        )
        maps.append(layer(padded))
        weights[layer.name] = [_over_channels(np.stack([kernel, -kernel], -1), input_shape[-1])]
    return _finished(name, inputs, maps, "mean", weights)


def difference_of_gaussians(sigma: float, ratio: float = 1.6) -> Kernel:
    """One kernel.

    Args:
        sigma: Of the narrow Gaussian, in pixels.
        ratio: How many times wider the other one is.

    Returns:
        Shape (side, side), float64, adding up to 0; the side is odd.

    Raises:
        UsageError: The kernel would be larger than `LARGEST_KERNEL`.
    """
    y, x = _grid(ratio * sigma, f"a sigma of {sigma:g} and a ratio of {ratio:g}")
    narrow, wide = (np.exp(-(x**2 + y**2) / (2 * s**2)) for s in (sigma, ratio * sigma))
    difference: Kernel = narrow / narrow.sum() - wide / wide.sum()
    return difference


def random_convolution(
    input_shape: tuple[int, ...],
    kernels: int = 1000,
    lengths: Sequence[int] | None = None,
    seed: int = 0,
) -> keras.Model:
    """Random kernels, of each the share of positive answers and the largest: ROCKET, for any rank.

    Each channel of a sample is first brought to zero mean and unit variance. A kernel has a random length, a
    random dilation of 1, 2, 4, ... up to where it spans the sample, padding with zeros in one case of two,
    centred normal weights, and a bias drawn evenly from -1 to 1 (Dempster, Petitjean and Webb 2020, "ROCKET:
    exceptionally fast and accurate time series classification using random convolutional kernels").

    What differs from the paper: dilations are powers of 2, so that kernels of one length, dilation and
    padding share one layer; by default there are 1,000 kernels, not 10,000; of several channels each kernel
    reads a random choice, and in pictures and volumes it has its length along every axis. Such larger
    kernels are scaled so that their squared weights add up to what those of a kernel for a series of one
    channel do, because the biases would otherwise be too small for them. A kernel that is longer than the
    shortest side of the sample is always padded and not dilated; none is left out, and a sample of length 1
    has as many features as any other.

    Args:
        input_shape: (length, channels), (height, width, channels) or (depth, height, width, channels).
        kernels: How many; each gives two features.
        lengths: To draw from, odd numbers; by default 7, 9, 11 for series, 3, 5, 7 for pictures, 3, 5 for
            volumes.
        seed: The same seed gives the same kernels on every backend.

    Returns:
        A frozen functional model to float32 features of shape (batch, 2 * kernels): the shares, then
        the maxima, both by length, dilation and padding of the kernels.

    Raises:
        UsageError: A shape of another rank, or options that cannot work.
    """
    rank = len(input_shape) - 1
    _check(
        rank in (1, 2, 3) and min(input_shape) >= 1,
        "random_convolution takes (length, channels), (height, width, channels) or (depth, height, width, "
        "channels)",
        f"input_shape={input_shape}",
    )
    chosen = {1: (7, 9, 11), 2: (3, 5, 7), 3: (3, 5)}[rank] if lengths is None else tuple(lengths)
    _check(kernels >= 1, "random_convolution needs at least 1 kernel", f"kernels={kernels}")
    _check(
        len(chosen) > 0 and all(length >= 1 and length % 2 == 1 for length in chosen),
        "random_convolution needs odd lengths",
        f"lengths={chosen}",
    )
    _check(seed >= 0, "random_convolution needs a seed of at least 0", f"seed={seed}")
    inputs = keras.Input(input_shape)
    standard = Standardization(name="standardize")(inputs)
    weights: dict[str, list[npt.NDArray[Any]]] = {}
    maps = []
    for group in draw_groups(input_shape, kernels, chosen, seed):
        layer = getattr(layers, f"Conv{rank}D")(
            group.weights.shape[-1],
            group.length,
            padding=group.padding,
            dilation_rate=group.dilation,
            kernel_initializer="zeros",
            name=group.name,
        )
        maps.append(layer(standard))
        weights[layer.name] = [group.weights, group.biases]
    return _finished("random_convolution", inputs, maps, "ppv", weights)


def _finished(
    name: str,
    inputs: keras.KerasTensor,
    maps: Sequence[keras.KerasTensor],
    first: Literal["mean", "ppv"],
    weights: Mapping[str, Sequence[npt.NDArray[Any]]],
) -> keras.Model:
    """Two poolings of all maps, side by side, in a frozen model with these weights by layer."""
    rank = len(inputs.shape) - 2
    mean, largest = (getattr(layers, f"Global{kind}Pooling{rank}D") for kind in ("Average", "Max"))
    poolings = ((first, mean if first == "mean" else ProportionOfPositiveValues), ("max", largest))
    pooled = [
        pooling(name=f"{each._keras_history.operation.name}_{word}")(each)
        for word, pooling in poolings
        for each in maps
    ]
    model = keras.Model(inputs, layers.Concatenate(name="features")(pooled), name=name)
    for layer, values in weights.items():
        model.get_layer(layer).set_weights([np.asarray(value, np.float32) for value in values])
    model.trainable = False
    return model


def _over_channels(kernels: Kernel, channels: int) -> Kernel:
    """Kernels of shape (side, side, count) that read the mean of the channels."""
    return np.repeat(kernels[:, :, None, :], channels, axis=2) / channels


def _grid(sigma: float, what: str) -> tuple[Kernel, Kernel]:
    """Rows and columns around the centre of a kernel, as far as its Gaussian reaches."""
    radius = math.ceil(EXTENT * sigma)
    side = 2 * radius + 1
    _check(
        side <= LARGEST_KERNEL, f"Kernels are at most {LARGEST_KERNEL} pixels wide", f"{what}: {side} pixels"
    )
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1].astype(np.float64)
    return y, x


def _check_picture(name: str, input_shape: tuple[int, ...]) -> None:
    fits = len(input_shape) == 3 and min(input_shape) >= 1
    _check(fits, f"{name} takes (height, width, channels)", f"input_shape={input_shape}")


def _check(holds: bool, what: str, received: str) -> None:
    if not holds:
        raise UsageError(f"{what}. Received: {received}.")
