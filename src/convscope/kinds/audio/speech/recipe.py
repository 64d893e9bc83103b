"""Speech to text: which words are said, and when?

From top to bottom: recordings with transcripts are read into splits, recordings become waveforms of one rate
and transcripts ids of characters, separable convolutions over log-mel energies learn to say a character or
nothing in each fiftieth of a second, and a search over all the ways to spread a text in time finds the words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import keras
import numpy as np
import numpy.typing as npt

from convscope.data.splits import Samples, Split, Splits
from convscope.data.token_rows import TokenRows, padded_length
from convscope.engine.training.batches import Batch
from convscope.engine.training.objective import Objective
from convscope.kinds.audio.augmentation import SpeechAugmentation
from convscope.kinds.audio.kind import SPEECH_RECOGNITION
from convscope.kinds.audio.readers.inputs import read_audio_inputs
from convscope.kinds.audio.readers.reader import read_recordings
from convscope.kinds.audio.readers.recordings import Recordings
from convscope.kinds.audio.readers.sound_rows import SoundRows, as_inputs, stacked
from convscope.kinds.audio.readers.transcripts import spelled
from convscope.kinds.audio.speech.metrics import SpeechMetrics, speech_metrics
from convscope.kinds.audio.speech.representation import SpeechRepresentation
from convscope.kinds.audio.speech.stream import stream
from convscope.kinds.audio.speech.transcription import (
    LONGEST,
    TimedWord,
    Transcript,
    transcriber,
)
from convscope.kinds.contract.recipe import (
    ExampleContext,
    Fitted,
    ModelFactory,
    Recipe,
    ReportSteps,
    RepresentationSteps,
    SampleInputs,
)
from convscope.kinds.contract.representation import TimelineDescription
from convscope.lenses.pages.report import Mistake
from convscope.types import SPLITS, Axis, Progress, SplitName, no_progress

BLANK_NAME = "blank"
SPACE_NAME = "space"
SHOWN_TEXTS = 8
HEARD_BYTES = 128 * 2**20
"""Waveforms that take more are decoded while they are heard, long ones a piece at a time."""


@dataclass(frozen=True)
class SpokenText:
    """The answer for one recording.

    Args:
        name: The file, and where it is a part of it, from which second on.
        text: What is said.
        words: Each word with its seconds.
        confidence: The least probability of a word; where there is none, of nothing being said.
    """

    name: str
    text: str
    words: tuple[TimedWord, ...]
    confidence: float

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        words = [vars(word) for word in self.words]
        return {"sample": self.name, "text": self.text, "confidence": self.confidence, "words": words}

    def to_row(self) -> dict[str, str]:
        """Name, text, confidence, and words as `start-end word`, in seconds."""
        words = "; ".join(f"{word.start:.2f}-{word.end:.2f} {word.text}" for word in self.words)
        return {
            "sample": self.name,
            "text": self.text,
            "confidence": f"{self.confidence:.6f}",
            "words": words,
        }

    def to_cells(self) -> dict[str, str]:
        """Name, text and confidence."""
        return {"sample": self.name, "answer": self.text, "confidence": f"{self.confidence:.1%}"}


@dataclass(frozen=True)
class SpeechExamples:
    """Recordings with the characters of their transcripts.

    Args:
        rows: Waveforms.
        targets: Ids of characters.
        augment: Random changes to some waveforms; None leaves them as they are.
    """

    rows: SoundRows
    targets: TokenRows
    augment: Any = None

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Samples of each recording."""
        return self.rows.lengths

    def batch(self, indices: npt.NDArray[np.int64], rng: np.random.Generator | None) -> Batch:
        """(waveforms, ids of characters)."""
        waves = self.rows.several(indices)
        if self.augment is not None and rng is not None:
            waves = self.augment(waves, rng)
        return as_inputs(stacked(waves, self.rows.rate)), self.targets.take(indices)


def build_recognizer(
    make: ModelFactory,
    representation: SpeechRepresentation,
    class_names: Sequence[str],
    options: Mapping[str, Any],
) -> keras.Model:
    """A fresh model with one output for each character, and the blank."""
    sizes = {**representation.sizes, **options}
    return make(representation.shape, representation.classes, **sizes)


def speech_examples(context: ExampleContext[SpeechRepresentation]) -> SpeechExamples:
    """Waveforms and transcripts."""
    representation = context.representation
    rows = representation.encode(_recordings(context.split.samples), progress=context.progress)
    augment = context.augment if context.training else None
    return SpeechExamples(rows, representation.targets(context.split.labels), augment)


def predict(fitted: Fitted[SpeechRepresentation], samples: Samples, progress: Progress) -> list[Transcript]:
    """What is said in each recording."""
    representation = fitted.representation
    hear = transcriber(fitted)  # wrong options are reported before anything is decoded
    return hear(representation.encode(_recordings(samples), HEARD_BYTES, progress), progress)


def evaluate(answers: Sequence[Transcript], split: Split, class_names: Sequence[str]) -> SpeechMetrics:
    """Errors of words and characters."""
    return speech_metrics([spelled(str(text)) for text in split.labels], [each.text for each in answers])


def to_predictions(
    answers: Sequence[Transcript], samples: Samples, class_names: Sequence[str]
) -> list[SpokenText]:
    """The words of each recording."""
    return [
        SpokenText(samples.name(i), each.text, each.words, each.confidence) for i, each in enumerate(answers)
    ]


def output_names(representation: SpeechRepresentation, class_names: tuple[str, ...]) -> tuple[str, ...]:
    """The blank and the characters."""
    characters = (SPACE_NAME if each == " " else each for each in representation.characters)
    return (BLANK_NAME, *characters)


def counts(splits: Splits) -> dict[SplitName, dict[str, int]]:
    """Recordings."""
    return {name: {"recordings": len(splits[name])} for name in SPLITS}


def mistakes(answers: Sequence[Transcript], split: Split, class_names: Sequence[str]) -> list[Mistake]:
    """The recordings with the most wrong words for each that is said."""
    return [
        Mistake(
            "",
            split.samples.name(each.index),
            details=(("said", each.reference), ("heard", each.transcript), ("WER", f"{each.wer:.0%}")),
        )
        for each in evaluate(answers, split, class_names).worst
    ]


def example_samples(splits: Splits) -> list[tuple[str, list[str]]]:
    """What is said in a few train recordings."""
    few = [spelled(str(text)) for text in splits.train.labels[:SHOWN_TEXTS]]
    return [("recordings", few)]


def encode_inputs(fitted: Fitted[SpeechRepresentation], samples: Samples, progress: Progress) -> SampleInputs:
    """The beginnings of recordings as the model takes them, all padded to one length."""
    representation: SpeechRepresentation = fitted.representation
    rows = representation.encode(_recordings(samples), progress=progress)
    most = round(LONGEST * rows.rate)
    unit = max(1, rows.rate // 50)
    longest = min(most, int(rows.lengths.max(initial=1)))
    length = padded_length(-(-longest // unit)) * unit

    def take(indices: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        return as_inputs(stacked([wave[:most] for wave in rows.several(indices)], rows.rate, length))

    def describe(i: int) -> TimelineDescription:
        heard = min(most, int(rows.lengths[i]))
        return TimelineDescription(Axis(np.arange(length) / rows.rate, "s", filled=(0, length - heard)))

    return SampleInputs(take, describe)


def _recordings(samples: Samples) -> Recordings:
    return cast(Recordings, samples)


OBJECTIVE = Objective(loss=lambda settings: None, label="transcripts without an error")
REPORT: ReportSteps[SpeechRepresentation, Sequence[Transcript]] = ReportSteps(
    "recordings", counts, mistakes, example_samples
)


def read(
    path: str | Path,
    *,
    seed: int | None = 0,
    progress: Progress = no_progress,
    text_column: str | None = None,
    encoding: str | None = None,
    group: str | None = None,
    drop_column: Sequence[str] = (),
) -> Splits:
    """Recordings with transcripts: a table or LibriSpeech's layout."""
    return read_recordings(
        path,
        "transcript",
        seed=seed,
        progress=progress,
        column=text_column,
        encoding=encoding,
        group=group,
        drop_column=drop_column,
    )


def fit_representation(train: Split, rate: int | None = None) -> tuple[SpeechRepresentation, Sequence[str]]:
    """Chooses the rate, unless it is given, and learns the characters of the transcripts."""
    return SpeechRepresentation.fit(train, rate=rate)


def augmentation(strength: float) -> Callable[[Any, np.random.Generator], Any] | None:
    """Speed, loudness and noise, `strength` times as far as by default."""
    return SpeechAugmentation().scaled(strength)


RECIPE = Recipe(
    spec=SPEECH_RECOGNITION,
    objective=OBJECTIVE,
    read=read,
    read_inputs=read_audio_inputs,
    representation=RepresentationSteps(fit_representation, SpeechRepresentation.from_json),
    build=build_recognizer,
    examples=speech_examples,
    predict=predict,
    to_predictions=to_predictions,
    evaluate=evaluate,
    load_metrics=SpeechMetrics.from_json,
    output_names=output_names,
    encode_inputs=encode_inputs,
    report=REPORT,
    augmentation=augmentation,
    stream=stream,
    reads_whole=True,
)
