"""The samples behind rows of features, read again to be drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from convscope.errors import ConvscopeError
from convscope.features.table import Features
from convscope.types import SPLITS, Axis

if TYPE_CHECKING:
    from convscope.lenses.views.view import Sample


def samples_of(features: Features, ids: Sequence[int]) -> dict[int, Sample]:
    """The samples of some rows, as far as their files are still there and whole.

    Args:
        features: What was extracted.
        ids: Numbers of rows.

    Returns:
        By row number; without those that cannot be read any more.
    """
    paths = features.columns().paths
    wanted = {row: paths[row] for row in ids}
    if _are_texts(features):
        return {
            row: as_text(features, tokens, paths[row]) for row, tokens in _texts(features, wanted).items()
        }
    if features.manifest.reading["recipe"] is None:
        found = _rows_of_arrays(wanted)
    else:
        files = {row: path for row, path in wanted.items() if Path(path).is_file()}
        found = _of_files(features, files)
        if len(files) < len(wanted):
            found |= _of_data(features, {row: path for row, path in wanted.items() if row not in files})
    made = {}
    for row, values in found.items():
        sample = as_sample(features, values, paths[row])
        if sample is not None:
            made[row] = sample
    return made


def as_text(features: Features, tokens: Sequence[str], name: str) -> Sample:
    """A text as it can be drawn.

    Args:
        features: What was extracted.
        tokens: Its words.
        name: What it is called.
    """
    from convscope.kinds.registry import views_of
    from convscope.lenses.views.view import Sample

    return Sample(views_of(_reading(features)[0].spec).of_input(np.zeros(len(tokens)), tuple(tokens)), name)


def as_sample(features: Features, values: npt.NDArray[Any], name: str) -> Sample | None:
    """A sample as it can be drawn; None where nobody can see it.

    Args:
        features: What was extracted; says of which kind samples are.
        values: One compact sample.
        name: What it is called.
    """
    from convscope.kinds.registry import views_of
    from convscope.lenses.views.plain import view_of_array
    from convscope.lenses.views.view import Sample

    if features.manifest.reading["recipe"] is not None:
        recipe, representation = _reading(features)
        rate = getattr(representation, "rate", None)
        axis = None if rate is None else Axis(np.arange(len(values)) / rate, "s")
        return Sample(views_of(recipe.spec).of_input(values, axis), name)
    shape = features.manifest.model.get("input_shape")
    if shape is not None and values.size == np.prod(shape):
        values = values.reshape(shape)
    return Sample(view_of_array(values), name) if 2 <= values.ndim <= 4 and values.size else None


def _are_texts(features: Features) -> bool:
    if features.manifest.reading["recipe"] is None:
        return False
    from convscope.kinds.registry import kind_of

    return kind_of(_reading(features)[0].spec).name == "text"


def _texts(features: Features, wanted: dict[int, str]) -> dict[int, tuple[str, ...]]:
    """The words of texts: the data set is read as it was, or else as texts without labels."""
    recipe, representation = _reading(features)
    rows_of: dict[str, list[int]] = {}
    for row, path in wanted.items():
        rows_of.setdefault(path, []).append(row)
    found: dict[int, tuple[str, ...]] = {}
    for samples in _sources(features, recipe):
        for place in range(len(samples)):
            for row in rows_of.pop(samples.name(place), ()):
                found[row] = representation.tokens(samples.load(place))
        if not rows_of:
            break
    return found


def _sources(features: Features, recipe: Any) -> Iterator[Any]:
    """The samples that features came from, as far as they can be read any more."""
    paths = [str(path) for path in features.manifest.data["paths"]]
    if Path(paths[0]).exists():
        try:
            splits = recipe.read(Path(paths[0]), seed=0)
            yield from (splits[name].samples for name in SPLITS)
        except ConvscopeError:  # it has no labels, or has changed or gone; the numbers do not need it
            pass
    try:
        yield recipe.read_inputs(paths)
    except ConvscopeError:  # as above
        return


def _rows_of_arrays(wanted: dict[int, str]) -> dict[int, npt.NDArray[Any]]:
    found = {}
    opened: dict[str, Any] = {}
    for row, path in wanted.items():
        file, _, number = path.rpartition("#")
        if not Path(file).is_file():
            continue
        if file not in opened:
            loaded = np.load(file, mmap_mode=None if file.endswith(".npz") else "r", allow_pickle=False)
            opened[file] = loaded[loaded.files[0]] if file.endswith(".npz") else loaded
        if int(number) < len(opened[file]):
            found[row] = np.array(opened[file][int(number)])
    return found


def _of_files(features: Features, wanted: dict[int, str]) -> dict[int, npt.NDArray[Any]]:
    if not wanted:
        return {}
    recipe, representation = _reading(features)
    try:
        inputs = recipe.read_inputs(list(dict.fromkeys(wanted.values())))
    except ConvscopeError:  # every one of them is damaged by now
        return {}
    place_of = {inputs.name(place): place for place in range(len(inputs))}
    pixels = representation.arrays(inputs, limit_bytes=0)
    rows = [row for row, path in wanted.items() if path in place_of]
    taken = pixels.take(np.array([place_of[wanted[row]] for row in rows], np.int64))
    return dict(zip(rows, taken, strict=True))


def _of_data(features: Features, wanted: dict[int, str]) -> dict[int, npt.NDArray[Any]]:
    """Samples that are rows of a table: the data set is read as it was."""
    recipe, representation = _reading(features)
    data = Path(features.manifest.data["paths"][0])
    if not data.exists():
        return {}
    try:
        splits = recipe.read(data, seed=0)
    except ConvscopeError:  # it has changed or gone; the numbers do not need it
        return {}
    rows_of: dict[str, list[int]] = {}
    for row, path in wanted.items():
        rows_of.setdefault(path, []).append(row)
    found = {}
    for split in (splits.train, splits.validation, splits.test):
        places = [(place, name) for place, name in enumerate(split.names()) if name in rows_of]
        if places:
            pixels = representation.arrays(split.samples, limit_bytes=0)
            taken = pixels.take(np.array([place for place, _ in places], np.int64))
            for (_, name), values in zip(places, taken, strict=True):
                found.update(dict.fromkeys(rows_of[name], values))
    return found


def _reading(features: Features) -> tuple[Any, Any]:
    from convscope.kinds.registry import find_recipe

    recipe = find_recipe(features.manifest.reading["recipe"])
    return recipe, recipe.representation.from_json(features.manifest.reading["representation"])
