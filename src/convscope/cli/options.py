"""What the commands let a user set, in groups; a field that is None was not given."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Group, Parameter

FIT = Group("Training settings", sort_key=1)
SHAPE = Group("Architecture and pictures", sort_key=2)
FILES = Group("Tables and files", sort_key=3)
TEXT = Group("Texts", sort_key=4)
SERIES = Group("Series", sort_key=5)
SOUND = Group("Sound", sort_key=6)

Switch = Annotated[bool | None, Parameter(negative="")]


@Parameter(name="*", group=FIT)
@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """How a model is trained."""

    epochs: int | None = None
    """Passes over the train split."""
    batch_size: int | None = None
    """Samples per step."""
    learning_rate: float | None = None
    """The highest learning rate."""
    seed: int | None = None
    """Every random number follows from it."""
    precision: Literal["auto", "float32", "bfloat16"] | None = None
    """auto takes bfloat16 where the device has it."""
    augmentation: float | None = None
    """Strength of the random changes to train samples; 0 is off."""
    averaging: float | None = None
    """Share of all steps over which weights are averaged; 0 is off."""
    patience: int | None = None
    """Stop after so many epochs without a better one."""
    class_weights: Switch = None
    """Make rare classes count as much as frequent ones."""
    tensorboard: Switch = None
    """Write a TensorBoard log into the run."""


@Parameter(name="*", group=SHAPE)
@dataclass(frozen=True, kw_only=True)
class ShapeOptions:
    """The architecture, and how pictures go in."""

    size: str | None = None
    """Bring pictures to this size, such as 64 or 48x64 (height x width)."""
    flip: bool | None = None
    """Whether a mirrored picture keeps its class."""
    kernel_size: int | None = None
    """Side of the kernels, in pixels or positions."""
    depth: int | None = None
    """Number of convolutions or blocks."""
    pooling: Literal["max", "average"] | None = None
    """How neighbouring positions are reduced."""
    ensemble: int | None = None
    """Networks that learn independently and answer together."""


@Parameter(name="*", group=FILES)
@dataclass(frozen=True, kw_only=True)
class FileOptions:
    """Where things stand in tables and files."""

    encoding: str | None = None
    """Of text files that are not UTF-8, such as latin-1."""
    text_column: str | None = None
    """Name of the column with the texts, or with the transcripts of recordings."""
    label_column: str | None = None
    """Name of the column with the labels."""
    word_column: int | None = None
    """Number of the column with the words to be tagged, from 1."""
    tag_column: Annotated[int | None, Parameter(allow_leading_hyphen=True)] = None
    """Number of the column with their tags; -1, the last, by default."""
    time_column: str | None = None
    """Name of the column that says when a row was measured."""
    id_column: str | None = None
    """Name of the column that says which series a row belongs to."""
    unit_column: str | None = None
    """Name of the column that says which machine a row belongs to."""
    life_column: str | None = None
    """Name of the column with the life that is left."""
    label_pattern: str | None = None
    """A regular expression with a group named label, for labels in names of files."""
    subset: str | None = None
    """Which of several data sets in one folder, such as FD001."""
    source: str | None = None
    """Language to translate from, as files or columns name it."""
    target: str | None = None
    """Language to translate to."""
    test: str | None = None
    """Which of several test sets of a corpus is judged by, such as test_2016_flickr."""


@Parameter(name="*", group=TEXT)
@dataclass(frozen=True, kw_only=True)
class TextOptions:
    """How texts are divided."""

    unit: Literal["words", "subwords", "hashed"] | None = None
    """What a text is divided into."""
    vocabulary: int | None = None
    """The most words or sub-words that are told apart."""
    max_length: int | None = None
    """Where longer texts are cut, in words or sub-words."""
    vectors: Path | None = None
    """A file of pre-trained word vectors: .vec, .txt or .npz."""
    embedding: int | None = None
    """Length of a word's vector."""


@Parameter(name="*", group=SERIES)
@dataclass(frozen=True, kw_only=True)
class SeriesOptions:
    """How series are read, and what is promised of answers about them."""

    rows: Literal["series", "times"] | None = None
    """What a row of a table is."""
    scaling: Literal["auto", "series", "train", "none"] | None = None
    """series: each to mean 0 and deviation 1; train: as the train split was; none; auto finds out."""
    length: int | None = None
    """Length that series are brought to."""
    window: int | None = None
    """Rows that are seen at once."""
    train_share: float | None = None
    """Share at the beginning of a series that anomalies are told from."""
    false_alarms: float | None = None
    """Rows in a thousand normal ones that may reach the threshold of an alarm."""
    hold: int | None = None
    """Rows that an alarm gathers from its first on."""
    conditions: str | None = None
    """Columns of the operating conditions, apart by commas."""
    cap: float | None = None
    """The longest remaining life that is told apart."""
    coverage: float | None = None
    """Share of machines whose remaining life the interval is to hold."""


@Parameter(name="*", group=SOUND)
@dataclass(frozen=True, kw_only=True)
class SoundOptions:
    """How recordings are heard."""

    rate: int | None = None
    """Samples per second that recordings are brought to."""
    seconds: float | None = None
    """Length that recordings are cut or padded to."""
    same_level: bool | None = None
    """Whether recordings are brought to one loudness."""
    words: Path | None = None
    """A file of words, a line each: nothing else is heard in speech."""


def given(*groups: Any) -> dict[str, Any]:
    """The fields of the groups that the user gave, as plain values by name."""
    found = {field.name: getattr(group, field.name) for group in groups for field in fields(group)}
    return {
        name: str(value) if isinstance(value, Path) else value
        for name, value in found.items()
        if value is not None
    }
