"""Begins and resumes trainings: wrong arguments are reported before Keras is imported."""

from __future__ import annotations

import glob
import mimetypes
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from convscope.data.excel_rows import chosen_sheet
from convscope.data.folds import Fold, check_folds
from convscope.engine.training.settings import FIT_OPTIONS
from convscope.errors import DataError, RunError, UsageError
from convscope.files import locked
from convscope.kinds.contract.kind import RecipeSpec
from convscope.kinds.registry import check_installed, choose_spec, find_recipe, find_spec
from convscope.option import Option, for_architecture, validated
from convscope.run import Run, check_free, new_run
from convscope.types import Progress, Say, silent

if TYPE_CHECKING:
    import keras

    from convscope.data.splits import Splits
    from convscope.workflows.cluster.request import Cluster
    from convscope.workflows.training_plan import Plan

SETTINGS = frozenset(option.name for option in FIT_OPTIONS)
"""Names of the settings of a training; all other options belong to a recipe or its architectures."""


class AskedTraining(TypedDict):
    """What was asked for, as a folder with several trainings keeps it."""

    path: str
    place: str
    recipe: str
    why: str
    architecture: str | None
    options: Mapping[str, Any]
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Request:
    """A training that was asked for, checked as far as that needs no data.

    Args:
        path: The data.
        spec: The recipe.
        why: Why this recipe, where it was detected.
        architecture: Its name; None takes the recipe's first.
        options: Of the recipe and the architecture, as they were given.
        settings: Of the training, as they were given.
        folds: Of a cross-validation; None for a single training.
    """

    path: Path
    spec: RecipeSpec
    why: str
    architecture: str | None
    options: Mapping[str, Any]
    settings: Mapping[str, Any]
    folds: int | None = None


@dataclass(frozen=True)
class Watching:
    """Receivers of the progress and the messages of a training.

    Args:
        callbacks: Keras callbacks that run beside the built-in ones.
        progress: Receives each step.
        say: Receives what was read and decided, a line at a time.
        say_epoch: Receives how each epoch ended.
    """

    callbacks: Sequence[keras.callbacks.Callback]
    progress: Progress
    say: Say
    say_epoch: Say = silent


def requested(
    path: Path,
    values: Mapping[str, Any],
    *,
    recipe: str | None = None,
    architecture: str | None = None,
    folds: int | None = None,
    out: Path | None = None,
) -> Request:
    """Checks the arguments of a training without importing Keras.

    Args:
        path: The data.
        values: Settings of the training, and options of the recipe and of the architecture, by name.
        recipe: Its name; by default the one that recognizes the data.
        architecture: Its name; by default the recipe's first.
        folds: Of a cross-validation; None for a single training.
        out: The run folder that is to be made.

    Raises:
        UsageError: A name that does not exist, a value that cannot work, or a folder that is not empty.
        DataError: There is no such path, or no recipe for it; or a file that an option names is missing.
        BackendError: A package that the recipe needs is not installed.
    """
    settings = {name: value for name, value in values.items() if name in SETTINGS}
    others = {name: value for name, value in values.items() if name not in SETTINGS}
    settings = validated(FIT_OPTIONS, settings, "train")
    if folds is not None:
        check_folds(folds)
    if out is not None:
        check_free(out)
    check_there(path)
    _check_has_columns(path, others.get("label_column"))
    with chosen_sheet(others.get("sheet")):
        named = (others.get("label_column"), others.get("group"), others.get("drop_column") or ())
        spec, why = (find_spec(recipe), "") if recipe else choose_spec(path, *named)
    if folds is not None and spec.no_folds:
        raise UsageError(
            f"{spec.name} has no cross-validation: {spec.no_folds}.",
            "Leave --folds out: it is tested on the test split of the data, or on one that is drawn.",
        )
    name = architecture or spec.architectures[0]
    if name not in spec.architectures:
        raise UsageError(
            f"{spec.name} has no architecture '{name}'.",
            f"Its architectures: {', '.join(spec.architectures)}.",
        )
    options = train_options(spec, name, others)
    check_installed(spec, training=True)
    return Request(path, spec, why, architecture, options, settings, folds)


def asked_of(request: Request) -> AskedTraining:
    """A request as JSON holds it; `requested_again` reads it."""
    return {
        "path": str(request.path),
        "place": str(request.path.resolve()),
        "recipe": request.spec.name,
        "why": request.why,
        "architecture": request.architecture,
        "options": dict(request.options),
        "settings": dict(request.settings),
    }


def requested_again(asked: AskedTraining, moved: Path | None, summary: Path, hint: str) -> Request:
    """The request that `asked_of` wrote.

    Args:
        asked: What the summary says.
        moved: Where the data is now; by default where it was.
        summary: The file, for the message.
        hint: What to do about one that is damaged.

    Raises:
        RunError: It cannot have been asked for.
        DataError, BackendError: As `requested`.
    """
    given = Path(asked["path"])
    values = {**asked["settings"], **asked["options"]}
    try:
        data = moved or (given if str(given.resolve()) == asked["place"] else Path(asked["place"]))
        request = requested(data, values, recipe=asked["recipe"], architecture=asked["architecture"])
    except (UsageError, ValueError) as error:  # such as a path with a NUL
        raise RunError(f"{summary} is damaged: {error}", hint) from error
    return replace(request, why=asked["why"])


def _check_has_columns(path: Path, label_column: str | None) -> None:
    """Refuses a column of labels where no file of a folder can have columns.

    Raises:
        UsageError: By their endings, all files are media.
    """
    if label_column is None or not path.is_dir():
        return
    names = (name for _, _, names in os.walk(path) for name in names if not name.startswith("."))
    first = next(names, None)
    if first is not None and not any(map(_may_have_columns, chain([first], names))):
        raise UsageError(
            f"{path}: --label-column names the column {label_column!r}, but the folder has no table, only"
            f" files such as {first}.",
            "Leave it out if folders or file names say the label, or add a table of file names and labels.",
        )


def _may_have_columns(name: str) -> bool:
    media = (mimetypes.guess_type(name)[0] or "text").partition("/")[0]
    return media in ("text", "application", "chemical", "video")  # .ts is taken for a video


def check_there(path: Path) -> None:
    """Refuses data that is not there; files that are called `PATH.*` or `PATH-*` may stand for it.

    Raises:
        DataError: Nothing is, or no file can be called so.
    """
    try:
        there = path.exists() or any(path.parent.glob(f"{glob.escape(path.name)}*"))
    except (OSError, ValueError) as error:  # too long for a path, or no text
        raise DataError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    if not there:
        raise DataError(f"{path}: there is no such file or folder.", "Check the spelling of the path.")


def train_options(spec: RecipeSpec, architecture: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a recipe and an architecture, validated.

    Raises:
        UsageError: One that they do not have, or a value that cannot work.
        DataError: A file that does not exist.
    """
    taken = (*spec.options, *for_architecture(spec.model_options, architecture))
    other = {option.name for option in spec.model_options} - {option.name for option in taken}
    checked = validated(taken, values, architecture if other & set(values) else spec.name)
    check_files(taken, checked)
    return checked


def check_files(options: Sequence[Option], values: Mapping[str, Any]) -> None:
    """Refuses options that name a file that does not exist.

    Raises:
        DataError: With the option.
    """
    for option in options:
        if option.type is Path and values.get(option.name) and not Path(values[option.name]).exists():
            raise DataError(
                f"{values[option.name]}: there is no such file.", f"Check the value of {option.flag}."
            )


def start(request: Request, out: Path | None, watching: Watching, cluster: Cluster | None = None) -> Run:
    """Trains in a new folder, which no other process may write meanwhile."""
    run = new_run(out, request.path)
    with run.discarded_on_failure(), locked(run.folder):
        check_free(run.folder)  # another process may have finished since
        return begin(request, run, watching, cluster=cluster)[0]


def begin(
    request: Request,
    run: Run,
    watching: Watching,
    fold: Fold | None = None,
    whole: Splits | None = None,
    cluster: Cluster | None = None,
) -> tuple[Run, Splits]:
    """Trains in an empty folder.

    Args:
        request: What.
        run: Where.
        watching: Receives progress and messages.
        fold: Of a cross-validation.
        whole: The data, where it was read before.
        cluster: Where several processes train together; None trains in this one.

    Returns:
        The finished run, and the data as it was read.
    """
    from convscope.workflows.training_plan import plan

    made = plan(
        find_recipe(request.spec.name),
        request.path,
        request.architecture,
        request.options,
        request.settings,
        watching.progress,
        request.why,
        fold=fold,
        whole=whole,
        machines=1 if cluster is None else cluster.machines,
    )
    _describe(made, watching.say, fold)
    return _carried_out(made, run, watching, cluster), made.whole


def resume(run: Run, path: Path | None, watching: Watching, cluster: Cluster | None = None) -> Run:
    """Goes on with a training, as if it had never stopped.

    Args:
        run: The run.
        path: Where its data is now; by default where it was.
        watching: Receives progress and messages.
        cluster: Where several processes go on together; None goes on in this one.

    Raises:
        RunError: It is no run, its data has changed or is gone, or it has settings that are not known.
    """
    run.record()  # before a lock is made beside it
    with locked(run.folder):
        return go_on(run, path, watching, cluster)


def go_on(run: Run, path: Path | None, watching: Watching, cluster: Cluster | None = None) -> Run:
    """As `resume`, in a folder that is locked."""
    from convscope.workflows.recorded_plan import recorded_plan
    from convscope.workflows.train import forget_steps

    record = run.record()
    if record["status"] == "complete":
        if not run.model_path.exists():
            raise RunError(
                f"{run.folder} is said to be complete, but has no {run.model_path.name}.", "Train again."
            )
        run.check_model()
        forget_steps(run)
        watching.say(f"{run.folder} is already complete.")
        return run
    made = recorded_plan(run, path, watching.progress, 1 if cluster is None else cluster.machines)
    _describe(made, watching.say)
    return _carried_out(made, run, watching, cluster)


def _carried_out(made: Plan, run: Run, watching: Watching, cluster: Cluster | None) -> Run:
    from convscope.workflows.train import carry_out

    with run.full_disk_told():
        if cluster is not None:
            from convscope.workflows.cluster.team import carry_out_on

            return carry_out_on(cluster, made, run, watching)
        return carry_out(made, run, watching.callbacks, watching.progress, watching.say, watching.say_epoch)


def _describe(made: Plan, say: Say, fold: Fold | None = None) -> None:
    from convscope.workflows.training_plan import describe

    if fold is None or fold.number == 1:
        describe(made, say)
    if fold is not None:
        say(f"Training {fold}")
