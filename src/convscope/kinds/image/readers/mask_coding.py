"""From the values or colors of mask images to classes: which stand for which, and which for none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from convscope.data.class_table import ClassTable, NamedClass, color_of, is_void_name
from convscope.data.masks import BACKGROUND, MOST_CLASSES, VOID, Classes
from convscope.errors import DataError
from convscope.kinds.image.readers.decode import open_image, read_bytes

FOREGROUND = "foreground"
VOC_CLASSES = (
    BACKGROUND,
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable"),
    *("dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)
CITYSCAPES_CLASSES = (
    *(
        "",
        "",
        "",
        "",
        "",
        "",
        "",
        "road",
        "sidewalk",
        "",
        "",
        "building",
        "wall",
        "fence",
        "",
        "",
        "",
        "pole",
    ),
    *("", "traffic light", "traffic sign", "vegetation", "terrain", "sky", "person", "rider", "car"),
    *("truck", "bus", "", "", "train", "motorcycle", "bicycle"),
)
"""By the values of `labelIds`; those that the benchmark leaves out are void, without a name."""
PUBLISHED = {
    "Pascal VOC": VOC_CLASSES,
    "Cityscapes": CITYSCAPES_CLASSES,
    "Cityscapes, by trainIds": tuple(filter(None, CITYSCAPES_CLASSES)),
}
"""What the values of published masks stand for, by the layout in which they come."""
_BORDER = 0xE0E0C0
"""The color of what is void in masks of Pascal VOC."""
_NEAR, _SHARE_NEAR = 64, 0.98
"""How far values of JPEG masks may be from black and white, and for what share of the pixels."""
_MOST_CODES = 4 * MOST_CLASSES

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class MaskScan:
    """What one mask image holds.

    Args:
        name: Its file, for messages.
        codes: Its different values, or colors as 0xRRGGBB, sorted.
        counts: Pixels of each.
        size: Height and width.
        colored: Whether codes are colors.
        lossy: Whether its format changes values, as JPEG does.
    """

    name: str
    codes: Codes
    counts: Codes
    size: tuple[int, int]
    colored: bool = False
    lossy: bool = False


@dataclass(frozen=True, eq=False)
class MaskCoding:
    """Which class each value or color stands for.

    Args:
        codes: Values or colors, sorted.
        classes: The class of each, `VOID` for none, uint8.
        class_names: What classes are called.
        colored: Whether codes are colors.
        halved: Whether values below 128 are the first class and others the second, as in JPEG masks.
        decisions: How that was found, one line each.
    """

    codes: Codes
    classes: npt.NDArray[np.uint8]
    class_names: tuple[str, ...]
    colored: bool = False
    halved: bool = False
    decisions: tuple[str, ...] = ()

    def apply(self, codes: Codes) -> Classes:
        """The class of each pixel; `VOID` for codes that are not known."""
        if self.halved:
            return (codes >= 128).astype(np.uint8)
        if not len(self.codes):
            return np.full(codes.shape, VOID, np.uint8)
        if not self.colored and self.codes[-1] < 2**16 and codes.max(initial=0) < 2**16:
            table = np.full(2**16, VOID, np.uint8)
            table[self.codes] = self.classes
            return np.asarray(table[codes])
        places = np.minimum(np.searchsorted(self.codes, codes), len(self.codes) - 1)
        return np.where(self.codes[places] == codes, self.classes[places], np.uint8(VOID))

    def counted(self, scan: MaskScan) -> tuple[Codes, int]:
        """Pixels of each class in a mask that was scanned, and those that are void."""
        of_class = np.bincount(self.apply(scan.codes), weights=scan.counts, minlength=256).astype(np.int64)
        return of_class[: len(self.class_names)], int(of_class[VOID])


def codes_of(image: Image.Image) -> tuple[Codes, bool]:
    """The value of each pixel, or its color as 0xRRGGBB, and whether it is a color; palettes give values.

    Raises:
        ValueError: Pixels are numbers that are not whole, or negative.
    """
    mode = image.mode
    if mode in ("P", "L", "1", "I", "F") or mode.startswith("I;16"):
        values = np.asarray(image)
        if mode == "F" and not np.all(values == np.rint(values)):
            raise ValueError("holds values that are not whole numbers")
        whole = values.astype(np.int64)
        if whole.min(initial=0) < 0:
            raise ValueError("holds negative values")
        return whole, False
    if mode in ("LA", "La", "PA"):
        return np.asarray(image)[..., 0].astype(np.int64), False
    red, green, blue = np.moveaxis(np.asarray(image.convert("RGB")).astype(np.int64), -1, 0)
    return (red << 16) | (green << 8) | blue, True


def may_be_mask(path: Path) -> bool:
    """Whether a file is an image with so few values, or colors, as a mask has."""
    try:
        data = read_bytes(path)
        kind, image = open_image(data, str(path))
        codes, _ = codes_of(image)
    except (DataError, ValueError):
        return False
    return kind == "JPEG" or len(np.unique(codes)) <= MOST_CLASSES + 1


def coding_of(
    where: str,
    scans: Sequence[MaskScan],
    table: ClassTable | None,
    void: Sequence[str] = (),
    published: str = "",
) -> MaskCoding:
    """Finds which class each value or color stands for.

    Args:
        where: What was read, for messages.
        scans: Of all masks.
        table: Names of the classes, where a file has them.
        void: Names, values or colors that stand for no class, as the user gives them.
        published: The data set whose layout this is, one of `PUBLISHED`; empty for none.

    Raises:
        DataError: Masks mix values and colors, a value has no name, or the masks are damaged by JPEG.
    """
    scans, gray = _as_values(where, scans)
    colored = any(scan.colored for scan in scans)
    totals = _totals(scans)
    if any(scan.lossy for scan in scans):
        return _halved(where, scans, totals, table)
    if table is not None:
        return _by_table(scans, totals, table, void, colored, gray)
    codes = np.array(sorted(totals), np.int64)
    if len(codes) > _MOST_CODES:
        raise DataError(
            f"{scans[0].name}: expected a mask with a value or color for each class, received masks with"
            f" {len(codes):,} different ones",
            hint="Check that these are masks, saved without smoothing and as PNG.",
        )
    names, line = _unnamed(codes, colored, published)
    asked = {_code(each) for each in void}
    pairs = zip(codes.tolist(), names, strict=True)
    classes = [(code, name) for code, name in pairs if name and code not in asked]
    lines = [line, *([gray] if gray else [])]
    return _coding(codes, classes, colored, lines, _void_line(codes.tolist(), classes, colored))


def _as_values(where: str, scans: Sequence[MaskScan]) -> tuple[Sequence[MaskScan], str]:
    """Masks of colors that are all gray as masks of values."""
    colors = [scan for scan in scans if scan.colored]
    if not colors:
        return scans, ""
    if all(np.all(scan.codes == (scan.codes & 255) * 0x010101) for scan in colors):
        values = [replace(each, codes=each.codes & 255, colored=False) for each in scans]
        return values, "masks: saved in color, but gray throughout: their values are read"
    plain = next((scan for scan in scans if not scan.colored), None)
    if plain is not None:
        raise DataError(
            f"{where}: expected masks of one form, received values in {plain.name} and colors in"
            f" {colors[0].name}",
            hint="Save all masks as palette or gray images.",
        )
    return scans, ""


def _totals(scans: Sequence[MaskScan]) -> dict[int, int]:
    totals: dict[int, int] = {}
    for scan in scans:
        for code, count in zip(scan.codes.tolist(), scan.counts.tolist(), strict=True):
            totals[code] = totals.get(code, 0) + count
    return totals


def _halved(
    where: str, scans: Sequence[MaskScan], totals: Mapping[int, int], table: ClassTable | None
) -> MaskCoding:
    """Masks as JPEG, whose values lie around black and white."""
    lossy = next(scan for scan in scans if scan.lossy)
    near = sum(count for code, count in totals.items() if min(code, abs(255 - code)) <= _NEAR)
    if any(scan.colored for scan in scans) or near < _SHARE_NEAR * sum(totals.values()):
        raise DataError(
            f"{lossy.name}: expected a mask without loss, received a JPEG with {len(lossy.codes)} different"
            " values, which stand for no classes",
            hint="Save masks as PNG.",
        )
    names = tuple(each.name for each in table.classes)[:2] if table is not None else ()
    names = names if len(names) == 2 else (BACKGROUND, FOREGROUND)
    line = f"masks: JPEG, whose values are not exact: below 128 is {names[0]}, the rest {names[1]}"
    return MaskCoding(np.array([0, 255]), np.array([0, 1], np.uint8), names, halved=True, decisions=(line,))


def _by_table(
    scans: Sequence[MaskScan],
    totals: Mapping[int, int],
    table: ClassTable,
    void: Sequence[str],
    colored: bool,
    gray: str,
) -> MaskCoding:
    """Classes that a file names.

    Raises:
        DataError: A code is not among them, or the file has no colors for masks of colors.
    """
    if colored and not any(each.color is not None for each in table.classes):
        raise DataError(
            f"{table.where}: expected the color of each class, because the masks have colors, received"
            f" names alone, such as {table.classes[0].name!r}",
            hint="Write lines such as `128 64 128 road`.",
        )
    binary = not colored and set(totals) <= {0, 255} and len(table.classes) == 2
    named: dict[int, NamedClass] = {}
    for place, each in enumerate(table.classes):
        code = each.color if colored else each.number if each.number is not None else place
        if code is not None:
            named[255 if binary and code == 1 else code] = each
    asked = {each.lower() for each in void} | {str(_code(each)) for each in void}
    skip = (
        {VOID, _BORDER}
        | {
            code
            for code, each in named.items()
            if is_void_name(each.name) or each.name.lower() in asked or str(code) in asked
        }
        | {code for each in void if (code := _code(each)) is not None}
    )
    kept = [(code, each.name) for code, each in named.items() if code not in skip or (binary and code == 255)]
    known = {code for code, _ in kept}
    strange = sorted(code for code in totals if code not in known and code not in skip)
    if strange:
        scan = next(scan for scan in scans if strange[0] in scan.codes)
        shown = ", ".join(_shown(code, colored) for code in strange[:8])
        raise DataError(
            f"{scan.name}: expected the {len(kept)} classes of {table.where}, received"
            f" {'the color' if colored else 'the value'} {shown}, which nobody named",
            hint=f"Name it there, or leave it out: --void {_shown(strange[0], colored)}.",
        )
    codes = sorted(known | (skip & set(totals)))
    lines = [f"class names: from {table.where}", *([gray] if gray else [])]
    return _coding(np.array(codes), kept, colored, lines, _void_line(codes, kept, colored))


def _unnamed(codes: Codes, colored: bool, published: str) -> tuple[list[str], str]:
    """A name for each code, empty for void, where no file has names; and how they were found."""
    values = codes.tolist()
    if colored:
        palette = dict(zip(voc_colors(), VOC_CLASSES, strict=True))
        if set(values) <= {*palette, _BORDER}:
            return [palette.get(value, "") for value in values], "class names: the colors of Pascal VOC"
        note = "class names: the colors themselves; a file classes.txt with lines such as"
        return [f"#{value:06x}" for value in values], f"{note} `128 64 128 road` names them"
    known = PUBLISHED.get(published, ())
    if known and set(values) <= {*range(len(known)), VOID}:
        named = [known[value] if value < VOID else "" for value in values]
        return named, f"class names: those of {published}, whose layout this is"
    if len(values) == 2 and values[0] == 0:
        line = f"class names: {BACKGROUND} for 0 and {FOREGROUND} for {values[1]}, the only values in masks"
        return [BACKGROUND, FOREGROUND], line
    note = "class names: the values in masks; a file classes.txt with a name for each, from 0, names them"
    return ["" if value == VOID else str(value) for value in values], note


def voc_colors() -> list[int]:
    """The palette of Pascal VOC as 0xRRGGBB: the bits of a class number, dealt out to the three colors."""
    colors = []
    for number in range(len(VOC_CLASSES)):
        channels = [0, 0, 0]
        for bit in range(8):
            for channel in range(3):
                channels[channel] |= (number >> (3 * bit + channel) & 1) << (7 - bit)
        colors.append(channels[0] << 16 | channels[1] << 8 | channels[2])
    return colors


def _coding(
    codes: Codes, classes: Sequence[tuple[int, str]], colored: bool, lines: Sequence[str], void: str
) -> MaskCoding:
    """A coding of classes in the order of their codes; two codes of one name are one class."""
    names = tuple(dict.fromkeys(name for _, name in classes))
    of_code = {code: names.index(name) for code, name in classes}
    numbers = [of_code.get(int(code), VOID) for code in codes]
    kept = np.array(numbers[: len(codes)], np.int64)
    said = (*lines, *([void] if void else []))
    return MaskCoding(np.asarray(codes, np.int64), kept.astype(np.uint8), names, colored, decisions=said)


def _void_line(codes: Sequence[int], classes: Sequence[tuple[int, str]], colored: bool) -> str:
    known = {code for code, _ in classes}
    void = [_shown(code, colored) for code in codes if code not in known]
    return f"void: {', '.join(void[:8])} in masks, neither learned nor judged" if void else ""


def _shown(code: int, colored: bool) -> str:
    return f"#{code:06x}" if colored else str(code)


def _code(word: str) -> int | None:
    """A value or a color as a user writes it; None for a name."""
    return int(word) if word.isdigit() else color_of(word)
