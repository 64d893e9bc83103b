"""The samples of several splits as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convscope.data.splits import Samples
from convscope.types import Skipped


def joined(parts: Sequence[Samples]) -> Samples:
    """The samples of several splits, one behind the other.

    Args:
        parts: Of each split; those of one whole, such as nodes of a graph, join themselves by `joined_with`.
    """
    if len(parts) == 1:
        return parts[0]
    join = getattr(parts[0], "joined_with", None)
    found: Samples = JoinedSamples(tuple(parts)) if join is None else join(parts[1:])
    return found


@dataclass(frozen=True, eq=False)
class JoinedSamples:
    """The samples of several splits, one behind the other."""

    parts: tuple[Samples, ...]
    skipped: tuple[Skipped, ...] = ()

    @property
    def names_files(self) -> bool:
        """Whether names are those of files."""
        return all(getattr(part, "names_files", True) for part in self.parts)

    def __getattr__(self, name: str) -> object:
        """What the parts know of each sample, such as sizes, one behind the other; or what they all share."""
        if name.startswith("_"):
            raise AttributeError(name)
        values = [getattr(part, name) for part in self.parts]
        if all(value is values[0] for value in values):
            return values[0]
        if all(isinstance(value, np.ndarray) for value in values):
            return np.concatenate(values)
        if all(isinstance(value, list | tuple) for value in values):
            return tuple(each for value in values for each in value)
        raise AttributeError(f"the parts of these samples have no '{name}' in common")

    def __len__(self) -> int:
        return sum(len(part) for part in self.parts)

    def load(self, index: int) -> object:
        """One raw sample."""
        part, place = self._place(index)
        return part.load(place)

    def name(self, index: int) -> str:
        """Where it came from."""
        part, place = self._place(index)
        return part.name(place)

    def take(self, indices: npt.NDArray[np.int64]) -> JoinedSamples:
        """Some of the samples, in that order."""
        found = [self._place(int(index)) for index in indices]
        return JoinedSamples(tuple(part.take(np.array([place])) for part, place in found))

    def _place(self, index: int) -> tuple[Samples, int]:
        for part in self.parts:
            if index < len(part):
                return part, index
            index -= len(part)
        raise IndexError(index)
