"""The small vocabulary that every room shares: names of splits, types of arrays, what positions stand for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, get_args, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

SplitName = Literal["train", "validation", "test"]

SPLITS: tuple[SplitName, ...] = get_args(SplitName)
Preprocessing = Literal["auto", "none", "0..1", "0..255", "-1..1", "caffe", "tf", "torch"]
"""What uint8 pixels become: a range, or as `preprocess_input` of `keras.applications` calls it."""

Pool = Literal["mean", "max", "flatten", "none"]
"""How the positions of a layer's output are reduced."""
POOLS: tuple[Pool, ...] = get_args(Pool)

Tensor: TypeAlias = Any
"""A tensor of the Keras backend that runs, or a structure of tensors: the backends have no common type."""
Array: TypeAlias = "npt.NDArray[Any]"
"""A NumPy array of any dtype."""
Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
"""Plain values, as JSON has them."""
ArrayTree: TypeAlias = "npt.NDArray[Any] | Sequence[ArrayTree] | Mapping[str, ArrayTree]"
"""Arrays in nested sequences and dictionaries, such as the inputs of a model that has several."""


@dataclass(frozen=True)
class Skipped:
    """One thing that a reader found and left out.

    Args:
        path: The file (or `file#row`) as the user would look for it.
        reason: Why it was left out, in a few words.
    """

    path: str
    reason: str


@dataclass(frozen=True, eq=False)
class Axis:
    """When the positions of a series or a recording are, as a model takes it.

    Args:
        places: One for each position, rising: datetime64 (UTC), or numbers of `unit`; None: positions are
            only counted, from 0.
        unit: What `places` count, such as `s` or `cycle`; without a meaning for times.
        variables: A name for each variable; empty where there is no name.
        filled: How many positions at the beginning and at the end are padding.
    """

    places: npt.NDArray[np.datetime64] | npt.NDArray[np.floating[Any]] | None = None
    unit: str = "step"
    variables: tuple[str, ...] = ()
    filled: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Positions:
    """Which positions of a layer's output a sample is about, by the names of inputs of the model.

    Args:
        along: The input whose second axis has the positions, such as the nodes of a graph.
        asked: The input that says which of them are asked for: shape (batch, asked) for one position of each
            sample, (batch, asked, n) for n of them, whose values stand side by side. None where a sample is
            about all positions.
        present: The input that is 1 at positions that are there and 0 at padding; None where all are there.
    """

    along: str
    asked: str | None = None
    present: str | None = None


@runtime_checkable
class InWords(Protocol):
    """A sample that says in a few words what it is."""

    @property
    def in_words(self) -> str:
        """One line."""


class Progress(Protocol):
    """How long work reports itself; the command line draws it, the Python API ignores it by default."""

    def __call__(self, done: int, total: int | None, what: str) -> None:
        """Says that `done` of `total` steps (None: not known) of `what` are finished."""


Say = Callable[[str], None]
"""How work tells a person one line; the command line prints it, the Python API ignores it by default."""


def printed(line: str) -> None:
    """Prints a line on standard error."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def silent(line: str) -> None:
    """Says nothing."""


def no_progress(done: int, total: int | None, what: str) -> None:
    """Reports nothing."""
