"""Folders of visits: scans and masks whose paths tell subjects, visits and times."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from convscope.data.listing import Listing
from convscope.errors import DataError, UsageError
from convscope.kinds.volume.progression.columns import AskedVisits
from convscope.kinds.volume.progression.visit_names import (
    MASK,
    PATTERNS,
    SURE,
    NamedVisit,
    told_by,
    visit_pattern,
)
from convscope.kinds.volume.progression.visits import FoundVisits, Subject, Visit
from convscope.kinds.volume.readers.files import may_be_volume, volumes_of
from convscope.kinds.volume.readers.sources import StoredVolume
from convscope.types import Skipped


def tell_visits(keys: Sequence[str]) -> str:
    """How paths name several visits of most subjects, by patterns that mean nothing else; empty where not.

    Args:
        keys: Paths of scans below a folder, which begin with the subject.
    """
    for text, said in PATTERNS[:SURE]:
        pattern = re.compile(rf"{text}(?=[/_.]|$)", re.IGNORECASE)
        found = [pattern.match(key) for key in keys]
        told = {(each["subject"], each["visit"]) for each in found if each}
        subjects = {subject for subject, _ in told}
        if sum(each is not None for each in found) * 2 > len(keys) and len(told) >= 2 * len(subjects):
            return said
    return ""


def read_visit_folder(root: Path, asked: AskedVisits) -> FoundVisits:
    """Reads the scans below a folder.

    Args:
        root: The folder.
        asked: What the user says.

    Raises:
        DataError: There are no scans, their paths tell no visits, or a visit has several.
        UsageError: A pattern is none.
    """
    listing = Listing(str(root))
    keys = [key for key in listing.files_below("") if may_be_volume(root, key)]
    files = volumes_of(root, keys, asked.channel_layout)
    skipped = [*listing.skipped, *files.skipped]
    scans, masks = _parted(files.volumes, asked, str(root), skipped)
    if not scans:
        raise DataError(f"{root}: expected scans of several visits, received none")
    pattern, said = _pattern(root, asked, scans)
    visits = _by_place(root, scans, pattern, said, skipped)
    masked = _with_masks(root, visits, masks, pattern, skipped)
    subjects: dict[str, list[Visit]] = defaultdict(list)
    for (subject, _), visit in visits.items():
        subjects[subject].append(visit)
    lines = [*files.decisions, f"visits: told by paths as {said}"]
    lines += [f"masks: {masked} of {len(visits)} visits have one, by its name"] if masked else []
    return FoundVisits(
        str(root),
        f"folder: {len(visits)} scans of {len(subjects)} subjects, by paths as {said}",
        [
            Subject(name, tuple(found), str(root), (), asked.resample_labels)
            for name, found in subjects.items()
        ],
        decisions=tuple(lines),
        skipped=tuple(skipped),
    )


def _by_place(
    root: Path,
    scans: Sequence[StoredVolume],
    pattern: re.Pattern[str],
    said: str,
    skipped: list[Skipped],
) -> dict[tuple[str, str], Visit]:
    """The visit of each scan, by subject and visit."""
    visits: dict[tuple[str, str], Visit] = {}
    for stored in scans:
        named = told_by(pattern, stored.key)
        if named is None:
            skipped.append(Skipped(str(root / stored.key), f"its path tells no visit by {said}"))
            continue
        place = named.subject, named.visit
        if place in visits:
            other = visits[place].scan
            raise DataError(
                f"{root / stored.key}: expected one scan of {named.subject} at {named.visit}, received"
                f" {other and other.key} too",
                hint="Say which files are scans: --scan-pattern, such as 'T1w'; and which are masks:"
                " --mask-pattern.",
            )
        visits[place] = Visit(named.visit, named.days, stored)
    return visits


def in_given_order(paths: Sequence[str], asked: AskedVisits) -> FoundVisits:
    """Scans that are given one by one, in the order of time, of one subject.

    Raises:
        DataError: There are fewer than two.
    """
    keys = [str(Path(path)) for path in paths]
    files = volumes_of(Path(), keys, asked.channel_layout)
    place = {key: at for at, key in enumerate(keys)}
    ordered = sorted(files.volumes, key=lambda each: min(place[file] for file in each.channels[0]))
    skipped: list[Skipped] = []
    scans, masks = _parted(ordered, asked, "", skipped)
    if len(scans) < 2 or (masks and len(masks) != len(scans)):
        raise DataError(
            f"expected two or more scans in the order of time, and a mask for each or none; received"
            f" {len(scans)} scans and {len(masks)} masks"
        )
    visits = [
        Visit(f"{at + 1}: {Path(scan.key).name}", None, scan, masks[at] if masks else None)
        for at, scan in enumerate(scans)
    ]
    name = Path(scans[0].key).parent.name or Path(scans[0].key).name
    said = f"files: {len(scans)} scans in the order given, of one subject"
    return FoundVisits("", said, [Subject(name, tuple(visits), "", (), asked.resample_labels)])


def _parted(
    volumes: Sequence[StoredVolume], asked: AskedVisits, root: str, skipped: list[Skipped]
) -> tuple[list[StoredVolume], list[StoredVolume]]:
    """Scans and masks, by their paths."""
    mask = MASK if asked.mask_pattern is None else _compiled("mask_pattern", asked.mask_pattern)
    wanted = None if asked.scan_pattern is None else _compiled("scan_pattern", asked.scan_pattern)
    scans, masks = [], []
    for each in volumes:
        if mask is MASK and wanted is not None and wanted.search(each.key):
            scans.append(each)
        elif mask.fullmatch(each.key) if mask is MASK else mask.search(each.key):
            masks.append(each)
        elif wanted is None or wanted.search(each.key):
            scans.append(each)
        else:
            skipped.append(Skipped(str(Path(root, each.key)), "no scan by --scan-pattern"))
    return scans, masks


def _pattern(root: Path, asked: AskedVisits, scans: Sequence[StoredVolume]) -> tuple[re.Pattern[str], str]:
    try:
        return visit_pattern(asked.visit_pattern, [each.key for each in scans])
    except DataError as error:
        raise DataError(f"{root}: {error.message}", hint=error.hint) from None


def _with_masks(
    root: Path,
    visits: dict[tuple[str, str], Visit],
    masks: Sequence[StoredVolume],
    pattern: re.Pattern[str],
    skipped: list[Skipped],
) -> int:
    """Gives each visit its mask; returns how many have one."""
    count = 0
    for stored in masks:
        named: NamedVisit | None = told_by(pattern, stored.key)
        place = None if named is None else (named.subject, named.visit)
        if place is None or place not in visits:
            skipped.append(Skipped(str(root / stored.key), "a mask of no visit by its path"))
            continue
        other = visits[place].mask
        if other is not None:
            raise DataError(
                f"{root / stored.key}: expected one mask of {place[0]} at {place[1]}, received"
                f" {other.key} too",
                hint="Say which files are masks: --mask-pattern.",
            )
        visits[place] = replace(visits[place], mask=stored)
        count += 1
    return count


def _compiled(option: str, asked: str) -> re.Pattern[str]:
    try:
        return re.compile(asked)
    except re.error as error:
        raise UsageError(f"{option} must be a regular expression ({error}). Received: {asked!r}.") from None
