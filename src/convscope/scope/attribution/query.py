"""What is asked of an attribution: samples, input, output, target and layer, and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import keras
import numpy as np
from keras import ops

from convscope.errors import UsageError
from convscope.scope.attribution.head import Head
from convscope.scope.attribution.layer import (
    embedding_of,
    front_end_call,
    has_channels,
    joined,
    last_layer_with_positions,
    lies_over,
)
from convscope.scope.attribution.resize import Resize, resized
from convscope.scope.choice import narrowest_convolution
from convscope.scope.geometry.geometry import is_table
from convscope.scope.graph.graph import Call, LayerGraph
from convscope.scope.layer_spec import has_trait
from convscope.types import Array, Progress, Tensor, no_progress


@dataclass(frozen=True)
class AttributionValues:
    """What a method finds.

    Args:
        values: (samples, *positions of the input).
        signed: Whether values below 0 speak against the target.
        path: The layer; None for the input.
        details: Per sample, what else there is to know.
        parts: What each channel adds, (samples, *positions, channels), at the resolution of the place where
            it was taken; None where the method does not tell channels apart.
    """

    values: np.ndarray
    signed: bool
    path: str | None = None
    details: Sequence[Mapping[str, float | str]] = ()
    parts: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class AttributionQuery:
    """A checked request.

    Args:
        model: The model.
        graph: Its calls.
        inputs: All inputs in the graph's order, each (samples, ...).
        keys: Names under which the model takes them; empty where it takes them in order.
        source: Which input is explained.
        output: Which output is explained.
        head: How that output ends.
        before: Whether the value before its last activation is explained.
        targets: Class or unit per sample.
        own_values: What the model itself gives for them.
        selector: (samples, units), or (samples, positions, units) where one position of the output is
            explained; the explained score is the sum of `output * selector`, plus the offset.
        offset: (samples,).
        places: Which position of the output is explained per sample, counted through all axes; None where
            their mean is.
        layer: The layer that was named; None where none was.
        batch_size: How many samples are computed at once.
        seed: For drawn noise and masks.
        progress: Receives how many changed copies of the samples are computed.
    """

    model: keras.Model
    graph: LayerGraph
    inputs: tuple[np.ndarray, ...]
    keys: tuple[str, ...]
    source: int
    output: int
    head: Head
    before: bool
    targets: np.ndarray
    own_values: np.ndarray
    selector: np.ndarray
    offset: np.ndarray
    places: np.ndarray | None
    layer: Call | None
    batch_size: int
    seed: int
    progress: Progress = no_progress

    @cached_property
    def channels_first(self) -> bool:
        """Whether channels stand before the positions."""
        return any(getattr(call.layer, "data_format", None) == "channels_first" for call in self.graph.calls)

    @cached_property
    def gathered(self) -> bool:
        """Whether the explained input holds the values of nodes, which other inputs tell the edges of."""
        return any(is_table(self.graph, number) for number in range(len(self.graph.inputs)))

    @cached_property
    def input_channels(self) -> bool:
        """Whether the explained input has channels."""
        return has_channels(self.graph, self.graph.inputs[self.source])

    @cached_property
    def embedding(self) -> Call | None:
        """What looks the explained input up, where that holds token ids."""
        return embedding_of(self.graph, self.graph.inputs[self.source])

    @cached_property
    def joined(self) -> tuple[Call, tuple[int, ...]] | None:
        """Where what other inputs know of the same tokens is joined, and the numbers of these inputs."""
        return joined(self.graph, self.graph.inputs[self.source]) if self.embedding is not None else None

    @cached_property
    def bands(self) -> tuple[int, int] | None:
        """Of a waveform the frames and bands of the front end; None for other inputs."""
        call = front_end_call(self.graph, self.graph.inputs[self.source])
        if call is None or self.x.ndim != 2:
            return None
        _, frames, bands = call.layer.compute_output_shape((None, self.x.shape[1]))
        return frames, bands

    @property
    def ids(self) -> bool:
        """Whether the explained input holds whole numbers such as token ids."""
        return self.x.dtype.kind != "f" or self.embedding is not None

    @property
    def x(self) -> np.ndarray:
        """The explained input, (samples, ...)."""
        return self.inputs[self.source]

    @property
    def samples(self) -> int:
        """How many samples there are."""
        return len(self.x)

    @property
    def positions(self) -> tuple[int, ...]:
        """Lengths of the input's axes without samples and channels."""
        return self.channels_last(self.x, None).shape[1:-1]

    @property
    def explained(self) -> str:
        """Which value is explained, in words."""
        if self.head.ending == "unknown":
            return "the output, whose last activation is not known"
        if self.head.layer is None:
            return "the output"
        return f"{'before' if self.before else 'after'} {self.head.ending}"

    def position_of(self, sample: int) -> tuple[int, ...] | None:
        """Where the output is explained, where it has several axes of positions."""
        if self.places is None or self.selector.ndim < 4:
            return None
        return tuple(map(int, np.unravel_index(int(self.places[sample]), self.selector.shape[1:-1])))

    @cached_property
    def narrowest(self) -> Call | None:
        """Where maps speak for a single position of many: in front of them only that position counts."""
        return narrowest_convolution(self.graph) if self.places is not None else None

    def channels_last(self, array: np.ndarray, call: Call | None) -> np.ndarray:
        """(samples, *positions, channels), of values behind a layer or at the input, with channels or not."""
        if call is None and not self.input_channels:
            return array[..., None]
        return np.moveaxis(array, 1, -1) if self.channels_first else array

    def laid_over(self, maps: np.ndarray, resize: Resize) -> tuple[np.ndarray, np.ndarray | None]:
        """Maps at the resolution of the input; of a waveform also over the frames and bands of its front end.

        Args:
            maps: (samples, *positions of a layer). Those of a layer behind the energies of a waveform may
                have an axis of bands, which are added up.
            resize: How they are brought to another resolution.

        Returns:
            (samples, *positions of the input), and (samples, frames, bands) where there are bands.
        """
        if self.bands is None or maps.ndim != len(self.positions) + 2:
            return resized(maps, self.positions, resize), None
        over_bands = resized(maps, self.bands, resize)
        return resized(over_bands.sum(-1), self.positions, resize), over_bands

    def shaped_as_input(self, masks: np.ndarray) -> np.ndarray:
        """(samples, *positions) so that it multiplies the input: with a channel axis where that has one."""
        if not self.input_channels:
            return masks
        return np.expand_dims(masks, 1 if self.channels_first else -1)

    def in_sample(self, place: tuple[slice, ...]) -> tuple[slice, ...]:
        """A window of positions as an index into one sample, all channels."""
        return (slice(None), *place) if self.channels_first and self.input_channels else place

    def baseline(self, value: float | Array) -> np.ndarray:
        """One sample without content, of the shape and type of the explained input's samples.

        Args:
            value: A number, or an array of the shape of one sample.

        Raises:
            UsageError: It has another shape.
        """
        shape = self.x.shape[1:]
        try:
            return np.broadcast_to(np.asarray(value, self.x.dtype), shape)
        except (ValueError, TypeError) as error:
            raise UsageError(
                f"baseline must be a number or an array of shape {shape}. Received: shape {np.shape(value)}."
            ) from error

    def scores(self, tensors: Sequence[Tensor], selector: Tensor, offset: Tensor) -> Tensor:
        """Inside a program: the explained score of each sample, (samples,), from all inputs."""
        if self.before:
            with self.head.removed():
                outputs = self._outputs(tensors)
        else:
            outputs = self._outputs(tensors)
        return ops.sum(outputs * selector, axis=tuple(range(1, len(selector.shape)))) + offset

    def _outputs(self, tensors: Sequence[Tensor]) -> Tensor:
        whole = self.places is not None
        return units_of(self.model, arranged(tensors, self.keys), self.output, whole)

    def cam_layer(self) -> Call:
        """The layer that was named, or else the last with positions.

        Raises:
            UsageError: Layers before it select positions, so that its maps do not lie over the input.
        """
        named = self.layer or self.narrowest
        if named is not None:
            selects = any(has_trait(call.layer, "selects") for call in self.graph.calls)
            if selects and not lies_over(named, self.graph.inputs[self.source]):
                raise UsageError(
                    f"'{named.path}' has values for some positions alone, which do not lie over the input.",
                    "Name an earlier layer, or take a method that needs none, such as integrated-gradients.",
                )
            return named
        return last_layer_with_positions(
            self.graph,
            self.graph.inputs[self.source],
            self.graph.outputs[self.output],
            len(self.positions) + 2,
        )

    def place(self, method: str) -> Call | None:
        """Where values can change a little: the layer that was named, the embedding of ids, or the input.

        Returns:
            The layer; None for the input itself.

        Raises:
            UsageError: The input holds whole numbers, and nothing that can be observed looks them up.
        """
        if self.layer is not None or not self.ids:
            return self.layer
        if self.embedding is None:
            raise UsageError(
                f"{method} needs a continuous input; "
                f"'{self.graph.input_names[self.source]}' has integer ids.",
                "Give a layer after it, such as the embedding.",
            )
        return self.embedding if self.joined is None else self.joined[0]


def arranged(tensors: Sequence[Tensor], keys: Sequence[str]) -> Tensor:
    """Inputs in the structure that the model takes."""
    if keys:
        return dict(zip(keys, tensors, strict=True))
    return list(tensors) if len(tensors) > 1 else tensors[0]


def units_of(model: keras.Model, inputs: Tensor, output: int, whole: bool = False) -> Tensor:
    """One output as (samples, units) of float32; positions are averaged, unless the whole is wanted."""
    values = keras.tree.flatten(model(inputs, training=False))[output]
    values = ops.cast(values, "float32")
    rank = len(values.shape)
    if rank < 2:
        return ops.reshape(values, (-1, 1))
    return ops.mean(values, axis=tuple(range(1, rank - 1))) if rank > 2 and not whole else values
