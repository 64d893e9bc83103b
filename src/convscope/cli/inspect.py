"""The commands that open any model: explain and look."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Group, Parameter

from convscope.cli.arguments import check_inputs, check_model, position_of, shape_of
from convscope.cli.console import ProgressBar, say, start_backend
from convscope.cli.options import Groups, checked_options, reader_options, values_of
from convscope.option import Counts, Option, above, at_least, whole_numbers, within

FORMAT = Parameter(name="--format")
MODEL = Group("Model", sort_key=20)
SHOWN = Group("What is shown", sort_key=1)
METHOD_OPTIONS = (
    Option(
        "steps", int, 64, "Number of interpolation steps (integrated-gradients)", at_least(1), common=True
    ),
    Option("draws", int, 32, "Number of noisy copies (smoothgrad)", at_least(1)),
    Option(
        "noise", float, 0.2, "Noise level, relative to the value range (smoothgrad)", above(0), common=True
    ),
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
    Option(
        "visible",
        float,
        0.5,
        "Share of the input that a mask leaves visible (rise)",
        within(0, 1),
    ),
)
"""What attribution methods take besides."""


def explain_groups() -> Groups:
    """The options of `explain`, by title."""
    return (("Reading files, for a model that is not a run", reader_options(), True),)


def explain(
    model: str,
    /,
    *,
    data: list[str] | None = None,
    form: Annotated[Literal["text", "markdown", "html", "json"], FORMAT] = "text",
    out: Path | None = None,
    input_shape: Annotated[str | None, Parameter(group=MODEL)] = None,
    classes: Annotated[int | None, Parameter(group=MODEL)] = None,
    trust: Annotated[bool, Parameter(group=MODEL)] = False,
    code: Annotated[list[str] | None, Parameter(group=MODEL)] = None,
    given: object = None,
) -> None:
    """Explain MODEL layer by layer, with shapes, costs and remarks of a review.

    Parameters
    ----------
    model:
        A .keras file, a run, an architecture, or module:function that returns a model
    data:
        Files or arrays for the model; finds kernels that never activate
    form:
        Output format
    out:
        File to write; standard output by default
    input_shape:
        Input shape of an architecture, such as 48x48x1
    classes:
        Number of classes of an architecture
    trust:
        Open a file that contains code (a Lambda layer), which runs when it is opened
    code:
        Module to import first, which registers custom layers
    """
    from convscope import api
    from convscope.cli.results import print_explanation

    check_model(model)
    check_inputs(data or ())
    shape = shape_of(input_shape) if input_shape else None
    options = checked_options(reader_options(), values_of(given), "explain")
    start_backend()
    with ProgressBar() as bar:
        explanation = api.explain(
            model,
            data=data,
            trust=trust,
            code=code or (),
            input_shape=shape,
            classes=classes,
            progress=bar,
            **options,
        )
    print_explanation(explanation, form, out)


def look_groups() -> Groups:
    """The options of `look`, by title."""
    return (("Options of attribution methods", METHOD_OPTIONS, True), *explain_groups())


def look(
    model: str,
    /,
    *inputs: str,
    method: str = "maps",
    layer: list[str] | None = None,
    out: Path | None = None,
    theme: Literal["light", "dark"] = "light",
    channels: Annotated[int, Parameter(group=SHOWN)] = 16,
    scale: Annotated[Literal["layer", "map"], Parameter(group=SHOWN)] = "layer",
    compare: Annotated[bool, Parameter(group=SHOWN)] = False,
    channel: Annotated[int | None, Parameter(group=SHOWN)] = None,
    at: Annotated[str | None, Parameter(group=SHOWN)] = None,
    target: Annotated[str | None, Parameter(group=SHOWN)] = None,
    output: Annotated[str | None, Parameter(group=SHOWN)] = None,
    excite: Annotated[int, Parameter(group=SHOWN)] = 0,
    seed: Annotated[int, Parameter(group=SHOWN)] = 0,
    trust: Annotated[bool, Parameter(group=MODEL)] = False,
    code: Annotated[list[str] | None, Parameter(group=MODEL)] = None,
    given: object = None,
) -> None:
    """Draw feature maps, kernels or attributions of MODEL for inputs.

    Parameters
    ----------
    model:
        A .keras file, a run, an architecture, or module:function that returns a model
    inputs:
        Files, folders or patterns, or .npy and .npz arrays; not needed for kernels
    method:
        maps, kernels, position, attribution, statistics, patches, attention, or an attribution method:
        grad-cam, grad-cam++, layer-cam, score-cam, saliency, smoothgrad, integrated-gradients,
        guided-backpropagation, occlusion, rise
    layer:
        Layer path, name or pattern such as block*/conv*; layers of all depths by default
    out:
        File to write: .png, .svg, .pdf, .html, or .npz and .json for the values
    theme:
        Theme of figures
    channels:
        Number of channels per layer, the strongest first
    scale:
        One color scale per layer, or per map
    compare:
        Draw several inputs side by side (maps)
    channel:
        Channel (position)
    at:
        Position in the map, such as 3,27 (position)
    target:
        Class name or index (attribution); the predicted class by default
    output:
        Output of a model with several (attribution)
    excite:
        Number of kernels to compute a maximally activating input for (kernels)
    seed:
        Seed of random numbers
    trust:
        Open a file that contains code (a Lambda layer), which runs when it is opened
    code:
        Module to import first, which registers custom layers
    """
    from convscope import api
    from convscope.cli.results import print_colored
    from convscope.files import free_path

    check_model(model)
    check_inputs(inputs)
    options = checked_options((*METHOD_OPTIONS, *reader_options()), values_of(given), "look")
    position = position_of(at) if at else None
    start_backend()
    if out is not None:
        from convscope.workflows.inspect.inspection import check_ending

        check_ending(out)
    with ProgressBar() as bar:
        inspection = api.look(
            model,
            list(inputs) or None,
            method=method,
            layers=layer or (),
            channels=channels,
            scale=scale,
            compare=compare,
            channel=channel,
            at=position,
            target=target,
            output=output,
            excite=excite,
            trust=trust,
            code=code or (),
            seed=seed,
            progress=bar,
            **options,
        )
    for note in inspection.notes:
        say(note)
    print_colored(inspection)
    written = inspection.save(out or free_path(Path(f"{inspection.model}-{method}.png")), theme)
    more = f" and {len(written) - 1} more" if len(written) > 1 else ""
    say(f"Wrote {written[0]}{more}.")
