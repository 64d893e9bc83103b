"""Images to boxes around objects: what is where?

From top to bottom: images and boxes are read into splits, brought into one input with their shape kept, a
network without anchors learns where centers are and how far sides, and each image gets its boxes in its own
pixels.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from convscope.data.splits import Samples, Splits
from convscope.files import written_whole
from convscope.kinds.contract.recipe import RepresentationSteps
from convscope.kinds.image.detection.augmentation import augmentation, test_time_views
from convscope.kinds.image.detection.reader import read_boxed_images
from convscope.kinds.image.detection.representation import BoxedImageRepresentation, fit_representation
from convscope.kinds.image.kind import IMAGE_DETECTION
from convscope.kinds.image.readers.inputs import read_inputs
from convscope.kinds.tasks.detection import detection_recipe
from convscope.kinds.tasks.detection_boxes import FoundBoxes
from convscope.lenses.figures.classes import class_palette
from convscope.lenses.sheet.grids import readable_on

LEARNED = 3e9
"""Pixels that a training learns from, counted as often as they are seen."""
EPOCHS, BATCHES = (30, 300), (2, 8)
STEP = 620_000
"""Pixels of a batch."""
COCO_FILE = "coco.json"


def write_boxes(
    folder: Path, samples: Samples, found: Sequence[FoundBoxes], class_names: Sequence[str]
) -> list[str]:
    """Draws the boxes of each image over it, as PNG, and writes all of them as COCO has them.

    The PNG is called as the image, with `_boxes` behind it, and a number where another image of this name
    comes before. `coco.json` has images, categories and annotations with scores.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stems: dict[str, int] = {}
    files, images, annotations = [], [], list[dict[str, Any]]()
    for index, each in enumerate(found):
        stem = Path(samples.name(index)).name
        stem = (stem.rpartition(".")[0] or stem).replace("#", "_")
        stems[stem.lower()] = stems.get(stem.lower(), 0) + 1
        same = stems[stem.lower()]
        path = folder / f"{stem}_boxes{f'_{same}' if same > 1 else ''}.png"
        with written_whole(path) as part:
            drawn_boxes(samples.load(index), each, class_names).save(part, "PNG")
        files.append(str(path))
        height, width = each.size
        images.append({"id": index + 1, "file_name": samples.name(index), "height": height, "width": width})
        annotations += _annotations(each, index + 1, len(annotations) + 1)
    categories = [{"id": k, "name": name} for k, name in enumerate(class_names, 1)]
    whole = {"images": images, "categories": categories, "annotations": annotations}
    with written_whole(folder / COCO_FILE) as part:
        part.write_text(json.dumps(whole, ensure_ascii=False), encoding="utf-8")
    return files


def _annotations(found: FoundBoxes, image: int, first: int) -> list[dict[str, Any]]:
    """Boxes as annotations and results of COCO at once."""
    made = []
    for place in range(len(found)):
        left, top, right, bottom = found.corners[place].round(2).tolist()
        wide, high = round(right - left, 2), round(bottom - top, 2)
        made.append(
            {
                "id": first + place,
                "image_id": image,
                "category_id": int(found.classes[place]) + 1,
                "bbox": [left, top, wide, high],
                "area": round(wide * high, 2),
                "iscrowd": 0,
                "score": round(float(found.scores[place]), 6),
            }
        )
    return made


def drawn_boxes(pixels: npt.NDArray[np.uint8], found: FoundBoxes, class_names: Sequence[str]) -> Image.Image:
    """An image with boxes over it in the colors of their classes, and class and score at each."""
    image = Image.fromarray(pixels).convert("RGB")
    draw = ImageDraw.Draw(image)
    unit = max(1, round(max(image.size) / 400))
    font = ImageFont.load_default(max(10, 4 * unit + 6))
    colors = class_palette(len(class_names))
    for box, k, score in zip(found.corners.tolist(), found.classes.tolist(), found.scores, strict=True):
        color = tuple(colors[k].tolist())
        draw.rectangle(box, outline=color, width=unit)
        label = f"{class_names[k]} {score:.2f}"
        around = draw.textbbox((box[0] + unit, box[1]), label, font=font)
        if around[2] - around[0] < 2 * (box[2] - box[0]):
            draw.rectangle(around, fill=color)
            draw.text((box[0] + unit, box[1]), label, fill=readable_on(colors[k]), font=font)
    return image


def suggest_settings(
    architecture: str, splits: Splits, *, representation: BoxedImageRepresentation
) -> Mapping[str, Any]:
    """Epochs and batches that take about as long whatever the number and size of images."""
    pixels, many = math.prod(representation.shape[:2]), len(splits.train)
    batch = int(np.clip(round(STEP / pixels), *BATCHES))
    epochs = int(np.clip(math.ceil(LEARNED / (many * pixels)), *EPOCHS))
    size = f"{representation.height}x{representation.width}"
    return {
        "batch_size": (batch, f"so that a step sees about {batch * pixels:,} pixels of inputs of {size}"),
        "epochs": (epochs, f"because one has {many:,} images of {pixels:,} pixels"),
    }


RECIPE = detection_recipe(
    IMAGE_DETECTION,
    read=read_boxed_images,
    read_inputs=read_inputs,
    representation=RepresentationSteps(fit_representation, BoxedImageRepresentation.from_json),
    augmentation=augmentation,
    test_time_views=test_time_views,
    write=write_boxes,
    suggest_settings=suggest_settings,
)
