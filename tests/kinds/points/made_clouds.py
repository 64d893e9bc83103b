"""Small point clouds: balls and rods, and the files that scanners and tools write of them."""

import struct
from pathlib import Path

import numpy as np

PER_CLASS = 12
POINTS = 80


def shape(kind, seed, points=POINTS):
    """A ball or a rod anywhere, shape (points, 3), float64."""
    rng = np.random.default_rng([seed, len(kind)])
    values = rng.normal(0, 1, (points, 3))
    if kind == "ball":
        values /= np.linalg.norm(values, axis=1, keepdims=True)
    else:
        values *= (2.0, 0.1, 0.1)
    return values + rng.uniform(-5, 5, 3)


def write_xyz(path, values, header=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [" ".join(f"{number:.6f}" for number in row) for row in values]
    path.write_text("\n".join([*([header] if header else []), *rows]) + "\n")
    return path


def write_clouds(folder: Path, intensity=False) -> Path:
    """A folder per class of `.xyz` files."""
    rng = np.random.default_rng(0)
    for kind in ("ball", "rod"):
        for at in range(PER_CLASS):
            values = shape(kind, at, POINTS + 5 * at)
            if intensity:
                values = np.column_stack([values, rng.uniform(0, 255, len(values))])
            write_xyz(folder / kind / f"{at:02d}.xyz", values, "x y z intensity" if intensity else "")
    return folder


def ply(columns, form="binary_little_endian", faces=()):
    """The bytes of a PLY file with these columns of vertices."""
    types = {"float64": "double", "float32": "float", "uint8": "uchar", "int32": "int", "uint16": "ushort"}
    count = len(next(iter(columns.values())))
    head = [
        "ply",
        f"format {form} 1.0",
        "comment made",
        f"element vertex {count}",
        *(f"property {types[values.dtype.name]} {name}" for name, values in columns.items()),
        *([f"element face {len(faces)}", "property list uchar int vertex_indices"] if len(faces) else []),
        "end_header",
    ]
    if form == "ascii":
        rows = [" ".join(str(values[at]) for values in columns.values()) for at in range(count)]
        body = "\n".join([*rows, *(f"3 {a} {b} {c}" for a, b, c in faces)]) + "\n"
        return ("\n".join(head) + "\n" + body).encode()
    order = ">" if "big" in form else "<"
    row = np.dtype([(name, values.dtype.newbyteorder(order)) for name, values in columns.items()])
    table = np.empty(count, row)
    for name, values in columns.items():
        table[name] = values
    body = table.tobytes() + b"".join(struct.pack(f"{order}B3i", 3, *face) for face in faces)
    return ("\n".join(head) + "\n").encode() + body


def pack_lzf(data):
    """LZF of runs alone, as a packer writes that finds nothing twice, and one copy of the last byte."""
    out = bytearray()
    for start in range(0, len(data), 32):
        part = data[start : start + 32]
        out += bytes([len(part) - 1]) + part
    return bytes(out)


def pcd(columns, form="binary"):
    """The bytes of a PCD file with these columns."""
    kinds = {"f": "F", "u": "U", "i": "I"}
    count = len(next(iter(columns.values())))
    head = [
        "# .PCD v0.7",
        "VERSION 0.7",
        f"FIELDS {' '.join(columns)}",
        f"SIZE {' '.join(str(values.dtype.itemsize) for values in columns.values())}",
        f"TYPE {' '.join(kinds[values.dtype.kind] for values in columns.values())}",
        f"COUNT {' '.join('1' for _ in columns)}",
        f"WIDTH {count}",
        "HEIGHT 1",
        "VIEWPOINT 0 0 0 1 0 0 0",
        f"POINTS {count}",
        f"DATA {form}",
    ]
    if form == "ascii":
        rows = [" ".join(str(values[at]) for values in columns.values()) for at in range(count)]
        return ("\n".join([*head, *rows]) + "\n").encode()
    if form == "binary":
        row = np.dtype([(name, values.dtype) for name, values in columns.items()])
        table = np.empty(count, row)
        for name, values in columns.items():
            table[name] = values
        return ("\n".join(head) + "\n").encode() + table.tobytes()
    plain = b"".join(values.tobytes() for values in columns.values())
    packed = pack_lzf(plain)
    return ("\n".join(head) + "\n").encode() + struct.pack("<II", len(packed), len(plain)) + packed


def las(path, values, classification=None, **more):
    """A LAS or LAZ file by the ending of the name."""
    import laspy

    header = laspy.LasHeader(point_format=3, version="1.2")
    header.scales, header.offsets = np.full(3, 0.001), values.min(axis=0)
    file = laspy.LasData(header)
    file.x, file.y, file.z = values.T
    if classification is not None:
        file.classification = classification
    for name, numbers in more.items():
        setattr(file, name, numbers)
    path.parent.mkdir(parents=True, exist_ok=True)
    file.write(str(path))
    return path


OFF = "OFF\n4 2 0\n0 0 0\n2 0 0\n2 1 0\n0 1 0\n3 0 1 2\n3 0 2 3\n"
OBJ = "v 0 0 0\nv 2 0 0\nv 2 1 0\nv 0 1 0\nf 1 2 3\nf 1 3 4\n"
STL = "".join(
    [
        "solid a\n",
        *(
            f"facet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex {a}\nvertex {b}\nendloop\nendfacet\n"
            for a, b in (("2 0 0", "2 1 0"), ("2 1 0", "0 1 0"))
        ),
        "endsolid a\n",
    ]
)
"""A rectangle of 2 by 1 as two triangles."""
