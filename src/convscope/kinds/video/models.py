"""Layers over frames, and architectures: shifted channels, (2+1)D, and kernels of three axes."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from convscope import phrasing
from convscope.errors import UsageError
from convscope.models.heads import softmax
from convscope.scope.describe.input_kind import InputKind
from convscope.scope.describe.input_readers import InputReader, register_reader
from convscope.scope.facts import Facts
from convscope.scope.geometry.axis_dependency import slid
from convscope.scope.geometry.sliding import Passage, State, on_channels
from convscope.scope.graph.graph import LayerGraph, Value
from convscope.scope.layer_spec import LayerSpec, register
from convscope.types import Tensor

STAGES = 3
_SHORTEST = 4
"""Pixels of a side that is not halved any more."""


@keras.saving.register_keras_serializable("convscope")
class TemporalShift(keras.layers.Layer):  # type: ignore[misc]
    """Moves some channels one frame forward, as many one frame backward, and leaves the others.

        y[b, t, ..., c] = x[b, t - 1, ..., c]    for the first channels / part
                          x[b, t + 1, ..., c]    for the next channels / part
                          x[b, t, ..., c]        for all others

    Beyond the first and the last frame there is 0. A convolution of single frames behind it sees three
    frames, without any weight or product more (Lin, Gan and Han 2019, "TSM: Temporal shift module for
    efficient video understanding").

    Args:
        part: An eighth of the channels is moved either way at 8.

    Shapes:
        Input (batch, frames, positions..., channels); output that shape.

    Example:
        >>> x = keras.ops.reshape(keras.ops.arange(4.0), (1, 2, 2))
        >>> keras.ops.convert_to_numpy(TemporalShift(2)(x)).tolist()
        [[[0.0, 3.0], [0.0, 0.0]]]
    """

    def __init__(self, part: int = 8, **options: Any) -> None:
        super().__init__(**options)
        if part < 2:
            raise UsageError(f"part must be at least 2. Received: part={part}.")
        self.part = part

    def call(self, inputs: Tensor) -> Tensor:
        """Moves the channels."""
        moved = inputs.shape[-1] // self.part
        if not moved:
            return inputs
        none = ops.zeros_like(inputs[:, :1, ..., :moved])
        later = ops.concatenate([none, inputs[:, :-1, ..., :moved]], axis=1)
        sooner = ops.concatenate([inputs[:, 1:, ..., moved : 2 * moved], none], axis=1)
        return ops.concatenate([later, sooner, inputs[..., 2 * moved :]], axis=-1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Unchanged."""
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        """With `part`."""
        return {**super().get_config(), "part": self.part}


@keras.saving.register_keras_serializable("convscope")
class FrameChanges(keras.layers.Layer):  # type: ignore[misc]
    """Puts beside the channels of each frame how they have changed since the frame before.

        y[b, t, ..., c] = x[b, t, ..., c]                          for c < channels
        y[b, t, ..., channels + c] = x[b, t, ..., c] - x[b, t - 1, ..., c]

    The first frame has not changed.

    Shapes:
        Input (batch, frames, positions..., channels); output (batch, frames, positions..., 2 * channels).

    Example:
        >>> x = keras.ops.array([[[1.0], [3.0], [2.0]]])
        >>> keras.ops.convert_to_numpy(FrameChanges()(x)).tolist()
        [[[1.0, 0.0], [3.0, 2.0], [2.0, -1.0]]]
    """

    def call(self, inputs: Tensor) -> Tensor:
        """Subtracts each frame from the next one."""
        changed = inputs[:, 1:] - inputs[:, :-1]
        first = ops.zeros_like(inputs[:, :1])
        return ops.concatenate([inputs, ops.concatenate([first, changed], axis=1)], axis=-1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Twice the channels."""
        return (*input_shape[:-1], None if input_shape[-1] is None else 2 * input_shape[-1])


def _over_frames(before: int, size: int, at: Passage) -> State:
    """A position depends on so many frames, from so many before its own on."""
    return tuple(
        slid(r, at.output[1], size, 1, 1, before) if r.axis == 1 and not r.whole else r for r in at.state
    )


def _shifted(facts: Facts) -> str:
    moved = (facts.channels_in or 0) // facts.layer.part
    return f"{moved} channels move one frame forward and {moved} one frame backward: {facts.changed}."


def _clips(_: LayerGraph, value: Value) -> InputKind | None:
    """What is read by a layer over frames: clips, where there are rows and columns."""
    shape = value.shape[1:]
    if len(shape) != 4:
        return None
    colors = {1: "gray", 3: "color"}.get(shape[3] or 0, f"{shape[3]}-channel")
    said = f"clips of {shape[0]} {colors} frames of {phrasing.size(shape[1:3])} pixels"
    units = ("frame", "pixel", "position")
    return InputKind("clip", said, "position", shape[:3], shape[3], "frames", units)


register_reader(InputReader((FrameChanges, TemporalShift), _clips))
register(
    LayerSpec(
        TemporalShift,
        "shaping",
        "A temporal shift moves some channels to the next frame and some to the frame before, so that "
        "convolutions over single frames see motion at no cost.",
        _shifted,
        lambda at: _over_frames(1, 3, at),
        component="temporal shift",
    ),
    LayerSpec(
        FrameChanges,
        "preparation",
        "Puts the change since the frame before beside the values of each frame, so that the first kernels "
        "see what moves.",
        lambda facts: f"Each channel and its change from frame to frame: {facts.changed}.",
        lambda at: on_channels(len(at.output) - 1, _over_frames(1, 2, at) or ()),
        component="changes between frames",
    ),
)


def temporal_shift(
    input_shape: tuple[int, ...],
    classes: int,
    width: int = 24,
    depth: int = 1,
    dropout: float = 0.4,
    changes: bool = True,
) -> keras.Model:
    """A residual network over single frames whose blocks move an eighth of the channels either way in time.

    Kernels are 2-D (of one frame), so that it costs what a network for pictures costs; the shifts, in the
    branch beside the shortcut, let each block see one frame more on either side (Lin, Gan and Han 2019,
    "TSM: Temporal shift module for efficient video understanding"). The frames' features are averaged.

    Args:
        input_shape: (frames, height, width, channels), each side at least 16.
        classes: The number of class names.
        width: Kernels of the stem and the first stage; later stages have twice as many each.
        depth: Residual blocks per stage.
        dropout: Share of the last features that is left out in training.
        changes: Whether the first kernels see what has changed since the frame before, too.

    Returns:
        A functional model to float32 probabilities of shape (batch, classes).

    Raises:
        UsageError: Frames are too small, or a bad option.
    """
    _check("temporal_shift", input_shape, width, depth)
    inputs = keras.Input(input_shape, name="frames")
    x = FrameChanges(name="changes")(inputs) if changes else inputs
    x = _stem(x, width)
    for stage in range(STAGES):
        for block in range(1, depth + 1):
            strides = _halving(x) if stage and block == 1 else (1, 1, 1)
            name = f"stage{stage + 1}_block{block}"
            y = TemporalShift(name=f"{name}_shift")(x)
            y = _normalized(y, width * 2**stage, (1, 3, 3), strides, f"{name}_conv1")
            y = layers.ReLU(name=f"{name}_relu1")(y)
            y = _normalized(y, width * 2**stage, (1, 3, 3), (1, 1, 1), f"{name}_conv2")
            x = _joined(x, y, strides, name)
    return _classified(inputs, x, classes, dropout, "temporal_shift")


def r2plus1d(
    input_shape: tuple[int, ...], classes: int, width: int = 24, depth: int = 1, dropout: float = 0.4
) -> keras.Model:
    """A residual network whose kernels of three axes are a 2-D kernel, then one along time.

    Source: Tran et al. 2018, "A closer look at spatiotemporal convolutions for action recognition".

    Args:
        input_shape: (frames, height, width, channels), each side at least 16.
        classes: The number of class names.
        width: Kernels of the stem and the first stage; later stages have twice as many each.
        depth: Residual blocks per stage.
        dropout: Share of the last features that is left out in training.

    Returns:
        A functional model to float32 probabilities of shape (batch, classes).

    Raises:
        UsageError: Frames are too small, or a bad option.
    """
    _check("r2plus1d", input_shape, width, depth)
    inputs = keras.Input(input_shape, name="frames")
    x = _stem(inputs, width)
    for stage in range(STAGES):
        for block in range(1, depth + 1):
            strides = _halving(x) if stage and block == 1 else (1, 1, 1)
            name, filters, y = f"stage{stage + 1}_block{block}", width * 2**stage, x
            for number, along in ((1, strides), (2, (1, 1, 1))):
                y = _normalized(y, filters, (1, 3, 3), along, f"{name}_space{number}")
                y = layers.ReLU(name=f"{name}_space_relu{number}")(y)
                y = _normalized(y, filters, (3, 1, 1), (1, 1, 1), f"{name}_time{number}")
                y = layers.ReLU(name=f"{name}_time_relu{number}")(y) if number == 1 else y
            x = _joined(x, y, strides, name)
    return _classified(inputs, x, classes, dropout, "r2plus1d")


def c3d(
    input_shape: tuple[int, ...], classes: int, width: int = 24, depth: int = 4, dropout: float = 0.5
) -> keras.Model:
    """Convolutions of 3x3x3, each normalized and pooled: first over pixels alone, later over time too.

    A narrow form of Tran et al. 2015, "Learning spatiotemporal features with 3D convolutional networks".

    Args:
        input_shape: (frames, height, width, channels), each side at least 16.
        classes: The number of class names.
        width: Kernels of the first convolution; later ones have twice as many each, up to eight times.
        depth: Convolutions.
        dropout: Share of the last features that is left out in training.

    Returns:
        A functional model to float32 probabilities of shape (batch, classes).

    Raises:
        UsageError: Frames are too small, or a bad option.
    """
    _check("c3d", input_shape, width, depth)
    x = inputs = keras.Input(input_shape, name="frames")
    for block in range(depth):
        name = f"block{block + 1}"
        x = _normalized(x, width * 2 ** min(block, 3), (3, 3, 3), (1, 1, 1), f"{name}_conv")
        x = layers.ReLU(name=f"{name}_relu")(x)
        frames, *sides = x.shape[1:4]
        pool = (2 if block and frames > 1 else 1, *(2 if side > 1 else 1 for side in sides))
        x = layers.MaxPooling3D(pool, name=f"{name}_pool")(x)
    return _classified(inputs, x, classes, dropout, "c3d")


def _check(name: str, input_shape: tuple[int, ...], width: int, depth: int) -> None:
    if len(input_shape) != 4 or min(input_shape) < 1:
        raise UsageError(
            f"{name} takes (frames, height, width, channels). Received: input_shape={input_shape}."
        )
    if min(width, depth) < 1:
        raise UsageError(
            f"{name} needs width and depth of at least 1. Received: width={width}, depth={depth}."
        )
    if min(input_shape[1:3]) < 16:
        sides = "x".join(map(str, input_shape[1:3]))
        raise UsageError(f"Frames of {sides} pixels are too small for {name}: expected 16 at least.")


def _stem(x: keras.KerasTensor, width: int) -> keras.KerasTensor:
    """Larger kernels with stride 2 over single frames, then a pooling: a sixteenth of the pixels."""
    x = _normalized(x, width, (1, 5, 5), (1, 2, 2), "stem")
    x = layers.ReLU(name="stem_relu")(x)
    return layers.MaxPooling3D((1, 2, 2), name="stem_pool")(x) if min(x.shape[2:4]) > 2 * _SHORTEST else x


def _halving(x: keras.KerasTensor) -> tuple[int, int, int]:
    """Strides that halve the sides of frames."""
    return (1, 2, 2) if min(x.shape[2:4]) > _SHORTEST else (1, 1, 1)


def _joined(
    x: keras.KerasTensor, y: keras.KerasTensor, strides: tuple[int, ...], name: str
) -> keras.KerasTensor:
    """The sum of a branch and its shortcut, which is averaged and mixed where shapes differ."""
    if max(strides) > 1:
        x = layers.AveragePooling3D(strides, padding="same", name=f"{name}_shortcut_pool")(x)
    if x.shape[-1] != y.shape[-1]:
        x = _normalized(x, y.shape[-1], (1, 1, 1), (1, 1, 1), f"{name}_shortcut")
    return layers.ReLU(name=f"{name}_relu2")(layers.Add(name=f"{name}_add")([x, y]))


def _normalized(
    x: keras.KerasTensor, filters: int, size: tuple[int, ...], strides: tuple[int, ...], name: str
) -> keras.KerasTensor:
    """Statistics that follow the train split within an epoch, also where it is small."""
    x = layers.Conv3D(
        filters,
        size,
        strides=strides,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
    )(x)
    return layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)


def _classified(
    inputs: keras.KerasTensor, x: keras.KerasTensor, classes: int, dropout: float, name: str
) -> keras.Model:
    x = layers.GlobalAveragePooling3D(name="pool")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(inputs, softmax(classes)(x), name=name)
