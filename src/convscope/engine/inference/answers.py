"""What a model answers to batch after batch, several of them at the same time where that is faster."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from convscope.engine.device import backend_file
from convscope.engine.inference.openvino import cores

Arrays = list[npt.NDArray[Any]]
MOST = 4
"""Batches to answer at a time, at most."""


def threads_for(most: int) -> int:
    """How many batches to answer at a time: at most so many, and one where the backend gains nothing."""
    return min(most, int(backend_file().answering_threads(cores())))


def answers(model: keras.Model, batches: Iterable[Any], most: int = MOST) -> Generator[Arrays, None, None]:
    """The outputs for each batch, in order.

    Steps that follow one another, as those along a sentence, leave cores idle, which other batches can use.

    Args:
        model: Any built model.
        batches: Its inputs; read a few ahead.
        most: Batches to answer at a time; each has its own memory.

    Yields:
        One array for each output.
    """

    def answer(batch: Any) -> Arrays:
        return [np.asarray(each) for each in keras.tree.flatten(model.predict_on_batch(batch))]

    threads = threads_for(most)
    if threads == 1:
        yield from map(answer, batches)
        return
    model.make_predict_function()  # once, not by each thread
    waiting: deque[Future[Arrays]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        for batch in batches:
            waiting.append(pool.submit(answer, batch))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
