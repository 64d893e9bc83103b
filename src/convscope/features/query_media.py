"""Inputs to compare with features: run through the same model in the same way, or rows that are there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from convscope.errors import UsageError
from convscope.features.rows import gather
from convscope.features.table import Features
from convscope.types import Progress, no_progress

if TYPE_CHECKING:
    import keras

    from convscope.lenses.views.view import Sample
    from convscope.workflows.model_inputs.dataset import Dataset

ROW = "id:"


@dataclass(frozen=True, eq=False)
class Query:
    """What is compared with features.

    Args:
        name: The file, or `id:17`.
        short: A name for a picture.
        id: The row, where it is one of the features.
        label: Its class name, where it is known.
        prediction: What the model takes it for, or None.
        sample: The input, to be drawn; None for a row.
    """

    name: str
    short: str
    id: int | None = None
    label: str | None = None
    prediction: str | None = None
    sample: Sample | None = None


def queries_of(
    features: Features,
    layer: str,
    inputs: Sequence[str],
    *,
    model: keras.Model | str | None = None,
    trust: bool = False,
    code: Sequence[str] = (),
    progress: Progress = no_progress,
) -> tuple[list[Query], npt.NDArray[np.float32], list[str]]:
    """Features of inputs: computed for files, read for rows.

    Args:
        features: What they are to be compared with.
        layer: The layer's path.
        inputs: Files, folders and patterns, or `id:17`.
        model: The model; None opens what the features say.
        trust: Whether a model file may hold code that runs when it is opened.
        code: Modules to import first.
        progress: Is told how far it is.

    Returns:
        The queries, rows first; their features, shape (queries, values), float32; and what should be known.

    Raises:
        UsageError: No input, or no such row.
        DataError: An input cannot be read.
        RunError: The model is not the one of the features.
    """
    if not inputs:
        raise UsageError(
            "There is nothing to compare.", "Give files, or a row of the features such as id:17."
        )
    numbers = [check_row(features, text) for text in inputs if text.startswith(ROW)]
    paths = [text for text in inputs if not text.startswith(ROW)]
    queries = _rows(features, numbers)
    rows, place_of = np.unique(np.array(numbers, np.int64), return_inverse=True)
    vectors = [gather(features, layer, rows)[place_of]]
    notes: list[str] = []
    if paths:
        from convscope.features.query import query

        found = query(features, paths, [layer], model=model, trust=trust, code=code, progress=progress)
        samples = zip(range(len(found.dataset)), found.predictions, strict=True)
        queries += [_of_dataset(features, found.dataset, i, prediction) for i, prediction in samples]
        vectors.append(found.matrices[layer])
        notes += found.notes
    return queries, np.concatenate(vectors), notes


def check_row(features: Features, text: str) -> int:
    """The row that `id:17` means.

    Raises:
        UsageError: It is no number, or there is no such row.
    """
    number = text.removeprefix(ROW)
    if not (number.isascii() and number.isdigit()) or int(number) >= len(features):
        raise UsageError(
            f"{features.path} has no row '{number}'.", f"Its rows are id:0 to id:{len(features) - 1}."
        )
    return int(number)


def _rows(features: Features, numbers: Sequence[int]) -> list[Query]:
    columns = features.columns()
    return [
        Query(
            f"{ROW}{row}",
            f"{ROW}{row}",
            row,
            columns.labels[row],
            columns.predictions[row],
        )
        for row in numbers
    ]


def _of_dataset(features: Features, dataset: Dataset, index: int, prediction: str | None) -> Query:
    from convscope.features.samples import sample_of

    name = dataset.name(index)
    return Query(name, Path(name).name, None, None, prediction, sample_of(features, dataset, index))
