"""What one input of a model holds, as far as its shape tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from convscope import phrasing

Shape = tuple[int | None, ...]
Arrangement = Literal["raster", "sequence", "tokens", "waveform", "volume", "frames", "nodes", "row", "other"]
"""How the positions of a sample lie."""


@dataclass(frozen=True)
class InputKind:
    """What one input of a model holds.

    Args:
        noun: What one sample is, such as `image`, `sequence`, `text`, `volume`, `row`.
        said: Many samples in words, such as `48x48 grayscale images`.
        unit: What one position is, such as `pixel`, `step`, `voxel`, `token`, `value` or `position`.
        size: Lengths of the axes along which positions lie.
        channels: Values per position; None where unknown or where there is no channel axis.
        layout: How the positions lie.
        units: What one position of a map is called that has one axis of positions, two axes and so on, where
            that is not a step, a pixel and a voxel.
        id_of: What a whole number of the input stands for, such as `token`; empty where it holds none.
        one_sample: Whether several inputs of this kind and size are one sample in several forms, such as the
            words of a text and their characters.
    """

    noun: str
    said: str
    unit: str
    size: Shape
    channels: int | None
    layout: Arrangement = "other"
    units: tuple[str, ...] = ()
    id_of: str = ""
    one_sample: bool = False

    @property
    def tokenized(self) -> bool:
        """Whether these are ids of tokens in a row."""
        return self.layout == "tokens"


def of_array(shape: Shape, *, channels_first: bool = False, frames: bool = False) -> InputKind:
    """What an array of values holds.

    Args:
        shape: Without the batch axis.
        channels_first: Whether the first layers expect the channels in front.
        frames: Whether the first layers read it frame by frame, or the input is called so.
    """
    spatial, channels = shape[:-1], shape[-1] if shape else None
    if channels_first and len(shape) > 1:
        spatial, channels = shape[1:], shape[0]
    if len(shape) == 2:
        return _sequences(spatial, channels)
    if len(shape) == 3:
        return _images(spatial, channels)
    if len(shape) == 4:
        return _videos(spatial, channels) if frames else _volumes(spatial, channels)
    return _rows(shape)


def of_ids(shape: Shape) -> InputKind:
    """What whole numbers hold that are looked up in a table, where nothing tells what they stand for."""
    if not shape or shape == (1,):
        return InputKind("id", "integer ids", "position", (), None, id_of="word or item")
    length = "any length" if shape[0] is None else phrasing.plural(shape[0], "integer id")
    said = "sequences of integer ids of any length" if shape[0] is None else f"sequences of {length}"
    return InputKind("sequence", said, "step", shape, None, "sequence", ("step", "cell"), "word or item")


def _images(size: Shape, channels: int | None) -> InputKind:
    color = {1: "grayscale images", 3: "color images"}.get(channels or 0)
    noun = color or ("images" if channels is None else f"images with {channels} channels")
    if None in size:
        of = " of any size" if set(size) == {None} else f" of {phrasing.size(size)} pixels"
        return InputKind("image", f"{noun}{of}", "pixel", size, channels, "raster")
    return InputKind("image", f"{phrasing.size(size)} {noun}", "pixel", size, channels, "raster")


def _sequences(size: Shape, channels: int | None) -> InputKind:
    length = "of any length" if size[0] is None else f"of {phrasing.plural(size[0], 'step')}"
    each = f" with {phrasing.plural(channels, 'channel')}" if channels else ""
    said = f"sequences {length}{each}"
    return InputKind("sequence", said, "step", size, channels, "sequence", ("step", "cell"))


def _videos(size: Shape, channels: int | None) -> InputKind:
    frames = "any number of frames" if size[0] is None else phrasing.plural(size[0], "frame")
    inner = _images(size[1:], channels).said
    return InputKind("sequence", f"sequences of {frames} ({inner})", "position", size, channels, "frames")


def _volumes(size: Shape, channels: int | None) -> InputKind:
    each = f" with {phrasing.plural(channels, 'channel')}" if channels and channels > 1 else ""
    said = "volumes of any size" if set(size) == {None} else f"volumes of {phrasing.size(size)} voxels"
    return InputKind("volume", f"{said}{each}", "voxel", size, channels, "volume")


def _rows(shape: Shape) -> InputKind:
    if len(shape) == 1:
        said = "rows of values" if shape[0] is None else f"rows of {phrasing.plural(shape[0], 'value')}"
        return InputKind("row", said, "value", shape, None, "row")
    if not shape:
        return InputKind("number", "single numbers", "position", (), None)
    return InputKind("sample", f"arrays of {phrasing.size(shape)}", "position", shape[:-1], shape[-1])
