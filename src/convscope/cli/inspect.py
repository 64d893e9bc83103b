"""The commands that open any model: explain and look."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Group, Parameter

from convscope.errors import UsageError

FORMAT = Parameter(name="--format")
MODEL = Group("Model", sort_key=2)
SEEN = Group("What is seen", sort_key=1)


def explain(
    model: str,
    /,
    *,
    data: Annotated[list[str] | None, Parameter(negative="")] = None,
    form: Annotated[Literal["text", "markdown", "html", "json"], FORMAT] = "text",
    out: Path | None = None,
    input_shape: Annotated[str | None, Parameter(group=MODEL)] = None,
    classes: Annotated[int | None, Parameter(group=MODEL)] = None,
    value_range: Annotated[
        Literal["auto", "0..1", "0..255", "-1..1"], Parameter(group=MODEL, allow_leading_hyphen=True)
    ] = "auto",
    trust: Annotated[bool, Parameter(group=MODEL, negative="")] = False,
    code: Annotated[list[str] | None, Parameter(group=MODEL, negative="")] = None,
) -> None:
    """Explain MODEL layer by layer: what each one does, why, and what a reviewer would remark.

    Parameters
    ----------
    model:
        A .keras file, a run, the name of an architecture, or module:function that returns a model.
    data:
        Pictures or arrays for it; finds kernels that never fire.
    form:
        Text for the terminal, Markdown, a page, or JSON for programs.
    out:
        The file to write; by default what is made is printed.
    input_shape:
        For an architecture, such as 48x48x1.
    classes:
        For an architecture, the number of classes.
    value_range:
        What pixels of the data become.
    trust:
        Open a file although it holds code (a Lambda layer) that runs then.
    code:
        A module to import first, which registers the model's own layers.
    """
    from convscope import api
    from convscope.cli.console import Bar, print_explanation, start_backend

    start_backend()
    with Bar() as bar:
        explanation = api.explain(
            model,
            data=data,
            trust=trust,
            code=code or (),
            input_shape=shape_of(input_shape) if input_shape else None,
            classes=classes,
            value_range=value_range,
            progress=bar,
        )
    print_explanation(explanation, form, out)


def look(
    model: str,
    /,
    *inputs: str,
    method: str = "maps",
    layer: Annotated[list[str] | None, Parameter(negative="")] = None,
    out: Path | None = None,
    theme: Literal["light", "dark"] = "light",
    channels: Annotated[int, Parameter(group=SEEN)] = 16,
    scale: Annotated[Literal["layer", "map"], Parameter(group=SEEN)] = "layer",
    compare: Annotated[bool, Parameter(group=SEEN, negative="")] = False,
    channel: Annotated[int | None, Parameter(group=SEEN)] = None,
    at: Annotated[str | None, Parameter(group=SEEN)] = None,
    target: Annotated[str | None, Parameter(group=SEEN)] = None,
    output: Annotated[str | None, Parameter(group=SEEN)] = None,
    excite: Annotated[int, Parameter(group=SEEN)] = 0,
    seed: Annotated[int, Parameter(group=SEEN)] = 0,
    value_range: Annotated[
        Literal["auto", "0..1", "0..255", "-1..1"], Parameter(group=MODEL, allow_leading_hyphen=True)
    ] = "auto",
    trust: Annotated[bool, Parameter(group=MODEL, negative="")] = False,
    code: Annotated[list[str] | None, Parameter(group=MODEL, negative="")] = None,
) -> None:
    """Draw what MODEL sees in inputs of your own.

    Parameters
    ----------
    model:
        A .keras file, a run, the name of an architecture, or module:function that returns a model.
    inputs:
        Files, folders or globs; .npy or .npz files for models of anything else. `kernels` needs none.
    method:
        maps, kernels, position, why, statistics, patches, attention; or grad-cam, grad-cam++, layer-cam,
        score-cam, saliency, smoothgrad, integrated-gradients, guided-backpropagation, occlusion, rise.
    layer:
        A layer's path, its name, or a pattern such as block*/conv*; by default early to late ones.
    out:
        .png, .svg or .pdf for pictures, .html for a page, .npz or .json for the numbers.
    theme:
        Of pictures.
    channels:
        How many channels of a layer, the strongest first.
    scale:
        One colour scale for a layer's maps, or one for each map.
    compare:
        Put several inputs side by side (maps).
    channel:
        Which map (position).
    at:
        Which position of it, such as 3,27 (position).
    target:
        Class name or number (why); by default the predicted one.
    output:
        Which of several outputs (why).
    excite:
        For how many kernels to find what excites them most (kernels).
    seed:
        For what is drawn at random.
    value_range:
        What pixels become, for a model that is no run.
    trust:
        Open a file although it holds code (a Lambda layer) that runs then.
    code:
        A module to import first, which registers the model's own layers.
    """
    from convscope import api
    from convscope.cli.console import Bar, print_coloured, say, start_backend
    from convscope.files import free_path

    start_backend()
    if out is not None:
        from convscope.workflows.inspect.inspection import check_ending

        check_ending(out)
    with Bar() as bar:
        seen = api.look(
            model,
            list(inputs) or None,
            method=method,
            layers=layer or (),
            channels=channels,
            scale=scale,
            compare=compare,
            channel=channel,
            at=_numbers(at) if at else None,
            target=target,
            output=output,
            excite=excite,
            value_range=value_range,
            trust=trust,
            code=code or (),
            seed=seed,
            progress=bar,
        )
    for note in seen.notes:
        say(note)
    print_coloured(seen)
    written = seen.save(out or free_path(Path(f"{seen.model}-{method}.png")), theme)
    more = f" and {len(written) - 1} more" if len(written) > 1 else ""
    say(f"Wrote {written[0]}{more}.")


def _numbers(text: str) -> tuple[int, ...]:
    parts = text.replace(" ", "").split(",")
    if not all(part.isdigit() for part in parts):
        raise UsageError(f"--at takes whole numbers such as 3,27. Received: {text}.")
    return tuple(int(part) for part in parts)


def shape_of(text: str) -> tuple[int, ...]:
    """Lengths from text such as 48x48x1.

    Raises:
        UsageError: It is no such text.
    """
    parts = text.lower().split("x")
    if not all(part.isdigit() and int(part) > 0 for part in parts):
        raise UsageError(f"--input-shape takes lengths such as 48x48x1. Received: {text}.")
    return tuple(int(part) for part in parts)
