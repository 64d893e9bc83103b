"""Reads every volume once: is it readable, how large is it, which others are identical to it?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from convscope.data.assembly import Found, check_mostly_readable
from convscope.data.digests import digest_of, joined_digests
from convscope.data.scanning import SHOWN, Seen, in_few_lines, read_each
from convscope.kinds.volume.readers.sources import AnyVolumes, FileVolumes, VolumeFacts
from convscope.kinds.volume.volume import Volume
from convscope.types import Progress, Skipped, SplitName

NOUNS = ("volume", "volumes")
"""What one sample and many are called."""
PATIENTS = "the PatientID in DICOM files"
"""What names groups where the user and the data name none."""
ALIKE = "identical volumes"
"""What stays on one side of splits that are drawn."""


def scan(
    source: FileVolumes, progress: Progress
) -> tuple[FileVolumes, list[int], list[bytes], list[Skipped], list[str]]:
    """Reads and hashes every volume of a source in a few threads.

    Args:
        source: Volumes that were not read yet.
        progress: Receives the number of volumes.

    Returns:
        The readable volumes with their facts, their numbers in the source, a digest of each, what could not
        be read, and what should be known of the files.
    """
    seen, skipped = read_each(source, lambda row: _look(source.load(row)), progress, "reading volumes")
    kept, found = list(seen), list(seen.values())
    stored = [source.stored[row] for row in kept]
    scanned = replace(source, stored=stored, facts=[each.facts for each in found])
    notes = [note for each in found for note in each.notes]
    return scanned, kept, [each.digest for each in found], skipped, notes


def _look(volume: Volume) -> Seen[VolumeFacts]:
    return Seen(VolumeFacts.of(volume), _digest(volume), volume.notes)


def _digest(volume: Volume) -> bytes:
    about = f"{volume.shape} {volume.spacing} {volume.values.dtype.name}".encode()
    return digest_of(about + np.ascontiguousarray(volume.values).tobytes())


def scan_to_found(
    source: FileVolumes,
    *,
    where: str,
    layout: str,
    labels: Sequence[str | None],
    splits: Sequence[SplitName | None],
    skipped: Sequence[Skipped],
    progress: Progress,
    groups: Sequence[str | None] | None = None,
    grouped_by: str = "",
    group: str | None = None,
    decisions: Sequence[str] = (),
) -> Found:
    """Reads volumes and keeps the readable ones with their labels and splits.

    Where no groups are given or asked for and files name the subjects that they are of, as DICOM does,
    volumes of one subject are a group.

    Args are those of `Found`, for volumes that were not read yet; `group` is what the user gave as `--group`.

    Raises:
        DataError: More than half of the volumes are not readable.
    """
    scanned, kept, digests, bad, notes = scan(source, progress)
    check_mostly_readable(where, len(kept), bad, NOUNS[1])
    if groups is None and group is None and any(stored.subject for stored in source.stored):
        groups, grouped_by = [stored.subject or None for stored in source.stored], PATIENTS
    spacing, others = told(notes)
    return Found(
        where=where,
        layout=layout,
        source=scanned,
        labels=[labels[row] for row in kept],
        splits=[splits[row] for row in kept],
        digests=joined_digests(digests),
        nouns=NOUNS,
        alike=ALIKE,
        groups=None if groups is None else [groups[row] for row in kept],
        grouped_by=grouped_by,
        decisions=(*decisions, *spacing),
        warnings=(*others, *constant(scanned)),
        skipped=(*skipped, *bad),
    )


def told(notes: Sequence[str]) -> tuple[list[str], list[str]]:
    """Notes of many volumes in few lines: what was decided of spacings, and what should be known."""
    of_spacing = {note.partition(": ")[2]: note for note in notes if ": spacing: " in note}
    others = [note for note in notes if ": spacing: " not in note]
    return list(of_spacing), in_few_lines(others, NOUNS[1])


def constant(source: AnyVolumes) -> list[str]:
    """A warning of volumes whose voxels all have one value."""
    flat = [at for at, fact in enumerate(source.facts) if fact.low == fact.high]
    if not flat:
        return []
    shown = ", ".join(source.name(at) for at in flat[:SHOWN])
    more = f" and {len(flat) - SHOWN} more" if len(flat) > SHOWN else ""
    noun = NOUNS[len(flat) > 1]
    return [f"{len(flat)} {noun} with one value in all voxels: {shown}{more}"]
