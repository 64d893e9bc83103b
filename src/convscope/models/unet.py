"""The U-Net: a class for each position of a picture or a volume, written once for any rank."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import keras
from keras import layers

from convscope.errors import UsageError

SMALLEST_SIDE = 8
"""An axis is halved as long as it has at least so many positions."""
MOST_LEVELS = 5
SUPERVISED = 2
"""Levels that score classes besides the finest one, where that is asked for."""
WIDEST = 320
"""Kernels of a convolution at most."""

Normalization = Literal["batch", "instance"]


def unet(
    input_shape: tuple[int, ...],
    classes: int,
    width: int = 16,
    depth: int | None = None,
    kernel_size: int = 3,
    dropout: float = 0.0,
    normalization: Normalization = "batch",
    deep_supervision: bool = False,
) -> keras.Model:
    """A U-Net with residual blocks, for (height, width, channels) or (depth, height, width, channels).

    Each level down has half the positions along every axis that still has `SMALLEST_SIDE` of them; on the way
    up maps are enlarged, joined with those of the same level and convolved once. Sides may have any length:
    what is enlarged too far is cut off (Ronneberger, Fischer and Brox 2015; Isensee et al. 2021, "nnU-Net").

    Args:
        input_shape: Positions along each axis, then channels.
        classes: The number of class names.
        width: Kernels of the first level; each level below has twice as many, `WIDEST` at most.
        depth: Number of levels; by default as many as there are axes to halve, `MOST_LEVELS` at most.
        kernel_size: Side of every kernel but those of shortcuts and outputs.
        dropout: Share of the maps of the lowest level that a training step leaves out.
        normalization: `batch`, or `instance`: of each sample and kernel by itself, for small batches.
        deep_supervision: Whether the `SUPERVISED` levels above the finest one score classes as well, added to
            the outputs enlarged (Isensee et al. 2017, "Brain tumor segmentation and radiomics survival").

    Returns:
        A functional model to float32 probabilities of shape (batch, positions..., classes).

    Raises:
        UsageError: A shape of another rank, or options that cannot work.
    """
    strides = _strides(_checked(input_shape), depth)
    block = _Blocks(len(input_shape) - 1, kernel_size, normalization)
    x = inputs = keras.Input(input_shape)
    skips: list[keras.KerasTensor] = []
    for level in range(len(strides) + 1):
        if level:
            x = block.pool(x, strides[level - 1], f"down{level}_pool")
        x = block.residual(x, _filters(width, level), f"down{level}")
        skips.append(x)
    x = block.dropout(x, dropout) if dropout else x
    mixed = keras.config.dtype_policy().name.startswith("mixed_")
    score, scores = _Scores(block, classes, "float32" if mixed else None), None
    for level in reversed(range(len(strides))):
        x = block.merged(x, skips[level], strides[level], _filters(width, level), f"up{level}")
        if deep_supervision and 0 < level <= SUPERVISED:
            scores = score.added(x, scores, strides[level - 1], skips[level - 1], f"scores{level}")
    return keras.Model(inputs, score.outputs(x, scores), name="unet")


def _checked(input_shape: tuple[int, ...]) -> tuple[int, ...]:
    """The positions along each axis.

    Raises:
        UsageError: There are neither two axes of positions nor three.
    """
    if len(input_shape) not in (3, 4) or any(not side or side < 1 for side in input_shape):
        raise UsageError(
            "unet takes (height, width, channels) or (depth, height, width, channels)."
            f" Received: input_shape={input_shape}."
        )
    return input_shape[:-1]


def _filters(width: int, level: int) -> int:
    return int(min(width * 2**level, max(WIDEST, width)))


def _strides(sides: Sequence[int], depth: int | None) -> list[tuple[int, ...]]:
    """By what each step down divides each axis.

    Raises:
        UsageError: So many levels leave nothing.
    """
    strides: list[tuple[int, ...]] = []
    left = list(sides)
    while len(strides) + 1 < (depth or MOST_LEVELS):
        smallest = SMALLEST_SIDE if depth is None else 2
        step = tuple(2 if side >= smallest else 1 for side in left)
        if max(step) == 1:
            if depth is None:
                break
            raise UsageError(
                f"A U-Net of {depth} levels needs inputs of at least {2 ** (depth - 1)} positions."
                f" Received: {'x'.join(map(str, sides))}.",
                "Use a smaller depth, or larger inputs.",
            )
        strides.append(step)
        left = [-(-side // by) for side, by in zip(left, step, strict=True)]
    return strides


class _Blocks:
    """Blocks of layers of one rank."""

    def __init__(self, rank: int, kernel_size: int, normalization: Normalization) -> None:
        self._rank, self._size, self._normalization = rank, kernel_size, normalization

    def layer(self, name: str) -> type[keras.layers.Layer]:
        """A class of layers of this rank, such as Conv2D."""
        found: type[keras.layers.Layer] = getattr(layers, f"{name}{self._rank}D")
        return found

    def convolved(self, x: keras.KerasTensor, filters: int, size: int, name: str) -> keras.KerasTensor:
        """A padded convolution, normalized."""
        x = self.layer("Conv")(
            filters,
            size,
            padding="same",
            use_bias=False,
            kernel_initializer="he_normal",
            name=f"{name}_conv",
        )(x)
        if self._normalization == "instance":
            return layers.GroupNormalization(-1, name=f"{name}_norm")(x)
        return layers.BatchNormalization(momentum=0.95, name=f"{name}_norm")(x)

    def residual(self, x: keras.KerasTensor, filters: int, name: str) -> keras.KerasTensor:
        """Two normalized convolutions, the second beside a shortcut from the first."""
        first = layers.ReLU(name=f"{name}_relu1")(self.convolved(x, filters, self._size, f"{name}_1"))
        second = self.convolved(first, filters, self._size, f"{name}_2")
        return layers.ReLU(name=f"{name}_relu2")(layers.Add(name=f"{name}_add")([first, second]))

    def pool(self, x: keras.KerasTensor, strides: tuple[int, ...], name: str) -> keras.KerasTensor:
        """Fewer positions: the largest of each few, those of an incomplete few at the end as well."""
        return self.layer("MaxPooling")(strides, padding="same", name=name)(x)

    def dropout(self, x: keras.KerasTensor, rate: float) -> keras.KerasTensor:
        """Whole maps left out."""
        return self.layer("SpatialDropout")(rate, name="dropout")(x)

    def merged(
        self,
        x: keras.KerasTensor,
        skip: keras.KerasTensor,
        strides: tuple[int, ...],
        filters: int,
        name: str,
    ) -> keras.KerasTensor:
        """Maps of the level below, enlarged to those of a level, joined with them and convolved."""
        x = layers.ReLU(name=f"{name}_relu1")(self.convolved(x, filters, 1, f"{name}_1"))
        x = self.enlarged(x, skip, strides, name)
        x = layers.Concatenate(name=f"{name}_join")([x, skip])
        return layers.ReLU(name=f"{name}_relu2")(self.convolved(x, filters, self._size, f"{name}_2"))

    def enlarged(
        self,
        x: keras.KerasTensor,
        like: keras.KerasTensor,
        strides: tuple[int, ...],
        name: str,
        dtype: str | None = None,
    ) -> keras.KerasTensor:
        """Maps with as many positions as others; what is enlarged too far is cut off."""
        x = self.layer("UpSampling")(strides, name=f"{name}_enlarge", dtype=dtype)(x)
        sides = zip(x.shape[1:-1], like.shape[1:-1], strict=True)
        more = tuple((0, large - small) for large, small in sides)
        if any(behind for _, behind in more):
            x = self.layer("Cropping")(more, name=f"{name}_crop", dtype=dtype)(x)
        return x


class _Scores:
    """What levels score each class at each of their positions, before it becomes probabilities.

    Args:
        blocks: Of layers of one rank.
        classes: The number of class names.
        dtype: Of the layers; None for that of all others.
    """

    def __init__(self, blocks: _Blocks, classes: int, dtype: str | None) -> None:
        self._blocks, self._classes, self._dtype = blocks, classes, dtype

    def added(
        self,
        x: keras.KerasTensor,
        below: keras.KerasTensor | None,
        strides: tuple[int, ...],
        above: keras.KerasTensor,
        name: str,
    ) -> keras.KerasTensor:
        """The scores of a level and those of the level below, at the positions of the level above."""
        own = self._blocks.layer("Conv")(self._classes, 1, dtype=self._dtype, name=name)(x)
        total = self._total(own, below, name)
        return self._blocks.enlarged(total, above, strides, name, self._dtype)

    def outputs(self, x: keras.KerasTensor, below: keras.KerasTensor | None) -> keras.KerasTensor:
        """Probabilities by the scores of the finest level and those that are added to them."""
        conv = self._blocks.layer("Conv")
        if below is None:
            return conv(self._classes, 1, activation="softmax", dtype=self._dtype, name="classes")(x)
        total = self._total(conv(self._classes, 1, dtype=self._dtype, name="scores0")(x), below, "scores0")
        return layers.Activation("softmax", dtype=self._dtype, name="classes")(total)

    def _total(self, own: keras.KerasTensor, below: keras.KerasTensor | None, name: str) -> keras.KerasTensor:
        if below is None:
            return own
        return layers.Add(dtype=self._dtype, name=f"{name}_total")([own, below])
