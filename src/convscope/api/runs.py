"""Runs: train, evaluate, predict, export; and what a training would start from."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, overload

from convscope.backend import prepare_backend
from convscope.errors import UsageError
from convscope.run import Run
from convscope.types import Progress, Say, no_progress, printed, silent

if TYPE_CHECKING:
    import keras

    from convscope.engine.export import Exported
    from convscope.kinds.contract.recipe import Metrics, Prediction
    from convscope.workflows.cross_validation import CrossValidation
    from convscope.workflows.inspect_data import DataReport
    from convscope.workflows.predict import Predictions, Predictor

PathLike = str | os.PathLike[str]


@overload
def train(path: PathLike | None = None, *, folds: None = None, **more: Any) -> Run: ...


@overload
def train(path: PathLike | None = None, *, folds: int, **more: Any) -> CrossValidation: ...


def train(
    path: PathLike | None = None,
    *,
    recipe: str | None = None,
    architecture: str | None = None,
    options: dict[str, Any] | None = None,
    folds: int | None = None,
    out: PathLike | None = None,
    resume: PathLike | None = None,
    cluster: str | None = None,
    workers: int | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    progress: Progress = no_progress,
    say: Say | None = None,
    verbose: int = 1,
    **settings: Any,
) -> Run | CrossValidation:
    """Trains a model on a data set, and evaluates it.

    Args:
        path: The data; may be left out with `resume`.
        recipe: Its name; by default the one that recognizes the data.
        architecture: Its name; by default the recipe's first.
        options: Options of the recipe and of the architecture by name.
        folds: Cross-validates: one training for each of so many folds, tested on that fold.
        out: The run folder to make; by default `runs/DATE-NAME`.
        resume: An interrupted run or cross-validation to resume; all settings come from it.
        cluster: Ray cluster whose workers train together, each on its share of every batch: its address, such
            as `10.0.0.1:6379`, or `local` for this machine; see `docs/scale.md`. By default this process
            trains alone.
        workers: How many there are; by default 2 with `local`, else one for each GPU or machine.
        callbacks: Keras callbacks that run beside the built-in ones.
        progress: Receives each step.
        say: Receives what was read and decided, and how each epoch ended, a line at a time; by default they
            are printed on standard error.
        verbose: 0 prints nothing.
        **settings: Settings of the training such as `epochs`, and options as well, such as `size` or
            `kernel_size`; `convscope recipes NAME` lists all of them with their defaults.

    Returns:
        The finished run; with `folds` all of them, with mean and standard deviation.

    Raises:
        DataError, UsageError: The data is malformed, or an argument cannot work.
        RunError, BackendError: The run folder cannot be written, no Keras backend is installed, or no cluster
            answers.
    """
    from convscope.workflows.cluster.request import check_on_cluster, cluster_asked
    from convscope.workflows.cross_validation import SUMMARY, carry_out, resume_training
    from convscope.workflows.start import Watching, requested

    told = say if say is not None else (printed if verbose else silent)
    watching = Watching(tuple(callbacks), progress, told, told if say is None else silent)
    place = cluster_asked(cluster, workers)
    if resume is not None:
        if settings or recipe or architecture or options or folds or out:
            raise UsageError("--resume takes no other settings.", "Leave them out, or start a new training.")
        if place is not None:
            check_on_cluster(place, None, (Path(resume) / SUMMARY).exists(), callbacks)
        return resume_training(Path(resume), None if path is None else Path(path), watching, place)
    if path is None:
        raise UsageError("No data was given.", "Give a path.")
    twice = sorted(set(settings) & set(options or {}))
    if twice:
        raise UsageError(f"{twice[0]} is given twice, also in `options`.", "Give it once.")
    target = None if out is None else Path(out)
    given = {**(options or {}), **settings}
    request = requested(Path(path), given, recipe=recipe, architecture=architecture, folds=folds, out=target)
    if place is not None:
        check_on_cluster(place, request.spec, folds is not None, callbacks)
    return carry_out(request, target, watching, place)


def inspect_data(
    path: PathLike,
    *,
    recipe: str | None = None,
    architecture: str | None = None,
    folds: int | None = None,
    progress: Progress = no_progress,
    say: Say = silent,
    **settings: Any,
) -> DataReport:
    """Reads a data set as `train` does, decides all that `train` decides before its first epoch, and stops.

    Args:
        path: The data.
        recipe: As `train`.
        architecture: As `train`.
        folds: As `train`; the first fold is shown, and the size of the others is said.
        progress: Receives each step.
        say: Receives what was read, decided and left out, a line at a time.
        **settings: Settings and options, as `train`.

    Returns:
        What was recognized, counted, decided and left out, and the first samples of each split.

    Raises:
        DataError, UsageError, BackendError: As `train`.
    """
    from convscope.workflows.inspect_data import inspect_request
    from convscope.workflows.start import requested

    request = requested(Path(path), settings, recipe=recipe, architecture=architecture, folds=folds)
    return inspect_request(request, progress, say)


def evaluate(
    run: PathLike,
    path: PathLike | None = None,
    *,
    data: PathLike | None = None,
    progress: Progress = no_progress,
    say: Say = printed,
    **options: Any,
) -> Metrics:
    """Evaluates the model of a run.

    Args:
        run: The run folder.
        path: Other data of the same classes, of which all samples are judged, or those of its test split
            where it has one. By default the test samples of the training, as the run lists them.
        data: Where the data of the training is now, if it was moved.
        progress: Receives each step.
        say: Receives what is judged where that is not all; by default it is printed on standard error.
        **options: Of the recipe, for reading `path`, such as `label_column`.

    Returns:
        The metrics, such as `accuracy`, `macro_f1` and `confusion`.

    Raises:
        RunError: The folder is no finished run, or its data is gone.
        DataError: The data is malformed or has other classes.
    """
    other, moved = (None if each is None else Path(each) for each in (path, data))
    return _predictor(run, say, **options).evaluate(other, progress, data=moved)


def metrics(run: Run) -> Metrics:
    """The metrics that a training left in its run.

    Args:
        run: A finished run.

    Raises:
        RunError: The run is unfinished or damaged.
    """
    from convscope.kinds.registry import find_recipe

    return find_recipe(run.record()["recipe"]).load_metrics(run.metrics()["test"])


def predict(
    run: PathLike,
    inputs: Sequence[PathLike],
    *,
    progress: Progress = no_progress,
    say: Say = printed,
    **options: Any,
) -> Predictions:
    """Predicts for files, folders or globs; for texts as well.

    Args:
        run: The run folder.
        inputs: Files, folders or globs. A run of texts takes tables, files of lines, `-` for standard input,
            and a text itself, if it has white space and is not a path.
        progress: Receives each step.
        say: Receives where the training is unfinished; by default it is printed on standard error.
        **options: Options of the recipe for predictions, such as `beam` or `encoding`.

    Returns:
        One row per sample, in the order of the inputs, files of a folder sorted by name.

    Raises:
        RunError: The folder is no finished run.
        DataError: Nothing readable was found.
    """
    return _predictor(run, say, **options).predict([os.fspath(path) for path in inputs], progress)


def stream(
    run: PathLike, source: BinaryIO | Iterable[Any], *, say: Say = printed, **options: Any
) -> Iterator[Prediction]:
    """Predicts while a stream comes; the predictions are those for the whole file.

    Args:
        run: Of series-anomaly or speech-recognition.
        source: Binary, such as `sys.stdin.buffer`: rows of a series, a line each; or sound, 16-bit samples at
            the rate of the run or a WAV file. Or an iterable of lines, or of pieces of a waveform.
        say: As for `predict`.
        **options: Options of the recipe for predictions, such as `words`.

    Yields:
        The prediction for each line, at once; each word, as soon as no further sound changes it.

    Raises:
        UsageError: The recipe does not support streams.
        DataError: The stream is not sound.
    """
    return _predictor(run, say, **options).stream(source, say)


def export(run: PathLike, form: str, out: PathLike | None = None, *, say: Say = printed) -> Exported:
    """Exports the model of a run, and checks the result by running it.

    Args:
        run: The run folder.
        form: `onnx`, `openvino`, `litert` or `saved-model`.
        out: The file or folder to make; by default inside the run.
        say: As for `predict`.

    Returns:
        Where it lies, and its largest deviation from the Keras model.

    Raises:
        RunError: The folder is no finished run, or the artefact does not answer as the model does.
        UsageError: An unknown form, or `out` exists.
        BackendError: A package is missing, or the backend cannot write this form.
    """
    return _predictor(run, say).export(form, Path(out) if out is not None else None)


def _predictor(run: PathLike, say: Say, **options: Any) -> Predictor:
    prepare_backend()
    from convscope.workflows.predict import Predictor

    return Predictor(Run(Path(run)), say=say, **options)
