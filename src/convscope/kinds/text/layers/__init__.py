"""Layers of text; importing this registers them, so that files with them load."""

import convscope.kinds.text.layers.explanations  # noqa: F401 - registers what to say of texts
from convscope.kinds.text.layers.crf import LinearChainCRF
from convscope.kinds.text.layers.gating import GatedLinearUnit, ScaledSum
from convscope.kinds.text.layers.masking import MaskedGlobalMaxPooling1D, PaddingMask
from convscope.kinds.text.layers.source_attention import SourceAttention
from convscope.kinds.text.layers.spelling import CharacterMask, MaxOverCharacters
from convscope.kinds.text.layers.subwords import SubwordEmbedding
from convscope.kinds.text.layers.token_embedding import PositionEmbedding, TokenEmbedding

__all__ = [
    "CharacterMask",
    "GatedLinearUnit",
    "LinearChainCRF",
    "MaskedGlobalMaxPooling1D",
    "MaxOverCharacters",
    "PaddingMask",
    "PositionEmbedding",
    "ScaledSum",
    "SourceAttention",
    "SubwordEmbedding",
    "TokenEmbedding",
]
