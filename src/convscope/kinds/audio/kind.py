"""Audio: what is known of the kind before Keras is imported."""

from __future__ import annotations

from pathlib import Path

from convscope.data.options import DROP_COLUMN, GROUP, LABEL_COLUMN, LABEL_PATTERN, TABLE_FILES, TEXT_COLUMN
from convscope.kinds.contract.kind import Architecture, Kind, RecipeSpec
from convscope.lazy import Lazy
from convscope.models.options import DEPTH, DROPOUT, FILTERS, KERNEL_SIZES, MASKING, MELS, WIDTH
from convscope.option import Option, at_least

RATE = Option("rate", int, None, "Resample recordings to this rate in Hz", at_least(1000), common=True)


def _seconds(value: float) -> str | None:
    return None if 0 < value < 3600 else "above 0 and below 3600"


AUDIO_CLASSIFICATION_OPTIONS = (
    LABEL_COLUMN,
    GROUP,
    LABEL_PATTERN,
    DROP_COLUMN,
    *TABLE_FILES,
    RATE,
    Option("seconds", float, None, "Cut or pad recordings to this duration in seconds", _seconds),
    Option("same_level", bool, True, "Whether recordings are normalized to the same peak level"),
)
AUDIO_CLASSIFICATION_MODEL_OPTIONS = (
    MELS.of(audio_cnn=40),
    DEPTH.of(audio_cnn=3),
    FILTERS.of(audio_cnn=24),
    Option("floor", float, None, "Constant added to each energy before the logarithm").of(audio_cnn=1e-6),
    DROPOUT.of(audio_cnn=0.3),
    MASKING.of(audio_cnn=0.2),
)
SPEECH_RECOGNITION_OPTIONS = (
    TEXT_COLUMN,
    DROP_COLUMN,
    *TABLE_FILES,
    GROUP,
    RATE,
    Option("beam", int, 16, "Beam size; 1 is greedy search", at_least(1), predicts=True),
    Option(
        "words",
        Path,
        None,
        "File with one word per line, optionally with a weight; restricts recognition to these words",
        predicts=True,
    ),
)
SPEECH_RECOGNITION_MODEL_OPTIONS = (
    MELS.of(separable_ctc=64),
    KERNEL_SIZES.of(separable_ctc=(11, 13, 15)),
    DEPTH.of(separable_ctc=2),
    WIDTH.of(separable_ctc=128),
    DROPOUT.of(separable_ctc=0.1),
    MASKING.of(separable_ctc=0.2),
)
AUDIO_READER_OPTIONS = (RATE,)


AUDIO_CLASSIFICATION = RecipeSpec(
    name="audio-classification",
    task="classification",
    steps=Lazy("convscope.kinds.audio.classification.recipe:RECIPE"),
    summary="which class does a recording belong to",
    reads=(
        "a folder of recordings per class: WAV, FLAC, OGG, MP3",
        "train/, validation/ and test/ of such folders",
        "a JSON Lines, CSV or Parquet table of path and label, with offset, duration and split",
        "a folder of recordings whose names say the label",
    ),
    architectures=("audio_cnn",),
    options=AUDIO_CLASSIFICATION_OPTIONS,
    model_options=AUDIO_CLASSIFICATION_MODEL_OPTIONS,
    settings={"audio_cnn": {"epochs": 30, "batch_size": 32, "learning_rate": 2e-3, "weight_decay": 0.01}},
)
SPEECH_RECOGNITION = RecipeSpec(
    name="speech-recognition",
    task="speech recognition",
    steps=Lazy("convscope.kinds.audio.speech.recipe:RECIPE"),
    trains_with=("jiwer",),
    main_metric="wer",
    summary="which words are spoken in a recording, and when",
    reads=(
        "a JSON Lines, CSV or Parquet table of path and transcript, with offset, duration and split",
        "a folder with one such table, or with one for each split",
        "folders with *.trans.txt beside recordings, as LibriSpeech has them",
    ),
    architectures=("separable_ctc",),
    options=SPEECH_RECOGNITION_OPTIONS,
    model_options=SPEECH_RECOGNITION_MODEL_OPTIONS,
    settings={
        "separable_ctc": {
            "epochs": 20,
            "batch_size": 32,
            "learning_rate": 3e-3,
            "weight_decay": 0.01,
            "clip_norm": 1.0,
        },
    },
    ignored_settings=("class_weights", "label_smoothing", "mixing"),
)

AUDIO = Kind(
    name="audio",
    extra="audio",
    input_shape=(16_000,),
    detect=Lazy("convscope.kinds.audio.detect:detect"),
    recipes=(AUDIO_CLASSIFICATION, SPEECH_RECOGNITION),
    architectures=(
        Architecture(
            "audio_cnn",
            Lazy("convscope.kinds.audio.classification.models:audio_cnn"),
            "a residual network over log-mel energies, which it computes itself from the waveform",
        ),
        Architecture(
            "separable_ctc",
            Lazy("convscope.kinds.audio.speech.models:separable_ctc"),
            "separable convolutions over log-mel energies, from speech to characters",
            usual_classes=28,
        ),
    ),
    layers="convscope.kinds.audio.layers",
    models=("convscope.kinds.audio.speech.models",),
    view=Lazy("convscope.kinds.audio.view:VIEW"),
    model_reader=Lazy("convscope.kinds.audio.model_reader:MODEL_READER"),
    reader_options=AUDIO_READER_OPTIONS,
    requires=("soundfile",),
    studio=Lazy("convscope.kinds.audio.studio:STUDIO"),
)
