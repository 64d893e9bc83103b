"""Masks of visits: those of the data, or those that a run of volume-segmentation finds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from convscope.errors import UsageError
from convscope.kinds.contract.recipe import Fitted
from convscope.kinds.volume.kind import VOLUME_SEGMENTATION
from convscope.kinds.volume.progression.measuring import Mask, MaskOf, unmasked
from convscope.kinds.volume.progression.visits import Subject
from convscope.kinds.volume.segmentation.recipe import RECIPE
from convscope.kinds.volume.volume import Volume
from convscope.run import Run
from convscope.types import no_progress


@dataclass(frozen=True)
class _OneScan:
    """A scan as the only sample."""

    volume: Volume

    def __len__(self) -> int:
        return 1

    def load(self, index: int) -> Volume:
        return self.volume

    def name(self, index: int) -> str:
        return self.volume.name

    def take(self, indices: npt.NDArray[np.int64]) -> _OneScan:
        return self


def masks_by(segmenter: str | None, structures: tuple[str, ...]) -> tuple[MaskOf, tuple[str, ...]]:
    """What gives the mask of a visit, and the names of the values of masks from 1.

    Args:
        segmenter: The folder of a run of volume-segmentation, for visits without a mask.
        structures: Names that the user gave.

    Raises:
        UsageError: The folder holds another run.
        RunError: It holds none, or an unfinished one.
    """
    if segmenter is None:
        return unmasked, structures
    run = Run(Path(segmenter))
    record = run.record()
    if record["recipe"] != VOLUME_SEGMENTATION.name:
        raise UsageError(
            f"segmenter must be a run of {VOLUME_SEGMENTATION.name}. Received: {segmenter}, of"
            f" {record['recipe']}."
        )
    run.check_model()
    fitted = _fitted(run, record)

    @lru_cache(maxsize=8)
    def mask_of(subject: Subject, at: int) -> Mask | None:
        given = unmasked(subject, at)
        if given is not None:
            return np.asarray(given, np.uint8)
        return RECIPE.predict(fitted, _OneScan(subject.scan(at)), no_progress)[0].classes

    return mask_of, structures or fitted.class_names[1:]


def _fitted(run: Run, record: dict[str, Any]) -> Fitted[Any]:
    own = {option.name for option in VOLUME_SEGMENTATION.options}
    options = {name: value for name, value in record["options"].items() if name in own and name != "masks"}
    return Fitted(
        keras.models.load_model(run.model_path),
        RECIPE.representation.from_json(run.representation()),
        tuple(record["class_names"]),
        options,
        RECIPE.test_time_views(**options),
    )
