"""The command that stores the outputs of layers: extract."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

from convscope.cli.arguments import CODE, INPUT_SHAPE, LAYER, TRUST, check_inputs, check_model
from convscope.cli.console import ProgressBar, say, start_backend
from convscope.cli.inspect import READING
from convscope.cli.options import Groups, OptionGroup, checked_values, reader_options
from convscope.errors import UsageError
from convscope.option import Option, at_least

COMPUTED = (
    replace(LAYER, help="Layer path, name or pattern such as block*/conv*, or all; may be repeated"),
    Option(
        "pool",
        Literal["mean", "max", "flatten", "none"],
        "mean",
        "Pooling over all positions; flatten keeps them in one vector, none stores the feature maps",
    ),
    Option(
        "precision",
        Literal["auto", "bfloat16", "float32"],
        "auto",
        "auto uses bfloat16 if the processor has it and the features stay close to those of Keras",
    ),
    Option("predictions", bool, True, "Store the predicted class and its probability"),
)
WRITTEN = (
    Option("dtype", Literal["float32", "float16"], "float32", "Type of the stored values"),
    Option("part_size", int, None, "Number of samples per file; at most 4096 by default", at_least(1)),
    Option("resume", bool, False, "Continue an interrupted extraction with the same options"),
    Option("cluster", str, None, "Address of a Ray cluster, or local"),
)
SPLIT = Option("split", tuple[str, ...], None, "train, validation or test; all by default; may be repeated")
RECIPE = Option("recipe", str, None, "Recipe that reads the data; found by the input of the model by default")


def extract_groups() -> Groups:
    """The options of `extract`."""
    return (
        OptionGroup("Options", COMPUTED),
        OptionGroup("Storage", WRITTEN),
        OptionGroup(READING, (RECIPE, *reader_options())),
        OptionGroup("Model and data", (SPLIT, INPUT_SHAPE, TRUST, CODE)),
    )


def extract(model: str, /, *path: str, out: Path, given: object = None) -> None:
    """Store the outputs of layers of MODEL for every sample of PATH.

    Parameters
    ----------
    model:
        A .keras file, a run, an architecture, or module:function that returns a model
    path:
        A labeled data set; files, folders or patterns; or a .npy or .npz array
    out:
        NAME.parquet for one file, another name for a folder of Parquet files; feature maps go to NAME.zarr
    """
    from convscope import api

    if not path:
        raise UsageError("There is no data to extract features from.", "Give a data set, files or an array.")
    options = checked_values(given, extract_groups(), "extract")
    layers, splits = options.pop("layer", ()), options.pop("split", None)
    check_model(model)
    check_inputs(path)
    start_backend()
    try:
        with ProgressBar() as bar:
            features = api.extract(
                model, path, layers=layers, splits=splits, out=out, progress=bar, say=say, **options
            )
    except KeyboardInterrupt:
        say("Interrupted. To continue: the same command with --resume.")
        raise
    widths = ", ".join(
        f"{each.layer} {'x'.join(map(str, each.shape))}" for each in features.manifest.layers[:5]
    )
    more = f" and {len(features.layers) - 5} more layers" if len(features.layers) > 5 else ""
    say(f"{features.path} has {len(features)} rows: {widths}{more}.")
