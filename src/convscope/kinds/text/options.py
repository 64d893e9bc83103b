"""Options of texts."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from convscope.data.options import ENCODING, LABEL_COLUMN, TEXT_COLUMN
from convscope.models.options import (
    DEPTH,
    DILATIONS,
    DROPOUT,
    EMBEDDING,
    ENSEMBLE,
    FILTERS,
    KERNEL_SIZE,
    WIDTH,
)
from convscope.option import Option, at_least, several_numbers, within

VECTORS = Option("vectors", Path, None, "File of pre-trained word vectors: .vec, .txt or .npz")


def _vocabulary(default: int | None, least: int) -> Option:
    return Option("vocabulary", int, default, "Maximum size of the vocabulary", at_least(least), common=True)


def _max_length(default: int | None, least: int) -> Option:
    return Option(
        "max_length",
        int,
        default,
        "Maximum length of a text in tokens; longer texts are cut",
        at_least(least),
    )


TEXT_CLASSIFICATION_OPTIONS = (
    ENCODING,
    TEXT_COLUMN,
    LABEL_COLUMN,
    Option("unit", Literal["words", "subwords", "hashed"], "words", "Type of tokens"),
    _vocabulary(20_000, 3),
    _max_length(512, 1),
    VECTORS,
)
TEXT_CLASSIFICATION_MODEL_OPTIONS = (
    Option(
        "widths",
        tuple[int, ...],
        None,
        "Lengths of the kernels in words, separated by commas",
        at_least(1),
        parse=several_numbers,
    ).of(text_cnn=(3, 4, 5)),
    FILTERS.of(text_cnn=100, residual_text_cnn=192),
    EMBEDDING.of(text_cnn=300, residual_text_cnn=192),
    DROPOUT.of(text_cnn=0.5, residual_text_cnn=0.4),
    ENSEMBLE.of(text_cnn=1),
    KERNEL_SIZE.of(residual_text_cnn=3),
    DEPTH.of(residual_text_cnn=4),
)
TEXT_TAGGING_OPTIONS = (
    ENCODING,
    TEXT_COLUMN,
    Option("word_column", int, 1, "Number of the column with the words, from 1, or from the end as -1"),
    Option("tag_column", int, -1, "Number of the column with the tags, from 1, or from the end as -1"),
    _vocabulary(100_000, 1),
    VECTORS,
)
TEXT_TAGGING_MODEL_OPTIONS = (
    KERNEL_SIZE.of(dilated_tagger=3),
    DILATIONS.of(dilated_tagger=(1, 2, 4, 1)),
    DEPTH.of(dilated_tagger=1),
    WIDTH.of(dilated_tagger=256),
    Option("word_width", int, None, "Length of a word vector", at_least(1)).of(dilated_tagger=100),
    Option("character_width", int, None, "Number of kernels over the characters of a word", at_least(1)).of(
        dilated_tagger=64
    ),
    DROPOUT.of(dilated_tagger=0.5),
)
TRANSLATION_OPTIONS = (
    ENCODING,
    TEXT_COLUMN,
    Option("source", str, None, "Source language, as named by files or columns"),
    Option("target", str, None, "Target language, as named by files or columns"),
    Option("test", str, None, "Name of the test set, for data with several, such as test_2016_flickr"),
    _vocabulary(None, 16),
    _max_length(None, 2),
    Option("beam", int, 5, "Beam size; 1 is greedy search", within(1, 100), predicts=True),
    Option(
        "length_penalty",
        float,
        1.0,
        "Exponent of the length by which scores are divided; larger prefers longer texts",
        within(0, 10),
        predicts=True,
    ),
)
TRANSLATION_MODEL_OPTIONS = (
    WIDTH.of(conv_seq2seq=256),
    Option("encoder_depth", int, None, "Number of encoder blocks", at_least(1)).of(conv_seq2seq=6),
    Option("decoder_depth", int, None, "Number of decoder blocks", at_least(1)).of(conv_seq2seq=4),
    KERNEL_SIZE.of(conv_seq2seq=3),
    DROPOUT.of(conv_seq2seq=0.3),
    Option("positions", int, None, "Number of positions that have an embedding", at_least(1)).of(
        conv_seq2seq=256
    ),
)
TEXT_READER_OPTIONS = (
    Option(
        "vocabulary",
        Path,
        None,
        "File with one token per line, in the order of their ids, for a model that takes token ids",
    ),
)
