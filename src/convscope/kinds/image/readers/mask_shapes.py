"""Masks that are written as polygons or run lengths, as COCO has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convscope.data.masks import VOID, Classes
from convscope.errors import DataError

Inside = npt.NDArray[np.bool_]
Size = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Region:
    """A part of an image that has a class.

    Args:
        number: Its class; `VOID` for none.
        where: The file and the record, for messages.
        polygons: x and y of the corners of each polygon, one after the other.
        runs: Lengths of runs down the columns, outside and inside in turn; None for polygons.
    """

    number: int
    where: str
    polygons: tuple[tuple[float, ...], ...] = ()
    runs: npt.NDArray[np.int64] | None = None

    @property
    def stamp(self) -> bytes:
        """Its class and its shape as bytes, for hashes."""
        shape = repr(self.polygons).encode() if self.runs is None else self.runs.tobytes()
        return bytes([self.number]) + shape

    def inside(self, size: Size) -> Inside:
        """Which pixels belong to it, shape (height, width).

        Raises:
            DataError: Runs end beyond the image.
        """
        if self.runs is None:
            return _filled(self.polygons, size)
        runs = self.runs
        edges = np.cumsum(runs)
        pixels = size[0] * size[1]
        if len(edges) and (edges.max() > pixels or edges.min() < 0 or runs.min() < 0):
            raise DataError(
                f"{self.where}: expected runs within {size[0]}x{size[1]} pixels, received one that ends at"
                f" {int(edges.max()):,} of {pixels:,}"
            )
        steps = np.zeros(pixels + 1, np.int64)
        np.add.at(steps, edges[::2], 1)
        np.add.at(steps, edges[1::2], -1)
        flat = np.cumsum(steps)[:pixels] > 0
        return flat.reshape(size[::-1]).T


def drawn(regions: Sequence[Region], size: Size) -> Classes:
    """Regions over a background of class 0, the largest first, so that smaller ones stay visible.

    Args:
        regions: Of one image.
        size: Its height and width.

    Raises:
        DataError: As `Region.inside`.
    """
    parts = [(region, region.inside(size)) for region in regions]
    mask = np.zeros(size, np.uint8)
    for region, inside in sorted(parts, key=lambda each: -int(each[1].sum())):
        mask[inside] = region.number
    return mask


def _filled(polygons: Sequence[Sequence[float]], size: Size) -> Inside:
    """Pixels whose middle lies within one of some polygons."""
    inside = np.zeros(size, bool)
    for polygon in polygons:
        corners = np.array(polygon, np.float64).reshape(-1, 2)
        if len(corners) > 2:
            inside |= _within(corners, np.roll(corners, -1, axis=0), size)
    return inside


def _within(begins: npt.NDArray[np.float64], ends: npt.NDArray[np.float64], size: Size) -> Inside:
    """Pixels to the right of an odd number of edges, each of which is crossed at the middle of rows."""
    tops, bottoms = (edge(begins[:, 1], ends[:, 1]) for edge in (np.minimum, np.maximum))
    first = np.clip(np.ceil(tops - 0.5), 0, size[0]).astype(np.int64)
    behind = np.clip(np.ceil(bottoms - 0.5), 0, size[0]).astype(np.int64)
    counts = np.maximum(behind - first, 0)
    edges = np.repeat(np.arange(len(counts)), counts)
    rows = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + first[edges]
    x, y = begins[edges, 0], begins[edges, 1]
    slopes = (ends[edges, 0] - x) / (ends[edges, 1] - y)
    columns = np.ceil(x + (rows + 0.5 - y) * slopes - 0.5)
    crossings = np.zeros((size[0], size[1] + 1), np.int64)
    np.add.at(crossings, (rows, np.clip(columns, 0, size[1]).astype(np.int64)), 1)
    return np.asarray(np.cumsum(crossings, axis=1)[:, : size[1]] % 2 == 1)


def region_of(number: int, where: str, segmentation: object, crowd: bool = False) -> Region | None:
    """A region as COCO writes it; None where it has no pixel.

    Args:
        number: Its class.
        where: The file and the record.
        segmentation: Lists of corners, or `counts` and `size`, the former as numbers or as packed text.
        crowd: Whether it is a crowd of objects that nobody told apart, which is void.

    Raises:
        DataError: It is written in another way.
    """
    number = VOID if crowd else number
    if isinstance(segmentation, Mapping):
        counts = segmentation.get("counts")
        runs = unpacked(where, counts) if isinstance(counts, str) else counts
        if isinstance(runs, Sequence) and all(isinstance(each, int) for each in runs):
            return Region(number, where, runs=np.array(runs, np.int64))
        raise DataError(f"{where}: expected run lengths in 'counts', received {type(counts).__name__}")
    if not isinstance(segmentation, list):
        raise DataError(f"{where}: expected polygons or run lengths, received {type(segmentation).__name__}")
    if not segmentation:
        return None
    polygons = segmentation if isinstance(segmentation[0], list) else [segmentation]
    numbers = all(isinstance(each, int | float) for polygon in polygons for each in polygon)
    if not numbers or any(len(polygon) % 2 for polygon in polygons):
        raise DataError(f"{where}: expected polygons as x and y in turn")
    return Region(number, where, polygons=tuple(tuple(map(float, polygon)) for polygon in polygons))


def region_of_pairs(number: int, where: str, text: str) -> Region | None:
    """A region as tables of Kaggle write it: starts down the columns, counted from 1, each with its length.

    Args:
        number: Its class.
        where: The file and the row.
        text: Numbers with spaces between; without any, or `-1`, there is no region.

    Raises:
        DataError: They are no such pairs, or runs overlap.

    Example:
        >>> region_of_pairs(1, "a", "2 2 7 1").inside((3, 3)).astype(int).tolist()
        [[0, 0, 1], [1, 0, 0], [1, 0, 0]]
    """
    try:
        numbers = np.array(text.split(), np.int64)
    except (ValueError, OverflowError):
        numbers = np.zeros(1, np.int64)
    if not len(numbers) or numbers.tolist() == [-1]:
        return None
    pairs = numbers[: len(numbers) // 2 * 2].reshape(-1, 2)
    if len(numbers) % 2 or pairs.min(initial=1) < 1:
        raise DataError(
            f"{where}: expected run lengths as pairs of a start, counted from 1, and a length, received"
            f" {text[:40]!r}"
        )
    starts, lengths = pairs[np.argsort(pairs[:, 0], kind="stable")].T
    ends = starts - 1 + lengths
    outside = starts - 1 - np.concatenate([[0], ends[:-1]])
    if outside.min() < 0:
        raise DataError(f"{where}: expected run lengths apart from one another, received some that overlap")
    return Region(number, where, runs=np.stack([outside, lengths], axis=1).ravel())


def unpacked(where: str, text: str) -> list[int]:
    """The run lengths that COCO packs into letters of 6 bits: five of a number, one that more follow.

    From the third on, each stands for its difference to the one two before.

    Raises:
        DataError: A letter is none of those.

    Example:
        >>> unpacked("a", "02203")
        [0, 2, 2, 2, 5]
    """
    runs: list[int] = []
    value, bits = 0, 0
    for letter in text:
        six = ord(letter) - 48
        if not 0 <= six < 64:
            raise DataError(f"{where}: expected packed run lengths, received the letter {letter!r}")
        value |= (six & 31) << bits
        bits += 5
        if six & 32:
            continue
        if six & 16:
            value -= 1 << bits
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value, bits = 0, 0
    return runs
