"""Writes clouds with the predicted class of each point, in the form and order of their files.

PLY, LAS, LAZ, NumPy and text keep all that they hold, and get a column `predicted_class`; other forms become
PLY files with positions and features. `classes.json` beside them says what the numbers mean.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from convscope.data.masks import Classes
from convscope.data.splits import Samples
from convscope.data.stored_arrays import stored_npy
from convscope.files import written_whole
from convscope.kinds.points.cloud import AXES, Cloud
from convscope.kinds.points.readers import others, ply_pcd, text

COLUMN = "predicted_class"
NOWHERE = -1
"""What points without a finite position get."""
_NOT_IN_NAMES = "#,:/\\"
_PLY = {"i1": "char", "u1": "uchar", "i2": "short", "u2": "ushort", "i4": "int", "u4": "uint"}
_PLY |= {"f4": "float", "f8": "double"}

Numbers = npt.NDArray[np.int32]


def write_classes(
    folder: Path, samples: Samples, index: int, classes: Classes, class_names: Sequence[str]
) -> Path:
    """Writes a cloud with the class of each point.

    The file is called as the scene, with `_classes` behind it, and a number where another scene is called so
    too. Classes are written as the numbers that the training data had where it did not name them, else as
    their places among the class names.

    Args:
        folder: Where to; made where it is not there.
        samples: The scenes.
        index: Which one.
        classes: Of each of its points.
        class_names: What the classes are called.
    """
    file, cloud = Path(samples.name(index)), samples.load(index)
    codes = codes_of(class_names)
    numbers = np.full(cloud.whole or len(cloud), NOWHERE, np.int32)
    numbers[slice(None) if cloud.kept is None else cloud.kept] = codes[classes]
    of_file = file.is_file()  # a tile has a name of its own
    write = _WRITERS.get(file.suffix.lower()) if of_file else None
    stem = _stem(file.name)
    same = sum(_stem(Path(samples.name(each)).name) == stem for each in range(index))
    path = folder / f"{stem}_classes{f'_{same + 1}' if same else ''}"
    path = path.with_name(path.name + (file.suffix.lower() if write is not None else ".ply"))
    _write_names(folder / "classes.json", dict(zip(codes.tolist(), class_names, strict=True)))
    with written_whole(path) as part:
        if write is None or not write(file, part, numbers):
            _write_plain(part, cloud, codes[classes])
    return path


def codes_of(class_names: Sequence[str]) -> Numbers:
    """The number that is written for each class.

    Example:
        >>> codes_of(["1004", "1200"]).tolist(), codes_of(["ground", "1"]).tolist()
        ([1004, 1200], [0, 1])
    """
    if all(name.isascii() and name.isdigit() and len(name) < 10 for name in class_names):
        return np.array([int(name) for name in class_names], np.int32)
    return np.arange(len(class_names), dtype=np.int32)


def _write_names(path: Path, names: Mapping[int, str]) -> None:
    with written_whole(path) as part:
        part.write_text(json.dumps({str(code): name for code, name in names.items()}, indent=1), "utf-8")


def _write_plain(path: Path, cloud: Cloud, numbers: Numbers) -> None:
    """Positions in float64 and features of the points that a model took."""
    columns: dict[str, npt.NDArray[Any]] = {axis: cloud.positions[:, at] for at, axis in enumerate(AXES)}
    columns |= {"_".join(name.split()): cloud.features[:, at] for at, name in enumerate(cloud.names)}
    _write_ply(path, {**columns, COLUMN: numbers})


def _write_ply(path: Path, columns: Mapping[str, npt.NDArray[Any]]) -> None:
    table = np.empty(
        len(next(iter(columns.values()))),
        [(name, each.dtype.newbyteorder("<")) for name, each in columns.items()],
    )
    for name, values in columns.items():
        table[name] = values
    kinds = [f"property {_PLY[each.dtype.str[1:]]} {name}" for name, each in columns.items()]
    head = ["ply", "format binary_little_endian 1.0", f"element vertex {len(table)}", *kinds, "end_header\n"]
    path.write_bytes("\n".join(head).encode("latin-1") + table.tobytes())


def _ply(file: Path, path: Path, numbers: Numbers) -> bool:
    """All vertices of a PLY file; nothing of a mesh, whose points are drawn."""
    columns = ply_pcd.ply_columns(file, str(file))
    if columns is None or len(next(iter(columns.values()))) != len(numbers):
        return False
    _write_ply(path, {**{name: np.asarray(each) for name, each in columns.items()}, COLUMN: numbers})
    return True


def _las(file: Path, path: Path, numbers: Numbers) -> bool:
    import laspy

    found = laspy.read(file)
    if len(found.points) != len(numbers):
        return False
    if COLUMN not in found.point_format.dimension_names:
        found.add_extra_dim(laspy.ExtraBytesParams(COLUMN, np.int32))
    found[COLUMN] = numbers
    found.write(str(path))
    return True


def _npy(file: Path, path: Path, numbers: Numbers) -> bool:
    values = stored_npy(file).read()
    with path.open("wb") as out:
        np.save(out, np.column_stack([values, numbers.astype(np.result_type(values, np.int32))]))
    return True


def _npz(file: Path, path: Path, numbers: Numbers) -> bool:
    with np.load(file, allow_pickle=False) as archive:
        arrays = {key: archive[key] for key in archive.files}
    with path.open("wb") as out:
        np.savez_compressed(out, **{**arrays, COLUMN: numbers})
    return True


def _text(file: Path, path: Path, numbers: Numbers) -> bool:
    """The lines of a file as they are, each with its class behind it."""
    lines, rows, mark, named = text.lines_of_points(file, str(file))
    if len(rows) != len(numbers):
        return False
    if named is not None:
        lines[named] += f"{mark or ' '}{COLUMN}"
    for row, number in zip(rows, numbers.tolist(), strict=True):
        lines[row] += f"{mark or ' '}{number}"
    path.write_text("\n".join([*lines, ""]), "utf-8")
    return True


_WRITERS: dict[str, Callable[[Path, Path, Numbers], bool]] = {
    **dict.fromkeys(ply_pcd.PLY, _ply),
    **dict.fromkeys(others.LAS, _las),
    **dict.fromkeys(text.SUFFIXES, _text),
    ".npy": _npy,
    ".npz": _npz,
}


def _stem(name: str) -> str:
    plain, _, tile = name.partition("#")
    stem = Path(plain).stem + (f"_{tile}" if tile else "")
    return "".join("_" if letter in _NOT_IN_NAMES else letter for letter in stem)
