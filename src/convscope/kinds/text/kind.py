"""Text: what is known of the kind before Keras is imported."""

from __future__ import annotations

from convscope.kinds.contract.kind import Architecture, Kind, RecipeSpec
from convscope.kinds.text.options import (
    TEXT_CLASSIFICATION_MODEL_OPTIONS,
    TEXT_CLASSIFICATION_OPTIONS,
    TEXT_READER_OPTIONS,
    TEXT_TAGGING_MODEL_OPTIONS,
    TEXT_TAGGING_OPTIONS,
    TRANSLATION_MODEL_OPTIONS,
    TRANSLATION_OPTIONS,
)
from convscope.lazy import Lazy

TEXT_CLASSIFICATION = RecipeSpec(
    name="text-classification",
    task="classification",
    steps=Lazy("convscope.kinds.text.classification.recipe:RECIPE"),
    summary="which class does a text belong to",
    reads=(
        "a CSV, TSV, JSON Lines or Parquet table of text, label and split",
        "a folder of .txt files per class",
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
    summary="which tag does each word have, and which words are named entities",
    reads=(
        "columns of words and tags, sentences apart by empty lines (CoNLL): a file",
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
    summary="the same text in another language",
    reads=(
        "two files of aligned lines, such as train.de and train.en, compressed or not",
        "a TSV with a column for each language",
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
)
