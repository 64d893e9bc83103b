"""A search from Python: as `convscope search`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convscope.backend import prepare_backend
from convscope.errors import UsageError
from convscope.types import Progress, Say, no_progress, printed, silent
from convscope.workflows.search.request import SearchRequest, default_search_folder, search_requested

if TYPE_CHECKING:
    from convscope.workflows.search.results import SearchResult

PathLike = str | os.PathLike[str]


def search(
    path: PathLike | None = None,
    *,
    recipe: str | None = None,
    architecture: str | None = None,
    out: PathLike | None = None,
    resume: PathLike | None = None,
    progress: Progress = no_progress,
    say: Say | None = None,
    verbose: int = 1,
    **settings: Any,
) -> SearchResult:
    """Tries architectures of a recipe, their options and settings, and keeps the best; see `docs/search.md`.

    Args:
        path: The data; may be left out with `resume`.
        recipe: Its name; by default the one that recognizes the data.
        architecture: The only one that is tried; by default all of the recipe.
        out: The folder to make; by default `runs/DATE-NAME-search`.
        resume: The folder of a search that was interrupted; all settings come from it.
        progress: Receives each step.
        say: Receives what is tried and how each trial ended, a line at a time; by default they are printed on
            standard error.
        verbose: 0 prints nothing.
        **settings: `trials`, `time` in seconds or as text such as "2h", `finalists`, `seeds` and `cluster`;
            and settings and options of `train`, which then are the same in all trials, such as `epochs`.

    Returns:
        The winner with its run, and all trials.

    Raises:
        DataError, UsageError: The data is malformed or cannot be searched on, or an argument cannot work.
        RunError, BackendError: As `train`; or the default cannot be trained, or no cluster answers.
    """
    told = say if say is not None else (printed if verbose else silent)
    if resume is not None and (settings or recipe or architecture or out):
        raise UsageError("--resume takes no other settings.", "Leave them out, or start a new search.")
    if resume is None and path is None:
        raise UsageError("No data was given.", "Give a path.")
    data = None if path is None else Path(path)
    if resume is not None or data is None:
        found = _resumed(Path(resume or ""), data, progress, told)
    else:
        target = None if out is None else Path(out)
        asked = search_requested(data, settings, recipe=recipe, architecture=architecture, out=target)
        found = _searched(asked, target or default_search_folder(data), progress, told)
    told(found.to_line())
    return found


def _searched(asked: SearchRequest, folder: Path, progress: Progress, say: Say) -> SearchResult:
    prepare_backend()
    from convscope.workflows.search.search import carry_out_search
    from convscope.workflows.start import Watching

    return carry_out_search(asked, folder, Watching((), progress, say))


def _resumed(folder: Path, path: Path | None, progress: Progress, say: Say) -> SearchResult:
    prepare_backend()
    from convscope.workflows.search.search import resume_search
    from convscope.workflows.start import Watching

    return resume_search(folder, path, Watching((), progress, say))
