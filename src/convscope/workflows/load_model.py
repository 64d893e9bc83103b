"""Opens whatever names a model: a run, a Keras file, a shipped architecture, or a function that makes one."""

from __future__ import annotations

import ast
import difflib
import importlib
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras

from convscope.errors import UsageError
from convscope.kinds.contract.kind import Architecture
from convscope.kinds.contract.recipe import AnyRecipe
from convscope.kinds.contract.representation import AnyRepresentation
from convscope.kinds.registry import architecture_options, architectures, build, shown_shape
from convscope.run import Run
from convscope.workflows.model_files import SUFFIXES, load_file
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
) -> LoadedModel:
    """Opens a model by whatever names it.

    Args:
        model: A model; a run folder; a `.keras` file; the name of a shipped architecture or kernel bank, or
            `module:function`, either with arguments in brackets where it needs some, such as
            `keras.applications:ResNet50(weights=None)` or `random_convolution(seed=1)`.
        trust: Whether a file may hold code (a Lambda layer) that runs when it is opened.
        code: Modules to import first, which register the model's own layers with Keras.
        input_shape: For an architecture, the shape of one sample; by default that of its kind, such as
            (48, 48, 1).
        classes: For an architecture, the number of class names, tags or tokens. A kernel bank has none.

    Raises:
        UsageError: Nothing has this name, or the function returns no model.
        DataError: The file is not a Keras model, or holds code and is not trusted.
        RunError: The run is unfinished or damaged.
    """
    for module in code:
        _imported(module)
    if isinstance(model, keras.Model):
        return LoadedModel(model, model.name, "a model in memory")
    name = str(model)
    path = Path(name)
    if (path / "run.json").exists():
        return _of_run(Run(path))
    if path.is_file():
        return LoadedModel(load_file(path, trust=trust), path.stem, f"the file {path}")
    architecture = named_architecture(name)
    if architecture is not None:
        return _built(architecture, name, input_shape or shown_shape(architecture), classes)
    if re.fullmatch(r"[\w.]+:\w+(\(.*\))?", name):
        return LoadedModel(_made_by(name), name.partition(":")[2].partition("(")[0], f"the function {name}")
    raise _unknown(name, path)


def _unknown(name: str, path: Path) -> UsageError:
    """Why nothing is named so."""
    if path.is_dir():
        return UsageError(
            f"{path} is a folder but not a run: it has no run.json.",
            "Give the folder that `convscope train` printed on its last line, or a .keras file.",
        )
    if path.suffix in SUFFIXES:
        return UsageError(f"{path}: there is no such file.", "Check the spelling of the path.")
    near = difflib.get_close_matches(name, architectures(), n=2) or sorted(architectures())
    return UsageError(
        f"No model is named '{name}'.",
        f"Give a .keras file, a run folder, module:function, or an architecture such as {' or '.join(near)}.",
    )


def named_architecture(name: str) -> Architecture | None:
    """The shipped architecture or kernel bank that a name means, such as `gabor_bank(orientations=4)`.

    Args:
        name: As `open_model` takes it.

    Returns:
        None if it names something else, or if a run or a file of that name is there.
    """
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
    if not architecture.classifies:
        made = build(short, shape, classes, **options)
        kind = "kernel bank" if architecture.is_bank else "architecture"
        fresh = "" if architecture.is_bank else ", with fresh weights"
        return LoadedModel(made, short, f"the {kind} {name} for {size}{fresh}", architecture=architecture)
    count = classes or architecture.usual_classes
    made = build(short, shape, count, **options)
    origin = f"the architecture {name} for {size} and {count} classes, with fresh weights"
    return LoadedModel(made, short, origin, architecture=architecture)


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
        made = function(*args, **kwargs)
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
