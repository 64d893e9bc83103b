"""Columns of 0 and 1 that say a state of each row, such as `eyeDetection`: truth, or a measurement."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from pathlib import Path

from convscope.data.columns import find_column
from convscope.data.heads import TableHead
from convscope.data.number_forms import is_number
from convscope.data.snapshot import DataSnapshot
from convscope.kinds.contract.kind import Detection
from convscope.kinds.series.readers.frames import MISSING
from convscope.kinds.series.readers.table_roles import called_labels, label_names
from convscope.kinds.series.readers.times import find_time_column
from convscope.kinds.series.readers.unlike import names_count

FEWEST_IN_STATE = 16
"""Rows on average from which on a state lasts."""
_FEWEST_MEASURED = 3
_TRUTH = ("anomaly", "is_anomaly", "fault", "attack", "failure", "outlier")
_WORDS = frozenset(
    [
        *(
            "state",
            "status",
            "occupancy",
            "occupied",
            "detection",
            "detected",
            "presence",
            "present",
            "event",
        ),
        *("condition", "phase", "stage", "activity", "seizure", "apnea", "sleep", "artifact", "outcome"),
        *("truth", "annotation", "flag", "result", "event"),
    ]
)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_TRUE = ("true", "false", "yes", "no")
_PAIRS = ({"0", "1"}, {"0.0", "1.0"}, {"false", "true"}, {"no", "yes"}, {"-1", "1"})


def is_state_name(name: str) -> bool:
    """Whether a column is called as those often are that say a state of each row.

    Example:
        >>> [is_state_name(name) for name in ("eyeDetection", "Occupancy", "machine_status", "valve_1")]
        [True, True, True, False]
    """
    return any(word.lower() in _WORDS for word in _WORD.findall(name))


def are_states(values: Sequence[str]) -> bool:
    """Whether a column holds two values, such as 0 and 1, each over many rows without a change.

    Example:
        >>> are_states(["0"] * 40 + ["1"] * 40), are_states(["0", "1"] * 40), are_states(["0"] * 80)
        (True, False, False)
    """
    known = [value.strip().lower() for value in values if value.strip()]
    if set(known) not in _PAIRS:
        return False
    changes = sum(first != second for first, second in pairwise(known))
    return len(known) >= FEWEST_IN_STATE * (changes + 1)


def ways_of(name: str) -> str:
    """What a user may say of such a column."""
    said = f"--label-column '{name}'"
    return (
        f"Say what it is: --recipe series-classification {said} learns it, window by window; --recipe"
        f" series-anomaly {said} takes it for known anomalies, by which alarms are judged; --drop-column"
        f" '{name}' leaves it out; --recipe series-anomaly alone keeps it as one more variable."
    )


def detect_states(snapshot: DataSnapshot) -> Iterator[Detection]:
    """Rows of measurements with a column of 0 and 1 at an end that may be truth: the user has to say so."""
    tables = iter(snapshot.tables.items()) if snapshot.tables else text_tables(snapshot)
    for file, head in islice(tables, 1):
        names = head.first
        if not head.named or head.types or len(names) < _FEWEST_MEASURED or names_count(names[:-1]):
            continue
        ends = [
            names[at] for at in (len(names) - 1, 0, 1) if is_state_name(names[at]) and _is_measured(head, at)
        ]
        told = next((name for name in ends if are_states(snapshot.values(file, name))), None)
        others = {*label_names(names), *called_labels(names)} - {told}
        if told is None or told in snapshot.drop or others or find_column(names, _TRUTH) is not None:
            continue
        reason = f"{file.name} has the column {told!r} of two values, each over many rows without a change"
        if snapshot.label_column is None:
            reason = f"{reason}, which can be truth or a measurement"
            yield Detection("series-classification", 0.92, reason, ways_of(told))
        elif snapshot.label_column == told and find_time_column(names) is None:
            yield Detection("series-classification", 0.86, reason)


def text_tables(snapshot: DataSnapshot) -> Iterator[tuple[Path, TableHead]]:
    """The first text file that is a table."""
    for file in snapshot.ending_in(frozenset([".txt", ".dat"]))[:1]:
        head = snapshot.table(file)
        if head is not None:
            yield file, head


def _is_measured(head: TableHead, at: int) -> bool:
    return all(is_number(field) or field in MISSING or field.lower() in _TRUE for field in head.column(at))
