"""How files of clouds become the inputs of a Keras model that comes without a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

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
from convscope.kinds.points.cloud import AXES
from convscope.kinds.points.layers import NearestPoints, PointConv, PointPooling
from convscope.kinds.points.readers.forms import ONLY_POINTS
from convscope.kinds.points.readers.sources import FileClouds
from convscope.kinds.points.representation import fit_representation

ENDINGS = tuple(sorted(ONLY_POINTS))
"""Endings of files that only clouds have."""
USUAL_POINTS = 1024
"""Points that a model gets which takes any number of them."""


def matches(model: PlainModel, files: Sequence[str], options: ReadingOptions) -> ModelMatch | None:
    """A model of (points, 3 or more channels): by its layers, or where the files are clouds."""
    shape = model.only_shape
    if shape is None or len(shape) != 2 or (shape[1] or 0) < len(AXES):
        return None
    layers = (NearestPoints, PointConv, PointPooling)
    known = any(isinstance(call.layer, layers) for call in model.graph.calls)
    if not known and not have_endings(files, ENDINGS):
        return None
    return ModelMatch(0.98 if known else 0.9, f"its input {shape} is that of points")


def encoding(model: PlainModel, samples: Samples, options: ReadingOptions) -> ModelEncoding:
    """Points farthest apart, centered and scaled by the radius of each cloud.

    Raises:
        UsageError: The model takes no clouds, or more features than they have.
        DataError: Clouds differ in their features.
    """
    shape = model.only_shape
    if shape is None or len(shape) != 2 or (shape[1] or 0) < len(AXES):
        raise model.mismatch("clouds of shape (points, 3 or more channels)")
    source = cast(FileClouds, samples)
    wanted = (shape[1] or len(AXES)) - len(AXES)
    common = [name for name in source.facts[0].names if all(name in fact.names for fact in source.facts)]
    if wanted > len(common):
        raise model.mismatch(f"clouds of x, y, z and {', '.join(common) or 'no feature'}")
    split = Split(source, np.zeros(len(source), np.int64))
    points = shape[0] or USUAL_POINTS
    representation, lines = fit_representation(split, points=points, attributes=common[:wanted])
    return ModelEncoding(representation, notes=tuple(lines))


def is_labelled(paths: Sequence[str]) -> bool:
    """A folder of folders, or a table."""
    return names_data_set(paths, (".csv", ".parquet", ".pq"))


MODEL_READER = ModelReader(
    kind="points",
    samples="clouds",
    recipe="points-classification",
    matches=matches,
    encoding=encoding,
    is_labelled=is_labelled,
    endings=ENDINGS,
)
