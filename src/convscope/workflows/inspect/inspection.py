"""What the inspection of a model gave: figures, and the arrays behind them."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from convscope.files import written_whole
from convscope.lenses.pages.pages import LazyFigure, Section, write_page
from convscope.lenses.sheet.figure_files import figure_bytes, save_arrays, save_figure
from convscope.workflows.inspect.checks import NUMBERS, PAGES, check_ending
from convscope.workflows.load_model import LoadedModel


@dataclass(frozen=True, eq=False)
class Inspection:
    """Figures of a model and the arrays that they show; a notebook shows it as it is.

    Args:
        model: Name of the model.
        method: By which it was inspected.
        title: In words.
        pictures: One per input or layer, drawn when they are needed.
        arrays: The values, by name.
        about: What belongs to them: choices, layers, predictions; plain values.
        notes: What was decided, one line each.
    """

    model: str
    method: str
    title: str
    pictures: tuple[LazyFigure, ...]
    arrays: Mapping[str, np.ndarray]
    about: Mapping[str, Any]
    notes: tuple[str, ...]

    def figures(self, theme: str = "light") -> list[Figure]:
        """As Matplotlib figures.

        Args:
            theme: `light` or `dark`.
        """
        return [picture.draw(theme) for picture in self.pictures]

    def save(self, path: str | Path, theme: str = "light") -> list[Path]:
        """Writes everything to a file whose ending says how.

        Args:
            path: `.png`, `.svg`, `.pdf`: a file per figure, from the second on with a number, and beside it
                an `.apng` for each film; `.html`: one page with all of them that needs nothing else; `.npz`,
                `.json`: the arrays.
            theme: Of figures, `light` or `dark`; a page has both.

        Returns:
            What was written.

        Raises:
            UsageError: Another ending.
        """
        path = Path(path)
        check_ending(path)
        suffix = path.suffix.lower()
        if suffix in NUMBERS:
            return [save_arrays(path, self.arrays, self.about)]
        if suffix in PAGES:
            heading = [picture.label[:1].upper() + picture.label[1:] for picture in self.pictures]
            sections = [
                Section(said, (), (picture,)) for said, picture in zip(heading, self.pictures, strict=True)
            ]
            return [write_page(path, self.title, sections, lead="; ".join(self.notes))]
        written = []
        for number, picture in enumerate(self.pictures, 1):
            name = path if number == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")
            written.append(save_figure(picture.draw(theme), name))
            written += _save_films(name, {} if picture.films is None else picture.films(theme))
        return written

    def _repr_html_(self) -> str:
        shown = []
        for picture in self.pictures:
            data = base64.b64encode(figure_bytes(picture.draw("light"), "png")).decode("ascii")
            address = f"data:image/png;base64,{data}"
            shown.append(f'<img style="max-width:100%" alt="{escape(picture.label)}" src="{address}">')
        return "\n".join(shown)


def _save_films(path: Path, films: Mapping[str, bytes]) -> list[Path]:
    """Writes what moves beside a figure: animated PNG files with the name of the figure and their own."""
    written = []
    for name, content in films.items():
        place = path.with_name(f"{path.stem}-{name}.apng")
        with written_whole(place) as part:
            part.write_bytes(content)
        written.append(place)
    return written


def inspection_of(
    loaded: LoadedModel,
    method: str,
    title: str,
    pictures: list[LazyFigure],
    arrays: Mapping[str, np.ndarray],
    about: Mapping[str, Any],
    notes: Sequence[str],
) -> Inspection:
    """An inspection, with the model's name and origin among what belongs to the arrays."""
    whole = {"model": loaded.name, "origin": loaded.origin, "method": method, "notes": list(notes), **about}
    return Inspection(loaded.name, method, title, tuple(pictures), dict(arrays), whole, tuple(notes))
