"""How samples become the inputs of a model, for a run and for a plain model alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import keras

from convscope.data.splits import Samples
from convscope.errors import RunError, UsageError
from convscope.kinds.contract.model_reader import ModelEncoding, ModelReader, ReadingOptions
from convscope.kinds.contract.preprocessing import choose_preprocessing, steps_of
from convscope.kinds.contract.recipe import AnyRecipe, Inputs
from convscope.kinds.contract.representation import AnyRepresentation, has_several_inputs
from convscope.kinds.contract.windows import Windows
from convscope.kinds.registry import find_recipe, kind_of
from convscope.option import validated
from convscope.scope.channels.pooled import as_given
from convscope.scope.graph.graph import LayerGraph
from convscope.types import Preprocessing, Progress
from convscope.workflows.load_model import LoadedModel
from convscope.workflows.model_inputs.dataset import Scaled
from convscope.workflows.model_inputs.readers import reader_of

RowOf = Literal["", "sample", "window"]


@dataclass(frozen=True, eq=False)
class Encoder:
    """How files are read, and how their samples become model inputs.

    Args:
        recipe: Reads the files.
        reader: Of the recipe's kind; None if that has none.
        encoding: The representation, and what is done besides.
        preprocess: What pixels become; None: the representation makes the inputs.
        options: Of the recipe, for reading.
        rows: What features have a row of, where a model takes windows of samples: `sample` or `window`; empty
            where it takes samples as they are encoded.
    """

    recipe: AnyRecipe
    reader: ModelReader | None
    encoding: ModelEncoding
    preprocess: Preprocessing | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    rows: RowOf = ""

    @property
    def representation(self) -> AnyRepresentation:
        """Encodes samples."""
        return self.encoding.representation

    @property
    def steps(self) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
        """What encoded samples go through: to floats as one array, and from that to the inputs of a model.

        A representation of several inputs may do the first by `prepare` and the second by `take_apart`; both
        together are its `to_inputs`.
        """
        representation = self.representation
        if not has_several_inputs(representation):
            return representation.to_inputs, as_given
        prepare: Callable[[Any], Any] = getattr(representation, "prepare", as_given)
        return prepare, getattr(representation, "take_apart", representation.to_inputs)

    @property
    def scaled(self) -> Scaled | None:
        """From encoded samples to inputs, where that is a factor and an offset."""
        if self.preprocess is not None:
            return Scaled(steps_of(self.preprocess))
        return Scaled(steps_of("0..1")) if self.makes_pixels else None

    @property
    def makes_pixels(self) -> bool:
        """Whether encoded samples are uint8 pixels of one image each."""
        pixels = self.reader is not None and self.reader.preprocessing is not None
        return pixels and not has_several_inputs(self.representation)

    def cut(self, samples: Samples) -> Windows | None:
        """The windows that cover samples; None where a model takes these as they are encoded."""
        if not self.rows or self.recipe.windows is None:
            return None
        return self.recipe.windows.cut(self.representation, samples, self.rows == "window")

    def read(self, paths: Sequence[str], progress: Progress) -> Inputs:
        """Samples without labels.

        Raises:
            DataError: Nothing readable was found.
        """
        names = self.representation.sizes.get("inputs")
        if names and self.reader is not None and self.reader.read_several is not None:
            return self.reader.read_several(paths, names, progress)[0]
        return self.recipe.read_inputs(paths, progress=progress, **self.options)

    def to_json(self) -> dict[str, Any]:
        """Plain values by name, which `saved_encoder` reads."""
        saved: dict[str, Any] = {
            "recipe": self.recipe.name,
            "representation": self.representation.to_json(),
            "value_range": self.preprocess,
            "flat": self.encoding.drop_channel,
        }
        for name in ("add_channel", "channels_first"):
            if getattr(self.encoding, name):
                saved[name] = True
        if self.rows:
            saved["rows"] = self.rows
        if self.options:
            saved["options"] = dict(self.options)
        return saved


def saved_encoder(saved: Mapping[str, Any]) -> Encoder:
    """What `Encoder.to_json` gave.

    Raises:
        RunError: Another version wrote it.
    """
    recipe = find_recipe(saved["recipe"])
    options = _validated(recipe, saved.get("options", {}))
    reader = reader_of(kind_of(recipe.spec))
    content = saved["representation"]
    if not isinstance(content, Mapping):
        raise RunError("What was saved of how samples become inputs is damaged: expected an object.")
    own = reader.load_representation(content) if reader is not None and reader.load_representation else None
    representation = own if own is not None else recipe.representation.from_json(content)
    encoding = ModelEncoding(
        representation,
        drop_channel=saved["flat"],
        add_channel=saved.get("add_channel", False),
        channels_first=saved.get("channels_first", False),
    )
    rows = saved.get("rows", "")
    return Encoder(recipe, reader, encoding, saved["value_range"], options, rows)


def row_of(recipe: AnyRecipe, windows: bool) -> RowOf:
    """What features have a row of.

    Args:
        recipe: Of the model.
        windows: Whether a row for each window is asked for.

    Raises:
        UsageError: The model takes whole samples.
    """
    if recipe.windows is not None:
        return "window" if windows else "sample"
    if windows:
        raise UsageError(
            f"Models of {recipe.name} take whole samples, not windows of them.",
            "Leave --windows out (windows=False).",
        )
    return ""


def encoder_of_run(loaded: LoadedModel, windows: bool = False) -> Encoder:
    """How the samples of a run become inputs of its model.

    Args:
        loaded: A run.
        windows: Whether there is a row for each window that the model takes.
    """
    recipe, representation = loaded.recipe, loaded.representation
    if recipe is None or representation is None:
        raise TypeError(f"{loaded.name} is not a run")
    reader, rows = reader_of(kind_of(recipe.spec)), row_of(recipe, windows)
    return Encoder(recipe, reader, ModelEncoding(representation), options=loaded.options, rows=rows)


def chosen_preprocessing(
    model: keras.Model,
    reader: ModelReader | None,
    encoding: ModelEncoding,
    options: ReadingOptions,
    graph: LayerGraph | None = None,
) -> tuple[Preprocessing | None, str]:
    """What pixels become for a plain model, and a note on what says so.

    Args:
        model: The model.
        reader: Of the samples.
        encoding: What they become.
        options: What the user set.
        graph: Of the model, where it is traced already.

    Raises:
        UsageError: There is no such preprocessing, or it does not suit the model.
    """
    if reader is None or reader.preprocessing is None or has_several_inputs(encoding.representation):
        return None, ""
    expected = partial(reader.preprocessing, model, graph)
    asked = str(options.get("preprocess", "auto"))
    return choose_preprocessing(asked, expected, encoding.representation.shape[-1] or 1)


def _validated(recipe: AnyRecipe, saved: Mapping[str, Any]) -> dict[str, Any]:
    """Options of reading that were saved, checked as if they had been given."""
    known = {each.name: each for each in (*kind_of(recipe.spec).reader_options, *recipe.spec.options)}
    try:
        return validated(known.values(), saved, recipe.name)
    except UsageError as error:
        raise RunError(f"What was saved of reading the samples is damaged: {error.message}") from error
