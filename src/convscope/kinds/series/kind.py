"""Series: what is known of the kind before Keras is imported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite
from typing import Literal

from convscope.data.options import DROP_COLUMN, GROUP, LABEL_COLUMN, LABEL_PATTERN, TABLE_FILES, TIME_COLUMN
from convscope.kinds.contract.kind import Architecture, Kind, RecipeSpec
from convscope.kinds.series.model_options import (
    SERIES_ANOMALY_MODEL_OPTIONS,
    SERIES_CLASSIFICATION_MODEL_OPTIONS,
    SERIES_FORECASTING_MODEL_OPTIONS,
    SERIES_REGRESSION_MODEL_OPTIONS,
    SERIES_REMAINING_LIFE_MODEL_OPTIONS,
)
from convscope.lazy import Lazy
from convscope.option import Option, above, at_least, several_names

_LABEL_COLUMN = replace(LABEL_COLUMN, predicts=True)


def _between(value: float) -> str | None:
    return None if 0 < value < 1 else "between 0 and 1"


def _false_alarms(value: float) -> str | None:
    return None if 0 < value < 500 else "above 0 and below 500 per thousand rows"


def _coverage(value: float) -> str | None:
    return None if 0 < value <= 0.995 else "above 0 and at most 0.995"


def _are_numbers(values: Sequence[str]) -> str | None:
    try:
        return None if all(map(isfinite, map(float, values))) else "finite numbers"
    except ValueError:
        return "numbers, separated by commas"


def _window(default: int | None, least: int, words: str = "that the model reads") -> Option:
    known = default is not None
    words = f"Number of consecutive rows {words}"
    return Option("window", int, default, words, at_least(least), common=known, predicts=not known)


EVERY = Option(
    "every", bool, False, "Predict for every row or cycle instead of one prediction per series", predicts=True
)

MEASURING_OPTIONS = (
    TIME_COLUMN,
    Option("id_column", str, None, "Name of the column that identifies the series of a row", predicts=True),
    Option(
        "time_format",
        str,
        None,
        "How times are written: day-first, month-first, year-first, or a pattern such as %d.%m.%Y %H:%M",
        predicts=True,
    ),
    Option(
        "missing_value",
        tuple[str, ...],
        (),
        "Numbers that stand for a missing value, separated by commas",
        _are_numbers,
        predicts=True,
        parse=several_names,
    ),
    DROP_COLUMN,
    *TABLE_FILES,
)
SERIES_CLASSIFICATION_OPTIONS = (
    *MEASURING_OPTIONS,
    _LABEL_COLUMN,
    LABEL_PATTERN,
    GROUP,
    Option(
        "rows",
        Literal["auto", "series", "times"],
        "auto",
        "Meaning of a table row: a whole series, or one time of a series",
        predicts=True,
    ),
    Option(
        "scaling",
        Literal["auto", "series", "train", "none"],
        "auto",
        "Standardize each series, standardize by the train split, or neither",
    ),
    _window(None, 2, "of each window of a stream with a label in each row"),
    Option("length", int, None, "Resample or pad series to this number of time steps", at_least(1)),
)
_TRAIN_SHARE = Option(
    "train_share",
    float,
    None,
    "Share of each series, from its beginning, that is used for training",
    _between,
)
SERIES_ANOMALY_OPTIONS = (
    *MEASURING_OPTIONS,
    _LABEL_COLUMN,
    _TRAIN_SHARE,
    Option(
        "train_rows",
        int,
        None,
        "Number of rows at the start of each series that are normal, to learn from",
        at_least(32),
        common=True,
    ),
    Option(
        "per_series",
        bool,
        None,
        "Compare each series with its own beginning; by default where the series are unlike",
    ),
    Option(
        "levels",
        bool,
        None,
        "Find long anomalies by the level of the first rows; by default with --train-rows",
    ),
    _window(128, 8),
    Option(
        "false_alarms",
        float,
        3.0,
        "Expected false alarms per thousand normal rows",
        _false_alarms,
        predicts=True,
    ),
    Option(
        "hold",
        int,
        100,
        "Number of rows after which an alarm that goes on is reported again",
        at_least(1),
        predicts=True,
    ),
    EVERY,
)
_COVERAGE = Option(
    "coverage",
    float,
    0.9,
    "Share of true values that prediction intervals contain",
    _coverage,
    predicts=True,
)
SERIES_FORECASTING_OPTIONS = (
    *MEASURING_OPTIONS,
    _TRAIN_SHARE,
    _window(128, 8),
    Option("horizon", int, 24, "Number of rows that are forecast", at_least(1), common=True),
    _COVERAGE,
)
SERIES_REMAINING_LIFE_OPTIONS = (
    Option("subset", str, None, "Name of the subset of C-MAPSS, such as FD001"),
    Option("unit_column", str, None, "Name of the column that identifies the machine", predicts=True),
    TIME_COLUMN,
    Option("life_column", str, None, "Name of the column with the remaining life", predicts=True),
    Option(
        "conditions",
        tuple[str, ...],
        None,
        "Names of the columns with the operating conditions, separated by commas",
        predicts=True,
        parse=several_names,
    ),
    *TABLE_FILES,
    _window(60, 2),
    Option("cap", float, None, "Maximum remaining life that is predicted, in cycles", above(0)),
    _COVERAGE,
    EVERY,
)
SERIES_READER_OPTIONS = tuple(
    option for option in SERIES_CLASSIFICATION_OPTIONS if option.name in ("time_column", "id_column", "rows")
)


SERIES_CLASSIFICATION = RecipeSpec(
    name="series-classification",
    task="classification",
    steps=Lazy("convscope.kinds.series.recipes:CLASSIFICATION"),
    summary="which class does a series belong to",
    reads=(
        "files of the UCR and UEA archives: .ts, .tsv, .arff, or a folder with NAME_TRAIN and NAME_TEST",
        "a CSV, TSV or Parquet table with a series and its label in each row",
        "such a table with a column of ids: the rows of one id are a series",
        "a folder per class with a table for each series",
        "train/, validation/ and test/ of such folders or tables",
    ),
    architectures=("inception_time", "fcn", "minirocket", "hydra_multirocket"),
    options=SERIES_CLASSIFICATION_OPTIONS,
    model_options=SERIES_CLASSIFICATION_MODEL_OPTIONS,
    settings={"fcn": {"learning_rate": 1e-3}, "inception_time": {"learning_rate": 1e-3}},
)
SERIES_REGRESSION = RecipeSpec(
    name="series-regression",
    task="regression",
    steps=Lazy("convscope.kinds.series.recipes:REGRESSION"),
    main_metric="mae",
    summary="which number does a series have",
    reads=(
        "all that series-classification reads, with numbers such as 1.5 in place of classes",
        ".ts files with `@targetlabel true`",
    ),
    architectures=("inception_time", "fcn"),
    options=tuple(option for option in SERIES_CLASSIFICATION_OPTIONS if option.name != "window"),
    model_options=SERIES_REGRESSION_MODEL_OPTIONS,
    settings={"fcn": {"learning_rate": 1e-3}, "inception_time": {"learning_rate": 1e-3}},
    ignored_settings=("class_weights", "label_smoothing", "mixing"),
)
SERIES_ANOMALY = RecipeSpec(
    name="series-anomaly",
    task="anomaly detection",
    steps=Lazy("convscope.kinds.series.anomaly.recipe:RECIPE"),
    summary="which rows of a series are unlike those before",
    reads=(
        "a CSV, TSV or Parquet table with a row for each time: the beginning is learned from",
        "a folder of such tables, or train/ and test/ of them",
        "a file or folder of the Numenta Anomaly Benchmark, with its label windows",
    ),
    architectures=("causal_forecaster", "conv_autoencoder"),
    options=SERIES_ANOMALY_OPTIONS,
    model_options=SERIES_ANOMALY_MODEL_OPTIONS,
    settings={
        "causal_forecaster": {
            "epochs": 10,
            "batch_size": 32,
            "learning_rate": 2e-3,
            "precision": "float32",
        },
        "conv_autoencoder": {
            "epochs": 10,
            "batch_size": 32,
            "learning_rate": 2e-3,
            "precision": "float32",
            "window": 64,
        },
    },
    ignored_settings=("class_weights", "label_smoothing", "mixing", "augmentation"),
    untried=("architecture",),
    no_folds="its splits are parts of each series, one after the other",
)
SERIES_FORECASTING = RecipeSpec(
    name="series-forecasting",
    task="forecasting",
    steps=Lazy("convscope.kinds.series.forecasting.recipe:RECIPE"),
    summary="which values follow a series",
    reads=(
        "what series-anomaly reads: a table with a row for each time, or a folder of such tables",
        "it is never chosen by itself: --recipe series-forecasting asks for it",
    ),
    architectures=("direct_forecaster",),
    options=SERIES_FORECASTING_OPTIONS,
    model_options=SERIES_FORECASTING_MODEL_OPTIONS,
    settings={
        "direct_forecaster": {"epochs": 20, "batch_size": 32, "learning_rate": 1e-3, "precision": "float32"},
    },
    ignored_settings=("class_weights", "label_smoothing", "mixing", "augmentation"),
    no_folds="its splits are parts of each series, one after the other",
)
SERIES_REMAINING_LIFE = RecipeSpec(
    name="series-remaining-life",
    task="remaining life",
    steps=Lazy("convscope.kinds.series.remaining_life.recipe:RECIPE"),
    summary="how many cycles a machine has left",
    reads=(
        "C-MAPSS text files: train_FD001.txt, test_FD001.txt, RUL_FD001.txt, or a folder of them",
        "a CSV, TSV or Parquet table of unit, cycle and sensors, with or without remaining life and split",
        "a folder of such tables, one for each split or one for each unit",
    ),
    architectures=("life_cnn",),
    options=SERIES_REMAINING_LIFE_OPTIONS,
    model_options=SERIES_REMAINING_LIFE_MODEL_OPTIONS,
    settings={
        "life_cnn": {
            "epochs": 8,
            "batch_size": 128,
            "learning_rate": 2e-3,
            "weight_decay": 0.5,
            "averaging": 0.1,
        },
    },
    ignored_settings=("augmentation", "class_weights", "label_smoothing", "mixing", "patience"),
    no_folds="its test units are cut before their failure, those of train are not",
)

SERIES = Kind(
    name="series",
    extra="series",
    input_shape=(128, 1),
    detect=Lazy("convscope.kinds.series.detect:detect"),
    recipes=(
        SERIES_CLASSIFICATION,
        SERIES_REGRESSION,
        SERIES_ANOMALY,
        SERIES_FORECASTING,
        SERIES_REMAINING_LIFE,
    ),
    architectures=(
        Architecture(
            "causal_forecaster",
            Lazy("convscope.kinds.series.anomaly.models:causal_forecaster"),
            "dilated causal convolutions that forecast each row, for anomalies and streams",
            answers="values",
        ),
        Architecture(
            "conv_autoencoder",
            Lazy("convscope.kinds.series.anomaly.models:conv_autoencoder"),
            "convolutions that compress a window of rows and restore it, for anomalies",
            answers="values",
        ),
        Architecture(
            "direct_forecaster",
            Lazy("convscope.kinds.series.forecasting.models:direct_forecaster"),
            "dilated causal convolutions and a linear map that forecast several rows at once",
            answers="values",
        ),
        Architecture(
            "inception_time",
            Lazy("convscope.kinds.series.classification.models:inception_time"),
            "modules with kernels of several lengths, for the best accuracy",
        ),
        Architecture(
            "minirocket",
            Lazy("convscope.kinds.series.classification.minirocket:minirocket"),
            "fixed kernels and a linear classifier, solved in seconds; the default up to 1,000 series",
        ),
        Architecture(
            "hydra_multirocket",
            Lazy("convscope.kinds.series.classification.hydra_multirocket:hydra_multirocket"),
            "competing and fixed kernels and a linear classifier, solved within a minute or so",
        ),
        Architecture(
            "fcn",
            Lazy("convscope.kinds.series.classification.models:fcn"),
            "three convolutions and their mean over time; small and fast",
        ),
        Architecture(
            "life_cnn",
            Lazy("convscope.kinds.series.remaining_life.models:life_cnn"),
            "kernels over means of several rows, read by an ensemble of small networks",
            answers="values",
        ),
    ),
    layers="convscope.kinds.series.layers",
    view=Lazy("convscope.kinds.series.view:VIEW"),
    model_reader=Lazy("convscope.kinds.series.model_reader:MODEL_READER"),
    reader_options=SERIES_READER_OPTIONS,
    requires=("pandas",),
    studio=Lazy("convscope.kinds.series.studio:STUDIO"),
)
