"""How films become the inputs of a Keras model that comes without a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from convscope.data.labelled import names_data_set
from convscope.data.splits import Samples, Split
from convscope.kinds.contract.model_reader import (
    ModelEncoding,
    ModelMatch,
    ModelReader,
    PlainModel,
    ReadingOptions,
    have_endings,
)
from convscope.kinds.video.readers.films import ANIMATIONS, FILMS
from convscope.kinds.video.representation import fit_representation

ENDINGS = (*FILMS, *ANIMATIONS)


def matches(model: PlainModel, files: Sequence[str], options: ReadingOptions) -> ModelMatch | None:
    """A model of (frames, height, width, 1 or 3), where files are films."""
    shape = model.only_shape
    if shape is None or len(shape) != 4 or shape[3] not in (1, 3) or not have_endings(files, ENDINGS):
        return None
    return ModelMatch(0.97, f"its input {shape} is that of frames")


def encoding(model: PlainModel, samples: Samples, options: ReadingOptions) -> ModelEncoding:
    """Windows of the size that the model takes, of pixels from 0 to 1, a usual clip long.

    Raises:
        UsageError: The model takes no frames.
    """
    shape = model.only_shape
    if shape is None or len(shape) != 4:
        raise model.mismatch("frames of shape (frames, height, width, channels)")
    split = Split(samples, np.zeros(len(samples), np.int64))
    fitted, lines = fit_representation(split, frames=shape[0], camera="moving")
    height, width = shape[1] or fitted.size[0], shape[2] or fitted.size[1]
    made = replace(fitted, size=(height, width), channels=shape[3] or 3)
    return ModelEncoding(made, notes=(lines[0], f"size: {height} x {width} pixels, as the model takes them"))


MODEL_READER = ModelReader(
    kind="video",
    samples="clips",
    recipe="video-classification",
    matches=matches,
    encoding=encoding,
    is_labelled=names_data_set,
    endings=ENDINGS,
)
