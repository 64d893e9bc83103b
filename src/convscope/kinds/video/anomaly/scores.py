"""Scores of films: how far off each cell of each frame is, beside how far off normal ones are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from scipy.ndimage import label, maximum_filter

from convscope.data.splits import Samples
from convscope.engine.inference.infer import predict_batches
from convscope.errors import RunError, UsageError
from convscope.kinds.contract.recipe import Fitted
from convscope.kinds.tasks.alarms import (
    FALSE_ALARMS,
    HOLD,
    Alarm,
    Tail,
    checked_hold,
    checked_rate,
    find_alarms,
    threshold_for,
)
from convscope.kinds.video.readers.films import Frames
from convscope.kinds.video.readers.sources import Clip
from convscope.kinds.video.representation import ClipRepresentation
from convscope.types import Progress

BATCH = 32
"""Windows that are predicted at a time."""
BLOCK = 256
"""Frames that are decoded at a time."""
SMOOTHED = 3
"""Frames over which errors are averaged."""
MOST_KEPT = 4_000
"""Scores of held-out frames that a run keeps."""
WARM = 20
"""Held-out frames before which nothing is called rare."""
_QUANTILE = 0.95
_HALF = 0.5
"""Share of the largest error of a frame that the other cells of its region reach."""

Grid = npt.NDArray[np.float64]


@dataclass(frozen=True)
class FrameRegion:
    """A part of a frame, as shares of its width and height from the upper left corner.

    Args:
        left: Where it begins.
        top: Likewise.
        right: Where it ends.
        bottom: Likewise.
    """

    left: float
    top: float
    right: float
    bottom: float

    def pixels(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Left, top, right and bottom in pixels of a film."""
        return (
            round(self.left * width),
            round(self.top * height),
            round(self.right * width),
            round(self.bottom * height),
        )


@dataclass(frozen=True, eq=False)
class ScoredFilm:
    """The scores of one film.

    Args:
        times: When its frames are, in seconds from the beginning of the film, shape (frames,).
        scores: -log10 of the share of normal frames that score as high, shape (frames,).
        errors: How far off each cell is, in units of what is usual there, shape (frames, rows, columns).
        lead: Frames at the beginning that have no past, and score 0.
        threshold: The score from which on a frame belongs to an alarm.
        asked: Frames in a thousand normal ones that may reach it.
        alarms: In order.
        every: Whether each frame is told, and not each alarm.
    """

    times: npt.NDArray[np.float64]
    scores: Grid = field(repr=False)
    errors: npt.NDArray[np.float32] = field(repr=False)
    lead: int
    threshold: float
    asked: float
    alarms: tuple[Alarm, ...]
    every: bool

    @property
    def step(self) -> float:
        """Seconds between frames."""
        return float(self.times[1] - self.times[0]) if len(self.times) > 1 else 0.0

    @property
    def highest(self) -> Grid:
        """The largest error of each frame behind the lead: as the scores, but of usual frames too."""
        return np.asarray(self.errors[self.lead :].max(axis=(1, 2)), np.float64)

    def seconds(self, alarm: Alarm) -> tuple[float, float]:
        """When an alarm begins and ends."""
        half = self.step / 2
        return max(float(self.times[alarm.start]) - half, 0.0), float(self.times[alarm.end]) + half

    def region(self, at: int) -> FrameRegion:
        """Where a frame is most unusual."""
        return region_of(self.errors[at])


def region_of(errors: npt.NDArray[np.floating[Any]]) -> FrameRegion:
    """The cells around the largest error that reach half of it, shape (rows, columns).

    Example:
        >>> region_of(np.array([[0.0, 4.0], [0.0, 3.0], [1.0, 0.0], [3.0, 0.0]]))
        FrameRegion(left=0.5, top=0.0, right=1.0, bottom=0.5)
    """
    rows, columns = errors.shape
    row, column = np.unravel_index(int(errors.argmax()), errors.shape)
    parts, _ = label(errors >= _HALF * errors.max())
    inside = np.argwhere(parts == parts[row, column])
    (top, left), (bottom, right) = inside.min(axis=0), inside.max(axis=0) + 1
    return FrameRegion(float(left / columns), float(top / rows), float(right / columns), float(bottom / rows))


@dataclass(frozen=True, eq=False)
class Usual:
    """What normal frames are like that were not learned from.

    Args:
        scale: How far off cells usually are, shape (rows, columns).
        highest: The largest error of each frame in units of it, shape (frames,).
    """

    scale: Grid
    highest: Grid

    @classmethod
    def of(cls, films: Sequence[Grid]) -> Usual:
        """From the root mean squared errors of normal films, shape (frames, rows, columns) each.

        The largest errors of each film are in units of what the others show, of a single one each half in
        those of the other, because what is normal comes at new places too.
        """
        parts = films if len(films) > 1 else np.array_split(films[0], 2)
        found = [
            (smoothed(part) / _scale([other for other in parts if other is not part])).max(axis=(1, 2))
            for part in parts
            if len(part) and len(parts[0])
        ]
        return cls(_scale(films), np.concatenate(found))

    def to_json(self) -> dict[str, Any]:
        """Plain values; of many frames some, evenly over their order of size."""
        kept = np.sort(self.highest)
        places = np.linspace(0, len(kept) - 1, min(len(kept), MOST_KEPT)).round().astype(int)
        return {
            "scale": [[float(f"{each:.6g}") for each in row] for row in self.scale.tolist()],
            "highest": [float(f"{each:.6g}") for each in kept[places].tolist()],
            "frames": len(kept),
        }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Usual:
        """Reads what `to_json` wrote.

        Raises:
            RunError: It is something else.
        """
        try:
            scale, highest = (np.asarray(saved[name], np.float64) for name in ("scale", "highest"))
            good = scale.ndim == 2 and highest.ndim == 1 and scale.min() > 0
            good = good and bool(np.isfinite(scale).all() and np.isfinite(highest).all())
        except (KeyError, TypeError, ValueError):
            good = False
        if not good:
            raise RunError("calibration.json is damaged: it has no usual errors.", "Train again.")
        return cls(scale, highest)

    def surprisals(self, highest: Grid) -> Grid:
        """-log10 of the share of normal frames whose largest error is as large, shape (frames,)."""
        tail = Tail(self.highest.tolist(), warm=WARM)
        return np.array([tail.surprisal(each) for each in highest.tolist()])


def _scale(films: Sequence[Grid]) -> Grid:
    """How far off the worst cell usually is, or a cell itself where that is more, (rows, columns)."""
    every = np.concatenate(films)
    own = maximum_filter(np.quantile(every, _QUANTILE, axis=0), 3)
    largest = max(float(np.quantile(every.max(axis=(1, 2)), 0.5)), 1e-6)
    return np.asarray(np.maximum(own, largest), np.float64)


def smoothed(errors: Grid) -> Grid:
    """The mean over a few frames up to each, of those that are there, shape (frames, ...)."""
    total = np.cumsum(errors, axis=0)
    total[SMOOTHED:] -= total[:-SMOOTHED].copy()
    counts = np.minimum(np.arange(1, len(errors) + 1), SMOOTHED).reshape(-1, *[1] * (errors.ndim - 1))
    return np.asarray(total / counts)


def grid_times(made: ClipRepresentation, seconds: float) -> npt.NDArray[np.float64]:
    """When the frames of a film are that are scored, in seconds from its beginning."""
    return np.asarray((np.arange(max(int(seconds / made.step), 1)) + 0.5) * made.step)


def windows_ending(frames: Frames, length: int) -> Frames:
    """The windows of some frames that end with each of those that have a past, as views of them."""
    views = np.lib.stride_tricks.sliding_window_view(frames, length, axis=0)
    return np.moveaxis(views, -1, 1)


def errors_of(model: keras.Model, made: ClipRepresentation, clip: Clip, progress: Progress) -> Iterator[Grid]:
    """Root mean squared errors of the cells of a film, block by block, (frames, rows, columns).

    The frames at its beginning that have no past see the first frame in its place.
    """
    times = grid_times(made, clip.seconds)
    past: Frames | None = None
    for start in range(0, len(times), BLOCK):
        frames = clip.at(times[start : start + BLOCK], made.size, made.channels)
        before = np.repeat(frames[:1], made.frames - 1, axis=0) if past is None else past
        whole = np.concatenate([before, frames])
        past = whole[len(whole) - made.frames + 1 :]
        yield block_errors(model, windows_ending(whole, made.frames))
        progress(min(start + BLOCK, len(times)), len(times), "scoring")


def block_errors(model: keras.Model, windows: Frames) -> Grid:
    """Root mean squared errors of the cells of the last frames of windows, (windows, rows, columns)."""
    count = len(windows)
    size = min(BATCH, count)

    def batches() -> Iterator[npt.NDArray[np.float32]]:
        for start in range(0, count, size):
            rows = np.arange(start, start + size) % count  # full, so that one compiled function serves all
            yield windows[rows].astype(np.float32) / np.float32(255)

    found = np.concatenate([each[0][:, 0, ..., 0] for each in predict_batches(model, batches())])
    return np.asarray(np.sqrt(np.maximum(found[:count].astype(np.float64), 0)))


class FilmScorer:
    """A model with what is usual, and the threshold that its options ask for.

    Args:
        fitted: A trained model.

    Raises:
        UsageError: An option that cannot work.
        RunError: The calibration is damaged.
    """

    def __init__(self, fitted: Fitted[ClipRepresentation]) -> None:
        self.model, self.made = fitted.model, fitted.representation
        self.asked = checked_rate(fitted.options.get("false_alarms", FALSE_ALARMS))
        self.hold = checked_hold(fitted.options.get("hold", HOLD))
        self.every = bool(fitted.options.get("every", False))
        self.threshold = threshold_for(self.asked)
        self.usual = Usual.from_json(fitted.calibration)
        cells = tuple(fitted.model.output_shape[2:4])
        if self.usual.scale.shape != cells:
            raise RunError(
                f"calibration.json is damaged: expected usual errors of {cells} cells, received"
                f" {self.usual.scale.shape}.",
                "Train again.",
            )

    def score(self, clip: Clip, progress: Progress) -> ScoredFilm:
        """The scores of a film."""
        found = np.concatenate(list(errors_of(self.model, self.made, clip, progress)))
        errors = smoothed(found) / self.usual.scale
        scores = self.usual.surprisals(errors.max(axis=(1, 2)))
        lead = min(self.made.frames - 1, len(scores))
        scores[:lead] = 0.0
        parts = errors.reshape(len(errors), -1)
        alarms = find_alarms(scores, parts, self.threshold, self.hold)
        times = grid_times(self.made, clip.seconds) + clip.start
        kept = errors.astype(np.float32)
        return ScoredFilm(times, scores, kept, lead, self.threshold, self.asked, alarms, self.every)


def usual_of(fitted: Fitted[ClipRepresentation], films: Samples, progress: Progress) -> Usual:
    """What held-out normal films are like.

    Raises:
        UsageError: They are shorter than a window.
    """
    found, made = [], fitted.representation
    for at in range(len(films)):
        errors = np.concatenate(list(errors_of(fitted.model, made, films.load(at), progress)))
        found.append(errors[made.frames - 1 :])
    found = [each for each in found if len(each)]
    if not found:
        raise UsageError(
            f"The films that are held out are shorter than a window of {made.seconds:.3g} s.",
            "Give longer ones, or --frames of fewer.",
        )
    return Usual.of(found)


@dataclass(frozen=True)
class FilmAlarm:
    """An alarm of a film, or that there is none; or one frame, where each is told.

    Args:
        name: The film.
        start: When it begins, in seconds; None where the film has no alarm.
        end: When it ends.
        peak: When it is strongest.
        score: The score there: -log10 of the share of normal frames that score as high.
        box: The region there: left, top, right and bottom in pixels of the film.
        alarm: Whether it is one.
    """

    name: str
    start: float | None = None
    end: float | None = None
    peak: float | None = None
    score: float | None = None
    box: tuple[int, int, int, int] | None = None
    alarm: bool = False

    def to_json(self) -> dict[str, Any]:
        """All of it; seconds rounded to milliseconds."""
        times = {"start": self.start, "end": self.end, "peak": self.peak}
        return {
            "sample": self.name,
            "alarm": self.alarm,
            **{name: None if value is None else round(value, 3) for name, value in times.items()},
            "score": None if self.score is None else round(self.score, 4),
            "box": None if self.box is None else list(self.box),
        }

    def to_row(self) -> dict[str, str]:
        """All of it as text; empty where there is nothing."""
        plain = {**self.to_json(), "alarm": "1" if self.alarm else "0"}
        box = plain.pop("box") or [""] * 4
        sides = dict(zip(("left", "top", "right", "bottom"), box, strict=True))
        return {name: "" if value is None else str(value) for name, value in {**plain, **sides}.items()}

    def to_cells(self) -> dict[str, str]:
        """Interval, score and region."""
        if self.start is None or self.end is None or self.score is None:
            return {"film": self.name, "seconds": "no alarm", "score": "", "region": ""}
        box = self.box or (0, 0, 0, 0)
        return {
            "film": self.name,
            "seconds": f"{self.start:.2f} to {self.end:.2f}",
            "score": f"{self.score:.1f}",
            "region": f"x {box[0]} to {box[2]}, y {box[1]} to {box[3]}",
        }


def to_predictions(
    films: Sequence[ScoredFilm], samples: Samples, class_names: Sequence[str]
) -> list[FilmAlarm]:
    """A row for each alarm, or that says that there is none; for each frame where that was asked for."""
    told: list[FilmAlarm] = []
    for at, film in enumerate(films):
        clip: Clip = samples.load(at)
        if film.every:
            told += [_frame(film, clip, frame) for frame in range(film.lead, len(film.times))]
            continue
        rows = [
            FilmAlarm(
                clip.name,
                *film.seconds(alarm),
                float(film.times[alarm.peak]),
                alarm.score,
                box_of(film.region(alarm.peak), clip),
                alarm=True,
            )
            for alarm in film.alarms
        ]
        told += rows or [FilmAlarm(clip.name)]
    return told


def _frame(film: ScoredFilm, clip: Clip, at: int) -> FilmAlarm:
    when, score = float(film.times[at]), float(film.scores[at])
    half, box = film.step / 2, box_of(film.region(at), clip)
    return FilmAlarm(clip.name, when - half, when + half, when, score, box, score >= film.threshold)


def box_of(region: FrameRegion, clip: Clip) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a region in pixels of a film."""
    return region.pixels(clip.facts.width, clip.facts.height)
