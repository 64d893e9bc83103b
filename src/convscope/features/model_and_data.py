"""The model of an extraction and its samples, brought together: the one is opened by what the other needs."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import keras

from convscope.data.named_files import joined_paths
from convscope.data.splits import Splits
from convscope.errors import UsageError
from convscope.features.manifest import SavedModel, SavedReading
from convscope.kinds.contract.kind import Architecture
from convscope.kinds.contract.model_reader import ModelEncoding, ReadingOptions
from convscope.kinds.registry import SHARED_ARCHITECTURES, find_recipe, kind_of, shown_shape
from convscope.scope.choice import last_convolution, narrowest_convolution
from convscope.scope.graph.graph import LayerGraph
from convscope.types import Progress, no_progress
from convscope.workflows.load_model import LoadedModel, named_architecture, open_model
from convscope.workflows.model_inputs.arrays import ArrayInputs, array_dataset, open_array
from convscope.workflows.model_inputs.dataset import Dataset
from convscope.workflows.model_inputs.encoder import Encoder, chosen_preprocessing, row_of
from convscope.workflows.model_inputs.readers import checked_options, numeric_model, reader_of, recipe_for
from convscope.workflows.model_inputs.reading import as_dataset, as_split, read_files, read_samples
from convscope.workflows.opening.layers import ALL, LAST

FRESH_SEED = 0
"""Draws the weights of an architecture, so that its features can be made again."""


@dataclass(frozen=True)
class ModelReference:
    """How a model is opened; can be pickled, to open it elsewhere.

    Args:
        given: A model, or what names it as `convscope.explain` takes it.
        trust: Whether a file may hold code that runs when it is opened.
        code: Modules to import first.
        input_shape: For an architecture, the shape of one sample; None takes that of the samples.
        classes: For an architecture, the number of classes.
        class_names: A file with the names of the outputs, for a model that is not a run.
    """

    given: keras.Model | str
    trust: bool = False
    code: tuple[str, ...] = ()
    input_shape: tuple[int | None, ...] | None = None
    classes: int | None = None
    class_names: str | None = None

    @property
    def is_architecture(self) -> bool:
        """Whether a shipped architecture is named."""
        return self.architecture is not None

    @property
    def architecture(self) -> Architecture | None:
        """The shipped architecture or kernel bank that is named."""
        return named_architecture(self.given) if isinstance(self.given, str) else None

    def open(self) -> LoadedModel:
        """Opens the model; the fresh weights of an architecture are the same every time.

        Raises:
            UsageError: Nothing is named so.
            DataError: The file is not a Keras model, or holds code and is not trusted.
            RunError: The run is unfinished or damaged.
        """
        with _fresh_weights_repeat():
            loaded = open_model(
                self.given,
                trust=self.trust,
                code=self.code,
                input_shape=self.input_shape,
                classes=self.classes,
                class_names=self.class_names,
            )
        return numeric_model(loaded)

    def saved(self, name: str, fingerprint: str) -> SavedModel:
        """What a manifest says of the model; `given` is None for one in memory.

        Args:
            name: What to call it.
            fingerprint: By which it is known again.
        """
        given = None if isinstance(self.given, keras.Model) else self.given
        if given is not None and Path(given).exists() and not self.is_architecture:
            given = os.path.abspath(given)  # noqa: PTH100 - keeps links
        return {
            "given": given,
            "code": self.code,
            "input_shape": self.input_shape,
            "classes": self.classes,
            "name": name,
            "fingerprint": fingerprint,
        }

    @classmethod
    def named_by(cls, saved: SavedModel, where: str) -> ModelReference:
        """The model that features name, where opening it runs nothing that they choose.

        That is a shipped architecture or kernel bank, a run, or a `.keras` file without code of its own.
        Functions are not called and modules not imported unless the user names them.

        Args:
            saved: What names it.
            where: The features, for messages.

        Raises:
            UsageError: The model was in memory, is gone, or has to be named by the user.
        """
        given = saved["given"]
        if given is None:
            raise UsageError(
                f"{where} has features of a model in memory, which cannot be opened.",
                "Save it and name the file: --model model.keras (model=...).",
            )
        again = " ".join([f"--model {given}", *(f"--code {module}" for module in saved["code"])])
        path = Path(given)
        lies_there = path.is_absolute() and not given.startswith(("//", "\\\\"))
        shipped = named_architecture(given)
        if saved["code"] or not (shipped or lies_there):
            what = (
                f"modules to import ({', '.join(saved['code'])})" if saved["code"] else f"the model '{given}'"
            )
            raise UsageError(
                f"{where} names {what}. What a features file names is neither imported nor called.",
                f"If you know what it is, name it yourself: {again}",
            )
        if lies_there and not ((path / "run.json").is_file() or (path.is_file() and path.suffix == ".keras")):
            raise UsageError(
                f"{where} names the model {given}, which is no run and no .keras file"
                f"{'' if path.exists() else ' any more'}.",
                "Name the model: --model PATH",
            )
        return cls(given, input_shape=saved["input_shape"], classes=saved["classes"])


@dataclass(frozen=True, eq=False)
class ModelAndData:
    """A model and samples that fit it.

    Args:
        reference: How the model is opened again.
        loaded: The model.
        dataset: The samples.
        encoder: How files become inputs; None for arrays, which are inputs already.
    """

    reference: ModelReference
    loaded: LoadedModel
    dataset: Dataset
    encoder: Encoder | None

    @property
    def reading(self) -> SavedReading:
        """How samples become inputs, as a manifest holds it."""
        if self.encoder is not None:
            return cast(SavedReading, self.encoder.to_json())
        return {"recipe": None, "representation": None, "value_range": None, "flat": False}


def bring_together(
    reference: ModelReference,
    paths: Sequence[str],
    *,
    recipe: str | None = None,
    options: ReadingOptions | None = None,
    splits: Sequence[str] | None = None,
    windows: bool = False,
    progress: Progress = no_progress,
) -> ModelAndData:
    """Opens a model and samples for it; an architecture is built for the samples.

    Args:
        reference: How to open the model.
        paths: What names the samples: one `.npy` or `.npz` array as the model takes it; else as in
            `model_inputs.reading`.
        recipe: Reads the files, for what is not a run; by default that of the kind that the model takes.
        options: Of the reader of the model, for what is not a run.
        splits: Names of the splits wanted, of a labelled data set; None takes all.
        windows: Whether each window that the model takes has a row.
        progress: Receives how much is done.

    Raises:
        UsageError: The model cannot be opened, or takes something else than these samples.
        DataError: The data is malformed.
        RunError: The run is unfinished or damaged.
    """
    options = options or {}
    paths = whole_paths(paths)
    arrays = open_array(paths)
    if arrays is not None:
        if splits or windows:
            raise UsageError(
                f"An array has no {'splits' if splits else 'windows'}.",
                f"Leave --{'split' if splits else 'windows'} out, or give files.",
            )
        return _with_array(reference, arrays)
    if reference.is_architecture and reference.input_shape is None:
        asked = checked_options(options)
        return _for_architecture(reference, paths, recipe, asked, splits, windows, progress)
    loaded = reference.open()
    found = read_files(
        loaded, paths, recipe=recipe, options=options, splits=splits, windows=windows, progress=progress
    )
    dataset = replace(found.dataset, notes=(*found.dataset.notes, *_views_left_out(loaded)))
    return ModelAndData(reference, loaded, dataset, found.encoder)


def _views_left_out(loaded: LoadedModel) -> tuple[str, ...]:
    """That `predict` averages over other views of a sample, such as mirrored images, and features do not.

    A layer has other values at each place of another view, so that a mean of them would be of no layer.
    """
    if loaded.recipe is None or not loaded.recipe.test_time_views(**loaded.options):
        return ()
    return (
        "features, and the predictions beside them, are of each sample as it is; predict averages over other"
        " views of it as well (mirrored or zoomed), so that its probabilities differ a little",
    )


def _with_array(reference: ModelReference, arrays: ArrayInputs) -> ModelAndData:
    """An array for a model that is there, or for an architecture of its shape."""
    if reference.is_architecture and reference.input_shape is None:
        arrays = with_channel(arrays, reference)
        reference = replace(reference, input_shape=arrays.shape[1:] + (1,) * arrays.add_channel)
    loaded = reference.open()
    if loaded.run is None:
        _check_one_input(loaded.model)
    return ModelAndData(reference, loaded, array_dataset(arrays), None)


def _for_architecture(
    reference: ModelReference,
    paths: Sequence[str],
    recipe: str | None,
    options: ReadingOptions,
    splits: Sequence[str] | None,
    windows: bool,
    progress: Progress,
) -> ModelAndData:
    """An architecture for the samples: of their size and as many classes."""
    architecture = reference.architecture
    name = "" if architecture is None else architecture.name
    chosen = recipe_for(name, paths) if recipe is None else find_recipe(recipe)
    reader = reader_of(kind_of(chosen.spec))
    found, doubt = read_samples(chosen, reader, paths, None, {}, True, progress)
    split = found.train if isinstance(found, Splits) else as_split(found)
    representation, decisions = chosen.representation.fit(split)
    classifies = architecture is not None and architecture.classifies
    classes = len(found.class_names) if isinstance(found, Splits) and classifies else None
    shape = representation.shape
    flat = architecture in SHARED_ARCHITECTURES and len(shape) == 1  # one channel, such as of a waveform
    reference = replace(reference, input_shape=shape + (1,) * flat, classes=reference.classes or classes)
    loaded = reference.open()
    encoding = ModelEncoding(representation, add_channel=flat)
    preprocess, _ = chosen_preprocessing(loaded.model, reader, encoding, options)
    encoder = Encoder(chosen, reader, encoding, preprocess, rows=row_of(chosen, windows))
    size = "x".join(map(str, representation.shape))
    notes = tuple(decisions) if isinstance(found, Splits) else (f"samples are encoded to {size}",)
    notes = (doubt, *notes) if doubt else notes
    return ModelAndData(reference, loaded, as_dataset(found, encoder, splits, None, notes).dataset, encoder)


def whole_paths(names: Sequence[str]) -> list[str]:
    """Absolute paths of what is there, so that it is found again from elsewhere; all else as it is.

    Args:
        names: Files, folders and patterns; of texts also a text itself, or `-`.
    """
    whole = []
    for name in names:
        parts = joined_paths(name)
        if len(parts) > 1:
            whole.append(",".join(os.path.abspath(part) for part in parts))  # noqa: PTH100 - as below
            continue
        full = os.path.abspath(name)  # noqa: PTH100 - keeps links; `..` behind one is rare
        is_text = name == "-" or (any(letter.isspace() for letter in name) and not os.path.lexists(full))
        whole.append(name if is_text and not any(mark in name for mark in "*?[") else full)
    return whole


def chosen_layers(graph: LayerGraph, names: Sequence[str], loaded: LoadedModel) -> tuple[list[str], str]:
    """Paths of the layers that are meant, and a line on what was chosen.

    Args:
        graph: Of the model.
        names: Paths, unique names, patterns, `last` or `all`; none means `last`.
        loaded: The model.

    Raises:
        UsageError: A name that nothing has.
    """
    own = set(graph.by_path)
    paths: list[str] = []
    said = ""
    for name in names or (LAST,):
        if name == ALL and name not in own:
            paths += [call.path for call in graph.calls if call.recordable and call.outputs]
        elif name == LAST and name not in own:
            last, said = _last(graph, loaded)
            paths.append(last)
        else:
            paths += [call.path for call in graph.select([name])]
    chosen = set(paths)
    return [call.path for call in graph.calls if call.path in chosen], said


def _last(graph: LayerGraph, loaded: LoadedModel) -> tuple[str, str]:
    """The last convolution, of a model with an answer for each position its bottleneck.

    Of a model whose output is features, or without convolutions, it is the last layer.
    """
    calls = [call for call in graph.calls if call.recordable and call.outputs]
    if not calls:
        raise UsageError(f"No layer of the model '{loaded.name}' can be recorded.")
    convolution, said = narrowest_convolution(graph), "the widest convolution of the lowest resolution"
    if convolution is None:
        convolution, said = last_convolution(graph)
    if convolution is not None and (loaded.architecture is None or not loaded.architecture.is_bank):
        return convolution.path, f"layer {convolution.path}: {said}"
    return calls[-1].path, f"layer {calls[-1].path}: the last one"


def with_channel(arrays: ArrayInputs, reference: ModelReference) -> ArrayInputs:
    """Samples of one axis less than an architecture takes get the axis of one channel.

    Those of an architecture that takes any number of axes are series (samples, length) then.
    """
    architecture = reference.architecture
    if architecture is None:
        return arrays
    takes_any = architecture in SHARED_ARCHITECTURES
    rank = 2 if takes_any else len(shown_shape(architecture))
    return replace(arrays, add_channel=len(arrays.shape) == rank)


def _check_one_input(model: keras.Model) -> None:
    names = [tensor.name for tensor in getattr(model, "inputs", None) or ()]
    if len(names) > 1:
        raise UsageError(
            f"The model '{model.name}' takes {len(names)} inputs ({', '.join(names)}); expected one.",
            "Cut the model into one that takes a single input.",
        )


@contextmanager
def _fresh_weights_repeat() -> Iterator[None]:
    """Within it, Keras' initializers draw the same weights every time: their seeds come from `random`."""
    state = random.getstate()
    random.seed(FRESH_SEED)
    try:
        yield
    finally:
        random.setstate(state)
