"""Inputs of one's own: what a model takes of them, and what the page shows."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import cast

import keras
import numpy as np
import numpy.typing as npt

from convscope.data.encoded import HeldArrays
from convscope.errors import UsageError
from convscope.kinds.contract.model_reader import channels_first
from convscope.kinds.contract.recipe import Fitted
from convscope.kinds.contract.representation import AnyRepresentation, Encoded
from convscope.kinds.contract.studio import Facts, Media
from convscope.studio.decoder import Decoded
from convscope.studio.models import StudioModel
from convscope.types import Array, ArrayTree, no_progress
from convscope.workflows.model_inputs.dataset import Scaled
from convscope.workflows.model_inputs.encoder import Encoder
from convscope.workflows.model_inputs.model_inputs import ModelInputs

MOST_OWN = 64
MOST_BYTES = 256 * 2**20
"""Inputs of one's own that are kept, and what they may take."""
MOST_VALUES = 2**24
"""Of an array that is sent."""
_STRANGE = re.compile(r"[^\w .,()+-]")


@dataclass(frozen=True, eq=False)
class OwnInput:
    """An input of one's own for one model.

    Args:
        inputs: It as the only sample.
        facts: What the page is told; None where it follows from the values.
        original: As people know it.
        thumbnail: Drawn small.
        bytes: What it takes.
    """

    inputs: ModelInputs
    facts: Facts | None = None
    original: Media | None = None
    thumbnail: Media | None = None
    bytes: int = 0


@dataclass(eq=False)
class OwnSamples:
    """Inputs of one's own by id, the last ones."""

    _found: OrderedDict[str, Mapping[str, OwnInput]] = field(default_factory=OrderedDict)
    _count: int = 0

    def __contains__(self, sample: str) -> bool:
        return sample in self._found

    def __len__(self) -> int:
        return len(self._found)

    def add(self, inputs: Mapping[str, OwnInput]) -> str:
        """Keeps an input, for each model that takes it; returns its id."""
        self._count += 1
        sample = f"u{self._count}"
        self._found[sample] = inputs
        while len(self._found) > 1 and (len(self._found) > MOST_OWN or self.bytes > MOST_BYTES):
            self._found.popitem(last=False)
        return sample

    def find(self, model: StudioModel, sample: str) -> OwnInput:
        """The input for a model.

        Raises:
            UsageError: The model does not take it.
        """
        found = self._found[sample].get(model.base)
        if found is None:
            raise UsageError(f"{model.loaded.name} does not take this input.", "Choose another sample.")
        return found

    @property
    def bytes(self) -> int:
        """What all of them take."""
        return sum(each.bytes for models in self._found.values() for each in models.values())


@dataclass(frozen=True, eq=False)
class HeldRepresentation:
    """A representation whose samples are encoded already; all else is asked of the one that it stands for.

    Args:
        own: The representation.
        x: The samples as the model takes them.
    """

    own: AnyRepresentation
    x: ArrayTree

    def __getattr__(self, name: str) -> object:
        return getattr(self.own, name)

    def encode(self, samples: object, *args: object, **options: object) -> Encoded:
        """The samples as the model takes them."""
        if isinstance(self.x, np.ndarray):
            return HeldArrays(self.x)
        return _HeldTree(self.x)

    @staticmethod
    def to_inputs(values: ArrayTree) -> ArrayTree:
        """They are inputs already."""
        return values


@dataclass(frozen=True, eq=False)
class _HeldTree:
    x: ArrayTree

    def __len__(self) -> int:
        return len(keras.tree.flatten(self.x)[0])

    def take(self, indices: npt.NDArray[np.int64]) -> ArrayTree:
        found: ArrayTree = keras.tree.map_structure(lambda array: array[indices], self.x)
        return found


@dataclass(frozen=True)
class _OneName:
    """The only sample, by its name."""

    called: str

    def __len__(self) -> int:
        return 1

    def name(self, index: int) -> str:
        return self.called

    def load(self, index: int) -> None:
        return None

    def take(self, indices: npt.NDArray[np.int64]) -> _OneName:
        return self


def shown_name(given: str, otherwise: str) -> str:
    r"""A name as the page shows it: the last part of a path, without what is no letter.

    Example:
        >>> shown_name("C:\\pictures\\a cat.png", "input"), shown_name("<b>", "input")
        ('a cat.png', 'b')
    """
    last = re.split(r"[\\/]", given)[-1]
    return _STRANGE.sub("", last).strip()[:100] or otherwise


def decoded_input(model: StudioModel, encoder: Encoder, found: Decoded, name: str) -> OwnInput:
    """A decoded file for a model.

    Args:
        model: The model.
        encoder: How its samples become inputs.
        found: What the decoder gave.
        name: Of the file.
    """
    prepare, take_apart = encoder.steps
    prepare = prepare if encoder.preprocess is None else cast(Scaled, encoder.scaled)
    unpack = channels_first if encoder.encoding.channels_first else take_apart
    several = isinstance(found.compact, Mapping)
    x = found.compact if several else unpack(prepare(found.compact))
    pixels = np.asarray(found.compact)[0] if encoder.preprocess is not None else None
    inputs = alone(model, x, name, pixels)
    size = sum(each.nbytes for each in keras.tree.flatten(x))
    size += sum(len(media.content) for media in (found.original, found.thumbnail) if media is not None)
    return OwnInput(inputs, found.facts, found.original, found.thumbnail, size)


def array_input(model: StudioModel, encoder: Encoder | None, values: Array, name: str) -> OwnInput:
    """An array that was drawn, in the values and the shape in which inputs of a model are shown.

    Args:
        model: The model.
        encoder: How its samples become inputs; None where that is not known.
        values: Without a batch axis.
        name: What to call it.

    Raises:
        UsageError: The model does not take such an array.
    """
    if values.dtype.kind not in "fiub" or values.size > MOST_VALUES or not values.size:
        raise UsageError(f"An input is an array of numbers, received {values.dtype} {values.shape}.")
    if not np.isfinite(values).all():
        raise UsageError("An input has finite values alone.", "Replace NaN and infinity.")
    if len(model.graph.inputs) != 1:
        raise UsageError(f"{model.loaded.name} takes {len(model.graph.inputs)} inputs.", "Give a file.")
    batch = np.asarray(values)[None]
    if encoder is not None and encoder.preprocess is not None:
        bytes_of = np.rint(np.clip(batch, 0, 255)).astype(np.uint8)
        unpack = channels_first if encoder.encoding.channels_first else encoder.steps[1]
        compact = bytes_of[..., 0] if encoder.encoding.drop_channel else bytes_of
        x = unpack(cast(Scaled, encoder.scaled)(compact))
        return OwnInput(alone(model, x, name, np.asarray(values, np.float32)), bytes=x.nbytes)
    wanted = model.graph.inputs[0]
    x = batch.astype(np.float32) if "float" in wanted.dtype else batch.astype(wanted.dtype)
    if x.ndim == len(wanted.shape) + 1 and x.shape[-1] == 1:
        x = x[..., 0]
    return OwnInput(alone(model, x, name), bytes=x.nbytes)


def alone_as(model: StudioModel, inputs: ModelInputs) -> ModelInputs:
    """The only sample of a model, predicted by the same model with other weights.

    Args:
        model: With other weights.
        inputs: The sample.
    """
    pixels = None if inputs.pixels is None else inputs.pixels(0)
    return alone(model, inputs.take(np.zeros(1, np.int64)), inputs.names[0], pixels)


def alone(model: StudioModel, x: ArrayTree, name: str, pixels: Array | None = None) -> ModelInputs:
    """Model inputs with one sample alone, predicted as the run of the model predicts, in places of the input.

    Args:
        model: The model.
        x: The sample as it takes it, with a batch axis of 1.
        name: What to call it.
        pixels: As it is drawn, where that is not as the model takes it.
    """

    def take(rows: npt.NDArray[np.int64]) -> ArrayTree:
        return x

    loaded = model.loaded
    inputs = ModelInputs((name,), take)
    if pixels is not None:
        inputs = replace(inputs, pixels=lambda number: pixels)
    if loaded.recipe is None or loaded.representation is None or loaded.run is None:
        return inputs
    recipe, element = loaded.recipe, model.element
    own = loaded.representation if element is None else element.in_input(loaded.representation)
    fitted = Fitted(
        loaded.model,
        cast(AnyRepresentation, HeldRepresentation(own, x)),
        loaded.class_names or (),
        loaded.options,
        recipe.test_time_views(**loaded.options),
        calibration=loaded.calibration,
    )
    sample = _OneName(name)
    return replace(inputs, predict=lambda rows: recipe.predict(fitted, sample, no_progress), samples=sample)
