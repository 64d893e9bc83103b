"""Which oscillations a kernel over a length lets through, and which it stops."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from convscope.errors import UsageError

Doubles = npt.NDArray[np.float64]


def frequency_response(weights: npt.NDArray[np.floating], *, dilation: int = 1, points: int = 129) -> Doubles:
    """The magnitude of the response of kernels to oscillations of every frequency.

    For the weights w[k, c, o] of tap k, input channel c and kernel o, at f cycles per step,

        H[f, c, o] = sum over k of w[k, c, o] exp(2 pi i f dilation k)
        magnitude[f, o] = square root of the sum over c of |H[f, c, o]|^2

    which is the usual frequency response of a filter (Oppenheim and Schafer 2010, "Discrete-Time Signal
    Processing"), and over several input channels what comes out, as a root mean square, where oscillations
    of unit size arrive in all of them, each with a phase of its own.

    Args:
        weights: (taps, input channels, kernels).
        dilation: Steps between neighbouring taps.
        points: How many frequencies, evenly from 0 to 0.5 cycles per step, both included.

    Returns:
        (points, kernels).

    Raises:
        UsageError: The weights are not those of kernels over a length.

    Example:
        >>> smoothing, difference = np.array([[[0.5]], [[0.5]]]), np.array([[[0.5]], [[-0.5]]])
        >>> frequency_response(smoothing, points=3).round(3).tolist()
        [[1.0], [0.707], [0.0]]
        >>> frequency_response(difference, points=3).round(3).tolist()
        [[0.0], [0.707], [1.0]]
    """
    if np.ndim(weights) != 3:
        raise UsageError(
            f"weights must have the shape (taps, input channels, kernels). Received: {np.shape(weights)}."
        )
    frequencies = np.linspace(0, 0.5, points)
    phases = np.exp(2j * np.pi * np.outer(frequencies, np.arange(len(weights)) * dilation))
    spectrum = np.tensordot(phases, np.asarray(weights, np.float64), axes=1)
    return np.asarray(np.sqrt(np.square(np.abs(spectrum)).sum(axis=1)), np.float64)
