"""How recordings become the inputs of a Keras model that comes without a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import keras

from convscope.data.labelled import names_data_set
from convscope.data.splits import Samples
from convscope.errors import UsageError
from convscope.kinds.audio.classification.representation import LONGEST, AudioRepresentation
from convscope.kinds.audio.kind import AUDIO_READER_OPTIONS
from convscope.kinds.audio.layers.log_mel import LogMel
from convscope.kinds.audio.readers.recordings import Recordings
from convscope.kinds.contract.model_reader import (
    ModelEncoding,
    ModelMatch,
    ModelReader,
    PlainModel,
    ReadingOptions,
    have_endings,
)
from convscope.scope.attribution.layer import embedding_of

ENDINGS = (".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif", ".au", ".opus")
_FRONT_ENDS = (LogMel, keras.layers.MelSpectrogram, keras.layers.STFTSpectrogram)


def matches(model: PlainModel, files: Sequence[str], options: ReadingOptions) -> ModelMatch | None:
    """A waveform that a spectrogram layer takes; any waveform where the files are recordings."""
    shape = model.only_shape
    if shape is None or not (len(shape) == 1 or (len(shape) == 2 and shape[1] == 1)):
        return None
    layer = _front_end(model)
    if layer is not None:
        return ModelMatch(1.0, f"the layer '{layer.name}' turns waveforms into spectrograms")
    if embedding_of(model.graph, model.graph.inputs[0]):
        return None
    if have_endings(files, ENDINGS) or "rate" in options:
        return ModelMatch(0.95, f"its input {shape} is that of waveforms, and the files are recordings")
    return None


def encoding(model: PlainModel, samples: Samples, options: ReadingOptions) -> ModelEncoding:
    """Recordings at the rate of the front end or of `--rate`, cut or padded to the length of the input.

    Raises:
        UsageError: The model takes no waveforms, or its rate is not known.
    """
    shape = model.only_shape
    if shape is None or not (len(shape) == 1 or (len(shape) == 2 and shape[1] == 1)):
        raise model.mismatch(
            "waveforms of shape (samples,) or (samples, 1)",
            "If they are spectrograms, compute them as in training and give them as a .npy or .npz file.",
        )
    rate, source = _rate(model, options)
    longest = max(cast(Recordings, samples).seconds, default=LONGEST)
    length = shape[0] or max(1, round(min(longest, LONGEST) * rate))
    representation = AudioRepresentation(rate, length, same_level=False)
    return ModelEncoding(
        representation,
        add_channel=len(shape) == 2,
        notes=(
            f"recordings are resampled to {rate:,} Hz, {source}, and cut or padded to {length:,} samples",
        ),
    )


def _rate(model: PlainModel, options: ReadingOptions) -> tuple[int, str]:
    """Samples per second, and what says so."""
    layer = _front_end(model)
    own = getattr(layer, "rate", getattr(layer, "sampling_rate", None))
    asked = cast("int | None", options.get("rate"))
    if own is None and asked is None:
        raise UsageError(
            f"The model '{model.model.name}' takes waveforms at a sampling rate that is not known.",
            "Give it with --rate (rate=16000).",
        )
    if own is not None and asked not in (None, own):
        raise UsageError(
            f"The layer '{layer.name}' takes {own:,} Hz. Received: rate={asked:,}.", "Leave --rate out."
        )
    return (
        (int(own), f"as the layer '{layer.name}' takes") if own is not None else (int(asked or 0), "as given")
    )


def _front_end(model: PlainModel) -> Any:
    """The layer that turns the waveform into a spectrogram; None if there is none."""
    value = model.graph.inputs[0]
    users = (call.layer for call in model.graph.calls if value in call.inputs)
    return next((layer for layer in users if isinstance(layer, _FRONT_ENDS)), None)


MODEL_READER = ModelReader(
    kind="audio",
    samples="recordings",
    recipe="audio-classification",
    matches=matches,
    encoding=encoding,
    is_labelled=names_data_set,
    endings=ENDINGS,
    options=AUDIO_READER_OPTIONS,
)
