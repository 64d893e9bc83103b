"""The command that says what a training would make of a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from convscope.cli.console import STDOUT, ProgressBar, harmless, print_json, start_backend
from convscope.cli.options import values_of
from convscope.types import silent

FORMAT = Parameter(name="--format")


def inspect_data(
    path: Path, /, *, form: Annotated[Literal["text", "json"], FORMAT] = "text", given: object = None
) -> None:
    """Read the data at PATH as `train` does, print what was recognized, decided and left out, and stop.

    Parameters
    ----------
    path:
        File or folder with the data
    form:
        Output format; json lists everything that was left out
    """
    from convscope.workflows.inspect_data import inspect_request
    from convscope.workflows.start import requested

    values = values_of(given)
    chosen = {name: values.pop(name) for name in ("recipe", "architecture") if name in values}
    request = requested(path, values, **chosen)
    start_backend()
    with ProgressBar() as bar:
        report = inspect_request(request, bar, _print if form == "text" else silent)
    if form == "json":
        print_json(report.to_json())


def _print(line: str) -> None:
    STDOUT.print(harmless(line), markup=False, soft_wrap=True)
