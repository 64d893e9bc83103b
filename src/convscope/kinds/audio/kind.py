"""Audio: what is known of the kind before Keras is imported."""

from __future__ import annotations

from convscope.kinds.audio.options import (
    AUDIO_CLASSIFICATION_MODEL_OPTIONS,
    AUDIO_CLASSIFICATION_OPTIONS,
    AUDIO_READER_OPTIONS,
    SPEECH_RECOGNITION_MODEL_OPTIONS,
    SPEECH_RECOGNITION_OPTIONS,
)
from convscope.kinds.contract.kind import Architecture, Kind, RecipeSpec
from convscope.lazy import Lazy

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
)
