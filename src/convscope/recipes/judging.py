"""Judging a model on a split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt

from convscope.data.splits import Samples, Split
from convscope.engine.infer import View, predict_probabilities
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
    views: Sequence[View] = (),
) -> npt.NDArray[np.float32]:
    """Probabilities for samples, averaged over views of them, shape (samples, classes), float32."""
    arrays = representation.arrays(samples, progress=progress)
    return predict_probabilities(model, arrays, representation.scale, progress, views)


def judge_split(
    model: keras.Model,
    representation: Representation,
    split: Split,
    class_names: Sequence[str],
    progress: Progress = no_progress,
    views: Sequence[View] = (),
) -> Outcome:
    """Answers every sample of a split and compares with the labels."""
    probabilities = answer(model, representation, split.samples, progress, views)
    return Outcome(judge(split.labels, probabilities, class_names), probabilities)
