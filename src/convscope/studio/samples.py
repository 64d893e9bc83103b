"""The samples of a data set by their ids, as each model takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from convscope.errors import ConvscopeError, UsageError
from convscope.kinds.contract.studio import Labeled
from convscope.run import Run, data_of
from convscope.studio.errors import UnknownIdError
from convscope.types import Progress
from convscope.workflows.load_model import LoadedModel
from convscope.workflows.model_inputs.dataset import Dataset
from convscope.workflows.model_inputs.encoder import Encoder, encoder_of_run
from convscope.workflows.model_inputs.model_inputs import ModelInputs, inputs_of_files, model_inputs
from convscope.workflows.model_inputs.reading import FilesForModel, as_dataset, read_files, read_labelled

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ReadSamples:
    """The samples of a data set as one model takes them.

    Args:
        inputs: The samples.
        dataset: Their labels and splits; None where they have none.
        encoder: How their files become inputs; None where they are arrays.
        labels: What the recipe read of each, such as its boxes; empty where that is a class at most.
    """

    inputs: ModelInputs
    dataset: Dataset | None
    encoder: Encoder | None = None
    labels: tuple[object, ...] = ()

    def labeled(self, row: int) -> Labeled | None:
        """What is known of a sample; None where nothing is, or where the recipe says only its class."""
        label = self.labels[row] if self.labels else None
        samples, encoder = self.inputs.samples, self.encoder
        if label is None or samples is None or encoder is None or self.dataset is None:
            return None
        return Labeled(encoder.representation, samples, row, label, self.dataset.class_names)


def read_samples_for(loaded: LoadedModel, paths: Sequence[str], progress: Progress) -> ReadSamples:
    """Reads a data set for a model, with labels and splits where it has some.

    Args:
        loaded: A model that takes numbers.
        paths: What names the samples; none: the data that a run was trained on.
        progress: Receives how much is done.

    Raises:
        DataError: The data is malformed, or not there.
        RunError: The data of the training is no longer where it was.
        UsageError: The model does not take what the files hold.
    """
    if not paths:
        if loaded.run is None:
            raise UsageError(
                f"{loaded.origin} has no data of its own.", "Give some: convscope studio MODEL DATA"
            )
        return _own_samples(loaded, loaded.run, progress)
    if all(path.endswith((".npy", ".npz")) for path in paths) and loaded.run is None:
        return ReadSamples(model_inputs(loaded, list(paths), {}, progress), None)
    return _read(loaded, read_files(loaded, paths, labels=True, progress=progress), progress)


def _own_samples(loaded: LoadedModel, run: Run, progress: Progress) -> ReadSamples:
    """The data of a training, read as it was then."""
    encoder = encoder_of_run(loaded)
    splits = read_labelled(encoder.recipe, str(data_of(run)), run, progress=progress)
    return _read(loaded, as_dataset(splits, encoder, None, run, ()), progress)


def _read(loaded: LoadedModel, found: FilesForModel, progress: Progress) -> ReadSamples:
    inputs = inputs_of_files(loaded, found, progress)
    dataset = found.dataset if len(found.dataset) == len(inputs) else None
    return ReadSamples(inputs, dataset, found.encoder, () if dataset is None else found.own_labels)


@dataclass(frozen=True)
class SampleRow:
    """A sample in the list.

    Args:
        number: Its place in the data set, which is its id.
        name: Its file, or what its reader calls it.
        split: Its split; None where there are none.
        label: The name of its class; None where it has none.
    """

    number: int
    name: str
    split: str | None
    label: str | None


class SampleList:
    """The samples of a data set, which are those of the first model, and where the other models have them.

    Args:
        read: For each model by its id, the first one first.
    """

    def __init__(self, read: Mapping[str, ReadSamples]) -> None:
        self._read = dict(read)
        self.first = next(iter(self._read.values()))
        names = self.first.inputs.names
        self._numbers: dict[str, Sequence[int] | None] = {}
        for model, samples in self._read.items():
            same = samples.inputs.names == names
            places = {name: row for row, name in enumerate(samples.inputs.names)}
            self._numbers[model] = None if same else [places.get(name, -1) for name in names]

    def __len__(self) -> int:
        return len(self.first.inputs)

    def number(self, sample: str) -> int:
        """The number of a sample by its id.

        Raises:
            UnknownIdError: There is none.
        """
        if not sample.isascii() or not sample.isdigit() or int(sample) >= len(self):
            raise UnknownIdError("sample", sample)
        return int(sample)

    def place(self, model: str, sample: str) -> tuple[ModelInputs, int]:
        """Where a model has a sample.

        Raises:
            UnknownIdError: There is no such sample.
            UsageError: The model's own reading of the data left it out.
        """
        number = self.number(sample)
        numbers = self._numbers[model]
        row = number if numbers is None else numbers[number]
        if row < 0:
            raise UsageError(
                f"{self.first.inputs.names[number]} is no sample of this model.", "Choose another sample."
            )
        return self._read[model].inputs, row

    def read(self, model: str) -> ReadSamples:
        """The samples as a model takes them."""
        return self._read[model]

    def labeled(self, model: str, sample: str) -> Labeled | None:
        """What is known of a sample, as a model's own reading of the data has it; None where nothing is.

        Raises:
            UnknownIdError, UsageError: As `place`.
        """
        _, row = self.place(model, sample)
        return self._read[model].labeled(row)

    def rows_of(self, model: str) -> tuple[ModelInputs, Rows]:
        """The samples of a model, and where among them each sample of the page is, -1 for none."""
        numbers = self._numbers[model]
        return self._read[model].inputs, np.asarray(
            range(len(self)) if numbers is None else numbers, np.int64
        )

    def label(self, sample: str) -> str | None:
        """The class of a sample by its id."""
        return self.rows[self.number(sample)].label

    def row(self, number: int) -> SampleRow:
        """What the list says of a sample."""
        dataset, name = self.first.dataset, self.first.inputs.names[number]
        if dataset is None:
            return SampleRow(number, name, None, None)
        return SampleRow(number, name, dataset.split(number), dataset.label(number))

    @cached_property
    def rows(self) -> list[SampleRow]:
        """All of them."""
        return [self.row(number) for number in range(len(self))]

    @property
    def splits(self) -> list[str]:
        """The splits that have samples."""
        dataset = self.first.dataset
        found = set() if dataset is None else {dataset.split(number) for number in range(len(self))}
        return [name for name in ("train", "validation", "test") if name in found]

    @property
    def class_names(self) -> list[str]:
        """The classes of the labels."""
        return [] if self.first.dataset is None else list(self.first.dataset.class_names)

    @property
    def notes(self) -> list[str]:
        """What was decided when they were read."""
        dataset = self.first.dataset
        return list(dict.fromkeys((*self.first.inputs.notes, *(() if dataset is None else dataset.notes))))


def spread_rows(rows: Rows, most: int) -> Rows:
    """At most so many rows, evenly from all.

    Example:
        >>> spread_rows(np.arange(10), 4).tolist()
        [0, 3, 6, 9]
    """
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]


def reason_of(error: ConvscopeError) -> str:
    """An error in one line, for a note."""
    return f"{error.message} {error.hint}".strip()
