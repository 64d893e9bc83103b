"""The commands that use features: neighbours, project and probe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Group, Parameter

from convscope.errors import UsageError

FORMAT = Parameter(name="--format")
MODEL = Group("Model", sort_key=2)


def neighbours(
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
    trust: Annotated[bool, Parameter(group=MODEL, negative="")] = False,
    code: Annotated[list[str] | None, Parameter(group=MODEL, negative="")] = None,
) -> None:
    """Find the samples of FEATURES that are most like INPUTS.

    Parameters
    ----------
    features:
        What `convscope extract` wrote.
    inputs:
        Files as the model takes them, or id:17 for row 17 of FEATURES.
    layer:
        By which layer; by default the last.
    count:
        How many for each input.
    metric:
        How near is measured: by the angle or by the distance of features.
    form:
        A table for people, CSV, or a JSON object per input.
    out:
        Also write .png, .svg, .pdf, .html, .csv or .json.
    theme:
        Of a picture.
    model:
        The model; by default the one that FEATURES name.
    trust:
        Open a model file although it holds code (a Lambda layer) that runs then.
    code:
        A module to import first, which registers the model's own layers.
    """
    from convscope import api
    from convscope.cli.console import Bar, print_neighbours, say, start_backend
    from convscope.features.results import check_result_ending

    if out is not None:
        check_result_ending(out)
    if not inputs:
        raise UsageError("There is nothing to compare.", "Give files, or a row of FEATURES such as id:17.")
    if any(not name.startswith("id:") for name in inputs):
        start_backend()
    with Bar() as bar:
        found = api.neighbours(
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
    print_neighbours(found, form)
    if out is not None:
        say(f"Wrote {found.save(out, theme)[0]}.")


def project(
    features: Path,
    /,
    *,
    layer: str | None = None,
    method: Literal["pca", "tsne", "umap"] = "pca",
    colour: Literal["label", "prediction", "mistake", "split"] = "label",
    seed: int = 0,
    most: int = 10_000,
    out: Path | None = None,
    theme: Literal["light", "dark"] = "light",
) -> None:
    """Draw the samples of FEATURES as points of a plane, and write where they are.

    Parameters
    ----------
    features:
        What `convscope extract` wrote.
    layer:
        By which layer; by default the last.
    method:
        pca shows the directions of largest variance; tsne and umap keep neighbours together.
    colour:
        What points are coloured by.
    seed:
        For what is drawn at random.
    most:
        Samples that tsne and umap place, and that pca is fitted to.
    out:
        .png, .svg, .pdf or .html, with a .csv beside it; or .csv or .json alone.
    theme:
        Of a picture.
    """
    from convscope import api
    from convscope.cli.console import Bar, say, start_backend
    from convscope.features.results import check_result_ending
    from convscope.files import free_path

    if out is not None:
        check_result_ending(out)
    if method == "umap":
        start_backend()  # umap-learn imports TensorFlow, which prints much when it is first imported
    with Bar() as bar:
        made = api.project(
            features,
            layer=layer,
            method=method,
            colour=colour,
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
    layer: Annotated[list[str] | None, Parameter(negative="")] = None,
    seed: int = 0,
    form: Annotated[Literal["table", "json"], FORMAT] = "table",
    out: Path | None = None,
    theme: Literal["light", "dark"] = "light",
) -> None:
    """Train a linear classifier on each layer of FEATURES, and say where the classes become separable.

    Parameters
    ----------
    features:
        What `convscope extract` wrote for data with labels; --layer all gives every layer.
    layer:
        A layer's path, its name, or a pattern such as block*; by default all.
    seed:
        For splits that FEATURES do not have.
    form:
        A table for people, or JSON.
    out:
        Also write .png, .svg, .pdf, .html, .csv or .json.
    theme:
        Of a picture.
    """
    from convscope import api
    from convscope.cli.console import Bar, print_probe, say
    from convscope.features.results import check_result_ending

    if out is not None:
        check_result_ending(out)
    with Bar() as bar:
        found = api.probe(features, layers=layer or (), seed=seed, progress=bar, say=say)
    print_probe(found, form)
    if out is not None:
        say(f"Wrote {found.save(out, theme)[0]}.")
