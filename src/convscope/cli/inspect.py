"""The commands that open any model: explain and look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from convscope.cli.arguments import (
    CODE,
    INPUT_SHAPE,
    LAYER,
    SEED,
    THEME,
    TRUST,
    check_inputs,
    check_model,
)
from convscope.cli.console import ProgressBar, say, start_backend
from convscope.cli.options import Groups, OptionGroup, checked_values, reader_options
from convscope.option import Counts, Option, above, at_least, whole_numbers, within
from convscope.workflows.opening.layers import check_named_layers

FORMAT = Parameter(name="--format")
MOST_NAMES = 4
RULES = ("surest", "uncertain", "mean")
"""By which a position of a segmentation is chosen."""
READING = "Reading files, for a model that is not a run"


def _position(text: str) -> tuple[int, ...] | str:
    if text in RULES:
        return text
    parts = text.replace(" ", "").split(",")
    if not all(part.isdigit() for part in parts):
        raise ValueError(f"whole numbers such as 3,27, or one of {', '.join(RULES)}")
    return tuple(int(part) for part in parts)


LOOK_OPTIONS = (
    Option(
        "method",
        str,
        "maps",
        "maps, kernels, position, attribution, statistics, patches, predictions, {own}, or an attribution"
        " method: grad-cam, grad-cam++, layer-cam, score-cam, saliency, smoothgrad, integrated-gradients,"
        " guided-backpropagation, occlusion, rise",
    ),
    Option(
        "sample",
        tuple[str, ...],
        None,
        "Name or pattern of the samples to look at, such as a node of a graph or a row of a table; may be"
        " repeated; by default the first",
    ),
    LAYER,
    THEME,
)
SHOWN_OPTIONS = (
    Option("channels", int, 16, "Number of channels per layer, the strongest first", at_least(1)),
    Option("scale", Literal["layer", "map"], "layer", "One color scale per layer, or per map"),
    Option("compare", bool, False, "Draw several inputs side by side (maps)"),
    Option("channel", int, None, "Channel; that with the largest value by default (position)"),
    Option(
        "at",
        tuple[int, ...],
        None,
        "Position in the map, such as 3,27 (position); in a segmentation also surest, uncertain or mean"
        " (attribution)",
        parse=_position,
    ),
    Option("target", str, None, "Class name or index; the predicted class by default (attribution)"),
    Option("output", str, None, "Output of a model with several (attribution)"),
    Option("excite", int, 0, "Number of kernels to compute a maximally activating input for (kernels)"),
    SEED,
)
METHOD_OPTIONS = (
    Option("steps", int, 64, "Number of interpolation steps (integrated-gradients)", at_least(1)),
    Option("draws", int, 32, "Number of noisy copies (smoothgrad)", at_least(1)),
    Option("noise", float, 0.2, "Noise level, relative to the value range (smoothgrad)", above(0)),
    Option(
        "window",
        Counts,
        None,
        "Window size, one number or one per axis (occlusion)",
        at_least(1),
        parse=whole_numbers,
    ),
    Option(
        "stride",
        Counts,
        None,
        "Window stride, one number or one per axis (occlusion)",
        at_least(1),
        parse=whole_numbers,
    ),
    Option("baseline", float, None, "Value of covered inputs (occlusion, integrated-gradients)"),
    Option("masks", int, 1000, "Number of random masks (rise)", at_least(1)),
    Option("visible", float, 0.5, "Share of the input that a mask leaves visible (rise)", within(0, 1)),
)
"""What attribution methods take besides."""
DATA = Option(
    "data", tuple[str, ...], None, "Files or arrays for the model; finds kernels that never activate"
)
CLASSES = Option("classes", int, None, "Number of classes of an architecture", at_least(2))


CLASS_NAMES = Option(
    "class_names", Path, None, "File with the names of the outputs: one per line, or JSON as Keras writes it"
)


def explain_groups() -> Groups:
    """The options of `explain`."""
    return (
        OptionGroup("Options", (DATA,)),
        OptionGroup(READING, reader_options()),
        OptionGroup("Model", (INPUT_SHAPE, CLASSES, CLASS_NAMES, TRUST, CODE)),
    )


def explain(
    model: str,
    /,
    *,
    form: Annotated[Literal["text", "markdown", "html", "json"], FORMAT] = "text",
    out: Path | None = None,
    given: object = None,
) -> None:
    """Explain MODEL layer by layer, with shapes, costs and remarks of a review.

    Parameters
    ----------
    model:
        A .keras file, a run, an architecture, or module:function that returns a model
    form:
        Output format
    out:
        File to write; standard output by default
    """
    from convscope import api
    from convscope.cli.results import print_explanation

    options = checked_values(given, explain_groups(), "explain")
    check_model(model)
    check_inputs(options.get("data") or ())
    start_backend()
    with ProgressBar() as bar:
        explanation = api.explain(model, progress=bar, **options)
    print_explanation(explanation, form, out)


def _named(files: Sequence[Path]) -> str:
    """The files that were written: all of a few, else the first and the last."""
    names = [str(files[0]), *(path.name for path in files[1:])]
    if len(names) > MOST_NAMES:
        names = [f"{names[0]}, {names[1]}, ..., {names[-1]} ({len(names)} files)"]
    return ", ".join(names[:-1]) + (" and " if len(names) > 1 else "") + names[-1]


def look_groups() -> Groups:
    """The options of `look`."""
    from convscope.kinds.registry import kinds

    own = ", ".join(name for kind in kinds() for name in kind.inspections)
    method, *others = LOOK_OPTIONS
    return (
        OptionGroup("Options", (replace(method, help=method.help.format(own=own)), *others)),
        OptionGroup("What is shown", SHOWN_OPTIONS),
        OptionGroup("Options of attribution methods", METHOD_OPTIONS),
        OptionGroup(READING, reader_options()),
        OptionGroup("Model", (INPUT_SHAPE, CLASS_NAMES, TRUST, CODE)),
    )


def look(model: str, /, *inputs: str, out: Path | None = None, given: object = None) -> None:
    """Draw feature maps, kernels or attributions of MODEL for inputs.

    Parameters
    ----------
    model:
        A .keras file, a run, an architecture, or module:function that returns a model
    inputs:
        Files, folders or patterns, or .npy and .npz arrays; not needed for kernels
    out:
        File to write: .png, .svg, .pdf, .html, or .npz and .json for the values
    """
    from convscope import api
    from convscope.cli.results import print_colored
    from convscope.files import free_path
    from convscope.workflows.inspect.checks import KERNELS, check_ending, no_input

    options = checked_values(given, look_groups(), "look")
    theme, layers = options.pop("theme", THEME.default), options.pop("layer", ())
    samples = options.pop("sample", ())
    check_model(model)
    check_named_layers(model, layers)
    check_inputs(inputs)
    method = options.get("method", "maps")
    if not inputs and method != KERNELS:
        raise no_input(method)
    if out is not None:
        check_ending(out)
    start_backend()
    with ProgressBar() as bar:
        inspection = api.look(
            model, list(inputs) or None, samples=samples, layers=layers, progress=bar, **options
        )
    for note in inspection.notes:
        say(note)
    print_colored(inspection)
    name = f"{inspection.model}-{method}.png"
    written = inspection.save(out or free_path(Path(name)), theme)
    say(f"Wrote {_named(written)}.")
