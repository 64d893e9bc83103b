"""Short measurements that choose how features are computed: how fast, and how close to Keras in float32."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import repeat
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from convscope.engine.inference.feature_report import Rate
from convscope.types import Array

Floats = npt.NDArray[np.float32]

SECONDS = 2.5
"""How long the measurement of speeds may take."""
REQUEST_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
FIRST_SIZE = 16
"""Samples per request to begin with, or fewer of large maps: what stays in the cores' caches is fastest."""
BATCH_SIZE = 256
"""Samples that are read at a time, where memory allows."""
FEW = 256
"""Samples up to which the likeliest choice is taken: to measure others, more than these are computed."""
CLEARLY = 1.03
"""How much faster a later choice must be: less may be what else the machine does."""
_ROUNDS = 3
_ROUND_SECONDS = 0.05
_FIRST_BYTES = 16 * 2**20
_REQUEST_BYTES = 2**30
_BATCH_BYTES = 32 * 2**20


class Runner(Protocol):
    """What computes: OpenVINO or Keras."""

    request_size: int
    shapes: tuple[tuple[int, ...], ...]

    def results(self, batches: Iterator[Any]) -> Generator[list[Floats], None, None]:
        """The outputs of each batch, in order."""


Make = Callable[[int, int], Runner]
"""From request size and streams to a runner."""


def fastest(
    make: Make,
    sample: Array,
    streams: Sequence[int],
    peak_bytes: int,
    seconds: float = SECONDS,
    first_size: int = FIRST_SIZE,
) -> tuple[Runner, Rate, tuple[Rate, ...]]:
    """Tries sizes of requests and numbers of streams for a few seconds.

    The number of streams is chosen at one size, then the size is doubled while that helps, or else halved.

    Args:
        make: Makes a runner.
        sample: Inputs of the runner, shape (n, ...).
        streams: The numbers of streams to try, the likeliest first.
        peak_bytes: Largest output of any layer for one sample; four of them are taken to be held.
        seconds: How long it may take; what has begun is finished.
        first_size: Samples per request to begin with, or fewer of large maps.

    Returns:
        The fastest runner, its rate, and all rates.
    """
    end = time.perf_counter() + seconds
    sizes, place = _sizes(streams, peak_bytes, first_size)
    best, runner = _tried(make, sample, sizes[place], streams[0])
    rates = [best]
    for number in streams[1:]:
        rate, other = _tried(make, sample, sizes[place], number)
        rates.append(rate)
        if rate.samples_per_second > CLEARLY * best.samples_per_second:
            best, runner = rate, other
    for direction in (1, -1):
        here, climbed = place + direction, False
        while 0 <= here < len(sizes) and time.perf_counter() < end:
            rate, other = _tried(make, sample, sizes[here], best.streams)
            rates.append(rate)
            if rate.samples_per_second <= CLEARLY * best.samples_per_second:
                break
            best, runner, climbed, here = rate, other, True, here + direction
        if climbed:
            break
    return runner, best, tuple(rates)


def likeliest(streams: Sequence[int], peak_bytes: int, count: int) -> Rate:
    """What is taken for few samples without a measurement; its speed is not known, and infinite.

    Args:
        streams: The numbers of streams, the likeliest first.
        peak_bytes: As in `fastest`.
        count: Samples that will be computed.
    """
    sizes, place = _sizes(streams, peak_bytes, min(FIRST_SIZE, max(1, count)))
    return Rate(sizes[place], streams[0], math.inf)


def _sizes(streams: Sequence[int], peak_bytes: int, first_size: int) -> tuple[list[int], int]:
    """Sizes of requests that memory has room for, and the place of the one to begin with."""
    most = max(1, _REQUEST_BYTES // (4 * peak_bytes * max(streams)))
    sizes = [size for size in REQUEST_SIZES if size <= most]
    first = min(first_size, max(1, _FIRST_BYTES // peak_bytes))
    return sizes, max(i for i, size in enumerate(sizes) if size <= first)


def batch_size_for(request_size: int, streams: int, sample: Array, shapes: Sequence[tuple[int, ...]]) -> int:
    """How many samples are best read at a time: enough requests to keep all streams busy, within 32 MB.

    Args:
        request_size: Samples per request.
        streams: Requests at the same time.
        sample: Compact inputs, shape (n, ...).
        shapes: Of all outputs for one sample.
    """
    inputs = int(sample[:1].nbytes)
    outputs = sum(4 * int(np.prod(shape)) for shape in shapes)
    most = max(_BATCH_BYTES // max(inputs, outputs, 1), request_size)
    wanted = max(BATCH_SIZE, 2 * streams * request_size)
    return min(wanted, most) // request_size * request_size


def closeness(
    found: Sequence[Array], expected: Sequence[Array], paths: Sequence[str]
) -> tuple[dict[str, float], dict[str, float]]:
    """Largest absolute deviation, and smallest cosine similarity of a sample, per layer.

    Args:
        found: Features to compare, per layer of shape (samples, ...).
        expected: Those of Keras in float32.
        paths: The layers.
    """
    deviation, cosine = {}, {}
    for path, a, b in zip(paths, found, expected, strict=False):
        x, y = (np.asarray(each, np.float64).reshape(len(each), -1) for each in (a, b))
        deviation[path] = float(np.nan_to_num(np.abs(x - y).max(initial=0.0), nan=np.inf))
        cosine[path] = float(_cosines(x, y).min(initial=1.0))
    return deviation, cosine


def _cosines(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Of each row; 1 where both are zero, 0 where a value is not finite."""
    scale = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
    both_zero = ~x.any(axis=1) & ~y.any(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosines: npt.NDArray[np.float64] = np.where(both_zero, 1.0, (x * y).sum(axis=1) / scale)
    cosines[~np.isfinite(cosines)] = 0.0
    return cosines


def _tried(make: Make, sample: Array, request_size: int, streams: int) -> tuple[Rate, Runner]:
    runner = make(request_size, streams)
    request = cycled(sample, request_size)
    return Rate(request_size, streams, rates_of([runner], [request], streams)[0]), runner


def cycled(samples: Array, count: int) -> Array:
    """So many samples, again from the first after the last."""
    return np.resize(samples, (count, *samples.shape[1:]))


def rates_of(
    runners: Sequence[Runner], requests: Sequence[Array], streams: int, rounds: int = _ROUNDS
) -> list[float]:
    """Samples per second of each: the best of a few rounds, since what else the machine does only slows.

    Args:
        runners: What computes; they take turns, so that what slows the machine down for long meets them all.
        requests: The samples of a request for each, shape (request size, ...).
        streams: Requests at the same time.
        rounds: How many.
    """
    pairs = list(zip(runners, requests, strict=True))
    for pair in pairs:
        _seconds(*pair, 2 * streams)  # each request has memory of its own, which the first use of it takes
    times = [streams * max(1, round(_ROUND_SECONDS / max(_seconds(*pair, 1), 1e-6))) for pair in pairs]
    shortest = [math.inf] * len(pairs)
    for _ in range(rounds):
        for place, (pair, count) in enumerate(zip(pairs, times, strict=True)):
            shortest[place] = min(shortest[place], _seconds(*pair, count))
    counted = zip(times, requests, shortest, strict=True)
    return [count * len(request) / max(seconds, 1e-9) for count, request, seconds in counted]


def _seconds(runner: Runner, batch: Array, times: int) -> float:
    started = time.perf_counter()
    for _ in runner.results(repeat(batch, times)):
        pass
    return time.perf_counter() - started
