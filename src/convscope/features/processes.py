"""Samples that are read in other processes, where that takes long: threads share one interpreter.

Decoding a small picture is mostly Python, which only one thread of a process runs at a time. Processes are
loky's: they start without running the user's script again, and leave by themselves when nobody needs them.
"""

from __future__ import annotations

import math
import signal
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from convscope.data.threads import ONE_EACH
from convscope.errors import RunError
from convscope.workflows.model_inputs.encoded_inputs import EncodedSamples, some_of

LONG = 3.0
"""Seconds of reading from which processes are worth the time that they take to start."""
NOTABLE = 0.1
"""The least share of a sample's computing time that its reading takes, from which processes are worth it."""
PIPE = 300e6
"""Bytes a second that a process hands over; large pictures take longer than threads to decode them."""
AHEAD = 2
"""Batches that wait for each process, so that none of them idles."""
_IDLE_SECONDS = 60

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Read:
    """Some samples, and how long it took to read them.

    Args:
        samples: Stacked, shape (samples, ...); or those of several arrays, as `EncodedSamples.take` has them.
        seconds: For all of them.
    """

    samples: Any
    seconds: float


def read_some(inputs: EncodedSamples, count: int) -> Read:
    """Reads at most so many samples, evenly from all, and takes the time; the very first may take longer."""
    started = time.perf_counter()
    return Read(some_of(inputs, count), time.perf_counter() - started)


def processes_for(read: Read, count: int, samples_per_second: float, cores: int) -> int:
    """How many processes reading is worth.

    Args:
        read: Some of the samples.
        count: How many there are in all.
        samples_per_second: How fast they are computed once they are read.
        cores: That may be used.

    Returns:
        As many as keep up with the computing on their share of the cores; 0 where reading takes less than
        three seconds in all or less than a tenth of the time of computing, or where handing samples over
        takes more than half as long as reading them.
    """
    seconds = read.seconds / len(read.samples)
    handing_over = read.samples.nbytes / len(read.samples) / PIPE
    if cores < 2 or seconds * count < LONG or seconds * samples_per_second < NOTABLE:
        return 0
    if handing_over > seconds / 2:
        return 0
    share = seconds / (seconds + cores / samples_per_second)
    return math.ceil(share * cores)


def batches_of(inputs: EncodedSamples, cuts: Iterable[Indices], processes: int = 0) -> Iterator[Any]:
    """Reads batch after batch, in order.

    Args:
        inputs: The samples; with processes they are pickled once for each.
        cuts: Which samples each batch has.
        processes: How many read; 0 reads in this one.

    Yields:
        The samples of each cut, as `take` gives them; the same whoever reads them.

    Raises:
        DataError: A sample has changed or gone since it was found.
        RunError: A process was ended from outside.
    """
    if not processes:
        yield from map(inputs.take, cuts)
        return
    from loky import ProcessPoolExecutor
    from loky.process_executor import BrokenProcessPool

    pool = ProcessPoolExecutor(
        processes, timeout=_IDLE_SECONDS, initializer=_open, initargs=(inputs,), env=ONE_EACH
    )
    waiting: deque[Any] = deque()
    try:
        for cut in cuts:
            waiting.append(pool.submit(_taken, cut))
            if len(waiting) > AHEAD * processes:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise RunError(
            "A process that read samples was terminated, which happens when memory is low.",
            "Parts that were written are kept. Run the same command with --resume.",
        ) from error
    finally:
        pool.shutdown(wait=True, kill_workers=True)


_opened: list[EncodedSamples] = []


def _open(inputs: EncodedSamples) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever asked ends, and ends this process
    _opened[:] = [inputs]


def _taken(cut: Indices) -> Any:
    return _opened[0].take(cut)
