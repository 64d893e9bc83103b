"""Which files are images, by their names alone."""

from __future__ import annotations

from pathlib import PurePath

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


def is_image_name(name: str) -> bool:
    """True where a name ends as those of images do."""
    return PurePath(name).suffix.lower() in SUFFIXES


def may_be_image(name: str) -> bool:
    """True unless a name ends as those of files of another kind do: an image may have any ending, or none."""
    return PurePath(name).suffix.lower() not in _OTHERS
