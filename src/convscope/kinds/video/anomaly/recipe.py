"""Alarms in the film of a fixed camera: what is not like the normal films that were learned from.

From top to bottom: films are read, windows of frames are drawn from them, a model learns how each frame goes
on, and films that it did not learn from tell how far off it usually is, in each part of the frame.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import keras
import numpy as np
import numpy.typing as npt

from convscope.data.kept import kept
from convscope.data.splits import Samples, Split, Splits
from convscope.engine.training.batches import Batch
from convscope.engine.training.class_examples import CompactInputs
from convscope.engine.training.objective import Objective
from convscope.errors import UsageError
from convscope.kinds.contract.recipe import (
    ExampleContext,
    Fitted,
    ModelFactory,
    Recipe,
    ReportSteps,
    RepresentationSteps,
    SampleInputs,
)
from convscope.kinds.tasks.alarms import FALSE_ALARMS, HOLD, Watch, checked_hold, checked_rate
from convscope.kinds.video.anomaly.figure import film_figure
from convscope.kinds.video.anomaly.metrics import FrameMetrics, frame_metrics
from convscope.kinds.video.anomaly.reader import Anomalies, read_scenes
from convscope.kinds.video.anomaly.scores import (
    SMOOTHED,
    FilmAlarm,
    FilmScorer,
    ScoredFilm,
    block_errors,
    box_of,
    grid_times,
    region_of,
    smoothed,
    to_predictions,
    usual_of,
    windows_ending,
)
from convscope.kinds.video.kind import VIDEO_ANOMALY
from convscope.kinds.video.readers.inputs import ClipInputs, read_inputs
from convscope.kinds.video.readers.sources import Clip, FileClips, StoredClip
from convscope.kinds.video.representation import ClipRepresentation, FramesDescription, as_clips, proportions
from convscope.kinds.video.stream import NAME, live_clips
from convscope.kinds.video.windows import counts_of, windows_at
from convscope.lenses.pages.pages import LazyFigure
from convscope.lenses.pages.report import Mistake
from convscope.types import SPLITS, Progress, Say, SplitName, no_progress, silent

FRAMES, ROOM = 6, 64
"""Of a window, where nothing else is asked for, and of the parts of films that are decoded together."""
RATE = 12.5
"""Frames a second that are looked at, at most."""
FEWEST_WINDOWS, MOST_WINDOWS = 256, 2048
"""Windows of an epoch."""
FEWEST_HELD = 3
"""Held-out frames that reach the threshold, without which it says little."""
SHOWN_FILMS, SHOWN_MISTAKES = 4, 24
_LIVE = 1.0
"""Seconds of a stream that are scored together."""


@dataclass(frozen=True, eq=False)
class SceneWindows:
    """Windows of frames, each of which is to go on as normal films do.

    Args:
        parts: Parts of films.
        made: Brings them to inputs.
        count: Windows of an epoch.
        cells: Shape of the errors of a window.
    """

    parts: CompactInputs
    made: ClipRepresentation
    count: int
    cells: tuple[int, ...]

    def __len__(self) -> int:
        return self.count

    @property
    def lengths(self) -> None:
        """All windows are alike."""
        return

    def batch(self, indices: npt.NDArray[np.int64], rng: np.random.Generator | None) -> Batch:
        """(windows, errors of 0); in a training windows begin anywhere in their part."""
        clips = np.asarray(self.parts.take(indices * len(self.parts) // self.count))
        shares = np.full(len(clips), 0.5) if rng is None else rng.random(len(clips))
        last = np.maximum(counts_of(clips) - self.made.frames, 0)
        starts = np.rint(shares * last).astype(np.int64)
        windows = windows_at(clips, starts[:, None] + np.arange(self.made.frames))
        return self.made.to_inputs(windows), np.zeros((len(clips), *self.cells), np.float32)


def fit_scene(
    train: Split, frames: int = FRAMES, side: int | None = None, span: float | None = None
) -> tuple[ClipRepresentation, Sequence[str]]:
    """Chooses the grid of time and pixels from the normal films.

    Args:
        train: The train split.
        frames: Of a window.
        side: Pixels of the longer side of a frame, where the user chose them.
        span: Seconds of a window, where the user chose them.

    Returns:
        The representation, and one line for each choice with its reason.
    """
    source = as_clips(train)
    rate = min(float(np.median([fact.rate for fact in source.facts])), RATE)
    step = round(1 / rate if span is None else span / frames, 4) or 1e-4
    size, said = proportions(source.facts, side)
    made = ClipRepresentation(frames, size, 1, step, max(ROOM, 2 * frames), "moving")
    why = "as given" if span is not None else f"which are all of the films, up to {RATE:g} a second"
    return made, [f"windows: {frames} frames in gray {step:.3g} s apart, {why}", said]


def parts_of_films(films: FileClips, made: ClipRepresentation) -> FileClips:
    """Films in parts that are decoded together, the last part of each as long as the others."""
    stored, facts = [], []
    seconds = made.room * made.step
    for clip, fact in zip(films.stored, films.facts, strict=True):
        first, last = clip.span or (0.0, fact.seconds)
        count = max(math.ceil((last - first) / seconds - 1e-6), 1)
        ends = np.linspace(first, last, count + 1)
        stored += [
            StoredClip(clip.key, clip.frames, (float(start), float(end))) for start, end in pairwise(ends)
        ]
        facts += [fact] * count
    return FileClips(films.root, stored, facts, films.rate)


def build(
    make: ModelFactory,
    representation: ClipRepresentation,
    class_names: Sequence[str],
    options: Mapping[str, Any],
) -> keras.Model:
    """A fresh model from windows to the errors of their cells."""
    return make(representation.shape, **options)


def examples(context: ExampleContext[ClipRepresentation]) -> SceneWindows:
    """Windows over all films; many more in a training, where they begin anywhere."""
    made = context.representation
    parts = kept(made.encode(parts_of_films(as_clips(context.split), made)))
    each = max(made.room // made.frames, 1) if context.training else 1
    count = min(max(len(parts) * each, FEWEST_WINDOWS if context.training else 1), MOST_WINDOWS)
    return SceneWindows(parts, made, count, (1, 1, 1, 1))


def predict(fitted: Fitted[ClipRepresentation], samples: Samples, progress: Progress) -> list[ScoredFilm]:
    """Scores of each frame of each film, and the alarms."""
    scorer = FilmScorer(fitted)
    return [scorer.score(samples.load(at), progress) for at in range(len(samples))]


def evaluate(films: Sequence[ScoredFilm], split: Split, class_names: Sequence[str]) -> FrameMetrics:
    """Scores and alarms beside known anomalies."""
    return frame_metrics(films, list(split.names()), list(split.labels))


def calibrate(fitted: Fitted[ClipRepresentation], validation: Split, progress: Progress) -> dict[str, Any]:
    """How far off films are that were not learned from; those with anomalies are left out."""
    normal = [at for at, known in enumerate(validation.labels) if not known.spans]
    if not normal:
        raise UsageError("Every film of the validation split has an anomaly.", "Give normal ones.")
    some = validation.some(np.array(normal, np.int64))
    return usual_of(fitted, some.samples, progress).to_json()


def encode_inputs(fitted: Fitted[ClipRepresentation], samples: Samples, progress: Progress) -> SampleInputs:
    """Of each film the window that ends with its most unusual frame."""
    made, scorer = fitted.representation, FilmScorer(fitted)
    ends: dict[int, int] = {}

    def times(at: int) -> npt.NDArray[np.float64]:
        clip: Clip = samples.load(at)
        if at not in ends:
            ends[at] = int(scorer.score(clip, progress).scores.argmax())
        places = np.arange(ends[at] - made.frames + 1, ends[at] + 1)
        return np.asarray(grid_times(made, clip.seconds)[np.maximum(places, 0)])

    def take(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        frames = [samples.load(at).at(times(at), made.size, made.channels) for at in rows.tolist()]
        return np.stack(frames).astype(np.float32) / np.float32(255)

    return SampleInputs(take, lambda at: FramesDescription(times(at) + samples.load(at).start))


def counts(splits: Splits) -> dict[SplitName, dict[str, int]]:
    """Films, seconds and known anomalies of each split."""
    found: dict[SplitName, dict[str, int]] = {}
    for name in SPLITS:
        samples, labels = splits[name].samples, splits[name].labels
        seconds = sum(samples.load(at).seconds for at in range(len(samples)))
        found[name] = {"films": len(samples), "seconds": round(seconds)}
        found[name]["known anomalies"] = sum(len(known.spans or ()) for known in labels)
    return found


def mistakes(films: Sequence[ScoredFilm], split: Split, class_names: Sequence[str]) -> list[Mistake]:
    """Anomalies without an alarm, and false alarms, the highest first; where these are known."""
    found: list[tuple[float, Mistake]] = []
    for at, film in enumerate(films):
        known: Anomalies = split.labels[at]
        name, raised = split.samples.name(at), [film.seconds(alarm) for alarm in film.alarms]
        for start, end in known.spans or ():
            if not any(start < other[1] and other[0] < end for other in raised):
                missed = (("missed", f"{start:.2f} to {end:.2f} s"),)
                found.append((math.inf, Mistake("", name, details=missed)))
        for alarm, (start, end) in zip(film.alarms, raised, strict=True):
            spans = known.spans
            if spans is not None and not any(start < span[1] and span[0] < end for span in spans):
                false = (("false alarm", f"{start:.2f} to {end:.2f} s"), ("score", f"{alarm.score:.1f}"))
                found.append((alarm.score, Mistake("", name, details=false)))
    return [mistake for _, mistake in sorted(found, key=lambda each: -each[0])[:SHOWN_MISTAKES]]


def example_samples(splits: Splits) -> list[tuple[str, list[Any]]]:
    """Some normal films."""
    samples = splits.train.samples
    return [("films", [samples.load(at) for at in range(min(SHOWN_FILMS, len(samples)))])]


def plot_predictions(
    fitted: Fitted[ClipRepresentation], samples: Samples, labels: Any, progress: Progress
) -> list[LazyFigure]:
    """The first films with their scores and alarms, and the anomalies that are known."""
    some = samples.take(np.arange(min(SHOWN_FILMS, len(samples))))
    return [
        film_figure(film, some.load(at), () if labels is None else labels[at].spans or ())
        for at, film in enumerate(predict(fitted, some, progress))
    ]


def output_names(representation: ClipRepresentation, class_names: tuple[str, ...]) -> tuple[str, ...]:
    """How far off a cell is."""
    return ("squared error",)


def stream(
    fitted: Fitted[ClipRepresentation], source: BinaryIO | Iterable[Any], *, say: Say = silent
) -> Iterator[FilmAlarm]:
    """Alarms while a film comes: each as soon as it begins, and where every frame is asked for all of them.

    Args:
        fitted: The model of a run of video-anomaly.
        source: A binary stream of a film, or frames as arrays.
        say: Receives what of the stream is damaged.

    Raises:
        DataError: The stream is no film.
    """
    scorer, made = FilmScorer(fitted), fitted.representation
    watch = Watch(scorer.threshold, scorer.hold)
    part = max(round(_LIVE / made.step), 1) * made.step
    past, before, number = None, None, 0
    for clip in live_clips(source, made, part, fitted.options.get("frame_rate"), say):
        if past is None:
            past = np.repeat(clip.held[:1], made.frames - 1, axis=0)
        whole = np.concatenate([past, clip.held])
        past = whole[len(whole) - made.frames + 1 :]
        errors = block_errors(scorer.model, windows_ending(whole, made.frames))
        errors = errors if before is None else np.concatenate([before, errors])
        relative = smoothed(errors)[len(errors) - len(clip.held) :] / scorer.usual.scale
        before = errors[len(errors) - SMOOTHED + 1 :]
        scores = scorer.usual.surprisals(relative.max(axis=(1, 2)))
        for at, score in enumerate(scores.tolist()):
            number += 1
            over, begins = watch.push(score if number >= made.frames else 0.0)
            if begins or scorer.every:
                when = clip.start + float(clip.moments[at])
                box = box_of(region_of(relative[at]), clip)
                ends = (when - made.step / 2, when + made.step / 2)
                yield FilmAlarm(NAME, *ends, when, score, box, alarm=over)


def read(
    path: str | Path,
    *,
    seed: int | None = 0,
    progress: Progress = no_progress,
    frame_rate: float | None = None,
    encoding: str | None = None,
    false_alarms: float = FALSE_ALARMS,
    hold: int = HOLD,
) -> Splits:
    """Reads films, and says where too few are held out for the rate that is asked for.

    Args are those of `read_scenes`, and the options that alarms are raised by, which are checked here, before
    anything is learned.
    """
    asked = checked_rate(false_alarms)
    checked_hold(hold)
    splits = read_scenes(path, seed=seed, progress=progress, frame_rate=frame_rate, encoding=encoding)
    clips = as_clips(splits.validation)
    frames = sum(clips.load(at).seconds * min(clips.facts[at].rate, RATE) for at in range(len(clips)))
    if frames * asked / 1000 >= FEWEST_HELD:
        return splits
    few = (
        f"the held-out films have {frames:.0f} frames, so that how rare one in {1000 / asked:.0f} is follows"
        " from a tail; more normal films make it surer"
    )
    return replace(splits, warnings=(*splits.warnings, few))


def _read_inputs(
    paths: Sequence[str], *, progress: Progress = no_progress, frame_rate: float | None = None
) -> ClipInputs:
    """Whole films that scores are asked for; args as those of `read_inputs`."""
    return read_inputs(paths, progress=progress, frame_rate=frame_rate)


REPORT: ReportSteps[ClipRepresentation, Sequence[ScoredFilm]] = ReportSteps(
    "films", counts, mistakes, example_samples, plot_predictions
)
RECIPE = Recipe(
    spec=VIDEO_ANOMALY,
    objective=Objective(loss=lambda settings: keras.losses.MeanAbsoluteError(), monitor=None, label="loss"),
    read=read,
    read_inputs=_read_inputs,
    representation=RepresentationSteps(fit_scene, ClipRepresentation.from_json),
    build=build,
    examples=examples,
    predict=predict,
    to_predictions=to_predictions,
    evaluate=evaluate,
    load_metrics=FrameMetrics.from_json,
    output_names=output_names,
    encode_inputs=encode_inputs,
    report=REPORT,
    stream=stream,
    calibrate=calibrate,
)
