"""The commands that make and use runs: inspect-data, train, evaluate, predict and export."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from convscope.cli.arguments import SAFE_CSV, check_data, check_inputs
from convscope.cli.console import (
    STDOUT,
    ProgressBar,
    harmless,
    heeded_interrupts,
    print_json,
    say,
    start_backend,
)
from convscope.cli.options import (
    Groups,
    OptionGroup,
    predict_options,
    reading_options,
    reads,
    recipe_options,
    values_of,
)
from convscope.engine.training.settings import FIT_OPTIONS
from convscope.errors import UsageError
from convscope.option import Option
from convscope.types import silent
from convscope.workflows.cluster.request import CLUSTER, WORKERS, Cluster, check_on_cluster, cluster_asked

if TYPE_CHECKING:
    from convscope.run import Run
    from convscope.workflows.cross_validation import CrossValidation
    from convscope.workflows.start import Watching

FORMAT = Parameter(name="--format")
CHOICES = (
    Option("recipe", str, None, "Recipe; detected from the data by default", common=True),
    Option("architecture", str, None, "Architecture; the first of the recipe by default", common=True),
)


def train_groups() -> Groups:
    """The options of `train`."""
    return (OptionGroup("Options", (CLUSTER,)), *inspect_data_groups(WORKERS))


def inspect_data_groups(*more: Option) -> Groups:
    """The options of `inspect-data`, with more settings of `train`."""
    return (
        OptionGroup("Options", CHOICES, fixed=False),
        OptionGroup("Training settings", (*FIT_OPTIONS, *more), show_all=False, fixed=False),
        OptionGroup("Options of recipes", recipe_options(), show_all=False, fixed=False),
    )


def predict_groups() -> Groups:
    """The options of `predict`."""
    taken = tuple(option for option in recipe_options() if option.predicts)
    return (OptionGroup("Options of recipes", taken, fixed=False),)


def evaluate_groups() -> Groups:
    """The options of `evaluate`."""
    taken = tuple(option for option in recipe_options() if reads(option))
    return (OptionGroup("Options of recipes", taken, fixed=False),)


def train(
    path: Path | None = None,
    /,
    *,
    out: Path | None = None,
    resume: Path | None = None,
    folds: int | None = None,
    given: object = None,
) -> None:
    """Train a model on the data at PATH and evaluate it on the test split.

    Parameters
    ----------
    path:
        File or folder with the data
    out:
        Run folder to create; runs/DATE-NAME by default
    resume:
        Interrupted run to continue; takes --cluster alone
    folds:
        Number of folds, to cross-validate
    """
    values = values_of(given)
    cluster = cluster_asked(values.pop("cluster", None), values.pop("workers", None))
    if resume is None:
        run_training(path, out, values, folds, cluster)
    elif out is not None or folds is not None or values:
        raise UsageError(
            "--resume takes no other options but --cluster and --workers.",
            "Leave them out, or start a new training.",
        )
    else:
        continue_training(resume, path, cluster)


def inspect_data(
    path: Path,
    /,
    *,
    form: Annotated[Literal["text", "json"], FORMAT] = "text",
    folds: int | None = None,
    given: object = None,
) -> None:
    """Read the data at PATH as `train` does, print what was recognized, decided and left out, and stop.

    Parameters
    ----------
    path:
        File or folder with the data
    form:
        Output format; json lists everything that was left out
    folds:
        Number of folds of a cross-validation, of which the first is shown
    """
    from convscope.workflows.inspect_data import inspect_request
    from convscope.workflows.start import requested

    values = values_of(given)
    chosen = {name: values.pop(name) for name in ("recipe", "architecture") if name in values}
    request = requested(path, values, folds=folds, **chosen)
    start_backend()
    with ProgressBar() as bar:
        report = inspect_request(request, bar, _print_line if form == "text" else silent)
    if form == "json":
        print_json(report.to_json())


def _print_line(line: str) -> None:
    STDOUT.print(harmless(line), markup=False, soft_wrap=True)


def run_training(
    path: Path | None,
    out: Path | None,
    values: Mapping[str, Any],
    folds: int | None = None,
    cluster: Cluster | None = None,
) -> None:
    """Trains, and prints the metrics.

    Args:
        path: The data.
        out: The run folder.
        values: Recipe, architecture, settings and options, as they were given.
        folds: Of a cross-validation.
        cluster: Where several processes train together.
    """
    from convscope.run import default_folder
    from convscope.workflows.cross_validation import carry_out
    from convscope.workflows.start import requested

    if path is None:
        raise UsageError("No data was given.", "Give a path, such as: convscope train photos/")
    chosen = {name: values[name] for name in ("recipe", "architecture") if name in values}
    others = {name: value for name, value in values.items() if name not in chosen}
    request = requested(path, others, folds=folds, out=out, **chosen)
    folder = out or default_folder(path)
    if cluster is not None:
        check_on_cluster(cluster, request.spec, folds is not None)
    with _told_how_to_continue(folder, cluster), _watching() as watching:
        done = carry_out(request, folder, watching, cluster)
    _print_outcome(done)
    say(_saved(done))


def continue_training(folder: Path, path: Path | None, cluster: Cluster | None = None) -> None:
    """Resumes, and prints the metrics.

    Args:
        folder: The run, or that of a cross-validation.
        path: Where the data is now; by default where it was.
        cluster: Where several processes go on together.
    """
    from convscope.run import Run
    from convscope.workflows.cross_validation import SUMMARY, resume_training

    before = Run(folder).can_resume or (folder / "folds.json").exists()
    if path is not None:
        check_data(path)
    if cluster is not None:
        check_on_cluster(cluster, None, (folder / SUMMARY).exists())
    with _told_how_to_continue(folder, cluster), _watching() as watching:
        done = resume_training(folder, path, watching, cluster)
    _print_outcome(done)
    if before:
        say(_saved(done))


@contextmanager
def _watching() -> Iterator[Watching]:
    """Starts the backend; draws progress in a terminal, or prints a line an epoch elsewhere."""
    from convscope.types import silent
    from convscope.workflows.start import Watching

    start_backend()
    with ProgressBar() as bar, heeded_interrupts(bar) as progress:
        yield Watching((), progress, say, silent if bar.is_drawn else say)


@contextmanager
def _told_how_to_continue(folder: Path, cluster: Cluster | None = None) -> Iterator[None]:
    from convscope.run import Run

    try:
        yield
    except KeyboardInterrupt:
        if (folder / "folds.json").exists() or Run(folder).can_resume:
            there = "" if cluster is None else f" {cluster.flags}"
            say(f"Interrupted. To continue: convscope train --resume {folder}{there}")
        raise


def _print_outcome(done: Run | CrossValidation) -> None:
    from convscope import api
    from convscope.cli.results import print_metrics
    from convscope.run import Run

    print_metrics(api.metrics(done) if isinstance(done, Run) else done)


def _saved(done: Run | CrossValidation) -> str:
    from convscope.run import Run

    if isinstance(done, Run):
        return f"Saved the run to {done.folder}; open {done.report_path} in a browser."
    first = done.runs[0].report_path
    return f"Saved {len(done.runs)} runs and folds.json to {done.folder}; open {first} and those beside it."


def evaluate(
    run: Path,
    path: Path | None = None,
    /,
    *,
    data: Path | None = None,
    form: Annotated[Literal["table", "json"], FORMAT] = "table",
    given: object = None,
) -> None:
    """Evaluate the model of RUN on the test samples of its training, or on all data at PATH.

    Parameters
    ----------
    run:
        Run folder
    path:
        Other data with the same classes; its test split, where it has one
    data:
        Where the data of the training is now, if it was moved
    form:
        Output format
    """
    from convscope import api
    from convscope.cli.results import print_metrics
    from convscope.kinds.registry import find_spec
    from convscope.run import Run, data_of

    record = Run(run).record()
    if path is not None and data is not None:
        raise UsageError("PATH and --data exclude each other.", "PATH is other data, --data that of the run.")
    options = reading_options(find_spec(record["recipe"]), values_of(given))
    check_data(path or data or data_of(Run(run)))
    start_backend()
    with ProgressBar() as bar:
        metrics = api.evaluate(run, path, data=data, progress=bar, say=say, **options)
    print_metrics(metrics) if form == "table" else print_json(metrics.to_json())


def predict(
    run: Path,
    /,
    *inputs: Annotated[str, Parameter(allow_leading_hyphen=True)],
    form: Annotated[Literal["table", "csv", "jsonl"], FORMAT] = "table",
    follow: bool = False,
    safe_csv: Annotated[bool, SAFE_CSV] = True,
    given: object = None,
) -> None:
    """Predict for files, folders or patterns with the model of RUN.

    Parameters
    ----------
    run:
        Run folder
    inputs:
        Files, folders or patterns; for texts also a quoted text, or - for standard input
    form:
        Output format; csv and jsonl have all probabilities
    follow:
        Predict while standard input arrives: rows of a series, 16-bit audio, or a film such as MPEG-TS
    """
    from convscope import api
    from convscope.cli.results import print_predictions, print_stream
    from convscope.kinds.registry import find_spec
    from convscope.run import Run

    if follow and list(inputs) not in ([], ["-"]):
        raise UsageError("--follow reads standard input only.", f"Received: {inputs[0]}.")
    for word in inputs:
        if word[:2] == "--" and len(word.split()) == 1 and not Path(word).exists():
            option = word.partition("=")[0]
            raise UsageError(f"predict has no option {option}.", "List them: convscope predict --help")
    spec = find_spec(Run(run).record()["recipe"])
    options = predict_options(spec, values_of(given))
    if not inputs and not follow and not spec.describes and not options.get(spec.asked_by):
        asked = f", or --{spec.asked_by} with names that the training had" if spec.asked_by else ""
        raise UsageError("There is nothing to predict for.", f"Give files, folders or patterns{asked}.")
    check_inputs(inputs)
    start_backend()
    if follow:
        print_stream(api.stream(run, sys.stdin.buffer, say=say, **options), form, safe_csv=safe_csv)
        return
    with ProgressBar() as bar:
        predictions = api.predict(run, inputs, progress=bar, say=say, **options)
    print_predictions(predictions, form, safe_csv=safe_csv)


def export(
    run: Path,
    /,
    *,
    form: Annotated[Literal["onnx", "openvino", "litert", "saved-model"], FORMAT],
    out: Path | None = None,
) -> None:
    """Export the model of RUN to another format and compare its outputs with Keras.

    Parameters
    ----------
    run:
        Run folder
    form:
        Format to write
    out:
        File or folder to create; inside the run by default
    """
    from convscope import api
    from convscope.run import Run

    Run(run).record()
    start_backend()
    made = api.export(run, form, out, say=say)
    say(
        f"Wrote {made.path} ({made.size_bytes / 1e6:.1f} MB); "
        f"its outputs differ from Keras by at most {made.deviation:.1e}."
    )
