"""The one way from paths to samples for a model: labelled data sets, and files without labels.

| PATH | what it is taken for |
|---|---|
| a folder of folders, a table, `.npz`, IDX | a labelled data set, as `convscope train` reads it |
| files, a folder of nothing but files, patterns, several paths, texts | samples without labels |

Samples are decoded when they are asked for, so that memory does not grow with their number save for names and
labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from convscope.data.splits import Samples, Split, Splits
from convscope.errors import DataError, UsageError
from convscope.kinds.contract.model_reader import (
    ModelReader,
    PlainModel,
    ReadingOptions,
    channels_first,
)
from convscope.kinds.contract.recipe import AnyRecipe, Inputs
from convscope.kinds.contract.representation import has_several_inputs, positions_of
from convscope.kinds.registry import find_recipe, kind_of
from convscope.run import Run
from convscope.scope.graph.graph import trace
from convscope.scope.graph.model_inputs import knows_its_inputs
from convscope.types import SPLITS, Progress, SplitName, no_progress
from convscope.workflows.load_model import LoadedModel, with_shape
from convscope.workflows.model_inputs.dataset import UNKNOWN, Dataset, Scaled
from convscope.workflows.model_inputs.encoded_inputs import EncodedInputs, file_fingerprint
from convscope.workflows.model_inputs.encoder import Encoder, chosen_preprocessing, encoder_of_run
from convscope.workflows.model_inputs.readers import checked_options, reader_for, reader_of, recipe_for
from convscope.workflows.model_inputs.windows import windows_of
from convscope.workflows.recorded_splits import recorded_rows


@dataclass(frozen=True, eq=False)
class FilesForModel:
    """Samples that were read for a model.

    Args:
        samples: Raw: those of each split in order, or all of a set without splits.
        encoder: How they become inputs.
        dataset: They as inputs.
        own_labels: What the recipe read of each sample, such as boxes; empty where that is a class at most.
    """

    samples: tuple[Samples, ...]
    encoder: Encoder
    dataset: Dataset
    own_labels: tuple[object, ...] = ()


def read_files(
    loaded: LoadedModel,
    paths: Sequence[str],
    *,
    recipe: str | None = None,
    options: ReadingOptions | None = None,
    splits: Sequence[str] | None = None,
    labels: bool = True,
    windows: bool = False,
    progress: Progress = no_progress,
) -> FilesForModel:
    """Reads samples for a model.

    Args:
        loaded: A run, or a plain model without layers in front that take no numbers.
        paths: What names the samples.
        recipe: Reads the files, for what is not a run; by default that of the kind that the model takes.
        options: Those of the model's reader, for what is not a run.
        splits: Names of the splits wanted, of a labelled data set; None takes all.
        labels: Whether labels are read; else only where files cannot be read without them.
        windows: Whether the data set has a row for each window that the model takes.
        progress: Receives how much is done.

    Raises:
        UsageError: The model takes something else than these samples, or an option that cannot work.
        DataError: The data is malformed.
    """
    if loaded.run is not None:
        return _for_run(loaded, paths, options or {}, splits, labels, windows, progress)
    options = checked_options(options or {})
    shape_note = _build_for(loaded, paths, recipe, progress)
    plain = PlainModel(loaded.model, trace(loaded.model), loaded.representation)
    reader, why = (
        reader_for(plain, paths, options) if recipe is None else (_reader_of(find_recipe(recipe)), "")
    )
    chosen = find_recipe(reader.recipe if recipe is None else recipe)
    options = checked_options(options, reader)
    read_options = {name: options[name] for name in reader.read_options if name in options}
    found: Splits | Inputs
    more: Sequence[str]
    if len(plain.graph.inputs) > 1 and reader.read_several is not None:
        found, more = reader.read_several(paths, plain.graph.input_names, progress)
    else:
        found, *more = read_samples(chosen, reader, paths, None, read_options, labels, progress)
    first = found.train.samples if isinstance(found, Splits) else found
    encoding = reader.encoding(plain, first, options)
    preprocess, note = chosen_preprocessing(loaded.model, reader, encoding, options, plain.graph)
    encoder = Encoder(chosen, reader, encoding, preprocess, read_options)
    notes = tuple(line for line in (why, *more, shape_note, note, *encoding.notes) if line)
    return as_dataset(found, encoder, splits, None, notes, labels)


def _build_for(loaded: LoadedModel, paths: Sequence[str], recipe: str | None, progress: Progress) -> str:
    """Builds a model that was never built for the shape of the samples; a note on it, else empty."""
    if knows_its_inputs(loaded.model):
        return ""
    chosen = recipe_for("", paths) if recipe is None else find_recipe(recipe)
    found, _ = read_samples(chosen, reader_of(kind_of(chosen.spec)), paths, None, {}, False, progress)
    split = found.train if isinstance(found, Splits) else as_split(found)
    representation, _ = chosen.representation.fit(split)
    with_shape(loaded, representation.shape)
    size = "x".join("any" if length is None else str(length) for length in representation.shape)
    return f"the model is built for inputs of {size}, as the data is; --input-shape changes it"


def _for_run(
    loaded: LoadedModel,
    paths: Sequence[str],
    options: ReadingOptions,
    splits: Sequence[str] | None,
    labels: bool,
    windows: bool,
    progress: Progress,
) -> FilesForModel:
    """Samples as the run reads and encodes them."""
    recipe = loaded.recipe
    if recipe is None:
        raise TypeError(f"{loaded.name} is not a run")
    if checked_options(options):
        raise UsageError(
            "A run reads its inputs as in training.", "Leave options such as --preprocess and --rate out."
        )
    encoder = encoder_of_run(loaded, windows)
    found, doubt = read_samples(recipe, encoder.reader, paths, loaded.run, loaded.options, labels, progress)
    return as_dataset(found, encoder, splits, loaded.run, (doubt,) if doubt else (), labels)


def _reader_of(recipe: AnyRecipe) -> ModelReader:
    reader = reader_of(kind_of(recipe.spec))
    if reader is None:
        raise UsageError(
            f"{recipe.name} cannot read files for a model that is not a run.",
            "Give its inputs as a .npy or .npz file, or a run of this recipe.",
        )
    return reader


def as_dataset(
    found: Splits | Inputs,
    encoder: Encoder,
    splits: Sequence[str] | None,
    run: Run | None,
    notes: tuple[str, ...],
    labels: bool = True,
) -> FilesForModel:
    """Samples that were read, as inputs.

    Args:
        found: A labelled data set, or samples without labels.
        encoder: How they become inputs.
        splits: Names of the splits wanted, of a labelled data set; None takes all.
        run: Whose splits they keep.
        notes: What was decided before.
        labels: Whether labels were asked for; else they are not mentioned.

    Raises:
        UsageError: Splits of samples that have none, or one without samples.
    """
    samples: tuple[Samples, ...]
    own_labels: tuple[object, ...] = ()
    if isinstance(found, Splits):
        samples, dataset, own_labels = labelled_dataset(found, encoder, splits, run)
        dataset = dataset if labels else replace(dataset, notes=())
    else:
        if splits:
            raise UsageError("The data has no splits.", "Leave --split out, or give a data set with labels.")
        samples, dataset = (found,), unlabelled_dataset(found, encoder)
    return FilesForModel(samples, encoder, replace(dataset, notes=(*notes, *dataset.notes)), own_labels)


def read_samples(
    recipe: AnyRecipe,
    reader: ModelReader | None,
    paths: Sequence[str],
    run: Run | None,
    options: Mapping[str, object],
    labels: bool,
    progress: Progress,
) -> tuple[Splits | Inputs, str]:
    """Reads a labelled data set, or samples without labels; and a note where labels could not be read.

    Args:
        recipe: Reads them.
        reader: Of the recipe's kind.
        paths: What names them.
        run: Whose seed draws the splits that the data does not have.
        options: Of the recipe, for reading.
        labels: Whether labels are read; else only where files cannot be read without them.
        progress: Receives how much is done.

    Raises:
        DataError: The data is malformed.
    """
    is_labelled = _is_one if reader is None else reader.is_labelled
    if (labels or (reader is not None and reader.labels_in_files)) and is_labelled(paths):
        try:
            return read_labelled(recipe, paths[0], run, options, progress), ""
        except DataError as error:
            if reader is not None and Path(paths[0]).is_dir() and labels:
                raise
            try:  # a file of samples that have no labels
                found = recipe.read_inputs(paths, progress=progress, **options)
            except DataError:
                raise error from None
            return found, f"Warning: {paths[0]} is read without labels: {error.message}"
    return recipe.read_inputs(paths, progress=progress, **options), ""


def _is_one(paths: Sequence[str]) -> bool:
    """Whether a file or folder stands alone, which may then hold labels in any form of its recipe."""
    return len(paths) == 1 and Path(paths[0]).exists()


def read_labelled(
    recipe: AnyRecipe,
    path: str,
    run: Run | None = None,
    options: Mapping[str, object] | None = None,
    progress: Progress = no_progress,
) -> Splits:
    """Reads a labelled data set; the seed of a run draws the splits that the data does not have.

    Raises:
        DataError: The data is malformed.
    """
    seed = 0
    if run is not None:
        record = run.record()
        seed, options = record["settings"]["seed"], recipe.divide(record["options"])[0]
    try:
        return recipe.read(Path(path), seed=seed, progress=progress, **(options or {}))
    except DataError as error:
        if not Path(path).is_dir():
            raise
        hint = f"To read files without labels, give a pattern such as '{Path(path) / '**' / '*'}'."
        raise DataError(error.message, f"{error.hint} {hint}".strip()) from error


def labelled_dataset(
    splits: Splits, encoder: Encoder, chosen: Sequence[str] | None = None, run: Run | None = None
) -> tuple[tuple[Samples, ...], Dataset, tuple[object, ...]]:
    """Samples of a labelled data set: all of them, or train, validation and test as they are asked for.

    Args:
        splits: What was read.
        encoder: How samples become inputs.
        chosen: Names of splits; None takes all.
        run: Whose samples keep the split of the training, where the data is another now.

    Returns:
        Raw samples of each split, all of them as inputs, and the label of each as the recipe reads it.

    Raises:
        UsageError: An unknown split, or one without samples.
    """
    wanted = _codes_of(chosen)
    known, notes = _splits_of(run, splits)
    samples, labels, codes, masks = [], [], [], []
    for code, name in enumerate(SPLITS):
        split = splits[name]
        if code and splits.test is splits.train:
            continue  # nothing is split
        own = np.full(len(split), code, np.int8)
        if known:
            own = np.array([known.get(each, code) for each in split.names()], np.int8)
        rows = np.flatnonzero(np.isin(own, wanted)).astype(np.int64)
        if len(rows):
            samples.append(split.samples if len(rows) == len(split) else split.samples.take(rows))
            masks.append(split.labels[rows].tolist())
            whole = np.issubdtype(split.labels.dtype, np.integer)
            labels.append(split.labels[rows] if whole else np.full(len(rows), UNKNOWN, np.int64))
            codes.append(own[rows])
    others = 0 if splits.others is None or chosen else len(splits.others)
    if splits.others is not None and others:
        samples.append(splits.others)
        labels.append(np.full(others, UNKNOWN, np.int64))
        codes.append(np.full(others, UNKNOWN, np.int8))
    if not samples:
        names = ", ".join(SPLITS[code] for code in wanted)
        raise UsageError(f"The data has no sample in {names}.", "Choose another split.")
    known_labels = np.concatenate(labels).astype(np.int64)
    same: dict[str, Any] = {"fingerprint": splits.fingerprint, "layout": splits.layout, "own_labels": masks}
    called, together = splits.class_names, np.concatenate(codes)
    dataset = _dataset(
        tuple(samples), encoder, labels=known_labels, class_names=called, splits=together, **same
    )
    notes = (*notes, *(f"Warning: {line}" for line in splits.warnings))
    plain = all(np.issubdtype(splits[name].labels.dtype, np.integer) for name in SPLITS)
    own_labels = () if plain else (*(label for some in masks for label in some), *[None] * others)
    return tuple(samples), replace(dataset, notes=notes, skipped=splits.skipped), own_labels


def unlabelled_dataset(found: Inputs, encoder: Encoder) -> Dataset:
    """Samples of files without labels.

    Args:
        found: The files.
        encoder: How samples become inputs.
    """
    count = len(found)
    dataset = _dataset(
        (found,),
        encoder,
        labels=np.full(count, UNKNOWN, np.int64),
        class_names=(),
        splits=np.full(count, UNKNOWN, np.int8),
        fingerprint=file_fingerprint(found),
        layout=f"{count} samples without labels",
    )
    return replace(dataset, notes=tuple(getattr(found, "warnings", ())), skipped=tuple(found.skipped))


def _dataset(
    samples: tuple[Samples, ...],
    encoder: Encoder,
    *,
    labels: npt.NDArray[np.int64],
    class_names: tuple[str, ...],
    splits: npt.NDArray[np.int8],
    fingerprint: str,
    layout: str,
    own_labels: Sequence[Sequence[Any]] = (),
) -> Dataset:
    firsts = None
    if (cut := windows_of(samples, encoder)) is not None:
        samples, firsts, belongs = cut.windows, cut.firsts, cut.belongs
        if encoder.rows == "window":
            labels, splits, firsts = cut.labels(labels, own_labels, class_names), splits[belongs], None
    encoding, representation, scaled = encoder.encoding, encoder.representation, encoder.scaled
    several = has_several_inputs(representation)
    prepare, unpack = encoder.steps
    inputs = EncodedInputs(samples, representation, encoding.drop_channel, encoding.add_channel)
    return Dataset(
        inputs,
        labels,
        class_names,
        splits,
        prepare if encoder.preprocess is None else cast(Scaled, scaled),
        None if scaled is None else scaled.scaling,
        fingerprint,
        layout,
        padded=None in representation.shape,
        unpack=channels_first if encoding.channels_first else unpack,
        at_once=inputs.at_once if several else None,
        positions=positions_of(representation),
        firsts=firsts,
    )


def as_split(found: Inputs) -> Split:
    """Samples without labels as a split, for what is fitted to one."""
    return Split(found, np.full(len(found), UNKNOWN, np.int64))


def _codes_of(chosen: Sequence[str] | None) -> list[int]:
    names: Sequence[SplitName] = SPLITS
    unknown = [name for name in chosen or () if name not in SPLITS]
    if unknown:
        raise UsageError(f"No split is named '{unknown[0]}'.", f"There are {', '.join(SPLITS)}.")
    return [code for code, name in enumerate(names) if not chosen or name in chosen]


def _splits_of(run: Run | None, splits: Splits) -> tuple[Mapping[str, int], tuple[str, ...]]:
    """Which samples a run has in which split, where reading the data anew does not give the same."""
    if run is None:
        return {}, splits.decisions
    if run.record()["data"]["fingerprint"] == splits.fingerprint:
        return {}, (f"splits are those that {run.folder} was trained with",)
    codes: dict[str, int] = {name: code for code, name in enumerate(SPLITS)}
    known = {row["name"]: codes[row["split"]] for row in recorded_rows(run)}
    warning = f"Warning: this is not the data that {run.folder} was trained on"
    return known, (f"{warning}; files of the same name keep their split", *splits.decisions)
