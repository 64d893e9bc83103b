"""How the studio shows pictures."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from convscope.data.boxes import Boxes
from convscope.data.masks import Classes, Mask
from convscope.data.splits import Samples
from convscope.kinds.contract.recipe import Prediction
from convscope.kinds.contract.representation import AnyRepresentation, RasterDescription, SampleDescription
from convscope.kinds.contract.studio import Facts, Labeled, Media, StudioElement
from convscope.kinds.image.detection.representation import BoxedImageRepresentation
from convscope.kinds.image.segmentation.representation import MaskedImageRepresentation
from convscope.kinds.tasks.detection_results import BoxPrediction
from convscope.kinds.tasks.segmentation_windows import middle_of_mask
from convscope.types import Array, Json

LARGEST_SIDE = 2048
"""Of a picture as the page gets it, in pixels; larger ones are reduced."""
EXAMPLE_SIDE = 64


def facts(values: Array, description: SampleDescription | None) -> Facts:
    """What the values of black and white are."""
    limits = description.limits if isinstance(description, RasterDescription) else (0.0, 1.0)
    return {"media": "picture", "limits": list(limits)}


def original(sample: npt.NDArray[np.uint8]) -> Media | None:
    """The picture as it was read, as PNG; of a sample of several pictures the first."""
    pixels = np.asarray(sample[0] if isinstance(sample, (list, tuple)) else sample)
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or not pixels.size:
        return None
    picture = Image.fromarray(pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels)
    picture.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    return _png(picture)


def thumbnail(values: Array, description: SampleDescription | None, side: int) -> Media | None:
    """The picture as the model takes it, not larger than a side."""
    low, high = description.limits if isinstance(description, RasterDescription) else (0.0, 1.0)
    shares = (np.asarray(values, np.float32) - low) / ((high - low) or 1.0)
    pixels = np.rint(np.clip(np.nan_to_num(shares), 0, 1) * 255).astype(np.uint8)
    if pixels.ndim == 3 and pixels.shape[2] != 3:
        pixels = pixels[..., 0]
    picture = Image.fromarray(pixels)
    picture.thumbnail((side, side))
    return _png(picture)


@dataclass(frozen=True)
class _InputPixels(BoxedImageRepresentation):
    """Images that are the input: boxes are in its pixels."""

    def size(self, samples: Samples, index: int) -> tuple[int, int]:
        """That of the input."""
        return self.height, self.width


def in_input(representation: AnyRepresentation) -> AnyRepresentation:
    """The representation of boxes with these in pixels of the input; any other one as it is."""
    if not isinstance(representation, BoxedImageRepresentation):
        return representation
    return _InputPixels(
        representation.height, representation.width, representation.channels, representation.stride
    )


def marks(predictions: Sequence[Prediction]) -> list[Json]:
    """Boxes: left, top, right and bottom."""
    return [
        {"name": each.class_name, "score": each.score, "box": list(each.corners)}
        for each in predictions
        if isinstance(each, BoxPrediction) and each.corners
    ]


def true_marks(labeled: Labeled) -> list[Json]:
    """The boxes of the label, without those that are neither learned nor judged."""
    boxes, representation = labeled.label, labeled.representation
    if not isinstance(boxes, Boxes) or not isinstance(representation, BoxedImageRepresentation):
        return []
    counted = boxes.some(~boxes.ignored)
    size = representation.size(labeled.samples, labeled.index)
    corners = representation.to_grid(size, counted.corners)
    return [
        {"name": labeled.class_names[k], "score": None, "box": box}
        for k, box in zip(counted.classes.tolist(), corners.tolist(), strict=True)
    ]


def true_mask(labeled: Labeled) -> Classes | None:
    """The mask of the label in pixels of the input."""
    mask, representation = labeled.label, labeled.representation
    if not isinstance(mask, Mask) or not isinstance(representation, MaskedImageRepresentation):
        return None
    return middle_of_mask(representation, labeled.samples.load(labeled.index), mask)


def example() -> Media:
    """A gray picture."""
    return _png(Image.new("RGB", (EXAMPLE_SIDE, EXAMPLE_SIDE), "gray"))


def _png(picture: Image.Image) -> Media:
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=1)  # a photograph takes a fifth of the usual time
    return Media("image/png", file.getvalue())


STUDIO = StudioElement(
    "cs-input-image",
    "convscope.kinds.image:studio.js",
    facts=facts,
    original=original,
    thumbnail=thumbnail,
    accepts={
        "image/png": ".png",
        "image/jpeg": ".jpg",
        "image/webp": ".webp",
        "image/gif": ".gif",
        "image/bmp": ".bmp",
        "image/tiff": ".tif",
    },
    example=example,
    in_input=in_input,
    marks=marks,
    true_marks=true_marks,
    true_mask=true_mask,
)
