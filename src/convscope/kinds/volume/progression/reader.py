"""Subjects with several visits from folders of scans and from tables.

| what is there | layout |
|---|---|
| `sub-01/ses-1/...`, `OAS2_0001_MR1`, `patient/2024-11-20/...`, `patient/visit1.nii.gz` | folder of visits |
| any other paths, by `--visit-pattern` | folder of visits |
| a table with a subject, a time or visit, and a path | visits with scans |
| a table with a subject, a time, numbers and `--event` | visits without scans |

What happens to bad input:

| what is wrong | what happens |
|---|---|
| paths that tell no visits in a usual way | `DataError` that asks for `--visit-pattern` |
| several scans, masks or rows of one visit | `DataError` that names both |
| a date that is not written as year, month and day | `DataError` with the line |
| times without a known unit | `DataError` that asks for `--time-unit` |
| a time of some visits of a subject only | `DataError` |
| a subject with one visit | left out, counted, listed |
| a subject at whose first visit it had happened | left out, counted, listed |
| a scan or mask that the table names and that is not there | left out, counted, listed |
| a mask on another grid than its scan | `DataError` that says both; `--resample-labels` |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np

from convscope.data.assembly import Found, assemble
from convscope.data.digests import digests_of
from convscope.data.listing import Listing
from convscope.data.splits import Split, Splits, as_labels
from convscope.data.tables import table_kind
from convscope.errors import DataError
from convscope.kinds.volume.progression.columns import AskedVisits
from convscope.kinds.volume.progression.folders import in_given_order, read_visit_folder
from convscope.kinds.volume.progression.table import read_visit_table
from convscope.kinds.volume.progression.visits import FoundVisits, Subject, SubjectSamples, in_order
from convscope.kinds.volume.readers.sources import channel_layout
from convscope.option import taking_fields
from convscope.types import Progress, Skipped, no_progress

CLASSES = ("event", "none")
"""What subjects are that are followed: it happened, or not as long as they were seen."""
SHOWN = 5


@taking_fields(AskedVisits)
def read_visits(
    path: Path | str, asked: AskedVisits, *, seed: int | None = 0, progress: Progress = no_progress
) -> Splits:
    """Reads subjects with their visits.

    Args:
        path: A folder or a table.
        asked: What the user says of it; callers name the fields.
        seed: Draws splits of subjects that are followed; None where all are to be judged.
        progress: Receives how much is done.

    Returns:
        Where the data says what is foretold, splits by subject of those at risk. Else train, validation and
        test are one and the same: nothing is learned from subjects that are only measured.

    Raises:
        DataError: As the table above says.
        UsageError: There is no column that the user names, or a pattern is none.
    """
    found = _ordered(_found(Path(path), asked))
    subjects, skipped, warnings = _at_risk(found) if found.rule else _several(found)
    skipped = [*found.skipped, *skipped]
    if not subjects:
        raise DataError(
            f"{path}: expected subjects with two or more visits"
            f"{' at whose first it had not happened' if found.rule else ''}, received none",
            hint="See what was left out: convscope inspect-data.",
        )
    progress(len(subjects), len(subjects), "reading visits")
    samples = SubjectSamples(tuple(skipped), tuple(warnings), subjects)
    if not found.rule:
        return _measured(found, samples, skipped, warnings)
    return _followed(found, samples, seed, skipped, warnings)


@taking_fields(AskedVisits)
def read_subjects(
    paths: Sequence[str], asked: AskedVisits, *, progress: Progress = no_progress
) -> SubjectSamples:
    """Reads subjects whose change or risk is asked for.

    Args:
        paths: One folder or table; or two and more scans of one subject, in the order of time.
        asked: What the user says; callers name the fields.
        progress: Receives how much is done.

    Raises:
        DataError: As the table above says.
    """
    alone = len(paths) == 1 and (Path(paths[0]).is_dir() or table_kind(Path(paths[0])) is not None)
    asked = replace(asked, event=asked.event if alone else None)
    found = _found(Path(paths[0]), asked, predicting=True) if alone else in_given_order(paths, asked)
    found = _ordered(found)
    scanned = [subject for subject in found.subjects if not subject.columns]
    single = [subject for subject in scanned if len(subject.visits) < 2]
    skipped = [Skipped(subject.name, "one visit") for subject in single]
    names = {subject.name for subject in single}
    kept = [subject for subject in found.subjects if subject.name not in names]
    if not kept:
        raise DataError(f"{paths[0]}: expected subjects with two or more visits, received none")
    progress(len(kept), len(kept), "reading visits")
    timeless = any(subject.years is None for subject in kept)
    warnings = (_TIMELESS,) if timeless else ()
    return SubjectSamples((*found.skipped, *skipped), warnings, kept)


_TIMELESS = (
    "times: visits are in the order of their names or numbers; without times there are no rates a year"
)


def _found(path: Path, asked: AskedVisits, *, predicting: bool = False) -> FoundVisits:
    if not path.is_dir():
        return read_visit_table(path, asked, predicting=predicting)
    tables = [
        path / name
        for name in Listing(str(path)).children("")[1]
        if table_kind(Path(name)) is not None and not name.startswith("dataset")
    ]
    read = []
    for table in tables:
        try:
            read.append(read_visit_table(table, asked, predicting=predicting))
        except DataError as error:
            if asked.wanted and len(tables) == 1:
                raise
            reason = error.message
            tables_said = Skipped(str(table), f"no table of visits: {reason.removeprefix(f'{table}: ')}")
            read.append(FoundVisits(str(table), "", (), skipped=(tables_said,)))
    good = [each for each in read if each.subjects]
    if len(good) > 1:
        raise DataError(
            f"{path}: expected one table of visits, received"
            f" {', '.join(Path(each.where).name for each in good[:SHOWN])}",
            hint="Give the path of the table.",
        )
    if good:
        return good[0]
    left = tuple(skipped for each in read for skipped in each.skipped)
    try:
        found = read_visit_folder(path, asked)
    except DataError as error:
        if not left:
            raise
        raise DataError(f"{error.message} ({left[0].path}: {left[0].reason})", hint=error.hint) from None
    return replace(found, skipped=(*found.skipped, *left))


def _ordered(found: FoundVisits) -> FoundVisits:
    subjects = sorted((in_order(subject) for subject in found.subjects), key=lambda each: each.name)
    return replace(found, subjects=subjects)


def _several(found: FoundVisits) -> tuple[list[Subject], list[Skipped], list[str]]:
    """Subjects with several scans, those with one visit, and what should be known."""
    kept = [subject for subject in found.subjects if len(subject.visits) > 1]
    skipped = [Skipped(subject.name, "one visit") for subject in found.subjects if len(subject.visits) < 2]
    without = next((subject for subject in kept if not subject.is_scanned), None)
    if without is not None:
        raise DataError(
            f"{found.where}: expected scans, or a column that says what is foretold; received neither",
            hint="Say what is foretold: --event 'CDR>0', --event 'DX=Dementia', or a column of 0 and 1.",
        )
    timeless = any(subject.years is None for subject in kept)
    return kept, skipped, [_TIMELESS] if timeless else []


def _at_risk(found: FoundVisits) -> tuple[list[Subject], list[Skipped], list[str]]:
    """Subjects of whom it is known whether it happened later, and those left out.

    Visits without a state are left out; what is known after it happened is not looked at.

    Raises:
        DataError: Visits have no times.
    """
    kept, skipped, back = [], [], 0
    for subject in found.subjects:
        known = in_order(replace(subject, visits=tuple(v for v in subject.visits if v.event is not None)))
        first = known.happened
        if len(known.visits) < 2:
            skipped.append(Skipped(subject.name, "one visit of which it is known whether it had happened"))
        elif first == 0:
            skipped.append(Skipped(subject.name, "it had happened by the first visit"))
        elif known.years is None:
            raise DataError(
                f"{found.where}: expected the times of visits, by which risk is foretold, received none",
                hint="Name their column: --time-column; --time-unit says its unit.",
            )
        else:
            back += any(not visit.event for visit in known.visits[first:]) if first is not None else 0
            kept.append(known if first is None else known.until(first))
    lines = []
    if back:
        lines.append(
            f"event: {back} subjects return from it; the first visit by which it had happened counts"
        )
    return kept, skipped, lines


def _measured(
    found: FoundVisits, samples: SubjectSamples, skipped: Sequence[Skipped], warnings: Sequence[str]
) -> Splits:
    """Subjects who are measured and from whom nothing is learned."""
    split = Split(samples, as_labels([None] * len(samples)))
    said = "splits: none, because subjects are measured and nothing is learned from them"
    return Splits(
        train=split,
        validation=split,
        test=split,
        class_names=(),
        layout=found.layout,
        fingerprint=sha256("\0".join(map(_content, samples.subjects)).encode()).hexdigest(),
        decisions=(*found.decisions, said),
        warnings=tuple(warnings),
        skipped=tuple(skipped),
        reading=channel_layout(samples),
    )


def _followed(
    found: FoundVisits,
    samples: SubjectSamples,
    seed: int | None,
    skipped: Sequence[Skipped],
    warnings: Sequence[str],
) -> Splits:
    """Subjects at risk, divided by subject."""
    labels = [CLASSES[0] if subject.happened is not None else CLASSES[1] for subject in samples.subjects]
    count = labels.count(CLASSES[0])
    if seed is not None and count < 2:
        raise DataError(
            f"{found.where}: expected two or more subjects whom it happened to, received {count}",
            hint=f"It is said to have happened where {found.rule}; --event says otherwise.",
        )
    said = f"event: {found.rule}; it happened to {count} of {len(labels)} subjects who were at risk"
    splits = assemble(
        Found(
            where=found.where,
            layout=found.layout,
            source=samples,
            labels=labels,
            splits=[found.splits.get(subject.name) for subject in samples.subjects],
            digests=digests_of(_content(subject).encode() for subject in samples.subjects),
            strata="event",
            nouns=("subject", "subjects"),
            alike="identical subjects",
            decisions=(*found.decisions, said),
            warnings=tuple(warnings),
            skipped=tuple(skipped),
        ),
        seed,
    )
    return replace(splits, reading={**splits.reading, **channel_layout(samples)})


def _content(subject: Subject) -> str:
    """All that is known of a subject, but for the voxels of scans, whose files stand for them."""
    rows = []
    for visit in subject.visits:
        files = [None if each is None else each.key for each in (visit.scan, visit.mask)]
        values = np.array(visit.values, np.float64).tobytes().hex()
        rows.append(f"{visit.name} {visit.days} {files} {values} {visit.event}")
    return f"{subject.name}\n" + "\n".join(rows)
