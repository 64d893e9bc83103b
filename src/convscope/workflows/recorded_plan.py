"""What was decided when a run was begun, decided again by its record and the data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from convscope.data.folds import Fold
from convscope.errors import RunError
from convscope.json_values import from_json
from convscope.kinds.registry import find_recipe
from convscope.run import Run, data_of
from convscope.types import Progress
from convscope.workflows.training_plan import Plan, plan, setting_names


def recorded_plan(run: Run, path: Path | None, progress: Progress, machines: int = 1) -> Plan:
    """The plan of a training that goes on.

    Args:
        run: An unfinished one.
        path: Where its data is now; by default where it was.
        progress: Receives how many samples were read.
        machines: As `plan`.

    Raises:
        RunError: Its data is gone, or it has settings that are not known.
        DataError: The data is malformed by now.
    """
    record = run.record()
    unknown = sorted(set(record["settings"]) - setting_names())
    if unknown:
        raise RunError(
            f"{run.folder / 'run.json'} has the setting '{unknown[0]}', which this version does not know.",
            "Resume with the version of convscope that the run was started with.",
        )
    fold = record.get("fold")
    made = plan(
        find_recipe(record["recipe"]),
        path if path is not None else data_of(run),
        record["architecture"],
        record["options"],
        record["settings"],
        progress,
        fresh=False,
        fold=None if fold is None else from_json(Fold, fold, f"{run.folder / 'run.json'} to name its fold"),
        machines=machines,
    )
    return replace(made, decisions=tuple(record["decisions"]))
