"""How samples become the inputs of a model, for a run and for a plain model alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras

from convscope.kinds.contract.model_reader import ModelEncoding, ModelReader, ReadingOptions
from convscope.kinds.contract.recipe import AnyRecipe, Inputs
from convscope.kinds.contract.representation import AnyRepresentation
from convscope.kinds.contract.value_range import check_range, limits_of
from convscope.kinds.registry import find_recipe, kind_of
from convscope.types import Progress, ValueRange
from convscope.workflows.model_inputs.dataset import Scaled
from convscope.workflows.model_inputs.readers import reader_of

LARGEST_PIXEL = 255


@dataclass(frozen=True, eq=False)
class Encoder:
    """How files are read, and how their samples become model inputs.

    Args:
        recipe: Reads the files.
        reader: Of the recipe's kind; None if that has none.
        encoding: The representation, and what is done besides.
        value_range: What pixels become; None: the representation makes the inputs.
        options: Of the recipe, for reading.
    """

    recipe: AnyRecipe
    reader: ModelReader | None
    encoding: ModelEncoding
    value_range: ValueRange | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def representation(self) -> AnyRepresentation:
        """Encodes samples."""
        return self.encoding.representation

    @property
    def scaled(self) -> Scaled | None:
        """From encoded samples to inputs, where that is a factor and an offset."""
        if self.value_range is not None:
            low, high = limits_of(self.value_range)
            return Scaled((high - low) / LARGEST_PIXEL, low)
        pixels = self.reader is not None and self.reader.pixel_range is not None
        return Scaled(1 / LARGEST_PIXEL) if pixels else None

    @property
    def limits(self) -> tuple[float, float] | None:
        """The values of black and white; None for what is no image."""
        if self.reader is None or self.reader.pixel_range is None:
            return None
        return limits_of(self.value_range or "0..1")

    def read(self, paths: Sequence[str], progress: Progress) -> Inputs:
        """Samples without labels.

        Raises:
            DataError: Nothing readable was found.
        """
        return self.recipe.read_inputs(paths, progress=progress, **self.options)

    def to_json(self) -> dict[str, Any]:
        """Plain values by name, which `saved_encoder` reads."""
        saved: dict[str, Any] = {
            "recipe": self.recipe.name,
            "representation": self.representation.to_json(),
            "value_range": self.value_range,
            "flat": self.encoding.drop_channel,
        }
        if self.encoding.add_channel:
            saved["add_channel"] = True
        if self.options:
            saved["options"] = dict(self.options)
        return saved


def saved_encoder(saved: Mapping[str, Any]) -> Encoder:
    """What `Encoder.to_json` gave.

    Raises:
        RunError: Another version wrote it.
    """
    recipe = find_recipe(saved["recipe"])
    reader = reader_of(kind_of(recipe.spec))
    content = saved["representation"]
    own = reader.load_representation(content) if reader is not None and reader.load_representation else None
    representation = own if own is not None else recipe.representation.from_json(content)
    encoding = ModelEncoding(
        representation, drop_channel=saved["flat"], add_channel=saved.get("add_channel", False)
    )
    return Encoder(recipe, reader, encoding, saved["value_range"], saved.get("options", {}))


def pixel_range(
    model: keras.Model, reader: ModelReader | None, options: ReadingOptions
) -> tuple[ValueRange | None, str]:
    """The range that pixels are brought to for a plain model, and a note where it was chosen for the user.

    Args:
        model: The model.
        reader: Of the samples.
        options: What the user set.

    Raises:
        UsageError: There is no such range.
    """
    if reader is None or reader.pixel_range is None:
        return None, ""
    asked: Any = options.get("value_range", "auto")
    check_range(asked)
    if asked != "auto":
        return asked, ""
    chosen = reader.pixel_range(model)
    reason = "the model rescales its input itself" if chosen == "0..255" else "what it expects is not known"
    return chosen, f"pixels become {chosen}, as {reason}; --value-range changes it"
