"""The functions that the command line and notebooks call: train, evaluate, predict, explain, look, ..."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, overload

from convscope.backend import prepare_backend
from convscope.errors import UsageError
from convscope.features.api import extract, neighbors, open_features, probe, project
from convscope.run import Run
from convscope.types import Progress, Say, no_progress, printed, silent

if TYPE_CHECKING:
    import keras

    from convscope.engine.export import Exported
    from convscope.kinds.contract.recipe import Metrics, Prediction
    from convscope.scope.describe.explanation import Explanation
    from convscope.types import Preprocessing
    from convscope.workflows.cross_validation import CrossValidation
    from convscope.workflows.inspect.inspection import Inspection
    from convscope.workflows.inspect_data import DataReport
    from convscope.workflows.predict import Predictions, Predictor

PathLike = str | os.PathLike[str]


def build(name: str, input_shape: tuple[int, ...], classes: int | None = None, **options: Any) -> keras.Model:
    """Builds a shipped architecture with fresh weights, or a bank of fixed or random kernels.

    Args:
        name: Such as `compact_cnn`; `convscope recipes` lists them.
        input_shape: Shape of one sample, channels last, such as (48, 48, 1).
        classes: The number of class names; not for a bank such as `gabor_bank`, which gives features.
        **options: Such as `kernel_size`, `depth`, `pooling`.

    Returns:
        An uncompiled Keras model.

    Raises:
        UsageError: An unknown name or option, or a shape that cannot work.
        BackendError: No Keras backend is installed.
    """
    prepare_backend()
    from convscope.kinds.registry import build as build_model

    return build_model(name, input_shape, classes, **options)


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
        RunError, BackendError: The run folder cannot be written, or no Keras backend is installed.
    """
    from convscope.workflows.cross_validation import carry_out, resume_training
    from convscope.workflows.start import Watching, requested

    told = say if say is not None else (printed if verbose else silent)
    watching = Watching(tuple(callbacks), progress, told, told if say is None else silent)
    if resume is not None:
        if settings or recipe or architecture or options or folds or out:
            raise UsageError("--resume takes no other settings.", "Leave them out, or start a new training.")
        return resume_training(Path(resume), None if path is None else Path(path), watching)
    if path is None:
        raise UsageError("No data was given.", "Give a path.")
    twice = sorted(set(settings) & set(options or {}))
    if twice:
        raise UsageError(f"{twice[0]} is given twice, also in `options`.", "Give it once.")
    target = None if out is None else Path(out)
    given = {**(options or {}), **settings}
    request = requested(Path(path), given, recipe=recipe, architecture=architecture, folds=folds, out=target)
    return carry_out(request, target, watching)


def inspect_data(
    path: PathLike,
    *,
    recipe: str | None = None,
    architecture: str | None = None,
    progress: Progress = no_progress,
    say: Say = silent,
    **settings: Any,
) -> DataReport:
    """Reads a data set as `train` does, decides all that `train` decides before its first epoch, and stops.

    Args:
        path: The data.
        recipe: As `train`.
        architecture: As `train`.
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

    request = requested(Path(path), settings, recipe=recipe, architecture=architecture)
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
        say: Is told where the training is unfinished; by default it is printed on standard error.
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
    return _predictor(run, say, **options).stream(source)


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


def explain(
    model: keras.Model | PathLike,
    *,
    data: Any = None,
    trust: bool = False,
    code: Sequence[str] = (),
    input_shape: tuple[int, ...] | None = None,
    classes: int | None = None,
    preprocess: Preprocessing = "auto",
    progress: Progress = no_progress,
    **options: Any,
) -> Explanation:
    """Explains a model, layer by layer, in words and numbers.

    Args:
        model: A Keras model; a run folder; a `.keras` file; the name of a shipped architecture; or
            `module:function`, which returns a model.
        data: Files, folders or arrays for it, as `look` takes them; finds kernels that never fire.
        trust: Whether a file may hold code (a Lambda layer) that runs when it is opened.
        code: Modules to import first, which register the model's own layers with Keras.
        input_shape: For an architecture, the shape of one sample; by default (48, 48, 1).
        classes: For an architecture, the number of class names; by default 7.
        preprocess: What pixels of `data` become, as in `look`.
        progress: Receives each step.
        **options: Of the reader of `data`, such as `rate` of recordings or `vocabulary` of texts.

    Returns:
        The explanation; `to_json()` gives plain values.

    Raises:
        UsageError: Nothing is named so.
        DataError: The file is not a Keras model, or holds code and is not trusted.
        RunError: The run is unfinished or damaged.
    """
    prepare_backend()
    from convscope.workflows.explain import explain_model
    from convscope.workflows.load_model import open_model

    loaded = open_model(_name(model), trust=trust, code=code, input_shape=input_shape, classes=classes)
    return explain_model(loaded, data, {"preprocess": preprocess, **options}, progress)


def look(
    model: keras.Model | PathLike,
    inputs: Any = None,
    *,
    method: str = "maps",
    layers: Sequence[str] | str = (),
    channels: int = 16,
    scale: str = "layer",
    compare: bool = False,
    channel: int | None = None,
    at: Sequence[int] | None = None,
    target: int | str | None = None,
    output: str | None = None,
    excite: int = 0,
    preprocess: Preprocessing = "auto",
    trust: bool = False,
    code: Sequence[str] = (),
    seed: int = 0,
    progress: Progress = no_progress,
    **options: Any,
) -> Inspection:
    """Looks into a model with inputs of your own.

    Args:
        model: As `explain` takes it.
        inputs: Files, folders, patterns, texts; or arrays as the model takes them. `kernels` needs none.
        method: Such as `maps`, `kernels`, `attribution`, or an attribution method such as `grad-cam`.
        layers: Paths, unique names or patterns such as `block*/conv*`; by default from early to late.
        channels: How many channels of a layer are shown, the strongest first.
        scale: `layer`: one colour scale for a layer's maps; `map`: each map has its own.
        compare: Several inputs side by side on one sheet, for `maps`.
        channel: Which map, for `position`; by default the one with the largest value.
        at: Which position of it, such as (3, 27); by default that of the largest value.
        target: Class name or index, for attribution; by default the predicted class.
        output: Name of one of several outputs, for attribution; by default the first.
        excite: For how many kernels to compute the input that excites them most, for `kernels`.
        preprocess: What pixels become for a model that is not a run: `auto`, `0..1`, `0..255` or `-1..1`.
        trust: Whether a file may hold code (a Lambda layer) that runs when it is opened.
        code: Modules to import first, which register the model's own layers with Keras.
        seed: Random seed.
        progress: Receives each step.
        **options: Of the attribution method, such as `steps`; and of the reader of files for a model that is
            no run: `rate` in Hz of recordings, `vocabulary`, a file of tokens.

    Returns:
        Figures and their arrays: `save(path)` writes them, a notebook shows them.

    Raises:
        UsageError: An unknown name or option, or inputs that the model does not take.
        DataError: A file is malformed.
        RunError: The run is unfinished or damaged.
    """
    prepare_backend()
    from convscope.workflows.inspect.context import InspectionRequest
    from convscope.workflows.inspect.inspect import inspect_model
    from convscope.workflows.load_model import open_model
    from convscope.workflows.model_inputs.model_inputs import model_inputs
    from convscope.workflows.model_inputs.readers import divide_options, numeric_model

    loaded = numeric_model(open_model(_name(model), trust=trust, code=code))
    reading, options = divide_options({"preprocess": preprocess, **options})
    given = None if inputs is None else model_inputs(loaded, inputs, reading, progress)
    request = InspectionRequest(
        method=method,
        layers=(layers,) if isinstance(layers, str) else tuple(layers),
        channels=channels,
        scale=scale,
        compare=compare,
        channel=channel,
        at=None if at is None else tuple(at),
        target=target,
        output=output,
        preprocess=preprocess,
        excite=excite,
        seed=seed,
        options=options,
    )
    return inspect_model(loaded, given, request, progress)


def register_layers() -> None:
    """Registers the layers of all kinds with Keras, so that `keras.models.load_model` opens every run.

    Raises:
        BackendError: No Keras backend is installed.
    """
    prepare_backend()
    from convscope.kinds.registry import register_layers as register

    register()


def _predictor(run: PathLike, say: Say, **options: Any) -> Predictor:
    prepare_backend()
    from convscope.workflows.predict import Predictor

    return Predictor(Run(Path(run)), say=say, **options)


def _name(model: Any) -> Any:
    return os.fspath(model) if isinstance(model, os.PathLike) else model


__all__ = [
    "Run",
    "build",
    "evaluate",
    "explain",
    "export",
    "extract",
    "look",
    "neighbors",
    "open_features",
    "predict",
    "probe",
    "project",
    "register_layers",
    "stream",
    "train",
]
