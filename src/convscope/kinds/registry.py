"""The one list of kinds, and what is found by name or by looking at a path."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, partial
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec as find_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convscope.errors import BackendError, DataError, UsageError, install_command, unknown_name
from convscope.kinds.contract.kind import Architecture, Detection, Kind, RecipeSpec
from convscope.lazy import Lazy

if TYPE_CHECKING:
    import keras

    from convscope.data.snapshot import DataSnapshot
    from convscope.kinds.contract.recipe import AnyRecipe, ModelFactory
    from convscope.lenses.views.view import ViewFactory

BUILT_IN: tuple[Lazy[Kind], ...] = (
    Lazy("convscope.kinds.image.kind:IMAGE"),
    Lazy("convscope.kinds.text.kind:TEXT"),
    Lazy("convscope.kinds.series.kind:SERIES"),
    Lazy("convscope.kinds.audio.kind:AUDIO"),
    Lazy("convscope.kinds.graph.kind:GRAPH"),
    Lazy("convscope.kinds.volume.kind:VOLUME"),
    Lazy("convscope.kinds.video.kind:VIDEO"),
    Lazy("convscope.kinds.points.kind:POINTS"),
)
"""A line for each kind of this package."""
ENTRY_POINTS = "convscope.kinds"
"""Where other packages name a value `Kind` of theirs."""
SHARED_ARCHITECTURES = (
    Architecture(
        "random_convolution",
        Lazy("convscope.models.kernel_banks:random_convolution"),
        "random kernels of many lengths and dilations, for series, images and volumes",
        answers="features",
        input_shape=(48, 48, 1),
    ),
)
"""Architectures that take several kinds."""
CLOSE = 0.1
"""Two detections whose confidences differ by less are equally sure."""
_CHECKED = 20
"""Files that are checked for why they cannot be read, where nothing is recognized."""


@cache
def kinds() -> tuple[Kind, ...]:
    """Every kind, those of this package first.

    Raises:
        UsageError: Another package brings no kind, or one whose names are taken.
    """
    found = [lazy.load() for lazy in BUILT_IN]
    for entry in sorted(entry_points(group=ENTRY_POINTS), key=lambda entry: entry.name):
        found.append(_brought(entry, found))
    return tuple(found)


def _brought(entry: EntryPoint, found: list[Kind]) -> Kind:
    """The kind of another package."""
    whose = f"The entry point '{entry.name}' of the group {ENTRY_POINTS} ({entry.value})"
    try:
        kind = entry.load()
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise UsageError(f"{whose} cannot be imported: {reason}", "Mend or uninstall its package.") from error
    if not isinstance(kind, Kind):
        raise UsageError(f"{whose} is a {type(kind).__name__}, expected a Kind.")
    _check_new(found, kind, entry.value)
    return kind


def recipe_specs() -> dict[str, RecipeSpec]:
    """What may be known of each recipe before Keras is imported, by name."""
    return {spec.name: spec for kind in kinds() for spec in kind.recipes}


def architectures() -> dict[str, Architecture]:
    """Every architecture and kernel bank by name."""
    own = [each for kind in kinds() for each in kind.architectures]
    return {each.name: each for each in (*own, *SHARED_ARCHITECTURES)}


def find_spec(name: str) -> RecipeSpec:
    """Looks a recipe up by name without importing Keras.

    Raises:
        UsageError: No recipe has this name; the nearest names are offered.
    """
    specs = recipe_specs()
    if name not in specs:
        raise unknown_name("recipe", name, specs)
    return specs[name]


def find_recipe(name: str) -> AnyRecipe:
    """Looks a recipe up by name and imports it.

    Raises:
        UsageError: No recipe has this name; the nearest names are offered.
        BackendError: A package that its kind needs is not installed.
    """
    spec = find_spec(name)
    check_installed(spec)
    return spec.steps.load()


def check_installed(spec: RecipeSpec, *, training: bool = False) -> None:
    """Refuses a recipe that needs a package that is not installed; imports none of them.

    Args:
        spec: The recipe.
        training: Whether it is to be trained, which may need more.

    Raises:
        BackendError: The hint has the command that installs it.
    """
    kind = kind_of(spec)
    missing = _missing((*kind.requires, *(spec.trains_with if training else ())))
    if missing:
        brings = spec.extra or kind.extra
        extra = f"the extra: {install_command(brings)}" if brings else "it."
        be = "is" if len(missing) == 1 else "are"
        raise BackendError(
            f"{spec.name} needs {', '.join(missing)}, which {be} not installed.", f"Install {extra}"
        )


def _missing(required: Iterable[str]) -> list[str]:
    """Packages that are required and not installed."""
    return [module for module in required if find_module(module.partition(".")[0]) is None]


def kind_of(spec: RecipeSpec) -> Kind:
    """The kind that a recipe is of."""
    return next(kind for kind in kinds() if spec in kind.recipes)


def views_of(spec: RecipeSpec) -> ViewFactory:
    """What makes the views of samples that a recipe reads; by their shape where its kind has none."""
    from convscope.lenses.views.plain import PLAIN

    view = kind_of(spec).view
    return PLAIN if view is None else view.load()


def find_architecture(name: str) -> Architecture:
    """Looks an architecture up by name.

    Raises:
        UsageError: No architecture has this name; the nearest names are offered.
    """
    known = architectures()
    if name not in known:
        raise unknown_name("architecture", name, known)
    return known[name]


def shown_shape(architecture: Architecture) -> tuple[int | None, ...]:
    """Shape of one sample that an architecture is shown with where none is given."""
    if architecture.input_shape is not None:
        return architecture.input_shape
    return next(kind.input_shape for kind in kinds() if architecture in kind.architectures)


def architecture_options(architecture: Architecture) -> dict[str, Any]:
    """Its options beyond input shape and class count, with their defaults; imports Keras."""
    parameters = inspect.signature(architecture.function.load()).parameters
    return {name: p.default for name, p in parameters.items() if p.default is not p.empty}


def build(
    name: str, input_shape: tuple[int | None, ...], classes: int | None = None, **options: Any
) -> keras.Model:
    """Builds a shipped architecture with fresh weights, or a bank of kernels.

    Args:
        name: One of `architectures()`, such as `compact_cnn`.
        input_shape: Shape of one sample without the batch axis, channels last, such as (48, 48, 1); (None,)
            for texts of any length.
        classes: The number of class names, at least 2; not for what has no classes, such as a bank.
        **options: What the architecture takes besides, such as `kernel_size`, `depth` or `pooling`.

    Returns:
        An uncompiled model from float32 samples of shape (batch, *input_shape) in [0, 1] to float32
        probabilities of shape (batch, classes), or features of shape (batch, d).

    Raises:
        UsageError: An unknown name or option, a shape that the architecture cannot take, or classes for what
            has none, or none for a classifier.

    Example:
        >>> build("compact_cnn", input_shape=(48, 48, 1), classes=7).count_params()
        224263
    """
    architecture = find_architecture(name)
    known = architecture_options(architecture)
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise UsageError(
            f"{name} has no option '{unknown[0]}'.", f"Its options are {', '.join(sorted(known))}."
        )
    make = architecture.function.load()
    if not architecture.classifies:
        if classes is not None:
            raise UsageError(
                f"{name} outputs {architecture.answers}, not classes. Received: classes={classes}.",
                "Leave `classes` out.",
            )
        return make(input_shape=tuple(input_shape), **options)
    fewest = architecture.fewest_classes
    if classes is None or classes < fewest:
        raise UsageError(f"{name} takes at least {fewest} of `classes`. Received: classes={classes}.")
    return make(input_shape=tuple(input_shape), classes=classes, **options)


def factory(name: str) -> ModelFactory:
    """`build` of one architecture."""
    return partial(build, name)


def register_layers() -> None:
    """Registers the layers and models of every kind with Keras, so that files with them load."""
    import_module("convscope.layers")
    import_module("convscope.models.ensemble")
    for kind in kinds():
        if _missing(kind.requires):
            continue
        for module in (*([kind.layers] if kind.layers else []), *kind.models):
            import_module(module)


def detections(snapshot: DataSnapshot) -> list[Detection]:
    """What every kind makes of a path, the surest first."""
    found = [each for kind in kinds() if (each := _detection(kind, snapshot)) is not None]
    return sorted(found, key=lambda each: -each.confidence)


def _detection(kind: Kind, snapshot: DataSnapshot) -> Detection | None:
    try:
        return kind.detect.load()(snapshot)
    except Exception as error:
        raise DataError(
            f"{snapshot.path}: the detection of the kind {kind.name} failed: {type(error).__name__}: {error}",
            "Choose the recipe with --recipe.",
        ) from error


def choose_recipe(path: Path) -> tuple[AnyRecipe, str]:
    """The recipe that a path holds data for, and why; raises as `choose_spec` and `find_recipe` do."""
    spec, why = choose_spec(path)
    return find_recipe(spec.name), why


def choose_spec(
    path: Path, label_column: str | None = None, group: str | None = None, drop: Sequence[str] = ()
) -> tuple[RecipeSpec, str]:
    """The recipe that a path holds data for, and why; imports no Keras.

    Args:
        path: A folder or a file.
        label_column: The column of labels that the user names.
        group: The column of groups that the user names, or a pattern of paths.
        drop: Columns that the user leaves out.

    Raises:
        DataError: No kind recognizes the content, two recognize it with the same confidence, or the user has
            to say what something in it is.
    """
    from convscope.data.snapshot import DataSnapshot
    from convscope.data.stored_arrays import check_arrays
    from convscope.data.tables import check_table

    snapshot = DataSnapshot(path, label_column, group, tuple(drop))
    if not path.exists() and not snapshot.files:
        raise DataError(f"{path}: there is no such file or folder", "Check the spelling of the path.")
    found = detections(snapshot)
    if not snapshot.files:
        raise DataError(f"{path}: the folder has no files", "Check the path.")
    if not found:
        if snapshot.files and not any(file.stat().st_size for file in snapshot.files):
            what = "the file is empty" if path.is_file() else f"all {len(snapshot.files)} files are empty"
            raise DataError(f"{path}: {what}", "Check that the data was written or copied completely.")
        for file in snapshot.data_files[:_CHECKED]:
            check_table(file)
            check_arrays(file)
        advice = snapshot.advice()
        raise DataError(
            f"{path}: no recipe recognizes this data. Found: {snapshot.summary()}.",
            f"{f'{advice} Or choose' if advice else 'Choose'} one with --recipe:"
            f" {', '.join(recipe_specs())}; "
            "`convscope recipes` lists what each reads.",
        )
    first = found[0]
    if first.ask:
        raise DataError(f"{path}: {first.reason}.", first.ask)
    rivals = [each for each in found if round(first.confidence - each.confidence, 6) < CLOSE]
    if len(rivals) > 1:
        said = "; ".join(f"{each.recipe} because {each.reason}" for each in rivals)
        raise DataError(
            f"{path} could be for {len(rivals)} recipes: {said}. Found: {snapshot.summary()}.",
            f"Choose one with --recipe, such as --recipe {first.recipe}, or give the path of a part of it.",
        )
    return find_spec(first.recipe), f"recipe: {first.recipe}, because {first.reason}"


def _check_new(found: list[Kind], brought: Kind, place: str) -> None:
    for what, taken, new in (
        ("kind", _names(found, "kind"), [brought.name]),
        ("recipe", _names(found, "recipe"), _names([brought], "recipe")),
        (
            "architecture",
            [*_names(found, "architecture"), *(each.name for each in SHARED_ARCHITECTURES)],
            _names([brought], "architecture"),
        ),
    ):
        twice = sorted(name for name in set(new) if name in taken or new.count(name) > 1)
        if twice:
            raise UsageError(f"The {what} '{twice[0]}' of {place} has a name that is taken.", "Rename it.")


def _names(found: list[Kind], what: str) -> list[str]:
    def each() -> Iterator[str]:
        for kind in found:
            if what == "kind":
                yield kind.name
            else:
                yield from (one.name for one in (kind.recipes if what == "recipe" else kind.architectures))

    return list(each())
