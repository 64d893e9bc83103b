"""Builds the layouts that a document pictures, so that a page about data is tried as it is read.

A picture is a tree of names. Folders end in `/`; what lies in one is indented below it, as are the lines of a
file, each behind `| `. A line `=> classes a, b; splits train, test` says what is found. In the lines of files
`<TAB>` is a tab, `...` in a row stands for more numbers, and as a row for more rows like the two before it.
Elsewhere `...` says that there would be more.
"""

import csv
import gzip
import io
import re
import zlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from PIL import Image

_FENCE = re.compile(r"^```layout (.+)\n((?:.*\n)*?)```$", re.MULTILINE)
_SHAPE = re.compile(r"(?:(\w+): )?(\d+(?: x \d+)*)(?: (\w+))?")
_WORDS = ("calm", "gray", "river", "runs", "under", "the", "old", "stone", "bridge", "slowly", "home")
_MASKS = re.compile(r"masks/|annot/|SegmentationClass/|gtFine|drawn/")
MORE_COLUMNS, MORE_ROWS, MORE_PIXELS = 79, 90, 142


@dataclass
class Picture:
    """One fenced picture: the recipe of its info string, the files with their lines, and what is found."""

    recipe: str
    files: dict[str, list[str]] = field(default_factory=dict)
    found: dict[str, str] = field(default_factory=dict)

    def build(self, folder):
        """Writes the files; returns the only file or folder at the top, or else the folder."""
        for name, lines in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_content(name, lines))
        inside = list(folder.iterdir())
        return inside[0] if len(inside) == 1 else folder


def pictures(document):
    """All pictures of a document, in order."""
    return [_picture(*each) for each in _FENCE.findall(document)]


def _picture(recipe, text):
    picture, folders = Picture(recipe), []
    lines = []
    for line in text.splitlines():
        words = line.strip()
        depth = len(line) - len(line.lstrip())
        if words.startswith("=> "):
            parts = (part.strip().partition(" ") for part in words[3:].split(";"))
            picture.found |= {name: value for name, _, value in parts}
        elif words.startswith("|"):
            lines.append(words[2:])
        elif words and words != "...":
            while folders and folders[-1][0] >= depth:
                folders.pop()
            above = folders[-1][1] if folders else ""
            for name in words.removesuffix(" ...").split("  "):
                if name.endswith("/"):
                    folders.append((depth, above + name))
                else:
                    lines = picture.files.setdefault(above + name.strip(), [])
    return picture


def _content(name, lines):
    seed = np.random.default_rng(zlib.crc32(name.encode()))
    suffix = Path(name.removesuffix(".gz")).suffix.lower()
    if suffix in (".npy", ".npz"):
        data = _arrays(suffix, lines, seed)
    elif "-idx" in name:
        data = _idx(name, seed)
    elif suffix == ".parquet":
        data = _parquet(lines, seed)
    elif lines:
        data = "".join(f"{line}\n" for line in _full(lines, seed)).encode()
    elif suffix in (".wav", ".flac", ".ogg", ".mp3"):
        data = _sound(suffix, seed)
    elif suffix == ".nii":
        data = _scan(2 if "labels" in name else 200, seed)
    elif suffix == ".png" and _MASKS.search(name):
        data = _mask(seed)
    elif suffix in (".png", ".jpg"):
        data = _image(suffix, seed)
    elif suffix == ".csv":
        data = "".join(f"{a:.3f},{b:.3f}\n" for a, b in seed.normal(size=(40, 2))).encode()
        data = b"x,y\n" + data
    elif suffix == ".bin":
        low, high = (8, -3, -1.6, 0), (14, 3, -0.3, 1)
        data = seed.uniform(low, high, (400, 4)).astype("<f4").tobytes()
    elif suffix == ".mp4":
        data = _film(seed)
    elif suffix == ".m4a":
        data = b"\0\0\0\x18ftypM4A " + seed.bytes(50)
    else:
        data = " ".join(seed.choice(_WORDS, 12)).encode()
    return gzip.compress(data) if name.endswith(".gz") else data


def _image(suffix, seed):
    stored = io.BytesIO()
    pixels = seed.integers(0, 256, (12, 12, 3), np.uint8)
    Image.fromarray(pixels).save(stored, "PNG" if suffix == ".png" else "JPEG")
    return stored.getvalue()


def _mask(seed):
    stored = io.BytesIO()
    classes = seed.permutation(np.arange(144, dtype=np.uint8) % 3)
    Image.fromarray(classes.reshape(12, 12)).save(stored, "PNG")
    return stored.getvalue()


def _scan(values, seed):
    import nibabel

    return nibabel.Nifti1Image(seed.integers(0, values, (9, 8, 7), np.uint8), np.eye(4)).to_bytes()


def _film(seed):
    import av

    stored = io.BytesIO()
    with av.open(stored, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 16
        stream.pix_fmt = "yuv420p"
        for values in seed.integers(0, 256, (4, 16, 16, 3), np.uint8):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(values, format="rgb24")))
        container.mux(stream.encode(None))
    return stored.getvalue()


def _sound(suffix, seed):
    import soundfile

    stored = io.BytesIO()
    soundfile.write(stored, seed.normal(0, 0.1, 800), 8000, format=suffix[1:].upper())
    return stored.getvalue()


def _arrays(suffix, lines, seed):
    stored, arrays = io.BytesIO(), {}
    for line in lines:
        name, shape, kind = _SHAPE.fullmatch(line).groups()
        dimensions = tuple(map(int, shape.split(" x ")))
        values = np.arange(dimensions[0]) % 2 if len(dimensions) == 1 else seed.integers(0, 256, dimensions)
        arrays[name] = values.astype(kind or "uint8")
    if suffix == ".npz":
        np.savez(stored, **arrays)
    else:
        np.save(stored, arrays[None])
    return stored.getvalue()


def _idx(name, seed):
    if "labels" in name:
        return bytes([0, 0, 8, 1, 0, 0, 0, 8]) + bytes([0, 1] * 4)
    return bytes([0, 0, 8, 3, 0, 0, 0, 8, 0, 0, 0, 9, 0, 0, 0, 9]) + seed.bytes(8 * 81)


def _parquet(lines, seed):
    import pyarrow as pa
    import pyarrow.parquet as pq

    header, *rows = csv.reader(lines)
    columns = {name: [_cell(row[at], seed) for row in rows] for at, name in enumerate(header)}
    stored = io.BytesIO()
    pq.write_table(pa.table(columns), stored)
    return stored.getvalue()


def _cell(text, seed):
    if text == "(bytes)":
        return {"bytes": _image(".png", seed), "path": None}
    if text.startswith("["):
        return [float(number) for number in text.strip("[]").split()] + seed.normal(size=20).tolist()
    return int(text) if text.isdigit() else float(text) if re.fullmatch(r"\d+\.\d+", text) else text


def _full(lines, seed):
    """Lines with what `...` stands for."""
    done = []
    for written in lines:
        pixels = " ".join(map(str, seed.integers(0, 256, MORE_PIXELS)))
        line = written.replace("<TAB>", "\t").replace(" ...,", f" {pixels},")
        if line == "...":
            done += _more_rows(done[-2:], seed)
        elif line.endswith("..."):
            done.append(_more_columns(line.removesuffix("..."), seed))
        else:
            done.append(line)
    return done


def _more_columns(start, seed):
    mark = start[-1]
    last = start[:-1].rpartition(mark)[2]
    counted = re.fullmatch(r"(.*?[A-Za-z_])(\d+)", last)
    if counted:
        number = int(counted[2]) + 1
        rest = [f"{counted[1]}{each}" for each in range(number, number + MORE_COLUMNS)]
    elif "." in last:
        rest = [f"{value:.3f}" for value in seed.normal(size=MORE_COLUMNS)]
    else:
        rest = [str(value) for value in seed.integers(0, 256, MORE_COLUMNS)]
    return start + mark.join(rest)


def _more_rows(two, seed):
    mark = next((each for each in "\t;," if each in two[0]), " ")
    first, second = (row.split(mark) for row in two)
    return [
        mark.join(_further(*pair, number, seed) for pair in zip(first, second, strict=True))
        for number in range(2, MORE_ROWS)
    ]


def _further(first, second, number, seed):
    """A field of a row: times and whole numbers go on as they began, decimals are drawn, words again."""
    try:
        begin, step = datetime.fromisoformat(first), datetime.fromisoformat(second)
        written = "%Y-%m-%dT%H:%M" if "T" in first else "%Y-%m-%d %H:%M" if ":" in first else "%Y-%m-%d"
        return (begin + number * (step - begin or timedelta())).strftime(written)
    except ValueError:
        pass
    if re.fullmatch(r"\d\d:\d\d", first):
        minutes = [60 * int(each[:2]) + int(each[3:]) for each in (first, second)]
        now = (minutes[0] + number * (minutes[1] - minutes[0])) % 1440
        return f"{now // 60:02}:{now % 60:02}"
    if first.isdigit() and second.isdigit():
        return str(int(first) + number * (int(second) - int(first)))
    if re.fullmatch(r"-?\d+[.,]\d+", first):
        point = "." if "." in first else ","
        return f"{seed.normal():.3f}".replace(".", point)
    return (first, second)[number % 2]
