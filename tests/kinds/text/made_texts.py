"""Small labelled texts that the tests of the text readers are made of."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ADJECTIVES = ("fine", "bright", "quick", "gentle", "dull", "heavy", "broken", "sour")
NOUNS = ("song", "film", "dinner", "journey", "garden")


def samples(count: int = 20) -> list[tuple[str, str]]:
    """Different texts with the labels good and bad in turn."""
    found = []
    for number in range(count):
        good = number % 2 == 0
        adjective = ADJECTIVES[number // 2 % 4 + (0 if good else 4)]
        noun = NOUNS[number // 8 % len(NOUNS)]
        tail = "x" * (number // 40)
        found.append((f"what a {adjective} {noun}{tail}, said Ünal", "good" if good else "bad"))
    return found


def write(path: Path, data: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def table(path: Path, rows: list[tuple], header: tuple[str, ...] = ("text", "label")) -> Path:
    """Rows in the format that the file's ending says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pq.write_table(pa.table({name: [row[at] for row in rows] for at, name in enumerate(header)}), path)
        return path
    if path.suffix == ".jsonl":
        lines = [json.dumps(dict(zip(header, row, strict=True)), ensure_ascii=False) for row in rows]
        return write(path, "\n".join(lines) + "\n")
    file = io.StringIO()
    writer = csv.writer(file, delimiter="\t" if path.suffix == ".tsv" else ",", lineterminator="\n")
    writer.writerows([header, *rows] if header else rows)
    return write(path, file.getvalue())


def contents(splits: object, name: str) -> list[tuple[str, str]]:
    """Texts with the names of their classes."""
    split = splits[name]
    return [
        (split.samples.load(index), splits.class_names[label]) for index, label in enumerate(split.labels)
    ]


def everything(splits: object) -> list[tuple[str, str]]:
    return [pair for name in ("train", "validation", "test") for pair in contents(splits, name)]
