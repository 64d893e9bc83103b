"""What `convscope.api` offers of features; imports nothing heavy before it is called."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from convscope.backend import prepare_backend
from convscope.types import Progress, Say, no_progress, silent

if TYPE_CHECKING:
    import keras

    from convscope.engine.training.settings import Precision
    from convscope.features.manifest import Dtype
    from convscope.features.neighbors import Metric, Neighbors
    from convscope.features.probe import Probe
    from convscope.features.projection import Color, Method, Projection
    from convscope.features.table import Features
    from convscope.types import Pool, Preprocessing

PathLike = str | os.PathLike[str]


def extract(
    model: keras.Model | PathLike,
    path: PathLike | Sequence[PathLike],
    *,
    layers: Sequence[str] | str = (),
    pool: Pool = "mean",
    out: PathLike,
    dtype: Dtype = "float32",
    precision: Precision = "auto",
    splits: Sequence[str] | str | None = None,
    predictions: bool = True,
    resume: bool = False,
    part_size: int | None = None,
    windows: bool = False,
    cluster: str | None = None,
    recipe: str | None = None,
    preprocess: Preprocessing = "auto",
    trust: bool = False,
    code: Sequence[str] = (),
    input_shape: tuple[int, ...] | None = None,
    class_names: PathLike | None = None,
    progress: Progress = no_progress,
    say: Say = silent,
    **options: Any,
) -> Features:
    """Writes what layers put out for every sample of a data set.

    Args:
        model: A Keras model; a run folder; a `.keras` file; the name of a shipped architecture or kernel
            bank; or `module:function`, which returns a model.
        path: A data set with labels, as `train` reads it; files, folders or patterns without labels; or a
            `.npy` or `.npz` array as the model takes it.
        layers: Paths, unique names or patterns such as `block*/conv*`; `all`; by default the last
            convolution.
        pool: `mean` or `max` over all positions, `flatten`, or `none` for the maps as they are.
        out: A name that ends in `.parquet` gets one file, any other a folder of Parquet parts. Whole maps are
            written as a Zarr group.
        dtype: Of the stored values.
        precision: Of the computation; `auto` takes bfloat16 where the processor has it and the features stay
            close to those of Keras.
        splits: Names of the splits wanted, such as `test`; by default all.
        predictions: Whether to keep the model's answer and its probability.
        resume: Whether to go on with an extraction that was interrupted.
        part_size: Samples that are written together; by default at most 4096.
        windows: Of the model of a segmentation a row for each window that it takes, with the class that has
            most of it, instead of one for each sample, whose features are the mean over its windows.
        cluster: Address of a Ray cluster, or `local`; by default everything runs in this process.
        recipe: Reads the files; by default that of the kind that the model takes. A run brings its own.
        preprocess: What pixels become for a model that is not a run: `0..1`, `0..255`, `-1..1`; `auto` takes
            0..255 for a model that scales its input itself and else 0..1, and says so.
        trust: Whether a file may hold code (a Lambda layer) that runs when it is opened.
        code: Modules to import first, which register the model's own layers with Keras.
        input_shape: For an architecture, the shape of one sample; by default that of the data.
        class_names: A file with the names of the outputs, one per line or JSON, for what is not a run; they
            name the predictions, here and by `neighbors`.
        progress: Receives the number of samples done.
        say: Receives what was found and decided, line by line.
        **options: Of the reader of files for a model that is not a run, such as `rate` in Hz of recordings or
            `vocabulary`, a file of tokens.

    Returns:
        The features: who the samples are, and a matrix for each layer.

    Raises:
        UsageError: A name or setting that cannot work, or `out` exists.
        DataError: The data is malformed.
        RunError: The disk is full, or what is there is of another model, data or setting.
        BackendError: A package is missing.
    """
    prepare_backend()
    from convscope.features.extract import ExtractionRequest
    from convscope.features.extract import extract as carry_out
    from convscope.features.model_and_data import ModelReference

    request = ExtractionRequest(
        layers=_listed(layers),
        pool=pool,
        dtype=dtype,
        precision=precision,
        splits=None if splits is None else _listed(splits),
        predictions=predictions,
        part_size=part_size,
        windows=windows,
    )
    names = None if class_names is None else os.fspath(class_names)
    given: Any = os.fspath(model) if isinstance(model, os.PathLike) else model
    paths = [path] if isinstance(path, (str, os.PathLike)) else list(path)
    return carry_out(
        ModelReference(given, trust, tuple(code), input_shape, class_names=names),
        [os.fspath(each) for each in paths],
        os.fspath(out),
        request,
        recipe=recipe,
        options={"preprocess": preprocess, **options},
        resume=resume,
        cluster=cluster,
        progress=progress,
        say=say,
    )


def open_features(path: PathLike) -> Features:
    """Opens features that `extract` wrote.

    Args:
        path: The Parquet file, the folder of parts, or the Zarr group.

    Raises:
        UsageError: There is nothing of that name.
        DataError: It holds no features, or is damaged.
        RunError: The extraction is not finished, or another version wrote it.
    """
    from convscope.features.table import open_features as open_table

    return open_table(os.fspath(path))


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
            row of the features, `name:ADA` for the first of a sample's name.
        layer: By which layer; by default the last.
        count: How many for each input.
        metric: `cosine` (1 less the cosine of the angle) or `euclidean`.
        model: The model; by default the one that the features name.
        trust: Whether a model file may hold code (a Lambda layer) that runs when it is opened.
        code: Modules to import first, which register the model's own layers with Keras.
        progress: Receives how much is done.
        say: Receives what was decided, line by line.

    Returns:
        For each input the nearest samples: `rows()`, `to_json()`, `save(path)`, `draw()`.

    Raises:
        UsageError: An unknown layer, metric or row.
        DataError: An input cannot be read, or the features are damaged.
        RunError: The model is not the one of the features.
    """
    from convscope.features.neighbors import neighbors as search
    from convscope.features.query import is_row

    table = _opened(features)
    listed = [inputs] if isinstance(inputs, (str, os.PathLike)) else list(inputs)
    names = [os.fspath(each) for each in listed]
    if not all(map(is_row, names)):
        from convscope.backend import prepare_backend

        prepare_backend()
    return search(
        table,
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
        progress: Receives how much is done.
        say: Receives what was decided, line by line.

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
        progress: Receives how much is done.
        say: Receives what was decided, line by line.

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


def _opened(features: Features | PathLike) -> Features:
    return open_features(features) if isinstance(features, (str, os.PathLike)) else features


def _listed(names: Sequence[str] | str) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)
