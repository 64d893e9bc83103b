"""Whether a path holds series: with a label each, to be watched for anomalies, or of units that fail."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from convscope.data.columns import SPLIT_COLUMNS, find_column
from convscope.data.file_labels import named_classes
from convscope.data.heads import DELIMITED, TableHead, suffix_of
from convscope.data.listing import Listing
from convscope.data.number_forms import is_number
from convscope.data.number_labels import holds_numbers_to_predict
from convscope.data.snapshot import DataSnapshot
from convscope.data.split_names import split_of
from convscope.kinds.contract.kind import Detection
from convscope.kinds.series.anomaly.tables import ANOMALY_COLUMNS, is_mark_name
from convscope.kinds.series.anomaly.windows import BenchmarkLabels
from convscope.kinds.series.readers.archive import ARCHIVE_SUFFIXES
from convscope.kinds.series.readers.arrays import are_surely_series, is_array_file
from convscope.kinds.series.readers.frames import MISSING, OUTAGES, is_header, is_series_table, is_table
from convscope.kinds.series.readers.listed_files import FILE_COLUMNS
from convscope.kinds.series.readers.table_roles import ID_COLUMNS, called_labels, label_names
from convscope.kinds.series.readers.time_words import looks_like_time
from convscope.kinds.series.readers.times import find_time_column
from convscope.kinds.series.readers.unlike import (
    FEWEST_TIMES,
    counted_columns,
    group_beside_label,
    is_id_name,
    names_count,
)
from convscope.kinds.series.remaining_life.columns import unit_column_of
from convscope.kinds.series.states import detect_states, text_tables

CLASSIFICATION, REGRESSION = "series-classification", "series-regression"
ANOMALY, LIFE = "series-anomaly", "series-remaining-life"
_LONGEST_STATE = 30
_STEADY = 0.5
"""Confidence where nothing but its content tells the column of labels."""
_ACTIVITY = re.compile(r"(activity|gesture|posture|exercise|movement|behaviou?r)[ _]?(id|name|label)?", re.I)
_STATE = re.compile(r".*(state|status|condition|health).*", re.I)
_WELL = re.compile(
    r"normal|\bok\b|\bgood\b|healthy|running|broken|recovering|fail|fault|attack|benign|anomal|\bon\b|\boff\b"
)
"""Words by which a label of each row says whether all is well."""
_OF_ARCHIVE = re.compile(r".*_(train|test)\.(tsv|txt|csv)", re.IGNORECASE)
_OF_MATRICES = re.compile(r"x[-_]?(train|training|test|val|valid|validation)")
_OF_CMAPSS = re.compile(r"(train|test|RUL)_FD\d+\.txt", re.IGNORECASE)
_NUMBERS_THERE = "{}, which holds numbers to predict"
_INNER = (slice(1, None), slice(None, -1))
_NUMBERS = ("float", "double", "int", "uint", "decimal", "half")
_LIST = re.compile(r"(large_|fixed_size_)?list<.*: (float|double|int|uint|halffloat)")
_LIST_OF_NUMBERS = re.compile(r"\[[-+.\deE, ]*\d[-+.\deE, ]*\]")
_HEADER_OF_ARCHIVE = ("@data", "@problemname", "@relation")


def detect(snapshot: DataSnapshot) -> Detection | None:
    """The recipe for the series of a path; None where there are none."""
    if snapshot.path.exists() and BenchmarkLabels.around(snapshot.path) is not None:
        return Detection(ANOMALY, 0.95, "it belongs to the Numenta Anomaly Benchmark")
    found = [*_labelled(snapshot), *_measured(snapshot), *_units(snapshot), *detect_states(snapshot)]
    return max(found, key=lambda each: each.confidence, default=None)


def _labelled(snapshot: DataSnapshot) -> Iterator[Detection]:
    """Series with a label each."""
    yield from _of_arrays(snapshot)
    if snapshot.path.is_dir():
        yield from _with_files_of_labels(snapshot)
    for file in snapshot.data_files[:50]:
        if suffix_of(file) in ARCHIVE_SUFFIXES and _is_archive(snapshot.head(file)):
            numbers = "@targetlabel true" in " ".join(snapshot.head(file).lower().split())
            recipe = REGRESSION if numbers else CLASSIFICATION
            yield Detection(recipe, 0.95, f"{file.name} is a file of the UCR and UEA archives")
        elif _OF_ARCHIVE.fullmatch(file.name.removesuffix(".gz")):
            head = snapshot.table(file)
            if head is not None:
                yield from _of_rows(snapshot, file, head, 0.95)
    for file, head in snapshot.tables.items():
        if head.types:
            yield from _of_schema(snapshot, file.name, head)
        elif head.rows:
            yield from _of_lists(file.name, head)
            yield from _of_rows(snapshot, file, head, 0.7)
            yield from _of_counted(snapshot, file, head)
    yield from _of_folders(snapshot)
    yield from _of_names(snapshot)


def _of_arrays(snapshot: DataSnapshot) -> Iterator[Detection]:
    """Stored arrays of series and of labels."""
    files = [file for file in snapshot.data_files[:50] if is_array_file(file)]
    if files and are_surely_series(snapshot.path):
        yield Detection(CLASSIFICATION, 0.8, f"{files[0].name} holds series, with labels beside them")


def _with_files_of_labels(snapshot: DataSnapshot) -> Iterator[Detection]:
    """Series in files beside those of their labels."""
    read = (file for file in snapshot.data_files if is_table(file.name) or suffix_of(file) == ".txt")
    files = {file.name.partition(".")[0].lower(): file for file in read}
    for name, file in files.items():
        beside = files.get(f"y{name[1:]}")
        if _OF_MATRICES.fullmatch(name) and beside is not None and _holds_numbers(snapshot.table(file)):
            yield Detection(CLASSIFICATION, 0.96, f"{file.name} lies beside {beside.name}")
            return
    tables = snapshot.ending_in(DELIMITED)
    measured = [file for file in tables[:50] if (head := snapshot.table(file)) and _is_measured(_rows(head))]
    if len(measured) < 2 or 2 * len(measured) < len(tables[:50]):
        return
    stems = {alias for file in measured for alias in (file.name, file.name.partition(".")[0])}
    for file, head in snapshot.tables.items():
        at, label = find_column(head.first, FILE_COLUMNS), _label_of(head.first)
        if at is not None and label is not None and stems & set(head.column(at)):
            yield Detection(CLASSIFICATION, 0.85, f"{file.name} names tables of numbers with a label each")
            return


def _holds_numbers(head: TableHead | None) -> bool:
    """Whether most fields of a table are numbers, as far as anything is seen of it."""
    fields = [field for row in _rows(head)[1:] for field in row] if head is not None else []
    return 2 * sum(map(_is_number, fields)) >= len(fields)


def _measured(snapshot: DataSnapshot) -> Iterator[Detection]:
    """Tables of times and numbers: the first one, and each that marks anomalies."""
    for place, (file, head) in enumerate(snapshot.tables.items()):
        if place == 0 or find_column(head.first, ANOMALY_COLUMNS) is not None:
            yield from _of_times(file, head)
    if not snapshot.tables:
        yield from (
            each for file, head in text_tables(snapshot) if head.named for each in _of_times(file, head)
        )


def _of_times(file: Path, head: TableHead) -> Iterator[Detection]:
    """A table of times and numbers, without anything to predict for a whole series."""
    if not head.rows or head.types:
        yield from _of_typed_times(file, head)
        return
    names, row = head.first, head.rows[0]
    if len(names) < 2 or len(row) != len(names) or find_column(names, SPLIT_COLUMNS) is not None:
        return
    times = [place for place in range(len(row)) if all(map(looks_like_time, head.column(place)))]
    named, marked = find_time_column(names), find_column(names, ANOMALY_COLUMNS)
    at = named if named is not None else next(iter(times), None)
    ids = find_column(names, ID_COLUMNS)
    told = ids is not None and not any(map(_is_number, head.column(ids))) and _label_of(names) is None
    if at is None or (ids is not None and not told):
        return
    others = [place for place in range(len(names)) if place not in (at, marked, *times)]
    words = [place for place in others if not all(map(_is_measured_field, head.column(place)))]
    states = (place for place in words if place != ids and not is_id_name(names[place]))
    if len(words) == len(others) or not all(_is_state(head.column(place)) for place in states):
        return
    if marked is not None:
        yield Detection(ANOMALY, 0.9, f"{file.name} has the columns '{names[at]}' and '{names[marked]}'")
        return
    labels = [names.index(name) for name in label_names(names)[:1]]
    marks = [place for place in others if is_mark_name(names[place])]
    aside = dict.fromkeys([*words, *labels, *marks])
    streams = [place for place in labels if _is_activity(names[place], head.column(place))]
    if streams:
        reason = f"{file.name} has the columns '{names[at]}' and '{names[streams[0]]}' per row, and numbers"
        yield Detection(CLASSIFICATION, 0.85, f"{reason}; --recipe {ANOMALY} watches it for anomalies")
        return
    rest = "but no labels" if not aside else f"and {', '.join(repr(names[place]) for place in aside)} per row"
    reason = f"{file.name} has the column '{names[at]}' and numbers besides, {rest}"
    yield Detection(ANOMALY, 0.75 if words else 0.7, reason)


def _of_typed_times(file: Path, head: TableHead) -> Iterator[Detection]:
    """The same of Parquet, whose columns have types."""
    names = head.first
    at = find_time_column(names)
    times = [place for place, kind in enumerate(head.types) if kind.startswith(("timestamp", "date"))]
    at = at if at is not None else next(iter(times), None)
    if at is None or find_column(names, (*ID_COLUMNS, *SPLIT_COLUMNS)) is not None:
        return
    marked = find_column(names, ANOMALY_COLUMNS)
    others = [kind for place, kind in enumerate(head.types) if place not in (at, marked, *times)]
    if not others or not all(kind.startswith((*_NUMBERS, "bool")) for kind in others):
        return
    beside = "numbers besides, but no labels" if marked is None else f"'{names[marked]}'"
    yield Detection(
        ANOMALY,
        0.7 if marked is None else 0.9,
        f"{file.name} has the column{'' if marked is None else 's'} '{names[at]}' and {beside}",
    )


def _is_activity(name: str, fields: Sequence[str]) -> bool:
    """Whether a column says what is done in each row, and not whether all is well."""
    if _ACTIVITY.fullmatch(name.strip()):
        return True
    words = {field.strip().lower() for field in fields}
    return _STATE.fullmatch(name.strip()) is None and not any(
        is_number(word) or _WELL.search(word) for word in words
    )


def _is_state(fields: Sequence[str]) -> bool:
    """Whether words of a column are states of a machine: short, and the same again and again."""
    return len(set(fields)) <= len(fields) // 2 and max(map(len, fields), default=0) <= _LONGEST_STATE


def _units(snapshot: DataSnapshot) -> Iterator[Detection]:
    """Units that run until they fail."""
    for file in snapshot.data_files:
        if _OF_CMAPSS.fullmatch(file.name):
            yield Detection(LIFE, 0.95, f"{file.name} is a file of C-MAPSS")
            return
    for file, head in snapshot.tables.items():
        unit = unit_column_of(head.first)
        if unit is not None and (head.delimiter or head.types):
            reason = f"{file.name} has the column {unit!r} and another one of its cycles or remaining life"
            yield Detection(LIFE, 0.8, reason)


def _is_archive(head: str) -> bool:
    return any(word in head.lower() for word in _HEADER_OF_ARCHIVE)


def _of_schema(snapshot: DataSnapshot, name: str, head: TableHead) -> Iterator[Detection]:
    """Parquet with a series in each row, as a list or as a column for each time, or rows by ids."""
    label, ids = _label_of(head.first, snapshot.label_column), find_column(head.first, ID_COLUMNS)
    if label is None:
        return
    annotations = {label, *_aside(snapshot, head.first)}
    places = [place for place in range(len(head.first)) if place not in annotations]
    types = [head.types[place] for place in places]
    if any(_LIST.match(kind) for kind in types):
        reason = f"{name} has lists of numbers beside the column {head.first[label]!r}"
        yield Detection(CLASSIFICATION, 0.9, reason)
        return
    numbers = sum(kind.startswith(_NUMBERS) for kind in types)
    times = sum(kind.startswith(("timestamp", "date")) for kind in types)
    if numbers + times == len(types) and numbers:
        yield from _beside_label(name, head.first, label, [head.first[place] for place in places], ids)


def _of_lists(name: str, head: TableHead) -> Iterator[Detection]:
    """JSON with a series in each row, as a list of numbers."""
    label = _label_of(head.first)
    if label is None or head.delimiter:
        return
    columns = [head.column(place) for place in range(len(head.first)) if place != label]
    if any(all(_LIST_OF_NUMBERS.fullmatch(cell) for cell in cells) for cells in columns):
        reason = f"{name} has lists of numbers beside the column {head.first[label]!r}"
        yield Detection(CLASSIFICATION, 0.9, reason)


def _of_rows(snapshot: DataSnapshot, file: Path, head: TableHead, confidence: float) -> Iterator[Detection]:
    """A text table with a label and a series in each row, or rows by ids."""
    name, rows = file.name, _rows(head)
    if len(rows) < 2:
        return
    if not (head.named if len(head.first) > 1 else is_header(rows[0])):
        ends = [
            all(_is_value(row[place]) for row in rows for place in range(len(row))[part]) for part in _INNER
        ]
        if any(ends) and min(len(row) for row in rows) > FEWEST_TIMES:
            yield Detection(CLASSIFICATION, confidence, f"each row of {name} is a label and a series")
        return
    names = rows[0]
    called, ids = _label_of(names, snapshot.label_column), find_column(names, ID_COLUMNS)
    label = _steady(snapshot, file, names, ids) if called is None and ids is not None else called
    if label is None:
        return
    annotations = {label, *_aside(snapshot, names)}
    columns, *others = [
        [field for place, field in enumerate(row) if place not in annotations] for row in rows
    ]
    if all(others) and all(_is_value(field) for row in others for field in row):
        timed = any(looks_like_time(field) for row in others for field in row)
        if ids is not None or not timed or names_count(columns):
            numbers = holds_numbers_to_predict(snapshot, file, names[label])
            for found in _beside_label(name, names, label, columns, ids):
                sure = found.confidence if called is not None else _STEADY
                reason = _NUMBERS_THERE.format(found.reason) if numbers else found.reason
                recipe = REGRESSION if numbers else found.recipe
                yield replace(found, recipe=recipe, confidence=sure, reason=reason)


def _of_counted(snapshot: DataSnapshot, file: Path, head: TableHead) -> Iterator[Detection]:
    """A text table of columns of numbers whose names count, and a label: by its name, or alone at an end."""
    name, rows = file.name, _rows(head)
    names = rows[0]
    counted = [names.index(name) for name in counted_columns(names)]
    if len(rows) < 2 or not counted:
        return
    aside, called = _aside(snapshot, names), _label_of(names, snapshot.label_column)
    rest = [at for at in range(len(names)) if at == called or at not in (*counted, *aside)]
    if len(rest) == 2 and rest[0] == 0 and names[0] in ("", "column 1"):
        rest = rest[1:]  # the names of rows
    below = [row for row in rows[1:] if len(row) == len(names)]
    if len(rest) > 1 and below and all({row[at] for row in below} <= {"0", "1"} for at in rest):
        reason = f"{name} has columns that count from {names[counted[0]]!r} on beside columns of 0 and 1"
        yield Detection(CLASSIFICATION, 0.8, reason)
    if called not in rest or 2 * len(rest) > len(counted):
        called = rest[0] if len(rest) == 1 and not counted[0] < rest[0] < counted[-1] else None
    if called is not None and below and all(_is_value(row[at]) for row in below for at in counted):
        numbers = holds_numbers_to_predict(snapshot, file, names[called])
        reason = f"{name} has columns that count from {names[counted[0]]!r} on beside {names[called]!r}"
        yield Detection(REGRESSION if numbers else CLASSIFICATION, 0.8, reason)


def _steady(snapshot: DataSnapshot, file: Path, names: Sequence[str], ids: int) -> int | None:
    """The position of the only column that has one value beside each id, and several in all."""
    series = snapshot.values(file, names[ids])
    if len(set(series)) * 2 > len(series):
        return None
    found = []
    for at, name in enumerate(names):
        pairs = set(zip(series, snapshot.values(file, name), strict=True)) if at != ids else set()
        if len(pairs) == len(set(series)) and len({value for _, value in pairs}) > 1:
            found.append(at)
    return found[0] if len(found) == 1 else None


def _aside(snapshot: DataSnapshot, names: Sequence[str]) -> set[int | None]:
    """The positions of ids, splits and groups."""
    group = group_beside_label(names, snapshot.group)
    found = (find_column(names, columns) for columns in (ID_COLUMNS, SPLIT_COLUMNS))
    return {*found, None if group is None else names.index(group)}


def _label_of(names: Sequence[str], given: str | None = None) -> int | None:
    """The position of the column that the user names, or that is called as labels are."""
    called = [given] if given is not None and given in names else label_names(names) or called_labels(names)
    return names.index(called[0]) if called else None


def _beside_label(
    name: str, columns: Sequence[str], label: int, values: Sequence[str], ids: int | None
) -> Iterator[Detection]:
    """Columns of numbers beside a label: surely series where ids or counting names say so."""
    reason = f"{name} has series beside the column {columns[label]!r}"
    if ids is not None:
        yield Detection(CLASSIFICATION, 0.8, reason)
    elif len(values) > 1:
        counted = sum(bool(re.search(r"\d+$", value)) for value in values) > len(values) / 2
        reason = reason if counted else f"{name} has columns of numbers beside the column {columns[label]!r}"
        yield Detection(CLASSIFICATION, 0.8 if counted and len(values) >= FEWEST_TIMES else 0.4, reason)


def _of_folders(snapshot: DataSnapshot) -> Iterator[Detection]:
    """A folder for each class with a table for each series."""
    tables = (file for file in snapshot.ending_in(DELIMITED) if is_series_table(snapshot.named(file)))
    inside = [file for file in tables if file.parent != snapshot.path]
    folders: dict[Path, Path] = {file.parent: file for file in inside} if snapshot.path.is_dir() else {}
    if len(folders) < 2 or all(split_of(folder.name) is not None for folder in folders):
        return
    heads = [snapshot.table(file) for file in list(folders.values())[:8]]
    if all(head is not None and _is_measured(_rows(head)) for head in heads):
        yield Detection(CLASSIFICATION, 0.8, f"{snapshot.path.name} has folders with tables of numbers")


def _of_names(snapshot: DataSnapshot) -> Iterator[Detection]:
    """A table for each series, whose names say the labels."""
    tables = snapshot.ending_in(DELIMITED) if snapshot.path.is_dir() else ()
    named = named_classes(Listing(str(snapshot.path)), list(map(snapshot.named, tables)), "tables")
    if named is None:
        return
    heads = [snapshot.table(snapshot.path / key) for key in named.keys[:8]]
    if all(head and _is_measured(_rows(head)) and _label_of(head.first) is None for head in heads):
        shown = ", ".join(sorted(set(named.labels))[:3])
        reason = f"tables of numbers are named by {shown}; --recipe {ANOMALY} watches each for anomalies"
        yield Detection(CLASSIFICATION, 0.85, reason)


def _is_measured(rows: Sequence[Sequence[str]]) -> bool:
    """Whether a table holds nothing but numbers and times, at least two rows of them."""
    below = rows[1:] if rows and is_header(rows[0]) else rows
    return len(below) > 1 and all(_is_value(field) for row in below for field in row) and bool(below[0])


def _rows(head: TableHead) -> list[tuple[str, ...]]:
    """The first row and those below it; one in numbers that white space parts, too."""
    rows = [head.first, *head.rows]
    return [tuple(row[0].split()) for row in rows] if len(head.first) == 1 else rows


def _is_value(field: str) -> bool:
    """A number, a time or nothing."""
    return _is_number(field) or field in MISSING or looks_like_time(field)


def _is_measured_field(field: str) -> bool:
    """A number, or what stands for a missing one."""
    return _is_number(field) or field in MISSING


def _is_number(field: str) -> bool:
    return not field or is_number(field) or field.lower() in OUTAGES
