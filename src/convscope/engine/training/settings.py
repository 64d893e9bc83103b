"""How a model is trained: one frozen value, so that a run can record it and a resume can compare it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, TypeVar, get_args, get_type_hints

from convscope.option import Around, Check, Choices, Multiples, Option, Tries, at_least, share, within

Precision = Literal["auto", "float32", "bfloat16"]
Schedule = Literal["cosine", "constant"]
T = TypeVar("T")
MOST_KEPT = 200
"""Epochs whose weights a run keeps at most."""


def _setting(
    default: T,
    help_text: str,
    check: Check | None = None,
    *,
    common: bool = False,
    tries: Tries | None = None,
) -> T:
    """A field of `FitSettings` with what its `Option` needs besides."""
    metadata = {"help": help_text, "check": check, "common": common, "tries": tries}
    made: T = field(default=default, metadata=metadata)
    return made


def _rate(value: float) -> str | None:
    return None if 0 < value < 100 else "above 0 and below 100"


def _seed(value: int) -> str | None:
    return None if 0 <= value < 2**31 else "in [0, 2147483648)"


@dataclass(frozen=True)
class FitSettings:
    """How a model is trained: Adam, with a schedule and regularization. `FIT_OPTIONS` describes each field.

    `weight_decay` is that of Loshchilov and Hutter 2019, "Decoupled weight decay regularization"; `mixing`
    that of Zhang et al. 2018, "mixup: beyond empirical risk minimization".

    Raises:
        UsageError: A value that cannot work.
    """

    epochs: int = _setting(
        30, "Number of passes over the train split", at_least(1), common=True, tries=Multiples((2,))
    )
    batch_size: int = _setting(
        64, "Number of samples per step", at_least(1), common=True, tries=Multiples((0.5, 2))
    )
    learning_rate: float = _setting(1e-3, "Maximum learning rate", _rate, common=True, tries=Around(5))
    schedule: Schedule = _setting(
        "cosine", "Learning rate schedule: cosine decay to 0 after a warmup, or constant"
    )
    warmup: float = _setting(0.1, "Share of all steps over which the learning rate rises (cosine)", share)
    weight_decay: float = _setting(
        0.0,
        "Decoupled weight decay, multiplied by the learning rate",
        share,
        tries=Choices((0.0, 0.01, 0.05)),
    )
    clip_norm: float = _setting(0.0, "Maximum global norm of the gradients; 0 disables it", at_least(0))
    averaging: float = _setting(
        0.0,
        "Share of all steps that the exponential moving average of weights spans; 0 disables it",
        within(0, 1),
        tries=Choices((0.0, 0.05, 0.2)),
    )
    label_smoothing: float = _setting(
        0.0, "Share of each target that is spread over all classes", share, tries=Choices((0.0, 0.1))
    )
    patience: int | None = _setting(
        None,
        "Stop after this number of epochs without improvement",
        at_least(1),
        common=True,
    )
    augmentation: float = _setting(
        1.0,
        "Strength of random changes to samples; 0 disables them",
        within(0, 4),
        common=True,
        tries=Choices((0.0, 0.2, 0.5, 1.0)),
    )
    mixing: float = _setting(
        0.0,
        "Mixup: parameter of the beta distribution that mixes pairs of samples; 0 disables it",
        within(0, 4),
        tries=Choices((0.0, 0.2)),
    )
    class_weights: bool = _setting(False, "Weight classes by their inverse frequency")
    precision: Precision = _setting(
        "auto", "Floating-point precision; auto uses bfloat16 if the device has it"
    )
    seed: int = _setting(0, "Seed of all random numbers", _seed, common=True)
    keep_epochs: int = _setting(
        0,
        "Number of epochs whose weights the run keeps, evenly spaced, for the studio's slider over epochs",
        within(0, MOST_KEPT),
    )
    tensorboard: bool = _setting(False, "Write TensorBoard logs to the run folder")

    def __post_init__(self) -> None:
        for option in FIT_OPTIONS:
            object.__setattr__(self, option.name, option.validated(getattr(self, option.name)))

    def to_json(self) -> dict[str, Any]:
        """Plain values by name."""
        return asdict(self)


def _options() -> tuple[Option, ...]:
    types = {**get_type_hints(FitSettings), "patience": int}
    return tuple(
        Option(each.name, types[each.name], each.default, **each.metadata) for each in fields(FitSettings)
    )


FIT_OPTIONS: tuple[Option, ...] = _options()
"""One option per field, in the same order."""

PRECISIONS: tuple[Precision, ...] = get_args(Precision)
