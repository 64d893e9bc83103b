"""Banks of fixed kernels for images: convolutions that are not trained, whose pooled outputs are features."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras
import numpy as np
import numpy.typing as npt
from keras import layers

from convscope.kinds.image.layers import EdgePadding2D, Energy
from convscope.models.kernel_banks import frozen_bank, require

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

    with d such that the even kernel adds up to 0 like the odd one: brightness alone gives no response.
    Both are divided by half the sum of g, so that their energy, the root of the sum of their squared
    responses, is the amplitude of a grating of that wavelength and direction. Of each energy map the mean and
    the maximum are taken. (Daugman 1985, "Uncertainty relation for resolution in space, spatial frequency,
    and orientation optimized by two-dimensional visual cortical filters"; Jones and Palmer 1987, "An
    evaluation of the two-dimensional Gabor filter model of simple receptive fields in cat striate
    cortex".) Channels are averaged; beyond its border an image is continued with its outermost pixels,
    so that images of any size work, down to one pixel.

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
        UsageError: No image's shape, or options that cannot work.
    """
    _check_image("gabor_bank", input_shape)
    _check_gabor(orientations, wavelengths, aspect)
    inputs = keras.Input(input_shape)
    weights: dict[str, list[Kernel]] = {}
    energies = []
    for number, wavelength in enumerate(wavelengths, 1):
        even, odd = gabor_kernels(orientations, wavelength, aspect)
        name = f"wave{number}"
        padded = EdgePadding2D(len(even) // 2, name=f"{name}_border")(inputs)
        pairs = (("even", even), ("odd", odd))
        parts = [_convolved(padded, kernels, f"{name}_{part}", weights) for part, kernels in pairs]
        energies.append(Energy(name=f"{name}_energy")(parts))
    return frozen_bank("gabor_bank", inputs, energies, "mean", weights)


def _check_gabor(orientations: int, wavelengths: Sequence[float], aspect: float) -> None:
    require(orientations >= 1, "gabor_bank needs at least 1 orientation", f"orientations={orientations}")
    fits = len(wavelengths) > 0 and min(wavelengths) >= 2
    require(fits, "gabor_bank needs wavelengths of at least 2 pixels", f"wavelengths={wavelengths}")
    require(0.1 <= aspect <= 10, "gabor_bank needs an aspect between 0.1 and 10", f"aspect={aspect}")


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

    A kernel is a narrow Gaussian less a wide one, each adding up to 1, so that it does not respond to
    brightness alone:

        k = G(sigma) - G(ratio * sigma)

    One map holds where the centre is brighter (k, then what is below 0 cut off), one where it is darker
    (-k); of each the mean and the maximum are taken. At a ratio of 1.6 the kernel comes closest to the
    Laplacian of a Gaussian (Marr and Hildreth 1980, "Theory of edge detection"); over growing sigmas its
    maxima are the key points of SIFT (Lowe 2004, "Distinctive image features from scale-invariant
    keypoints"). Channels are averaged; beyond its border an image is continued with its outermost pixels,
    so that images of any size work, down to one pixel.

    Args:
        input_shape: (height, width, channels).
        sigmas: Of the narrow Gaussians, in pixels.
        ratio: How many times wider the other one is.

    Returns:
        A frozen functional model to float32 features of shape (batch, 4 * sigmas): the means, sigma by sigma,
        each of the brighter and of the darker centres, then the maxima likewise.

    Raises:
        UsageError: No image's shape, or options that cannot work.
    """
    name = "difference_of_gaussians_bank"
    _check_image(name, input_shape)
    fits = len(sigmas) > 0 and min(sigmas) > 0
    require(fits, f"{name} needs sigmas above 0 pixels", f"sigmas={tuple(sigmas)}")
    require(ratio > 1, f"{name} needs a ratio above 1", f"ratio={ratio}")
    inputs = keras.Input(input_shape)
    weights: dict[str, list[Kernel]] = {}
    maps = []
    for number, sigma in enumerate(sigmas, 1):
        kernel = difference_of_gaussians(sigma, ratio)
        padded = EdgePadding2D(len(kernel) // 2, name=f"scale{number}_border")(inputs)
        both = np.stack([kernel, -kernel], -1)
        maps.append(_convolved(padded, both, f"scale{number}_difference", weights, "relu"))
    return frozen_bank(name, inputs, maps, "mean", weights)


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


def _convolved(
    inputs: keras.KerasTensor,
    kernels: Kernel,
    name: str,
    weights: dict[str, list[Kernel]],
    activation: str | None = None,
) -> keras.KerasTensor:
    """A convolution of the mean of the channels; kernels of shape (side, side, count) go into `weights`."""
    weights[name] = [np.repeat(kernels[:, :, None, :], inputs.shape[-1], axis=2) / inputs.shape[-1]]
    layer = layers.Conv2D(
        kernels.shape[-1],
        len(kernels),
        use_bias=False,
        activation=activation,
        kernel_initializer="zeros",
        name=name,
    )
    return layer(inputs)


def _grid(sigma: float, what: str) -> tuple[Kernel, Kernel]:
    """Rows and columns around the centre of a kernel, as far as its Gaussian reaches."""
    radius = math.ceil(EXTENT * sigma)
    side = 2 * radius + 1
    require(
        side <= LARGEST_KERNEL, f"Kernels are at most {LARGEST_KERNEL} pixels wide", f"{what}: {side} pixels"
    )
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1].astype(np.float64)
    return y, x


def _check_image(name: str, input_shape: tuple[int, ...]) -> None:
    fits = len(input_shape) == 3 and min(input_shape) >= 1
    require(fits, f"{name} takes (height, width, channels)", f"input_shape={input_shape}")
