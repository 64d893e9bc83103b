"""The commands that make and use runs: train, evaluate, predict, export and demo."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from convscope.cli.arguments import SAFE_CSV, check_data, check_inputs
from convscope.cli.console import ProgressBar, print_json, say, start_backend
from convscope.cli.options import (
    Groups,
    OptionGroup,
    predict_options,
    recipe_options,
    split_settings,
    train_options,
    values_of,
)
from convscope.engine.training.settings import FIT_OPTIONS
from convscope.errors import UsageError
from convscope.option import Option

FORMAT = Parameter(name="--format")
CHOICES = (
    Option("recipe", str, None, "Recipe; detected from the data by default", common=True),
    Option("architecture", str, None, "Architecture; the first of the recipe by default", common=True),
)


def train_groups() -> Groups:
    """The options of `train`."""
    return (
        OptionGroup("Options", CHOICES, fixed=False),
        OptionGroup("Training settings", FIT_OPTIONS, show_all=False, fixed=False),
        OptionGroup("Options of recipes", recipe_options(), show_all=False, fixed=False),
    )


def predict_groups() -> Groups:
    """The options of `predict`."""
    taken = tuple(option for option in recipe_options() if option.predicts)
    return (OptionGroup("Options of recipes", taken, fixed=False),)


def train(
    path: Path | None = None,
    /,
    *,
    out: Path | None = None,
    resume: Path | None = None,
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
        Interrupted run to continue; takes no other options
    """
    run_training(path, out, resume, values_of(given))


def run_training(path: Path | None, out: Path | None, resume: Path | None, values: Mapping[str, Any]) -> None:
    """Trains, and prints the metrics.

    Args:
        path: The data.
        out: The run folder.
        resume: The run to continue.
        values: Recipe, architecture, settings and options, as they were given.
    """
    from convscope import api
    from convscope.cli.results import print_metrics
    from convscope.run import Run, default_folder

    settings, options = split_settings(values)
    chosen = {name: options.pop(name) for name in ("recipe", "architecture") if name in options}
    if resume is not None:
        Run(resume).record()  # not a run: told before Keras is imported
    if path is not None and resume is None:
        check_data(path)
        options = _checked(path, options, **chosen)
        out = out or default_folder(path)
    elif resume is None:
        raise UsageError("No data was given.", "Give a path, such as: convscope train photos/")
    start_backend()
    try:
        with ProgressBar() as bar:
            run = api.train(
                path,
                options=options,
                out=out,
                resume=resume,
                progress=bar,
                say=say,
                **chosen,
                **settings,
            )
    except KeyboardInterrupt:
        folder = resume or out or Path()
        if Run(folder).can_resume:
            say(f"Interrupted. To continue: convscope train --resume {folder}")
        raise
    print_metrics(api.metrics(run))
    say(f"Saved the run to {run.folder}; open {run.report_path} in a browser.")


def _checked(
    path: Path, values: dict[str, Any], recipe: str | None = None, architecture: str | None = None
) -> dict[str, Any]:
    """Options that the recipe takes, validated before Keras is imported."""
    from convscope.kinds.registry import choose_spec, find_spec

    spec = find_spec(recipe) if recipe is not None else choose_spec(path)[0]
    name = architecture or spec.architectures[0]
    if name not in spec.architectures:
        raise UsageError(
            f"{spec.name} has no architecture '{name}'.",
            f"Its architectures: {', '.join(spec.architectures)}.",
        )
    return train_options(spec, name, values)


def evaluate(
    run: Path, path: Path | None = None, /, *, form: Annotated[Literal["table", "json"], FORMAT] = "table"
) -> None:
    """Evaluate the model of RUN on the test split of its data, or of the data at PATH.

    Parameters
    ----------
    run:
        Run folder
    path:
        Other data with the same classes
    form:
        Output format
    """
    from convscope import api
    from convscope.cli.results import print_metrics
    from convscope.run import Run

    Run(run).record()
    if path is not None:
        check_data(path)
    start_backend()
    with ProgressBar() as bar:
        metrics = api.evaluate(run, path, progress=bar)
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
        Predict while standard input arrives: rows of a series, or 16-bit audio
    """
    from convscope import api
    from convscope.cli.results import print_predictions, print_stream
    from convscope.kinds.registry import find_spec
    from convscope.run import Run

    if follow and list(inputs) not in ([], ["-"]):
        raise UsageError("--follow reads standard input only.", f"Received: {inputs[0]}.")
    if not inputs and not follow:
        raise UsageError("There is nothing to predict for.", "Give files, folders or patterns.")
    options = predict_options(find_spec(Run(run).record()["recipe"]), values_of(given))
    check_inputs(inputs)
    start_backend()
    if follow:
        print_stream(api.stream(run, sys.stdin.buffer, **options), form, safe_csv=safe_csv)
        return
    with ProgressBar() as bar:
        predictions = api.predict(run, inputs, progress=bar, **options)
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
    made = api.export(run, form, out)
    say(
        f"Wrote {made.path} ({made.size_bytes / 1e6:.1f} MB); "
        f"its outputs differ from Keras by at most {made.deviation:.1e}."
    )


def demo(*, out: Path = Path("convscope-demo")) -> None:
    """Train on the handwritten digits of scikit-learn, in under a minute.

    Parameters
    ----------
    out:
        Folder for the images and the run
    """
    from convscope.files import free_path

    data = _write_digits(out / "digits")
    say(f"Wrote the digits of scikit-learn as images to {data}, one folder per class.")
    folder = free_path(out / "run")
    run_training(data, folder, None, {"architecture": "padded_cnn"})
    say(f"Look at its feature maps: convscope look {folder} {data}/3/0003.png")
    say(f"Predict for images: convscope predict {folder} {data}/3")


def _write_digits(folder: Path) -> Path:
    """Writes the 1,797 digits of 8x8 pixels as PNG, a folder per class, unless they exist."""
    if folder.is_dir():
        return folder
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_digits

    from convscope.files import written_whole

    digits = load_digits()
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    with written_whole(folder) as part:
        for number, (image, label) in enumerate(zip(images, digits.target, strict=True)):
            target = part / str(label) / f"{number:04d}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(target)
    return folder
