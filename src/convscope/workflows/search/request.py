"""What a search is asked for, checked before Keras is imported."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convscope.errors import UsageError
from convscope.files import free_path
from convscope.option import Option, above, at_least, validated
from convscope.run import PLACE, default_folder

if TYPE_CHECKING:
    from convscope.workflows.start import Request

_UNITS = {"h": 3600.0, "min": 60.0, "m": 60.0, "s": 1.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(h|min|m|s)\s*")


def duration(text: str) -> float:
    """Seconds of a duration.

    Raises:
        ValueError: Other text.

    Example:
        >>> duration("2h"), duration("1h30m"), duration("90 s"), duration("20 min")
        (7200.0, 5400.0, 90.0, 1200.0)
    """
    if not re.fullmatch(f"(?:{_DURATION.pattern})+", text.strip()):
        raise ValueError("a duration such as 2h, 90m, 45s or 1h30m")
    return sum(float(number) * _UNITS[unit] for number, unit in _DURATION.findall(text))


TRIALS = Option("trials", int, 20, "Number of combinations that are tried", at_least(2), common=True)
SEARCH_OPTIONS = (
    TRIALS,
    Option(
        "time",
        float,
        None,
        "Time after which no further trial begins, such as 2h or 90m; 60% of it at most are for the trials,"
        " the rest is for repeats",
        above(0),
        common=True,
        parse=duration,
    ),
    Option(
        "cluster",
        str,
        None,
        "Ray cluster that runs the trials: its address, such as 10.0.0.1:6379, or local for this machine",
        common=True,
    ),
    Option("finalists", int, 3, "Number of the best trials that are repeated", at_least(1), common=True),
    Option(
        "seeds",
        int,
        3,
        "Number of further seeds with which the finalists and the default are trained",
        at_least(2),
        common=True,
    ),
)
NAMES = frozenset(option.name for option in SEARCH_OPTIONS)


@dataclass(frozen=True)
class SearchRequest:
    """A search that was asked for.

    Args:
        request: The training that is its default; what it fixes is the same in all trials.
        trials: How many combinations are tried.
        time: Seconds after which no further trial begins; None for any time.
        cluster: Where the trials run: the address of a Ray cluster, or `local`; None runs them in turn here.
        finalists: How many of the best are repeated, beside the default.
        seeds: With how many further seeds they are trained.
    """

    request: Request
    trials: int = 20
    time: float | None = None
    cluster: str | None = None
    finalists: int = 3
    seeds: int = 3

    @property
    def seed(self) -> int:
        """Of the division of the data, of what is drawn, and of the random numbers of each trial."""
        return int(self.request.settings.get("seed", 0))


def search_requested(
    path: Path,
    values: Mapping[str, Any],
    *,
    recipe: str | None = None,
    architecture: str | None = None,
    out: Path | None = None,
) -> SearchRequest:
    """Checks the arguments of a search without importing Keras.

    Args:
        path: The data.
        values: Of `SEARCH_OPTIONS`, and settings and options of the training that all trials have.
        recipe: Its name; by default the one that recognizes the data.
        architecture: The only one that is tried; by default all of the recipe.
        out: The folder that is to be made.

    Raises:
        UsageError, DataError, BackendError: As `requested`; or the recipe trains nothing.
    """
    from convscope.workflows.start import requested

    own = validated(SEARCH_OPTIONS, {name: values[name] for name in values if name in NAMES}, "search")
    others = {name: value for name, value in values.items() if name not in NAMES}
    request = requested(path, others, recipe=recipe, architecture=architecture, out=out)
    if request.spec.describes:
        raise UsageError(
            f"{request.spec.name} describes its data and trains nothing that could be searched for.",
            f"Describe it: convscope train {path}",
        )
    return SearchRequest(request, **own)


def default_search_folder(data: Path) -> Path:
    """The folder `runs/DATE-NAME-search` for data of that name, with a number where that is taken."""
    name = default_folder(data).name.removeprefix(f"{datetime.now(UTC).date().isoformat()}-")
    return free_path(PLACE / f"{datetime.now(UTC).date().isoformat()}-{name}-search")
