"""Options of audio."""

from __future__ import annotations

from pathlib import Path

from convscope.data.options import ENCODING, LABEL_COLUMN, TEXT_COLUMN
from convscope.models.options import DEPTH, DROPOUT, FILTERS, KERNEL_SIZES, MASKING, MELS, WIDTH
from convscope.option import Option, at_least

RATE = Option("rate", int, None, "Resample recordings to this rate in Hz", at_least(1000), common=True)


def _seconds(value: float) -> str | None:
    return None if 0 < value < 3600 else "above 0 and below 3600"


AUDIO_CLASSIFICATION_OPTIONS = (
    LABEL_COLUMN,
    Option(
        "label_pattern",
        str,
        None,
        "Regular expression with a group named label, for labels in file names",
    ),
    ENCODING,
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
    ENCODING,
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
