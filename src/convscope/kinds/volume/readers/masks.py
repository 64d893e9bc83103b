"""Volumes with a mask of labels each: the layouts of the Medical Segmentation Decathlon and of nnU-Net."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from convscope.data.listing import Listing
from convscope.errors import DataError
from convscope.json_values import read_json
from convscope.kinds.volume.readers.files import may_be_volume, volumes_of
from convscope.kinds.volume.readers.forms import form_of
from convscope.kinds.volume.readers.sources import ChannelLayout, FileVolumes, StoredVolume
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
IGNORED = "ignore"
"""What nnU-Net calls the label of voxels whose class is not known."""


@dataclass(frozen=True)
class MaskedVolumes:
    """Scans and the masks that belong to them, before any is read.

    Args:
        volumes: The scans.
        masks: A mask for each, in the same order.
        splits: The split of each; None for all of them where there is but one pair of folders.
        label_names: What the numbers in masks stand for; empty where nothing says it.
        void: Numbers that stand for no class, as `dataset.json` says.
        layout: One line that says which layout was recognized and by what.
        decisions: What was decided, one line each.
        skipped: What was left out.
    """

    volumes: FileVolumes
    masks: FileVolumes
    splits: tuple[SplitName | None, ...]
    label_names: Mapping[int, str]
    void: frozenset[int]
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
    return bool(_parts(folder))


def _parts(folder: Path) -> list[tuple[str, str, SplitName | None]]:
    """The pairs of folders that are there."""
    return [part for part in PARTS if all((folder / each).is_dir() for each in part[:2])]


def find_masked(folder: Path, channels: ChannelLayout | None = None) -> MaskedVolumes:
    """Finds the scans of a folder and the masks that belong to them by their names.

    Scans of several channels are files that end in `_0000`, `_0001` and so on, where masks are called as they
    without that; or have a fourth axis, where `dataset.json` lists several modalities. It names labels, too.

    Args:
        folder: With `imagesTr` and `labelsTr`, and `imagesTs` and `labelsTs` where there are any.
        channels: Where channels are; by default as above.

    Raises:
        DataError: No scan has a mask, or channels are missing.
    """
    volumes: list[StoredVolume] = []
    masks: list[StoredVolume] = []
    splits: list[SplitName | None] = []
    skipped: list[Skipped] = []
    decisions: list[str] = []
    parts = _parts(folder)
    said = _data_set(folder / "dataset.json")
    for images, labels, split in parts:
        found = _volumes(folder, labels, skipped, [], "none")
        layout = channels or _layout(folder, images, found.keys(), said.modalities)
        scans = _volumes(folder, images, skipped, decisions, layout)
        both = sorted(scans.keys() & found.keys())
        volumes += [scans[case] for case in both]
        masks += [found[case] for case in both]
        splits += [split] * len(both)
        for these, others, what in ((scans, found, f"mask in {labels}"), (found, scans, f"scan in {images}")):
            left = sorted(these.keys() - others.keys())
            skipped += [Skipped(str(folder / these[case].key), f"no {what} of that name") for case in left]
    if not volumes:
        raise DataError(
            f"{folder}: expected scans in imagesTr/ and masks of the same names in labelsTr/, received none",
            hint="Name each mask as its scan, without the number of the channel.",
        )
    if len(set(splits)) > 1:
        splits = [split or "train" for split in splits]
    return MaskedVolumes(
        FileVolumes(str(folder), volumes),
        FileVolumes(str(folder), masks),
        tuple(splits),
        said.names,
        said.void,
        f"scans and masks: {', '.join(' and '.join(each[:2]) for each in parts)} have {len(volumes)} pairs",
        tuple(dict.fromkeys([*decisions, *said.lines])),
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
        some = "" if whole else f", such as {values[values != np.rint(values)][0]:g}"
        raise DataError(
            f"{mask.name}: expected labels as whole numbers from 0 to {LARGEST_LABEL}, received values from"
            f" {low:g} to {high:g}{some}",
            hint="Check that this is a mask, and not the scan itself.",
        )
    return mask.with_values(values.astype(np.uint8))


def _volumes(
    folder: Path, part: str, skipped: list[Skipped], decisions: list[str], channels: ChannelLayout
) -> dict[str, StoredVolume]:
    """The volumes of a part by what their case is called."""
    found = volumes_of(folder, _files(folder, part), channels)
    skipped += found.skipped
    decisions += found.decisions
    return {_case(each): each for each in found.volumes}


def _files(folder: Path, part: str) -> list[str]:
    keys = [f"{part}/{key}" for key in Listing(str(folder / part)).files_below("")]
    return [key for key in keys if may_be_volume(folder, key)]


def _layout(folder: Path, images: str, cases: Iterable[str], modalities: int) -> ChannelLayout:
    """Where channels are: in files of their own where masks are called as their common names."""
    stems, known = [_stem(key) for key in _files(folder, images)], set(cases)
    numbered = {stem[:-5] for stem in stems if stem[-5:-4] == "_" and stem[-4:].isdigit()}
    if numbered & known and not known & set(stems):
        return "files"
    return "axis" if modalities > 1 else "none"


def _stem(key: str) -> str:
    name = key.rpartition("/")[2]
    return name.partition(".nii")[0] if form_of(key) == "nifti" else name.rpartition(".")[0] or name


def _case(stored: StoredVolume) -> str:
    return _stem(stored.key)


@dataclass(frozen=True)
class _Said:
    """What `dataset.json` says: names of labels, those that are void, the number of modalities, and lines."""

    names: Mapping[int, str] = field(default_factory=dict)
    void: frozenset[int] = frozenset()
    modalities: int = 1
    lines: tuple[str, ...] = ()


def _data_set(path: Path) -> _Said:
    """Reads `dataset.json`: labels are numbers with names, as the Decathlon has it, or names with numbers.

    A label that is called `ignore`, as nnU-Net has it, is void. Regions of several labels are not learned.

    Raises:
        RunError: It is no JSON.
    """
    said = read_json(path) if path.is_file() else None
    if not isinstance(said, Mapping):
        return _Said()
    labels, names, regions = said.get("labels"), {}, []
    for key, value in labels.items() if isinstance(labels, Mapping) else ():
        if str(key).isdigit():
            names[int(key)] = str(value)
        elif isinstance(value, int):
            names[value] = str(key)
        elif isinstance(value, list):
            regions.append(str(key))
    void = frozenset(number for number, name in names.items() if name.lower() == IGNORED)
    channels = said.get("channel_names") or said.get("modality")
    lines = ["labels: named by dataset.json"] if names else []
    if regions:
        lines.append(f"labels: each is a class; regions of several ({', '.join(regions)}) are not learned")
    kept = {number: name for number, name in names.items() if number not in void}
    return _Said(kept, void, len(channels) if isinstance(channels, Mapping) else 1, tuple(lines))
