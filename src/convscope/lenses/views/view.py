"""How inputs of one geometry are drawn: the protocol that figures draw with, whatever the kind of data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from convscope.lenses.sheet.blocks import MapBlock, Where, place_block
from convscope.lenses.sheet.sheet import MARGIN, Sheet
from convscope.lenses.sheet.theme import Numbers, Scale
from convscope.lenses.views.channel_map import place_channel_map
from convscope.lenses.views.layer_maps import LayerMaps

if TYPE_CHECKING:
    from rich.text import Text

    from convscope.scope.attribution.methods import Attribution
    from convscope.scope.channels.position import Position

Box = tuple[float, float, int, int]
"""x and y of the top left corner, width, and height at most, in pixels."""
Windows = Sequence[Sequence[int]]
"""First position and the one behind the last, for each axis of the input."""
LABEL = 60
"""Room for the numbers of channels left of their maps."""
TILE = 104
"""Width of a thumbnail in a row of them, where its geometry asks for no other."""


@dataclass(frozen=True, eq=False)
class Overlay:
    """An attribution, and what is written beside it.

    Args:
        attribution: Values at the positions of the input.
        lines: Target and score, the layer, and details, one each.
    """

    attribution: Attribution
    lines: Sequence[str]


@dataclass(frozen=True, eq=False)
class Patch:
    """A part of an input.

    Args:
        view: How the whole input is drawn.
        window: Which part.
        name: What it is called in the figure.
        hops: How many edges away from the window lie nodes of a graph that belong to the part.
    """

    view: View
    window: Windows
    name: str
    hops: int = 0


@dataclass(frozen=True)
class PlacedPatch:
    """A part of an input as it was drawn.

    Args:
        height: Of the drawing.
        lines: What is to be written below it, such as its time.
        notes: What must be said once about all that are drawn so.
    """

    height: int
    lines: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class View(Protocol):
    """One input of one geometry, and how it, its maps and its attributions are drawn.

    A geometry is added by a class that inherits from this one and defines the six members that have no
    default. Figures call these members and never ask which geometry a view is of.
    """

    @property
    def positions(self) -> tuple[int, ...]:
        """Shape of an array with one value for each position, such as an attribution."""
        ...

    def place_input(self, sheet: Sheet, box: Box) -> int:
        """Draws the input alone; returns the height, 0 where it cannot be seen."""
        ...

    def place_overlay(self, sheet: Sheet, y: int, overlays: Sequence[Overlay]) -> int:
        """Draws the input with each attribution over or beside it; returns the next baseline."""
        ...

    def place_patch(self, sheet: Sheet, box: Box, patch: Patch, row: Sequence[Patch]) -> PlacedPatch:
        """Draws a part of the input on the scale of all parts in its row, of which it is one."""
        ...

    def thumbnail(self, sheet: Sheet, box: Box, name: str = "input") -> int:
        """Draws the input small; returns the height, 0 where it cannot be seen."""
        ...

    def place_maps(
        self,
        sheet: Sheet,
        where: Where,
        layer: LayerMaps,
        channels: list[int],
        *,
        scale: str,
        shared: Scale | None = None,
    ) -> MapBlock:
        """Draws maps of one layer, with the input beside or above them where `holds` says so.

        Args:
            sheet: Where to.
            where: x, y and width.
            layer: The maps.
            channels: Which of them.
            scale: `layer`: one scale and a bar; `map`: one for each.
            shared: The colors of all maps, where they are those of other inputs too.
        """
        x, y, width = where
        spot = (x + LABEL, y, width - LABEL)
        block = place_block(sheet, spot, self.planes(layer), channels, scale=scale, name=layer.path)
        return replace(block, notes=(*block.notes, layer.note)) if layer.note else block

    @property
    def nouns(self) -> tuple[str, str]:
        """What that is called whose values a layer gathers, and a step from one to those that it sees."""
        return "node", "hop"

    @property
    def focus(self) -> tuple[int, ...] | None:
        """The position that the input is about; None where it is about all of them."""
        return None

    @property
    def takes_lines(self) -> bool:
        """Whether maps of several inputs stand one below the other, not side by side."""
        return self.tile is None

    def trimmed(self, layer: LayerMaps) -> LayerMaps:
        """Maps without positions that only pad the input."""
        return layer

    def holds(self, layer: LayerMaps) -> bool:
        """Whether `place_maps` draws the input with the maps of this layer."""
        return self.planes(layer).ndim >= 2

    def planes(self, layer: LayerMaps) -> Numbers:
        """The maps as they are drawn: (channels, rows, columns), (channels, length) or (channels,)."""
        return layer.planes

    def place_position(self, sheet: Sheet, y: int, position: Position, name: str) -> int:
        """Draws where a position lies in the input and in its map; returns the next baseline."""
        high = place_channel_map(sheet, (MARGIN, y), position)
        return y + high + (76 if high else 16)

    def kernel_labels(self, position: Position) -> Sequence[str]:
        """What lies under each position of a kernel, such as a token; nothing where that has no name."""
        return ()

    def place_name(self, position: Position) -> str:
        """What the position of a map is called, such as a node; empty where numbers say it."""
        return ""

    def channel_names(self, position: Position) -> Sequence[str]:
        """What the channels that a kernel reads are called; nothing where these are numbers."""
        return ()

    def unpadded(self, values: Numbers) -> Numbers:
        """Values of positions, without those of padding."""
        return np.asarray(values, np.float64)

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each position, such as its token; empty where positions have none."""
        return ()

    @property
    def tile(self) -> int | None:
        """Width of a part of the input in a row of them; None where each takes a line of its own."""
        return TILE

    @property
    def note(self) -> str:
        """What is shown of the input, where that is not all of it."""
        return ""

    def markup(self, label: str) -> str:
        """The input as an element of a page, with what it is for those who cannot see it; empty for none."""
        return ""

    def overlay_markup(self, overlays: Sequence[Overlay]) -> str:
        """Attributions as elements of a page in which words stay words; empty where they have to be drawn."""
        return ""

    def overlay_text(self, overlay: Overlay) -> Text | None:
        """An attribution for the terminal; None where it has to be drawn."""
        return None


@dataclass(frozen=True, eq=False)
class Sample:
    """An input with its name.

    Args:
        view: How it is drawn.
        name: What it is called, such as its file.
        caption: A line about it, such as the prediction.
    """

    view: View
    name: str = "input"
    caption: str = ""

    @property
    def heading(self) -> str:
        """All that is known about it on one line."""
        return "  ·  ".join(part for part in (self.name, self.caption, self.view.note) if part)


class ViewFactory(Protocol):
    """Makes the views of one kind of data; a kind names its own as `convscope.kinds.KIND.view:VIEW`."""

    def of_input(self, values: Numbers, description: object = None) -> View:
        """A sample as a model takes it.

        Args:
            values: Without the batch axis.
            description: What the kind's representation says about the sample, such as its tokens or its
                axis of time; None where nothing is known.
        """
        ...

    def of_sample(self, sample: Any) -> View:
        """A sample as its reader gives it."""
        ...
