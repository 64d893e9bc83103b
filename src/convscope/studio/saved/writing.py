"""Writes the page of a selection to a folder."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from convscope.errors import UsageError
from convscope.files import written_whole
from convscope.studio.application import application
from convscope.studio.saved.asking import Asking
from convscope.studio.saved.page import saved_page
from convscope.studio.saved.selection import Selection
from convscope.studio.session import Session
from convscope.types import Progress, no_progress

FILE = "index.html"
T = TypeVar("T")


def write_page(session: Session, folder: Path, selection: str = "", progress: Progress = no_progress) -> Path:
    """Writes what is selected as one page.

    Args:
        session: What it is selected from.
        folder: Gets `index.html`.
        selection: The address of the page, or what stands in it behind `#`; what it leaves open is chosen.
        progress: Receives how much is done.

    Returns:
        The file.

    Raises:
        UsageError: There is no such model, sample or layer, or a file is where the folder is to be.
    """
    check_folder(folder)
    asking = Asking(application(session))
    page = _completed(lambda: saved_page(asking, Selection.of(selection), progress))
    with written_whole(folder / FILE) as part:
        part.write_text(page, encoding="utf-8")
    return folder / FILE


def check_folder(folder: Path) -> None:
    """Refuses a folder that is a file.

    Raises:
        UsageError: It is one.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file, expected a folder for the page.", "Choose another folder.")


def _completed(work: Callable[[], Coroutine[None, None, T]]) -> T:
    """The result of a coroutine, in a thread of its own: a notebook has an event loop already."""
    with ThreadPoolExecutor(1, "convscope-studio-saving") as executor:
        return executor.submit(lambda: asyncio.run(work())).result()
