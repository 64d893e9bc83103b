"""A first look at a path, to tell what kind of data it holds; the readers look for themselves and closer."""

from __future__ import annotations

import gzip
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from convscope.kinds.audio.readers.columns import SOUNDS, TRANSCRIPTS, said_by
from convscope.kinds.series.readers.signs import is_measured, schema_sign, series_sign
from convscope.kinds.series.remaining_life.columns import unit_column_of

MOST_FILES = 4_000
"""Files of a folder that are listed."""
MOST_BYTES = 2**16
"""What is read of a file, in bytes."""

PICTURES = frozenset(
    [
        ".png",
        ".jpg",
        ".jpeg",
        ".jpe",
        ".bmp",
        ".gif",
        ".webp",
        ".tif",
        ".tiff",
        ".ppm",
        ".pgm",
        ".pbm",
        ".pnm",
        ".ico",
    ]
)
TABLES = frozenset([".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".pq"])
PICTURE_COLUMNS = frozenset(
    ["pixels", "image", "image_path", "path", "file", "filename", "file_name", "filepath", "file_path"]
)
_TAG = re.compile(r"O|[BIESLUM]-\S+|\S+-[BIES]")
_LANGUAGE = re.compile(r"(.+?)\.([a-z]{2,3})(\.gz)?$")


@dataclass(frozen=True)
class DataSnapshot:
    """What is seen of a path without reading it.

    Args:
        path: A file or a folder.
    """

    path: Path

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """The file, or the first files of the folder at any depth, hidden ones left out."""
        if not self.path.is_dir():
            return (self.path,) if self.path.is_file() else self._with_prefix()
        found: list[Path] = []
        for folder, inside, names in os.walk(self.path):
            inside[:] = sorted(name for name in inside if not name.startswith("."))
            found += [Path(folder, name) for name in sorted(names) if not name.startswith(".")]
            if len(found) >= MOST_FILES:
                break
        return tuple(found[:MOST_FILES])

    def lives(self) -> str | None:
        """Why the path holds units that run until they fail, or None."""
        for file in self.files:
            if re.fullmatch(r"(train|test|RUL)_FD\d+\.txt", file.name, re.IGNORECASE):
                return f"{file.name} is a file of C-MAPSS"
            unit = unit_column_of(_columns(file))
            if unit is not None:
                return f"{file.name} has the column {unit!r} and another one of its cycles or remaining life"
        return None

    def labelled_sounds(self) -> str | None:
        """Why the path holds recordings with labels, or None."""
        return self._sounds("label")

    def transcribed_sounds(self) -> str | None:
        """Why the path holds recordings with the words that are said in them, or None."""
        return self._sounds("transcript")

    def series(self) -> str | None:
        """Why the path holds series with labels, or None."""
        for file in self.files[:50]:
            columns = _schema(file) if file.suffix.lower() in {".parquet", ".pq"} else ()
            said = schema_sign(file.name, columns) if columns else series_sign(file, _head(file))
            if said is not None:
                return said
        inside = [file for file in self.files if file.parent != self.path and self.path.is_dir()]
        folders = {file.parent: file for file in inside if file.suffix.lower() in {".csv", ".tsv"}}
        if len(folders) > 1 and all(is_measured(_head(file)) for file in list(folders.values())[:8]):
            return f"{self.path.name} has folders with tables of numbers"
        return None

    def pictures(self) -> str | None:
        """Why the path holds labelled pictures, or None."""
        for file in self.files:
            if file.suffix.lower() in PICTURES:
                return f"{file.name} is a picture"
            if file.suffix.lower() == ".npz" or re.search(r"idx[1-4]-ubyte(\.gz)?$", file.name):
                return f"{file.name} holds arrays"
            if file.suffix.lower() in {".parquet", ".pq"} and self._has_picture_column(file):
                return f"{file.name} holds encoded pictures"
            if file.suffix.lower() == ".csv" and not self._named_sounds(file):
                columns = [name.strip().lower().strip('"') for name in _head(file).split("\n")[0].split(",")]
                named = sorted(PICTURE_COLUMNS & set(columns))
                if named and "text" not in columns:
                    return f"{file.name} has the column '{named[0]}'"
        return None

    def tagged(self) -> str | None:
        """Why the path holds words with tags, or None."""
        for file in self._texts():
            lines = [line.split() for line in _head(file).splitlines()[:400]]
            words = [line for line in lines if line and line[0] != "-DOCSTART-" and line[0] != "#"]
            widths = {len(line) for line in words}
            if len(words) < 3 or len(widths) != 1 or widths == {1} or [] not in lines:
                continue
            tags = [line[-1] for line in words]
            if all(_TAG.fullmatch(tag) for tag in tags):
                return f"{file.name} has a word and a tag on each line"
        return None

    def parallel(self) -> str | None:
        """Why the path holds text in two languages, or None."""
        languages: dict[str, set[str]] = {}
        for file in (*self.files, *self._beside()):
            matched = _LANGUAGE.fullmatch(file.name)
            if matched and matched[2] not in {"txt", "csv", "tsv", "gz", "npz", "vec"}:
                languages.setdefault(matched[1], set()).add(matched[2])
        for stem, found in sorted(languages.items()):
            if len(found) > 1 and re.search(r"train|val|test|dev|corpus", stem):
                return f"{stem} is there as {' and '.join(f'.{each}' for each in sorted(found))}"
        for file in self.files:
            if file.suffix.lower() in {".jsonl", ".ndjson"} and _translates(_head(file)):
                return f"{file.name} has texts by language"
            if file.suffix.lower() == ".tsv" and _names_languages(_head(file)):
                return f"{file.name} has a column for each language"
        return None

    def texts(self) -> str | None:
        """Why the path holds texts with labels, or None."""
        for file in self.files:
            if file.suffix.lower() in TABLES:
                return f"{file.name} is a table of texts"
        for file in self._texts():
            return f"{file.name} is text"
        return None

    def _sounds(self, wanted: str) -> str | None:
        for file in self.files:
            said = self._named_sounds(file)
            if said is not None:
                return f"{file.name} names recordings with {said}s" if said == wanted else None
        for file in self.files:
            if file.name.endswith(TRANSCRIPTS):
                return f"{file.name} is a file of transcripts" if wanted == "transcript" else None
        sound = next((file for file in self.files if file.suffix.lower() in SOUNDS), None)
        return f"{sound.name} is a recording" if sound is not None and wanted == "label" else None

    @staticmethod
    def _named_sounds(file: Path) -> str | None:
        """What a table says of the recordings that it names; None where it names none."""
        if file.suffix.lower() not in TABLES | {".json"}:
            return None
        return said_by(file.suffix.lower(), _columns(file), _head(file))

    def _texts(self) -> Iterable[Path]:
        """Files that are neither tables nor look like anything binary."""
        return (file for file in self.files[:50] if file.suffix.lower() not in TABLES and _head(file))

    def _beside(self) -> tuple[Path, ...]:
        """Files in the folder of a single one that is named after a language, such as `train.de`."""
        if not self.path.is_file() or not _LANGUAGE.fullmatch(self.path.name):
            return ()
        return tuple(sorted(each for each in self.path.parent.glob("*") if each != self.path))

    def _with_prefix(self) -> tuple[Path, ...]:
        """Files whose names begin with that of a path that is none itself, such as `corpus/train`."""
        if not self.path.parent.is_dir() or not self.path.name:
            return ()
        return tuple(
            sorted(each for each in self.path.parent.glob("*") if each.name.startswith(self.path.name))
        )

    @staticmethod
    def _has_picture_column(file: Path) -> bool:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            schema = pq.read_schema(file)
        except (pa.ArrowException, OSError):
            return False
        kinds = [field.type for field in schema]
        return any(pa.types.is_binary(kind) or pa.types.is_struct(kind) for kind in kinds)


def _schema(file: Path) -> list[tuple[str, str]]:
    """Name and Arrow type of each column of a Parquet file; empty where it is none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return [(str(field.name), str(field.type)) for field in pq.read_schema(file)]
    except (pa.ArrowException, OSError):
        return []


def _columns(file: Path) -> list[str]:
    """What the first line of a table could name its columns; empty for what is no table."""
    ending = file.suffix.lower()
    if ending in {".parquet", ".pq"}:
        return [name for name, _ in _schema(file)]
    if ending not in {".csv", ".tsv"}:
        return []
    first = _head(file).partition("\n")[0]
    return [name.strip().strip('"') for name in re.split(r"[,;\t|]", first)]


def _head(file: Path) -> str:
    """The beginning of a text file, as far as it is text; empty for anything else."""
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as opened:
            data = opened.read(MOST_BYTES)
    except (OSError, EOFError):
        return ""
    if b"\0" in data:
        return ""
    return data.decode("utf-8", "replace").rpartition("\n")[0] or data.decode("utf-8", "replace")


def _names_languages(head: str) -> bool:
    columns = head.partition("\n")[0].strip().split("\t")
    return len(columns) > 1 and all(re.fullmatch(r"[a-z]{2,3}", name) for name in columns)


def _translates(head: str) -> bool:
    try:
        first = json.loads(head.partition("\n")[0])
    except ValueError:
        return False
    if not isinstance(first, dict):
        return False
    languages = first.get("translation", first)
    names = languages if isinstance(languages, dict) else {}
    return len(names) > 1 and all(re.fullmatch(r"[a-z]{2,3}", str(name)) for name in names)
