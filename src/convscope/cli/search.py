"""The command that searches: architectures, options and settings, tried on the validation split."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convscope.cli.arguments import check_data
from convscope.cli.console import ProgressBar, heeded_interrupts, say, start_backend
from convscope.cli.options import Groups, OptionGroup, recipe_options, values_of
from convscope.engine.training.settings import FIT_OPTIONS
from convscope.errors import UsageError
from convscope.option import Option
from convscope.workflows.search.request import SEARCH_OPTIONS

if TYPE_CHECKING:
    from convscope.workflows.search.results import SearchResult
    from convscope.workflows.start import Watching

CHOICES = (
    Option("recipe", str, None, "Recipe; detected from the data by default", common=True),
    Option("architecture", str, None, "Only architecture that is tried; all by default", common=True),
)


def search_groups() -> Groups:
    """The options of `search`."""
    return (
        OptionGroup("Options", SEARCH_OPTIONS),
        OptionGroup("Options", CHOICES, fixed=False),
        OptionGroup("Settings that all trials share", FIT_OPTIONS, show_all=False, fixed=False),
        OptionGroup(
            "Options of recipes that all trials share", recipe_options(), show_all=False, fixed=False
        ),
    )


def search(
    path: Path | None = None,
    /,
    *,
    out: Path | None = None,
    resume: Path | None = None,
    dry_run: bool = False,
    given: object = None,
) -> None:
    """Try architectures, options and settings on the data at PATH, and keep the best as a run.

    Parameters
    ----------
    path:
        File or folder with the data
    out:
        Folder to create; runs/DATE-NAME-search by default
    resume:
        Interrupted search to continue; takes no other options
    dry_run:
        Read the data, print what would be tried, and stop
    """
    values = values_of(given)
    if resume is not None:
        if out is not None or dry_run or values:
            raise UsageError("--resume takes no other options.", "Leave them out, or start a new search.")
        _continue(resume, path)
        return
    if path is None:
        raise UsageError("No data was given.", "Give a path, such as: convscope search photos/")
    _begin(path, out, values, dry_run)


def _begin(path: Path, out: Path | None, values: Mapping[str, Any], dry_run: bool) -> None:
    """Searches in a new folder, or says what would be tried."""
    from convscope.workflows.search.request import default_search_folder, search_requested

    chosen = {name: values[name] for name in ("recipe", "architecture") if name in values}
    others = {name: value for name, value in values.items() if name not in chosen}
    asked = search_requested(path, others, out=out, **chosen)
    folder = out or default_search_folder(path)
    with _told_how_to_continue(folder), _watching() as watching:
        from convscope.workflows.search.search import carry_out_search, preview_search

        if dry_run:
            preview_search(asked, watching.progress, say)
            return
        found = carry_out_search(asked, folder, watching)
    _print(found)


def _continue(folder: Path, path: Path | None) -> None:
    """Goes on with a search."""
    if path is not None:
        check_data(path)
    with _told_how_to_continue(folder), _watching() as watching:
        from convscope.workflows.search.search import resume_search

        found = resume_search(folder, path, watching)
    _print(found)


@contextmanager
def _watching() -> Iterator[Watching]:
    """Starts the backend, and draws progress in a terminal."""
    from convscope.workflows.start import Watching

    start_backend()
    with ProgressBar() as bar, heeded_interrupts(bar) as progress:
        yield Watching((), progress, say)


@contextmanager
def _told_how_to_continue(folder: Path) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        if (folder / "search.json").exists():
            say(
                f"Interrupted; {folder / 'trials.csv'} has the trials so far. To continue:"
                f" convscope search --resume {folder}"
            )
        raise


def _print(found: SearchResult) -> None:
    from convscope.cli.results import print_search

    print_search(found)
    say(f"Saved the search to {found.folder}; look at {found.folder / 'importance.png'}.")
    say(f"Saved its run to {found.run.folder}; open {found.run.report_path} in a browser.")
