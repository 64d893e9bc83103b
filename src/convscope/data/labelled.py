"""Whether a path names a data set with labels, told by its layout alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from convscope.data.listing import Listing

TABLES = (".csv", ".parquet", ".pq", ".npz")


def names_data_set(paths: Sequence[str], endings: tuple[str, ...] = TABLES) -> bool:
    """Whether paths are one folder of folders, or one file that may hold samples with labels.

    Args:
        paths: What names the samples.
        endings: Of files that may hold samples with labels.
    """
    if len(paths) != 1:
        return False
    path = Path(paths[0])
    if not path.is_dir():
        return path.is_file() and path.name.lower().endswith(endings)
    folders, files = Listing(str(path)).children("")
    return bool(folders) or any(name.lower().endswith(endings) for name in files)
