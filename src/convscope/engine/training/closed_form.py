"""A training in closed form: what `fit` is for models that learn step by step, for those that are solved."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Protocol, cast

import keras
import numpy as np

from convscope.engine.finite import strange_weights
from convscope.engine.training.batches import Examples
from convscope.engine.training.checkpoint import Row
from convscope.engine.training.run_callback import write_history
from convscope.engine.training.settings import FitSettings
from convscope.errors import RunError, UsageError
from convscope.files import written_whole
from convscope.types import Array, Progress


class Solve(Protocol):
    """Sets all weights of a model."""

    def __call__(
        self,
        model: keras.Model,
        samples: tuple[Array, Array],
        options: Mapping[str, object],
        settings: FitSettings,
        progress: Progress,
    ) -> Row:
        """Solves.

        Args:
            model: A fresh one; is changed.
            samples: All of them, as (inputs, targets).
            options: Of the architecture, by name; those that are not given have their defaults.
            settings: Settings of the training; random numbers follow from the seed.
            progress: Called with the progress.

        Returns:
            Figures for the history: of the samples, and with `val_` before their names of samples that were
            left out.
        """


@dataclass(frozen=True)
class Solver:
    """How an architecture is solved.

    Args:
        solve: Sets all weights.
        ready: Fails where something that it needs is not installed.
        uses: Names of the settings that mean something to it.
        decision: One line for the list of decisions.
        how: What is said of an architecture that is not trained step by step.
    """

    solve: Solve
    ready: Callable[[], object]
    uses: tuple[str, ...]
    decision: str
    how: str = "is solved in closed form"

    def check(self, name: str, settings: FitSettings) -> None:
        """Refuses what cannot be done before anything is done.

        Args:
            name: Of the architecture.
            settings: Those of the training.

        Raises:
            UsageError: A setting that it does not use differs from its default.
            BackendError: Something that it needs is not installed.
        """
        usual = FitSettings()
        for each in fields(FitSettings):
            if each.name not in self.uses and getattr(settings, each.name) != getattr(usual, each.name):
                raise UsageError(
                    f"{name} {self.how} and does not support {each.name}. "
                    f"Received: {each.name}={getattr(settings, each.name)!r}.",
                    f"Its settings: {', '.join(self.uses)}.",
                )
        self.ready()

    def record(self, settings: FitSettings) -> dict[str, object]:
        """The settings that are used, as plain values by name."""
        return {name: value for name, value in settings.to_json().items() if name in self.uses}


def solve(
    build: Callable[[], keras.Model],
    solver: Solver,
    train: Examples,
    more: Examples,
    options: Mapping[str, object],
    settings: FitSettings,
    folder: Path,
    progress: Progress,
) -> list[Row]:
    """Solves a fresh model on all samples that there are to learn from.

    There are no epochs to choose among, so that the samples of the validation split are learned from as well;
    how good it is on what it has not seen follows from leaving out each sample in turn. There is no
    checkpoint either: what was interrupted is solved again, with the same result.

    Args:
        build: Makes the model.
        solver: Sets its weights.
        train: Samples to learn from.
        more: More of them, none of which is among those; there may be none.
        options: Those that the model is made with.
        settings: Every random number follows from the seed.
        folder: The run folder; gets `model.keras` and `history.csv`.
        progress: Called with the progress.

    Returns:
        One row of history.

    Raises:
        RunError: A weight is not finite.
    """
    keras.utils.set_random_seed(settings.seed)
    started = time.monotonic()
    model = build()
    inputs, targets = map(np.concatenate, zip(_whole(train), _whole(more), strict=True))
    metrics = solver.solve(model, (inputs, targets), options, settings, progress)
    strange = strange_weights(model)
    if strange:
        raise RunError(
            f"The solved weights are NaN or infinite: {strange}.",
            "Look for constant or very large values in the data; --precision float32 has the widest range.",
        )
    rows: list[Row] = [{"epoch": 1, **metrics, "seconds": round(time.monotonic() - started, 3)}]
    with written_whole(folder / "model.keras") as part:
        model.save(part)
    write_history(folder / "history.csv", rows)
    return rows


def _whole(examples: Examples) -> tuple[Array, ...]:
    """All samples of a split at once, unchanged."""
    return cast("tuple[Array, ...]", examples.batch(np.arange(len(examples)), None))
