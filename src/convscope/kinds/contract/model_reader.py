"""How a kind of data brings files to a Keras model of which nothing is known but the model itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from convscope.errors import UsageError
from convscope.kinds.contract.representation import AnyRepresentation
from convscope.option import Option
from convscope.types import Progress

if TYPE_CHECKING:
    import keras

    from convscope.data.splits import Samples
    from convscope.kinds.contract.preprocessing import ExpectedPixels
    from convscope.kinds.contract.recipe import Inputs
    from convscope.scope.graph.graph import LayerGraph

ReadingOptions = Mapping[str, object]
"""Options of a model reader by name; those that were not given are missing."""
Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class ModelMatch:
    """That the inputs of a model are samples of a kind.

    Args:
        confidence: From 0 to 1.
        reason: What was seen, in a few words that go on after "because".
    """

    confidence: float
    reason: str


@dataclass(frozen=True, eq=False)
class PlainModel:
    """A Keras model that comes without a run.

    Args:
        model: The model, without layers in front that take no numbers.
        graph: Its traced calls.
        representation: How samples become its inputs, where such layers of it say so.
    """

    model: keras.Model
    graph: LayerGraph
    representation: AnyRepresentation | None = None

    @property
    def only_shape(self) -> Shape | None:
        """Shape of the input without the batch axis; None where there are several inputs."""
        shapes = [tuple(value.shape[1:]) for value in self.graph.inputs]
        return shapes[0] if len(shapes) == 1 else None

    def mismatch(self, expected: str, hint: str = "") -> UsageError:
        """An error that says what the model takes, and that the given files cannot become that."""
        names, values = self.graph.input_names, self.graph.inputs
        if len(values) > 1:
            each = zip(names, values, strict=True)
            taken = ", ".join(f"'{name}' {tuple(value.shape[1:])}" for name, value in each)
            arrays = ", ".join(f"{name}=..." for name in names)
            return UsageError(
                f"The model '{self.model.name}' takes {len(values)} inputs: {taken}. Files become one input.",
                "Give one .npz file with an array of shape (samples, ...) for each input, as in training: "
                f"np.savez('inputs.npz', {arrays}).",
            )
        taken = ", ".join(str(tuple(value.shape[1:])) for value in values)
        return UsageError(
            f"The model '{self.model.name}' takes inputs of shape {taken}, which are not {expected}.",
            hint or "Give its inputs as a .npy or .npz file, or as arrays.",
        )


@dataclass(frozen=True, eq=False)
class ModelEncoding:
    """How samples become the inputs of a plain model.

    Args:
        representation: Encodes samples.
        drop_channel: Whether the last axis, of length 1, is dropped from what it encodes.
        add_channel: Whether a last axis of length 1 is added.
        channels_first: Whether the last axis becomes the first of a sample before the model takes it.
        notes: What was decided, one line each.
    """

    representation: AnyRepresentation
    drop_channel: bool = False
    add_channel: bool = False
    channels_first: bool = False
    notes: tuple[str, ...] = ()


ReadSeveral = Callable[[Sequence[str], Sequence[str], Progress], "tuple[Inputs, tuple[str, ...]]"]
"""`(paths, names of inputs, progress)` to samples of several files each, and notes."""


@dataclass(frozen=True)
class ModelReader:
    """Brings files of one kind to any Keras model that takes this kind.

    Args:
        kind: Name of the kind.
        samples: What its samples are called, such as `images`.
        recipe: Name of the recipe that reads its files, with and without labels.
        matches: `(model, files, options)`: whether a model takes samples of this kind; None if it cannot.
            Some of the files and the options may tell what shapes alone do not.
        encoding: `(model, samples, options)` to how samples become its inputs. Raises a UsageError that says
            what is missing where they cannot.
        is_labelled: Whether paths name a data set with labels, by its layout.
        options: What a user may set.
        read_options: Names of those that the recipe takes to read files.
        labels_in_files: Whether labels stand between the samples, so that a file cannot be read without them.
        preprocessing: `(model, graph)`: what uint8 pixels become for a model; None where samples are no
            pixels, and `representation.to_inputs` makes the inputs.
        endings: Endings of files that only this kind has, in small letters.
        read_several: Reads the samples of a model of several inputs, one file for each input; None: files
            become one input. The representation of such samples names these inputs in `sizes["inputs"]`.
        load_representation: From the plain values of a representation that is not one of the recipe; None if
            it is one.
        numeric_part: The part of a model behind layers that take no numbers, and the representation that they
            are; None: there is no such layer.
    """

    kind: str
    samples: str
    recipe: str
    matches: Callable[[PlainModel, Sequence[str], ReadingOptions], ModelMatch | None]
    encoding: Callable[[PlainModel, Samples, ReadingOptions], ModelEncoding]
    is_labelled: Callable[[Sequence[str]], bool]
    endings: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    read_options: tuple[str, ...] = ()
    labels_in_files: bool = False
    preprocessing: Callable[[keras.Model, LayerGraph | None], ExpectedPixels] | None = None
    read_several: ReadSeveral | None = None
    load_representation: Callable[[Mapping[str, Any]], AnyRepresentation | None] | None = None
    numeric_part: Callable[[keras.Model], tuple[keras.Model, AnyRepresentation] | None] | None = None


def channels_first(values: Any) -> Any:
    """Samples with their last axis as the first, as arrays or as tensors of the backend."""
    if isinstance(values, np.ndarray):
        return np.ascontiguousarray(np.moveaxis(values, -1, 1))
    import keras

    return keras.ops.moveaxis(values, -1, 1)


def have_endings(paths: Sequence[str], endings: tuple[str, ...]) -> bool:
    """Whether all paths that are given end as files of a kind do."""
    return bool(paths) and all(path.lower().endswith(endings) for path in paths)
