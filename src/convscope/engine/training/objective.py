"""What a training strives for: the loss it lowers, and the figure that says which epoch was the best."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras

from convscope.engine.training.averaging import momentum
from convscope.engine.training.settings import FitSettings

Row = dict[str, float]


@dataclass(frozen=True)
class Objective:
    """How a model of one task is compiled and judged while it is trained.

    Args:
        loss: From the settings to what `Model.compile` takes as loss; None for a model with a
            `compute_loss` of its own.
        metrics: Makes what is followed beside the loss.
        figure: The metric of the validation split whose highest value marks the best epoch, ties broken by
            the lowest loss; None goes by the lowest loss alone.
        said: What the figure is called.
        chooses: Whether the best epoch is kept; else the last one is, so that the validation split takes no
            part in the model and what is measured on it holds for new data.
    """

    loss: Callable[[FitSettings], Any]
    metrics: Callable[[], Sequence[Any]] = field(default=tuple)
    figure: str | None = "accuracy"
    said: str = "accuracy"
    chooses: bool = True

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

    def best_epoch(self, rows: Sequence[Row]) -> int:
        """Position of the epoch to keep: highest validation figure, then lowest loss there, then first."""
        if not self.chooses:
            return len(rows) - 1
        figure = f"val_{self.figure}"
        return min(
            range(len(rows)), key=lambda i: (-rows[i].get(figure, 0.0), rows[i].get("val_loss", 0.0), i)
        )

    def standing(self, rows: Sequence[Row]) -> str:
        """One line on how far a training has come."""
        epoch = f"epoch {len(rows) + 1}"
        if not rows:
            return epoch
        last, best = rows[-1], rows[self.best_epoch(rows)]
        figure = self.figure or "loss"
        if not self.chooses and f"val_{figure}" in last:
            return f"{epoch}, validation {self.said} {_shown(last[f'val_{figure}'], self.figure)}"
        if f"val_{figure}" not in last:
            return f"{epoch}, {self.said} {_shown(last[figure], self.figure)}"
        now, highest = (_shown(row[f"val_{figure}"], self.figure) for row in (last, best))
        return f"{epoch}, validation {self.said} {now} (best {highest})"


def classifying(settings: FitSettings) -> keras.losses.Loss:
    """Categorical cross-entropy."""
    return keras.losses.CategoricalCrossentropy(label_smoothing=settings.label_smoothing)


CLASSIFY = Objective(loss=classifying, metrics=lambda: ["accuracy"])
"""The goal of every classifier."""


def _shown(value: float, figure: str | None) -> str:
    return f"{value:.3f}" if figure is None else f"{value:.1%}"


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
