"""Layers of audio; importing this registers them, so that files with them load."""

from convscope.kinds.audio.layers.log_mel import LogMel
from convscope.kinds.audio.layers.sound_mask import MaskedBatchNormalization, SoundMask
from convscope.kinds.audio.layers.spectrum_masking import SpectrumMasking

__all__ = [
    "LogMel",
    "MaskedBatchNormalization",
    "SoundMask",
    "SpectrumMasking",
]
