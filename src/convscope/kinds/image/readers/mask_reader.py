"""Images with a mask each, from whatever is there: the layout is detected and reported.

What happens to bad input:

| what is wrong | what happens |
|---|---|
| an image or a mask that is empty, truncated or not an image | skipped, counted, listed |
| an image without a mask | left out, counted in a warning |
| a mask without an image | skipped, listed |
| a mask of another size, of the shape of its image | brought to that by the nearest pixel, said |
| a mask of another shape | skipped, counted, listed; `DataError` where that is most of them |
| an image that EXIF turns, with a mask as the file has it | the mask is turned likewise, said |
| a value or a color that the file of classes does not name | `DataError` with the mask and the value |
| a mask that is void everywhere | left out, counted in a warning |
| masks as JPEG | below and above 128 where they are black and white, else `DataError` |
| several masks for one image; masks of values and masks of colors | `DataError` that names two |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from convscope.data.assembly import Found, check_mostly_readable
from convscope.data.class_table import ClassTable, find_class_table
from convscope.data.digests import DIGEST_BYTES, digest_keys, digest_of
from convscope.data.listing import Listing
from convscope.data.masks import Classes, Mask, assemble_masks, count_classes
from convscope.data.named_files import is_folder
from convscope.data.splits import Splits
from convscope.data.threads import loading_pool
from convscope.errors import DataError
from convscope.kinds.image.detection.forms import box_files
from convscope.kinds.image.readers.annotations import annotation_files, read_annotations
from convscope.kinds.image.readers.decode import open_image, orientation_of, read_bytes, turned
from convscope.kinds.image.readers.mask_coding import MaskCoding, MaskScan, codes_of, coding_of
from convscope.kinds.image.readers.mask_pairs import MaskPairs, pairs_in, with_lists
from convscope.kinds.image.readers.mask_tables import mask_tables, outlined_by_tables, pairs_of_tables
from convscope.kinds.image.readers.outlined import read_outlined
from convscope.kinds.image.readers.reader import as_levels
from convscope.kinds.image.readers.scan import scan_to_found
from convscope.kinds.image.readers.sources import unscanned_files
from convscope.types import Progress, Skipped, no_progress

SAME_SHAPE = 0.02
"""By how much the ratio of the sides of a mask may differ from that of its image."""
_EXPECTED = (
    "Give folders images/ and masks/ with files of the same names, the layout of Pascal VOC, train/ and"
    " trainannot/, images with annotations of COCO, labelme or Label Studio, or with a table of masks."
)


def read_masked_images(
    path: str | Path,
    *,
    seed: int | None = 0,
    progress: Progress = no_progress,
    void: Sequence[str] = (),
    group: str | None = None,
    intensity_range: Sequence[float] | None = None,
) -> Splits:
    """Reads images with a mask each.

    Args:
        path: A folder, or a file that names images and masks.
        seed: Draws the splits that the data does not have; None where all is to be judged.
        progress: Receives how much is done.
        void: Classes, values or colors that stand for no class.
        group: Pattern of paths that names the group of each image; a group stays in one split.
        intensity_range: What values of more than 8 bits become black and white; found by default.

    Raises:
        DataError: As the table above says; the message names the file.
    """
    place = Path(path)
    only = None if is_folder(place) else place.name
    place = place if only is None else place.parent
    listing = Listing(str(place))
    keys = listing.files_below("")
    levels = as_levels(intensity_range)
    outlined = annotation_files(place, keys if only is None else [only])
    if outlined:
        return assemble_masks(*read_annotations(place, outlined, keys, progress, levels), seed, group)
    tables = mask_tables(place, keys if only is None else [only])
    named = [each for each in tables if each.columns.mask is not None]
    pairs = pairs_of_tables(place, named, keys) if named else None if only else pairs_in(keys)
    if pairs is None and tables:
        made = outlined_by_tables(place, tables, keys, group)
        layout = f"images with run lengths in {', '.join(each.key for each in tables)}"
        grouped = None if made.grouped_by else group
        return assemble_masks(*read_outlined(place, made, layout, progress, levels), seed, grouped)
    if pairs is None:
        boxed = ", ".join(list(box_files(place, keys, ()))[:3])
        if boxed:
            raise DataError(
                f"{path}: expected images with masks, received boxes in {boxed}",
                hint="Boxes alone are learned by --recipe image-detection.",
            )
        raise DataError(f"{path}: expected images with masks, received none", hint=_EXPECTED)
    if not named:
        pairs = with_lists(listing, keys, pairs)
    table = find_class_table(place, keys)
    found = _images(place, pairs, listing, progress, intensity_range)
    found, masks, names = _masks(found, pairs, table, void, progress)
    return assemble_masks(found, masks, names, seed, group)


def _images(
    place: Path,
    pairs: MaskPairs,
    listing: Listing,
    progress: Progress,
    intensity_range: Sequence[float] | None,
) -> Found:
    """The images that are readable."""
    alone = [Skipped(str(place / key), "a mask without an image") for key in pairs.alone]
    splits = [pair.split for pair in pairs.pairs]
    if None in splits or "train" not in splits:
        splits = [None] * len(splits)
    return scan_to_found(
        unscanned_files(str(place), [pair.image for pair in pairs.pairs]),
        where=str(place),
        layout=f"images with masks: {pairs.known} pairs, {pairs.said}",
        labels=[None] * len(pairs.pairs),
        splits=splits,
        skipped=[*listing.skipped, *alone],
        progress=progress,
        decisions=pairs.decisions,
        intensity_range=as_levels(intensity_range),
    )


@dataclass(frozen=True)
class _Scanned:
    """A mask that was looked at: what it holds, how it is turned, and a hash of its file."""

    scan: MaskScan
    orientation: int
    digest: bytes


def _masks(
    found: Found,
    pairs: MaskPairs,
    table: ClassTable | None,
    void: Sequence[str],
    progress: Progress,
) -> tuple[Found, list[Mask | None], tuple[str, ...]]:
    """The mask of each image, and the names of the classes; images whose mask cannot be read are skipped."""
    root = Path(found.where)
    mask_of = {pair.image: pair.mask for pair in pairs.pairs}
    files = [mask_of[found.source.key(i)] for i in range(len(found.source))]
    scanned: list[_Scanned | None] = []
    skipped: list[Skipped] = []

    def look(index: int) -> _Scanned | Skipped | None:
        file = files[index]
        if file is None:
            return None
        try:
            return _scan(str(root / file), found, index)
        except DataError as error:
            return Skipped(str(root / file), error.message.removeprefix(f"{root / file}: "))

    with loading_pool() as pool:
        for done, each in enumerate(pool.map(look, range(len(files))), 1):
            skipped += [each] if isinstance(each, Skipped) else []
            scanned.append(each if isinstance(each, _Scanned) else None)
            progress(done, len(files), "reading masks")
    good = [each for each in scanned if each is not None]
    check_mostly_readable(found.where, len(good), skipped, "masks")
    coding = coding_of(found.where, [each.scan for each in good], table, void, pairs.published)
    masks = [
        None if each is None else _mask(each, coding, _size(found, index))
        for index, each in enumerate(scanned)
    ]
    digests = np.zeros((len(masks), DIGEST_BYTES), np.uint8)
    for index, each in enumerate(scanned):
        both = bytes(found.digests[index]) + (b"" if each is None else each.digest)
        digests[index] = np.frombuffer(digest_of(both), np.uint8)
    lines = [*coding.decisions, *_resized(good, found, scanned)]
    # A mask that cannot be read is listed; its image is left out as those without any are.
    made = replace(
        found,
        digests=digest_keys(digests),
        near=found.digests,
        decisions=(*found.decisions, *lines),
        skipped=(*found.skipped, *skipped),
    )
    return made, masks, coding.class_names


def _size(found: Found, index: int) -> tuple[int, int]:
    height, width = found.source.sizes[index].tolist()  # type: ignore[attr-defined]
    return int(height), int(width)


def _scan(name: str, found: Found, index: int) -> _Scanned:
    """Looks at one mask.

    Raises:
        DataError: It cannot be read, or does not fit its image.
    """
    data = read_bytes(name)
    kind, image = open_image(data, name)
    try:
        codes, colored = codes_of(image)
    except ValueError as error:
        raise DataError(f"{name}: a mask that {error}") from error
    size, own = _size(found, index), (codes.shape[0], codes.shape[1])
    orientation = 1
    if own != size:
        as_filed = orientation_of(open_image(found.source.read(index), name)[1])  # type: ignore[attr-defined]
        if as_filed >= 5 and own == size[::-1]:
            orientation, own = as_filed, size
    if abs(own[0] * size[1] / (own[1] * size[0]) - 1) > SAME_SHAPE:
        raise DataError(
            f"{name}: a mask of {own[0]}x{own[1]} pixels for an image of {size[0]}x{size[1]}, which are of"
            " different shapes"
        )
    values, counts = np.unique(codes, return_counts=True)
    scan = MaskScan(name, values, counts, own, colored, kind == "JPEG")
    return _Scanned(scan, orientation, digest_of(data))


def _mask(each: _Scanned, coding: MaskCoding, size: tuple[int, int]) -> Mask:
    """A mask that is read when it is needed."""
    read = partial(read_mask, each.scan.name, coding, each.orientation, size)
    if each.scan.size == size:
        return Mask(read, *coding.counted(each.scan))
    return Mask(read, *count_classes(read(), len(coding.class_names)))


def read_mask(name: str, coding: MaskCoding, orientation: int, size: tuple[int, int]) -> Classes:
    """The class of each pixel of an image.

    Args:
        name: The file of the mask.
        coding: Which values or colors stand for which classes.
        orientation: By which the image was turned, as EXIF counts it.
        size: Height and width of the image.

    Raises:
        DataError: The file has changed or gone since it was found.
    """
    codes, colored = codes_of(open_image(read_bytes(name), name)[1])
    if colored and not coding.colored:
        codes = codes & 255
    classes = turned(coding.apply(codes), orientation)
    if classes.shape == size:
        return classes
    return np.asarray(Image.fromarray(classes).resize(size[::-1], Image.Resampling.NEAREST))


def _resized(good: Sequence[_Scanned], found: Found, scanned: Sequence[_Scanned | None]) -> list[str]:
    lines = []
    count = Counter(each.orientation != 1 for each in good)[True]
    if count:
        lines.append(
            f"masks: {count} turned as EXIF turns their images, since they have the sides of the files"
        )
    other = [
        each
        for index, each in enumerate(scanned)
        if each is not None and each.scan.size != _size(found, index)
    ]
    if other:
        first = other[0].scan
        lines.append(
            f"masks: {len(other)} brought to the size of their images by the nearest pixel, such as"
            f" {Path(first.name).name} of {first.size[0]}x{first.size[1]}"
        )
    return lines
