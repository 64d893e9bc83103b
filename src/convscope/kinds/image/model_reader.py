"""How image files become the inputs of a Keras model that comes without a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, cast

import numpy as np
import numpy.typing as npt

from convscope.data.encoded import HeldArrays, LazyArrays
from convscope.data.labelled import names_data_set
from convscope.data.splits import Samples
from convscope.json_values import Plain, Within
from convscope.kinds.contract.model_reader import (
    ModelEncoding,
    ModelMatch,
    ModelReader,
    PlainModel,
    ReadingOptions,
    channels_first,
)
from convscope.kinds.contract.preprocessing import (
    choose_preprocessing,
    limits_of,
    preprocessing_of,
    steps_of,
)
from convscope.kinds.contract.representation import RasterDescription
from convscope.kinds.image.kind import IMAGE_READER_OPTIONS
from convscope.kinds.image.readers.idx import idx_files, is_idx
from convscope.kinds.image.readers.inputs import read_several
from convscope.kinds.image.readers.sources import ImageSource
from convscope.kinds.image.representation import MEMORY_LIMIT, VERSION, ImageRepresentation
from convscope.scope.attribution.layer import has_channels, takes_channels_first
from convscope.scope.graph.graph import Value
from convscope.scope.graph.model_inputs import symbolic_inputs
from convscope.types import Preprocessing, Progress, no_progress

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


@dataclass(frozen=True)
class ImagePart(Plain):
    """What one image of a sample of several becomes.

    Args:
        name: Of the input of the model.
        height: In pixels.
        width: In pixels.
        channels: 1 (gray) or 3 (RGB).
        preprocess: What its pixels become.
        without_channel: Whether the model takes it without an axis of channels.
        channels_first: Whether the model takes its channels as the first axis.
    """

    name: str
    height: Annotated[int, Within(1, 2**16)]
    width: Annotated[int, Within(1, 2**16)]
    channels: Literal[1, 3]
    preprocess: Preprocessing
    without_channel: bool = False
    channels_first: bool = False

    @property
    def image(self) -> ImageRepresentation:
        """Brings an image to its size."""
        return ImageRepresentation(self.height, self.width, self.channels)


@dataclass(frozen=True)
class ImageTuples(Plain):
    """Samples of several images each, as one array: their channels one behind the other, padded to one size.

    Args:
        parts: One for each input of the model.
        by_name: Whether the model takes its inputs as a mapping of names.
    """

    _WHAT = "representation of several images"
    _KEPT: ClassVar = {"kind": "images", "version": VERSION}

    parts: Annotated[tuple[ImagePart, ...], Within(1, 64)]
    by_name: bool = False

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of the array."""
        sides = [(part.height, part.width) for part in self.parts]
        height, width = (max(each) for each in zip(*sides, strict=True))
        return height, width, sum(part.channels for part in self.parts)

    @property
    def sizes(self) -> dict[str, tuple[str, ...]]:
        """The names of the inputs."""
        return {"inputs": tuple(part.name for part in self.parts)}

    def encode(
        self, samples: Samples, limit_bytes: int = MEMORY_LIMIT, progress: Progress = no_progress
    ) -> HeldArrays[np.uint8] | LazyArrays[np.uint8]:
        """The images, in memory where they fit; colors in the order that the model takes."""
        lazy = LazyArrays(samples, self._joined, self.shape, np.uint8)
        return lazy.held(limit_bytes, progress, "decoding images")

    def prepare(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Scales pixels of all images, shape (..., channels of all)."""
        steps = [(steps_of(part.preprocess), part.channels) for part in self.parts]
        factors = [np.broadcast_to(np.asarray(each.factor, np.float32), channels) for each, channels in steps]
        offsets = [np.broadcast_to(np.asarray(each.offset, np.float32), channels) for each, channels in steps]
        scaled: npt.NDArray[np.float32] = np.multiply(pixels, np.concatenate(factors), dtype=np.float32)
        return scaled + np.concatenate(offsets)

    def take_apart(self, values: Any) -> Any:
        """From scaled arrays or tensors to the inputs of the model."""
        inputs, start = [], 0
        for part in self.parts:
            own = values[:, : part.height, : part.width, start : start + part.channels]
            start += part.channels
            if part.without_channel:
                own = own[..., 0]
            elif part.channels_first:
                own = own[..., 0][:, None] if part.channels == 1 else channels_first(own)
            inputs.append(own)
        return dict(zip(self.sizes["inputs"], inputs, strict=True)) if self.by_name else inputs

    def to_inputs(self, pixels: npt.NDArray[np.uint8]) -> object:
        """From pixels to the inputs of the model."""
        return self.take_apart(self.prepare(pixels))

    def describe(self, sample: Sequence[npt.NDArray[np.uint8]]) -> RasterDescription:
        """What is black and white in the first image of a sample, and the others as they were read."""
        return RasterDescription(limits_of(self.parts[0].preprocess), tuple(sample[1:]))

    def example(self, count: int) -> object:
        """So many samples of noise, as the model takes them."""
        return self.to_inputs(np.random.default_rng(0).integers(0, 256, (count, *self.shape), np.uint8))

    def _joined(self, images: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.uint8]:
        joined, start = np.zeros(self.shape, np.uint8), 0
        for part, image in zip(self.parts, images, strict=True):
            pixels = part.image.to_pixels([image])[0]
            pixels = pixels[..., ::-1] if steps_of(part.preprocess).reverse else pixels
            joined[: part.height, : part.width, start : start + part.channels] = pixels
            start += part.channels
        return joined


def matches(model: PlainModel, files: Sequence[str], options: ReadingOptions) -> ModelMatch | None:
    """Inputs of (height, width, 1 or 3), with channels last or first; or of (height, width)."""
    places = _places_of(model)
    if not places:
        return None
    if len(places) > 1:
        return ModelMatch(0.8, f"its {len(places)} inputs are of the shapes of images")
    return ModelMatch(0.9, f"its input {model.only_shape} is that of images")


def encoding(model: PlainModel, samples: Samples, options: ReadingOptions) -> ModelEncoding:
    """Images resized to what the model takes; their own size where it takes any.

    Raises:
        UsageError: The model takes no images.
    """
    places = _places_of(model)
    if not places:
        raise model.mismatch("images of 1 channel (gray) or 3 (red, green, blue)")
    if len(places) > 1:
        return _several(model, places, samples, str(options.get("preprocess", "auto")))
    (place,) = places
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


def _several(model: PlainModel, places: Sequence[_Place], samples: Samples, asked: str) -> ModelEncoding:
    """An image for each input, resized to what it takes; their own size where it takes any."""
    first = samples.load(0)
    parts, notes = [], []
    for number, (name, place) in enumerate(zip(model.graph.input_names, places, strict=True)):
        expected = partial(preprocessing_of, model.model, model.graph, number)
        what = f"pixels of '{name}'"
        preprocess, note = choose_preprocessing(asked, expected, place.channels, what)
        height, width = place.height or len(first[number]), place.width or len(first[number][0])
        part = ImagePart(
            name,
            height,
            width,
            cast(Literal[1, 3], place.channels),
            preprocess,
            place.without_channel,
            place.channels_first,
        )
        parts.append(part)
        notes += [f"images for '{name}' are resized to {height}x{width}", note]
    by_name = isinstance(symbolic_inputs(model.model, None), Mapping)
    return ModelEncoding(ImageTuples(tuple(parts), by_name), notes=tuple(notes))


def load_representation(saved: Mapping[str, Any]) -> ImageTuples | None:
    """That of several images; None for that of one."""
    return ImageTuples.from_json(saved) if saved.get("kind") == "images" else None


def _places_of(model: PlainModel) -> tuple[_Place, ...]:
    """How the model takes images, for each of its inputs; empty if one of them takes none."""
    places = [_place_of(model, value) for value in model.graph.inputs]
    return tuple(place for place in places if place is not None) if None not in places else ()


def _place_of(model: PlainModel, value: Value) -> _Place | None:
    """How an input takes an image; None if it takes none."""
    shape = value.shape[1:]
    if len(shape) == 2 and model.graph.linked and not has_channels(model.graph, value):
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
    read_several=read_several,
    load_representation=load_representation,
)
