"""What a model is to be looked at with: files, folders and arrays, brought to what the model takes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

import keras
import numpy as np
import numpy.typing as npt

from convscope.data.splits import Samples
from convscope.errors import DataError, UsageError
from convscope.kinds.contract.kind import RecipeSpec
from convscope.kinds.contract.recipe import Fitted, SampleInputs
from convscope.kinds.image.readers.inputs import read_inputs
from convscope.kinds.image.representation import ImageRepresentation
from convscope.kinds.registry import kind_of, views_of
from convscope.lenses.pages.pages import Picture
from convscope.lenses.views.plain import view_of_array
from convscope.lenses.views.view import View
from convscope.scope.attribution.layer import has_channels
from convscope.scope.graph.graph import trace
from convscope.types import SPLITS, Progress, Skipped, no_progress
from convscope.workflows.load_model import LoadedModel

ValueRange = Literal["auto", "0..1", "0..255", "-1..1"]
VALUE_RANGES: tuple[ValueRange, ...] = get_args(ValueRange)
ARRAY_SUFFIXES = (".npy", ".npz")
BATCH = 64

_LIMITS = {"0..1": (0.0, 1.0), "0..255": (0.0, 255.0), "-1..1": (-1.0, 1.0)}


def _plain_view(number: int, values: npt.NDArray[Any]) -> View:
    """What is drawn where nothing but the shape of a sample is known."""
    return view_of_array(values)


@dataclass(frozen=True, eq=False)
class ModelInputs:
    """Samples for a model, in memory or decoded on demand.

    Args:
        names: What each is called.
        take: From positions to model inputs, samples along the first axis.
        notes: What was decided about them, one line each.
        labels: Index of the class of each, where folders tell it.
        class_names: The classes that `labels` count.
        tokens: The words of a text, one for each position of the model's input, or for several inputs a
            tuple of words for each; None for other kinds.
        answers: Pictures of what a run answers to them; None where its task draws none.
        view: From the number of a sample, and its values as the model takes them, to how it is drawn.
    """

    names: tuple[str, ...]
    take: Callable[[npt.NDArray[np.int64]], Any]
    notes: tuple[str, ...] = ()
    labels: npt.NDArray[np.int64] | None = None
    class_names: tuple[str, ...] | None = None
    tokens: Callable[[int], Sequence[Any]] | None = None
    answers: Callable[[Progress], Sequence[Picture]] | None = None
    view: Callable[[int, npt.NDArray[Any]], View] = _plain_view

    def __len__(self) -> int:
        return len(self.names)

    def first(self, count: int) -> Any:
        """The first samples as the model takes them."""
        return self.take(np.arange(min(count, len(self))))

    def batches(self, progress: Progress = no_progress) -> Iterator[Any]:
        """All samples, some at a time."""
        for start in range(0, len(self), BATCH):
            stop = min(start + BATCH, len(self))
            yield self.take(np.arange(start, stop))
            progress(stop, len(self), "computing")


def given_inputs(
    opened: LoadedModel, inputs: Any, value_range: ValueRange = "auto", progress: Progress = no_progress
) -> ModelInputs:
    """Brings inputs to what a model takes.

    Args:
        opened: The model.
        inputs: Files, folders and patterns; `.npy` or `.npz` files of arrays as the model takes them; or such
            arrays themselves (a list or dict of them for several inputs).
        value_range: What pixels become. `auto` takes what the run was trained with; 0..255 for a model that
            scales its input itself; else 0..1.
        progress: Is told how many files were scanned.

    Raises:
        DataError: Nothing readable was found, or an array is malformed.
        UsageError: The model does not take pictures, or an unknown value range.
    """
    check_range(value_range)
    if isinstance(inputs, (str, os.PathLike)):
        inputs = [inputs]
    if not _are_paths(inputs):
        return _of_arrays(inputs, _counted(inputs))
    paths = [os.fspath(path) for path in inputs]
    if not paths:
        raise UsageError("There is nothing to look at.", "Give a file, a folder or an array.")
    if all(Path(path).suffix in ARRAY_SUFFIXES for path in paths):
        return _of_files(opened.model, paths)
    if opened.run is not None:
        return _of_run(opened, paths, value_range, progress)
    return _of_pictures(opened, paths, value_range, progress)


def check_range(value_range: str) -> None:
    """Refuses a range that there is not.

    Raises:
        UsageError: Its name is not one of `VALUE_RANGES`.
    """
    if value_range not in VALUE_RANGES:
        raise UsageError(f"No value range is named '{value_range}'.", f"There are {', '.join(VALUE_RANGES)}.")


def _are_paths(inputs: Any) -> bool:
    listed = isinstance(inputs, (list, tuple))
    return listed and all(isinstance(each, (str, os.PathLike)) for each in inputs)


def _counted(arrays: Any) -> tuple[str, ...]:
    count = len(keras.tree.flatten(arrays)[0])
    return tuple(f"sample {i}" for i in range(count)) if count > 1 else ("input",)


def _of_arrays(arrays: Any, names: tuple[str, ...], notes: tuple[str, ...] = ()) -> ModelInputs:
    arrays = keras.tree.map_structure(np.asarray, arrays)

    def take(indices: npt.NDArray[np.int64]) -> Any:
        return keras.tree.map_structure(lambda array: array[indices], arrays)

    return ModelInputs(names, take, notes=notes)


def _of_files(model: keras.Model, paths: Sequence[str]) -> ModelInputs:
    """Arrays on disk: one sample or many in each `.npy`, an array by input name in `.npz`."""
    if len(paths) == 1 and paths[0].endswith(".npz"):
        with _loaded(paths[0]) as found:
            arrays = {name: found[name] for name in found.files}
        only = len(arrays) == 1 and len(model.inputs or ()) == 1
        values: Any = next(iter(arrays.values())) if only else arrays
        return _of_arrays(values, tuple(f"{paths[0]}#{i}" for i in range(len(keras.tree.flatten(values)[0]))))
    parts, names = [], []
    rank = len(model.inputs[0].shape) if model.inputs else None
    for path in paths:
        if path.endswith(".npz"):
            raise UsageError("An .npz file holds all inputs and is given alone.")
        array = _loaded(path)
        one = rank is not None and array.ndim == rank - 1
        parts.append(array[None] if one else array)
        names += [path] if one else [f"{path}#{i}" for i in range(len(array))]
    try:
        return _of_arrays(np.concatenate(parts), tuple(names))
    except ValueError as error:
        raise DataError(f"The arrays of {', '.join(paths)} do not go together: {error}.") from error


def _loaded(path: str) -> Any:
    try:
        return np.load(path, allow_pickle=False)
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file.") from error
    except (ValueError, OSError, EOFError) as error:
        raise DataError(f"{path} is no NumPy file of numbers: {error}") from error


def _of_run(
    opened: LoadedModel, paths: Sequence[str], value_range: ValueRange, progress: Progress
) -> ModelInputs:
    """Samples as the run reads and encodes them."""
    recipe, representation = opened.recipe, opened.representation
    if recipe is None or representation is None:
        raise TypeError(f"{opened.name} is no run")
    if value_range != "auto":
        raise UsageError("A run knows the range of its pixels.", "Leave the value range out.")
    found = _of_data_set(opened, paths, progress)
    if found is None:
        found = recipe.read_inputs(paths, progress=progress, **opened.options)
    fitted = Fitted(
        opened.model,
        representation,
        opened.class_names or (),
        opened.options,
        calibration=opened.calibration,
    )
    shown = recipe.encode_inputs(fitted, found, progress)
    depict = recipe.report.plot_predictions
    return replace(
        _named(found, shown.take, []),
        tokens=shown.tokens,
        view=view_of_shown(shown, recipe.spec),
        answers=None if depict is None else partial(depict, fitted, found, None),
    )


def view_of_shown(shown: SampleInputs, spec: RecipeSpec) -> Callable[[int, npt.NDArray[Any]], View]:
    """How samples are drawn: with what their recipe says about each.

    Args:
        shown: The samples.
        spec: Of their recipe.
    """
    views, describe = views_of(spec), shown.tokens or shown.axis
    return lambda i, values: views.of_input(values, None if describe is None else describe(i))


def _of_data_set(opened: LoadedModel, paths: Sequence[str], progress: Progress) -> Any:
    """All samples of a data set of texts with labels; None where the paths are something else."""
    recipe = opened.recipe
    place = Path(paths[0])
    plain = len(paths) != 1 or place.suffix.lower() == ".txt" or not place.exists()
    if recipe is None or kind_of(recipe.spec).name != "text" or plain:
        return None
    try:
        splits = recipe.read(place, seed=0, progress=progress, **opened.options)
    except DataError:  # texts without labels, which the reader of inputs takes or refuses
        return None
    return _Joined(tuple(splits[name].samples for name in SPLITS))


@dataclass(frozen=True, eq=False)
class _Joined:
    """The samples of all splits, one behind the other."""

    parts: tuple[Samples, ...]
    skipped: tuple[Skipped, ...] = ()

    def __len__(self) -> int:
        return sum(len(part) for part in self.parts)

    def load(self, index: int) -> Any:
        """One raw sample."""
        part, place = self._place(index)
        return part.load(place)

    def name(self, index: int) -> str:
        """Where it came from."""
        part, place = self._place(index)
        return part.name(place)

    def take(self, indices: npt.NDArray[np.int64]) -> _Joined:
        """Some of the samples, in that order."""
        found = [self._place(int(index)) for index in indices]
        return _Joined(tuple(part.take(np.array([place])) for part, place in found))

    def _place(self, index: int) -> tuple[Samples, int]:
        for part in self.parts:
            if index < len(part):
                return part, index
            index -= len(part)
        raise IndexError(index)


def _of_pictures(
    opened: LoadedModel, paths: Sequence[str], value_range: ValueRange, progress: Progress
) -> ModelInputs:
    """Pictures for a model of which no more is known than what it takes."""
    found: Any = read_inputs(paths, progress=progress)
    representation, flat = picture_shape(opened.model, found)
    pixels = representation.arrays(found, progress=progress)
    chosen, notes = value_range, []
    if value_range == "auto":
        chosen = "0..255" if _scales_itself(opened.model) else "0..1"
        why = "the model scales its input itself" if chosen == "0..255" else "what it expects is not known"
        notes.append(f"pixels become {chosen}, as {why}; --value-range changes it")
    notes.append(f"pictures are brought to {representation.height}x{representation.width}")
    prepare = _scaling(chosen, flat)
    given = _named(found, lambda indices: prepare(pixels.take(indices)), notes)
    return replace(given, view=lambda i, values: view_of_array(values, _LIMITS[chosen]))


def _named(found: Any, take: Callable[[npt.NDArray[np.int64]], Any], notes: Sequence[str]) -> ModelInputs:
    """Samples with short names, and classes where these lie in folders of several names."""
    files = [found.name(i) for i in range(len(found))]
    folders = [Path(file).parent.name for file in files]
    classes = tuple(sorted(set(folders)))
    labels = np.array([classes.index(folder) for folder in folders], np.int64)
    left_out = [f"left out {skipped.path}: {skipped.reason}" for skipped in found.skipped]
    left_out += getattr(found, "warnings", ())
    several = len(classes) > 1
    return ModelInputs(
        _short_names(files),
        take,
        notes=(*notes, *left_out),
        labels=labels if several else None,
        class_names=classes if several else None,
    )


def _has_channels(model: keras.Model) -> bool:
    graph = trace(model)
    return not graph.linked or has_channels(graph, graph.inputs[0])


def _short_names(files: Sequence[str]) -> tuple[str, ...]:
    """The files without the folders that they all lie in."""
    if len(files) == 1:
        return (Path(files[0]).name,)
    around = Path(os.path.commonpath([os.path.abspath(file) for file in files]))  # noqa: PTH100 - keeps links
    return tuple(str(Path(os.path.abspath(file)).relative_to(around)) for file in files)  # noqa: PTH100


def picture_shape(model: keras.Model, found: Any) -> tuple[ImageRepresentation, bool]:
    """Size and channels of the pictures that a model takes, and whether these have no channel axis."""
    shapes = [tensor.shape for tensor in model.inputs or ()]
    flat = len(shapes) == 1 and len(shapes[0]) == 3 and not _has_channels(model)
    if flat:
        shapes = [(*shapes[0], 1)]
    if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][-1] not in (1, 3):
        taken = ", ".join(str(tuple(shape[1:])) for shape in shapes) or "inputs of unknown shape"
        raise UsageError(
            f"The model '{model.name}' takes {taken}, which are no pictures.",
            "Give its inputs as a .npy or .npz file, or as arrays.",
        )
    own_height, own_width = (int(side) for side in found.sizes[0])
    height, width, channels = shapes[0][1:]
    return ImageRepresentation(height or own_height, width or own_width, channels), flat


def own_range(opened: LoadedModel) -> ValueRange:
    """The range of pixels that a model expects, as far as can be told: 0..255 if it scales them itself."""
    return "0..255" if opened.run is None and _scales_itself(opened.model) else "0..1"


def limits_of(value_range: ValueRange) -> tuple[float, float]:
    """Smallest and largest value of a range that is not `auto`."""
    return _LIMITS[value_range]


def _scales_itself(model: keras.Model) -> bool:
    kinds = (keras.layers.Rescaling, keras.layers.Normalization)
    layers = [layer for layer in model._flatten_layers() if not isinstance(layer, keras.layers.InputLayer)]
    return any(isinstance(layer, kinds) for layer in [each for each in layers if each is not model][:3])


def _scaling(value_range: str, flat: bool) -> Callable[[Any], npt.NDArray[np.float32]]:
    low, high = _LIMITS[value_range]

    def scale(pixels: Any) -> npt.NDArray[np.float32]:
        values = np.asarray(pixels, np.float32) * np.float32((high - low) / 255) + np.float32(low)
        return values[..., 0] if flat else values

    return scale
