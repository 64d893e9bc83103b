"""Judging a model on a split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt

from convscope.data.splits import Samples, Split
from convscope.engine.infer import predict_probabilities
from convscope.engine.judge import Judgement, judge
from convscope.kinds import Progress, no_progress
from convscope.recipes.recipe import Representation


@dataclass(frozen=True)
class Outcome:
    """What a model answers on a split, and how good that is.

    Args:
        judgement: The figures.
        probabilities: Shape (samples, classes), float32.
    """

    judgement: Judgement
    probabilities: npt.NDArray[np.float32]


def answer(
    model: keras.Model,
    representation: Representation,
    samples: Samples,
    progress: Progress = no_progress,
) -> npt.NDArray[np.float32]:
    """Probabilities for samples, shape (samples, classes), float32."""
    return predict_probabilities(
        model, representation.arrays(samples, progress=progress), representation.scale, progress
    )


def judge_split(
    model: keras.Model,
    representation: Representation,
    split: Split,
    class_names: Sequence[str],
    progress: Progress = no_progress,
) -> Outcome:
    """Answers every sample of a split and compares with the labels."""
    probabilities = answer(model, representation, split.samples, progress)
    return Outcome(judge(split.labels, probabilities, class_names), probabilities)
