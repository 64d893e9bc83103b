"""Clips to one class each: what is done, or to be seen, in a clip, and when in a long film?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from convscope.data.splits import Samples, Splits
from convscope.errors import DataError
from convscope.kinds.contract.recipe import Fitted, RepresentationSteps
from convscope.kinds.tasks.classification import Probabilities, classification_recipe, predict
from convscope.kinds.video.kind import VIDEO_CLASSIFICATION
from convscope.kinds.video.readers.inputs import read_inputs
from convscope.kinds.video.readers.reader import read_clips
from convscope.kinds.video.readers.sources import Clip, FileClips
from convscope.kinds.video.representation import ClipRepresentation, fit_representation
from convscope.kinds.video.stream import held, live_clips
from convscope.kinds.video.windows import augmentation, test_time_views
from convscope.types import Progress, Say, no_progress, silent

_SHOWN = 3
_LONGEST = 0.9
"""Share of train clips that are no longer than the parts of a long film."""


@dataclass(frozen=True)
class ClipPrediction:
    """The prediction for a clip, or for an interval of a long film.

    Args:
        name: The film, or the folder of its frames.
        start: Where it begins, in seconds.
        end: Where it ends.
        label: The class name with the highest probability.
        probabilities: Probability per class name, the mean over the parts of the interval.
    """

    name: str
    start: float
    end: float
    label: str
    probabilities: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """Name, seconds, label and probabilities."""
        return {
            "sample": self.name,
            "start": round(self.start, 3),
            "end": round(self.end, 3),
            "label": self.label,
            "probabilities": self.probabilities,
        }

    def to_row(self) -> dict[str, str]:
        """Name, seconds, label and a column per class."""
        shares = {name: f"{p:.6f}" for name, p in self.probabilities.items()}
        times = {"start": f"{self.start:.3f}", "end": f"{self.end:.3f}"}
        return {"sample": self.name, **times, "label": self.label, **shares}

    def to_cells(self) -> dict[str, str]:
        """Name, interval, label, its probability and the next classes."""
        ranked = sorted(self.probabilities.items(), key=lambda item: -item[1])[:_SHOWN]
        return {
            "sample": self.name,
            "seconds": f"{self.start:.2f} to {self.end:.2f}",
            "prediction": self.label,
            "probability": f"{ranked[0][1]:.1%}",
            "next": ", ".join(f"{name} {p:.1%}" for name, p in ranked[1:]),
        }


def to_predictions(
    probabilities: Probabilities, samples: Samples, class_names: Sequence[str]
) -> tuple[ClipPrediction, ...]:
    """One prediction for each clip; neighboring parts of a film with the same class are one interval."""
    made: list[ClipPrediction] = []
    parts: list[np.ndarray] = []
    for at, row in enumerate(probabilities):
        clip: Clip = samples.load(at)
        name, label = clip.name.partition("#t=")[0], class_names[int(row.argmax())]
        last = made[-1] if made else None
        goes_on = last is not None and clip.start > 0 and (last.name, last.label) == (name, label)
        if last is not None and goes_on and abs(last.end - clip.start) < 1e-3:
            parts.append(row)
            shares = np.mean(parts, axis=0)
            made[-1] = replace(last, end=clip.start + clip.seconds, probabilities=_named(shares, class_names))
        else:
            parts = [row]
            made.append(
                ClipPrediction(name, clip.start, clip.start + clip.seconds, label, _named(row, class_names))
            )
    return tuple(made)


def _named(row: np.ndarray, class_names: Sequence[str]) -> dict[str, float]:
    return dict(zip(class_names, map(float, row), strict=True))


def read(
    path: str | Path,
    *,
    seed: int | None = 0,
    progress: Progress = no_progress,
    label_column: str | None = None,
    label_pattern: str | None = None,
    group: str | None = None,
    encoding: str | None = None,
    drop_column: Sequence[str] = (),
    frame_rate: float | None = None,
    part: float | None = None,
) -> Splits:
    """Reads labelled clips, and finds out how long the parts of a long film are to be.

    Args are those of `read_clips`, and `part`: seconds of these parts; by default what nine of ten train
    clips are no longer than.

    Raises:
        DataError, UsageError: As `read_clips`.
    """
    splits = read_clips(
        path,
        seed=seed,
        progress=progress,
        label_column=label_column,
        label_pattern=label_pattern,
        group=group,
        encoding=encoding,
        drop_column=drop_column,
        frame_rate=frame_rate,
    )
    clips = splits.train.samples
    if part is not None or seed is None or not len(clips):
        return splits
    if not isinstance(clips, FileClips):
        raise DataError(f"{path}: expected clips in files")
    lengths = [clips.load(at).seconds for at in range(len(clips))]
    found = round(max(float(np.quantile(lengths, _LONGEST)), 0.1), 3)
    line = (
        f"part: films of more than {2 * found:.3g} s are predicted in parts of {found:.3g} s, because nine"
        " of ten train clips are no longer"
    )
    return replace(splits, decisions=(*splits.decisions, line), reading={**splits.reading, "part": found})


def stream(
    fitted: Fitted[ClipRepresentation], source: BinaryIO | Iterable[Any], *, say: Say = silent
) -> Iterator[ClipPrediction]:
    """Predictions while a film comes.

    Args:
        fitted: The model of a run of video-classification.
        source: A binary stream of a film, or frames as arrays.
        say: Receives what the stream is cut into and what of it is damaged.

    Yields:
        One for each interval as long as the parts of long films, as soon as its last frame is there.

    Raises:
        DataError: The stream is no film.
    """
    part = fitted.options.get("part") or fitted.representation.seconds
    say(f"A prediction for every {part:.3g} s of the stream; --part changes that")
    for clip in live_clips(source, fitted.representation, part, fitted.options.get("frame_rate"), say):
        samples = held(clip)
        yield from to_predictions(predict(fitted, samples, no_progress), samples, fitted.class_names)


RECIPE = replace(
    classification_recipe(
        VIDEO_CLASSIFICATION,
        read=read,
        read_inputs=read_inputs,
        representation=RepresentationSteps(fit_representation, ClipRepresentation.from_json),
        augmentation=augmentation,
        test_time_views=test_time_views,
    ),
    to_predictions=to_predictions,
    stream=stream,
)
