"""From waveforms to log-mel energies: the front end of models that hear."""

from __future__ import annotations

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from convscope import phrasing
from convscope.errors import UsageError
from convscope.kinds.audio.layers.frame_energies import FrameEnergies
from convscope.scope.describe.input_kind import InputKind
from convscope.scope.describe.input_readers import InputReader, register_reader
from convscope.scope.facts import Facts
from convscope.scope.geometry.axis_dependency import everything, slid
from convscope.scope.geometry.sliding import Passage, State
from convscope.scope.graph.graph import LayerGraph, Value
from convscope.scope.layer_spec import LayerSpec, register
from convscope.scope.sizes import Shapes, count
from convscope.types import Tensor

Floats = npt.NDArray[np.float64]


@keras.saving.register_keras_serializable(package="convscope")
class LogMel(keras.layers.Layer):  # type: ignore[misc]
    r"""Cuts a waveform into overlapping frames and says how much energy each has in each band of hearing.

    With a periodic Hann window w of N samples, a frame x and its spectrum

        X[k] = sum over n of w[n] x[n] exp(-2 pi i k n / N),    k = 0 ... N / 2

        y[m] = log(floor + sum over k of M[k, m] |X[k]|^2 / sum over n of w[n]^2)

    M are triangles, 1 at their tops, that stand at equal distances on the mel scale, mel(f) = 2595
    log10(1 + f / 700) (O'Shaughnessy 1987, "Speech communication: human and machine"; such triangles in Davis
    and Mermelstein 1980, "Comparison of parametric representations for monosyllabic word recognition"). A bin
    k takes the mean of a triangle over the width of the bin instead of its value in the middle, so that
    no band is empty where bands are narrower than bins.

    Frame t is centered on the samples from t hops on to t + 1 hops; what a window reaches outside of the
    waveform counts as silence. So zeros that are added behind the end change no frame of the waveform itself,
    and there are as many frames as hops are begun.

    The spectrum is one convolution with cosines and sines of constant weights. Every backend and every format
    that a model is exported to has convolutions. In trainings and predictions on a processor, where nothing
    is derived by the waveform, `on_processor` computes the same by fast Fourier transforms. All is computed
    in float32 whatever the precision of the model, since quiet bands beside loud ones would drown in the
    rounding of shorter numbers.

    Args:
        rate: Samples per second.
        window: Duration of a frame in seconds.
        hop: Time from frame to frame in seconds.
        mels: Bands.
        low: Where the lowest band begins, in Hz.
        high: Where the highest band ends, in Hz; half of the rate where it is None.
        floor: Is added to each energy; a white noise of variance v has an energy of about v in a band as
            wide as a bin, that of rounding to 16 bits about 8e-11.

    Shapes:
        - input: (batch, samples), from -1 to 1.
        - output: (batch, frames, mels), float32, frames = ceil(samples / (hop * rate)).

    Raises:
        UsageError: Times or frequencies that cannot be.

    Example:
        >>> tuple(LogMel(16000, mels=40)(keras.ops.zeros((2, 16000))).shape)
        (2, 100, 40)
    """

    def __init__(
        self,
        rate: int,
        window: float = 0.025,
        hop: float = 0.010,
        mels: int = 64,
        low: float = 20.0,
        high: float | None = None,
        floor: float = 1e-8,
        **options: object,
    ) -> None:
        options["dtype"] = "float32"
        options["trainable"] = False
        super().__init__(**options)
        self.rate, self.mels, self.floor = rate, mels, floor
        self.window, self.hop, self.low, self.high = window, hop, low, high
        self.kernel_size = (round(window * rate),)
        self.strides = (round(hop * rate),)
        self._check()

    @property
    def frequencies(self) -> Floats:
        """The middle of each band in Hz, rising, (bands,)."""
        high = self.rate / 2 if self.high is None else self.high
        corners = np.linspace(mel(np.float64(self.low)), mel(np.float64(high)), self.mels + 2)
        return hertz(corners[1:-1])

    @property
    def padding(self) -> tuple[int, int]:
        """Samples of silence before and behind the waveform."""
        (length,), (step,) = self.kernel_size, self.strides
        before = max(length - step, 0) // 2
        return before, length - 1 - before

    def get_config(self) -> dict[str, object]:
        """All that rebuilds the layer."""
        names = ("rate", "window", "hop", "mels", "low", "high", "floor")
        config: dict[str, object] = super().get_config()
        return {**config, **{name: getattr(self, name) for name in names}}

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Makes the constant weights."""
        if len(shape) != 2:
            raise UsageError(f"{self.name} takes waveforms of shape (batch, samples). Received: {shape}.")
        self._waves = windowed_waves(self.kernel_size[0]).astype(np.float32)
        bins = self._waves.shape[-1] // 2
        width = self.rate / self.kernel_size[0]
        high = self.rate / 2 if self.high is None else self.high
        self._bands = mel_bands(bins, width, self.mels, self.low, high).astype(np.float32)
        window = scaled_window(self.kernel_size[0]).astype(np.float32)
        self._energies = FrameEnergies(window, self.strides[0], self.padding[0], self._bands, self.floor)

    def call(self, waveforms: Tensor) -> Tensor:
        """Computes the log-mel energies."""
        padded = ops.pad(ops.cast(waveforms, "float32"), ((0, 0), self.padding))
        waves = ops.convert_to_tensor(self._waves)
        parts = ops.conv(
            ops.expand_dims(padded, -1),
            waves,
            strides=self.strides[0],
            padding="valid",
            data_format="channels_last",
        )
        bins = self._waves.shape[-1] // 2
        power = ops.square(parts[..., :bins]) + ops.square(parts[..., bins:])
        return ops.log(ops.matmul(power, ops.convert_to_tensor(self._bands)) + self.floor)

    def on_processor(self, waveforms: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """The log-mel energies of arrays, to within rounding; see `convscope.engine.exchange.OnProcessor`."""
        return self._energies(waveforms)

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Batch, frames and bands."""
        samples = shape[1]
        frames = None if samples is None else -(-samples // self.strides[0])
        return shape[0], frames, self.mels

    def compute_output_spec(self, waveforms: Tensor) -> keras.KerasTensor:
        """Shape and dtype of the energies."""
        return keras.KerasTensor(self.compute_output_shape(waveforms.shape), dtype="float32")

    def _check(self) -> None:
        (length,), (step,) = self.kernel_size, self.strides
        high = self.rate / 2 if self.high is None else self.high
        if step < 1 or length < max(step, 4):
            raise UsageError(
                "LogMel needs a hop of a sample at least, and a window of four samples that is no shorter. "
                f"Received: {step} and {length} samples, of hop={self.hop}, window={self.window}, "
                f"rate={self.rate}."
            )
        if not 0 <= self.low < high <= self.rate / 2:
            raise UsageError(
                f"LogMel needs bands that rise, from 0 Hz or more to {self.rate / 2:g} Hz at most. "
                f"Received: low={self.low}, high={high}."
            )
        if self.mels < 1 or not self.floor > 0:
            raise UsageError(
                f"LogMel needs a band at least, and a floor above 0. Received: mels={self.mels}, "
                f"floor={self.floor}."
            )


def windowed_waves(length: int) -> Floats:
    """Cosines and sines of all frequencies of a window, which is laid over them, as a convolution's weights.

    Args:
        length: Samples of the window, N.

    Returns:
        Shape (N, 1, 2 bins): N // 2 + 1 cosines, then as many sines, of frequencies k / N; scaled so
        that the squares of a pair add up to the energy of a bin.
    """
    angles = 2 * np.pi * np.outer(np.arange(length), np.arange(length // 2 + 1)) / length
    waves: Floats = np.concatenate([np.cos(angles), np.sin(angles)], axis=1) * scaled_window(length)[:, None]
    return waves[:, None, :]


def scaled_window(length: int) -> Floats:
    """A periodic Hann window whose squares add up to 1, shape (length,)."""
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    return np.asarray(hann / np.sqrt(np.sum(hann**2)))


def mel_bands(bins: int, width: float, mels: int, low: float, high: float) -> Floats:
    """The mean of each triangle of the mel scale over each bin of a spectrum.

    Args:
        bins: Bins, the first at 0 Hz.
        width: From bin to bin, in Hz.
        mels: Triangles.
        low: Where the first begins, in Hz.
        high: Where the last ends, in Hz.

    Returns:
        Shape (bins, mels), from 0 to 1.
    """
    corners = hertz(np.linspace(mel(np.float64(low)), mel(np.float64(high)), mels + 2))
    borders = (np.arange(bins + 1) - 0.5)[:, None] * width
    left, top, right = corners[:-2], corners[1:-1], corners[2:]
    rising = np.clip(borders, left, top) - left
    falling = right - np.clip(borders, top, right)
    area = rising**2 / (2 * (top - left)) + (right - top) / 2 - falling**2 / (2 * (right - top))
    shares: Floats = np.diff(area, axis=0) / width
    return shares


def mel(frequency: Floats | np.float64) -> Floats:
    """From Hz to the mel scale.

    Example:
        >>> round(float(mel(np.float64(1000.0))))
        1000
    """
    return np.asarray(2595 * np.log10(1 + np.asarray(frequency) / 700))


def hertz(mels: Floats) -> Floats:
    """From the mel scale to Hz."""
    return np.asarray(700 * (10 ** (mels / 2595) - 1))


def frames_of(at: Passage, window: int, step: int, before: int) -> State:
    """Receptive fields of frames: a window slides along the waveform, and bands are channels."""
    return tuple(
        slid(r, at.output[1], window, step, 1, before) if r.axis == 1 else everything(r) for r in at.state
    )


def _dependency(at: Passage) -> State:
    return frames_of(at, at.layer.kernel_size[0], at.layer.strides[0], at.layer.padding[0])


def _cost(layer: LogMel, inputs: Shapes, outputs: Shapes) -> int:
    """Each frame times the cosines and sines of every frequency, and these times the bands."""
    window, bins = layer.kernel_size[0], layer.kernel_size[0] // 2 + 1
    return int(count(outputs[0][1:2]) * bins * (2 * window + layer.mels))


def _here(facts: Facts) -> str:
    layer = facts.layer
    high = layer.rate / 2 if layer.high is None else layer.high
    return (
        f"Frames of {phrasing.number(1000 * layer.window)} ms every {phrasing.number(1000 * layer.hop)} ms, "
        f"{phrasing.plural(layer.mels, 'mel band')} from {phrasing.number(layer.low)} to {high:,g} Hz: "
        f"{facts.changed}."
    )


def _seconds(duration: float) -> str:
    return f"{phrasing.number(duration)} second{'' if duration == 1 else 's'}"


def _recordings(graph: LayerGraph, value: Value) -> InputKind | None:
    """What a waveform holds that this layer reads."""
    if len(value.shape) != 2:
        return None
    readers = (call.layer for call in graph.calls if value in call.inputs)
    rate = next(layer.rate for layer in readers if isinstance(layer, LogMel))
    length = value.shape[1]
    of = "of any length" if length is None else f"of {_seconds(length / rate)}"
    said = f"recordings {of} at {rate:,} Hz"
    return InputKind("recording", said, "audio sample", (length,), None, "waveform", ("frame", "cell"))


register(
    LayerSpec(
        LogMel,
        "front end",
        "Computes the log-mel energies of a waveform: short, overlapping frames are split into frequency "
        "bands, narrow at low and wide at high frequencies, as in human hearing. It has no trainable "
        "weights.",
        _here,
        _dependency,
        _cost,
        component="log-mel front end",
    )
)
register_reader(InputReader((LogMel,), _recordings))
