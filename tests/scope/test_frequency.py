"""The frequency response of kernels: as SciPy gives it, and as a filtered oscillation shows it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import freqz

from convscope.errors import UsageError
from convscope.scope.channels.kernels import frequency_response

pytestmark = pytest.mark.portable


def drawn(seed, *shape):
    return np.random.default_rng(seed).normal(0, 1, shape)


@pytest.mark.parametrize("dilation", [1, 2, 5])
def test_the_response_of_each_kernel_is_that_of_scipy(dilation):
    weights = drawn(0, 9, 1, 4)
    found = frequency_response(weights, dilation=dilation, points=65)
    spread = np.zeros(((len(weights) - 1) * dilation + 1, 4))
    spread[::dilation] = weights[:, 0]
    for kernel in range(4):
        _, expected = freqz(spread[:, kernel], worN=np.linspace(0, np.pi, 65))
        np.testing.assert_allclose(found[:, kernel], np.abs(expected), atol=1e-12)


@given(st.integers(0, 999), st.integers(1, 12), st.integers(0, 64))
def test_an_oscillation_comes_out_as_large_as_the_response_says(seed, taps, place):
    weights = drawn(seed, taps, 1, 1)
    wave = np.exp(2j * np.pi * place / 128 * np.arange(64))
    out = np.convolve(wave, weights[::-1, 0, 0], "valid")
    np.testing.assert_allclose(np.abs(out), frequency_response(weights, points=65)[place, 0], atol=1e-9)


def test_channels_add_up_by_the_squares_of_their_responses():
    weights = drawn(1, 7, 5, 3)
    alone = [frequency_response(weights[:, [channel]]) for channel in range(5)]
    np.testing.assert_allclose(frequency_response(weights), np.sqrt(np.sum(np.square(alone), axis=0)))


def test_kernels_over_a_picture_are_refused():
    with pytest.raises(UsageError, match="taps, input channels, kernels"):
        frequency_response(np.zeros((3, 3, 1, 2)))
