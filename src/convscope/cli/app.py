"""The commands: parse, call `convscope.api`, print."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, CycloptsError, Parameter

from convscope import __version__
from convscope.cli.extract import extract
from convscope.cli.features import neighbours, probe, project
from convscope.cli.inspect import FORMAT, explain, look
from convscope.cli.options import (
    FileOptions,
    FitOptions,
    SeriesOptions,
    ShapeOptions,
    SoundOptions,
    TextOptions,
    given,
)
from convscope.errors import ConvscopeError, UsageError

app = App(
    name="convscope",
    help=(
        "Learns convolution kernels from any kind of data and shows what every kernel sees. "
        "With --debug, a command that fails shows its traceback."
    ),
    version=__version__,
    help_format="plaintext",
)


@app.command
def demo(*, out: Path = Path("convscope-demo")) -> None:
    """Train on scikit-learn's handwritten digits, in under a minute, and say where to look.

    Parameters
    ----------
    out:
        The folder that gets the digits as pictures and the run.
    """
    from convscope.cli import demo as built_in
    from convscope.cli.console import say
    from convscope.files import free_path

    data = built_in.write_digits(out / "digits")
    say(f"Wrote scikit-learn's digits as pictures to {data}, a folder per class.")
    folder = free_path(out / "run")
    train(data, architecture="padded_cnn", out=folder)
    say(f"Try it on a picture: convscope predict {folder} {data}/3")
    say(f"See what it sees: convscope look {folder} {data}/3/0003.png")


@app.command
def recipes() -> None:
    """List every recipe, what it reads, and its architectures."""
    from convscope.cli.console import print_recipes, start_backend

    start_backend()
    print_recipes()


@app.command
def train(
    path: Path | None = None,
    /,
    *,
    recipe: str | None = None,
    architecture: str | None = None,
    out: Path | None = None,
    resume: Path | None = None,
    fit: FitOptions = FitOptions(),
    shape: ShapeOptions = ShapeOptions(),
    files: FileOptions = FileOptions(),
    texts: TextOptions = TextOptions(),
    series: SeriesOptions = SeriesOptions(),
    sound: SoundOptions = SoundOptions(),
) -> None:
    """Train a model on the data at PATH, and judge it.

    Parameters
    ----------
    path:
        The data; `convscope recipes` says what can be read.
    recipe:
        What to learn; by default what the data is for.
    architecture:
        Which model; by default the recipe's first.
    out:
        The run folder to make; by default runs/DATE-NAME.
    resume:
        An interrupted run to go on with, alone.
    """
    from convscope import api
    from convscope.cli.console import Bar, print_judgement, say, start_backend
    from convscope.run import Run, default_folder

    start_backend()
    if resume is None and path is not None and out is None:
        out = default_folder(path)
    options = given(shape, files, texts, series, sound)
    if "size" in options:
        options["size"] = _size(options["size"])
    folder = resume or out or Path()
    try:
        with Bar() as bar:
            run = api.train(
                path,
                recipe=recipe,
                architecture=architecture,
                options=options,
                out=out,
                resume=resume,
                progress=bar,
                say=say,
                **given(fit),
            )
    except KeyboardInterrupt:
        if Run(folder).can_resume:
            say(f"Interrupted. Go on where it stopped: convscope train --resume {folder}")
        raise
    print_judgement(api.metrics(run))
    say(f"Everything is in {run.folder}; open {run.report_path} in a browser.")


@app.command
def evaluate(
    run: Path, path: Path | None = None, /, *, form: Annotated[Literal["table", "json"], FORMAT] = "table"
) -> None:
    """Judge the model of RUN on the test split of its own data, or of the data at PATH.

    Parameters
    ----------
    run:
        The run folder.
    path:
        Other data with the same classes.
    form:
        A table for people, or JSON for programs.
    """
    from convscope import api
    from convscope.cli.console import Bar, print_json, print_judgement, start_backend

    start_backend()
    with Bar() as bar:
        judgement = api.evaluate(run, path, progress=bar)
    print_judgement(judgement) if form == "table" else print_json(judgement.to_json())


@app.command
def predict(
    run: Path,
    /,
    *inputs: Annotated[str, Parameter(allow_leading_hyphen=True)],
    form: Annotated[Literal["table", "csv", "jsonl"], FORMAT] = "table",
    follow: Annotated[bool, Parameter(negative="")] = False,
    encoding: str | None = None,
    text_column: str | None = None,
    time_column: str | None = None,
    beam: int | None = None,
    words: Path | None = None,
    every: Annotated[bool | None, Parameter(negative="")] = None,
) -> None:
    """Answer for files, folders or globs with the model of RUN; also for texts and lines of standard input.

    Parameters
    ----------
    run:
        The run folder.
    inputs:
        Files, folders or globs; of texts also - for standard input, and a text itself in quotes.
    form:
        A table for people, CSV or JSON Lines with all probabilities for programs.
    follow:
        Answer standard input while it comes: rows of a series, a line each, or sound.
    encoding:
        Of text files that are not UTF-8, such as latin-1.
    text_column:
        Name of the column with the texts.
    time_column:
        Name of the column that says when a row was measured.
    beam:
        Translations or transcripts that are followed at once; 1 is the fastest.
    words:
        A file of words, a line each: nothing else is heard in speech.
    every:
        Answer for each row or cycle of a series, and not for the whole.
    """
    from convscope import api
    from convscope.cli.console import Bar, print_followed, print_predictions, start_backend

    if follow and list(inputs) not in ([], ["-"]):
        raise UsageError("--follow reads standard input.", f"Received besides: {inputs[0]}.")
    if not inputs and not follow:
        raise UsageError("There is nothing to predict.", "Give files, folders or globs.")
    start_backend()
    options = _given(
        encoding=encoding,
        text_column=text_column,
        time_column=time_column,
        beam=beam,
        words=None if words is None else str(words),
        every=every,
    )
    if follow:
        print_followed(api.follow(run, sys.stdin.buffer, **options), form)
        return
    with Bar() as bar:
        predictions = api.predict(run, inputs, progress=bar, **options)
    print_predictions(predictions, form)


@app.command
def export(
    run: Path,
    /,
    *,
    form: Annotated[Literal["onnx", "openvino", "litert", "saved-model"], FORMAT],
    out: Path | None = None,
) -> None:
    """Write the model of RUN for another tool, and check it by running it there.

    Parameters
    ----------
    run:
        The run folder.
    form:
        What to write.
    out:
        The file or folder to make; by default inside the run.
    """
    from convscope import api
    from convscope.cli.console import say, start_backend

    start_backend()
    made = api.export(run, form, out)
    say(
        f"Wrote {made.path} ({made.size_bytes / 1e6:.1f} MB); "
        f"its answers differ from the model's by at most {made.deviation:.1e}."
    )


app.command(explain)
app.command(look)
app.command(extract)
app.command(neighbours)
app.command(project)
app.command(probe)


def main(arguments: list[str] | None = None) -> None:
    """Runs one command; errors become two lines and an exit code: 2 for bad use, 1 for failure.

    Args:
        arguments: Words of the command line; by default those of the process. `--debug`, anywhere among
            them, lets an error through with its traceback.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    try:
        app(words, exit_on_error=False, print_error=False)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (CycloptsError, ConvscopeError, OSError) as error:
        if debug:
            raise
        message, hint, code = _explained(error)
        print(f"convscope: {message}", file=sys.stderr)  # noqa: T201
        if hint:
            print(f"  {hint}", file=sys.stderr)  # noqa: T201
        sys.exit(code)
    except KeyboardInterrupt:
        sys.exit(130)


def _explained(error: Exception) -> tuple[str, str, int]:
    """What is wrong, what to do, and the exit code."""
    if isinstance(error, ConvscopeError):
        return error.message, error.hint, error.exit_code
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}.", "--debug shows where it happened.", 1
    return f"{error}", "`convscope --help` lists the commands, `convscope COMMAND --help` what one takes.", 2


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _size(text: str) -> tuple[int, int]:
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(part.isdigit() and 0 < int(part) <= 4096 for part in parts):
        raise UsageError(f"--size takes a side such as 64, or 48x64 (height x width). Received: {text}.")
    return int(parts[0]), int(parts[-1])
