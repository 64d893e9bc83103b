"""Which files below a folder are volumes, and which belong together: channels, slices, header and values."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from convscope.errors import DataError
from convscope.kinds.volume.readers.dicom_head import DicomHead, dicom_head, is_dicom
from convscope.kinds.volume.readers.forms import READERS, form_of
from convscope.kinds.volume.readers.sources import ChannelLayout, StoredVolume
from convscope.types import Skipped

_CHANNEL = re.compile(r"(?P<stem>.*)_(?P<channel>\d{4})", re.DOTALL)
_COMPANIONS = (".raw", ".zraw", ".raw.gz")
_FEWEST_SLICES = 3
"""Slices of a series that is more than a survey of where others lie."""


@dataclass
class VolumeFiles:
    """The volumes among some files.

    Args:
        volumes: In the order of their keys.
        skipped: What belongs to none, with the reason.
        decisions: What was taken for what, one line each.
        warnings: What should be known, one line each.
    """

    volumes: list[StoredVolume] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    decisions: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def may_be_volume(root: Path, key: str) -> bool:
    """Whether a file is a volume, or a part of one, by its ending, or by its sign where it has none."""
    if ".zarr/" in key.lower():
        return True
    if form_of(key):
        return True
    name = key.rpartition("/")[2]
    bare = not PurePosixPath(name).suffix or name.replace(".", "").isdigit()
    return bare and is_dicom(root / key)


def volumes_of(root: Path, keys: Iterable[str], channels: ChannelLayout | None = None) -> VolumeFiles:
    """Puts files together to volumes.

    Files of DICOM in one folder are those of a series; of several series of one study the one with most
    slices is read. A folder that ends in `.zarr` is one volume. Files whose names differ in `_0000`, `_0001`
    alone are channels of one scan, where all have the same ones, no more than there are scans.

    Args:
        root: The folder that keys are relative to.
        keys: Of files that are volumes by their names.
        channels: `files`: names that end so are those of channels; `axis`: a fourth axis of NIfTI is that of
            channels; `none`: each file is a scan. Found by the names by default.
    """
    found = VolumeFiles()
    by_form: dict[str, list[str]] = defaultdict(list)
    stored: set[str] = set()
    for key in keys:
        at = key.lower().find(".zarr/")
        if at >= 0:
            stored.add(key[: at + len(".zarr")])
        else:
            by_form[form_of(key) or "dicom"].append(key)
    _dicom(root, by_form.pop("dicom", []), found)
    found.volumes += [StoredVolume(key, "zarr", ((key,),)) for key in stored]
    for form, files in by_form.items():
        _single_files(root, form, files, found, channels)
    found.volumes.sort(key=lambda each: each.key)
    return found


def _single_files(
    root: Path, form: str, files: Sequence[str], found: VolumeFiles, channels: ChannelLayout | None
) -> None:
    """A volume for each file, or for each scan of several channels."""
    there = set(files)
    kept = [key for key in files if not (key.lower().endswith(".hdr") and f"{key[:-4]}.img" in there)]
    by_stem: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for key in kept:
        suffix = _suffix(key, form)
        match = _CHANNEL.fullmatch(key[: len(key) - len(suffix)])
        if match:
            by_stem[match["stem"], suffix][match["channel"]] = key
    sets = {tuple(sorted(parts)) for parts in by_stem.values()}
    usual = next(iter(sets), ())
    together = len(sets) == 1 and usual == tuple(f"{at:04d}" for at in range(len(usual)))
    alone = channels is None and (len(by_stem) < max(2, len(usual)) or len(usual) < 2 or not together)
    if not by_stem or channels in ("axis", "none") or alone:
        own = "nifti-channels" if (form, channels) == ("nifti", "axis") else form
        found.volumes += [StoredVolume(key, own, ((key,),)) for key in kept]
        return
    if not together:
        stem, parts = next(
            (stem, parts) for (stem, _), parts in by_stem.items() if tuple(sorted(parts)) != usual
        )
        raise DataError(
            f"{root}: expected the same channels of each scan, received {', '.join(sorted(parts))} of {stem}"
            f" and {', '.join(usual)} of others",
            hint="Add the missing files, or leave the scan out.",
        )
    used = {key for parts in by_stem.values() for key in parts.values()}
    found.volumes += [
        StoredVolume(f"{stem}{suffix}", form, tuple((parts[channel],) for channel in sorted(parts)))
        for (stem, suffix), parts in by_stem.items()
    ]
    found.volumes += [StoredVolume(key, form, ((key,),)) for key in kept if key not in used]
    if len(usual) > 1:
        found.decisions.append(
            f"channels: {len(usual)} for each scan, because the names of its files end in"
            f" _{usual[0]} to _{usual[-1]}; --channel-layout none makes each file a scan"
        )


def _suffix(key: str, form: str) -> str:
    lower = key.lower()
    suffix = max((each for each in READERS[form].suffixes if lower.endswith(each)), key=len)
    return key[len(key) - len(suffix) :]


def _dicom(root: Path, keys: Sequence[str], found: VolumeFiles) -> None:
    """A volume for each study in a folder: its largest series."""
    by_folder: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        by_folder[key.rpartition("/")[0]].append(key)
    for folder, files in by_folder.items():
        studies: dict[tuple[str, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        heads: dict[str, DicomHead] = {}
        for key in files:
            try:
                head = dicom_head(root / key)
            except DataError as error:
                found.skipped.append(Skipped(str(root / key), error.message.removeprefix(f"{root / key}: ")))
                continue
            if head.size is None:
                found.skipped.append(Skipped(str(root / key), "a DICOM file without an image"))
                continue
            heads[key] = head
            rows, columns = head.size
            own = f"{head.series} {key}" if head.frames > 1 else f"{head.series} {rows}x{columns}"
            studies[head.patient, head.study][own].append(key)
        for (patient, _), series_of in studies.items():
            _study(root, folder, patient, series_of, heads, len(studies), found)


def _study(
    root: Path,
    folder: str,
    patient: str,
    series_of: dict[str, list[str]],
    heads: dict[str, DicomHead],
    studies: int,
    found: VolumeFiles,
) -> None:
    """Takes the largest series of a study, and lists the others."""

    def slices(files: Sequence[str]) -> int:
        return sum(heads[key].frames for key in files)

    ranked = sorted(series_of.values(), key=lambda files: (-slices(files), heads[files[0]].number, files[0]))
    chosen = sorted(ranked[0])
    alone = studies == 1 and folder
    key = folder if alone and len(chosen) > 1 else chosen[0]
    found.volumes.append(StoredVolume(key, "dicom", (tuple(chosen),), patient))
    for files in ranked[1:]:
        head = heads[files[0]]
        said = f"another series of {slices(files)} slices: {head.description or 'no name'}"
        found.skipped.append(Skipped(str(root / files[0]), said))
    rival = ranked[1] if len(ranked) > 1 else []
    if rival and slices(rival) == slices(chosen) >= _FEWEST_SLICES:
        found.warnings.append(
            f"{root / folder if folder else root}: several series of {slices(chosen)} slices; that with the"
            f" lowest number is read. Put each into a folder of its own to choose"
        )


def is_companion(key: str, others: Iterable[str]) -> bool:
    """Whether a file holds the values of a header beside it, such as the `.raw` of an `.mhd`."""
    lower = key.lower()
    suffix = next((each for each in _COMPANIONS if lower.endswith(each)), "")
    stem = key[: len(key) - len(suffix)]
    return bool(suffix) and any(f"{stem}{end}" in others for end in (".mhd", ".nhdr", ".MHD", ".NHDR"))
