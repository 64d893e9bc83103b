"""The model of an extraction and its samples, brought together: the one is opened by what the other needs."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import keras
import numpy as np

from convscope.errors import UsageError
from convscope.features.dataset import Scaled, Source
from convscope.features.inputs import ArrayInputs
from convscope.features.reading import (
    array_source,
    as_split,
    is_labelled,
    labelled_source,
    open_arrays,
    read_labelled,
    scaling_of,
    unlabelled_source,
    whole_paths,
)
from convscope.kinds.contract.kind import Architecture
from convscope.kinds.contract.recipe import AnyRecipe
from convscope.kinds.registry import find_recipe, kind_of, shown_shape
from convscope.scope.choice import last_convolution
from convscope.scope.graph.graph import Graph, trace
from convscope.types import Progress, no_progress
from convscope.workflows.load_model import LoadedModel, named_architecture, open_model
from convscope.workflows.model_inputs import ValueRange, check_range, limits_of, own_range, picture_shape

LAST = "last"
ALL = "all"
FRESH_SEED = 0
"""Draws the weights of an architecture, so that its features can be made again."""


@dataclass(frozen=True)
class Subject:
    """How a model is opened; can be pickled, to open it elsewhere.

    Args:
        given: A model, or what names it as `convscope.explain` takes it.
        trust: Whether a file may hold code that runs when it is opened.
        code: Modules to import first.
        input_shape: For an architecture, the shape of one sample; None takes that of the samples.
        classes: For an architecture, the number of classes.
    """

    given: keras.Model | str
    trust: bool = False
    code: tuple[str, ...] = ()
    input_shape: tuple[int | None, ...] | None = None
    classes: int | None = None

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
            DataError: The file is no Keras model, or holds code and is not trusted.
            RunError: The run is unfinished or damaged.
        """
        with _fresh_weights_repeat():
            return open_model(
                self.given,
                trust=self.trust,
                code=self.code,
                input_shape=self.input_shape,
                classes=self.classes,
            )

    def to_json(self) -> dict[str, Any]:
        """Plain values that name the model; `given` is None for one in memory."""
        given = None if isinstance(self.given, keras.Model) else self.given
        if given is not None and Path(given).exists() and not self.is_architecture:
            given = os.path.abspath(given)  # noqa: PTH100 - keeps links
        shape = None if self.input_shape is None else list(self.input_shape)
        return {"given": given, "code": list(self.code), "input_shape": shape, "classes": self.classes}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any], *, trust: bool = False) -> Subject:
        """Rebuilds what `to_json` gave.

        Raises:
            UsageError: The model was in memory.
        """
        if saved["given"] is None:
            raise UsageError(
                "The features are of a model in memory, which cannot be opened.", "Give the model."
            )
        shape = saved["input_shape"]
        return cls(
            saved["given"],
            trust,
            tuple(saved["code"]),
            None if shape is None else tuple(shape),
            saved["classes"],
        )


@dataclass(frozen=True, eq=False)
class Setting:
    """A model and samples that fit it.

    Args:
        subject: How the model is opened again.
        opened: The model.
        source: The samples.
        reading: How samples become inputs, as plain values by name, as a manifest holds them.
    """

    subject: Subject
    opened: LoadedModel
    source: Source
    reading: Mapping[str, Any]


def bring_together(
    subject: Subject,
    paths: Sequence[str],
    *,
    recipe: str,
    value_range: ValueRange = "auto",
    splits: Sequence[str] | None = None,
    progress: Progress = no_progress,
) -> Setting:
    """Opens a model and samples for it; an architecture is built for the samples.

    Args:
        subject: How to open the model.
        paths: What names the samples; see `reading`.
        recipe: Reads a labelled data set, for what is no run.
        value_range: What pixels become, for what is no run.
        splits: Names of the splits wanted, of a labelled data set; None takes all.
        progress: Is told how far reading is.

    Raises:
        UsageError: The model cannot be opened, or takes something else than these samples.
        DataError: The data is malformed.
        RunError: The run is unfinished or damaged.
    """
    check_range(value_range)
    paths = whole_paths(paths)
    arrays = open_arrays(paths)
    opened = None if subject.is_architecture else subject.open()
    kind = kind_of(opened.recipe.spec).name if opened is not None and opened.recipe is not None else "image"
    labelled = arrays is None and is_labelled(paths, kind)
    if splits and not labelled:
        raise UsageError("The data has no splits.", "Leave --split out, or give a data set with labels.")
    if opened is not None or (subject.input_shape is not None and arrays is None):
        opened = opened or subject.open()
        if opened.run is None:
            _check_one_input(opened.model)
        if arrays is not None:
            return Setting(subject, opened, array_source(arrays), _read_as())
        chosen = opened.recipe or find_recipe(recipe)
        return _encoded(subject, opened, chosen, paths, labelled, value_range, splits, progress)
    if arrays is not None:
        arrays = _with_channels(arrays, subject)
        subject = replace(subject, input_shape=arrays.shape[1:] + (1,) * arrays.channel)
        return Setting(subject, subject.open(), array_source(arrays), _read_as())
    return _for_architecture(subject, find_recipe(recipe), paths, labelled, value_range, splits, progress)


def _encoded(
    subject: Subject,
    opened: LoadedModel,
    recipe: AnyRecipe,
    paths: Sequence[str],
    labelled: bool,
    value_range: ValueRange,
    splits: Sequence[str] | None,
    progress: Progress,
) -> Setting:
    """Samples for a model that is there already."""
    read = read_labelled(recipe, paths[0], opened.run, progress) if labelled else None
    given = recipe.read_inputs(paths, progress=progress, **opened.options) if read is None else None
    found: Any = given if read is None else read.train.samples
    if opened.representation is not None:
        if value_range != "auto":
            raise UsageError("A run knows the range of its pixels.", "Leave --value-range out.")
        prepare: Any = opened.representation.scale
        representation: Any = opened.representation
        scaling, flat, chosen = scaling_of(representation), False, None
    else:
        representation, flat = picture_shape(opened.model, found)
        prepare, chosen = _scaled(opened, value_range)
        scaling = (prepare.factor, prepare.offset)
    if read is None:
        source = unlabelled_source(found, representation, prepare, scaling, flat=flat)
    else:
        source = labelled_source(read, representation, splits, opened.run)
        inputs = replace(source.inputs, flat=flat)  # type: ignore[type-var]
        source = replace(source, inputs=inputs, prepare=prepare, scaling=scaling)
    if chosen is not None:
        source = replace(
            source, notes=(*source.notes, f"pixels become {chosen}, which --value-range changes")
        )
    return Setting(subject, opened, source, _read_as(recipe.name, representation, chosen, flat=flat))


def _for_architecture(
    subject: Subject,
    recipe: AnyRecipe,
    paths: Sequence[str],
    labelled: bool,
    value_range: ValueRange,
    splits: Sequence[str] | None,
    progress: Progress,
) -> Setting:
    """An architecture for the samples: of their size and as many classes."""
    read = read_labelled(recipe, paths[0], None, progress) if labelled else None
    found: Any = recipe.read_inputs(paths, progress=progress) if read is None else None
    representation, decisions = recipe.representation.fit(read.train if read else as_split(found))
    classifies = subject.architecture is not None and subject.architecture.classifies
    classes = len(read.class_names) if read and classifies else None
    subject = replace(subject, input_shape=representation.shape, classes=subject.classes or classes)
    opened = subject.open()
    prepare, chosen = _scaled(opened, value_range)
    scaling = (prepare.factor, prepare.offset)
    if read:
        source = labelled_source(read, representation, splits)
        source = replace(source, prepare=prepare, scaling=scaling)
        source = replace(source, notes=(*decisions, *source.notes))
    else:
        source = unlabelled_source(found, representation, prepare, scaling)
        size = "x".join(map(str, representation.shape))
        source = replace(source, notes=(f"all are brought to {size}",))
    return Setting(subject, opened, source, _read_as(recipe.name, representation, chosen))


def chosen_layers(graph: Graph, names: Sequence[str], opened: LoadedModel) -> tuple[list[str], str]:
    """Paths of the layers that are meant, and a line on what was chosen.

    Args:
        graph: Of the model.
        names: Paths, unique names, patterns, `last` or `all`; none means `last`.
        opened: The model.

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
            last, said = _last(graph, opened)
            paths.append(last)
        else:
            paths += [call.path for call in graph.select([name])]
    chosen = set(paths)
    return [call.path for call in graph.calls if call.path in chosen], said


def _last(graph: Graph, opened: LoadedModel) -> tuple[str, str]:
    """The last convolution; of a model whose answer is features, or without convolutions, the last layer."""
    calls = [call for call in graph.calls if call.recordable and call.outputs]
    if not calls:
        raise UsageError(f"No layer of the model '{opened.name}' can be recorded.")
    convolution, said = last_convolution(graph)
    if convolution is not None and (opened.architecture is None or not opened.architecture.is_bank):
        return convolution.path, f"layer {convolution.path}: {said}"
    return calls[-1].path, f"layer {calls[-1].path}: the last one"


def model_fingerprint(model: keras.Model) -> str:
    """SHA-256 (hex) over a model's layers with their settings, and all its weights."""
    total = sha256()
    try:
        config = keras.saving.serialize_keras_object(model)
        total.update(json.dumps(_lasting(config), sort_keys=True).encode())
    except (NotImplementedError, TypeError, ValueError):  # the model cannot say in plain values what it is
        for call in trace(model).calls:
            total.update(f"{call.path} {call.type} {call.input_shapes} {call.output_shapes}\0".encode())
    for weight in model.weights:
        values = keras.ops.convert_to_numpy(weight)
        total.update(f"{values.dtype} {values.shape}\0".encode())
        total.update(np.ascontiguousarray(values).tobytes())
    return total.hexdigest()


def _lasting(config: Any) -> Any:
    """A configuration without what training and loading change, and without names, which Keras counts up."""
    numbers = {name: f"#{number}" for number, name in enumerate(dict.fromkeys(_names(config)))}

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            passing = ("compile_config", "build_config", "registered_name")
            return {key: plain(each) for key, each in value.items() if key not in passing}
        if isinstance(value, (list, tuple)):
            return [plain(each) for each in value]
        return numbers.get(value, value) if isinstance(value, str) else value

    return plain(config)


def _names(config: Any) -> Iterator[str]:
    """Every name in a configuration, in order."""
    if isinstance(config, dict):
        if isinstance(config.get("name"), str):
            yield config["name"]
        for value in config.values():
            yield from _names(value)
    elif isinstance(config, (list, tuple)):
        for value in config:
            yield from _names(value)


def _scaled(opened: LoadedModel, value_range: ValueRange) -> tuple[Scaled, str]:
    chosen = own_range(opened) if value_range == "auto" else value_range
    low, high = limits_of(chosen)
    return Scaled((high - low) / 255, low), chosen


def _read_as(
    recipe: str | None = None, representation: Any = None, value_range: Any = None, *, flat: bool = False
) -> dict[str, Any]:
    return {
        "recipe": recipe,
        "representation": None if representation is None else representation.to_json(),
        "value_range": value_range,
        "flat": flat,
    }


def _with_channels(arrays: ArrayInputs, subject: Subject) -> ArrayInputs:
    """Series (samples, length), and pictures (samples, height, width), get the axis of one channel."""
    architecture = subject.architecture
    picture = architecture is not None and shown_shape(architecture) == (48, 48, 1) and len(arrays.shape) == 3
    return replace(arrays, channel=len(arrays.shape) == 2 or picture)


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
