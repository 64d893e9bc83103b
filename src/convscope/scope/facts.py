"""What a text can tell about one call: its settings, its shapes, its costs, and where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import keras

from convscope import phrasing
from convscope.scope.describe.input_kind import InputKind, of_array
from convscope.scope.geometry.receptive_field import Geometry
from convscope.scope.graph.graph import Call

Shape = tuple[int | None, ...]

POSITIONS = {1: "step", 2: "pixel", 3: "voxel"}
"""What one position is called, by the number of axes along which positions lie."""


@dataclass(frozen=True)
class Facts:
    """Everything known about one call before it is put into words.

    Args:
        call: The call.
        input: What the model's input holds that the geometry is about.
        geometry: How its output lies over the model's input; None where that is not known.
        before: How its (first) input lies there, with the output's shape in place of its own.
        parameters: Weights of the layer, each value counted.
        multiply_adds: Per sample; None where unknown.
        all_parameters: Those of the whole model.
        all_multiply_adds: Those of the whole model; None where unknown.
        first_call: Path of the first call of the same layer, if this is not the first.
        inner: Class names of the calls inside, each with how often it occurs.
        masked: Whether one of its inputs is a mask that tells what is padding.
        input_name: Which input the geometry is about, in a model of several.
    """

    call: Call
    input: InputKind = field(default_factory=lambda: of_array(()))
    geometry: Geometry | None = None
    before: Geometry | None = None
    parameters: int = 0
    multiply_adds: int | None = None
    all_parameters: int = 0
    all_multiply_adds: int | None = None
    first_call: str = ""
    inner: tuple[tuple[str, int], ...] = ()
    masked: bool = False
    input_name: str = ""

    @property
    def layer(self) -> keras.layers.Layer:
        """The layer, whose settings differ from class to class."""
        return self.call.layer

    @property
    def shape_in(self) -> Shape:
        """Shape of the first input, without the batch axis."""
        return self.call.input_shapes[0][1:] if self.call.input_shapes else ()

    @property
    def shape_out(self) -> Shape:
        """Shape of the first output, without the batch axis."""
        return self.call.output_shapes[0][1:] if self.call.output_shapes else ()

    @property
    def inputs(self) -> str:
        """All input shapes in words."""
        return phrasing.listed([phrasing.values(shape[1:]) for shape in self.call.input_shapes]) or "nothing"

    @property
    def outputs(self) -> str:
        """All output shapes in words."""
        return phrasing.listed([phrasing.values(shape[1:]) for shape in self.call.output_shapes]) or "nothing"

    @property
    def channels_first(self) -> bool:
        """Whether the layer takes its channels as the first axis after the batch."""
        return getattr(self.layer, "data_format", None) == "channels_first"

    @property
    def channels_in(self) -> int | None:
        """Length of the input's channel axis."""
        return (self.shape_in[0] if self.channels_first else self.shape_in[-1]) if self.shape_in else None

    @property
    def spatial_in(self) -> Shape:
        """Lengths of the input's other axes."""
        return self.shape_in[1:] if self.channels_first else self.shape_in[:-1]

    def position(self, axes: int) -> str:
        """What one position of maps is called that lie along so many axes."""
        if axes <= len(self.input.units):
            return self.input.units[axes - 1]
        return POSITIONS.get(axes, "position")

    def extent(self, lengths: Sequence[int | None]) -> str:
        """The size of a kernel or window: `3x3`, or `5 steps` along a single axis."""
        inside = self.input.tokenized and len(lengths) == 2 and lengths[0] == 1  # within one token
        along = lengths[1:] if inside else lengths
        if len(along) == 1 and along[0] is not None:
            return phrasing.plural(along[0], self.position(len(lengths)))
        return phrasing.size(along)

    @property
    def ids_in(self) -> str:
        """The ids that come in: `9 tokens`, or their number of values."""
        if not self.input.tokenized or not self.shape_in:
            return phrasing.values(self.shape_in)
        length = self.shape_in[0]
        unit = self.input.unit
        return f"any number of {phrasing.many(unit)}" if length is None else phrasing.plural(length, unit)

    @property
    def changed(self) -> str:
        """The change of shape, or that there is none."""
        if self.shape_in == self.shape_out:
            return f"the shape stays {phrasing.values(self.shape_out)}"
        verb = "become" if len(self.shape_in) == 1 and self.shape_in != (1,) else "becomes"
        return f"{phrasing.values(self.shape_in)} {verb} {phrasing.values(self.shape_out)}"

    @property
    def stays(self) -> str:
        """That the shape is kept, as a sentence."""
        return f"The shape stays {phrasing.values(self.shape_out)}."

    def shape_sentence(self, *settings: str) -> str:
        """Settings and the change of shape, such as `Factor 2: 9x9x1 becomes 18x18x1.`, as a sentence."""
        said = ", ".join(setting for setting in settings if setting)
        return phrasing.sentence(f"{said}: {self.changed}" if said else self.changed)
