"""Scenes whose points have a class each.

| what is there | layout |
|---|---|
| clouds with a column of labels, or a file of labels beside each | a label for each point |
| the same below `train/`, `validation/` and `test/`, or beside lists of them | the same, with given splits |
| a few clouds without splits | square tiles of ground, each on one side of the splits |

Neither learned nor judged are negative labels, 0 and 1 of LAS (never classified, unassigned), 0 of files that
end in `.label` (unlabeled in SemanticKITTI), classes that a file of class names calls void or the like, and
what `--void` names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np

from convscope.data.assembly import Found, check_mostly_readable
from convscope.data.class_table import ClassTable, find_class_table, is_void_name
from convscope.data.digests import digest_of, joined_digests
from convscope.data.listing import Listing
from convscope.data.masks import MOST_CLASSES, VOID, Classes, Mask, assemble_masks
from convscope.data.named_files import is_folder
from convscope.data.scanning import Seen, in_few_lines, read_each
from convscope.data.split_lists import split_lists, splits_by_lists
from convscope.data.split_names import split_of, words_beside
from convscope.data.splits import Splits
from convscope.errors import DataError
from convscope.kinds.points.cloud import Cloud
from convscope.kinds.points.readers.forms import labels_beside
from convscope.kinds.points.readers.reader import NOUNS, UNKNOWN_UNIT, doubtful, is_cloud, refuse_objects
from convscope.kinds.points.readers.sources import CloudFacts, FileClouds
from convscope.kinds.points.segmentation.scenes import SceneTiles, Tile, tile_side, tiles_of
from convscope.types import Progress, Skipped, SplitName, no_progress

FEW_FILES = 8
"""Files without splits from which on each is a sample; fewer are cut into tiles."""
TILES = 48
"""Tiles that few files are cut into together, about."""
LAS_CLASSES = {
    **{2: "ground", 3: "low vegetation", 4: "medium vegetation", 5: "high vegetation", 6: "building"},
    **{7: "low point", 9: "water", 10: "rail", 11: "road surface", 13: "wire guard", 14: "wire conductor"},
    **{15: "transmission tower", 16: "wire connector", 17: "bridge deck", 18: "high noise"},
}
"""Classes of the LAS specification 1.4."""
_LAS_VOID = (0, 1)
_SWEEPS = frozenset(["velodyne", "velodyne_reduced", "points", "clouds"])
"""Folders that are called by what they hold, not by the scene."""


@dataclass(frozen=True, eq=False)
class _Part:
    """A sample that was read once: what it is of, and how many points have each label."""

    tile: Tile
    facts: CloudFacts
    counts: Mapping[int, int]
    digest: bytes
    form: str


@dataclass(frozen=True)
class PointClasses:
    """What labels of points mean.

    Args:
        numbers: The number of the class of each label; labels that are not there are void.
        names: Of the classes.
        lines: What was decided, one line each.
    """

    numbers: Mapping[int, int]
    names: tuple[str, ...]
    lines: tuple[str, ...] = ()

    def of(self, cloud: Cloud) -> Classes:
        """The class of each point, `VOID` where its label means none, shape (points,), uint8."""
        if cloud.labels is None or not self.numbers:
            return np.full(len(cloud), VOID, np.uint8)
        labels = np.array(sorted(self.numbers))
        classes = np.array([self.numbers[each] for each in labels.tolist()], np.uint8)
        at = np.minimum(np.searchsorted(labels, cloud.labels), len(labels) - 1)
        return np.where(labels[at] == cloud.labels, classes[at], VOID).astype(np.uint8)

    def mask(self, source: SceneTiles, index: int, counts: Mapping[int, int]) -> Mask:
        """The classes of a sample, read when they are needed."""
        known = np.zeros(len(self.names), np.int64)
        for label, count in counts.items():
            if label in self.numbers:
                known[self.numbers[label]] += count
        return Mask(partial(_read, self, source, index), known, sum(counts.values()) - int(known.sum()))


def _read(classes: PointClasses, source: SceneTiles, index: int) -> Classes:
    return classes.of(source.load(index))


def read_scenes(
    path: str | Path,
    *,
    seed: int | None = 0,
    progress: Progress = no_progress,
    label_column: str | None = None,
    group: str | None = None,
    tile_side: float | None = None,
    void: Sequence[str] = (),
) -> Splits:
    """Reads scenes with a class for each point.

    Args:
        path: A folder of clouds, or one cloud.
        seed: Draws the splits that the data does not have; None where all is to be judged.
        progress: Receives how much is done.
        label_column: The column of labels, by name or position; by default one that is called so.
        group: Pattern of paths that names the group of each scene; a group stays in one split.
        tile_side: Side of the tiles that scenes are cut into, in the unit of the files; 0 leaves them whole.
            By default few scenes are cut.
        void: Classes that are neither learned nor judged, by name or label; `none` keeps those that would be
            left out without being asked for.

    Raises:
        DataError: There are no clouds with labels, or most cannot be read.
    """
    place = Path(path)
    files = _files(place)
    root = files.root
    clouds = FileClouds(root, files.keys, label=label_column)
    parts, bad, notes = _parts(clouds, None, progress)
    check_mostly_readable(str(place), len(parts), bad, NOUNS[1])
    labelled, bare = _with_labels(place, parts)
    side, said = _side(labelled, tile_side, given=bool(files.splits))
    if side:
        some = FileClouds(root, [each.tile.file for each in labelled], label=label_column)
        labelled, _, _ = _parts(some, side, progress)
    classes = _classes(place, labelled, labels_beside(Path(root, files.keys[0])), files.table, void)
    tiles, facts = [each.tile for each in labelled], [each.facts for each in labelled]
    source = SceneTiles(root, tiles, facts, label_column)
    found = replace(
        _found(place, source, [each.digest for each in labelled], files.splits, bool(side)),
        decisions=(*files.said, *([said] if said else []), *classes.lines, UNKNOWN_UNIT),
        warnings=(*in_few_lines(notes, NOUNS[1]), *doubtful(source)),
        skipped=(*files.skipped, *bad, *bare),
        reading={"tile_side": side} if side else {},
    )
    masks = [classes.mask(source, index, each.counts) for index, each in enumerate(labelled)]
    return assemble_masks(found, masks, classes.names, seed, group)


def _with_labels(place: Path, parts: Sequence[_Part]) -> tuple[list[_Part], list[Skipped]]:
    """Clouds of which some point has a label, and those of which none has."""
    labelled = [each for each in parts if each.counts]
    if not labelled:
        raise DataError(
            f"{place}: expected points with labels, received {len(parts)} clouds without",
            hint="Name the column of labels: --label-column; or put a file of labels beside each cloud, such"
            " as scene.labels.",
        )
    return labelled, [Skipped(each.tile.file, "no point has a label") for each in parts if not each.counts]


def _found(
    place: Path,
    source: SceneTiles,
    digests: Sequence[bytes],
    given: Mapping[str, SplitName | None],
    cut: bool,
) -> Found:
    """Samples with their splits and groups."""
    files = [each.file for each in source.tiles]
    splits, (groups, by) = [given.get(file) for file in files], _groups(files)
    return Found(
        where=str(place),
        layout="a label for each point" + (", with given splits" if any(splits) else ""),
        source=source,
        labels=[None] * len(source),
        splits=splits,
        digests=joined_digests(digests),
        nouns=("tile", "tiles") if cut else ("scene", "scenes"),
        alike="identical scenes",
        groups=groups,
        grouped_by=by,
    )


@dataclass(frozen=True)
class _Files:
    """The clouds of a folder.

    Args:
        root: The folder.
        keys: The clouds below it.
        skipped: What was left out.
        table: The names of classes, where a file has them.
        splits: The split of each cloud, by lists or folders; empty where nothing says it.
        said: What was decided, one line each.
    """

    root: str
    keys: Sequence[str]
    skipped: Sequence[Skipped] = ()
    table: ClassTable | None = None
    splits: Mapping[str, SplitName | None] = field(default_factory=dict)
    said: tuple[str, ...] = ()


def _files(place: Path) -> _Files:
    """What there is to be read.

    Raises:
        DataError: There are no clouds, or lists of splits that contradict each other.
    """
    if not is_folder(place):
        if not is_cloud(place.name):
            raise DataError(f"{place}: expected a point cloud or a folder of them")
        return _Files(str(place.parent), [place.name])
    listing = Listing(str(place))
    below = listing.files_below("")
    refuse_objects(str(place), [key for key in below if is_cloud(key)])
    table = find_class_table(place, below)
    keys = clouds_without_labels(str(place), [key for key in below if table is None or key != table.where])
    if not keys:
        raise DataError(
            f"{place}: expected clouds with a label for each point, received none",
            hint="docs/points.md lists the forms of clouds that are read.",
        )
    lists = [
        each for each in split_lists(listing, sorted({*below} - {*keys}), keys) if each.split is not None
    ]
    if not lists:
        return _Files(str(place), keys, listing.skipped, table, _splits(keys))
    splits, said = splits_by_lists(str(place), lists, keys)
    given = {key: split for key, split in zip(keys, splits, strict=True) if split is not None}
    left = [Skipped(key, "in none of the lists of splits") for key in keys if key not in given]
    return _Files(str(place), list(given), [*listing.skipped, *left], table, given, (said,))


def clouds_without_labels(root: str, keys: Sequence[str]) -> list[str]:
    """The clouds among files, without those that are the labels of others."""
    clouds = [key for key in keys if is_cloud(key)]
    beside = {labels_beside(Path(root, key)) for key in clouds}
    return [key for key in clouds if Path(root, key) not in beside]


def _parts(
    clouds: FileClouds, side: float | None, progress: Progress
) -> tuple[list[_Part], list[Skipped], list[str]]:
    """Whole clouds, or their tiles, each read once; those that cannot be read, and notes on the others."""

    def look(row: int) -> Seen[list[_Part]]:
        cloud, file = clouds.load(row), clouds.key(row)
        tiles = tiles_of(file, cloud, side) if side else [Tile(file)]
        return Seen([_part(each, cloud) for each in tiles], b"", cloud.notes)

    what = "reading clouds" if side is None else "cutting tiles"
    seen, bad = read_each(clouds, look, progress, what)
    notes = [note for each in seen.values() for note in each.notes]
    return [part for each in seen.values() for part in each.facts], bad, notes


def _part(tile: Tile, whole: Cloud) -> _Part:
    cloud = whole if tile.rows is None else whole.take(tile.rows)
    labels = np.zeros(0, np.int64) if cloud.labels is None else cloud.labels
    values, counts = np.unique(labels, return_counts=True)
    digest = digest_of(cloud.positions.tobytes() + cloud.features.tobytes())
    pairs = dict(zip(values.tolist(), counts.tolist(), strict=True))
    return _Part(tile, CloudFacts.of(cloud), pairs, digest, cloud.form)


def _side(parts: Sequence[_Part], asked: float | None, *, given: bool) -> tuple[float, str]:
    """The side of tiles, 0 for none, and why."""
    if asked is None and (given or len(parts) >= FEW_FILES):
        return 0.0, ""
    if asked is not None:
        return asked, f"tiles: squares of ground with sides of {asked:g}, as given" if asked else ""
    side = tile_side([each.facts.size[:2] for each in parts], TILES)
    few = f"{len(parts)} clouds are too few" if len(parts) > 1 else "one cloud cannot be divided"
    return side, (
        f"tiles: squares of ground with sides of {side:g}, because {few}; each tile is a sample, cut off from"
        " its neighbors; --tile-side changes that, --tile-side 0 leaves clouds whole"
    )


def _splits(files: Sequence[str]) -> dict[str, SplitName | None]:
    """What the folders around files say, or names that say nothing else; empty where none says anything."""
    found = {file: _split(PurePosixPath(file)) for file in files}
    return found if any(found.values()) else {}


def _split(file: PurePosixPath) -> SplitName | None:
    folders = (split_of(part) for part in reversed(file.parts[:-1]))
    own = None if words_beside(file.stem) else split_of(file.stem)
    return next((split for split in folders if split is not None), own)


def _groups(files: Sequence[str]) -> tuple[list[str | None] | None, str]:
    """What stays in one split: the clouds of a folder, or else the tiles of a cloud."""
    folders = ["/".join(p for p in PurePosixPath(file).parts[:-1] if p not in _SWEEPS) for file in files]
    if 1 < len(set(folders)) < len(set(files)):
        return list(folders), "the folders around clouds"
    if 1 < len(set(files)) < len(files):
        return list(files), "the clouds that tiles are of"
    return None, ""


def _classes(
    place: Path,
    parts: Sequence[_Part],
    beside: Path | None,
    table: ClassTable | None,
    asked: Sequence[str],
) -> PointClasses:
    """What the labels that there are mean.

    Raises:
        DataError: There are too many, or a class that is asked for is not there.
    """
    labels = sorted({label for each in parts for label in each.counts})
    of_las = {each.form for each in parts} == {"LAS"}
    named, lines = _names(labels, table, of_las=of_las)
    void = {label for label in labels if label < 0}
    if "none" not in asked:
        void |= {label for label in labels if is_void_name(named[label])}
        void |= {label for label in _LAS_VOID if of_las and beside is None}
        void |= {0} if beside is not None and beside.suffix == ".label" else set()
    for word in asked:
        meant = {label for label in labels if word.lower() in (named[label].lower(), str(label))}
        if not meant and word != "none":
            raise DataError(
                f"{place}: expected a class '{word}' that is void, received {', '.join(named.values())[:300]}"
            )
        void |= meant
    known = [label for label in labels if label not in void]
    names = tuple(dict.fromkeys(named[label] for label in known))
    if len(names) > MOST_CLASSES:
        raise DataError(
            f"{place}: expected at most {MOST_CLASSES} classes of points, received {len(names):,} labels",
            hint="Check which column holds the labels: --label-column.",
        )
    left = [named[label] for label in labels if label in void]
    if left:
        lines.append(f"void: {', '.join(left)}, neither learned nor judged; --void changes that")
    return PointClasses({label: names.index(named[label]) for label in known}, names, tuple(lines))


def _names(
    labels: Sequence[int], table: ClassTable | None, *, of_las: bool
) -> tuple[dict[int, str], list[str]]:
    """The name of each label, and where names are from."""
    if table is not None:
        given = {
            number if each.number is None else each.number: each.name
            for number, each in enumerate(table.classes)
        }
        unnamed = [str(label) for label in labels if label not in given and label >= 0]
        line = f"class names: from {table.where}"
        if unnamed:
            line += f", which does not name {', '.join(unnamed[:12])}"
        return {label: given.get(label, str(label)) for label in labels}, [line]
    if of_las:
        named = {label: LAS_CLASSES.get(label, f"class {label}") for label in labels}
        return named, ["class names: those of the LAS specification"]
    return {label: str(label) for label in labels}, []
