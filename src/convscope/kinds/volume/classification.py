"""Volumes to one class each: what does a scan, or a solid, show?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from convscope.data.splits import Splits
from convscope.kinds.contract.recipe import RepresentationSteps
from convscope.kinds.tasks.classification import classification_recipe
from convscope.kinds.volume.augmentation import augmentation, is_binary, test_time_views
from convscope.kinds.volume.kind import VOLUME_CLASSIFICATION
from convscope.kinds.volume.readers.inputs import read_inputs
from convscope.kinds.volume.readers.reader import read_volumes
from convscope.kinds.volume.readers.sources import ChannelLayout
from convscope.kinds.volume.representation import VolumeRepresentation, fit_representation
from convscope.kinds.volume.symmetry import symmetry_of
from convscope.types import Progress, no_progress

BINARY = "augmentation: without contrast and noise, because voxels are occupied or not"
LEARNED = 100_000
"""Volumes that a training learns from, counted as often as they are seen."""
EPOCHS = (20, 60)
"""Fewest and most that are suggested."""
BATCHES = (8, 32)
_SEEN = 20


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
    channel_layout: ChannelLayout | None = None,
    flip_axes: Sequence[str] | None = None,
    turn_axes: Sequence[str] | None = None,
) -> Splits:
    """Reads labelled volumes, and finds out how they may be changed where the user does not say.

    Args:
        path: A folder or a file.
        seed: Draws the splits that the data does not have.
        progress: Receives how much is done.
        label_column: As `read_volumes`.
        label_pattern: As `read_volumes`.
        group: As `read_volumes`.
        encoding: As `read_volumes`.
        drop_column: As `read_volumes`.
        channel_layout: As `read_volumes`.
        flip_axes: Axes along which a mirrored volume keeps its class; found by the train volumes by default.
        turn_axes: Axes about which one that is turned by quarters does.

    Raises:
        DataError, UsageError: As `read_volumes`.
    """
    splits = read_volumes(
        path,
        seed=seed,
        progress=progress,
        label_column=label_column,
        label_pattern=label_pattern,
        group=group,
        encoding=encoding,
        drop_column=drop_column,
        channel_layout=channel_layout,
    )
    given = {"flip_axes": flip_axes, "turn_axes": turn_axes}
    if None not in given.values() or seed is None or not len(splits.train):
        return splits
    return _with_symmetry(splits, given, seed)


def _with_symmetry(splits: Splits, given: Mapping[str, Sequence[str] | None], seed: int) -> Splits:
    """Finds the axes along and about which volumes may be changed, where the user does not give them."""
    found = symmetry_of(splits.train, len(splits.class_names), seed)
    axes = {"flip_axes": list(found.flip), "turn_axes": list(found.turn)}
    settled = {name: axes[name] if value is None else value for name, value in given.items()}
    lines = [line for line in found.lines if given[line.partition(":")[0]] is None]
    if all(is_binary(splits.train.samples.load(at).values) for at in range(min(_SEEN, len(splits.train)))):
        lines.append(BINARY)
    return replace(splits, decisions=(*splits.decisions, *lines), reading={**splits.reading, **settled})


def suggest_settings(architecture: str, splits: Splits) -> Mapping[str, Any]:
    """Epochs and batches for so many train volumes: the fewer there are, the more often each is seen.

    Example:
        >>> from types import SimpleNamespace
        >>> [suggest_settings("volume_resnet", SimpleNamespace(train=range(count))) for count in (90, 4_000)]
        [{'epochs': 60, 'batch_size': 8}, {'epochs': 25, 'batch_size': 32}]
    """
    count = max(len(splits.train), 1)
    (least, most), (smallest, largest) = EPOCHS, BATCHES
    return {
        "epochs": min(most, max(least, math.ceil(LEARNED / count))),
        "batch_size": min(largest, max(smallest, count // 20)),
    }


RECIPE = classification_recipe(
    VOLUME_CLASSIFICATION,
    read=read,
    read_inputs=read_inputs,
    representation=RepresentationSteps(fit_representation, VolumeRepresentation.from_json),
    augmentation=augmentation,
    test_time_views=test_time_views,
    suggest_settings=suggest_settings,
)
