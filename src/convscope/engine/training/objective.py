"""What a training minimizes, and the metric that determines the best epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras

from convscope.engine.training.averaging import momentum
from convscope.engine.training.checkpoint import Row
from convscope.engine.training.settings import FitSettings
from convscope.errors import RunError


@dataclass(frozen=True)
class Objective:
    """How a model of one task is compiled, and how its epochs are compared.

    Args:
        loss: From the settings to what `Model.compile` takes as loss; None for a model with a
            `compute_loss` of its own.
        metrics: Makes the metrics besides the loss.
        monitor: The metric of the validation split whose highest value marks the best epoch, ties broken by
            the lowest loss; None monitors the loss alone.
        lowest: Whether the lowest value of the metric marks the best epoch instead.
        smoothed: Epochs over which the metric and the loss are averaged, the last of which is marked: what a
            small validation split says of one epoch is chance for the most part.
        label: What the monitored metric is called in messages.
        keep_best: Whether the weights of the best epoch are kept; else those of the last one are, so that the
            validation split takes no part in the model and what is measured on it holds for new data.
        starts: Random starts that are compared by their loss after some epochs, the lowest of which is
            trained; where each step takes the same batch, which is where such losses can be compared.
    """

    loss: Callable[[FitSettings], Any]
    metrics: Callable[[], Sequence[Any]] = field(default=tuple)
    monitor: str | None = "accuracy"
    lowest: bool = False
    smoothed: int = 1
    label: str = "accuracy"
    keep_best: bool = True
    starts: int = 1

    def compile(self, model: keras.Model, settings: FitSettings, steps: int) -> None:
        """Compiles a model with Adam.

        Args:
            model: Is compiled.
            settings: Learning rate, schedule, weight decay, clipping, averaging and what the loss takes are
                read.
            steps: Steps per epoch.
        """
        model.compile(
            optimizer=keras.optimizers.Adam(
                _schedule(settings, steps * settings.epochs),
                weight_decay=settings.weight_decay or None,
                global_clipnorm=settings.clip_norm or None,
                use_ema=settings.averaging > 0,
                ema_momentum=momentum(settings.averaging, steps * settings.epochs)
                if settings.averaging
                else 0.99,
            ),
            loss=self.loss(settings),
            metrics=list(self.metrics()),
        )
        model.optimizer.build(model.trainable_variables)

    def best_epoch(self, rows: Sequence[Row], among: Sequence[int] | None = None) -> int:
        """Position of the epoch to keep: highest monitored metric, then lowest loss there, then first.

        An epoch counts with those before it, so that later ones do not change which of the earlier is best.

        Args:
            rows: One row of history per epoch.
            among: Positions to choose from; None for all. The best of all rows is the best of two: the last,
                and the best of those before.
        """
        if not self.keep_best:
            return len(rows) - 1
        sign, recent = 1 if self.lowest else -1, self._recent
        return min(
            range(len(rows)) if among is None else among,
            key=lambda i: (sign * recent(rows, f"val_{self.monitor}", i), recent(rows, "val_loss", i), i),
        )

    def _recent(self, rows: Sequence[Row], name: str, i: int) -> float:
        """The mean of a value over the epochs that count with the one at that position."""
        span = rows[max(0, i - self.smoothed + 1) : i + 1]
        return round(sum(row.get(name, 0.0) for row in span) / len(span), 9)

    @property
    def falls(self) -> bool:
        """Whether lower values of what epochs are chosen by are better."""
        return self.monitor is None or self.lowest

    @property
    def measure(self) -> str:
        """What epochs are chosen by, in words, such as "validation accuracy"."""
        return "validation loss" if self.monitor is None else f"validation {self.label}"

    def reached(self, rows: Sequence[Row]) -> float:
        """What the epoch that would be kept of these has, as `measure` says; compare it as `falls` says.

        Raises:
            RunError: The history does not have it.
        """
        name = f"val_{self.monitor or 'loss'}"
        if name not in rows[-1]:
            raise RunError(
                f"The history has no {name}, so that nothing can be compared by the {self.measure}."
            )
        return self._recent(rows, name, self.best_epoch(rows))

    def kept_by(self, rows: Sequence[Row]) -> str:
        """Why an epoch of those is kept, in a few words."""
        if not self.keep_best:
            return "the last one"
        extreme = "lowest" if self.lowest else "highest"
        said = "lowest validation loss" if self.monitor is None else f"{extreme} validation {self.label}"
        averaged = min(self.smoothed, self.best_epoch(rows) + 1) if rows else self.smoothed
        return f"the {said}" + (f", as the mean of {averaged} epochs" if averaged > 1 else "")

    def status(self, rows: Sequence[Row], epochs: int, place: int | None = None) -> str:
        """One line of progress in the epoch after those of the history, whose best is at this place."""
        return self._said(rows, f"epoch {len(rows) + 1} of {epochs}", place)

    def ended(self, rows: Sequence[Row], epochs: int, place: int | None = None) -> str:
        """One line on the epoch that has just ended, the last of a history whose best is at this place."""
        return self._said(rows, f"epoch {len(rows)} of {epochs}", place)

    def _said(self, rows: Sequence[Row], epoch: str, place: int | None) -> str:
        if not rows:
            return epoch
        place = self.best_epoch(rows) if place is None else place
        last, best = rows[-1], rows[place]
        monitored = self.monitor or "loss"
        if not self.keep_best and f"val_{monitored}" in last:
            return f"{epoch}, validation {self.label} {self._shown(last[f'val_{monitored}'])}"
        if f"val_{monitored}" not in last:
            return f"{epoch}, {self.label} {self._shown(last[monitored])}"
        now = self._shown(last[f"val_{monitored}"])
        if self.smoothed == 1:
            return f"{epoch}, validation {self.label} {now} (best {self._shown(best[f'val_{monitored}'])})"
        span = min(self.smoothed, place + 1)
        mean = self._shown(self._recent(rows, f"val_{monitored}", place))
        kept = f"{mean} as the mean of {span} epochs" if span > 1 else mean
        return f"{epoch}, validation {self.label} {now} (kept so far: epoch {place + 1}, {kept})"

    def _shown(self, value: float) -> str:
        if self.monitor is not None and not self.lowest:
            return f"{value:.1%}"
        return f"{value:.3f}" if abs(value) >= 0.1 or not value else f"{value:.3g}"


def classifying(settings: FitSettings) -> keras.losses.Loss:
    """Categorical cross-entropy."""
    return keras.losses.CategoricalCrossentropy(label_smoothing=settings.label_smoothing)


CLASSIFY = Objective(loss=classifying, metrics=lambda: ["accuracy"], smoothed=3)
"""The objective of every classifier; `benchmarks/kept_epoch.py` compares measures on small splits."""


def _schedule(settings: FitSettings, steps: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    if settings.schedule == "constant":
        return settings.learning_rate
    warmup = math.floor(settings.warmup * steps)
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=settings.learning_rate / 25 if warmup else settings.learning_rate,
        decay_steps=max(1, steps - warmup),
        warmup_target=settings.learning_rate if warmup else None,
        warmup_steps=warmup,
    )
