"""What needs no run: architectures, and explanations and figures of any Keras model."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from convscope.backend import prepare_backend
from convscope.types import Progress, no_progress

if TYPE_CHECKING:
    import keras

    from convscope.scope.describe.explanation import Explanation
    from convscope.types import Preprocessing
    from convscope.workflows.inspect.inspection import Inspection

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


def explain(
    model: keras.Model | PathLike,
    *,
    data: Any = None,
    trust: bool = False,
    code: Sequence[str] = (),
    input_shape: tuple[int, ...] | None = None,
    classes: int | None = None,
    class_names: PathLike | None = None,
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
        class_names: A file with the names of the outputs, one per line or JSON, for what is not a run.
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

    loaded = open_model(
        _name(model),
        trust=trust,
        code=code,
        input_shape=input_shape,
        classes=classes,
        class_names=class_names,
    )
    return explain_model(loaded, data, {"preprocess": preprocess, **options}, progress)


def look(
    model: keras.Model | PathLike,
    inputs: Any = None,
    *,
    method: str = "maps",
    samples: Sequence[str] | str = (),
    layers: Sequence[str] | str = (),
    channels: int = 16,
    scale: str = "layer",
    compare: bool = False,
    channel: int | None = None,
    at: Sequence[int] | str | None = None,
    target: int | str | None = None,
    output: str | None = None,
    excite: int = 0,
    preprocess: Preprocessing = "auto",
    input_shape: tuple[int, ...] | None = None,
    class_names: PathLike | None = None,
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
        samples: Names of the samples to look at, such as nodes of a graph, or patterns; by default the
            first.
        layers: Paths, unique names or patterns such as `block*/conv*`; by default from early to late.
        channels: How many channels of a layer are shown, the strongest first.
        scale: `layer`: one colour scale for a layer's maps; `map`: each map has its own.
        compare: Several inputs side by side on one sheet, for `maps`.
        channel: Which map, for `position`; by default the one with the largest value.
        at: Which position of it, such as (3, 27); by default that of the largest value. For attribution of a
            segmentation the position whose class is explained, or by what it is chosen: `surest` (the
            default), `uncertain`, or `mean` of all.
        target: Class name or index, for attribution; by default the predicted class.
        output: Name of one of several outputs, for attribution; by default the first.
        excite: For how many kernels to compute the input that excites them most, for `kernels`.
        preprocess: What pixels become for a model that is not a run: `auto` finds out what it expects;
            `none`, `0..1`, `0..255`, `-1..1`, `caffe`, `tf` or `torch`.
        input_shape: Shape of one sample, for an architecture or a model that was never built.
        class_names: A file with the names of the outputs, one per line or JSON, for what is not a run.
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
    from convscope.scope.graph.graph import check_layers
    from convscope.workflows.inspect.context import InspectionRequest
    from convscope.workflows.inspect.inspect import inspect_model
    from convscope.workflows.load_model import open_model
    from convscope.workflows.model_inputs.model_inputs import model_inputs
    from convscope.workflows.model_inputs.readers import divide_options, numeric_model

    loaded = numeric_model(
        open_model(_name(model), trust=trust, code=code, input_shape=input_shape, class_names=class_names)
    )
    layers = (layers,) if isinstance(layers, str) else tuple(layers)
    check_layers(loaded.model, layers)
    reading, options = divide_options({"preprocess": preprocess, **options})
    given = None if inputs is None else model_inputs(loaded, inputs, reading, progress)
    if samples and given is not None:
        given = given.chosen((samples,) if isinstance(samples, str) else samples)
    request = InspectionRequest(
        method=method,
        layers=layers,
        channels=channels,
        scale=scale,
        compare=compare,
        channel=channel,
        at=at if at is None or isinstance(at, str) else tuple(at),
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


def _name(model: Any) -> Any:
    return os.fspath(model) if isinstance(model, os.PathLike) else model
