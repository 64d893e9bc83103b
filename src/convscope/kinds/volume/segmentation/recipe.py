"""Volumes to a class for each voxel: where is which structure, and how large is it?

From top to bottom: scans and masks are read in one frame and checked against one another, brought to one
spacing, a U-Net learns from windows with small random changes, and each scan gets a mask on its own grid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from convscope.data.masks import VOID, Classes
from convscope.data.splits import Samples, Splits
from convscope.kinds.contract.recipe import RepresentationSteps
from convscope.kinds.tasks.segmentation import MaskGeometry, segmentation_recipe
from convscope.kinds.tasks.segmentation_examples import suited
from convscope.kinds.volume.kind import VOLUME_SEGMENTATION
from convscope.kinds.volume.planes import ORDER, Planes
from convscope.kinds.volume.readers.dicom_seg import write_segmentation
from convscope.kinds.volume.readers.inputs import read_inputs
from convscope.kinds.volume.readers.nifti import write_nifti
from convscope.kinds.volume.readers.sources import ChannelLayout
from convscope.kinds.volume.representation import as_volumes
from convscope.kinds.volume.resampling import resampled_shape
from convscope.kinds.volume.segmentation.augmentation import (
    masked_augmentation,
    mirrored_axes,
    mirrored_views,
)
from convscope.kinds.volume.segmentation.reader import read_masked_volumes
from convscope.kinds.volume.segmentation.representation import MaskedVolumeRepresentation, fit_windows
from convscope.kinds.volume.volume import Volume
from convscope.lenses.figures.outlines import Plane
from convscope.types import Progress, no_progress

LEARNED = 1e9
"""Voxels that a training learns from, counted as often as they are seen."""
STEP = 360_000
"""Voxels of a batch."""
ML = 1000.0
"""Cubic millimeters of a milliliter."""


def planes(sample: Volume, masks: Sequence[Classes]) -> list[Plane]:
    """The three planes through the voxel about which the masks differ most, or through the structures."""
    first, last = masks[0], masks[-1]
    wrong = (first != last) & (first != VOID)
    there = wrong if wrong.any() else (first > 0) & (first != VOID)
    spots = [np.argmax(there.sum(axis=tuple(a for a in range(3) if a != axis))) for axis in range(3)]
    lie = Planes(sample.shape, sample.spacing, sample.source.spaced, sample.origin)
    made = []
    for axis in ORDER:
        at = int(spots[axis])
        wide, high = lie.size(axis)
        picture = lie.of(sample.values.mean(axis=3), axis, at)
        stretch = (high / picture.shape[0]) / (wide / picture.shape[1])
        sides = lie.sides(axis)[:2] if lie.oriented else ("", "")
        drawn = [lie.of(mask, axis, at) for mask in masks]
        made.append(Plane(picture, drawn, lie.name(axis, at), stretch, sides))
    return made


def amount(samples: Samples, index: int) -> tuple[float, str]:
    """A voxel in ml."""
    return float(np.prod(spacing(samples, index))) / ML, "ml"


def spacing(samples: Samples, index: int) -> Sequence[float]:
    """Size of a voxel along x, y and z, in mm."""
    facts = getattr(samples, "facts", None)
    found: Sequence[float] = facts[index].spacing if facts else samples.load(index).spacing
    return found


def write_mask(
    folder: Path, samples: Samples, index: int, classes: Classes, class_names: Sequence[str]
) -> Path:
    """Writes a mask on the grid of the scan's own file: as DICOM where that is its form, else as NIfTI.

    The file is called as the scan, with `_mask` behind it, and a number where another scan is called so too.
    """
    stem = _stem(samples.name(index))
    same = sum(_stem(samples.name(each)) == stem for each in range(index))
    path = folder / f"{stem}_mask{f'_{same + 1}' if same else ''}"
    scan = samples.load(index)
    files = slices_of(samples, index) if scan.source.form == "DICOM" and scan.source.spaced else []
    if files:
        path = path.with_name(f"{path.name}.dcm")
        write_segmentation(path, files, scan, classes, class_names)
    else:
        path = path.with_name(f"{path.name}.nii.gz")
        write_nifti(path, scan, classes)
    return path


def slices_of(samples: Samples, index: int) -> list[Path]:
    """The files of a scan of one channel; none where it has several, or comes from an array."""
    stored = getattr(samples, "stored", None)
    channels: tuple[tuple[str, ...], ...] = () if stored is None else stored[index].channels
    root = Path(getattr(samples, "root", ""))
    return [root / file for file in channels[0]] if len(channels) == 1 else []


def _stem(name: str) -> str:
    last = Path(name).name.replace("#", "_")
    return last.removesuffix(".gz").rpartition(".")[0] or last


def read(
    path: str | Path,
    *,
    seed: int | None = 0,
    progress: Progress = no_progress,
    group: str | None = None,
    resample_labels: bool = False,
    channel_layout: ChannelLayout | None = None,
    flip_axes: Sequence[str] | None = None,
) -> Splits:
    """Reads volumes with a mask each, and decides along which axes they may be mirrored.

    Args:
        path: As `read_masked_volumes`.
        seed: As `read_masked_volumes`.
        progress: As `read_masked_volumes`.
        group: As `read_masked_volumes`.
        resample_labels: As `read_masked_volumes`.
        channel_layout: As `read_masked_volumes`.
        flip_axes: Axes along which mirrored volumes keep their classes, where the user says so.

    Raises:
        DataError: As `read_masked_volumes`.
    """
    splits = read_masked_volumes(
        path,
        seed=seed,
        progress=progress,
        group=group,
        resample_labels=resample_labels,
        channel_layout=channel_layout,
    )
    if flip_axes is not None or seed is None or not len(splits.train):
        return splits
    facts = as_volumes(splits.train).facts
    axes, why = mirrored_axes(splits.class_names, spaced=any(fact.spaced for fact in facts))
    line = f"flip_axes: {', '.join(axes) or 'none'}, because {why}"
    return replace(
        splits, decisions=(*splits.decisions, line), reading={**splits.reading, "flip_axes": list(axes)}
    )


def suggest_settings(
    architecture: str, splits: Splits, *, representation: MaskedVolumeRepresentation
) -> Mapping[str, Any]:
    """Epochs and batches that take about as long whatever the number and size of scans."""
    spacing = representation.grid.spacing
    facts = as_volumes(splits.train).facts
    sides = [resampled_shape(fact.shape, fact.spacing, spacing) for fact in facts]
    return suited(sides, representation.shape[:-1], LEARNED, STEP)


RECIPE = segmentation_recipe(
    VOLUME_SEGMENTATION,
    read=read,
    read_inputs=read_inputs,
    representation=RepresentationSteps(fit_windows, MaskedVolumeRepresentation.from_json),
    geometry=MaskGeometry(planes, amount, write_mask, spacing),
    augmentation=masked_augmentation,
    test_time_views=mirrored_views,
    suggest_settings=suggest_settings,
)
