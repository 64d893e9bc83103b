"""How tables of series become the inputs of a Keras model that comes without a run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from convscope.data.labelled import names_data_set
from convscope.data.splits import Samples
from convscope.kinds.contract.model_reader import (
    ModelEncoding,
    ModelMatch,
    ModelReader,
    PlainModel,
    ReadingOptions,
)
from convscope.kinds.series.classification.representation import SeriesRepresentation
from convscope.kinds.series.kind import SERIES_READER_OPTIONS
from convscope.kinds.series.readers.archive import ARCHIVE_SUFFIXES, is_archive_file
from convscope.kinds.series.readers.frames import is_table
from convscope.kinds.series.readers.sources import Series
from convscope.kinds.series.readers.steps import median_step
from convscope.scope.attribution.layer import embedding_of

LONGEST = 4096
"""Steps at most of a model that takes series of any length."""


def matches(model: PlainModel, files: Sequence[str], options: ReadingOptions) -> ModelMatch | None:
    """A model of (time, variables); of (time,) where the files are tables."""
    shape = model.only_shape
    tables = bool(files) and all(is_table(file) or is_archive_file(file) for file in files)
    if shape is None or len(shape) not in (1, 2) or embedding_of(model.graph, model.graph.inputs[0]):
        return None
    if len(shape) == 1:
        return ModelMatch(0.5, f"its input {shape} may be one variable over time") if tables else None
    return ModelMatch(0.8 if tables else 0.7, f"its input {shape} is that of series: (time, variables)")


def encoding(model: PlainModel, samples: Samples, options: ReadingOptions) -> ModelEncoding:
    """Series on a regular grid, cut or padded to the length of the input; values stay as they are.

    Raises:
        UsageError: The model takes no series, or series of another number of variables.
    """
    shape = model.only_shape
    if shape is None or len(shape) not in (1, 2):
        raise model.mismatch("series of shape (time, variables)")
    found: list[Series] = [samples.load(index) for index in range(len(samples))]
    variables = found[0].variables
    expected = shape[1] if len(shape) == 2 else 1
    if expected not in (None, len(variables)):
        without = options.get("rows") != "times"
        advice = " If each row of a table without a header is one step, add --rows times." if without else ""
        raise model.mismatch(
            f"series of {len(variables)} variables ({', '.join(variables[:8])}), as in {samples.name(0)}",
            f"Keep {expected} of the columns, as in training.{advice}",
        )
    steps = [step for step in map(median_step, found) if step is not None]
    length = shape[0] or min(max(map(len, found)), LONGEST)
    representation = SeriesRepresentation(
        variables,
        length,
        "none",
        int(np.median(steps)) if steps else None,
        means=(0.0,) * len(variables),
        deviations=(1.0,) * len(variables),
    )
    return ModelEncoding(
        representation,
        drop_channel=len(shape) == 1,
        notes=(f"series are cut or padded to {length} steps; values are not scaled",),
    )


MODEL_READER = ModelReader(
    kind="series",
    samples="series",
    recipe="series-classification",
    matches=matches,
    encoding=encoding,
    is_labelled=names_data_set,
    endings=ARCHIVE_SUFFIXES,
    options=SERIES_READER_OPTIONS,
    read_options=tuple(option.name for option in SERIES_READER_OPTIONS),
)
