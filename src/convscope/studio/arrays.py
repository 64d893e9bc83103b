"""Arrays as the page takes them: `.npy` bytes, and maps in 256 steps with what the steps mean."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convscope.types import Array, Json

STEPS = 255


def npy_bytes(array: Array) -> bytes:
    r"""A file `.npy`, C order, little endian.

    Args:
        array: Of numbers or booleans.

    Example:
        >>> npy_bytes(np.zeros(3, np.uint8))[:6]
        b'\x93NUMPY'
    """
    ordered = np.asarray(array, order="C")
    if ordered.dtype.byteorder == ">":
        ordered = ordered.astype(ordered.dtype.newbyteorder("<"))
    file = io.BytesIO()
    np.save(file, ordered, allow_pickle=False)
    return file.getvalue()


def listed_values(array: Array) -> list[Json]:
    """All values of an array in C order, as plain numbers."""
    flat = np.asarray(array).ravel()
    found: list[Json] = (flat.astype(np.float64) if flat.dtype.kind == "f" else flat).tolist()
    return found


def narrowed(array: Array) -> Array:
    """Float64 and int64 as float32 and int32, which browsers read fast; all else as it is."""
    if array.dtype == np.float64:
        return array.astype(np.float32)
    fits = array.dtype == np.int64 and (not array.size or np.abs(array).max() < 2**31)
    return array.astype(np.int32) if fits else array


@dataclass(frozen=True, eq=False)
class SteppedMaps:
    """Feature maps in 256 steps, each map from its own minimum to its own maximum.

    A value is `minimum[c] + steps[c] / 255 * (maximum[c] - minimum[c])` to within half a step.

    Args:
        steps: (channels, ...), uint8; 0 where a value is not finite.
        minimum: Of the finite values of each map, (channels,), float32; 0 for a map without any.
        maximum: The same.
        mean: The same.
        strength: Mean of the absolute values, by which maps are ordered.
        nonfinite: How many values are NaN or infinite.
    """

    steps: npt.NDArray[np.uint8]
    minimum: npt.NDArray[np.float32]
    maximum: npt.NDArray[np.float32]
    mean: npt.NDArray[np.float32]
    strength: npt.NDArray[np.float32]
    nonfinite: int

    @classmethod
    def of(cls, maps: Array) -> SteppedMaps:
        """From maps of shape (channels, ...).

        Example:
            >>> SteppedMaps.of(np.array([[0.0, 1.0, 2.0], [5.0, 5.0, 5.0]])).steps.tolist()
            [[0, 128, 255], [0, 0, 0]]
        """
        flat = np.asarray(maps, np.float32).reshape(len(maps), -1)
        finite = np.isfinite(flat)
        whole = bool(finite.all())
        known = flat if whole else np.where(finite, flat, np.float32(0))
        counts = np.maximum(finite.sum(axis=1), 1)
        low = (flat if whole else np.where(finite, flat, np.inf)).min(axis=1, initial=np.inf)
        high = (flat if whole else np.where(finite, flat, -np.inf)).max(axis=1, initial=-np.inf)
        low, high = (np.where(np.isfinite(end), end, 0).astype(np.float32) for end in (low, high))
        span = np.where(high > low, high.astype(np.float64) - low, 1.0)
        steps = np.rint((known - low[:, None].astype(np.float64)) * (STEPS / span)[:, None])
        steps = np.where(finite, np.clip(steps, 0, STEPS), 0).astype(np.uint8)
        return cls(
            steps.reshape(np.shape(maps)),
            low,
            high,
            (known.sum(axis=1, dtype=np.float64) / counts).astype(np.float32),
            (np.abs(known).sum(axis=1, dtype=np.float64) / counts).astype(np.float32),
            int(finite.size - finite.sum()),
        )

    @property
    def order(self) -> list[int]:
        """The channels, strongest first."""
        found: list[int] = np.argsort(-self.strength, kind="stable").tolist()
        return found

    def to_json(self) -> dict[str, Json]:
        """All but the steps, as plain values."""
        return {
            "shape": list(self.steps.shape),
            "minimum": self.minimum.tolist(),
            "maximum": self.maximum.tolist(),
            "mean": self.mean.tolist(),
            "strength": self.strength.tolist(),
            "order": list(self.order),
            "nonfinite": self.nonfinite,
            "layer": {
                "minimum": float(self.minimum.min(initial=0)),
                "maximum": float(self.maximum.max(initial=0)),
            },
        }
