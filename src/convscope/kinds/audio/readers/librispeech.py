"""Transcripts as LibriSpeech has them: a file for each chapter, with an id and words in each line."""

from __future__ import annotations

from pathlib import Path

from convscope.data.lines import read_lines
from convscope.data.listing import Listing
from convscope.data.split_names import split_of_path
from convscope.errors import DataError
from convscope.kinds.audio.readers.rows import Rows
from convscope.kinds.audio.readers.tables import TRANSCRIPTS


def read_librispeech(rows: Rows, encoding: str | None) -> str:
    """Takes recordings that are called as the lines of files of transcripts beside them begin.

    Args:
        rows: Where they are put.
        encoding: Of the files of transcripts; UTF-8 by default.

    Returns:
        The layout in one line.

    Raises:
        DataError: There is no file of transcripts.
    """
    listing = Listing(rows.root)
    keys = listing.files_below("")
    lists = [key for key in keys if key.endswith(TRANSCRIPTS)]
    if not lists:
        raise DataError(
            f"{rows.root}: expected a table of recordings with transcripts, or files *{TRANSCRIPTS}, received"
            f" {len(keys)} files without either",
            hint='Write a table with one object per line, such as {"audio_filepath": "a.wav", "text": "a"}.',
        )
    recordings = {key.rpartition(".")[0]: key for key in keys if not key.endswith(".txt")}
    folders = {key.partition("/")[0] if "/" in key else "" for key in lists}
    by_folder = {folder: split_of_path(folder) for folder in folders}
    named = all(by_folder.values())
    for key in lists:
        parent = key.rpartition("/")[0]
        for number, line in read_lines(Path(rows.root, key), encoding, controls=rows.controls):
            name, _, words = line.strip().partition(" ")
            if not name:
                continue
            found = recordings.get(f"{parent}/{name}".lstrip("/"))
            if found is None:
                listing.skip(f"{key}#{number}", f"there is no recording {name}")
                continue
            split = by_folder[key.partition("/")[0] if "/" in key else ""] if named else None
            rows.add(found, words, split, group=name.partition("-")[0] if "-" in name else "")
    rows.skipped += listing.skipped
    if named:
        said = (f"{folder} is {split}" for folder, split in sorted(by_folder.items()))
        rows.decisions.append(f"splits: by the names of the folders: {', '.join(said)}")
    return f"LibriSpeech: {len(lists)} files of transcripts with {len(rows.keys)} recordings"
