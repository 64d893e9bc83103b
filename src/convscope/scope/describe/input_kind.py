"""What kind of data goes into a model, as far as its shapes and first layers tell."""

from __future__ import annotations

from dataclasses import dataclass

from convscope.scope.describe import phrasing as words
from convscope.scope.graph.core_layers import LOOKUPS, MASKS, core_class
from convscope.scope.graph.graph import Graph, Value

Shape = tuple[int | None, ...]

_READS_TOKENS = MASKS | {"SubwordEmbedding", "TokenEmbedding"}
"""Layers that stand in models of texts only, where `Embedding` may look up anything."""
_READS_WORDS = frozenset({"CharacterMask", "SubwordEmbedding"})
TEXT_UNITS = ("token", "word")
_FRAMES = ("TimeDistributed", "ConvLSTM2D", "ConvLSTM1D")


@dataclass(frozen=True)
class Subject:
    """What one input of a model holds.

    Args:
        noun: What one sample is, such as `picture`, `sequence`, `text`, `volume`, `row`.
        said: Many samples in words, such as `48x48 grayscale pictures`.
        unit: What one position is: `pixel`, `step`, `voxel`, `word`, `token`, `value` or `position`.
        size: Lengths of the axes along which positions lie.
        channels: Values per position; None where unknown or where there is no channel axis.
    """

    noun: str
    said: str
    unit: str
    size: Shape
    channels: int | None

    @property
    def tokenized(self) -> bool:
        """Whether these are texts as numbers of words or tokens."""
        return self.unit in TEXT_UNITS


def subject(graph: Graph, number: int = 0) -> Subject:
    """Tells what an input of a model holds.

    Args:
        graph: The model's calls.
        number: Which input.

    Returns:
        The kind of data in words; honest about what shapes alone cannot tell.
    """
    value = graph.inputs[number]
    users = [call for call in graph.calls if value in call.inputs and call.kind != "group"]
    kinds = _kinds(graph, value)
    shape = value.shape[1:]
    if value.dtype == "string":
        return Subject("text", "texts", "position", shape, None)
    rates = [call.layer.rate for call in graph.calls if value in call.inputs and hasattr(call.layer, "rate")]
    if "LogMel" in kinds and len(shape) == 1:
        return _recordings(shape, rates[0])
    if _is_text(graph, value):
        return _texts(graph, shape)
    if kinds & set(LOOKUPS):
        return _numbers(shape)
    first = any(getattr(call.layer, "data_format", None) == "channels_first" for call in users)
    spatial, channels = (
        (shape[1:], shape[0]) if first and len(shape) > 1 else (shape[:-1], shape[-1] if shape else None)
    )
    return _arrays(shape, spatial, channels, bool(kinds & set(_FRAMES)))


def _kinds(graph: Graph, value: Value) -> set[str | None]:
    return {core_class(call.layer) for call in graph.calls if value in call.inputs and call.kind != "group"}


def _is_text(graph: Graph, value: Value) -> bool:
    """Whether layers for texts read an input, or read another one of its length that is looked up beside."""
    if len(value.shape) < 2:
        return False
    if _kinds(graph, value) & _READS_TOKENS:
        return True
    return bool(_kinds(graph, value) & LOOKUPS) and any(
        other.shape[1:2] == value.shape[1:2] and _kinds(graph, other) & _READS_TOKENS
        for other in graph.inputs
    )


def _texts(graph: Graph, shape: Shape) -> Subject:
    """Texts as ids; pieces and characters of a word lie along a second axis, in place of channels."""
    kinds = {core_class(call.layer) for call in graph.calls}
    unit = "word" if kinds & _READS_WORDS else "token"
    length = "of any length" if shape[0] is None else f"of {words.plural(shape[0], unit)}"
    return Subject("text", f"texts {length}", unit, shape[:1], shape[1] if len(shape) > 1 else None)


def _recordings(shape: Shape, rate: int) -> Subject:
    length = "of any length" if shape[0] is None else f"of {words.number(shape[0] / rate)} seconds"
    return Subject("recording", f"recordings {length}, {rate:,} steps a second", "step", shape, None)


def _arrays(shape: Shape, spatial: Shape, channels: int | None, frames: bool) -> Subject:
    if len(shape) == 2:
        return _sequences(spatial, channels)
    if len(shape) == 3:
        return _pictures(spatial, channels)
    if len(shape) == 4:
        return _films(spatial, channels) if frames else _volumes(spatial, channels)
    return _rows(shape)


def _numbers(shape: Shape) -> Subject:
    if not shape or shape == (1,):
        return Subject(
            "number", "whole numbers (such as the number of a word or a thing)", "position", (), None
        )
    length = "of any length" if shape[0] is None else f"of {shape[0]:,}"
    said = (
        f"sequences {length} whole numbers"
        if shape[0] is not None
        else "sequences of whole numbers, of any length"
    )
    return Subject("sequence", f"{said} (such as the words of a text)", "step", shape, None)


def _pictures(size: Shape, channels: int | None) -> Subject:
    colour = {1: "grayscale pictures", 3: "colour pictures"}.get(channels or 0)
    noun = colour or ("pictures" if channels is None else f"pictures of {channels} channels")
    if None in size:
        of = " of any size" if set(size) == {None} else f" of {words.size(size)} pixels"
        return Subject("picture", f"{noun}{of}", "pixel", size, channels)
    return Subject("picture", f"{words.size(size)} {noun}", "pixel", size, channels)


def _sequences(size: Shape, channels: int | None) -> Subject:
    length = "sequences of any length" if size[0] is None else f"sequences of {words.plural(size[0], 'step')}"
    each = f" with {words.plural(channels, 'value')} each" if channels else ""
    return Subject("sequence", f"{length}{each}", "step", size, channels)


def _films(size: Shape, channels: int | None) -> Subject:
    frames = "any number of frames" if size[0] is None else words.plural(size[0], "frame")
    inner = _pictures(size[1:], channels).said
    return Subject("sequence", f"sequences of {frames} ({inner})", "position", size, channels)


def _volumes(size: Shape, channels: int | None) -> Subject:
    each = f" with {words.plural(channels, 'channel')}" if channels and channels > 1 else ""
    said = "volumes of any size" if set(size) == {None} else f"volumes of {words.size(size)} voxels"
    return Subject("volume", f"{said}{each}", "voxel", size, channels)


def _rows(shape: Shape) -> Subject:
    if len(shape) == 1:
        said = "rows of values" if shape[0] is None else f"rows of {words.plural(shape[0], 'value')}"
        return Subject("row", said, "value", shape, None)
    if not shape:
        return Subject("number", "single numbers", "position", (), None)
    return Subject("sample", f"arrays of {words.size(shape)}", "position", shape[:-1], shape[-1])
