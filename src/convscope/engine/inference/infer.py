"""Predictions for many samples, batch by batch, with bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice

import keras
import numpy as np
import numpy.typing as npt

from convscope.engine.device import backend_file, cores
from convscope.engine.inference.compiled_form import compiled_answer
from convscope.engine.training.batches import Prefetched
from convscope.engine.training.class_examples import CompactInputs, Prepare, lengths_of
from convscope.types import Array, ArrayTree, Progress, Tensor, no_progress

MOST = 4
"""Batches to predict at a time, at most."""
BATCH = 256
"""Samples that are predicted at a time, in one batch or in two."""
AT_ONCE = 2
BatchView = Callable[[Tensor], Tensor]
"""From a batch of compact inputs to the same samples seen in another way."""


def threads_for(most: int) -> int:
    """How many batches to predict at a time: at most so many, and one where the backend gains nothing."""
    return min(most, int(backend_file().prediction_threads(cores())))


def predict_batches(
    model: keras.Model, batches: Iterable[ArrayTree], most: int = MOST
) -> Generator[list[Array], None, None]:
    """Predicts batch after batch, several of them at the same time where that is faster.

    Steps that follow one another, as those along a sentence, leave cores idle, which other batches can use.
    What has a compiled form is answered by that.

    Args:
        model: Any built model.
        batches: Its inputs; read a few ahead.
        most: Batches to predict at a time; each has its own memory.

    Yields:
        One array for each output.
    """

    def by_keras(batch: ArrayTree) -> list[Array]:
        return [np.asarray(each) for each in keras.tree.flatten(model.predict_on_batch(batch))]

    predict = compiled_answer(model) or by_keras
    threads, rest = threads_for(most), iter(batches)
    for batch in islice(rest, 1 if threads > 1 else None):  # the first one compiles, not each thread
        with backend_file().accelerated(model):
            found = predict(batch)
        yield found
    waiting: deque[Future[list[Array]]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        for batch in rest:
            waiting.append(pool.submit(predict, batch))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def predict_probabilities(
    model: keras.Model,
    inputs: CompactInputs,
    prepare: Prepare,
    progress: Progress = no_progress,
    views: Sequence[BatchView] = (),
) -> npt.NDArray[np.float32]:
    """Runs a classifier over samples.

    The last batch is filled up to the size of the others and cut again, so that one compiled function
    serves all of them.

    Args:
        model: From samples to probabilities.
        inputs: Compact inputs, in memory or decoded on demand.
        prepare: From compact inputs to what the model takes.
        progress: Called after each batch.
        views: Other ways to see each sample; its probabilities are the mean over itself and these.

    Returns:
        Shape (samples, classes), float32.
    """
    count = len(inputs)
    size = min(BATCH // threads_for(AT_ONCE), count)
    starts = range(0, count, max(size, 1))
    order = in_order_of_length(inputs)

    def batches() -> Generator[list[ArrayTree], None, None]:
        for start in starts:
            values = inputs.take(order[np.arange(start, start + size) % count])
            yield [prepare(values), *(prepare(view(values)) for view in views)]

    found = []
    ahead = Prefetched(batches()) if len(starts) > 1 else batches()
    predicted = predict_batches(model, chain.from_iterable(ahead), AT_ONCE)
    try:
        for done in range(1, len(starts) + 1):
            seen = [np.asarray(each, np.float32) for (each,) in islice(predicted, 1 + len(views))]
            found.append(np.mean(seen, axis=0) if views else seen[0])
            progress(min(done * size, count), count, "predicting")
    finally:
        predicted.close()
        ahead.close()
    if not found:
        return np.zeros((0, int(model.output_shape[-1])), np.float32)
    in_order = np.concatenate(found)[:count]
    probabilities: npt.NDArray[np.float32] = np.empty_like(in_order)
    probabilities[order] = in_order
    return probabilities


def in_order_of_length(inputs: CompactInputs) -> npt.NDArray[np.int64]:
    """Positions of all samples, from short to long where lengths differ, so that little is padded."""
    lengths = lengths_of(inputs)
    if lengths is None:
        return np.arange(len(inputs))
    return np.argsort(lengths, kind="stable")
