"""What a text can tell about one call: its settings, its shapes, its costs, and where it stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from convscope.scope.describe import phrasing as words
from convscope.scope.describe.input_kind import TEXT_UNITS

if TYPE_CHECKING:
    from convscope.scope.geometry.geometry import Geometry
    from convscope.scope.graph.graph import Call

Shape = tuple[int | None, ...]

POSITIONS = {1: "step", 2: "pixel", 3: "voxel"}
"""What one position is called, by the number of axes along which positions lie."""


@dataclass(frozen=True)
class Facts:
    """Everything known about one call before it is put into words.

    Args:
        call: The call.
        geometry: How its output lies over the model's input; None where that is not known.
        before: How its (first) input lies there, with the output's shape in place of its own.
        parameters: Weights of the layer, each value counted.
        multiply_adds: Per sample; None where unknown.
        all_parameters: Those of the whole model.
        all_multiply_adds: Those of the whole model; None where unknown.
        unit: What one position of the input is: `pixel`, `step`, `voxel` or `position`.
        input_size: Lengths of the input's spatial axes.
        first_call: Path of the first call of the same layer, if this is not the first.
        inner: Class names of the calls inside, each with how often it occurs.
        masked: Whether one of its inputs is a mask that tells what is padding.
        input_name: Which input the geometry is about, in a model of several.
    """

    call: Call
    geometry: Geometry | None = None
    before: Geometry | None = None
    parameters: int = 0
    multiply_adds: int | None = None
    all_parameters: int = 0
    all_multiply_adds: int | None = None
    unit: str = "position"
    input_size: Shape = ()
    first_call: str = ""
    inner: tuple[tuple[str, int], ...] = ()
    masked: bool = False
    input_name: str = ""

    @property
    def layer(self) -> Any:
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
    def comes_in(self) -> str:
        """All input shapes in words."""
        return words.listed([words.values(shape[1:]) for shape in self.call.input_shapes]) or "nothing"

    @property
    def goes_out(self) -> str:
        """All output shapes in words."""
        return words.listed([words.values(shape[1:]) for shape in self.call.output_shapes]) or "nothing"

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

    @property
    def spatial_out(self) -> Shape:
        """Lengths of the output's axes beside the channels."""
        return self.shape_out[1:] if self.channels_first else self.shape_out[:-1]

    @property
    def maps_out(self) -> str:
        """The output as feature maps: `64 maps of 48x48`."""
        return self._maps(self.shape_out)

    @property
    def maps_in(self) -> str:
        """The input as feature maps."""
        return self._maps(self.shape_in)

    def _maps(self, shape: Shape) -> str:
        if len(shape) < 2:
            return words.values(shape)
        channels, spatial = (shape[0], shape[1:]) if self.channels_first else (shape[-1], shape[:-1])
        length = words.size(spatial)
        if len(spatial) == 1:
            unit = self.position(1)
            length = (
                f"any number of {words.many(unit)}" if spatial[0] is None else words.plural(spatial[0], unit)
            )
        return f"{'maps' if channels is None else words.plural(channels, 'map')} of {length}"

    @property
    def of_text(self) -> bool:
        """Whether the model reads texts."""
        return self.unit in TEXT_UNITS

    def position(self, axes: int) -> str:
        """What one position of maps is called that lie along so many axes."""
        if self.of_text:
            return {1: self.unit, 2: "character"}.get(axes, "position")
        if self.unit == "step" and axes == 2:  # time and frequency of a sound or a series
            return "cell"
        return POSITIONS[axes]

    def extent(self, lengths: Sequence[int | None]) -> str:
        """The size of a kernel or window."""
        along = list(lengths)
        if self.of_text and len(along) == 2 and along[0] == 1:  # within one word
            along = along[1:]
        if not self.of_text or len(along) > 1 or along[0] is None:
            return words.extent(lengths)
        return words.plural(along[0], self.position(len(lengths)))

    @property
    def ids_in(self) -> str:
        """The words or tokens that come in as numbers."""
        if not self.of_text or not self.shape_in:
            return words.values(self.shape_in)
        length = self.shape_in[0]
        return f"any number of {words.many(self.unit)}" if length is None else words.plural(length, self.unit)

    @property
    def changed(self) -> str:
        """The change of shape, or that there is none."""
        if self.shape_in == self.shape_out:
            return f"the shape stays {words.values(self.shape_out)}"
        verb = "become" if len(self.shape_in) == 1 and self.shape_in != (1,) else "becomes"
        return f"{words.values(self.shape_in)} {verb} {words.values(self.shape_out)}"


@dataclass(frozen=True)
class Text:
    """How one kind of layer is described.

    Args:
        about: What this kind does and why one uses it; may depend on the settings.
        here: Writes what this one does, in numbers.
    """

    about: str | Callable[[Facts], str]
    here: Callable[[Facts], str]
