"""Whether a path holds clips with labels."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from convscope.data.columns import find_column
from convscope.data.snapshot import DataSnapshot
from convscope.data.split_names import split_of
from convscope.kinds.contract.kind import Detection
from convscope.kinds.video.anomaly.reader import END, FILM_COLUMNS, START, TRUTH
from convscope.kinds.video.readers.films import ANIMATIONS, FILMS
from convscope.kinds.video.readers.sources import STILLS

CLASSES, ANOMALIES = "video-classification", "video-anomaly"
_FILMS = frozenset(FILMS)
_SURE = 0.97
_OPENED = 3
_FRAME = re.compile(r"frame[-_ ]?\d+|(img|image|frm)?[-_ ]?\d{3,}", re.I)
_FEWEST = 8
"""Frames of a folder, at least, that is told from one of pictures by the names in it."""


def detect(snapshot: DataSnapshot) -> Detection | None:
    """The surest sign of films; None where there is none."""
    found = [
        *_films(snapshot),
        *_animations(snapshot),
        *_folders(snapshot),
        *_tables(snapshot),
        *_scenes(snapshot),
    ]
    return max(found, key=lambda each: each.confidence, default=None)


def _films(snapshot: DataSnapshot) -> Iterator[Detection]:
    films = snapshot.ending_in(_FILMS)
    if films:
        confidence = _SURE if snapshot.prevails(_FILMS) else 0.8
        yield Detection(CLASSES, confidence, f"{snapshot.named(films[0])} is a film")


def _scenes(snapshot: DataSnapshot) -> Iterator[Detection]:
    """Normal films apart from others, without classes; or what marks frames and times as unusual."""
    films = snapshot.ending_in(_FILMS)
    for file, head in snapshot.tables.items():
        names = [find_column(head.first, aliases) for aliases in (FILM_COLUMNS, START, END)]
        if films and None not in names:
            yield Detection(ANOMALIES, 1.0, f"{file.name} says when films are unusual")
            return
    if not snapshot.path.is_dir():
        return
    folders = {film: film.relative_to(snapshot.path).parts[:-1] for film in films}
    classes = {tuple(part for part in parts if split_of(part) is None) for parts in folders.values()}
    splits = [{split_of(part) for part in parts} for parts in folders.values()]
    divided = all(each - {None} for each in splits) and any("train" in each for each in splits)
    if len(classes) == 1 and divided:
        normal = next(film for film, each in zip(films, splits, strict=True) if "train" in each)
        yield Detection(ANOMALIES, 1.0, f"{snapshot.named(normal)} is to be learned from and has no class")
        return
    for still in snapshot.ending_in(frozenset(STILLS)):
        marked = TRUTH.fullmatch(still.parent.name)
        if not marked or not marked["of"] or not still.stem.isdigit():
            continue
        beside = still.parent.with_name(marked["of"])
        if beside.is_dir():
            yield Detection(ANOMALIES, 1.0, f"{snapshot.named(still.parent)} marks frames of {beside.name}")
            return


def _animations(snapshot: DataSnapshot) -> Iterator[Detection]:
    """GIF files of several frames, which no picture has."""
    for file in snapshot.ending_in(frozenset(ANIMATIONS))[:_OPENED]:
        frames = _frames(file)
        if frames > 1:
            yield Detection(CLASSES, 1.0, f"{snapshot.named(file)} has {frames} frames")
            return


def _frames(file: Path) -> int:
    from PIL import Image

    try:
        with Image.open(file) as image:
            return int(getattr(image, "n_frames", 1))
    except (OSError, ValueError, SyntaxError):
        return 0


def _folders(snapshot: DataSnapshot) -> Iterator[Detection]:
    """Folders in class folders whose images are all numbered as frames are."""
    images = snapshot.ending_in(frozenset(STILLS))
    if len(images) < 2 * _FEWEST or not snapshot.prevails(frozenset(STILLS)) or not snapshot.path.is_dir():
        return
    folders = Counter(file.parent for file in images)
    deep = all(len(folder.relative_to(snapshot.path).parts) > 1 for folder in folders)
    numbered = all(_FRAME.fullmatch(file.stem) for file in images)
    called = sum("frame" in file.stem.lower() for file in images) * 2 > len(images)
    if deep and numbered and called and len(folders) > 1 and min(folders.values()) >= _FEWEST:
        said = f"{snapshot.named(images[0].parent)} holds {folders[images[0].parent]} frames"
        yield Detection(CLASSES, 1.0, f"{said} by their names")


def _tables(snapshot: DataSnapshot) -> Iterator[Detection]:
    """Tables that name films."""
    for file, head in snapshot.tables.items():
        for at, column in enumerate(head.first):
            cells = [cell for cell in head.column(at) if cell]
            if cells and all(cell.lower().endswith(FILMS) for cell in cells):
                yield Detection(CLASSES, _SURE, f"{file.name} names films in column {column!r}")
                return
