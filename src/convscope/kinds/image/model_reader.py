"""How image files become the inputs of a Keras model that comes without a run."""

from __future__ import annotations

from collections.abc import Sequence
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
    Shape,
)
from convscope.kinds.contract.value_range import range_of
from convscope.kinds.image.kind import IMAGE_READER_OPTIONS
from convscope.kinds.image.readers.idx import idx_files, is_idx
from convscope.kinds.image.readers.sources import ImageSource
from convscope.kinds.image.representation import ImageRepresentation
from convscope.scope.attribution.layer import has_channels

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm")


def matches(model: PlainModel, files: Sequence[str], options: ReadingOptions) -> ModelMatch | None:
    """A model of (height, width, 1 or 3), or of (height, width) to which it adds channels itself."""
    shape, _ = _image_shape(model)
    if shape is None:
        return None
    return ModelMatch(0.9, f"its input {model.only_shape} is that of images")


def encoding(model: PlainModel, samples: Samples, options: ReadingOptions) -> ModelEncoding:
    """Images resized to what the model takes; their own size where it takes any.

    Raises:
        UsageError: The model takes no images.
    """
    shape, without_channel = _image_shape(model)
    if shape is None:
        raise model.mismatch("images")
    own_height, own_width = (int(side) for side in cast(ImageSource, samples).sizes[0])
    height, width, channels = shape
    representation = ImageRepresentation(height or own_height, width or own_width, channels or 1)
    note = f"images are resized to {representation.height}x{representation.width}"
    return ModelEncoding(representation, drop_channel=without_channel, notes=(note,))


def is_labelled(paths: Sequence[str]) -> bool:
    """A folder of folders, a table, `.npz` or IDX."""
    if names_data_set(paths):
        return True
    path = Path(paths[0]) if len(paths) == 1 else None
    if path is None:
        return False
    return bool(idx_files(path)) if path.is_dir() else path.is_file() and is_idx(path.name)


def _image_shape(model: PlainModel) -> tuple[Shape | None, bool]:
    """Height, width and channels; and whether the model takes images without a channel axis."""
    shape = model.only_shape
    if shape is None:
        return None, False
    if len(shape) == 2 and model.graph.linked and not has_channels(model.graph, model.graph.inputs[0]):
        return (*shape, 1), True
    return (shape if len(shape) == 3 and shape[-1] in (1, 3) else None), False


MODEL_READER = ModelReader(
    kind="image",
    samples="images",
    recipe="image-classification",
    matches=matches,
    encoding=encoding,
    is_labelled=is_labelled,
    endings=ENDINGS,
    options=IMAGE_READER_OPTIONS,
    pixel_range=range_of,
)
