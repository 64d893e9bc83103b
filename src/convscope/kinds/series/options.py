"""Options of series."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from convscope.data.options import LABEL_COLUMN, TIME_COLUMN
from convscope.models.options import DEPTH, DILATIONS, ENSEMBLE, FILTERS, KERNEL_SIZE, KERNEL_SIZES
from convscope.option import Option, above, at_least, several_names

_LABEL_COLUMN = replace(LABEL_COLUMN, predicts=True)


def _between(value: float) -> str | None:
    return None if 0 < value < 1 else "between 0 and 1"


def _false_alarms(value: float) -> str | None:
    return None if 0 < value < 500 else "above 0 and below 500 per thousand rows"


def _coverage(value: float) -> str | None:
    return None if 0 < value <= 0.995 else "above 0 and at most 0.995"


def _window(default: int, least: int) -> Option:
    return Option(
        "window",
        int,
        default,
        "Number of consecutive rows that the model reads",
        at_least(least),
        common=True,
    )


EVERY = Option(
    "every",
    bool,
    False,
    "Predict for every row or cycle instead of one prediction per series",
    predicts=True,
)

SERIES_CLASSIFICATION_OPTIONS = (
    TIME_COLUMN,
    Option("id_column", str, None, "Name of the column that identifies the series of a row", predicts=True),
    _LABEL_COLUMN,
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
    Option("length", int, None, "Resample or pad series to this number of time steps", at_least(1)),
)
SERIES_CLASSIFICATION_MODEL_OPTIONS = (
    DEPTH.of(inception_time=6),
    KERNEL_SIZES.of(inception_time=(40, 20, 10), fcn=(8, 5, 3)),
    FILTERS.of(inception_time=32, fcn=(128, 256, 128)),
    Option("bottleneck", int, None, "Number of channels of a bottleneck; 0 for none", at_least(0)).of(
        inception_time=32
    ),
    ENSEMBLE.of(inception_time=1),
    Option("features", int, None, "Number of features of the fixed kernels", at_least(84)).of(
        minirocket=10_000
    ),
    DILATIONS.of(minirocket=32),
)
SERIES_ANOMALY_OPTIONS = (
    TIME_COLUMN,
    _LABEL_COLUMN,
    Option(
        "train_share",
        float,
        None,
        "Share of each series, from its beginning, that is used for training",
        _between,
    ),
    _window(128, 8),
    Option(
        "false_alarms",
        float,
        1.0,
        "Expected false alarms per thousand normal rows",
        _false_alarms,
        predicts=True,
    ),
    Option("hold", int, 100, "Number of rows that are merged into one alarm", at_least(1), predicts=True),
    EVERY,
)
SERIES_ANOMALY_MODEL_OPTIONS = (
    FILTERS.of(causal_forecaster=32, conv_autoencoder=32),
    KERNEL_SIZE.of(causal_forecaster=3, conv_autoencoder=5),
    Option("code", int, None, "Number of channels of the code", at_least(1)).of(conv_autoencoder=4),
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
    _window(60, 2),
    Option("cap", float, None, "Maximum remaining life that is predicted, in cycles", above(0)),
    Option(
        "coverage",
        float,
        0.9,
        "Share of true remaining lives that prediction intervals contain",
        _coverage,
        predicts=True,
    ),
    EVERY,
)
SERIES_REMAINING_LIFE_MODEL_OPTIONS = (
    Option("pool", int, None, "Number of rows that are averaged", at_least(1)).of(life_cnn=10),
    KERNEL_SIZE.of(life_cnn=3),
    FILTERS.of(life_cnn=16),
    Option("units", int, None, "Number of units of each dense layer", at_least(1)).of(life_cnn=16),
    Option("members", int, None, "Number of networks whose predictions are averaged", at_least(1)).of(
        life_cnn=8
    ),
    Option("noise", float, None, "Standard deviation of noise that is added in training", at_least(0)).of(
        life_cnn=0.0
    ),
)
SERIES_READER_OPTIONS = tuple(
    option for option in SERIES_CLASSIFICATION_OPTIONS if option.name in ("time_column", "id_column", "rows")
)
