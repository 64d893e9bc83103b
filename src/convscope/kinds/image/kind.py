"""Images: what is known of the kind before Keras is imported."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

from convscope.data.options import (
    DROP_COLUMN,
    GROUP,
    LABEL_COLUMN,
    LABEL_PATTERN,
    MASKS,
    TABLE_FILES,
    VOID_CLASSES,
)
from convscope.kinds.contract.kind import Architecture, Kind, RecipeSpec
from convscope.lazy import Lazy
from convscope.models.options import (
    CENTER,
    DEEP_SUPERVISION,
    DEPTH,
    DROPOUT,
    KERNEL_SIZE,
    NORMALIZATION,
    SPREAD,
    WIDTH,
)
from convscope.option import Choices, Option, at_least, within
from convscope.types import Preprocessing

MAX_SIDE = 4096


def parse_size(text: str) -> tuple[int, int]:
    """Parses `64` or `48x64`, height x width.

    Raises:
        ValueError: Other text.
    """
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(part.isdigit() for part in parts):
        raise ValueError(SIZE_EXPECTED)
    return int(parts[0]), int(parts[-1])


_RANGE_EXPECTED = "two numbers, the first one less than the second, such as 0,4095"


def _two_numbers(text: str) -> tuple[float, ...]:
    """Parses `0,4095` and `20.5,36`; whole numbers stay whole."""
    try:
        return tuple(
            float(part) if "." in part or "e" in part.lower() else int(part) for part in text.split(",")
        )
    except ValueError:
        raise ValueError(_RANGE_EXPECTED) from None


def _black_and_white(value: object) -> str | None:
    given = list(value) if isinstance(value, list | tuple) else []
    numbers = all(isinstance(each, int | float) and math.isfinite(each) for each in given)
    return None if numbers and len(given) == 2 and given[0] < given[1] else _RANGE_EXPECTED


SIZE_EXPECTED = f"one side such as 64, or height x width such as 48x64, each from 1 to {MAX_SIDE}"


def _sides(value: object) -> str | None:
    sides = list(value) if isinstance(value, list | tuple) else []
    fits = len(sides) == 2 and all(isinstance(side, int) and 1 <= side <= MAX_SIDE for side in sides)
    return None if fits else SIZE_EXPECTED


MIRROR = Option(
    "mirror", bool, False, "Average predictions over each image and its mirror image", predicts=True
)
IMAGE_CLASSIFICATION_OPTIONS = (
    LABEL_COLUMN,
    LABEL_PATTERN,
    DROP_COLUMN,
    *TABLE_FILES,
    GROUP,
    Option(
        "intensity_range",
        tuple[float, ...],
        None,
        "Values above 8 bits that become black and white, such as 0,4095; found over all images",
        _black_and_white,
        predicts=True,
        parse=_two_numbers,
    ),
    Option(
        "size",
        tuple[int, int],
        None,
        "Image size in pixels: 64, or height x width as 48x64",
        _sides,
        common=True,
        parse=parse_size,
    ),
    Option(
        "flip",
        bool,
        None,
        "Whether a mirrored image keeps its class",
        common=True,
    ),
    Option(
        "erase",
        float,
        0.0,
        "Share of the train images in which a random rectangle is erased",
        within(0, 1),
        tries=Choices((0.0, 0.5)),
    ),
    MIRROR,
    Option(
        "zoom",
        float,
        0.0,
        "Average predictions over each image and copies zoomed in and out by this share",
        within(0, 0.5),
        predicts=True,
    ),
)
IMAGE_CLASSIFICATION_MODEL_OPTIONS = (
    KERNEL_SIZE.of(compact_cnn=3, deep_cnn=None, padded_cnn=3, residual_cnn=3),
    DEPTH.of(compact_cnn=3, deep_cnn=4, padded_cnn=2, residual_cnn=1),
    Option(
        "pooling", Literal["max", "average"], "max", "Type of pooling", tries=Choices(("max", "average"))
    ).of(compact_cnn="max", deep_cnn="max", padded_cnn="max", residual_cnn="max"),
    WIDTH.of(residual_cnn=48),
)
IMAGE_READER_OPTIONS = (
    Option(
        "preprocess",
        Preprocessing,
        "auto",
        "What pixels become: a range, none (as they are), or as preprocess_input of keras.applications: "
        "caffe, tf,"
        " torch; auto finds out what the model expects",
        aliases=("value_range",),
    ),
)


IMAGE_CLASSIFICATION = RecipeSpec(
    name="image-classification",
    task="classification",
    steps=Lazy("convscope.kinds.image.classification:RECIPE"),
    summary="which class does an image belong to",
    reads=(
        "a folder per class",
        "train/, validation/ and test/ of such folders, whatever else is in their names",
        "a table that names images, with a label or a column for each class, and a split or none",
        "rows of pixels: label, pixel0, ..., or emotion, pixels and Usage of FER2013",
        "a folder of images whose names say the label: before a number as cat.0.jpg, or by --label-pattern",
        "Parquet with encoded images, as Hugging Face `datasets` writes it",
        ".npz, or .npy files, with arrays of images and labels",
        "IDX files, compressed or not",
    ),
    architectures=("compact_cnn", "deep_cnn", "padded_cnn", "residual_cnn"),
    options=IMAGE_CLASSIFICATION_OPTIONS,
    model_options=IMAGE_CLASSIFICATION_MODEL_OPTIONS,
    settings={
        "compact_cnn": {"epochs": 60, "augmentation": 0.1},
        "deep_cnn": {"epochs": 30, "augmentation": 0.5},
        "padded_cnn": {
            "epochs": 30,
            "batch_size": 32,
            "learning_rate": 3e-3,
            "augmentation": 1.0,
        },
        "residual_cnn": {
            "epochs": 50,
            "batch_size": 128,
            "learning_rate": 2e-3,
            "weight_decay": 0.05,
            "label_smoothing": 0.1,
            "mixing": 0.2,
            "erase": 0.5,
            "mirror": True,
            "zoom": 0.05,
        },
    },
)
IMAGE_REGRESSION = RecipeSpec(
    name="image-regression",
    task="regression",
    steps=Lazy("convscope.kinds.image.regression:RECIPE"),
    main_metric="mae",
    summary="which number does an image have",
    reads=("all that image-classification reads, with numbers such as 1.5 in place of classes",),
    architectures=IMAGE_CLASSIFICATION.architectures,
    options=tuple(
        replace(option, default=False, help="Whether a mirrored image keeps its number")
        if option.name == "flip"
        else option
        for option in IMAGE_CLASSIFICATION_OPTIONS
    ),
    model_options=(
        *IMAGE_CLASSIFICATION_MODEL_OPTIONS,
        CENTER.of(**dict.fromkeys(IMAGE_CLASSIFICATION.architectures)),
        SPREAD.of(**dict.fromkeys(IMAGE_CLASSIFICATION.architectures)),
    ),
    settings={
        name: {
            key: value
            for key, value in settings.items()
            if key not in ("label_smoothing", "mixing", "mirror")
        }
        for name, settings in IMAGE_CLASSIFICATION.settings.items()
    },
    ignored_settings=("class_weights", "label_smoothing", "mixing"),
)
IMAGE_SEGMENTATION = RecipeSpec(
    name="image-segmentation",
    task="segmentation",
    steps=Lazy("convscope.kinds.image.segmentation.recipe:RECIPE"),
    main_metric="mean_iou",
    summary="which class does each pixel of an image have",
    reads=(
        "images/ and masks/, labels/ or annotations/ with files of the same names, also within splits",
        "train/ and trainannot/, train_masks/ or train_labels/, whatever the split",
        "Pascal VOC: JPEGImages/, SegmentationClass/, ImageSets/",
        "images with annotations of COCO, labelme or Label Studio as JSON",
        "a table that names images and masks, or has run lengths as on Kaggle",
    ),
    architectures=("unet",),
    options=(
        VOID_CLASSES,
        GROUP,
        *(option for option in IMAGE_CLASSIFICATION_OPTIONS if option.name in ("intensity_range", "size")),
        Option(
            "tile",
            tuple[int, int],
            None,
            "Size of the windows in which larger images are seen, such as 256 or 192x256",
            _sides,
            parse=parse_size,
        ),
        Option("flip", bool, True, "Whether a mirrored image keeps its classes", common=True),
        Option(
            "mirror", bool, True, "Average predictions over each image and its mirror image", predicts=True
        ),
        MASKS,
    ),
    model_options=(
        WIDTH.of(unet=16),
        Option("depth", int, None, "Number of levels; by default until sides are short", at_least(1)).of(
            unet=None
        ),
        KERNEL_SIZE.of(unet=3),
        DROPOUT.of(unet=0.0),
        NORMALIZATION.of(unet="batch"),
        DEEP_SUPERVISION.of(unet=False),
    ),
    settings={
        "unet": {
            "epochs": 60,
            "batch_size": 8,
            "learning_rate": 2e-3,
            "weight_decay": 0.02,
            "class_weights": True,
            "averaging": 0.02,
        }
    },
    ignored_settings=("mixing",),
)
IMAGE_DETECTION = RecipeSpec(
    name="image-detection",
    task="detection",
    steps=Lazy("convscope.kinds.image.detection.recipe:RECIPE"),
    main_metric="mean_ap50",
    summary="where are the objects of an image, and which class does each have",
    reads=(
        "images with boxes of COCO as JSON, one file or one for each split",
        "Pascal VOC: Annotations/ with XML, JPEGImages/, ImageSets/",
        "YOLO: images/ and labels/, or both in one folder, with data.yaml or classes.txt",
        "JSON of labelme, Label Studio or CreateML; metadata.jsonl with objects, as of Hugging Face datasets",
        "a table with a row for each box: image, class, and corners or sides, in pixels or shares",
    ),
    architectures=("center_net",),
    options=(
        GROUP,
        *(option for option in IMAGE_CLASSIFICATION_OPTIONS if option.name in ("intensity_range", "size")),
        Option("flip", bool, True, "Whether a mirrored image keeps its objects", common=True),
        Option("upside_down", bool, False, "Whether an image upside down does, as those from above"),
        Option(
            "mirror", bool, True, "Average predictions over each image and its mirror image", predicts=True
        ),
        Option(
            "threshold",
            float,
            None,
            "Least score of a predicted box; by default that of the best F1 on validation, for each class",
            within(0, 1),
            predicts=True,
        ),
        Option("boxes", str, None, "Folder that drawn boxes and coco.json are written to", predicts=True),
    ),
    model_options=(
        WIDTH.of(center_net=32),
        Option("blocks", int, None, "Residual blocks of each level", at_least(1)).of(center_net=1),
        DROPOUT.of(center_net=0.0),
    ),
    settings={
        "center_net": {
            "epochs": 100,
            "batch_size": 8,
            "learning_rate": 2e-3,
            "weight_decay": 0.02,
            "averaging": 0.02,
        }
    },
    ignored_settings=("class_weights", "label_smoothing", "mixing"),
    trains_with=("pycocotools",),
    extra="detection",
)

IMAGE = Kind(
    name="image",
    extra=None,
    input_shape=(48, 48, 1),
    detect=Lazy("convscope.kinds.image.detect:detect"),
    recipes=(IMAGE_CLASSIFICATION, IMAGE_REGRESSION, IMAGE_SEGMENTATION, IMAGE_DETECTION),
    architectures=(
        Architecture(
            "compact_cnn",
            Lazy("convscope.kinds.image.models:compact_cnn"),
            "three unpadded convolutions, each pooled; small and fast",
        ),
        Architecture(
            "deep_cnn",
            Lazy("convscope.kinds.image.models:deep_cnn"),
            "five padded convolutions in four normalized blocks",
        ),
        Architecture(
            "padded_cnn",
            Lazy("convscope.kinds.image.models:padded_cnn"),
            "convolutions with explicit zero padding, for digits and icons",
        ),
        Architecture(
            "residual_cnn",
            Lazy("convscope.kinds.image.models:residual_cnn"),
            "a residual network for the best accuracy on small images",
        ),
        Architecture(
            "unet",
            Lazy("convscope.models.unet:unet"),
            "a U-Net with residual blocks: a class for each pixel",
            input_shape=(64, 64, 3),
        ),
        Architecture(
            "center_net",
            Lazy("convscope.models.center_net:center_net"),
            "a residual network without anchors: centers and boxes of objects",
            input_shape=(160, 160, 3),
            fewest_classes=1,
        ),
        Architecture(
            "gabor_bank",
            Lazy("convscope.kinds.image.kernel_banks:gabor_bank"),
            "fixed kernels for stripes of each width and direction",
            answers="features",
        ),
        Architecture(
            "difference_of_gaussians_bank",
            Lazy("convscope.kinds.image.kernel_banks:difference_of_gaussians_bank"),
            "fixed kernels for spots and edges of each size",
            answers="features",
        ),
    ),
    layers="convscope.kinds.image.layers",
    inspections={"boxes": Lazy("convscope.kinds.image.detection.inspection:inspect_boxes")},
    view=Lazy("convscope.kinds.image.view:VIEW"),
    model_reader=Lazy("convscope.kinds.image.model_reader:MODEL_READER"),
    reader_options=IMAGE_READER_OPTIONS,
    studio=Lazy("convscope.kinds.image.studio:STUDIO"),
)
