"""The folder that a training leaves behind: what is in it, and how it is read and written."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from glob import escape
from pathlib import Path
from typing import Any, TypedDict

from convscope.errors import RunError, UsageError
from convscope.files import file_sha256, free_path, is_part, remove_parts, write_json
from convscope.json_values import from_json, read_json

FORMAT = 1
PLACE = Path("runs")
"""Where runs go by default."""
PROBE = ".probe"
"""The file by which a folder is found to be writable."""
SPACE_NEEDED = 32 * 2**20
"""What a run takes besides its model and checkpoints, in bytes."""


class RecordedData(TypedDict):
    """What `run.json` must say of the data."""

    path: str
    fingerprint: str


class Recorded(TypedDict):
    """What `run.json` must say for a run to be used or resumed."""

    status: str
    recipe: str
    architecture: str
    options: Mapping[str, Any]
    settings: Mapping[str, Any]
    class_names: tuple[str, ...]
    data: RecordedData
    decisions: tuple[str, ...]
    device: Mapping[str, Any]
    started: str


@dataclass(frozen=True)
class Run:
    """A run folder.

    Args:
        folder: Where it lies.
    """

    folder: Path

    @property
    def model_path(self) -> Path:
        """The best weights, as a Keras file."""
        return self.folder / "model.keras"

    @property
    def report_path(self) -> Path:
        """The page for people."""
        return self.folder / "report.html"

    def record(self) -> dict[str, Any]:
        """What `run.json` says.

        Raises:
            RunError: The folder is not a run, the file is damaged, or a later version wrote it.
        """
        content = self._read("run.json")
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            found = content.get("format") if isinstance(content, dict) else None
            raise RunError(
                f"{self.folder / 'run.json'} has format {found}, expected {FORMAT}.",
                "It was written by another version of convscope.",
            )
        from_json(Recorded, content, f"{self.folder / 'run.json'} to describe a run", "It is damaged.")
        return content

    def check_model(self) -> None:
        """Compares the model file with what `run.json` says of it, as far as it does.

        Raises:
            RunError: The file is another than the training wrote.
        """
        expected = self.record().get("model_sha256")
        if expected is not None and file_sha256(self.model_path) != expected:
            raise RunError(
                f"{self.model_path} is damaged or another model: its SHA-256 is not the one in run.json.",
                "Restore it from a copy, or train again.",
            )

    def write_record(self, content: dict[str, Any]) -> None:
        """Writes `run.json`."""
        write_json(self.folder / "run.json", {"format": FORMAT, **content})

    def representation(self) -> dict[str, Any]:
        """What `representation.json` says.

        Raises:
            RunError: It is missing or damaged.
        """
        content: dict[str, Any] = self._read("representation.json")
        return content

    @property
    def is_calibrated(self) -> bool:
        """Whether the training left a calibration, so that one that is missing is a damage."""
        return (self.folder / "calibration.json").exists() or bool(self.record().get("calibrated"))

    def calibration(self) -> dict[str, Any]:
        """What `calibration.json` says.

        Raises:
            RunError: It is missing or damaged.
        """
        content = self._read("calibration.json")
        if not isinstance(content, dict):
            raise RunError(f"{self.folder / 'calibration.json'} is damaged: expected named values.")
        return content

    def write(self, name: str, content: Any) -> None:
        """Writes a JSON file of the run, such as `metrics.json`.

        Raises:
            RunError: The run is gone.
        """
        self.require()
        write_json(self.folder / name, content)

    def metrics(self) -> dict[str, Any]:
        """What `metrics.json` says.

        Raises:
            RunError: It is missing or damaged.
        """
        content = self._read("metrics.json")
        if not isinstance(content, dict) or not isinstance(content.get("test"), dict):
            raise RunError(f"{self.folder / 'metrics.json'} is damaged: expected the metrics of `test`.")
        return content

    def require(self) -> None:
        """Checks that nobody took the run away while it is being written.

        Raises:
            RunError: It is gone.
        """
        if not (self.folder / "run.json").exists():
            raise RunError(
                f"{self.folder} was removed or moved while it was written, so that this training is lost.",
                "Train again, and leave the folder in its place.",
            )

    def tidy(self) -> None:
        """Takes away what a killed training left half written."""
        for folder in (self.folder, self.folder / "checkpoints"):
            remove_parts(folder)
        (self.folder / PROBE).unlink(missing_ok=True)

    def unfinished(self) -> str:
        """How far a training has come that has not ended, such as "epoch 3 of 10"; empty for a complete run.

        Raises:
            RunError: As `record`.
        """
        record = self.record()
        if record["status"] == "complete":
            return ""
        history = self.folder / "history.csv"
        done = max(0, len(history.read_bytes().splitlines()) - 1) if history.exists() else 0
        epochs = record["settings"].get("epochs")
        return f"epoch {done} of {epochs}" if epochs else f"status {record['status']}"

    @property
    def can_resume(self) -> bool:
        """Whether a training was begun in the folder and has not ended."""
        return (self.folder / "run.json").exists() and self.record()["status"] != "complete"

    def discard_if_empty(self) -> None:
        """Takes the folder away if nothing was written into it, and the empty `runs/` with it."""
        around = [PLACE] if self.folder.parent == PLACE else []
        for folder in (self.folder, *around):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    @contextmanager
    def discarded_on_failure(self) -> Iterator[None]:
        """Takes the folder away if what happens meanwhile fails before anything was written."""
        try:
            yield
        except BaseException:
            self.discard_if_empty()
            raise

    @contextmanager
    def full_disk_told(self, command: str = "train") -> Iterator[None]:
        """Turns a full disk into an error that says how to go on; what was written before stays whole.

        Args:
            command: What goes on with the folder.

        Raises:
            RunError: The disk is full.
        """
        try:
            yield
        except OSError as error:
            if not is_disk_full(error):
                raise
            reason = os.strerror(error.errno or errno.ENOSPC)
            raise RunError(
                f"No more can be written to {self.folder}: {reason}. The epochs that are written stay whole.",
                f"Free some space and go on: convscope {command} --resume {self.folder}",
            ) from error

    def _read(self, name: str) -> Any:
        path = self.folder / name
        try:
            return read_json(path)
        except FileNotFoundError as error:
            raise RunError(
                f"{self.folder} is not a run: it has no {name}.", self._hint_without(name)
            ) from error

    def _hint_without(self, name: str) -> str:
        """What to do where a file of the run is missing."""
        if name == "run.json" and self.folder.is_dir() and is_free(self.folder):
            return "If a training ended here before its first record, start it again with the same command."
        return "Give the folder that `convscope train` printed on its last line."


def is_disk_full(error: Exception) -> bool:
    """Whether something could not be written for want of space."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def data_of(run: Run) -> Path:
    """Where the data of a training is, called as it was then where that still leads to it.

    Raises:
        RunError: It is not there; the hint asks for `--data`.
    """
    data = run.record()["data"]
    path, given = Path(data["path"]), Path(str(data.get("given", data["path"])))
    if not path.exists() and not any(path.parent.glob(f"{escape(path.name)}*")):
        raise RunError(
            f"The data of {run.folder} is no longer at {path}.", "Give the place where it is now: --data PATH"
        )
    return given if given.resolve() == path else path


def is_free(folder: Path) -> bool:
    """Whether a folder holds nothing but what a training left that was killed before its first record."""
    return all(is_part(each) or each.name == PROBE for each in folder.iterdir())


def new_run(out: Path | None, data: Path) -> Run:
    """Makes an empty run folder that is sure to take what a training writes.

    Args:
        out: Where; by default `runs/DATE-NAME`, with a number where that is taken.
        data: The data's path, which gives the default its name.

    Raises:
        UsageError: The folder exists and is not empty.
        RunError: The folder cannot be written, or its disk is nearly full.
    """
    folder = out if out is not None else default_folder(data)
    check_free(folder)
    try:
        check_writable(folder)
    except RunError:
        Run(folder).discard_if_empty()
        raise
    return Run(folder)


def check_free(folder: Path) -> None:
    """Refuses a folder for a new run that has something in it.

    Raises:
        UsageError: It exists and is not empty; the hint resumes an unfinished run.
    """
    if not folder.exists() or (folder.is_dir() and is_free(folder)):
        return
    hint = "Choose another --out."
    if (folder / "run.json").exists() or (folder / "folds.json").exists():
        hint = f"Choose another --out, or go on with the run: convscope train --resume {folder}"
    if (folder / "search.json").exists():
        hint = f"Choose another --out, or go on with the search: convscope search --resume {folder}"
    raise UsageError(f"{folder} exists and is not empty.", hint)


def check_writable(folder: Path, needed: int = SPACE_NEEDED) -> None:
    """Makes the folder, writes a file in it and takes it away again.

    Args:
        folder: A run folder.
        needed: How much must be free on its disk, in bytes.

    Raises:
        RunError: It cannot be made or written, or its disk has less space.
    """
    probe = folder / PROBE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            probe.write_bytes(bytes(4096))
        finally:
            probe.unlink(missing_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise RunError(
                f"The disk of {folder} is full.", "Free some space, or choose another --out."
            ) from error
        raise RunError(
            f"{folder} cannot be written: {error.strerror}.", "Choose another folder with --out."
        ) from error
    if free < needed:
        raise RunError(
            f"The disk of {folder} has only {free / 2**20:.0f} MiB left, "
            f"and a run needs at least {needed / 2**20:.0f} MiB.",
            "Free some space, or choose another --out.",
        )


def default_folder(data: Path) -> Path:
    """The folder `runs/DATE-NAME` for data of that name, with a number where that is taken."""
    name = re.sub(r"[^\w.-]+", "-", data.resolve().stem).strip("-.") or "data"
    return free_path(PLACE / f"{datetime.now(UTC).date().isoformat()}-{name}")
