"""How image files become the inputs of a Keras model that comes without a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from convscope.data.labelled import names_data_set
from convscope.data.splits import Samples
from convscope.kinds.contract.model_reader import (
    ModelEncoding,
    ModelMatch,
    ModelReader,
    PlainModel,
    ReadingOptions,
)
from convscope.kinds.contract.preprocessing import preprocessing_of
from convscope.kinds.image.kind import IMAGE_READER_OPTIONS
from convscope.kinds.image.readers.idx import idx_files, is_idx
from convscope.kinds.image.readers.sources import ImageSource
from convscope.kinds.image.representation import ImageRepresentation
from convscope.scope.attribution.layer import has_channels, takes_channels_first

_CHANNELS = (1, 3)
ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm")


@dataclass(frozen=True)
class _Place:
    """Where the axes of an image are in the input of a model; a length is None where any will do."""

    height: int | None
    width: int | None
    channels: int
    without_channel: bool = False
    channels_first: bool = False


def matches(model: PlainModel, files: Sequence[str], options: ReadingOptions) -> ModelMatch | None:
    """A model of (height, width, 1 or 3), with channels last or first; or of (height, width)."""
    if _place_of(model) is None:
        return None
    return ModelMatch(0.9, f"its input {model.only_shape} is that of images")


def encoding(model: PlainModel, samples: Samples, options: ReadingOptions) -> ModelEncoding:
    """Images resized to what the model takes; their own size where it takes any.

    Raises:
        UsageError: The model takes no images.
    """
    place = _place_of(model)
    if place is None:
        raise model.mismatch("images of 1 channel (gray) or 3 (red, green, blue)")
    own_height, own_width = (int(side) for side in cast(ImageSource, samples).sizes[0])
    representation = ImageRepresentation(place.height or own_height, place.width or own_width, place.channels)
    notes = [f"images are resized to {representation.height}x{representation.width}"]
    if place.channels_first:
        notes.append("channels become the first axis, as the model takes them")
    return ModelEncoding(
        representation,
        drop_channel=place.without_channel,
        channels_first=place.channels_first,
        notes=tuple(notes),
    )


def is_labelled(paths: Sequence[str]) -> bool:
    """A folder of folders, a table, `.npz` or IDX."""
    if names_data_set(paths):
        return True
    path = Path(paths[0]) if len(paths) == 1 else None
    if path is None:
        return False
    return bool(idx_files(path)) if path.is_dir() else path.is_file() and is_idx(path.name)


def _place_of(model: PlainModel) -> _Place | None:
    """How the model takes images; None if it takes none."""
    shape = model.only_shape
    if shape is None:
        return None
    if len(shape) == 2 and model.graph.linked and not has_channels(model.graph, model.graph.inputs[0]):
        return _Place(shape[0], shape[1], 1, without_channel=True)
    if len(shape) != 3:
        return None
    first, last = shape[0] in _CHANNELS, shape[2] in _CHANNELS
    if first and (not last or takes_channels_first(model.graph)):
        return _Place(shape[1], shape[2], shape[0] or 1, channels_first=True)
    return _Place(shape[0], shape[1], shape[2] or 1) if last else None


MODEL_READER = ModelReader(
    kind="image",
    samples="images",
    recipe="image-classification",
    matches=matches,
    encoding=encoding,
    is_labelled=is_labelled,
    endings=ENDINGS,
    options=IMAGE_READER_OPTIONS,
    preprocessing=preprocessing_of,
)
