"""What a training is told: one frozen value, so that a run can record it and a resume can compare it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from convscope.errors import UsageError

Precision = Literal["auto", "float32", "bfloat16"]
Schedule = Literal["cosine", "constant"]

PRECISIONS: tuple[Precision, ...] = ("auto", "float32", "bfloat16")
SCHEDULES: tuple[Schedule, ...] = ("cosine", "constant")


@dataclass(frozen=True)
class FitSettings:
    """How a model is trained: always Adam and cross-entropy.

    Args:
        epochs: Passes over the train split.
        batch_size: Samples per step.
        learning_rate: The highest learning rate of the schedule.
        schedule: `cosine` rises over `warmup` and falls to zero at the last step; `constant` stays.
        warmup: Share of all steps over which `cosine` rises, in [0, 1).
        weight_decay: Decoupled decay per step, times the learning rate (Loshchilov and Hutter 2019).
        clip_norm: Gradients whose joint norm is larger are made smaller to this; 0 leaves them.
        averaging: Share of all steps over which weights are averaged, exponentially; the averages are judged
            by and kept, in [0, 1]. 0 keeps the weights as they are.
        label_smoothing: Share of each target that is spread over all class names, in [0, 1).
        patience: Stop after so many epochs without a better one (validation accuracy, then loss); None
            never stops.
        augmentation: Strength of the recipe's random changes to train samples; 0 is off, 1 its default.
        mixing: Each train sample is blended with another one, and their targets likewise, by a share drawn
            from Beta(mixing, mixing) (Zhang et al. 2018, "mixup"); 0 is off.
        class_weights: Weigh each class by the inverse of its share in the train split.
        precision: `bfloat16`, `float32`, or `auto`: bfloat16 where the device has it.
        seed: Every random number follows from it.
        tensorboard: Write a TensorBoard log into the run.
    """

    epochs: int = 30
    batch_size: int = 64
    learning_rate: float = 1e-3
    schedule: Schedule = "cosine"
    warmup: float = 0.1
    weight_decay: float = 0.0
    clip_norm: float = 0.0
    averaging: float = 0.0
    label_smoothing: float = 0.0
    patience: int | None = None
    augmentation: float = 1.0
    mixing: float = 0.0
    class_weights: bool = False
    precision: Precision = "auto"
    seed: int = 0
    tensorboard: bool = False

    def __post_init__(self) -> None:
        bounds: dict[str, tuple[bool, str]] = {
            "epochs": (self.epochs >= 1, "at least 1"),
            "batch_size": (self.batch_size >= 1, "at least 1"),
            "learning_rate": (0 < self.learning_rate < 100, "above 0 and below 100"),
            "schedule": (self.schedule in SCHEDULES, f"one of {', '.join(SCHEDULES)}"),
            "warmup": (0 <= self.warmup < 1, "in [0, 1)"),
            "weight_decay": (0 <= self.weight_decay < 1, "in [0, 1)"),
            "clip_norm": (self.clip_norm >= 0, "at least 0"),
            "averaging": (0 <= self.averaging <= 1, "in [0, 1]"),
            "label_smoothing": (0 <= self.label_smoothing < 1, "in [0, 1)"),
            "patience": (self.patience is None or self.patience >= 1, "at least 1, or None"),
            "augmentation": (0 <= self.augmentation <= 4, "in [0, 4]"),
            "mixing": (0 <= self.mixing <= 4, "in [0, 4]"),
            "precision": (self.precision in PRECISIONS, f"one of {', '.join(PRECISIONS)}"),
            "seed": (0 <= self.seed < 2**31, "in [0, 2147483648)"),
        }
        for name, (holds, expected) in bounds.items():
            if not holds:
                raise UsageError(f"{name} must be {expected}. Received: {name}={getattr(self, name)!r}.")

    def to_json(self) -> dict[str, Any]:
        """Plain values by name."""
        return asdict(self)
