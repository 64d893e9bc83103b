"""Volumes: what is known of the kind before Keras is imported."""

from __future__ import annotations

import math
from collections.abc import Sequence

from convscope.data.options import DROP_COLUMN, ENCODING, GROUP, LABEL_COLUMN, LABEL_PATTERN, MASKS, SHEET
from convscope.kinds.contract.kind import Architecture, Kind, RecipeSpec
from convscope.kinds.volume.options import CHANNEL_LAYOUT, RESAMPLE_LABELS
from convscope.kinds.volume.progression.spec import ARCHITECTURES, VOLUME_PROGRESSION
from convscope.lazy import Lazy
from convscope.models.options import DEEP_SUPERVISION, DEPTH, DROPOUT, KERNEL_SIZE, NORMALIZATION, WIDTH
from convscope.option import Option, at_least, several_names

MOST_SIDE = 1024
_SIZE = f"one length such as 64, or x,y,z such as 64x64x32, each from 1 to {MOST_SIDE} voxels"
_SPACING = "one length such as 1, or x,y,z such as 1x1x3, each above 0 mm"


def _lengths(text: str, convert: type[int] | type[float], expected: str) -> tuple[float, ...]:
    try:
        lengths = tuple(convert(part) for part in text.lower().split("x"))
    except ValueError:
        raise ValueError(expected) from None
    return lengths * 3 if len(lengths) == 1 else lengths


def parse_size(text: str) -> tuple[float, ...]:
    """Parses `32` and `64x64x32`, voxels along x, y and z.

    Raises:
        ValueError: Other text.
    """
    return _lengths(text, int, _SIZE)


def parse_spacing(text: str) -> tuple[float, ...]:
    """Parses `1` and `1x1x3`, mm along x, y and z.

    Raises:
        ValueError: Other text.
    """
    return _lengths(text, float, _SPACING)


def _three(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) and len(value) == 3 else []


def _is_size(value: object) -> str | None:
    sides = _three(value)
    fits = bool(sides) and all(isinstance(side, int) and 1 <= side <= MOST_SIDE for side in sides)
    return None if fits else _SIZE


def _is_spacing(value: object) -> str | None:
    sides = _three(value)
    numbers = [side for side in sides if isinstance(side, int | float) and math.isfinite(side) and side > 0]
    return None if len(numbers) == 3 else _SPACING


def _axes(text: str) -> tuple[str, ...]:
    """Parses `x`, `x,y,z` and `none`."""
    return () if text.strip().lower() == "none" else several_names(text.lower())


def _are_axes(value: Sequence[str]) -> str | None:
    fits = set(value) <= {"x", "y", "z"} and len(set(value)) == len(value)
    return None if fits else "axes of x, y and z, or none"


READING_OPTIONS = (LABEL_COLUMN, LABEL_PATTERN, DROP_COLUMN, ENCODING, SHEET, GROUP)
GRID_OPTIONS = (
    Option(
        "voxels",
        tuple[int, int, int],
        None,
        "Voxels along x, y and z that a model takes, such as 64 or 64x64x32",
        _is_size,
        parse=parse_size,
    ),
    Option(
        "spacing",
        tuple[float, float, float],
        None,
        "Size of a voxel in mm that scans are resampled to, such as 1 or 1x1x3",
        _is_spacing,
        parse=parse_spacing,
    ),
)
VOLUME_CLASSIFICATION = RecipeSpec(
    name="volume-classification",
    task="classification",
    steps=Lazy("convscope.kinds.volume.classification:RECIPE"),
    summary="which class does a volume, such as a medical scan, belong to",
    reads=(
        "a folder per class of NIfTI, NRRD, MetaImage, Zarr or TIFF stacks, or of folders of DICOM slices",
        "train/, validation/ and test/ of such folders",
        "a table that names scans, with a label, and a split or none",
        ".npz with arrays of volumes and labels, as MedMNIST has them, or a Zarr group of such arrays",
        "scans of several channels in files whose names end in _0000, _0001 and so on",
    ),
    architectures=("volume_resnet",),
    options=(
        *READING_OPTIONS,
        CHANNEL_LAYOUT,
        *GRID_OPTIONS,
        Option(
            "flip_axes",
            tuple[str, ...],
            None,
            "Axes along which a mirrored volume keeps its class, such as x or x,y,z, or none",
            _are_axes,
            parse=_axes,
        ),
        Option(
            "turn_axes",
            tuple[str, ...],
            None,
            "Axes about which a volume turned by quarters keeps its class, such as z, or none",
            _are_axes,
            parse=_axes,
        ),
        Option(
            "mirror",
            bool,
            False,
            "Average predictions over each volume and its mirror images, where these keep its class",
            predicts=True,
        ),
    ),
    model_options=(
        WIDTH.of(volume_resnet=24),
        DEPTH.of(volume_resnet=1),
        DROPOUT.of(volume_resnet=0.3),
    ),
    settings={
        "volume_resnet": {
            "epochs": 60,
            "batch_size": 32,
            "learning_rate": 2e-3,
            "weight_decay": 0.05,
            "label_smoothing": 0.05,
        },
    },
)
VOLUME_SEGMENTATION = RecipeSpec(
    name="volume-segmentation",
    task="segmentation",
    steps=Lazy("convscope.kinds.volume.segmentation.recipe:RECIPE"),
    main_metric="mean_iou",
    summary="which class, such as a structure, does each voxel of a volume have",
    reads=(
        "imagesTr/ and labelsTr/ of the Medical Segmentation Decathlon, with dataset.json or without; a"
        " fourth axis of modalities is that of channels",
        "the same folders of nnU-Net, with channels in files that end in _0000, _0001 and so on",
    ),
    architectures=("unet3d",),
    options=(
        GROUP,
        RESAMPLE_LABELS,
        CHANNEL_LAYOUT,
        *(option for option in GRID_OPTIONS if option.name == "spacing"),
        Option(
            "block",
            tuple[int, int, int],
            None,
            "Voxels along x, y and z that the model takes at a time, such as 64 or 64x64x32",
            _is_size,
            parse=parse_size,
        ),
        Option(
            "flip_axes",
            tuple[str, ...],
            None,
            "Axes along which a mirrored volume keeps its classes, such as x or x,y,z, or none",
            _are_axes,
            parse=_axes,
        ),
        Option(
            "mirror",
            bool,
            True,
            "Average predictions over each volume and its mirror images, where these keep its classes",
            predicts=True,
        ),
        MASKS,
    ),
    model_options=(
        WIDTH.of(unet3d=16),
        Option("depth", int, None, "Number of levels; by default until sides are short", at_least(1)).of(
            unet3d=None
        ),
        KERNEL_SIZE.of(unet3d=3),
        DROPOUT.of(unet3d=0.0),
        NORMALIZATION.of(unet3d="batch"),
        DEEP_SUPERVISION.of(unet3d=True),
    ),
    settings={
        "unet3d": {
            "epochs": 60,
            "batch_size": 4,
            "learning_rate": 2e-3,
            "weight_decay": 0.02,
            "averaging": 0.02,
            "deep_supervision": True,
        }
    },
    ignored_settings=("mixing",),
)

VOLUME = Kind(
    name="volume",
    extra="volume",
    input_shape=(32, 32, 32, 1),
    detect=Lazy("convscope.kinds.volume.detect:detect"),
    recipes=(VOLUME_CLASSIFICATION, VOLUME_SEGMENTATION, VOLUME_PROGRESSION),
    architectures=(
        Architecture(
            "volume_resnet",
            Lazy("convscope.kinds.volume.models:volume_resnet"),
            "a narrow 3-D residual network with a strided stem",
        ),
        Architecture(
            "unet3d",
            Lazy("convscope.models.unet:unet"),
            "a 3-D U-Net with residual blocks: a class for each voxel",
            usual_classes=3,
        ),
        *ARCHITECTURES,
    ),
    layers="convscope.kinds.volume.progression.models",
    models=("convscope.kinds.volume.progression.hazards",),
    view=Lazy("convscope.kinds.volume.view:VIEW"),
    model_reader=Lazy("convscope.kinds.volume.model_reader:MODEL_READER"),
    requires=("nibabel", "pydicom", "SimpleITK"),
    studio=Lazy("convscope.kinds.volume.studio:STUDIO"),
)
