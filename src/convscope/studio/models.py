"""One model of the page: its layers by number, and what it makes of a sample."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from math import prod

import keras
import numpy as np
import numpy.typing as npt

from convscope.data.splits import Samples
from convscope.engine.training.epoch_weights import epochs_kept, set_epoch
from convscope.errors import RunError, UsageError
from convscope.kinds.contract.kind import Kind, RecipeSpec
from convscope.kinds.contract.recipe import AnyRecipe, Fitted
from convscope.kinds.contract.representation import AnyRepresentation, SampleDescription
from convscope.kinds.contract.studio import StudioElement
from convscope.kinds.registry import kind_of, kinds
from convscope.scope.choice import input_to_show
from convscope.scope.describe.explanation import Explanation, explain
from convscope.scope.graph.graph import Call, LayerGraph, trace
from convscope.scope.graph.model_inputs import knows_its_inputs
from convscope.scope.record import Recorder, Recording, Tap, as_inputs, record
from convscope.studio.arrays import SteppedMaps
from convscope.studio.errors import UnknownIdError
from convscope.types import Array, ArrayTree, Progress, no_progress
from convscope.workflows.explain import known_of
from convscope.workflows.load_model import LoadedModel, open_model
from convscope.workflows.model_inputs.model_inputs import ModelInputs

ALL_AT_ONCE = 192 * 2**20
"""Bytes that all maps of a sample may have to be recorded in one pass; else those of a layer are."""

KEPT_STEPPED = 2
"""Layers of a sample whose maps are kept in 256 steps."""
STEP = 4 * 10**9
"""Multiply-adds of a step, which take about a tenth of a second on two cores."""


@dataclass(eq=False)
class Observed:
    """What a model makes of one sample.

    Args:
        x: The sample as the model takes it, with a batch axis of 1.
        graph: The model's calls on it.
        shown: The sample as it is drawn, without a batch axis.
        description: What is needed to draw it besides.
        recording: What the layers put out, as far as it was asked for.
        stepped: Maps of layers in 256 steps, those that were asked for last.
    """

    x: ArrayTree
    graph: LayerGraph
    shown: Array
    description: SampleDescription | None
    recording: Recording
    stepped: OrderedDict[str, SteppedMaps] = field(default_factory=OrderedDict)

    @property
    def bytes(self) -> int:
        """How much memory it takes."""
        return sum(tap.array.nbytes for tap in self.recording.values())

    def in_steps(self, path: str, maps: Array) -> SteppedMaps:
        """The maps of a layer in 256 steps, which the page asks for twice: their values, and what these mean.

        Args:
            path: The layer.
            maps: Its maps, (channels, positions...).
        """
        found = self.stepped.pop(path, None) or SteppedMaps.of(maps)
        self.stepped[path] = found
        while len(self.stepped) > KEPT_STEPPED:
            self.stepped.popitem(last=False)
        return found


class StudioModel:
    """A model with its layers by number.

    Args:
        number: Its place among those of the page, which is its id.
        loaded: The model, which takes numbers.
        epoch: The epoch whose weights it has, which its id then says: `0@12`; None for the one that its run
            chose.
    """

    def __init__(self, number: int, loaded: LoadedModel, epoch: int | None = None) -> None:
        self.base, self.epoch, self.loaded = str(number), epoch, loaded
        self.id = self.base if epoch is None else f"{self.base}@{epoch}"
        self.read_by: RecipeSpec | None = None if loaded.recipe is None else loaded.recipe.spec
        """The recipe that reads files for it; of a plain model that of the files that it is shown with."""
        self._recorder: Recorder | None = None

    @property
    def model(self) -> keras.Model:
        """The Keras model."""
        return self.loaded.model

    @property
    def epochs(self) -> list[int]:
        """The epochs whose weights its run has kept."""
        return [] if self.loaded.run is None else epochs_kept(self.loaded.run.folder)

    @property
    def unfinished(self) -> str:
        """How far the training of its run has come; empty for a complete one, or one that is gone since."""
        run = self.loaded.run
        try:
            return "" if run is None else run.unfinished()
        except RunError:  # the model is in memory, and goes on without its folder
            return ""

    @property
    def best_epoch(self) -> int | None:
        """The epoch whose weights a finished run has chosen; None where that is not known."""
        run = self.loaded.run
        if run is None or self.unfinished or not (run.folder / "metrics.json").exists():
            return None
        best = run.metrics().get("best_epoch")
        epoch = best.get("epoch") if isinstance(best, dict) else None
        return int(epoch) if isinstance(epoch, int | float) else None

    def at_epoch(self, epoch: int) -> StudioModel:
        """The same model with the weights that an epoch left.

        The calibration was fitted to the weights that the run chose: other ones keep it only where their
        recipe cannot predict without.

        Raises:
            RunError: The run has not kept that epoch, or is damaged.
        """
        run = self.loaded.run
        if run is None:
            raise UsageError(f"{self.loaded.name} is no run, and has no epochs.", "Leave the epoch out.")
        model = open_model(run.folder).model
        set_epoch(run.folder, epoch, model)
        recipe = self.loaded.recipe
        needed = recipe is not None and not recipe.calibration_optional
        calibration = self.loaded.calibration if needed or epoch == self.best_epoch else {}
        return StudioModel(int(self.base), replace(self.loaded, model=model, calibration=calibration), epoch)

    def own_predictions(self, inputs: ModelInputs) -> ModelInputs:
        """Samples that were read for the model of the run, predicted with the weights of this one.

        Args:
            inputs: As the run reads them.
        """
        recipe, samples, representation = self.loaded.recipe, inputs.samples, self.loaded.representation
        if (
            self.epoch is None
            or inputs.predict is None
            or recipe is None
            or samples is None
            or representation is None
        ):
            return inputs
        fitted: Fitted[AnyRepresentation] = Fitted(
            self.model,
            representation,
            self.loaded.class_names or (),
            self.loaded.options,
            recipe.test_time_views(**self.loaded.options),
            calibration=self.loaded.calibration,
        )
        predict = partial(_predicted, recipe, fitted, samples)
        return replace(inputs, predict=predict, predictions=None)

    @property
    def kind(self) -> Kind | None:
        """The kind of data that it takes; None where that is not known."""
        if self.read_by is not None:
            return kind_of(self.read_by)
        own = [kind for kind in kinds() if self.loaded.architecture in kind.architectures]
        return own[0] if own else None

    @property
    def element(self) -> StudioElement | None:
        """How the page shows its samples; None where nothing but their shape is known."""
        return None if self.kind is None or self.kind.studio is None else self.kind.studio.load()

    @cached_property
    def graph(self) -> LayerGraph:
        """Its calls, by which layers are counted."""
        return trace(self.model, self._example)

    @cached_property
    def explanation(self) -> Explanation:
        """It in words and numbers."""
        run = self.loaded.run
        return explain(
            self.model,
            inputs=self._example,
            class_names=self.loaded.class_names,
            known="" if run is None else known_of(run.record()),
        )

    def at_once(self, most: int) -> int:
        """How many samples one step of a slow computation has, so that quick ones need not wait for long.

        Args:
            most: Of a model that costs little.
        """
        cost = self.explanation.multiply_adds or 1
        return max(1, min(most, STEP // max(cost, 1)))

    @cached_property
    def _example(self) -> ArrayTree | None:
        if knows_its_inputs(self.model) or self.loaded.representation is None:
            return None
        example: ArrayTree = self.loaded.representation.example(1)
        return example

    def path(self, layer: str) -> str:
        """The path of a layer by its number.

        Raises:
            UnknownIdError: There is none.
        """
        calls = self.graph.calls
        if not layer.isascii() or not layer.isdigit() or int(layer) >= len(calls):
            raise UnknownIdError("layer", layer)
        return calls[int(layer)].path

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        """The number of each layer by its path."""
        return {call.path: number for number, call in enumerate(self.graph.calls)}

    def observe(self, inputs: ModelInputs, row: int, path: str = "") -> Observed:
        """Computes the model on one sample.

        Args:
            inputs: Where the sample is.
            row: Its number there.
            path: A layer that is recorded in any case.
        """
        x = as_inputs(self.model, inputs.take(np.array([row])))
        recording = self._record(x, path)
        shown = inputs.pixels(row) if inputs.pixels is not None else input_to_show(recording.graph, x)[0]
        return Observed(x, recording.graph, shown, _described(inputs, row), recording)

    def shown(self, inputs: ModelInputs, row: int) -> tuple[Array, SampleDescription | None]:
        """A sample as it is drawn, and what is needed besides; the model is not computed.

        Args:
            inputs: Where the sample is.
            row: Its number there.
        """
        if inputs.pixels is not None:
            return inputs.pixels(row), _described(inputs, row)
        x = as_inputs(self.model, inputs.take(np.array([row])))
        return input_to_show(self.graph, x)[0], _described(inputs, row)

    def tap(self, observed: Observed, path: str) -> Tap:
        """What a layer puts out for a sample; computed where it was not recorded."""
        if path not in observed.recording:
            observed.recording = self._record(observed.x, path)
        return observed.recording[path]

    def warm_up(self, progress: Progress = no_progress) -> None:
        """Compiles the program that watches all layers, where one serves all samples."""
        plain = self._example is None and len(self.graph.inputs) == 1
        if self._recorder is None and plain and self._has_one_program:
            (wanted,) = self.graph.inputs
            shape = (1, *(length or 1 for length in wanted.shape[1:]))
            self._record(np.zeros(shape, wanted.dtype), "")

    @cached_property
    def _has_fixed_inputs(self) -> bool:
        return all(None not in value.shape[1:] for value in self.graph.inputs)

    @cached_property
    def _has_one_program(self) -> bool:
        return self._has_fixed_inputs and _bytes_of(self.graph) <= ALL_AT_ONCE

    def _record(self, x: ArrayTree, path: str) -> Recording:
        if self._has_one_program:
            if self._recorder is None:
                self._recorder = Recorder(self.model, x)
            return self._recorder(x)
        graph = self.graph if self._has_fixed_inputs else trace(self.model, x)
        every = _bytes_of(graph) <= ALL_AT_ONCE
        return record(self.model, x, None if every else _with_maker(graph, path))


def _predicted(
    recipe: AnyRecipe, fitted: Fitted[AnyRepresentation], samples: Samples, rows: npt.NDArray[np.int64]
) -> object:
    return recipe.predict(fitted, samples.take(rows), no_progress)


def _described(inputs: ModelInputs, row: int) -> SampleDescription | None:
    return None if inputs.describe is None else inputs.describe(row)


def _bytes_of(graph: LayerGraph) -> int:
    """The maps of all layers for one sample, an axis of unknown length counted as 1."""
    calls = [call for call in graph.calls if call.recordable and call.outputs]
    return sum(4 * prod(length or 1 for length in call.output_shapes[0][1:]) for call in calls)


def _with_maker(graph: LayerGraph, path: str) -> list[str]:
    """A layer and the one that makes what it takes, by which one of its values can be taken apart."""
    if not path:
        return []
    call = graph.find(path)

    def makes(other: Call) -> bool:
        return bool(other.outputs and call.inputs) and other.outputs[0] is call.inputs[0]

    makers = [other.path for other in graph.calls if makes(other) and other.recordable]
    return [*makers[:1], path]
