"""What uint8 pixels become before a model takes them, and what networks of `keras.applications` take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast, get_args

import keras
import numpy as np

from convscope.errors import UsageError
from convscope.scope.entrance import Entrance, entrance_of
from convscope.scope.graph.graph import LayerGraph
from convscope.types import Preprocessing

PREPROCESSINGS: tuple[Preprocessing, ...] = get_args(Preprocessing)
LARGEST_PIXEL = 255
UNKNOWN: Preprocessing = "0..1"
"""What is taken where nothing says what a model expects."""

_MEANS = (0.485, 0.456, 0.406)
_DEVIATIONS = (0.229, 0.224, 0.225)
_BGR_MEANS = (103.939, 116.779, 123.68)


@dataclass(frozen=True)
class PixelSteps:
    """From pixels to inputs: `x * factor + offset`, channel by channel where they differ.

    Args:
        factor: One number, or one for each channel of the result.
        offset: One number, or one for each channel of the result.
        reverse: Whether red, green and blue become blue, green and red before.
    """

    factor: float | tuple[float, ...] = 1.0
    offset: float | tuple[float, ...] = 0.0
    reverse: bool = False

    @property
    def limits(self) -> tuple[float, float]:
        """The smallest and the largest value that pixels become."""
        low, factor = np.asarray(self.offset), np.asarray(self.factor)
        return float(low.min()), float((low + LARGEST_PIXEL * factor).max())


_STEPS: Mapping[Preprocessing, PixelSteps] = {
    "none": PixelSteps(),
    "0..255": PixelSteps(),
    "0..1": PixelSteps(1 / LARGEST_PIXEL),
    "-1..1": PixelSteps(2 / LARGEST_PIXEL, -1.0),
    "tf": PixelSteps(2 / LARGEST_PIXEL, -1.0),
    "torch": PixelSteps(
        tuple(1 / (LARGEST_PIXEL * each) for each in _DEVIATIONS),
        tuple(-mean / deviation for mean, deviation in zip(_MEANS, _DEVIATIONS, strict=True)),
    ),
    "caffe": PixelSteps(1.0, tuple(-mean for mean in _BGR_MEANS), reverse=True),
}
_WORDS: Mapping[Preprocessing, str] = {
    "none": "0..255",
    "tf": "-1..1",
    "torch": "0..1 less the mean of ImageNet, divided by its standard deviation (torch)",
    "caffe": "0..255 in the order blue, green, red, less the mean of ImageNet (caffe)",
}
_OF_COLORS = ("torch", "caffe")


@dataclass(frozen=True)
class ExpectedPixels:
    """What a model expects, and what says so.

    Args:
        preprocessing: What its pixels become.
        reason: In words that go on after "as"; empty where nothing says so.
    """

    preprocessing: Preprocessing
    reason: str


def check_preprocessing(name: str) -> None:
    """Refuses an unknown name.

    Raises:
        UsageError: It is not one of `PREPROCESSINGS`.
    """
    if name not in PREPROCESSINGS:
        raise UsageError(f"No preprocessing is named '{name}'.", f"There are {', '.join(PREPROCESSINGS)}.")


def steps_of(preprocessing: Preprocessing, channels: int | None = None) -> PixelSteps:
    """What is done to pixels.

    Args:
        preprocessing: Any that is not `auto`.
        channels: Of the pictures, where they are known.

    Raises:
        UsageError: It is one of colors, and the pictures have none.
    """
    if channels not in (None, 3) and preprocessing in _OF_COLORS:
        raise UsageError(
            f"The preprocessing '{preprocessing}' is one of red, green and blue; the model takes "
            f"{channels} channel.",
            "Choose 0..1, 0..255 or -1..1.",
        )
    return _STEPS[preprocessing]


def choose_preprocessing(
    asked: str, expected: Callable[[], ExpectedPixels], channels: int, what: str = "pixels"
) -> tuple[Preprocessing, str]:
    """What pixels become for a plain model, and a note on what says so.

    Args:
        asked: What the user chose; `auto` leaves it to the model.
        expected: Finds what the model expects.
        channels: Of its pictures.
        what: Which pixels, for the note.

    Raises:
        UsageError: There is no such preprocessing, or it does not suit the model.
    """
    check_preprocessing(asked)
    if asked != "auto":
        chosen = cast(Preprocessing, asked)
        steps_of(chosen, channels)
        return chosen, f"{what} become {in_words(chosen)}, as given"
    found = expected()
    changes = "--preprocess changes it"
    said = f"{what} become {in_words(found.preprocessing)}"
    if not found.reason:
        return found.preprocessing, f"Warning: {said}, as what the model expects is not known; {changes}"
    return found.preprocessing, f"{said}, as {found.reason}; {changes}"


def limits_of(preprocessing: Preprocessing) -> tuple[float, float]:
    """Smallest and largest value that pixels become."""
    return _STEPS[preprocessing].limits


def in_words(preprocessing: Preprocessing) -> str:
    """What pixels become, in words that go on after "pixels become"."""
    return _WORDS.get(preprocessing, preprocessing)


def preprocessing_of(model: keras.Model, graph: LayerGraph | None = None, number: int = 0) -> ExpectedPixels:
    """What a model expects of pixels, by what it does to its input and by its layers.

    Layers and operations before the first weights are computed on pictures of one color: where they scale,
    they say from which range. A network of `keras.applications` that does not scale is known by its layers.

    Args:
        model: Any Keras model that takes images.
        graph: Its traced calls; None leaves layers aside.
        number: Which of its inputs.
    """
    entrance = entrance_of(model, number)
    if entrance is not None and entrance.takes_integers:
        return ExpectedPixels("0..255", "the model's input is of whole numbers")
    if entrance is not None and entrance.changes:
        return _by_entrance(entrance)
    family = None if graph is None else family_of(graph, number)
    if family is not None:
        name, expected = family
        return ExpectedPixels(cast(Preprocessing, expected), f"{name} of keras.applications expects it")
    return ExpectedPixels(UNKNOWN, "")


def _by_entrance(entrance: Entrance) -> ExpectedPixels:
    """The range whose middle and width the first layers bring to what convolutions usually get."""
    where = " and ".join(entrance.names[-2:])
    said = f"the model scales its input itself ({where})" if where else "the model scales its input itself"
    if not entrance.factor or abs(entrance.factor) <= _SMALL_FACTOR:
        return ExpectedPixels("0..255", said)
    middle = -entrance.offset / entrance.factor
    if middle > _LARGE_MEAN:
        return ExpectedPixels("0..255", said)
    return ExpectedPixels("-1..1" if middle < -_TOLERANCE else "0..1", said)


_SMALL_FACTOR = 0.08
"""A factor below brings 0..255 to a width of at most 20; one above would make more of it."""
_LARGE_MEAN = 1.5
"""A value that is subtracted and lies above cannot be the middle of 0..1."""
_TOLERANCE = 0.05


@dataclass(frozen=True)
class Family:
    """Networks that take pictures prepared in one way.

    Args:
        name: As Keras calls them.
        markers: Names of layers of which a network of this family has all.
        expects: What `preprocess_input` of their module does: `caffe`, `tf` or `torch`.
    """

    name: str
    markers: frozenset[str]
    expects: str


FAMILIES = tuple(
    Family(name, frozenset(markers.split()), expects)
    for name, markers, expects in (
        ("Xception", "block1_conv1_bn block2_sepconv1", "tf"),
        ("VGG", "block1_conv1 block1_conv2 block2_conv1 block3_conv3", "caffe"),
        ("ResNetV2", "conv1_conv conv2_block1_preact_bn", "tf"),
        ("DenseNet", "conv1_conv conv2_block1_concat", "torch"),
        ("ResNet", "conv1_conv conv1_bn conv2_block1_1_conv conv2_block1_3_bn", "caffe"),
        ("MobileNet", "conv1 conv_dw_1 conv_pw_1", "tf"),
        ("MobileNetV2", "Conv1 bn_Conv1 expanded_conv_depthwise", "tf"),
        ("MobileNetV3", "conv conv_bn expanded_conv_depthwise", "tf"),
        ("InceptionResNetV2", "mixed_5b block35_1", "tf"),
        ("InceptionV3", "mixed0 mixed1 mixed2", "tf"),
        ("NASNet", "stem_conv1 stem_bn1", "tf"),
        ("EfficientNetV2", "stem_conv stem_bn block1a_project_conv", "tf"),
    )
)
"""The first that fits is taken; ConvNeXt and EfficientNet scale their input by layers of their own."""


def family_of(graph: LayerGraph, number: int = 0) -> tuple[str, str] | None:
    """The family of a network, alone or inside of another model, and what it was trained on.

    Args:
        graph: Of a model that takes colored pictures.
        number: Which of its inputs.

    Returns:
        Name and `caffe`, `tf` or `torch`; None for all else.
    """
    shape = graph.inputs[number].shape
    if 3 not in (*shape[1:2], *shape[-1:]):
        return None
    names = {call.path.rpartition("/")[2] for call in graph.calls}
    return next(((each.name, each.expects) for each in FAMILIES if each.markers <= names), None)
