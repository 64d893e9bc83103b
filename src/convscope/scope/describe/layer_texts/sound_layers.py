"""Texts for this package's layers that hear."""

from __future__ import annotations

from convscope.scope.describe import phrasing as words
from convscope.scope.describe.layer_texts.facts import Facts, Text


def _log_mel(facts: Facts) -> str:
    layer = facts.layer
    high = layer.rate / 2 if layer.high is None else layer.high
    return (
        f"Here frames of {words.number(1000 * layer.window)} ms, one every {words.number(1000 * layer.hop)} "
        f"ms, and {words.plural(layer.mels, 'band')} from {words.number(layer.low)} to {high:,g} Hz: "
        f"{facts.changed}."
    )


def _sound_mask(facts: Facts) -> str:
    return f"Here for frames of {words.plural(facts.layer.hop, 'sample')}: {facts.changed}."


def _masked_normalization(facts: Facts) -> str:
    layer = facts.layer
    names = [name for name, used in (("factor", layer.scale), ("offset", layer.center)) if used]
    learned = f"a learned {words.listed(names)}" if names else "nothing learned"
    return (
        f"Here each channel has a running mean and variance (momentum {words.number(layer.momentum)}, "
        f"epsilon {words.number(layer.epsilon)}) and {learned}. "
        f"The shape stays {words.values(facts.shape_out)}."
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
    "MaskedBatchNormalization": Text(
        "Brings each channel to a mean of 0 and a variance of 1, as seen over the recordings of a batch in "
        "training and on average afterwards, and may then stretch and shift it. Moments that are padding "
        "behind shorter recordings have no part in it, so that nothing depends on what else is in the batch.",
        _masked_normalization,
    ),
    "SoundMask": Text(
        "The recordings of a batch are filled up to one length with zeros, which is called padding. The mask "
        "is 1 for frames in which there is sound and 0 at padding; with it, later layers leave padding out.",
        _sound_mask,
    ),
    "SpectrumMasking": Text(
        "In training, hides random stretches of time and random ranges of bands, so that the network cannot "
        "rely on one of them alone. It changes nothing when the network is used.",
        _spectrum_masking,
    ),
}
