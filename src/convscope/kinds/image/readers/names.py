"""What names of files say: which are images, and labels such as those of `cat.0.jpg` and `1_0.png`."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePath, PurePosixPath

from convscope.data.split_names import words_beside

_MOST_ENTRIES = 4_000
_WORD = re.compile(r"(?P<label>[^\W\d_]+(?:[-_. ][^\W\d_]+)*)[-_. ]*\(?\d+\)?")
_NUMBER = re.compile(r"(?P<label>\d{1,3})[-_. ]+\d+")
_CAMERA = frozenset(
    {"img", "image", "dsc", "dscn", "pic", "picture", "photo", "frame", "sample", "test", "train"}
)
_FEWEST_OF_LABEL = 3
"""Images of each label that a name must have, so that it is a label."""
MOST_LABELS = 200


SUFFIXES = frozenset(
    [
        *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"),
        *(".pbm", ".pnm", ".ico", ".avif", ".heic", ".heif", ".jp2", ".j2k", ".jpx"),
    ]
)
"""How files of images end."""

_OTHERS = frozenset(
    [
        *(".txt", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".md", ".html", ".pdf", ".log"),
        *(".zip", ".tar", ".gz", ".7z", ".rar", ".npy", ".npz", ".mat", ".pkl", ".h5", ".hdf5", ".parquet"),
        *(".wav", ".mp3", ".flac", ".ogg", ".m4a", ".mp4", ".avi", ".mov", ".webm", ".mkv", ".srt", ".vtt"),
        *(".py", ".ipynb", ".sh", ".db", ".ini", ".cfg", ".doc", ".docx", ".xls", ".xlsx", ".svg", ".lnk"),
    ]
)


_TO_BE_FILLED_IN = ("sample_submission", "samplesubmission", "submission", "sample_sub")
_FOLDERS = re.compile(r"(images?|imgs?|pictures?|pics|photos?|frames|jpe?gs?|pngs?)([-_. ].*)?", re.I)


def folders_near(folder: Path) -> list[Path]:
    """Folders beside one that are called as those of images are: `images/` beside `meta/`."""
    found: list[Path] = []
    try:
        with os.scandir(folder.parent) as entries:
            named = (each for each in islice(entries, _MOST_ENTRIES) if _FOLDERS.fullmatch(each.name))
            found += [Path(each.path) for each in named if each.is_dir() and each.name != folder.name]
    except OSError:
        return []
    return sorted(found)


def is_to_be_filled_in(path: Path) -> bool:
    """True where a table is called as those are whose answers are to be filled in."""
    return path.name.lower().startswith(_TO_BE_FILLED_IN) or "submission" in words_beside(path.stem)


def is_image_name(name: str) -> bool:
    """True where a name ends as those of images do."""
    return PurePath(name).suffix.lower() in SUFFIXES


def may_be_image(name: str) -> bool:
    """True unless a name ends as those of files of another kind do: an image may have any ending, or none."""
    return PurePath(name).suffix.lower() not in _OTHERS


@dataclass(frozen=True)
class NamedLabels:
    """Labels that the names of files say.

    Args:
        labels: One for each file.
        line: What was found, for the decisions.
    """

    labels: tuple[str, ...]
    line: str


def labels_of_names(keys: Sequence[str]) -> NamedLabels | None:
    """The labels that all names of some files say: a word, or a number, before the number of the file.

    Args:
        keys: The files.

    Returns:
        None where not all names have that form, or the labels are not few.

    Example:
        >>> labels_of_names([f"{name}.{k}.jpg" for name in ("cat", "dog") for k in range(3)]).labels[::3]
        ('cat', 'dog')
    """
    stems = [PurePosixPath(key).stem for key in keys]
    for form in (_WORD, _NUMBER):
        found = [form.fullmatch(stem) for stem in stems]
        labels = tuple(match["label"] for match in found if match is not None)
        if len(labels) != len(keys):
            continue
        counts = Counter(labels)
        few = 1 < len(counts) <= min(MOST_LABELS, len(keys) / _FEWEST_OF_LABEL)
        if few and min(counts.values()) >= 2 and not {name.lower() for name in counts} <= _CAMERA:
            name = PurePosixPath(keys[0]).name
            return NamedLabels(
                labels, f"labels: from the names of the files, such as {labels[0]!r} of {name}"
            )
    return None
