"""What `convscope.api` offers to do with features; imports nothing heavy before it is called."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from convscope.features.api import open_features
from convscope.types import Progress, Say, no_progress, silent

if TYPE_CHECKING:
    import keras

    from convscope.features.neighbors import Metric, Neighbors
    from convscope.features.probe import Probe
    from convscope.features.projection import Color, Method, Projection
    from convscope.features.table import Features

PathLike = str | os.PathLike[str]


def neighbors(
    features: Features | PathLike,
    inputs: PathLike | Sequence[PathLike],
    *,
    layer: str | None = None,
    count: int = 5,
    metric: Metric = "cosine",
    model: keras.Model | PathLike | None = None,
    trust: bool = False,
    code: Sequence[str] = (),
    progress: Progress = no_progress,
    say: Say = silent,
) -> Neighbors:
    """Finds the samples whose features are most like those of an input.

    Args:
        features: What `extract` gave, or where it lies.
        inputs: Files as the model takes them, run through the same model in the same way; or `id:17` for a
            row of the features.
        layer: By which layer; by default the last.
        count: How many for each input.
        metric: `cosine` (1 less the cosine of the angle) or `euclidean`.
        model: The model; by default the one that the features name.
        trust: Whether a model file may hold code (a Lambda layer) that runs when it is opened.
        code: Modules to import first, which register the model's own layers with Keras.
        progress: Is told how far it is.
        say: Is told what was decided, a line at a time.

    Returns:
        For each input the nearest samples: `rows()`, `to_json()`, `save(path)`, `draw()`.

    Raises:
        UsageError: An unknown layer, metric or row.
        DataError: An input cannot be read, or the features are damaged.
        RunError: The model is not the one of the features.
    """
    from convscope.features.neighbors import neighbors as search

    opened = _opened(features)
    asked = [inputs] if isinstance(inputs, (str, os.PathLike)) else list(inputs)
    names = [os.fspath(each) for each in asked]
    if any(not name.startswith("id:") for name in names):
        from convscope.backend import prepare_backend

        prepare_backend()
    return search(
        opened,
        names,
        layer=layer,
        count=count,
        metric=metric,
        model=os.fspath(model) if isinstance(model, os.PathLike) else model,
        trust=trust,
        code=code,
        progress=progress,
        say=say,
    )


def project(
    features: Features | PathLike,
    *,
    layer: str | None = None,
    method: Method = "pca",
    color: Color = "label",
    seed: int = 0,
    most: int | None = None,
    progress: Progress = no_progress,
    say: Say = silent,
) -> Projection:
    """Places samples on a plane by their features.

    Args:
        features: What `extract` gave, or where it lies.
        layer: By which layer; by default the last.
        method: `pca`, `tsne` or `umap` (which needs the extra `features`).
        color: What points are colored by: `label`, `prediction`, `mistake` or `split`.
        seed: For what is drawn at random; the same one gives the same points.
        most: Samples that t-SNE and UMAP place, and that PCA is fitted to; by default 10,000.
        progress: Is told how far it is.
        say: Is told what was decided, a line at a time.

    Returns:
        The points: `points`, `rows`, `mistakes`, `save(path)`, `draw()`.

    Raises:
        UsageError: An unknown layer, method or color, or fewer than 5 samples.
        BackendError: UMAP is not installed.
        DataError: The features are damaged.
    """
    from convscope.features.projection import MOST
    from convscope.features.projection import project as place

    return place(
        _opened(features),
        layer=layer,
        method=method,
        color=color,
        seed=seed,
        most=MOST if most is None else most,
        progress=progress,
        say=say,
    )


def probe(
    features: Features | PathLike,
    *,
    layers: Sequence[str] | str = (),
    seed: int = 0,
    progress: Progress = no_progress,
    say: Say = silent,
) -> Probe:
    """Trains a linear classifier on the features of each layer: where do the classes become separable?

    Args:
        features: What `extract` gave for data with labels, or where it lies.
        layers: Paths, ends of paths or patterns such as `block*`; by default all.
        seed: For splits that the features do not have, and for train samples of which there are too many.
        progress: Is told how far it is.
        say: Is told what was decided, a line at a time.

    Returns:
        Accuracy on test by layer with its interval: `layers`, `separable`, `to_json()`, `save(path)`,
        `draw()`.

    Raises:
        UsageError: An unknown layer, features without labels, or too few samples.
        DataError: The features are damaged.
    """
    from convscope.features.probe import probe as train_probes

    names = (layers,) if isinstance(layers, str) else tuple(layers)
    return train_probes(_opened(features), layers=names, seed=seed, progress=progress, say=say)


def _opened(features: Any) -> Features:
    return open_features(features) if isinstance(features, (str, os.PathLike)) else features
