"""Images whose masks are drawn from regions that other files say, whatever their form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from convscope.data.assembly import Found
from convscope.data.digests import DIGEST_BYTES, digest_keys, digest_of
from convscope.data.masks import BACKGROUND, MOST_CLASSES, Classes, Mask, count_classes
from convscope.errors import DataError
from convscope.kinds.image.readers.decode import Levels, open_image, orientation_of, turned
from convscope.kinds.image.readers.mask_shapes import Region, Size, drawn
from convscope.kinds.image.readers.scan import scan_to_found
from convscope.kinds.image.readers.sources import unscanned_files
from convscope.types import Progress, Skipped, SplitName


@dataclass
class Outlined:
    """Images with their regions, before they are scanned.

    Args:
        regions: Of each image, by its file.
        sizes: Height and width that each image is said to have, zeros where nothing says so.
        splits: The split of each, where something says so.
        groups: The group of each, where something says so.
        grouped_by: What that is.
        names: Of the classes; the first is the background.
        skipped: What was left out.
        decisions: What was decided, one line each.
    """

    regions: dict[str, list[Region]] = field(default_factory=dict)
    sizes: dict[str, Size] = field(default_factory=dict)
    splits: dict[str, SplitName | None] = field(default_factory=dict)
    groups: dict[str, str | None] = field(default_factory=dict)
    grouped_by: str = ""
    names: list[str] = field(default_factory=lambda: [BACKGROUND])
    skipped: list[Skipped] = field(default_factory=list)
    decisions: dict[str, None] = field(default_factory=dict)

    def add(self, key: str, size: Size = (0, 0), split: SplitName | None = None) -> list[Region]:
        """Adds an image that is not there yet; gives its regions."""
        self.sizes.setdefault(key, size)
        self.splits.setdefault(key, split)
        return self.regions.setdefault(key, [])

    def number_of(self, where: str, name: str) -> int:
        """The number of a class, which is new or known.

        Raises:
            DataError: There are too many.
        """
        if name not in self.names:
            self.names.append(name)
        if len(self.names) > MOST_CLASSES:
            raise DataError(f"{where}: expected at most {MOST_CLASSES - 1} classes, received more")
        return self.names.index(name)


def read_outlined(
    folder: Path, made: Outlined, layout: str, progress: Progress, intensity_range: Levels | None = None
) -> tuple[Found, list[Mask | None], tuple[str, ...]]:
    """Scans the images of a folder, and draws the mask of each once.

    Args:
        folder: That was read.
        made: Images and regions.
        layout: What was found, in a few words.
        progress: Receives the number of images scanned.
        intensity_range: What values of more than 8 bits become black and white.

    Returns:
        The images, the mask of each, and the names of the classes.

    Raises:
        DataError: There are none, most cannot be read, or a region does not fit its image.
    """
    if not made.regions:
        raise DataError(f"{folder}: expected images that are there, received none of those that are named")
    if not any(made.regions.values()):
        raise DataError(
            f"{folder}: expected outlines of objects, received none for any of {len(made.regions)} images",
            hint="Boxes alone are learned by --recipe image-detection. To classify the objects, cut each box"
            " out as an image, into a folder per class.",
        )
    images = list(made.regions)
    splits = [made.splits[key] for key in images]
    found = scan_to_found(
        unscanned_files(str(folder), images),
        where=str(folder),
        layout=layout,
        labels=[None] * len(images),
        splits=splits if "train" in splits and None not in splits else [None] * len(splits),
        skipped=made.skipped,
        progress=progress,
        groups=[made.groups.get(key) for key in images] if made.grouped_by else None,
        grouped_by=made.grouped_by,
        decisions=tuple(made.decisions),
        intensity_range=intensity_range,
    )
    masks: list[Mask | None] = []
    skipped: list[Skipped] = []
    orientations = set()
    digests = np.zeros((len(found.source), DIGEST_BYTES), np.uint8)
    for index in range(len(found.source)):
        regions = made.regions[found.source.key(index)]
        stamp = b"".join(region.stamp for region in regions)
        digests[index] = np.frombuffer(digest_of(bytes(found.digests[index]) + stamp), np.uint8)
        made_mask = _mask(found, index, regions, made.sizes[found.source.key(index)], len(made.names))
        if isinstance(made_mask, Skipped):
            skipped.append(made_mask)
            masks.append(None)
        else:
            masks.append(made_mask[0])
            orientations.add(made_mask[1])
    lines = (
        ["masks: turned as EXIF turns their images, where sides fit only so"] if orientations - {1} else []
    )
    found = replace(
        found,
        near=found.digests,
        digests=digest_keys(digests),
        decisions=(*found.decisions, *lines),
        skipped=(*found.skipped, *skipped),
    )
    return found, masks, tuple(made.names)


def _mask(
    found: Found, index: int, regions: Sequence[Region], said: Size, classes: int
) -> tuple[Mask, int] | Skipped:
    """The mask of an image and how it is turned, or why there is none.

    Raises:
        DataError: As `drawn`.
    """
    height, width = found.source.sizes[index].tolist()  # type: ignore[attr-defined]
    orientation, size = 1, (height, width)
    if any(said) and said != size:
        name = found.source.name(index)
        if said == size[::-1]:
            orientation = orientation_of(open_image(found.source.read(index), name)[1])  # type: ignore[attr-defined]
        if orientation < 5:
            reason = f"annotated as {said[0]}x{said[1]}, but the image has {height}x{width} pixels"
            return Skipped(name, reason)
        size = said
    read = partial(_drawn, regions, size, orientation)
    return Mask(read, *count_classes(read(), classes)), orientation


def _drawn(regions: Sequence[Region], size: Size, orientation: int) -> Classes:
    """Regions as a mask, turned as its image is."""
    return turned(drawn(regions, size), orientation)
