"""Which kind of data a model takes, and how its files are read."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from convscope.errors import UsageError
from convscope.kinds.contract.kind import Kind
from convscope.kinds.contract.model_reader import ModelReader, PlainModel, ReadingOptions, have_endings
from convscope.kinds.contract.recipe import AnyRecipe
from convscope.kinds.registry import choose_recipe, find_recipe, kinds, recipe_specs
from convscope.option import by_first_name, validated
from convscope.workflows.load_model import LoadedModel

_FILES_SEEN = 20


def model_readers() -> list[ModelReader]:
    """Those of all kinds that have one."""
    return [reader for kind in kinds() if (reader := reader_of(kind)) is not None]


def reader_of(kind: Kind) -> ModelReader | None:
    """That of a kind; None if it has none."""
    return None if kind.model_reader is None else kind.model_reader.load()


def divide_options(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Parts options by name: those that a reader takes, and all others."""
    known = [option for reader in model_readers() for option in reader.options]
    # What was given by another name goes before the default that an argument has.
    options = by_first_name(known, options)
    names = {option.name for option in known}
    mine = {name: value for name, value in options.items() if name in names}
    return mine, {name: value for name, value in options.items() if name not in names}


def checked_options(options: ReadingOptions, reader: ModelReader | None = None) -> ReadingOptions:
    """Options as code takes them, without those that have their default.

    Args:
        options: By name.
        reader: Whose they must be; None: of any reader.

    Raises:
        UsageError: A value that cannot work, or an option that the reader does not have.
    """
    readers = model_readers() if reader is None else [reader]
    known = {option.name: option for each in readers for option in each.options}
    every = {option.name: option for each in model_readers() for option in each.options}
    options = by_first_name(every.values(), options)
    given = {
        name: value
        for name, value in options.items()
        if value is not None and not (name in known and value == known[name].default)
    }
    owner = "Reading files" if reader is None else f"A model of {reader.samples}"
    others = {name: value for name, value in given.items() if name in every and name not in known}
    if others:
        name = next(iter(others))
        raise UsageError(f"{owner} does not support {every[name].flag}.", "Leave it out.")
    return validated(known.values(), given, owner)


def reader_for(model: PlainModel, paths: Sequence[str], options: ReadingOptions) -> tuple[ModelReader, str]:
    """The reader of the kind that a plain model takes, and why.

    Args:
        model: The model.
        paths: What is to be read.
        options: What the user set.

    Raises:
        UsageError: No kind of data has such inputs, or the files are of another kind.
    """
    files = list(islice(_files(paths), _FILES_SEEN))
    readers = model_readers()
    told = [reader for reader in readers if have_endings(files, reader.endings)]
    found = [
        (match.confidence, reader, match.reason)
        for reader in told or readers
        if (match := reader.matches(model, files, options)) is not None
    ]
    if not found:
        raise model.mismatch(" or ".join(reader.samples for reader in told or readers))
    _, reader, reason = max(found, key=lambda each: each[0])
    return reader, f"inputs: {reader.samples}, because {reason}"


def recipe_for(architecture: str, paths: Sequence[str]) -> AnyRecipe:
    """The recipe that reads files for an architecture: the one that has it, else one that knows the files.

    Args:
        architecture: Its name.
        paths: What is to be read.
    """
    for spec in recipe_specs().values():
        if architecture in spec.architectures:
            return find_recipe(spec.name)
    files = list(islice(_files(paths), _FILES_SEEN))
    told = [reader for reader in model_readers() if have_endings(files, reader.endings)]
    return find_recipe(told[0].recipe) if told else choose_recipe(Path(paths[0]))[0]


def numeric_model(loaded: LoadedModel) -> LoadedModel:
    """A model of which layers in front that take no numbers are left out; they become its representation."""
    if loaded.run is not None or loaded.architecture is not None:
        return loaded
    for reader in model_readers():
        part = None if reader.numeric_part is None else reader.numeric_part(loaded.model)
        if part is not None:
            return replace(loaded, model=part[0], representation=part[1])
    return loaded


def _files(paths: Sequence[str]) -> Iterator[str]:
    """The files that are named, and those of folders at any depth."""
    for path in paths:
        if Path(path).is_dir():
            for folder, _, names in os.walk(path):
                yield from (str(Path(folder, name)) for name in sorted(names) if not name.startswith("."))
        else:
            yield path
