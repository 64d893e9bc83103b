"""Where features go: parts that are written whole or not at all, with what they are of beside them."""

from __future__ import annotations

import errno
import glob
import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from convscope.errors import DataError, RunError, UsageError
from convscope.features.manifest import Manifest
from convscope.features.part_files import open_part, part_count, part_name
from convscope.features.table import (
    MANIFEST,
    SAMPLES,
    first_part,
    read_manifest,
)
from convscope.files import write_json

Kind = Literal["file", "folder", "zarr"]


@dataclass(frozen=True)
class Part:
    """Consecutive samples that are computed and written together.

    Args:
        number: From 0.
        start: The first row.
        stop: The row behind the last.
    """

    number: int
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True, eq=False)
class Block:
    """The rows of one part.

    Args:
        part: Which.
        samples: `path`, `label`, `split`, `prediction` and `confidence`, one entry a row.
        arrays: By column, each of shape (rows, ...), float32 or float16.
    """

    part: Part
    samples: Mapping[str, Sequence[Any]]
    arrays: Mapping[str, npt.NDArray[np.floating[Any]]]


@dataclass(frozen=True)
class Place:
    """What the user named, and where the parts lie meanwhile.

    Args:
        target: The file or folder that the features end up as.
        kind: One Parquet `file`, a `folder` of Parquet parts, or a `zarr` group.
    """

    target: Path
    kind: Kind

    @property
    def parts(self) -> Path:
        """The folder of the manifest and of each part's Parquet file."""
        if self.kind == "file":
            return self.target.with_name(f".{self.target.name}.parts")
        return self.target / SAMPLES if self.kind == "zarr" else self.target

    def found(self) -> tuple[Manifest, bool] | None:
        """What was extracted there before, and whether that was finished; None where no part was.

        Raises:
            UsageError: Something else is there.
            RunError: It is damaged, or another version wrote it.
        """
        if self.kind == "file" and self.target.exists():
            try:
                return open_part(self.target).manifest, True
            except DataError as error:
                raise _taken(self.target) from error
        if (self.parts / MANIFEST).exists():
            return (read_manifest(self.parts / MANIFEST), False) if self.has_parts() else None
        first = first_part(self.parts) if self.kind != "file" and self.parts.is_dir() else None
        if first is not None:
            parts = [self.parts / part_name(number) for number in range(part_count(first.manifest))]
            return first.manifest, all(part.exists() for part in parts)
        folder = self.parts if self.kind == "file" else self.target
        if folder.exists() and (not folder.is_dir() or _holds_files(folder)):
            raise _taken(folder)
        return None

    def begun(self, *, resume: bool) -> tuple[Manifest, bool] | None:
        """As `found`, but refused if it is not to be gone on with.

        Args:
            resume: Whether to go on with what is there.

        Raises:
            UsageError: Something is there, and `resume` is False.
            RunError: It is damaged, or another version wrote it.
        """
        found = self.found()
        if found is not None and not resume:
            if found[1]:
                raise UsageError(f"{self.target} exists.", "Choose another --out, or remove it.")
            raise UsageError(
                f"{self.target} is not finished.",
                f"Resume it with --resume, or remove {self.parts if self.kind == 'file' else self.target}.",
            )
        return found

    def clear_leftovers(self) -> None:
        """Removes what a process that was killed left beside finished features.

        Raises:
            RunError: It cannot be removed.
        """
        with disk_errors(self):
            for leftover in self.target.parent.glob(f".part-*-{glob.escape(self.target.name)}"):
                leftover.unlink()
            if self.kind == "file" and self.target.is_file() and (self.parts / MANIFEST).exists():
                shutil.rmtree(self.parts)

    def has_parts(self) -> bool:
        """Whether any part was written."""
        return any(self.parts.glob("part-*.parquet"))


def place_of(to: str | Path, pool: str) -> Place:
    """Where features go by the name that the user gave.

    Args:
        to: A name that ends in `.parquet` is one file, any other a folder; whole maps get the ending `.zarr`.
        pool: `none` makes a Zarr group, all else Parquet.

    Raises:
        UsageError: The ending is that of the other kind.
    """
    path = Path(to)
    suffix = path.suffix.lower()
    if pool == "none":
        if suffix == ".parquet":
            raise UsageError(
                f"Whole feature maps are written as Zarr, not to '{path.name}'.",
                f"Give a name such as {path.stem}.zarr, or choose another --pool.",
            )
        return Place(path if suffix == ".zarr" else path.with_name(f"{path.name}.zarr"), "zarr")
    if suffix == ".zarr":
        raise UsageError(
            f"Pooled features are written as Parquet, not to '{path.name}'.",
            f"Give {path.stem}.parquet or the name of a folder, or choose --pool none.",
        )
    return Place(path, "file" if suffix == ".parquet" else "folder")


class Store(ABC):
    """Writes parts; can be pickled, and several processes may write different parts.

    Args:
        place: Where.
        manifest: What the features are of.
    """

    def __init__(self, place: Place, manifest: Manifest) -> None:
        self.place, self.manifest = place, manifest

    def parts(self) -> list[Part]:
        """All parts, in order."""
        size, count = self.manifest.part_size, self.manifest.samples
        return [Part(n, n * size, min((n + 1) * size, count)) for n in range(part_count(self.manifest))]

    def missing(self) -> list[Part]:
        """The parts that are not there yet."""
        return [part for part in self.parts() if not self.has(part)]

    def has(self, part: Part) -> bool:
        """Whether a part is there whole."""
        import pyarrow.parquet as pq

        path = self.place.parts / part_name(part.number)
        try:
            return path.exists() and int(pq.read_metadata(path).num_rows) == len(part)
        except (OSError, ValueError):  # what pyarrow raises on a damaged file: it is written again
            return False

    def begin(self) -> None:
        """Makes what the parts are written into, or clears away what an interrupted part left.

        Raises:
            RunError: It cannot be written.
        """
        with disk_errors(self.place):
            self.place.parts.mkdir(parents=True, exist_ok=True)
            for leftover in self.place.parts.glob(".part-*"):
                leftover.unlink(missing_ok=True)
            started = self.place.has_parts()
            if not started or not (self.place.parts / MANIFEST).exists():
                write_json(self.place.parts / MANIFEST, self.manifest.to_json())
                synced(self.place.parts / MANIFEST)
            if not started:
                self._make()

    def write(self, block: Block) -> None:
        """Writes one part, whole or not at all.

        Raises:
            RunError: It cannot be written; the parts before it stay whole.
        """
        with disk_errors(self.place):
            self._write(block)

    def finish(self) -> None:
        """Says that all parts are there.

        Raises:
            RunError: It cannot be written.
        """
        with disk_errors(self.place):
            self._finish()

    @abstractmethod
    def _make(self) -> None:
        """Makes what is there before the first part, in place of what an earlier attempt made."""

    @abstractmethod
    def _write(self, block: Block) -> None: ...

    def _finish(self) -> None:
        # Polars refuses a folder that holds anything but Parquet files.
        (self.place.parts / MANIFEST).unlink()


def synced(path: Path) -> None:
    """Waits until a file or folder, and the entry that names it, are on the disk."""
    for each in (path, path.parent):
        descriptor = os.open(each, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def disk_errors(place: Place) -> Iterator[None]:
    """Turns what a disk refuses into an error that says how to go on."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise RunError(
                f"The disk of {place.target} is full. The parts written so far are complete.",
                "Free some space and run the same command with --resume.",
            ) from error
        raise RunError(
            f"{place.target} cannot be written: {error.strerror or error}.", "Choose another --out."
        ) from error


def _holds_files(folder: Path) -> bool:
    """Whether there is more than what an extraction leaves that was ended before it began to write."""
    return any(path.is_file() and not path.name.startswith(".part-") for path in folder.rglob("*"))


def _taken(path: Path) -> UsageError:
    return UsageError(f"{path} exists and holds no features.", "Choose another --out.")
