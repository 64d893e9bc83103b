"""Scans of any spacing, size and intensity to arrays of one grid, by a fingerprint of the train split."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal, cast

import numpy as np
import numpy.typing as npt

from convscope.data.encoded import HeldArrays, LazyArrays
from convscope.data.splits import Split
from convscope.errors import DataError, UsageError
from convscope.json_values import Plain, Within
from convscope.kinds.contract.representation import SampleDescription
from convscope.kinds.volume.readers.sources import ArrayVolumes, VolumeFacts, VolumeSource
from convscope.kinds.volume.resampling import SAME, fitted, resampled, resampled_affine, resampled_shape
from convscope.kinds.volume.volume import Volume
from convscope.types import Progress, no_progress

MEMORY_LIMIT = 2**30
"""Encoded volumes that take less than this are kept in memory, in bytes."""
MOST_VOXELS = 96**3
"""Voxels of a size that has to be chosen, and of a common one, at most."""
LONG = 3.0
"""How many times longer than wide voxels are that are said to be."""
AIR = -500.0
"""Hounsfield units below which there is air; scans that reach below are CT."""
QUANTILES = (0.005, 0.995)
_SAMPLED = 40
"""CT scans of the train split that intensities are taken from."""
_VALUES = 100_000
"""Voxels of each that count."""
_BACKGROUND = 0.05
"""Share of voxels of the smallest value from which on they are background."""
_BYTES = ("uint8", "bool")

PLACED = "places in mm from the scan's own origin (RAS+)"
"""What numbers of mm beside planes are."""

Intensity = Literal["bytes", "clipped", "foreground"]
Triple = tuple[float, float, float]


@dataclass(frozen=True)
class VolumeDescription(SampleDescription):
    """What the voxels of a model's input mean.

    Args:
        spacing: Their size in mm, along x, y and z.
        oriented: Whether x, y and z point to right, anterior and superior.
        origin: Where the middle of the first voxel lies along x, y and z, in mm from the origin of the frame
            of the scan's own file; None where that is not known.
    """

    spacing: Triple = (1.0, 1.0, 1.0)
    oriented: bool = False
    origin: Triple | None = None


@dataclass(frozen=True)
class VolumeRepresentation(Plain):
    """The grid and the range of intensities that every volume is brought to.

    Args:
        size: Voxels along x, y and z.
        channels: Values of each voxel.
        spacing: Size of a voxel in mm.
        intensity: `bytes`: values are multiplied by `scale`; `clipped`: they are clipped to `low` and `high`,
            and `center` and `scale` make them of zero mean and unit variance; `foreground`: each volume and
            channel is scaled by mean and deviation of its own foreground.
        low: As above.
        high: As above.
        center: As above.
        scale: As above.

    Raises:
        UsageError: A size or spacing is not positive.
    """

    _WHAT = "volume representation"
    _KEPT: ClassVar = {"kind": "volume", "version": 1}

    size: tuple[int, int, int]
    channels: Annotated[int, Within(1, 1024)]
    spacing: Triple
    intensity: Intensity
    low: float = 0.0
    high: float = 0.0
    center: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        if min(self.size) < 1 or min(self.spacing) <= 0 or self.scale <= 0:
            raise UsageError(
                f"a volume representation takes a positive size, spacing and scale, received {self.size},"
                f" {self.spacing} and {self.scale}"
            )

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(x, y, z, channels), the input shape of a model."""
        return (*self.size, self.channels)

    @property
    def sizes(self) -> dict[str, int]:
        """Nothing but the shape."""
        return {}

    @property
    def in_words(self) -> str:
        """How large a voxel and a volume are, for explanations."""
        lengths = [side * each for side, each in zip(self.size, self.spacing, strict=True)]
        return (
            f"A voxel is {in_mm(self.spacing)} and a volume {in_mm(lengths)}, along x, y and z: towards"
            " right, anterior and superior where files say their sides."
        )

    def on_grid(self, volume: Volume) -> npt.NDArray[Any]:
        """A volume on voxels of the spacing, with intensities as a model takes them, of a size of its own.

        Returns:
            Shape (x, y, z, channels), uint8 where intensities are bytes and nothing was resampled, else
            float32.

        Raises:
            DataError: It has another number of channels.
        """
        if volume.channels != self.channels:
            raise DataError(
                f"{volume.name}: expected {self.channels} channels, received {volume.channels}",
                hint="Give the channels that the model was trained with, in the same order.",
            )
        values = resampled(volume.values, volume.spacing, self.spacing)
        if self.intensity == "bytes":
            return values.astype(np.uint8) if values.dtype.name in _BYTES else values.astype(np.float32)
        numbers = values.astype(np.float32)
        if self.intensity == "clipped":
            np.clip(numbers, self.low, self.high, out=numbers)
            numbers -= np.float32(self.center)
            numbers /= np.float32(self.scale)
            return numbers
        for channel in range(self.channels):
            part = numbers[..., channel]
            seen = foreground(part)
            part -= part.mean(dtype=np.float64, where=seen)
            deviation = float(np.sqrt(np.square(part).mean(dtype=np.float64, where=seen)))
            part /= max(deviation, 1e-6)
        return numbers

    def fill(self, values: npt.NDArray[Any]) -> float:
        """What voxels outside of a volume have: its background."""
        return 0.0 if self.intensity == "bytes" else float(values.min())

    def to_array(self, volume: Volume) -> npt.NDArray[Any]:
        """A volume as it is encoded, shape (x, y, z, channels)."""
        values = self.on_grid(volume)
        return fitted(values, self.size, self.fill(values))

    def encode(
        self, samples: VolumeSource, limit_bytes: int = MEMORY_LIMIT, progress: Progress = no_progress
    ) -> HeldArrays[Any] | LazyArrays[Any]:
        """The volumes of a split, in memory where they fit.

        Args:
            samples: The volumes.
            limit_bytes: How much memory they may take.
            progress: Receives the number of volumes encoded.

        Raises:
            DataError: A file has changed or gone since it was scanned, or has other channels.
        """
        exact = self.intensity == "bytes" and all(
            fact.dtype in _BYTES and resampled_shape(fact.shape, fact.spacing, self.spacing) == fact.shape
            for fact in samples.facts
        )
        if exact and isinstance(samples, ArrayVolumes) and samples.array.shape[1:] == self.shape:
            return HeldArrays(samples.array.view(np.uint8), samples.rows)
        lazy: LazyArrays[Any] = LazyArrays(
            samples, self.to_array, self.shape, np.uint8 if exact else np.float32
        )
        return lazy.held(limit_bytes, progress, "encoding volumes")

    def to_inputs(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Encoded volumes as float32, any shape."""
        if self.intensity == "bytes":
            scaled: npt.NDArray[np.float32] = np.multiply(values, np.float32(self.scale), dtype=np.float32)
            return scaled
        return values

    def describe(self, sample: Volume, start: Sequence[int] | None = None) -> VolumeDescription:
        """The spacing, whether left and right are known, and where the first voxel lies.

        Args:
            sample: A volume.
            start: The voxel of the grid that a part of it begins at; by default that of `to_array`.
        """
        lengths = resampled_shape(sample.shape, sample.spacing, self.spacing)
        if start is None:
            start = [math.trunc((side - own) / 2) for side, own in zip(lengths, self.size, strict=True)]
        affine = resampled_affine(sample.affine, sample.shape, lengths)
        affine[:3, 3] += affine[:3, :3] @ np.array(start)
        return described(replace(sample, affine=affine))

    def example(self, count: int) -> npt.NDArray[np.float32]:
        """So many volumes of noise, shape (count, x, y, z, channels)."""
        return np.random.default_rng(0).random((count, *self.shape), np.float32)


def described(volume: Volume) -> VolumeDescription:
    """What the voxels of a volume mean as it is."""
    return VolumeDescription(volume.spacing, volume.source.spaced, volume.origin)


def foreground(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which voxels are no background: all but those of the smallest value, where these are many."""
    above = values > values.min()
    return above if above.any() and 1 - above.mean() >= _BACKGROUND else np.ones(values.shape, bool)


def fit_representation(
    train: Split,
    voxels: Sequence[int] | None = None,
    spacing: Sequence[float] | None = None,
) -> tuple[VolumeRepresentation, Sequence[str]]:
    """Chooses grid and intensities from the train split.

    Args:
        train: The train split.
        voxels: Along x, y and z, where the user chose them.
        spacing: Size of a voxel in mm, where the user chose it.

    Returns:
        The representation, and one line for each choice with its reason.

    Raises:
        UsageError: The split is empty.
        DataError: Volumes have different numbers of channels.
    """
    source = as_volumes(train)
    facts = source.facts
    if not facts:
        raise UsageError("a representation is fitted to at least one volume, received an empty split")
    channels = {fact.channels for fact in facts}
    if len(channels) > 1:
        most = max(channels, key=[fact.channels for fact in facts].count)
        other = next(at for at, fact in enumerate(facts) if fact.channels != most)
        raise DataError(
            f"{source.name(other)}: expected {most} channels as most volumes have, received"
            f" {facts[other].channels}"
        )
    target, lines = _spacing(facts, spacing)
    (lengths, target), said = _size(facts, target, voxels, free=spacing is None)
    intensity, why = _intensity(source)
    made = VolumeRepresentation(lengths, channels.pop(), target, **intensity)
    return made, (*lines, *said, why)


def as_volumes(split: Split) -> VolumeSource:
    """The samples of a split as volumes, of which facts are known.

    Raises:
        UsageError: They are something else.
    """
    if not hasattr(split.samples, "facts"):
        raise UsageError(f"expected a split of volumes, received one of {type(split.samples).__name__}")
    return cast(VolumeSource, split.samples)


def in_mm(lengths: Sequence[float]) -> str:
    """Lengths in mm, as `0.7 x 0.7 x 3 mm`."""
    return f"{' x '.join(f'{length:.3g}' for length in lengths)} mm"


def in_voxels(lengths: Sequence[int]) -> str:
    """Lengths in voxels, as `32 x 32 x 16`."""
    return " x ".join(map(str, lengths))


def _spacing(facts: Sequence[VolumeFacts], given: Sequence[float] | None) -> tuple[Triple, list[str]]:
    """The spacing of the grid, and why."""
    every = np.array([fact.spacing for fact in facts])
    first, second, third = (float(each) for each in (np.median(every, axis=0) if given is None else given))
    spacing = (first, second, third)
    off = np.abs(every / np.array(spacing) - 1).max(axis=1) > SAME
    if given is not None:
        why = "as given"
    elif not any(fact.spaced for fact in facts) and (every == 1).all():
        return spacing, []
    elif not off.any():
        why = "which all train volumes have; nothing is resampled"
    else:
        why = (
            f"the median of {len(facts)} train volumes, which have {in_mm(every.min(axis=0))} to"
            f" {in_mm(every.max(axis=0))}"
        )
    changed = f"; {int(off.sum())} of {len(facts)} train volumes are resampled" if off.any() else ""
    lines = [f"spacing: {in_mm(spacing)}, {why}{changed}"]
    if max(spacing) >= LONG * min(spacing):
        axis = "xyz"[int(np.argmax(spacing))]
        lines.append(
            f"anisotropy: voxels are {max(spacing) / min(spacing):.2g} times longer along {axis}, whose"
            " positions are halved last"
        )
    return spacing, lines


def _size(
    facts: Sequence[VolumeFacts], spacing: Triple, given: Sequence[int] | None, *, free: bool
) -> tuple[tuple[tuple[int, int, int], Triple], list[str]]:
    """Voxels along each axis and their spacing, which grows where there would be too many; and why."""
    if given is not None:
        return ((given[0], given[1], given[2]), spacing), [
            f"size: {in_voxels(given)} voxels, as given; volumes are cut or filled about their middle"
        ]
    lengths, largest, lines = _largest(facts, spacing), spacing, []
    while free and math.prod(lengths) > MOST_VOXELS:
        wide = min(largest) * 1.001
        grown = [each * 1.1 if each <= wide else each for each in largest]
        largest = (grown[0], grown[1], grown[2])
        lengths = _largest(facts, largest)
    if largest != spacing:
        lines.append(
            f"spacing: {in_mm(largest)} instead, because {in_mm(spacing)} would be more than"
            f" {MOST_VOXELS:,} voxels; --spacing or --voxels changes that"
        )
    shapes = {resampled_shape(fact.shape, fact.spacing, largest) for fact in facts}
    have = (
        "which all train volumes have"
        if len(shapes) == 1
        else "which holds all train volumes; smaller ones are filled with background about their middle"
    )
    return (lengths, largest), [*lines, f"size: {in_voxels(lengths)} voxels, {have}"]


def _largest(facts: Sequence[VolumeFacts], spacing: Triple) -> tuple[int, int, int]:
    shapes = [resampled_shape(fact.shape, fact.spacing, spacing) for fact in facts]
    first, second, third = (max(lengths) for lengths in zip(*shapes, strict=True))
    return first, second, third


def _intensity(source: VolumeSource) -> tuple[dict[str, Any], str]:
    """How intensities are scaled, and why."""
    facts = source.facts
    if all(fact.dtype in _BYTES for fact in facts):
        most = max(fact.high for fact in facts)
        scale = 1 / 255 if most > 1 else 1.0
        said = "divided by 255" if most > 1 else "as they are"
        return {
            "intensity": "bytes",
            "scale": scale,
        }, f"intensities: {said}, because all volumes have 8 bits and values up to {most:g}"
    cold = sum(fact.low < AIR for fact in facts)
    if cold * 2 <= len(facts):
        return {"intensity": "foreground"}, (
            "intensities: each volume is scaled by mean and deviation of its foreground, because"
            f" {len(facts) - cold} of {len(facts)} train volumes are in no fixed unit (nothing below {AIR:g})"
        )
    rng = np.random.default_rng(0)
    seen = []
    for at in np.unique(np.linspace(0, len(source) - 1, _SAMPLED).astype(int)).tolist():
        values = source.load(at).values.astype(np.float32)
        body = values[values > AIR]
        seen.append(rng.choice(body, min(_VALUES, body.size), replace=False))
    body = np.concatenate(seen)
    low, high = (float(each) for each in np.quantile(body, QUANTILES))
    inside = np.clip(body, low, high)
    center, scale = float(inside.mean()), max(float(inside.std()), 1e-6)
    return {
        "intensity": "clipped",
        "low": low,
        "high": high,
        "center": center,
        "scale": scale,
    }, (
        f"intensities: clipped to {low:.4g} to {high:.4g}, the quantiles of 0.5 and 99.5 % of what is no air,"
        f" because {cold} of {len(facts)} train volumes reach below {AIR:g}, as Hounsfield units do"
    )
