"""Point clouds with a label each from whatever is there, and without: the layout is detected and reported.

| what is there | layout |
|---|---|
| a folder of folders with clouds | folder per class, in splits or not |
| a table that names clouds below its folder, with a label and perhaps a split, a group or a fold | table |
| clouds in one folder whose names say the label, as `chair_1.off` does | labels in the names |

What happens to bad input:

| what is wrong | what happens |
|---|---|
| a file that is empty, truncated, of another form or not readable | skipped, counted, listed |
| no cloud is readable, or more than half are not | `DataError` |
| points without a finite position | left out, with a warning |
| features that are not finite | become the median of the cloud, with a warning |
| points at the place of another | one of each counts, with a warning |
| a single point, or all points at one place | kept, with a warning |
| coordinates far from the origin | centered in float64, with a warning |
| features that some clouds lack | left out for all, which is said |
| fewer than two classes, a class of one cloud, a class that is not in train | `DataError` |
| identical clouds in train and in validation or test | warning with the count |
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from convscope.data.assembly import Found, assemble, check_mostly_readable
from convscope.data.class_folders import ClassFiles, class_files
from convscope.data.digests import digest_of, joined_digests
from convscope.data.encoding import check_encoding
from convscope.data.file_labels import classes_by_pattern, labels_of_names
from convscope.data.file_tables import (
    FileNouns,
    FileOptions,
    names_files,
    read_file_table,
    tables_that_name,
)
from convscope.data.listing import Listing
from convscope.data.name_patterns import check_is_folder
from convscope.data.named_files import files_of, is_folder, nothing_in
from convscope.data.scanning import SHOWN, Seen, in_few_lines, read_each
from convscope.data.splits import LeftOut, Splits
from convscope.data.tables import table_kind
from convscope.errors import DataError
from convscope.kinds.points.cloud import Cloud
from convscope.kinds.points.readers.forms import BESIDE, suffix_of
from convscope.kinds.points.readers.sources import CloudFacts, FileClouds
from convscope.types import Progress, Skipped, SplitName, no_progress

NOUNS = ("cloud", "clouds")
"""What one sample and many are called."""
UNKNOWN_UNIT = "unit: lengths are those of the files, whatever their unit; all clouds must have the same one"


def scan(
    source: FileClouds, progress: Progress
) -> tuple[FileClouds, list[int], list[bytes], list[Skipped], list[str]]:
    """Reads and hashes every cloud of a source in a few threads.

    Args:
        source: Clouds that were not read yet.
        progress: Receives the number of clouds.

    Returns:
        The readable clouds with their facts, their numbers in the source, a digest of each, what could not be
        read, and what should be known of the files.
    """
    seen, skipped = read_each(source, lambda row: _look(source.load(row)), progress, "reading clouds")
    kept, found = list(seen), list(seen.values())
    files = [source.files[row] for row in kept]
    scanned = replace(source, files=files, facts=[each.facts for each in found])
    notes = [note for each in found for note in each.notes]
    return scanned, kept, [each.digest for each in found], skipped, notes


def _look(cloud: Cloud) -> Seen[CloudFacts]:
    content = cloud.positions.tobytes() + cloud.features.tobytes()
    return Seen(CloudFacts.of(cloud), digest_of(",".join(cloud.names).encode() + content), cloud.notes)


def scan_to_found(
    source: FileClouds,
    *,
    where: str,
    layout: str,
    labels: Sequence[str | None],
    splits: Sequence[SplitName | None],
    skipped: Sequence[Skipped],
    progress: Progress,
    groups: Sequence[str | None] | None = None,
    grouped_by: str = "",
    folds: np.ndarray | None = None,
    decisions: Sequence[str] = (),
) -> Found:
    """Reads clouds and keeps the readable ones with their labels and splits.

    Args are those of `Found`, for clouds that were not read yet.

    Raises:
        DataError: More than half of the clouds are not readable.
    """
    scanned, kept, digests, bad, notes = scan(source, progress)
    check_mostly_readable(where, len(kept), bad, NOUNS[1])
    return Found(
        where=where,
        layout=layout,
        source=scanned,
        labels=[labels[row] for row in kept],
        splits=[splits[row] for row in kept],
        digests=joined_digests(digests),
        nouns=NOUNS,
        alike="identical clouds",
        groups=None if groups is None else [groups[row] for row in kept],
        grouped_by=grouped_by,
        folds=None if folds is None else folds[kept],
        decisions=(*decisions, UNKNOWN_UNIT),
        warnings=(*in_few_lines(notes, NOUNS[1]), *doubtful(scanned)),
        skipped=(*skipped, *bad),
    )


class KnownClouds(Protocol):
    """Clouds that were read once."""

    @property
    def facts(self) -> Sequence[CloudFacts]:
        """What is known of each."""

    def name(self, index: int) -> str:
        """What a cloud is called."""


def doubtful(source: KnownClouds) -> list[str]:
    """Warnings of clouds without extent, and of points at one place."""
    lines = []
    flat = [at for at, fact in enumerate(source.facts) if not max(fact.size) > 0]
    if flat:
        lines.append(f"{_many(len(flat))} whose points all lie at one place: {_shown(source, flat)}")
    twice = [
        at for at, fact in enumerate(source.facts) if fact.distinct < fact.points and at not in set(flat)
    ]
    if twice:
        count = sum(source.facts[at].points - source.facts[at].distinct for at in twice)
        lines.append(
            f"{_many(len(twice))} in which {count:,} points lie at the place of another, where one of each"
            " counts:"
            f" {_shown(source, twice)}"
        )
    far = [at for at, fact in enumerate(source.facts) if _is_coarse(fact)]
    if far:
        lines.append(
            f"{_many(len(far))} so far from their origin that float32 would blur them, which are centered in"
            f" float64 first: {_shown(source, far)}"
        )
    return lines


def _is_coarse(fact: CloudFacts) -> bool:
    """Whether the steps of float32 at its place are large against its size."""
    return max(map(abs, fact.center)) * 2**-23 > 1e-4 * max(fact.size) > 0


def _many(count: int) -> str:
    return f"{count} {NOUNS[count > 1]}"


def _shown(source: KnownClouds, rows: Sequence[int]) -> str:
    some = ", ".join(source.name(at) for at in rows[:SHOWN])
    return f"{some} and {len(rows) - SHOWN} more" if len(rows) > SHOWN else some


TABLE_NOUNS = FileNouns(*NOUNS, ("cloud", "pointcloud", "point_cloud", "points", "scan", "object_id"))
"""What tables that name clouds call them."""


def read_clouds(
    path: str | Path,
    *,
    seed: int | None = 0,
    progress: Progress = no_progress,
    label_column: str | None = None,
    label_pattern: str | None = None,
    group: str | None = None,
    encoding: str | None = None,
    drop_column: Sequence[str] = (),
) -> Splits:
    """Reads labelled clouds from any of the layouts in the table above.

    Args:
        path: A folder, or a table in the folder of the clouds.
        seed: Draws the splits that the data does not have; None where samples are to be judged.
        progress: Receives how much is done.
        label_column: Name or position of the column of labels in a table.
        label_pattern: As `classes_by_pattern`, of the clouds of a folder.
        group: Column, or pattern of paths, that names the group of each cloud, such as its scene; a group
            stays in one split.
        encoding: Name of a Python codec for tables; detected by default.
        drop_column: Columns of tables that are left out.

    Raises:
        DataError: As the table above says; the message names the file and, in a table, the line.
        UsageError: There is no such column.
    """
    asked = FileOptions(label_column, label_pattern, group, encoding, tuple(drop_column))
    return assemble(find_clouds(Path(path), progress, asked), seed, group)


def find_clouds(place: Path, progress: Progress, asked: FileOptions) -> Found:
    """Clouds with their labels before they are divided; raises as `read_clouds`."""
    check_encoding(asked.encoding)
    folder = is_folder(place)
    check_is_folder(str(place), asked.pattern, folder)
    if not folder:
        if table_kind(place) is None:
            raise DataError(
                f"{place}: expected a folder or a table, received '{place.suffix or place.name}'",
                hint="Put the clouds of each class into a folder that is named after the class. Points with a"
                " label each are read by --recipe points-segmentation.",
            )
        return read_table(place, progress, asked)
    listing = Listing(str(place))
    refuse_objects(str(place), clouds_below(place))
    if asked.pattern is not None:
        named = classes_by_pattern(listing, asked.pattern, is_cloud)
        return _of_folders(place, listing, named, progress, "the label pattern")
    tables = tables_that_name(place, lambda: clouds_below(place), asked, TABLE_NOUNS)
    if tables:
        return read_table(tables[0], progress, asked)
    folders, files = listing.children("")
    own = sorted(filter(is_cloud, files))
    said = labels_of_names(own) if own and not any(map(is_cloud, _below(listing, folders))) else None
    if said is not None:
        named = ClassFiles(own, said.labels, [None] * len(own), "labels in the names", decisions=(said.line,))
        return _of_folders(place, listing, named, progress, "")
    return _of_folders(
        place,
        listing,
        class_files(listing, "clouds", is_cloud),
        progress,
        "the folders around the class folders",
    )


def refuse_objects(root: str, keys: Sequence[str]) -> None:
    """Stops at rooms with a file for each object in `Annotations/`, as S3DIS has them.

    Raises:
        DataError: The hint has the lines that write a label for each point.
    """
    found = next((key for key in keys if "annotations" in key.lower().split("/")[:-1]), None)
    if found is None:
        return
    folder = found.rpartition("/")[0]
    raise DataError(
        f"{root}: expected clouds, or scenes with a label for each point, received {folder}/ with a file for"
        " each object",
        hint="Write one file for each room: import numpy, pathlib; folders ="
        " sorted(pathlib.Path('.').rglob('Annotations')); parts = lambda folder:"
        " sorted(folder.glob('*.txt')); names = sorted({path.stem.split('_')[0] for folder in folders for"
        " path in parts(folder)}); then for each folder: numpy.savez(f'rooms/{folder.parts[-3]}/"
        "{folder.parts[-2]}.npz', points=positions, color=colors, label=labels), where each file adds its"
        " first three columns, its last three and"
        " names.index(path.stem.split('_')[0]) for each of its lines. classes.txt with a line for each name"
        " names the classes.",
    )


def is_cloud(key: str) -> bool:
    """Whether a file is a cloud by the ending of its name."""
    return bool(suffix_of(key))


def clouds_below(folder: Path) -> list[str]:
    """The clouds below a folder, by the endings of their names; tables right in it are none."""
    keys = [key for key in Listing(str(folder)).files_below("") if is_cloud(key)]
    return [key for key in keys if "/" in key or table_kind(Path(key)) is None]


def _below(listing: Listing, folders: Sequence[str]) -> list[str]:
    return [key for folder in folders for key in listing.files_below(folder)]


def read_table(path: Path, progress: Progress, asked: FileOptions) -> Found:
    """Reads the clouds that a table names below its own folder.

    Args:
        path: The table.
        progress: Receives the number of clouds read.
        asked: Options that the user gave.

    Raises:
        DataError: A column is missing, or a label or split is malformed; the message names the line.
    """
    rows = read_file_table(path, clouds_below(path.parent), asked, TABLE_NOUNS)
    return scan_to_found(
        FileClouds(str(path.parent), rows.keys),
        where=str(path),
        layout=f"table: {path.name} names {len(rows.keys)} clouds",
        labels=rows.labels,
        splits=rows.splits,
        skipped=rows.skipped,
        progress=progress,
        groups=rows.groups,
        grouped_by=rows.grouped_by,
        folds=rows.folds,
        decisions=rows.decisions,
    )


def _of_folders(
    root: Path, listing: Listing, files: ClassFiles, progress: Progress, grouped_by: str
) -> Found:
    return scan_to_found(
        FileClouds(str(root), list(files.keys)),
        where=str(root),
        layout=files.layout,
        labels=files.labels,
        splits=files.splits,
        skipped=listing.skipped,
        progress=progress,
        groups=files.groups,
        grouped_by=grouped_by if files.groups is not None else "",
        decisions=files.decisions,
    )


@dataclass(frozen=True)
class CloudInputs(LeftOut, FileClouds):
    """Clouds in files without labels, and what was left out."""


def read_inputs(
    paths: Sequence[str],
    *,
    progress: Progress = no_progress,
    label_column: str | None = None,
    encoding: str | None = None,
    drop_column: Sequence[str] = (),
) -> CloudInputs:
    """Finds and checks the clouds that are to be predicted.

    Args:
        paths: Files, folders (read at any depth) and patterns such as `scans/*.las`; or a table of clouds.
        progress: Receives the number of clouds read.
        label_column: The column of labels in a table, which are not read.
        encoding: As `read_clouds`.
        drop_column: As `read_clouds`.

    Raises:
        DataError: A path does not exist, a pattern matches nothing, or no cloud is readable.
    """
    if len(paths) == 1 and _is_table_of_clouds(Path(paths[0])):
        asked = FileOptions(label_column, None, None, encoding, tuple(drop_column), labels=False)
        found = read_table(Path(paths[0]), progress, asked)
        source = found.source
        if not isinstance(source, FileClouds):
            raise TypeError(f"clouds of {type(source).__name__}")
        return _inputs(source, found.skipped, found.warnings)
    skipped: list[Skipped] = []
    files: dict[str, None] = {}
    for path in paths:
        files.update(dict.fromkeys(files_of(os.fspath(path), skipped)))
    kept = [file for file in files if is_cloud(file)]
    skipped += [
        Skipped(file, "not a point cloud by its name")
        for file in files
        if not is_cloud(file) and not file.lower().endswith(BESIDE)
    ]
    scanned, _, _, bad, notes = scan(FileClouds("", kept), progress)
    if not len(scanned):
        raise nothing_in(paths, NOUNS[1], (*skipped, *bad))
    return _inputs(scanned, (*skipped, *bad), (*in_few_lines(notes, NOUNS[1]), *doubtful(scanned)))


def _inputs(source: FileClouds, skipped: Sequence[Skipped], warnings: Sequence[str]) -> CloudInputs:
    return CloudInputs(
        source.root, source.files, source.facts, skipped=tuple(skipped), warnings=tuple(warnings)
    )


def _is_table_of_clouds(path: Path) -> bool:
    """Whether a file is a table that names clouds beside it, and no cloud itself."""
    if not path.is_file() or table_kind(path) is None:
        return False
    return names_files(path, clouds_below(path.parent), FileOptions(labels=False), TABLE_NOUNS)
