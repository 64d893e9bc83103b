"""Films of a fixed camera: normal ones, and others of which it may be known what is unusual.

| what is there | what it is |
|---|---|
| films, or folders of frames, in a folder that says `train` | normal |
| those in a folder that says `test` | judged |
| films without such folders | normal, except for those with an interval in the table |
| a table with columns for film, `start` and `end` in seconds | anomalies; films without a row are normal |
| `NAME.npy`, a number for each frame, anywhere | anomalies of the film or folder `NAME`, where not 0 |
| `NAME_gt` or `NAME_mask`, a folder of images | anomalies where an image is not black |

What is held out of the normal films gives the threshold: a fifth of them, or where there are fewer than five
the last fifth of each. What happens to bad films is told by `readers.films`. Besides:

| what is wrong | what happens |
|---|---|
| no film is readable, or more than half are not | `DataError` |
| labels of another number of frames than the film, or that are no numbers | `DataError` |
| an interval that ends before it begins, or is no number | `DataError` with the line |
| a row of the table that names no film | left out, counted, listed |
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt
from PIL import Image

from convscope.data.assembly import check_mostly_readable
from convscope.data.columns import PATH_COLUMNS, find_column
from convscope.data.listing import Listing
from convscope.data.split_names import split_of
from convscope.data.splits import Split, Splits, as_labels
from convscope.data.tables import Table, open_table, table_kind
from convscope.errors import DataError
from convscope.kinds.video.readers.films import USUAL_RATE
from convscope.kinds.video.readers.scan import NOUNS, Scanned, scan
from convscope.kinds.video.readers.sources import (
    FileClips,
    StoredClip,
    clips_of,
    may_be_film,
    may_be_frame,
    natural,
)
from convscope.types import Progress, Skipped, SplitName, no_progress

START, END = ("start", "start_time", "begin", "from", "onset"), ("end", "end_time", "stop", "to", "offset")
FILM_COLUMNS = ("video", "clip", "film", "movie", "video_path", *PATH_COLUMNS)
HELD = 0.2
"""Share of the normal films that is not learned from."""
FEWEST = 5
"""Films from which on whole ones are held out."""
TRUTH = re.compile(r"(?P<of>.*?)[-_ ]?(gt|masks?|labels?|ground[-_ ]?truth)", re.IGNORECASE)
_OFF = 2
"""Frames by which the number of labels may differ from that of the film."""
_MOST_LABELS = 2**24

Spans = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Anomalies:
    """What is known of one film.

    Args:
        spans: First second of each anomaly and the one behind its last; None where nothing is known.
    """

    spans: Spans | None = None


@dataclass
class _Films:
    """What lies in a folder.

    Args:
        clips: Films and folders of frames.
        truth: Files that say what is unusual, by the name of the film: one array, or images.
        tables: Tables.
        skipped: What was left out.
    """

    clips: list[StoredClip]
    truth: dict[str, list[str]] = field(default_factory=dict)
    tables: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


def read_scenes(
    path: str | Path,
    *,
    seed: int | None = 0,
    progress: Progress = no_progress,
    frame_rate: float | None = None,
    encoding: str | None = None,
) -> Splits:
    """Reads the films of a fixed camera as the table above says.

    Args:
        path: A folder, or one film.
        seed: Draws the normal films that are held out.
        progress: Receives the number of films read.
        frame_rate: Frames a second of folders of frames; 25 by default.
        encoding: Name of a Python codec for tables; detected by default.

    Raises:
        DataError: As the tables above say.
    """
    place = Path(path)
    root = place if place.is_dir() else place.parent
    listed = _listed(place)
    scanned = scan(FileClips(str(root), listed.clips, rate=frame_rate or USUAL_RATE), progress)
    check_mostly_readable(str(place), len(scanned.kept), list(scanned.skipped), NOUNS[1])
    known, said = _known(root, listed, scanned.source, encoding)
    splits = [_split(stored.key) for stored in scanned.source.stored]
    parts, decisions = _divided(scanned.source, splits, known, seed or 0)
    tested = parts["test"]
    labeled = sum(1 for label in tested.labels if label.spans is not None)
    doubts = [] if labeled else ["no test film says what is unusual, so that alarms are counted alone"]
    return Splits(
        parts["train"],
        parts["validation"],
        tested,
        class_names=(),
        layout=f"{len(scanned.source)} films of a fixed camera, {labeled} with known anomalies or none",
        fingerprint=_fingerprint(scanned, known),
        decisions=(*decisions, *said),
        warnings=(*scanned.notes, *doubts),
        skipped=(*listed.skipped, *scanned.skipped),
    )


def _listed(place: Path) -> _Films:
    """The films of a folder, or one film, and what tells their anomalies."""
    if not place.is_dir():
        if not may_be_film(place.name):
            raise DataError(f"{place}: expected a film, or a folder with films or folders of frames")
        return _Films([StoredClip(place.name)])
    listing = Listing(str(place))
    found, rest = _Films([], skipped=listing.skipped), []
    for key in listing.files_below(""):
        folder, name = PurePosixPath(key).parent.name, PurePosixPath(key).stem
        marked = TRUTH.fullmatch(folder)
        if key.lower().endswith(".npy"):
            of = TRUTH.fullmatch(name)
            found.truth.setdefault((of and of["of"]) or name, []).append(key)
        elif may_be_frame(key) and marked and marked["of"]:
            found.truth.setdefault(marked["of"], []).append(key)
        elif table_kind(Path(key)) is not None:
            found.tables.append(key)
        else:
            rest.append(key)
    found.clips = clips_of(rest)
    used = {file for clip in found.clips for file in (clip.frames or (clip.key,))}
    found.skipped += [Skipped(str(place / key), "not a film by its name") for key in rest if key not in used]
    if not found.clips:
        raise DataError(f"{place}: expected films, or folders of frames, received none")
    return found


def _split(key: str) -> SplitName | None:
    """The split that the folders around a film say."""
    named = (split_of(part) for part in PurePosixPath(key).parts[:-1])
    return next((each for each in named if each is not None), None)


def _known(
    root: Path, listed: _Films, source: FileClips, encoding: str | None
) -> tuple[list[Anomalies], list[str]]:
    """What is known of each film, and what says it."""
    keys = [stored.key for stored in source.stored]
    found = [Anomalies()] * len(keys)
    said: list[str] = []
    for table in listed.tables:
        spans = _of_table(root / table, keys, encoding, listed.skipped)
        if spans is not None:
            said.append(f"anomalies: by {table}; films without a row are normal")
            found = [Anomalies(tuple(spans.get(key, ()))) for key in keys]
            break
    counted = 0
    for at, key in enumerate(keys):
        files = listed.truth.get(_stem(key))
        if files and _split(key) != "train":
            flags = _flags(root, files, source.facts[at].frames)
            found[at], counted = Anomalies(_spans(flags, source.facts[at].rate)), counted + 1
    if counted:
        said.append(f"anomalies: marked frame by frame for {counted} films")
    return found, said


def _stem(key: str) -> str:
    name = PurePosixPath(key).name
    return PurePosixPath(name).stem if may_be_film(name) else name


def _of_table(
    path: Path, keys: Sequence[str], encoding: str | None, skipped: list[Skipped]
) -> dict[str, list[tuple[float, float]]] | None:
    """Intervals by film; None where the table has other columns."""
    kind = table_kind(path)
    if kind is None:
        return None
    table = open_table(path, kind, encoding=encoding, roles=(FILM_COLUMNS, START, END))
    places = [find_column(table.columns, names) for names in (FILM_COLUMNS, START, END)]
    if None in places:
        return None
    columns = [table.columns[place] for place in places if place is not None]
    by_name = {name: key for key in keys for name in (_stem(key), PurePosixPath(key).name, key)}
    found: dict[str, list[tuple[float, float]]] = {}
    for number, (film, start, end) in table.rows(columns):
        key = by_name.get(str(film))
        if key is None:
            skipped.append(Skipped(table.where(number), f"no film is called {str(film)!r}"))
            continue
        found.setdefault(key, [])
        if str(start or "").strip() or str(end or "").strip():
            found[key].append(_interval(table, number, (start, end)))
    return {key: sorted(spans) for key, spans in found.items()}


def _interval(table: Table, number: int, ends: tuple[object, object]) -> tuple[float, float]:
    try:
        start, end = (float(str(each).replace(",", ".")) for each in ends)
    except ValueError:
        start, end = np.nan, np.nan
    if not 0 <= start < end < np.inf:
        raise DataError(
            f"{table.where(number)}: expected the seconds at which an anomaly begins and ends, received"
            f" {str(ends[0])!r} and {str(ends[1])!r}"
        )
    return start, end


def _flags(root: Path, files: Sequence[str], frames: int) -> npt.NDArray[np.bool_]:
    """Whether each frame is unusual, shape (frames,)."""
    arrays = [key for key in files if key.lower().endswith(".npy")]
    if arrays:
        found, what = _array(root / arrays[0]), root / arrays[0]
    else:
        ordered = sorted((key for key in files if may_be_frame(key)), key=natural)
        what = (root / ordered[0]).parent
        found = np.array([_is_marked(root / key) for key in ordered], bool)
    if abs(len(found) - frames) > _OFF:
        raise DataError(f"{what}: expected a label for each of {frames} frames, received {len(found)}")
    return found


def _array(path: Path) -> npt.NDArray[np.bool_]:
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, SyntaxError) as error:
        raise DataError(f"{path}: cannot be read as an array ({error})") from error
    if values.dtype.kind not in "biuf" or values.size > _MOST_LABELS or values.ndim < 1:
        raise DataError(
            f"{path}: expected a number for each frame, received {values.dtype} of shape {values.shape}"
        )
    return np.asarray(np.asarray(values).reshape(len(values), -1).any(axis=1))


def _is_marked(path: Path) -> bool:
    try:
        with Image.open(path) as image:
            return bool(np.asarray(image.convert("L")).any())
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{path}: cannot be read as a mask ({error})") from error


def _spans(flags: npt.NDArray[np.bool_], rate: float) -> Spans:
    """Runs of marked frames in seconds."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return tuple((start / rate, end / rate) for start, end in edges.reshape(-1, 2).tolist())


def _divided(
    source: FileClips, splits: Sequence[SplitName | None], known: Sequence[Anomalies], seed: int
) -> tuple[dict[SplitName, Split], list[str]]:
    """Train, validation and test films, and how they were chosen."""
    rows: dict[SplitName, list[int]] = {"train": [], "validation": [], "test": []}
    for at, (split, label) in enumerate(zip(splits, known, strict=True)):
        rows[split or ("test" if label.spans else "train")].append(at)
    if not rows["train"]:
        raise DataError(
            f"{source.root}: expected normal films to learn from, received none",
            hint="Put them into a folder train/, or films without an interval beside the table.",
        )
    labels = as_labels(list(known))
    made = {name: _films(source, chosen, labels) for name, chosen in rows.items()}
    wanted: list[SplitName] = [name for name in ("validation", "test") if not rows[name]]
    if not wanted:
        return made, []
    said = _hold_out(made, source.take(np.array(rows["train"], np.int64)), wanted, seed)
    return made, [said]


def _hold_out(made: dict[SplitName, Split], normal: FileClips, wanted: Sequence[SplitName], seed: int) -> str:
    """Takes splits that are not there from the normal films; says how."""
    what, count = " and ".join(wanted), len(normal)
    if count >= FEWEST:
        order, each = np.random.default_rng(seed).permutation(count), max(1, round(HELD * count))
        for name in wanted:
            made[name], order = _normal(normal.take(np.sort(order[:each]))), order[each:]
        made["train"] = _normal(normal.take(np.sort(order)))
        return f"{what}: {each} of {count} normal films each, drawn with the seed"
    first, last = 0.0, 1 - HELD * len(wanted)
    for name in ("train", *wanted):
        spans = [(round(first * fact.seconds, 3), round(last * fact.seconds, 3)) for fact in normal.facts]
        stored = [replace(clip, span=span) for clip, span in zip(normal.stored, spans, strict=True)]
        made[name] = _normal(replace(normal, stored=stored))
        first, last = last, last + HELD
    return (
        f"{what}: a fifth of each normal film each, at its end, because there are fewer than {FEWEST} films"
    )


def _films(source: FileClips, rows: Sequence[int], labels: npt.NDArray[np.object_]) -> Split:
    chosen = np.array(rows, np.int64)
    return Split(source.take(chosen), labels[chosen])


def _normal(source: FileClips) -> Split:
    """Films in which nothing is unusual."""
    return Split(source, as_labels([Anomalies(())] * len(source)))


def _fingerprint(scanned: Scanned, known: Sequence[Anomalies]) -> str:
    lines = (
        f"{stored.key} {label.spans} {digest.hex()}"
        for stored, label, digest in zip(scanned.source.stored, known, scanned.digests, strict=True)
    )
    return sha256("\n".join(lines).encode()).hexdigest()
