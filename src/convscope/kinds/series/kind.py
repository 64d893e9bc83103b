"""Series: what is known of the kind before Keras is imported."""

from __future__ import annotations

from convscope.kinds.contract.kind import Architecture, Kind, RecipeSpec
from convscope.kinds.series.options import (
    SERIES_ANOMALY_MODEL_OPTIONS,
    SERIES_ANOMALY_OPTIONS,
    SERIES_CLASSIFICATION_MODEL_OPTIONS,
    SERIES_CLASSIFICATION_OPTIONS,
    SERIES_READER_OPTIONS,
    SERIES_REMAINING_LIFE_MODEL_OPTIONS,
    SERIES_REMAINING_LIFE_OPTIONS,
)
from convscope.lazy import Lazy

SERIES_CLASSIFICATION = RecipeSpec(
    name="series-classification",
    task="classification",
    steps=Lazy("convscope.kinds.series.classification.recipe:RECIPE"),
    summary="which class does a series belong to",
    reads=(
        "files of the UCR and UEA archives: .ts, .tsv, .arff, or a folder with NAME_TRAIN and NAME_TEST",
        "a CSV, TSV or Parquet table with a series and its label in each row",
        "such a table with a column of ids: the rows of one id are a series",
        "a folder per class with a table for each series",
        "train/, validation/ and test/ of such folders or tables",
    ),
    architectures=("inception_time", "fcn", "minirocket"),
    options=SERIES_CLASSIFICATION_OPTIONS,
    model_options=SERIES_CLASSIFICATION_MODEL_OPTIONS,
    settings={"fcn": {"learning_rate": 1e-3}, "inception_time": {"learning_rate": 1e-3}},
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
)

SERIES = Kind(
    name="series",
    extra="series",
    input_shape=(128, 1),
    detect=Lazy("convscope.kinds.series.detect:detect"),
    recipes=(SERIES_CLASSIFICATION, SERIES_ANOMALY, SERIES_REMAINING_LIFE),
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
            "inception_time",
            Lazy("convscope.kinds.series.classification.models:inception_time"),
            "modules with kernels of several lengths, for the best accuracy",
        ),
        Architecture(
            "minirocket",
            Lazy("convscope.kinds.series.classification.minirocket:minirocket"),
            "fixed kernels and a linear classifier, solved in closed form in seconds",
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
)
