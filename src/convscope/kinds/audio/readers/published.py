"""Recordings as published data sets name and transcribe them, and labels in names by a pattern."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from convscope.data.file_labels import GROUPS
from convscope.data.lines import read_lines
from convscope.data.listing import Listing
from convscope.data.split_names import split_of_path
from convscope.errors import DataError
from convscope.kinds.audio.readers.endings import SOUNDS, ending_of
from convscope.kinds.audio.readers.rows import Rows
from convscope.kinds.audio.readers.tables import TRANSCRIPTS

GROUP_FOLDERS = re.compile(r"(?:fold|actor|speaker|spk|subject|session|participant|singer)[-_ ]?\d+", re.I)
"""Names of folders of recordings that stay together and are no classes."""


REFERENCE = "REFERENCE.csv"
"""The list of classes that PhysioNet puts beside recordings."""


@dataclass(frozen=True)
class Naming:
    """How a data set names its recordings.

    Args:
        name: Of the data set.
        pattern: Of a whole name without ending, with a group `label`, and one for what stays together.
        codes: What labels mean; empty where they stand for themselves.
    """

    name: str
    pattern: str
    codes: Mapping[str, str] = field(default_factory=dict)


NAMINGS = (
    Naming("Free Spoken Digit Dataset", r"(?P<label>\d)_(?P<speaker>[A-Za-z]+)_\d+"),
    Naming("AudioMNIST", r"(?P<label>\d)_(?P<speaker>\d\d)_\d+"),
    Naming(
        "RAVDESS",
        r"0[1-3]-0[12]-(?P<label>0[1-8])-0[12]-0[12]-0[12]-(?P<speaker>\d\d)",
        dict(
            zip(
                (f"0{code}" for code in range(1, 9)),
                ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"),
                strict=True,
            )
        ),
    ),
    Naming("CREMA-D", r"(?P<speaker>\d{4})_[A-Z]{3}_(?P<label>[A-Z]{3})_(?:LO|MD|HI|XX|X)"),
    Naming(
        "TESS",
        r"(?P<speaker>OAF?|YAF)_\w+_(?P<label>angry|disgust|fear|happy|neutral|ps|sad)",
        {"ps": "pleasant surprise"},
    ),
    Naming(
        "SAVEE",
        r"(?P<speaker>DC|JE|JK|KL)_(?P<label>sa|su|[adfhn])\d\d",
        {
            "a": "anger",
            "d": "disgust",
            "f": "fear",
            "h": "happiness",
            "n": "neutral",
            "sa": "sadness",
            "su": "surprise",
        },
    ),
    Naming(
        "EmoDB",
        r"(?P<speaker>\d\d)[a-z]\d\d(?P<label>[WLEAFTN])[a-f]",
        {
            "W": "anger",
            "L": "boredom",
            "E": "disgust",
            "A": "fear",
            "F": "happiness",
            "T": "sadness",
            "N": "neutral",
        },
    ),
    Naming("ESC-50", r"(?P<fold>\d)-\d+-[A-Z]-(?P<label>\d+)"),
    Naming("UrbanSound8K", r"(?P<source>\d+)-(?P<label>\d)-\d+-\d+"),
)
"""Data sets whose recordings lie in one folder, or in one for each speaker or fold."""


def known_naming(listing: Listing) -> tuple[Naming, Sequence[str]] | None:
    """The naming of recordings that lie in one folder, or in folders of speakers or folds, and their keys."""
    keys = [key for key in listing.files_below("") if ending_of(key) in SOUNDS]
    names = [PurePosixPath(key).stem for key in keys]
    folders = [PurePosixPath(key).parent.name for key in keys]
    apart = len(set(folders)) > 1
    for naming in NAMINGS:
        matched = [match for name in names if (match := re.fullmatch(naming.pattern, name)) is not None]
        if len(matched) != len(keys) or len({match["label"] for match in matched}) < 2:
            continue
        if not apart or all(map(_is_of_group, folders, matched)):
            return naming, keys
    return None


def _is_of_group(folder: str, match: re.Match[str]) -> bool:
    """Whether a folder is that of a group, by its own name or by the group in the name of a file."""
    group = _group_of(match)
    return bool(GROUP_FOLDERS.fullmatch(folder)) or (bool(group) and folder.startswith(group))


def _group_of(match: re.Match[str]) -> str:
    return next((match[name] for name in GROUPS if name in match.groupdict()), "")


def read_named(rows: Rows, naming: Naming, keys: Sequence[str]) -> str:
    """Takes recordings of a known naming; returns the layout in one line."""
    for key in keys:
        match = re.fullmatch(naming.pattern, key.rpartition("/")[2].rpartition(".")[0])
        if match is not None:
            label = naming.codes.get(match["label"], match["label"])
            rows.add(key, label, None, group=_group_of(match))
    first = keys[0].rpartition("/")[2]
    rows.decisions.append(
        f"labels: as {naming.name} names files, in {first} {rows.target[0]!r} of group {rows.groups[0]!r};"
        " another part of the name is taken with --label-pattern"
    )
    return f"names of files: as {naming.name} names {len(keys)} recordings"


def read_references(rows: Rows, encoding: str | None) -> str:
    """Takes recordings that `REFERENCE.csv` in their folder gives a class, as the challenges of PhysioNet do.

    Args:
        rows: Where they are put.
        encoding: Of these files; UTF-8 by default.

    Returns:
        The layout in one line; empty where there is no such file.
    """
    keys = set(Listing(rows.root).files_below(""))
    lists = sorted(key for key in keys if key.rpartition("/")[2] == REFERENCE)
    found = []
    for key in lists:
        folder = key.rpartition("/")[0]
        for _, line in read_lines(Path(rows.root, key), encoding):
            name, _, label = line.strip().partition(",")
            named = f"{folder}/{name}.wav".lstrip("/")
            if label and named in keys:
                found.append((named, label, split_of_path(folder)))
    given = {split for _, _, split in found}
    for named, label, split in found:
        rows.add(named, label, split if "train" in given and len(given) > 1 else None)
    return f"{' and '.join(lists)} with {len(found)} recordings" if found else ""


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
        layout = _read_list(rows, keys, encoding) or _read_beside(rows, keys, encoding)
        if layout:
            return layout
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
        named_splits = (f"{folder} is {split}" for folder, split in sorted(by_folder.items()))
        rows.decisions.append(f"splits: by the names of the folders: {', '.join(named_splits)}")
    return f"LibriSpeech: {len(lists)} files of transcripts with {len(rows.keys)} recordings"


@dataclass(frozen=True)
class _Lines:
    """Lines such as `name|text` of one file, and the recordings that they name.

    Args:
        key: The file.
        said: Recordings, and what stands behind each.
        column: Which column that is.
        unknown: How many lines name no recording.
    """

    key: str
    said: Sequence[tuple[str, str]]
    column: str
    unknown: int


def _lines_of(rows: Rows, keys: Sequence[str], encoding: str | None) -> _Lines | None:
    """The lines of the first file of which most name recordings, as LJ Speech has them."""
    stems = _by_stem(keys, SOUNDS)
    for key in (key for key in keys if "/" not in key and key.lower().endswith((".csv", ".txt", ".psv"))):
        lines = [line.rstrip("\r\n") for _, line in read_lines(Path(rows.root, key), encoding)]
        fields = [line.split("|") for line in lines if "|" in line]
        named = [
            (stems.get(PurePosixPath(parts[0].strip()).name.removesuffix(".wav")), parts) for parts in fields
        ]
        said = [(file, parts[-1].strip() or parts[1].strip()) for file, parts in named if file is not None]
        if said and len(said) >= 0.5 * len([line for line in lines if line.strip()]):
            column = "last column" if max(map(len, fields)) > 2 else "second column"
            return _Lines(key, said, column, len(lines) - len(said))
    return None


def _read_list(rows: Rows, keys: Sequence[str], encoding: str | None) -> str:
    """Takes recordings that the lines of one file name, as LJ Speech: `name|text` or `name|text|spelled`.

    Returns:
        The layout in one line; empty where no file has this form.
    """
    lines = _lines_of(rows, keys, encoding)
    if lines is None:
        return ""
    for file, said in lines.said:
        rows.add(file, said, None)
    rows.decisions.append(
        f"transcripts: the {lines.column} of {lines.key} between |; {lines.unknown} lines name no recording"
    )
    return f"LJ Speech: {lines.key} names {len(lines.said)} recordings"


def read_class_lines(rows: Rows, encoding: str | None) -> str:
    """Takes recordings that the lines of one file name with a class each: `name|class`.

    Args:
        rows: Where they are put.
        encoding: Of the file; UTF-8 by default.

    Returns:
        The layout in one line; empty where no file has this form, or what stands behind the names is no
        class.
    """
    lines = _lines_of(rows, Listing(rows.root).files_below(""), encoding)
    if lines is None or not are_classes([said for _, said in lines.said]):
        return ""
    for file, said in lines.said:
        rows.add(file, said, None)
    rows.decisions.append(
        f"labels: the {lines.column} of {lines.key} between |, which has few different and short values;"
        f" {lines.unknown} lines name no recording"
    )
    return f"lines: {lines.key} names {len(lines.said)} recordings with a class each"


def _read_beside(rows: Rows, keys: Sequence[str], encoding: str | None) -> str:
    """Takes recordings with a file of text of the same name each, as VCTK has them.

    Returns:
        The layout in one line; empty where fewer than half of the recordings have one.
    """
    sounds, texts = _by_stem(keys, SOUNDS), _by_stem(keys, frozenset([".txt"]))
    both = [stem for stem in sounds if stem in texts]
    if not both or len(both) < 0.5 * len(sounds):
        return ""
    folders = {sounds[stem].rpartition("/")[0] for stem in both}
    for stem in both:
        words = " ".join(line.strip() for _, line in read_lines(Path(rows.root, texts[stem]), encoding))
        rows.add(sounds[stem], words, None, group=sounds[stem].rpartition("/")[0] if len(folders) > 1 else "")
    rows.grouped_by = "the folders"
    first = both[0]
    rows.decisions.append(f"transcripts: files of the same names, such as {texts[first]} of {sounds[first]}")
    return f"a file of text for each of {len(both)} recordings"


def _by_stem(keys: Sequence[str], endings: Set[str]) -> dict[str, str]:
    """Files of some endings by their names without them; a name that several have is left out."""
    found = [key for key in keys if ending_of(key) in endings]
    counts = Counter(PurePosixPath(key).stem for key in found)
    return {stem: key for key in found if counts[stem := PurePosixPath(key).stem] == 1}


def are_classes(said: Sequence[str]) -> bool:
    """Whether what is said of recordings is a class of each, few and short, rather than a transcript.

    Example:
        >>> are_classes(["happy", "sad"] * 3), are_classes(["she is happy today", "he is sad today"] * 3)
        (True, False)
    """
    different = set(said) - {""}
    few = 1 < len(different) <= len(said) / 3
    return few and max(len(each.split()) for each in different) <= 2
