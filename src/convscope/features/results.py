"""How results about features become files: the ending says whether a picture, a page or numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convscope.errors import UsageError
from convscope.files import write_json, written_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURES = (".png", ".svg", ".pdf")
PAGE = ".html"
TABLE = ".csv"
NUMBERS = ".json"
ENDINGS = (*PICTURES, PAGE, TABLE, NUMBERS)


def check_result_ending(path: Path) -> None:
    """Refuses, before anything is computed, a file name whose ending says nothing.

    Raises:
        UsageError: It is none of `ENDINGS`.
    """
    if path.suffix.lower() not in ENDINGS:
        raise UsageError(
            f"Nothing can be written to '{path.name}'.", f"The name must end in {', '.join(ENDINGS)}."
        )


def write_result(
    path: Path,
    draw: Callable[[str], Figure],
    theme: str,
    title: str,
    heading: str,
    notes: Sequence[str],
    to_json: Callable[[], Any],
    to_csv: Callable[[], str],
    *,
    table_too: bool,
) -> list[Path]:
    """Writes a result.

    Args:
        path: Its ending says how.
        draw: Gets `light` or `dark` and draws the picture.
        theme: Of a picture; a page has both.
        title: Of a page.
        heading: Above the picture on a page.
        notes: Its lead.
        to_json: Gives plain values.
        to_csv: Gives the table as text.
        table_too: Whether a picture or page comes with the table beside it.

    Returns:
        What was written.

    Raises:
        UsageError: An ending that is not known.
    """
    check_result_ending(path)
    suffix = path.suffix.lower()
    if suffix == NUMBERS:
        write_json(path, to_json())
        return [path]
    if suffix == TABLE:
        return [_write_text(path, to_csv())]
    if suffix == PAGE:
        from convscope.lenses.pages import Picture, Section, write_page

        write_page(path, title, [Section(heading, (), (Picture(draw, title),))], lead="; ".join(notes))
    else:
        from convscope.lenses.picture_files import save_figure

        save_figure(draw(theme), path)
    return [path, _write_text(path.with_suffix(TABLE), to_csv())] if table_too else [path]


def _write_text(path: Path, text: str) -> Path:
    with written_whole(path) as part:
        part.write_text(text, "utf-8")
    return path
