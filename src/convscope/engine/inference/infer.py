"""Answers for many samples, batch by batch, with bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from convscope.engine.inference.answers import answers, threads_for
from convscope.engine.training.batches import Prefetched
from convscope.engine.training.class_examples import Inputs, Prepare
from convscope.types import Progress, no_progress

BATCH = 256
"""Samples that are answered at a time, in one batch or in two."""
AT_ONCE = 2
View = Callable[[Any], Any]
"""From a batch of compact inputs to the same samples seen in another way."""


def predict_probabilities(
    model: keras.Model,
    inputs: Inputs,
    prepare: Prepare,
    progress: Progress = no_progress,
    views: Sequence[View] = (),
) -> npt.NDArray[np.float32]:
    """Runs a classifier over samples.

    The last batch is filled up to the size of the others and cut again, so that one compiled function
    serves all of them.

    Args:
        model: From samples to probabilities.
        inputs: Compact inputs, in memory or decoded on demand.
        prepare: From compact inputs to what the model takes.
        progress: Is told each batch.
        views: Other ways to see each sample; its probabilities are the mean over itself and these.

    Returns:
        Shape (samples, classes), float32.
    """
    count = len(inputs)
    size = min(BATCH // threads_for(AT_ONCE), count)
    starts = range(0, count, max(size, 1))
    order = in_order_of_length(inputs)

    def batches() -> Iterator[list[Any]]:
        for start in starts:
            values = inputs.take(order[np.arange(start, start + size) % count])
            yield [prepare(values), *(prepare(view(values)) for view in views)]

    found = []
    feed = Prefetched(batches())
    answered = answers(model, chain.from_iterable(feed), AT_ONCE)
    try:
        for done in range(1, len(starts) + 1):
            seen = [np.asarray(each, np.float32) for (each,) in islice(answered, 1 + len(views))]
            found.append(np.mean(seen, axis=0) if views else seen[0])
            progress(min(done * size, count), count, "predicting")
    finally:
        answered.close()
        feed.close()
    if not found:
        return np.zeros((0, int(model.output_shape[-1])), np.float32)
    in_order = np.concatenate(found)[:count]
    probabilities: npt.NDArray[np.float32] = np.empty_like(in_order)
    probabilities[order] = in_order
    return probabilities


def in_order_of_length(inputs: Inputs) -> npt.NDArray[np.int64]:
    """Positions of all samples, from short to long where lengths differ, so that little is padded."""
    lengths: npt.NDArray[np.int64] | None = getattr(inputs, "lengths", None)
    if lengths is None:
        return np.arange(len(inputs))
    return np.argsort(lengths, kind="stable")
