"""Tags for many sentences, batch by batch: the best sequence that is allowed, and how sure each tag is."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from convscope.engine.inference.infer import in_order_of_length, predict_batches
from convscope.kinds.text.tagging.models import TaggingModel
from convscope.types import Progress, no_progress

BATCH = 64


@dataclass(frozen=True)
class TaggedRow:
    """The prediction for one sentence.

    Args:
        tags: A tag for each word.
        sure: Probability of each of these tags, given the whole sentence.
    """

    tags: tuple[str, ...]
    sure: tuple[float, ...]


class EncodedSentences(Protocol):
    """Encoded sentences."""

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Words of each sentence."""

    def __len__(self) -> int:
        """The number of sentences."""

    def take(self, indices: npt.NDArray[np.int64]) -> Any:
        """Padded inputs by name."""


def tag_rows(
    model: TaggingModel, rows: EncodedSentences, names: Sequence[str], progress: Progress = no_progress
) -> list[TaggedRow]:
    """Tags sentences of any lengths.

    Args:
        model: A tagging model.
        rows: Encoded sentences.
        names: The tag of each id.
        progress: Called after each batch.

    Returns:
        One prediction per sentence, in their order; an empty one for a sentence without words.
    """
    order, lengths, count = in_order_of_length(rows), rows.lengths, len(rows)
    size = min(BATCH, count)
    found: list[TaggedRow] = [TaggedRow((), ())] * count
    cuts = [order[np.arange(start, start + size) % count] for start in range(0, count, max(size, 1))]
    with closing(predict_batches(model.decoder, map(rows.take, cuts))) as decoded:
        for done, (chosen, (best, sure)) in enumerate(zip(cuts, decoded, strict=True), 1):
            for place, index in enumerate(chosen.tolist()):
                length = int(lengths[index])
                tags = tuple(names[number] for number in best[place, :length].tolist())
                found[index] = TaggedRow(tags, tuple(sure[place, :length].tolist()))
            progress(min(done * size, count), count, "tagging")
    return found
