"""Opens whatever names a model: a run, a Keras file, a shipped architecture, or a function that makes one."""

from __future__ import annotations

import ast
import importlib
import os
import random
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import keras

from convscope.data.parse_errors import disk_as_data_error
from convscope.errors import ConvscopeError, UsageError
from convscope.kinds.contract.kind import Architecture
from convscope.kinds.contract.recipe import AnyRecipe
from convscope.kinds.contract.representation import AnyRepresentation
from convscope.kinds.registry import architecture_options, architectures, build, shown_shape
from convscope.run import Run
from convscope.scope.graph.model_inputs import knows_its_inputs
from convscope.workflows.model_files import load_file
from convscope.workflows.opening.class_names import check_class_names, read_class_names
from convscope.workflows.opening.contents import unknown_model
from convscope.workflows.opening.weights import bounded_weights, check_weights
from convscope.workflows.predict import Predictor


@dataclass(frozen=True)
class LoadedModel:
    """A model with what is known of it.

    Args:
        model: Any Keras model.
        name: What to call it in titles and file names.
        origin: Where it came from, in words.
        class_names: Names of its outputs, where a run knows them.
        recipe: How its data is read, where it comes from a run.
        representation: How a sample becomes its input, where it comes from a run.
        run: The run.
        architecture: The shipped architecture, where it is one.
        options: Options of the recipe, where it comes from a run.
        calibration: What its task was calibrated to, where it comes from a run.
    """

    model: keras.Model
    name: str
    origin: str
    class_names: tuple[str, ...] | None = None
    recipe: AnyRecipe | None = None
    representation: AnyRepresentation | None = None
    run: Run | None = None
    architecture: Architecture | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    calibration: Mapping[str, Any] = field(default_factory=dict)


def open_model(
    model: keras.Model | str | Path,
    *,
    trust: bool = False,
    code: Sequence[str] = (),
    input_shape: tuple[int | None, ...] | None = None,
    classes: int | None = None,
    class_names: str | os.PathLike[str] | None = None,
) -> LoadedModel:
    """Opens a model by whatever names it.

    Args:
        model: A model; a run folder; a `.keras` file; the name of a shipped architecture or kernel bank, or
            `module:function`, either with arguments in brackets where it needs some, such as
            `keras.applications:ResNet50(weights=None)` or `random_convolution(seed=1)`.
        trust: Whether a file may hold code (a Lambda layer) that runs when it is opened.
        code: Modules to import first, which register the model's own layers with Keras.
        input_shape: The shape of one sample, for an architecture (by default that of its kind, such as
            (48, 48, 1)) or a model that was not built, such as `Sequential` without an `Input`.
        classes: For an architecture, the number of class names, tags or tokens. A kernel bank has none.
        class_names: A file with the names of the outputs, for a model that is not a run.

    Raises:
        UsageError: Nothing has this name, or the function returns no model.
        DataError: The file is not a Keras model, or holds code and is not trusted.
        RunError: The run is unfinished or damaged.
    """
    loaded = _opened(model, trust, [_imported(module) for module in code], input_shape, classes)
    return loaded if class_names is None else _with_class_names(loaded, Path(class_names))


def _opened(
    model: keras.Model | str | Path,
    trust: bool,
    modules: Sequence[ModuleType],
    input_shape: tuple[int | None, ...] | None,
    classes: int | None,
) -> LoadedModel:
    if isinstance(model, keras.Model):
        if model.built:
            check_weights(model, f"The model '{model.name}'")
        return with_shape(LoadedModel(model, model.name, "a model in memory"), input_shape)
    name = str(model)
    path = Path(name)
    architecture = named_architecture(name)
    if (path / "run.json").exists():
        return _of_run(Run(path))
    if architecture is not None:
        return _built(architecture, name, input_shape or shown_shape(architecture), classes)
    if path.exists():
        loaded = load_file(path, trust=trust, modules=modules)
        return with_shape(LoadedModel(loaded, path.stem, f"the file {path}"), input_shape)
    if re.fullmatch(r"[\w.]+:\w+(\(.*\))?", name):
        short = name.partition(":")[2].partition("(")[0]
        return with_shape(LoadedModel(_made_by(name), short, f"the function {name}"), input_shape)
    raise unknown_model(name)


def _with_class_names(loaded: LoadedModel, path: Path) -> LoadedModel:
    """A model whose outputs have the names in a file."""
    if loaded.run is not None:
        raise UsageError(f"{loaded.origin} knows the names of its classes.", "Leave --class-names out.")
    names = read_class_names(path)
    shapes = [tuple(tensor.shape) for tensor in getattr(loaded.model, "outputs", None) or ()]
    check_class_names(names, [shape[-1] for shape in shapes if len(shape) > 1], path)
    return replace(loaded, class_names=names)


def with_shape(loaded: LoadedModel, shape: tuple[int | None, ...] | None) -> LoadedModel:
    """A model that is built for samples of a shape, if it was not built; None leaves it as it is.

    Args:
        loaded: A model.
        shape: Of one sample.

    Raises:
        UsageError: It was built for another shape, or cannot take this one.
    """
    model = loaded.model
    if shape is None:
        return loaded
    if knows_its_inputs(model):
        known = [tuple(tensor.shape[1:]) for tensor in getattr(model, "inputs", None) or ()]
        if known and not (len(known) == 1 and _fits(known[0], shape)):
            raise UsageError(
                f"{loaded.origin} takes inputs of shape {', '.join(map(str, known))}. Received: "
                f"input_shape={shape}.",
                "Leave --input-shape out.",
            )
        return loaded
    try:
        with bounded_weights(loaded.origin):
            if isinstance(model, keras.Sequential):
                model.build((None, *shape))
            else:
                model(keras.ops.zeros((1, *(length or 1 for length in shape))), training=False)
    except ConvscopeError:
        raise
    except Exception as error:
        first = str(error).strip().partition("\n")[0]
        raise UsageError(f"{loaded.origin} does not take inputs of shape {shape}: {first}") from error
    return loaded


def _fits(known: tuple[int | None, ...], shape: tuple[int | None, ...]) -> bool:
    pairs = zip(known, shape, strict=False)
    return len(known) == len(shape) and all(a in (None, b) for a, b in pairs)


def named_architecture(name: str) -> Architecture | None:
    """The shipped architecture or kernel bank that a name means, such as `gabor_bank(orientations=4)`.

    Args:
        name: As `open_model` takes it.

    Returns:
        None if it names something else, or if a run or a file of that name is there.

    Raises:
        DataError: The name is too long for a path.
    """
    with disk_as_data_error():
        if Path(name).is_file() or (Path(name) / "run.json").exists():
            return None
    return architectures().get(name.partition("(")[0])


def _built(
    architecture: Architecture, name: str, shape: tuple[int | None, ...], classes: int | None
) -> LoadedModel:
    short, bracket, inside = name.partition("(")
    positional, options = _literals(f"({inside}" if bracket else "()", name)
    if positional or {"input_shape", "classes"} & set(options):
        raise UsageError(
            f"{short} takes its options by name, such as {', '.join(architecture_options(architecture))}.",
            f"Received: {name}.",
        )
    size = "x".join(str(length) for length in shape)
    count = classes or architecture.usual_classes if architecture.classifies else classes
    with bounded_weights(f"The architecture {name} for {size}"), _seeded():
        made = build(short, shape, count, **options)
    if not architecture.classifies:
        kind = "kernel bank" if architecture.is_bank else "architecture"
        fresh = "" if architecture.is_bank else ", with fresh weights"
        return LoadedModel(made, short, f"the {kind} {name} for {size}{fresh}", architecture=architecture)
    origin = f"the architecture {name} for {size} and {count} classes, with fresh weights"
    return LoadedModel(made, short, origin, architecture=architecture)


@contextmanager
def _seeded(seed: int = 0) -> Iterator[None]:
    """Fresh weights are the same each time; what the caller draws at random goes on as if nothing was."""
    state = random.getstate()
    random.seed(seed)  # from which Keras draws the seeds of initializers
    try:
        yield
    finally:
        random.setstate(state)


def _of_run(run: Run) -> LoadedModel:
    trained = Predictor(run)
    return LoadedModel(
        trained.fitted.model,
        run.folder.resolve().name,
        f"the run {run.folder}",
        trained.recipe.output_names(trained.fitted.representation, trained.fitted.class_names),
        trained.recipe,
        trained.fitted.representation,
        run,
        options=trained.reading,
        calibration=trained.fitted.calibration,
    )


def _made_by(name: str) -> keras.Model:
    """Calls `module:function(arguments)`, whose arguments are plain values by name or in order."""
    module_name, _, rest = name.partition(":")
    function_name, bracket, inside = rest.partition("(")
    module = _imported(module_name)
    function = getattr(module, function_name, None)
    if not callable(function):
        raise UsageError(f"The module '{module_name}' has no function '{function_name}'.")
    args, kwargs = _literals(f"({inside}" if bracket else "()", name)
    try:
        with bounded_weights(name):
            made = function(*args, **kwargs)
    except ConvscopeError:
        raise
    except Exception as error:
        first = str(error).strip().partition("\n")[0]
        raise UsageError(f"{name} failed: {type(error).__name__}: {first}") from error
    if not isinstance(made, keras.Model):
        raise UsageError(f"{name} gave a {type(made).__name__}, expected a keras.Model.")
    return made


def _literals(brackets: str, name: str) -> tuple[list[Any], dict[str, Any]]:
    try:
        call = ast.parse(f"f{brackets}", mode="eval").body
        if not isinstance(call, ast.Call):
            raise ValueError(brackets)
        args = [ast.literal_eval(value) for value in call.args]
        kwargs = {str(word.arg): ast.literal_eval(word.value) for word in call.keywords if word.arg}
    except (SyntaxError, ValueError) as error:
        raise UsageError(
            f"The arguments of '{name}' are not plain values.",
            "Such as module:function(weights=None, classes=3).",
        ) from error
    return args, kwargs


def _imported(name: str) -> Any:
    """Imports a module, also from the folder where the user stands."""
    here = str(Path.cwd())
    added = here not in sys.path
    if added:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UsageError(f"The module '{name}' cannot be imported: {error}.") from error
    finally:
        if added:
            sys.path.remove(here)
