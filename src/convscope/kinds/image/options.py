"""Options of images."""

from __future__ import annotations

from typing import Literal

from convscope.models.options import DEPTH, KERNEL_SIZE, WIDTH
from convscope.option import Option, within
from convscope.types import ValueRange

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


SIZE_EXPECTED = f"one side such as 64, or height x width such as 48x64, each from 1 to {MAX_SIDE}"


def _sides(value: object) -> str | None:
    sides = list(value) if isinstance(value, list | tuple) else []
    fits = len(sides) == 2 and all(isinstance(side, int) and 1 <= side <= MAX_SIDE for side in sides)
    return None if fits else SIZE_EXPECTED


IMAGE_CLASSIFICATION_OPTIONS = (
    Option(
        "size",
        tuple[int, int],
        None,
        "Image size in pixels, such as 64, or height x width such as 48x64",
        _sides,
        common=True,
        parse=parse_size,
    ),
    Option("flip", bool, True, "Whether a mirrored image keeps its class; not for digits", common=True),
    Option(
        "erase",
        float,
        0.0,
        "Share of the train images in which a random rectangle is erased",
        within(0, 1),
    ),
    Option("mirror", bool, False, "Average predictions over each image and its mirror image", predicts=True),
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
    Option("pooling", Literal["max", "average"], "max", "Type of pooling").of(
        compact_cnn="max", deep_cnn="max", padded_cnn="max", residual_cnn="max"
    ),
    WIDTH.of(residual_cnn=48),
)
IMAGE_READER_OPTIONS = (
    Option(
        "value_range",
        ValueRange,
        "auto",
        "Range that pixels are scaled to; auto is 0..255 for a model that rescales its input, else 0..1",
    ),
)
