"""The commands that use features: neighbors, project and probe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from convscope.cli.arguments import CODE, LAYER, SEED, THEME, TRUST, check_features, check_inputs
from convscope.cli.console import ProgressBar, say, start_backend
from convscope.cli.options import Groups, OptionGroup, checked_values
from convscope.errors import UsageError
from convscope.option import Option, at_least

FORMAT = Parameter(name="--format")
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


def neighbor_groups() -> Groups:
    """The options of `neighbors`."""
    return (OptionGroup("Options", NEIGHBOR_OPTIONS), OptionGroup("Model", (MODEL, TRUST, CODE)))


def neighbors(
    features: Path,
    /,
    *inputs: str,
    form: Annotated[Literal["table", "csv", "jsonl"], FORMAT] = "table",
    out: Path | None = None,
    given: object = None,
) -> None:
    """Find the samples of FEATURES that are most like INPUTS.

    Parameters
    ----------
    features:
        Output of `convscope extract`
    inputs:
        Files as the model takes them, or id:17 for row 17 of FEATURES
    form:
        Output format
    out:
        Also write .png, .svg, .pdf, .html, .csv or .json
    """
    from convscope import api
    from convscope.cli.results import print_neighbors

    if not inputs:
        raise UsageError("There are no inputs to compare with.", "Give files, or a row such as id:17.")
    options = checked_values(given, neighbor_groups(), "neighbors")
    theme = options.pop("theme", THEME.default)
    _check(features, out)
    files = [name for name in inputs if not name.startswith("id:")]
    if files:
        check_inputs(files)
        start_backend()
    with ProgressBar() as bar:
        found = api.neighbors(features, inputs, progress=bar, say=say, **options)
    print_neighbors(found, form)
    if out is not None:
        say(f"Wrote {found.save(out, theme)[0]}.")


def project_groups() -> Groups:
    """The options of `project`."""
    return (OptionGroup("Options", PROJECT_OPTIONS),)


def project(features: Path, /, *, out: Path | None = None, given: object = None) -> None:
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
    written = made.save(out or free_path(Path(f"{features.resolve().stem}-{method}.png")), theme)
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
        say(f"Wrote {found.save(out, theme)[0]}.")


def _check(features: Path, out: Path | None) -> None:
    """Refuses features that do not exist and results that cannot be written."""
    from convscope.features.results import check_result_ending

    check_features(features)
    if out is not None:
        check_result_ending(out)
