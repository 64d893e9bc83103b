"""What computes the features of a data set, of samples of one array and of several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from convscope.engine.inference.feature_report import EngineReport
from convscope.engine.inference.features import FeatureEngine, feature_engine, mapped_feature_engine
from convscope.engine.training.settings import Precision
from convscope.types import Pool, Say, silent
from convscope.workflows.model_inputs.dataset import Dataset


def dataset_engine(
    model: keras.Model,
    layers: Sequence[str],
    pool: Pool,
    dataset: Dataset,
    sample: Any,
    *,
    precision: Precision = "auto",
    predictions: bool = True,
    settled: EngineReport | None = None,
    say: Say = silent,
) -> FeatureEngine:
    """What computes the features of a data set.

    Args:
        model: Any built Keras model that takes its samples.
        layers: Paths, unique names or patterns.
        pool: What is kept of each layer's output.
        dataset: The samples.
        sample: Some of them, as `Dataset.spread` gives them; at least one.
        precision: Of the computation.
        predictions: Whether the model's answer is computed too.
        settled: The report of an earlier engine for such samples.
        say: Receives what was chosen.

    Raises:
        UsageError: As `feature_engine` does.
        BackendError: The settled engine needs OpenVINO, which is not installed.
    """
    if dataset.at_once:
        return mapped_feature_engine(
            model,
            layers,
            pool,
            dataset.example(),
            positions=dataset.positions,
            at_once=dataset.at_once,
            predictions=predictions,
            settled=settled,
            say=say,
        )
    return feature_engine(
        model,
        layers,
        pool,
        sample,
        prepare=dataset.prepare,
        scaling=dataset.scaling,
        precision=precision,
        predictions=predictions,
        padded=dataset.padded,
        unpack=dataset.unpack,
        settled=settled,
        count=len(dataset.inputs),
        say=say,
    )
