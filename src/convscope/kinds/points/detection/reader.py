"""Clouds with boxes around their objects.

| what is there | form |
|---|---|
| `velodyne/`, `label_2/` and `calib/`, perhaps below `training/`, and lists in `ImageSets/` | KITTI |
| clouds and a table or JSON with a row for each box, with the columns below | table |

Columns of a table are the cloud, the class, x, y and z of the middle, length, width and height, and perhaps
the heading in radians counterclockwise from x, `ignored` and the split.

What happens to bad input:

| what is wrong | what happens |
|---|---|
| a cloud, a calibration or labels that are damaged or missing | skipped, counted, listed |
| a cloud without boxes | kept as a negative, counted |
| `DontCare` | has no box in space and is left out |
| `Van` and `Person_sitting` of KITTI | ignored boxes of `Car` and `Pedestrian`, as KITTI judges |
| a box without any point | judged, but not learned, said |
| most boxes without any point | `DataError`: they are in other coordinates |
| points of KITTI that the camera does not see | left out, since there nobody labeled |
| a box without a positive side, numbers that are not finite | `DataError`; of KITTI the frame is skipped |
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np

from convscope.data.assembly import Found, check_mostly_readable
from convscope.data.boxes import assemble_boxes
from convscope.data.digests import digest_of, joined_digests
from convscope.data.listing import Listing
from convscope.data.named_files import files_of, is_folder, nothing_in
from convscope.data.scanning import Seen, in_few_lines, read_each
from convscope.data.split_names import split_of
from convscope.data.splits import Splits
from convscope.errors import DataError
from convscope.kinds.points.detection.box_tables import ReadBoxes, add_table, box_table
from convscope.kinds.points.detection.boxes import SpaceBox, SpaceBoxes, inside
from convscope.kinds.points.detection.labels import KITTI_CLASSES, OTHERS, Label, read_kitti_labels
from convscope.kinds.points.detection.sources import SWEEPS, BoxedCloudInputs, BoxedClouds
from convscope.kinds.points.readers.reader import NOUNS, UNKNOWN_UNIT, doubtful, is_cloud
from convscope.kinds.points.readers.sources import CloudFacts
from convscope.types import Progress, Skipped, SplitName, no_progress

FORMS = (
    "Give folders of KITTI (velodyne/, label_2/, calib/), or clouds and a table with a row for each box:"
    " cloud, class, x, y, z, length, width, height and heading."
)
MOST_EMPTY = 0.6
"""Share of boxes without a point from which on all are thought to be in other coordinates."""
_LABELS = "label_2"
_MOST_LIST = 2**22


@dataclass(frozen=True)
class _Read:
    """A cloud that was read once: facts, its boxes, and which of them hold a point."""

    facts: CloudFacts
    labels: Sequence[Label]
    full: Sequence[bool]


def read_boxed_clouds(
    path: str | Path, *, seed: int | None = 0, progress: Progress = no_progress, group: str | None = None
) -> Splits:
    """Reads clouds with boxes around their objects.

    Args:
        path: A folder, or a table of boxes with clouds beside it.
        seed: Draws the splits that the data does not have; None where all is to be judged.
        progress: Receives how much is done.
        group: Pattern of paths that names the group of each cloud, such as its drive; a group stays in one
            split.

    Raises:
        DataError: As the table above says; the message names the file.
    """
    place = Path(path)
    made, layout, root = _boxed(place)
    keys = list(made.labels)
    if not keys:
        named = ", ".join(each.path for each in made.skipped[:3])
        raise DataError(
            f"{path}: expected clouds with boxes, received none of the clouds that are named",
            hint=f"Not there: {named}. {FORMS}" if named else FORMS,
        )
    source = BoxedClouds(str(root), keys)
    seen, bad = read_each(source, lambda row: _look(source, row, made), progress, "reading clouds")
    check_mostly_readable(str(path), len(seen), bad, NOUNS[1])
    read = [each.facts for each in seen.values()]
    source = source.take(np.array(list(seen), np.int64))
    source = replace(source, facts=[each.facts for each in read])
    names, boxes, lines = _boxes(str(path), read, kitti=made.kitti)
    splits = [made.splits.get(key) for key in source.files]
    notes = [note for each in seen.values() for note in each.notes]
    found = Found(
        where=str(path),
        layout=f"{layout}: {len(source)} clouds with boxes",
        source=source,
        labels=[None] * len(source),
        splits=splits if "train" in splits and None not in splits else [None] * len(splits),
        digests=joined_digests([each.digest for each in seen.values()]),
        nouns=NOUNS,
        alike="identical clouds",
        decisions=(*made.decisions, *lines, UNKNOWN_UNIT),
        warnings=(*in_few_lines(notes, NOUNS[1]), *doubtful(source)),
        skipped=(*made.skipped, *bad),
    )
    return assemble_boxes(found, boxes, names, seed, group, FORMS)


def _look(source: BoxedClouds, row: int, made: ReadBoxes) -> Seen[_Read]:
    cloud, given = source.load(row), made.labels[source.files[row]]
    labels = given(source, row) if callable(given) else given
    values = np.array([label.values for label in labels], np.float64).reshape(-1, 7)
    full = [bool(each.any()) for each in inside(values, cloud.positions)]
    content = cloud.positions.tobytes() + cloud.features.tobytes()
    return Seen(_Read(CloudFacts.of(cloud), labels, full), digest_of(content), cloud.notes)


def _boxes(
    where: str, read: Sequence[_Read], *, kitti: bool
) -> tuple[list[str], list[SpaceBoxes], list[str]]:
    """Class names, the boxes of each cloud, and what was decided.

    Raises:
        DataError: Most boxes hold no point.
    """
    every = [label for each in read for label in each.labels]
    there = {label.name for label in every if not label.ignored}
    left = sorted(there & set(OTHERS)) if kitti and there & set(KITTI_CLASSES) else []
    usual = [name for name in KITTI_CLASSES if name in there] if kitti else []
    names = [*usual, *sorted(there - set(usual) - set(left))]
    boxes, empty = [], 0
    for each in read:
        kept = [
            (label, full) for label, full in zip(each.labels, each.full, strict=True) if label.name in names
        ]
        empty += sum(not full for _, full in kept)
        boxes.append(
            SpaceBoxes.of(
                SpaceBox(label.values, names.index(label.name), label.ignored, label.level)
                for label, _ in kept
            )
        )
    total = sum(map(len, boxes))
    if empty > MOST_EMPTY * total:
        raise DataError(
            f"{where}: expected boxes around points, received {empty:,} of {total:,} boxes that hold none",
            hint="x, y and z are the middle of a box, in the coordinates of the cloud; length lies along the"
            " heading, which counts counterclockwise from x, in radians.",
        )
    lines = ["boxes: middle, length, width, height, and heading counterclockwise from x in radians"]
    if left:
        lines.append(f"classes: {', '.join(left)} are left out, as KITTI does; found ones count as wrong")
    if empty:
        lines.append(f"empty boxes: {empty:,} of {total:,} hold no point; they are judged, but not learned")
    return names, boxes, lines


def _boxed(place: Path) -> tuple[ReadBoxes, str, Path]:
    """What is known of the clouds of a folder or a table, the layout, and the folder of the clouds.

    Raises:
        DataError: There are no boxes.
    """
    if not is_folder(place):
        made, listing = ReadBoxes(), Listing(str(place.parent))
        table = box_table(place)
        if table is None:
            raise DataError(f"{place}: expected a table of boxes", hint=FORMS)
        add_table(table, [key for key in listing.files_below("") if is_cloud(key)], made)
        return made, f"table of boxes in {place.name}", place.parent
    listing = Listing(str(place))
    keys = listing.files_below("")
    made = ReadBoxes(skipped=list(listing.skipped))
    labelled = [key for key in keys if PurePosixPath(key).parent.name == _LABELS and key.endswith(".txt")]
    if labelled:
        _add_kitti(place, keys, labelled, made)
        return made, "KITTI", place
    for key in keys:
        table = box_table(place / key) if "/" not in key else None
        if table is not None:
            add_table(table, [each for each in keys if is_cloud(each) and each != key], made)
            return made, f"table of boxes in {key}", place
    raise DataError(f"{place}: expected clouds with boxes, received none", hint=FORMS)


def _add_kitti(place: Path, keys: Sequence[str], labelled: Sequence[str], made: ReadBoxes) -> None:
    """The frames of KITTI, with the folder of clouds that has most of them."""
    there, made.kitti = set(keys), True
    frames = [PurePosixPath(key) for key in labelled]
    several = {
        name: {key: str(key.parent.parent / name / f"{key.stem}.bin") for key in frames} for name in SWEEPS
    }
    counts = {name: sum(cloud in there for cloud in clouds.values()) for name, clouds in several.items()}
    chosen = max(SWEEPS, key=lambda name: counts[name])
    for key, cloud in several[chosen].items():
        label = place / str(key)
        if cloud not in there:
            made.skipped.append(Skipped(str(label), f"no {chosen}/{key.stem}.bin"))
        elif str(key.parent.parent / "calib" / key.name) not in there:
            made.skipped.append(Skipped(str(place / cloud), f"no calib/{key.name}"))
        else:
            made.labels[cloud] = _labels_of(label)
    made.decisions.append(
        f"clouds: {chosen}/; points that the camera does not see are left out, since only what it sees has"
        " boxes"
    )
    _split_by_lists(place, keys, made)


def _labels_of(path: Path) -> Callable[[BoxedClouds, int], list[Label]]:
    def read(source: BoxedClouds, row: int) -> list[Label]:
        calibration = source.calibration(row)
        if calibration is None:
            raise DataError(f"{source.name(row)}: expected a calibration, which is gone")
        return read_kitti_labels(path, calibration)

    return read


def _split_by_lists(place: Path, keys: Sequence[str], made: ReadBoxes) -> None:
    """The splits of `ImageSets/train.txt` and its like; frames that no list names are left out."""
    lists = {key: split_of(PurePosixPath(key).stem) for key in keys if "ImageSets" in key.split("/")[:-1]}
    lists = {key: split for key, split in lists.items() if split and key.endswith(".txt")}
    if any(PurePosixPath(key).stem == "train" for key in lists):
        lists = {key: split for key, split in lists.items() if PurePosixPath(key).stem != "trainval"}
    found: dict[str, SplitName | None] = {}
    clouds = {PurePosixPath(key).stem: key for key in made.labels}
    for key, split in lists.items():
        if (place / key).stat().st_size > _MOST_LIST:
            continue
        for name in (place / key).read_text("utf-8", errors="replace").split():
            if name in clouds:
                found[clouds[name]] = split
    if "train" not in found.values():
        return
    left = [key for key in made.labels if key not in found]
    more = f"; {len(left)} clouds that no list names are left out" if left else ""
    made.decisions.append(f"splits: by {', '.join(sorted(lists))}{more}")
    made.labels = {key: labels for key, labels in made.labels.items() if key in found}
    made.splits = found


def read_inputs(paths: Sequence[str], *, progress: Progress = no_progress) -> BoxedCloudInputs:
    """Finds and checks the clouds in which objects are to be found.

    Args:
        paths: Files, folders (read at any depth) and patterns. Of folders of KITTI those below `velodyne`,
            or else `velodyne_reduced`.
        progress: Receives the number of clouds read.

    Raises:
        DataError: A path does not exist, a pattern matches nothing, or no cloud is readable.
    """
    skipped: list[Skipped] = []
    files: dict[str, None] = {}
    for path in paths:
        files.update(dict.fromkeys(files_of(os.fspath(path), skipped)))
    beside = (_LABELS, "calib", "ImageSets")
    kept = [file for file in files if is_cloud(file) and Path(file).parent.name not in beside]
    if len(kept) > 1:
        kept = [file for file in kept if not _is_table(file) and not _is_twice(file, files)]
    source = BoxedClouds("", kept)

    def look(row: int) -> Seen[CloudFacts]:
        cloud = source.load(row)
        return Seen(CloudFacts.of(cloud), b"", cloud.notes)

    seen, bad = read_each(source, look, progress, "reading clouds")
    if not seen:
        raise nothing_in(paths, NOUNS[1], (*skipped, *bad))
    facts = [each.facts for each in seen.values()]
    notes = [note for each in seen.values() for note in each.notes]
    known = BoxedCloudInputs("", [kept[row] for row in seen], facts, skipped=(*skipped, *bad), warnings=())
    return replace(known, warnings=(*in_few_lines(notes, NOUNS[1]), *doubtful(known)))


def _is_table(file: str) -> bool:
    return box_table(Path(file)) is not None


def _is_twice(file: str, files: Mapping[str, None]) -> bool:
    """Whether a sweep is there whole as well."""
    path = Path(file)
    whole = path.parent.parent / SWEEPS[0] / path.name
    return path.parent.name == SWEEPS[1] and str(whole) in files
