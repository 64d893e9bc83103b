"""Layers that Keras lacks, for every backend; importing this registers them, so that files with them load."""

from convscope.layers.crf import LinearChainCRF
from convscope.layers.filtering import EdgePadding2D, Energy, Standardization
from convscope.layers.gating import GatedLinearUnit, ScaledSum
from convscope.layers.log_mel import LogMel
from convscope.layers.masking import MaskedGlobalMaxPooling1D, PaddingMask
from convscope.layers.member_mean import MemberMean
from convscope.layers.minirocket import ProportionsAbove
from convscope.layers.pooling import ProportionOfPositiveValues
from convscope.layers.sound_mask import MaskedBatchNormalization, SoundMask
from convscope.layers.source_attention import SourceAttention
from convscope.layers.spectrum_masking import SpectrumMasking
from convscope.layers.spelling import CharacterMask, MaxOverCharacters
from convscope.layers.subwords import SubwordEmbedding
from convscope.layers.token_embedding import PositionEmbedding, TokenEmbedding

__all__ = [
    "CharacterMask",
    "EdgePadding2D",
    "Energy",
    "GatedLinearUnit",
    "LinearChainCRF",
    "LogMel",
    "MaskedBatchNormalization",
    "MaskedGlobalMaxPooling1D",
    "MaxOverCharacters",
    "MemberMean",
    "PaddingMask",
    "PositionEmbedding",
    "ProportionOfPositiveValues",
    "ProportionsAbove",
    "ScaledSum",
    "SoundMask",
    "SourceAttention",
    "SpectrumMasking",
    "Standardization",
    "SubwordEmbedding",
    "TokenEmbedding",
]
