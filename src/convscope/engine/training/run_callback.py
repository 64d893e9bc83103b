"""The callback that leaves a run behind: history, best weights, checkpoint, early stopping, progress."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import keras

from convscope.engine.device import backend_file
from convscope.engine.finite import strange_weights
from convscope.engine.training.averaging import averaged
from convscope.engine.training.checkpoint import Row, state_of, write_checkpoint
from convscope.engine.training.epoch_weights import epochs_to_keep, write_epoch
from convscope.engine.training.objective import Objective
from convscope.engine.training.settings import FitSettings
from convscope.errors import RunError
from convscope.files import written_whole
from convscope.types import Array, Progress, Say, silent

REST = 4
"""How many times as long as the last writing took nothing is written."""
_SMALLER = "Try a smaller --learning-rate or --precision float32."
OWN_COLUMNS = ("epoch", "learning_rate", "seconds")
"""What a row of history holds beside the losses and metrics."""


GoesOn = Callable[[Sequence[Row]], bool]
"""From the history of a training to whether another epoch is to follow."""


def always(rows: Sequence[Row]) -> bool:
    """A training that ends by its settings alone."""
    return True


class RunCallback(keras.callbacks.Callback):  # type: ignore[misc]
    """Writes everything after an epoch, in an order that a kill at any moment does no harm to.

    Epochs that are much shorter than it takes to write are written a few at a time; what a kill loses of them
    a resumed training computes again, with the same result.

    All decisions (is it the best epoch, is it time to stop) follow from the rows of history, which the
    checkpoint holds; so a resumed training decides as an uninterrupted one would.

    Args:
        folder: The run folder.
        portable: The same architecture in float32; it takes the best weights and is saved.
        rows: History of the epochs that a resumed training has behind it; is appended to.
        settings: Patience and seed are read.
        objective: Determines the best epoch.
        steps: Steps per epoch.
        progress: Called after each step.
        say: Receives a line after each epoch, with the time that is left.
        goes_on: From the history to whether another epoch is to follow; a training that stops so has not
            ended, and a resume goes on with it.
        writes: Whether this process writes the run; where several train together, the others decide the same.
    """

    async_safe = True

    def __init__(
        self,
        folder: Path,
        portable: keras.Model,
        rows: list[Row],
        settings: FitSettings,
        objective: Objective,
        steps: int,
        progress: Progress,
        say: Say = silent,
        goes_on: GoesOn = always,
        writes: bool = True,
    ) -> None:
        super().__init__()
        self._goes_on, self._stopped, self._writes = goes_on, False, writes
        self._folder, self._portable, self._rows = folder, portable, rows
        self._patience, self._seed, self._epochs = settings.patience, settings.seed, settings.epochs
        self._say, self._resumed = say, len(rows)
        self._kept = epochs_to_keep(settings.epochs, settings.keep_epochs)
        self._objective, self._steps, self._progress = objective, steps, progress
        self._best = objective.best_epoch(rows) if rows else 0
        self._started = 0.0
        self._unwritten: Sequence[Array] = ()
        self._is_best_unwritten = False
        self._next_write = 0.0

    def on_epoch_begin(self, epoch: int, logs: Row | None = None) -> None:
        """Starts the clock of the epoch."""
        self._started = time.monotonic()

    def on_train_batch_begin(self, batch: int, logs: Row | None = None) -> None:
        """Seeds the epoch where the model does not hold its random states.

        Not earlier: making the iterator over batches may draw from the backend's generator.
        """
        if batch == 0:
            backend_file().begin_epoch(self._seed, len(self._rows))

    def on_train_batch_end(self, batch: int, logs: Row | None = None) -> None:
        """Reports the step; values are left on the device."""
        done = len(self._rows) * self._steps + batch + 1
        status = self._objective.status(self._rows, self._epochs, self._best)
        self._progress(done, self.params["epochs"] * self._steps, f"training, {status}")

    def on_epoch_end(self, epoch: int, logs: Row | None = None) -> None:
        """Writes what is new.

        Raises:
            RunError: As of `epochs_ended`.
        """

        def weights(_: int) -> Sequence[Array]:
            with averaged(self.model):
                found: Sequence[Array] = self.model.get_weights()
                return found

        self.epochs_ended([{**(logs or {}), **self._moment()}], weights)
        if self.is_over():
            self.model.stop_training = True

    def epochs_ended(self, found: Sequence[Row], weights: Callable[[int], Sequence[Array]]) -> None:
        """Notes epochs that follow those of the history, and writes what is new.

        Args:
            found: Losses, metrics, learning rate and seconds of each; the model is where the last has left
                it.
            weights: From the place of an epoch among them to the weights that it has left.

        Raises:
            RunError: A loss or a weight is not finite; what earlier epochs left stays as it is.
        """
        first = len(self._rows)
        if self.counting(found) == 0:
            raise RunError(f"The loss is not finite in epoch {first + 1}.", _SMALLER)
        strange = strange_weights(self.model)
        if strange:
            raise RunError(
                f"Weights became NaN or infinite in epoch {first + len(found)}: {strange}.", _SMALLER
            )
        if self._writes and not self._folder.is_dir():
            raise RunError(
                f"{self._folder} was removed while it was written, so that this training is lost.",
                "Train again, and leave the folder in its place.",
            )
        said = []
        self._keep(first, len(found), weights)
        for logs in found:
            self._rows.append(_row(len(self._rows) + 1, logs))
            self._best = self._objective.best_epoch(self._rows, (self._best, len(self._rows) - 1))
            said.append(self._line())
        if self._best >= first:
            self._portable.set_weights(weights(self._best - first))
            self._is_best_unwritten = True
        self._unwritten = state_of(self.model) if self._writes else ()
        if time.monotonic() >= self._next_write:
            self.write()
        for line in said:
            self._say(line)
        self._stopped = not self._goes_on(self._rows)

    def _keep(self, first: int, count: int, weights: Callable[[int], Sequence[Array]]) -> None:
        """Keeps the weights of epochs, before a checkpoint says that they need not be computed again."""
        for place in range(count):
            if first + place + 1 in self._kept:
                kept = weights(place)  # computed by all workers
                if self._writes:
                    write_epoch(self._folder, first + place + 1, kept)

    def counting(self, found: Sequence[Row]) -> int:
        """How many of epochs that follow the history count.

        Those up to the one with which patience runs out, and before the first whose loss is not finite.

        Args:
            found: As of `epochs_ended`.
        """
        rows, best = list(self._rows), self._best
        for place, logs in enumerate(found):
            row = _row(len(rows) + 1, logs)
            if not all(map(math.isfinite, row.values())):
                return place
            rows.append(row)
            best = self._objective.best_epoch(rows, (best, len(rows) - 1))
            if self._waits_too_long(len(rows), best):
                return place + 1
        return len(found)

    def write(self) -> None:
        """Writes what the last finished epoch left, where it is not written yet and the folder is there."""
        if not len(self._unwritten) or not self._writes or not self._folder.is_dir():
            return
        begun = time.monotonic()
        if self._is_best_unwritten:
            with written_whole(self._folder / "model.keras") as part:
                self._portable.save(part)
        write_checkpoint(self._folder / "checkpoints", self._unwritten, self._rows)
        write_history(self._folder / "history.csv", self._rows)
        self._unwritten, self._is_best_unwritten = (), False
        now = time.monotonic()
        self._next_write = now + REST * (now - begun)

    def close(self) -> None:
        """Writes the history of a training that has ended."""
        if self._writes:
            write_history(self._folder / "history.csv", self._rows)

    def is_over(self) -> bool:
        """Whether patience has run out, or no epoch is to follow for now."""
        return self._stopped or self._waits_too_long(len(self._rows), self._best)

    def _waits_too_long(self, epochs: int, best: int) -> bool:
        return self._patience is not None and epochs > 0 and epochs - 1 - best >= self._patience

    def _line(self) -> str:
        """How the last epoch ended, and for how long the others will take."""
        taken = [row["seconds"] for row in self._rows[self._resumed :]]
        usual = taken[1:] or taken  # the first one compiles the model
        left = sum(usual) / len(usual) * (self._epochs - len(self._rows))
        loss = self._rows[-1].get("loss", math.nan)
        ended = self._objective.ended(self._rows, self._epochs, self._best)
        return f"{ended}, loss {loss:.4g}, {_duration(left)} left"

    def _moment(self) -> Row:
        return {
            "learning_rate": float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)),
            "seconds": round(time.monotonic() - self._started, 3),
        }


def _duration(seconds: float) -> str:
    """Such as 5 s, 2 min 10 s or 3 h 20 min.

    Example:
        >>> _duration(130), _duration(12000)
        ('2 min 10 s', '3 h 20 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _row(epoch: int, logs: Row) -> Row:
    """A row of history: losses and metrics in order, then what else is known of the epoch."""
    values = {name: float(value) for name, value in logs.items()}
    metrics = [item for item in values.items() if item[0] not in OWN_COLUMNS]
    rest = {name: values[name] for name in OWN_COLUMNS[1:] if name in values}
    return {"epoch": epoch, **dict(sorted(metrics, key=_place)), **rest}


def _place(item: tuple[str, float]) -> tuple[bool, bool, str]:
    """Train before validation, the loss before metrics."""
    name = item[0]
    return name.startswith("val_"), not name.endswith("loss"), name


def write_history(path: Path, rows: list[Row]) -> None:
    """Writes one CSV line per epoch."""
    with written_whole(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
