"""The command line: its commands, and its messages for errors."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from cyclopts import App, Group, Parameter

from convscope import __version__
from convscope.cli import features, inspect, recipes, search, studio, train
from convscope.cli.console import harmless, say
from convscope.cli.errors import explained
from convscope.cli.help import Columns
from convscope.cli.options import MAIN, Groups, add_options
from convscope.data.noise import noise_lines
from convscope.errors import UsageError

RUNS = Group("Train and predict", sort_key=1)
MODELS = Group("Inspect models", sort_key=2)
FEATURES = Group("Features", sort_key=3)
MORE = Group("Other options", sort_key=9)


@dataclass(frozen=True)
class Command:
    """One command.

    Args:
        run: What it does; the docstring is its help.
        arguments: Usage behind the name of the command.
        group: Where the list of commands has it.
        examples: Lines for the end of its help.
        synonyms: What other tools call it.
        options: Its flags that are made from `Option` values.
    """

    run: Callable[..., None]
    arguments: str
    group: Group
    examples: tuple[str, ...]
    synonyms: tuple[str, ...] = ()
    options: Callable[[], Groups] | None = None

    @property
    def name(self) -> str:
        """Its word on the command line."""
        return self.run.__name__.replace("_", "-")


COMMANDS = (
    Command(
        train.demo,
        "[OPTIONS]",
        RUNS,
        ("convscope demo", "convscope demo --out digits-demo"),
        ("example", "quickstart", "tutorial"),
    ),
    Command(
        recipes.recipes,
        "[NAME]",
        RUNS,
        ("convscope recipes", "convscope recipes image-classification"),
        ("list", "models", "tasks", "architectures"),
    ),
    Command(
        train.inspect_data,
        "PATH [OPTIONS]",
        RUNS,
        ("convscope inspect-data photos/", "convscope inspect-data reviews.csv --format json"),
        ("check", "dry-run", "detect", "info", "validate-data"),
        train.inspect_data_groups,
    ),
    Command(
        train.train,
        "PATH [OPTIONS]",
        RUNS,
        (
            "convscope train photos/ --epochs 20 --size 64",
            "convscope train reviews.csv --architecture text_cnn --out runs/reviews",
        ),
        ("fit", "learn", "finetune"),
        train.train_groups,
    ),
    Command(
        search.search,
        "PATH [OPTIONS]",
        RUNS,
        ("convscope search photos/ --trials 30 --time 2h", "convscope search photos/ --dry-run"),
        ("tune", "hpo", "automl", "sweep", "optimize"),
        search.search_groups,
    ),
    Command(
        train.evaluate,
        "RUN [PATH] [OPTIONS]",
        RUNS,
        ("convscope evaluate runs/photos", "convscope evaluate runs/photos new-photos/ --format json"),
        ("test", "eval", "score", "validate"),
        train.evaluate_groups,
    ),
    Command(
        train.predict,
        "RUN INPUTS... [OPTIONS]",
        RUNS,
        (
            "convscope predict runs/photos new-photos/*.jpg",
            'convscope predict runs/reviews "A fine film." --format jsonl',
        ),
        ("infer", "inference", "classify", "transcribe", "translate"),
        train.predict_groups,
    ),
    Command(
        train.export,
        "RUN --format FORMAT [--out PATH]",
        RUNS,
        (
            "convscope export runs/photos --format onnx",
            "convscope export runs/photos --format litert --out photos.tflite",
        ),
        ("convert", "save"),
    ),
    Command(
        inspect.explain,
        "MODEL [OPTIONS]",
        MODELS,
        (
            "convscope explain model.keras",
            "convscope explain compact_cnn --format html --out compact_cnn.html",
        ),
        ("summary", "describe", "review"),
        inspect.explain_groups,
    ),
    Command(
        inspect.look,
        "MODEL [INPUTS...] [OPTIONS]",
        MODELS,
        (
            "convscope look runs/photos cat.jpg --layer block1/*",
            "convscope look model.keras cat.jpg --method grad-cam --target cat",
        ),
        ("show", "visualize", "view", "plot", "attribute", "peek", "inspect"),
        inspect.look_groups,
    ),
    Command(
        studio.studio,
        "MODEL... [DATA...] [OPTIONS]",
        MODELS,
        ("convscope studio runs/photos", "convscope studio model.keras photos/ --port 9000"),
        ("web", "ui", "gui", "app", "serve", "browse", "browser"),
        studio.studio_groups,
    ),
    Command(
        features.extract,
        "MODEL PATH... --out PATH [OPTIONS]",
        FEATURES,
        (
            "convscope extract runs/photos photos/ --out features.parquet",
            "convscope extract gabor_bank photos/ --out features --pool max",
        ),
        ("embed", "encode", "features", "embeddings"),
        features.extract_groups,
    ),
    Command(
        features.neighbors,
        "FEATURES INPUTS... [OPTIONS]",
        FEATURES,
        (
            "convscope neighbors features.parquet cat.jpg --count 10",
            "convscope neighbors features.parquet id:17 --out neighbors.png",
        ),
        ("neighbours", "similar", "knn", "retrieve"),
        features.neighbor_groups,
    ),
    Command(
        features.project,
        "FEATURES [OPTIONS]",
        FEATURES,
        (
            "convscope project features.parquet --method umap",
            "convscope project features.parquet --color mistake --out projection.html",
        ),
        ("tsne", "umap", "pca", "scatter"),
        features.project_groups,
    ),
    Command(
        features.probe,
        "FEATURES [OPTIONS]",
        FEATURES,
        (
            "convscope probe features.parquet",
            "convscope probe features.parquet --layer 'block*' --out probe.png",
        ),
        ("linear-probe",),
        features.probe_groups,
    ),
)


ALL_OPTIONS = {
    "train": "--help-all lists every option, `convscope recipes NAME` those of one recipe.",
    "predict": "`convscope recipes NAME` lists the options of one recipe.",
}
MORE_WORDS = {
    "search": "All options of train are taken; `convscope train --help-all` lists them.",
    **ALL_OPTIONS,
}


@cache
def application(name: str | None = None) -> App:
    """The parser with all commands.

    Args:
        name: The command whose options are made, because making all of them takes time; None makes all.
    """
    app = App(
        name="convscope",
        usage="Usage: convscope COMMAND [OPTIONS]",
        help="Train convolutional networks on any kind of data, and inspect every layer of any Keras model.",
        version=__version__,
        help_format="plaintext",
        result_action="return_value",
        help_formatter=Columns(),
        help_epilogue=_examples(
            ("convscope demo", "convscope train photos/ --epochs 20"),
            "`convscope COMMAND --help` lists options. --debug shows tracebacks of errors.",
        ),
        default_parameter=Parameter(negative=()),
        group_commands=MORE,
        group_parameters=MAIN,
    )
    app.command(_install_completion, name="--install-completion", group=MORE)
    for place, command in enumerate(COMMANDS):
        if command.options is not None and name in (None, command.name):
            add_options(command.run, command.options())
        app.command(
            command.run,
            group=command.group,
            sort_key=place,
            usage=f"Usage: convscope {command.name} {command.arguments}",
            help_epilogue=_examples(command.examples, MORE_WORDS.get(command.name, "")),
        )
    return app


def main(arguments: list[str] | None = None) -> None:
    """Runs one command; errors become two lines and an exit code: 2 for bad use, 1 for failure.

    Args:
        arguments: Words of the command line; by default those of the process. `--debug`, anywhere among
            them, lets an error through with its traceback.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug, full = "--debug" in words, "--help-all" in words
    words = ["--help" if word == "--help-all" else word for word in words if word != "--debug"]
    try:
        command = next((word for word in words if not word.startswith("-")), "")
        if full and command in ALL_OPTIONS:
            recipes.print_every_option(command)
            return
        _keep_stderr()
        application(command)(words, exit_on_error=False, print_error=False)
        if lines := noise_lines():
            say(f"{lines} lines that decoders wrote about damaged files are not shown.")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except (SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # a panic of a package in Rust is no `Exception`
        if debug:
            raise
        message, hint, code = explained(error, {each.name: each.synonyms for each in COMMANDS})
        print(f"convscope: {harmless(message)}", file=sys.stderr)  # noqa: T201
        if hint:
            for line in hint.split("\n"):
                print(f"  {harmless(line)}", file=sys.stderr)  # noqa: T201
        sys.exit(code)


def _keep_stderr() -> None:
    """Gives Python's standard error a descriptor of its own: the other one is kept from noisy decoders."""
    own = sys.__stderr__
    if own is not None and sys.stderr is own and own.fileno() == 2:
        sys.stderr = os.fdopen(os.dup(2), "w", 1, own.encoding, "backslashreplace")


def _install_completion(*, shell: Literal["bash", "zsh", "fish", "powershell"] | None = None) -> None:
    """Install completion for this shell.

    Parameters
    ----------
    shell:
        Shell to install it for; detected by default
    """
    from cyclopts.completion.detect import ShellDetectionError

    try:
        place = application().install_completion(shell=shell, add_to_startup=True)
    except ShellDetectionError as error:
        raise UsageError(
            "The shell was not recognized.", "Name it: convscope --install-completion --shell bash"
        ) from error
    say(f"Installed completion in {place}. Open a new shell to use it.")


def _examples(lines: Iterable[str], before: str = "") -> str:
    return "\n".join((*([before, ""] if before else []), "Examples:", *(f"  {line}" for line in lines)))
