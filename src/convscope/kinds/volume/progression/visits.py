"""Subjects with their visits: when each was, scan and mask, what was measured, whether it had happened."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from convscope.data.splits import LeftOut
from convscope.errors import DataError
from convscope.kinds.volume.readers.masks import as_labels
from convscope.kinds.volume.readers.sources import FileVolumes, StoredVolume
from convscope.kinds.volume.resampling import resampled_to
from convscope.kinds.volume.volume import Volume, same_grid
from convscope.types import Skipped, SplitName

YEAR = 365.25
"""Days of a year."""


@dataclass(frozen=True)
class Visit:
    """One visit of a subject.

    Args:
        name: Such as `ses-2`, or the date.
        days: Since the subject's first visit; None where no time is known.
        scan: The files of its scan.
        mask: The files of its mask.
        values: What its table says, one number for each of the columns, NaN where one is missing.
        event: Whether what is foretold had happened by then; None where the table does not say.
    """

    name: str
    days: float | None = None
    scan: StoredVolume | None = None
    mask: StoredVolume | None = None
    values: tuple[float, ...] = ()
    event: bool | None = None


@dataclass(frozen=True)
class Subject:
    """A subject with visits in the order of time.

    Args:
        name: What the data calls it.
        visits: At least one.
        root: The folder that files are relative to.
        columns: Names of the numbers of each visit.
        resample: Whether masks on another grid than their scans are brought to it.
    """

    name: str
    visits: tuple[Visit, ...]
    root: str = ""
    columns: tuple[str, ...] = ()
    resample: bool = False

    @property
    def years(self) -> npt.NDArray[np.float64] | None:
        """Of each visit since the first, shape (visits,); None where the time of one is not known."""
        days = [visit.days for visit in self.visits]
        if any(each is None for each in days):
            return None
        return np.array(days, np.float64) / YEAR

    @property
    def values(self) -> npt.NDArray[np.float64]:
        """Numbers of all visits, shape (visits, columns), NaN where one is missing."""
        return np.array([visit.values for visit in self.visits], np.float64).reshape(len(self.visits), -1)

    @property
    def is_scanned(self) -> bool:
        """Whether each visit has a scan."""
        return all(visit.scan is not None for visit in self.visits)

    @property
    def is_masked(self) -> bool:
        """Whether each visit has a mask."""
        return all(visit.mask is not None for visit in self.visits)

    @property
    def happened(self) -> int | None:
        """The first visit by which it had happened; None where it had not, as far as is known."""
        return next((at for at, visit in enumerate(self.visits) if visit.event), None)

    def scan(self, at: int) -> Volume:
        """Reads the scan of a visit.

        Raises:
            DataError: It is damaged.
        """
        return self._loaded(self.visits[at].scan, "scan")

    def mask(self, at: int) -> npt.NDArray[np.uint8]:
        """Reads the mask of a visit on the grid of its scan, shape (x, y, z).

        Raises:
            DataError: It is damaged, holds no labels, or lies on another grid.
        """
        mask = self._loaded(self.visits[at].mask, "mask")
        if self.visits[at].scan is None:
            return np.asarray(as_labels(mask).values[..., 0])
        scan = self.scan(at)
        differs = same_grid(scan, mask)
        if differs and not self.resample:
            raise DataError(
                f"{mask.name}: expected the grid of {scan.name}, received another: {differs}",
                hint="Check that the two belong together; --resample-labels brings masks to the grids of"
                " their scans.",
            )
        return np.asarray(as_labels(resampled_to(mask, scan) if differs else mask).values[..., 0])

    def _loaded(self, stored: StoredVolume | None, what: str) -> Volume:
        if stored is None:
            raise DataError(f"{self.name}: expected a {what} of each visit, received none")
        return FileVolumes(self.root, [stored]).load(0)

    def until(self, at: int) -> Subject:
        """The subject as it was known at a visit."""
        return replace(self, visits=self.visits[: at + 1])


@dataclass(frozen=True)
class SubjectSamples(LeftOut):
    """Subjects as samples.

    Args:
        subjects: Each with its visits.
        names_files: False: a subject is no file.
    """

    subjects: Sequence[Subject] = ()
    names_files: bool = False

    @property
    def stored(self) -> Sequence[StoredVolume]:
        """The scans of all visits."""
        visits = (visit for subject in self.subjects for visit in subject.visits)
        return [visit.scan for visit in visits if visit.scan is not None]

    def __len__(self) -> int:
        return len(self.subjects)

    def load(self, index: int) -> Subject:
        """One subject; its scans are read when they are asked for."""
        return self.subjects[index]

    def name(self, index: int) -> str:
        """What the data calls the subject."""
        return self.subjects[index].name

    def key(self, index: int) -> str:
        """The same."""
        return self.subjects[index].name

    def take(self, indices: npt.NDArray[np.int64]) -> SubjectSamples:
        """Some of the subjects, in that order."""
        return replace(self, subjects=[self.subjects[row] for row in indices.tolist()])


@dataclass(frozen=True)
class FoundVisits:
    """Subjects with their visits, in no order yet.

    Args:
        where: What was read, for messages.
        layout: One line that says what was recognized.
        subjects: With all visits.
        splits: Of each subject by its name; None for all of them where the data has none.
        rule: When what is foretold has happened; empty where nothing is.
        decisions: One line each.
        skipped: What was left out.
    """

    where: str
    layout: str
    subjects: Sequence[Subject]
    splits: Mapping[str, SplitName | None] = field(default_factory=dict)
    rule: str = ""
    decisions: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()


def in_order(subject: Subject) -> Subject:
    """The subject with its visits in the order of time, days counted from the first.

    Raises:
        DataError: Two visits have one name, or only some have a time.
    """
    visits = subject.visits
    names = [visit.name for visit in visits]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DataError(
            f"{subject.name}: expected one scan or row for each visit, received several for {twice!r}",
            hint="Leave one of them out; --scan-pattern says which files are scans.",
        )
    known = [visit.days for visit in visits if visit.days is not None]
    if known and len(known) < len(visits):
        without = next(visit.name for visit in visits if visit.days is None)
        raise DataError(f"{subject.name}: expected a time of each visit, received none for {without!r}")
    if not known:
        return replace(subject, visits=tuple(sorted(visits, key=lambda visit: natural(visit.name))))
    ordered = sorted(visits, key=lambda visit: (visit.days or 0.0, natural(visit.name)))
    first = ordered[0].days or 0.0
    return replace(
        subject, visits=tuple(replace(visit, days=(visit.days or 0.0) - first) for visit in ordered)
    )


def natural(name: str) -> tuple[tuple[int, float, str], ...]:
    """By which names are sorted so that 2 comes before 10.

    Example:
        >>> sorted(["ses-10", "ses-2"], key=natural)
        ['ses-2', 'ses-10']
    """
    parts = re.split(r"(\d+)", name)
    return tuple((0, float(part), "") if part.isdigit() else (1, 0.0, part.lower()) for part in parts if part)
