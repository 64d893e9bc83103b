"""Point clouds to one class each: what is the object, what does the scan show?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from convscope.data.splits import Splits
from convscope.kinds.contract.recipe import RepresentationSteps
from convscope.kinds.points.kind import POINTS_CLASSIFICATION
from convscope.kinds.points.readers.reader import read_clouds, read_inputs
from convscope.kinds.points.representation import CloudRepresentation, facts_of, fit_representation
from convscope.kinds.points.sampling import LITTLE, augmentation, found_turn, turned
from convscope.kinds.tasks.classification import classification_recipe
from convscope.types import Array, Progress, no_progress


def read(
    path: str | Path,
    *,
    seed: int | None = 0,
    progress: Progress = no_progress,
    label_column: str | None = None,
    label_pattern: str | None = None,
    group: str | None = None,
    encoding: str | None = None,
    drop_column: Sequence[str] = (),
    turn: str | None = None,
) -> Splits:
    """Reads labelled clouds, and finds out how far they may be turned where the user does not say.

    Args:
        path: A folder or a table.
        seed: Draws the splits that the data does not have.
        progress: Receives how much is done.
        label_column: As `read_clouds`.
        label_pattern: As `read_clouds`.
        group: As `read_clouds`.
        encoding: As `read_clouds`.
        drop_column: As `read_clouds`.
        turn: How far clouds are turned in training; found by the train clouds by default.

    Raises:
        DataError, UsageError: As `read_clouds`.
    """
    splits = read_clouds(
        path,
        seed=seed,
        progress=progress,
        label_column=label_column,
        label_pattern=label_pattern,
        group=group,
        encoding=encoding,
        drop_column=drop_column,
    )
    if turn is not None or seed is None or not len(splits.train):
        return splits
    found, why = found_turn([fact.axis for fact in facts_of(splits.train)])
    return replace(splits, decisions=(*splits.decisions, why), reading={**splits.reading, "turn": found})


def test_time_views(votes: int = 1, turn: str | None = None) -> Sequence[Callable[[Array], Array]]:
    """What an answer is averaged over besides the cloud itself: copies of it turned about z as in training.

    Args:
        votes: How many copies there are, the cloud itself among them.
        turn: `any`: all the way round; `little`: a few degrees to both sides.

    Example:
        >>> angles = [view.keywords["angle"] for view in test_time_views(5, "little")]
        >>> [round(float(np.degrees(angle)), 1) for angle in angles]
        [-7.5, 7.5, -15.0, 15.0]
    """
    if turn == "any":
        angles = [2 * np.pi * step / votes for step in range(1, votes)]
    else:
        steps = [(-1) ** step * ((step + 1) // 2) for step in range(1, votes)]
        angles = [np.radians(LITTLE) * step / (votes // 2) for step in steps]
    return [partial(turned, angle=angle) for angle in angles]


RECIPE = classification_recipe(
    POINTS_CLASSIFICATION,
    read=read,
    read_inputs=read_inputs,
    representation=RepresentationSteps(fit_representation, CloudRepresentation.from_json),
    augmentation=augmentation,
    test_time_views=test_time_views,
)
