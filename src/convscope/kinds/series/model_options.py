"""Options of the architectures for series."""

from __future__ import annotations

from dataclasses import replace

from convscope.models.options import (
    CENTER,
    DEPTH,
    DILATIONS,
    ENSEMBLE,
    FILTERS,
    KERNEL_SIZE,
    KERNEL_SIZES,
    SPREAD,
)
from convscope.option import Multiples, Option, at_least, single, whole_numbers

SERIES_CLASSIFICATION_MODEL_OPTIONS = (
    DEPTH.of(inception_time=6),
    KERNEL_SIZES.of(inception_time=(40, 20, 10), fcn=(8, 5, 3)),
    replace(
        FILTERS,
        help="Number of kernels per convolution, or per block separated by commas",
        check=at_least(1),
    ).of(inception_time=32, fcn=(128, 256, 128)),
    Option("bottleneck", int, None, "Number of channels of a bottleneck; 0 for none", at_least(0)).of(
        inception_time=32
    ),
    ENSEMBLE.of(inception_time=1),
    Option(
        "features",
        int,
        None,
        "Number of features of the fixed kernels",
        at_least(84),
        tries=Multiples((0.5, 2)),
    ).of(minirocket=10_000, hydra_multirocket=50_000),
    replace(DILATIONS, help="Maximum number of dilations", check=single(at_least(1)), parse=whole_numbers).of(
        minirocket=32, hydra_multirocket=32
    ),
    Option(
        "groups",
        int,
        None,
        "Number of groups of eight competing kernels at each dilation, an even number",
        at_least(2),
        tries=Multiples((0.5, 2)),
    ).of(hydra_multirocket=64),
)
SERIES_REGRESSION_MODEL_OPTIONS = (
    *(option for option in SERIES_CLASSIFICATION_MODEL_OPTIONS if "inception_time" in option.defaults),
    CENTER.of(inception_time=None, fcn=None),
    SPREAD.of(inception_time=None, fcn=None),
)
SERIES_ANOMALY_MODEL_OPTIONS = (
    FILTERS.of(causal_forecaster=32, conv_autoencoder=32),
    KERNEL_SIZE.of(causal_forecaster=3, conv_autoencoder=5),
    Option("code", int, None, "Number of channels of the code", at_least(1)).of(conv_autoencoder=4),
)
SERIES_FORECASTING_MODEL_OPTIONS = (FILTERS.of(direct_forecaster=32), KERNEL_SIZE.of(direct_forecaster=3))
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
