"""Volumes with a mask each, checked against one another, as samples with the class of each voxel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from convscope.data.assembly import Found, check_mostly_readable
from convscope.data.digests import DIGEST_BYTES, digest_keys, digest_of
from convscope.data.masks import BACKGROUND, VOID, Classes, Mask, assemble_masks, count_classes
from convscope.data.splits import Splits
from convscope.data.threads import loading_pool
from convscope.errors import DataError
from convscope.kinds.volume.readers.masks import MaskedVolumes, find_masked, is_masked
from convscope.kinds.volume.readers.scan import scan_to_found, told
from convscope.kinds.volume.readers.sources import ChannelLayout
from convscope.kinds.volume.readers.sources import channel_layout as found_layout
from convscope.types import Progress, Skipped, no_progress

_HINT = "Give a folder with imagesTr/ and labelsTr/, scans and masks of the same names."


@dataclass(frozen=True)
class _Seen:
    """A mask that was read once: how many voxels have each of its values, a hash, and what its file says."""

    counts: npt.NDArray[np.int64]
    digest: bytes
    notes: tuple[str, ...]


def read_masked_volumes(
    path: str | Path,
    *,
    seed: int | None = 0,
    progress: Progress = no_progress,
    group: str | None = None,
    resample_labels: bool = False,
    channel_layout: ChannelLayout | None = None,
) -> Splits:
    """Reads volumes with a mask each.

    Args:
        path: A folder in the layout of the Medical Segmentation Decathlon or of nnU-Net.
        seed: Draws the splits that the data does not have; None where all is to be judged.
        progress: Receives how much is done.
        group: Pattern of paths that names the subject of each volume; a subject stays in one split.
        resample_labels: Whether masks on another grid than their scans are brought to it.
        channel_layout: Where the channels of scans are; by default as `find_masked` says.

    Raises:
        DataError: There are no scans with masks, most cannot be read, or a mask lies on another grid.
    """
    place = Path(path)
    if not place.is_dir() or not is_masked(place):
        raise DataError(f"{place}: expected scans with masks, received none", hint=_HINT)
    masked = find_masked(place, channel_layout)
    found = scan_to_found(
        masked.volumes,
        where=str(place),
        layout=masked.layout,
        labels=[None] * len(masked.volumes),
        splits=masked.splits,
        skipped=masked.skipped,
        progress=progress,
        group=group,
        decisions=masked.decisions,
    )
    seen, skipped = _look(masked, found, resample_labels, progress)
    known, void = _values(masked, seen)
    masks = _masks(masked, found, seen, known, void, resample_labels)
    found = replace(
        found,
        near=found.digests,
        digests=_joined(found, seen),
        decisions=(*found.decisions, *_lines(masked, known, void)),
        skipped=(*found.skipped, *skipped),
        warnings=(*found.warnings, *told([note for each in seen if each for note in each.notes])[1]),
    )
    splits = assemble_masks(found, masks, _names(masked, known), seed, group)
    return replace(splits, reading={**splits.reading, **found_layout(masked.volumes)})


def _values(masked: MaskedVolumes, seen: list[_Seen | None]) -> tuple[list[int], list[int]]:
    """The values of masks that are classes, and those that are void."""
    there = sum((each.counts for each in seen if each is not None), np.zeros(256, np.int64))
    values = np.flatnonzero(there).tolist()
    unknown = {VOID, *masked.void} - masked.label_names.keys()
    void = [value for value in values if value in unknown]
    return [value for value in sorted({*values, *masked.label_names}) if value not in void], void


def _names(masked: MaskedVolumes, known: list[int]) -> tuple[str, ...]:
    """What classes are called: as `dataset.json` says; else 0 is background, and others have their value."""
    named = masked.label_names
    others = {0: BACKGROUND} if BACKGROUND not in named.values() else {}
    return tuple(named.get(value, others.get(value, str(value))) for value in known)


def _masks(
    masked: MaskedVolumes,
    found: Found,
    seen: list[_Seen | None],
    known: list[int],
    void: list[int],
    resample: bool,
) -> list[Mask | None]:
    """The mask of each readable volume; None where it cannot be read."""
    numbers = np.full(256, VOID, np.uint8)
    numbers[known] = np.arange(len(known))
    return [
        None
        if each is None
        else Mask(
            partial(read_mask, masked, row, numbers, resample),
            each.counts[known],
            int(each.counts[void].sum()),
        )
        for each, row in zip(seen, _rows(masked, found), strict=True)
    ]


def read_mask(masked: MaskedVolumes, index: int, numbers: npt.NDArray[np.uint8], resample: bool) -> Classes:
    """The class of each voxel of a volume in its canonical frame, shape (x, y, z).

    Args:
        masked: Volumes and masks.
        index: Which one.
        numbers: The class of each value of a mask, shape (256,).
        resample: As `MaskedVolumes.load`.
    """
    return np.asarray(numbers[masked.load(index, resample=resample)[1].values[..., 0]])


def _rows(masked: MaskedVolumes, found: Found) -> list[int]:
    """Where the readable volumes stand among all."""
    row_of = {masked.volumes.key(row): row for row in range(len(masked.volumes))}
    return [row_of[found.source.key(index)] for index in range(len(found.source))]


def _look(
    masked: MaskedVolumes, found: Found, resample: bool, progress: Progress
) -> tuple[list[_Seen | None], list[Skipped]]:
    """Reads each mask once.

    Raises:
        DataError: More than half cannot be read, or do not lie on the grids of their scans.
    """
    rows = _rows(masked, found)

    def look(row: int) -> _Seen | Skipped:
        try:
            mask = masked.load(row, resample=resample)[1]
        except DataError as error:
            return Skipped(masked.masks.name(row), error.message.removeprefix(f"{masked.masks.name(row)}: "))
        counts, _ = count_classes(mask.values, 256)
        return _Seen(counts, digest_of(np.ascontiguousarray(mask.values).tobytes()), mask.notes)

    seen: list[_Seen | None] = []
    skipped: list[Skipped] = []
    with loading_pool() as pool:
        for done, each in enumerate(pool.map(look, rows), 1):
            seen.append(each if isinstance(each, _Seen) else None)
            skipped += [each] if isinstance(each, Skipped) else []
            progress(done, len(rows), "reading masks")
    off_grid = next((each for each in skipped if "the grid of" in each.reason), None)
    if off_grid is not None:
        raise DataError(
            f"{off_grid.path}: {off_grid.reason}",
            hint="Check that the two belong together; --resample-labels brings masks to the grids of their"
            " scans.",
        )
    check_mostly_readable(found.where, sum(each is not None for each in seen), skipped, "masks")
    return seen, skipped


def _lines(masked: MaskedVolumes, known: list[int], void: list[int]) -> list[str]:
    lines = []
    if not masked.label_names:
        lines.append(f"class names: {BACKGROUND} for 0, and the values in masks; no dataset.json names them")
    unnamed = [str(value) for value in known if value and value not in masked.label_names]
    if masked.label_names and unnamed:
        lines.append(f"class names: values that dataset.json does not name: {', '.join(unnamed[:12])}")
    if void:
        lines.append(f"void: {', '.join(map(str, void))} in masks, neither learned nor judged")
    return lines


def _joined(found: Found, seen: list[_Seen | None]) -> npt.NDArray[np.void]:
    """A hash of each volume with its mask."""
    digests = np.zeros((len(seen), DIGEST_BYTES), np.uint8)
    for index, each in enumerate(seen):
        both = bytes(found.digests[index]) + (b"" if each is None else each.digest)
        digests[index] = np.frombuffer(digest_of(both), np.uint8)
    return digest_keys(digests)
