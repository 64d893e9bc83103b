"""The commands that use features: neighbors, project and probe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Group, Parameter

from convscope.cli.console import ProgressBar, say, start_backend
from convscope.errors import UsageError

FORMAT = Parameter(name="--format")
MODEL = Group("Model", sort_key=2)


def neighbors(
    features: Path,
    /,
    *inputs: str,
    layer: str | None = None,
    count: int = 5,
    metric: Literal["cosine", "euclidean"] = "cosine",
    form: Annotated[Literal["table", "csv", "jsonl"], FORMAT] = "table",
    out: Path | None = None,
    theme: Literal["light", "dark"] = "light",
    model: Annotated[str | None, Parameter(group=MODEL)] = None,
    trust: Annotated[bool, Parameter(group=MODEL)] = False,
    code: Annotated[list[str] | None, Parameter(group=MODEL)] = None,
) -> None:
    """Find the samples of FEATURES that are most like INPUTS.

    Parameters
    ----------
    features:
        Output of `convscope extract`
    inputs:
        Files as the model takes them, or id:17 for row 17 of FEATURES
    layer:
        Layer to compare; the last by default
    count:
        Number of neighbors per input
    metric:
        Distance between features
    form:
        Output format
    out:
        Also write .png, .svg, .pdf, .html, .csv or .json
    theme:
        Theme of the figure
    model:
        Model to compute features of INPUTS with; the one named in FEATURES by default
    trust:
        Open a file that contains code (a Lambda layer), which runs when it is opened
    code:
        Module to import first, which registers custom layers
    """
    from convscope import api
    from convscope.cli.results import print_neighbors
    from convscope.features.results import check_result_ending

    if out is not None:
        check_result_ending(out)
    if not inputs:
        raise UsageError(
            "There are no inputs to compare with.", "Give files, or a row of FEATURES such as id:17."
        )
    if any(not name.startswith("id:") for name in inputs):
        start_backend()
    with ProgressBar() as bar:
        found = api.neighbors(
            features,
            inputs,
            layer=layer,
            count=count,
            metric=metric,
            model=model,
            trust=trust,
            code=code or (),
            progress=bar,
            say=say,
        )
    print_neighbors(found, form)
    if out is not None:
        say(f"Wrote {found.save(out, theme)[0]}.")


def project(
    features: Path,
    /,
    *,
    layer: str | None = None,
    method: Literal["pca", "tsne", "umap"] = "pca",
    color: Literal["label", "prediction", "mistake", "split"] = "label",
    seed: int = 0,
    most: int = 10_000,
    out: Path | None = None,
    theme: Literal["light", "dark"] = "light",
) -> None:
    """Plot the samples of FEATURES in two dimensions.

    Parameters
    ----------
    features:
        Output of `convscope extract`
    layer:
        Layer to use; the last by default
    method:
        Projection; umap needs the extra `features`
    color:
        Color of the points
    seed:
        Seed of random numbers
    most:
        Maximum number of samples for tsne and umap, and for fitting pca
    out:
        .png, .svg, .pdf or .html, with a .csv next to it; or .csv or .json alone
    theme:
        Theme of the figure
    """
    from convscope import api
    from convscope.features.results import check_result_ending
    from convscope.files import free_path

    if out is not None:
        check_result_ending(out)
    if method == "umap":
        start_backend()  # umap-learn imports TensorFlow, which prints much when it is first imported
    with ProgressBar() as bar:
        made = api.project(
            features,
            layer=layer,
            method=method,
            color=color,
            seed=seed,
            most=most,
            progress=bar,
            say=say,
        )
    written = made.save(out or free_path(Path(f"{features.resolve().stem}-{method}.png")), theme)
    say(f"Wrote {' and '.join(map(str, written))}.")


def probe(
    features: Path,
    /,
    *,
    layer: list[str] | None = None,
    seed: int = 0,
    form: Annotated[Literal["table", "json"], FORMAT] = "table",
    out: Path | None = None,
    theme: Literal["light", "dark"] = "light",
) -> None:
    """Train a linear classifier on each layer of FEATURES and compare accuracies.

    Parameters
    ----------
    features:
        Output of `convscope extract --layer all` for labeled data
    layer:
        Layer path, name or pattern such as block*; all by default
    seed:
        Seed of the splits, if FEATURES have none
    form:
        Output format
    out:
        Also write .png, .svg, .pdf, .html, .csv or .json
    theme:
        Theme of the figure
    """
    from convscope import api
    from convscope.cli.results import print_probe
    from convscope.features.results import check_result_ending

    if out is not None:
        check_result_ending(out)
    with ProgressBar() as bar:
        found = api.probe(features, layers=layer or (), seed=seed, progress=bar, say=say)
    print_probe(found, form)
    if out is not None:
        say(f"Wrote {found.save(out, theme)[0]}.")
