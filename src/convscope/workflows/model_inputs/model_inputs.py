"""What a model is inspected with: files, folders and arrays, brought to what the model takes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from convscope.data.heads import array_heads
from convscope.data.named_files import joined_paths
from convscope.data.splits import Samples
from convscope.errors import UsageError, unknown_name
from convscope.kinds.contract.kind import RecipeSpec
from convscope.kinds.contract.model_reader import ReadingOptions
from convscope.kinds.contract.recipe import Fitted, SampleInputs
from convscope.kinds.contract.representation import (
    RasterDescription,
    SampleDescription,
)
from convscope.kinds.contract.windows import SampleParts
from convscope.kinds.registry import views_of
from convscope.lenses.pages.pages import LazyFigure
from convscope.lenses.views.plain import view_of_array
from convscope.lenses.views.view import View
from convscope.scope.channels.places import Filled
from convscope.types import Array, ArrayTree, Progress, no_progress
from convscope.workflows.load_model import LoadedModel
from convscope.workflows.model_inputs.arrays import ENDINGS, arrays_for
from convscope.workflows.model_inputs.joined import joined
from convscope.workflows.model_inputs.parts import ChosenParts
from convscope.workflows.model_inputs.reading import FilesForModel, read_files

BATCH = 64
PIXELS = (0.0, 255.0)
"""The values of black and white."""


ViewOf = Callable[[int, Array], View]
"""From the number of a sample and its values to how it is drawn."""
Rows = npt.NDArray[np.int64]


def _plain_view(number: int, values: Array) -> View:
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
        describe: What is needed to draw a sample besides its values; None where nothing is known.
        predictions: From numbers of samples, None for all, and what receives the progress, to figures of
            what a run predicts for them; None where its recipe draws none.
        view: From the number of a sample, and its values as the model takes them, to how it is drawn.
        predict: From numbers of samples to what a run predicts for them, as `convscope predict` does; None
            for a plain model.
        folder: The folder of the only sample, which may be its class.
        samples: The raw samples; None for arrays.
        pixels: From the number of a sample to its pixels, uint8 (height, width, channels), where the values
            that a model takes are made of them; None where samples are drawn as the model takes them.
        parts: The parts that samples can be shown by; None where all of them is shown.
        draw: From values and what is known of them to how they are drawn; None for a plain model.
    """

    names: tuple[str, ...]
    take: Callable[[npt.NDArray[np.int64]], ArrayTree]
    notes: tuple[str, ...] = ()
    labels: npt.NDArray[np.int64] | None = None
    class_names: tuple[str, ...] | None = None
    describe: Callable[[int], SampleDescription] | None = None
    predictions: Callable[[Rows | None, Progress], Sequence[LazyFigure]] | None = None
    view: ViewOf = _plain_view
    predict: Callable[[Rows], Any] | None = None
    folder: str = ""
    samples: Samples | None = None
    pixels: Callable[[int], Array] | None = None
    parts: SampleParts | None = None
    draw: Callable[[Array, SampleDescription], View] | None = None

    def __len__(self) -> int:
        return len(self.names)

    def first(self, count: int) -> ArrayTree:
        """The first samples as the model takes them."""
        return self.take(np.arange(min(count, len(self))))

    def chosen(self, names: Sequence[str]) -> ModelInputs:
        """Only samples of some names, in that order.

        Args:
            names: Names of samples, or patterns such as `paper*`.

        Raises:
            UsageError: No sample has the name.
        """
        rows = np.array(
            list(dict.fromkeys(row for name in names for row in _rows_named(self.names, name))), np.int64
        )
        describe, predict, plot, pixels = self.describe, self.predict, self.predictions, self.pixels
        return replace(
            self,
            names=tuple(self.names[row] for row in rows),
            take=lambda indices: self.take(rows[indices]),
            labels=None if self.labels is None else self.labels[rows],
            describe=None if describe is None else lambda number: describe(int(rows[number])),
            view=lambda number, values: self.view(int(rows[number]), values),
            predictions=None if plot is None else lambda some, progress: plot(_of(rows, some), progress),
            predict=None if predict is None else lambda some: predict(_of(rows, some)),
            samples=None if self.samples is None else self.samples.take(rows),
            pixels=None if pixels is None else lambda number: pixels(int(rows[number])),
            parts=None if self.parts is None else ChosenParts(self.parts, rows),
        )

    @property
    def filled(self) -> Filled | None:
        """How many positions of a sample do not count; None where all do in samples of its kind."""
        describe = self.describe
        if describe is None or not len(self) or describe(0).uncounted(0) is None:
            return None
        return lambda number, length: describe(number).uncounted(length) or (0, 0)

    def batches(self, progress: Progress = no_progress) -> Iterator[ArrayTree]:
        """All samples, some at a time."""
        for start in range(0, len(self), BATCH):
            stop = min(start + BATCH, len(self))
            yield self.take(np.arange(start, stop))
            progress(stop, len(self), "computing")


def model_inputs(
    loaded: LoadedModel,
    data: Any,
    options: ReadingOptions | None = None,
    progress: Progress = no_progress,
) -> ModelInputs:
    """Brings files or arrays to what a model takes.

    Args:
        loaded: A run, or a plain model as `numeric_model` gives it.
        data: Files, folders, patterns and texts; `.npy` or `.npz` files of arrays as the model takes them; or
            such arrays themselves (a list or dict of them for several inputs).
        options: Of the reader of a plain model, such as `preprocess` of images, `rate` of recordings or
            `vocabulary` of texts.
        progress: Receives the number of files read.

    Raises:
        DataError: Nothing readable was found, or an array is malformed.
        UsageError: The model does not take what the files hold, or an option that cannot work.
    """
    if isinstance(data, (str, os.PathLike)):
        data = [data]
    if not _are_paths(data):
        return _of_arrays(data, _counted(data))
    paths = [os.fspath(path) for path in data]
    if not paths:
        raise UsageError("No input was given.", "Give a file, a folder or an array.")
    if all(Path(path).suffix in ENDINGS for path in paths) and not _is_data_set(loaded, paths):
        return _of_arrays(*arrays_for(loaded.model, paths))
    found = read_files(loaded, paths, options=options, labels=False, progress=progress)
    return inputs_of_files(loaded, found, progress)


def inputs_of_files(
    loaded: LoadedModel, found: FilesForModel, progress: Progress = no_progress
) -> ModelInputs:
    """Samples that were read for a model, as it takes them.

    Args:
        loaded: A run, or a plain model as `numeric_model` gives it.
        found: What `read_files` gave.
        progress: Receives the number of encoded samples.
    """
    return _of_run(loaded, found, progress) if loaded.run is not None else _of_plain(found)


def _is_data_set(loaded: LoadedModel, paths: Sequence[str]) -> bool:
    """Whether the only path is an archive of samples as a run reads them, not of inputs of its model."""
    if loaded.run is None or len(paths) != 1 or not paths[0].endswith(".npz"):
        return False
    return len(array_heads(Path(paths[0]))) != len(loaded.model.inputs)


def _are_paths(data: Any) -> bool:
    listed = isinstance(data, (list, tuple))
    return listed and all(isinstance(each, (str, os.PathLike)) for each in data)


def _counted(arrays: ArrayTree) -> tuple[str, ...]:
    first: Any = next(iter(keras.tree.flatten(arrays)), 0)
    if not np.ndim(first):
        raise UsageError(
            f"The inputs must be files or arrays with the batch along the first axis. Received: {first!r}.",
            "Give numbers as an array, such as np.array(inputs), and several inputs as a list of arrays.",
        )
    count = len(first)
    return tuple(f"sample {i}" for i in range(count)) if count > 1 else ("input",)


def _of_arrays(arrays: ArrayTree, names: tuple[str, ...]) -> ModelInputs:
    arrays = keras.tree.map_structure(np.asarray, arrays)

    def take(indices: npt.NDArray[np.int64]) -> ArrayTree:
        taken: ArrayTree = keras.tree.map_structure(lambda array: array[indices], arrays)
        return taken

    return ModelInputs(names, take)


def _of_run(loaded: LoadedModel, found: FilesForModel, progress: Progress) -> ModelInputs:
    """Samples as the task of the run shows them."""
    encoder = found.encoder
    fitted = Fitted(
        loaded.model,
        encoder.representation,
        loaded.class_names or (),
        loaded.options,
        encoder.recipe.test_time_views(**loaded.options),
        calibration=loaded.calibration,
    )
    samples = joined(found.samples)
    shown = encoder.recipe.encode_inputs(fitted, samples, progress)
    plot = encoder.recipe.report.plot_predictions

    def predict(rows: Rows) -> Any:
        return encoder.recipe.predict(fitted, samples.take(rows), no_progress)

    def plotted(rows: Rows | None, progress: Progress) -> Sequence[LazyFigure]:
        assert plot is not None
        return plot(fitted, samples if rows is None else samples.take(rows), None, progress)

    named = _named(found, shown.take, samples)
    return replace(
        named,
        notes=(*named.notes, *shown.notes),
        describe=shown.describe,
        view=view_of_shown(shown, encoder.recipe.spec),
        predictions=None if plot is None else plotted,
        predict=predict,
        samples=samples,
        parts=shown.parts,
        draw=views_of(encoder.recipe.spec).of_input,
    )


def view_of_shown(shown: SampleInputs, spec: RecipeSpec) -> ViewOf:
    """How samples are drawn: with what their recipe says about each.

    Args:
        shown: The samples.
        spec: Of their recipe.
    """
    views = views_of(spec)
    return lambda i, values: views.of_input(values, shown.describe(i))


def _of_plain(found: FilesForModel) -> ModelInputs:
    """Samples for a model of which no more is known than what it takes; images are drawn as they are."""
    representation, dataset = found.encoder.representation, found.dataset
    samples = joined(found.samples)
    views = views_of(found.encoder.recipe.spec)
    named = _named(found, dataset.model_inputs, samples)
    if found.encoder.makes_pixels:
        described = RasterDescription(PIXELS)

        def pixels(i: int) -> Array:
            return _with_channels(dataset.take(np.array([i]))[0])

        return replace(
            named,
            describe=lambda i: described,
            view=lambda i, values: views.of_input(pixels(i), described),
            pixels=pixels,
            samples=samples,
        )

    def describe(i: int) -> SampleDescription:
        return representation.describe(samples.load(i))

    return replace(
        named,
        describe=describe,
        view=lambda i, values: views.of_input(values, describe(i)),
        samples=samples,
    )


def _with_channels(pixels: Array) -> Array:
    """Pixels of (height, width, channels), also those of a model that takes none."""
    return np.asarray(pixels if pixels.ndim == 3 else pixels[..., None], np.float32)


def _named(
    found: FilesForModel, take: Callable[[npt.NDArray[np.int64]], ArrayTree], samples: Samples
) -> ModelInputs:
    """Samples with short names, and classes where these lie in folders of several names."""
    files = [samples.name(i) for i in range(len(samples))]
    are_files = getattr(samples, "names_files", True)
    folders = [Path(joined_paths(file)[-1]).parent.name if are_files else "" for file in files]
    classes = tuple(sorted(set(folders)))
    several = len(classes) > 1
    left_out = [f"left out {skipped.path}: {skipped.reason}" for skipped in found.dataset.skipped]
    return ModelInputs(
        _short_names(files) if are_files else tuple(files),
        take,
        notes=(*found.dataset.notes, *left_out),
        labels=np.array([classes.index(folder) for folder in folders], np.int64) if several else None,
        class_names=classes if several else None,
        folder=folders[0] if len(files) == len(joined_paths(files[0])) == 1 else "",
    )


def _rows_named(names: Sequence[str], wanted: str) -> list[int]:
    """The numbers of the samples of a name, or else of those that a pattern fits."""
    rows = [row for row, name in enumerate(names) if name == wanted]
    rows = rows or [row for row, name in enumerate(names) if fnmatchcase(name, wanted)]
    if not rows:
        raise unknown_name("sample", wanted, names)
    return rows


def _of(rows: Rows, some: Rows | None) -> Rows:
    return rows if some is None else rows[some]


def _short_names(files: Sequence[str]) -> tuple[str, ...]:
    """The files without the folders that they all lie in."""
    named = [[os.path.abspath(part) for part in joined_paths(file)] for file in files]  # noqa: PTH100 - keeps links
    if len(named) == 1:
        return (",".join(Path(part).name for part in named[0]),)
    around = Path(os.path.commonpath([part for parts in named for part in parts]))
    return tuple(",".join(str(Path(part).relative_to(around)) for part in parts) for parts in named)
