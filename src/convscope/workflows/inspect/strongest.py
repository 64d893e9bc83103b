"""Which part of a sample is looked at, of one that is larger than what a model takes: the strongest one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import numpy.typing as npt

from convscope.engine.inference.infer import predict_batches
from convscope.kinds.contract.representation import SampleDescription
from convscope.kinds.contract.windows import SampleParts
from convscope.lenses.views.view import View
from convscope.scope.attribution.methods import METHODS as ATTRIBUTIONS
from convscope.scope.geometry.kernel_layout import channel_axis
from convscope.scope.graph.graph import trace
from convscope.scope.record import recorded_batches
from convscope.types import Array, Progress, no_progress
from convscope.workflows.inspect.attribution import target_of
from convscope.workflows.inspect.context import SHOWN_INPUTS, InspectionRequest, chosen_layers
from convscope.workflows.load_model import LoadedModel
from convscope.workflows.model_inputs.model_inputs import ModelInputs

BATCH_POSITIONS = 2**19
"""Positions that are computed at a time."""
CANDIDATES = 8
"""Strongest positions, each of another part, that are computed again with the position in the middle."""
NEAR = 1
"""Positions of a map around that place in which the value is looked for."""
DIGITS = 3
"""By which probabilities are told apart; of equal ones that with most positions of its class counts."""

Start = tuple[int, ...]


@dataclass(frozen=True)
class Peak:
    """The largest value of a unit in a part.

    Args:
        value: The value.
        count: Positions of the part that have the class.
        unit: The class or channel.
        place: Where it is, as shares of the part along each axis.
        start: Where the part begins.
    """

    value: float
    count: int
    unit: int
    place: tuple[float, ...]
    start: Start

    @property
    def rank(self) -> tuple[float, int]:
        """By which the strongest is told."""
        return (round(self.value, DIGITS), self.count) if self.count else (self.value, 0)


@dataclass(frozen=True)
class Sought:
    """What is to be as strong as it can.

    Args:
        loaded: The model.
        layer: Path of the layer; None for an output of the model.
        unit: The channel, or the class; None for any.
        size: Whether values below 0 count by their size.
        output: The number of the output.
    """

    loaded: LoadedModel
    layer: str | None = None
    unit: int | None = None
    size: bool = False
    output: int = 0

    def said(self, unit: int) -> str:
        """What it is, in words."""
        if self.layer is not None:
            return f"{self.layer}" if self.unit is None else f"channel {self.unit} of {self.layer}"
        names = self.loaded.class_names
        return f"'{names[unit]}'" if names and unit < len(names) else f"class {unit}"

    def maps(self, batches: Iterator[Array], axis: int) -> Iterator[Array]:
        """Values of parts, batch by batch, (parts, positions..., units)."""
        if self.layer is None:
            yield from (each[self.output] for each in predict_batches(self.loaded.model, batches))
            return
        for taps in recorded_batches(self.loaded.model, batches, [self.layer]):
            values = np.moveaxis(np.asarray(taps[self.layer], np.float32), axis, -1)
            values = np.where(np.isfinite(values), np.abs(values) if self.size else values, -np.inf)
            yield values.max(axis=-1, keepdims=True) if self.unit is None else values[..., [self.unit]]


def at_strongest(
    loaded: LoadedModel, inputs: ModelInputs, request: InspectionRequest, progress: Progress
) -> ModelInputs:
    """Inputs of which the part with the strongest position is shown, where a model does not take all of one.

    The position is that of the channel or the class that is asked for; else that of the largest value of the
    first layer that is named, or where the model is surest of a class that is not the most frequent one.

    Args:
        loaded: The model.
        inputs: Samples for it.
        request: What is asked for; a position of its own leaves the parts as they are.
        progress: Receives the number of parts that were computed.

    Returns:
        The same inputs where all of each sample is shown, or the method looks at no single position.
    """
    parts, method = inputs.parts, request.method
    seeks = method in ("maps", "position", "attribution") or method in ATTRIBUTIONS
    if parts is None or not seeks or isinstance(request.at, tuple):
        return inputs
    larger = [i for i in range(min(SHOWN_INPUTS, len(inputs))) if len(parts.starts(i)) > 1]
    if not larger:
        return inputs
    sought, axis, units = _sought(loaded, inputs, request)
    if sought.unit is not None and not 0 <= sought.unit < units:
        return inputs  # the method itself says which there are
    starts: dict[int, Start] = {}
    notes = [note for note in inputs.notes if note not in parts.notes]
    for index in larger:
        peak = _strongest(sought, axis, parts, index, progress)
        starts[index] = peak.start
        notes.append(f"{inputs.names[index]}: {_said(sought, parts, index, peak)}")
    return _showing(replace(inputs, notes=tuple(notes)), starts)


def _sought(loaded: LoadedModel, inputs: ModelInputs, request: InspectionRequest) -> tuple[Sought, int, int]:
    """What is sought, the axis of its channels, and how many there are."""
    graph = trace(loaded.model, inputs.first(1))
    if request.method == "position" or (request.method == "maps" and request.layers):
        call = chosen_layers(graph, request.layers[:1], 1)[0][0]
        size = request.method == "maps" and request.channel is None
        axis = channel_axis(call.layer)
        return Sought(loaded, call.path, request.channel, size), axis, int(call.output_shapes[0][axis] or 0)
    names = list(graph.output_names)
    output = names.index(request.output) if request.output in names else 0
    units = int(loaded.model.outputs[output].shape[-1])
    target = target_of(request.target, loaded.class_names)
    return Sought(loaded, None, target if units > 1 else None, output=output), -1, units


def _strongest(sought: Sought, axis: int, parts: SampleParts, index: int, progress: Progress) -> Peak:
    """The strongest position of a sample, in a part that has it in its middle."""
    starts = parts.starts(index)
    found = _computed(sought, axis, parts, index, starts, progress)
    peaks = [peak for values, start in found for peak in _of_part(sought, values, start)]
    wanted = _wanted(sought, peaks)
    ranked = sorted((peak for peak in peaks if peak.unit in wanted), key=lambda peak: peak.rank)[::-1]
    first = ranked[:CANDIDATES]
    positions = [_position(peak, parts.window) for peak in first]
    moved = [parts.around(index, position) for position in positions]
    again = _computed(sought, axis, parts, index, moved)
    places = [
        _inside(position, start, parts.window) for position, start in zip(positions, moved, strict=True)
    ]
    near = [
        _near(sought, values, peak.unit, place, start)
        for (values, start), peak, place in zip(again, first, places, strict=True)
    ]
    return max(near, key=lambda peak: peak.rank)


def _inside(position: Start, start: Start, window: Sequence[int]) -> tuple[float, ...]:
    """A position as shares of a part."""
    each = zip(position, start, window, strict=True)
    return tuple((at - first + 0.5) / side for at, first, side in each)


def _wanted(sought: Sought, peaks: Sequence[Peak]) -> set[int]:
    """The units that count: of classes, where none is asked for, all but the most frequent one."""
    units = {peak.unit for peak in peaks}
    if sought.layer is not None or sought.unit is not None or len(units) == 1:
        return units
    counts = {unit: sum(peak.count for peak in peaks if peak.unit == unit) for unit in units}
    return units - {max(counts, key=lambda unit: counts[unit])}


def _computed(
    sought: Sought,
    axis: int,
    parts: SampleParts,
    index: int,
    starts: Sequence[Start],
    progress: Progress = no_progress,
) -> Iterator[tuple[Array, Start]]:
    """Values of each part, (positions..., units), and where it begins."""
    size = max(1, min(len(starts), BATCH_POSITIONS // math.prod(parts.window)))
    windows, done = parts.inputs(index, starts), 0

    def batches() -> Iterator[Array]:
        while chunk := list(islice(windows, size)):
            yield np.stack([*chunk, *[chunk[-1]] * (size - len(chunk))])

    for values in sought.maps(batches(), axis):
        some = starts[done : done + size]
        yield from zip(values[: len(some)], some, strict=True)
        done += len(some)
        progress(done, len(starts), "seeking the strongest position")


def _of_part(sought: Sought, values: Array, start: Start) -> Iterator[Peak]:
    """The largest value of each unit in a part; of classes where they are the most probable ones."""
    classes = sought.layer is None and values.shape[-1] > 1
    best = values.argmax(axis=-1) if classes else None
    units = [sought.unit or 0] if classes else [0]
    if best is not None and sought.unit is None:
        units = np.unique(best).tolist()
    for unit in units:
        own = values[..., unit]
        count = 0
        if best is not None:
            count = int((best == unit).sum())
            own = np.where(best == unit, own, -1) if sought.unit is None else own
        spot = np.unravel_index(int(own.argmax()), own.shape)
        place = tuple((int(at) + 0.5) / side for at, side in zip(spot, own.shape, strict=True))
        yield Peak(float(own[spot]), count, unit, place, start)


def _near(sought: Sought, values: Array, unit: int, inside: Sequence[float], start: Start) -> Peak:
    """The value at a place of a part, as shares of it, or right beside."""
    own = values[..., unit]
    middle = [min(int(share * side), side - 1) for share, side in zip(inside, own.shape, strict=True)]
    around = tuple(slice(max(at - NEAR, 0), at + NEAR + 1) for at in middle)
    spot = np.unravel_index(int(own[around].argmax()), own[around].shape)
    found = [int(at) + each.start for at, each in zip(spot, around, strict=True)]
    place = tuple((at + 0.5) / side for at, side in zip(found, own.shape, strict=True))
    classes = sought.layer is None and values.shape[-1] > 1
    count = int((values.argmax(axis=-1) == unit).sum()) if classes else 0
    return Peak(float(own[tuple(found)]), count, unit, place, start)


def _position(peak: Peak, window: Sequence[int]) -> Start:
    """Where a peak is in the sample."""
    return tuple(
        first + int(share * side) for first, share, side in zip(peak.start, peak.place, window, strict=True)
    )


def _said(sought: Sought, parts: SampleParts, index: int, peak: Peak) -> str:
    ends = ", ".join(f"{at} to {at + side - 1}" for at, side in zip(peak.start, parts.window, strict=True))
    spot = ", ".join(map(str, _position(peak, parts.window)))
    return (
        f"the window of positions {ends} is shown, around the strongest position of {sought.said(peak.unit)},"
        f" {peak.value:.3g} at ({spot}), of all {len(parts.starts(index))} windows that cover it"
    )


def _showing(inputs: ModelInputs, starts: Mapping[int, Start]) -> ModelInputs:
    """Inputs of which these parts are shown, and of others the middle."""
    parts, draw = inputs.parts, inputs.draw
    assert parts is not None
    assert draw is not None

    def start(index: int) -> Start:
        return starts[index] if index in starts else parts.middle(index)

    def take(indices: npt.NDArray[np.int64]) -> Array:
        return np.stack([next(parts.inputs(index, [start(index)])) for index in indices.tolist()])

    def describe(index: int) -> SampleDescription:
        return parts.describe(index, start(index))

    def view(index: int, values: Array) -> View:
        return draw(values, describe(index))

    return replace(inputs, take=take, describe=describe, view=view)
