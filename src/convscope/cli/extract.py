"""The command that turns a data set into features: extract."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Group, Parameter

from convscope.errors import UsageError

COMPUTED = Group("What is computed", sort_key=1)
WRITTEN = Group("How it is written", sort_key=2)
OPENED = Group("Model and data", sort_key=3)


def extract(
    model: str,
    /,
    *path: str,
    to: Path,
    layer: Annotated[list[str] | None, Parameter(negative="", group=COMPUTED)] = None,
    pool: Annotated[Literal["mean", "max", "flatten", "none"], Parameter(group=COMPUTED)] = "mean",
    precision: Annotated[Literal["auto", "bfloat16", "float32"], Parameter(group=COMPUTED)] = "auto",
    predictions: Annotated[bool, Parameter(group=COMPUTED)] = True,
    dtype: Annotated[Literal["float32", "float16"], Parameter(group=WRITTEN)] = "float32",
    part_size: Annotated[int | None, Parameter(group=WRITTEN)] = None,
    resume: Annotated[bool, Parameter(negative="", group=WRITTEN)] = False,
    cluster: str | None = None,
    split: Annotated[
        list[Literal["train", "validation", "test"]] | None, Parameter(negative="", group=OPENED)
    ] = None,
    recipe: Annotated[str, Parameter(group=OPENED)] = "image-classification",
    value_range: Annotated[
        Literal["auto", "0..1", "0..255", "-1..1"], Parameter(group=OPENED, allow_leading_hyphen=True)
    ] = "auto",
    input_shape: Annotated[str | None, Parameter(group=OPENED)] = None,
    trust: Annotated[bool, Parameter(negative="", group=OPENED)] = False,
    code: Annotated[list[str] | None, Parameter(negative="", group=OPENED)] = None,
) -> None:
    """Write what layers of MODEL put out for every sample of PATH, for other tools to read.

    Parameters
    ----------
    model:
        A .keras file, a run, the name of an architecture, or module:function that returns a model.
    path:
        A data set with labels; files, folders or globs without; or a .npy or .npz array.
    to:
        NAME.parquet for one file, another name for a folder of Parquet parts; maps go to NAME.zarr.
    layer:
        A layer's path, its name, or a pattern such as block*/conv*; all; by default the last convolution.
    pool:
        Over all positions: mean or max; flatten, or none for the maps as they are.
    precision:
        auto takes bfloat16 where the processor has it and the features stay close to those of Keras.
    predictions:
        Keep the model's answer and its probability.
    dtype:
        Of the numbers on disk.
    part_size:
        Samples that are written together; by default at most 4096.
    resume:
        Go on with an extraction that was interrupted; all else as before.
    cluster:
        The address of a Ray cluster, or local.
    split:
        Only these splits.
    recipe:
        How data with labels is read, for a model that is no run.
    value_range:
        What pixels become, for a model that is no run.
    input_shape:
        For an architecture, such as 48x48x1; by default that of the data.
    trust:
        Open a file although it holds code (a Lambda layer) that runs then.
    code:
        A module to import first, which registers the model's own layers.
    """
    from convscope import api
    from convscope.cli.console import Bar, say, start_backend
    from convscope.cli.inspect import shape_of

    if not path:
        raise UsageError("There is nothing to extract features of.", "Give a data set, files or an array.")
    start_backend()
    try:
        with Bar() as bar:
            features = api.extract(
                model,
                path,
                layers=layer or (),
                pool=pool,
                to=to,
                dtype=dtype,
                precision=precision,
                splits=split,
                predictions=predictions,
                resume=resume,
                part_size=part_size,
                cluster=cluster,
                recipe=recipe,
                value_range=value_range,
                trust=trust,
                code=code or (),
                input_shape=shape_of(input_shape) if input_shape else None,
                progress=bar,
                say=say,
            )
    except KeyboardInterrupt:
        say("Interrupted. Go on where it stopped: the same command with --resume.")
        raise
    widths = ", ".join(
        f"{each.layer} {'x'.join(map(str, each.shape))}" for each in features.manifest.layers[:5]
    )
    more = f" and {len(features.layers) - 5} more layers" if len(features.layers) > 5 else ""
    say(f"{features.path} holds {len(features)} rows of {widths}{more}.")
