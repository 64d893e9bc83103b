"""Text: what is known of the kind before Keras is imported."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from convscope.data.options import DROP_COLUMN, GROUP, LABEL_COLUMN, TABLE_FILES, TEXT_COLUMN
from convscope.kinds.contract.kind import Architecture, Kind, RecipeSpec
from convscope.lazy import Lazy
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
from convscope.option import Choices, Option, at_least, several_numbers, within

Column = int | str
"""A column by its number or by its name."""

VECTORS = Option("vectors", Path, None, "File of pre-trained word vectors: .vec, .txt or .npz")


HEADERS = Option(
    "headers",
    Literal["keep", "strip"],
    None,
    "Whether headers of messages are read; stripped by default where nearly all texts have them",
    predicts=True,
)


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


def _tagged_column(name: str, what: str) -> Option:
    return Option(
        name,
        Column,
        None,
        f"Column with the {what}: its name, or its number from 1, or from the end as -1",
        lambda value: None if isinstance(value, int | str) and value != "" else "a name or a number",
        predicts=name == "word_column",
        parse=_column,
    )


def _column(text: str) -> Column:
    return int(text) if text.removeprefix("-").isdecimal() else text


TEXT_CLASSIFICATION_OPTIONS = (
    *TABLE_FILES,
    TEXT_COLUMN,
    LABEL_COLUMN,
    DROP_COLUMN,
    HEADERS,
    GROUP,
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
        tries=Choices(((1, 2, 3), (2, 3, 4, 5), (3, 5, 7))),
    ).of(text_cnn=(3, 4, 5)),
    FILTERS.of(text_cnn=100, residual_text_cnn=192),
    EMBEDDING.of(text_cnn=100, residual_text_cnn=192),
    DROPOUT.of(text_cnn=0.5, residual_text_cnn=0.4),
    ENSEMBLE.of(text_cnn=1),
    KERNEL_SIZE.of(residual_text_cnn=3),
    DEPTH.of(residual_text_cnn=4),
)
TEXT_TAGGING_OPTIONS = (
    *TABLE_FILES,
    TEXT_COLUMN,
    GROUP,
    _tagged_column("word_column", "words"),
    _tagged_column("tag_column", "tags"),
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
    *TABLE_FILES,
    TEXT_COLUMN,
    GROUP,
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


TEXT_CLASSIFICATION = RecipeSpec(
    name="text-classification",
    task="classification",
    trains_with=("tokenizers",),
    steps=Lazy("convscope.kinds.text.classification.recipe:RECIPE"),
    summary="which class does a text belong to",
    reads=(
        "a CSV, TSV, JSON, Excel or Parquet table of text, label and split",
        "a folder of text files per class",
        "train/, validation/ and test/ of such folders, or such tables",
        "lines of label and text",
    ),
    architectures=("text_cnn", "residual_text_cnn"),
    options=TEXT_CLASSIFICATION_OPTIONS,
    model_options=TEXT_CLASSIFICATION_MODEL_OPTIONS,
    settings={
        "text_cnn": {
            "epochs": 8,
            "batch_size": 50,
            "learning_rate": 1e-3,
            "embedding": 100,
            "averaging": 0.3,
        },
        "residual_text_cnn": {"epochs": 8, "batch_size": 50, "learning_rate": 1e-3},
    },
)
TEXT_TAGGING = RecipeSpec(
    name="text-tagging",
    task="tagging",
    steps=Lazy("convscope.kinds.text.tagging.recipe:RECIPE"),
    trains_with=("seqeval",),
    main_metric="f1",
    summary="which tag does each word have, and which words are named entities",
    reads=(
        "a word and its tag in each line, sentences apart by empty lines (CoNLL, CoNLL-U)",
        "a table of sentence number, word and tag",
        "JSON Lines or Parquet of tokens and ner_tags, or of texts and the characters of their entities",
        "a folder of such files, one for each split",
    ),
    architectures=("dilated_tagger",),
    options=TEXT_TAGGING_OPTIONS,
    model_options=TEXT_TAGGING_MODEL_OPTIONS,
    settings={"dilated_tagger": {"epochs": 10, "batch_size": 32, "learning_rate": 1e-3, "clip_norm": 5.0}},
    ignored_settings=("class_weights", "label_smoothing", "mixing"),
)
TRANSLATION = RecipeSpec(
    name="translation",
    task="translation",
    steps=Lazy("convscope.kinds.text.translation.recipe:RECIPE"),
    trains_with=("sacrebleu",),
    main_metric="bleu",
    summary="the same text in another language",
    reads=(
        "two files of aligned lines, such as train.de and train.en, compressed or not",
        "a table with a column for each language, or lines of a sentence, a tab and its translation",
        "JSON Lines with a key for each language",
    ),
    architectures=("conv_seq2seq",),
    options=TRANSLATION_OPTIONS,
    model_options=TRANSLATION_MODEL_OPTIONS,
    settings={
        "conv_seq2seq": {
            "epochs": 15,
            "batch_size": 64,
            "learning_rate": 1e-3,
            "clip_norm": 1.0,
            "label_smoothing": 0.1,
        },
    },
    ignored_settings=("class_weights", "mixing"),
)

TEXT = Kind(
    name="text",
    extra="text",
    input_shape=(64,),
    detect=Lazy("convscope.kinds.text.detect:detect"),
    recipes=(TEXT_CLASSIFICATION, TEXT_TAGGING, TRANSLATION),
    architectures=(
        Architecture(
            "text_cnn",
            Lazy("convscope.kinds.text.classification.models:text_cnn"),
            "kernels of several widths over words; small and fast",
        ),
        Architecture(
            "residual_text_cnn",
            Lazy("convscope.kinds.text.classification.models:residual_text_cnn"),
            "a deeper residual network over words",
        ),
        Architecture(
            "dilated_tagger",
            Lazy("convscope.kinds.text.tagging.models:dilated_tagger"),
            "dilated convolutions over words and their characters, a CRF",
            usual_classes=9,
        ),
        Architecture(
            "conv_seq2seq",
            Lazy("convscope.kinds.text.translation.models:conv_seq2seq"),
            "gated convolutions with attention from text to text",
            usual_classes=6_000,
        ),
    ),
    layers="convscope.kinds.text.layers",
    models=("convscope.kinds.text.tagging.models", "convscope.kinds.text.translation.models"),
    view=Lazy("convscope.kinds.text.view:VIEW"),
    model_reader=Lazy("convscope.kinds.text.model_reader:MODEL_READER"),
    reader_options=TEXT_READER_OPTIONS,
    inspections={"attention": Lazy("convscope.kinds.text.translation.attention:inspect_attention")},
    studio=Lazy("convscope.kinds.text.studio:STUDIO"),
)
