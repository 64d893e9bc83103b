"""PLY in ASCII and binary of either byte order, and PCD in ASCII, binary and compressed by LZF."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from convscope.errors import DataError
from convscope.kinds.points.cloud import MOST_POINTS, Cloud
from convscope.kinds.points.readers.others import surface
from convscope.kinds.points.readers.text import numbers_of

PLY = (".ply",)
_TYPES = {
    **{"char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2"},
    **{"ushort": "u2", "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4"},
    **{"float": "f4", "float32": "f4", "double": "f8", "float64": "f8"},
}
_ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": ""}


@dataclass
class _Element:
    name: str
    count: int
    properties: list[tuple[str, str]] = field(default_factory=list)
    has_list: bool = False


def read_ply(path: Path, name: str, label: str | None = None) -> Cloud:
    """Reads the vertices of a file with all their attributes; of a mesh points on its surface.

    Raises:
        DataError: The file is damaged, or holds no vertices.
    """
    columns = ply_columns(path, name)
    if columns is None:
        return surface(path, name, "PLY")
    return Cloud.of(columns, name, "PLY", label=label)


def ply_columns(path: Path, name: str) -> dict[str, npt.NDArray[np.generic]] | None:
    """The attributes of the vertices of a file as it has them, each of shape (points,); None of a mesh.

    Raises:
        DataError: The file is damaged, or holds no vertices.
    """
    with path.open("rb") as file:
        order, elements = _header(file, name)
        at = next((at for at, each in enumerate(elements) if each.name == "vertex"), None)
        if at is None or not elements[at].count:
            raise DataError(f"{name}: expected vertices, received a PLY file without any")
        if any(each.name in ("face", "tristrips") and each.count for each in elements):
            return None
        before, vertex = elements[:at], elements[at]
        if any(each.has_list for each in (*before, vertex)):
            raise DataError(
                f"{name}: expected vertices of numbers before lists, received lists",
                hint="Write the points alone, such as by MeshLab or CloudCompare.",
            )
        if not order:
            return _ascii(file, before, vertex, name)
        return _binary(file, order, before, vertex, name)


def _header(file: IO[bytes], name: str) -> tuple[str, list[_Element]]:
    """The byte order, and the elements in their order."""
    if file.readline(16).strip() != b"ply":
        raise DataError(f"{name}: expected a PLY file, received one that does not begin with 'ply'")
    order: str | None = None
    elements: list[_Element] = []
    read = 0
    while True:
        raw = file.readline(4096)
        read += len(raw)
        if not raw or read > _MOST_HEADER:
            raise DataError(f"{name}: truncated: expected end_header, received none")
        words = raw.decode("latin-1").split()
        if not words or words[0] in ("comment", "obj_info"):
            continue
        if words[0] == "end_header":
            break
        if words[0] == "format" and len(words) == 3 and words[1] in _ORDERS:
            order = _ORDERS[words[1]]
        elif words[0] == "element" and len(words) == 3 and words[2].isdigit():
            elements.append(_Element(words[1], _count(words[2], name)))
        elif words[0] == "property" and elements and len(words) == 5 and words[1] == "list":
            elements[-1].has_list = True
        elif words[0] == "property" and elements and len(words) == 3 and words[1] in _TYPES:
            elements[-1].properties.append((words[2], _TYPES[words[1]]))
        else:
            raise DataError(f"{name}: expected a header of PLY, received the line {' '.join(words)[:80]!r}")
    if order is None:
        raise DataError(f"{name}: expected a format in the header of PLY, received none")
    return order, elements


def _count(word: str, name: str) -> int:
    count = int(word[:20])
    if count > MOST_POINTS:
        raise DataError(f"{name}: expected at most {MOST_POINTS:,} points, received {count:,}")
    return count


def _binary(
    file: IO[bytes], order: str, before: list[_Element], vertex: _Element, name: str
) -> dict[str, npt.NDArray[np.generic]]:
    for each in before:
        file.seek(each.count * _row(each, order, name).itemsize, 1)
    row = _row(vertex, order, name)
    data = file.read(vertex.count * row.itemsize)
    if len(data) != vertex.count * row.itemsize:
        raise DataError(
            f"{name}: truncated: expected {vertex.count:,} points by its header, received"
            f" {len(data) // max(row.itemsize, 1):,}"
        )
    values = np.frombuffer(data, row)
    return {each: values[each] for each, _ in vertex.properties}


def _row(element: _Element, order: str, name: str) -> np.dtype[np.void]:
    names = [each for each, _ in element.properties]
    if len(set(names)) != len(names) or not names:
        raise DataError(f"{name}: expected properties with names of their own, received {', '.join(names)}")
    return np.dtype([(each, order + form) for each, form in element.properties])


def _ascii(
    file: IO[bytes], before: list[_Element], vertex: _Element, name: str
) -> dict[str, npt.NDArray[np.generic]]:
    _row(vertex, "<", name)
    lines = [line for line in file.read().decode("latin-1").splitlines() if line.strip()]
    start = sum(each.count for each in before)
    rows = lines[start : start + vertex.count]
    if len(rows) != vertex.count:
        raise DataError(
            f"{name}: truncated: expected {vertex.count:,} points by its header, received {len(rows):,}"
        )
    values = numbers_of(rows, len(vertex.properties), name)
    return {each: values[:, at] for at, (each, _) in enumerate(vertex.properties)}


PCD = (".pcd",)
MOST_BYTES = 2**31
_KEYS = ("VERSION", "FIELDS", "SIZE", "TYPE", "COUNT", "WIDTH", "HEIGHT", "VIEWPOINT", "POINTS", "DATA")
_KINDS = {"I": "i", "U": "u", "F": "f"}
_SIZES = {"I": (1, 2, 4, 8), "U": (1, 2, 4, 8), "F": (4, 8)}
_MOST_HEADER = 2**16
_PACKED = ("rgb", "rgba")
"""Fields of a color in one number."""


@dataclass(frozen=True)
class _PcdHeader:
    fields: tuple[str, ...]
    row: np.dtype[np.void]
    counts: tuple[int, ...]
    points: int
    form: str
    begins: int


def read_pcd(path: Path, name: str, label: str | None = None) -> Cloud:
    """Reads the points of a file with all their fields; a field of a packed color becomes three.

    Raises:
        DataError: The file is damaged, or holds no points.
    """
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise DataError(f"{name}: too large: {size:,} bytes, expected at most {MOST_BYTES:,}")
    content = path.read_bytes()
    head = _pcd_header(content, name)
    body = memoryview(content)[head.begins :]
    if head.form == "ascii":
        columns = _pcd_ascii(bytes(body), head, name)
    elif head.form == "binary":
        columns = _pcd_binary(body, head, name)
    else:
        columns = _compressed(body, head, name)
    return Cloud.of(_unpacked(columns), name, "PCD", label=label)


def _pcd_header(content: bytes, name: str) -> _PcdHeader:
    """What the lines up to DATA say."""
    said: dict[str, list[str]] = {}
    at = 0
    while "DATA" not in said:
        end = content.find(b"\n", at, _MOST_HEADER)
        if end < 0:
            raise DataError(f"{name}: expected a header of PCD that ends in DATA, received none")
        words = content[at:end].decode("latin-1").split()
        at = end + 1
        if words and not words[0].startswith("#"):
            if words[0] not in _KEYS:
                raise DataError(
                    f"{name}: expected a header of PCD, received the line {' '.join(words)[:80]!r}"
                )
            said[words[0]] = words[1:]
    missing = [key for key in ("FIELDS", "SIZE", "TYPE") if not said.get(key)]
    form = " ".join(said["DATA"])
    if missing or form not in ("ascii", "binary", "binary_compressed"):
        what = f"no {missing[0]}" if missing else f"DATA {form}"
        raise DataError(f"{name}: expected a header of PCD, received one with {what}")
    fields, sizes, types = said["FIELDS"], _whole(said["SIZE"], name), said["TYPE"]
    counts = _whole(said.get("COUNT") or ["1"] * len(fields), name)
    if not len(fields) == len(sizes) == len(types) == len(counts) or max(counts) > 2**16:
        raise DataError(f"{name}: expected a size, type and count for each of {len(fields)} fields")
    for kind, size in zip(types, sizes, strict=True):
        if size not in _SIZES.get(kind, ()):
            raise DataError(f"{name}: expected types I, U and F of 1 to 8 bytes, received {kind}{size}")
    grid = _whole([*said.get("WIDTH", ["0"])[:1], *said.get("HEIGHT", ["1"])[:1]], name)
    points = _whole(said["POINTS"][:1], name)[0] if said.get("POINTS") else grid[0] * grid[1]
    if not 0 < points <= MOST_POINTS:
        raise DataError(f"{name}: expected 1 to {MOST_POINTS:,} points, received {points:,}")
    names = [f"f{number}" for number in range(len(fields))]
    row = np.dtype(
        [
            (each, f"<{_KINDS[kind]}{size}", (count,))
            for each, kind, size, count in zip(names, types, sizes, counts, strict=True)
        ]
    )
    return _PcdHeader(tuple(fields), row, tuple(counts), points, form, at)


def _whole(words: list[str], name: str) -> list[int]:
    if not words or not all(word.isascii() and word.isdigit() and len(word) < 12 for word in words):
        raise DataError(
            f"{name}: expected whole numbers in the header of PCD, received {' '.join(words)[:60]!r}"
        )
    return [int(word) for word in words]


def _pcd_ascii(body: bytes, head: _PcdHeader, name: str) -> dict[str, npt.NDArray[np.generic]]:
    lines = [line for line in body.decode("latin-1").splitlines() if line.strip()][: head.points]
    _check(len(lines), head, name)
    values = numbers_of(lines, sum(head.counts), name)
    starts = np.cumsum([0, *head.counts])
    columns: dict[str, npt.NDArray[np.generic]] = {}
    for at, (each, count) in enumerate(zip(head.fields, head.counts, strict=True)):
        if each != "_" and count == 1:
            column = np.nan_to_num(values[:, starts[at]]) if each in _PACKED else values[:, starts[at]]
            columns[each] = column.astype(head.row[at].base) if each in _PACKED else column
    return columns


def _pcd_binary(body: memoryview, head: _PcdHeader, name: str) -> dict[str, npt.NDArray[np.generic]]:
    _check(len(body) // head.row.itemsize, head, name)
    values = np.frombuffer(body, head.row, head.points)
    return {
        each: values[f"f{at}"][:, 0]
        for at, (each, count) in enumerate(zip(head.fields, head.counts, strict=True))
        if each != "_" and count == 1
    }


def _compressed(body: memoryview, head: _PcdHeader, name: str) -> dict[str, npt.NDArray[np.generic]]:
    """Fields one after the other, packed by LZF."""
    if len(body) < 8:
        raise DataError(
            f"{name}: truncated: expected the sizes of compressed points, received {len(body)} bytes"
        )
    packed, plain = struct.unpack("<II", body[:8])
    if plain != head.points * head.row.itemsize or packed > len(body) - 8:
        raise DataError(
            f"{name}: expected {head.points * head.row.itemsize:,} bytes of points in {len(body) - 8:,},"
            f" received a promise of {plain:,} in {packed:,}"
        )
    content = unpack_lzf(bytes(body[8 : 8 + packed]), plain, name)
    columns: dict[str, npt.NDArray[np.generic]] = {}
    at = 0
    for number, (each, count) in enumerate(zip(head.fields, head.counts, strict=True)):
        form = head.row[f"f{number}"].base
        values = np.frombuffer(content, form, head.points * count, at)
        at += values.nbytes
        if each != "_" and count == 1:
            columns[each] = values
    return columns


def _check(found: int, head: _PcdHeader, name: str) -> None:
    if found < head.points:
        raise DataError(
            f"{name}: truncated: expected {head.points:,} points by its header, received {found:,}"
        )


def unpack_lzf(data: bytes, size: int, name: str) -> bytes:
    """Unpacks LZF, a run of bytes or a copy of earlier ones at a time.

    Args:
        data: As packed.
        size: How many bytes come out.
        name: The file, for messages.

    Raises:
        DataError: The data is damaged.
    """
    out = bytearray()
    at, end = 0, len(data)
    try:
        while at < end:
            control = data[at]
            at += 1
            if control < 32:
                out += data[at : at + control + 1]
                at += control + 1
            else:
                length = control >> 5
                if length == 7:
                    length += data[at]
                    at += 1
                start = len(out) - ((control & 31) << 8) - data[at] - 1
                at += 1
                length += 2
                if start < 0:
                    break
                part = out[start : start + length]
                out += (part * (length // len(part) + 1))[:length]
            if len(out) > size:
                break
    except IndexError:
        pass
    if at != end or len(out) != size:
        raise DataError(
            f"{name}: truncated or damaged: expected {size:,} bytes of LZF, received {len(out):,}"
        )
    return bytes(out)


def _unpacked(columns: dict[str, npt.NDArray[np.generic]]) -> dict[str, npt.NDArray[np.generic]]:
    """Colors that are packed into one number as red, green and blue."""
    made: dict[str, npt.NDArray[np.generic]] = {}
    for key, values in columns.items():
        if key not in _PACKED:
            made[key] = values
            continue
        bits = (
            values.astype(np.float32).view(np.uint32)
            if values.dtype.kind == "f"
            else values.astype(np.uint32)
        )
        for shift, color in ((16, "red"), (8, "green"), (0, "blue")):
            made[color] = (bits >> np.uint32(shift)) & np.uint32(255)
    return made
