"""The command that stores the outputs of layers: extract."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Group, Parameter

from convscope.cli.arguments import check_inputs, check_model, shape_of
from convscope.cli.console import ProgressBar, say, start_backend
from convscope.cli.options import Groups, checked_options, reader_options, values_of
from convscope.errors import UsageError

COMPUTED = Group("Computation", sort_key=1)
WRITTEN = Group("Storage", sort_key=2)
OPENED = Group("Model and data", sort_key=20)


def extract_groups() -> Groups:
    """The options of `extract`, by title."""
    return (("Reading files, for a model that is not a run", reader_options(), True),)


def extract(
    model: str,
    /,
    *path: str,
    out: Path,
    layer: Annotated[list[str] | None, Parameter(group=COMPUTED)] = None,
    pool: Annotated[Literal["mean", "max", "flatten", "none"], Parameter(group=COMPUTED)] = "mean",
    precision: Annotated[Literal["auto", "bfloat16", "float32"], Parameter(group=COMPUTED)] = "auto",
    predictions: Annotated[bool, Parameter(negative="--no-predictions", group=COMPUTED)] = True,
    dtype: Annotated[Literal["float32", "float16"], Parameter(group=WRITTEN)] = "float32",
    part_size: Annotated[int | None, Parameter(group=WRITTEN)] = None,
    resume: Annotated[bool, Parameter(group=WRITTEN)] = False,
    cluster: str | None = None,
    split: Annotated[list[Literal["train", "validation", "test"]] | None, Parameter(group=OPENED)] = None,
    recipe: Annotated[str | None, Parameter(group=OPENED)] = None,
    input_shape: Annotated[str | None, Parameter(group=OPENED)] = None,
    trust: Annotated[bool, Parameter(group=OPENED)] = False,
    code: Annotated[list[str] | None, Parameter(group=OPENED)] = None,
    given: object = None,
) -> None:
    """Store the outputs of layers of MODEL for every sample of PATH.

    Parameters
    ----------
    model:
        A .keras file, a run, an architecture, or module:function that returns a model
    path:
        A labeled data set; files, folders or patterns; or a .npy or .npz array
    out:
        NAME.parquet for one file, another name for a folder of Parquet files; feature maps go to NAME.zarr
    layer:
        Layer path, name or pattern such as block*/conv*, or all; the last convolution by default
    pool:
        Pooling over all positions; flatten keeps them in one vector, none stores the feature maps
    precision:
        auto uses bfloat16 if the processor has it and the features stay close to those of Keras
    predictions:
        Store the predicted class and its probability
    dtype:
        Type of the stored values
    part_size:
        Number of samples per file; at most 4096 by default
    resume:
        Continue an interrupted extraction with the same options
    cluster:
        Address of a Ray cluster, or local
    split:
        Splits to use; all by default
    recipe:
        Recipe that reads the data, for a model that is not a run; found by its input by default
    input_shape:
        Input shape of an architecture, such as 48x48x1; that of the data by default
    trust:
        Open a file that contains code (a Lambda layer), which runs when it is opened
    code:
        Module to import first, which registers custom layers
    """
    from convscope import api

    if not path:
        raise UsageError("There is no data to extract features from.", "Give a data set, files or an array.")
    check_model(model)
    check_inputs(path)
    shape = shape_of(input_shape) if input_shape else None
    options = checked_options(reader_options(), values_of(given), "extract")
    start_backend()
    try:
        with ProgressBar() as bar:
            features = api.extract(
                model,
                path,
                layers=layer or (),
                pool=pool,
                out=out,
                dtype=dtype,
                precision=precision,
                splits=split,
                predictions=predictions,
                resume=resume,
                part_size=part_size,
                cluster=cluster,
                recipe=recipe,
                trust=trust,
                code=code or (),
                input_shape=shape,
                progress=bar,
                say=say,
                **options,
            )
    except KeyboardInterrupt:
        say("Interrupted. To continue: the same command with --resume.")
        raise
    widths = ", ".join(
        f"{each.layer} {'x'.join(map(str, each.shape))}" for each in features.manifest.layers[:5]
    )
    more = f" and {len(features.layers) - 5} more layers" if len(features.layers) > 5 else ""
    say(f"{features.path} has {len(features)} rows: {widths}{more}.")
