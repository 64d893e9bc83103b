"""What is written beside features: of which model, layers, data and settings they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Literal, TypedDict, get_args

from convscope.engine.training.settings import Precision
from convscope.errors import RunError
from convscope.json_values import Within, from_json, to_json
from convscope.types import Pool, Preprocessing

Dtype = Literal["float32", "float16"]
DTYPES: tuple[Dtype, ...] = get_args(Dtype)
SAMPLE_COLUMNS = ("id", "path", "label", "split", "prediction", "confidence")
"""What stands before the layers in each row."""
FORMAT = 1
MOST_VALUES = 2**40
"""Of one sample, in one layer."""

Length = Annotated[int, Within(1, 2**31)]


class SavedModel(TypedDict):
    """What names a model: `given` is None for one in memory; `input_shape` and `classes` of architectures."""

    given: str | None
    code: tuple[str, ...]
    input_shape: tuple[Length | None, ...] | None
    classes: Annotated[int, Within(1, 10**7)] | None
    name: str
    fingerprint: str


class _Reading(TypedDict):
    recipe: str | None
    representation: Mapping[str, Any] | None
    value_range: Preprocessing | None
    flat: bool


class SavedReading(_Reading, total=False):
    """How samples become inputs, as `Encoder.to_json` gives it."""

    add_channel: bool
    channels_first: bool
    options: Mapping[str, Any]
    rows: Literal["sample", "window"]


class SavedData(TypedDict):
    """Which samples: `splits` are those asked for, None for all."""

    paths: tuple[str, ...]
    fingerprint: str
    layout: str
    samples: Annotated[int, Within(1, 2**40)]
    class_names: tuple[str, ...]
    splits: tuple[str, ...] | None


@dataclass(frozen=True)
class LayerColumn:
    """Where the features of a layer are.

    Args:
        layer: Its path, such as `encoder/dense#2`.
        column: Name of the Parquet column or Zarr array.
        shape: Of one sample.
    """

    layer: str
    column: str
    shape: tuple[Length, ...]

    @property
    def width(self) -> int:
        """The number of values of one sample."""
        count = 1
        for length in self.shape:
            count *= length
        return count


@dataclass(frozen=True)
class Manifest:
    """Everything that features follow from, as plain values.

    Args:
        model: `given` (what to open again, None for a model in memory), `name`, `fingerprint`, `code`, and
            `input_shape` and `classes` of an architecture.
        layers: In the model's order.
        pool: How positions were reduced.
        dtype: Of the stored values.
        precision: What was asked for; `engine` says what was used.
        predictions: Whether the model's answer was asked for.
        prediction_names: Names of the model's outputs; None where it answers with no classes.
        reading: How samples become inputs: `recipe`, `representation`, `value_range` and `flat`.
        data: `paths`, `fingerprint`, `layout`, `samples`, `class_names`, `splits` (those asked for, or None).
        part_size: Samples in one part.
        engine: What `EngineReport.to_json` gave.
        versions: Of Python and the packages.
        temperature: By which confidences are calibrated; that of a run's classifier, and 1 without one.
    """

    model: SavedModel
    layers: Annotated[tuple[LayerColumn, ...], Within(1)]
    pool: Pool
    dtype: Dtype
    precision: Precision
    predictions: bool
    prediction_names: tuple[str, ...] | None
    reading: SavedReading
    data: SavedData
    part_size: Annotated[int, Within(1, 2**31)]
    engine: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    temperature: Annotated[float, Within(0.01, 100)] = 1.0

    @property
    def samples(self) -> int:
        """The number of rows."""
        return int(self.data["samples"])

    def to_json(self) -> dict[str, Any]:
        """Plain values by name."""
        return {"format": FORMAT, **to_json(self)}

    @classmethod
    def from_json(cls, content: Any, where: str) -> Manifest:
        """Rebuilds what `to_json` gave.

        Args:
            content: The plain values.
            where: The file that they were read from, for messages.

        Raises:
            RunError: They do not describe features, or another version wrote them.
        """
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            found = content.get("format") if isinstance(content, dict) else None
            raise RunError(
                f"{where} describes features of format {found}, expected {FORMAT}.",
                "It was written by another version of convscope.",
            )
        names = {each.name for each in fields(cls)}
        values = {name: value for name, value in content.items() if name in names}
        read = from_json(cls, values, f"{where} to describe features", "Extract the features again.")
        columns = [*SAMPLE_COLUMNS, *(each.column for each in read.layers)]
        twice = next((name for place, name in enumerate(columns) if name in columns[:place]), None)
        if twice is not None:
            raise RunError(f"{where} is damaged: the column '{twice}' is there twice.")
        large = next((each for each in read.layers if each.width > MOST_VALUES), None)
        if large is not None:
            raise RunError(f"{where} is damaged: '{large.layer}' has {large.width:,} values of each sample.")
        return read

    def differences(self, other: Manifest) -> list[str]:
        """What makes features of `other` another thing than features of this, one line each."""
        pairs = [
            ("the model's weights or layers", self.model["fingerprint"], other.model["fingerprint"]),
            ("layers", _names(self), _names(other)),
            ("pool", self.pool, other.pool),
            ("dtype", self.dtype, other.dtype),
            ("precision", self.precision, other.precision),
            ("predictions", self.predictions, other.predictions),
            ("the representation of samples", self.to_json()["reading"], other.to_json()["reading"]),
            ("the data's contents", self.data["fingerprint"], other.data["fingerprint"]),
            ("splits", self.data["splits"], other.data["splits"]),
            ("temperature", self.temperature, other.temperature),
            ("part size", self.part_size, other.part_size),
        ]
        return [
            name if name.startswith("the ") else f"{name} ({_shown(old)}, now {_shown(new)})"
            for name, old, new in pairs
            if old != new
        ]


def column_names(layers: list[str], *, flat: bool) -> list[str]:
    """A column for each layer: its path, changed only where that could not be told from another name.

    Args:
        layers: Paths, each once.
        flat: Whether names may hold no `/`: an array of a Zarr group cannot lie inside another array.
    """
    names: list[str] = []
    for layer in layers:
        name = layer.replace("/", ".") if flat else layer
        while name in SAMPLE_COLUMNS or name in names:
            name += "_"
        names.append(name)
    return names


def _names(manifest: Manifest) -> list[str]:
    return [each.layer for each in manifest.layers]


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
