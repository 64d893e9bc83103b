"""What is written beside features: of which model, layers, data and settings they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, get_args

from convscope.errors import RunError

if TYPE_CHECKING:
    from convscope.engine.training.settings import Precision
    from convscope.scope.channels.pooled import Pool

Dtype = Literal["float32", "float16"]
DTYPES: tuple[Dtype, ...] = get_args(Dtype)
SAMPLE_COLUMNS = ("id", "path", "label", "split", "prediction", "confidence")
"""What stands before the layers in each row."""
FORMAT = 1


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
    shape: tuple[int, ...]

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
    """

    model: Mapping[str, Any]
    layers: tuple[LayerColumn, ...]
    pool: Pool
    dtype: Dtype
    precision: Precision
    predictions: bool
    prediction_names: tuple[str, ...] | None
    reading: Mapping[str, Any]
    data: Mapping[str, Any]
    part_size: int
    engine: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def samples(self) -> int:
        """The number of rows."""
        return int(self.data["samples"])

    def to_json(self) -> dict[str, Any]:
        """Plain values by name."""
        content = {"format": FORMAT, **asdict(self)}
        content["layers"] = [{**asdict(each), "shape": list(each.shape)} for each in self.layers]
        content["prediction_names"] = None if self.prediction_names is None else list(self.prediction_names)
        return content

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
        names = [each.name for each in fields(cls)]
        missing = [name for name in names if name not in content]
        if missing:
            raise RunError(f"{where} is damaged: it has no '{missing[0]}'.")
        values = {name: content[name] for name in names}
        try:
            values["layers"] = tuple(
                LayerColumn(each["layer"], each["column"], tuple(each["shape"])) for each in values["layers"]
            )
        except (KeyError, TypeError) as error:
            raise RunError(f"{where} is damaged: its layers cannot be read ({error!r}).") from error
        if values["prediction_names"] is not None:
            values["prediction_names"] = tuple(values["prediction_names"])
        return cls(**values)

    def differences(self, other: Manifest) -> list[str]:
        """What makes features of `other` another thing than features of this, one line each."""
        pairs = [
            ("the model's weights or layers", self.model["fingerprint"], other.model["fingerprint"]),
            ("layers", _names(self), _names(other)),
            ("pool", self.pool, other.pool),
            ("dtype", self.dtype, other.dtype),
            ("precision", self.precision, other.precision),
            ("predictions", self.predictions, other.predictions),
            ("the representation of samples", dict(self.reading), dict(other.reading)),
            ("the data's contents", self.data["fingerprint"], other.data["fingerprint"]),
            ("splits", self.data["splits"], other.data["splits"]),
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
