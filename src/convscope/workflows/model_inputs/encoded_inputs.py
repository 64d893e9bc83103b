"""Encoded samples by position, encoded when they are asked for; nothing here imports a backend."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from convscope.data.splits import Samples
from convscope.data.token_rows import padded_length
from convscope.types import Array

if TYPE_CHECKING:
    from convscope.kinds.contract.representation import AnyRepresentation


AT_ONCE = 64
"""Samples of several arrays that are computed together, where the kind does not say how many."""


class EncodedSamples(Protocol):
    """Encoded samples by position."""

    def __len__(self) -> int:
        """The number of samples."""

    def name(self, index: int) -> str:
        """The file (or `file#row`) of a sample."""

    def take(self, indices: npt.NDArray[np.int64]) -> Any:
        """The samples at these positions, stacked: uint8 or float32.

        Samples of several arrays are a list of mappings by name, whose samples follow one another.
        """


def some_of(inputs: EncodedSamples, count: int) -> Any:
    """At most so many samples, evenly from all, as `take` gives them."""
    chosen = np.unique(np.linspace(0, len(inputs) - 1, min(count, len(inputs))).astype(np.int64))
    return inputs.take(chosen)


@dataclass(frozen=True)
class EncodedInputs:
    """Raw samples that a representation encodes when they are asked for.

    Args:
        samples: Of each split, in order.
        representation: Encodes them.
        drop_channel: Whether the last axis, of length 1, is dropped.
        add_channel: Whether a last axis of length 1 is added.
    """

    samples: tuple[Samples, ...]
    representation: AnyRepresentation
    drop_channel: bool = False
    add_channel: bool = False

    def __len__(self) -> int:
        return int(self._ends[-1])

    def name(self, index: int) -> str:
        """The file (or `file#row`) of a sample."""
        place, start = self._place(index)
        return self.samples[place].name(index - start)

    def load(self, index: int) -> object:
        """A raw sample."""
        place, start = self._place(index)
        return self.samples[place].load(index - start)

    @property
    def at_once(self) -> int | None:
        """How many samples are best taken together, of those of several arrays; None for those of one."""
        if not self._mapped:
            return None
        encoded = self._encoded if self._joined is None else [self._joined]
        return max(1, *(int(getattr(each, "at_once", AT_ONCE)) for each in encoded))

    def alone(self, index: int) -> Any:
        """One sample as it is encoded by itself, with a batch axis: an array, or a mapping of them."""
        place, start = self._place(index)
        return self._encoded[place].take(np.array([index - start], np.int64))

    def take(self, indices: npt.NDArray[np.int64]) -> Any:
        """Encodes the chosen samples.

        Returns:
            They stacked, uint8 or float32. Samples that become several arrays are a list of mappings by name:
            each of consecutive samples of one split, which share one input where the kind allows it.
        """
        if self._mapped:
            return self._taken_together(indices)
        places = np.searchsorted(self._ends, indices, side="right")
        starts = np.concatenate([[0], self._ends])
        taken: Array | None = None
        for place in np.unique(places).tolist():
            chosen = places == place
            part = self._encoded_of(place, indices[chosen] - starts[place])
            if len(part) == len(indices):
                taken = part
                break
            if taken is None:
                taken = np.empty((len(indices), *part.shape[1:]), part.dtype)
            taken[chosen] = part
        if taken is None:
            taken = self._encoded_of(0, indices)
        if self.drop_channel:
            return taken[..., 0]
        return taken[..., None] if self.add_channel else taken

    def _taken_together(self, indices: npt.NDArray[np.int64]) -> list[Mapping[str, Array]]:
        if self._joined is not None:
            return [self._joined.together(indices)]
        places = np.searchsorted(self._ends, indices, side="right")
        starts = np.concatenate([[0], self._ends])
        found = []
        for run in np.split(np.arange(len(indices)), np.flatnonzero(np.diff(places)) + 1):
            place = int(places[run[0]])
            encoded = self._encoded[place]
            found.append(getattr(encoded, "together", encoded.take)(indices[run] - starts[place]))
        return found

    def _place(self, index: int) -> tuple[int, int]:
        place = int(np.searchsorted(self._ends, index, side="right"))
        return place, int(self._ends[place - 1]) if place else 0

    @cached_property
    def _ends(self) -> npt.NDArray[np.int64]:
        return np.cumsum([len(each) for each in self.samples], dtype=np.int64)

    @cached_property
    def _encoded(self) -> list[Any]:
        """Decoders; none of them keeps decoded samples, which are asked for once."""
        return [self.representation.encode(each, limit_bytes=0) for each in self.samples]

    def _encoded_of(self, place: int, indices: npt.NDArray[np.int64]) -> Array:
        """Samples of one split; those of differing lengths all padded to the length of the longest."""
        encoded = self._encoded[place]
        length = self._length
        taken: Array = encoded.take(indices) if length is None else encoded.packed(indices, length)
        return taken

    @cached_property
    def _joined(self) -> Any:
        """The samples of all splits as one, where the kind can ask for them together; else None."""
        first, *others = self._encoded
        return first.joined(others) if hasattr(first, "joined") else None

    @cached_property
    def _mapped(self) -> bool:
        """Whether samples become several arrays, and not one that a representation takes apart."""
        return not hasattr(self._encoded[0], "packed") and isinstance(
            self._encoded[0].take(np.zeros(1, np.int64)), Mapping
        )

    @cached_property
    def _length(self) -> int | None:
        if not hasattr(self._encoded[0], "lengths"):
            return None
        return padded_length(max(int(each.lengths.max(initial=1)) for each in self._encoded))

    def __getstate__(self) -> dict[str, Any]:
        names = ("samples", "representation", "drop_channel", "add_channel")
        return {name: getattr(self, name) for name in names}  # decoders hold threads

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


def file_fingerprint(found: Samples) -> str:
    """SHA-256 over names and lengths in bytes, files are not read for it; of samples in memory over these."""
    total = sha256()
    if (content := getattr(found, "content", None)) is not None:
        total.update(content())
    for index in range(len(found)):
        name = found.name(index)
        total.update(f"{name}\0{os.stat(name).st_size if os.path.exists(name) else ''}\0".encode())  # noqa: PTH110, PTH116 - a million of them
    return total.hexdigest()
