"""How results about features become files: the ending says whether a picture, a page or numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from convscope.csv_text import csv_text
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
        raise UsageError(f"'{path.name}' has an unknown ending.", f"Use one of {', '.join(ENDINGS)}.")


class Result(ABC):
    """Something found about features, that can be drawn and written in numbers."""

    heading: ClassVar[str]
    """Above the picture on a page."""
    table_too: ClassVar[bool] = False
    """Whether a picture or page comes with the table beside it."""
    notes: tuple[str, ...]

    @property
    @abstractmethod
    def title(self) -> str:
        """In words."""

    @abstractmethod
    def draw(self, theme: str = "light") -> Figure:
        """The picture, in `light` or `dark`."""

    @abstractmethod
    def to_json(self) -> Any:
        """Plain values."""

    @abstractmethod
    def to_rows(self) -> Iterator[Sequence[object]]:
        """The table, its names first."""

    def to_csv(self, *, safe: bool = True) -> str:
        """The table as text.

        Args:
            safe: Whether strings that a spreadsheet would take for formulas get an apostrophe in front.
        """
        return csv_text(self.to_rows(), safe=safe)

    def save(self, path: str | Path, theme: str = "light", *, safe_csv: bool = True) -> list[Path]:
        """Writes a picture (`.png`, `.svg`, `.pdf`), a page (`.html`), or the numbers (`.csv`, `.json`).

        Args:
            path: Its ending says how.
            theme: Of a picture; a page has both.
            safe_csv: As `to_csv` takes `safe`.

        Returns:
            What was written.

        Raises:
            UsageError: Another ending.
        """
        path = Path(path)
        check_result_ending(path)
        suffix = path.suffix.lower()
        if suffix == NUMBERS:
            write_json(path, self.to_json())
            return [path]
        if suffix == TABLE:
            return [_write_text(path, self.to_csv(safe=safe_csv))]
        if suffix == PAGE:
            from convscope.lenses.pages.pages import LazyFigure, Section, write_page

            section = Section(self.heading, (), (LazyFigure(self.draw, self.title),))
            write_page(path, self.title, [section], lead="; ".join(self.notes))
        else:
            from convscope.lenses.sheet.figure_files import save_figure

            save_figure(self.draw(theme), path)
        if not self.table_too:
            return [path]
        return [path, _write_text(path.with_suffix(TABLE), self.to_csv(safe=safe_csv))]


def _write_text(path: Path, text: str) -> Path:
    with written_whole(path) as part:
        part.write_text(text, "utf-8")
    return path
