"""Texts for this package's layers that hear."""

from __future__ import annotations

from convscope.scope import words
from convscope.scope.layer_texts.facts import Facts, Text


def _log_mel(facts: Facts) -> str:
    layer = facts.layer
    high = layer.rate / 2 if layer.high is None else layer.high
    return (
        f"Here frames of {words.number(1000 * layer.window)} ms, one every {words.number(1000 * layer.hop)} "
        f"ms, and {words.plural(layer.mels, 'band')} from {words.number(layer.low)} to {high:,g} Hz: "
        f"{facts.changed}."
    )


def _spectrum_masking(facts: Facts) -> str:
    layer = facts.layer
    return (
        f"Here {words.plural(layer.count, 'stretch')} of up to {words.percent(layer.time, 1)} of the frames "
        f"and {words.plural(layer.count, 'range')} of up to {words.percent(layer.bands, 1)} of the bands are "
        "hidden in training."
    )


TEXTS = {
    "LogMel": Text(
        "Cuts a waveform into short overlapping frames and says how much energy each has in each band of "
        "frequencies, in logarithms. The bands are narrow for low tones and wide for high ones, as hearing "
        "is (the mel scale), and logarithms make twice as loud the same step everywhere. It has nothing to "
        "learn: its kernels are waves of every frequency.",
        _log_mel,
    ),
    "SpectrumMasking": Text(
        "In training, hides random stretches of time and random ranges of bands, so that the network cannot "
        "rely on one of them alone. It changes nothing when the network is used.",
        _spectrum_masking,
    ),
}
