"""What names of files say: which are images, and which tables are to be filled in."""

from __future__ import annotations

import os
import re
from itertools import islice
from pathlib import Path, PurePath

from convscope.data.split_names import words_beside

_MOST_ENTRIES = 4_000

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
