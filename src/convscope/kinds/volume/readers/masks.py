"""Volumes with a mask of labels each: the layouts of the Medical Segmentation Decathlon and of nnU-Net."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from convscope.data.listing import Listing
from convscope.errors import DataError
from convscope.json_values import read_json
from convscope.kinds.volume.readers.files import may_be_volume, volumes_of
from convscope.kinds.volume.readers.forms import form_of
from convscope.kinds.volume.readers.sources import FileVolumes, StoredVolume
from convscope.kinds.volume.resampling import resampled_to
from convscope.kinds.volume.volume import Volume, same_grid
from convscope.types import Skipped, SplitName

PARTS: tuple[tuple[str, str, SplitName | None], ...] = (
    ("imagesTr", "labelsTr", None),
    ("imagesVal", "labelsVal", "validation"),
    ("imagesTs", "labelsTs", "test"),
)
"""Folders of scans, of their masks, and the split of both."""
LARGEST_LABEL = 255


@dataclass(frozen=True)
class MaskedVolumes:
    """Scans and the masks that belong to them, before any is read.

    Args:
        volumes: The scans.
        masks: A mask for each, in the same order.
        splits: The split of each; None for all of them where there is but one pair of folders.
        label_names: What the numbers in masks stand for; empty where nothing says it.
        layout: One line that says which layout was recognized and by what.
        decisions: What was decided, one line each.
        skipped: What was left out.
    """

    volumes: FileVolumes
    masks: FileVolumes
    splits: tuple[SplitName | None, ...]
    label_names: Mapping[int, str]
    layout: str
    decisions: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()

    def load(self, index: int, *, resample: bool = False) -> tuple[Volume, Volume]:
        """One scan and its mask, whose voxels lie at the same places.

        Args:
            index: Which one.
            resample: Whether a mask on another grid is brought to that of the scan, each voxel taking the
                label of the nearest one.

        Raises:
            DataError: The two lie on different grids, or the mask has other values than whole numbers.
        """
        volume, mask = self.volumes.load(index), self.masks.load(index)
        differs = same_grid(volume, mask)
        if differs and not resample:
            raise DataError(
                f"{mask.name}: expected the grid of {volume.name}, received another: {differs}",
                hint="Check that the two belong together; --resample-labels brings masks to the grids of"
                " their scans.",
            )
        return volume, as_labels(resampled_to(mask, volume) if differs else mask)


def is_masked(folder: Path) -> bool:
    """Whether a folder has scans and masks in the layout of the Decathlon or of nnU-Net."""
    return any((folder / images).is_dir() and (folder / labels).is_dir() for images, labels, _ in PARTS)


def find_masked(folder: Path) -> MaskedVolumes:
    """Finds the scans of a folder and the masks that belong to them by their names.

    Scans of several channels are files that end in `_0000`, `_0001` and so on. `dataset.json` names the
    labels.

    Args:
        folder: With `imagesTr` and `labelsTr`, and `imagesTs` and `labelsTs` where there are any.

    Raises:
        DataError: No scan has a mask, or channels are missing.
    """
    volumes: list[StoredVolume] = []
    masks: list[StoredVolume] = []
    splits: list[SplitName | None] = []
    skipped: list[Skipped] = []
    decisions: list[str] = []
    used = []
    for images, labels, split in PARTS:
        if not (folder / images).is_dir() or not (folder / labels).is_dir():
            continue
        scans, found = _volumes(folder, images, skipped, decisions), _volumes(folder, labels, skipped, [])
        both = sorted(scans.keys() & found.keys())
        volumes += [scans[case] for case in both]
        masks += [found[case] for case in both]
        splits += [split] * len(both)
        for these, others, what in ((scans, found, f"mask in {labels}"), (found, scans, f"scan in {images}")):
            left = sorted(these.keys() - others.keys())
            skipped += [Skipped(str(folder / these[case].key), f"no {what} of that name") for case in left]
        used.append(f"{images}/ and {labels}/")
    if not volumes:
        raise DataError(
            f"{folder}: expected scans in imagesTr/ and masks of the same names in labelsTr/, received none",
            hint="Name each mask as its scan, without the number of the channel.",
        )
    if len(set(splits)) > 1:
        splits = [split or "train" for split in splits]
    names = _label_names(folder / "dataset.json")
    if names:
        decisions.append("labels: named by dataset.json")
    return MaskedVolumes(
        FileVolumes(str(folder), volumes),
        FileVolumes(str(folder), masks),
        tuple(splits),
        names,
        f"scans and masks: {', '.join(used)} have {len(volumes)} pairs",
        tuple(dict.fromkeys(decisions)),
        tuple(skipped),
    )


def as_labels(mask: Volume) -> Volume:
    """A mask as whole numbers from 0, uint8, one for each voxel.

    Raises:
        DataError: It has other values, or several channels.
    """
    values = mask.values
    if mask.channels != 1:
        raise DataError(f"{mask.name}: expected a mask of one channel, received {mask.channels}")
    low, high = float(values.min()), float(values.max())
    whole = values.dtype.kind in "biu" or bool(np.all(values == np.rint(values)))
    if not whole or low < 0 or high > LARGEST_LABEL:
        raise DataError(
            f"{mask.name}: expected labels as whole numbers from 0 to {LARGEST_LABEL}, received values from"
            f" {low:g} to {high:g}",
            hint="Check that this is a mask, and not the scan itself.",
        )
    return mask.with_values(values.astype(np.uint8))


def _volumes(
    folder: Path, part: str, skipped: list[Skipped], decisions: list[str]
) -> dict[str, StoredVolume]:
    """The volumes of a part by what their case is called."""
    keys = [f"{part}/{key}" for key in Listing(str(folder / part)).files_below("")]
    taken = [key for key in keys if may_be_volume(folder, key)]
    found = volumes_of(folder, taken, channels=_have_channels(taken))
    skipped += found.skipped
    decisions += found.decisions
    return {_case(each): each for each in found.volumes}


def _have_channels(keys: list[str]) -> bool | None:
    """Whether files are channels: where each ends in a number of four digits, and `_0000` is among them."""
    stems = [_stem(key) for key in keys]
    numbered = bool(stems) and all(stem[-5:-4] == "_" and stem[-4:].isdigit() for stem in stems)
    return True if numbered and any(stem.endswith("_0000") for stem in stems) else None


def _stem(key: str) -> str:
    name = key.rpartition("/")[2]
    return name.partition(".nii")[0] if form_of(key) == "nifti" else name.rpartition(".")[0] or name


def _case(stored: StoredVolume) -> str:
    return _stem(stored.key)


def _label_names(path: Path) -> dict[int, str]:
    """The names of labels in `dataset.json`: numbers to names, as the Decathlon has it, or names to numbers.

    Raises:
        RunError: It is no JSON.
    """
    if not path.is_file():
        return {}
    said = read_json(path)
    labels = said.get("labels") if isinstance(said, Mapping) else None
    if not isinstance(labels, Mapping):
        return {}
    names = {}
    for key, value in labels.items():
        if str(key).isdigit():
            names[int(key)] = str(value)
        elif isinstance(value, int):
            names[value] = str(key)
    return names
