"""What is known of a search before its first trial, and how its folder keeps that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict

from convscope.errors import DataError, RunError
from convscope.files import write_json
from convscope.json_values import Within, from_json, read_json
from convscope.kinds.registry import find_recipe
from convscope.run import FORMAT
from convscope.workflows.search.request import SearchRequest
from convscope.workflows.search.space import Space, Trial, draw_trials, find_spaces
from convscope.workflows.search.trials import (
    Shared,
    TrialRun,
)
from convscope.workflows.start import AskedTraining, Watching, asked_of, requested_again
from convscope.workflows.training_plan import Plan, describe, plan

SUMMARY = "search.json"
"""The file by which the folder of a search is known."""


class _Settings(TypedDict):
    """How is searched."""

    trials: Annotated[int, Within(2)]
    time: float | None
    cluster: str | None
    finalists: Annotated[int, Within(1)]
    seeds: Annotated[int, Within(2)]


class _Trial(TypedDict):
    """A trial that was drawn."""

    number: Annotated[int, Within(0)]
    architecture: str
    values: Mapping[str, Any]


class _Summary(TypedDict):
    """What `search.json` must say for a search to be resumed."""

    format: Literal[1]
    search: _Settings
    asked: AskedTraining
    fingerprint: str
    trials: tuple[_Trial, ...]


@dataclass(frozen=True, eq=False)
class SearchPlan:
    """What is known before the first trial."""

    asked: SearchRequest
    folder: Path
    shared: Shared
    default: Plan
    spaces: tuple[Space, ...]
    trials: tuple[Trial, ...]

    @property
    def jobs(self) -> list[TrialRun]:
        """A training for each trial."""
        return [
            TrialRun(each, self.asked.seed, self.folder / "trials" / f"{each.number:03d}")
            for each in self.trials
        ]

    def repeat(self, trial: Trial, number: int) -> TrialRun:
        """The training of a trial with another seed."""
        folder = self.folder / "repeats" / f"{trial.number:03d}-{number + 1}"
        return TrialRun(trial, (self.asked.seed + 1 + number) % 2**31, folder, compared=False)

    @property
    def falls(self) -> bool:
        """Whether lower values are better."""
        return self.default.recipe.objective.falls


def write_search(search: SearchPlan) -> None:
    """Writes `search.json`, from which a search is resumed."""
    asked = search.asked
    content = {
        "format": FORMAT,
        "search": {name: getattr(asked, name) for name in _Settings.__annotations__},
        "asked": asked_of(asked.request),
        "fingerprint": search.shared.whole.fingerprint,
        "trials": [asdict(each) for each in search.trials],
    }
    write_json(search.folder / SUMMARY, content)


def read_search(folder: Path, moved: Path | None) -> tuple[SearchRequest, str, tuple[Trial, ...]]:
    """What a search was asked for, the fingerprint of its data, and its trials.

    Raises:
        RunError: The folder is not that of a search, or its summary is damaged.
    """
    path, hint = folder / SUMMARY, "Start a new search."
    try:
        plain = read_json(path)
    except FileNotFoundError as error:
        raise RunError(
            f"{folder} is not a search: it has no {SUMMARY}.",
            "Give the folder that `convscope search` printed.",
        ) from error
    saved = from_json(_Summary, plain, f"{path} to describe a search", hint)
    request = requested_again(saved["asked"], moved, path, hint)
    trials = tuple(Trial(**each) for each in saved["trials"])
    return SearchRequest(request, **saved["search"]), saved["fingerprint"], trials


def prepared(
    asked: SearchRequest, folder: Path, watching: Watching, *, only_data: bool = False
) -> SearchPlan:
    """Reads the data, and says what may be tried.

    Args:
        asked: What is searched for.
        folder: Of the search.
        watching: Receives progress and messages.
        only_data: Whether no training follows.

    Raises:
        DataError, UsageError: The data is malformed, or trials cannot be compared on it.
    """
    request = asked.request
    recipe = find_recipe(request.spec.name)
    default = plan(
        recipe,
        request.path,
        request.architecture,
        request.options,
        request.settings,
        watching.progress,
        request.why,
    )
    splits = default.splits
    if not len(splits.validation) or splits.validation is splits.train:
        raise DataError(
            f"{request.path}: the validation split "
            + ("has no sample" if not len(splits.validation) else "is the train split, for want of samples")
            + ", so that trials cannot be compared.",
            "Add samples, or give a validation split in the data.",
        )
    describe(default, watching.say, only_data=only_data)
    spaces, left_out = find_spaces(request, default)
    trials = draw_trials(spaces, asked.trials, asked.seed)
    for line in (*left_out, *_lines(spaces)):
        watching.say(line)
    if len(trials) < asked.trials:
        watching.say(f"There are only {len(trials)} combinations.")
    watching.say(f"Comparing {len(trials)} trials by {recipe.objective.measure}")
    return SearchPlan(asked, folder, Shared(request, default.whole), default, spaces, trials)


def _lines(spaces: Sequence[Space]) -> Sequence[str]:
    return [
        line
        for space in spaces
        for line in (f"Tried of {space.architecture}:", *(f"  {each.to_line()}" for each in space.dimensions))
    ]
