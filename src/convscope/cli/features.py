"""The commands that store features and use them: extract, neighbors, project and probe."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from convscope.cli.arguments import (
    CODE,
    INPUT_SHAPE,
    LAYER,
    SAFE_CSV,
    SEED,
    THEME,
    TRUST,
    check_features,
    check_inputs,
    check_model,
)
from convscope.cli.console import ProgressBar, say, start_backend
from convscope.cli.inspect import CLASS_NAMES, READING
from convscope.cli.options import Groups, OptionGroup, checked_values, reader_options
from convscope.errors import UsageError
from convscope.option import Option, at_least
from convscope.workflows.opening.layers import CHOICES, check_named_layers

FORMAT = Parameter(name="--format")
OUT = Parameter(name=("--out", "--to"))
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
    Option("windows", bool, False, "One row for each window that the model of a segmentation takes"),
)
WRITTEN = (
    Option("dtype", Literal["float32", "float16"], "float32", "Type of the stored values"),
    Option("part_size", int, None, "Number of samples per file; at most 4096 by default", at_least(1)),
    Option("resume", bool, False, "Continue an interrupted extraction with the same options"),
    Option("cluster", str, None, "Address of a Ray cluster, or local"),
)
SPLIT = Option("split", tuple[str, ...], None, "train, validation or test; all by default; may be repeated")
RECIPE = Option("recipe", str, None, "Recipe that reads the data; found by the input of the model by default")
ONE_LAYER = Option("layer", str, None, "Layer to use; the last by default")
NEIGHBOR_OPTIONS = (
    ONE_LAYER,
    Option("count", int, 5, "Number of neighbors per input", at_least(1)),
    Option("metric", Literal["cosine", "euclidean"], "cosine", "Distance between features"),
    THEME,
)
MODEL = Option("model", str, None, "Model that computes features of INPUTS; that of FEATURES by default")
PROJECT_OPTIONS = (
    ONE_LAYER,
    Option("method", Literal["pca", "tsne", "umap"], "pca", "Projection; umap needs the extra `features`"),
    Option("color", Literal["label", "prediction", "mistake", "split"], "label", "Color of the points"),
    SEED,
    Option("most", int, 10_000, "Maximum number of samples of tsne, umap and the fit of pca", at_least(5)),
    THEME,
)


def extract_groups() -> Groups:
    """The options of `extract`."""
    return (
        OptionGroup("Options", COMPUTED),
        OptionGroup("Storage", WRITTEN),
        OptionGroup(READING, (RECIPE, *reader_options())),
        OptionGroup("Model and data", (SPLIT, INPUT_SHAPE, CLASS_NAMES, TRUST, CODE)),
    )


def extract(model: str, /, *path: str, out: Annotated[Path, OUT], given: object = None) -> None:
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
    from convscope.features.store import place_of

    if not path:
        raise UsageError("There is no data to extract features from.", "Give a data set, files or an array.")
    options = checked_values(given, extract_groups(), "extract")
    layers, splits = options.pop("layer", ()), options.pop("split", None)
    check_model(model)
    check_named_layers(model, [name for name in layers if name not in CHOICES])
    check_inputs(path)
    place_of(out, options.get("pool", "mean")).begun(resume=options.get("resume", False))
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


def neighbor_groups() -> Groups:
    """The options of `neighbors`."""
    return (OptionGroup("Options", NEIGHBOR_OPTIONS), OptionGroup("Model", (MODEL, TRUST, CODE)))


def neighbors(
    features: Path,
    /,
    *inputs: str,
    form: Annotated[Literal["table", "csv", "jsonl"], FORMAT] = "table",
    out: Path | None = None,
    safe_csv: Annotated[bool, SAFE_CSV] = True,
    given: object = None,
) -> None:
    """Find the samples of FEATURES that are most like INPUTS.

    Parameters
    ----------
    features:
        Output of `convscope extract`
    inputs:
        Files as the model takes them; or id:17 for row 17 of FEATURES, name:ADA for
        the sample of this name
    form:
        Output format
    out:
        Also write .png, .svg, .pdf, .html, .csv or .json
    """
    from convscope import api
    from convscope.cli.results import print_neighbors
    from convscope.features.query import is_row

    if not inputs:
        raise UsageError("There are no inputs to compare with.", "Give files, or a row such as id:17.")
    options = checked_values(given, neighbor_groups(), "neighbors")
    theme = options.pop("theme", THEME.default)
    _check(features, out)
    files = [name for name in inputs if not is_row(name)]
    if files:
        check_inputs(files)
        start_backend()
    with ProgressBar() as bar:
        found = api.neighbors(features, inputs, progress=bar, say=say, **options)
    print_neighbors(found, form, safe_csv=safe_csv)
    if out is not None:
        say(f"Wrote {found.save(out, theme, safe_csv=safe_csv)[0]}.")


def project_groups() -> Groups:
    """The options of `project`."""
    return (OptionGroup("Options", PROJECT_OPTIONS),)


def project(
    features: Path,
    /,
    *,
    out: Path | None = None,
    safe_csv: Annotated[bool, SAFE_CSV] = True,
    given: object = None,
) -> None:
    """Plot the samples of FEATURES in two dimensions.

    Parameters
    ----------
    features:
        Output of `convscope extract`
    out:
        .png, .svg, .pdf or .html, with a .csv next to it; or .csv or .json alone
    """
    from convscope import api
    from convscope.files import free_path

    options = checked_values(given, project_groups(), "project")
    theme, method = options.pop("theme", THEME.default), options.get("method", "pca")
    _check(features, out)
    if method == "umap":
        start_backend()  # umap-learn imports TensorFlow, which prints much when it is first imported
    with ProgressBar() as bar:
        made = api.project(features, progress=bar, say=say, **options)
    written = made.save(
        out or free_path(Path(f"{features.resolve().stem}-{method}.png")), theme, safe_csv=safe_csv
    )
    say(f"Wrote {' and '.join(map(str, written))}.")


def probe_groups() -> Groups:
    """The options of `probe`."""
    return (OptionGroup("Options", (LAYER, SEED, THEME)),)


def probe(
    features: Path,
    /,
    *,
    form: Annotated[Literal["table", "json"], FORMAT] = "table",
    out: Path | None = None,
    safe_csv: Annotated[bool, SAFE_CSV] = True,
    given: object = None,
) -> None:
    """Train a linear classifier on each layer of FEATURES and compare accuracies.

    Parameters
    ----------
    features:
        Output of `convscope extract --layer all` for labeled data
    form:
        Output format
    out:
        Also write .png, .svg, .pdf, .html, .csv or .json
    """
    from convscope import api
    from convscope.cli.results import print_probe

    options = checked_values(given, probe_groups(), "probe")
    theme, layers = options.pop("theme", THEME.default), options.pop("layer", ())
    _check(features, out)
    with ProgressBar() as bar:
        found = api.probe(features, layers=layers, progress=bar, say=say, **options)
    print_probe(found, form)
    if out is not None:
        say(f"Wrote {found.save(out, theme, safe_csv=safe_csv)[0]}.")


def _check(features: Path, out: Path | None) -> None:
    """Refuses features that do not exist and results that cannot be written."""
    from convscope.features.results import check_result_ending

    check_features(features)
    if out is not None:
        check_result_ending(out)
